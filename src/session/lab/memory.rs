//! The journal's logic without a disk: keeps what changed and returns it to a program that restarts.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::journal::{Journal, Kept, Mark, Recalled};
use crate::domain::blotter::{Blotter, Changes, TapeEntry};
use crate::domain::execution::Source;
use crate::domain::{AccountId, Execution, ExecutionId, Now, Order, OrderId};

/// The memories of all accounts of a run.
#[derive(Debug)]
pub(super) struct Memories {
    accounts: Vec<Memory>,
    /// Which account each program is on.
    programs: Vec<usize>,
}

impl Memories {
    pub(super) fn of(programs: Vec<usize>) -> Self {
        let count = programs.iter().max().map_or(0, |last| last + 1);
        Self { accounts: (0..count).map(|_| Memory::default()).collect(), programs }
    }
}

impl Journal for Memories {
    fn is_shared(&self) -> bool {
        false
    }

    fn kills(&mut self) -> Vec<(Duration, Duration)> {
        Vec::new()
    }

    fn recall(&mut self, program: usize, _now: Now) -> Option<Recalled> {
        let memory = &self.accounts[self.programs[program]];
        Some(Recalled { account: memory.account.clone(), mark: memory.mark, blotter: memory.restore() })
    }

    fn keep(&mut self, program: usize, kept: Kept<'_>, blotter: &Blotter, _now: Now) {
        let memory = &mut self.accounts[self.programs[program]];
        match kept {
            Kept::Changes(changes) => memory.keep(blotter, changes),
            Kept::Account(id) => memory.account = Some(id.clone()),
            Kept::Mark(mark) => memory.mark = mark,
            // The account itself was sent before.
            Kept::Reset => *memory = Memory { account: memory.account.take(), ..Memory::default() },
        }
    }

    fn die(&mut self, _program: usize, _now: Now) -> bool {
        false
    }

    fn account(&self, program: usize) -> Option<&AccountId> {
        self.accounts[self.programs[program]].account.as_ref()
    }

    fn agrees(&mut self, program: usize, blotter: &Blotter, _now: Now) -> Result<(), String> {
        self.accounts[self.programs[program]].is_what_is_shown(blotter)
    }

    fn reread(&mut self, _program: usize) -> Option<Blotter> {
        None
    }
}

/// What is remembered of one account.
#[derive(Debug, Default)]
struct Memory {
    account: Option<AccountId>,
    mark: Mark,
    orders: BTreeMap<u64, Order>,
    order_rows: HashMap<OrderId, u64>,
    executions: BTreeMap<u64, Execution>,
    execution_rows: HashMap<ExecutionId, u64>,
    lines: BTreeMap<u64, TapeEntry>,
    next: u64,
}

impl Memory {
    fn keep(&mut self, blotter: &Blotter, changes: &Changes) {
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

    /// Checks that everything shown is kept, and nothing else.
    fn is_what_is_shown(&self, blotter: &Blotter) -> Result<(), String> {
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

    fn restore(&self) -> Blotter {
        let mut blotter = Blotter::default();
        let mut executions: Vec<Execution> = self.executions.values().cloned().collect();
        for execution in &mut executions {
            execution.source = Source::Journal;
        }
        let mut lines: Vec<TapeEntry> = self.lines.values().cloned().collect();
        for line in &mut lines {
            line.source = Source::Journal;
        }
        blotter.restore(self.orders.values().cloned().collect(), executions, lines, self.mark.1);
        blotter
    }
}
