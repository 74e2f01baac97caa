//! Whether the screen shows the truth, once everything has settled.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::truth_of;
use crate::domain::OrderId;
use crate::domain::blotter::Blotter;
use crate::domain::execution::ExecutionKind;
use crate::domain::money::Qty;
use crate::domain::order::Order;
use crate::domain::update::TradeEvent;
use crate::session::lab::broker::{Broker, Fill, Held};

/// Checks that the screen shows the truth after everything has settled; `since` is when watching began.
pub(in crate::session::lab) fn settled(broker: &Broker, blotter: &Blotter, since: Timestamp) -> Result<(), String> {
    let mut rows: HashMap<&str, usize> = HashMap::new();
    let mut placeholders: HashSet<OrderId> = HashSet::new();
    for execution in blotter.executions() {
        match execution.kind {
            ExecutionKind::Trade => *rows.entry(truth_of(broker, execution)?.execution.id.as_str()).or_default() += 1,
            ExecutionKind::Unexplained => drop(placeholders.insert(execution.order_id.clone())),
            ExecutionKind::Bust { .. } | ExecutionKind::Correction { .. } => {}
        }
    }
    for held in &broker.orders {
        let truth = held.now();
        if is_history(held, since) || out_of_sight(held) {
            continue;
        }
        order_is_true(broker, blotter, held, Timestamp::MAX)?;
        if placeholders.contains(&truth.id) && !held.undone && held.states[0].since >= since {
            return Err(format!("order {} still has an unexplained row", truth.id));
        }
    }
    for fill in &broker.fills {
        let id = &fill.execution.id;
        let count = rows.get(id.as_str()).copied().unwrap_or_default();
        let may_be_unknown = fill.undone_at.is_some() || fill.execution.at < Some(since) || fill.out_of_sight;
        if (count > 1 && !fill.disguised) || (count == 0 && !may_be_unknown && !is_taken_for_another(broker, fill)) {
            return Err(format!("execution {id} stands in the ledger {count} times"));
        }
    }
    let working = blotter.orders().filter(|order| order.status.is_working()).count();
    if working != blotter.working_count() {
        return Err(format!("{} orders count as working and {working} are", blotter.working_count()));
    }
    tape_is_whole(blotter)
}

/// Checks that each execution and each order event is on exactly one line.
fn tape_is_whole(blotter: &Blotter) -> Result<(), String> {
    let (mut shown, mut events) = (HashSet::new(), HashSet::new());
    for line in blotter.tape() {
        let number = line.number;
        match &line.execution {
            Some(id) if blotter.execution(id).is_none() => {
                return Err(format!("line {number} of the tape points to {id}, which is gone"));
            }
            Some(id) if !shown.insert(id) => return Err(format!("line {number} of the tape shows {id} again")),
            None if ONCE.contains(&line.event) && !events.insert((&line.order_id, &line.event)) => {
                return Err(format!("line {number} of the tape repeats that {} is {}", line.order_id, line.event));
            }
            Some(_) | None => {}
        }
    }
    match blotter.executions().find(|execution| !shown.contains(&execution.id)) {
        Some(execution) => Err(format!("no line of the tape shows {}", execution.id)),
        None => Ok(()),
    }
}

/// Events that happen to an order only once.
const ONCE: [TradeEvent; 6] = [
    TradeEvent::Accepted,
    TradeEvent::PendingNew,
    TradeEvent::Canceled,
    TradeEvent::Expired,
    TradeEvent::Rejected,
    TradeEvent::Replaced,
];

/// True for an order that was done before watching began.
pub(super) fn is_history(held: &Held, since: Timestamp) -> bool {
    held.changed_at() < since && held.now().status.is_terminal()
}

/// True for an order that executed, or was busted or corrected, after it was done, by a lost frame: only lists that go
/// far back show it.
pub(super) fn out_of_sight(held: &Held) -> bool {
    held.undone_late && held.undoing_lost || held.out_of_sight
}

/// True for an execution with the span and amounts of an earlier one that was undone by a lost frame: only times tell them
/// apart, and rows have a clock of their own.
pub(super) fn is_taken_for_another(broker: &Broker, fill: &Fill) -> bool {
    let (one, held) = (&fill.execution, &broker.orders[broker.index[&fill.execution.order_id]]);
    let is_earlier = |other: &Fill| {
        let another = &other.execution;
        other.undone_at.is_some_and(|at| Some(at) <= one.at)
            && (&another.order_id, another.qty, another.px, another.cum_qty)
                == (&one.order_id, one.qty, one.px, one.cum_qty)
    };
    held.undoing_lost && broker.fills.iter().any(is_earlier)
}

/// Checks the state of every order, regardless of its rows.
pub(in crate::session::lab) fn orders_are_true(
    broker: &Broker,
    blotter: &Blotter,
    since: Timestamp,
) -> Result<(), String> {
    let seen = broker.orders.iter().filter(|held| !is_history(held, since) && !out_of_sight(held));
    seen.map(Held::now).try_for_each(|truth| state_is_true(blotter, truth).map(drop))
}

fn state_is_true<'a>(blotter: &'a Blotter, truth: &Order) -> Result<&'a Order, String> {
    let Some(order) = blotter.order(&truth.id) else { return Err(format!("order {} is missing", truth.id)) };
    if (&order.status, order.cum_qty) == (&truth.status, truth.cum_qty) {
        return Ok(order);
    }
    let (status, cum_qty) = (&truth.status, truth.cum_qty);
    Err(format!("order {} is {} {} and not {status} {cum_qty}", truth.id, order.status, order.cum_qty))
}

/// Checks an order and its rows against what was visible until a moment.
pub(super) fn order_is_true(broker: &Broker, blotter: &Blotter, held: &Held, until: Timestamp) -> Result<(), String> {
    let truth = held.now();
    let order = state_is_true(blotter, truth)?;
    if terms(order) != terms(truth) {
        return Err(format!("order {} is shown as {:?} and is {:?}", truth.id, terms(order), terms(truth)));
    }
    if !held.undone && order.avg_px != truth.avg_px {
        return Err(format!("order {} shows the price {:?} and not {:?}", truth.id, order.avg_px, truth.avg_px));
    }
    // The quantity that units or a chain state is not the sum of their own executions.
    let own = if held.units { Qty::ZERO } else { truth.cum_qty.checked_sub(held.inherited).unwrap_or(Qty::ZERO) };
    let sum = sum_of(blotter, &truth.id);
    if sum != own && !is_unknowable(broker, held, until) {
        let rows: Vec<_> = blotter
            .executions_of(&truth.id)
            .iter()
            .map(|row| format!("{} {:?} {}", row.id, row.kind, row.qty))
            .collect();
        return Err(format!("the rows of {} add up to {sum} and not {own}: {rows:?}", truth.id));
    }
    for leg in &order.legs {
        let place = broker.index.get(leg);
        if place.is_none_or(|place| broker.orders[*place].parent.is_none()) || blotter.order(leg).is_none() {
            return Err(format!("{leg} is shown as a leg of {} but is not one", truth.id));
        }
    }
    if held.units && order.legs.len() != held.legs.len() {
        return Err(format!("order {} has {} legs and shows {}", truth.id, held.legs.len(), order.legs.len()));
    }
    Ok(())
}

/// True while the one row is hidden or gone that would explain the sum of an order's rows: whether a replacing order or
/// its chain executed a quantity, or that an execution existed before it was undone.
fn is_unknowable(broker: &Broker, held: &Held, until: Timestamp) -> bool {
    let order = held.now();
    let gone = |fill: &Fill| fill.gone_at.is_some() && order.replaces.is_some();
    let late = |fill: &Fill| fill.execution.order_id == order.id && (fill.listed_at > until || gone(fill));
    (held.undone || order.replaces.is_some()) && broker.fills.iter().any(late)
}

type Terms<'a> = (
    &'a str,
    &'a str,
    Option<Qty>,
    Option<crate::domain::Price>,
    Option<crate::domain::Money>,
    Option<&'a OrderId>,
    Option<&'a OrderId>,
);

fn terms(order: &Order) -> Terms<'_> {
    (
        order.symbol.as_str(),
        order.side.as_str(),
        order.qty,
        order.limit_px,
        order.notional,
        order.replaces.as_ref(),
        order.replaced_by.as_ref(),
    )
}

fn sum_of(blotter: &Blotter, order: &OrderId) -> Qty {
    let mut sum = rust_decimal::Decimal::ZERO;
    for row in blotter.executions_of(order) {
        let qty = row.qty.decimal();
        sum += match &row.kind {
            ExecutionKind::Trade | ExecutionKind::Unexplained => qty,
            ExecutionKind::Bust { .. } => -qty,
            ExecutionKind::Correction { of } => {
                let before = of.as_ref().and_then(|id| blotter.execution(id));
                before.map_or(rust_decimal::Decimal::ZERO, |before| qty - before.qty.decimal())
            }
        };
    }
    Qty::new(sum)
}
