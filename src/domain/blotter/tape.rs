//! The tape: order events and executions in the order they were learned, each once.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::execution::Source;
use crate::domain::ids::{ExecutionId, OrderId};
use crate::domain::update::TradeEvent;

/// One line of the tape: an execution or an order event, in the order it was learned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapeEntry {
    /// Its number in this account's tape; grows by one and is never reused.
    pub number: u64,
    /// When it happened, by the broker's clock.
    pub at: Option<Timestamp>,
    /// What happened.
    pub event: TradeEvent,
    /// The order concerned.
    pub order_id: OrderId,
    /// The execution that it reports, if any.
    pub execution: Option<ExecutionId>,
    /// How it was learned; `Reconcile` is marked late on the screen.
    pub source: Source,
    /// The execution that it showed was withdrawn: it was inferred, or stood in for other reports.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
}

impl TapeEntry {
    /// Identifies what a line says, to compare lines written by several instances: lines with the same key are one.
    pub fn key(&self) -> String {
        match (&self.execution, self.at) {
            (Some(id), _) => Self::key_of_execution(id),
            (None, Some(at)) if !happens_once(&self.event) => {
                // Stream and lists write one moment with different digits.
                format!("event/{}/{}/{}", self.order_id, self.event, at.as_millisecond())
            }
            (None, _) => format!("event/{}/{}", self.order_id, self.event),
        }
    }

    /// The key of a line that shows this execution.
    pub fn key_of_execution(id: &ExecutionId) -> String {
        format!("execution/{id}")
    }
}

/// True for an event that happens to an order once; stream and REST give it slightly different times.
fn happens_once(event: &TradeEvent) -> bool {
    matches!(
        event,
        TradeEvent::Accepted
            | TradeEvent::PendingNew
            | TradeEvent::New
            | TradeEvent::Canceled
            | TradeEvent::Expired
            | TradeEvent::Rejected
            | TradeEvent::Replaced
            | TradeEvent::Held
    )
}

/// The lines. Invariant: their numbers grow by one from `first`.
#[derive(Debug, Default)]
pub(super) struct Tape {
    first: u64,
    entries: Vec<TapeEntry>,
    /// Order events that have a line: the order's index, the event, and its time if it can happen twice.
    seen: HashSet<(u32, TradeEvent, Option<Timestamp>)>,
}

impl Tape {
    pub(super) fn entries(&self) -> &[TapeEntry] {
        &self.entries
    }

    pub(super) fn entry(&self, number: u64) -> Option<&TapeEntry> {
        self.place(number).and_then(|place| self.entries.get(place))
    }

    pub(super) fn entry_mut(&mut self, number: u64) -> Option<&mut TapeEntry> {
        self.place(number).and_then(|place| self.entries.get_mut(place))
    }

    /// Removes the lines and continues the numbering.
    pub(super) fn clear(&mut self) {
        *self = Self { first: self.next_number(), ..Self::default() };
    }

    /// Restores lines of an earlier run, which have consecutive numbers; only before anything is written.
    pub(super) fn restore(&mut self, entries: Vec<TapeEntry>) {
        let first = entries.first().map_or(self.first, |entry| entry.number);
        let numbered = entries.into_iter().zip(first..).map(|(entry, number)| TapeEntry { number, ..entry });
        (self.first, self.entries) = (first, numbered.collect());
    }

    /// Adds a line and returns its number.
    pub(super) fn write(
        &mut self,
        at: Option<Timestamp>,
        event: TradeEvent,
        order_id: OrderId,
        execution: Option<ExecutionId>,
        source: Source,
    ) -> u64 {
        let number = self.next_number();
        self.entries.push(TapeEntry { number, at, event, order_id, execution, source, withdrawn: false });
        number
    }

    /// True once for each order event.
    pub(super) fn is_first(&mut self, order: u32, event: &TradeEvent, at: Option<Timestamp>) -> bool {
        self.seen.insert((order, event.clone(), if happens_once(event) { None } else { at }))
    }

    fn next_number(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    fn place(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first)?).ok()
    }
}
