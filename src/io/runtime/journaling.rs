//! The loop's side of the journal: reading it while the first frame is drawn, and writing it before every later frame.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::accounts::{Accounts, JournalEntry, JournalState, Msg, Saving};
use crate::domain::{LinkId, Mono, Now};
use crate::io::journal::{Backlog, Batch, Journal, JournalError, LoadedState, Opened, Progress};
use crate::link::LinkRecord;

/// How long one frame waits for the disk; after that the screen shows NOT SAVED and frames no longer wait.
const SLOW_DISK: Duration = Duration::from_millis(500);
/// A writer without progress for this long counts as failing, and not as busy.
const STALLED: Duration = Duration::from_secs(2);
/// How long the program's end waits for the disk, and the minimum after the terminal has been restored.
const LAST_WAIT: Duration = Duration::from_millis(700);
const LEAST_WAIT: Duration = Duration::from_millis(100);

/// The journal's progress compared with what was sent to it.
#[derive(Debug, Default)]
struct WriterMonitor {
    progress: Option<watch::Receiver<Progress>>,
    /// Batches sent.
    sent: u64,
    /// Since when this number of batches is awaited.
    waiting: Option<(Mono, u64)>,
    /// Whether it is behind, as already reported.
    behind: bool,
    /// Whether it makes no progress, as already reported.
    stalled: bool,
    /// The writer's step count, and since when.
    steps: (u64, Mono),
    /// How often the writer has started a file; each time it was sent everything known.
    begun: u64,
    overdue: Backlog,
    /// When the program started to end.
    ending: Option<Mono>,
}

impl WriterMonitor {
    /// Sends a batch to the writer; a writer that has ended is a lasting fault.
    fn send(&mut self, journal: &Journal, batch: Batch) {
        self.sent += 1;
        if let Err(error) = journal.append(batch) {
            tracing::error!("{error}");
        }
    }

    /// Whether everything is on disk.
    fn is_kept(&self, progress: &Progress) -> bool {
        self.overdue.is_empty() && progress.saved >= self.sent
    }

    /// The writer's progress.
    fn reached(&self) -> Option<Progress> {
        Some(self.progress.as_ref()?.borrow().clone())
    }

    /// Whether the writer has started another file since the last call.
    fn has_begun(&mut self, progress: &Progress) -> bool {
        std::mem::replace(&mut self.begun, progress.begun) != progress.begun
    }

    /// Judges the writer by its progress, its `steps` so far and the `records` waiting; returns a change to report,
    /// once per fault.
    fn look(&mut self, progress: Progress, now: Mono, steps: u64, records: usize) -> Option<Saving> {
        if self.steps.0 != steps {
            self.steps = (steps, now);
        }
        let reached = self.waiting.is_none_or(|(_, mark)| progress.saved >= mark);
        if self.is_kept(&progress) {
            self.waiting = None;
        } else if self.waiting.is_none() || (reached && progress.fault.is_none()) {
            self.waiting = Some((now, self.sent));
        }
        let is_newer_version = progress.is_newer_version;
        let fault = progress.fault.filter(|_| self.waiting.is_some());
        if self.behind && fault.is_none() && reached && self.overdue.is_empty() {
            (self.behind, self.stalled) = (false, false);
            return Some(Saving::Done);
        }
        let (since, _) = self.waiting?;
        if self.stalled || (fault.is_none() && now.since(since) < SLOW_DISK) {
            return None;
        }
        let (_, got_on) = self.steps;
        if fault.is_none() && got_on >= since && now.since(got_on) < STALLED {
            return (!std::mem::replace(&mut self.behind, true)).then_some(Saving::Behind(records));
        }
        (self.behind, self.stalled) = (true, true);
        Some(match fault {
            Some(fault) if is_newer_version => Saving::Off(fault),
            Some(fault) => Saving::Failing(fault),
            None => Saving::Failing("the disk does not answer".to_owned()),
        })
    }

    /// Whether the next frame must wait.
    fn holds(&self) -> bool {
        !self.behind && self.waiting.is_some()
    }

    /// Until when the next frame waits.
    fn until(&self) -> Option<Mono> {
        self.waiting.filter(|_| !self.behind).map(|(since, _)| since + SLOW_DISK)
    }
}

/// Waits until the watched writer has made progress; never returns without one.
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
    opened: Result<(Journal, Vec<JournalState>), JournalError>,
    notices: Vec<String>,
}

/// Waits for the journal being read; never returns without one.
pub(super) async fn done(reading: &mut Option<Reading>) -> Option<Read> {
    match reading {
        Some(task) => {
            let read = task.await;
            *reading = None;
            read.inspect_err(|error| tracing::error!(%error, "reading the journal ended early")).ok()
        }
        None => std::future::pending().await,
    }
}

/// Writes a loop's journal entries.
#[derive(Default)]
pub(super) struct JournalFeed {
    /// `None` when there is no journal.
    journal: Option<Journal>,
    reading: Option<Reading>,
    unwritten: Vec<Batch>,
    monitor: WriterMonitor,
}

impl JournalFeed {
    /// Starts reading the journal while the first frame is drawn; [`done`] waits for it.
    pub(super) fn begin_reading(&mut self, path: PathBuf, links: Vec<LinkRecord>) {
        self.reading = Some(tokio::spawn(read(path, links)));
    }

    /// Hands over the journal being read, for the loop that waits for it.
    pub(super) const fn reading(&mut self) -> Option<Reading> {
        self.reading.take()
    }

    /// The writer's progress; `None` without a journal.
    pub(super) fn watch(&self) -> Option<watch::Receiver<Progress>> {
        self.monitor.progress.clone()
    }

    /// Whether there is a journal.
    pub(super) const fn keeps(&self) -> bool {
        self.journal.is_some()
    }

    /// Takes what was read: returns the links to connect, and the messages to handle before.
    pub(super) fn begin(&mut self, read: Read) -> (Vec<LinkRecord>, Vec<Msg>) {
        let Read { links, opened, notices } = read;
        let mut told = Vec::new();
        match opened {
            Ok((journal, known)) => {
                told.extend(known.into_iter().map(|known| Msg::Remembered(Box::new(known))));
                self.monitor = WriterMonitor { progress: Some(journal.progress()), ..WriterMonitor::default() };
                self.journal = Some(journal);
            }
            Err(error) => told.push(Msg::Saving(Saving::Off(error.to_string()))),
        }
        told.extend(notices.into_iter().map(Msg::Trouble));
        (links, told)
    }

    /// Reads what another instance wrote of an account before it released it. Returns nothing when the journal does not
    /// answer in time; this instance's own state serves as well.
    pub(super) async fn read_again(&mut self, link: &LinkId, accounts: &Accounts, now: Now) -> Vec<Msg> {
        self.hand_over(accounts, now);
        let Some(journal) = self.journal.as_ref().filter(|_| !self.monitor.behind) else { return Vec::new() };
        match tokio::time::timeout(SLOW_DISK, journal.load(link)).await {
            Ok(Ok(known)) => {
                let words = known.notice.clone().into_iter().chain(known.unreadable_words(link));
                let mut told: Vec<Msg> = words.map(Msg::Trouble).collect();
                if known.account.is_some() {
                    told.push(Msg::Remembered(Box::new(journal_state(link.clone(), known))));
                }
                return told;
            }
            Ok(Err(error)) => tracing::warn!("what the other instance wrote is not read: {error}"),
            Err(_) => tracing::warn!("what the other instance wrote is not read: the disk does not answer"),
        }
        Vec::new()
    }

    /// Takes a journal entry; [`Self::hand_over`] sends it to the writer.
    pub(super) fn remember(&mut self, link: LinkId, memory: JournalEntry, accounts: &Accounts, now: Now) {
        if self.journal.is_none() {
            return;
        }
        let blotter = accounts.get(&link).map(|account| &account.blotter);
        self.unwritten.push(Batch::of_memory(link, memory, blotter, now.wall));
    }

    /// Sends the entries since the last call to the writer, which works in the background.
    pub(super) fn hand_over(&mut self, accounts: &Accounts, now: Now) {
        let Some(journal) = &self.journal else { return };
        for batch in self.unwritten.drain(..) {
            if batch.is_empty() {
                continue;
            }
            if let Some(batch) = self.monitor.overdue.pass(batch, journal.waiting()) {
                self.monitor.send(journal, batch);
            }
        }
        if journal.waiting() == 0 {
            self.settle_overdue(accounts, now);
        }
    }

    /// Sends everything known to a journal file that was started again, so that the next start has what was shown.
    fn hand_over_everything(&mut self, accounts: &Accounts, now: Now) {
        let Some(journal) = &self.journal else { return };
        for account in accounts {
            let id = account.account.as_ref().map(|dated| dated.value.id.clone());
            let batch = Batch::of_everything(account.link.id.clone(), id, &account.blotter, now.wall);
            if !batch.is_empty() {
                self.monitor.send(journal, batch);
            }
        }
    }

    /// Sends the present state of entries of which only ids were kept.
    fn settle_overdue(&mut self, accounts: &Accounts, now: Now) {
        let Some(journal) = &self.journal else { return };
        let blotter = |link: &LinkId| accounts.get(link).map(|account| &account.blotter);
        for batch in self.monitor.overdue.settle(blotter, now.wall) {
            self.monitor.send(journal, batch);
        }
    }

    /// Checks the journal's progress; returns messages to handle. Ask [`Self::holds`] afterwards.
    pub(super) fn look(&mut self, accounts: &Accounts, now: Now) -> Vec<Msg> {
        self.hand_over(accounts, now);
        let Some(progress) = self.monitor.reached() else { return Vec::new() };
        if self.monitor.has_begun(&progress) {
            self.hand_over_everything(accounts, now);
        }
        let Some(journal) = &self.journal else { return Vec::new() };
        let notice = journal.take_notice();
        let records = journal.waiting() + self.monitor.overdue.len();
        let saving = self.monitor.look(progress, now.mono, journal.steps(), records);
        saving.map(Msg::Saving).into_iter().chain(notice.map(Msg::Trouble)).collect()
    }

    /// Whether the next frame should wait for the disk.
    pub(super) fn holds(&self) -> bool {
        self.monitor.holds()
    }

    /// Until when the next frame waits.
    pub(super) fn until(&self) -> Option<Mono> {
        self.monitor.until()
    }

    /// Sends the last entries. They are written while the terminal is restored, which may take time.
    pub(super) fn ending(&mut self, accounts: &Accounts, now: Now) {
        self.hand_over(accounts, now);
        self.settle_overdue(accounts, now);
        self.monitor.ending.get_or_insert(now.mono);
    }

    /// Closes the journal; a sentence when it lacks something that was shown.
    pub(super) fn finish(&mut self, accounts: &Accounts, now: Now) -> Option<String> {
        self.ending(accounts, now);
        let ending = self.monitor.ending.unwrap_or_default();
        let left = LAST_WAIT.saturating_sub(now.mono.since(ending)).max(LEAST_WAIT);
        let reason = self.journal.take()?.close(left)?;
        Some(format!("not everything shown is in the journal: {reason}; the next start fetches it from the broker"))
    }
}

/// Opens the journal off the loop's thread, and loads the state of these links.
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
                notices.extend(known.unreadable_words(&link.id));
                recalled.push(journal_state(link.id.clone(), known));
            }
            Err(error) => notices.push(error.to_string()),
        }
    }
    // A fault of the file concerns every link.
    notices.dedup();
    Read { links, opened: Ok((journal, recalled)), notices }
}

fn journal_state(link: LinkId, known: LoadedState) -> JournalState {
    JournalState {
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
        let mut monitor = WriterMonitor { sent: 900, ..WriterMonitor::default() };
        let mut saved = Progress::default();
        let mut look = |progress: &Progress, millis: u64, steps| {
            let told = monitor.look(progress.clone(), Mono::from_millis(10_000 + millis), steps, 50_000);
            told.map(|saving| format!("{saving:?}"))
        };
        assert_eq!(look(&saved, 0, 1), None);
        assert_eq!(look(&saved, 400, 2), None);
        assert_eq!(look(&saved, 600, 3).as_deref(), Some("Behind(50000)"));
        assert_eq!(look(&saved, 1_600, 4), None, "once");
        assert_eq!(look(&saved, 3_500, 4), None, "a long commit");
        let silent = "Failing(\"the disk does not answer\")";
        assert_eq!(look(&saved, 3_700, 4).as_deref(), Some(silent));
        assert_eq!(look(&saved, 4_000, 5), None);
        saved.saved = 900;
        assert_eq!(look(&saved, 4_100, 6).as_deref(), Some("Done"));
        saved.saved = 899;
        assert_eq!(look(&saved, 5_000, 6), None);
        assert_eq!(look(&saved, 5_600, 6).as_deref(), Some(silent), "it never began");
        saved.saved = 900;
        assert_eq!(look(&saved, 5_700, 7).as_deref(), Some("Done"));
        saved = Progress { saved: 899, fault: Some("full".to_owned()), ..saved };
        assert_eq!(look(&saved, 6_000, 8).as_deref(), Some("Failing(\"full\")"), "at once");
        saved = Progress { saved: 900, fault: None, ..saved };
        assert_eq!(look(&saved, 6_100, 9).as_deref(), Some("Done"));
        saved = Progress { saved: 899, fault: Some("newer".to_owned()), is_newer_version: true, ..saved };
        assert_eq!(look(&saved, 7_000, 9).as_deref(), Some("Off(\"newer\")"), "nothing is promised");
        saved = Progress { saved: 900, fault: None, is_newer_version: false, ..saved };
        assert_eq!(look(&saved, 7_100, 10).as_deref(), Some("Done"), "the file was replaced");
    }

    #[tokio::test]
    async fn unreadable_rows_are_reported_at_start_and_move_the_watermark_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.sqlite");
        rusqlite::Connection::open(&path)
            .unwrap()
            .execute_batch(include_str!("../../../tests/fixtures/journal-0.1.0.sql"))
            .unwrap();
        rusqlite::Connection::open(&path)
            .unwrap()
            .execute("UPDATE executions SET body = '' WHERE id = 'e1'", [])
            .unwrap();
        let link = LinkRecord {
            id: "alpaca-paper/paper/PA1".into(),
            broker: "alpaca-paper".into(),
            environment: crate::domain::Environment::Paper,
            account_id: "account".into(),
            account_number: "PA1".into(),
            label: "paper".into(),
            scopes: Vec::new(),
            linked_at: jiff::Timestamp::UNIX_EPOCH,
            grantor: None,
        };
        let Read { opened, notices, .. } = read(path, vec![link]).await;
        let (_, recalled) = opened.unwrap();
        let sentence = "1 journal row of alpaca-paper/paper/PA1 cannot be read by this version; asking the broker again for \
                        everything since 2025-10-09T08:54:00Z";
        assert_eq!(notices, [sentence]);
        let [known] = recalled.as_slice() else { panic!("{recalled:?}") };
        assert_eq!((known.orders.len(), known.executions.len()), (2, 4));
        assert_eq!((known.watermark, known.watermark), (known.complete_at, "2025-10-09T08:54:00Z".parse().ok()));
    }
}
