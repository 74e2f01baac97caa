//! Compares the stream with REST while both are up, to find a starved stream, lost updates and contradictions.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::{Duration, Mono, Now, Phase, Session, Timer};
use crate::domain::blotter::{Blotter, Changes, Conflict};
use crate::domain::execution::Source;
use crate::domain::order::{Order, OrderStatus};
use crate::domain::text::counted;
use crate::domain::update::TradeUpdate;
use crate::domain::{Execution, ExecutionId, OrderId};

/// How long the stream may lag behind REST before it counts as having missed something.
pub(super) const GRACE: Duration = Duration::from_secs(3);
/// Delays of the first audits after going live; REST may lag the stream by about ten seconds (docs/ALPACA.md 6.8).
const FIRST: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(25)];
/// Intervals after that: while orders are working, and when none are.
pub(super) const BUSY: Duration = Duration::from_mins(1);
const QUIET: Duration = Duration::from_mins(5);
/// A change that becomes visible this soon after going live may be older than the stream:
/// REST lags (docs/ALPACA.md 6.8).
const LAG: Duration = Duration::from_secs(12);
/// A contradiction that lasts this long is not a lag of REST.
const LASTING: Duration = LAG;
/// The same, if believing REST takes back a terminal status or executed quantity.
const LASTING_MUCH: Duration = Duration::from_mins(1);
/// When a contradiction is checked again.
const LOOK_AGAIN: Duration = Duration::from_secs(15);
/// Delay after an incomplete pass, doubled for each consecutive one.
const AGAIN: Duration = Duration::from_secs(10);
const AGAIN_AT_MOST: Duration = BUSY;
/// The clock of rows differs from that of orders by this much at most (docs/ALPACA.md 5.4).
const ROW_CLOCK: Duration = Duration::from_secs(5);
/// Minimum interval between audits that something unknown causes.
const UNKNOWN_EVERY: Duration = Duration::from_mins(1);
/// A stream that reported nothing for this long while things changed is starved.
const STARVED: Duration = Duration::from_secs(30);

/// Something unknown arrived, and only a pass that begins after it can explain it.
#[derive(Debug, Default)]
pub(super) struct Unknown {
    open: bool,
    passed_at: Option<Mono>,
}

impl Unknown {
    /// A pass begins.
    pub(super) fn pass_began(&mut self, now: Mono) {
        if std::mem::take(&mut self.open) {
            self.passed_at = Some(now);
        }
    }

    fn due(&self, now: Mono) -> Mono {
        let soon = now + Duration::from_secs(1);
        self.passed_at.map_or(soon, |last| soon.max(last + UNKNOWN_EVERY))
    }

    /// The time of the next audit, planned for `next`, or earlier if something is unexplained.
    pub(super) fn no_later(&self, next: Mono, now: Mono) -> Mono {
        if self.open { next.min(self.due(now)) } else { next }
    }
}

/// What audits found, and what the stream reported meanwhile.
#[derive(Debug, Default)]
pub(super) struct Audits {
    done: usize,
    strikes: u32,
    reported_at: HashMap<OrderId, Mono>,
    last_report: Option<Mono>,
    live_since: Mono,
    pub(super) pass_began: Mono,
    /// A complete pass that began after the lag has shown everything older than the stream.
    based: bool,
    /// The broker's time of the latest change known when going live; if that snapshot was incomplete, of the latest
    /// known to the first complete one.
    live_from: Option<Timestamp>,
    /// When going live, by our clock. It may be wrong, so it only decides how often a change must be missing.
    live_wall: Option<Timestamp>,
    /// A finding is newer than that, or has no time.
    surely_new: bool,
    /// Findings were taken for older than the stream.
    doubted: bool,
    /// The newest time in updates that arrived before the account was identified: they were not merged, but the
    /// stream did report them.
    passed_over: Option<Timestamp>,
    executions: HashSet<ExecutionId>,
    orders: HashSet<OrderId>,
}

impl Audits {
    pub(super) fn note_report(&mut self, order: &OrderId, now: Mono) {
        self.last_report = Some(now);
        self.reported_at.insert(order.clone(), now);
    }

    /// An update long before a pass says nothing about what the pass finds.
    pub(super) fn pass_began(&mut self, now: Mono) {
        self.pass_began = now;
        self.reported_at.retain(|_, at| now.since(*at) < GRACE);
    }

    pub(super) fn restart(&mut self, live_from: Option<Timestamp>, now: Now) {
        let passed_over = self.passed_over;
        self.forget();
        (self.last_report, self.live_since, self.live_from) = (Some(now.mono), now.mono, live_from.max(passed_over));
        self.live_wall = Some(now.wall);
    }

    /// Notes an update that the stream reported and that was not merged.
    pub(super) fn passed_over(&mut self, update: &TradeUpdate) {
        let executed = update.executions.iter().filter_map(|execution| execution.at).max();
        let reported = update.at.max(update.happened_at).max(update.order.updated_at).max(executed);
        self.passed_over = self.passed_over.max(reported);
    }

    /// The stream ended. The start of the pass in progress stays valid.
    pub(super) fn forget(&mut self) {
        *self = Self { pass_began: self.pass_began, ..Self::default() };
    }

    /// When the next audit is due, after this many consecutive `incomplete` passes.
    pub(super) fn next(&mut self, busy: bool, incomplete: u32, now: Mono) -> Mono {
        if let Some(doublings) = incomplete.checked_sub(1) {
            return now + (AGAIN * (1 << doublings.min(4))).min(AGAIN_AT_MOST);
        }
        let after = FIRST.get(self.done).copied().unwrap_or(if busy { BUSY } else { QUIET });
        self.done += 1;
        now + after
    }

    /// Notes what a pass found; true if the stream should have reported some of it.
    pub(super) fn found(&mut self, changes: &Changes, complete: bool, blotter: &Blotter) -> bool {
        // No event reports that a leg is held (docs/ALPACA.md 6.7).
        let live_from = self.live_from;
        let reported = |id: &&OrderId| {
            let order = blotter.order(id);
            order.is_some_and(|order| order.status != OrderStatus::Held && order.updated_at > live_from)
        };
        // An execution that replaces a placeholder was counted when the placeholder was created.
        let explains = |order: &OrderId| changes.removed.iter().any(|id| Blotter::is_placeholder_of(id, order));
        // An order's times are no earlier than its executions; those of rows may be too late.
        let is_older = |row: &Execution| {
            let stated = blotter.order(&row.order_id).and_then(Order::last_stated_at);
            let late = live_from.and_then(|from| from.checked_add(ROW_CLOCK).ok());
            stated.is_some() && stated <= live_from && row.at <= late
        };
        let traded = |id: &&ExecutionId| {
            let row = blotter.execution(id);
            let is_new = |row: &Execution| (row.at.is_none() || row.at > live_from) && !is_older(row);
            row.is_some_and(|row| is_new(row) && !explains(&row.order_id))
        };
        if !self.based {
            self.based = complete && self.pass_began.since(self.live_since) >= LAG;
            if self.based && self.live_from.is_none() {
                self.live_from = blotter.last_change_at();
            }
            return false;
        }
        let executions: Vec<&ExecutionId> = changes.executions.iter().filter(traded).collect();
        let orders: Vec<&OrderId> = changes.moved.iter().filter(reported).collect();
        let executed = executions.iter().map(|id| blotter.execution(id).and_then(|row| row.at));
        let changed = orders.iter().map(|id| blotter.order(id).and_then(|order| order.updated_at));
        let is_new = |at: Option<Timestamp>| at.is_none() || at > self.live_wall;
        self.surely_new |= executed.chain(changed).any(is_new);
        self.executions.extend(executions.into_iter().cloned());
        self.orders.extend(orders.into_iter().cloned());
        let any = !self.executions.is_empty() || !self.orders.is_empty();
        if !any {
            self.strikes = 0;
        }
        any
    }

    /// How many of the findings the stream has not reported.
    fn missed(&mut self, blotter: &Blotter) -> usize {
        let late = |id: &&ExecutionId| blotter.execution(id).is_some_and(|found| found.source == Source::Reconcile);
        let executions = self.executions.iter().filter(late).count();
        let orders = self.orders.iter().filter(|id| !self.reported_at.contains_key(*id)).count();
        self.executions.clear();
        self.orders.clear();
        executions.max(orders)
    }
}

impl Session {
    /// Settles contradictions between REST and the blotter: one that a later pass repeats is reported, and REST wins.
    pub(super) fn judge_conflicts(&mut self, blotter: &mut Blotter, now: Now) {
        let current: HashMap<OrderId, (Conflict, bool)> =
            blotter.conflicts().map(|(id, conflict, again)| (id.clone(), (conflict, again))).collect();
        self.conflicts
            .retain(|id, (_, conflict)| current.get(id).is_some_and(|(current, _)| current.continues(conflict)));
        let began = self.audits.pass_began;
        let mut lasting: Vec<(OrderId, Conflict)> = Vec::new();
        for (id, (conflict, again)) in current {
            let since = self.conflicts.entry(id.clone()).or_insert_with(|| (now.mono, conflict.clone())).0;
            let enough = if conflict.takes_back() { LASTING_MUCH } else { LASTING };
            if again && began >= since + enough {
                lasting.push((id, conflict));
            }
        }
        lasting.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (id, conflict) in lasting {
            self.conflicts.remove(&id);
            let (shown, stated) = conflict.words();
            let text = format!("order {id} was shown as {shown}; the broker lists it as {stated}, which is shown now");
            if conflict.is_of_terms() {
                self.log(text);
            } else {
                self.alarm(format!("out of step with the broker: {text}"));
            }
            let changes = blotter.concede(&id);
            if !changes.executions.is_empty() {
                self.refresh_soon(now);
            }
            self.changed(changes, blotter, now);
        }
        if !self.conflicts.is_empty() || self.missing_orders.is_open(began) {
            self.audit_within(LOOK_AGAIN, now);
        }
    }

    /// Plans an audit no later than `after` from now.
    pub(super) fn audit_within(&mut self, after: Duration, now: Now) {
        if matches!(self.phase, Phase::Live) {
            self.timers.hasten(Timer::Audit, now.mono + after);
        }
    }

    /// Plans an audit because of something unknown, at most one a minute: frequent frames must not
    /// cause as many requests.
    pub(super) fn audit_unknown(&mut self, now: Now) {
        if matches!(self.phase, Phase::Live) {
            self.unknown.open = true;
            self.timers.hasten(Timer::Audit, self.unknown.due(now.mono));
        }
    }

    /// Checks, some time after an audit found something new, whether the stream reported it too.
    pub(super) fn judge_stream(&mut self, blotter: &Blotter, now: Now) {
        if !matches!(self.phase, Phase::Live) {
            return;
        }
        let surely_new = std::mem::take(&mut self.audits.surely_new);
        let missed = self.audits.missed(blotter);
        if missed == 0 {
            self.audits.strikes = 0;
            return;
        }
        self.audits.strikes += 1;
        let things = counted(missed, "change");
        let silent = self.audits.last_report.is_none_or(|at| now.mono.since(at) > STARVED);
        // The first time, a list may have shown late what is older than the stream.
        if silent && !surely_new && !std::mem::replace(&mut self.audits.doubted, true) {
            self.log(format!("{things} without a report may be older than the stream; looking again"));
            return self.audit_within(Duration::from_secs(5), now);
        }
        if silent {
            self.log(format!("the stream is open but did not report {things}; opening a new one"));
            self.begin(now);
        } else if self.audits.strikes >= 2 {
            self.alarm(format!(
                "out of step with the broker: the stream left out {things} twice in a row; starting over"
            ));
            self.begin(now);
        } else {
            self.log(format!("the stream left out {things}; recovered by an audit"));
            self.audit_within(Duration::from_secs(5), now);
        }
    }
}
