//! When the next request may be sent (docs/ALPACA.md 4.2, docs/DESIGN.md 9.4): a steady budget of our own inside the broker's.
//!
//! Pure: time and jitter are arguments. The account's 200 requests a minute are shared with the user's other programs,
//! so steady use stays at 60, with a burst for a resync; an account that is allowed more by the broker's headers is asked
//! more in proportion, and what they say is left counts more than either.

use std::time::Duration;

use crate::domain::Mono;
use crate::session::request::limits::LimitWaits;
use crate::session::request::route::LimitScope;

/// Requests a minute that an account is allowed (docs/ALPACA.md 4.2).
const LIMIT: u32 = 200;
/// Requests that a resync may send at once, of [`LIMIT`].
const BURST: u32 = 120;
/// One request is earned in this time, of [`LIMIT`].
const EARN: Duration = Duration::from_secs(1);
/// The highest limit believed: the highest that was ever spoken of (docs/ALPACA.md 4.2). More is a mistake, or a trap.
pub const HIGHEST: u32 = 1_000;
/// What is left of the broker's window for cancels and for other programs.
const RESERVE: u32 = 15;
/// The longest wait believed; a broker's clock may be wrong.
const LONGEST: Duration = crate::session::backoff::LONGEST_WAIT;
/// The wait after a 429 that does not say how long.
const UNSTATED: Duration = Duration::from_secs(5);

/// How urgent a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Takes risk off: goes first and needs no budget, but never before the reset after a 429 that is of everything.
    Cancel,
    /// Everything else.
    Normal,
}

/// What an answer's headers say of the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateInfo {
    /// `X-RateLimit-Limit`.
    pub limit: Option<u32>,
    /// `X-RateLimit-Remaining`.
    pub remaining: Option<u32>,
    /// Until the window starts anew: `X-RateLimit-Reset` less the server's own `Date`.
    pub reset_after: Option<Duration>,
}

/// The budget.
///
/// Invariant: between a 429 and the reset it states, [`Governor::take`] admits nothing, unless it is of one endpoint alone
/// ([`LimitWaits`]); of that one, [`Governor::held`] tells.
#[derive(Debug)]
pub struct Governor {
    earned: u32,
    earning_since: Mono,
    blocked_until: Option<Mono>,
    /// Everything waits because what is asked beside orders was refused, of two kinds at once.
    together: bool,
    waits: LimitWaits,
    window: Option<Window>,
    /// What the account is allowed a minute; never less than [`LIMIT`], for a lower one shows in the window.
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

    /// Admits one request, or says how long to wait before asking again.
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

    /// Notes the headers of an answer.
    pub fn note(&mut self, info: RateInfo, now: Mono) {
        if let Some(limit) = info.limit {
            let limit = limit.clamp(LIMIT, HIGHEST);
            // More at once from now on, and what was spent stays spent.
            self.earned = self.earned.saturating_add(burst(limit).saturating_sub(burst(self.limit))).min(burst(limit));
            self.limit = limit;
        }
        let (Some(remaining), Some(reset_after)) = (info.remaining, info.reset_after) else { return };
        let until = now + reset_after.min(LONGEST);
        // Answers may overtake each other: inside one window the lowest count is the latest.
        let known = self.window.filter(|known| known.until > now && known.until.since(until) < EARN);
        let lowest = match known {
            Some(known) if until.since(known.until) < EARN => known.remaining.min(remaining),
            _ => remaining,
        };
        let reserve = info.limit.map_or(RESERVE, |limit| RESERVE.min(limit / 10));
        self.window = Some(Window { remaining: lowest, reserve, until });
    }

    /// Notes a 429: nothing is sent before `retry_after` and `jitter` have passed, or nothing of its kind where only that is
    /// limited.
    pub fn refused(&mut self, scope: LimitScope, retry_after: Option<Duration>, jitter: Duration, now: Mono) {
        let wait = retry_after.unwrap_or(UNSTATED).min(LONGEST);
        let until = now + wait + jitter.min(Duration::from_secs(1));
        if self.waits.refused(scope, until, now) {
            self.blocked_until = Some(self.blocked_until.map_or(until, |known| known.max(until)));
            self.together = matches!(scope, LimitScope::Own(_));
        }
    }

    /// Notes a good answer.
    pub fn answered(&mut self, scope: LimitScope, now: Mono) {
        self.waits.answered(scope, now);
    }

    /// How long a request of this scope waits by itself, though others go out.
    pub fn held(&self, scope: LimitScope, now: Mono) -> Option<Duration> {
        self.waits.until(scope, now).map(|until| until.since(now).min(LONGEST))
    }

    /// A person will not wait: what the broker asked for so far holds nothing up. Our own budget stays as it is.
    pub fn forgive(&mut self) {
        (self.blocked_until, self.window) = (None, None);
        self.waits.forgive();
    }

    /// Why a request of ordinary urgency is not admitted now, as a sentence without a stop.
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

    /// Requests that could be sent at once.
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

    /// One request is earned in this time.
    fn each(&self) -> Duration {
        EARN * LIMIT / self.limit
    }
}

/// Requests that may be sent at once where so many are allowed a minute.
const fn burst(limit: u32) -> u32 {
    limit / LIMIT * BURST + limit % LIMIT * BURST / LIMIT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_is_allowed_more_is_asked_more_and_never_less() {
        let mut governor = Governor::new(Mono::ZERO);
        assert_eq!(drain(&mut governor, Mono::ZERO), BURST);
        let allowed = |limit| RateInfo { limit: Some(limit), ..RateInfo::default() };
        governor.note(allowed(1_000), Mono::ZERO);
        assert_eq!(drain(&mut governor, Mono::ZERO), 4 * BURST, "what was spent stays spent");
        assert_eq!(drain(&mut governor, Mono(Duration::from_secs(10))), 50, "five a second");
        governor.note(allowed(30), Mono(Duration::from_secs(10)));
        assert_eq!(
            drain(&mut governor, Mono(Duration::from_secs(20))),
            10,
            "a lower limit shows in what is left of it"
        );
        governor.note(allowed(u32::MAX), Mono(Duration::from_secs(20)));
        assert_eq!(governor.limit, HIGHEST);
        let mut minute = 0;
        for second in 21..=80 {
            minute += drain(&mut governor, Mono(Duration::from_secs(second)));
        }
        assert!(minute <= 300 + 4 * BURST, "a limit that nobody grants is not used: {minute} in a minute");
    }

    #[test]
    fn a_person_ends_the_broker_s_waits_but_not_our_own_budget() {
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
    fn a_resync_bursts_and_then_one_a_second_is_earned() {
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
    fn waking_late_and_often_earns_the_same() {
        let mut governor = Governor::new(Mono::ZERO);
        drain(&mut governor, Mono::ZERO);
        let sum: u32 = (1..=600).map(|tenth| drain(&mut governor, Mono::from_millis(tenth * 100))).sum();
        assert_eq!(sum, 60);
        assert_eq!(drain(&mut governor, Mono::from_millis(90_500)), 30);
    }

    #[test]
    fn nothing_is_sent_before_the_reset_after_a_refusal_not_even_a_cancel() {
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
    fn a_second_refusal_never_shortens_the_wait() {
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
        assert!(governor.take(Urgency::Normal, Mono::from_millis(40_000)).is_ok(), "the window started anew");
    }

    #[test]
    fn an_answer_that_was_overtaken_does_not_raise_the_budget() {
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
    fn a_small_limit_keeps_a_small_reserve_and_a_wild_reset_is_not_believed() {
        let mut governor = Governor::new(Mono::ZERO);
        let info = RateInfo { limit: Some(10), remaining: Some(9), reset_after: Some(Duration::from_secs(1 << 40)) };
        governor.note(info, Mono::ZERO);
        assert_eq!(governor.remaining(Mono::ZERO), 8);
        drain(&mut governor, Mono::ZERO);
        assert!(governor.take(Urgency::Normal, Mono::ZERO + LONGEST).is_ok());
    }
}
