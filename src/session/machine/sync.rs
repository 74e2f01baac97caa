//! What REST says: passes, refreshed balances, the confirmation of a refusal.

use super::{
    Duration, MARKS_EVERY, MARKS_RARELY, Now, Output, POLL_EVERY, Phase, REFRESH_AFTER, REFRESH_EVERY, Session, Timer,
};
use crate::domain::ablation::{Ablation, left_out};
use crate::domain::blotter::Blotter;
use crate::domain::{Account, Position};
use crate::session::request::{Reply, Request, RequestError, RequestErrorKind, RequestId};
use crate::session::resync::{Picture, RATE_LIMIT_WAIT, Resync, Since, Step};
use crate::session::state::ConnectionState;

impl Session {
    /// Starts a pass over REST, unless one is under way.
    pub(super) fn start_pass(&mut self, now: Now) {
        if self.resync.is_some() || matches!(self.phase, Phase::Idle | Phase::Opening | Phase::Backoff | Phase::Dead) {
            return;
        }
        self.audits.pass_began(now.mono);
        let pursuit = std::mem::take(&mut self.pursuit);
        self.resync = Some(Resync::new(self.since, self.mark, self.is_unidentified(), self.limits, pursuit));
        self.ask(now);
        self.ask_replay(now);
    }

    /// Sends as many questions of the pass as may be under way.
    pub(super) fn ask(&mut self, now: Now) {
        if let Some(until) = self.hold_until.filter(|until| *until > now.mono) {
            self.timers.set(Timer::Retry, until);
            return;
        }
        let Some(resync) = &mut self.resync else { return };
        let next = &mut self.next_request;
        let mut fresh = || {
            let id = RequestId(*next);
            *next += 1;
            id
        };
        while let Some((id, request)) = resync.ask(&mut fresh) {
            self.out.push_back(Output::Request(id, request));
        }
    }

    pub(super) fn on_reply(
        &mut self,
        id: RequestId,
        result: Result<Box<Reply>, RequestError>,
        blotter: &mut Blotter,
        now: Now,
    ) {
        if let Ok(reply) = &result
            && let Reply::Account(account) = &**reply
            && id.0 >= self.asked_from
            && let Some(linked) = &self.linked
        {
            if *linked != account.id {
                if !(self.identified && self.may_be_reset) {
                    return self.turn_away(account);
                }
                self.linked = Some(account.id.clone());
            }
            self.identified = true;
        }
        if self.confirm == Some(id) {
            self.confirm = None;
            self.on_confirmed(result, now);
            return;
        }
        if let Some(place) = self.refresh.iter().position(|known| *known == id) {
            self.refresh.swap_remove(place);
            match result.map(|reply| *reply) {
                Ok(Reply::Account(account)) => self.on_account(account, blotter, now),
                Ok(Reply::Positions(positions)) => self.on_positions(positions),
                Err(error) if error.kind == RequestErrorKind::Unauthorized => self.confirm(error.message, false, now),
                Err(RequestError { kind: RequestErrorKind::RateLimited { retry_after }, .. }) => {
                    self.hold(retry_after.unwrap_or(RATE_LIMIT_WAIT), now);
                }
                // A failed refresh is repeated soon enough by the next one.
                Ok(_) | Err(_) => {}
            }
            return;
        }
        if self.replays.is_answer(id) {
            self.on_replay(result, blotter, now);
            return;
        }
        let Some(resync) = &mut self.resync else { return };
        if self.account.is_none()
            && let Ok(reply) = &result
            && let Reply::Account(account) = &**reply
            && let Phase::Syncing { held } = &mut self.phase
        {
            // Only now is it known whose updates these are; the rest of the picture is asked for after this.
            self.account = Some(account.id.clone());
            held.clear();
        }
        match resync.answer(id, result, blotter) {
            Step::Foreign => {}
            Step::More => self.ask(now),
            Step::Wait(after) => self.hold(after, now),
            Step::Refused(error) => self.confirm(error.message, false, now),
            Step::Done => {
                if let Some(resync) = self.resync.take() {
                    let (picture, next) = resync.finish();
                    self.on_picture(picture, next, blotter, now);
                }
            }
        }
    }

    /// Asks nothing for a while; a longer wait is not cut short by a later, shorter one.
    pub(super) fn hold(&mut self, after: Duration, now: Now) {
        let until = (now.mono + after).max(self.hold_until.unwrap_or_default());
        self.hold_until = Some(until);
        if self.resync.is_some() {
            self.timers.set(Timer::Retry, until);
        }
    }

    fn on_picture(&mut self, mut picture: Picture, next: Since, blotter: &mut Blotter, now: Now) {
        self.pursuit = std::mem::take(&mut picture.pursuit);
        if picture.account.is_none() && self.is_unidentified() {
            // Nobody said whose picture this is, and the account may have been reset while it was made.
            self.log("the account did not answer; everything is asked again");
            self.timers.set(Timer::Audit, self.audits.next(true, false, now.mono));
            return;
        }
        if let Some(account) = picture.account {
            let epoch = self.epoch;
            self.on_account(account, blotter, now);
            if self.epoch != epoch {
                // Another account answers: this picture is partly of the old one.
                return;
            }
        }
        if let Some(positions) = picture.positions {
            self.on_positions(positions);
        }
        if picture.history_before.is_some() {
            blotter.set_history_before(picture.history_before);
        }
        let changes = blotter.apply_snapshot(&picture.orders, &picture.activities);
        let recovered = changes.executions.len();
        if picture.complete {
            self.since = next;
            self.pictured = true;
        } else {
            self.log("a part of the picture could not be fetched; it is asked again");
        }
        match self.phase {
            // Not live on half a picture; what was held stays held.
            Phase::Syncing { .. } if picture.again => self.changed(changes),
            Phase::Syncing { .. } if left_out(Ablation::ListenFirst) => {
                self.changed(changes);
                self.out.push_back(Output::OpenStream(self.epoch, self.form));
            }
            Phase::Syncing { .. } => {
                self.report_outage(recovered, now);
                self.changed(changes);
                self.go_live(blotter, now);
                self.audits.restart(blotter.last_change_at(), now.mono);
                self.timers.set(Timer::Marks, now.mono + MARKS_EVERY);
            }
            Phase::Live => {
                if self.audits.found(&changes, picture.complete, blotter) {
                    self.timers.set(Timer::Verdict, now.mono + super::audit::GRACE);
                }
                if recovered > 0 {
                    self.refresh_soon(now);
                }
                self.changed(changes);
            }
            _ => self.changed(changes),
        }
        let next = if matches!(self.phase, Phase::Polling) {
            now.mono + POLL_EVERY
        } else {
            self.audits.next(
                blotter.working_count() > 0
                    || blotter.unsettled().next().is_some()
                    || blotter.awaiting().next().is_some(),
                picture.complete,
                now.mono,
            )
        };
        if !left_out(Ablation::Audit) {
            self.timers.set(Timer::Audit, next);
        }
        self.judge_disputes(blotter, now);
    }

    fn on_positions(&mut self, positions: Vec<Position>) {
        self.holds = !positions.is_empty();
        self.out.push_back(Output::Positions(positions));
    }

    /// Balances came: is it still the same account, and may it trade?
    fn on_account(&mut self, account: Box<Account>, blotter: &mut Blotter, now: Now) {
        let known = self.account.replace(account.id.clone());
        self.block = account.block();
        let number = account.number.clone();
        let changed = known.is_some_and(|known| known != account.id);
        self.out.push_back(Output::Account(account));
        if changed {
            blotter.reset();
            self.since = Since::default();
            let number = number.unwrap_or_else(|| "a new account".into());
            self.alarm(format!("the account was reset at the broker: {number} has no history from before"));
            self.out.push_back(Output::Reset);
            self.begin(now);
            return;
        }
        self.show_live(now);
        if self.block.is_none()
            && matches!(self.state, ConnectionState::Blocked { .. })
            && matches!(self.phase, Phase::Live)
        {
            self.show(ConnectionState::Live { since: now.mono });
        }
    }

    fn on_confirmed(&mut self, result: Result<Box<Reply>, RequestError>, now: Now) {
        let Phase::Confirming { refusal, stream } = std::mem::replace(&mut self.phase, Phase::Backoff) else { return };
        match result {
            // The token works: it is this form of authentication that the stream refuses.
            Ok(_) if stream => self.next_form(format!("the stream refused the token: {refusal}"), now),
            Ok(_) => self.back_off(format!("a request was refused once: {refusal}"), now),
            Err(error) => match error.kind {
                RequestErrorKind::Unauthorized | RequestErrorKind::Forbidden => self.give_up(error.message),
                RequestErrorKind::RateLimited { retry_after } => {
                    self.hold(retry_after.unwrap_or(RATE_LIMIT_WAIT), now);
                    self.back_off(error.message, now);
                }
                _ => self.back_off(error.message, now),
            },
        }
    }

    /// Balances and positions soon after an execution, coalesced.
    pub(super) fn refresh_soon(&mut self, now: Now) {
        let soon = now.mono + REFRESH_AFTER;
        let at = self.refreshed_at.map_or(soon, |last| soon.max(last + REFRESH_EVERY));
        self.timers.hasten(Timer::Refresh, at);
    }

    pub(super) fn ask_marks(&mut self, now: Now) {
        if !matches!(self.phase, Phase::Live) {
            return;
        }
        self.timers.set(Timer::Marks, now.mono + if self.holds { MARKS_EVERY } else { MARKS_RARELY });
        if !self.refresh.is_empty() || self.hold_until.is_some_and(|until| until > now.mono) {
            return;
        }
        self.refreshed_at = Some(now.mono);
        for request in [Request::Account, Request::Positions] {
            let id = self.fresh_id();
            self.refresh.push(id);
            self.out.push_back(Output::Request(id, request));
        }
    }
}
