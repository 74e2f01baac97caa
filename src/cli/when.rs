//! Parses points in time on the command line: full, as a date, or as an age.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::io::clock::Clock;

/// Parses `2026-01-31T09:30:00-05:00`, `2026-01-31` (start of day, UTC) or an age: `90m`, `36h`, `7d`, `4w`.
///
/// # Errors
/// The accepted forms, for anything else.
pub fn when(text: &str) -> Result<Timestamp, String> {
    read(text, Clock::new().now().wall)
        .ok_or_else(|| "write 2026-01-31, 2026-01-31T09:30:00-05:00, or how long ago: 90m, 36h, 7d, 4w".to_owned())
}

fn read(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    if let Ok(day) = text.parse::<Date>() {
        return TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok();
    }
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let minutes = match unit {
        "m" => 1,
        "h" => 60,
        "d" => 24 * 60,
        "w" => 7 * 24 * 60,
        _ => return None,
    };
    let number: u32 = number.parse().ok()?;
    let ago = SignedDuration::from_mins(i64::from(number).checked_mul(minutes)?);
    now.checked_sub(ago).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_days_and_how_long_ago_are_understood_and_nothing_else() {
        let now: Timestamp = "2026-11-24T18:00:00Z".parse().unwrap();
        for (text, expected) in [
            ("2026-01-31T09:30:00-05:00", "2026-01-31T14:30:00Z"),
            ("2026-01-31", "2026-01-31T00:00:00Z"),
            ("90m", "2026-11-24T16:30:00Z"),
            ("36h", "2026-11-23T06:00:00Z"),
            ("7d", "2026-11-17T18:00:00Z"),
            ("4w", "2026-10-27T18:00:00Z"),
        ] {
            assert_eq!(read(text, now), expected.parse().ok(), "{text}");
        }
        for text in ["", "d", "-1d", "yesterday", "7", "2026-13-01", "99999999999w", "4294967295w", "1é"] {
            assert_eq!(read(text, now), None, "{text}");
        }
        assert!(when("soon").unwrap_err().contains("7d"));
    }
}
