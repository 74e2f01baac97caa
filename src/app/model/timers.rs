//! What the program waits for: one row for each deadline. What happens then is in [`crate::app::update()`].

use std::time::Duration;

use super::Model;
use crate::domain::listed::listed;
use crate::domain::{Mono, Now};

const SECOND: i32 = 1_000_000_000;

listed! {
    /// What is waited for; in the order in which those that are due at once run.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Timer {
        /// A held yes takes effect.
        Yes,
        /// A toast disappears.
        Toast,
        /// A flash ends.
        Flash,
        /// News that was held back rings the bell.
        Bell,
        /// Filters that depend on the time are applied again.
        Filters,
        /// A session's deadline.
        Accounts,
        /// The next second of the wall clock, which the header shows.
        Second,
    }
}

impl Timer {
    /// When it is due; `None` while it is not set. Each deadline is stored with its subject, so that neither outlives
    /// the other.
    pub fn due(self, model: &Model, now: Now) -> Option<Mono> {
        match self {
            Self::Yes => model.confirming.as_ref().map(|held| held.due),
            Self::Toast => model.toasts.iter().map(|toast| toast.until).min(),
            Self::Flash => model.flashes.next_end(),
            Self::Bell => model.pending_bell.as_ref().map(|_| model.quiet_until),
            Self::Filters => Some(model.rows.again_at).filter(|_| model.rows.are_relative()),
            Self::Accounts => model.accounts.deadline(),
            Self::Second => Some(now.mono + until_next_second(now)),
        }
    }
}

fn until_next_second(now: Now) -> Duration {
    // Before 1970 the sub-second part is negative; the clock must still tick once a second.
    let past = now.wall.subsec_nanosecond().rem_euclid(SECOND);
    Duration::from_nanos(u64::from((SECOND - past).unsigned_abs()))
}
