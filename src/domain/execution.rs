//! One report of trading, and the key that makes it count once.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::ids::{ExecutionId, OrderId, Symbol};
use super::money::{Price, Qty, is_rounding};
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
    /// An earlier execution was busted; `qty` is the quantity taken back.
    Bust {
        /// The execution it undoes.
        of: Option<ExecutionId>,
    },
    /// An earlier execution was corrected to another price or quantity.
    Correction {
        /// The execution it replaces.
        of: Option<ExecutionId>,
    },
    /// Executed quantity in a snapshot that no report explains yet; replaced when the report arrives.
    Unexplained,
}

/// One execution. Invariant: `id` identifies it forever; the ledger contains it at most once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// The key. For a placeholder, it is computed from the order and its span.
    pub id: ExecutionId,
    /// The order that traded.
    pub order_id: OrderId,
    /// The symbol traded.
    pub symbol: Symbol,
    /// Buy or sell.
    pub side: Side,
    /// Size of this execution.
    pub qty: Qty,
    /// Price of this execution; `None` for a placeholder whose price is unknown.
    pub px: Option<Price>,
    /// The order's executed quantity after it, if the broker stated it; with order and symbol, the alias key.
    pub cum_qty: Option<Qty>,
    /// The position after it, if the broker stated it.
    pub position_qty: Option<Qty>,
    /// When it happened, by the broker's clock.
    pub at: Option<Timestamp>,
    /// Trade, bust, correction or placeholder.
    pub kind: ExecutionKind,
    /// How it was learned.
    pub source: Source,
}

/// Maximum distance between the stream's time and the row's time of one execution, if both use the same clock.
pub(in crate::domain) const ONE_MOMENT: SignedDuration = SignedDuration::from_millis(1_500);

/// Two times within this are the same time, written to the millisecond or finer.
pub(in crate::domain) const ONE_TIME: SignedDuration = SignedDuration::from_millis(1);

fn is_one_price(one: Price, other: Price) -> bool {
    one == other || is_rounding(one.decimal(), other.decimal())
}

impl Execution {
    /// True for the same quantity and price, apart from rounding; an unknown price matches any.
    pub fn states_the_same(&self, other: &Self) -> bool {
        let prices = self.px.zip(other.px);
        self.qty == other.qty && prices.is_none_or(|(px, other)| is_one_price(px, other))
    }

    /// True if one may be an unreported correction of the other: both are from one moment with the same quantity or
    /// price, or have exactly the same time.
    pub fn may_be_restated_as(&self, other: &Self) -> bool {
        let apart = self.at.zip(other.at).map(|(at, other)| at.duration_since(other).abs());
        let within = |longest: SignedDuration| apart.is_some_and(|apart| apart < longest);
        let same_px = self.px.zip(other.px).is_some_and(|(px, other)| is_one_price(px, other));
        let alike = within(ONE_MOMENT) && (self.qty == other.qty || same_px);
        (alike || within(ONE_TIME)) && self.meets(other)
    }

    /// True when both start, or both end, at the same executed quantity of their order. Only a bust or a
    /// correction makes that possible.
    pub fn meets(&self, other: &Self) -> bool {
        let ends_with = self.cum_qty.is_some() && self.cum_qty == other.cum_qty;
        ends_with || self.begins_with(other)
    }

    /// True when both start at the same executed quantity of their order.
    pub fn begins_with(&self, other: &Self) -> bool {
        let begin = |row: &Self| row.cum_qty?.checked_sub(row.qty);
        begin(self).is_some() && begin(self) == begin(other)
    }
}
