//! The session's named timers in one table. A spurious timeout finds nothing due.

use crate::domain::Mono;

macro_rules! timers {
    ($($(#[$doc:meta])* $timer:ident)+) => {
        /// What the session waits for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Timer {
            $($(#[$doc])* $timer),+
        }

        /// The number of timers.
        const COUNT: usize = [$(Timer::$timer),+].len();
    };
}

timers! {
    /// Open the next stream.
    Reconnect
    /// Retry failed requests.
    Retry
    /// Start the next audit.
    Audit
    /// Check whether the stream reported what the audit found.
    Verdict
    /// Request balances and positions after an execution.
    Refresh
    /// Request balances and positions at their regular interval.
    Marks
    /// Stop waiting for balances or positions.
    Figures
    /// The next step for answers that the account has not confirmed.
    Held
    /// Query REST although the stream is not listening yet.
    Early
    /// Retry the token that was refused.
    Confirm
    /// Look for a new token; the account may have been relinked.
    Renew
    /// Ask whether REST answers again.
    Probe
    /// Update the status: something may have been missing for long enough to report.
    Appraise
    /// Reset the attempt count after a minute of healthy connection.
    Healthy
}

/// One deadline for each timer.
#[derive(Debug, Default)]
pub(super) struct Timers([Option<Mono>; COUNT]);

impl Timers {
    fn slot(&mut self, timer: Timer) -> Option<&mut Option<Mono>> {
        self.0.get_mut(timer as usize)
    }

    /// Sets or moves a deadline.
    pub(super) fn set(&mut self, timer: Timer, at: Mono) {
        if let Some(slot) = self.slot(timer) {
            *slot = Some(at);
        }
    }

    /// Sets a deadline or moves it earlier; never later.
    pub(super) fn hasten(&mut self, timer: Timer, at: Mono) {
        if let Some(slot) = self.slot(timer) {
            *slot = Some(slot.map_or(at, |known| known.min(at)));
        }
    }

    /// Moves a deadline earlier, if it is set.
    pub(super) fn advance(&mut self, timer: Timer, at: Mono) {
        if let Some(Some(slot)) = self.slot(timer) {
            *slot = (*slot).min(at);
        }
    }

    /// Clears one deadline.
    pub(super) fn clear(&mut self, timer: Timer) {
        if let Some(slot) = self.slot(timer) {
            *slot = None;
        }
    }

    /// Clears all deadlines.
    pub(super) fn clear_all(&mut self) {
        *self = Self::default();
    }

    /// One deadline.
    pub(super) fn at(&self, timer: Timer) -> Option<Mono> {
        self.0.get(timer as usize).copied().flatten()
    }

    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Mono> {
        self.0.iter().flatten().min().copied()
    }

    /// True if the deadline has passed; clears it, so that it is true once.
    pub(super) fn due(&mut self, timer: Timer, now: Mono) -> bool {
        match self.slot(timer) {
            Some(slot) if slot.is_some_and(|at| at <= now) => {
                *slot = None;
                true
            }
            _ => false,
        }
    }
}
