//! The simulated brokerage's wire structs: its answers and frames, field by field.
//!
//! Written from the service's documentation alone. The client has its own; neither may import the other, so that a
//! mistake in one is not mirrored in the other.

pub mod activity;
pub mod order;

use std::str::FromStr;

use jiff::{Timestamp, Unit};
use rust_decimal::Decimal;
use serde_json::{Number, Value};

/// Serializes a decimal as a JSON number with all its digits, without a binary float.
pub fn number(value: Decimal) -> Value {
    Number::from_str(&value.to_string()).map_or(Value::Null, Value::Number)
}

/// A decimal as a string.
pub fn text(value: Decimal) -> Value {
    Value::from(value.to_string())
}

/// A time with microseconds at most, like the `at` of events.
pub fn micros(moment: Timestamp) -> String {
    moment.round(Unit::Microsecond).unwrap_or(moment).to_string()
}

/// Largest amount that is parsed; further limits depend on its use.
const LARGEST: Decimal = Decimal::from_parts(3_567_587_328, 232, 0, false, 0);
/// Most decimal places that are parsed; together with the largest amount they fit a [`Decimal`].
const MOST_PLACES: u32 = 12;

/// Parses an amount from a string or a number, within limits that keep sums exact. The error is the invalid text.
pub fn amount(value: &Value) -> Result<Option<Decimal>, String> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        other => return Err(other.to_string()),
    };
    let exact = Decimal::from_str_exact(&text).or_else(|_| Decimal::from_scientific(&text));
    let exact = exact.map(|exact| exact.normalize());
    exact.ok().filter(|exact| exact.abs() <= LARGEST && exact.scale() <= MOST_PLACES).map(Some).ok_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_every_digit() {
        let exact: Decimal = "123456789.123456789123".parse().unwrap();
        assert_eq!(number(exact).to_string(), "123456789.123456789123");
        assert_eq!(amount(&serde_json::from_str("0.1000").unwrap()), Ok(Some("0.1".parse().unwrap())));
        assert_eq!(amount(&Value::from("1e3")), Ok(Some(Decimal::from(1000))));
        assert_eq!(amount(&Value::Null), Ok(None));
        assert!(amount(&Value::from("ten")).is_err());
    }

    #[test]
    fn amounts_beyond_every_account_are_not_read() {
        assert_eq!(amount(&Value::from("-1000000000000")), Ok(Some(-LARGEST)));
        for text in ["1000000000001", "79228162514264337593543950335", "1e28", "-1e13", "0.0000000000001"] {
            assert_eq!(amount(&Value::from(text)), Err(text.to_owned()));
        }
    }
}
