//! Simulated time. The simulated brokerage's only reader of the machine's clock.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use tokio::sync::Notify;

/// Simulated time, and real time since the start.
#[derive(Debug)]
pub(super) struct SimClock {
    start: Instant,
    anchor: Mutex<Anchor>,
    turned: Notify,
}

/// A pair of corresponding times, and the pace since then.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    real: Duration,
    simulated: Timestamp,
    /// The pace in thousandths of real time.
    pace: u64,
}

#[expect(clippy::disallowed_methods, reason = "the only reader of the machine's clock in the simulated brokerage")]
impl SimClock {
    /// A clock that shows `simulated` now and runs at `pace` times real time.
    pub(super) fn new(simulated: Timestamp, pace: Decimal) -> Self {
        let anchor = Anchor { real: Duration::ZERO, simulated, pace: thousandths(pace) };
        Self { start: Instant::now(), anchor: Mutex::new(anchor), turned: Notify::new() }
    }

    /// Real time since the start.
    pub(super) fn real(&self) -> Duration {
        self.start.elapsed()
    }

    /// The current real time, for choosing the start of simulated time.
    pub(super) fn wall() -> Timestamp {
        Timestamp::now()
    }
}

impl SimClock {
    fn anchor(&self) -> Anchor {
        *self.anchor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The current simulated time.
    pub(super) fn now(&self) -> Timestamp {
        self.anchor().at(self.real())
    }

    /// The real time to wait until a simulated time.
    pub(super) fn until(&self, moment: Timestamp) -> Duration {
        let anchor = self.anchor();
        let ahead = moment.duration_since(anchor.at(self.real()));
        let nanos = u128::try_from(ahead.as_nanos()).unwrap_or(0) * 1000 / u128::from(anchor.pace.max(1));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Waits until a simulated time, even if the clock is changed meanwhile.
    pub(super) async fn reach(&self, moment: Timestamp) {
        loop {
            // Subscribe before reading the time, so that no change is missed.
            let turned = self.turned.notified();
            if self.now() >= moment {
                return;
            }
            tokio::select! {
                () = turned => {}
                () = tokio::time::sleep(self.until(moment).max(Duration::from_millis(1))) => {}
            }
        }
    }

    /// Changes the pace from now on.
    pub(super) fn set_pace(&self, pace: Decimal) {
        let real = self.real();
        let mut anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        *anchor = Anchor { real, simulated: anchor.at(real), pace: thousandths(pace) };
        drop(anchor);
        self.turned.notify_waiters();
    }

    /// Advances simulated time; never back.
    pub(super) fn jump(&self, to: Timestamp) {
        let real = self.real();
        let mut anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        *anchor = Anchor { real, simulated: anchor.at(real).max(to), pace: anchor.pace };
        drop(anchor);
        self.turned.notify_waiters();
    }
}

impl Anchor {
    fn at(self, real: Duration) -> Timestamp {
        let elapsed = real.saturating_sub(self.real).as_nanos() * u128::from(self.pace) / 1000;
        let elapsed = SignedDuration::from_nanos(i64::try_from(elapsed).unwrap_or(i64::MAX));
        self.simulated.saturating_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}

fn thousandths(pace: Decimal) -> u64 {
    pace.checked_mul(Decimal::from(1000)).and_then(|pace| pace.to_u64()).unwrap_or(1000).clamp(1, 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> Timestamp {
        "2026-03-02T17:00:00Z".parse().unwrap()
    }

    #[test]
    fn pace_scales_elapsed_time() {
        let anchor = Anchor { real: Duration::from_secs(10), simulated: noon(), pace: 2_500 };
        let later = anchor.at(Duration::from_secs(14));
        assert_eq!(later.duration_since(noon()), SignedDuration::from_secs(10));
    }

    #[test]
    fn a_jump_goes_forward_only() {
        let clock = SimClock::new(noon(), Decimal::ONE);
        let hour = SignedDuration::from_hours(1);
        clock.jump(noon() + hour);
        let after = clock.now();
        assert!(after >= noon() + hour);
        clock.jump(noon());
        assert!(clock.now() >= after);
    }
}
