//! What a cell holds, from which its sort value and its text for copying follow.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::SortValue;
use crate::domain::text::clean;

/// The content of a cell.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content<'a> {
    /// A text of the broker or the user; sorted by its first bytes, copied whole.
    Word(&'a str),
    /// A word that is sorted by rank.
    Ranked(u64, &'a str),
    /// An instant.
    Time(Timestamp),
    /// A number.
    Number(Decimal),
    /// A number that is sorted by absolute value.
    Magnitude(Decimal),
    /// A number that is copied with a percent sign.
    Percent(Decimal),
    /// Nothing to sort by and nothing to copy.
    Empty,
}

impl<'a> Content<'a> {
    pub(super) fn time(at: Option<Timestamp>) -> Self {
        at.map_or(Self::Empty, Self::Time)
    }

    pub(super) fn number(value: Option<Decimal>) -> Self {
        value.map_or(Self::Empty, Self::Number)
    }

    pub(super) fn magnitude(value: Option<Decimal>) -> Self {
        value.map_or(Self::Empty, Self::Magnitude)
    }

    pub(super) fn word(word: Option<&'a str>) -> Self {
        word.map_or(Self::Empty, Self::Word)
    }

    /// The value to sort by; missing values come last.
    pub(super) fn sort_value(self) -> Option<SortValue> {
        match self {
            Self::Word(word) => Some(SortValue::word(word)),
            Self::Ranked(rank, _) => Some(SortValue::Rank(rank)),
            Self::Time(at) => Some(SortValue::Time(at)),
            Self::Number(number) | Self::Percent(number) => Some(SortValue::Number(number)),
            Self::Magnitude(number) => Some(SortValue::Number(number.abs())),
            Self::Empty => None,
        }
    }

    /// The whole text with all digits, sanitised.
    pub(super) fn text(self) -> Option<String> {
        match self {
            Self::Word(word) | Self::Ranked(_, word) => Some(clean(word).into_owned()),
            Self::Time(at) => Some(at.to_string()),
            Self::Number(number) | Self::Magnitude(number) => Some(number.to_string()),
            Self::Percent(number) => Some(format!("{number}%")),
            Self::Empty => None,
        }
    }
}
