//! The panes, one row each, and which account they show.

use serde::{Deserialize, Serialize};

use super::columns::{Column, OrderColumn, PositionColumn, TapeColumn};
use super::keymap::{Action, Scope};
use crate::domain::LinkId;
use crate::session::Part;

/// What is declared of a pane.
#[derive(Debug)]
struct Row {
    /// The title.
    title: &'static str,
    /// The scope of its own keys.
    scope: Scope,
    /// The action that focuses it.
    focus: Action,
    /// Whether it has rows that can be selected and filtered.
    list: bool,
    /// The columns of its rows; none where they have a fixed order.
    columns: &'static [Column],
    /// The parts of an account's data that it shows.
    parts: &'static [Part],
    /// Whether the journal keeps what it shows.
    journaled: bool,
}

macro_rules! panes {
    ($($(#[$doc:meta])* $pane:ident $row:tt)+) => {
        /// The panes, in the order of their digits.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Pane {
            $($(#[$doc])* $pane),+
        }

        /// The number of panes.
        const COUNT: usize = [$(Pane::$pane),+].len();

        impl Pane {
            /// All panes, in the order of their digits.
            pub const ALL: [Self; COUNT] = [$(Self::$pane),+];

            const fn row(self) -> &'static Row {
                match self {
                    $(Self::$pane => &Row $row),+
                }
            }
        }
    };
}

panes! {
    /// Brokers, linked accounts and their state.
    Brokers {
        title: "Brokers",
        scope: Scope::Brokers,
        focus: Action::Pane1,
        list: true,
        columns: &[],
        parts: &[],
        journaled: false,
    }
    /// Balances of the selected account.
    Account {
        title: "Account",
        scope: Scope::Account,
        focus: Action::Pane2,
        list: false,
        columns: &[],
        parts: &[Part::Account],
        journaled: false,
    }
    /// Its orders.
    Orders {
        title: "Orders",
        scope: Scope::Orders,
        focus: Action::Pane3,
        list: true,
        columns: OrderColumn::TABLE,
        parts: &Part::ORDERS,
        journaled: true,
    }
    /// Its positions.
    Positions {
        title: "Positions",
        scope: Scope::Positions,
        focus: Action::Pane4,
        list: true,
        columns: PositionColumn::TABLE,
        parts: &[Part::Positions],
        journaled: false,
    }
    /// Its executions and order events, newest first.
    Tape {
        title: "Tape",
        scope: Scope::Tape,
        focus: Action::Pane5,
        list: true,
        columns: TapeColumn::TABLE,
        parts: &Part::TRADES,
        journaled: true,
    }
}

impl Pane {
    /// Its title.
    pub const fn title(self) -> &'static str {
        self.row().title
    }

    /// The scope of its own keys.
    pub const fn scope(self) -> Scope {
        self.row().scope
    }

    /// Whether it has rows that can be selected and filtered.
    pub const fn is_list(self) -> bool {
        self.row().list
    }

    /// The columns of its rows; none where they have a fixed order.
    pub const fn columns(self) -> &'static [Column] {
        self.row().columns
    }

    /// The parts of an account's data that it shows.
    pub const fn parts(self) -> &'static [Part] {
        self.row().parts
    }

    /// Whether the journal keeps what it shows.
    pub const fn is_journaled(self) -> bool {
        self.row().journaled
    }

    /// The digit that focuses it.
    pub const fn digit(self) -> u8 {
        self as u8 + 1
    }

    /// The pane that an action focuses.
    pub fn focused_by(action: Action) -> Option<Self> {
        Self::ALL.into_iter().find(|pane| pane.row().focus == action)
    }

    /// The pane that is so many places further on, round and round.
    #[must_use]
    pub fn further(self, by: usize) -> Self {
        Self::ALL.into_iter().cycle().nth(self as usize + by).unwrap_or(self)
    }
}

/// Which account the panes show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountScope {
    /// None is linked.
    None,
    /// One.
    One(LinkId),
    /// All of them, with an account column.
    All,
}

impl AccountScope {
    /// Whether the panes show this account.
    pub fn shows(&self, link: &LinkId) -> bool {
        match self {
            Self::None => false,
            Self::One(one) => one == link,
            Self::All => true,
        }
    }
}

/// A value for each pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerPane<T>([T; COUNT]);

impl<T> PerPane<T> {
    /// From each pane.
    pub fn of(value: impl FnMut(Pane) -> T) -> Self {
        Self(Pane::ALL.map(value))
    }

    /// The value of a pane.
    #[expect(clippy::indexing_slicing, reason = "there is one for each pane")]
    pub const fn get(&self, pane: Pane) -> &T {
        &self.0[pane as usize]
    }

    /// Each pane with its value.
    pub fn iter(&self) -> impl Iterator<Item = (Pane, &T)> {
        Pane::ALL.into_iter().zip(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::keymap::BINDINGS;

    #[test]
    fn each_pane_has_keys_and_a_digit_of_its_own() {
        for pane in Pane::ALL {
            let digit = crate::app::keymap::Chord::char(char::from(b'0' + pane.digit()));
            let row = BINDINGS.iter().find(|row| row.chords.contains(&digit)).unwrap();
            assert_eq!((row.scope, Pane::focused_by(row.action)), (Scope::Global, Some(pane)));
            assert!(BINDINGS.iter().any(|row| row.scope == pane.scope()), "{pane:?}");
            assert_eq!(pane.scope().title(), pane.title());
        }
    }

    #[test]
    fn per_pane_values_are_stored_as_an_array_in_pane_order() {
        let digits = PerPane::of(Pane::digit);
        assert_eq!(serde_json::to_string(&digits).unwrap(), "[1,2,3,4,5]");
        assert!(digits.iter().all(|(pane, digit)| digits.get(pane) == digit && *digit == pane.digit()));
    }
}
