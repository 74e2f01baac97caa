//! The panes, one row each, and which account they show.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::columns::{Column, OrderColumn, PositionColumn, TapeColumn};
use super::keymap::Scope;
use crate::domain::LinkId;
use crate::session::Part;

/// What is declared of a pane.
#[derive(Debug)]
struct Row {
    title: &'static str,
    /// The scope of its own keys.
    scope: Scope,
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

            /// Its name in recordings; never changed.
            const fn name(self) -> &'static str {
                match self {
                    $(Self::$pane => stringify!($pane)),+
                }
            }

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
        list: true,
        columns: &[],
        parts: &[],
        journaled: false,
    }
    /// Balances of the selected account.
    Account {
        title: "Account",
        scope: Scope::Account,
        list: false,
        columns: &[],
        parts: &[Part::Account],
        journaled: false,
    }
    /// Its orders.
    Orders {
        title: "Orders",
        scope: Scope::Orders,
        list: true,
        columns: OrderColumn::TABLE,
        parts: &Part::ORDERS,
        journaled: true,
    }
    /// Its positions.
    Positions {
        title: "Positions",
        scope: Scope::Positions,
        list: true,
        columns: PositionColumn::TABLE,
        parts: &[Part::Positions],
        journaled: false,
    }
    /// Its executions and order events, newest first.
    Tape {
        title: "Tape",
        scope: Scope::Tape,
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

    /// The pane with this digit.
    pub fn of_digit(digit: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|pane| pane.digit() == digit)
    }

    /// The pane `by` panes ahead, wrapping.
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
    /// One account.
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

/// A value for each pane. In recordings it is an object by the panes' names: one without a value has the default, and
/// unknown names are ignored, so that panes may come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerPane<T>([T; COUNT]);

impl<T> PerPane<T> {
    /// From each pane.
    pub fn of(value: impl FnMut(Pane) -> T) -> Self {
        Self(Pane::ALL.map(value))
    }

    /// The value of a pane.
    #[expect(clippy::indexing_slicing, reason = "the array has one value for each pane")]
    pub const fn get(&self, pane: Pane) -> &T {
        &self.0[pane as usize]
    }

    #[expect(clippy::indexing_slicing, reason = "the array has one value for each pane")]
    const fn get_mut(&mut self, pane: Pane) -> &mut T {
        &mut self.0[pane as usize]
    }

    /// Each pane with its value.
    pub fn iter(&self) -> impl Iterator<Item = (Pane, &T)> {
        Pane::ALL.into_iter().zip(&self.0)
    }
}

impl<T: Serialize> Serialize for PerPane<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(pane, value)| (pane.name(), value)))
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for PerPane<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PerPaneVisitor(PhantomData))
    }
}

struct PerPaneVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for PerPaneVisitor<T> {
    type Value = PerPane<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a value for each pane")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = PerPane::of(|_| T::default());
        while let Some(name) = map.next_key::<String>()? {
            match Pane::ALL.into_iter().find(|pane| pane.name() == name) {
                Some(pane) => *found.get_mut(pane) = map.next_value()?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::keymap::{Action, BINDINGS};

    #[test]
    fn each_pane_has_keys_and_a_digit_of_its_own() {
        for pane in Pane::ALL {
            let digit = crate::app::keymap::Chord::char(char::from(b'0' + pane.digit()));
            let row = BINDINGS.iter().find(|row| row.chords.contains(&digit)).unwrap();
            assert_eq!((row.scope, row.action), (Scope::Global, Action::FocusPane(pane.digit())));
            assert_eq!(Pane::of_digit(pane.digit()), Some(pane));
            assert!(BINDINGS.iter().any(|row| row.scope == pane.scope()), "{pane:?}");
            assert_eq!(pane.scope().title(), pane.title());
        }
    }

    fn read(text: &str) -> Result<Vec<u8>, serde_json::Error> {
        let read: PerPane<u8> = serde_json::from_str(text)?;
        Ok(read.iter().map(|(_, value)| *value).collect())
    }

    #[test]
    fn per_pane_values_are_stored_by_name() {
        let digits = PerPane::of(Pane::digit);
        let text = r#"{"Brokers":1,"Account":2,"Orders":3,"Positions":4,"Tape":5}"#;
        assert_eq!(serde_json::to_string(&digits).unwrap(), text);
        assert_eq!(serde_json::from_str::<PerPane<u8>>(text).unwrap(), digits);
        assert!(digits.iter().all(|(pane, digit)| digits.get(pane) == digit && *digit == pane.digit()));
        assert_eq!(read(r#"{"Tape":5,"Watchlist":[6],"Brokers":1}"#).unwrap(), [1, 0, 0, 0, 5], "panes come and go");
        assert!(read("[1,2,3,4,5]").is_err(), "an array names no panes");
    }
}
