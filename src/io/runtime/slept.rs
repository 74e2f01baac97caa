//! Finds out that the machine or the program stood still, from what both clocks say between two messages.

use std::time::Duration;

use crate::domain::Now;

/// A loop ticks so often at least.
pub(super) const TICK: Duration = Duration::from_secs(1);
/// A tick later than this, or clocks that part by this much, mean that the machine slept (docs/DESIGN.md 9.4).
const SLEPT: Duration = Duration::from_secs(5);

/// The program or the machine stood still: the clocks parted, for the monotonic one may stand while the machine sleeps;
/// or both went on while nothing was handled, as when the process is stopped.
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
    fn a_process_that_was_stopped_is_told_from_one_that_had_nothing_to_do() {
        assert!(!slept(at(10, 0), at(11, 1)));
        assert!(!slept(at(10, 0), at(16, 6)), "a busy machine");
        assert!(slept(at(10, 0), at(17, 7)), "SIGSTOP: both clocks went on and no tick was handled");
        assert!(slept(at(10, 0), at(11, 3_600)), "suspended: only the wall clock went on");
        assert!(slept(at(10, 0), at(11, -60)), "the wall clock was set back");
    }
}
