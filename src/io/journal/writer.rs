//! The thread that owns the database: gathers what waits, commits it as one group, then answers the barriers.
//!
//! What cannot be written is kept and tried again by itself, so that it is on disk soon after whatever was in the way has
//! gone: another program's lock, a full disk, a file that could not be opened yet.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::TransactionBehavior;
use tokio::sync::oneshot;

use super::batch::Batch;
use super::progress::Shared;
use super::read::{self, Place, Remembered};
use super::schema::{self, Usable};
use super::share::OwnRows;
use super::store::{self, Accounts, Latest, Own};
use super::trim::Trimmer;
use super::{JournalError, Saved};
use crate::domain::{LinkId, Mono};
use crate::io::clock::Clock;

/// Commands taken into one commit.
const GROUP: usize = 512;
/// The pauses between attempts to write what could not be written.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Attempts after the last handle is gone; each waits for a lock as long as the database does.
const LAST_TRIES: u32 = 10;

/// What the thread is asked.
pub(super) enum Command {
    /// Write, some time.
    Append(Batch),
    /// Answer when everything before is synced.
    Barrier(oneshot::Sender<Result<Saved, JournalError>>),
    /// Read back.
    Load(LinkId, oneshot::Sender<Result<Remembered, JournalError>>),
    /// What was read is what the caller goes on from: these rows are its own now.
    Adopt(LinkId, Place, OwnRows),
}

/// Why a commit failed.
enum Failure {
    /// As the database says.
    Database(rusqlite::Error),
    /// There is no file to write to at the moment, or not for this version.
    Journal(JournalError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

/// How the file is opened.
pub(super) type Opener = Box<dyn Fn(&Path) -> Result<Usable, JournalError> + Send>;

/// The thread's state.
pub(super) struct Writer {
    path: PathBuf,
    opener: Opener,
    /// None while the file cannot be opened.
    pub(super) open: Option<Usable>,
    commands: Receiver<Command>,
    shared: Arc<Shared>,
    clock: Clock,
    accounts: Accounts,
    own: Own,
    pending: Vec<Batch>,
    /// Nothing is tried before this; the pause that led there.
    retry: Option<(Mono, Duration)>,
    trimmer: Trimmer,
    /// The file was removed or replaced, and no other is open yet.
    lost: bool,
}

impl Writer {
    pub(super) fn new(
        path: PathBuf,
        opener: Opener,
        open: Option<Usable>,
        commands: Receiver<Command>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            path,
            opener,
            open,
            commands,
            shared,
            clock: Clock::new(),
            accounts: Accounts::default(),
            own: Own::default(),
            pending: Vec::new(),
            retry: None,
            trimmer: Trimmer::default(),
            lost: false,
        }
    }

    /// Runs until every handle is gone and everything sent is written, or cannot be.
    pub(super) fn run(mut self) {
        loop {
            let first = match self.retry {
                None => self.commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some((at, _)) => self.commands.recv_timeout(at.since(self.clock.now().mono)),
            };
            let mut group = match first {
                Ok(first) => vec![first],
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            while group.len() < GROUP
                && let Ok(next) = self.commands.try_recv()
            {
                group.push(next);
            }
            self.serve(group);
        }
        for _ in 0..LAST_TRIES {
            match self.commit() {
                Ok(()) => break,
                Err(error) => tracing::error!("{error}"),
            }
        }
    }

    pub(super) fn serve(&mut self, group: Vec<Command>) {
        let (mut barriers, mut loads) = (Vec::new(), Vec::new());
        for command in group {
            match command {
                Command::Append(batch) => self.pending.push(batch),
                Command::Barrier(reply) => barriers.push(reply),
                Command::Load(link, reply) => loads.push((link, reply)),
                Command::Adopt(link, place, own) => {
                    self.accounts.restored(&link, &place);
                    self.own.insert(link, own);
                }
            }
        }
        let asked = !barriers.is_empty() || !loads.is_empty();
        if !asked && self.retry.is_some_and(|(at, _)| self.clock.now().mono < at) {
            return;
        }
        let result = self.commit();
        for reply in barriers {
            let saved = result.clone().map(|()| Saved { notice: self.shared.take_notice() });
            // Whoever asked may have gone; the records are written all the same.
            drop(reply.send(saved));
        }
        for (link, reply) in loads {
            // Read before it is written, it would lack what is known already.
            let remembered = result.clone().and_then(|()| self.load(&link));
            drop(reply.send(remembered));
        }
        if self.commands_wait() {
            return;
        }
        if let Some(Usable { connection, .. }) = &self.open
            && let Err(error) = self.trimmer.slice(connection)
        {
            // Damage shows at the next commit or load, which deal with it.
            tracing::warn!("old rows of the journal could not be removed: {error}");
        }
    }

    /// True when a group follows at once: it must not wait for what can be done later.
    fn commands_wait(&self) -> bool {
        self.shared.waiting() > 0
    }

    fn commit(&mut self) -> Result<(), JournalError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let mut result = self.write();
        self.own.values_mut().for_each(|own| own.end(result.is_ok()));
        if let Err(Failure::Database(error)) = &result
            && schema::is_damage(error)
        {
            let reason = error.to_string();
            result = self.begin_anew(&reason).map_err(Failure::Journal).and_then(|()| self.write());
            self.own.values_mut().for_each(|own| own.end(result.is_ok()));
        }
        match result {
            Ok(()) => {
                let records = self.pending.iter().map(|batch| batch.records.len()).sum();
                for batch in &self.pending {
                    self.trimmer.learned(batch);
                }
                self.shared.saved(self.pending.len(), records);
                self.pending.clear();
                self.retry = None;
                Ok(())
            }
            Err(failure) => Err(self.failed(failure)),
        }
    }

    fn failed(&mut self, failure: Failure) -> JournalError {
        let pause = self.retry.map_or(FIRST_PAUSE, |(_, pause)| (pause * 2).min(LONGEST_PAUSE));
        if self.retry.is_none() {
            tracing::warn!("the journal cannot be written: {}", reason(&failure));
        }
        self.retry = Some((self.clock.now().mono + pause, pause));
        let reason = reason(&failure);
        self.shared.failed(&reason);
        match failure {
            Failure::Journal(error @ JournalError::Newer { .. }) => error,
            _ => JournalError::NotSaved { waiting: self.pending.len(), reason },
        }
    }

    fn write(&mut self) -> Result<(), Failure> {
        self.reopen().map_err(Failure::Journal)?;
        let Some(open) = &mut self.open else { return Ok(()) };
        let transaction = open.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // A newer version may have changed what the rows mean since the file was opened.
        if let Some(version) = schema::newer_version(&transaction)? {
            let path = self.path.display().to_string();
            return Err(Failure::Journal(JournalError::Newer { path, version }));
        }
        // What was looked up in a transaction is true when it lasts.
        let mut accounts = self.accounts.clone();
        accounts.begin(&transaction)?;
        let mut latest = Latest::of(&self.pending);
        for batch in &self.pending {
            store::write(&transaction, &mut accounts, &mut self.own, batch, &mut latest)?;
            self.shared.step();
        }
        transaction.commit()?;
        self.accounts = accounts;
        Ok(())
    }

    /// Opens the file if that was not possible before, or if it is not there any more.
    fn reopen(&mut self) -> Result<(), JournalError> {
        self.let_go();
        if self.open.is_some() {
            return Ok(());
        }
        if self.lost {
            schema::clear_the_place(&self.path)?;
        }
        let opened = (self.opener)(&self.path)?;
        if std::mem::take(&mut self.lost) {
            self.shared.notice(format!(
                "{} was removed or replaced while in use; what this program knows is written to the file that is \
                    there now",
                self.path.display()
            ));
            self.shared.begun();
        }
        if let Some(notice) = opened.notice.clone() {
            self.shared.notice(notice);
        }
        self.open = Some(opened);
        Ok(())
    }

    /// Closes a file that its name does not lead to any more: what is written into it, nobody finds again.
    fn let_go(&mut self) {
        if let Some(open) = &self.open
            && !schema::still_stands(&self.path, open.identity)
        {
            // The database leaves the log alone when its file was moved: that may be another instance's by now.
            self.open = None;
            (self.accounts, self.own) = (Accounts::default(), Own::default());
            self.lost = true;
        }
    }

    fn load(&mut self, link: &LinkId) -> Result<Remembered, JournalError> {
        self.reopen()?;
        let Some(open) = &self.open else { return Err(JournalError::Ended) };
        let began = self.accounts.begin(&open.connection);
        match began.and_then(|()| read::remembered(&open.connection, link)) {
            Ok(mut found) => {
                found.notice = self.shared.take_notice();
                Ok(found)
            }
            Err(error) if schema::is_damage(&error) => {
                self.begin_anew(&error.to_string())?;
                Ok(Remembered { notice: self.shared.take_notice(), ..Remembered::default() })
            }
            Err(error) => Err(schema::unusable(&self.path, error.to_string())),
        }
    }

    /// Sets the damaged file aside and goes on in a new one.
    fn begin_anew(&mut self, reason: &str) -> Result<(), JournalError> {
        (self.accounts, self.own) = (Accounts::default(), Own::default());
        // The old connection must let go of the file before its name is given to another.
        let Some(Usable { connection, identity, .. }) = self.open.take() else { return Ok(()) };
        drop(connection);
        let opened = schema::replace_damaged(&self.path, identity, reason)?;
        self.shared.begun();
        if let Some(notice) = opened.notice.clone() {
            self.shared.notice(notice);
        }
        self.open = Some(opened);
        Ok(())
    }
}

fn reason(failure: &Failure) -> String {
    match failure {
        Failure::Database(error) => schema::words(error),
        Failure::Journal(JournalError::Unusable { reason, .. } | JournalError::NotNow { reason, .. }) => reason.clone(),
        Failure::Journal(error) => error.to_string(),
    }
}
