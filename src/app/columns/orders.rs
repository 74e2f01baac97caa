//! The columns of the Orders pane.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{Content, SortValue};
use crate::accounts::AccountState;
use crate::domain::{ClientOrderId, Order, OrderStatus, Price, Qty};

#[rustfmt::skip]
super::columns!(
    /// A column of the Orders pane.
    OrderColumn {
        Account       "Account"         Name  10 18  0 Up    Hides "The account; only shown with all accounts.";
        Age           "Age"             Point  6  6  1 Down  Hides "How long ago it was submitted, for a working order; else when.";
        Side          "Side"            Left   4  4  0 Up    Stays "Buy or sell.";
        Symbol        "Symbol"          Left   6 21  0 Up    Stays "The symbol of the instrument.";
        Qty           "Done/Qty"        Point  8 19  0 Down  Hides "The executed quantity of the quantity or notional ordered; one figure where all is executed.";
        Type          "Type"            Left   5 10  0 Up    Hides "The order type: market, limit, stop and so on.";
        Price         "Price"           Point  7 14  0 Down  Hides "The main price: the limit, the stop, or the current stop of a trailing order.";
        Last          "Last"            Point  6 14  4 Never Hides "The symbol's last price where a position is held; dimmed when stale.";
        Away          "Away"            Point  7  9  2 Never Hides "How far the price is from the last one in percent; positive above it.";
        Trail         "Trail"           Point  5 10  7 Down  Hides "The trail of a trailing stop.";
        Limit         "Limit"           Point  7 14  8 Down  Hides "The limit of an order that also has a stop.";
        Avg           "Avg"             Point  7 14  3 Down  Hides "The average price of its executions.";
        Tif           "TIF"             Left   3  5  6 Up    Hides "Time in force.";
        Status        "Status"          Left  10 14  0 Up    Hides "The broker's status of the order.";
        Updated       "Updated"         Left   8  8  9 Never Stays "When the broker last changed it.";
        ClientOrderId "Client order id" Left  15 38 10 Never Stays "The id chosen before it was sent.";
    }
);

impl OrderColumn {
    fn content<'a>(self, account: &'a AccountState, order: &'a Order) -> Content<'a> {
        let price = |px: Option<Price>| Content::number(px.map(Price::decimal));
        match self {
            Self::Account => Content::Word(&account.link.label),
            Self::Age => Content::time(placed_at(order)),
            Self::Side => Content::Word(order.side.as_str()),
            Self::Symbol => Content::Word(order.symbol.as_str()),
            Self::Qty => Content::number(order.qty.map(Qty::decimal)),
            Self::Type => Content::Word(order.order_type.as_str()),
            Self::Price => price(working_px(order)),
            Self::Last => price(account.last_px(&order.symbol)),
            Self::Away => away(order, account.last_px(&order.symbol)).map_or(Content::Empty, Content::Percent),
            Self::Trail => match (order.trail_px, order.trail_percent) {
                (None, Some(percent)) => Content::Percent(percent),
                (px, _) => price(px),
            },
            Self::Limit => price(second_px(order)),
            Self::Avg => price(order.avg_px),
            Self::Tif => Content::Word(order.tif.as_str()),
            Self::Status => Content::Ranked(status_rank(&order.status), order.status.as_str()),
            Self::Updated => Content::time(order.updated_at),
            Self::ClientOrderId => Content::word(order.client_order_id.as_ref().map(ClientOrderId::as_str)),
        }
    }

    /// The sort value of an order in this column; `None` where it is not sorted by.
    pub fn value(self, account: &AccountState, order: &Order) -> Option<SortValue> {
        self.sorted(self.content(account, order))
    }

    /// The whole text of an order's cell, for copying; `None` where there is none.
    pub fn copied(self, account: &AccountState, order: &Order) -> Option<String> {
        self.content(account, order).text()
    }
}

/// How far the main price of a working order is from the symbol's last one, in percent of that.
pub fn away(order: &Order, last: Option<Price>) -> Option<Decimal> {
    let (px, last) = working_px(order).filter(|_| order.status.is_working()).zip(last)?;
    let apart = px.decimal().checked_sub(last.decimal())?.checked_mul(Decimal::ONE_HUNDRED)?;
    Some(apart.checked_div(last.decimal())?.round_dp(2))
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
