//! Decides which lines of a tape to print: each once over any number of runs, an unexplained quantity only when its
//! execution is known, and nothing for an unknown order. A line that turns out to be wrong is followed by a void line.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::blotter::{Blotter, TapeEntry};
use crate::domain::execution::ExecutionKind;
use crate::domain::{ExecutionId, Mono, Order, OrderId, Source, TradeEvent};
use crate::io::watch_log::{ReportedLine, WatchLog, Working};

/// How often the reported lines of all orders are checked; those of an order with news are checked at once.
const LOOK: Duration = Duration::from_secs(1);

/// How long an execution of a multi-leg order waits for its leg: lists may name legs seconds after the order, and are
/// fetched again within a minute.
const LEG_WAIT: Duration = Duration::from_mins(2);

/// When a watch started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Began {
    /// The time by the best clock known.
    pub(super) at: Timestamp,
    /// Whether that clock is the broker's.
    pub(super) by_broker: bool,
}

/// How far an account's tape has been printed.
#[derive(Debug, Default)]
pub(super) struct Follow {
    /// The lines reported in this run and earlier ones.
    pub(super) log: WatchLog,
    /// The blotter that was read ([`crate::accounts::AccountState::blotter_number`]), and how often it was reset.
    source: Option<(u32, u32)>,
    /// The number of the first unread line.
    next: u64,
    /// Lines that cannot be printed yet, and whether each has an execution.
    waiting: BTreeMap<u64, bool>,
    /// Since when executions wait for their legs.
    legless: HashMap<ExecutionId, Mono>,
    /// The present time.
    now: Mono,
    /// When reported lines were last checked.
    looked: Mono,
}

impl Follow {
    /// Continues from what an earlier run reported.
    pub(super) fn resuming(log: WatchLog) -> Self {
        Self { log, ..Self::default() }
    }

    /// Sets the present time.
    pub(super) const fn turn_clock(&mut self, now: Mono) {
        self.now = now;
    }

    /// The lines to print now. `live` says that the account's snapshot is complete: the first one is history, except
    /// for what happened since the watch `began`.
    pub(super) fn due(
        &mut self,
        blotter_number: u32,
        blotter: &Blotter,
        live: bool,
        began: Began,
    ) -> Vec<(u64, ReportedLine)> {
        self.turn_to(blotter_number, blotter);
        let mut due = Vec::new();
        let waiting = std::mem::take(&mut self.waiting);
        for (number, shows) in waiting {
            match blotter.tape_entry(number) {
                Some(entry) if shows == entry.execution.is_some() => self.consider(blotter, entry, &mut due),
                // It turned out to be void.
                _ => {}
            }
        }
        let fresh = blotter.tape().partition_point(|entry| entry.number < self.next);
        for entry in blotter.tape().iter().skip(fresh) {
            self.next = entry.number + 1;
            // Entries from REST before the first complete snapshot are considered with it.
            if self.log.has_begun() || entry.source == Source::Stream {
                self.consider(blotter, entry, &mut due);
            }
        }
        if live && !self.log.has_begun() {
            let missed =
                |entry: &&TapeEntry| entry.source != Source::Stream && entry.at.is_some_and(|at| at >= began.at);
            for entry in blotter.tape().iter().filter(missed) {
                self.consider(blotter, entry, &mut due);
            }
            self.begin(blotter, began, &due);
        }
        due
    }

    fn turn_to(&mut self, blotter_number: u32, blotter: &Blotter) {
        let turned = (blotter_number, blotter.generation());
        let before = self.source.replace(turned).unwrap_or(turned);
        if before == turned {
            return;
        }
        self.waiting.clear();
        if before.0 == blotter_number {
            // Reset: the new account's earlier entries are history.
            self.log.forget();
        } else {
            // Loaded from the journal, with other numbers.
            self.next = 0;
        }
    }

    /// Decides on a line: print it now, keep it until more is known, or drop it.
    fn consider(&mut self, blotter: &Blotter, entry: &TapeEntry, due: &mut Vec<(u64, ReportedLine)>) {
        let executes = matches!(
            entry.event,
            TradeEvent::PartialFill | TradeEvent::Fill | TradeEvent::TradeBust | TradeEvent::TradeCorrect
        );
        let late = entry.source != Source::Stream;
        let line = ReportedLine::of(entry, blotter);
        if (late && executes && entry.execution.is_none()) || self.log.is_reported(&line, blotter) {
            return;
        }
        if late && self.is_history(entry, blotter) {
            return;
        }
        let row = entry.execution.as_ref().and_then(|id| blotter.execution(id));
        let unexplained = row.is_some_and(|row| row.kind == ExecutionKind::Unexplained);
        if unexplained || blotter.order(&entry.order_id).is_none() || self.log.is_nothing(entry, blotter) {
            self.waiting.insert(entry.number, entry.execution.is_some());
            return;
        }
        if let Some(row) = row {
            let is_legless = blotter.order(&row.order_id).is_some_and(Order::is_multileg_parent);
            if is_legless && self.now.since(*self.legless.entry(row.id.clone()).or_insert(self.now)) < LEG_WAIT {
                self.waiting.insert(entry.number, true);
                return;
            }
            self.legless.remove(&row.id);
        }
        let before = self.log.line_before(entry, blotter);
        for line in before.into_iter().chain(std::iter::once(self.log.line_of(entry, blotter))) {
            self.log.remember(line.clone());
            due.push((entry.number, line));
        }
    }

    /// The reported lines that are no longer true, and the lines to report in their place. `names` says that lines name
    /// their targets; `news` is being reported and may be the target of another line of its order.
    pub(super) fn overtaken(
        &mut self,
        blotter: &Blotter,
        names: bool,
        news: &[(u64, ReportedLine)],
        now: Mono,
    ) -> (Vec<ReportedLine>, Vec<(u64, ReportedLine)>) {
        let mut due = Vec::new();
        let all = now.since(self.looked) >= LOOK;
        if all {
            self.looked = now;
        }
        // There may be tens of thousands of lines, so news only checks those of its own orders.
        let mut fresh: Vec<OrderId> = news.iter().filter_map(|(_, line)| Some(line.said()?.order.clone())).collect();
        fresh.extend(blotter.parents_of(&fresh).into_iter().cloned().collect::<Vec<_>>());
        if !all && fresh.is_empty() {
            return (Vec::new(), due);
        }
        let void = self.log.overtaken(blotter, names, |order| all || fresh.contains(order));
        let mut orders: HashSet<&OrderId> = void.iter().filter_map(|line| Some(&line.said()?.order)).collect();
        // A line reported under a multi-leg order may now belong to a leg.
        let legs: Vec<&OrderId> =
            orders.iter().filter_map(|id| blotter.order(id)).flat_map(|order| &order.legs).collect();
        orders.extend(legs);
        let next = self.next;
        let shows = |entry: &&TapeEntry| entry.number < next && entry.execution.is_some();
        for entry in blotter.tape().iter().filter(shows).filter(|entry| orders.contains(&entry.order_id)) {
            self.consider(blotter, entry, &mut due);
        }
        (void, due)
    }

    /// Whether an entry is from before the beginning, however late it is learned. A change of an order that was working
    /// then is news, unless its state at that time included it.
    fn is_history(&self, entry: &TapeEntry, blotter: &Blotter) -> bool {
        let Some((since, at)) = self.log.since().zip(entry.at) else { return false };
        // An execution of an unknown order waits for the order.
        let Some(order) = blotter.order(&entry.order_id) else { return false };
        if at >= since || order.submitted_at.max(order.created_at) > Some(since) {
            return false;
        }
        let Some(then) = self.log.working(&order.id) else {
            // A leg unknown at that time; its multi-leg order counts units.
            let parents = blotter.parents_of(std::slice::from_ref(&order.id));
            let then = parents.first().and_then(|parent| self.log.working(parent));
            return then.is_none_or(|then| Some(at) <= then.updated_at);
        };
        let row = entry.execution.as_ref().and_then(|id| blotter.execution(id));
        // Another instance's journal may contain state changes older than the first snapshot.
        let passed = entry.execution.is_none() && order.updated_at > Some(at);
        match row.filter(|row| row.kind == ExecutionKind::Trade).and_then(|row| row.cum_qty) {
            Some(cum) => cum <= then.cum_qty,
            None => passed || Some(at) <= then.updated_at,
        }
    }

    /// Sets the beginning at the first snapshot: its entries are history, except for those reported now or waiting.
    fn begin(&mut self, blotter: &Blotter, began: Began, due: &[(u64, ReportedLine)]) {
        let shown = blotter.tape().iter().filter(|entry| {
            !self.waiting.contains_key(&entry.number) && !due.iter().any(|(number, _)| *number == entry.number)
        });
        let history: Vec<ReportedLine> = shown.map(|entry| ReportedLine::of(entry, blotter)).collect();
        // What happened while the snapshot was being fetched is not history. Only the broker's times can tell.
        let known = blotter.last_change_at();
        let since = if began.by_broker { known.map(|known| known.min(began.at)) } else { known };
        let state =
            |order: &Order| Working { id: order.id.clone(), cum_qty: order.cum_qty, updated_at: order.updated_at };
        let working = blotter.working().map(state).collect();
        if let Err(error) = self.log.begin(since, working, history.into_iter()) {
            tracing::warn!("the next run will not know what this one printed: {error}");
        }
    }
}

#[cfg(test)]
mod tests;
