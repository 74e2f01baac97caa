//! The session's named timers in one table; a spurious timeout finds nothing due.

use crate::domain::Mono;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// The next attempt to open a stream.
    Reconnect,
    /// Requests that failed are asked again.
    Retry,
    /// The next audit.
    Audit,
    /// Whether the stream told what the audit found.
    Verdict,
    /// Balances and positions after an execution.
    Refresh,
    /// Balances and positions on a quiet account.
    Marks,
    /// Balances or positions were waited for long enough.
    Figures,
    /// REST is asked though the stream does not listen yet.
    Early,
    /// The token that was refused is tried again.
    Confirm,
    /// Somebody may have linked the account again.
    Renew,
    /// What is missing may have been missing for seconds now.
    Appraise,
    /// The connection has been healthy for a minute.
    Healthy,
}

const COUNT: usize = Timer::Healthy as usize + 1;

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

    /// Sets a deadline, or moves it nearer; never further away.
    pub(super) fn hasten(&mut self, timer: Timer, at: Mono) {
        if let Some(slot) = self.slot(timer) {
            *slot = Some(slot.map_or(at, |known| known.min(at)));
        }
    }

    /// Moves a deadline nearer, where there is one.
    pub(super) fn advance(&mut self, timer: Timer, at: Mono) {
        if let Some(Some(slot)) = self.slot(timer) {
            *slot = (*slot).min(at);
        }
    }

    /// Takes one away.
    pub(super) fn clear(&mut self, timer: Timer) {
        if let Some(slot) = self.slot(timer) {
            *slot = None;
        }
    }

    /// Takes all away.
    pub(super) fn clear_all(&mut self) {
        *self = Self::default();
    }

    /// The nearest deadline.
    pub(super) fn next(&self) -> Option<Mono> {
        self.0.iter().flatten().min().copied()
    }

    /// True once for a deadline that has passed.
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
