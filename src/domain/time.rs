//! Time as an argument. Only the shell's clock creates these values; all other code receives them.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// True when one broker time is certainly before another. One moment may be written with fewer digits: a time in whole
/// seconds or milliseconds may be any moment within its last digit. An unknown time is before nothing.
pub fn is_before(at: Option<Timestamp>, other: Option<Timestamp>) -> bool {
    let Some(at) = at else { return false };
    let nanos = at.subsec_nanosecond().unsigned_abs();
    let grain = [1_000_000_000, 1_000_000, 1_000].into_iter().find(|grain| nanos.is_multiple_of(*grain)).unwrap_or(1);
    let last = at.checked_add(Duration::from_nanos(u64::from(grain) - 1)).unwrap_or(at);
    Some(last) < other
}

/// A point on the monotonic clock, as time since the program started. Plain data, so that tests and
/// replays can create one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Mono(pub Duration);

impl Mono {
    /// The program's start.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// This many milliseconds after the start.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// How long ago `earlier` was; zero if it is in the future.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::ops::Add<Duration> for Mono {
    type Output = Self;

    fn add(self, after: Duration) -> Self {
        Self(self.0.saturating_add(after))
    }
}

/// The time at which something is handled, on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// For deadlines and ages.
    pub mono: Mono,
    /// For display and for requests to the broker; never for ordering the broker's events.
    pub wall: Timestamp,
}

impl Now {
    /// A later time, on both clocks.
    #[must_use]
    pub fn plus(self, after: Duration) -> Self {
        let wall = self.wall.checked_add(after).unwrap_or(self.wall);
        Self { mono: self.mono + after, wall }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_with_fewer_digits_is_not_before_a_time_within_its_last_digit() {
        let at = |text: &str| Some(text.parse().unwrap());
        let exact = at("2026-03-02T18:46:12.481900123Z");
        assert!(!is_before(at("2026-03-02T18:46:12.481Z"), exact), "the same moment in milliseconds");
        assert!(!is_before(at("2026-03-02T18:46:12.481900Z"), exact), "and in microseconds");
        assert!(!is_before(at("2026-03-02T18:46:12Z"), exact), "and in seconds");
        assert!(is_before(at("2026-03-02T18:46:11Z"), exact));
        assert!(is_before(at("2026-03-02T18:46:12.480Z"), exact));
        assert!(is_before(at("2026-03-02T18:46:12.481900122Z"), exact));
        assert!(!is_before(None, exact) && !is_before(exact, None));
    }
}
