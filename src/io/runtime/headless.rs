//! The loop without a screen: drives [`crate::accounts`] alone, and shows what came of it to a witness.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::BATCH;
use super::memory::{self, Keeper, Read};
use super::slept::{TICK, slept};
use crate::accounts::{Accounts, Effect, Msg, Output, Troubles};
use crate::domain::{Mono, Now};
use crate::io::alarm::Alarm;
use crate::io::clock::Clock;
use crate::io::connections::Connections;
use crate::io::signals;
use crate::link::LinkRecord;

/// The linked accounts, connected; nothing can be linked or unlinked here.
pub struct Headless {
    /// What is known of them.
    pub accounts: Accounts,
    /// What went wrong.
    pub troubles: Troubles,
    connections: Connections<Msg>,
    inbox: mpsc::Receiver<Msg>,
    clock: Clock,
    keeper: Keeper,
    last: Now,
    ticked: Mono,
}

/// Who looks at a loop without a screen.
pub trait Witness {
    /// Looks after each message.
    fn look(&mut self, running: &Headless);

    /// Passes on what was seen: it is on disk, or known not to be. False stops the loop. It waits for nobody.
    fn tell(&mut self, running: &Headless) -> bool;

    /// Changes when more can be passed on though nothing new was seen.
    fn moved(&self) -> Option<watch::Receiver<u64>> {
        None
    }
}

impl<F: FnMut(&Headless) -> bool> Witness for F {
    fn look(&mut self, _running: &Headless) {}

    fn tell(&mut self, running: &Headless) -> bool {
        self(running)
    }
}

impl Headless {
    /// A loop on what these connections answer.
    pub(in crate::io) fn new(
        connections: Connections<Msg>,
        inbox: mpsc::Receiver<Msg>,
        clock: Clock,
        read_only: bool,
    ) -> Self {
        let last = clock.now();
        Self {
            accounts: Accounts::new(read_only),
            troubles: Troubles::default(),
            connections,
            inbox,
            clock,
            keeper: Keeper::default(),
            last,
            ticked: last.mono,
        }
    }

    /// The instant of the last message.
    pub const fn now(&self) -> Now {
        self.last
    }

    /// Lists the links and reads the journal; their connections begin when it is read. Without a place to write the loop goes on
    /// and says so.
    pub fn start_remembering(&mut self, path: PathBuf, links: Vec<LinkRecord>) {
        self.connections.know(&links);
        self.handle(Msg::Listed { links: links.clone() });
        self.keeper.begin_reading(path, links);
    }

    /// Runs until a signal ends it, or the witness has seen enough; gives the exit code.
    pub async fn run<W: Witness + ?Sized>(&mut self, witness: &mut W) -> u8 {
        let mut signals = signals::listen();
        let mut batch = Vec::with_capacity(BATCH);
        let mut reading = self.keeper.reading();
        let mut progress = self.keeper.watch();
        let mut passed_on = witness.moved();
        let alarm = Alarm::new();
        loop {
            let deadline = self.clock.instant(self.deadline());
            tokio::select! {
                biased; // signals first: a flood of updates must not keep the program from ending
                Some(signal) = signals.recv() => return self.close(signal),
                read = memory::done(&mut reading) => {
                    self.begin(read);
                    progress = self.keeper.watch();
                }
                () = memory::moved(&mut progress) => {}
                () = memory::moved(&mut passed_on) => {
                    if !witness.tell(self) {
                        return 0;
                    }
                }
                1.. = self.inbox.recv_many(&mut batch, BATCH) => {}
                () = alarm.wait(Some(deadline)) => {
                    self.tick();
                    witness.look(self);
                }
            }
            for msg in batch.drain(..) {
                self.refresh_memory(&msg).await;
                self.handle(msg);
                witness.look(self);
                if !self.keeper.keeps() && !witness.tell(self) {
                    return 0;
                }
            }
            // LoopMessage only when it is on disk, or is known not to be.
            self.settle().await;
            if !witness.tell(self) {
                return 0;
            }
        }
    }

    /// Ends the journal; a sentence when not everything that was told is in it.
    pub fn finish(&mut self) -> Option<String> {
        self.keeper.finish(&self.accounts, self.clock.now())
    }

    fn handle(&mut self, msg: Msg) {
        // A flood of messages may keep the timer from ever firing.
        let now = self.turn(TICK);
        self.accounts.handle(msg, now);
        self.follow(now);
    }

    fn tick(&mut self) {
        self.turn(Duration::ZERO);
    }

    /// Looks at the clocks: whether the machine slept, and whether deadlines passed where that was last looked at so long ago.
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

    /// Does what the accounts ask for and notes what went wrong, until they have nothing more.
    fn follow(&mut self, now: Now) {
        while let Some(output) = self.accounts.poll() {
            match output {
                Output::Do(Effect::Remember { link, memory }) => {
                    self.keeper.remember(link, memory, &self.accounts, now);
                }
                Output::Do(effect) => self.connections.run(effect),
                Output::Told(event) => self.troubles.follow(&event, &self.accounts, relink, now),
            }
        }
    }

    fn deadline(&self) -> Mono {
        let tick = self.ticked + TICK;
        self.accounts.deadline().map_or(tick, |deadline| deadline.min(tick))
    }

    fn begin(&mut self, read: Option<Read>) {
        let Some(read) = read else { return };
        let (links, told) = self.keeper.begin(read);
        for msg in told {
            self.handle(msg);
        }
        self.connections.know(&links);
        self.handle(Msg::Started { links });
    }

    /// Before the stream is taken over from another instance: what that one wrote is what this one goes on from.
    async fn refresh_memory(&mut self, msg: &Msg) {
        let Msg::Freed { link } = msg else { return };
        for known in self.keeper.read_again(link, &self.accounts, self.last).await {
            self.handle(known);
        }
    }

    /// Waits until everything learned is on disk, or is known not to be.
    async fn settle(&mut self) {
        let mut progress = self.keeper.watch();
        loop {
            let now = Now { mono: self.clock.now().mono, ..self.last };
            for msg in self.keeper.look(&self.accounts, now) {
                self.handle(msg);
            }
            let Some(until) = self.keeper.until().filter(|_| self.keeper.holds()) else { return };
            // Either way it is looked at again.
            drop(tokio::time::timeout_at(self.clock.instant(until).into(), memory::moved(&mut progress)).await);
        }
    }

    /// Closes every stream; gives the exit code for this signal.
    fn close(&mut self, signal: i32) -> u8 {
        self.accounts.close();
        self.follow(self.last);
        u8::try_from(128 + signal).unwrap_or(1)
    }
}

/// How an account is linked again from a command line.
fn relink(link: &LinkRecord) -> String {
    format!("`brokerdeck link {}` links it again", link.broker)
}
