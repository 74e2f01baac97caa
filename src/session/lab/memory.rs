//! The journal's logic without a disk: keeps what changed, hands it back to a program that starts again.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use crate::domain::blotter::{Blotter, Changes, TapeEntry};
use crate::domain::execution::Source;
use crate::domain::{AccountId, Execution, ExecutionId, Order, OrderId};

/// What is remembered of one account.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) account: Option<AccountId>,
    pub(super) watermark: (Option<Timestamp>, Option<Timestamp>),
    orders: BTreeMap<u64, Order>,
    order_rows: HashMap<OrderId, u64>,
    executions: BTreeMap<u64, Execution>,
    execution_rows: HashMap<ExecutionId, u64>,
    lines: BTreeMap<u64, TapeEntry>,
    next: u64,
}

impl Memory {
    pub(super) fn keep(&mut self, blotter: &Blotter, changes: &Changes) {
        for id in &changes.removed {
            if let Some(row) = self.execution_rows.remove(id) {
                self.executions.remove(&row);
            }
        }
        for order in changes.orders.iter().filter_map(|id| blotter.order(id)) {
            self.next += 1;
            let row = *self.order_rows.entry(order.id.clone()).or_insert(self.next);
            self.orders.insert(row, order.clone());
        }
        for execution in changes.executions.iter().chain(&changes.revised).filter_map(|id| blotter.execution(id)) {
            self.next += 1;
            let row = *self.execution_rows.entry(execution.id.clone()).or_insert(self.next);
            self.executions.insert(row, execution.clone());
        }
        for entry in changes.tape.iter().filter_map(|number| blotter.tape_entry(*number)) {
            self.lines.insert(entry.number, entry.clone());
        }
    }

    /// The account is another one now; which, was told before.
    pub(super) fn reset(&mut self) {
        *self = Self { account: self.account.take(), ..Self::default() };
    }

    /// Everything shown is here, and nothing else.
    pub(super) fn is_what_is_shown(&self, blotter: &Blotter) -> Result<(), String> {
        if self.orders.len() != blotter.order_count() {
            return Err(format!("{} orders are shown and {} journaled", blotter.order_count(), self.orders.len()));
        }
        for order in blotter.orders() {
            let kept = self.order_rows.get(&order.id).and_then(|row| self.orders.get(row));
            if kept != Some(order) {
                return Err(format!("order {} is shown as {order:?} and journaled as {kept:?}", order.id));
            }
        }
        let count = blotter.executions().count();
        if self.executions.len() != count {
            return Err(format!("{count} executions are shown and {} journaled", self.executions.len()));
        }
        for execution in blotter.executions() {
            let kept = self.execution_rows.get(&execution.id).and_then(|row| self.executions.get(row));
            let same = kept.is_some_and(|kept| Execution { source: execution.source, ..kept.clone() } == *execution);
            if !same {
                return Err(format!("{} is shown as {execution:?} and journaled as {kept:?}", execution.id));
            }
        }
        for line in blotter.tape() {
            let kept = self.lines.get(&line.number);
            let same = kept.is_some_and(|kept| TapeEntry { source: line.source, ..kept.clone() } == *line);
            if !same {
                return Err(format!("line {} is shown as {line:?} and journaled as {kept:?}", line.number));
            }
        }
        Ok(())
    }

    pub(super) fn restore(&self) -> Blotter {
        let mut blotter = Blotter::default();
        let mut executions: Vec<Execution> = self.executions.values().cloned().collect();
        for execution in &mut executions {
            execution.source = Source::Journal;
        }
        let mut lines: Vec<TapeEntry> = self.lines.values().cloned().collect();
        for line in &mut lines {
            line.source = Source::Journal;
        }
        blotter.restore(self.orders.values().cloned().collect(), executions, lines, self.watermark.1);
        blotter
    }
}
