//! One run: virtual time, a network that misbehaves as planned, the real session and blotter, and the oracle at each step.

mod network;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::time::Duration;

use jiff::Timestamp;

use super::broker::{self, Broker};
use super::chance::Chance;
use super::memory::Memory;
use super::oracle::{self, Oracle};
use super::plan::{Incident, Plan};
use crate::domain::blotter::Blotter;
use crate::domain::{Mono, Now, Position};
use crate::session::event::StreamEvent;
use crate::session::machine::{Input, Output, Session};
use crate::session::request::{Reply, RequestError, RequestErrorKind, RequestId};
use crate::session::resync::Limits;
use crate::session::state::{ConnectionState, Epoch};

/// What the laboratory's broker pages by, so that a few dozen orders make many pages.
const LIMITS: Limits = Limits { orders_page: 5, fills_page: 4, overlap: Duration::from_secs(45), held: 12 };
/// The truth must be on the screen this long after everything has calmed down: a quiet account is audited every five
/// minutes, and what an audit finds may need one more pass.
const SETTLE: Duration = Duration::from_mins(8);

/// How often a calm run is looked at.
const LOOK: Duration = Duration::from_secs(20);

/// Far more than any run takes that comes to rest.
const STEPS: u32 = 20_000;
/// An account that holds something is asked for its value every ten seconds.
const STEPS_A_DAY: u32 = 100_000;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    /// A hash of everything the session put out and when.
    pub(super) trace: u64,
    /// What is wrong, where something is.
    pub(super) wrong: Option<String>,
}

#[derive(Debug)]
enum Event {
    Act,
    Incident(Incident),
    Stream(Epoch, Box<StreamEvent>),
    /// The broker begins to send updates on this stream.
    Subscribed(Epoch),
    Reply(RequestId, Box<Result<Box<Reply>, RequestError>>),
    Start,
    WakeUp,
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

/// The stream as the network has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Line {
    epoch: Epoch,
    subscribed: bool,
    /// Open, but nothing comes through.
    mute: bool,
    last: Duration,
}

pub(super) struct World {
    plan: Plan,
    chance: Chance,
    now: Duration,
    events: BinaryHeap<Reverse<Timed>>,
    number: u64,
    broker: Broker,
    session: Option<Session>,
    blotter: Blotter,
    memory: Memory,
    oracle: Oracle,
    line: Option<Line>,
    positions: Vec<Position>,
    down_until: Duration,
    refuse_until: Duration,
    asleep_until: Duration,
    limited_until: Duration,
    under_way: HashSet<RequestId>,
    trace: u64,
    lives: u64,
    honest: bool,
    chance_to_stop: bool,
    /// When the first pass ever ended; what was over before is history.
    since: Option<Timestamp>,
    wrong: Option<String>,
    history: Option<Vec<String>>,
}

fn broker_time(at: Duration) -> Timestamp {
    Timestamp::from_second(1_760_000_000).unwrap_or_default() + at
}

/// Runs a seed; with `history`, what happened is kept for reading.
pub(super) fn run(seed: u64, history: bool) -> (Outcome, Vec<String>) {
    let mut chance = Chance::new(seed);
    let plan = Plan::draw(&mut chance);
    let mut world = World::new(plan, chance, history);
    if history {
        let plan = format!("{:?}", world.plan);
        world.note(|| plan);
    }
    world.live();
    (Outcome { trace: world.trace, wrong: world.wrong }, world.history.unwrap_or_default())
}

/// Runs a seed for days on end; tells also how many orders there were.
pub(super) fn run_days(seed: u64, days: u32) -> (Outcome, usize) {
    let mut chance = Chance::new(seed);
    let plan = Plan::of_days(days, &mut chance);
    let mut world = World::new(plan, chance, false);
    world.live();
    (Outcome { trace: world.trace, wrong: world.wrong }, world.broker.orders.len())
}

impl World {
    fn new(plan: Plan, chance: Chance, history: bool) -> Self {
        Self {
            broker: Broker::new(broker_time(Duration::ZERO)),
            plan,
            chance,
            now: Duration::ZERO,
            events: BinaryHeap::new(),
            number: 0,
            session: None,
            blotter: Blotter::default(),
            memory: Memory::default(),
            oracle: Oracle::default(),
            line: None,
            positions: Vec::new(),
            down_until: Duration::ZERO,
            refuse_until: Duration::ZERO,
            asleep_until: Duration::ZERO,
            limited_until: Duration::ZERO,
            under_way: HashSet::new(),
            trace: 0xcbf2_9ce4_8422_2325,
            lives: 0,
            honest: false,
            chance_to_stop: false,
            since: None,
            wrong: None,
            history: history.then(Vec::new),
        }
    }

    fn live(&mut self) {
        self.honest = self.plan.stream_is_honest();
        // Some history from before the program starts.
        for step in 0..self.chance.below(12) {
            let at = broker_time(Duration::from_millis(step * 400));
            self.broker.act(&self.plan, &mut self.chance, at);
        }
        self.now = Duration::from_secs(10);
        for (at, incident) in std::mem::take(&mut self.plan.incidents) {
            self.at(self.now + at, Event::Incident(incident));
        }
        self.plan.calm_at += self.now;
        self.plan.lull = self.plan.lull.map(|(from, to)| (from + self.now, to + self.now));
        self.at(self.now, Event::Start);
        self.at(self.now, Event::Act);
        let end = self.plan.calm_at + SETTLE;
        let mut look = self.plan.calm_at + LOOK;
        self.chance_to_stop = self.chance.percent(85);
        let mut steps = 0;
        while self.wrong.is_none() {
            steps += 1;
            if steps > STEPS + self.plan.days * STEPS_A_DAY {
                self.wrong = Some("it never comes to rest".to_owned());
                return;
            }
            let deadline = self.session.as_ref().and_then(Session::deadline).map(|at| at.0.max(self.asleep_until));
            let next = self.events.peek().map(|Reverse(timed)| timed.at);
            let at = match (deadline, next) {
                (Some(deadline), Some(next)) => deadline.min(next),
                (Some(at), None) | (None, Some(at)) => at,
                (None, None) => break,
            };
            if at > end {
                break;
            }
            if at >= look && self.chance_to_stop {
                // Most runs end when the truth is there; some go on to see that it stays.
                if self.judge(at).is_ok() {
                    self.wrong = self.told_again().err();
                    return;
                }
                look = at + LOOK;
            }
            self.now = self.now.max(at);
            if next == Some(at) {
                if let Some(Reverse(timed)) = self.events.pop() {
                    self.happen(timed.event);
                }
            } else {
                self.input(Input::Timeout);
            }
        }
        if self.wrong.is_none() {
            self.wrong = self.judge(end).and_then(|()| self.told_again()).err();
        }
    }

    fn judge(&self, end: Duration) -> Result<(), String> {
        let Some(session) = &self.session else { return Err("the program did not start again".to_owned()) };
        let state = session.state().clone();
        // Now and then it tries whether a stream can be had after all.
        let expected: &[&str] = if self.plan.refused_forms >= 3 { &["polling", "connecting"] } else { &["live"] };
        if !expected.contains(&state.word()) {
            return Err(format!("it ends {state} and not {expected:?}"));
        }
        let since = self.since.ok_or("no pass was ever complete")?;
        oracle::settled(&self.broker, &self.blotter, since)?;
        oracle::positions(&self.broker, &self.positions, broker_time(end))?;
        Ok(())
    }

    /// The whole truth told twice is no news the second time; the first time it may bring history from before the start.
    fn told_again(&mut self) -> Result<(), String> {
        if self.plan.vanish || self.plan.undo > 0 {
            return Ok(());
        }
        let orders: Vec<_> = self.broker.orders.iter().map(|held| held.now().clone()).collect();
        let rows: Vec<_> = self.broker.fills.iter().map(|fill| fill.row.clone()).collect();
        self.blotter.apply_snapshot(&orders, &rows);
        let second = self.blotter.apply_snapshot(&orders, &rows);
        if second.is_empty() { Ok(()) } else { Err(format!("the truth told again changes something: {second:?}")) }
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

    fn happen(&mut self, event: Event) {
        match event {
            Event::Act => {
                if self.plan.trading(self.now) {
                    let frames = self.broker.act(&self.plan, &mut self.chance, broker_time(self.now));
                    for frame in frames {
                        self.send(frame);
                    }
                }
                if !self.calm() {
                    let after = self.chance.millis(1, self.plan.gap * 2);
                    self.at(self.now + after, Event::Act);
                }
            }
            Event::Incident(incident) => self.suffer(incident),
            Event::Stream(epoch, event) => {
                if let StreamEvent::Closed(_) = *event
                    && self.line.is_some_and(|line| line.epoch == epoch)
                {
                    self.line = None;
                }
                self.input(Input::Stream(epoch, *event));
            }
            Event::Subscribed(epoch) => {
                if let Some(line) = self.line.as_mut().filter(|line| line.epoch == epoch) {
                    line.subscribed = true;
                }
            }
            Event::Reply(id, result) => {
                if let Err(RequestError { kind: RequestErrorKind::RateLimited { retry_after: Some(after) }, .. }) =
                    &*result
                    && self.under_way.contains(&id)
                {
                    self.limited_until = self.limited_until.max(self.now + *after);
                }
                self.input(Input::Reply(id, *result));
            }
            Event::Start => {
                self.lives += 1;
                let mut session = Session::new(self.lives);
                session.limits = LIMITS;
                if let Some(account) = self.memory.account.clone() {
                    let (fills, orders) = self.memory.watermark;
                    session.resume_from(account, fills, orders);
                }
                self.blotter = self.memory.restore();
                self.session = Some(session);
                self.input(Input::Connect);
            }
            Event::WakeUp => self.input(Input::Connect),
        }
    }

    fn input(&mut self, input: Input) {
        let Some(mut session) = self.session.take() else { return };
        if self.history.is_some() && !matches!(input, Input::Timeout) {
            let text = brief(&input);
            self.note(|| text);
        }
        let wall = broker_time(self.now) + jiff::SignedDuration::from_secs(self.plan.skew);
        let now = Now { mono: Mono(self.now), wall };
        session.handle(input, &mut self.blotter, now);
        while let Some(output) = session.poll() {
            self.output(output);
        }
        let watermark = session.watermark();
        if watermark.1.is_some() {
            self.memory.watermark = watermark;
            self.since.get_or_insert(broker_time(self.now));
        }
        if matches!(session.state(), ConnectionState::NeedsRelink { .. }) && self.now >= self.refuse_until {
            // The user links the account again.
            let after = self.chance.millis(100, 5_000);
            self.at(self.now + after, Event::WakeUp);
        } else if matches!(session.state(), ConnectionState::NeedsRelink { .. }) {
            self.at(self.refuse_until + Duration::from_secs(1), Event::WakeUp);
        }
        self.session = Some(session);
    }

    fn hash(&mut self, text: &str) {
        for byte in text.bytes() {
            self.trace = (self.trace ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn output(&mut self, output: Output) {
        let at = u64::try_from(self.now.as_micros()).unwrap_or(u64::MAX);
        self.trace = (self.trace ^ at).wrapping_mul(0x0100_0000_01b3);
        match output {
            Output::OpenStream(epoch, form) => self.connect(epoch, form),
            Output::CloseStream => self.line = None,
            Output::DropRequests => self.under_way.clear(),
            Output::Request(id, request) => self.ask(id, &request),
            Output::Changed(changes) => {
                if self.history.is_some() {
                    self.note(|| format!("   => {changes:?}"));
                }
                for id in &changes.executions {
                    self.hash(id.as_str());
                }
                for id in &changes.orders {
                    self.hash(id.as_str());
                }
                // Until the session hears of a reset it shows what was true of the old account.
                if self.memory.account.as_ref().is_none_or(|known| *known == broker::account(self.broker.account).id) {
                    let step = self.oracle.step(&self.broker, &self.blotter, &changes);
                    self.wrong = self.wrong.take().or(step.err());
                }
                self.memory.keep(&self.blotter, &changes);
            }
            Output::Reset => {
                self.oracle.reset();
                self.memory.reset();
                self.since = None;
            }
            Output::Account(account) => self.memory.account = Some(account.id),
            Output::Positions(positions) => self.positions = positions,
            Output::State(state) => {
                self.hash(state.word());
                self.note(|| format!("   {state}"));
            }
            Output::Log(text) | Output::Alarm(text) => {
                self.hash(&text);
                let accused = text.contains("told nothing") || text.contains("left out");
                if accused && self.honest {
                    self.wrong = Some(format!("an honest stream is accused: {text}"));
                }
                self.note(|| format!("   {text}"));
            }
        }
    }
}

fn brief(input: &Input) -> String {
    match input {
        Input::Stream(epoch, StreamEvent::Update(update)) => {
            let order = &update.order;
            let ids: Vec<_> = update.executions.iter().map(|execution| execution.id.to_string()).collect();
            format!("#{} {} {} cum {} {ids:?}", epoch.0, update.event, order.id, order.cum_qty)
        }
        Input::Reply(id, Ok(reply)) => match &**reply {
            Reply::Orders(orders) => {
                let seen: Vec<_> =
                    orders.iter().map(|order| format!("{} {} {}", order.id, order.status, order.cum_qty)).collect();
                format!("{id:?} {seen:?}")
            }
            Reply::Activities(rows) => {
                let seen: Vec<_> = rows.iter().map(|row| row.id.to_string()).collect();
                format!("{id:?} {seen:?}")
            }
            Reply::Order(orders) => {
                let seen: Vec<_> =
                    orders.iter().map(|order| format!("{} {} {}", order.id, order.status, order.cum_qty)).collect();
                format!("{id:?} order {seen:?}")
            }
            other => format!("{id:?} {}", format!("{other:?}").chars().take(30).collect::<String>()),
        },
        other => format!("{other:?}"),
    }
}
