//! How long to wait before the next attempt. Jitter and the age of the outage are arguments.

use std::time::Duration;

/// A younger outage is retried often, so that a missed fill is shown within two seconds of
/// its end (docs/DESIGN.md 9.4).
const YOUNG: Duration = Duration::from_secs(12);
/// Upper bound on any wait that a peer asks for, since its clock or its unit may be wrong.
pub const LONGEST_WAIT: Duration = Duration::from_mins(2);
/// Upper bound on our own waits.
const CAP: Duration = Duration::from_secs(30);

/// The wait before attempt `attempt` (counted from 1) of an outage that has lasted `age`; `jitter` is any number.
///
/// Young outages wait 0.5 to 1.6 s. Older ones double from 4 s to 30 s, and the last third is jitter: fewer than forty
/// connects in ten minutes (docs/DESIGN.md 9.4), which full jitter from zero would exceed.
pub fn delay(attempt: u32, age: Duration, jitter: u64) -> Duration {
    if age < YOUNG {
        return Duration::from_millis(500 + jitter % 1_100);
    }
    let doubled = Duration::from_secs(4).saturating_mul(1 << attempt.saturating_sub(8).min(3));
    let longest = doubled.min(CAP);
    let millis = u64::try_from(longest.as_millis()).unwrap_or(30_000);
    let part = millis / 3;
    Duration::from_millis(millis - part + jitter % (part + 1))
}

/// A small deterministic generator for jitter (splitmix64): the same seed gives the same waits.
#[derive(Debug, Clone)]
pub struct Jitter(u64);

impl Jitter {
    /// Starts from a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_young_outage_is_retried_within_two_seconds_and_an_old_one_rarely() {
        for jitter in [0, 1, 999, 1_099, u64::MAX] {
            assert!(delay(5, Duration::from_secs(9), jitter) < Duration::from_millis(1_600));
            let old = delay(40, Duration::from_mins(5), jitter);
            assert!(old >= Duration::from_secs(20) && old <= CAP, "{old:?}");
        }
    }

    #[test]
    fn ten_minutes_without_a_network_cause_at_most_forty_connects() {
        for seed in 0..1_000 {
            let mut jitter = Jitter::new(seed);
            let (mut age, mut attempts) = (Duration::ZERO, 0);
            while age < Duration::from_mins(10) {
                attempts += 1;
                age += delay(attempts, age, jitter.next());
            }
            assert!(attempts <= 40, "seed {seed}: {attempts} connects");
        }
    }
}
