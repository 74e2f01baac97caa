//! What the journal is told: plain records of one moment. It holds no tokens and no secrets.

use std::sync::Arc;

use jiff::Timestamp;

use crate::accounts::Memory;
use crate::domain::blotter::{Blotter, Changes, TapeEntry};
use crate::domain::{AccountId, ClientOrderId, Execution, ExecutionId, LinkId, Order, Source};
use crate::session::RequestError;

/// How the sending of an order ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IntentOutcome {
    /// The broker has it, under this id.
    Accepted(crate::domain::OrderId),
    /// The broker refused it, or never heard of it.
    Refused(String),
}

/// One thing to remember.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// Which account the link reaches; another id than before begins a new generation, and the old rows stay.
    Account(AccountId),
    /// An order's state.
    Order(Box<Order>, Source),
    /// An execution.
    Execution(Box<Execution>),
    /// A placeholder that was explained, or an id that was replaced by the broker's own.
    Removed(ExecutionId),
    /// A line of the tape.
    Line(TapeEntry),
    /// A snapshot arrived whole: where the next resync starts from.
    Complete {
        /// Broker's time of the last merged execution.
        watermark: Option<Timestamp>,
        /// When the snapshot was asked for.
        asked_at: Timestamp,
    },
    /// An order is about to be sent; the barrier must pass before it is.
    Intent {
        /// Its id.
        client_order_id: ClientOrderId,
        /// The request's JSON.
        body: Arc<str>,
    },
    /// What became of an intent.
    Outcome {
        /// Its id.
        client_order_id: ClientOrderId,
        /// How it ended.
        outcome: IntentOutcome,
    },
    /// The broker refused something.
    Refusal {
        /// What was asked, in words.
        what: String,
        /// What came back.
        error: Box<RequestError>,
    },
}

/// Records of one link, learned at one moment; written together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Whose.
    pub link: LinkId,
    /// When they were learned, by the local clock; for display, and to tell which of two programs on it was later.
    pub learned_at: Timestamp,
    /// The records, in order.
    pub records: Vec<Record>,
}

impl Batch {
    /// An empty batch.
    pub fn new(link: LinkId, learned_at: Timestamp) -> Self {
        Self { link, learned_at, records: Vec::new() }
    }

    /// What the program wants remembered, as the blotter has it now.
    pub fn of_memory(link: LinkId, memory: Memory, blotter: Option<&Blotter>, learned_at: Timestamp) -> Self {
        let mut batch = Self::new(link, learned_at);
        match memory {
            Memory::Changes(changes) => {
                if let Some(blotter) = blotter {
                    batch.add_changes(blotter, &changes);
                }
            }
            Memory::Account(id) => batch.records.push(Record::Account(id)),
            Memory::Complete { watermark, asked_at } => batch.records.push(Record::Complete { watermark, asked_at }),
        }
        batch
    }

    /// Everything one merge changed, as the blotter has it now.
    pub fn of_changes(link: LinkId, blotter: &Blotter, changes: &Changes, learned_at: Timestamp) -> Self {
        let mut batch = Self::new(link, learned_at);
        batch.add_changes(blotter, changes);
        batch
    }

    /// Everything that is known of an account, for a file that knows nothing of it.
    pub fn of_everything(link: LinkId, account: Option<AccountId>, blotter: &Blotter, learned_at: Timestamp) -> Self {
        let mut batch = Self::new(link, learned_at);
        let records = &mut batch.records;
        records.extend(account.map(Record::Account));
        records.extend(blotter.orders().map(|order| Record::Order(Box::new(order.clone()), Source::Reconcile)));
        records.extend(blotter.executions().map(|execution| Record::Execution(Box::new(execution.clone()))));
        records.extend(blotter.tape().iter().cloned().map(Record::Line));
        batch
    }

    /// Adds everything one merge changed.
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

    /// True when there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}
