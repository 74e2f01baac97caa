//! The rate limiter of requests (docs/ALPACA.md 4.2, docs/DESIGN.md 9.4): our own budget below the broker's limit.
//!
//! Pure: time and jitter are arguments. The account's 200 requests a minute are shared with the user's other programs,
//! so steady use stays at 60 a minute, with a burst for a resync. Both grow in proportion when the broker's headers
//! state a higher limit, and the remaining count of those headers overrides both.

use std::time::Duration;

use crate::domain::Mono;
use crate::session::request::limits::LimitWaits;
use crate::session::request::route::LimitScope;

/// The default limit, in requests a minute (docs/ALPACA.md 4.2).
const LIMIT: u32 = 200;
/// The largest burst at [`LIMIT`], enough for a resync.
const BURST: u32 = 120;
/// The time to earn one request at [`LIMIT`].
const EARN: Duration = Duration::from_secs(1);
/// The highest limit accepted from headers, the highest ever documented (docs/ALPACA.md 4.2). More is an error or an
/// attack.
pub const HIGHEST: u32 = 1_000;
/// Requests of the broker's window reserved for cancels and other programs.
const RESERVE: u32 = 15;
/// The longest wait accepted; a broker's clock may be wrong.
const LONGEST: Duration = crate::session::backoff::LONGEST_WAIT;
/// The wait after a 429 without a stated time.
const UNSTATED: Duration = Duration::from_secs(5);

/// The urgency of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Reduces risk: sent first and without budget, but not before the reset after an account-wide 429.
    Cancel,
    /// Everything else.
    Normal,
}

/// The rate limit headers of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateInfo {
    /// `X-RateLimit-Limit`.
    pub limit: Option<u32>,
    /// `X-RateLimit-Remaining`.
    pub remaining: Option<u32>,
    /// The time until the window resets: `X-RateLimit-Reset` minus the server's own `Date`.
    pub reset_after: Option<Duration>,
}

/// The request budget.
///
/// Invariant: between a 429 and the reset it states, [`Governor::take`] admits nothing, unless the 429 concerned one
/// endpoint alone ([`LimitWaits`]); for that one, see [`Governor::held`].
#[derive(Debug)]
pub struct Governor {
    earned: u32,
    earning_since: Mono,
    blocked_until: Option<Mono>,
    /// Whether everything waits because two endpoints with limits of their own were refused at once.
    together: bool,
    waits: LimitWaits,
    window: Option<Window>,
    /// The account's limit in requests a minute; at least [`LIMIT`], because a lower one shows in the window.
    limit: u32,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    remaining: u32,
    reserve: u32,
    until: Mono,
}

impl Governor {
    /// A full budget.
    pub fn new(now: Mono) -> Self {
        Self {
            earned: BURST,
            earning_since: now,
            blocked_until: None,
            together: false,
            waits: LimitWaits::default(),
            window: None,
            limit: LIMIT,
        }
    }

    /// Admits one request, or returns how long to wait before the next attempt.
    ///
    /// # Errors
    /// The wait.
    pub fn take(&mut self, urgency: Urgency, now: Mono) -> Result<(), Duration> {
        if let Some(until) = self.blocked_until {
            if now < until {
                return Err(until.since(now));
            }
            self.blocked_until = None;
        }
        self.earn(now);
        if self.window.is_some_and(|window| window.until <= now) {
            self.window = None;
        }
        if urgency == Urgency::Normal {
            if let Some(window) = self.window.filter(|window| window.remaining <= window.reserve) {
                return Err(window.until.since(now));
            }
            if self.earned == 0 {
                return Err((self.earning_since + self.each()).since(now));
            }
        }
        self.earned = self.earned.saturating_sub(1);
        if let Some(window) = &mut self.window {
            window.remaining = window.remaining.saturating_sub(1);
        }
        Ok(())
    }

    /// Takes the rate limit headers of a response.
    pub fn note(&mut self, info: RateInfo, now: Mono) {
        if let Some(limit) = info.limit {
            let limit = limit.clamp(LIMIT, HIGHEST);
            // The burst grows by the difference; requests already spent stay spent.
            self.earned = self.earned.saturating_add(burst(limit).saturating_sub(burst(self.limit))).min(burst(limit));
            self.limit = limit;
        }
        let (Some(remaining), Some(reset_after)) = (info.remaining, info.reset_after) else { return };
        let until = now + reset_after.min(LONGEST);
        // Responses may arrive out of order: within one window the lowest count is the latest.
        let known = self.window.filter(|known| known.until > now && known.until.since(until) < EARN);
        let lowest = match known {
            Some(known) if until.since(known.until) < EARN => known.remaining.min(remaining),
            _ => remaining,
        };
        let reserve = info.limit.map_or(RESERVE, |limit| RESERVE.min(limit / 10));
        self.window = Some(Window { remaining: lowest, reserve, until });
    }

    /// Takes a 429: nothing is sent before `retry_after` and `jitter` have passed, or nothing to its endpoint when only
    /// that is limited.
    pub fn refused(&mut self, scope: LimitScope, retry_after: Option<Duration>, jitter: Duration, now: Mono) {
        let wait = retry_after.unwrap_or(UNSTATED).min(LONGEST);
        let until = now + wait + jitter.min(Duration::from_secs(1));
        if self.waits.refused(scope, until, now) {
            self.blocked_until = Some(self.blocked_until.map_or(until, |known| known.max(until)));
            self.together = matches!(scope, LimitScope::Own(_));
        }
    }

    /// Takes a successful response.
    pub fn answered(&mut self, scope: LimitScope, now: Mono) {
        self.waits.answered(scope, now);
    }

    /// How long requests of this scope must wait while others are sent.
    pub fn held(&self, scope: LimitScope, now: Mono) -> Option<Duration> {
        self.waits.until(scope, now).map(|until| until.since(now).min(LONGEST))
    }

    /// Ends the broker's waits, because the user does not want to wait. Our own budget stays.
    pub fn forgive(&mut self) {
        (self.blocked_until, self.window) = (None, None);
        self.waits.forgive();
    }

    /// Why a normal request is not admitted now, as a sentence without a full stop.
    pub fn why(&self, now: Mono) -> &'static str {
        if self.blocked_until.is_some_and(|until| now < until) {
            if self.together {
                "the broker asked to wait: several kinds of request are refused at once"
            } else {
                "the broker asked to wait before the next request"
            }
        } else if self.window.is_some_and(|window| window.until > now && window.remaining <= window.reserve) {
            "the broker's request limit for this minute is used up"
        } else {
            "this program's own request limit is used up; requests go out one by one"
        }
    }

    /// The number of requests that could be sent at once.
    pub fn remaining(&self, now: Mono) -> u32 {
        if self.blocked_until.is_some_and(|until| now < until) {
            return 0;
        }
        let earned = self.earned.saturating_add(self.earnings(now)).min(burst(self.limit));
        match self.window.filter(|window| window.until > now) {
            Some(window) => earned.min(window.remaining.saturating_sub(window.reserve)),
            None => earned,
        }
    }

    fn earnings(&self, now: Mono) -> u32 {
        let earned = now.since(self.earning_since).as_nanos() / self.each().as_nanos().max(1);
        u32::try_from(earned).unwrap_or(u32::MAX)
    }

    fn earn(&mut self, now: Mono) {
        let earnings = self.earnings(now);
        self.earned = self.earned.saturating_add(earnings).min(burst(self.limit));
        let full = self.earned == burst(self.limit);
        self.earning_since = if full { now } else { self.earning_since + self.each() * earnings };
    }

    /// The time to earn one request.
    fn each(&self) -> Duration {
        EARN * LIMIT / self.limit
    }
}

/// The largest burst at a limit, in requests.
const fn burst(limit: u32) -> u32 {
    limit / LIMIT * BURST + limit % LIMIT * BURST / LIMIT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_limit_raises_the_budget_and_a_lower_one_does_not_shrink_it() {
        let mut governor = Governor::new(Mono::ZERO);
        assert_eq!(drain(&mut governor, Mono::ZERO), BURST);
        let allowed = |limit| RateInfo { limit: Some(limit), ..RateInfo::default() };
        governor.note(allowed(1_000), Mono::ZERO);
        assert_eq!(drain(&mut governor, Mono::ZERO), 4 * BURST, "spent requests stay spent");
        assert_eq!(drain(&mut governor, Mono(Duration::from_secs(10))), 50, "five a second");
        governor.note(allowed(30), Mono(Duration::from_secs(10)));
        assert_eq!(
            drain(&mut governor, Mono(Duration::from_secs(20))),
            10,
            "a lower limit shows in the remaining count"
        );
        governor.note(allowed(u32::MAX), Mono(Duration::from_secs(20)));
        assert_eq!(governor.limit, HIGHEST);
        let mut minute = 0;
        for second in 21..=80 {
            minute += drain(&mut governor, Mono(Duration::from_secs(second)));
        }
        assert!(minute <= 300 + 4 * BURST, "an incredible limit is not used: {minute} in a minute");
    }

    #[test]
    fn ending_the_brokers_waits_keeps_our_own_budget() {
        let mut governor = Governor::new(Mono::ZERO);
        governor.refused(LimitScope::Account, Some(Duration::from_hours(24)), Duration::ZERO, Mono::ZERO);
        assert_eq!(governor.take(Urgency::Normal, Mono::ZERO), Err(LONGEST), "two minutes at most");
        assert!(governor.why(Mono::ZERO).contains("asked to wait"));
        governor.forgive();
        assert_eq!(drain(&mut governor, Mono::ZERO), BURST);
        assert!(governor.why(Mono::ZERO).contains("own request limit"));
    }

    fn drain(governor: &mut Governor, now: Mono) -> u32 {
        let mut count = 0;
        while governor.take(Urgency::Normal, now).is_ok() {
            count += 1;
        }
        count
    }

    #[test]
    fn after_a_burst_one_request_a_second_is_earned() {
        let mut governor = Governor::new(Mono::ZERO);
        assert_eq!(drain(&mut governor, Mono::ZERO), BURST);
        assert_eq!(governor.take(Urgency::Normal, Mono::from_millis(400)), Err(Duration::from_millis(600)));
        let mut minute = 0;
        for second in 1..=60 {
            minute += drain(&mut governor, Mono::from_millis(second * 1000));
        }
        assert_eq!(minute, 60, "steady use is 60 a minute");
    }

    #[test]
    fn the_rate_is_the_same_however_often_it_is_polled() {
        let mut governor = Governor::new(Mono::ZERO);
        drain(&mut governor, Mono::ZERO);
        let sum: u32 = (1..=600).map(|tenth| drain(&mut governor, Mono::from_millis(tenth * 100))).sum();
        assert_eq!(sum, 60);
        assert_eq!(drain(&mut governor, Mono::from_millis(90_500)), 30);
    }

    #[test]
    fn after_a_429_nothing_is_sent_before_the_reset_not_even_a_cancel() {
        let mut governor = Governor::new(Mono::ZERO);
        governor.refused(
            LimitScope::Account,
            Some(Duration::from_secs(20)),
            Duration::from_millis(300),
            Mono::from_millis(1000),
        );
        for at in (1000..21_300).step_by(50) {
            let now = Mono::from_millis(at);
            assert!(governor.take(Urgency::Cancel, now).is_err(), "{at}");
            assert!(governor.take(Urgency::Normal, now).is_err(), "{at}");
            assert_eq!(governor.remaining(now), 0);
        }
        assert!(governor.take(Urgency::Cancel, Mono::from_millis(21_300)).is_ok());
    }

    #[test]
    fn a_second_429_never_shortens_the_wait() {
        let mut governor = Governor::new(Mono::ZERO);
        governor.refused(LimitScope::Account, Some(Duration::from_secs(30)), Duration::ZERO, Mono::ZERO);
        governor.refused(LimitScope::Account, None, Duration::ZERO, Mono::ZERO);
        assert_eq!(governor.take(Urgency::Normal, Mono::from_millis(10_000)), Err(Duration::from_secs(20)));
    }

    #[test]
    fn the_last_requests_of_the_window_are_left_for_cancels() {
        let mut governor = Governor::new(Mono::ZERO);
        let info = RateInfo { limit: Some(200), remaining: Some(17), reset_after: Some(Duration::from_secs(40)) };
        governor.note(info, Mono::ZERO);
        assert_eq!(governor.remaining(Mono::ZERO), 2);
        assert_eq!(drain(&mut governor, Mono::ZERO), 2);
        assert_eq!(governor.take(Urgency::Normal, Mono::ZERO), Err(Duration::from_secs(40)));
        assert!(governor.take(Urgency::Cancel, Mono::ZERO).is_ok());
        assert!(governor.take(Urgency::Normal, Mono::from_millis(40_000)).is_ok(), "the window was reset");
    }

    #[test]
    fn a_response_out_of_order_does_not_raise_the_budget() {
        let mut governor = Governor::new(Mono::ZERO);
        let info = |remaining| RateInfo {
            limit: Some(200),
            remaining: Some(remaining),
            reset_after: Some(Duration::from_secs(30)),
        };
        governor.note(info(20), Mono::ZERO);
        governor.note(info(25), Mono::from_millis(2));
        assert_eq!(governor.remaining(Mono::from_millis(2)), 5);
    }

    #[test]
    fn a_small_limit_keeps_a_small_reserve_and_an_absurd_reset_is_capped() {
        let mut governor = Governor::new(Mono::ZERO);
        let info = RateInfo { limit: Some(10), remaining: Some(9), reset_after: Some(Duration::from_secs(1 << 40)) };
        governor.note(info, Mono::ZERO);
        assert_eq!(governor.remaining(Mono::ZERO), 8);
        drain(&mut governor, Mono::ZERO);
        assert!(governor.take(Urgency::Normal, Mono::ZERO + LONGEST).is_ok());
    }
}
