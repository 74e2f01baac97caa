//! Whether a refused token is dead: only the API itself can say so, and only over a minute (docs/ALPACA.md 2.7).
//!
//! A gateway's error page is not an answer of the API ([`RequestErrorKind::Server`]); one 401 is no proof. A dead token
//! is probed rarely, since a refusal may end by itself, and a new one is looked for.

use super::{Duration, Mono, Now, Output, Phase, Session, Timer};
use crate::session::request::{OrderFilter, OrdersQuery, Reply, Request, RequestError, RequestErrorKind, RequestId};
use crate::session::state::ConnectionState;

/// How long refusals must last, and how often the account is requested meanwhile.
pub(super) const MINUTE: Duration = Duration::from_mins(1);
const ASK_EVERY: Duration = Duration::from_secs(5);
/// How often a dead token is probed, and how often a new one is looked for.
const PROBE_EVERY: Duration = Duration::from_hours(1);
const RENEW_EVERY: Duration = Duration::from_secs(5);

/// A refusal that is being checked.
#[derive(Debug)]
pub(super) struct Confirm {
    /// The broker's words.
    refusal: String,
    /// The request in flight.
    asked: Option<RequestId>,
}

/// Refusals by the account endpoint, none of which is over a minute after the one before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refused {
    since: Mono,
    last: Mono,
}

impl Refused {
    fn again(before: Option<Self>, now: Mono) -> Self {
        let goes_on = before.filter(|before| now.since(before.last) <= MINUTE);
        Self { since: goes_on.map_or(now, |before| before.since), last: now }
    }
}

impl Session {
    /// Checks a refusal with the account endpoint before believing it; `stream` is true if the stream refused.
    pub(super) fn confirm(&mut self, refusal: String, stream: bool, now: Now) {
        if stream {
            self.close_stream();
            self.phase = Phase::Confirming;
            let until = now.mono + ASK_EVERY;
            let reason = format!("the stream refused the token: {refusal}");
            self.show(ConnectionState::Reconnecting { attempt: self.attempt.max(1), until, reason });
        }
        if self.confirm.is_none() {
            // A good answer since then ended it.
            let answered = self.answered_at;
            self.refused = self.refused.filter(|refused| answered.is_none_or(|at| at < refused.since));
            self.confirm = Some(Confirm { refusal, asked: None });
            self.ask_to_confirm(now);
        }
    }

    pub(super) fn ask_to_confirm(&mut self, now: Now) {
        if self.confirm.as_ref().is_none_or(|confirm| confirm.asked.is_some()) {
            return;
        }
        let paused = self.request_pause.as_ref().map(|pause| pause.until);
        let waits = paused.filter(|until| *until > now.mono).max(self.waits_for(&Request::Account, now.mono));
        if let Some(until) = waits {
            self.timers.set(Timer::Confirm, until);
            return;
        }
        let id = self.fresh_id();
        if let Some(confirm) = &mut self.confirm {
            confirm.asked = Some(id);
        }
        self.send(id, Request::Account);
    }

    /// True for the answer to the check in flight.
    pub(super) fn confirms(&self, id: RequestId) -> bool {
        self.confirm.as_ref().is_some_and(|confirm| confirm.asked == Some(id))
    }

    pub(super) fn on_confirmed(&mut self, result: Result<Box<Reply>, RequestError>, now: Now) {
        let Some(mut confirm) = self.confirm.take() else { return };
        confirm.asked = None;
        let Err(error) = result else { return self.token_works(&confirm, now) };
        match error.kind {
            RequestErrorKind::Unauthorized | RequestErrorKind::Forbidden => self.token_refused(confirm, &error, now),
            _ => {
                // Not an answer of the API: it proves nothing.
                match self.phase {
                    Phase::Dead => self.wait_for_a_token(now),
                    Phase::Confirming => return self.back_off(error.message, now),
                    _ => self.timers.set(Timer::Confirm, now.mono + ASK_EVERY),
                }
                self.confirm = Some(confirm);
            }
        }
    }

    fn token_works(&mut self, confirm: &Confirm, now: Now) {
        self.timers.clear(Timer::Confirm);
        let refused = self.refused.take();
        match self.phase {
            // The token works, so the stream refuses this form of authentication.
            Phase::Confirming if refused.is_none() => {
                self.next_form(format!("the stream refused the token: {}", confirm.refusal), now);
            }
            Phase::Confirming => {
                self.back_off(format!("the token was refused for a while: {}", confirm.refusal), now);
            }
            Phase::Dead => {
                self.log("the token is accepted again");
                self.begin(now);
            }
            _ => {
                self.log(format!("a request was refused: {}; the token works", confirm.refusal));
                if matches!(self.phase, Phase::Polling) {
                    // A stream that refused the token may accept it now.
                    self.timers.advance(Timer::Reconnect, now.mono);
                }
            }
        }
    }

    fn token_refused(&mut self, confirm: Confirm, error: &RequestError, now: Now) {
        if matches!(self.phase, Phase::Dead) {
            self.confirm = Some(confirm);
            return self.wait_for_a_token(now);
        }
        let Refused { since, .. } = *self.refused.insert(Refused::again(self.refused, now.mono));
        // Another good answer with this token proves that it is not dead.
        let proven = self.answered_at.is_some_and(|at| now.mono.since(at) <= MINUTE);
        // Without a status nothing was sent: there is no token.
        if error.status.is_none() || (now.mono.since(since) >= MINUTE && !proven) {
            return self.give_up(error.message.clone(), now);
        }
        self.out.push_back(Output::Renew);
        if matches!(self.phase, Phase::Confirming) && self.answered_at.is_some_and(|at| at > since) {
            // The token works for some endpoints: REST shows what it can.
            let reason = format!("the stream refused the token: {}", confirm.refusal);
            self.confirm = Some(confirm);
            self.timers.set(Timer::Confirm, now.mono + ASK_EVERY);
            return self.poll_without_stream(reason, now);
        }
        // While polling, the passes ask, but failing ones may be a minute apart.
        let lately = self.answered_at.is_some_and(|at| now.mono.since(at) <= MINUTE / 2);
        if !matches!(self.phase, Phase::Polling) || !lately {
            self.ask_something_else(now);
        }
        let until = now.mono + ASK_EVERY;
        self.timers.set(Timer::Confirm, until);
        self.confirm = Some(confirm);
        if matches!(self.phase, Phase::Confirming) {
            let reason =
                format!("the token is refused: {}; retrying for a minute before asking to relink", error.brief());
            self.show(ConnectionState::Reconnecting { attempt: self.attempt.max(1), until, reason });
        } else {
            self.parts.failed(crate::session::parts::Part::Account, error, now);
        }
    }

    /// Requests other endpoints: if one accepts the token, it is not dead.
    fn ask_something_else(&mut self, now: Now) {
        if self.must_wait(now.mono) {
            return;
        }
        let orders = OrdersQuery::newest(OrderFilter::All, 1);
        for request in [Request::Orders(orders), Request::Positions] {
            if self.waits_for(&request, now.mono).is_some() {
                continue;
            }
            let id = self.fresh_id();
            self.send(id, request);
        }
    }

    /// The API refused the token for a minute: only relinking is known to help.
    fn give_up(&mut self, reason: String, now: Now) {
        self.abandon();
        self.phase = Phase::Dead;
        self.log(format!("the token was refused: {reason}"));
        self.confirm = Some(Confirm { refusal: reason.clone(), asked: None });
        self.wait_for_a_token(now);
        self.show(ConnectionState::NeedsRelink { reason });
    }

    /// Stops because another account answers: nothing of it is merged or shown. It is probed like a dead token, since
    /// relinking may bring back the right account.
    pub(super) fn reject_account(&mut self, reason: String, now: Now) {
        self.abandon();
        self.phase = Phase::Dead;
        self.log(reason.clone());
        self.confirm = Some(Confirm { refusal: reason.clone(), asked: None });
        self.wait_for_a_token(now);
        self.show(ConnectionState::NeedsRelink { reason });
    }

    fn wait_for_a_token(&mut self, now: Now) {
        self.timers.set(Timer::Confirm, now.mono + PROBE_EVERY);
        self.timers.hasten(Timer::Renew, now.mono + RENEW_EVERY);
    }

    /// Looks for a new token: the account may have been relinked, in this program or another.
    pub(super) fn look_for_a_token(&mut self, now: Now) {
        if matches!(self.phase, Phase::Dead) {
            self.out.push_back(Output::Renew);
            self.timers.set(Timer::Renew, now.mono + RENEW_EVERY);
        }
    }
}
