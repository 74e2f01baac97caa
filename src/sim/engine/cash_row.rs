//! What cash rows hold: their kinds, and the shares on which a dividend is due. What books them is in `cash.rs`.

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::sim::calendar;
use crate::sim::market::dividends::Dividend;
use crate::sim::words::words;

words!(
    /// The kind of a row, by its activity type.
    CashKind {
        Deposit = "CSD",
        Withdrawal = "CSW",
        /// A journal entry by the broker; the opening cash of paper accounts.
        Journal = "JNLC",
        /// A dividend; negative for a short position.
        Dividend = "DIV",
        Fee = "FEE",
        /// Interest, paid or received.
        Interest = "INT",
    }
);

impl CashKind {
    /// Whether it moves money into or out of the account, and is therefore not profit.
    pub fn is_transfer(self) -> bool {
        matches!(self, Self::Deposit | Self::Withdrawal | Self::Journal)
    }
}

/// A cash row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CashRow {
    /// The uuid part of its activity id.
    pub id: Uuid,
    pub kind: CashKind,
    /// The activity subtype; empty if there is none.
    pub sub_kind: &'static str,
    /// When it was booked.
    pub at: Timestamp,
    pub date: Date,
    /// The amount, added to the cash.
    pub net_amount: Decimal,
    pub symbol: Option<&'static str>,
    /// The number of shares.
    pub qty: Option<Decimal>,
    /// The amount per share.
    pub per_share: Option<Decimal>,
    pub description: String,
    /// The dividend it pays, with its dates.
    pub dividend: Option<Dividend>,
    /// The trade it is a fee for; the newest of several.
    pub parent: Option<Uuid>,
}

impl CashRow {
    /// A row without shares.
    pub fn new(id: Uuid, kind: CashKind, at: Timestamp, net_amount: Decimal, description: &str) -> Self {
        Self {
            id,
            kind,
            sub_kind: "",
            at,
            date: calendar::in_new_york(at).date(),
            net_amount: net_amount.normalize(),
            symbol: None,
            qty: None,
            per_share: None,
            description: description.to_owned(),
            dividend: None,
            parent: None,
        }
    }
}

/// Shares held before an ex-date, on which a dividend is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entitlement {
    pub dividend: Dividend,
    pub qty: Decimal,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activity_types_are_read_and_written_alike() {
        for kind in CashKind::ALL {
            assert_eq!(CashKind::from_word(kind.as_str()), Some(kind));
        }
        assert_eq!(CashKind::from_word("FILL"), None);
    }
}
