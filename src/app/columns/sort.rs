//! What rows are sorted by: the value in a column, and the key that orders a list.

use std::cmp::Reverse;

use jiff::Timestamp;
use rust_decimal::Decimal;

/// A value to sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SortValue {
    Rank(u64),
    Time(Timestamp),
    Number(Decimal),
    /// The first bytes of a text. A fixed size lets a long list be sorted without allocating.
    Word([u8; 23]),
}

impl SortValue {
    /// A text; only as many bytes count as the longest option symbol has.
    pub(super) fn word(word: &str) -> Self {
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
