//! Formats instants, durations and words. Amounts are formatted in `domain::money` only.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::glyphs::Glyphs;
use super::theme::Theme;
use crate::domain::order::OrderStatus;
use crate::domain::{Money, OrderType, Price, Side, TimeInForce, TradeEvent};
use crate::session::ConnectionState;
use ratatui::style::Style;
use rust_decimal::{Decimal, RoundingStrategy};

/// Shown in place of a missing value.
pub(super) const MISSING: &str = "--";

/// An age in few characters: `0.4 s`, `12 s`, `3:05`, `2 h 05`, `3 d`.
pub(super) fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..=9 => format!("{}.{} s", seconds, age.subsec_millis() / 100),
        10..=59 => format!("{seconds} s"),
        60..=3599 => format!("{}:{:02}", seconds / 60, seconds % 60),
        3600..=86_399 => format!("{} h {:02}", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A countdown: `4 s`, `4:58`, `2:13:44`, `3 d 04 h`. Rounded up, so that it never shows zero too early.
pub(super) fn countdown(left: Duration) -> String {
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    match seconds {
        0..=59 => format!("{seconds} s"),
        60..=3599 => format!("{}:{:02}", seconds / 60, seconds % 60),
        3600..=172_799 => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
        _ => format!("{} d {:02} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// A round-trip time: `12 ms`, `1.4 s`.
pub(super) fn latency(span: Duration) -> String {
    let millis = span.as_millis();
    if millis < 1000 { format!("{millis} ms") } else { format!("{}.{} s", millis / 1000, millis / 100 % 10) }
}

/// The time of day, or the date if it is another day: `13:46:12`, `Nov 23`, `2025-11-23`.
pub(super) fn short_time(out: &mut String, at: Timestamp, now: Timestamp, zone: &TimeZone) {
    let (at, today) = (zone.to_datetime(at), zone.to_datetime(now).date());
    let written = if at.date() == today {
        write!(out, "{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())
    } else if at.year() == today.year() {
        write!(out, "{} {:02}", month(at.month()), at.day())
    } else {
        write!(out, "{:04}-{:02}", at.year(), at.month())
    };
    // Writing into a String cannot fail.
    written.unwrap_or_default();
}

/// An age in at most six cells: `9s`, `38m`, `3h12`, `12d`.
pub(super) fn short_age(out: &mut String, age: Duration) {
    let seconds = age.as_secs();
    let written = match seconds {
        0..=59 => write!(out, "{seconds}s"),
        60..=3599 => write!(out, "{}m", seconds / 60),
        3600..=86_399 => write!(out, "{}h{:02}", seconds / 3600, seconds / 60 % 60),
        _ => write!(out, "{}d", seconds / 86_400),
    };
    written.unwrap_or_default();
}

/// The time of day to the minute, or the date if it is another day: `13:46`, `Nov 23`, `2025`.
pub(super) fn minute(out: &mut String, at: Timestamp, now: Timestamp, zone: &TimeZone) {
    let (at, today) = (zone.to_datetime(at), zone.to_datetime(now).date());
    let written = if at.date() == today {
        write!(out, "{:02}:{:02}", at.hour(), at.minute())
    } else if at.year() == today.year() {
        write!(out, "{} {:02}", month(at.month()), at.day())
    } else {
        write!(out, "{:04}", at.year())
    };
    written.unwrap_or_default();
}

/// The time of day with milliseconds, or date and minute if it is another day.
pub(super) fn tape_time(out: &mut String, at: Timestamp, now: Timestamp, zone: &TimeZone) {
    let millis = at.subsec_nanosecond() / 1_000_000;
    let (at, today) = (zone.to_datetime(at), zone.to_datetime(now).date());
    let written = if at.date() == today {
        write!(out, "{:02}:{:02}:{:02}.{millis:03}", at.hour(), at.minute(), at.second())
    } else {
        write!(out, "{} {:02} {:02}:{:02}", month(at.month()), at.day(), at.hour(), at.minute())
    };
    written.unwrap_or_default();
}

/// A date: `Nov 23`, with the year if it is another year.
pub(super) fn day(out: &mut String, day: jiff::civil::Date, now: Timestamp, zone: &TimeZone) {
    let written = if day.year() == zone.to_datetime(now).year() {
        write!(out, "{} {:02}", month(day.month()), day.day())
    } else {
        write!(out, "{day}")
    };
    written.unwrap_or_default();
}

/// Date and time in full, for details: `2026-11-24 13:46:12.481 ET`.
pub(super) fn full_time(at: Timestamp, zone: &TimeZone, label: &str) -> String {
    let millis = at.subsec_nanosecond() / 1_000_000;
    let at = zone.to_datetime(at);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{millis:03} {label}",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// The time of day: `13:46:16`.
pub(super) fn clock(at: Timestamp, zone: &TimeZone) -> String {
    let at = zone.to_datetime(at);
    format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())
}

/// Money in a pane, to the cent. Fractional shares bring ten more digits; the details show them all.
pub(super) fn cents(value: Option<Money>) -> Option<Decimal> {
    value.map(|value| half_up(value.decimal(), 2))
}

/// A price in a pane: averages over fractional shares to a hundredth of a cent, prices below one exactly.
pub(super) fn price(value: Option<Price>) -> Option<Decimal> {
    value.map(Price::decimal).map(|px| if px.abs() >= Decimal::ONE { half_up(px, 4) } else { px })
}

fn half_up(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
}

fn month(number: i8) -> &'static str {
    const NAMES: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    usize::try_from(number - 1).ok().and_then(|index| NAMES.get(index)).copied().unwrap_or("???")
}

/// A word from the broker, or the mark for a missing one when it is empty.
fn worded(word: &str) -> &str {
    if word.trim().is_empty() { MISSING } else { word }
}

/// `BUY` or `SELL`; allocates only for unknown words.
pub(super) fn side(side: &Side, theme: &Theme) -> (&'static str, Style) {
    match side {
        Side::Buy => ("BUY", theme.buy),
        Side::Sell | Side::SellShort => ("SELL", theme.sell),
        Side::None => (MISSING, theme.dim),
        Side::Other(_) => ("?", theme.waiting),
    }
}

/// The order type in at most nine cells; an unknown word unchanged.
pub(super) fn order_type(kind: &OrderType) -> &str {
    match kind {
        OrderType::Market => "market",
        OrderType::Limit => "limit",
        OrderType::Stop => "stop",
        OrderType::StopLimit => "stop-lmt",
        OrderType::TrailingStop => "trail",
        OrderType::None => MISSING,
        OrderType::Other(word) => worded(word),
    }
}

/// The time in force in capitals; an unknown word unchanged.
pub(super) fn tif(tif: &TimeInForce) -> &str {
    match tif {
        TimeInForce::Day => "DAY",
        TimeInForce::Gtc => "GTC",
        TimeInForce::Opg => "OPG",
        TimeInForce::Cls => "CLS",
        TimeInForce::Ioc => "IOC",
        TimeInForce::Fok => "FOK",
        TimeInForce::Other(word) => worded(word),
    }
}

/// An order status as mark, word and style.
pub(super) fn status<'a>(status: &'a OrderStatus, glyphs: &Glyphs, theme: &Theme) -> (char, &'a str, Style) {
    match status {
        OrderStatus::Accepted => (glyphs.waiting, "accepted", theme.waiting),
        OrderStatus::PendingNew => (glyphs.waiting, "pending", theme.waiting),
        OrderStatus::New => (glyphs.on, "working", theme.working),
        OrderStatus::PartiallyFilled => (glyphs.partial, "partial", theme.waiting),
        OrderStatus::Filled => (glyphs.done, "filled", theme.ok),
        OrderStatus::DoneForDay => (glyphs.off, "done today", theme.dim),
        OrderStatus::Canceled => (glyphs.cross, "canceled", theme.gone),
        OrderStatus::Expired => (glyphs.cross, "expired", theme.gone),
        OrderStatus::Replaced => (glyphs.arrow, "replaced", theme.gone),
        OrderStatus::PendingCancel => (glyphs.waiting, "canceling", theme.waiting),
        OrderStatus::PendingReplace => (glyphs.waiting, "replacing", theme.waiting),
        OrderStatus::AcceptedForBidding => (glyphs.waiting, "bidding", theme.waiting),
        OrderStatus::Stopped => (glyphs.waiting, "stopped", theme.waiting),
        OrderStatus::Rejected => (glyphs.cross, "rejected", theme.error),
        OrderStatus::Suspended => (glyphs.off, "suspended", theme.waiting),
        OrderStatus::Calculated => (glyphs.off, "calculated", theme.dim),
        OrderStatus::Held => (glyphs.off, "held", theme.dim),
        OrderStatus::Other(word) => ('?', worded(word), theme.waiting),
    }
}

/// An order event as word and style.
pub(super) fn event<'a>(event: &'a TradeEvent, theme: &Theme) -> (&'a str, Style) {
    match event {
        TradeEvent::Fill => ("fill", theme.ok),
        TradeEvent::PartialFill => ("partial", theme.ok),
        TradeEvent::New => ("working", theme.working),
        TradeEvent::Accepted => ("accepted", theme.dim),
        TradeEvent::PendingNew => ("pending", theme.dim),
        TradeEvent::Canceled => ("canceled", theme.gone),
        TradeEvent::Expired => ("expired", theme.gone),
        TradeEvent::DoneForDay => ("done today", theme.gone),
        TradeEvent::Replaced => ("replaced", theme.gone),
        TradeEvent::Rejected => ("rejected", theme.error),
        TradeEvent::PendingCancel => ("canceling", theme.dim),
        TradeEvent::PendingReplace => ("replacing", theme.dim),
        TradeEvent::Stopped => ("stopped", theme.waiting),
        TradeEvent::Suspended => ("suspended", theme.waiting),
        TradeEvent::Calculated => ("calculated", theme.dim),
        TradeEvent::CancelRejected => ("cancel rejected", theme.error),
        TradeEvent::ReplaceRejected => ("replace rejected", theme.error),
        TradeEvent::Restated => ("restated", theme.waiting),
        TradeEvent::TradeBust => ("BUST", theme.error),
        TradeEvent::TradeCorrect => ("CORRECTED", theme.error),
        TradeEvent::Held => ("held", theme.dim),
        TradeEvent::Other(word) => (worded(word), theme.waiting),
    }
}

/// A connection's mark and style.
pub(super) fn connection(state: &ConnectionState, glyphs: &Glyphs, theme: &Theme) -> (char, Style) {
    match state {
        ConnectionState::Live { .. } => (glyphs.on, theme.ok),
        ConnectionState::Connecting { .. } | ConnectionState::Syncing { .. } | ConnectionState::Reconnecting { .. } => {
            (glyphs.waiting, theme.waiting)
        }
        ConnectionState::Polling { .. } => (glyphs.partial, theme.waiting),
        ConnectionState::NeedsRelink { .. } | ConnectionState::Blocked { .. } => (glyphs.cross, theme.error),
        ConnectionState::Paused => (glyphs.off, theme.dim),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_of_any_size_are_short() {
        let text = |millis| age(Duration::from_millis(millis));
        assert_eq!(text(440), "0.4 s");
        assert_eq!(text(12_900), "12 s");
        assert_eq!(text(185_000), "3:05");
        assert_eq!(text(7_500_000), "2 h 05");
        assert_eq!(text(300_000_000), "3 d");
    }

    #[test]
    fn the_age_of_an_order_has_at_most_six_cells() {
        let text = |seconds| {
            let mut out = String::new();
            short_age(&mut out, Duration::from_secs(seconds));
            out
        };
        let ages = [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 99_999 * 86_400].map(text);
        assert_eq!(ages, ["0s", "59s", "1m", "59m", "1h00", "23h59", "1d", "99999d"]);
    }

    #[test]
    fn a_countdown_rounds_up_and_never_shows_zero_early() {
        assert_eq!(countdown(Duration::from_millis(3_200)), "4 s");
        assert_eq!(countdown(Duration::from_secs(298)), "4:58");
        assert_eq!(countdown(Duration::from_secs(8_024)), "2:13:44");
        assert_eq!(countdown(Duration::from_secs(275_000)), "3 d 04 h");
    }

    #[test]
    fn another_day_shows_its_date() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let now: Timestamp = "2026-11-24T18:46:16Z".parse().unwrap();
        let text = |at: &str| {
            let mut out = String::new();
            short_time(&mut out, at.parse().unwrap(), now, &zone);
            out
        };
        assert_eq!(text("2026-11-24T18:46:12Z"), "13:46:12");
        assert_eq!(text("2026-11-24T04:00:00Z"), "Nov 23");
        assert_eq!(text("2025-03-01T18:00:00Z"), "2025-03");
    }
}
