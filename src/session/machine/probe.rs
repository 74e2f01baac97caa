//! While nothing answers, the account is requested every few seconds. Its answer starts a pass and the next attempt to open
//! a stream at once.

use super::{Duration, Mono, Now, Phase, Session, Timer};
use crate::session::parts::Part;
use crate::session::request::route::LimitScope;
use crate::session::request::{Request, RequestError, RequestErrorKind};

const ASK_EVERY: Duration = Duration::from_secs(5);
/// The same, once no server has been reachable for [`LONG`].
const ASK_RARELY: Duration = Duration::from_secs(15);
const LONG: Duration = Duration::from_mins(2);
/// Our own use is limited to sixty requests a minute (docs/DESIGN.md 9.4): polling keeps below that, except for a burst.
const EACH: Duration = Duration::from_millis(1_100);
const BURST: Duration = Duration::from_mins(1);

/// Whether REST answers at all.
#[derive(Debug, Default)]
pub(super) struct Probes {
    /// The first failure since the last good answer, and what has failed since.
    since: Option<Mono>,
    failed: Vec<LimitScope>,
    next_at: Mono,
    /// The last failure was of the network, not of a server.
    unreachable: bool,
    /// REST is back during a pass that began before: if that is incomplete, the next one follows at once.
    pub(super) again: bool,
    /// Requests sent so far, and when the sustained budget is free again.
    sent: u64,
    spent_until: Mono,
}

impl Probes {
    /// Notes how a request ended; true for the end of an outage: what failed is answered, after seconds without any answer.
    pub(super) fn note(&mut self, scope: Option<LimitScope>, error: Option<&RequestError>, now: Mono) -> bool {
        let Some(error) = error else {
            let failed = std::mem::take(&mut self.failed);
            let long = self.since.take().is_some_and(|since| since + ASK_EVERY <= now);
            return long && scope.is_some_and(|scope| failed.contains(&scope));
        };
        // These are answers.
        if matches!(error.kind, RequestErrorKind::NotFound | RequestErrorKind::Refused) {
            return false;
        }
        if self.since.is_none() {
            (self.since, self.next_at) = (Some(now), now + ASK_EVERY);
        }
        self.failed.extend(scope.filter(|scope| !self.failed.contains(scope)));
        self.unreachable = error.kind == RequestErrorKind::Network;
        false
    }

    /// When passes that follow one another may go on: after a burst, no faster than requests may be sent all the time.
    pub(super) fn paced(&mut self, sent: u64, now: Mono) -> Mono {
        let more = u32::try_from(sent.saturating_sub(self.sent)).unwrap_or(u32::MAX);
        (self.sent, self.spent_until) = (sent, self.spent_until.max(now) + EACH.saturating_mul(more));
        Mono(self.spent_until.0.saturating_sub(BURST))
    }

    /// The account is asked now.
    fn asks(&mut self, now: Mono) {
        let long = self.unreachable && self.since.is_some_and(|since| now.since(since) >= LONG);
        self.next_at = now + if long { ASK_RARELY } else { ASK_EVERY };
    }
}

impl Session {
    /// Asks the account while nothing answers, unless a request is in flight. A pass in progress may wait for requests that
    /// hang.
    pub(super) fn probe(&mut self, now: Now) {
        let Some(at) = self.probe_due(now.mono) else { return self.timers.clear(Timer::Probe) };
        if at > now.mono {
            return self.timers.set(Timer::Probe, at);
        }
        self.probes.asks(now.mono);
        let id = self.fresh_id();
        self.refresh.push((id, Part::Account));
        self.send(id, Request::Account);
    }

    /// When to ask next while nothing answers, not before a wait that the broker asked for is over.
    pub(super) fn probe_due(&self, now: Mono) -> Option<Mono> {
        let rests = matches!(self.phase, Phase::Idle | Phase::Confirming | Phase::Dead);
        let asked = self.confirm.is_some() || self.refresh.iter().any(|(_, part)| *part == Part::Account);
        if self.probes.since.is_none() || rests || asked {
            return None;
        }
        let paused = self.waiting(now).map(|(until, _)| until);
        let waits = paused.max(self.waits_for(&Request::Account, now)).unwrap_or_default();
        Some(self.probes.next_at.max(waits))
    }

    /// REST answers again: everything is requested at once, by the pass in progress if that was `of_pass`, and a stream is
    /// tried, unless its own wait is not over.
    pub(super) fn rest_is_back(&mut self, of_pass: bool, now: Now) {
        (self.incomplete, self.probes.again) = (0, true);
        self.timers.advance(Timer::Retry, now.mono);
        if !of_pass && let Some(resync) = self.resync.take() {
            self.backfill = resync.finish().0.backfill;
        }
        match self.phase {
            Phase::Opening | Phase::Backoff => self.start_early(now),
            Phase::Syncing { .. } | Phase::Live | Phase::Polling => self.start_pass(now),
            Phase::Idle | Phase::Confirming | Phase::Dead => return,
        }
        if !self.trying {
            self.timers.advance(Timer::Reconnect, self.no_stream_before.max(now.mono));
        }
    }
}
