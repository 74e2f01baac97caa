//! When arriving messages are handled: at once after a quiet period, otherwise together, once per frame.
//!
//! A message handled alone costs a turn of the loop, a commit with its sync, and two thread wake-ups. Market messages
//! within a frame of the last turn would not be visible sooner, so they are handled together.

use std::time::Duration;

use crate::accounts;
use crate::app::Msg;
use crate::domain::Mono;

/// Time between turns: the length of a frame.
pub(super) const EVERY: Duration = Duration::from_millis(16);
/// With this many messages waiting, the next turn starts at once: the market is faster than frames.
const MANY: usize = 512;

/// Schedules the turns of a loop.
#[derive(Debug, Default)]
pub(super) struct Turns {
    next: Mono,
    /// Whether the last turn left messages over.
    draining: bool,
}

impl Turns {
    /// Whether the waiting messages, of which this is the first, may be handled now. Only market messages are gathered,
    /// because others may be waiting for an answer.
    pub(super) fn is_due(&self, first: Option<&Msg>, waiting: usize, now: Mono) -> bool {
        let answer = first.is_some_and(|msg| !matches!(msg, Msg::Account(accounts::Msg::Stream { .. })));
        answer || self.draining || waiting >= MANY || now >= self.next
    }

    /// When the next turn starts.
    pub(super) const fn next(&self) -> Mono {
        self.next
    }

    /// Starts a turn.
    pub(super) fn begin(&mut self, now: Mono) {
        self.next = now + EVERY;
    }

    /// Ends a turn, or notes that there was none; `left` when messages are left over.
    pub(super) const fn end(&mut self, left: bool) {
        self.draining = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Epoch, StreamEvent};

    fn market() -> Msg {
        accounts::Msg::Stream { link: "a".into(), epoch: Epoch(1), event: StreamEvent::Opened }.into()
    }

    #[test]
    fn market_messages_are_gathered_except_after_quiet() {
        let (mut turns, at) = (Turns::default(), Mono::from_millis);
        assert!(turns.is_due(Some(&market()), 1, at(100)), "after quiet");
        turns.begin(at(100));
        turns.end(false);
        assert!(!turns.is_due(Some(&market()), 20, at(101)), "within a frame");
        assert!(turns.is_due(Some(&Msg::Redraw), 1, at(101)), "not a market message");
        assert!(turns.is_due(Some(&market()), MANY, at(101)), "faster than frames");
        assert_eq!(turns.next(), at(116));
        assert!(turns.is_due(Some(&market()), 1, at(116)));
        turns.end(true);
        assert!(turns.is_due(Some(&market()), 1, at(101)), "left-over messages are handled at once");
    }
}
