//! What a person asks for, and when it may be asked for again by what still shows it: after a refusal for a request limit, or
//! when it was forgotten with its connection.

use std::time::Duration;

use super::period::Period;
use crate::session::backoff::LONGEST_WAIT;
use crate::session::{RequestError, RequestErrorKind};

/// What is asked for by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ByHand {
    /// An equity curve.
    Curve(Period),
    /// The activity list.
    Activities,
}

impl ByHand {
    /// The equity of today is asked for by itself.
    pub(super) fn is_asked_by_itself(self) -> bool {
        self == Self::Curve(Period::Day)
    }
}

/// When to ask again for what failed: not before the wait is over that a refusal names, as far as it is kept.
pub(super) fn again_after(error: &RequestError, usual: Duration) -> Duration {
    let RequestErrorKind::RateLimited { retry_after: Some(wait) } = error.kind else { return usual };
    // The queue adds up to a second.
    usual.max(wait.min(LONGEST_WAIT) + Duration::from_secs(1))
}
