//! Curves and pages that the user opened, and when the view that shows them may request them again: after a rate limit, or
//! after the queue dropped the request.

use std::time::Duration;

use super::period::Period;
use crate::session::backoff::LONGEST_WAIT;
use crate::session::{RequestError, RequestErrorKind};

/// What the user opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OnDemand {
    /// An equity curve.
    Curve(Period),
    /// The activity list.
    Activities,
}

impl OnDemand {
    /// True for today's equity, which is fetched periodically anyway.
    pub(super) fn is_periodic(self) -> bool {
        self == Self::Curve(Period::Day)
    }
}

/// When to retry a failed request: not before a rate limit's stated wait is over, up to [`LONGEST_WAIT`].
pub(super) fn retry_after_error(error: &RequestError, usual: Duration) -> Duration {
    let RequestErrorKind::RateLimited { retry_after: Some(wait) } = error.kind else { return usual };
    // The queue adds up to a second of jitter.
    usual.max(wait.min(LONGEST_WAIT) + Duration::from_secs(1))
}
