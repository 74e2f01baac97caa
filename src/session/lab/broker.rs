//! The laboratory's broker: keeps the whole truth, reports it as frames, and answers REST as badly as the plan says.
//!
//! A model of its own, independent of the simulated brokerage, so that a mistake in one is not repeated in the other.

mod answers;
mod orders;
mod trades;
mod wire;

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::chance::Chance;
use super::plan::{Plan, Reading, Stamps};
use crate::domain::execution::{Execution, Source};
use crate::domain::money::Qty;
use crate::domain::order::Order;
use crate::domain::update::{TradeEvent, TradeUpdate};
use crate::domain::{Activity, ExecutionId, OrderId, Symbol};

pub(super) use wire::body;

/// One state of an order, and how REST writes it.
#[derive(Debug)]
pub(super) struct State {
    pub(super) since: Timestamp,
    pub(super) order: Order,
    rest: OnceCell<Order>,
}

/// An order with all its past states, so that a stale answer was true once.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) states: Vec<State>,
    listed_after: Duration,
    /// A leg is listed under its parent in nested lists.
    pub(super) parent: Option<usize>,
    pub(super) legs: Vec<usize>,
    /// A multi-leg order: its executed quantity counts units, and each leg has executions of its own.
    pub(super) units: bool,
    /// Quantity of the leg in one unit.
    ratio: i64,
    /// Executed quantity that it stated as it replaced another order.
    pub(super) inherited: Qty,
    /// Executions of it were busted or corrected.
    pub(super) undone: bool,
    /// An execution was busted or corrected after the order was done.
    pub(super) undone_late: bool,
    /// A frame that reported a bust or correction was lost.
    pub(super) undoing_lost: bool,
    /// An execution of it is out of sight.
    pub(super) out_of_sight: bool,
    pub(super) highest: Qty,
}

impl Held {
    pub(super) fn now(&self) -> &Order {
        &self.states[self.states.len() - 1].order
    }

    /// When it last changed.
    pub(super) fn changed_at(&self) -> Timestamp {
        self.states[self.states.len() - 1].since
    }

    /// The number of the state in effect at a moment.
    pub(super) fn number_at(&self, moment: Timestamp) -> Option<usize> {
        self.states.iter().rposition(|state| state.since <= moment)
    }
}

/// An execution as it happened.
#[derive(Debug)]
pub(super) struct Fill {
    pub(super) execution: Execution,
    pub(super) row: Activity,
    pub(super) listed_at: Timestamp,
    pub(super) gone_at: Option<Timestamp>,
    /// When it was busted or corrected.
    pub(super) undone_at: Option<Timestamp>,
    /// Its row states the corrected amounts, at another time than the stream: nothing shows that both are the same.
    pub(super) disguised: bool,
    /// It happened after the end of its order.
    pub(super) after_end: bool,
    /// No answer tells of it but balances and positions: its frame was lost after the end of its order, and its row became
    /// visible behind the start of every pass.
    pub(super) out_of_sight: bool,
}

/// The broker's own state, with which everything shown is compared.
#[derive(Debug)]
pub(super) struct Broker {
    pub(super) account: u32,
    /// Distinguishes the accounts of one token.
    name: &'static str,
    reading: Reading,
    pub(super) orders: Vec<Held>,
    pub(super) index: HashMap<OrderId, usize>,
    pub(super) fills: Vec<Fill>,
    pub(super) by_row: HashMap<Arc<str>, usize>,
    pub(super) by_execution: HashMap<ExecutionId, usize>,
    positions: Vec<(Timestamp, BTreeMap<Symbol, Decimal>)>,
    /// Every event ever sent, and when.
    sent: Vec<(Timestamp, TradeUpdate)>,
    next: u64,
}

const SYMBOLS: &[&str] = &["AAPL", "MSFT", "F"];

impl Broker {
    pub(super) fn new(name: &'static str, reading: Reading, now: Timestamp) -> Self {
        Self {
            account: 1,
            name,
            reading,
            orders: Vec::new(),
            index: HashMap::new(),
            fills: Vec::new(),
            by_row: HashMap::new(),
            by_execution: HashMap::new(),
            positions: vec![(now, BTreeMap::new())],
            sent: Vec::new(),
            next: 0,
        }
    }

    /// The owner resets the account: a new one, without history.
    pub(super) fn reset(&mut self, now: Timestamp) {
        let (account, next) = (self.account + 1, self.next);
        *self = Self { account, next, ..Self::new(self.name, self.reading, now) };
    }

    /// Something happens; returns the frames that report it.
    pub(super) fn act(&mut self, plan: &Plan, chance: &mut Chance, now: Timestamp) -> Vec<TradeUpdate> {
        let frames = self.happen(plan, chance, now);
        self.sent.extend(frames.iter().map(|frame| (now, frame.clone())));
        frames
    }

    fn happen(&mut self, plan: &Plan, chance: &mut Chance, now: Timestamp) -> Vec<TradeUpdate> {
        if plan.undo > 0 && chance.percent(plan.undo) {
            return self.undo(plan, chance, now).into_iter().collect();
        }
        if plan.after_end
            && chance.percent(8)
            && let Some(sent) = self.fill_after_end(plan, chance, now)
        {
            return vec![sent];
        }
        // The legs of a multi-leg order move with their parent.
        let free = |held: &Held| held.now().status.is_working() && held.parent.is_none_or(|at| !self.orders[at].units);
        let working: Vec<usize> = (0..self.orders.len()).filter(|place| free(&self.orders[*place])).collect();
        if working.is_empty() || chance.percent(30) {
            return self.place(plan, chance, now);
        }
        let place = *chance.pick(&working);
        self.advance(place, plan, chance, now)
    }

    fn fresh(&mut self, what: &str) -> String {
        self.next += 1;
        format!("{what}{:04}-{}{}", self.next, self.name, self.account)
    }

    fn change(&mut self, place: usize, now: Timestamp, what: impl FnOnce(&mut Order)) {
        let frozen = self.reading.stamps == Stamps::Frozen;
        let held = &mut self.orders[place];
        let mut order = held.now().clone();
        let before = order.cum_qty;
        what(&mut order);
        let soonest = order.updated_at.map_or(now, |at| at + Duration::from_micros(1));
        if !frozen || before != order.cum_qty {
            order.updated_at = Some(now.max(soonest));
        }
        held.highest = held.highest.max(order.cum_qty);
        held.states.push(State { since: now, order, rest: OnceCell::new() });
    }

    fn hold(&mut self, symbol: &Symbol, qty: Decimal, now: Timestamp) -> Qty {
        let mut held = self.positions[self.positions.len() - 1].1.clone();
        *held.entry(symbol.clone()).or_default() += qty;
        let after = Qty::new(held[symbol]);
        held.retain(|_, qty| !qty.is_zero());
        self.positions.push((now, held));
        after
    }

    fn frame(&self, place: usize, event: TradeEvent, executions: Vec<Execution>, now: Timestamp) -> TradeUpdate {
        let held = &self.orders[place];
        let mut order = held.now().clone();
        let legs: Vec<Order> =
            if held.units { held.legs.iter().map(|leg| self.orders[*leg].now().clone()).collect() } else { Vec::new() };
        order.legs = legs.iter().map(|leg| leg.id.clone()).collect();
        let at = Some(now);
        let update = TradeUpdate { event, event_id: None, at, happened_at: at, order, legs, executions, reason: None };
        if self.reading.wire { wire::frame(&update, self.reading.sparse) } else { update }
    }

    /// Replays events on request.
    fn replayed(&self, since: Timestamp, moment: Timestamp) -> Vec<TradeUpdate> {
        let wanted = self.sent.iter().filter(|(at, _)| *at >= since && *at <= moment);
        let late = |update: &TradeUpdate| {
            let mut update = update.clone();
            for execution in &mut update.executions {
                execution.source = Source::Reconcile;
            }
            update
        };
        wanted.map(|(_, update)| late(update)).collect()
    }

    /// When the last row that is still hidden becomes visible.
    pub(super) fn all_listed_at(&self) -> Option<Timestamp> {
        self.fills.iter().map(|fill| fill.listed_at).max()
    }
}
