//! When what arrived is handled: at once after quiet, else together, once a frame.
//!
//! A message handled alone costs a turn of the loop, a commit with its sync and two wake-ups of threads. What the market says
//! within a frame of the last turn is not seen sooner for that, so it is handled with the rest of its frame.

use std::time::Duration;

use crate::accounts;
use crate::app::Msg;
use crate::domain::Mono;

/// From one turn to the next: as long as a frame stands.
pub(super) const EVERY: Duration = Duration::from_millis(16);
/// So many waiting messages do not wait for the next turn: the market is faster than frames are.
const MANY: usize = 512;

/// The turns of a loop.
#[derive(Debug, Default)]
pub(super) struct Turns {
    next: Mono,
    /// The last turn left something over.
    draining: bool,
}

impl Turns {
    /// True when the messages that wait, of which this is the first, may be handled now. An answer may be what others wait
    /// for: only the market's own messages are gathered.
    pub(super) fn is_due(&self, first: Option<&Msg>, waiting: usize, now: Mono) -> bool {
        let answer = first.is_some_and(|msg| !matches!(msg, Msg::Account(accounts::Msg::Stream { .. })));
        answer || self.draining || waiting >= MANY || now >= self.next
    }

    /// When the next turn begins.
    pub(super) const fn next(&self) -> Mono {
        self.next
    }

    /// A turn begins.
    pub(super) fn begin(&mut self, now: Mono) {
        self.next = now + EVERY;
    }

    /// A turn ended, or there was none; `left` when messages are left over.
    pub(super) const fn end(&mut self, left: bool) {
        self.draining = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Epoch, StreamEvent};

    fn told() -> Msg {
        accounts::Msg::Stream { link: "a".into(), epoch: Epoch(1), event: StreamEvent::Opened }.into()
    }

    #[test]
    fn the_market_is_gathered_and_what_comes_after_quiet_is_not() {
        let (mut turns, at) = (Turns::default(), Mono::from_millis);
        assert!(turns.is_due(Some(&told()), 1, at(100)), "after quiet");
        turns.begin(at(100));
        turns.end(false);
        assert!(!turns.is_due(Some(&told()), 20, at(101)), "within a frame");
        assert!(turns.is_due(Some(&Msg::Redraw), 1, at(101)), "no message of the market");
        assert!(turns.is_due(Some(&told()), MANY, at(101)), "faster than frames");
        assert_eq!(turns.next(), at(116));
        assert!(turns.is_due(Some(&told()), 1, at(116)));
        turns.end(true);
        assert!(turns.is_due(Some(&told()), 1, at(101)), "what a turn left over goes on");
    }
}
