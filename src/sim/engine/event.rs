//! Events and executions as the engine reports them, and their ids.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::cash_row::CashRow;
use super::order::{AccountNo, Order, OrderId};
use crate::sim::words::{EventKind, Side};

/// A ULID: 48 bits of milliseconds, and 80 bits that increase within one. Sorts by time, also as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u128);

impl EventId {
    /// Parses 26 characters of Crockford's base 32.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 26 {
            return None;
        }
        text.bytes()
            .try_fold(0_u128, |sum, byte| {
                let digit = ALPHABET.iter().position(|letter| *letter == byte.to_ascii_uppercase())?;
                Some((sum << 5) | u128::try_from(digit).ok()?)
            })
            .map(Self)
    }
}

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(26);
        for place in (0..26).rev() {
            let digit = usize::try_from((self.0 >> (place * 5)) & 31).unwrap_or(0);
            text.push(ALPHABET.get(digit).copied().map_or('0', char::from));
        }
        f.pad(&text)
    }
}

/// An execution.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Execution {
    /// Its id on the stream.
    pub id: Uuid,
    /// The uuid part of its activity id.
    pub activity: Uuid,
    pub order_id: OrderId,
    /// The order that its activity row names.
    pub listed_as: OrderId,
    pub symbol: &'static str,
    pub side: Side,
    pub qty: Decimal,
    pub price: Decimal,
    /// The order's executed quantity with this one.
    pub cum_qty: Decimal,
    /// The order's remaining quantity after it.
    pub leaves_qty: Decimal,
    /// Fee of a crypto buy, in the coin.
    pub fee_qty: Decimal,
    /// Fee of a crypto sale, in dollars.
    pub fee: Decimal,
    pub at: Timestamp,
    /// The settlement date.
    pub settle_date: Date,
    /// Whether it was busted or corrected; the figures are the current ones.
    pub restated: Option<Restated>,
}

impl Execution {
    /// Its effect on cash, without its fee.
    pub fn net_amount(&self, multiplier: Decimal) -> Decimal {
        let amount = (self.qty * self.price * multiplier).normalize();
        if self.side == Side::Buy { -amount } else { amount }
    }

    /// Its effect on the position, with fees; zero once busted.
    pub fn position_change(&self) -> Decimal {
        match (self.restated, self.side) {
            (Some(Restated::Busted), _) => Decimal::ZERO,
            (_, Side::Buy) => self.qty - self.fee_qty,
            (_, Side::Sell) => -self.qty,
        }
    }
}

/// Whether an execution was changed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Restated {
    Busted,
    Corrected,
}

/// The trade of an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Report {
    /// The execution's id; a bust or correction has its own.
    pub execution_id: Uuid,
    /// The execution that was busted or corrected.
    pub previous_execution_id: Option<Uuid>,
    pub price: Decimal,
    /// The quantity; negative for a bust.
    pub qty: Decimal,
    /// The effect on cash, without crypto fees; reversed for a bust.
    pub net_amount: Decimal,
    /// The position after it, signed.
    pub position_qty: Decimal,
    /// The settlement date.
    pub settle_date: Date,
    /// The order's executed quantity with this one.
    pub cum_qty: Decimal,
    /// The order's remaining quantity after it.
    pub leaves_qty: Decimal,
    /// The uuid part of its activity id.
    pub activity: Uuid,
}

/// The execution of one leg of a multi-leg order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LegReport {
    /// The execution's id.
    pub execution_id: Uuid,
    pub order_id: OrderId,
    pub symbol: &'static str,
    pub qty: Decimal,
    pub price: Decimal,
    /// The position after it, signed.
    pub position_qty: Decimal,
    pub at: Timestamp,
    /// The settlement date.
    pub settle_date: Date,
}

/// An event of the trade stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EngineEvent {
    /// Its id; strictly increasing.
    pub event_id: EventId,
    pub account: AccountNo,
    pub event: EventKind,
    /// The order after it.
    pub order: Box<Order>,
    /// The legs after it, for a multi-leg order.
    pub legs: Vec<Order>,
    /// The executions of the legs, for a fill of a multi-leg order.
    pub leg_reports: Vec<LegReport>,
    /// When it happened at the venue.
    pub timestamp: Timestamp,
    /// When it was sent.
    pub at: Timestamp,
    /// The execution id of a `new` event, which has one without a trade.
    pub execution_id: Option<Uuid>,
    /// The trade of a fill, bust or correction.
    pub report: Option<Report>,
    /// The reason, if there is one.
    pub reason: Option<String>,
    /// Whether a leg's own event is also sent on the trade streams.
    pub framed: bool,
}

/// The content of an activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActivityOf {
    Fill(Execution),
    /// The fee of a crypto fill: in the coin for a buy, in dollars for a sale.
    CoinFee(Execution),
    /// Cash that moved without a trade.
    Cash(CashRow),
}

/// The status of a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BookingStatus {
    /// It counts.
    Executed,
    /// Replaces an earlier one.
    Correct,
    /// Revokes an earlier one.
    Canceled,
}

/// Money or crypto booked without being a trade itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    /// Its event id.
    pub event_id: EventId,
    pub account: AccountNo,
    /// When it was sent.
    pub at: Timestamp,
    /// When it happened.
    pub executed_at: Timestamp,
    pub ref_id: Uuid,
    /// The id of the one it replaces or revokes.
    pub previous_id: Option<Uuid>,
    pub standing: BookingStatus,
    /// What was booked.
    pub what: ActivityOf,
}

/// The engine's output, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// An order event.
    Trade(EngineEvent),
    /// An execution of a leg: an activity without an event of its own on the trade streams.
    Leg(EngineEvent),
    /// A booking besides a trade.
    Money(Booking),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_ids_sort_as_text_as_they_do_as_numbers() {
        let (small, large) = (EventId(1 << 80), EventId((2 << 80) + 5));
        assert!(small.to_string() < large.to_string());
        assert_eq!(EventId::parse(&large.to_string()), Some(large));
        assert_eq!(EventId(0).to_string(), "0".repeat(26));
        assert_eq!(EventId::parse("not a ulid"), None);
    }
}
