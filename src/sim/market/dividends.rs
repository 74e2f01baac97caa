//! Dividends by rule: every quarter the same shares pay the same amounts, whatever the seed. Does not know accounts.

use jiff::civil::{Date, date};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::sim::calendar;
use crate::sim::dice::uuid_of;

/// Symbol, amount per share in ten-thousandths of a dollar, first of the four months, and day of the ex-date.
const PAYERS: &[(&str, i64, i8, i8)] = &[
    ("AAPL", 2_600, 2, 10),
    ("F", 1_500, 2, 17),
    ("GOOGL", 2_100, 3, 9),
    ("JPM", 15_000, 1, 6),
    ("KO", 5_100, 3, 13),
    ("META", 5_250, 3, 14),
    ("MSFT", 9_100, 2, 19),
    ("NVDA", 100, 3, 11),
    ("QQQ", 7_900, 3, 22),
    ("SPY", 18_300, 3, 19),
];

/// One announced dividend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dividend {
    /// The share's symbol.
    pub symbol: &'static str,
    /// Amount per share, in dollars.
    pub per_share: Decimal,
    /// Declaration date.
    pub declared: Date,
    /// Ex-date: buyers from this day on get no dividend.
    pub ex: Date,
    /// Record date; equals the ex-date since trades settle the day after.
    pub record: Date,
    /// Payable date.
    pub payable: Date,
}

impl Dividend {
    /// Its id in announcements; the same in every run.
    pub fn id(&self) -> Uuid {
        uuid_of(&format!("dividend {} {}", self.symbol, self.ex))
    }

    /// A made-up CUSIP of nine characters, recognisable as such.
    pub fn cusip(&self) -> String {
        format!("SIM{:06}", uuid_of(&format!("share {}", self.symbol)).as_u128() % 1_000_000)
    }
}

/// Every dividend of the years from `first` to `last`, by ex-date; none before 2000 or after 2100.
pub fn of_years(first: i16, last: i16) -> Vec<Dividend> {
    // A request may name any year.
    let mut found: Vec<Dividend> = (first.max(2000)..=last.min(2100))
        .flat_map(|year| PAYERS.iter().map(move |payer| (year, payer)))
        .flat_map(|(year, payer)| (0..4).map(move |quarter| announced(year, payer.2 + quarter * 3, payer)))
        .collect();
    found.sort_by_key(|dividend| (dividend.ex, dividend.symbol));
    found
}

/// Dividends with this ex-date.
pub fn going_ex(day: Date) -> impl Iterator<Item = Dividend> {
    PAYERS
        .iter()
        .filter(move |payer| (day.month() - payer.2).rem_euclid(3) == 0)
        .map(move |payer| announced(day.year(), day.month(), payer))
        .filter(move |dividend| dividend.ex == day)
}

fn announced(year: i16, month: i8, (symbol, amount, _, day): &(&'static str, i64, i8, i8)) -> Dividend {
    let on_or_after = |day: Date| calendar::sessions_from(day).next().map_or(day, |session| session.date);
    let later = |day: Date, days: i32| on_or_after(day.checked_add(jiff::Span::new().days(days)).unwrap_or(day));
    let ex = on_or_after(Date::new(year, month, *day).unwrap_or(date(year, 1, 2)));
    let per_share = Decimal::new(*amount, 4).normalize();
    Dividend { symbol, per_share, declared: later(ex, -24), ex, record: ex, payable: later(ex, 14) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_payer_pays_four_times_a_year_on_trading_days() {
        let year = of_years(2026, 2026);
        assert_eq!(year.len(), PAYERS.len() * 4);
        for dividend in &year {
            for day in [dividend.declared, dividend.ex, dividend.record, dividend.payable] {
                assert!(calendar::is_trading_day(day), "{dividend:?}");
            }
            assert!(dividend.declared < dividend.ex && dividend.ex < dividend.payable, "{dividend:?}");
            assert!(going_ex(dividend.ex).any(|other| other == *dividend), "{dividend:?}");
        }
        assert!(of_years(i16::MIN, 1999).is_empty() && of_years(9999, i16::MAX).is_empty());
        let ids: std::collections::BTreeSet<Uuid> = year.iter().map(Dividend::id).collect();
        assert_eq!(ids.len(), year.len());
        assert_eq!(going_ex(date(2026, 11, 10)).map(|dividend| dividend.symbol).collect::<Vec<_>>(), ["AAPL"]);
    }
}
