//! One trade update: a stream event in domain terms.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::execution::Execution;
use super::ids::EventId;
use super::order::{Order, wire_words};
use super::text::Untrusted;

wire_words!(
    /// What happened to an order (docs/ALPACA.md 6.6).
    TradeEvent {
        /// Received, not yet routed.
        Accepted = "accepted",
        /// Routed, not yet accepted by the venue.
        PendingNew = "pending_new",
        /// Live at the venue.
        New = "new",
        /// Executed in part.
        PartialFill = "partial_fill",
        /// Executed whole.
        Fill = "fill",
        /// Done until the next session.
        DoneForDay = "done_for_day",
        Canceled = "canceled",
        Expired = "expired",
        /// Replaced by another order.
        Replaced = "replaced",
        Rejected = "rejected",
        /// A cancel is pending.
        PendingCancel = "pending_cancel",
        /// A replace is pending.
        PendingReplace = "pending_replace",
        /// A trade is guaranteed.
        Stopped = "stopped",
        Suspended = "suspended",
        /// Being calculated.
        Calculated = "calculated",
        /// A cancel was refused; the order is unchanged.
        CancelRejected = "order_cancel_rejected",
        /// A replace was refused; the order is unchanged.
        ReplaceRejected = "order_replace_rejected",
        /// Changed by hand at the broker.
        Restated = "restated",
        /// An execution was busted.
        TradeBust = "trade_bust",
        /// An execution was corrected.
        TradeCorrect = "trade_correct",
        /// A leg is waiting for its entry.
        Held = "held",
    }
);

/// One stream event (docs/ALPACA.md 6.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradeUpdate {
    /// What happened.
    pub event: TradeEvent,
    /// The event's ULID, on recent frames.
    pub event_id: Option<EventId>,
    /// When the broker sent it.
    pub at: Option<Timestamp>,
    /// When it happened.
    pub happened_at: Option<Timestamp>,
    /// The order after the event.
    pub order: Order,
    /// Its legs after the event, if the event states them, as for a multi-leg order.
    #[serde(default)]
    pub legs: Vec<Order>,
    /// The executions it reports: one on a fill, one per leg on a multi-leg fill, none otherwise.
    pub executions: Vec<Execution>,
    /// The reason, if the broker states one.
    pub reason: Option<Untrusted>,
}
