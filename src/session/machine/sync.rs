//! REST answers: passes, rate limits, and what follows from a snapshot.

use super::identity::AccountMatch;
use super::status::LATE_AFTER;
use super::{
    Duration, Fault, LONGEST_WAIT, MARKS_EVERY, Mono, Now, Output, POLL_EVERY, Phase, RequestPause, Session, Timer,
};
use crate::domain::blotter::Blotter;
use crate::domain::disabled_rule::{DisabledRule, left_out};
use crate::session::parts::Part;
use crate::session::request::route::LimitScope;
use crate::session::request::{Reply, Request, RequestError, RequestErrorKind, RequestId};
use crate::session::resync::{RATE_LIMIT_WAIT, Resync, Since, Snapshot, Step, UNCONFIRMED};

/// A failure in this many consecutive passes is reported.
const LASTING_PASSES: u32 = 3;

impl Session {
    /// Starts a pass over REST, unless one is in progress or the phase allows none.
    pub(super) fn start_pass(&mut self, now: Now) {
        let rests = matches!(self.phase, Phase::Idle | Phase::Confirming | Phase::Dead);
        let unheard = matches!(self.phase, Phase::Opening | Phase::Backoff) && !self.early;
        if self.resync.is_some() || self.proofs.holds_pass() || rests || unheard {
            return;
        }
        self.parts.pass_began();
        self.proofs.pass_began();
        self.audits.pass_began(now.mono);
        self.unknown.pass_began(now.mono);
        let backfill = std::mem::take(&mut self.backfill);
        let account_first = self.is_unidentified() || self.early;
        // A journal may have kept a time that cannot be right.
        let since = self.since.until(self.latest(now));
        let resync = Resync::new(since, self.mark, account_first, self.limits, backfill);
        let mut resync = resync.with_last(&self.limited).with_half_read(&self.half_read);
        resync.leave(self.refresh.iter().map(|(_, part)| *part));
        let confirmed_later = !left_out(DisabledRule::Confirm);
        let is_requested_later = self.proofs.account_fails() || self.parts.is_fresh(Part::Account);
        if confirmed_later && !account_first && is_requested_later {
            // The request that confirms the pass brings the balances; while the account fails, it has its own times.
            resync.leave(std::iter::once(Part::Account));
        }
        self.resync = Some(resync);
        self.ask(now);
        self.ask_replay(now);
    }

    /// Stops the pass from waiting for balances or positions that do not arrive; a late answer still counts.
    pub(super) fn leave_figures(&mut self, blotter: &mut Blotter, now: Now) {
        if let Some(resync) = &mut self.resync
            && resync.oldest_figure().is_some_and(|asked| asked + LATE_AFTER <= now.mono)
        {
            self.refresh.extend(resync.leave_figures(now.mono, LATE_AFTER));
            let step = resync.proceed(blotter);
            self.go_on(&step, "", blotter, now);
        }
        // Everything left waits outside the pass.
        if let Some(resync) = self.resync.as_mut().filter(|resync| resync.is_idle()) {
            let step = resync.proceed(blotter);
            self.go_on(&step, "", blotter, now);
        }
        match self.resync.as_ref().and_then(Resync::oldest_figure) {
            Some(asked) => self.timers.set(Timer::Figures, asked + LATE_AFTER),
            None => self.timers.clear(Timer::Figures),
        }
    }

    /// Restarts the pass once the account is identified, to request again what was answered before.
    fn start_over(&mut self, now: Now) {
        if let Some(resync) = self.resync.take() {
            self.backfill = resync.finish().0.backfill;
        }
        self.start_pass(now);
    }

    /// Queries REST while there is no stream: the answers are shown, but the snapshot to go live on is fetched later.
    pub(super) fn start_early(&mut self, now: Now) {
        if matches!(self.phase, Phase::Opening | Phase::Backoff) {
            self.early = true;
            self.start_pass(now);
        }
    }

    /// True while a wait that the broker asked for is in effect.
    pub(super) fn must_wait(&self, now: Mono) -> bool {
        self.request_pause.as_ref().is_some_and(|pause| pause.until > now)
    }

    /// Sends as many requests of the pass as may be in flight.
    pub(super) fn ask(&mut self, now: Now) {
        if let Some(request_pause) = self.request_pause.as_ref().filter(|pause| pause.until > now.mono) {
            self.timers.set(Timer::Retry, request_pause.until);
            return;
        }
        let figures = [(Part::Account, Request::Account), (Part::Positions, Request::Positions)];
        let wait = figures.into_iter().filter(|(_, request)| self.waits_for(request, now.mono).is_some());
        let wait: Vec<Part> = wait.map(|(part, _)| part).collect();
        let Some(resync) = &mut self.resync else { return };
        // An endpoint that waits by itself is requested when its wait is over, and does not delay the pass.
        resync.leave(wait.iter().copied());
        for part in wait {
            if !self.parts.has_failed(part) {
                self.parts.lost(part, "the broker asked to wait before this is requested again".to_owned());
            }
        }
        let next = &mut self.next_request;
        let mut fresh = || {
            let id = RequestId(*next);
            *next += 1;
            id
        };
        let mut asked = Vec::new();
        while let Some(question) = resync.ask(now.mono, &mut fresh) {
            asked.push(question);
        }
        for (id, request) in asked {
            self.send(id, request);
        }
    }

    /// When this request may be sent again, if the broker limited its endpoint by itself.
    pub(super) fn waits_for(&self, request: &Request, now: Mono) -> Option<Mono> {
        self.waits.until(request.route().limit, now)
    }

    /// Applies what an answer says about rate limits: one endpoint waits, or everything. The one
    /// place that decides this.
    fn note_limit(&mut self, id: RequestId, result: &Result<Box<Reply>, RequestError>, now: Now) {
        // A request dropped long ago may have had any scope.
        let scope = self.scopes.remove(&id).unwrap_or(LimitScope::Account);
        let Err(error) = result else { return self.waits.answered(scope, now.mono) };
        let RequestErrorKind::RateLimited { retry_after } = error.kind else { return };
        let asked = retry_after.unwrap_or(RATE_LIMIT_WAIT);
        let (why, together) = match scope {
            LimitScope::Account => (error.message.clone(), false),
            LimitScope::Own(name) => (format!("{name}: {}", error.message), true),
        };
        let wait = self.bounded(Fault::Snapshot, asked, &why);
        if self.waits.refused(scope, now.mono + wait, now.mono) {
            let why = if together { format!("{why} (and other endpoints)") } else { why };
            self.pause_requests(wait, &why, now);
        }
    }

    pub(super) fn on_reply(
        &mut self,
        id: RequestId,
        result: Result<Box<Reply>, RequestError>,
        blotter: &mut Blotter,
        now: Now,
    ) {
        let scope = self.scopes.get(&id).copied();
        self.note_limit(id, &result, now);
        let current = id.0 >= self.asked_from;
        let unknown = self.is_unidentified();
        if result.is_ok() && current {
            self.answered_at = Some(now.mono);
        }
        let result = match result {
            Ok(reply) if current => match self.identify(&reply, now) {
                AccountMatch::Ours => Ok(reply),
                AccountMatch::Unknown(doubt) => Err(doubt),
                AccountMatch::Another => return,
            },
            result => result,
        };
        let of_pass = self.resync.as_ref().is_some_and(|resync| resync.part_of(id).is_some());
        let is_back = current && self.probes.note(scope, result.as_ref().err(), now.mono);
        match &result {
            Ok(reply) if reply.account().is_some() && !self.confirms(id) => self.account_confirmed(id, now.mono),
            Ok(_) => {}
            Err(error) => self.account_failed(id, error, now),
        }
        if self.confirms(id) {
            self.on_confirmed(result, now);
        } else if let Some(place) = self.refresh.iter().position(|(known, _)| *known == id) {
            let (_, part) = self.refresh.swap_remove(place);
            self.on_refreshed(part, result, blotter, now);
            if unknown && !self.is_unidentified() {
                self.start_over(now);
            }
        } else if self.replays.is_answer(id) {
            self.on_replay(result, now);
        } else {
            self.on_page(id, result, blotter, now);
        }
        if is_back {
            self.rest_is_back(of_pass, now);
        }
    }

    /// Acts on a failure, beyond noting it.
    pub(super) fn note_refusal(&mut self, part: Part, error: RequestError, now: Now) {
        match error.kind {
            RequestErrorKind::Unauthorized => self.confirm(error.message, false, now),
            // The token may lack permission for other endpoints, but not for the account.
            RequestErrorKind::Forbidden if part == Part::Account => self.confirm(error.message, false, now),
            // The next refresh comes soon enough, and a rate limit was noted when the answer arrived.
            _ => {}
        }
    }

    /// Handles an answer to the pass in progress.
    fn on_page(&mut self, id: RequestId, result: Result<Box<Reply>, RequestError>, blotter: &mut Blotter, now: Now) {
        // All other requests only test the token.
        let Some(part) = self.resync.as_ref().and_then(|resync| resync.part_of(id)) else { return };
        let why = result.as_ref().err().map(RequestError::brief);
        match &result {
            Ok(reply) => {
                if !self.resync.as_ref().is_some_and(|resync| resync.is_beyond(id)) {
                    self.parts.answered(part, now);
                }
                if !matches!(part, Part::Account | Part::Positions) {
                    self.proofs.arrived(RequestId(self.next_request), now.mono);
                }
                self.recognise(reply, blotter);
                if !self.show_at_once(reply, blotter, now) {
                    return;
                }
            }
            // An order that cannot be found by its id is not a failure, nor is a request beyond the lists.
            Err(error) if error.kind == RequestErrorKind::NotFound && part == Part::Working => {}
            Err(_) if self.resync.as_ref().is_some_and(|resync| resync.is_beyond(id)) => {}
            Err(error) => {
                self.parts.failed(part, error, now);
                if self.early && part == Part::Account && error.kind == RequestErrorKind::Network {
                    // Neither stream nor REST is reachable: the account is asked again instead of six
                    // retries in this pass.
                    self.drop_rest();
                    return self.ask_before_a_late_attempt(now);
                }
            }
        }
        let Some(resync) = &mut self.resync else { return };
        let step = match resync.answer(id, result, blotter) {
            Step::Refused(error) => {
                let next = resync.proceed(blotter);
                self.note_refusal(part, error, now);
                next
            }
            step => step,
        };
        self.go_on(&step, why.as_deref().unwrap_or_default(), blotter, now);
        self.cut_short(blotter, now);
    }

    /// Cuts the pass short before a long wait: merged after it, the answers would be old but look new. Not two passes
    /// in a row, or one that needs more requests than the limit allows would never end; but always when only endpoints
    /// with a limit of their own are left.
    fn cut_short(&mut self, blotter: &mut Blotter, now: Now) {
        let long = self
            .request_pause
            .as_ref()
            .filter(|pause| pause.until >= now.mono + LATE_AFTER)
            .map(|pause| pause.reason.clone());
        if let Some(reason) = long
            && let Some(resync) = &mut self.resync
            && (!self.cut || resync.is_limited_again())
        {
            self.cut = true;
            resync.cut(&reason);
            let step = resync.proceed(blotter);
            self.go_on(&step, "", blotter, now);
        }
    }

    /// Takes the next step of the pass.
    fn go_on(&mut self, step: &Step, why: &str, blotter: &mut Blotter, now: Now) {
        match step {
            Step::Foreign | Step::Refused(_) => {}
            Step::More => self.ask(now),
            Step::Wait(after) => self.pause_requests(*after, why, now),
            Step::Park(after) => {
                self.timers.hasten(Timer::Retry, now.mono + *after);
                self.ask(now);
            }
            Step::Done => {
                self.cut &= self.must_wait(now.mono);
                if let Some(resync) = self.resync.take() {
                    resync.note_limits(&mut self.limited);
                    let (snapshot, next) = resync.finish();
                    self.hold_pass(snapshot, next, blotter, now);
                }
            }
        }
    }

    /// Shows balances as they arrive, and positions once they are confirmed; false if the account turned out to be another one.
    fn show_at_once(&mut self, reply: &Reply, blotter: &mut Blotter, now: Now) -> bool {
        let epoch = self.epoch;
        match reply.clone().split() {
            (Reply::Account(account), unread) => {
                self.on_account(account, &unread, blotter, now);
            }
            (Reply::Positions(positions), unread) if !self.is_unidentified() => {
                self.hold_positions(positions, unread, now);
            }
            _ => {}
        }
        self.epoch == epoch
    }

    /// Sends no requests for a while; a shorter wait does not end a longer one early.
    pub(super) fn pause_requests(&mut self, asked: Duration, why: &str, now: Now) {
        let after = self.bounded(Fault::Snapshot, asked, why);
        let until = now.mono + after;
        if self.request_pause.as_ref().is_none_or(|pause| pause.until < until) {
            self.request_pause =
                Some(RequestPause { until, reason: format!("waiting before the next request: {why}") });
        }
        if let Some(request_pause) = self.request_pause.as_ref().filter(|_| self.resync.is_some()) {
            self.timers.set(Timer::Retry, request_pause.until);
        }
    }

    /// Bounds a wait that the broker asked for, and reports it if it was cut.
    pub(super) fn bounded(&mut self, fault: Fault, asked: Duration, why: &str) -> Duration {
        let wait = asked.min(LONGEST_WAIT);
        if wait < asked {
            let text = format!("the broker asked to wait {} s ({why}); waiting {} s", asked.as_secs(), wait.as_secs());
            self.fault(fault, text);
        }
        wait
    }

    /// Notes what a pass fetched of each part.
    fn note_parts(&mut self, snapshot: &Snapshot, now: Now) {
        for part in [Part::Working, Part::Recent, Part::Executions] {
            let denied = if part == Part::Working { self.missing_orders.words(self.audits.pass_began) } else { None };
            match snapshot.faults.get(&part).or(denied.as_ref()) {
                None => self.part_is_good(part, now),
                Some(reason) if snapshot.given_up.contains(&part) => self.parts.lost(part, reason.clone()),
                Some(reason) => self.parts.partial(part, reason.clone(), now),
            }
        }
        for part in [Part::Account, Part::Positions] {
            if let Some(reason) = snapshot.faults.get(&part).filter(|_| snapshot.given_up.contains(&part)) {
                self.parts.lost(part, reason.clone());
            }
        }
    }

    /// Counts passes in which a request beyond the lists failed; only consecutive failures are reported.
    pub(super) fn note_beyond(&mut self, failed: Option<String>) {
        let Some(reason) = failed else {
            if std::mem::take(&mut self.beyond_failed) >= LASTING_PASSES {
                self.log("orders missing from the lists can be fetched again");
                self.over(Fault::Beyond);
            }
            return;
        };
        self.beyond_failed = self.beyond_failed.saturating_add(1);
        if self.beyond_failed == LASTING_PASSES {
            self.fault(
                Fault::Beyond,
                format!("orders missing from the lists could not be fetched in {LASTING_PASSES} passes: {reason}"),
            );
        }
    }

    pub(super) fn on_snapshot(&mut self, mut snapshot: Snapshot, next: Since, blotter: &mut Blotter, now: Now) {
        self.backfill = std::mem::take(&mut snapshot.backfill);
        let asked_again = |failures: u32| failures.saturating_add(1);
        if self.is_unidentified() {
            // The account is not identified, and may have been reset during the pass.
            if self.incomplete == 0 {
                self.log("the account did not answer; fetching everything again");
            }
            self.incomplete = asked_again(self.incomplete);
            // Until the account answers, other requests are in vain, unless something is known of it.
            let longest = if self.account.is_some() { POLL_EVERY * 5 } else { LONGEST_WAIT };
            let said = self.waits_for(&Request::Account, now.mono).map(|until| until.min(now.mono + longest));
            self.timers.set(Timer::Audit, said.unwrap_or(now.mono + POLL_EVERY));
            self.poll_if_answered(now);
            return;
        }
        let seen = snapshot.orders.iter().map(|order| &order.id);
        self.missing_orders.note(&snapshot.denied, seen, blotter, self.audits.pass_began);
        self.note_parts(&snapshot, now);
        self.note_beyond(snapshot.beyond.take());
        if snapshot.history_before.is_some() {
            blotter.set_history_before(snapshot.history_before);
        }
        if matches!(self.phase, Phase::Syncing { .. }) && self.is_proven() {
            // Replayed events in their order; the lists add what they lack.
            self.recovered += self.merge_replay(blotter, now);
        }
        self.half_read.merged(&snapshot.orders, &snapshot.half_read);
        self.half_read.denied(&snapshot.denied);
        blotter.set_requested_at(self.audits.pass_began);
        let changes = blotter.apply_snapshot(&snapshot.orders, &snapshot.activities);
        let recovered = changes.executions.len();
        // Orders do not depend on positions and balances: without them the rest is whole, if the account answered.
        let whole = !snapshot.unproven
            && snapshot.faults.keys().all(|part| match part {
                Part::Account => !snapshot.given_up.contains(part),
                part => *part == Part::Positions,
            });
        // Failing balances must not make passes rarer.
        let beside =
            |(part, reason): (&Part, &String)| matches!(part, Part::Positions | Part::Account) || reason == UNCONFIRMED;
        let listed = snapshot.faults.iter().all(beside);
        let next = next.until(self.latest(now));
        if whole {
            (self.since, self.incomplete) = (next, 0);
        } else {
            if self.since.orders.is_none() && !snapshot.unproven && !snapshot.faults.contains_key(&Part::Executions) {
                // Until every list was complete once, each pass would fetch only the newest executions, and those
                // between two passes would be lost.
                self.since.fills = next.fills.or(Some(jiff::Timestamp::UNIX_EPOCH));
            }
            self.incomplete = asked_again(self.incomplete);
            self.log("a part of the data could not be fetched; retrying it");
        }
        self.snapshot_merged |=
            !snapshot.unproven && snapshot.given_up.iter().all(|part| matches!(part, Part::Positions | Part::Account));
        match self.phase {
            // The account of the held updates is not proven: they stay held.
            Phase::Syncing { .. } if !self.is_proven() => self.changed(changes, blotter, now),
            Phase::Syncing { .. } if left_out(DisabledRule::ListenFirst) => {
                self.changed(changes, blotter, now);
                self.out.push_back(Output::OpenStream(self.epoch, self.form));
            }
            Phase::Syncing { .. } => {
                self.report_outage(recovered, now);
                self.changed(changes, blotter, now);
                self.go_live(blotter, now);
                self.audits.restart(blotter.last_change_at().filter(|_| whole), now);
                self.plan_marks(MARKS_EVERY, now);
            }
            Phase::Live => {
                if self.audits.found(&changes, whole, blotter) {
                    self.timers.set(Timer::Verdict, now.mono + super::audit::GRACE);
                }
                if recovered > 0 {
                    self.refresh_soon(now);
                }
                self.changed(changes, blotter, now);
            }
            _ => {
                self.recovered += recovered;
                self.changed(changes, blotter, now);
            }
        }
        self.plan_pass(listed, blotter, now);
        self.judge_conflicts(blotter, now);
        self.poll_if_answered(now);
    }

    /// Plans the next pass.
    fn plan_pass(&mut self, listed: bool, blotter: &Blotter, now: Now) {
        let busy =
            blotter.working_count() > 0 || blotter.unsettled().next().is_some() || blotter.awaiting().next().is_some();
        let paced = self.probes.paced(self.next_request, now.mono);
        let next = match self.phase {
            Phase::Polling | Phase::Opening | Phase::Backoff if self.incomplete == 0 || listed => {
                paced.clamp(now.mono + POLL_EVERY, now.mono + POLL_EVERY * 3)
            }
            _ => self.audits.next(busy, self.incomplete, now.mono),
        };
        let again = std::mem::take(&mut self.probes.again) && self.incomplete > 0;
        let next = if again { next.min(now.mono + Duration::from_secs(1)) } else { next };
        let next = self.unknown.no_later(next, now.mono);
        let follows = matches!(self.phase, Phase::Live | Phase::Polling);
        for part in [Part::Working, Part::Recent, Part::Executions].into_iter().filter(|_| follows) {
            self.parts.due(part, next);
        }
        if matches!(self.phase, Phase::Polling) {
            self.parts.due(Part::Account, next);
            self.parts.due(Part::Positions, next);
        }
        if !left_out(DisabledRule::Audit) {
            self.timers.set(Timer::Audit, next);
        }
    }
}
