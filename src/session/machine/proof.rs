//! Which answers of REST are believed. An answer does not say which account it is from, and the token may reach another
//! one from one request to the next. So passes and positions are held until the linked account answers a request that was
//! sent after they arrived.
//!
//! An answer that names a confirmed order proves itself, because ids are unique: only a proven answer confirms an order,
//! or an account that answers after the frame that made it known. Such answers do not wait for an account that is late,
//! and are all that is taken while it fails.
//!
//! A long pass requests the account before its end too: long after an answer, the linked account no longer confirms it.

use std::collections::VecDeque;

use super::status::LATE_AFTER;
use super::{Duration, LONGEST_WAIT, Mono, Now, Phase, Session, Timer};
use crate::domain::Position;
use crate::domain::blotter::Blotter;
use crate::domain::disabled_rule::{DisabledRule, left_out};
use crate::session::parts::Part;
use crate::session::request::{Request, RequestError, RequestErrorKind, RequestId, Unread};
use crate::session::resync::{Since, Snapshot, UNCONFIRMED};

/// Positions that arrive during a pass wait this long for the request that also confirms the pass.
const SHARE: Duration = Duration::from_secs(1);
/// The account answers or fails within this time: that of one request in flight and of one after it.
pub(super) const LONGEST: Duration = Duration::from_secs(31);
/// After this time, no account confirms an answer: one wait that the broker asks for, and the longest request.
pub(super) const OLDEST: Duration = Duration::from_secs(LONGEST_WAIT.as_secs() + LONGEST.as_secs());
/// How often a pass requests the account before its end.
const MEANWHILE: Duration = Duration::from_secs(30);
/// How often a failed confirmation is requested again.
const TRIES: u32 = 2;
/// How often the account is requested while it fails. Besides, only a pass whose first request it is requests it, and
/// `probe`, more rarely, once no server was reachable for two minutes.
const PROBE: Duration = Duration::from_secs(5);

/// An answer that waits for the account.
#[derive(Debug)]
struct Held<T> {
    answer: T,
    /// Only an account requested with this id or a later one confirms it.
    from: RequestId,
    since: Mono,
    /// When the account has not confirmed it in time.
    until: Mono,
}

/// A pass that has fetched everything.
#[derive(Debug)]
struct Pass {
    snapshot: Box<Snapshot>,
    next: Since,
    /// When answers that prove themselves no longer wait for the others.
    early_at: Option<Mono>,
}

/// The answers that wait, and what is known of the account.
#[derive(Debug, Default)]
pub(super) struct Proofs {
    pass: Option<Held<Pass>>,
    positions: Option<Held<(Vec<Position>, Vec<Unread>)>>,
    /// Unconfirmed answers of the pass in progress: which account request would confirm each, and when it arrived.
    unconfirmed: VecDeque<(RequestId, Mono)>,
    /// One of them was too old to be confirmed.
    outdated: bool,
    /// The last account request that a pass sent before its end, and when the next one is due.
    meanwhile: Option<RequestId>,
    meanwhile_at: Mono,
    /// The newest account request that the linked account answered.
    confirmed: Option<RequestId>,
    asked: Option<RequestId>,
    tries: u32,
    /// When a failed confirmation is requested again.
    again_at: Option<Mono>,
    /// The last request for the account failed.
    fails: bool,
    /// When it is requested again.
    probe_at: Option<Mono>,
    /// Balances are due: they are requested once the positions arrived, at the latest then.
    balances: Option<Mono>,
}

impl Proofs {
    /// Drops what is held, because the connection ends. The next one requests the account first, whether it failed or not.
    pub(super) fn abandon(&mut self) {
        *self = Self { confirmed: self.confirmed, ..Self::default() };
    }

    /// A pass begins: nothing of it has arrived.
    pub(super) fn pass_began(&mut self) {
        self.unconfirmed.clear();
        self.outdated = false;
    }

    /// An answer of the pass arrived; only an account requested with this id or a later one confirms it.
    pub(super) fn arrived(&mut self, from: RequestId, now: Mono) {
        self.unconfirmed.push_back((from, now));
    }

    /// Notes whether the oldest unconfirmed answer is too old, and returns when it arrived.
    fn oldest(&mut self, now: Mono) -> Option<Mono> {
        let (_, oldest) = *self.unconfirmed.front()?;
        self.outdated |= oldest + OLDEST <= now;
        Some(oldest)
    }

    /// When the pass in progress requests the account.
    fn meanwhile_due(&self) -> Option<Mono> {
        self.unconfirmed.front().map(|(_, arrived)| (*arrived + MEANWHILE).max(self.meanwhile_at))
    }

    pub(super) const fn holds_pass(&self) -> bool {
        self.pass.is_some()
    }

    /// True once the linked account answered a request with this id or a later one.
    pub(super) fn confirms(&self, from: RequestId) -> bool {
        self.confirmed.is_some_and(|confirmed| confirmed >= from)
    }

    /// True if the last request for the account failed.
    pub(super) const fn account_fails(&self) -> bool {
        self.fails
    }

    /// Balances are requested once the positions arrived, or when they are late; while the account fails, at the retry
    /// interval.
    pub(super) fn want_balances(&mut self, now: Now) {
        self.balances = Some(now.mono + LATE_AFTER).filter(|_| !self.fails);
    }

    /// True if the account is to be requested now. Positions that arrive during a pass share its request.
    fn is_due(&self, passes: bool, positions_asked: bool, now: Mono) -> bool {
        if self.fails {
            return self.probe_at.is_some_and(|at| at <= now);
        }
        let alone = |held: &Held<_>| !passes || held.since + SHARE <= now;
        self.pass.is_some()
            || (passes && self.meanwhile_due().is_some_and(|at| at <= now))
            || self.positions.as_ref().is_some_and(alone)
            || self.balances.is_some_and(|at| at <= now || !positions_asked)
    }

    /// Moves the deadlines behind a wait in which nothing can be requested.
    fn wait(&mut self, until: Mono) {
        let after = |since: Mono| (until + LONGEST).min(since + OLDEST);
        if let Some(held) = &mut self.pass {
            held.until = held.until.max(after(held.since));
        }
        if let Some(held) = &mut self.positions {
            held.until = held.until.max(after(held.since));
        }
    }

    /// The account cannot be requested, or failed: nothing that is held waits any longer.
    fn give_up(&mut self, now: Mono) {
        self.fails = true;
        if let Some(held) = &mut self.pass {
            held.until = now;
        }
        if let Some(held) = &mut self.positions {
            held.until = now;
        }
    }
}

impl Session {
    /// Holds a finished pass until the account confirms it.
    pub(super) fn hold_pass(&mut self, mut snapshot: Snapshot, next: Since, blotter: &mut Blotter, now: Now) {
        if self.is_unidentified() || left_out(DisabledRule::Confirm) {
            return self.on_snapshot(snapshot, next, blotter, now);
        }
        if snapshot.given_up.contains(&Part::Account) {
            self.proofs.fails = true;
        }
        let oldest = self.proofs.oldest(now.mono);
        if self.proofs.outdated || snapshot.doubted || self.another_answers() {
            self.keep_proven(&mut snapshot, blotter);
            return self.on_snapshot(snapshot, next, blotter, now);
        }
        let late = self.proofs.fails
            || self.waiting(now.mono).is_some()
            || self.refresh.iter().any(|(_, part)| *part == Part::Account);
        let early_at = Some(if late { now.mono } else { now.mono + LATE_AFTER });
        self.proofs.tries = 0;
        let held = self.held(Pass { snapshot: Box::new(snapshot), next, early_at }, now);
        let since = oldest.unwrap_or(now.mono);
        self.proofs.pass = Some(Held { since, until: held.until.min(since + OLDEST), ..held });
    }

    /// Holds positions until the account confirms them.
    pub(super) fn hold_positions(&mut self, positions: Vec<Position>, unread: Vec<Unread>, now: Now) {
        if left_out(DisabledRule::Confirm) {
            return self.on_positions(positions, &unread, now);
        }
        self.parts.answered(Part::Positions, now);
        self.proofs.tries = 0;
        self.proofs.positions = Some(self.held((positions, unread), now));
    }

    fn held<T>(&self, answer: T, now: Now) -> Held<T> {
        let from = RequestId(self.next_request);
        Held { answer, from, since: now.mono, until: now.mono + LONGEST }
    }

    /// The linked account answered this request.
    pub(super) fn account_confirmed(&mut self, id: RequestId, now: Mono) {
        self.proofs.oldest(now);
        self.proofs.unconfirmed.retain(|(from, _)| *from > id);
        self.proofs.confirmed = self.proofs.confirmed.max(Some(id));
        self.doubted.account_confirmed(id);
        (self.proofs.again_at, self.proofs.probe_at) = (None, None);
        if std::mem::take(&mut self.proofs.fails) && matches!(self.phase, Phase::Live | Phase::Polling) {
            // What it has not confirmed is fetched again.
            self.timers.hasten(Timer::Audit, now);
            self.timers.hasten(Timer::Marks, now);
        }
        // Older balances must not follow newer ones.
        self.refresh.retain(|(other, part)| *part != Part::Account || *other >= id);
    }

    /// A request that may be one for the account failed.
    pub(super) fn account_failed(&mut self, id: RequestId, error: &RequestError, now: Now) {
        if !self.refresh.contains(&(id, Part::Account)) {
            return;
        }
        if self.proofs.meanwhile == Some(id) {
            // The end of the pass decides.
            return;
        }
        let confirms = self.proofs.asked.take_if(|asked| *asked == id).is_some();
        match error.kind {
            // A wait that the broker asked for is known when the account is requested again.
            RequestErrorKind::RateLimited { .. } => {}
            RequestErrorKind::Server | RequestErrorKind::Network | RequestErrorKind::Decode
                if !self.proofs.fails && (!confirms || self.proofs.tries < TRIES) =>
            {
                self.proofs.tries += u32::from(confirms);
                self.proofs.again_at = Some(now.mono + Duration::from_millis(250 << self.proofs.tries));
            }
            _ => self.proofs.give_up(now.mono),
        }
        self.proofs.probe_at = self.proofs.fails.then_some(now.mono + PROBE);
    }

    /// Takes over what the account has confirmed, drops what it has not confirmed in time, and requests it for the rest.
    pub(super) fn settle_held(&mut self, blotter: &mut Blotter, now: Now) {
        if let Some((until, _)) = self.waiting(now.mono) {
            self.proofs.wait(until);
        }
        self.drop_old_replay(blotter, now);
        if self.another_answers() || self.waits_for(&Request::Account, now.mono).is_some() {
            self.proofs.give_up(now.mono);
        }
        let follows = matches!(self.phase, Phase::Live | Phase::Polling | Phase::Syncing { .. });
        if !self.proofs.fails || !follows {
            self.proofs.probe_at = None;
        } else if self.proofs.probe_at.is_none() {
            self.proofs.probe_at = Some(now.mono + PROBE);
        }
        let confirmed = self.proofs.confirmed;
        let settled = |from: RequestId, until: Mono| Some(from) <= confirmed || until <= now.mono;
        if let Some(held) = self.proofs.positions.take_if(|held| settled(held.from, held.until)) {
            self.settle_positions(held, now);
        }
        if let Some(held) = self.proofs.pass.take_if(|held| settled(held.from, held.until)) {
            self.settle_pass(held, blotter, now);
        }
        self.merge_proven_early(blotter, now);
        self.request_confirmation(now);
        if matches!(self.phase, Phase::Live) {
            self.merge_replay(blotter, now);
        }
        self.wake_for_held(now);
    }

    fn settle_positions(&mut self, held: Held<(Vec<Position>, Vec<Unread>)>, now: Now) {
        let (positions, unread) = held.answer;
        let is_ours = self.proofs.confirms(held.from) || self.holdings.expects(&positions);
        if is_ours && !self.another_answers() {
            return self.on_positions(positions, &unread, now);
        }
        self.parts.dropped(Part::Positions, UNCONFIRMED.to_owned());
    }

    fn settle_pass(&mut self, held: Held<Pass>, blotter: &mut Blotter, now: Now) {
        let Pass { mut snapshot, next, .. } = held.answer;
        if self.proofs.confirms(held.from) && !self.another_answers() {
            // Its balances are known by now.
            snapshot.faults.remove(&Part::Account);
            snapshot.given_up.remove(&Part::Account);
        } else {
            self.keep_proven(&mut snapshot, blotter);
        }
        self.on_snapshot(*snapshot, next, blotter, now);
    }

    fn keep_proven(&mut self, snapshot: &mut Snapshot, blotter: &Blotter) {
        snapshot.keep_proven(|order| self.is_confirmed(order, blotter));
        self.doubted.proven(snapshot.orders.iter().map(|order| &order.id));
    }

    /// Merges what proves itself of a pass whose confirmation is late.
    fn merge_proven_early(&mut self, blotter: &mut Blotter, now: Now) {
        let Some(held) = &mut self.proofs.pass else { return };
        if held.answer.early_at.take_if(|at| *at <= now.mono).is_none() {
            return;
        }
        let Some(held) = &self.proofs.pass else { return };
        let (orders, rows) = held.answer.snapshot.proven(|order| self.is_confirmed(order, blotter));
        self.half_read.merged(&orders, &held.answer.snapshot.half_read);
        self.doubted.proven(orders.iter().map(|order| &order.id));
        blotter.set_requested_at(self.audits.pass_began);
        let changes = blotter.apply_snapshot(&orders, &rows);
        let recovered = changes.executions.len();
        if matches!(self.phase, Phase::Live) {
            if self.audits.found(&changes, false, blotter) {
                self.timers.set(Timer::Verdict, now.mono + super::audit::GRACE);
            }
            if recovered > 0 {
                self.refresh_soon(now);
            }
        } else {
            self.recovered += recovered;
        }
        self.changed(changes, blotter, now);
    }

    /// Requests the account for what is held, unless that is under way.
    fn request_confirmation(&mut self, now: Now) {
        let positions_asked = self.refresh.iter().any(|(_, part)| *part == Part::Positions);
        // One at a time: a later one would not be answered sooner.
        if !self.proofs.is_due(self.resync.is_some(), positions_asked, now.mono)
            || self.refresh.iter().any(|(_, part)| *part == Part::Account)
            || (self.proofs.fails && self.probe_due(now.mono).is_some())
            || self.must_wait(now.mono)
            || self.waits_for(&Request::Account, now.mono).is_some()
            || self.proofs.again_at.is_some_and(|at| at > now.mono)
        {
            return;
        }
        let id = self.fresh_id();
        let Proofs { pass, positions, balances, .. } = &self.proofs;
        let is_early = pass.is_none() && positions.is_none() && balances.is_none() && !self.proofs.fails;
        self.proofs.meanwhile = Some(id).filter(|_| is_early);
        self.proofs.meanwhile_at = now.mono + MEANWHILE;
        (self.proofs.asked, self.proofs.balances, self.proofs.again_at) = (Some(id), None, None);
        self.refresh.push((id, Part::Account));
        self.send(id, Request::Account);
    }

    /// Sets the time of the next step for what is held.
    fn wake_for_held(&mut self, now: Now) {
        let meanwhile = self.proofs.meanwhile_due().filter(|_| self.resync.is_some());
        let Proofs { pass, positions, again_at, balances, probe_at, .. } = &self.proofs;
        let early = pass.as_ref().and_then(|held| held.answer.early_at);
        let pass = pass.as_ref().map(|held| held.until);
        let share = positions.as_ref().map(|held| held.since + SHARE);
        let positions = positions.as_ref().map(|held| held.until);
        let waits = self.request_pause.as_ref().map(|pause| pause.until);
        let waits = waits.filter(|_| pass.or(positions).or(*balances).or(*probe_at).or(meanwhile).is_some());
        let steps = [pass, early, positions, share, *again_at, *balances, *probe_at, meanwhile, waits];
        match steps.into_iter().flatten().filter(|at| *at > now.mono).min() {
            Some(at) => self.timers.set(Timer::Held, at),
            None => self.timers.clear(Timer::Held),
        }
    }
}
