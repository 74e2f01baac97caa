//! A member of any JSON type: all tolerance of the wire types is here.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Lacks, WireError};
use crate::domain::Untrusted;

/// One member's value, borrowed where possible. The content of nested values is skipped.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Loose<'a> {
    /// Absent or `null`.
    #[default]
    Nothing,
    /// An array or an object.
    Nested,
    Text(Cow<'a, str>),
    /// The digits of a bare number.
    Number(String),
    Flag(bool),
}

/// The start of the year 1900; earlier times mean none.
const FIRST_TIME: Timestamp = Timestamp::constant(-2_208_988_800, 0);

/// The key under which `serde_json` passes a number with all digits (its `arbitrary_precision`).
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

    /// [`Self::word`], unchanged.
    pub(super) fn kept(&self) -> Option<Untrusted> {
        self.word().map(Untrusted::from)
    }

    /// A number, bare or in a string; `None` when it is not one, or has more than 28 digits.
    pub(super) fn amount<T: FromStr>(&self) -> Option<T> {
        self.some_word()?.parse().ok()
    }

    /// An optional figure; a present and unreadable one is added to `lacks`. Some senders write an empty string for
    /// none.
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

    /// An optional word; a present value that is not one is added to `lacks`.
    pub(super) fn word_or(&self, what: &'static str, member: &'static str, lacks: &mut Lacks) -> &str {
        if self.is_there() && self.word().is_none() {
            lacks.push(WireError::Member { what, member });
        }
        self.word().unwrap_or_default()
    }

    /// A decimal, bare or in a string.
    pub(super) fn decimal(&self) -> Option<Decimal> {
        let word = self.some_word()?.trim();
        Decimal::from_str_exact(word).or_else(|_| Decimal::from_scientific(word)).ok()
    }

    /// A required number: past 28 digits it is rounded and not dropped.
    pub(super) fn needed(&self) -> Option<Decimal> {
        self.decimal().or_else(|| Decimal::from_str(self.some_word()?.trim()).ok())
    }

    /// An RFC 3339 time with any offset, up to nanoseconds. Some senders write the year one for none.
    pub(super) fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Text(text) => text.parse().ok().filter(|at| *at > FIRST_TIME),
            Self::Nothing | Self::Nested | Self::Number(_) | Self::Flag(_) => None,
        }
    }

    /// Whether the value is present and not a time. Some senders write the year one or an empty string for none.
    pub(super) fn is_no_time(&self) -> bool {
        match self {
            Self::Text(text) => !text.is_empty() && text.parse::<Timestamp>().is_err(),
            Self::Nothing => false,
            Self::Nested | Self::Number(_) | Self::Flag(_) => true,
        }
    }

    /// An optional time; a present value that is not one is added to `lacks`.
    pub(super) fn time_or(&self, what: &'static str, member: &'static str, lacks: &mut Lacks) -> Option<Timestamp> {
        if self.is_no_time() {
            lacks.push(WireError::Member { what, member });
        }
        self.time()
    }

    /// Whether the value is present and neither a boolean nor its word.
    pub(super) fn is_no_flag(&self) -> bool {
        match self {
            Self::Nothing | Self::Flag(_) => false,
            Self::Text(text) => !["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word)),
            Self::Nested | Self::Number(_) => true,
        }
    }

    /// Whether the value is present.
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
