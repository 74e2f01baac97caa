//! The only reader of time and randomness.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::domain::{Mono, Now};

/// Reads both clocks. Cheap to copy; all copies share one start.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the program's only clock")]
impl Clock {
    /// A clock that starts at zero now.
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }

    /// The current time on both clocks.
    pub fn now(&self) -> Now {
        Now { mono: Mono(self.start.elapsed()), wall: Timestamp::now() }
    }

    /// A monotonic time as the runtime counts it.
    pub fn instant(&self, at: Mono) -> Instant {
        self.start.checked_add(at.0).unwrap_or_else(|| Instant::now() + Duration::from_hours(24))
    }
}

/// Random bytes from the operating system.
///
/// # Errors
/// When the operating system has none; nothing that needs them may go on.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| format!("the system has no randomness: {error}"))?;
    Ok(bytes)
}

/// A seed for what only needs to differ between runs, such as jitter.
///
/// # Errors
/// As [`random_bytes`].
pub fn random_seed() -> Result<u64, String> {
    random_bytes().map(u64::from_le_bytes)
}
