//! The loop's side of the journal: reading it next to the first frame, and writing it before each further frame.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::accounts::{Accounts, JournalEntry, JournalState, Msg, Saving};
use crate::domain::{LinkId, Mono, Now};
use crate::io::journal::{Backlog, Batch, Journal, JournalError, LoadedState, Opened, Progress};
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
struct Keeping {
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
    /// Hands a batch over; a writer that has ended is a fault that lasts.
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

    /// Judges how far the writer is, which has made so many `steps` and has so many `records` before it; what a person should
    /// be told of it, once for each fault.
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
        Some(Saving::Failing(fault.unwrap_or_else(|| "the disk does not answer".to_owned())))
    }

    /// True while what is shown next is waited for.
    fn holds(&self) -> bool {
        !self.behind && self.waiting.is_some()
    }

    /// Until when.
    fn until(&self) -> Option<Mono> {
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
    opened: Result<(Journal, Vec<JournalState>), JournalError>,
    notices: Vec<String>,
}

/// Waits for the journal, if one is being read.
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

/// Keeps in the journal what a loop learns of its accounts.
#[derive(Default)]
pub(super) struct Keeper {
    /// `None` when nothing is to be kept, or nothing can be.
    journal: Option<Journal>,
    reading: Option<Reading>,
    unwritten: Vec<Batch>,
    keeping: Keeping,
}

impl Keeper {
    /// Reads the journal beside the first frame; [`done`] waits for it.
    pub(super) fn begin_reading(&mut self, path: PathBuf, links: Vec<LinkRecord>) {
        self.reading = Some(tokio::spawn(read(path, links)));
    }

    /// The journal being read, for the loop that waits for it.
    pub(super) const fn reading(&mut self) -> Option<Reading> {
        self.reading.take()
    }

    /// Tells when the writer got on; never, without a journal.
    pub(super) fn watch(&self) -> Option<watch::Receiver<Progress>> {
        self.keeping.progress.clone()
    }

    /// True when something is kept.
    pub(super) const fn keeps(&self) -> bool {
        self.journal.is_some()
    }

    /// Takes over what was read: the links to connect, and what is told before that.
    pub(super) fn begin(&mut self, read: Read) -> (Vec<LinkRecord>, Vec<Msg>) {
        let Read { links, opened, notices } = read;
        let mut told = Vec::new();
        match opened {
            Ok((journal, known)) => {
                told.extend(known.into_iter().map(|known| Msg::Remembered(Box::new(known))));
                self.keeping = Keeping { progress: Some(journal.progress()), ..Keeping::default() };
                self.journal = Some(journal);
            }
            Err(error) => told.push(Msg::Saving(Saving::Off(error.to_string()))),
        }
        told.extend(notices.into_iter().map(Msg::Trouble));
        (links, told)
    }

    /// What another instance wrote of an account before it let go of it: this one goes on from that. Nothing where the journal
    /// does not answer now; what this one knows serves as well.
    pub(super) async fn read_again(&mut self, link: &LinkId, accounts: &Accounts, now: Now) -> Vec<Msg> {
        self.hand_over(accounts, now);
        let Some(journal) = self.journal.as_ref().filter(|_| !self.keeping.behind) else { return Vec::new() };
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

    /// Takes what was learned; [`Self::hand_over`] gives it to the journal.
    pub(super) fn remember(&mut self, link: LinkId, memory: JournalEntry, accounts: &Accounts, now: Now) {
        if self.journal.is_none() {
            return;
        }
        let blotter = accounts.get(&link).map(|account| &account.blotter);
        self.unwritten.push(Batch::of_memory(link, memory, blotter, now.wall));
    }

    /// Gives the journal what was learned since; it writes while the loop goes on.
    pub(super) fn hand_over(&mut self, accounts: &Accounts, now: Now) {
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
            self.settle_overdue(accounts, now);
        }
    }

    /// Gives a journal that was begun anew what is known: the next start must not lack what was shown.
    fn hand_over_everything(&mut self, accounts: &Accounts, now: Now) {
        let Some(journal) = &self.journal else { return };
        for account in accounts {
            let id = account.account.as_ref().map(|dated| dated.value.id.clone());
            let batch = Batch::of_everything(account.link.id.clone(), id, &account.blotter, now.wall);
            if !batch.is_empty() {
                self.keeping.send(journal, batch);
            }
        }
    }

    /// Writes what only names were kept of, as it is now.
    fn settle_overdue(&mut self, accounts: &Accounts, now: Now) {
        let Some(journal) = &self.journal else { return };
        let blotter = |link: &LinkId| accounts.get(link).map(|account| &account.blotter);
        for batch in self.keeping.overdue.settle(blotter, now.wall) {
            self.keeping.send(journal, batch);
        }
    }

    /// Looks how the journal keeps up: what is to be told of it, and [`Self::holds`] afterwards.
    pub(super) fn look(&mut self, accounts: &Accounts, now: Now) -> Vec<Msg> {
        self.hand_over(accounts, now);
        let Some(progress) = self.keeping.reached() else { return Vec::new() };
        if self.keeping.has_begun(&progress) {
            self.hand_over_everything(accounts, now);
        }
        let Some(journal) = &self.journal else { return Vec::new() };
        let notice = journal.take_notice();
        let records = journal.waiting() + self.keeping.overdue.len();
        let saving = self.keeping.look(progress, now.mono, journal.steps(), records);
        saving.map(Msg::Saving).into_iter().chain(notice.map(Msg::Trouble)).collect()
    }

    /// True while what is shown next should wait for the disk.
    pub(super) fn holds(&self) -> bool {
        self.keeping.holds()
    }

    /// Until when.
    pub(super) fn until(&self) -> Option<Mono> {
        self.keeping.until()
    }

    /// The program ends: the disk gets what is left, and works while a terminal that may not read is given back.
    pub(super) fn ending(&mut self, accounts: &Accounts, now: Now) {
        self.hand_over(accounts, now);
        self.settle_overdue(accounts, now);
        self.keeping.ending.get_or_insert(now.mono);
    }

    /// Ends the journal; a sentence when not everything that was shown is in it.
    pub(super) fn finish(&mut self, accounts: &Accounts, now: Now) -> Option<String> {
        self.ending(accounts, now);
        let ending = self.keeping.ending.unwrap_or_default();
        let left = LAST_WAIT.saturating_sub(now.mono.since(ending)).max(LEAST_WAIT);
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
        let mut keeping = Keeping { sent: 900, ..Keeping::default() };
        let mut saved = Progress::default();
        let mut look = |progress: &Progress, millis: u64, steps| {
            let told = keeping.look(progress.clone(), Mono::from_millis(10_000 + millis), steps, 50_000);
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
    }

    #[tokio::test]
    async fn a_start_says_which_rows_it_cannot_read_and_from_when_the_broker_is_asked_again() {
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
