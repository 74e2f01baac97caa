//! The thread that owns the database: gathers what waits, commits it as one group, then answers the barriers.

use std::path::PathBuf;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::batch::Batch;
use super::read::{self, Remembered};
use super::store::{Accounts, Latest};
use super::trim::Trimmer;
use super::{JournalError, Saved, schema, store};
use crate::domain::LinkId;

/// Commands taken into one commit.
const GROUP: usize = 512;
/// Batches kept in memory while the disk refuses them.
const KEPT: usize = 10_000;

/// What the thread is asked.
pub(super) enum Command {
    /// Write, some time.
    Append(Batch),
    /// Answer when everything before is synced.
    Barrier(oneshot::Sender<Result<Saved, JournalError>>),
    /// Read back.
    Load(LinkId, oneshot::Sender<Result<Remembered, JournalError>>),
}

/// The thread's state.
pub(super) struct Writer {
    path: PathBuf,
    connection: Connection,
    commands: mpsc::Receiver<Command>,
    accounts: Accounts,
    pending: Vec<Batch>,
    dropped: usize,
    notice: Option<String>,
    trimmer: Trimmer,
    /// The newest moment at which something was learned, in nanoseconds since 1970.
    now: i64,
}

impl Writer {
    pub(super) fn new(path: PathBuf, connection: Connection, commands: mpsc::Receiver<Command>) -> Self {
        Self {
            path,
            connection,
            commands,
            accounts: Accounts::default(),
            pending: Vec::new(),
            dropped: 0,
            notice: None,
            trimmer: Trimmer::default(),
            now: 0,
        }
    }

    /// Runs until every handle is gone and everything sent is written.
    pub(super) fn run(mut self) {
        while let Some(first) = self.commands.blocking_recv() {
            let mut group = vec![first];
            while group.len() < GROUP
                && let Ok(next) = self.commands.try_recv()
            {
                group.push(next);
            }
            self.serve(group);
        }
        if let Err(error) = self.commit() {
            tracing::error!("{error}");
        }
    }

    fn serve(&mut self, group: Vec<Command>) {
        let (mut barriers, mut loads) = (Vec::new(), Vec::new());
        for command in group {
            match command {
                Command::Append(batch) => self.keep(batch),
                Command::Barrier(reply) => barriers.push(reply),
                Command::Load(link, reply) => loads.push((link, reply)),
            }
        }
        let result = self.commit();
        if let Err(error) = &result {
            tracing::warn!("{error}");
        }
        for reply in barriers {
            let saved = result.clone().map(|()| Saved { notice: self.notice.take() });
            // Whoever asked may have gone; the records are written all the same.
            drop(reply.send(saved));
        }
        for (link, reply) in loads {
            let remembered = self.load(&link);
            drop(reply.send(remembered));
        }
        if self.commands.is_empty()
            && let Err(error) = self.trimmer.slice(&self.connection, self.now)
        {
            // Damage shows at the next commit or load, which deal with it.
            tracing::warn!("old rows of the journal could not be removed: {error}");
        }
    }

    fn keep(&mut self, batch: Batch) {
        self.now = self.now.max(store::nanos(batch.learned_at));
        if self.pending.len() >= KEPT {
            self.dropped += 1;
        } else {
            self.pending.push(batch);
        }
    }

    fn commit(&mut self) -> Result<(), JournalError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut result = self.write();
        if let Err(error) = &result
            && schema::is_damage(error)
        {
            self.begin_anew(&error.to_string())?;
            result = self.write();
        }
        if let Err(error) = result {
            self.accounts.clear();
            return Err(JournalError::NotSaved { waiting: self.pending.len(), reason: error.to_string() });
        }
        self.pending.clear();
        if self.dropped > 0 {
            let dropped = std::mem::take(&mut self.dropped);
            self.notice = Some(format!("the journal misses {dropped} batches that came while it could not be written"));
        }
        Ok(())
    }

    fn write(&mut self) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut latest = Latest::of(&self.pending);
        for batch in &self.pending {
            store::write(&transaction, &mut self.accounts, batch, &mut latest)?;
        }
        transaction.commit()
    }

    fn load(&mut self, link: &LinkId) -> Result<Remembered, JournalError> {
        match read::remembered(&self.connection, link) {
            Ok(mut found) => {
                found.notice = self.notice.take();
                Ok(found)
            }
            Err(error) if schema::is_damage(&error) => {
                self.begin_anew(&error.to_string())?;
                Ok(Remembered { notice: self.notice.take(), ..Remembered::default() })
            }
            Err(error) => Err(schema::unusable(&self.path, error.to_string())),
        }
    }

    /// Sets the damaged file aside and goes on in a new one.
    fn begin_anew(&mut self, reason: &str) -> Result<(), JournalError> {
        self.accounts.clear();
        // The old connection must let go of the file before its name is given to another.
        let nowhere = Connection::open_in_memory().map_err(|error| schema::unusable(&self.path, error.to_string()))?;
        drop(std::mem::replace(&mut self.connection, nowhere));
        let kept = schema::set_aside(&self.path)?;
        self.connection = schema::open(&self.path)?.connection;
        let (path, kept) = (self.path.display(), kept.display());
        self.notice = Some(format!("{path} is damaged ({reason}); it was kept as {kept} and a new one begun"));
        Ok(())
    }
}
