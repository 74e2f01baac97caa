//! Streams that keep ending, and outages of everything: how long the program may miss updates.

use std::time::Duration;

use super::{Event, Simulation, broker_time};
use crate::session::event::Closed;
use crate::session::lab::oracle;
use crate::session::lab::plan::{Blackout, Incident, OtherPrograms};
use crate::session::request::RequestErrorKind;

/// After an outage of everything: the account is asked every five seconds, and a pass follows.
const RECOVERS: Duration = Duration::from_secs(30);
/// The same after requests that hang: one sent at the end fails 15 s later, and the pass that waited for it, and is followed
/// by another, ends after its own next ones.
const RECOVERS_LATE: Duration = Duration::from_mins(1);
/// While streams keep ending: passes follow one another, but a new stream may end one in progress.
const BLIND: Duration = Duration::from_secs(75);

/// Lists of at most this many orders are fetched in seconds.
const SHORT: usize = 30;

/// State of injected outages.
#[derive(Debug, Default)]
pub(super) struct Outages {
    blackout: Option<(Blackout, Duration)>,
    /// Since when and until when every stream ends at most this long after it listens.
    short: Option<(Duration, Duration, Duration)>,
    /// Other incidents have an effect until then.
    trouble_until: Duration,
}

/// How the client sees a request that nothing answers.
pub(super) const fn failure(kind: Blackout) -> (RequestErrorKind, &'static str) {
    match kind {
        Blackout::Server => (RequestErrorKind::Server, "a web page"),
        Blackout::Unauthorized => (RequestErrorKind::Unauthorized, "unauthorized"),
        Blackout::Network => (RequestErrorKind::Network, "no network"),
        Blackout::Hang => (RequestErrorKind::Timeout, "no answer"),
    }
}

/// When and how an attempt to open a stream ends.
pub(super) fn closed_by(kind: Blackout, opened: Duration) -> (Duration, Closed) {
    match kind {
        Blackout::Server | Blackout::Unauthorized => (opened, Closed::refused(503, "unavailable".to_owned())),
        Blackout::Network => (opened, Closed::unreachable("no network".to_owned())),
        Blackout::Hang => (opened + Duration::from_secs(10), Closed::unreachable("timed out".to_owned())),
    }
}

impl Simulation {
    /// Notes until when an incident has an effect.
    pub(super) fn note_trouble(&mut self, incident: Incident) {
        let now = self.now;
        let long = match incident {
            Incident::Outage(long)
            | Incident::Sleep(long)
            | Incident::Kill(long)
            | Incident::NoSocket(_, long)
            | Incident::Refuse { long, .. } => long,
            Incident::HalfOpen => Duration::from_secs(20),
            Incident::Cut | Incident::Starve | Incident::Reset | Incident::Connect => Duration::ZERO,
            Incident::ShortStreams { long, life } => {
                self.outages.short = Some((now, now + long, life));
                return;
            }
            Incident::Blackout(kind, long) => {
                self.outages.blackout = Some((kind, now + long));
                let wait = if kind == Blackout::Hang { RECOVERS_LATE } else { RECOVERS };
                self.at(now + long + wait, Event::Recovered(now + long));
                return;
            }
        };
        self.outages.trouble_until = self.outages.trouble_until.max(now + long);
    }

    /// How nothing is answered now.
    pub(super) fn blackout(&self) -> Option<Blackout> {
        self.outages.blackout.filter(|(_, until)| self.now < *until).map(|(kind, _)| kind)
    }

    pub(super) fn hangs(&self) -> bool {
        self.blackout() == Some(Blackout::Hang)
    }

    /// How long a stream that listens now will last, if it ends soon.
    pub(super) fn short_life(&mut self) -> Option<Duration> {
        let (_, until, life) = self.outages.short.filter(|(_, until, _)| self.now < *until)?;
        // The last one may outlive the incident.
        let most = u64::try_from(life.min(until.saturating_sub(self.now)).as_millis()).unwrap_or(0);
        Some(self.chance.millis(0, most))
    }

    /// True when requests are answered, and lists are short enough to be fetched in seconds.
    fn rest_is_healthy(&self, since: Duration) -> bool {
        let blackout = self.outages.blackout.is_some_and(|(_, until)| until > since);
        self.plan.fail + self.plan.limit == 0
            && self.plan.fault_windows.is_empty()
            && self.plan.reading.page_cap == usize::MAX
            && self.plan.late_rows == 0
            && self.plan.others != OtherPrograms::Account
            && !blackout
            && self.brokers.iter().all(|broker| broker.orders.len() <= SHORT)
            && self.outages.trouble_until <= since
    }

    /// What REST may not have known a while ago.
    fn unsure(&self) -> Duration {
        Duration::from_millis(self.plan.stale + self.plan.hide + 100)
    }

    /// Everything answers since then: what happened before must be shown.
    pub(super) fn must_have_recovered(&mut self, since: Duration) {
        let short = self.outages.short.is_some_and(|(from, until, _)| from < self.now && until > since);
        if !self.rest_is_healthy(since) || short {
            return;
        }
        self.must_show(since.saturating_sub(self.unsure()), "after an outage of everything");
    }

    /// Streams keep ending, and REST is healthy.
    pub(super) fn look_beside_short_streams(&mut self) {
        let Some((from, until, _)) = self.outages.short else { return };
        let horizon = self.now.saturating_sub(BLIND);
        if from > horizon || until < self.now || !self.rest_is_healthy(horizon) {
            return;
        }
        self.must_show(horizon.saturating_sub(self.unsure()), "while streams keep ending");
    }

    fn must_show(&mut self, horizon: Duration, when: &str) {
        for number in 0..self.programs.len() {
            let Some(session) = &self.programs[number].session else { continue };
            let word = session.state().word();
            if matches!(word, "reconnecting" | "connecting") {
                self.fail(|| format!("{when} it is {word}"));
                return;
            }
            let Some(look) = self.behind(number, self.now) else { continue };
            let shown = oracle::shows(&look, broker_time(horizon));
            if let Err(what) = shown {
                self.fail(|| format!("{when} ({word}), {what} since {horizon:?}"));
            }
        }
    }
}
