//! Compares with the truth: at every step that nothing is invented, repeated or taken back; at the end that nothing is
//! missing; while `live`, that nothing is further behind than promised.

mod bounds;
mod settled;

use std::collections::{HashMap, HashSet};

use super::broker::{Broker, Fill};
use crate::domain::activity::ActivityKind;
use crate::domain::blotter::{Blotter, Changes};
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::money::Qty;
use crate::domain::{Account, ExecutionId, Order, OrderId, Position};

pub(super) use bounds::{Behind, at_live, behind, reflects, shows};
pub(super) use settled::{orders_are_true, settled};

/// What is on the screen besides orders and executions.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) positions: Option<Vec<Position>>,
    pub(super) account: Option<Account>,
}

/// What was shown so far.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    announced: HashSet<ExecutionId>,
    orders: HashMap<OrderId, (Qty, bool)>,
}

impl Oracle {
    /// Forgets what was shown of an account that was reset; executions of the new one that were
    /// already announced stay announced.
    pub(super) fn reset(&mut self) {
        *self = Self { announced: std::mem::take(&mut self.announced), ..Self::default() };
    }

    /// A program starts with less than was shown before it was killed: it may show the rest again.
    pub(super) fn goes_back(&mut self, broker: &Broker, blotter: &Blotter) {
        let known = blotter.executions().filter(|row| row.kind == ExecutionKind::Trade);
        let known = known.filter_map(|row| {
            truth_of(broker, &Execution { order_id: current_order(broker, blotter, row), ..row.clone() }).ok()
        });
        let known: HashSet<ExecutionId> = known.map(|fill| fill.execution.id.clone()).collect();
        self.announced.retain(|id| known.contains(id));
        let state = |order: &Order| (order.id.clone(), (order.cum_qty, order.status.is_terminal()));
        self.orders = blotter.orders().map(state).collect();
    }

    /// Checks what one step changed.
    pub(super) fn step(&mut self, broker: &Broker, blotter: &Blotter, changes: &Changes) -> Result<(), String> {
        for id in &changes.orders {
            self.order(broker, blotter, id)?;
        }
        for id in &changes.executions {
            let Some(execution) = blotter.execution(id) else { continue };
            match &execution.kind {
                ExecutionKind::Trade => {
                    // Under the id it was announced with: a later merge of the same step may have changed it.
                    let order_id = current_order(broker, blotter, execution);
                    let truth = truth_of(broker, &Execution { id: id.clone(), order_id, ..execution.clone() })?;
                    if !self.announced.insert(truth.execution.id.clone()) && !truth.disguised {
                        return Err(format!("execution {} was shown twice", truth.execution.id));
                    }
                }
                ExecutionKind::Unexplained => {
                    let fills = broker.fills.iter().filter(|fill| fill.execution.order_id == execution.order_id);
                    let all: rust_decimal::Decimal = fills.map(|fill| fill.execution.qty.decimal()).sum();
                    if execution.qty > Qty::new(all) {
                        return Err(format!("placeholder {id} is larger than what was ever executed"));
                    }
                }
                ExecutionKind::Bust { .. } | ExecutionKind::Correction { .. } => {
                    let place = broker.index.get(&execution.order_id);
                    if !place.is_some_and(|place| broker.orders[*place].undone) {
                        return Err(format!("{id} undoes an execution of an order of which none was undone"));
                    }
                }
            }
        }
        Ok(())
    }

    fn order(&mut self, broker: &Broker, blotter: &Blotter, id: &OrderId) -> Result<(), String> {
        let Some(order) = blotter.order(id) else { return Err(format!("order {id} changed but is not there")) };
        let Some(place) = broker.index.get(id) else { return Err(format!("order {id} does not exist")) };
        let truth = &broker.orders[*place];
        if order.cum_qty > truth.highest {
            return Err(format!("order {id} shows {} executed, never more than {}", order.cum_qty, truth.highest));
        }
        let (cum, ended) = self.orders.get(id).copied().unwrap_or_default();
        if order.cum_qty < cum && !truth.undone {
            return Err(format!("order {id} went back from {cum} to {}", order.cum_qty));
        }
        if ended && order.status.is_working() {
            return Err(format!("order {id} was done and is {} again", order.status));
        }
        self.orders.insert(id.clone(), (order.cum_qty, order.status.is_terminal()));
        Ok(())
    }
}

/// The order that an execution should be shown under. A row may name the parent of legs, and stays there until the
/// program knows the legs.
fn current_order(broker: &Broker, blotter: &Blotter, execution: &Execution) -> OrderId {
    let named = &execution.order_id;
    let reported = blotter.order(named).is_some_and(|order| !order.legs.is_empty());
    let parent = broker.index.get(named).map(|place| &broker.orders[*place]).filter(|held| held.units && !reported);
    let mut legs = parent.into_iter().flat_map(|held| &held.legs).map(|leg| broker.orders[*leg].now());
    legs.find(|leg| leg.symbol == execution.symbol).map_or(named, |leg| &leg.id).clone()
}

/// The true execution behind a row, by its own id or that of its activity row.
pub(in crate::session::lab) fn truth_of<'a>(broker: &'a Broker, execution: &Execution) -> Result<&'a Fill, String> {
    let id = &execution.id;
    let fill = fill_of(broker, id).ok_or_else(|| format!("{id} never happened"))?;
    let truth = &fill.execution;
    let reported = (&execution.order_id, &execution.side, &execution.symbol);
    // If only its row is known, it may state the corrected amounts.
    let amounts = (execution.qty, execution.px);
    let restated = matches!(&fill.row.kind, ActivityKind::Fill { qty, px, .. } if (*qty, Some(*px)) == amounts);
    let of_its_size = (truth.qty, truth.px) == amounts || restated;
    if (&truth.order_id, &truth.side, &truth.symbol) != reported || !of_its_size {
        return Err(format!("{id} is not what happened: {amounts:?} {reported:?} and not {truth:?}"));
    }
    Ok(fill)
}

/// The execution with this id, or with the id of its activity row.
pub(in crate::session::lab) fn fill_of<'a>(broker: &'a Broker, id: &ExecutionId) -> Option<&'a Fill> {
    let place = match id.as_str().strip_prefix("row/") {
        Some(row) => broker.by_row.get(row),
        None => broker.by_execution.get(id),
    };
    place.map(|place| &broker.fills[*place])
}
