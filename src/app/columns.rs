//! The columns of the list panes, each declared once: drawing, sorting, hiding and copying read the tables.
//!
//! [`super::rows::ListState::sort`], hidden columns and clicks on a header refer to a column by its index in `ALL`.

mod content;
mod orders;
mod positions;
mod sort;
mod tape;

pub use orders::{OrderColumn, away, placed_at, second_px, working_px};
pub use positions::PositionColumn;
pub use sort::{SortKey, SortValue};
pub use tape::TapeColumn;

use self::content::Content;

/// The index of the account column in every list; it is only shown with all accounts.
pub const ACCOUNT: usize = 0;

/// Alignment and cutting of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text, cut at its end.
    Left,
    /// Two words: the first is never cut, the second is cut in the middle, because names differ at either end.
    Name,
    /// Figures, aligned at the decimal point.
    Point,
}

/// Where sorting by a column starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sorting {
    /// With the least value.
    Up,
    /// With the greatest value.
    Down,
    /// It is not sorted by.
    Never,
}

/// Whether a column can be hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hiding {
    /// It can.
    Hides,
    /// It cannot: its row is useless without it, or it is dropped automatically when there is no room.
    Stays,
}

/// A column as its list declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    pub title: &'static str,
    /// How cells are aligned and cut.
    pub align: Align,
    /// Smallest width in cells.
    pub min: u16,
    /// Largest width in cells; longer text is cut.
    pub max: u16,
    /// Rank: zero is always shown; without room, the highest rank goes first.
    pub rank: u8,
    /// Where sorting by it starts.
    pub sorting: Sorting,
    /// Whether it can be hidden.
    pub hiding: Hiding,
    /// What it shows, in one sentence; the help and the palette show it.
    pub help: &'static str,
}

impl Column {
    /// Whether the list can be sorted by it.
    pub const fn is_sortable(&self) -> bool {
        !matches!(self.sorting, Sorting::Never)
    }
}

/// Declares the columns of a list, one row each: name, title, alignment, smallest and largest width, rank, sorting,
/// hiding, and a sentence about it.
macro_rules! columns {
    ($(#[$doc:meta])* $name:ident {
        $($variant:ident $title:literal $align:ident $min:literal $max:literal $rank:literal $sorting:ident $hiding:ident
            $help:literal;)+
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = $help] $variant),+
        }

        impl $name {
            /// Every column, in display order.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            /// The table, in the same order.
            pub const TABLE: &'static [super::Column] = &[$(Self::$variant.declared()),+];

            /// What is declared of it.
            pub const fn declared(self) -> super::Column {
                match self {
                    $(Self::$variant => super::Column {
                        title: $title,
                        align: super::Align::$align,
                        min: $min,
                        max: $max,
                        rank: $rank,
                        sorting: super::Sorting::$sorting,
                        hiding: super::Hiding::$hiding,
                        help: $help,
                    }),+
                }
            }

            /// The title.
            pub const fn title(self) -> &'static str {
                self.declared().title
            }

            /// The sort value of a cell with this content; `None` where the list is not sorted by the column.
            fn sorted(self, content: super::Content<'_>) -> Option<super::SortValue> {
                if self.declared().is_sortable() { content.sort_value() } else { None }
            }

            /// Whether sorting starts with the greatest value.
            pub const fn descending(self) -> bool {
                matches!(self.declared().sorting, super::Sorting::Down)
            }
        }
    };
}
use columns;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_begins_with_the_account_and_has_each_title_once() {
        for table in [OrderColumn::TABLE, PositionColumn::TABLE, TapeColumn::TABLE] {
            assert_eq!(table[ACCOUNT].title, "Account");
            for (place, column) in table.iter().enumerate() {
                assert!(column.min <= column.max, "{}", column.title);
                assert!(column.help.ends_with('.'), "{}", column.title);
                assert!(table.iter().skip(place + 1).all(|other| other.title != column.title), "{}", column.title);
            }
        }
    }
}
