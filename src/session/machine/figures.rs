//! Balances and positions: applied as they arrive, and requested between passes.

use super::{Duration, Fault, MARKS_EVERY, Mono, Now, Output, Phase, Session, Since, Timer};
use crate::domain::blotter::Blotter;
use crate::domain::{Account, Position, Qty, Symbol};
use crate::session::parts::{Freshness, Part};
use crate::session::request::{Reply, Request, RequestError, RequestErrorKind, Unread, unread_words};
use crate::session::resync::Endpoint;

/// Balances and positions are requested this soon after an execution, and at most this often.
const REFRESH_AFTER: Duration = Duration::from_millis(300);
const REFRESH_EVERY: Duration = Duration::from_secs(3);
/// The interval for an account without positions: only a transfer or a fill changes it, and fills are reported.
const MARKS_RARELY: Duration = Duration::from_mins(1);

impl Session {
    /// How fresh a part of the snapshot is.
    pub fn freshness(&self, part: Part, now: Mono) -> Freshness<'_> {
        let mut fresh = self.parts.freshness(part, self.follows(), now);
        if !fresh.current && fresh.reason.is_none() {
            fresh.reason = self.state.reason();
        }
        fresh
    }

    /// What executions have said against a part for longer than an answer takes: it was answered, and is not current. A
    /// sentence without a stop.
    pub fn contradiction(&self, part: Part, now: Mono) -> Option<String> {
        if part == Part::Positions { self.holdings.contradiction(now) } else { None }
    }

    /// Positions according to the last executions, where the position list does not agree yet.
    pub fn conflicts(&self) -> impl Iterator<Item = (&Symbol, Qty)> {
        self.holdings.conflicts()
    }

    /// The same, limited to differences that have lasted longer than an answer takes.
    pub fn lasting_conflicts(&self, now: Mono) -> impl Iterator<Item = (&Symbol, Qty)> {
        self.holdings.lasting_conflicts(now)
    }

    pub(super) fn on_refreshed(
        &mut self,
        part: Part,
        result: Result<Box<Reply>, RequestError>,
        blotter: &mut Blotter,
        now: Now,
    ) {
        let error = match result.map(|reply| reply.split()) {
            Ok((Reply::Account(account), unread)) => {
                self.limited.remove(&Endpoint::Account);
                return self.on_account(account, &unread, blotter, now);
            }
            Ok((Reply::Positions(_), _)) if self.is_unidentified() => return,
            Ok((Reply::Positions(positions), unread)) => {
                self.limited.remove(&Endpoint::Positions);
                return self.hold_positions(positions, unread, now);
            }
            Ok(_) => return self.parts.lost(part, RequestError::mismatch().message),
            Err(error) => error,
        };
        if matches!(error.kind, RequestErrorKind::RateLimited { .. }) {
            self.limited.insert(if part == Part::Account { Endpoint::Account } else { Endpoint::Positions });
        }
        self.parts.failed(part, &error, now);
        self.note_refusal(part, error, now);
    }

    pub(super) fn on_positions(&mut self, positions: Vec<Position>, unread: &[Unread], now: Now) {
        let positions = self.holdings.with_unread(positions, unread);
        self.holds = !positions.is_empty() || !unread.is_empty();
        match unread_words(unread) {
            None => self.part_is_good(Part::Positions, now),
            Some(words) => self.parts.partial(Part::Positions, words, now),
        }
        let found = self.holdings.compare(&positions, now.mono);
        self.out.push_back(Output::Positions(positions));
        for text in found.lasting {
            self.fault(Fault::Holdings, text);
        }
        for text in found.over {
            self.log(text);
        }
        if let Some(symbol) = found.unexplained.filter(|_| matches!(self.phase, Phase::Live)) {
            // A stream that is open and reports nothing looks like a quiet account.
            self.log(format!(
                "the position in {symbol} changed without an execution report; fetching everything again from REST"
            ));
            self.audit_unknown(now);
        }
        if !self.holdings.is_reported() {
            self.over(Fault::Holdings);
        }
        if self.holdings.is_open() && matches!(self.phase, Phase::Live) {
            self.refresh_soon(now);
        }
    }

    /// Applies new balances; checks whether the account is still the same and may trade.
    pub(super) fn on_account(&mut self, account: Box<Account>, unread: &[Unread], blotter: &mut Blotter, now: Now) {
        let known = self.account.replace(account.id.clone());
        if let Phase::Syncing { held } = &mut self.phase
            && known.is_none()
        {
            // The account is identified only now, so these updates may be another's; the rest of the snapshot
            // is requested after this.
            for update in held.drain(..) {
                self.audits.passed_over(&update);
            }
        }
        self.block = account.block();
        let number = account.number.clone();
        let changed = known.is_some_and(|known| known != account.id);
        match unread_words(unread) {
            None => self.part_is_good(Part::Account, now),
            Some(words) => self.parts.partial(Part::Account, words, now),
        }
        self.out.push_back(Output::Account(account));
        if changed {
            blotter.reset();
            self.since = Since::default();
            self.half_read.clear();
            self.snapshot_merged = false;
            let number = number.unwrap_or_else(|| "a new account".into());
            self.alarm(format!("the account was reset at the broker: {number} has no history from before"));
            self.out.push_back(Output::Reset);
            self.parts.forget();
            self.holdings.forget();
            self.begin(now);
        }
    }

    /// Requests balances and positions soon after an execution; executions close together share one request.
    pub(super) fn refresh_soon(&mut self, now: Now) {
        let soon = now.mono + REFRESH_AFTER;
        let at = self.refreshed_at.map_or(soon, |last| soon.max(last + REFRESH_EVERY));
        self.timers.hasten(Timer::Refresh, at);
    }

    pub(super) fn plan_marks(&mut self, after: Duration, now: Now) {
        let at = now.mono + after;
        self.timers.set(Timer::Marks, at);
        self.parts.due(Part::Account, at);
        self.parts.due(Part::Positions, at);
    }

    pub(super) fn ask_marks(&mut self, now: Now) {
        if !matches!(self.phase, Phase::Live) {
            return;
        }
        if !self.refresh.is_empty() || self.must_wait(now.mono) {
            // An overdue request keeps its due time: an answer in flight does not postpone it for long. After a wait it is
            // sent at once, before another wait begins.
            let waits = self.request_pause.as_ref().map(|pause| pause.until).filter(|until| *until > now.mono);
            self.timers.set(Timer::Marks, waits.unwrap_or(now.mono + MARKS_EVERY));
            return;
        }
        let failing = [Part::Account, Part::Positions].into_iter().any(|part| self.parts.has_failed(part));
        let after = if self.holds || failing { MARKS_EVERY } else { MARKS_RARELY };
        let next = now.mono + after;
        self.timers.set(Timer::Marks, next);
        if let Some(until) = self.waits_for(&Request::Account, now.mono) {
            // Without the account, nothing confirms the positions.
            return self.timers.hasten(Timer::Marks, until);
        }
        self.refreshed_at = Some(now.mono);
        self.parts.asked(Part::Account, next, now.mono);
        self.proofs.want_balances(now);
        if let Some(until) = self.waits_for(&Request::Positions, now.mono) {
            // The balances do not wait for it.
            return self.timers.hasten(Timer::Marks, until);
        }
        self.parts.asked(Part::Positions, next, now.mono);
        let id = self.fresh_id();
        self.refresh.push((id, Part::Positions));
        self.send(id, Request::Positions);
    }
}
