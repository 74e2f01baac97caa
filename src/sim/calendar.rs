//! Trading days and sessions of the New York Stock Exchange, computed by rule in New York time. Reads no clock.

use std::sync::LazyLock;

use jiff::civil::{Date, Time, Weekday, date, time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

/// The phase of the equity market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    Closed,
    /// From 4:00 until the open.
    Pre,
    /// The regular session.
    Regular,
    /// From the close until 20:00, or 17:00 on half days.
    Post,
}

impl Phase {
    /// True in either extended session.
    pub fn is_extended(self) -> bool {
        matches!(self, Self::Pre | Self::Post)
    }

    /// The phase's name in the v3 clock.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Pre => "pre",
            Self::Regular => "core",
            Self::Post => "post",
        }
    }
}

/// The session times of one trading day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The New York date.
    pub date: Date,
    /// Start of the pre-market.
    pub pre_at: Timestamp,
    /// The open.
    pub open_at: Timestamp,
    /// The close.
    pub close_at: Timestamp,
    /// End of after-hours trading.
    pub post_at: Timestamp,
}

impl Session {
    /// The phase at `now`, which may be outside this day.
    pub fn phase(&self, now: Timestamp) -> Phase {
        if now < self.pre_at || now >= self.post_at {
            Phase::Closed
        } else if now < self.open_at {
            Phase::Pre
        } else if now < self.close_at {
            Phase::Regular
        } else {
            Phase::Post
        }
    }

    /// The next change of phase strictly after `now`, within this day.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        [self.pre_at, self.open_at, self.close_at, self.post_at].into_iter().find(|at| *at > now)
    }

    /// True when the exchange closes at 13:00.
    pub fn is_half_day(&self) -> bool {
        is_half_day(self.date)
    }
}

/// New York's time zone. The rule is fixed since 2007, so that no zone files are needed and every machine agrees.
pub fn new_york() -> TimeZone {
    static ZONE: LazyLock<TimeZone> =
        LazyLock::new(|| TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap_or(TimeZone::UTC));
    ZONE.clone()
}

/// `at` in New York time.
pub fn in_new_york(at: Timestamp) -> Zoned {
    at.to_zoned(new_york())
}

/// The instant of a date and time in New York.
pub fn instant(day: Date, at: Time) -> Timestamp {
    // Times skipped by daylight saving are on a Sunday at 2:00, when nothing happens here.
    day.to_datetime(at).to_zoned(new_york()).map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp())
}

/// Whether the exchange trades on `day`.
pub fn is_trading_day(day: Date) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !is_holiday(day)
}

/// Whether the exchange closes early: the day after Thanksgiving, and the eves of Independence Day and Christmas.
pub fn is_half_day(day: Date) -> bool {
    if !is_trading_day(day) {
        return false;
    }
    let after_thanksgiving = day.month() == 11 && nth_weekday(day.year(), 11, Weekday::Thursday, 4) == yesterday(day);
    // The eve counts only when the holiday itself is on a weekday: July 3 2026 and December 24 2027 are holidays.
    let independence_eve = (day.month(), day.day()) == (7, 3) && is_holiday(tomorrow(day));
    let christmas_eve = (day.month(), day.day()) == (12, 24);
    after_thanksgiving || independence_eve || christmas_eve
}

/// The session of `day`; `None` when the exchange is closed all day.
pub fn session(day: Date) -> Option<Session> {
    if !is_trading_day(day) {
        return None;
    }
    let (close, post) =
        if is_half_day(day) { (time(13, 0, 0, 0), time(17, 0, 0, 0)) } else { (time(16, 0, 0, 0), time(20, 0, 0, 0)) };
    Some(Session {
        date: day,
        pre_at: instant(day, time(4, 0, 0, 0)),
        open_at: instant(day, time(9, 30, 0, 0)),
        close_at: instant(day, close),
        post_at: instant(day, post),
    })
}

/// The first session that has not ended at `now`: today's until after-hours trading ends, else the next.
pub fn session_at(now: Timestamp) -> Session {
    let today = in_new_york(now).date();
    sessions_from(today).find(|session| session.post_at > now).unwrap_or_else(|| nowhere(today))
}

/// The first session whose regular hours start strictly after `now`.
pub fn next_open(now: Timestamp) -> Session {
    let today = in_new_york(now).date();
    sessions_from(today).find(|session| session.open_at > now).unwrap_or_else(|| nowhere(today))
}

/// The first session whose regular hours end strictly after `now`.
pub fn next_close(now: Timestamp) -> Session {
    let today = in_new_york(now).date();
    sessions_from(today).find(|session| session.close_at > now).unwrap_or_else(|| nowhere(today))
}

/// Trading days from `first` on, inclusive.
pub fn sessions_from(first: Date) -> impl Iterator<Item = Session> {
    std::iter::successors(Some(first), |day| day.checked_add(1.day()).ok()).filter_map(session)
}

/// The trading day before `day`.
pub fn previous_trading_day(day: Date) -> Date {
    std::iter::successors(Some(yesterday(day)), |day| Some(yesterday(*day)))
        .take(15)
        .find(|day| is_trading_day(*day))
        .unwrap_or(day)
}

/// The trading day after `day`, on which trades settle.
pub fn next_trading_day(day: Date) -> Date {
    sessions_from(tomorrow(day)).next().map_or(day, |session| session.date)
}

/// 13:30 New York time of the newest full trading day that ended before `now`: where a simulation starts by default.
pub fn recent_afternoon(now: Timestamp) -> Timestamp {
    let mut day = previous_trading_day(in_new_york(now).date());
    while is_half_day(day) {
        day = previous_trading_day(day);
    }
    instant(day, time(13, 30, 0, 0))
}

fn nowhere(day: Date) -> Session {
    // Reached only past the year 9999, where jiff's dates end.
    let at = instant(day, time(0, 0, 0, 0));
    Session { date: day, pre_at: at, open_at: at, close_at: at, post_at: at }
}

fn yesterday(day: Date) -> Date {
    day.yesterday().unwrap_or(day)
}

fn tomorrow(day: Date) -> Date {
    day.tomorrow().unwrap_or(day)
}

fn nth_weekday(year: i16, month: i8, weekday: Weekday, nth: i8) -> Date {
    date(year, month, 1).nth_weekday_of_month(nth, weekday).unwrap_or(Date::MAX)
}

/// A fixed date moved to Friday or Monday when it falls on a weekend.
fn observed(day: Date) -> Date {
    match day.weekday() {
        Weekday::Saturday => yesterday(day),
        Weekday::Sunday => tomorrow(day),
        _ => day,
    }
}

fn is_holiday(day: Date) -> bool {
    let year = day.year();
    // New Year's Day on a Saturday is not observed on the Friday before, because the year's books close then.
    let new_year = date(year, 1, 1);
    let new_year = if new_year.weekday() == Weekday::Sunday { tomorrow(new_year) } else { new_year };
    let good_friday = easter(year).checked_sub(2.days()).unwrap_or(Date::MAX);
    [
        new_year,
        nth_weekday(year, 1, Weekday::Monday, 3),
        nth_weekday(year, 2, Weekday::Monday, 3),
        good_friday,
        nth_weekday(year, 5, Weekday::Monday, -1),
        observed(date(year, 6, 19)),
        observed(date(year, 7, 4)),
        nth_weekday(year, 9, Weekday::Monday, 1),
        nth_weekday(year, 11, Weekday::Thursday, 4),
        observed(date(year, 12, 25)),
        // A day of mourning, the only closing that follows no rule.
        date(2025, 1, 9),
    ]
    .contains(&day)
}

/// Easter Sunday by the anonymous Gregorian algorithm.
fn easter(year: i16) -> Date {
    let year_number = i32::from(year);
    let golden = year_number % 19;
    let (century, rest) = (year_number / 100, year_number % 100);
    let correction = (century - (century + 8) / 25 + 1) / 3;
    let epact = (19 * golden + century - century / 4 - correction + 15) % 30;
    let weekday = (32 + 2 * (century % 4) + 2 * (rest / 4) - epact - rest % 4) % 7;
    let shift = (golden + 11 * epact + 22 * weekday) / 451;
    let total = epact + weekday - 7 * shift + 114;
    let (month, day) = (i8::try_from(total / 31).unwrap_or(4), i8::try_from(total % 31 + 1).unwrap_or(1));
    Date::new(year, month, day).unwrap_or(Date::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed_weekdays(year: i16) -> Vec<String> {
        let first = date(year, 1, 1);
        first
            .series(1.day())
            .take_while(|day| day.year() == year)
            .filter(|day| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !is_trading_day(*day))
            .map(|day| day.strftime("%m-%d").to_string())
            .collect()
    }

    fn half_days(year: i16) -> Vec<String> {
        let first = date(year, 1, 1);
        let days = first.series(1.day()).take_while(|day| day.year() == year);
        days.filter(|day| is_half_day(*day)).map(|day| day.strftime("%m-%d").to_string()).collect()
    }

    #[test]
    fn the_exchange_is_closed_on_its_published_holidays() {
        let expected = [
            (2025, "01-01 01-09 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25"),
            (2026, "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25"),
            (2027, "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24"),
            (2028, "01-17 02-21 04-14 05-29 06-19 07-04 09-04 11-23 12-25"),
        ];
        for (year, days) in expected {
            assert_eq!(closed_weekdays(year).join(" "), days, "{year}");
        }
    }

    #[test]
    fn the_exchange_closes_early_on_its_published_half_days() {
        let expected = [(2025, "07-03 11-28 12-24"), (2026, "11-27 12-24"), (2027, "11-26"), (2028, "07-03 11-24")];
        for (year, days) in expected {
            assert_eq!(half_days(year).join(" "), days, "{year}");
        }
    }

    #[test]
    fn sessions_follow_daylight_saving() {
        let winter = session(date(2026, 3, 6)).unwrap();
        let summer = session(date(2026, 3, 9)).unwrap();
        assert_eq!(winter.open_at.to_string(), "2026-03-06T14:30:00Z");
        assert_eq!(summer.open_at.to_string(), "2026-03-09T13:30:00Z");
        assert_eq!(winter.phase(winter.open_at), Phase::Regular);
        assert_eq!(winter.phase(winter.close_at), Phase::Post);
        assert_eq!(winter.next_change(winter.open_at), Some(winter.close_at));
        assert_eq!(session(date(2026, 11, 27)).unwrap().close_at.to_string(), "2026-11-27T18:00:00Z");
    }

    #[test]
    fn the_next_open_skips_weekends_and_holidays() {
        let friday_evening: Timestamp = "2026-07-02T21:00:00Z".parse().unwrap();
        assert_eq!(next_open(friday_evening).date, date(2026, 7, 6));
        assert_eq!(session_at(friday_evening).date, date(2026, 7, 2));
        assert_eq!(next_close(friday_evening).date, date(2026, 7, 6));
        assert_eq!(next_trading_day(date(2026, 7, 2)), date(2026, 7, 6));
    }

    #[test]
    fn a_recent_afternoon_is_inside_a_full_session() {
        for day in date(2026, 1, 1).series(1.day()).take(400) {
            let at = recent_afternoon(instant(day, time(10, 0, 0, 0)));
            let session = session_at(at);
            assert_eq!(session.phase(at), Phase::Regular);
            assert!(!session.is_half_day() && session.date < day);
        }
    }
}
