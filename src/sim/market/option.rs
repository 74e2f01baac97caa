//! Option contracts: which ones there are, and what they are worth by the price of their underlying. Integers only.
//!
//! The rule is no theory of prices, but it has what a client can see of one: worth at least what exercising brings, about
//! 0.4 times the expected move at the money, less with every day, and moving with the underlying by half there, by all of
//! it deep in the money and by nothing far out of it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use jiff::civil::{Date, Weekday, date, time};
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;

use crate::sim::calendar;

/// Days that a contract has left at least when the market is made.
const LEAST_DAYS: i32 = 60;
/// Underlying, and the strikes around its opening price in dollars.
const CHAINS: &[(&str, &str, [i64; 3])] = &[("AAPL", "AAPL", [260, 270, 280]), ("SPY", "SPY", [640, 670, 700])];
/// Thousandths of the time that are trading sessions, over weeks.
const IN_SESSION: i64 = 193;

/// The right that an option is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contract {
    /// To buy or sell what.
    pub underlying: &'static str,
    /// To buy, else to sell.
    pub is_call: bool,
    /// At how many dollars.
    pub strike: Decimal,
    /// The last day it trades.
    pub expires: Date,
    /// The strike in millionths of a dollar.
    strike_micros: i64,
}

/// A contract with its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    /// As it is traded.
    pub symbol: &'static str,
    /// In words.
    pub name: &'static str,
    /// What it is.
    pub contract: Contract,
}

/// The contracts that there are in a market made on `start`: every strike of every chain, calls and puts.
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
    /// What it is worth in millionths of a dollar, its underlying being worth `spot` of them and moving by `volatility`
    /// billionths of that per square root of a second.
    pub fn value(&self, spot: i64, volatility: i64, at: Timestamp) -> i64 {
        let end = calendar::instant(self.expires, time(16, 0, 0, 0));
        let seconds = end.duration_since(at).as_secs().max(0);
        let root = i128::from((seconds * IN_SESSION / 1_000).isqrt());
        // By the strike, not by the price: else a put far below would gain when its underlying rises.
        let at_the_money = i128::from(self.strike_micros) * i128::from(volatility) * root * 2 / 5 / 1_000_000_000;
        let beyond = i128::from(if self.is_call { spot - self.strike_micros } else { self.strike_micros - spot });
        // Falls by half of what the price moves away from the strike, and ever slower: a convex whole.
        let wide = at_the_money + beyond.abs() / 4;
        let hope = (at_the_money * at_the_money * at_the_money).checked_div(wide * wide).unwrap_or(0);
        i64::try_from(beyond.max(0) + hope).unwrap_or(i64::MAX)
    }
}

/// The third Friday of the first month that leaves enough days; the day before where that is a holiday.
fn expiry(start: Date) -> Date {
    let least = start.saturating_add(LEAST_DAYS.days());
    let of_month = |first: Date| {
        let friday = first.nth_weekday_of_month(3, Weekday::Friday).unwrap_or(first);
        if calendar::is_trading_day(friday) { friday } else { calendar::previous_trading_day(friday) }
    };
    let months = (0..4).map(|later: i32| least.first_of_month().saturating_add(later.months()));
    months.map(of_month).find(|day| *day >= least).unwrap_or(date(2027, 1, 15))
}

/// Names live as long as the process, each of them once: markets are made by the thousand in tests.
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
    fn a_contract_is_worth_what_exercising_brings_and_hope_that_fades() {
        for named in contracts(date(2026, 10, 20)) {
            let contract = named.contract;
            let worth = |dollars: i64, day| contract.value(dollars * DOLLAR, 95_000, at(day));
            let today = date(2026, 10, 20);
            for dollars in 200..800 {
                let intrinsic = (dollars * DOLLAR - contract.strike_micros) * if contract.is_call { 1 } else { -1 };
                let (now, later) = (worth(dollars, today), worth(dollars, date(2027, 1, 4)));
                assert!(now >= later && later >= intrinsic.max(0), "{} at {dollars}", named.symbol);
                // It moves with its underlying, and never by more than that does, roundings apart.
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
