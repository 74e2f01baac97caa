//! Executions, busts and corrections.

use std::sync::Arc;

use super::{
    Activity, Broker, Chance, Decimal, Duration, Execution, Fill, Plan, Qty, Source, Timestamp, TradeEvent,
    TradeUpdate, wire,
};
use crate::domain::activity::ActivityKind;
use crate::domain::execution::ExecutionKind;
use crate::domain::money::Price;
use crate::domain::order::{OrderStatus, Raw, Side};

impl Broker {
    /// One execution, or several at once.
    pub(super) fn fills(&mut self, place: usize, plan: &Plan, chance: &mut Chance, now: Timestamp) -> Vec<TradeUpdate> {
        let more = if plan.bursts && chance.percent(40) { chance.between(1, 3) } else { 0 };
        let mut frames: Vec<TradeUpdate> = self.fill(place, plan, chance, now).into_iter().collect();
        for _ in 0..more {
            if self.orders[place].now().status.is_working() {
                frames.extend(self.fill(place, plan, chance, now));
            }
        }
        if self.reading.orders_as_sent
            && let Some(sent) = frames.last().map(|frame| frame.order.clone())
        {
            for frame in &mut frames {
                frame.order.clone_from(&sent);
                for execution in &mut frame.executions {
                    execution.cum_qty = Some(sent.cum_qty);
                }
            }
        }
        frames
    }

    fn fill(&mut self, place: usize, plan: &Plan, chance: &mut Chance, now: Timestamp) -> Option<TradeUpdate> {
        let order = self.orders[place].now();
        let leaves = match order.qty {
            Some(qty) => qty.checked_sub(order.cum_qty).filter(|leaves| leaves.is_positive())?,
            // An amount of money buys fractions, in a quantity that is not known beforehand.
            None => Qty::new(Decimal::new(i64::try_from(chance.between(1, 9_000_000_000)).ok()?, 9)),
        };
        let whole = chance.percent(35);
        let qty = match order.qty {
            Some(_) if !whole => {
                let most = u64::try_from(leaves.decimal().normalize().mantissa()).unwrap_or(1).max(1);
                let most = if leaves.decimal().normalize().scale() == 0 { most } else { 1 };
                leaves.min(Qty::whole(i64::try_from(chance.between(1, most)).unwrap_or(1)))
            }
            _ => leaves,
        };
        let whole = whole || (order.qty.is_some() && qty == leaves);
        Some(self.trade(place, qty, whole, plan, chance, now))
    }

    /// An execution that was already in progress when the order was canceled.
    pub(super) fn fill_after_end(&mut self, plan: &Plan, chance: &mut Chance, now: Timestamp) -> Option<TradeUpdate> {
        let ended: Vec<usize> = (0..self.orders.len())
            .filter(|place| {
                let held = &self.orders[*place];
                let order = held.now();
                let left =
                    order.qty.and_then(|qty| qty.checked_sub(order.cum_qty)).is_some_and(|left| left > Qty::whole(1));
                let fresh =
                    now.duration_since(held.changed_at()) < Duration::from_secs(20).try_into().unwrap_or_default();
                // Busts and corrections are judged by times, which say nothing of an order that goes on trading.
                let plain = !held.units && held.parent.is_none() && !held.undone;
                plain && left && fresh && matches!(order.status, OrderStatus::Canceled | OrderStatus::Expired)
            })
            .collect();
        let place = if ended.is_empty() { return None } else { *chance.pick(&ended) };
        let from = self.fills.len();
        let sent = self.trade(place, Qty::whole(1), false, plan, chance, now);
        self.fills.iter_mut().skip(from).for_each(|fill| fill.after_end = true);
        Some(sent)
    }

    fn trade(
        &mut self,
        place: usize,
        qty: Qty,
        whole: bool,
        plan: &Plan,
        chance: &mut Chance,
        now: Timestamp,
    ) -> TradeUpdate {
        let px = price(chance);
        self.executed(place, qty, px, whole, now);
        let execution = self.execute(place, qty, px, plan, chance, now);
        let event = if whole { TradeEvent::Fill } else { TradeEvent::PartialFill };
        self.frame(place, event, vec![execution], now)
    }

    /// Units of a multi-leg order: each leg has an execution of its own, and one frame reports all.
    pub(super) fn fill_legs(
        &mut self,
        place: usize,
        plan: &Plan,
        chance: &mut Chance,
        now: Timestamp,
    ) -> Option<TradeUpdate> {
        let order = self.orders[place].now();
        let leaves = order.qty?.checked_sub(order.cum_qty).filter(|leaves| leaves.is_positive())?;
        let most = u64::try_from(leaves.decimal().mantissa()).unwrap_or(1).max(1);
        let units = i64::try_from(chance.between(1, most)).unwrap_or(1);
        let whole = Qty::whole(units) == leaves;
        let px = price(chance);
        self.executed(place, Qty::whole(units), px, whole, now);
        let mut executions = Vec::new();
        for leg in self.orders[place].legs.clone() {
            let (qty, px) = (Qty::whole(units * self.orders[leg].ratio), price(chance));
            self.executed(leg, qty, px, whole, now);
            executions.push(self.execute(leg, qty, px, plan, chance, now));
        }
        let event = if whole { TradeEvent::Fill } else { TradeEvent::PartialFill };
        Some(self.frame(place, event, executions, now))
    }

    fn executed(&mut self, place: usize, qty: Qty, px: Price, whole: bool, now: Timestamp) {
        self.change(place, now, |order| {
            order.cum_qty = order.cum_qty.checked_add(qty).unwrap_or(order.cum_qty);
            order.avg_px = Some(px);
            match (whole, &order.status) {
                (true, _) => (order.status, order.filled_at) = (OrderStatus::Filled, Some(now)),
                (false, OrderStatus::PendingCancel | OrderStatus::Canceled | OrderStatus::Expired) => {}
                (false, _) => order.status = OrderStatus::PartiallyFilled,
            }
        });
    }

    fn execute(
        &mut self,
        place: usize,
        qty: Qty,
        px: Price,
        plan: &Plan,
        chance: &mut Chance,
        now: Timestamp,
    ) -> Execution {
        let order = self.orders[place].now().clone();
        let position = self.hold(&order.symbol, signed(&order.side, qty), now);
        let execution = Execution {
            id: self.fresh("x").into(),
            order_id: order.id.clone(),
            symbol: order.symbol.clone(),
            side: order.side.clone(),
            qty,
            px: Some(px),
            cum_qty: Some(order.cum_qty),
            position_qty: Some(position),
            at: Some(now),
            kind: ExecutionKind::Trade,
            source: Source::Stream,
        };
        let row = self.row(place, &execution, plan, chance, now);
        let mut hidden = Duration::from_millis(if plan.hide > 0 { chance.below(plan.hide) } else { 0 });
        if plan.late_rows > 0 && chance.percent(10) {
            hidden = Duration::from_secs(chance.between(30, plan.late_rows.max(31)));
        }
        self.by_row.insert(row.id.clone(), self.fills.len());
        self.by_execution.insert(execution.id.clone(), self.fills.len());
        let listed_at = now + hidden;
        let fill = Fill {
            execution: execution.clone(),
            row,
            listed_at,
            gone_at: None,
            undone_at: None,
            disguised: false,
            after_end: false,
            out_of_sight: false,
        };
        self.fills.push(fill);
        execution
    }

    /// The row of the activity list. Its clock may differ from the stream's, and it may name the parent of a leg.
    fn row(&self, place: usize, execution: &Execution, plan: &Plan, chance: &mut Chance, now: Timestamp) -> Activity {
        let order = self.orders[place].now();
        let jitter = if plan.row_skew == 0 { 0 } else { i64::try_from(chance.below(200)).unwrap_or(0) };
        // In milliseconds; rows of one millisecond are in no particular order.
        let millis = now.as_millisecond() + plan.row_skew + jitter;
        let id: Arc<str> = Arc::from(format!("{millis:016}::{:08x}{}", chance.next() >> 32, execution.id));
        let parent = self.orders[place].parent.filter(|at| plan.rows_of_parents && self.orders[*at].units);
        let row = Activity {
            id,
            activity_type: "FILL".into(),
            kind: ActivityKind::Fill {
                execution_id: plan.named_rows.then(|| execution.id.clone()),
                order_id: parent.map_or(&execution.order_id, |at| &self.orders[at].now().id).clone(),
                symbol: execution.symbol.clone(),
                side: execution.side.clone(),
                qty: execution.qty,
                px: execution.px.unwrap_or(Price::whole(0)),
                cum_qty: execution.cum_qty,
                partial: order.status != OrderStatus::Filled,
                at: Timestamp::from_millisecond(millis).ok(),
            },
            raw: Raw::default(),
        };
        if self.reading.wire { wire::activity(&row) } else { row }
    }

    /// Busts or corrects an execution.
    pub(super) fn undo(&mut self, plan: &Plan, chance: &mut Chance, now: Timestamp) -> Option<TradeUpdate> {
        let candidates: Vec<usize> = (0..self.fills.len()).filter(|place| self.may_be_undone(*place)).collect();
        if candidates.is_empty() {
            return None;
        }
        let chosen = *chance.pick(&candidates);
        let original = self.fills[chosen].execution.clone();
        let place = self.index[&original.order_id];
        let restate = chance.percent(30) && original.qty > Qty::whole(1);
        // A correction changes the price, the quantity, or both.
        let px = (restate && chance.percent(60)).then(|| price(chance)).filter(|px| Some(*px) != original.px);
        let taken = match (restate, px) {
            (true, Some(_)) if chance.percent(60) => Qty::ZERO,
            (true, _) => Qty::whole(1),
            (false, _) => original.qty,
        };
        self.fills[chosen].undone_at = Some(now);
        if plan.vanish && !restate {
            self.fills[chosen].gone_at = Some(now);
        }
        let left = original.qty.checked_sub(taken).unwrap_or(Qty::ZERO);
        if plan.restates && restate {
            self.restate_row(chosen, left, px, chance);
            self.fills[chosen].disguised = plan.row_skew != 0;
        }
        self.orders[place].undone = true;
        self.orders[place].undone_late |= self.orders[place].now().status.is_terminal();
        self.change(place, now, |order| order.cum_qty = order.cum_qty.checked_sub(taken).unwrap_or(Qty::ZERO));
        let of = Some(original.id.clone());
        let (event, kind, qty) = if restate {
            (TradeEvent::TradeCorrect, ExecutionKind::Correction { of }, left)
        } else {
            (TradeEvent::TradeBust, ExecutionKind::Bust { of }, original.qty)
        };
        let position = self.hold(&original.symbol, -signed(&original.side, taken), now);
        let id = self.fresh("u").into();
        let (at, position_qty) = (Some(now), Some(position));
        let px = px.or(original.px);
        let execution = Execution { id, qty, px, kind, cum_qty: None, position_qty, at, ..original.clone() };
        Some(self.frame(place, event, vec![execution], now))
    }

    /// Corrects the row under its id; its cumulative quantity stays or is corrected too.
    fn restate_row(&mut self, fill: usize, left: Qty, to: Option<Price>, chance: &mut Chance) {
        if let ActivityKind::Fill { qty, px, cum_qty, .. } = &mut self.fills[fill].row.kind {
            *px = to.unwrap_or(*px);
            let taken = qty.checked_sub(left);
            if chance.percent(50) {
                *cum_qty = cum_qty.zip(taken).and_then(|(cum, taken)| cum.checked_sub(taken));
            }
            *qty = left;
        }
    }

    /// Excludes legs of multi-leg orders and chains: what a chain states after a bust is not documented.
    fn may_be_undone(&self, fill: usize) -> bool {
        let fill = &self.fills[fill];
        let held = &self.orders[self.index[&fill.execution.order_id]];
        let chain = held.now().replaced_by.is_some() || held.now().replaces.is_some();
        let leg = held.parent.is_some_and(|at| self.orders[at].units);
        fill.undone_at.is_none() && !(leg || chain && self.reading.carries)
    }
}

fn price(chance: &mut Chance) -> Price {
    Price::new(Decimal::new(1_000 + i64::try_from(chance.below(50)).unwrap_or(0), 2))
}

fn signed(side: &Side, qty: Qty) -> Decimal {
    if side.is_sell() { -qty.decimal() } else { qty.decimal() }
}
