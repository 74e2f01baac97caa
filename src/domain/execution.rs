//! One report of trading, and the key that makes it count once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{ExecutionId, OrderId, Symbol};
use super::money::{Price, Qty};
use super::order::Side;

/// How something was learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// From the stream, as it happened.
    Stream,
    /// From REST, after the fact.
    Reconcile,
    /// From the journal of an earlier run.
    Journal,
}

/// What kind of execution report it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExecutionKind {
    /// Quantity traded.
    Trade,
    /// An earlier execution undone; `qty` is what is taken back.
    Bust {
        /// The execution it undoes.
        of: Option<ExecutionId>,
    },
    /// An earlier execution restated at another price or quantity.
    Correction {
        /// The execution it replaces.
        of: Option<ExecutionId>,
    },
    /// Quantity that a snapshot shows and no report explains yet; replaced when the report arrives.
    Unexplained,
}

/// One execution. Invariant: `id` identifies it for ever; the ledger holds it at most once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// The key. For a placeholder it is computed from the order and the quantities it spans.
    pub id: ExecutionId,
    /// The order that traded.
    pub order_id: OrderId,
    /// What traded.
    pub symbol: Symbol,
    /// Buy or sell.
    pub side: Side,
    /// Size of this execution.
    pub qty: Qty,
    /// Price of this execution; `None` when only a placeholder is known.
    pub px: Option<Price>,
    /// The order's executed quantity after it, when the broker said so; with order and symbol the alias key.
    pub cum_qty: Option<Qty>,
    /// The position after it, when the broker said so.
    pub position_qty: Option<Qty>,
    /// When it happened, by the broker's clock.
    pub at: Option<Timestamp>,
    /// Trade, bust, correction or placeholder.
    pub kind: ExecutionKind,
    /// How it was learned.
    pub source: Source,
}
