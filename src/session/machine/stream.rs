//! What the stream says: the way up, updates, and every way it ends.

use super::{Duration, HEALTHY, Now, Output, Phase, STREAM_AGAIN, Session, Timer};
use crate::domain::TradeUpdate;
use crate::domain::ablation::{Ablation, left_out};
use crate::domain::blotter::Blotter;
use crate::domain::order::OrderStatus;
use crate::domain::update::TradeEvent;
use crate::session::event::{AuthForm, Closed, StreamEvent};
use crate::session::state::ConnectionState;

impl Session {
    pub(super) fn on_stream(&mut self, event: StreamEvent, blotter: &mut Blotter, now: Now) {
        match event {
            StreamEvent::Authorized { form, message } => {
                self.form = form;
                if let Some(message) = message {
                    self.log(format!("the broker says: {message}"));
                }
            }
            StreamEvent::Listening { trade_updates: true } if matches!(self.phase, Phase::Opening) => {
                self.phase = Phase::Syncing { held: Vec::new() };
                self.show(ConnectionState::Syncing { since: now.mono });
                self.start_pass(now);
            }
            StreamEvent::Listening { trade_updates: false } => {
                self.back_off("the stream does not offer trade updates".to_owned(), now);
            }
            StreamEvent::Listening { .. } if left_out(Ablation::ListenFirst) => self.go_live(blotter, now),
            StreamEvent::Opened | StreamEvent::Listening { .. } => {}
            StreamEvent::Update(update) => self.on_update(*update, blotter, now),
            StreamEvent::Pong { latency } => self.latency = Some(latency),
            StreamEvent::Unknown { text } => {
                self.log(format!("a frame could not be read: {text}"));
                self.audit_within(Duration::from_secs(1), now);
            }
            StreamEvent::Closed(closed) => self.on_closed(closed, now),
        }
    }

    fn on_update(&mut self, update: TradeUpdate, blotter: &mut Blotter, now: Now) {
        match &mut self.phase {
            Phase::Syncing { held } if held.len() >= self.limits.held => {
                self.log("more updates arrived while syncing than can be held; starting over");
                self.begin(now);
            }
            Phase::Syncing { held } => held.push(update),
            Phase::Live => self.merge(&update, blotter, now),
            // Nothing is listened to in these phases; a late frame belongs to a stream being closed.
            Phase::Idle | Phase::Opening | Phase::Backoff | Phase::Confirming { .. } | Phase::Polling | Phase::Dead => {
            }
        }
    }

    /// Merges a live update and notes what it leaves open.
    pub(super) fn merge(&mut self, update: &TradeUpdate, blotter: &mut Blotter, now: Now) {
        self.audits.heard(&update.order.id, now.mono);
        let changes = blotter.apply_update(update);
        if !changes.gaps.is_empty() {
            // The order states more executed than was told: an update went missing.
            self.audit_within(Duration::from_millis(500), now);
        }
        if matches!(update.event, TradeEvent::Other(_)) || matches!(update.order.status, OrderStatus::Other(_)) {
            self.audit_within(Duration::from_secs(1), now);
        }
        if !changes.executions.is_empty() {
            self.refresh_soon(now);
        }
        self.changed(changes);
    }

    fn on_closed(&mut self, closed: Closed, now: Now) {
        match closed {
            Closed::Asked => {}
            Closed::Elsewhere => {
                let reason = "another brokerdeck on this machine streams the account".to_owned();
                self.log(format!("{reason}; asking every few seconds instead"));
                self.poll_instead(reason, now);
            }
            Closed::AuthRefused { message } => self.confirm(message, true, now),
            Closed::Connect { status: Some(status @ (401 | 403)), message } => {
                self.confirm(format!("{message} ({status})"), true, now);
            }
            Closed::Connect { status: Some(404 | 405 | 501), .. } if self.form == AuthForm::Sse => {
                self.next_form("the event stream is not offered".to_owned(), now);
            }
            Closed::AuthSilent => self.next_form("the stream did not answer".to_owned(), now),
            Closed::Connect { status: Some(status), message } => self.back_off(format!("{message} ({status})"), now),
            Closed::Connect { status: None, message } | Closed::Lost { message } => self.back_off(message, now),
            Closed::Silent => self.back_off("nothing was heard for 20 s".to_owned(), now),
            Closed::BrokerError { message } => self.back_off(format!("the broker said: {message}"), now),
        }
    }

    /// Tries the next form of authentication on a new socket; after the last, REST alone keeps the picture.
    pub(super) fn next_form(&mut self, reason: String, now: Now) {
        if let Some(form) = self.form.next() {
            self.log(format!("{reason}; trying {}", name(form)));
            self.form = form;
            self.begin(now);
            return;
        }
        self.form = AuthForm::Authenticate;
        self.alarm(format!("no order stream can be had ({reason}); asking every few seconds instead"));
        self.poll_instead(reason, now);
        self.timers.set(Timer::Reconnect, now.mono + STREAM_AGAIN);
    }

    /// REST alone keeps the picture.
    fn poll_instead(&mut self, reason: String, now: Now) {
        self.abandon();
        self.phase = Phase::Polling;
        self.show(ConnectionState::Polling { since: now.mono, reason });
        self.start_pass(now);
    }

    /// The first picture is merged: what was held goes through the same merge, and the account is live.
    pub(super) fn go_live(&mut self, blotter: &mut Blotter, now: Now) {
        let Phase::Syncing { held } = std::mem::replace(&mut self.phase, Phase::Live) else { return };
        self.merge_replay(blotter, now);
        for update in held {
            self.merge(&update, blotter, now);
        }
        self.timers.set(Timer::Healthy, now.mono + HEALTHY);
        self.show_live(now);
    }

    /// Live, or blocked by a flag of the account while data flows.
    pub(super) fn show_live(&mut self, now: Now) {
        if !matches!(self.phase, Phase::Live) {
            return;
        }
        let state = match self.block {
            Some(flag) => ConnectionState::Blocked { reason: flag.to_owned() },
            None if self.state.is_live() => return,
            None => ConnectionState::Live { since: now.mono },
        };
        self.show(state);
    }

    /// Puts the executions recovered and the length of the outage into the history.
    pub(super) fn report_outage(&mut self, recovered: usize, now: Now) {
        let Some(outage) = self.outage.take() else { return };
        let seconds = now.mono.since(outage.since).as_secs();
        let text = match (outage.was_live, recovered) {
            (false, _) => "connected".to_owned(),
            (true, 0) => format!("back after {seconds} s; nothing was missed"),
            (true, 1) => format!("back after {seconds} s; recovered 1 execution"),
            (true, many) => format!("back after {seconds} s; recovered {many} executions"),
        };
        self.out.push_back(Output::Log(text));
    }
}

const fn name(form: AuthForm) -> &'static str {
    match form {
        AuthForm::Authenticate => "the documented form",
        AuthForm::AuthKey => "the key form",
        AuthForm::Sse => "server-sent events",
    }
}
