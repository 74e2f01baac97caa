//! Terms about time: `today`, `-2h`, `time>09:30`, `date=2026-11-24`.

use std::cmp::Ordering;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// What times in a filter are relative to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterClock {
    /// The broker's time when the filter was last applied.
    pub now: Timestamp,
    /// The zone of the screen.
    pub zone: TimeZone,
}

impl Default for FilterClock {
    fn default() -> Self {
        Self { now: Timestamp::UNIX_EPOCH, zone: TimeZone::UTC }
    }
}

/// A test of a row's time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum When {
    /// Not before this moment, or not on a day before it in a zone.
    Since(Timestamp, TimeZone),
    /// The date, in a zone.
    Date(&'static [Ordering], Date, TimeZone),
    /// The time of day to the precision typed, in a zone.
    OfDay(&'static [Ordering], Time, Precision, TimeZone),
}

/// How much of a time of day was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    Hour,
    Minute,
    Second,
}

impl When {
    /// A word about time, which means something else as time passes; `None` for any other word.
    pub(super) fn word(word: &str, clock: &FilterClock) -> Option<Self> {
        let today = || clock.zone.to_datetime(clock.now).date();
        match word {
            "today" => Some(Self::Date(&[Ordering::Equal], today(), clock.zone.clone())),
            "yesterday" => Some(Self::Date(&[Ordering::Equal], today().yesterday().ok()?, clock.zone.clone())),
            _ => {
                let since = clock.now.checked_sub(span(word.strip_prefix('-')?)?).ok()?;
                Some(Self::Since(since, clock.zone.clone()))
            }
        }
    }

    /// A comparison: a time of day, or a date.
    pub(super) fn compared(orders: &'static [Ordering], text: &str, zone: &TimeZone) -> Result<Self, String> {
        if let Ok(date) = text.parse::<Date>() {
            return Ok(Self::Date(orders, date, zone.clone()));
        }
        let mut parts = text.trim_end_matches(':').split(':').map(|part| {
            let digits = (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse::<i8>().ok()).flatten()
        });
        let parts = (parts.next(), parts.next(), parts.next(), parts.next());
        let time = match parts {
            (Some(Some(hour)), None, None, None) => Time::new(hour, 0, 0, 0).map(|time| (time, Precision::Hour)),
            (Some(Some(hour)), Some(Some(minute)), None, None) => {
                Time::new(hour, minute, 0, 0).map(|time| (time, Precision::Minute))
            }
            (Some(Some(hour)), Some(Some(minute)), Some(Some(second)), None) => {
                Time::new(hour, minute, second, 0).map(|time| (time, Precision::Second))
            }
            _ => return Err(wrong(text)),
        };
        time.map(|(time, precision)| Self::OfDay(orders, time, precision, zone.clone())).map_err(|_| wrong(text))
    }

    /// Whether a row passes of which only the day is known.
    pub(super) fn holds_on(&self, day: Date) -> bool {
        match self {
            Self::Since(since, zone) => day >= zone.to_datetime(*since).date(),
            Self::Date(orders, date, _) => orders.contains(&day.cmp(date)),
            Self::OfDay(..) => false,
        }
    }

    /// Whether a row of this time passes.
    pub(super) fn holds(&self, at: Timestamp) -> bool {
        match self {
            Self::Since(since, _) => at >= *since,
            Self::Date(orders, date, zone) => orders.contains(&zone.to_datetime(at).date().cmp(date)),
            Self::OfDay(orders, wanted, precision, zone) => {
                let time = zone.to_datetime(at).time();
                let (hour, minute, second) = (time.hour(), time.minute(), time.second());
                let time = match precision {
                    Precision::Hour => (hour, 0, 0),
                    Precision::Minute => (hour, minute, 0),
                    Precision::Second => (hour, minute, second),
                };
                orders.contains(&time.cmp(&(wanted.hour(), wanted.minute(), wanted.second())))
            }
        }
    }
}

/// `90s`, `30m`, `2h`, `5d`.
fn span(text: &str) -> Option<SignedDuration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = number.parse::<i64>().ok()?.checked_mul(seconds)?;
    Some(SignedDuration::from_secs(seconds))
}

fn wrong(text: &str) -> String {
    format!("{text:?} is neither a time (09:30) nor a date (2026-11-24)")
}
