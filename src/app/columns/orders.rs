//! The columns of the Orders pane.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::SortValue;
use crate::accounts::AccountState;
use crate::domain::text::clean;
use crate::domain::{Order, OrderStatus, Price, Qty};

#[rustfmt::skip]
super::columns!(
    /// A column of the Orders pane.
    OrderColumn [15] {
        Account       "Account"         Name  10 18  0 Up    Hides "The account; only shown with all accounts.";
        Time          "Time"            Left   8  8  1 Down  Hides "When it was submitted.";
        Side          "Side"            Left   4  4  0 Up    Stays "Buy or sell.";
        Symbol        "Symbol"          Left   6 21  0 Up    Stays "The symbol.";
        Qty           "Qty"             Point  4 14  0 Down  Hides "The quantity ordered, or the notional.";
        Filled        "Filled"          Point  6 14  2 Down  Hides "The executed quantity.";
        Type          "Type"            Left   5 10  0 Up    Hides "The order type.";
        Price         "Price"           Point  7 14  0 Down  Hides "The main price: the limit, the stop, or the current stop of a trailing order.";
        Trail         "Trail"           Point  5 10  7 Down  Hides "The trail of a trailing stop.";
        Limit         "Limit"           Point  7 14  8 Down  Hides "The limit of an order that also has a stop.";
        Avg           "Avg"             Point  7 14  3 Down  Hides "The average price of its executions.";
        Tif           "TIF"             Left   3  5  6 Up    Hides "Time in force.";
        Status        "Status"          Left  10 14  0 Up    Hides "The status.";
        Updated       "Updated"         Left   8  8  9 Never Stays "When the broker last changed it.";
        ClientOrderId "Client order id" Left  15 38 10 Never Stays "The id chosen before it was sent.";
    }
);

impl OrderColumn {
    /// The sort value of an order in this column; none where it is not sorted by.
    pub fn value(self, account: &AccountState, order: &Order) -> Option<SortValue> {
        let number = |value: Option<Decimal>| value.map(SortValue::Number);
        match self {
            Self::Account => Some(SortValue::word(&account.link.label)),
            Self::Time => placed_at(order).map(SortValue::Time),
            Self::Side => Some(SortValue::word(order.side.as_str())),
            Self::Symbol => Some(SortValue::word(order.symbol.as_str())),
            Self::Qty => number(order.qty.map(Qty::decimal)),
            Self::Filled => number(Some(order.cum_qty.decimal())),
            Self::Type => Some(SortValue::word(order.order_type.as_str())),
            Self::Price => number(working_px(order).map(Price::decimal)),
            Self::Trail => number(order.trail_px.map(Price::decimal).or(order.trail_percent)),
            Self::Limit => number(second_px(order).map(Price::decimal)),
            Self::Avg => number(order.avg_px.map(Price::decimal)),
            Self::Tif => Some(SortValue::word(order.tif.as_str())),
            Self::Status => Some(SortValue::Rank(status_rank(&order.status))),
            Self::Updated | Self::ClientOrderId => None,
        }
    }

    /// The whole text of an order's cell, for copying.
    pub fn copied(self, account: &AccountState, order: &Order) -> Option<String> {
        match self {
            // Sort values hold only the start of a text.
            Self::Account => Some(clean(&account.link.label).into_owned()),
            Self::Side => Some(order.side.to_string()),
            Self::Symbol => Some(order.symbol.to_string()),
            Self::Type => Some(order.order_type.to_string()),
            Self::Tif => Some(order.tif.to_string()),
            Self::Status => Some(order.status.to_string()),
            Self::ClientOrderId => order.client_order_id.as_ref().map(ToString::to_string),
            Self::Trail => {
                let percent = || order.trail_percent.map(|percent| format!("{percent}%"));
                order.trail_px.map(|px| px.to_string()).or_else(percent)
            }
            Self::Time | Self::Qty | Self::Filled | Self::Price | Self::Limit | Self::Avg => {
                self.value(account, order).map(SortValue::text)
            }
            Self::Updated => None,
        }
    }
}

/// When an order was submitted, or else created.
pub fn placed_at(order: &Order) -> Option<Timestamp> {
    order.submitted_at.or(order.created_at)
}

/// An order's main price: its stop if it has one, else its limit.
pub fn working_px(order: &Order) -> Option<Price> {
    order.stop_px.or(order.limit_px)
}

/// The limit of an order that also has a stop.
pub fn second_px(order: &Order) -> Option<Price> {
    order.stop_px.and(order.limit_px)
}

/// The rank of a status: in-progress states first, final ones last.
fn status_rank(status: &OrderStatus) -> u64 {
    match status {
        OrderStatus::PartiallyFilled => 0,
        OrderStatus::New => 1,
        OrderStatus::Accepted | OrderStatus::AcceptedForBidding => 2,
        OrderStatus::PendingNew => 3,
        OrderStatus::PendingReplace => 4,
        OrderStatus::PendingCancel => 5,
        OrderStatus::Held => 6,
        OrderStatus::Stopped => 7,
        OrderStatus::Suspended => 8,
        OrderStatus::DoneForDay => 9,
        OrderStatus::Calculated => 10,
        OrderStatus::Other(_) => 11,
        OrderStatus::Filled => 12,
        OrderStatus::Replaced => 13,
        OrderStatus::Canceled => 14,
        OrderStatus::Expired => 15,
        OrderStatus::Rejected => 16,
    }
}
