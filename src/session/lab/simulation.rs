//! One run: virtual time, a network that misbehaves as planned, the real session and blotter, and the
//! oracle at each step.

mod events;
mod judge;
mod network;
mod other_account;
mod outages;
mod program;
mod rest;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use jiff::Timestamp;

use self::other_account::OtherAccount;
use self::outages::Outages;
use self::program::Program;
use self::rest::Asked;
use super::broker::Broker;
use super::chance::Chance;
use super::journal::{Journal, Setting};
use super::memory::Memories;
use super::plan::{Incident, OtherPrograms, Plan};
use crate::domain::{Mono, Now};
use crate::session::event::StreamEvent;
use crate::session::machine::{Input, Session};
use crate::session::request::{Reply, RequestError, RequestId};
use crate::session::resync::Limits;
use crate::session::state::{ConnectionState, Epoch};

/// How far before its mark a pass begins.
const OVERLAP: Duration = Duration::from_secs(45);
/// Page sizes of the laboratory's broker, so that a few dozen orders make many pages.
const LIMITS: Limits = Limits { orders_page: 5, fills_page: 4, overlap: OVERLAP, held: 12, pages: 1_000, by_id: 1_000 };
/// How long a new stream may take until it is followed.
const REOPENED: Duration = Duration::from_secs(15);
/// The truth must be on the screen this long after the faults end: a quiet account is audited every five minutes, and
/// what an audit finds may need one more pass.
const SETTLE: Duration = Duration::from_mins(8);

/// The same, after a late row is finally listed.
const LISTED: Duration = Duration::from_mins(6);

/// A token refused for a minute is probed hourly, and a refused request takes longer.
const PROBED: Duration = Duration::from_mins(62);

/// A program that could not read the journal is restarted this long after the faults end.
const AGAIN: Duration = Duration::from_secs(5);

/// How often a run is checked.
const LOOK: Duration = Duration::from_secs(20);

/// Far more than any run needs that settles.
const STEPS: u32 = 100_000;
/// An account that holds something requests its value every ten seconds, and each request takes two steps.
const STEPS_A_DAY: u32 = 200_000;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// A hash of all outputs of the session and their times.
    pub(crate) trace: u64,
    /// What went wrong, if anything.
    pub(crate) wrong: Option<String>,
}

/// The next event, and its program or broker.
#[derive(Debug)]
enum Event {
    Act(usize),
    Incident(Incident),
    Look,
    Stream(usize, Epoch, Box<StreamEvent>),
    /// The broker starts to send updates on this stream.
    Subscribed(usize, Epoch),
    Asked(usize, Box<Asked>),
    Reply(usize, RequestId, Box<Result<Box<Reply>, RequestError>>),
    Start(usize),
    WakeUp(usize),
    /// The other program released the account.
    Freed(usize),
    /// A person stops the program and starts it again.
    Again(usize),
    /// What happened before this must be shown: a while ago, everything answered again.
    Recovered(Duration),
}

struct Timed {
    at: Duration,
    number: u64,
    event: Event,
}

impl PartialEq for Timed {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}
impl Eq for Timed {}
impl PartialOrd for Timed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Timed {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

struct Simulation {
    plan: Plan,
    chance: Chance,
    now: Duration,
    events: BinaryHeap<Reverse<Timed>>,
    number: u64,
    brokers: Vec<Broker>,
    programs: Vec<Program>,
    /// The other account that a token may turn to.
    other_account: OtherAccount,
    journal: Box<dyn Journal>,
    /// Which program streams each account.
    owners: Vec<Option<usize>>,
    down_until: Duration,
    refuse_until: Duration,
    /// A newer token is available.
    relinked: bool,
    /// When a token that counts as dead will have been probed.
    probed_by: Duration,
    no_socket: (u16, Duration),
    outages: Outages,
    trace: u64,
    honest: bool,
    wrong: Option<String>,
    history: Option<Vec<String>>,
}

/// The monotonic clock of the programs and their wall clock, which may be wrong.
fn clocks(at: Duration, skew: i64) -> Now {
    Now { mono: Mono(at), wall: broker_time(at) + jiff::SignedDuration::from_secs(skew) }
}

/// The service writes nanoseconds; a time that ends in zeros was rounded.
fn broker_time(at: Duration) -> Timestamp {
    Timestamp::new(1_760_000_000, 137).unwrap_or_default() + at
}

/// Runs a seed; `history` records what happens for reading.
pub(super) fn run(seed: u64, history: bool) -> (Outcome, Vec<String>) {
    let (chance, plan) = draw(seed);
    let journal = memories(&plan);
    finish(Simulation::new(plan, chance, history, journal), history)
}

fn draw(seed: u64) -> (Chance, Plan) {
    let mut chance = Chance::new(seed);
    let mut plan = Plan::draw(&mut chance);
    plan.draw_outages(&mut Chance::new(seed.rotate_left(32)));
    plan.draw_turn(&mut Chance::new(!seed));
    (chance, plan)
}

fn memories(plan: &Plan) -> Box<dyn Journal> {
    Box::new(Memories::of(plan.setting().programs))
}

/// Runs a seed on another journal.
pub(crate) fn run_on(
    seed: u64,
    history: bool,
    journal: impl FnOnce(Setting) -> Box<dyn Journal>,
) -> (Outcome, Vec<String>) {
    let (chance, plan) = draw(seed);
    let journal = journal(plan.setting());
    finish(Simulation::new(plan, chance, history, journal), history)
}

fn finish(mut simulation: Simulation, history: bool) -> (Outcome, Vec<String>) {
    if history {
        let plan = format!("{:?}", simulation.plan);
        simulation.note(|| plan);
    }
    simulation.live();
    (Outcome { trace: simulation.trace, wrong: simulation.wrong }, simulation.history.unwrap_or_default())
}

/// Runs a seed for several days; also returns the number of orders.
pub(super) fn run_days(seed: u64, days: u32) -> (Outcome, usize) {
    let mut chance = Chance::new(seed);
    let plan = Plan::of_days(days, &mut chance);
    let journal = memories(&plan);
    let mut simulation = Simulation::new(plan, chance, false, journal);
    simulation.live();
    (Outcome { trace: simulation.trace, wrong: simulation.wrong }, simulation.brokers[0].orders.len())
}

impl Simulation {
    fn new(plan: Plan, chance: Chance, history: bool, journal: Box<dyn Journal>) -> Self {
        let broker = |name| Broker::new(name, plan.reading, broker_time(Duration::ZERO));
        let programs: Vec<_> = plan.setting().programs.into_iter().map(Program::of).collect();
        let brokers = match plan.others {
            OtherPrograms::Nobody | OtherPrograms::Instance => vec![broker("")],
            OtherPrograms::Account => vec![broker(""), broker("b")],
        };
        Self {
            journal,
            owners: vec![None; brokers.len()],
            brokers,
            programs,
            other_account: OtherAccount::new(plan.reading),
            honest: plan.stream_is_honest(),
            plan,
            chance,
            now: Duration::ZERO,
            events: BinaryHeap::new(),
            number: 0,
            down_until: Duration::ZERO,
            refuse_until: Duration::ZERO,
            relinked: false,
            probed_by: Duration::ZERO,
            no_socket: (0, Duration::ZERO),
            outages: Outages::default(),
            trace: 0xcbf2_9ce4_8422_2325,
            wrong: None,
            history: history.then(Vec::new),
        }
    }

    /// Schedules everything that is planned.
    fn begin(&mut self) {
        // Some history from before the program starts.
        for step in 0..self.plan.history {
            let at = broker_time(Duration::from_millis(step * 400));
            for broker in &mut self.brokers {
                broker.act(&self.plan, &mut self.chance, at);
            }
        }
        self.now = self.plan.begins_at();
        for (at, incident) in std::mem::take(&mut self.plan.incidents) {
            self.at(self.now + at, Event::Incident(incident));
        }
        for window in &mut self.plan.fault_windows {
            (window.from, window.to) = (window.from + self.now, window.to + self.now);
        }
        self.plan.calm_at += self.now;
        self.plan.turn = self.plan.turn.map(|(from, to)| (from + self.now, to + self.now));
        self.plan.lull = self.plan.lull.map(|(from, to)| (from + self.now, to + self.now));
        for (at, long) in self.journal.kills() {
            self.at(at, Event::Incident(Incident::Kill(long)));
        }
        for program in 0..self.programs.len() {
            let after = Duration::from_millis(program as u64 * 700);
            self.at(self.now + after, Event::Start(program));
        }
        for broker in 0..self.brokers.len() {
            self.at(self.now, Event::Act(broker));
        }
        self.at(self.now + LOOK, Event::Look);
    }

    fn live(&mut self) {
        self.begin();
        // Most runs end when the truth is shown; some continue to check that it stays.
        let may_stop = self.chance.percent(85);
        let mut steps = 0;
        while self.wrong.is_none() {
            steps += 1;
            if steps > STEPS + self.plan.days * STEPS_A_DAY {
                self.wrong = Some("it never settles".to_owned());
                return;
            }
            let Some((at, whose)) = self.next() else { break };
            // A stream that an audit has just replaced is followed within seconds.
            let last = self.end() + if self.is_opening() { REOPENED } else { Duration::ZERO };
            if at > last {
                break;
            }
            self.now = self.now.max(at);
            if let Some(program) = whose {
                self.input(program, Input::Timeout);
                continue;
            }
            let Some(Reverse(timed)) = self.events.pop() else { break };
            let look = matches!(timed.event, Event::Look);
            self.happen(timed.event);
            let enough = if may_stop { self.plan.calm_at + LOOK } else { self.rest() };
            if look && self.now >= enough && self.judge().is_ok() {
                break;
            }
        }
        if self.wrong.is_none() {
            self.wrong = self.judge().and_then(|()| self.repeat_truth()).err();
        }
    }

    fn is_opening(&self) -> bool {
        let states = self.programs.iter().filter_map(|program| program.session.as_ref()).map(Session::state);
        states.map(ConnectionState::word).any(|word| matches!(word, "connecting" | "syncing"))
    }

    /// When everything must be correct.
    fn end(&self) -> Duration {
        self.rest().max(self.probed_by + SETTLE)
    }

    /// When everything must be correct, unless a token counts as dead.
    fn rest(&self) -> Duration {
        let listed = self.brokers.iter().filter_map(Broker::all_listed_at).max().unwrap_or(broker_time(Duration::ZERO));
        let listed = listed.duration_since(broker_time(Duration::ZERO)).unsigned_abs() + LISTED;
        let calm = self.plan.calm_at + SETTLE;
        if self.plan.late_rows > 0 { calm.max(listed) } else { calm }
    }

    /// The next time at which something happens; for a timeout, also the program.
    fn next(&self) -> Option<(Duration, Option<usize>)> {
        let mut first: Option<(Duration, Option<usize>)> = None;
        for (number, program) in self.programs.iter().enumerate() {
            let deadline = program.session.as_ref().and_then(Session::deadline);
            if let Some(at) = deadline.map(|at| at.0.max(program.asleep_until))
                && first.is_none_or(|(known, _)| at < known)
            {
                first = Some((at, Some(number)));
            }
        }
        match (self.events.peek().map(|Reverse(timed)| timed.at), first) {
            (Some(at), Some((deadline, _))) if at <= deadline => Some((at, None)),
            (Some(at), None) => Some((at, None)),
            (_, first) => first,
        }
    }

    fn at(&mut self, at: Duration, event: Event) {
        self.number += 1;
        self.events.push(Reverse(Timed { at, number: self.number, event }));
    }

    fn calm(&self) -> bool {
        self.now >= self.plan.calm_at
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        if let Some(history) = &mut self.history {
            history.push(format!("{:9.3} {}", self.now.as_millis(), text()));
        }
    }

    fn fail(&mut self, what: impl FnOnce() -> String) {
        if self.wrong.is_none() {
            self.wrong = Some(what());
        }
    }

    fn hash(&mut self, text: &str) {
        for byte in text.bytes() {
            self.trace = (self.trace ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
