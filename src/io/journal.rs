//! The journal: what was learned about each account, on disk before it is on the screen (docs/DESIGN.md 9.6).
//!
//! One thread owns the database and commits in groups; everybody else sends it batches and looks at its [`Progress`]. It
//! decides nothing about orders: the blotter merges, this remembers. It never deletes a file: what it cannot use is set
//! aside under another name, with a sentence; a newer version's file is left as it is.
//!
//! The way of a change: `Batch::of_changes` → [`Journal::append`] → [`Progress::saved`] → draw. At start:
//! [`Journal::open`], then [`Journal::load`] for each link, into `Blotter::restore`.
//!
//! *Journaled before shown* holds as long as the disk answers within half a second. When it does not (another program
//! holds the lock, the disk is full or hangs), the screen goes on without it and says NOT SAVED until everything shown is
//! on disk. What waits is kept, and written when the fault is over: as records up to a bound, above it as the names of
//! what changed ([`Backlog`]), which are looked up in the blotter then.
//!
//! Several instances write the same file: transactions are short, rows are idempotent, and what one of them knows only
//! from the lists gives way to the report that another one heard (`share`).

pub mod batch;
pub mod lock;
mod overdue;
mod patience;
mod progress;
pub mod read;
mod schema;
mod share;
mod store;
mod trial;
mod trim;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{oneshot, watch};

pub use self::trial::try_out;
pub use batch::{Batch, IntentOutcome, Record};
pub use lock::AccountLock;
pub use overdue::Backlog;
pub use progress::Progress;
pub use read::{Intent, Range, Reader, Remembered};

use self::progress::Shared;
use self::schema::Usable;
use self::share::OwnRows;
use self::writer::{Command, Writer};
use crate::domain::LinkId;

/// How long dropping the handle waits for what is not written yet.
const LAST_WAIT: Duration = Duration::from_secs(5);

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
    /// The file cannot be used yet: another program holds its lock, or the disk is full.
    #[error("the journal {path} cannot be used yet: {reason}")]
    NotNow {
        /// Which file.
        path: String,
        /// What the system or the database said.
        reason: String,
    },
    /// The file is damaged or not ours: the next run sets it aside and starts a new one.
    #[error("the journal {path} is not a readable journal: {reason}")]
    Foreign {
        /// Which file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A newer version's file, which is left as it is.
    #[error("the journal {path} was written by a newer version (format {version}) and is left as it is")]
    Newer {
        /// Which file.
        path: String,
        /// Its format.
        version: i64,
    },
    /// Records could not be saved; they are kept and tried again until they are.
    #[error("{waiting} batches are not saved yet: {reason}")]
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

/// The handle to the writer thread. Dropping it waits a while until everything sent is written.
pub struct Journal {
    commands: Option<mpsc::Sender<Command>>,
    /// Hangs up when the thread has ended.
    ended: Mutex<mpsc::Receiver<()>>,
    shared: Arc<Shared>,
    path: PathBuf,
}

impl Journal {
    /// Opens or creates the file, owner-only, in an owner-only folder. A file that is damaged or foreign is renamed and a
    /// new one begun; the notice says so. One that cannot be used yet is opened as soon as it can be.
    ///
    /// # Errors
    /// When a newer version's file is there; the program can go on without a journal and should say so.
    pub fn open(path: &Path) -> Result<Opened, JournalError> {
        let shared = Arc::new(Shared::default());
        let mut opened = match schema::open(path) {
            Ok(usable) => Some(usable),
            Err(JournalError::NotNow { reason, .. } | JournalError::Unusable { reason, .. }) => {
                shared.failed(&reason);
                None
            }
            Err(error) => return Err(error),
        };
        let notice = opened.as_mut().and_then(|usable: &mut Usable| usable.notice.take());
        let (commands, receiver) = mpsc::channel();
        let (alive, ended) = mpsc::channel();
        let writer = Writer::new(path.to_owned(), Box::new(schema::open), opened, receiver, Arc::clone(&shared));
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                let _alive: mpsc::Sender<()> = alive;
                writer.run();
            })
            .map_err(|error| JournalError::Unusable { path: path.display().to_string(), reason: error.to_string() })?;
        let journal = Self { commands: Some(commands), ended: Mutex::new(ended), shared, path: path.to_owned() };
        Ok(Opened { journal, notice })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sends a batch and never waits. Nothing is promised before [`Self::progress`] or a barrier says so.
    ///
    /// # Errors
    /// When the writer has ended.
    pub fn append(&self, batch: Batch) -> Result<(), JournalError> {
        self.shared.handed_over(batch.records.len());
        self.send(Command::Append(batch)).inspect_err(|error| self.shared.failed(&error.to_string()))
    }

    /// How many of the batches sent are on disk, and what is in the way of the next.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.shared.watch()
    }

    /// Records sent that are not on disk yet; who sends more of them fills the memory.
    pub fn waiting(&self) -> usize {
        self.shared.waiting()
    }

    /// A count that grows while the writer gets on, also before what it writes is on disk.
    pub fn steps(&self) -> u64 {
        self.shared.steps()
    }

    /// A sentence for the user since the last call, when an unusable file was set aside, or the file
    /// was removed.
    pub fn take_notice(&self) -> Option<String> {
        self.shared.take_notice()
    }

    /// Waits until everything sent so far is on disk and synced.
    ///
    /// # Errors
    /// When it could not be written (locked, disk full, permission): it stays in memory and is tried again by itself, so
    /// the caller may show it with an alarm.
    pub async fn barrier(&self) -> Result<Saved, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Barrier(reply))?;
        answer.await.unwrap_or(Err(JournalError::Ended))
    }

    /// What is remembered of a link: the account's current generation only, working orders and the most recent ones. From
    /// here on what is written of the link belongs to what was read.
    ///
    /// # Errors
    /// When the file cannot be read, or what was sent before cannot be written. A damaged file is set aside first, and
    /// nothing is remembered then.
    pub async fn load(&self, link: &LinkId) -> Result<Remembered, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Load(link.clone(), reply))?;
        let found = answer.await.unwrap_or(Err(JournalError::Ended))?;
        // A caller that gave up waiting goes on from what it had, and adopts nothing.
        if let Some(place) = found.place.clone() {
            let own = OwnRows::read(&found.executions, &found.orders);
            self.send(Command::Adopt(link.clone(), place, own))?;
        }
        Ok(found)
    }

    /// Ends the writer. Why what was sent is not on disk, when it is not after so long.
    pub fn close(mut self, limit: Duration) -> Option<String> {
        self.end(limit)
    }

    fn end(&mut self, limit: Duration) -> Option<String> {
        self.commands = None;
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let timely = matches!(ended.recv_timeout(limit), Err(mpsc::RecvTimeoutError::Disconnected));
        if timely && self.waiting() == 0 {
            return None;
        }
        let fault = self.shared.watch().borrow().fault.clone();
        Some(fault.unwrap_or_else(|| "the disk does not answer".to_owned()))
    }

    fn send(&self, command: Command) -> Result<(), JournalError> {
        let commands = self.commands.as_ref().ok_or(JournalError::Ended)?;
        commands.send(command).map_err(|_| JournalError::Ended)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if self.commands.is_some()
            && let Some(reason) = self.end(LAST_WAIT)
        {
            tracing::error!("the journal ended with records that are not saved: {reason}");
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
