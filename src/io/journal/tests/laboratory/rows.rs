//! The expected content of the file after each saved commit, kept as plain records without a database.

use std::collections::{BTreeMap, HashMap};

use crate::domain::blotter::{Blotter, TapeEntry};
use crate::domain::{AccountId, Execution, ExecutionId, Order, OrderId, Source};
use crate::io::journal::{Batch, LoadedState, Record};
use crate::session::lab::Mark;

/// The rows of one account.
#[derive(Debug, Clone, Default)]
struct Rows {
    orders: BTreeMap<OrderId, Order>,
    executions: BTreeMap<ExecutionId, Execution>,
    tape: Vec<TapeEntry>,
    /// The positions of the running program's lines in `tape`.
    places: HashMap<u64, usize>,
}

/// The rows of one link.
#[derive(Debug, Default)]
pub(super) struct Expected {
    account: Option<AccountId>,
    mark: Mark,
    rows: Rows,
    /// The rows of earlier accounts.
    others: HashMap<AccountId, Rows>,
}

fn unsourced(execution: &Execution) -> Execution {
    Execution { source: Source::Journal, ..execution.clone() }
}

fn unnumbered(line: &TapeEntry) -> TapeEntry {
    TapeEntry { number: 0, source: Source::Journal, ..line.clone() }
}

/// The first difference of two lists, in words.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, left: (&str, Vec<T>), right: (&str, Vec<T>)) -> Result<(), String> {
    let ((one, left), (other, right)) = (left, right);
    let place = (0..left.len().max(right.len())).find(|at| left.get(*at) != right.get(*at));
    let Some(place) = place else { return Ok(()) };
    let (mine, its) = (left.get(place), right.get(place));
    Err(format!("{what} {place}: {one} ({} of them) has {mine:?} and {other} ({}) {its:?}", left.len(), right.len()))
}

impl Expected {
    /// Adds a saved batch.
    pub(super) fn apply(&mut self, batch: Batch) {
        for record in batch.records {
            match record {
                Record::Account(id) => self.account(&id),
                Record::Order(order, _) => drop(self.rows.orders.insert(order.id.clone(), *order)),
                Record::Execution(row) => drop(self.rows.executions.insert(row.id.clone(), unsourced(&row))),
                Record::Removed(id) => drop(self.rows.executions.remove(&id)),
                Record::Line(line) => self.line(&line),
                Record::Complete { watermark, asked_at } => {
                    self.mark = (self.mark.0.max(watermark), self.mark.1.max(Some(asked_at)));
                }
                Record::Intent { .. } | Record::Outcome { .. } | Record::Refusal { .. } => {}
            }
        }
    }

    fn account(&mut self, id: &AccountId) {
        if let Some(known) = self.account.replace(id.clone()).filter(|known| known != id) {
            self.others.insert(known, std::mem::take(&mut self.rows));
            self.rows = self.others.remove(id).unwrap_or_default();
            self.mark = (None, None);
        }
    }

    fn line(&mut self, line: &TapeEntry) {
        let Rows { tape, places, .. } = &mut self.rows;
        let place = *places.entry(line.number).or_insert(tape.len());
        match tape.get_mut(place) {
            Some(held) => *held = unnumbered(line),
            None => tape.push(unnumbered(line)),
        }
    }

    /// A program continues from what was read, which is now the expected content.
    pub(super) fn begin(&mut self, found: &LoadedState) {
        self.account.clone_from(&found.account);
        self.mark = (found.watermark, found.complete_at);
        self.rows = Rows {
            orders: found.orders.iter().map(|order| (order.id.clone(), order.clone())).collect(),
            executions: found.executions.iter().map(|row| (row.id.clone(), unsourced(row))).collect(),
            tape: found.tape.iter().map(unnumbered).collect(),
            places: found.tape.iter().enumerate().map(|(place, line)| (line.number, place)).collect(),
        };
    }

    /// Checks that exactly this is read back.
    pub(super) fn is(&self, found: &LoadedState) -> Result<(), String> {
        let read = ((&found.account, found.watermark, found.complete_at), found.unreadable);
        let saved = ((&self.account, self.mark.0, self.mark.1), 0);
        if read != saved {
            return Err(format!("{saved:?} was saved and {read:?} is read"));
        }
        let mut orders = found.orders.clone();
        orders.sort_by(|one, other| one.id.cmp(&other.id));
        let mut executions: Vec<Execution> = found.executions.iter().map(unsourced).collect();
        executions.sort_by(|one, other| one.id.cmp(&other.id));
        let tape = found.tape.iter().map(unnumbered).collect();
        // A line may be saved before its execution; without it, the line is not read.
        let rows = &self.rows.executions;
        let whole = |line: &&TapeEntry| line.execution.as_ref().is_none_or(|id| rows.contains_key(id));
        let lines = self.rows.tape.iter().filter(whole).cloned().collect();
        self.matches("the file", orders, executions, (lines, tape))
    }

    /// Checks that everything shown was saved, and nothing else.
    pub(super) fn is_shown(&self, blotter: &Blotter) -> Result<(), String> {
        let mut orders: Vec<Order> = blotter.orders().cloned().collect();
        orders.sort_by(|one, other| one.id.cmp(&other.id));
        let mut executions: Vec<Execution> = blotter.executions().map(unsourced).collect();
        executions.sort_by(|one, other| one.id.cmp(&other.id));
        let tape = blotter.tape().iter().map(unnumbered).collect();
        self.matches("the screen", orders, executions, (self.rows.tape.clone(), tape))
    }

    fn matches(
        &self,
        whose: &str,
        orders: Vec<Order>,
        executions: Vec<Execution>,
        (lines, tape): (Vec<TapeEntry>, Vec<TapeEntry>),
    ) -> Result<(), String> {
        let Rows { orders: mine, executions: rows, .. } = &self.rows;
        same("order", ("what was saved", mine.values().cloned().collect()), (whose, orders))?;
        same("execution", ("what was saved", rows.values().cloned().collect()), (whose, executions))?;
        same("line", ("what was saved", lines), (whose, tape))
    }
}
