//! The names of what changed while the journal could not be written. Their memory is bounded by the blotter, which
//! knows their current state when the fault is over.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::batch::{Batch, Record};
use crate::domain::blotter::Blotter;
use crate::domain::{AccountId, ExecutionId, LinkId, OrderId, Source};

/// Most records that wait in memory; beyond this only the names are kept.
const KEPT: usize = 20_000;

/// What the writer is too slow for, for all links.
#[derive(Debug)]
pub struct Backlog {
    kept: usize,
    links: HashMap<LinkId, Overdue>,
}

impl Default for Backlog {
    fn default() -> Self {
        Self::beyond(KEPT)
    }
}

impl Backlog {
    /// Starts when this many records are waiting.
    pub fn beyond(kept: usize) -> Self {
        Self { kept, links: HashMap::new() }
    }

    /// Whether nothing is owed.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// How many records are owed.
    pub fn len(&self) -> usize {
        self.links.values().map(Overdue::len).sum()
    }

    /// The batch, to be sent; `None` when too many records are waiting and only its names were kept.
    pub fn pass(&mut self, batch: Batch, waiting: usize) -> Option<Batch> {
        if let Some(overdue) = self.links.get_mut(&batch.link) {
            overdue.take_in(batch);
            return None;
        }
        if waiting > self.kept {
            self.links.entry(batch.link.clone()).or_default().take_in(batch);
            return None;
        }
        Some(batch)
    }

    /// Everything owed, in its current state; nothing for links that are gone.
    pub fn settle<'a>(
        &mut self,
        blotter: impl Fn(&LinkId) -> Option<&'a Blotter>,
        learned_at: Timestamp,
    ) -> Vec<Batch> {
        let owed = std::mem::take(&mut self.links).into_iter();
        owed.filter_map(|(link, overdue)| Some(overdue.settle(link.clone(), blotter(&link)?, learned_at))).collect()
    }
}

/// The names of what one link owes the journal.
#[derive(Debug, Default)]
struct Overdue {
    account: Option<AccountId>,
    removed: BTreeSet<ExecutionId>,
    orders: BTreeSet<OrderId>,
    executions: BTreeSet<ExecutionId>,
    lines: BTreeSet<u64>,
    complete: Option<(Option<Timestamp>, Timestamp)>,
    /// What is not in a blotter.
    others: Vec<Record>,
}

impl Overdue {
    fn len(&self) -> usize {
        let single = usize::from(self.account.is_some()) + usize::from(self.complete.is_some());
        let named = self.removed.len() + self.orders.len() + self.executions.len() + self.lines.len();
        single + named + self.others.len()
    }

    /// Keeps the names of a batch's content.
    fn take_in(&mut self, batch: Batch) {
        for record in batch.records {
            match record {
                Record::Account(id) => self.account = Some(id),
                Record::Order(order, _) => drop(self.orders.insert(order.id)),
                Record::Execution(execution) => drop(self.executions.insert(execution.id)),
                Record::Removed(id) => {
                    self.executions.remove(&id);
                    self.removed.insert(id);
                }
                Record::Line(line) => drop(self.lines.insert(line.number)),
                Record::Complete { watermark, asked_at } => self.complete = Some((watermark, asked_at)),
                other @ (Record::Intent { .. } | Record::Outcome { .. } | Record::Refusal { .. }) => {
                    self.others.push(other);
                }
            }
        }
    }

    /// Everything owed, in the blotter's current state. What a reset blotter no longer knows belonged to the old
    /// account and is skipped.
    fn settle(self, link: LinkId, blotter: &Blotter, learned_at: Timestamp) -> Batch {
        let mut batch = Batch::new(link, learned_at);
        let records = &mut batch.records;
        records.extend(self.account.map(Record::Account));
        records.extend(self.removed.into_iter().map(Record::Removed));
        let orders = self.orders.iter().filter_map(|id| blotter.order(id));
        records.extend(orders.map(|order| Record::Order(Box::new(order.clone()), Source::Reconcile)));
        let executions = self.executions.iter().filter_map(|id| blotter.execution(id));
        records.extend(executions.map(|execution| Record::Execution(Box::new(execution.clone()))));
        records.extend(self.lines.iter().filter_map(|number| blotter.tape_entry(*number)).cloned().map(Record::Line));
        records.extend(self.complete.map(|(watermark, asked_at)| Record::Complete { watermark, asked_at }));
        records.extend(self.others);
        batch
    }
}
