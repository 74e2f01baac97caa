//! The connection state as shown: `live` only with a complete snapshot, otherwise what is missing in words.

use super::{Duration, Fault, Mono, Now, Output, Phase, Session, Timer};
use crate::session::parts::{self, MissingPart, Part};
use crate::session::request::Request;
use crate::session::state::ConnectionState;

/// A snapshot that takes longer than this shows its progress.
pub(super) const LATE_AFTER: Duration = Duration::from_secs(3);

impl Session {
    /// True once a request was answered on this connection, whatever follows from the answer.
    pub fn rest_answers(&self) -> bool {
        self.answered_at.is_some()
    }

    /// The stream's last measured round trip.
    pub fn latency(&self) -> Option<Duration> {
        self.latency
    }

    /// Shows the state that phase and parts add up to; the last step of every input.
    pub(super) fn update_status(&mut self, now: Now) {
        let waiting = self.waiting(now.mono).map(|(_, reason)| reason.to_owned());
        let lacks = self.parts.lacks(waiting.as_deref(), now.mono);
        let state = match self.phase {
            Phase::Live => {
                self.report_missing(&lacks, now);
                self.state_when_following(&lacks, now)
            }
            Phase::Syncing { .. } => self.state_when_syncing(&lacks, now),
            Phase::Polling => {
                let answered: Vec<MissingPart> = lacks.into_iter().filter(|lack| self.has_failed(lack.part)).collect();
                self.report_missing(&answered, now);
                self.state_when_polling(&answered, now)
            }
            Phase::Idle | Phase::Opening | Phase::Backoff | Phase::Confirming | Phase::Dead => {
                self.timers.clear(Timer::Appraise);
                return;
            }
        };
        if state.is_live() {
            self.over(Fault::Connection);
        }
        self.show(state);
        self.wake_to_update_status(now);
    }

    fn wake_to_update_status(&mut self, now: Now) {
        let late = match self.state {
            ConnectionState::Syncing { since, .. } => {
                let silent = self.answered_at.map(|at| at + LATE_AFTER);
                [Some(since + LATE_AFTER), silent].into_iter().flatten().filter(|at| *at > now.mono).min()
            }
            ConnectionState::Polling { since, .. } => Some(since + LATE_AFTER).filter(|at| *at > now.mono),
            _ => None,
        };
        match self.parts.deadline(now.mono).into_iter().chain(late).min() {
            Some(at) => self.timers.set(Timer::Appraise, at),
            None => self.timers.clear(Timer::Appraise),
        }
    }

    /// The state while stream and merge are up: `live`, unless something is missing or the account is blocked.
    fn state_when_following(&self, lacks: &[MissingPart], now: Now) -> ConnectionState {
        let missing = (!lacks.is_empty()).then(|| parts::sentence(lacks));
        if let Some(block) = &self.block {
            let rest = missing.map_or_else(String::new, |missing| format!("; {missing}"));
            return ConnectionState::Blocked { reason: format!("{block}{rest}") };
        }
        let Some(reason) = missing else {
            return match self.state {
                ConnectionState::Live { since } => ConnectionState::Live { since },
                _ => ConnectionState::Live { since: now.mono },
            };
        };
        let since = self.syncing_since().unwrap_or(now.mono);
        let until = self.waiting(now.mono).map(|(until, _)| until);
        ConnectionState::Syncing { since, pages: None, until, reason: Some(reason) }
    }

    fn state_when_syncing(&mut self, lacks: &[MissingPart], now: Now) -> ConnectionState {
        let since = self.syncing_since().unwrap_or(now.mono);
        if now.mono.since(since) < LATE_AFTER {
            return ConnectionState::Syncing { since, pages: None, until: None, reason: None };
        }
        let failing: Vec<MissingPart> = lacks.iter().filter(|lack| self.has_failed(lack.part)).cloned().collect();
        self.report_missing(&failing, now);
        let waiting = self.waiting(now.mono).map(|(until, reason)| (until, reason.to_owned()));
        let mut reason = match (&waiting, failing.is_empty()) {
            (_, false) => parts::sentence(&failing),
            (Some((_, reason)), true) => reason.clone(),
            (None, true) if self.proofs.holds_pass() => format!("{}: no answer", Part::Account),
            (None, true) if self.is_unanswered(now.mono) => "the broker is slow to answer".to_owned(),
            (None, true) => "the broker is answering; there is a lot to fetch".to_owned(),
        };
        let unshown = self.unshown(since, now.mono);
        if let Some((_, words)) = &unshown {
            reason.push_str(words);
        } else if let Phase::Syncing { held } = &self.phase
            && !held.is_empty()
        {
            // After this long, held updates wait for nothing else.
            reason.push_str("; stream updates are held until the account is confirmed");
        }
        let until = waiting.map(|(until, _)| until).max(unshown.and_then(|(until, _)| until));
        ConnectionState::Syncing {
            since,
            pages: self.resync.as_ref().map(crate::session::resync::Resync::progress),
            until,
            reason: Some(reason),
        }
    }

    /// True if no request has been answered for so long that a person wonders why.
    fn is_unanswered(&self, now: Mono) -> bool {
        self.answered_at.is_none_or(|at| now.since(at) >= LATE_AFTER)
    }

    fn state_when_polling(&self, lacks: &[MissingPart], now: Now) -> ConnectionState {
        let mut reason = self.no_stream.clone();
        if !lacks.is_empty() {
            reason = format!("{reason}; {}", parts::sentence(lacks));
        }
        if let Some(block) = &self.block {
            return ConnectionState::Blocked { reason: format!("{block}; {reason}") };
        }
        let since = match self.state {
            ConnectionState::Polling { since, .. } => since,
            _ => now.mono,
        };
        let unshown = self.unshown(since, now.mono);
        if let Some((_, words)) = &unshown {
            reason.push_str(words);
        }
        ConnectionState::Polling { since, until: unshown.and_then(|(until, _)| until), reason }
    }

    /// Once the account has not answered for some seconds: until when it is not requested, and the reason why nothing else is
    /// shown.
    fn unshown(&self, since: Mono, now: Mono) -> Option<(Option<Mono>, String)> {
        let late = self.has_failed(Part::Account) || now.since(since) >= LATE_AFTER;
        if !late || !self.is_unidentified() || self.another_answers() {
            return None;
        }
        let limit = Request::Account.route().limit;
        let mut words =
            "; nothing else is shown until the account answers, because it might be another account's".to_owned();
        if let Some(wait) = self.waits.length(limit, now) {
            words.push_str(&format!(
                "; the broker asked to wait {} s before the account is requested again",
                wait.as_secs().max(1)
            ));
        }
        Some((self.waits.until(limit, now), words))
    }

    pub(super) fn syncing_since(&self) -> Option<Mono> {
        match self.state {
            ConnectionState::Syncing { since, .. } => Some(since),
            _ => None,
        }
    }

    /// True if a part failed, as opposed to not answered yet.
    fn has_failed(&self, part: Part) -> bool {
        self.parts.has_failed(part)
    }

    /// Reports what is missing for long, and why; again when the reason has changed.
    fn report_missing(&mut self, lacks: &[MissingPart], now: Now) {
        if lacks.is_empty() && self.follows() {
            self.over(Fault::Incomplete);
            self.over(Fault::Snapshot);
        }
        if self.parts.has_news(lacks, now.mono) {
            self.fault(Fault::Incomplete, format!("the data is incomplete: {}", parts::sentence(lacks)));
        }
    }

    /// Notes that a part was answered in full.
    pub(super) fn part_is_good(&mut self, part: Part, now: Now) {
        if self.parts.good(part, now) {
            self.out.push_back(Output::Log(format!("{part}: complete again")));
        }
    }

    /// Until when no requests are sent, and why.
    pub(super) fn waiting(&self, now: Mono) -> Option<(Mono, &str)> {
        let request_pause = self.request_pause.iter().chain(&self.queued).filter(|pause| pause.until > now);
        request_pause.max_by_key(|pause| pause.until).map(|pause| (pause.until, pause.reason.as_str()))
    }
}
