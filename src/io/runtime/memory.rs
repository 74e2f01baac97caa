//! The loop's side of the journal: reading it next to the first frame, and writing it before each further frame.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Loop;
use crate::accounts::{Memory, Recollection};
use crate::app::Msg;
use crate::domain::{LinkId, Mono, Now};
use crate::io::journal::{Backlog, Batch, Journal, JournalError, Opened, Progress, Remembered};
use crate::link::LinkRecord;

/// How long a frame waits for the disk, once; then the screen says NOT SAVED and goes on.
const SLOW_DISK: Duration = Duration::from_millis(500);
/// A writer without progress for this long has a fault, and not just much to write.
const STALLED: Duration = Duration::from_secs(2);
/// How long the end of the program waits for the disk, and the least of that after the terminal was restored.
const LAST_WAIT: Duration = Duration::from_millis(700);
const LEAST_WAIT: Duration = Duration::from_millis(100);

/// How the journal keeps up with the screen.
#[derive(Debug, Default)]
pub(super) struct Keeping {
    progress: Option<watch::Receiver<Progress>>,
    /// Batches sent.
    sent: u64,
    /// Since when this many batches are waited for.
    waiting: Option<(Mono, u64)>,
    /// It is behind, and the user was told.
    behind: bool,
    /// It makes no progress, and the user was told.
    stalled: bool,
    /// The writer's step count, and since when.
    steps: (u64, Mono),
    /// How often the writer has started a file; it was sent everything each time.
    begun: u64,
    overdue: Backlog,
    /// When the program started to end.
    ending: Option<Mono>,
}

impl Keeping {
    /// Resolves when the writer has made progress; never, without a journal.
    pub(super) fn watch(&self) -> Option<watch::Receiver<Progress>> {
        self.progress.clone()
    }

    /// Sends a batch; an ended writer is a lasting fault.
    fn send(&mut self, journal: &Journal, batch: Batch) {
        self.sent += 1;
        if let Err(error) = journal.append(batch) {
            tracing::error!("{error}");
        }
    }

    /// Notes that everything is on disk.
    fn is_kept(&self, progress: &Progress) -> bool {
        self.overdue.is_empty() && progress.saved >= self.sent
    }

    /// The writer's progress.
    fn reached(&self) -> Option<Progress> {
        Some(self.progress.as_ref()?.borrow().clone())
    }

    /// True once for each file that the writer has started.
    fn has_begun(&mut self, progress: &Progress) -> bool {
        std::mem::replace(&mut self.begun, progress.begun) != progress.begun
    }

    /// Judges the writer's progress, given its `steps` and the `records` still waiting; returns what to tell the user,
    /// once per fault.
    fn look(&mut self, progress: Progress, now: Mono, steps: u64, records: usize) -> Option<Msg> {
        if self.steps.0 != steps {
            self.steps = (steps, now);
        }
        let reached = self.waiting.is_none_or(|(_, mark)| progress.saved >= mark);
        if self.is_kept(&progress) {
            self.waiting = None;
        } else if self.waiting.is_none() || (reached && progress.fault.is_none()) {
            self.waiting = Some((now, self.sent));
        }
        let fault = progress.fault.filter(|_| self.waiting.is_some());
        if self.behind && fault.is_none() && reached && self.overdue.is_empty() {
            (self.behind, self.stalled) = (false, false);
            return Some(Msg::Unsaved(None));
        }
        let (since, _) = self.waiting?;
        if self.stalled || (fault.is_none() && now.since(since) < SLOW_DISK) {
            return None;
        }
        let (_, got_on) = self.steps;
        if fault.is_none() && got_on >= since && now.since(got_on) < STALLED {
            return (!std::mem::replace(&mut self.behind, true)).then_some(Msg::Behind(records));
        }
        (self.behind, self.stalled) = (true, true);
        Some(Msg::Unsaved(Some(fault.unwrap_or_else(|| "the disk does not answer".to_owned()))))
    }

    /// Whether the next frame is waiting for the disk.
    pub(super) fn holds(&self) -> bool {
        !self.behind && self.waiting.is_some()
    }

    /// Until when it waits.
    pub(super) fn until(&self) -> Option<Mono> {
        self.waiting.filter(|_| !self.behind).map(|(since, _)| since + SLOW_DISK)
    }
}

/// Waits until the watched writer has made progress; for ever without one.
pub(super) async fn moved<T>(progress: &mut Option<watch::Receiver<T>>) {
    match progress {
        Some(receiver) => {
            if receiver.changed().await.is_err() {
                *progress = None;
            }
        }
        None => std::future::pending().await,
    }
}

/// A journal being opened and read.
pub(super) type Reading = JoinHandle<Read>;

/// The result of reading.
pub(super) struct Read {
    links: Vec<LinkRecord>,
    opened: Result<(Journal, Vec<Recollection>), JournalError>,
    notices: Vec<String>,
}

impl Loop {
    /// Shows the links at once and reads the journal next to the first frame; the links connect when it is read.
    /// Without a place to write, the program goes on and says so.
    pub fn start_remembering(&mut self, path: PathBuf, links: Vec<LinkRecord>) {
        self.effects.know(&links);
        drop(self.handle(Msg::Listed { links: links.clone() }));
        self.reading = Some(tokio::spawn(read(path, links)));
    }

    /// Waits for the journal, if it is being read.
    pub(super) async fn read(reading: &mut Option<Reading>) -> Option<Read> {
        match reading {
            Some(task) => {
                let read = task.await;
                *reading = None;
                read.inspect_err(|error| tracing::error!(%error, "reading the journal ended early")).ok()
            }
            None => std::future::pending().await,
        }
    }

    /// Takes over what was read, and connects the links.
    pub(super) fn begin(&mut self, read: Option<Read>) {
        let Some(Read { links, opened, notices }) = read else { return };
        match opened {
            Ok((journal, known)) => {
                for known in known {
                    drop(self.handle(Msg::Remembered(Box::new(known))));
                }
                self.keep_in(journal);
            }
            Err(error) => drop(self.handle(Msg::Unjournaled(error.to_string()))),
        }
        for text in notices {
            drop(self.handle(Msg::Trouble(text)));
        }
        self.start(links);
    }

    /// Writes to this journal from now on.
    pub(super) fn keep_in(&mut self, journal: Journal) {
        self.keeping = Keeping { progress: Some(journal.progress()), ..Keeping::default() };
        self.journal = Some(journal);
    }

    /// Before taking over a stream from another instance, loads what that one wrote. When the journal does not answer
    /// now, this instance's own data has to do.
    pub(super) async fn refresh_memory(&mut self, msg: &Msg) {
        let Msg::Freed { link } = msg else { return };
        self.hand_over();
        let Some(journal) = self.journal.as_ref().filter(|_| !self.keeping.behind) else { return };
        match tokio::time::timeout(SLOW_DISK, journal.load(link)).await {
            Ok(Ok(known)) if known.account.is_some() => {
                drop(self.handle(Msg::Remembered(Box::new(recollection(link.clone(), known)))));
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!("cannot read what the other instance wrote: {error}"),
            Err(_) => tracing::warn!("cannot read what the other instance wrote: the disk does not answer"),
        }
    }

    pub(super) fn remember(&mut self, link: LinkId, memory: Memory, now: Now) {
        if self.journal.is_none() {
            return;
        }
        let blotter = self.model.account(&link).map(|account| &account.blotter);
        self.unwritten.push(Batch::of_memory(link, memory, blotter, now.wall));
    }

    /// Sends the journal what was learned since; it writes while the loop goes on.
    pub(super) fn hand_over(&mut self) {
        let Some(journal) = &self.journal else { return };
        for batch in self.unwritten.drain(..) {
            if batch.is_empty() {
                continue;
            }
            if let Some(batch) = self.keeping.overdue.pass(batch, journal.waiting()) {
                self.keeping.send(journal, batch);
            }
        }
        if journal.waiting() == 0 {
            self.settle_overdue();
        }
    }

    /// Sends a newly started journal everything known, so that the next start has what was shown.
    fn hand_over_everything(&mut self) {
        let Some(journal) = &self.journal else { return };
        for account in &self.model.accounts {
            let id = account.account.as_ref().map(|dated| dated.value.id.clone());
            let batch = Batch::of_everything(account.link.id.clone(), id, &account.blotter, self.last.wall);
            if !batch.is_empty() {
                self.keeping.send(journal, batch);
            }
        }
    }

    /// Writes what only names were kept of, in its current state.
    fn settle_overdue(&mut self) {
        let Some(journal) = &self.journal else { return };
        let blotter = |link: &LinkId| self.model.account(link).map(|account| &account.blotter);
        for batch in self.keeping.overdue.settle(blotter, self.last.wall) {
            self.keeping.send(journal, batch);
        }
    }

    /// Checks how the journal keeps up and tells the user; false while the next frame should wait for the disk.
    pub(super) fn may_show(&mut self) -> bool {
        self.hand_over();
        let Some(progress) = self.keeping.reached() else { return true };
        if self.keeping.has_begun(&progress) {
            self.hand_over_everything();
        }
        let Some(journal) = &self.journal else { return true };
        let notice = journal.take_notice();
        let records = journal.waiting() + self.keeping.overdue.len();
        let told = self.keeping.look(progress, self.clock.now().mono, journal.steps(), records);
        for msg in told.into_iter().chain(notice.map(Msg::Trouble)) {
            drop(self.handle(msg));
        }
        !self.keeping.holds()
    }

    /// Waits until everything is on disk, or known not to be.
    pub(super) async fn settle(&mut self) {
        let mut progress = self.keeping.watch();
        while !self.may_show() {
            let deadline = self.keeping.until().map(|at| self.clock.instant(at));
            let Some(deadline) = deadline else { return };
            // Either way, check again.
            drop(tokio::time::timeout_at(deadline.into(), moved(&mut progress)).await);
        }
    }

    /// Starts the end: the disk gets the rest while the terminal, which may be slow, is restored.
    pub fn ending(&mut self) {
        self.hand_over();
        self.settle_overdue();
        self.keeping.ending.get_or_insert(self.clock.now().mono);
    }

    /// Ends the journal; returns a sentence when not everything shown is in it.
    pub fn finish(&mut self) -> Option<String> {
        self.ending();
        let ending = self.keeping.ending.unwrap_or_default();
        let left = LAST_WAIT.saturating_sub(self.clock.now().mono.since(ending)).max(LEAST_WAIT);
        let reason = self.journal.take()?.close(left)?;
        Some(format!("not everything shown is in the journal: {reason}; the next start fetches it from the broker"))
    }
}

/// Opens the journal off the loop's thread, and loads the data of these links.
async fn read(path: PathBuf, links: Vec<LinkRecord>) -> Read {
    let opened = tokio::task::spawn_blocking(move || Journal::open(&path)).await;
    let opened = opened.unwrap_or_else(|error| {
        tracing::error!(%error, "opening the journal ended early");
        Err(JournalError::Ended)
    });
    let (journal, notice) = match opened {
        Ok(Opened { journal, notice }) => (journal, notice),
        Err(error) => return Read { links, opened: Err(error), notices: Vec::new() },
    };
    let mut notices: Vec<String> = notice.into_iter().collect();
    let mut recalled = Vec::new();
    for link in &links {
        match journal.load(&link.id).await {
            Ok(known) => {
                notices.extend(known.notice.clone());
                recalled.push(recollection(link.id.clone(), known));
            }
            Err(error) => notices.push(error.to_string()),
        }
    }
    // A fault of the file concerns every link.
    notices.dedup();
    Read { links, opened: Ok((journal, recalled)), notices }
}

fn recollection(link: LinkId, known: Remembered) -> Recollection {
    Recollection {
        link,
        account: known.account,
        watermark: known.watermark,
        complete_at: known.complete_at,
        saved_at: known.saved_at,
        orders: known.orders,
        executions: known.executions,
        tape: known.tape,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_that_gets_on_is_behind_and_only_one_that_does_not_has_a_disk_that_does_not_answer() {
        let mut keeping = Keeping { sent: 900, ..Keeping::default() };
        let mut saved = Progress::default();
        let mut look = |progress: &Progress, millis: u64, steps| {
            let told = keeping.look(progress.clone(), Mono::from_millis(10_000 + millis), steps, 50_000);
            told.map(|msg| format!("{msg:?}"))
        };
        assert_eq!(look(&saved, 0, 1), None);
        assert_eq!(look(&saved, 400, 2), None);
        assert_eq!(look(&saved, 600, 3).as_deref(), Some("Behind(50000)"));
        assert_eq!(look(&saved, 1_600, 4), None, "once");
        assert_eq!(look(&saved, 3_500, 4), None, "a long commit");
        let silent = "Unsaved(Some(\"the disk does not answer\"))";
        assert_eq!(look(&saved, 3_700, 4).as_deref(), Some(silent));
        assert_eq!(look(&saved, 4_000, 5), None);
        saved.saved = 900;
        assert_eq!(look(&saved, 4_100, 6).as_deref(), Some("Unsaved(None)"));
        saved.saved = 899;
        assert_eq!(look(&saved, 5_000, 6), None);
        assert_eq!(look(&saved, 5_600, 6).as_deref(), Some(silent), "it never began");
        saved.saved = 900;
        assert_eq!(look(&saved, 5_700, 7).as_deref(), Some("Unsaved(None)"));
        saved = Progress { saved: 899, fault: Some("full".to_owned()), ..saved };
        assert_eq!(look(&saved, 6_000, 8).as_deref(), Some("Unsaved(Some(\"full\"))"), "at once");
    }
}
