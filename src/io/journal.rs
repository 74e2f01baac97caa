//! The journal: everything learned about each account, on disk before it is on the screen (docs/DESIGN.md 9.6).
//!
//! One thread owns the database and commits in groups; all other code sends it batches and reads its [`Progress`]. It
//! decides nothing about orders: the blotter merges, the journal stores. It never deletes a file: an unusable one is
//! set aside under another name, with a notice; a file of a newer version is left unchanged.
//!
//! The path of a change: `Batch::of_changes` → [`Journal::append`] → [`Progress::saved`] → draw. At start:
//! [`Journal::open`], then [`Journal::load`] for each link, into `Blotter::restore`.
//!
//! *Journaled before shown* holds as long as the disk answers within half a second. When it does not (another program
//! holds the lock, the disk is full or hangs), the screen goes on and says NOT SAVED until everything shown is on disk.
//! Unsaved data is kept, and written when the fault is over: as records up to a bound, beyond it as the names of what
//! changed ([`Backlog`]), which are then looked up in the blotter.
//!
//! Several instances write the same file: transactions are short, rows are idempotent, and what one instance knows only
//! from lists is replaced by the report that another one received (`share`).

pub mod batch;
pub mod lock;
mod overdue;
mod progress;
mod query_timeout;
pub mod read;
mod rows;
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
pub use read::{Intent, LoadedState, Range, Reader};

use self::progress::Shared;
use self::schema::Usable;
use self::share::OwnRows;
use self::writer::{Command, Writer};
use crate::domain::LinkId;

/// How long dropping the handle waits for unwritten data.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// Why something could not be written or read, as a complete sentence. Nothing on disk was lost.
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
    /// The file of a newer version, which is left unchanged.
    #[error("the journal {path} was written by a newer version (format {version}) and is left as it is")]
    Newer {
        /// Which file.
        path: String,
        /// Its format version.
        version: i64,
    },
    /// Records could not be saved; they are kept and retried.
    #[error("batches that are not saved yet: {waiting}; {reason}")]
    NotSaved {
        /// How many batches are waiting.
        waiting: usize,
        /// What the system or the database said.
        reason: String,
    },
    /// The writer has ended.
    #[error("the journal's writer has ended")]
    Ended,
}

/// An opened journal.
#[derive(Debug)]
pub struct Opened {
    /// The handle to the writer's thread.
    pub journal: Journal,
    /// A notice for the user, when an unusable file was set aside.
    pub notice: Option<String>,
}

/// Everything sent before the barrier is on disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Saved {
    /// A notice for the user, when an unusable file has been set aside.
    pub notice: Option<String>,
}

/// The handle to the writer thread. Dropping it waits a limited time until everything sent is written.
pub struct Journal {
    commands: Option<mpsc::Sender<Command>>,
    /// Closed when the thread has ended.
    ended: Mutex<mpsc::Receiver<()>>,
    shared: Arc<Shared>,
    path: PathBuf,
}

impl Journal {
    /// Opens or creates the file, owner-only, in an owner-only folder. A damaged or foreign file is renamed and a new
    /// one started, with a notice. A file that cannot be used yet is opened as soon as possible.
    ///
    /// # Errors
    /// When the file is of a newer version; the program can go on without a journal and should say so.
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

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sends a batch without waiting. It is only saved when [`Self::progress`] or a barrier says so.
    ///
    /// # Errors
    /// When the writer has ended.
    pub fn append(&self, batch: Batch) -> Result<(), JournalError> {
        self.shared.handed_over(batch.records.len());
        self.send(Command::Append(batch)).inspect_err(|error| self.shared.failed(&error.to_string()))
    }

    /// How many of the batches sent are on disk, and what prevents the next.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.shared.watch()
    }

    /// Records sent that are not on disk yet. The sender must limit them, because they are in memory.
    pub fn waiting(&self) -> usize {
        self.shared.waiting()
    }

    /// A count that grows while the writer makes progress, even before anything is on disk.
    pub fn steps(&self) -> u64 {
        self.shared.steps()
    }

    /// A notice for the user since the last call: an unusable file was set aside, or the file was removed.
    pub fn take_notice(&self) -> Option<String> {
        self.shared.take_notice()
    }

    /// Waits until everything sent so far is on disk and synced.
    ///
    /// # Errors
    /// When it could not be written (locked, disk full, permission). It stays in memory and is retried, so the caller
    /// may show it with an alarm.
    pub async fn barrier(&self) -> Result<Saved, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Barrier(reply))?;
        answer.await.unwrap_or(Err(JournalError::Ended))
    }

    /// Loads the stored data of a link: of the account's current generation, working orders and the most recent others.
    /// From then on, writes for the link continue from what was loaded.
    ///
    /// # Errors
    /// When the file cannot be read, or what was sent before cannot be written. A damaged file is set aside first, and
    /// then nothing is loaded.
    pub async fn load(&self, link: &LinkId) -> Result<LoadedState, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Load(link.clone(), reply))?;
        let found = answer.await.unwrap_or(Err(JournalError::Ended))?;
        // The caller gave up waiting and continues without this data, so nothing is adopted.
        if let Some(place) = found.place.clone() {
            let own = OwnRows::read(&found.executions, &found.orders);
            self.send(Command::Adopt(link.clone(), place, own))?;
        }
        Ok(found)
    }

    /// Ends the writer; returns why not everything is on disk, if it is not within this time.
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
