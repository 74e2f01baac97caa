//! One program's side of the journal: its writer, driven without a thread, and the batches sent.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::rows::Expected;
use super::{Faults, LOCKED, Tally};
use crate::accounts::JournalEntry;
use crate::domain::blotter::Blotter;
use crate::domain::{AccountId, LinkId, Now};
use crate::io::journal::progress::Shared;
use crate::io::journal::schema::Usable;
use crate::io::journal::share::OwnRows;
use crate::io::journal::writer::{Command, Opener, Writer};
use crate::io::journal::{Backlog, Batch, JournalError, LoadedState, Progress, schema};
use crate::session::lab::{Kept, Mark};

/// A running program, as the journal sees it.
struct Life {
    writer: Writer,
    shared: Arc<Shared>,
    progress: watch::Receiver<Progress>,
    /// Sent and not yet received by the writer.
    commands: Vec<Command>,
    /// When the writer receives them.
    due: Option<Duration>,
    /// Sent and not known to be saved.
    queue: VecDeque<Batch>,
    owed: Backlog,
    told: Option<AccountId>,
    mark: Mark,
}

pub(super) struct Fixture {
    link: LinkId,
    life: Option<Life>,
    /// The most waiting records before only ids are kept.
    kept: Option<usize>,
    pub(super) expected: Expected,
    /// Whether no other program writes this account and this one started from the file.
    pub(super) exact: bool,
    /// Whether it wrote without having read the file; duplicates are then stored once.
    pub(super) blind: bool,
    /// Whether it was killed and its file damaged.
    pub(super) damaged: bool,
    /// The account behind the link, as far as the program knows.
    pub(super) account: Option<AccountId>,
}

impl Fixture {
    pub(super) fn new(link: LinkId, kept: Option<usize>) -> Self {
        Self {
            link,
            life: None,
            kept,
            expected: Expected::default(),
            exact: true,
            blind: false,
            damaged: false,
            account: None,
        }
    }

    pub(super) fn link(&self) -> &LinkId {
        &self.link
    }

    pub(super) fn is_alive(&self) -> bool {
        self.life.is_some()
    }

    pub(super) fn usable(&self) -> Option<&Usable> {
        self.life.as_ref().and_then(|life| life.writer.open.as_ref())
    }

    /// Opens the file as `Journal::open` does.
    pub(super) fn start(&mut self, path: &Path, opener: Opener) -> Result<(), String> {
        self.account = None;
        let shared = Arc::new(Shared::default());
        let open = match opener(path) {
            Ok(usable) => Some(usable),
            Err(JournalError::NotNow { reason, .. }) => {
                shared.failed(&reason);
                None
            }
            Err(error) => return Err(format!("it cannot be opened: {error}")),
        };
        if let Some(notice) = open.as_ref().and_then(|usable| usable.notice.clone()) {
            shared.notice(notice);
        }
        let writer = Writer::new(path.to_owned(), opener, open, mpsc::channel().1, Arc::clone(&shared));
        let owed = self.kept.map_or_else(Backlog::default, Backlog::beyond);
        let progress = shared.watch();
        let (commands, queue) = (Vec::new(), VecDeque::new());
        self.life =
            Some(Life { writer, shared, progress, commands, due: None, queue, owed, told: None, mark: (None, None) });
        Ok(())
    }

    /// Loads as `Journal::load` does, and continues from the result.
    pub(super) fn load(&mut self) -> Result<LoadedState, JournalError> {
        let Some(life) = &mut self.life else { return Err(JournalError::Ended) };
        let (reply, mut answer) = oneshot::channel();
        life.writer.serve(vec![Command::Load(self.link.clone(), reply)]);
        let found = answer.try_recv().unwrap_or(Err(JournalError::Ended))?;
        if let Some(place) = found.place.clone() {
            let own = OwnRows::read(&found.executions, &found.orders);
            life.writer.serve(vec![Command::Adopt(self.link.clone(), place, own)]);
        }
        life.mark = (found.watermark, found.complete_at);
        self.account.clone_from(&found.account);
        Ok(found)
    }

    /// Sends a program's entries, as its loop does.
    pub(super) fn keep(&mut self, kept: Kept<'_>, blotter: &Blotter, now: Now) {
        if let Kept::Account(id) = kept {
            self.account = Some(id.clone());
        }
        let Some(life) = &mut self.life else { return };
        let memory = match kept {
            Kept::Changes(changes) => JournalEntry::Changes(std::sync::Arc::new(changes.clone())),
            Kept::Account(id) if life.told.as_ref() == Some(id) => return,
            Kept::Account(id) => {
                life.told = Some(id.clone());
                JournalEntry::Account(id.clone())
            }
            Kept::Mark(mark) if mark == life.mark => return,
            Kept::Mark((watermark, asked_at)) => {
                life.mark = (watermark, asked_at);
                let Some(asked_at) = asked_at else { return };
                JournalEntry::Complete { watermark, asked_at }
            }
            Kept::Reset => {
                (life.told, life.mark) = (None, (None, None));
                return;
            }
        };
        let batch = Batch::of_memory(self.link.clone(), memory, Some(blotter), now.wall);
        if !batch.is_empty()
            && let Some(batch) = life.owed.pass(batch, life.shared.waiting())
        {
            life.send(batch);
        }
    }

    /// Schedules the writer to receive what was sent, no later than already scheduled.
    pub(super) fn wake(&mut self, at: Duration) {
        if let Some(life) = self.life.as_mut().filter(|life| !life.commands.is_empty()) {
            life.due.get_or_insert(at);
        }
    }

    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.life.as_ref().and_then(|life| life.due).is_some_and(|due| due <= now)
    }

    /// Whether something shown is not known to be in the file.
    pub(super) fn is_behind(&self) -> bool {
        self.life.as_ref().is_some_and(|life| !life.queue.is_empty() || !life.owed.is_empty())
    }

    /// Reports a fault to the user.
    pub(super) fn has_a_fault(&self) -> bool {
        self.life.as_ref().is_some_and(|life| life.progress.borrow().fault.is_some())
    }

    /// Commits, and checks the reported result against the file.
    pub(super) fn commit(&mut self, faults: &Faults, tally: &mut Tally) -> Result<(), String> {
        let Some(life) = &mut self.life else { return Ok(()) };
        let before = life.progress.borrow_and_update().clone();
        let waited = life.queue.len();
        let answer = life.serve();
        let after = life.progress.borrow().clone();
        let saved = usize::try_from(after.saved - before.saved).unwrap_or(usize::MAX);
        if saved > waited {
            return Err(format!("{saved} batches count as saved and {waited} were sent"));
        }
        for batch in life.queue.drain(..saved) {
            self.expected.apply(batch);
        }
        let waiting: usize = life.queue.iter().map(|batch| batch.records.len()).sum();
        if waiting != life.shared.waiting() {
            return Err(format!("{} records count as waiting and {waiting} do", life.shared.waiting()));
        }
        tally.commits += usize::from(saved > 0);
        match answer {
            Ok(_) if !life.queue.is_empty() => Err("a barrier passed and not everything is saved".to_owned()),
            Ok(_) if waited > 0 && faults.locked => Err("it was saved while another program held the lock".to_owned()),
            Ok(_) if waited > 0 && after.fault.is_some() => Err(format!("saved, and it still says {:?}", after.fault)),
            Ok(_) => Ok(()),
            Err(JournalError::NotSaved { waiting, reason }) => {
                tally.failed(&reason);
                let news = life.progress.has_changed().unwrap_or(false);
                match after.fault {
                    Some(fault) if fault != reason => Err(format!("{reason}, and it says {fault}")),
                    None => Err(format!("{reason}, and no fault is said")),
                    Some(fault) if before.fault.as_ref() == Some(&fault) && news => {
                        Err(format!("{reason} is said again"))
                    }
                    Some(_) if waiting != life.queue.len() || waiting == 0 => {
                        Err(format!("{waiting} batches are said to wait and {} do", life.queue.len()))
                    }
                    Some(_) if !faults.explain(&reason, life.writer.open.is_some()) => {
                        Err(format!("not saved without a fault: {reason}"))
                    }
                    Some(_) => Ok(()),
                }
            }
            Err(error) => Err(format!("a barrier ends with {error}")),
        }
    }

    /// Sends the records of which only ids were kept, once nothing else waits; returns whether there were any.
    pub(super) fn settle(&mut self, blotter: &Blotter, now: Now) -> bool {
        let Some(life) = self.life.as_mut().filter(|life| life.queue.is_empty() && !life.owed.is_empty()) else {
            return false;
        };
        for batch in life.owed.settle(|_| Some(blotter), now.wall) {
            life.send(batch);
        }
        true
    }

    /// Commits without reporting it.
    pub(super) fn commit_untold(&mut self) {
        drop(self.life.as_mut().map(Life::serve));
    }

    /// Counts everything sent as saved.
    pub(super) fn was_saved(&mut self) {
        let sent = self.life.iter_mut().flat_map(|life| life.queue.drain(..));
        sent.for_each(|batch| self.expected.apply(batch));
    }

    /// The process is gone.
    pub(super) fn die(&mut self) {
        self.life = None;
    }

    /// The content of the file, read through another connection.
    pub(super) fn read(&self, path: &Path) -> Result<LoadedState, String> {
        let connection = rusqlite::Connection::open(path).map_err(|error| error.to_string())?;
        crate::io::journal::read::remembered(&connection, &self.link).map_err(|error| schema::words(&error))
    }
}

impl Life {
    fn send(&mut self, batch: Batch) {
        self.shared.handed_over(batch.records.len());
        self.queue.push_back(batch.clone());
        self.commands.push(Command::Append(batch));
    }

    fn serve(&mut self) -> Result<super::Saved, JournalError> {
        let (reply, mut answer) = oneshot::channel();
        self.due = None;
        self.commands.push(Command::Barrier(reply));
        self.writer.serve(std::mem::take(&mut self.commands));
        answer.try_recv().unwrap_or(Err(JournalError::Ended))
    }
}

impl Faults {
    /// Whether one of the present faults explains this reason.
    fn explain(&self, reason: &str, open: bool) -> bool {
        (self.locked && reason == LOCKED) || (self.full() && reason.contains("full")) || (self.is_closed() && !open)
    }
}
