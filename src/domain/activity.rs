//! Rows of the account's activity list: executions, and everything that is not trading.

use std::sync::Arc;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::ids::{ExecutionId, OrderId, Symbol};
use super::money::{Money, Price, Qty};
use super::order::{Raw, Side};
use super::text::Untrusted;

/// One row (docs/ALPACA.md 5.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// The row's id, also the page token.
    pub id: Arc<str>,
    /// `FILL`, `DIV`, … as sent.
    pub activity_type: Untrusted,
    /// The content of the row.
    pub kind: ActivityKind,
    /// The broker's JSON of the row.
    pub raw: Raw,
}

impl Activity {
    /// The order that it executes; `None` for a row that is no execution.
    pub const fn order(&self) -> Option<&OrderId> {
        match &self.kind {
            ActivityKind::Fill { order_id, .. } => Some(order_id),
            ActivityKind::Other { .. } => None,
        }
    }
}

/// The content of an activity row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActivityKind {
    Fill {
        /// The execution id, if the row states one (`ref_id`); the row's own id is not documented to be it.
        execution_id: Option<ExecutionId>,
        /// The order that traded.
        order_id: OrderId,
        /// The symbol traded.
        symbol: Symbol,
        /// Buy or sell.
        side: Side,
        /// Size of this execution.
        qty: Qty,
        /// Price of this execution.
        px: Price,
        /// The order's executed quantity after it.
        cum_qty: Option<Qty>,
        /// True if the row says that part of the order was left (`type` is `partial_fill`).
        #[serde(default)]
        partial: bool,
        /// When it happened.
        at: Option<Timestamp>,
    },
    /// Anything else: a dividend, a fee, a transfer.
    Other {
        /// Money in or out.
        net_amount: Option<Money>,
        /// What it concerns.
        symbol: Option<Symbol>,
        /// Quantity in or out.
        qty: Option<Qty>,
        /// The day it counts for.
        date: Option<Date>,
        /// What the broker wrote about it.
        description: Option<Untrusted>,
    },
}
