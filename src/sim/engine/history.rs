//! An account's equity over time: every period and timeframe of the portfolio history (docs/ALPACA.md 5.3).

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use rust_decimal::Decimal;

use super::cash_row::CashKind;
use super::order::AccountNo;
use super::{Account, Engine, Refusal};
use crate::sim::calendar::{self, Session};
use crate::sim::dice::Dice;

/// The interval between points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timeframe {
    /// `1Min`.
    OneMinute,
    /// `5Min`.
    FiveMinutes,
    /// `15Min`.
    QuarterHour,
    /// `1H`.
    Hour,
    /// `1D`.
    Day,
}

impl Timeframe {
    /// Parses the query's value.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "1Min" => Some(Self::OneMinute),
            "5Min" => Some(Self::FiveMinutes),
            "15Min" => Some(Self::QuarterHour),
            "1H" => Some(Self::Hour),
            "1D" => Some(Self::Day),
            _ => None,
        }
    }

    /// The value in queries and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneMinute => "1Min",
            Self::FiveMinutes => "5Min",
            Self::QuarterHour => "15Min",
            Self::Hour => "1H",
            Self::Day => "1D",
        }
    }

    fn step(self) -> SignedDuration {
        SignedDuration::from_mins(match self {
            Self::OneMinute => 1,
            Self::FiveMinutes => 5,
            Self::QuarterHour => 15,
            Self::Hour => 60,
            Self::Day => 60 * 24,
        })
    }
}

/// The part of a day that intraday points cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hours {
    /// The regular session.
    #[default]
    Market,
    /// Pre-market and after hours too.
    Extended,
    /// Every hour of every day.
    Continuous,
}

/// The query.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryQuery {
    /// A number and one of `D`, `W`, `M`, `A`.
    pub period: Option<String>,
    /// The interval; chosen by the period if missing.
    pub timeframe: Option<Timeframe>,
    /// The start.
    pub start: Option<Timestamp>,
    /// The end.
    pub end: Option<Timestamp>,
    /// The part of the day.
    pub hours: Hours,
    /// Whether profit accumulates instead of restarting each day.
    pub no_reset: bool,
    /// Activity types whose cash is reported with the points; empty for none.
    pub cashflow: Vec<CashKind>,
}

/// One point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// The left edge.
    pub at: Timestamp,
    /// The equity; `None` before the account existed.
    pub equity: Option<Decimal>,
    /// Profit or loss since the base.
    pub profit_loss: Option<Decimal>,
    /// The same as a fraction of the base.
    pub profit_loss_pct: Option<Decimal>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Oldest first.
    pub points: Vec<Point>,
    /// Equity at the close before the first point, or when the account was opened.
    pub base_value: Decimal,
    /// The day of that close.
    pub base_value_asof: Option<Date>,
    pub timeframe: Timeframe,
    /// Per activity type with any rows: the sum since the first point, at the end of each.
    pub cashflow: Vec<(CashKind, Vec<Decimal>)>,
}

impl Engine {
    /// Equity over time.
    pub fn history(&self, no: AccountNo, query: &HistoryQuery) -> Result<History, Refusal> {
        let account = self.need_account(no)?;
        let (from, to) = self.span(query)?;
        let days = from.duration_until(to).as_hours() / 24;
        let timeframe = query.timeframe.unwrap_or(match days {
            ..7 => Timeframe::OneMinute,
            7..30 => Timeframe::QuarterHour,
            _ => Timeframe::Day,
        });
        if days > 31 && timeframe < Timeframe::Day {
            return Err(Refusal::unprocessable("only timeframe 1D is allowed for periods longer than 30 days"));
        }
        let base = account.daily.iter().rev().find(|(at, _)| *at <= from);
        let mut history = History {
            points: Vec::new(),
            base_value: base.map_or(account.opening_equity, |(_, equity)| *equity),
            base_value_asof: base.map(|(at, _)| calendar::in_new_york(*at).date()),
            timeframe,
            cashflow: Vec::new(),
        };
        let mut day_base = history.base_value;
        // Deposits since then are not profit.
        let mut base_at = base.map_or(account.created_at, |(at, _)| *at);
        let equity_now = account.balances(&self.market).equity;
        let mut last_day = None;
        for (at, valid_at) in self.grid(from, to, timeframe, query.hours) {
            let equity = equity_at(account, valid_at, self.now, equity_now);
            let day = calendar::in_new_york(at).date();
            if timeframe < Timeframe::Day && !query.no_reset && last_day != Some(day) {
                let closed = account.daily.iter().rev().find(|(close, _)| *close < at).copied();
                (base_at, day_base) = closed.unwrap_or((account.created_at, account.opening_equity));
                last_day = Some(day);
            }
            let profit_loss = equity.map(|equity| equity - day_base - transfers(account, base_at, valid_at));
            let profit_loss_pct = profit_loss.and_then(|profit| profit.checked_div(day_base));
            history.points.push(Point {
                at,
                equity: equity.map(|equity| equity.normalize()),
                profit_loss: profit_loss.map(|profit| profit.normalize()),
                profit_loss_pct: profit_loss_pct.map(|pct| pct.round_dp(6).normalize()),
            });
        }
        history.cashflow = cashflow(account, &history.points, &query.cashflow, self.now);
        Ok(history)
    }

    /// The start and end of the answer: a period of days counts trading days back from today's session.
    fn span(&self, query: &HistoryQuery) -> Result<(Timestamp, Timestamp), Refusal> {
        if query.period.is_some() && query.start.is_some() && query.end.is_some() {
            return Err(Refusal::unprocessable("only two of period, start and end are accepted"));
        }
        let period = query.period.as_deref().unwrap_or("1M");
        let bad = || Refusal::unprocessable(format!("invalid period: {period}"));
        let (digits, unit) = period.split_at_checked(period.len().saturating_sub(1)).ok_or_else(bad)?;
        let count: i32 = digits.parse().ok().filter(|count| (1..=10_000).contains(count)).ok_or_else(bad)?;
        if let (Some(start), None) = (query.start, query.end)
            && query.period.is_none()
        {
            return Ok((start, self.now));
        }
        let forward = query.start.filter(|_| query.end.is_none());
        if let Some(start) = forward {
            let end = shift(calendar::in_new_york(start).date(), count, unit).ok_or_else(bad)?;
            return Ok((start, calendar::instant(end, jiff::civil::Time::midnight()).min(self.now)));
        }
        let end = query.end.unwrap_or(self.now).min(self.now);
        if let Some(start) = query.start {
            return if start <= end {
                Ok((start, end))
            } else {
                Err(Refusal::unprocessable("start must be before end"))
            };
        }
        let mut day = calendar::in_new_york(end).date();
        if !calendar::is_trading_day(day) || calendar::session(day).is_some_and(|session| session.open_at > end) {
            day = calendar::previous_trading_day(day);
        }
        if unit == "D" {
            for _ in 1..count {
                day = calendar::previous_trading_day(day);
            }
        } else {
            day = shift(day, -count, unit).ok_or_else(bad)?;
        }
        let midnight = calendar::instant(day, jiff::civil::Time::midnight());
        let start =
            calendar::session(day).filter(|_| query.hours == Hours::Market).map_or(midnight, |session| session.open_at);
        Ok((start, end))
    }

    /// Left edges, each with the instant of its equity.
    fn grid(&self, from: Timestamp, to: Timestamp, timeframe: Timeframe, hours: Hours) -> Vec<(Timestamp, Timestamp)> {
        let mut points = Vec::new();
        let to = to.min(self.now);
        if timeframe == Timeframe::Day {
            let sessions = calendar::sessions_from(calendar::in_new_york(from).date());
            for session in sessions.take_while(|session| session.open_at <= to) {
                points.push((session.open_at, session.close_at));
            }
            return points;
        }
        let mut push = |begin: Timestamp, end: Timestamp| {
            let mut at = begin;
            while at < end && at <= to {
                if at >= from {
                    points.push((at, at));
                }
                let Ok(next) = at.checked_add(timeframe.step()) else { return };
                at = next;
            }
        };
        if hours == Hours::Continuous {
            let step = timeframe.step().as_secs();
            let first = Timestamp::from_second(from.as_second().div_euclid(step) * step).unwrap_or(from);
            push(first, to.checked_add(SignedDuration::from_secs(1)).unwrap_or(to));
            return points;
        }
        for session in calendar::sessions_from(calendar::in_new_york(from).date()).take_while(|day| day.pre_at <= to) {
            match hours {
                Hours::Extended => push(session.pre_at, session.post_at),
                _ => push(session.open_at, session.close_at),
            }
        }
        points
    }
}

/// Deposits and withdrawals after one instant, up to another; the opening itself is not counted.
fn transfers(account: &Account, after: Timestamp, until: Timestamp) -> Decimal {
    let rows = account.cash_rows().iter().skip(1).filter(|row| row.kind.is_transfer());
    rows.filter(|row| row.at > after && row.at <= until).map(|row| row.net_amount).sum()
}

fn cashflow(account: &Account, points: &[Point], kinds: &[CashKind], now: Timestamp) -> Vec<(CashKind, Vec<Decimal>)> {
    let Some(first) = points.first().map(|point| point.at) else { return Vec::new() };
    let ends = points.iter().skip(1).map(|point| point.at).chain([now]);
    let sum = |kind: CashKind, end: Timestamp| {
        let rows = account.cash_rows().iter().filter(|row| row.kind == kind && row.at >= first && row.at <= end);
        rows.map(|row| row.net_amount).sum()
    };
    kinds
        .iter()
        .map(|kind| (*kind, ends.clone().map(|end| sum(*kind, end)).collect::<Vec<Decimal>>()))
        .filter(|(_, sums)| sums.iter().any(|sum| !sum.is_zero()))
        .collect()
}

fn shift(day: Date, count: i32, unit: &str) -> Option<Date> {
    let span = match unit {
        "D" => count.days(),
        "W" => count.weeks(),
        "M" => count.months(),
        "A" => count.years(),
        _ => return None,
    };
    day.checked_add(span).ok()
}

/// Equity at an instant: now, a recorded minute, a recorded close, or interpolated between two closes.
fn equity_at(account: &Account, at: Timestamp, now: Timestamp, equity_now: Decimal) -> Option<Decimal> {
    if at >= now {
        return Some(equity_now);
    }
    if at < account.created_at {
        return None;
    }
    // A close counts as booked; the minute that ends with it already includes the first after-hours quote.
    if let Ok(index) = account.daily.binary_search_by_key(&at, |(close, _)| *close) {
        return account.daily.get(index).map(|(_, equity)| *equity);
    }
    let recorded = account.minutely.partition_point(|(minute, _)| *minute <= at);
    if recorded > 0 {
        return account.minutely.get(recorded - 1).map(|(_, equity)| *equity);
    }
    let next = account.daily.partition_point(|(close, _)| *close < at);
    let before = next.checked_sub(1).and_then(|index| account.daily.get(index));
    match (before, account.daily.get(next)) {
        (Some((_, before)), Some((close, after))) => Some(between(account, at, *before, *close, *after)),
        (Some((_, before)), None) => Some(*before),
        (None, Some((_, after))) => Some(*after),
        (None, None) => Some(account.opening_cash),
    }
}

/// Interpolates between yesterday's equity and today's: a line with a reproducible variation.
fn between(account: &Account, at: Timestamp, before: Decimal, close: Timestamp, after: Decimal) -> Decimal {
    let day = calendar::in_new_york(close).date();
    let Some(Session { open_at, close_at, .. }) = calendar::session(day) else { return before };
    if at <= open_at {
        return before;
    }
    let (passed, whole) = (open_at.duration_until(at).as_secs(), open_at.duration_until(close_at).as_secs().max(1));
    let part = Decimal::from(passed.min(whole)) / Decimal::from(whole);
    let slot = u64::try_from(at.as_second() / 60).unwrap_or(0);
    let wobble = |slot: u64| Decimal::from(Dice::new(slot, 9_000 + u64::from(account.no.0)).normal());
    // The mean of neighbours varies less from point to point.
    let noise = (wobble(slot / 9) * Decimal::from(9 - slot % 9) + wobble(slot / 9 + 1) * Decimal::from(slot % 9))
        / Decimal::from(9_000);
    let arch = part * (Decimal::ONE - part) * Decimal::TWO;
    (before + (after - before) * part + before * noise * arch * Decimal::new(25, 4)).round_dp(2)
}
