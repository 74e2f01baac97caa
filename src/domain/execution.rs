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

/// Stream and rows time one execution this far apart at most, where their clocks are one.
pub(in crate::domain) const ONE_MOMENT: SignedDuration = SignedDuration::from_millis(1_500);

/// One time, written to the millisecond or finer.
const ONE_TIME: SignedDuration = SignedDuration::from_millis(1);

fn is_one_price(one: Price, other: Price) -> bool {
    one == other || is_rounding(one.decimal(), other.decimal())
}

impl Execution {
    /// True for the same quantity at the same price, in whatever digits; a price that is not known is any.
    pub fn states_the_same(&self, other: &Self) -> bool {
        let prices = self.px.zip(other.px);
        self.qty == other.qty && prices.is_none_or(|(px, other)| is_one_price(px, other))
    }

    /// True when one may be what the other was corrected to although nobody told of a correction: of one moment, where one of
    /// quantity and price is the same, or of one and the same time.
    pub fn may_be_restated_as(&self, other: &Self) -> bool {
        let apart = self.at.zip(other.at).map(|(at, other)| at.duration_since(other).abs());
        let within = |longest: SignedDuration| apart.is_some_and(|apart| apart < longest);
        let same_px = self.px.zip(other.px).is_some_and(|(px, other)| is_one_price(px, other));
        let alike = within(ONE_MOMENT) && (self.qty == other.qty || same_px);
        (alike || within(ONE_TIME)) && self.meets(other)
    }

    /// True when both begin, or both end, at one executed quantity of their order. Nothing but undoing lets two executions do so.
    pub fn meets(&self, other: &Self) -> bool {
        let ends_with = self.cum_qty.is_some() && self.cum_qty == other.cum_qty;
        ends_with || self.begins_with(other)
    }

    /// True when both begin at one executed quantity of their order.
    pub fn begins_with(&self, other: &Self) -> bool {
        let begin = |row: &Self| row.cum_qty?.checked_sub(row.qty);
        begin(self).is_some() && begin(self) == begin(other)
    }
}
