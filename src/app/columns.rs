//! The columns of the list panes: title, alignment, and sort value, so that display and sorting agree.
//!
//! [`super::rows::ListState::sort`] and clicks on a header refer to a column by its index in `ALL`.

use std::cmp::Reverse;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::accounts::AccountState;
use crate::domain::blotter::TapeEntry;
use crate::domain::{Money, Order, OrderStatus, Position, Price, Qty};

/// Alignment of a column's cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text, left.
    Left,
    /// Figures, right.
    Right,
}

/// A value to sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortValue {
    /// A rank.
    Rank(u64),
    /// An instant.
    Time(Timestamp),
    /// A number.
    Number(Decimal),
    /// The first bytes of a text. A fixed size lets a long list be sorted without allocating.
    Word([u8; 23]),
}

impl SortValue {
    /// A text; only as many bytes count as the longest option symbol has.
    fn word(word: &str) -> Self {
        let mut bytes = [0; 23];
        for (byte, from) in bytes.iter_mut().zip(word.bytes()) {
            *byte = from;
        }
        Self::Word(bytes)
    }
}

/// The sort key of a row.
///
/// Invariant: all keys of a list have the same direction; missing values come last in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortKey {
    group: u8,
    value: Directed,
    recency: Reverse<Option<Timestamp>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Directed {
    Up(SortValue),
    Down(Reverse<SortValue>),
    Missing,
}

impl SortKey {
    /// A key within a group; equal values are ordered newest first.
    pub fn new(group: u8, value: Option<SortValue>, descending: bool, at: Option<Timestamp>) -> Self {
        let value = match value {
            Some(value) if descending => Directed::Down(Reverse(value)),
            Some(value) => Directed::Up(value),
            None => Directed::Missing,
        };
        Self { group, value, recency: Reverse(at) }
    }

    /// The group, which is compared before everything else.
    pub const fn group(&self) -> u8 {
        self.group
    }

    /// A key with a fixed rank.
    pub fn place(index: usize) -> Self {
        Self::new(0, Some(SortValue::Rank(index as u64)), false, None)
    }
}

macro_rules! columns {
    ($(#[$doc:meta])* $name:ident [$count:literal] { $($(#[$vdoc:meta])* $variant:ident $title:literal $align:ident $descending:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant),+
        }

        impl $name {
            /// Every column, in display order.
            pub const ALL: [Self; $count] = [$(Self::$variant),+];

            /// The title.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title),+
                }
            }

            /// The alignment.
            pub const fn align(self) -> Align {
                match self {
                    $(Self::$variant => Align::$align),+
                }
            }

            /// Whether sorting starts with the greatest value.
            pub const fn descending(self) -> bool {
                match self {
                    $(Self::$variant => $descending),+
                }
            }

            /// Its index in [`Self::ALL`].
            pub const fn index(self) -> usize {
                self as usize
            }
        }
    };
}

columns!(
    /// A column of the Orders pane.
    OrderColumn [13] {
        /// The account; only shown with all accounts.
        Account "Account" Left false,
        /// When it was submitted.
        Time "Time" Left true,
        /// Buy or sell.
        Side "Side" Left false,
        /// The symbol.
        Symbol "Symbol" Left false,
        /// The quantity ordered, or the notional.
        Qty "Qty" Right true,
        /// The executed quantity.
        Filled "Filled" Right true,
        /// The order type.
        Type "Type" Left false,
        /// The main price: the limit, the stop, or the current stop of a trailing order.
        Price "Price" Right true,
        /// The trail of a trailing stop.
        Trail "Trail" Right true,
        /// The limit of an order that also has a stop.
        Limit "Limit" Right true,
        /// The average price of its executions.
        Avg "Avg" Right true,
        /// Time in force.
        Tif "TIF" Left false,
        /// The status.
        Status "Status" Left false,
    }
);

columns!(
    /// A column of the Positions pane.
    PositionColumn [9] {
        /// The account; only shown with all accounts.
        Account "Account" Left false,
        /// The symbol.
        Symbol "Symbol" Left false,
        /// The quantity, signed.
        Qty "Qty" Right true,
        /// Average entry price.
        Avg "Avg" Right true,
        /// The last price.
        Last "Last" Right true,
        /// The market value, signed.
        Value "Value" Right true,
        /// Unrealized profit or loss.
        Pl "P&L" Right true,
        /// The same in percent.
        PlPercent "P&L %" Right true,
        /// The change of the price today.
        Today "Today" Right true,
    }
);

columns!(
    /// A column of the Tape pane.
    TapeColumn [7] {
        /// The account; only shown with all accounts.
        Account "Account" Left false,
        /// The time.
        Time "Time" Left true,
        /// The event.
        Event "Event" Left false,
        /// Buy or sell.
        Side "Side" Left false,
        /// The symbol.
        Symbol "Symbol" Left false,
        /// The quantity of the execution.
        Qty "Qty" Right true,
        /// The price of the execution.
        Price "Price" Right true,
    }
);

impl OrderColumn {
    /// The sort value of an order in this column.
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
        }
    }
}

impl PositionColumn {
    /// The sort value of a position in this column.
    pub fn value(self, account: &AccountState, position: &Position) -> Option<SortValue> {
        let number = |value: Option<Decimal>| value.map(SortValue::Number);
        match self {
            Self::Account => Some(SortValue::word(&account.link.label)),
            Self::Symbol => Some(SortValue::word(position.symbol.as_str())),
            Self::Qty => number(position.qty.map(Qty::decimal)),
            Self::Avg => number(position.avg_px.map(Price::decimal)),
            Self::Last => number(position.last_px.map(Price::decimal)),
            Self::Value => number(position.market_value.map(Money::decimal)),
            Self::Pl => number(position.unrealized_pl.map(Money::decimal)),
            Self::PlPercent => number(position.unrealized_plpc),
            Self::Today => number(position.change_today),
        }
    }
}

impl TapeColumn {
    /// The sort value of a tape line in this column.
    pub fn value(self, account: &AccountState, entry: &TapeEntry) -> Option<SortValue> {
        let order = account.blotter.order(&entry.order_id);
        let execution = entry.execution.as_ref().and_then(|id| account.blotter.execution(id));
        match self {
            Self::Account => Some(SortValue::word(&account.link.label)),
            Self::Time => entry.at.map(SortValue::Time),
            Self::Event => Some(SortValue::word(entry.event.as_str())),
            Self::Side => order.map(|order| SortValue::word(order.side.as_str())),
            Self::Symbol => order.map(|order| SortValue::word(order.symbol.as_str())),
            Self::Qty => execution.map(|execution| SortValue::Number(execution.qty.decimal())),
            Self::Price => execution.and_then(|execution| execution.px).map(|px| SortValue::Number(px.decimal())),
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
