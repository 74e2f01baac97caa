//! Detects, from both clocks between two messages, that the machine slept or the process was stopped.

use std::time::Duration;

use crate::domain::Now;

/// The longest interval between ticks of a loop.
pub(super) const TICK: Duration = Duration::from_secs(1);
/// A tick later than this, or clocks that diverge by this much, mean that the machine slept (docs/DESIGN.md 9.4).
const SLEPT: Duration = Duration::from_secs(5);

/// Whether the machine slept or the process was stopped: the clocks diverged, because the monotonic one may pause
/// during sleep; or both advanced while no message was handled.
pub(super) fn slept(last: Now, now: Now) -> bool {
    let mono = now.mono.since(last.mono);
    now.wall.duration_since(last.wall).unsigned_abs() > mono + SLEPT || mono > TICK + SLEPT
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::Mono;

    fn at(mono: u64, wall: i64) -> Now {
        Now { mono: Mono(Duration::from_secs(mono)), wall: Timestamp::from_second(1_760_000_000 + wall).unwrap() }
    }

    #[test]
    fn sleep_and_stop_are_detected_and_idle_time_is_not() {
        assert!(!slept(at(10, 0), at(11, 1)));
        assert!(!slept(at(10, 0), at(16, 6)), "a busy machine");
        assert!(slept(at(10, 0), at(17, 7)), "SIGSTOP: both clocks advanced and no tick was handled");
        assert!(slept(at(10, 0), at(11, 3_600)), "suspended: only the wall clock advanced");
        assert!(slept(at(10, 0), at(11, -60)), "the wall clock was set back");
    }
}
