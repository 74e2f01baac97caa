//! Stream events: opening, updates, and every way a stream ends.

use super::{Duration, Fault, Mono, Now, Output, Phase, Session, Timer};
use crate::domain::TradeUpdate;
use crate::domain::blotter::Blotter;
use crate::domain::disabled_rule::{DisabledRule, left_out};
use crate::domain::order::OrderStatus;
use crate::domain::text::counted;
use crate::domain::update::TradeEvent;
use crate::session::event::{AuthForm, Closed, StreamEvent};
use crate::session::request::RequestId;
use crate::session::resync::RATE_LIMIT_WAIT;
use crate::session::state::ConnectionState;

/// Why an account is polled while another instance streams it.
const ELSEWHERE: &str = "another brokerdeck on this machine is streaming the account";
/// A connection that lasted this long resets the attempt count.
const HEALTHY: Duration = Duration::from_mins(1);
/// While polling, how often to try for a stream again.
const STREAM_AGAIN: Duration = Duration::from_mins(5);
/// After this many consecutive streams that never listened or did not last, REST alone keeps the snapshot current.
const FAILED: u32 = 3;
/// A stream that listened for this long has lasted, once its first pass was merged.
const LASTS: Duration = Duration::from_secs(30);
/// The wait after the third stream that did not last; doubled for each further one, up to [`STREAM_AGAIN`].
const ENDS_SOON: Duration = Duration::from_secs(30);
/// A refusal that asks for a longer wait than this counts as that many; REST is asked this often until it answers.
const LONG_REFUSAL: Duration = Duration::from_secs(15);

/// Consecutive streams that could not be opened or did not last.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Failures {
    count: u32,
    /// Those that listened and ended soon after.
    ended_soon: u32,
    /// When the last stream began to listen, if it did.
    listened_at: Option<Mono>,
}

impl Failures {
    /// How long to wait after streams that did not last: another program may be taking the stream away each time.
    fn wait(&self, jitter: u64) -> Duration {
        let Some(doublings) = self.ended_soon.checked_sub(FAILED) else { return Duration::ZERO };
        let longest = (ENDS_SOON * (1 << doublings.min(4))).min(STREAM_AGAIN);
        let part = longest / 3;
        part * 2 + Duration::from_millis(jitter % (part.as_secs() * 1_000))
    }
}

impl Session {
    pub(super) fn on_stream(&mut self, event: StreamEvent, blotter: &mut Blotter, now: Now) {
        match event {
            StreamEvent::Authorized { form, message } => {
                self.form = form;
                if let Some(message) = message {
                    self.log(format!("the broker says: {message}"));
                }
            }
            StreamEvent::Listening { trade_updates: true } if self.is_opening() => self.listening(now),
            StreamEvent::Listening { trade_updates: false } => {
                self.on_closed(Closed::Lost { message: "the stream does not offer trade updates".to_owned() }, now);
            }
            StreamEvent::Listening { .. } if left_out(DisabledRule::ListenFirst) => self.go_live(blotter, now),
            StreamEvent::Opened | StreamEvent::Listening { .. } => {}
            StreamEvent::Update(update) => self.on_update(*update, blotter, now),
            StreamEvent::Pong { latency } => self.latency = Some(latency),
            StreamEvent::Unknown { text } => {
                self.log(format!("a frame could not be read: {text}"));
                self.audit_unknown(now);
            }
            StreamEvent::Closed(closed) => {
                self.merge_held(blotter, now);
                self.on_closed(closed, now);
            }
        }
    }

    /// True while a stream is being opened, alone or while polling.
    const fn is_opening(&self) -> bool {
        matches!(self.phase, Phase::Opening) || (matches!(self.phase, Phase::Polling) && self.trying)
    }

    /// The stream is listening: starts a pass, since only one that begins now sees everything that the
    /// stream will not report.
    fn listening(&mut self, now: Now) {
        if self.early || matches!(self.phase, Phase::Polling) {
            self.drop_rest();
        }
        self.timers.clear(Timer::Early);
        self.timers.clear(Timer::Reconnect);
        (self.failures.listened_at, self.trying) = (Some(now.mono), false);
        self.phase = Phase::Syncing { held: Vec::new() };
        self.show(ConnectionState::Syncing { since: now.mono, pages: None, until: None, reason: None });
        self.start_pass(now);
    }

    fn on_update(&mut self, update: TradeUpdate, blotter: &mut Blotter, now: Now) {
        if matches!(self.phase, Phase::Syncing { .. }) {
            self.recognise_update(&update, blotter);
        }
        match &mut self.phase {
            Phase::Syncing { held } if held.len() >= self.limits.held => {
                self.log("more updates arrived while syncing than can be held; starting over");
                self.begin(now);
            }
            Phase::Syncing { held } => held.push(update),
            Phase::Live => self.merge(&update, blotter, now),
            // There is no subscription in these phases; a late frame belongs to a stream that is being closed.
            Phase::Idle | Phase::Opening | Phase::Backoff | Phase::Confirming | Phase::Polling | Phase::Dead => {}
        }
    }

    /// Merges a live update and notes what it leaves open.
    pub(super) fn merge(&mut self, update: &TradeUpdate, blotter: &mut Blotter, now: Now) {
        // For a multi-leg order, only the parent's frame reports its legs.
        for order in std::iter::once(&update.order).chain(&update.legs) {
            self.audits.note_report(&order.id, now.mono);
            // REST contradicted an earlier state; whether it contradicts this one is not known yet.
            self.conflicts.remove(&order.id);
            if blotter.order(&order.id).is_none() {
                self.doubted.reported(&order.id, RequestId(self.next_request));
            }
        }
        let changes = blotter.apply_update(update);
        if !changes.gaps.is_empty() {
            // The order states a larger executed quantity than was reported: an update is missing.
            self.audit_within(Duration::from_millis(500), now);
        }
        if matches!(update.event, TradeEvent::Other(_)) || matches!(update.order.status, OrderStatus::Other(_)) {
            self.audit_unknown(now);
        }
        for execution in &update.executions {
            self.holdings.on_stream_execution(execution, now.mono);
        }
        if !changes.executions.is_empty() {
            self.refresh_soon(now);
        }
        if blotter.working_count() > 0 {
            // An audit planned while no order was working may be minutes away.
            self.audit_within(super::audit::BUSY, now);
        }
        self.changed(changes, blotter, now);
    }

    pub(super) fn on_closed(&mut self, closed: Closed, now: Now) {
        if matches!(self.phase, Phase::Polling) {
            return self.on_closed_while_polling(closed, now);
        }
        match closed {
            Closed::Asked => {}
            Closed::Elsewhere => {
                self.log(format!("{ELSEWHERE}; polling REST instead"));
                self.poll_instead(ELSEWHERE.to_owned(), now);
            }
            Closed::AuthRefused { message } => self.confirm(message, true, now),
            Closed::Connect { status: Some(status @ (401 | 403)), message, .. } => {
                self.confirm(format!("{message} ({status})"), true, now);
            }
            Closed::Connect { status: Some(404 | 405 | 501), .. } if self.form == AuthForm::Sse => {
                self.next_form("the event stream is not offered".to_owned(), now);
            }
            Closed::AuthSilent => {
                self.failures.count = self.failures.count.saturating_add(1);
                if !self.poll_between_forms(now) {
                    self.next_form("the stream did not answer".to_owned(), now);
                }
            }
            other => {
                let asked = asked_wait(&other);
                let reason = words(other);
                let at_least = self.bounded(Fault::Connection, asked, &reason);
                self.lost(at_least, reason, now);
            }
        }
    }

    /// The stream ended. REST is asked at once, whatever the stream does; a pass in progress goes on.
    fn lost(&mut self, at_least: Duration, reason: String, now: Now) {
        let wait = self.count_failure(at_least, now);
        self.no_stream_before = now.mono + wait;
        self.no_stream.clone_from(&reason);
        self.early |= self.failures.listened_at.is_some();
        self.end_stream(now);
        self.log(format!("lost: {reason}"));
        if self.poll_if_answered(now) {
            return;
        }
        self.wait_for_stream(wait, reason, now);
        let count = self.failures.count;
        let long = at_least > LONG_REFUSAL;
        if self.failures.listened_at.is_some() || long || count <= FAILED || count.is_multiple_of(5) {
            self.start_early(now);
        }
    }

    /// Counts a stream that never listened or did not last; returns how long to wait at least before the next one.
    fn count_failure(&mut self, at_least: Duration, now: Now) -> Duration {
        let Failures { listened_at, .. } = self.failures;
        let lasted = matches!(self.phase, Phase::Live) && listened_at.is_some_and(|at| at + LASTS <= now.mono);
        if lasted {
            self.failures = Failures { listened_at, ..Failures::default() };
            return at_least;
        }
        let listened = !matches!(self.phase, Phase::Opening);
        if !listened {
            self.failures.listened_at = None;
        }
        let counts = if at_least > LONG_REFUSAL { FAILED } else { 1 };
        self.failures.count = self.failures.count.saturating_add(counts);
        self.failures.ended_soon = self.failures.ended_soon.saturating_add(u32::from(listened));
        at_least.max(self.failures.wait(self.jitter.next()))
    }

    /// REST does not answer either: asks it again before the wait that the refusal of the stream asked for is over.
    pub(super) fn ask_before_a_late_attempt(&mut self, now: Now) {
        if self.no_stream_before > now.mono + LONG_REFUSAL {
            self.timers.set(Timer::Early, now.mono + LONG_REFUSAL);
        }
    }

    /// Starts polling after three streams that never listened or did not last, if REST answers.
    pub(super) fn poll_if_answered(&mut self, now: Now) -> bool {
        let Failures { count, ended_soon, listened_at } = self.failures;
        let lost_at = self.outage.map_or(now.mono, |outage| outage.since);
        // What was answered while the stream listened counts too.
        let since = listened_at.map_or(lost_at, |at| at.min(lost_at));
        let wanted = matches!(self.phase, Phase::Backoff) && count >= FAILED;
        if !wanted || self.answered_at.is_none_or(|at| at < since) {
            return false;
        }
        let what = if ended_soon >= FAILED { "no stream lasts" } else { "no stream" };
        let reason = format!("{what}: {}", self.no_stream);
        let text = format!("no order stream is available ({}); polling REST instead", self.no_stream);
        self.fault(Fault::Connection, text);
        let planned = self.timers.at(Timer::Reconnect);
        self.poll_instead(reason, now);
        let next = planned.unwrap_or_else(|| now.mono + self.next_attempt(now));
        self.timers.set(Timer::Reconnect, self.no_stream_before.max(next));
        true
    }

    /// Tries to open a stream while polling.
    pub(super) fn try_stream(&mut self, now: Now) {
        self.close_stream();
        self.attempt += 1;
        self.trying = true;
        self.log(format!("trying to open a stream, {}", name(self.form)));
        self.out.push_back(Output::OpenStream(self.epoch, self.form));
        // A stream that opens and stays silent is closed by its own deadline; this timer is the last resort.
        self.timers.set(Timer::Reconnect, now.mono + STREAM_AGAIN);
    }

    fn on_closed_while_polling(&mut self, closed: Closed, now: Now) {
        self.trying = false;
        let after = match closed {
            Closed::Asked => return,
            Closed::Elsewhere => {
                ELSEWHERE.clone_into(&mut self.no_stream);
                self.timers.clear(Timer::Reconnect);
                return;
            }
            Closed::AuthRefused { .. } | Closed::AuthSilent | Closed::Connect { status: Some(401 | 403), .. } => {
                if let Some(form) = self.form.next() {
                    self.form = form;
                    return self.try_stream(now);
                }
                self.form = AuthForm::Authenticate;
                STREAM_AGAIN
            }
            other => {
                if self.form == AuthForm::Sse {
                    self.form = AuthForm::Authenticate;
                }
                let asked = asked_wait(&other);
                let reason = words(other);
                let at_least = self.bounded(Fault::Connection, asked, &reason);
                self.no_stream = format!("no stream: {reason}");
                self.no_stream_before = now.mono + at_least;
                self.next_attempt(now).max(at_least)
            }
        };
        self.timers.set(Timer::Reconnect, now.mono + after);
    }

    /// Tries the next form of authentication on a new socket; after the last, starts polling.
    pub(super) fn next_form(&mut self, reason: String, now: Now) {
        if let Some(form) = self.form.next() {
            self.log(format!("{reason}; trying {}", name(form)));
            self.form = form;
            self.begin_again(now);
            return;
        }
        self.poll_without_stream(reason, now);
    }

    /// Starts polling after three failures, if REST answers, and tries the next form of authentication meanwhile: a form
    /// that is not answered takes ten seconds.
    fn poll_between_forms(&mut self, now: Now) -> bool {
        let lost_at = self.outage.map_or(now.mono, |outage| outage.since);
        let Some(form) = self.form.next() else { return false };
        if self.failures.count < FAILED || self.answered_at.is_none_or(|at| at < lost_at) {
            return false;
        }
        self.form = form;
        self.poll_instead("the stream did not answer".to_owned(), now);
        self.try_stream(now);
        true
    }

    /// Starts polling because no form of the stream accepts the token.
    pub(super) fn poll_without_stream(&mut self, reason: String, now: Now) {
        self.form = AuthForm::Authenticate;
        self.fault(Fault::Connection, format!("no order stream is available ({reason}); polling REST instead"));
        self.poll_instead(reason, now);
        self.timers.set(Timer::Reconnect, now.mono + STREAM_AGAIN);
    }

    /// Starts polling; an early pass goes on.
    fn poll_instead(&mut self, reason: String, now: Now) {
        self.close_stream();
        if !std::mem::take(&mut self.early) {
            self.drop_rest();
        }
        self.phase = Phase::Polling;
        self.no_stream.clone_from(&reason);
        self.show(ConnectionState::Polling { since: now.mono, until: None, reason });
        self.start_pass(now);
    }

    /// Goes live after the first snapshot: held updates pass through the same merge as live ones.
    pub(super) fn go_live(&mut self, blotter: &mut Blotter, now: Now) {
        let Phase::Syncing { held } = std::mem::replace(&mut self.phase, Phase::Live) else { return };
        self.recovered += self.merge_replay(blotter, now);
        for update in held {
            self.merge(&update, blotter, now);
        }
        self.timers.set(Timer::Healthy, now.mono + HEALTHY);
    }

    /// Logs the length of the outage and the executions recovered.
    pub(super) fn report_outage(&mut self, recovered: usize, now: Now) {
        let recovered = recovered + std::mem::take(&mut self.recovered);
        let Some(outage) = self.outage.take() else { return };
        let seconds = now.mono.since(outage.since).as_secs();
        let text = match (outage.was_live, recovered) {
            (false, _) => "connected".to_owned(),
            (true, 0) => format!("back after {seconds} s; nothing was missed"),
            (true, count) => format!("back after {seconds} s; recovered {}", counted(count, "execution")),
        };
        self.out.push_back(Output::Log(text));
    }
}

/// The wait that the broker asked for; a 429 without one gets the default.
const fn asked_wait(closed: &Closed) -> Duration {
    match closed {
        Closed::Connect { retry_after: Some(asked), .. } => *asked,
        Closed::Connect { status: Some(429), .. } => RATE_LIMIT_WAIT,
        _ => Duration::ZERO,
    }
}

/// Why a stream ended, as a sentence without a final stop.
fn words(closed: Closed) -> String {
    match closed {
        Closed::Connect { status: Some(status), message, .. } => format!("{message} ({status})"),
        Closed::Connect { status: None, message, .. } | Closed::Lost { message } => message,
        Closed::AuthRefused { message } => format!("the stream refused the token: {message}"),
        Closed::AuthSilent => "the stream did not answer".to_owned(),
        Closed::Silent => "nothing was received for 20 s".to_owned(),
        Closed::BrokerError { message } => format!("the broker said: {message}"),
        Closed::Elsewhere => ELSEWHERE.to_owned(),
        Closed::Asked => "closed".to_owned(),
    }
}

const fn name(form: AuthForm) -> &'static str {
    match form {
        AuthForm::Authenticate => "the documented authentication",
        AuthForm::AuthKey => "key authentication",
        AuthForm::Sse => "server-sent events",
    }
}
