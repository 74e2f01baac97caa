//! The thread that owns the database: collects waiting batches, commits them as one group, then answers the barriers.
//!
//! What cannot be written is kept and retried, so that it is on disk soon after the fault is over: another program's
//! lock, a full disk, a file that could not be opened yet.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::TransactionBehavior;
use tokio::sync::oneshot;

use super::batch::Batch;
use super::progress::Shared;
use super::read::{self, LoadedState, Place};
use super::schema::{self, Usable};
use super::share::OwnRows;
use super::store::{self, Accounts, Latest, Own};
use super::trim::Trimmer;
use super::{JournalError, Saved};
use crate::domain::{LinkId, Mono};
use crate::io::clock::Clock;

/// Most commands in one commit.
const GROUP: usize = 512;
/// Pauses between write attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Attempts after the last handle is gone; each waits for a lock as long as the database does.
const LAST_TRIES: u32 = 10;

/// A command to the thread.
pub(super) enum Command {
    /// Write a batch, without a deadline.
    Append(Batch),
    /// Answer when everything before it is synced.
    Barrier(oneshot::Sender<Result<Saved, JournalError>>),
    /// Load a link's data.
    Load(LinkId, oneshot::Sender<Result<LoadedState, JournalError>>),
    /// The caller continues from the loaded data: its rows count as this instance's own.
    Adopt(LinkId, Place, OwnRows),
}

/// Why a commit failed.
enum Failure {
    /// A database error.
    Database(rusqlite::Error),
    /// There is no file to write to now, or none of this version.
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
    /// `None` while the file cannot be opened.
    pub(super) open: Option<Usable>,
    commands: Receiver<Command>,
    shared: Arc<Shared>,
    clock: Clock,
    accounts: Accounts,
    own: Own,
    pending: Vec<Batch>,
    /// No attempt before this time; and the pause that led to it.
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

    /// Runs until every handle is gone, and everything sent is written or cannot be.
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
            // The caller may be gone; the records are written anyway.
            drop(reply.send(saved));
        }
        for (link, reply) in loads {
            // Write first, or the loaded data would lack what is waiting.
            let remembered = result.clone().and_then(|()| self.load(&link));
            drop(reply.send(remembered));
        }
        if self.commands_wait() {
            return;
        }
        if let Some(Usable { connection, .. }) = &self.open
            && let Err(error) = self.trimmer.slice(connection)
        {
            // The next commit or load detects and handles damage.
            tracing::warn!("old rows of the journal could not be removed: {error}");
        }
    }

    /// Whether another group follows at once, so that housekeeping has to wait.
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
        if let Failure::Journal(error @ JournalError::Newer { .. }) = failure {
            self.shared.is_newer_version(&reason);
            error
        } else {
            self.shared.failed(&reason);
            JournalError::NotSaved { waiting: self.pending.len(), reason }
        }
    }

    fn write(&mut self) -> Result<(), Failure> {
        self.reopen().map_err(Failure::Journal)?;
        let Some(open) = &mut self.open else { return Ok(()) };
        let transaction = open.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // A newer version may have changed the meaning of the rows since the file was opened.
        if let Some(version) = schema::newer_version(&transaction)? {
            let path = self.path.display().to_string();
            return Err(Failure::Journal(JournalError::Newer { path, version }));
        }
        // What was read in a transaction is valid if it commits.
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

    /// Opens the file if it is not open, or if it no longer exists.
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
                "{} was removed or replaced while in use; this program writes its data to the file that is \
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

    /// Closes a file that was renamed or removed: what is written into it would be lost.
    fn let_go(&mut self) {
        if let Some(open) = &self.open
            && !schema::still_stands(&self.path, open.identity)
        {
            // SQLite does not delete the log of a moved file: it may belong to another instance's file by now.
            self.open = None;
            (self.accounts, self.own) = (Accounts::default(), Own::default());
            self.lost = true;
        }
    }

    fn load(&mut self, link: &LinkId) -> Result<LoadedState, JournalError> {
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
                Ok(LoadedState { notice: self.shared.take_notice(), ..LoadedState::default() })
            }
            Err(error) => Err(schema::unusable(&self.path, error.to_string())),
        }
    }

    /// Sets the damaged file aside and continues in a new one.
    fn begin_anew(&mut self, reason: &str) -> Result<(), JournalError> {
        (self.accounts, self.own) = (Accounts::default(), Own::default());
        // Close the old connection before its file name is used again.
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
