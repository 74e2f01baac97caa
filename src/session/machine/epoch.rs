//! The beginning and end of an epoch: what is opened, what is dropped, and the wait between two epochs.

use super::Outage;
use super::{Duration, EARLY, Fault, Now, Output, Phase, REPORTED_AFTER, Session, Timer};
use crate::domain::disabled_rule::{DisabledRule, left_out};
use crate::session::backoff;
use crate::session::state::ConnectionState;

impl Session {
    /// Drops everything in progress; late answers are ignored.
    pub(super) fn abandon(&mut self) {
        self.timers.clear_all();
        self.drop_rest();
        (self.confirm, self.refused) = (None, None);
        self.close_stream();
    }

    /// Drops all REST requests.
    pub(super) fn drop_rest(&mut self) {
        self.resync = None;
        self.asked_from = self.next_request;
        (self.early, self.recognised) = (false, false);
        self.refresh.clear();
        self.proofs.abandon();
        self.replays.abandon();
        self.parts.begin();
        for timer in [Timer::Retry, Timer::Audit, Timer::Refresh, Timer::Marks, Timer::Figures, Timer::Held] {
            self.timers.clear(timer);
        }
        self.out.push_back(Output::DropRequests);
    }

    /// Ends the stream of this epoch.
    pub(super) fn close_stream(&mut self) {
        for timer in [Timer::Reconnect, Timer::Verdict, Timer::Early, Timer::Healthy] {
            self.timers.clear(timer);
        }
        self.audits.forget();
        self.latency = None;
        self.trying = false;
        self.epoch.0 += 1;
        self.out.push_back(Output::CloseStream);
    }

    /// Opens a new epoch.
    pub(super) fn begin(&mut self, now: Now) {
        self.lose(now);
        self.abandon();
        self.open(now);
    }

    /// Opens a new epoch after one whose stream never listened; an early pass over REST goes on.
    pub(super) fn begin_again(&mut self, now: Now) {
        self.lose(now);
        self.close_stream();
        if !self.early {
            self.drop_rest();
        }
        self.open(now);
    }

    pub(super) fn open(&mut self, now: Now) {
        self.attempt += 1;
        self.phase = Phase::Opening;
        if left_out(DisabledRule::ListenFirst) {
            self.phase = Phase::Syncing { held: Vec::new() };
            self.start_pass(now);
            return;
        }
        self.timers.set(Timer::Early, now.mono + EARLY);
        self.out.push_back(Output::OpenStream(self.epoch, self.form));
        self.show(ConnectionState::Connecting { since: now.mono });
    }

    /// Notes when the outage began.
    pub(super) fn lose(&mut self, now: Now) {
        let was_live = matches!(self.phase, Phase::Live);
        self.outage.get_or_insert(Outage { since: now.mono, was_live, reported: false });
    }

    /// Waits before the next attempt.
    pub(super) fn back_off(&mut self, reason: String, now: Now) {
        self.back_off_for(Duration::ZERO, reason, now);
    }

    /// Ends this epoch's stream; an early pass over REST goes on.
    pub(super) fn end_stream(&mut self, now: Now) {
        self.lose(now);
        self.close_stream();
        if !self.early {
            self.drop_rest();
        }
        // What the account endpoint has refused counts for the next check.
        (self.phase, self.confirm) = (Phase::Backoff, None);
        self.timers.clear(Timer::Confirm);
    }

    /// The same, for at least `at_least`.
    pub(super) fn back_off_for(&mut self, at_least: Duration, reason: String, now: Now) {
        self.end_stream(now);
        self.log(format!("lost: {reason}"));
        self.wait_for_stream(at_least, reason, now);
    }

    /// Waits before the next attempt, for at least `at_least`.
    pub(super) fn wait_for_stream(&mut self, at_least: Duration, reason: String, now: Now) {
        let attempt = self.attempt.max(1);
        self.report_lasting_outage(&reason);
        let until = now.mono + self.next_attempt(now).max(at_least);
        self.timers.set(Timer::Reconnect, until);
        self.show(ConnectionState::Reconnecting { attempt, until, reason });
    }

    /// How long to wait before the next attempt.
    pub(super) fn next_attempt(&mut self, now: Now) -> Duration {
        let age = self.outage.map_or(Duration::ZERO, |outage| now.mono.since(outage.since));
        backoff::delay(self.attempt.max(1), age, self.jitter.next())
    }

    /// Reports an outage that lasts, once.
    pub(super) fn report_lasting_outage(&mut self, reason: &str) {
        let lasts = self.attempt >= REPORTED_AFTER;
        if let Some(outage) = self.outage.as_mut().filter(|outage| lasts && !outage.reported) {
            outage.reported = true;
            self.fault(Fault::Connection, format!("no connection: {reason}"));
        }
    }
}
