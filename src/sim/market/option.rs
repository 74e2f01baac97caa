//! Option contracts: which exist, and their value given the underlying's price. Integers only.
//!
//! The formula is not a pricing theory, but has the properties that a client can observe: at least the intrinsic value,
//! about 0.4 times the expected move at the money, decaying daily, with a delta of one half at the money, one deep in
//! the money and zero far out of it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use jiff::civil::{Date, Weekday, date, time};
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;

use crate::sim::calendar;

/// Fewest days to expiry when the market is created.
const LEAST_DAYS: i32 = 60;
/// The underlying, and its strikes around the opening price, in dollars.
const CHAINS: &[(&str, &str, [i64; 3])] = &[("AAPL", "AAPL", [260, 270, 280]), ("SPY", "SPY", [640, 670, 700])];
/// Trading time in thousandths of calendar time, over weeks.
const IN_SESSION: i64 = 193;

/// The terms of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contract {
    pub underlying: &'static str,
    /// Whether it is a call; otherwise a put.
    pub is_call: bool,
    /// The strike, in dollars.
    pub strike: Decimal,
    /// The expiry, its last trading day.
    pub expires: Date,
    /// The strike in millionths of a dollar.
    strike_micros: i64,
}

/// A contract with its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    pub symbol: &'static str,
    pub name: &'static str,
    /// The terms.
    pub contract: Contract,
}

/// The contracts of a market created on `start`: all strikes, calls and puts.
pub fn contracts(start: Date) -> Vec<Named> {
    let expires = expiry(start);
    let mut found = Vec::new();
    for (underlying, root, strikes) in CHAINS {
        for strike in strikes {
            for is_call in [true, false] {
                let (letter, word) = if is_call { ("C", "Call") } else { ("P", "Put") };
                let symbol = format!("{root}{}{letter}{:08}", expires.strftime("%y%m%d"), strike * 1_000);
                let name = format!("{root} {} {strike} {word}", expires.strftime("%b %-d %Y"));
                let (strike_micros, strike) = (strike * 1_000_000, Decimal::from(*strike));
                let contract = Contract { underlying, is_call, strike, expires, strike_micros };
                found.push(Named { symbol: interned(symbol), name: interned(name), contract });
            }
        }
    }
    found
}

impl Contract {
    /// The value in millionths of a dollar, given the underlying's price `spot` in the same unit and its `volatility`
    /// in billionths of the price per square root of a second.
    pub fn value(&self, spot: i64, volatility: i64, at: Timestamp) -> i64 {
        let end = calendar::instant(self.expires, time(16, 0, 0, 0));
        let seconds = end.duration_since(at).as_secs().max(0);
        let root = i128::from((seconds * IN_SESSION / 1_000).isqrt());
        // Relative to the strike, not to the price: otherwise a far out-of-the-money put would gain when its underlying
        // rises.
        let at_the_money = i128::from(self.strike_micros) * i128::from(volatility) * root * 2 / 5 / 1_000_000_000;
        let beyond = i128::from(if self.is_call { spot - self.strike_micros } else { self.strike_micros - spot });
        // Decreases by half of the distance from the strike, and ever more slowly, so that the total is convex.
        let wide = at_the_money + beyond.abs() / 4;
        let hope = (at_the_money * at_the_money * at_the_money).checked_div(wide * wide).unwrap_or(0);
        i64::try_from(beyond.max(0) + hope).unwrap_or(i64::MAX)
    }
}

/// The third Friday of the first month that leaves enough days; the day before if that is a holiday.
fn expiry(start: Date) -> Date {
    let least = start.saturating_add(LEAST_DAYS.days());
    let of_month = |first: Date| {
        let friday = first.nth_weekday_of_month(3, Weekday::Friday).unwrap_or(first);
        if calendar::is_trading_day(friday) { friday } else { calendar::previous_trading_day(friday) }
    };
    let months = (0..4).map(|later: i32| least.first_of_month().saturating_add(later.months()));
    months.map(of_month).find(|day| *day >= least).unwrap_or(date(2027, 1, 15))
}

/// Names are leaked once each, because tests create markets by the thousand.
fn interned(text: String) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(text.as_str()) {
        return known;
    }
    let kept: &'static str = Box::leak(text.into_boxed_str());
    names.insert(kept);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOLLAR: i64 = 1_000_000;

    fn at(day: Date) -> Timestamp {
        calendar::instant(day, time(12, 0, 0, 0))
    }

    #[test]
    fn a_contract_expires_on_a_third_friday_at_least_two_months_away() {
        assert_eq!(expiry(date(2026, 10, 20)), date(2027, 1, 15));
        assert_eq!(expiry(date(2026, 11, 23)), date(2027, 2, 19));
        // Good Friday is the third one of April 2025.
        assert_eq!(expiry(date(2025, 1, 21)), date(2025, 4, 17));
        let symbols: Vec<&str> = contracts(date(2026, 10, 20)).iter().map(|named| named.symbol).collect();
        assert!(symbols.contains(&"AAPL270115C00280000") && symbols.contains(&"SPY270115P00640000"));
        assert_eq!(symbols, contracts(date(2026, 10, 21)).iter().map(|named| named.symbol).collect::<Vec<_>>());
    }

    #[test]
    fn an_option_is_worth_its_intrinsic_value_plus_decaying_time_value() {
        for named in contracts(date(2026, 10, 20)) {
            let contract = named.contract;
            let worth = |dollars: i64, day| contract.value(dollars * DOLLAR, 95_000, at(day));
            let today = date(2026, 10, 20);
            for dollars in 200..800 {
                let intrinsic = (dollars * DOLLAR - contract.strike_micros) * if contract.is_call { 1 } else { -1 };
                let (now, later) = (worth(dollars, today), worth(dollars, date(2027, 1, 4)));
                assert!(now >= later && later >= intrinsic.max(0), "{} at {dollars}", named.symbol);
                // It moves with its underlying, but not by more, apart from rounding.
                let moved = (worth(dollars + 1, today) - now) * if contract.is_call { 1 } else { -1 };
                assert!((-1..=DOLLAR + 1).contains(&moved), "{} from {dollars}: {moved}", named.symbol);
                assert_eq!(worth(dollars, date(2027, 1, 16)), intrinsic.max(0), "nothing but its right is left");
            }
        }
        let call = contracts(date(2026, 10, 20))[0].contract;
        let at_the_money = call.value(260 * DOLLAR, 95_000, at(date(2026, 10, 20)));
        assert!((9 * DOLLAR..14 * DOLLAR).contains(&at_the_money), "{at_the_money}");
    }
}
