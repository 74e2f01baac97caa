//! The loop without a screen: drives [`crate::accounts`] and shows the result to an observer.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::journaling::{self, JournalFeed, Read};
use super::sleep_detection::{TICK, slept};
use super::{BATCH, INBOX};
use crate::accounts::{Accounts, Ends, Msg, Output, Troubles};
use crate::domain::{LinkId, Mono, Now};
use crate::io::accounts::AccountAccess;
use crate::io::alarm::Alarm;
use crate::io::clock::Clock;
use crate::io::connections::{Connections, LoopEffect};
use crate::io::signals;
use crate::link::LinkRecord;

/// The linked accounts and their connections; links cannot be added or removed here.
pub struct Headless {
    pub accounts: Accounts,
    pub troubles: Troubles,
    connections: Connections<Msg>,
    inbox: mpsc::Receiver<Msg>,
    clock: Clock,
    journal_feed: JournalFeed,
    last: Now,
    ticked: Mono,
}

/// Observes a loop without a screen.
pub trait Observer {
    /// Called after each message.
    fn look(&mut self, running: &Headless);

    /// Outputs what was observed, which is now on disk or known not to be. Must not block; false stops the loop.
    fn tell(&mut self, running: &Headless) -> bool;

    /// Changes when more output is possible without a new message.
    fn moved(&self) -> Option<watch::Receiver<u64>> {
        None
    }
}

impl<F: FnMut(&Headless) -> bool> Observer for F {
    fn look(&mut self, _running: &Headless) {}

    fn tell(&mut self, running: &Headless) -> bool {
        self(running)
    }
}

impl Headless {
    /// A loop on these accounts. In the folder for locks instances agree on who streams an account; without one this loop
    /// streams all.
    pub fn new(accounts: &AccountAccess, locks: Option<PathBuf>) -> Self {
        let (sender, inbox) = mpsc::channel(INBOX);
        let clock = Clock::new();
        let last = clock.now();
        Self {
            accounts: Accounts::new(accounts.read_only),
            troubles: Troubles::default(),
            connections: Connections::new(sender, accounts.clone(), locks),
            inbox,
            clock,
            journal_feed: JournalFeed::default(),
            last,
            ticked: last.mono,
        }
    }

    /// The instant of the last message.
    pub const fn now(&self) -> Now {
        self.last
    }

    /// Lists the links and reads the journal, then connects. Without a journal the loop reports that and continues.
    pub fn start_remembering(&mut self, path: PathBuf, links: Vec<LinkRecord>) {
        self.connections.know(&links);
        self.handle(Msg::Listed { links: links.clone() });
        self.journal_feed.begin_reading(path, links);
    }

    /// Runs until a signal or the observer stops it; returns the exit code.
    pub async fn run<W: Observer + ?Sized>(&mut self, observer: &mut W) -> u8 {
        let mut signals = signals::listen();
        let mut batch = Vec::with_capacity(BATCH);
        let mut reading = self.journal_feed.reading();
        let mut progress = self.journal_feed.watch();
        let mut passed_on = observer.moved();
        let alarm = Alarm::new();
        loop {
            let deadline = self.clock.instant(self.deadline());
            tokio::select! {
                biased; // signals first: a flood of updates must not keep the program from ending
                Some(signal) = signals.recv() => return self.close(signal),
                read = journaling::done(&mut reading) => {
                    self.begin(read);
                    progress = self.journal_feed.watch();
                }
                () = journaling::moved(&mut progress) => {}
                () = journaling::moved(&mut passed_on) => {
                    if !observer.tell(self) {
                        return 0;
                    }
                }
                1.. = self.inbox.recv_many(&mut batch, BATCH) => {}
                () = alarm.wait(Some(deadline)) => {
                    self.tick();
                    observer.look(self);
                }
            }
            for msg in batch.drain(..) {
                self.refresh_memory(&msg).await;
                self.handle(msg);
                observer.look(self);
                if !self.journal_feed.keeps() && !observer.tell(self) {
                    return 0;
                }
            }
            // Output only what is on disk, or known not to be.
            self.settle().await;
            if !observer.tell(self) {
                return 0;
            }
        }
    }

    /// Closes the journal; a sentence when it lacks something that was output.
    pub fn finish(&mut self) -> Option<String> {
        self.journal_feed.finish(&self.accounts, self.clock.now())
    }

    fn handle(&mut self, msg: Msg) {
        // A flood of messages may keep the timer from firing.
        let now = self.turn(TICK);
        self.accounts.handle(msg, now);
        self.follow(now);
    }

    fn tick(&mut self) {
        self.turn(Duration::ZERO);
    }

    /// Checks whether the machine slept, and, if the last check was longer ago than `every`, whether deadlines have
    /// passed.
    fn turn(&mut self, every: Duration) -> Now {
        let now = self.clock.now();
        if slept(self.last, now) {
            self.accounts.handle(Msg::Resumed, now);
        }
        self.last = now;
        if now.mono.since(self.ticked) >= every {
            self.ticked = now.mono;
            self.accounts.tick(now);
        }
        self.follow(now);
        now
    }

    /// Runs the accounts' effects and records troubles, until there are no more outputs.
    fn follow(&mut self, now: Now) {
        while let Some(output) = self.accounts.poll() {
            match output {
                Output::Do(effect) => match self.connections.run(effect) {
                    None => {}
                    Some(LoopEffect::Remember { link, memory }) => {
                        self.journal_feed.remember(link, memory, &self.accounts, now);
                    }
                    Some(LoopEffect::Unlink { link }) => self.leave_out(&link, now),
                },
                Output::Event(event) => self.troubles.follow(&event, &self.accounts, relink, now),
            }
        }
    }

    /// Ends this run's part in an account whose link is a duplicate, so that nothing is output twice. The link stays: a
    /// program without a screen cannot ask whether to forget its token.
    fn leave_out(&mut self, link: &LinkId, now: Now) {
        let label = self.accounts.label(link);
        self.accounts.remove(link);
        self.connections.forget()(link);
        let text = format!("{label} stays linked but is left out of this run; `brokerdeck unlink {link}` unlinks it");
        self.troubles.add(None, Ends::Never, &text, now);
    }

    fn deadline(&self) -> Mono {
        let tick = self.ticked + TICK;
        self.accounts.deadline().map_or(tick, |deadline| deadline.min(tick))
    }

    fn begin(&mut self, read: Option<Read>) {
        let Some(read) = read else { return };
        let (links, notices) = self.journal_feed.begin(read);
        for msg in notices {
            self.handle(msg);
        }
        self.connections.know(&links);
        self.handle(Msg::Started { links });
    }

    /// Reads what another instance wrote, before this one takes over its stream.
    async fn refresh_memory(&mut self, msg: &Msg) {
        let Msg::Freed { link } = msg else { return };
        for known in self.journal_feed.read_again(link, &self.accounts, self.last).await {
            self.handle(known);
        }
    }

    /// Waits until every journal entry is on disk, or known not to be.
    async fn settle(&mut self) {
        let mut progress = self.journal_feed.watch();
        loop {
            let now = Now { mono: self.clock.now().mono, ..self.last };
            for msg in self.journal_feed.look(&self.accounts, now) {
                self.handle(msg);
            }
            let Some(until) = self.journal_feed.until().filter(|_| self.journal_feed.holds()) else { return };
            // On timeout or progress, check again.
            drop(tokio::time::timeout_at(self.clock.instant(until).into(), journaling::moved(&mut progress)).await);
        }
    }

    /// Closes every stream; returns the exit code for this signal.
    fn close(&mut self, signal: i32) -> u8 {
        self.accounts.close();
        self.follow(self.last);
        u8::try_from(128 + signal).unwrap_or(1)
    }
}

/// How to relink an account from the command line.
fn relink(link: &LinkRecord) -> String {
    format!("`brokerdeck link {}` links it again", link.broker)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::tests::fixture;
    use crate::domain::Environment;

    /// As the accounts request it for the older of two links to one account.
    #[tokio::test]
    async fn an_account_to_unlink_is_left_out_of_the_run_and_the_user_told_how_to_unlink_it() {
        let accounts = AccountAccess::none();
        let mut running = Headless::new(&accounts, None);
        let links = ["older", "newer"].map(|label| fixture::link(label, Environment::Paper));
        let (older, newer) = (links[0].id.clone(), links[1].id.clone());
        running.connections.know(&links);
        running.handle(Msg::Started { links: links.to_vec() });
        running.accounts.unlink(older.clone());
        running.handle(Msg::Resumed);
        let left: Vec<&LinkId> = running.accounts.iter().map(|account| &account.link.id).collect();
        assert_eq!(left, [&newer]);
        let text = format!("older stays linked but is left out of this run; `brokerdeck unlink {older}` unlinks it");
        assert_eq!(running.troubles.last().map(|trouble| trouble.text.clone()), Some(text));
    }
}
