//! A member that may be of any JSON type: the tolerance of the wire types, in one place.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Lacks, WireError};
use crate::domain::Untrusted;

/// One member's value, borrowed where the text allows it. Nested values are passed over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Loose<'a> {
    /// Absent or `null`.
    #[default]
    Nothing,
    /// An array or an object.
    Nested,
    /// A string.
    Text(Cow<'a, str>),
    /// The digits of a bare number.
    Number(String),
    /// A boolean.
    Flag(bool),
}

/// No time from before can be one of trading: the start of the year 1900.
const FIRST_TIME: Timestamp = Timestamp::constant(-2_208_988_800, 0);

/// How `serde_json` hands over a number whose digits are kept (its `arbitrary_precision`).
const NUMBER: &str = "$serde_json::private::Number";

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Loose::Flag(flag))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Loose::Nothing)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Loose::Number(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Loose::Number(number.to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose::Nested)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = Loose::Nested;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key == NUMBER {
                found = Loose::Number(map.next_value::<String>()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

impl Loose<'_> {
    /// A string, or a number's digits.
    pub(super) fn word(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(digits) => Some(digits),
            Self::Nothing | Self::Nested | Self::Flag(_) => None,
        }
    }

    /// [`Self::word`] unless it is empty.
    pub(super) fn some_word(&self) -> Option<&str> {
        self.word().filter(|word| !word.is_empty())
    }

    /// [`Self::word`], kept as it came.
    pub(super) fn kept(&self) -> Option<Untrusted> {
        self.word().map(Untrusted::from)
    }

    /// A number written either way; `None` when it is not one, or has more than 28 digits.
    pub(super) fn amount<T: FromStr>(&self) -> Option<T> {
        self.some_word()?.parse().ok()
    }

    /// A figure that an object may do without: what stands there and cannot be read goes to `lacks`. An empty text is how
    /// some senders write none.
    pub(super) fn figure<T: FromStr>(&self, what: &'static str, member: &'static str, lacks: &mut Lacks) -> Option<T> {
        let figure = self.amount();
        let states = match self {
            Self::Nothing => false,
            Self::Text(text) => !text.is_empty(),
            Self::Nested | Self::Number(_) | Self::Flag(_) => true,
        };
        if states && figure.is_none() {
            lacks.push(WireError::Member { what, member });
        }
        figure
    }

    /// A word that an object may do without: what stands there and is none goes to `lacks`.
    pub(super) fn word_or(&self, what: &'static str, member: &'static str, lacks: &mut Lacks) -> &str {
        if self.is_there() && self.word().is_none() {
            lacks.push(WireError::Member { what, member });
        }
        self.word().unwrap_or_default()
    }

    /// A bare decimal, written either way.
    pub(super) fn decimal(&self) -> Option<Decimal> {
        let word = self.some_word()?.trim();
        Decimal::from_str_exact(word).or_else(|_| Decimal::from_scientific(word)).ok()
    }

    /// A number that the object cannot do without: past 28 digits it is rounded rather than lost.
    pub(super) fn needed(&self) -> Option<Decimal> {
        self.decimal().or_else(|| Decimal::from_str(self.some_word()?.trim()).ok())
    }

    /// An RFC 3339 time with any offset and up to nanoseconds. The year one is how some senders write none at all.
    pub(super) fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Text(text) => text.parse().ok().filter(|at| *at > FIRST_TIME),
            Self::Nothing | Self::Nested | Self::Number(_) | Self::Flag(_) => None,
        }
    }

    /// Something stands there that is no time; the year one, and an empty text, are how some senders write none.
    pub(super) fn is_no_time(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty() && text.parse::<Timestamp>().is_err(),
            Self::Nothing => false,
            Self::Nested | Self::Number(_) | Self::Flag(_) => true,
        }
    }

    /// A time that an object may do without: what stands there and is none goes to `lacks`.
    pub(super) fn time_or(&self, what: &'static str, member: &'static str, lacks: &mut Lacks) -> Option<Timestamp> {
        if self.is_no_time() {
            lacks.push(WireError::Member { what, member });
        }
        self.time()
    }

    /// Something stands there that is no such flag: neither a boolean nor its word.
    pub(super) fn is_no_flag(&self) -> bool {
        match self {
            Self::Nothing | Self::Flag(_) => false,
            Self::Text(text) => !["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word)),
            Self::Nested | Self::Number(_) => true,
        }
    }

    /// Something stands there.
    pub(super) fn is_there(&self) -> bool {
        *self != Self::Nothing
    }

    /// A boolean, or its word.
    pub(super) fn flag(&self) -> bool {
        match self {
            Self::Flag(flag) => *flag,
            Self::Text(text) => text.eq_ignore_ascii_case("true"),
            Self::Nothing | Self::Nested | Self::Number(_) => false,
        }
    }
}
