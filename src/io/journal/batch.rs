//! Input of the journal: plain records of one moment, without tokens and secrets.

use std::sync::Arc;

use jiff::Timestamp;

use crate::accounts::JournalEntry;
use crate::domain::blotter::{Blotter, Changes, TapeEntry};
use crate::domain::{AccountId, ClientOrderId, Execution, ExecutionId, LinkId, Order, Source};
use crate::session::RequestError;

/// The outcome of sending an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntentOutcome {
    /// The broker has it, with this id.
    Accepted(crate::domain::OrderId),
    /// The broker refused it, or never received it.
    Refused(String),
}

/// One row for the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The account of the link. Another id than before starts a new generation; old rows stay.
    Account(AccountId),
    /// An order's state.
    Order(Box<Order>, Source),
    Execution(Box<Execution>),
    /// A placeholder that was explained, or an id that was replaced by the broker's own.
    Removed(ExecutionId),
    /// A line of the tape.
    Line(TapeEntry),
    /// A complete pass: where the next one starts from.
    Complete {
        /// The broker's time of the last merged execution.
        watermark: Option<Timestamp>,
        /// When the pass started.
        asked_at: Timestamp,
    },
    /// An order is about to be sent; not before the barrier has passed.
    Intent {
        client_order_id: ClientOrderId,
        /// The request's JSON.
        body: Arc<str>,
    },
    /// The outcome of an intent.
    Outcome {
        client_order_id: ClientOrderId,
        /// What became of the intent.
        outcome: IntentOutcome,
    },
    /// The broker refused something.
    Refusal {
        /// What was requested, in words.
        what: String,
        /// The broker's answer.
        error: Box<RequestError>,
    },
}

/// Records of one link and one moment, written together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub link: LinkId,
    /// When they were learned, by the local clock; for display, and to order the writes of two programs.
    pub learned_at: Timestamp,
    /// The records, in order.
    pub records: Vec<Record>,
}

impl Batch {
    /// An empty batch for this link and time.
    pub fn new(link: LinkId, learned_at: Timestamp) -> Self {
        Self { link, learned_at, records: Vec::new() }
    }

    /// Records for what the program wants journaled, in the blotter's current state.
    pub fn of_memory(link: LinkId, memory: JournalEntry, blotter: Option<&Blotter>, learned_at: Timestamp) -> Self {
        let mut batch = Self::new(link, learned_at);
        match memory {
            JournalEntry::Changes(changes) => {
                if let Some(blotter) = blotter {
                    batch.add_changes(blotter, &changes);
                }
            }
            JournalEntry::Account(id) => batch.records.push(Record::Account(id)),
            JournalEntry::Complete { watermark, asked_at } => {
                batch.records.push(Record::Complete { watermark, asked_at });
            }
        }
        batch
    }

    /// Records for everything a merge changed, in the blotter's current state.
    pub fn of_changes(link: LinkId, blotter: &Blotter, changes: &Changes, learned_at: Timestamp) -> Self {
        let mut batch = Self::new(link, learned_at);
        batch.add_changes(blotter, changes);
        batch
    }

    /// Records for everything known of an account, for a new file.
    pub fn of_everything(link: LinkId, account: Option<AccountId>, blotter: &Blotter, learned_at: Timestamp) -> Self {
        let mut batch = Self::new(link, learned_at);
        let records = &mut batch.records;
        records.extend(account.map(Record::Account));
        records.extend(blotter.orders().map(|order| Record::Order(Box::new(order.clone()), Source::Reconcile)));
        records.extend(blotter.executions().map(|execution| Record::Execution(Box::new(execution.clone()))));
        records.extend(blotter.tape().iter().cloned().map(Record::Line));
        batch
    }

    /// Adds everything a merge changed.
    pub fn add_changes(&mut self, blotter: &Blotter, changes: &Changes) {
        let lines = changes.tape.iter().filter_map(|number| blotter.tape_entry(*number));
        let late = lines.clone().all(|entry| entry.source == Source::Reconcile);
        let source = if late { Source::Reconcile } else { Source::Stream };
        for id in &changes.removed {
            self.records.push(Record::Removed(id.clone()));
        }
        for order in changes.orders.iter().filter_map(|id| blotter.order(id)) {
            self.records.push(Record::Order(Box::new(order.clone()), source));
        }
        for execution in changes.executions.iter().chain(&changes.revised).filter_map(|id| blotter.execution(id)) {
            self.records.push(Record::Execution(Box::new(execution.clone())));
        }
        self.records.extend(lines.cloned().map(Record::Line));
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}
