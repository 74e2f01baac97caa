//! An order as the broker states it, and what its status means.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::ids::{ClientOrderId, OrderId, Symbol};
use super::money::{Money, Price, Qty};
use super::text::Untrusted;

/// An enum of wire words that keeps an unknown word and shows it verbatim.
macro_rules! wire_words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)+
            /// A word unknown to this version, as sent.
            Other(std::sync::Arc<str>),
        }

        impl $name {
            /// The words known to this version, in the order of the documentation.
            pub const KNOWN: &'static [&'static str] = &[$($word),+];

            /// Reads the wire word; never fails.
            pub fn from_word(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)+
                    other => Self::Other(std::sync::Arc::from(other)),
                }
            }

            /// The wire word.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&$crate::domain::text::clean(self.as_str()))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(deserializer).map(|word| Self::from_word(&word))
            }
        }
    };
}
pub(crate) use wire_words;

wire_words!(
    /// The direction of an order or execution. Empty on a multi-leg parent (docs/ALPACA.md 5.6).
    Side {
        Buy = "buy",
        /// Selling, short or long.
        Sell = "sell",
        /// Selling short, in old activity rows only (docs/ALPACA.md 5.4).
        SellShort = "sell_short",
        /// None of its own: a multi-leg parent.
        None = "",
    }
);

impl Side {
    /// `BUY`, `SELL`, `--` for none, or the unknown word in capitals.
    pub fn label(&self) -> String {
        match self {
            Self::None => "--".to_owned(),
            Self::SellShort => "SELL".to_owned(),
            other => other.to_string().to_uppercase(),
        }
    }

    /// True if the side is not known: a word of another version, or none.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Other(_) | Self::None)
    }

    /// True for both kinds of selling.
    pub fn is_sell(&self) -> bool {
        matches!(self, Self::Sell | Self::SellShort)
    }
}

wire_words!(
    /// How the price of an order is set (docs/ALPACA.md 5.6).
    OrderType {
        /// At any price.
        Market = "market",
        /// At `limit_px` or better.
        Limit = "limit",
        /// A market order once `stop_px` trades.
        Stop = "stop",
        /// A limit order once `stop_px` trades.
        StopLimit = "stop_limit",
        /// A stop that follows the best price.
        TrailingStop = "trailing_stop",
        /// None of its own: a leg of a multi-leg order.
        None = "",
    }
);

wire_words!(
    /// How long an order stays working (docs/ALPACA.md 5.6).
    TimeInForce {
        /// Until the close.
        Day = "day",
        /// Until canceled.
        Gtc = "gtc",
        /// In the opening auction.
        Opg = "opg",
        /// In the closing auction.
        Cls = "cls",
        /// What can be filled at once, the rest canceled.
        Ioc = "ioc",
        /// All at once or not at all.
        Fok = "fok",
    }
);

wire_words!(
    /// How orders are related (docs/ALPACA.md 5.6).
    OrderClass {
        /// A plain order; also written as the empty word.
        Simple = "simple",
        /// An entry with a take-profit and a stop-loss.
        Bracket = "bracket",
        /// Two exits, one of which cancels the other.
        Oco = "oco",
        /// An entry with one exit.
        Oto = "oto",
        /// Several option legs at one net price.
        Mleg = "mleg",
        /// The wire's empty word for a plain order.
        Unstated = "",
    }
);

wire_words!(
    /// The status of an order (docs/ALPACA.md 5.6, 6.6).
    OrderStatus {
        /// Received, not yet routed.
        Accepted = "accepted",
        /// Routed, not yet accepted by the venue.
        PendingNew = "pending_new",
        /// Live at the venue.
        New = "new",
        /// Executed in part.
        PartiallyFilled = "partially_filled",
        Filled = "filled",
        /// No more trading until the next session.
        DoneForDay = "done_for_day",
        /// Canceled, perhaps after partial fills.
        Canceled = "canceled",
        /// Expired by its time in force.
        Expired = "expired",
        /// Superseded by the order in `replaced_by`.
        Replaced = "replaced",
        /// A cancel was requested.
        PendingCancel = "pending_cancel",
        /// A replace was requested.
        PendingReplace = "pending_replace",
        /// Received by the exchange, awaiting evaluation.
        AcceptedForBidding = "accepted_for_bidding",
        /// A trade is guaranteed but not yet reported.
        Stopped = "stopped",
        /// Refused after acceptance.
        Rejected = "rejected",
        /// Not eligible for trading at the moment.
        Suspended = "suspended",
        /// Done, settlement being calculated.
        Calculated = "calculated",
        /// A leg waiting for its entry to fill.
        Held = "held",
    }
);

impl OrderStatus {
    /// True when the order can never trade again (docs/ALPACA.md 5.6). An unknown status counts as working.
    pub const fn is_terminal(&self) -> bool {
        matches!(self, Self::Filled | Self::Canceled | Self::Expired | Self::Replaced | Self::Rejected)
    }

    /// True while the order can still trade.
    pub const fn is_working(&self) -> bool {
        !self.is_terminal()
    }
}

/// The broker's JSON text of an object, kept whole so that nothing the broker sent is lost.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Raw(pub Option<Arc<str>>);

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({} bytes)", self.0.as_ref().map_or(0, |text| text.len()))
    }
}

/// One order as the broker states it. A field that the broker left out or sent as `null` is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The broker's id.
    pub id: OrderId,
    /// The id chosen before sending.
    pub client_order_id: Option<ClientOrderId>,
    /// The symbol; empty on a multi-leg parent.
    pub symbol: Symbol,
    /// `us_equity`, `crypto`, …, as sent.
    pub asset_class: Option<Untrusted>,
    /// Buy or sell.
    pub side: Side,
    /// How its price is set.
    pub order_type: OrderType,
    /// How long it stays working.
    pub tif: TimeInForce,
    /// How it is related to other orders.
    pub class: OrderClass,
    /// Ordered quantity; `None` on a notional order.
    pub qty: Option<Qty>,
    /// Ordered amount of money; `None` on a quantity order.
    pub notional: Option<Money>,
    /// Executed so far.
    pub cum_qty: Qty,
    /// Average price of the executed quantity.
    pub avg_px: Option<Price>,
    pub limit_px: Option<Price>,
    pub stop_px: Option<Price>,
    /// Trail distance in money.
    pub trail_px: Option<Price>,
    /// Trail distance in percent.
    pub trail_percent: Option<Decimal>,
    /// High-water mark of a trailing stop.
    pub hwm: Option<Price>,
    pub status: OrderStatus,
    /// Whether it may trade outside regular hours.
    pub extended_hours: bool,
    /// When the broker created it.
    pub created_at: Option<Timestamp>,
    /// When the broker last changed it.
    pub updated_at: Option<Timestamp>,
    /// When it was submitted; order lists are filtered by this (docs/ALPACA.md 5.5).
    pub submitted_at: Option<Timestamp>,
    /// When it was completely filled.
    pub filled_at: Option<Timestamp>,
    /// When it expired.
    pub expired_at: Option<Timestamp>,
    /// When it will expire.
    pub expires_at: Option<Timestamp>,
    /// When it was canceled.
    pub canceled_at: Option<Timestamp>,
    /// When it failed.
    pub failed_at: Option<Timestamp>,
    /// When it was replaced.
    pub replaced_at: Option<Timestamp>,
    /// The order that replaced it.
    pub replaced_by: Option<OrderId>,
    /// The order that it replaced.
    pub replaces: Option<OrderId>,
    /// Links the orders of a bracket (docs/ALPACA.md 6.7).
    pub group_id: Option<Untrusted>,
    /// `entry`, `take_profit`, `stop_loss`.
    pub group_role: Option<Untrusted>,
    /// The ids of its legs, if they were stated with it. Legs are separate orders beside it, because copies in
    /// here would go stale.
    #[serde(default, deserialize_with = "leg_ids")]
    pub legs: Vec<OrderId>,
    /// The broker's JSON of the order.
    pub raw: Raw,
}

/// Journals of earlier versions hold the whole leg instead of its id.
fn leg_ids<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<OrderId>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Leg {
        Id(OrderId),
        Whole { id: OrderId },
    }
    let legs = Vec::<Leg>::deserialize(deserializer)?;
    Ok(legs.into_iter().map(|(Leg::Id(id) | Leg::Whole { id })| id).collect())
}

impl Order {
    /// True for the parent of a multi-leg order: its quantities count units, and its legs
    /// execute (docs/ALPACA.md 5.7, 6.5).
    pub fn is_multileg_parent(&self) -> bool {
        self.class == OrderClass::Mleg && (!self.legs.is_empty() || self.symbol.as_str().is_empty())
    }

    /// True if it lacks something known that cannot go away, such as a word or a figure. That may have been unreadable.
    pub(in crate::domain) fn leaves_out(&self, known: &Self) -> bool {
        let word = |mine: &str, theirs: &str| mine.is_empty() && !theirs.is_empty();
        let px = |mine: Option<Price>, theirs: Option<Price>| mine.is_none() && theirs.is_some();
        word(self.status.as_str(), known.status.as_str())
            || word(self.order_type.as_str(), known.order_type.as_str())
            || word(self.tif.as_str(), known.tif.as_str())
            || word(self.symbol.as_str(), known.symbol.as_str())
            || word(self.side.as_str(), known.side.as_str())
            || (self.qty.is_none() && known.qty.is_some())
            || (self.notional.is_none() && known.notional.is_some())
            || (self.trail_percent.is_none() && known.trail_percent.is_some())
            || px(self.limit_px, known.limit_px)
            || px(self.stop_px, known.stop_px)
            || px(self.trail_px, known.trail_px)
            || px(self.hwm, known.hwm)
            || (px(self.avg_px, known.avg_px) && self.cum_qty == known.cum_qty)
            || (self.created_at.is_none() && known.created_at.is_some())
            || (self.submitted_at.is_none() && known.submitted_at.is_some())
    }

    /// Fills in what it lacks from `known`: an omitted value is unchanged.
    pub(in crate::domain) fn complete(&mut self, known: &Self) {
        if self.status.as_str().is_empty() {
            self.status.clone_from(&known.status);
        }
        if self.order_type.as_str().is_empty() {
            self.order_type.clone_from(&known.order_type);
        }
        if self.tif.as_str().is_empty() {
            self.tif.clone_from(&known.tif);
        }
        if self.symbol.as_str().is_empty() {
            self.symbol.clone_from(&known.symbol);
        }
        if self.side.as_str().is_empty() {
            self.side.clone_from(&known.side);
        }
        self.qty = self.qty.or(known.qty);
        self.notional = self.notional.or(known.notional);
        self.trail_percent = self.trail_percent.or(known.trail_percent);
        self.limit_px = self.limit_px.or(known.limit_px);
        self.stop_px = self.stop_px.or(known.stop_px);
        self.trail_px = self.trail_px.or(known.trail_px);
        self.hwm = self.hwm.or(known.hwm);
        self.created_at = self.created_at.or(known.created_at);
        self.submitted_at = self.submitted_at.or(known.submitted_at);
        if self.cum_qty == known.cum_qty {
            self.avg_px = self.avg_px.or(known.avg_px);
        }
    }

    /// The quantity that can still execute: `qty - cum_qty` while working, else zero; `None` for a notional order.
    pub fn leaves_qty(&self) -> Option<Qty> {
        if self.status.is_terminal() {
            return Some(Qty::ZERO);
        }
        self.qty.and_then(|qty| qty.checked_sub(self.cum_qty))
    }

    /// What its open quantity is worth at its limit or stop; `None` where that is not known: without a price, for a
    /// multi-leg order, and for options, whose price is per share.
    pub fn open_amount(&self) -> Option<Money> {
        if self.symbol.is_option() || self.is_multileg_parent() {
            return None;
        }
        match (self.qty, self.notional) {
            (None, Some(notional)) if self.cum_qty.is_zero() => Some(notional),
            _ => self.limit_px.or(self.stop_px)?.notional(self.leaves_qty()?),
        }
    }

    /// The broker's time of the last change it states: `updated_at` may forever be the time of creation.
    pub fn last_stated_at(&self) -> Option<Timestamp> {
        let ended = self.filled_at.max(self.canceled_at).max(self.expired_at).max(self.failed_at).max(self.replaced_at);
        ended.max(self.updated_at)
    }

    /// The rank by which two states of one order are compared; the greater is newer (docs/DESIGN.md 9.3).
    pub fn rank(&self) -> (Qty, bool, Option<Timestamp>) {
        (self.cum_qty, self.status.is_terminal(), self.updated_at)
    }
}
