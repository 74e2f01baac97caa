//! What REST says: passes, refreshed balances, the confirmation of a refusal.

use super::{MARKS_EVERY, Now, Output, POLL_EVERY, Phase, REFRESH_AFTER, REFRESH_EVERY, Session, Timer};
use crate::domain::Account;
use crate::domain::blotter::Blotter;
use crate::session::request::{Reply, Request, RequestError, RequestErrorKind, RequestId};
use crate::session::resync::{Picture, Resync, Since, Step};
use crate::session::state::ConnectionState;

impl Session {
    /// Starts a pass over REST, unless one is under way.
    pub(super) fn start_pass(&mut self, now: Now) {
        if self.resync.is_some() || matches!(self.phase, Phase::Idle | Phase::Opening | Phase::Backoff | Phase::Dead) {
            return;
        }
        self.audits.pass_began(now.mono);
        self.resync = Some(Resync::new(now.wall, self.since));
        self.ask();
    }

    /// Sends as many questions of the pass as may be under way.
    pub(super) fn ask(&mut self) {
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
        if self.confirm == Some(id) {
            self.confirm = None;
            self.on_confirmed(result, now);
            return;
        }
        if let Some(place) = self.refresh.iter().position(|known| *known == id) {
            self.refresh.swap_remove(place);
            match result.map(|reply| *reply) {
                Ok(Reply::Account(account)) => self.on_account(account, blotter, now),
                Ok(Reply::Positions(positions)) => self.out.push_back(Output::Positions(positions)),
                Err(error) if error.kind == RequestErrorKind::Unauthorized => self.confirm(error.message, false),
                // A failed refresh is repeated soon enough by the next one.
                Ok(_) | Err(_) => {}
            }
            return;
        }
        let Some(resync) = &mut self.resync else { return };
        match resync.answer(id, result, blotter) {
            Step::Foreign => {}
            Step::More => self.ask(),
            Step::Wait(after) => self.timers.hasten(Timer::Retry, now.mono + after),
            Step::Refused(error) => self.confirm(error.message, false),
            Step::Done => {
                if let Some(resync) = self.resync.take() {
                    let began = resync.began;
                    self.on_picture(resync.finish(), began, blotter, now);
                }
            }
        }
    }

    fn on_picture(&mut self, picture: Picture, began: jiff::Timestamp, blotter: &mut Blotter, now: Now) {
        if let Some(account) = picture.account {
            let epoch = self.epoch;
            self.on_account(account, blotter, now);
            if self.epoch != epoch {
                // Another account answers: this picture is partly of the old one.
                return;
            }
        }
        if let Some(positions) = picture.positions {
            self.out.push_back(Output::Positions(positions));
        }
        let changes = blotter.apply_snapshot(&picture.orders, &picture.activities);
        let recovered = changes.executions.len();
        if picture.complete {
            self.since = Since { fills: blotter.last_fill_at(), orders: Some(began) };
        } else {
            self.log("a part of the picture could not be fetched; it is asked again");
        }
        match self.phase {
            Phase::Syncing { .. } => {
                self.report_outage(recovered, now);
                self.changed(changes);
                self.go_live(blotter, now);
                self.audits.restart(now.mono);
                self.timers.set(Timer::Marks, now.mono + MARKS_EVERY);
            }
            Phase::Live => {
                self.audits.found(&changes);
                if !changes.is_empty() {
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
            self.audits.next(blotter.working_count() > 0, picture.complete, now.mono)
        };
        self.timers.set(Timer::Audit, next);
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
            let number = number.as_deref().unwrap_or("a new account");
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
        self.timers.set(Timer::Marks, now.mono + MARKS_EVERY);
        if !self.refresh.is_empty() {
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
