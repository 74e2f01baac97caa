//! The broker of the laboratory: keeps the whole truth, tells it as frames, and answers REST as badly as the plan says.
//!
//! A model of its own, independent of the simulated brokerage: a mistake in one is not repeated in the other.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::chance::Chance;
use super::plan::Plan;
use crate::domain::activity::ActivityKind;
use crate::domain::execution::{Execution, ExecutionKind, Source};
use crate::domain::money::{Price, Qty};
use crate::domain::order::{Order, OrderClass, OrderStatus, OrderType, Raw, Side, TimeInForce};
use crate::domain::update::{TradeEvent, TradeUpdate};
use crate::domain::{Account, Activity, ExecutionId, OrderId, Position, Symbol};
use crate::session::request::{ActivitiesQuery, OrderFilter, OrdersQuery, Reply, Request};

/// An order with all its past states, so that a stale answer is one that was true once.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) states: Vec<(Timestamp, Order)>,
    listed_after: Duration,
    /// Legs are listed under their parent where lists are nested.
    parent: Option<usize>,
    legs: Vec<usize>,
    /// Executions of it were undone or restated.
    pub(super) undone: bool,
    /// Something was undone after it was done; nothing but the stream tells of that.
    pub(super) undone_late: bool,
    pub(super) highest: Qty,
}

impl Held {
    pub(super) fn now(&self) -> &Order {
        &self.states[self.states.len() - 1].1
    }

    fn at(&self, moment: Timestamp) -> Option<&Order> {
        self.states.iter().rev().find(|(since, _)| *since <= moment).map(|(_, order)| order)
    }
}

/// An execution as it happened.
#[derive(Debug)]
pub(super) struct Fill {
    pub(super) execution: Execution,
    pub(super) row: Activity,
    listed_at: Timestamp,
    gone_at: Option<Timestamp>,
    pub(super) busted: bool,
}

/// The truth.
#[derive(Debug)]
pub(super) struct Broker {
    pub(super) account: u32,
    pub(super) orders: Vec<Held>,
    pub(super) index: HashMap<OrderId, usize>,
    pub(super) fills: Vec<Fill>,
    pub(super) by_row: HashMap<Arc<str>, usize>,
    pub(super) by_execution: HashMap<ExecutionId, usize>,
    positions: Vec<(Timestamp, BTreeMap<Symbol, i64>)>,
    /// Every event ever sent, and when.
    told: Vec<(Timestamp, TradeUpdate)>,
    next: u64,
}

const SYMBOLS: &[&str] = &["AAPL", "MSFT", "F"];

impl Broker {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            account: 1,
            orders: Vec::new(),
            index: HashMap::new(),
            fills: Vec::new(),
            by_row: HashMap::new(),
            by_execution: HashMap::new(),
            positions: vec![(now, BTreeMap::new())],
            told: Vec::new(),
            next: 0,
        }
    }

    /// The owner resets the account: a new one, without history.
    pub(super) fn reset(&mut self, now: Timestamp) {
        let (account, next) = (self.account + 1, self.next);
        *self = Self { account, next, ..Self::new(now) };
    }

    /// Something happens; returns the frames that tell of it.
    pub(super) fn act(&mut self, plan: &Plan, chance: &mut Chance, now: Timestamp) -> Vec<TradeUpdate> {
        let frames = self.happen(plan, chance, now);
        self.told.extend(frames.iter().map(|frame| (now, frame.clone())));
        frames
    }

    fn happen(&mut self, plan: &Plan, chance: &mut Chance, now: Timestamp) -> Vec<TradeUpdate> {
        let working: Vec<usize> =
            (0..self.orders.len()).filter(|place| self.orders[*place].now().status.is_working()).collect();
        if plan.undo > 0 && chance.percent(plan.undo) {
            return self.undo(plan, chance, now).into_iter().collect();
        }
        if working.is_empty() || chance.percent(30) {
            return self.place(plan, chance, now);
        }
        let place = *chance.pick(&working);
        self.advance(place, plan, chance, now)
    }

    fn fresh(&mut self, what: &str) -> String {
        self.next += 1;
        format!("{what}{:04}-{}", self.next, self.account)
    }

    fn place(&mut self, plan: &Plan, chance: &mut Chance, now: Timestamp) -> Vec<TradeUpdate> {
        let count = if chance.percent(15) { chance.between(2, 6) } else { 1 };
        let mut told = Vec::new();
        for _ in 0..count {
            let place = self.enter(OrderStatus::PendingNew, None, plan, chance, now);
            told.push(self.frame(place, TradeEvent::PendingNew, Vec::new(), now));
            if plan.brackets && chance.percent(30) {
                self.orders[place].states[0].1.class = OrderClass::Bracket;
                for _ in 0..2 {
                    self.enter(OrderStatus::Held, Some(place), plan, chance, now);
                }
            }
        }
        told
    }

    fn enter(
        &mut self,
        status: OrderStatus,
        parent: Option<usize>,
        plan: &Plan,
        chance: &mut Chance,
        now: Timestamp,
    ) -> usize {
        let id = OrderId::from(self.fresh("o"));
        let side = if chance.percent(50) { Side::Buy } else { Side::Sell };
        let symbol: &str = chance.pick::<&str>(SYMBOLS);
        let order = blank(&id, symbol, side, chance.between(1, 9) * 10, status, now);
        let listed_after = Duration::from_millis(if plan.hide > 0 { chance.below(plan.hide) } else { 0 });
        let place = self.orders.len();
        self.index.insert(id, place);
        if let Some(parent) = parent {
            self.orders[parent].legs.push(place);
        }
        self.orders.push(Held {
            states: vec![(now, order)],
            listed_after,
            parent,
            legs: Vec::new(),
            undone: false,
            undone_late: false,
            highest: Qty::ZERO,
        });
        self.orders.len() - 1
    }

    fn advance(&mut self, place: usize, plan: &Plan, chance: &mut Chance, now: Timestamp) -> Vec<TradeUpdate> {
        use OrderStatus as S;
        let order = self.orders[place].now();
        let (status, cum) = (order.status.clone(), order.cum_qty);
        #[expect(clippy::match_same_arms, reason = "each row is a chance of its own")]
        let event = match (&status, chance.below(20)) {
            (S::Held | S::PendingNew, 0) if cum.is_zero() => (TradeEvent::Rejected, S::Rejected),
            (S::Held | S::PendingNew, 1) => (TradeEvent::Accepted, S::Accepted),
            (S::Held | S::PendingNew | S::Accepted, _) => (TradeEvent::New, S::New),
            (S::PendingCancel, 0..=2) => (TradeEvent::CancelRejected, S::New),
            (S::PendingCancel, 3..=12) => (TradeEvent::Canceled, S::Canceled),
            (_, 0) => (TradeEvent::Expired, S::Expired),
            (_, 1..=2) => (TradeEvent::PendingCancel, S::PendingCancel),
            (_, 3) => (TradeEvent::Canceled, S::Canceled),
            (_, 4) if plan.strange => (TradeEvent::from_word("pondering"), S::from_word("pondering")),
            (_, 5) if plan.replaces => return self.replace(place, plan, chance, now),
            _ => return self.fill(place, plan, chance, now).into_iter().collect(),
        };
        self.change(place, now, |order| {
            order.status = event.1;
            if order.status == S::Canceled {
                order.canceled_at = Some(now);
            }
        });
        vec![self.frame(place, event.0, Vec::new(), now)]
    }

    fn replace(&mut self, place: usize, plan: &Plan, chance: &mut Chance, now: Timestamp) -> Vec<TradeUpdate> {
        let new = self.enter(OrderStatus::New, None, plan, chance, now);
        let (old_id, new_id) = (self.orders[place].now().id.clone(), self.orders[new].now().id.clone());
        self.change(place, now, |order| {
            order.status = OrderStatus::Replaced;
            order.replaced_by = Some(new_id);
        });
        self.change(new, now, |order| order.replaces = Some(old_id));
        vec![
            self.frame(place, TradeEvent::Replaced, Vec::new(), now),
            self.frame(new, TradeEvent::New, Vec::new(), now),
        ]
    }

    fn fill(&mut self, place: usize, plan: &Plan, chance: &mut Chance, now: Timestamp) -> Option<TradeUpdate> {
        let order = self.orders[place].now();
        let leaves = order.qty?.checked_sub(order.cum_qty).filter(|leaves| leaves.is_positive())?;
        let qty = if chance.percent(35) {
            leaves
        } else {
            let most = u64::try_from(leaves.decimal().mantissa()).unwrap_or(1).max(1);
            Qty::whole(i64::try_from(chance.between(1, most)).unwrap_or(1))
        };
        let cum = order.cum_qty.checked_add(qty)?;
        let whole = qty == leaves;
        let status = order.status.clone();
        self.change(place, now, |order| {
            order.cum_qty = cum;
            order.avg_px = Some(Price::whole(10));
            order.status = match (whole, status) {
                (true, _) => OrderStatus::Filled,
                (false, OrderStatus::PendingCancel) => OrderStatus::PendingCancel,
                (false, _) => OrderStatus::PartiallyFilled,
            };
        });
        self.orders[place].highest = self.orders[place].highest.max(cum);
        let execution = self.execute(place, qty, plan, chance, now);
        let event = if whole { TradeEvent::Fill } else { TradeEvent::PartialFill };
        Some(self.frame(place, event, vec![execution], now))
    }

    fn execute(&mut self, place: usize, qty: Qty, plan: &Plan, chance: &mut Chance, now: Timestamp) -> Execution {
        let order = self.orders[place].now().clone();
        // A report and a row of the same span, moment and price are one, and nobody could tell them apart.
        let px = Price::new(Decimal::new(1_000 + i64::try_from(chance.below(50)).unwrap_or(0), 2));
        let execution = Execution {
            id: self.fresh("x").into(),
            order_id: order.id.clone(),
            symbol: order.symbol.clone(),
            side: order.side.clone(),
            qty,
            px: Some(px),
            cum_qty: Some(order.cum_qty),
            position_qty: Some(Qty::ZERO),
            at: Some(now),
            kind: ExecutionKind::Trade,
            source: Source::Stream,
        };
        // The row's time is in milliseconds, and rows of one millisecond stand in no particular order.
        let id: Arc<str> =
            Arc::from(format!("{:016}::{:08x}{}", now.as_millisecond(), chance.next() >> 32, execution.id));
        let row = Activity {
            id: id.clone(),
            activity_type: Arc::from("FILL"),
            kind: ActivityKind::Fill {
                execution_id: None,
                order_id: order.id,
                symbol: order.symbol,
                side: order.side.clone(),
                qty,
                px,
                cum_qty: execution.cum_qty,
                partial: Some(order.cum_qty) != order.qty,
                at: Timestamp::from_millisecond(now.as_millisecond()).ok(),
            },
            raw: Raw::default(),
        };
        let hidden = Duration::from_millis(if plan.hide > 0 { chance.below(plan.hide) } else { 0 });
        self.by_row.insert(id, self.fills.len());
        self.by_execution.insert(execution.id.clone(), self.fills.len());
        let listed_at = now + hidden;
        self.fills.push(Fill { execution: execution.clone(), row, listed_at, gone_at: None, busted: false });
        self.hold(&execution.symbol, signed(&execution.side, qty), now);
        execution
    }

    /// An execution is undone or restated.
    fn undo(&mut self, plan: &Plan, chance: &mut Chance, now: Timestamp) -> Option<TradeUpdate> {
        let candidates: Vec<usize> = (0..self.fills.len()).filter(|place| !self.fills[*place].busted).collect();
        if candidates.is_empty() {
            return None;
        }
        let chosen = *chance.pick(&candidates);
        let original = self.fills[chosen].execution.clone();
        let place = self.index[&original.order_id];
        let restate = chance.percent(30) && original.qty > Qty::whole(1);
        let taken = if restate { Qty::whole(1) } else { original.qty };
        self.fills[chosen].busted = true;
        if plan.vanish && !restate {
            self.fills[chosen].gone_at = Some(now);
        }
        self.orders[place].undone = true;
        self.orders[place].undone_late |= self.orders[place].now().status.is_terminal();
        self.change(place, now, |order| order.cum_qty = order.cum_qty.checked_sub(taken).unwrap_or(Qty::ZERO));
        let of = Some(original.id.clone());
        let (event, kind, qty) = if restate {
            let left = original.qty.checked_sub(taken).unwrap_or(Qty::ZERO);
            (TradeEvent::TradeCorrect, ExecutionKind::Correction { of }, left)
        } else {
            (TradeEvent::TradeBust, ExecutionKind::Bust { of }, original.qty)
        };
        let id = self.fresh("u").into();
        let execution = Execution { id, qty, kind, cum_qty: None, at: Some(now), ..original.clone() };
        self.hold(&original.symbol, -signed(&original.side, taken), now);
        Some(self.frame(place, event, vec![execution], now))
    }

    fn change(&mut self, place: usize, now: Timestamp, what: impl FnOnce(&mut Order)) {
        let held = &mut self.orders[place];
        let mut order = held.now().clone();
        what(&mut order);
        let soonest = order.updated_at.map_or(now, |at| at + Duration::from_micros(1));
        order.updated_at = Some(now.max(soonest));
        held.states.push((now, order));
    }

    fn hold(&mut self, symbol: &Symbol, qty: i64, now: Timestamp) {
        let mut held = self.positions[self.positions.len() - 1].1.clone();
        *held.entry(symbol.clone()).or_default() += qty;
        held.retain(|_, qty| *qty != 0);
        self.positions.push((now, held));
    }

    fn frame(&self, place: usize, event: TradeEvent, executions: Vec<Execution>, now: Timestamp) -> TradeUpdate {
        let order = self.orders[place].now().clone();
        let at = Some(now);
        TradeUpdate { event, event_id: None, at, happened_at: at, order, legs: Vec::new(), executions, reason: None }
    }

    /// What REST answers to a question that reaches a replica which is behind.
    pub(super) fn answer(&self, request: &Request, moment: Timestamp) -> Option<Reply> {
        Some(match request {
            Request::Account => Reply::Account(Box::new(account(self.account))),
            Request::Positions => Reply::Positions(self.positions_at(moment)),
            Request::Orders(query) => Reply::Orders(self.list(query, moment)),
            Request::Order(id) => Reply::Order(vec![self.orders[*self.index.get(id)?].at(moment)?.clone()]),
            Request::Activities(query) => Reply::Activities(self.rows(query, moment)),
            Request::Replay { since, .. } => Reply::Replay(self.told_again(*since, moment)),
            _ => return None,
        })
    }

    fn list(&self, query: &OrdersQuery, moment: Timestamp) -> Vec<Order> {
        let from = query.before_order_id.as_ref().and_then(|id| self.index.get(id)).copied().unwrap_or(usize::MAX);
        let (mut found, mut rows) = (Vec::new(), 0);
        for held in self.orders[..from.min(self.orders.len())].iter().rev() {
            let listed = held.states[0].0 + held.listed_after <= moment;
            let Some(order) = held.at(moment).filter(|_| listed) else { continue };
            if query.nested && held.parent.is_some() {
                continue;
            }
            let mut order = order.clone();
            let mut legs = Vec::new();
            if query.nested {
                legs.extend(held.legs.iter().filter_map(|leg| self.orders[*leg].at(moment)).cloned());
                order.legs = legs.iter().map(|leg| leg.id.clone()).collect();
            }
            let open = order.status.is_working() || legs.iter().any(|leg| leg.status.is_working());
            if query.filter == OrderFilter::Open && !open {
                continue;
            }
            found.push(order);
            found.append(&mut legs);
            rows += 1;
            if rows >= usize::from(query.limit) {
                break;
            }
        }
        found
    }

    fn told_again(&self, since: Timestamp, moment: Timestamp) -> Vec<TradeUpdate> {
        let wanted = self.told.iter().filter(|(at, _)| *at >= since && *at <= moment);
        let late = |update: &TradeUpdate| {
            let mut update = update.clone();
            for execution in &mut update.executions {
                execution.source = Source::Reconcile;
            }
            update
        };
        wanted.map(|(_, update)| late(update)).collect()
    }

    fn rows(&self, query: &ActivitiesQuery, moment: Timestamp) -> Vec<Activity> {
        let listed = |fill: &&Fill| {
            fill.listed_at <= moment
                && fill.gone_at.is_none_or(|gone| gone > moment)
                && query.after.is_none_or(|after| fill.execution.at > Some(after))
        };
        let mut rows: Vec<&Activity> = self.fills.iter().filter(listed).map(|fill| &fill.row).collect();
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        if !query.ascending {
            rows.reverse();
        }
        let beyond = |row: &&&Activity| match &query.page_token {
            Some(token) if query.ascending => row.id > *token,
            Some(token) => row.id < *token,
            None => true,
        };
        rows.iter().filter(beyond).take(usize::from(query.page_size)).map(|row| (*row).clone()).collect()
    }

    pub(super) fn positions_at(&self, moment: Timestamp) -> Vec<Position> {
        let held = self.positions.iter().rev().find(|(since, _)| *since <= moment).or(self.positions.first());
        held.into_iter().flat_map(|(_, held)| held).map(|(symbol, qty)| position(symbol, *qty)).collect()
    }
}

fn signed(side: &Side, qty: Qty) -> i64 {
    let whole = i64::try_from(qty.decimal().mantissa()).expect("the laboratory trades small whole quantities");
    if side.is_sell() { -whole } else { whole }
}

fn blank(id: &OrderId, symbol: &str, side: Side, qty: u64, status: OrderStatus, now: Timestamp) -> Order {
    Order {
        id: id.clone(),
        client_order_id: None,
        symbol: symbol.into(),
        asset_class: None,
        side,
        order_type: OrderType::Limit,
        tif: TimeInForce::Day,
        class: OrderClass::Simple,
        qty: i64::try_from(qty).ok().map(Qty::whole),
        notional: None,
        cum_qty: Qty::ZERO,
        avg_px: None,
        limit_px: Some(Price::whole(10)),
        stop_px: None,
        trail_px: None,
        trail_percent: None,
        hwm: None,
        status,
        extended_hours: false,
        created_at: Some(now),
        updated_at: Some(now),
        submitted_at: Some(now),
        filled_at: None,
        expired_at: None,
        expires_at: None,
        canceled_at: None,
        failed_at: None,
        replaced_at: None,
        replaced_by: None,
        replaces: None,
        group_id: None,
        group_role: None,
        legs: Vec::new(),
        raw: Raw::default(),
    }
}

pub(super) fn account(number: u32) -> Account {
    Account {
        id: format!("account-{number}").into(),
        number: None,
        status: Arc::from("ACTIVE"),
        currency: None,
        equity: None,
        last_equity: None,
        cash: None,
        buying_power: None,
        non_marginable_buying_power: None,
        long_market_value: None,
        short_market_value: None,
        initial_margin: None,
        maintenance_margin: None,
        multiplier: None,
        trading_blocked: false,
        account_blocked: false,
        transfers_blocked: false,
        trade_suspended_by_user: false,
        shorting_enabled: true,
        created_at: None,
        raw: Raw::default(),
    }
}

fn position(symbol: &Symbol, qty: i64) -> Position {
    Position {
        symbol: symbol.clone(),
        asset_id: None,
        asset_class: None,
        qty: Qty::whole(qty),
        qty_available: None,
        avg_px: None,
        last_px: None,
        lastday_px: None,
        market_value: None,
        cost_basis: None,
        unrealized_pl: None,
        unrealized_plpc: None,
        unrealized_intraday_pl: None,
        change_today: None,
        raw: Raw::default(),
    }
}
