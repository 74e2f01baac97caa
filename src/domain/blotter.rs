//! One account's orders and executions; applies each update once, whichever way it was learned.
//!
//! (contract skeleton: signatures are agreed, bodies are the truth developer's)

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Activity;
use super::execution::{Execution, Source};
use super::ids::{ExecutionId, OrderId};
use super::order::Order;
use super::update::{TradeEvent, TradeUpdate};

/// One line of the tape: an execution or an order event, in the order it was learned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TapeEntry {
    /// Its number in this account's tape; grows by one, never reused.
    pub number: u64,
    /// When it happened by the broker's clock.
    pub at: Option<Timestamp>,
    /// What happened.
    pub event: TradeEvent,
    /// To which order.
    pub order_id: OrderId,
    /// The execution it reports, if it does.
    pub execution: Option<ExecutionId>,
    /// How it was learned; `Reconcile` is marked late on the screen.
    pub source: Source,
}

/// What one merge changed; everything that was already known is absent from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Orders that are new or differ.
    pub orders: Vec<OrderId>,
    /// Executions seen for the first time.
    pub executions: Vec<ExecutionId>,
    /// Numbers of new tape lines.
    pub tape: Vec<u64>,
}

/// The ledger.
#[derive(Debug, Default)]
pub struct Blotter {
    orders: HashMap<OrderId, Order>,
    executions: HashMap<ExecutionId, Execution>,
    tape: Vec<TapeEntry>,
}

impl Blotter {
    /// An order by id.
    pub fn order(&self, id: &OrderId) -> Option<&Order> {
        self.orders.get(id)
    }

    /// Every order known, in no particular order.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    /// How many orders can still trade.
    pub fn working_count(&self) -> usize {
        self.orders.values().filter(|order| order.status.is_working()).count()
    }

    /// An execution by id.
    pub fn execution(&self, id: &ExecutionId) -> Option<&Execution> {
        self.executions.get(id)
    }

    /// The executions of an order, oldest first.
    pub fn executions_of(&self, id: &OrderId) -> Vec<&Execution> {
        self.executions.values().filter(|execution| execution.order_id == *id).collect()
    }

    /// The tape, oldest first; `tape()[i].number` grows by one from the first held.
    pub fn tape(&self) -> &[TapeEntry] {
        &self.tape
    }

    /// A line of the tape by its number.
    pub fn tape_entry(&self, number: u64) -> Option<&TapeEntry> {
        self.tape.iter().find(|entry| entry.number == number)
    }

    /// Merges a stream event.
    pub fn apply_update(&mut self, update: &TradeUpdate) -> Changes {
        let _ = update;
        Changes::default()
    }

    /// Merges what REST said: orders (from any list or by id) and activity rows.
    pub fn apply_snapshot(&mut self, orders: &[Order], activities: &[Activity]) -> Changes {
        let _ = (orders, activities);
        Changes::default()
    }
}
