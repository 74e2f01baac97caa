//! Time as an argument. Only the shell's clock makes these values; everything else is told.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A point on the monotonic clock: time since the program started. Plain data, so that tests and replays can make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Mono(pub Duration);

impl Mono {
    /// The program's start.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// This many milliseconds after the start.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// How long ago `earlier` was; zero when it lies ahead.
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

/// The instant at which something is handled, on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// For deadlines and ages.
    pub mono: Mono,
    /// For display and for asking the broker; never for ordering the broker's events.
    pub wall: Timestamp,
}

impl Now {
    /// The same instant, later on both clocks.
    #[must_use]
    pub fn plus(self, after: Duration) -> Self {
        let wall = self.wall.checked_add(after).unwrap_or(self.wall);
        Self { mono: self.mono + after, wall }
    }
}
