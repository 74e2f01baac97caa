//! The broker's time, and which of its times cannot be right.

use std::time::Duration;

use jiff::Timestamp;

use super::{Now, Session};

/// How far the clocks of a broker may be apart.
const AHEAD: Duration = Duration::from_hours(1);

impl Session {
    /// Tells the broker's time, for the next input.
    pub fn set_broker_time(&mut self, at: Timestamp) {
        self.broker_time = Some(at);
    }

    /// The latest time that an order or execution can have, once the broker's clock is known: a pass that starts far ahead
    /// would miss everything before. Of that clock and ours, each may be behind by any amount, so the later one counts.
    pub(super) fn latest(&self, now: Now) -> Option<Timestamp> {
        self.broker_time.and_then(|at| at.max(now.wall).checked_add(AHEAD).ok())
    }
}
