//! Compares with the truth: at every step that nothing is invented, repeated or taken back; at the end that nothing is
//! missing.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::broker::Broker;
use crate::domain::blotter::{Blotter, Changes};
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::money::Qty;
use crate::domain::{ExecutionId, OrderId, Position};

/// What was shown so far.
#[derive(Debug, Default)]
pub(super) struct Oracle {
    announced: HashSet<ExecutionId>,
    orders: HashMap<OrderId, (Qty, bool)>,
}

impl Oracle {
    /// Another account: nothing that was shown counts any more.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
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
                    // By the name it was announced under: a later merge of the same step may have given it another.
                    let truth = truth_of(broker, &Execution { id: id.clone(), ..execution.clone() })?;
                    if !self.announced.insert(truth.clone()) {
                        return Err(format!("execution {truth} was shown twice"));
                    }
                }
                ExecutionKind::Unexplained => {
                    let fills = broker.fills.iter().filter(|fill| fill.execution.order_id == execution.order_id);
                    let all: rust_decimal::Decimal = fills.map(|fill| fill.execution.qty.decimal()).sum();
                    if execution.qty > Qty::new(all) {
                        return Err(format!("placeholder {id} stands for more than was ever executed"));
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

/// The true execution a row stands for, by its id or by that of its activity row.
fn truth_of(broker: &Broker, execution: &Execution) -> Result<ExecutionId, String> {
    let id = &execution.id;
    let place = match id.as_str().strip_prefix("row/") {
        Some(row) => broker.by_row.get(row),
        None => broker.by_execution.get(id),
    };
    let truth = place.map(|place| &broker.fills[*place].execution).ok_or_else(|| format!("{id} never happened"))?;
    if truth.qty != execution.qty || truth.order_id != execution.order_id {
        return Err(format!("{id} is not what happened"));
    }
    Ok(truth.id.clone())
}

/// After everything has settled: is what is shown the truth? `since` is when watching began.
pub(super) fn settled(broker: &Broker, blotter: &Blotter, since: Timestamp) -> Result<(), String> {
    let mut rows: HashMap<ExecutionId, usize> = HashMap::new();
    let mut placeholders: HashSet<OrderId> = HashSet::new();
    for execution in blotter.executions() {
        match execution.kind {
            ExecutionKind::Trade => *rows.entry(truth_of(broker, execution)?).or_default() += 1,
            ExecutionKind::Unexplained => drop(placeholders.insert(execution.order_id.clone())),
            ExecutionKind::Bust { .. } | ExecutionKind::Correction { .. } => {}
        }
    }
    for held in &broker.orders {
        let truth = held.now();
        let last = held.states[held.states.len() - 1].0;
        if (last < since && truth.status.is_terminal()) || held.undone_late {
            continue;
        }
        let Some(order) = blotter.order(&truth.id) else { return Err(format!("order {} is missing", truth.id)) };
        if (&order.status, order.cum_qty) != (&truth.status, truth.cum_qty) {
            return Err(format!(
                "order {} is {} {} and not {} {}",
                truth.id, order.status, order.cum_qty, truth.status, truth.cum_qty
            ));
        }
        let sum = sum_of(blotter, &truth.id);
        if sum != truth.cum_qty {
            let rows: Vec<_> = blotter
                .executions_of(&truth.id)
                .iter()
                .map(|row| format!("{} {:?} {}", row.id, row.kind, row.qty))
                .collect();
            return Err(format!("the rows of {} add up to {sum} and not {}: {rows:?}", truth.id, truth.cum_qty));
        }
        if placeholders.contains(&truth.id) && !held.undone && held.states[0].0 >= since {
            return Err(format!("order {} still has an unexplained row", truth.id));
        }
    }
    for fill in &broker.fills {
        let count = rows.get(&fill.execution.id).copied().unwrap_or_default();
        let may_be_unknown = fill.busted || fill.execution.at < Some(since);
        if count > 1 || (count == 0 && !may_be_unknown) {
            return Err(format!("execution {} stands in the ledger {count} times", fill.execution.id));
        }
    }
    let working = blotter.working().count();
    if working != blotter.working_count() {
        return Err(format!("{} orders count as working and {working} are", blotter.working_count()));
    }
    for line in blotter.tape() {
        if let Some(id) = &line.execution
            && blotter.execution(id).is_none()
        {
            return Err(format!("line {} of the tape points to {id}, which is gone", line.number));
        }
    }
    Ok(())
}

/// Positions as last shown, against the truth.
pub(super) fn positions(broker: &Broker, shown: &[Position], now: Timestamp) -> Result<(), String> {
    let truth = broker.positions_at(now);
    if truth == shown { Ok(()) } else { Err(format!("positions are {shown:?} and not {truth:?}")) }
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
