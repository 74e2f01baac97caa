//! What the engine reports: events, executions, and the ids that order them.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::ActivityOf;
use super::order::{AccountNo, Order, OrderId};
use super::words::{EventKind, Side};

/// A ULID: 48 bits of milliseconds, 80 bits that grow within one. Sorts by time, also as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u128);

impl EventId {
    /// Reads 26 characters of Crockford's base 32; `None` for anything else.
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

/// One report of trading.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Execution {
    /// De-duplicates it on the stream.
    pub id: Uuid,
    /// The other half of its activity id.
    pub activity: Uuid,
    /// Of which order.
    pub order_id: OrderId,
    /// Which order its row among the activities names.
    pub listed_as: OrderId,
    /// Of which symbol.
    pub symbol: &'static str,
    /// Direction.
    pub side: Side,
    /// How much.
    pub qty: Decimal,
    /// At what price.
    pub price: Decimal,
    /// Executed by the order with this one.
    pub cum_qty: Decimal,
    /// Left of the order after it.
    pub leaves_qty: Decimal,
    /// Coins kept as the fee of a crypto buy.
    pub fee_qty: Decimal,
    /// Money kept as the fee of a crypto sale.
    pub fee: Decimal,
    /// When.
    pub at: Timestamp,
    /// When money and shares change hands.
    pub settle_date: Date,
    /// Undone or changed since; the figures above are the standing ones.
    pub restated: Option<Restated>,
}

impl Execution {
    /// What it did to the cash, apart from its fee.
    pub fn net_amount(&self, multiplier: Decimal) -> Decimal {
        let amount = (self.qty * self.price * multiplier).normalize();
        if self.side == Side::Buy { -amount } else { amount }
    }

    /// The change of the position, fees included; nothing once busted.
    pub fn position_change(&self) -> Decimal {
        match (self.restated, self.side) {
            (Some(Restated::Busted), _) => Decimal::ZERO,
            (_, Side::Buy) => self.qty - self.fee_qty,
            (_, Side::Sell) => -self.qty,
        }
    }
}

/// What became of an execution afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Restated {
    /// Undone.
    Busted,
    /// Changed.
    Corrected,
}

/// The trading part of an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Report {
    /// The execution's id; of its own on a bust or correction.
    pub execution_id: Uuid,
    /// The one undone or changed.
    pub previous_execution_id: Option<Uuid>,
    /// Price of this execution.
    pub price: Decimal,
    /// Size of this execution; negative on a bust.
    pub qty: Decimal,
    /// What it did to the cash, fees in coins apart; the opposite of it on a bust.
    pub net_amount: Decimal,
    /// The signed position after it.
    pub position_qty: Decimal,
    /// When money and shares change hands.
    pub settle_date: Date,
    /// Executed by the order with this one.
    pub cum_qty: Decimal,
    /// Left of the order after it.
    pub leaves_qty: Decimal,
    /// The uuid half of its row among the activities.
    pub activity: Uuid,
}

/// The execution of one leg of a multi-leg order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LegReport {
    /// The execution's id.
    pub execution_id: Uuid,
    /// The leg.
    pub order_id: OrderId,
    /// Its contract.
    pub symbol: &'static str,
    /// How many.
    pub qty: Decimal,
    /// At what price.
    pub price: Decimal,
    /// The signed position after it.
    pub position_qty: Decimal,
    /// When.
    pub at: Timestamp,
    /// When money and contracts change hands.
    pub settle_date: Date,
}

/// One event of the trade stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EngineEvent {
    /// Orders events; grows strictly.
    pub event_id: EventId,
    /// Whose.
    pub account: AccountNo,
    /// What happened.
    pub event: EventKind,
    /// The order after it.
    pub order: Box<Order>,
    /// Its legs after it, of a multi-leg order.
    pub legs: Vec<Order>,
    /// What the legs executed, on the fill of a multi-leg order.
    pub leg_reports: Vec<LegReport>,
    /// When it happened at the venue.
    pub timestamp: Timestamp,
    /// When it was sent out.
    pub at: Timestamp,
    /// An id for `new`, which has one without trading anything.
    pub execution_id: Option<Uuid>,
    /// The trade, on fills, busts and corrections.
    pub report: Option<Report>,
    /// Why, where there is a why.
    pub reason: Option<String>,
    /// A leg's own event goes out on the trade streams too.
    pub framed: bool,
}

/// Whether a booking stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Booked.
    Executed,
    /// In place of an earlier one.
    Correct,
    /// The end of an earlier one.
    Canceled,
}

/// Money or coins that were booked without being a trade themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booking {
    /// Orders it among the events.
    pub event_id: EventId,
    /// Whose.
    pub account: AccountNo,
    /// When it was sent out.
    pub at: Timestamp,
    /// When it happened.
    pub executed_at: Timestamp,
    /// Its own id.
    pub ref_id: Uuid,
    /// The id of the one that it changes or takes back.
    pub previous_id: Option<Uuid>,
    /// Whether it stands.
    pub standing: Standing,
    /// What was booked.
    pub what: ActivityOf,
}

/// What the engine tells, one thing after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Something happened to an order.
    Trade(EngineEvent),
    /// A leg executed: an activity, and no event of its own on the trade streams.
    Leg(EngineEvent),
    /// Something was booked beside a trade.
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
