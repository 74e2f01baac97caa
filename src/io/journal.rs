//! The journal: what was learned about each account, on disk before it is on the screen (RELIABILITY 3).
//!
//! One thread owns the database and commits in groups; everybody else sends it batches through a bounded channel and,
//! where it matters, waits for the barrier behind them. It decides nothing about orders: the blotter merges, this
//! remembers. It never deletes a file: what it cannot use is set aside under another name, with a sentence.
//!
//! The way of a change: `Batch::of_changes` → [`Journal::append`] → [`Journal::barrier`] → draw. At start:
//! [`Journal::open`], then [`Journal::load`] for each link, into `Blotter::restore`.

pub mod batch;
pub mod lock;
mod patience;
pub mod read;
mod schema;
mod store;
mod trim;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

pub use batch::{Batch, IntentOutcome, Record};
pub use lock::AccountLock;
pub use read::{Intent, Range, Reader, Remembered};

use self::schema::Usable;
use self::writer::{Command, Writer};
use crate::domain::LinkId;

/// Batches that may wait for the writer before [`Journal::append`] waits for it.
const QUEUE: usize = 1_024;

/// Why something could not be written or read. The sentence is complete; nothing was lost on disk.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JournalError {
    /// The file cannot be opened, written or read.
    #[error("the journal {path} cannot be used: {reason}")]
    Unusable {
        /// Which file.
        path: String,
        /// What the system or the database said.
        reason: String,
    },
    /// Records could not be saved; they are tried again with the next ones.
    #[error("{waiting} records are not saved yet: {reason}")]
    NotSaved {
        /// How many batches wait.
        waiting: usize,
        /// What the system or the database said.
        reason: String,
    },
    /// The writer is gone.
    #[error("the journal's writer has ended")]
    Ended,
}

/// A journal just opened.
#[derive(Debug)]
pub struct Opened {
    /// The journal.
    pub journal: Journal,
    /// A sentence for the user, when an unusable file was set aside.
    pub notice: Option<String>,
}

/// Everything sent before the barrier is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Saved {
    /// A sentence for the user, when an unusable file was set aside on the way.
    pub notice: Option<String>,
}

/// The handle to the writer thread. Dropping it waits until everything sent is written.
pub struct Journal {
    commands: Option<mpsc::Sender<Command>>,
    thread: Option<JoinHandle<()>>,
    path: PathBuf,
}

impl Journal {
    /// Opens or creates the file, owner-only, in an owner-only folder. A file that is damaged, foreign or from a newer
    /// version is renamed and a new one begun; the notice says so.
    ///
    /// # Errors
    /// When there is no place to write at all; the program can go on without a journal and should say so.
    pub fn open(path: &Path) -> Result<Opened, JournalError> {
        let Usable { connection, notice } = schema::open(path)?;
        let (commands, receiver) = mpsc::channel(QUEUE);
        let writer = Writer::new(path.to_owned(), connection, receiver);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| JournalError::Unusable { path: path.display().to_string(), reason: error.to_string() })?;
        let journal = Self { commands: Some(commands), thread: Some(thread), path: path.to_owned() };
        Ok(Opened { journal, notice })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sends a batch; waits only while the writer is far behind. Nothing is promised before the next barrier.
    ///
    /// # Errors
    /// When the writer has ended.
    pub async fn append(&self, batch: Batch) -> Result<(), JournalError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.send(Command::Append(batch)).await
    }

    /// Waits until everything sent so far is on disk and synced.
    ///
    /// # Errors
    /// When it could not be written (disk full, permission): it stays in memory and is tried again with the next
    /// barrier, so the caller may show it with an alarm.
    pub async fn barrier(&self) -> Result<Saved, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Barrier(reply)).await?;
        answer.await.unwrap_or(Err(JournalError::Ended))
    }

    /// What is remembered of a link: the account's current generation only, working orders and the most recent ones.
    ///
    /// # Errors
    /// When the file cannot be read. A damaged file is set aside first, and nothing is remembered then.
    pub async fn load(&self, link: &LinkId) -> Result<Remembered, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Load(link.clone(), reply)).await?;
        answer.await.unwrap_or(Err(JournalError::Ended))
    }

    async fn send(&self, command: Command) -> Result<(), JournalError> {
        let commands = self.commands.as_ref().ok_or(JournalError::Ended)?;
        commands.send(command).await.map_err(|_| JournalError::Ended)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the journal's writer ended by a panic");
        }
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
