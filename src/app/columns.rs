//! The columns of the list panes: title, alignment, and the value that sorting compares, so that view and sort agree.
//!
//! A column's index in `ALL` is what [`super::rows::ListState::sort`] holds and what a click on a header reports.

use std::cmp::Reverse;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::accounts::AccountState;
use crate::domain::blotter::TapeEntry;
use crate::domain::{Money, Order, OrderStatus, Position, Price, Qty};

/// Where the cells of a column stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Figures.
    Right,
}

/// A value that sorting compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortValue {
    /// A place in an order of its own.
    Rank(u64),
    /// An instant.
    Time(Timestamp),
    /// A figure.
    Number(Decimal),
    /// A word, its first bytes: a long list is sorted without allocating, and its keys are thrown away without a walk.
    Word([u8; 23]),
}

impl SortValue {
    /// A word; of one longer than an option's symbol the beginning counts.
    fn word(word: &str) -> Self {
        let mut bytes = [0; 23];
        for (byte, from) in bytes.iter_mut().zip(word.bytes()) {
            *byte = from;
        }
        Self::Word(bytes)
    }
}

/// What a row is sorted by. Invariant: the keys of one list have one direction; a missing value stands last either way.
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
    /// A key in a group; rows of equal value stand newest first.
    pub fn new(group: u8, value: Option<SortValue>, descending: bool, at: Option<Timestamp>) -> Self {
        let value = match value {
            Some(value) if descending => Directed::Down(Reverse(value)),
            Some(value) => Directed::Up(value),
            None => Directed::Missing,
        };
        Self { group, value, recency: Reverse(at) }
    }

    /// The group, which comes before everything else.
    pub const fn group(&self) -> u8 {
        self.group
    }

    /// A fixed place.
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
            /// Every column, in the order in which they stand.
            pub const ALL: [Self; $count] = [$(Self::$variant),+];

            /// The heading.
            pub const fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title),+
                }
            }

            /// Where its cells stand.
            pub const fn align(self) -> Align {
                match self {
                    $(Self::$variant => Align::$align),+
                }
            }

            /// Whether sorting by it begins with the greatest.
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
        /// Whose; shown with all accounts only.
        Account "Account" Left false,
        /// When it was submitted.
        Time "Time" Left true,
        /// Buy or sell.
        Side "Side" Left false,
        /// What is traded.
        Symbol "Symbol" Left false,
        /// Ordered, or the notional.
        Qty "Qty" Right true,
        /// Executed.
        Filled "Filled" Right true,
        /// How its price is set.
        Type "Type" Left false,
        /// The one price that matters first: the limit, the stop, or where a trailing stop stands.
        Price "Price" Right true,
        /// How far a trailing stop trails.
        Trail "Trail" Right true,
        /// The limit of an order that has a stop as well.
        Limit "Limit" Right true,
        /// Average price of what executed.
        Avg "Avg" Right true,
        /// Time in force.
        Tif "TIF" Left false,
        /// Where it stands.
        Status "Status" Left false,
    }
);

columns!(
    /// A column of the Positions pane.
    PositionColumn [9] {
        /// Whose; shown with all accounts only.
        Account "Account" Left false,
        /// What is held.
        Symbol "Symbol" Left false,
        /// How much, signed.
        Qty "Qty" Right true,
        /// Average entry price.
        Avg "Avg" Right true,
        /// Last price.
        Last "Last" Right true,
        /// Value, signed.
        Value "Value" Right true,
        /// Unrealized profit or loss.
        Pl "P&L" Right true,
        /// The same as a fraction.
        PlPercent "P&L %" Right true,
        /// Change of the price today.
        Today "Today" Right true,
    }
);

columns!(
    /// A column of the Tape pane.
    TapeColumn [7] {
        /// Whose; shown with all accounts only.
        Account "Account" Left false,
        /// When it happened.
        Time "Time" Left true,
        /// What happened.
        Event "Event" Left false,
        /// Buy or sell.
        Side "Side" Left false,
        /// What.
        Symbol "Symbol" Left false,
        /// Size of the execution.
        Qty "Qty" Right true,
        /// Price of the execution.
        Price "Price" Right true,
    }
);

impl OrderColumn {
    /// The value of an order in this column.
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
    /// The value of a position in this column.
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
    /// The value of a tape line in this column.
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

/// When an order was submitted, or failing that created.
pub fn placed_at(order: &Order) -> Option<Timestamp> {
    order.submitted_at.or(order.created_at)
}

/// The price at which an order works or waits: its stop where it has one, else its limit.
pub fn working_px(order: &Order) -> Option<Price> {
    order.stop_px.or(order.limit_px)
}

/// The limit of an order that waits for its stop first.
pub fn second_px(order: &Order) -> Option<Price> {
    order.stop_px.and(order.limit_px)
}

/// The order of an order's life: what moves first, what is over last.
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
