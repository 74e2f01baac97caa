//! Exact amounts: [`Price`], [`Qty`] and [`Money`] over one decimal, parsed and formatted only here.
//!
//! Invariant: no value passes through a binary float, and only [`Price::notional`] mixes the three.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not an exact decimal number: {text:?}")]
pub struct AmountError {
    /// The text, shortened to 40 characters.
    pub text: String,
}

fn parse(text: &str) -> Result<Decimal, AmountError> {
    let trimmed = text.trim();
    let exact = Decimal::from_str_exact(trimmed);
    // Some brokers write exponents (`1e-7`), which the exact parser refuses.
    exact
        .or_else(|_| Decimal::from_scientific(trimmed))
        .map_err(|_| AmountError { text: text.chars().take(40).collect() })
}

/// Groups the integer part in threes with commas: `-1234567.5` is `-1,234,567.5`.
pub fn group_digits(plain: &str) -> String {
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let mut out = String::with_capacity(plain.len() + plain.len() / 3 + 1);
    out.push_str(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

/// Appends a decimal to `out`, grouped by thousands, with at least `min_places` decimals and all of its own.
///
/// The text equals that of `grouped`, without an allocation: screens write thousands of figures a second.
pub fn write_grouped(out: &mut String, value: Decimal, min_places: u32) {
    const ROOM: usize = 40;
    let value = value.normalize();
    let scale = value.scale() as usize;
    let mut digits = [b'0'; ROOM];
    let mut first = ROOM;
    let mut rest = value.mantissa().unsigned_abs();
    // At least one digit comes before the point. A decimal has at most 29 digits, so `ROOM` always suffices.
    while rest > 0 || ROOM - first <= scale {
        let Some(slot) = first.checked_sub(1).and_then(|at| digits.get_mut(at)) else { break };
        // Dividing in 64 bits is several times cheaper, and almost every figure fits.
        let digit = if let Ok(small) = u64::try_from(rest) {
            rest = u128::from(small / 10);
            u8::try_from(small % 10)
        } else {
            let digit = u8::try_from(rest % 10);
            rest /= 10;
            digit
        };
        *slot = b'0' + digit.unwrap_or_default();
        first -= 1;
    }
    if value.is_sign_negative() && !value.is_zero() {
        out.push('-');
    }
    let whole = ROOM - first - scale;
    for (index, digit) in digits.iter().skip(first).enumerate() {
        if index == whole {
            out.push('.');
        } else if index > 0 && index < whole && (whole - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(char::from(*digit));
    }
    if scale == 0 && min_places > 0 {
        out.push('.');
    }
    for _ in scale..min_places as usize {
        out.push('0');
    }
}

macro_rules! amount {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(Decimal);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(Decimal::ZERO);

            /// Wraps a decimal.
            pub const fn new(value: Decimal) -> Self {
                Self(value)
            }

            /// A whole amount.
            pub fn whole(value: i64) -> Self {
                Self(Decimal::from(value))
            }

            /// The decimal inside.
            pub const fn decimal(self) -> Decimal {
                self.0
            }

            /// True for zero, at any scale.
            pub fn is_zero(self) -> bool {
                self.0.is_zero()
            }

            /// True below zero.
            pub fn is_negative(self) -> bool {
                self.0.is_sign_negative() && !self.0.is_zero()
            }

            /// True above zero.
            pub fn is_positive(self) -> bool {
                self.0.is_sign_positive() && !self.0.is_zero()
            }

            /// The absolute value.
            #[must_use]
            pub fn abs(self) -> Self {
                Self(self.0.abs())
            }

            /// The value with the opposite sign.
            #[must_use]
            pub fn negated(self) -> Self {
                let mut value = self.0;
                value.set_sign_negative(value.is_sign_positive());
                Self(value)
            }

            /// The sum; `None` past 28 digits.
            pub fn checked_add(self, other: Self) -> Option<Self> {
                self.0.checked_add(other.0).map(Self)
            }

            /// The difference; `None` past 28 digits.
            pub fn checked_sub(self, other: Self) -> Option<Self> {
                self.0.checked_sub(other.0).map(Self)
            }

            /// Grouped by thousands, every digit kept, at least `min_places` decimals.
            pub fn grouped(self, min_places: u32) -> String {
                let mut text = String::new();
                write_grouped(&mut text, self.0, min_places);
                text
            }

            /// Grouped by thousands and rounded half away from zero to `places` decimals, for narrow columns.
            pub fn rounded(self, places: u32) -> String {
                let mut value = self.0.round_dp_with_strategy(places, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
                value.rescale(places);
                if value.is_zero() {
                    value.set_sign_positive(true);
                }
                group_digits(&value.to_string())
            }

            /// As [`Self::rounded`], with a `+` above zero.
            pub fn signed(self, places: u32) -> String {
                let text = self.rounded(places);
                if self.is_positive() { format!("+{text}") } else { text }
            }
        }

        impl FromStr for $name {
            type Err = AmountError;

            fn from_str(text: &str) -> Result<Self, AmountError> {
                parse(text).map(Self)
            }
        }

        impl std::ops::Neg for $name {
            type Output = Self;

            fn neg(self) -> Self {
                self.negated()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0.to_string())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl Serialize for $name {
            /// A string, as brokers send amounts (docs/ALPACA.md 4.1).
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            /// A string or a bare number; the number's own digits are read, never a float.
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = NumberText::deserialize(deserializer)?.0;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// The digits of a JSON string or number as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberText(pub String);

impl<'de> Deserialize<'de> for NumberText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Text(String),
            Number(serde_json::Number),
        }
        Ok(Self(match Either::deserialize(deserializer)? {
            Either::Text(text) => text,
            Either::Number(number) => number.to_string(),
        }))
    }
}

amount!(
    /// A price for one unit, in the account's currency.
    Price
);
amount!(
    /// A number of shares, coins or contracts; negative when sold short. Up to 9 decimals at Alpaca (docs/ALPACA.md 4.1).
    Qty
);
amount!(
    /// An amount of money in the account's currency.
    Money
);

impl Price {
    /// Price times quantity; `None` past 28 digits.
    pub fn notional(self, qty: Qty) -> Option<Money> {
        self.0.checked_mul(qty.0).map(Money)
    }
}

impl Qty {
    /// The sum of all amounts; `None` past 28 digits.
    pub fn sum(mut amounts: impl Iterator<Item = Self>) -> Option<Self> {
        amounts.try_fold(Self::ZERO, Self::checked_add)
    }

    /// `self * by / over`; `None` past 28 digits or if `over` is zero.
    pub fn scaled(self, by: Self, over: Self) -> Option<Self> {
        self.0.checked_mul(by.0)?.checked_div(over.0).map(Self)
    }
}

impl Money {
    /// `self / base` in percent; `None` when the base is zero.
    pub fn percent_of(self, base: Self) -> Option<Decimal> {
        self.0.checked_div(base.0)?.checked_mul(Decimal::ONE_HUNDRED)
    }
}

/// True when one value is the other in fewer digits, rounded or truncated, but with no fewer than two decimals.
pub fn is_rounding(one: Decimal, other: Decimal) -> bool {
    let digits = one.normalize().scale().min(other.normalize().scale()).max(2);
    one.checked_sub(other).is_some_and(|apart| apart.abs() < Decimal::new(1, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_json_number_keeps_every_digit() {
        let qty: Qty = serde_json::from_str("123456789.123456789123").unwrap();
        assert_eq!(qty.to_string(), "123456789.123456789123");
        let text: Qty = serde_json::from_str("\"0.000000001\"").unwrap();
        assert_eq!(text.to_string(), "0.000000001");
    }

    #[test]
    fn a_rounded_value_matches_and_another_price_does_not() {
        let is = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|text| parse(text).unwrap());
            assert_eq!(is_rounding(one, other), is_rounding(other, one));
            is_rounding(one, other)
        };
        for (one, other) in
            [("1.2345", "1.23"), ("1.2355", "1.24"), ("0.0123", "0.01"), ("100", "99.996"), ("5", "5.00")]
        {
            assert!(is(one, other), "{one} {other}");
        }
        for (one, other) in [("1", "0.8"), ("1.23", "1.24"), ("1.234", "1.236"), ("12.3", "12.34"), ("1", "-1")] {
            assert!(!is(one, other), "{one} {other}");
        }
    }

    #[test]
    fn grouping_keeps_the_sign_and_every_digit() {
        let money: Money = "-1234567.125".parse().unwrap();
        assert_eq!(money.grouped(2), "-1,234,567.125");
        assert_eq!(money.rounded(2), "-1,234,567.13");
        assert_eq!(Money::whole(5).grouped(2), "5.00");
        assert_eq!("-0.001".parse::<Money>().unwrap().rounded(2), "0.00");
    }

    #[test]
    fn write_grouped_gives_the_same_text_as_grouped() {
        for text in [
            "0",
            "-0.00",
            "5",
            "-1234567.125",
            "0.000000001",
            "79228162514264337593543950335",
            "100",
            "1000000",
            "1200.50",
        ] {
            for places in [0, 2, 4] {
                let money: Money = text.parse().unwrap();
                let mut out = String::new();
                write_grouped(&mut out, money.decimal(), places);
                let plain = if money.is_zero() { Money::ZERO.grouped(places) } else { money.grouped(places) };
                assert_eq!(out, plain, "{text} to {places}");
            }
        }
    }

    #[test]
    fn text_that_is_not_a_number_is_refused_not_zeroed() {
        for text in ["", "abc", "1,5", "NaN", "∞"] {
            assert!(text.parse::<Money>().is_err(), "{text}");
        }
        assert_eq!("1e-7".parse::<Qty>().unwrap().to_string(), "0.0000001");
    }

    #[test]
    fn a_percentage_of_zero_is_none_and_a_product_is_exact() {
        let money = |text: &str| text.parse::<Money>().unwrap();
        assert_eq!(money("-5").percent_of(money("200")), Some("-2.5".parse().unwrap()));
        assert_eq!(money("5").percent_of(Money::ZERO), None);
        assert_eq!("10.25".parse::<Price>().unwrap().notional(Qty::whole(-3)), Some(money("-30.75")));
    }

    #[test]
    fn thousands_are_grouped_from_the_decimal_point_without_a_leading_comma() {
        let cases = [
            ("123", 0, "123"),
            ("-123456", 0, "-123,456"),
            ("1234.5678", 2, "1,234.5678"),
            ("123456.5", 2, "123,456.50"),
            ("0.5", 0, "0.5"),
            ("-0.05", 0, "-0.05"),
            ("0", 0, "0"),
            ("5", 2, "5.00"),
        ];
        for (text, places, wanted) in cases {
            let mut out = String::new();
            write_grouped(&mut out, text.parse().unwrap(), places);
            assert_eq!(out, wanted);
            let plain = wanted.replace(',', "");
            assert_eq!(group_digits(&plain), wanted);
        }
    }
}
