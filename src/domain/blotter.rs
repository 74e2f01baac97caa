//! One account's orders and executions; applies each update once, whichever way it was learned.
//!
//! Stream events and REST rows go through the same merge, so a second pass changes nothing and the order of arrival
//! does not matter (RELIABILITY 3). It asks nobody and remembers everything: what it cannot explain it keeps as a
//! placeholder row and reports as a gap.

mod ledger;
mod merge;
mod tape;

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use self::ledger::{Entered, Ledger};
use self::merge::{Verdict, judge};
use self::tape::Tape;
pub use self::tape::TapeEntry;
use super::ablation::{Ablation, left_out};
use super::activity::{Activity, ActivityKind};
use super::execution::{Execution, ExecutionKind, Source};
use super::ids::{ExecutionId, OrderId};
use super::money::Qty;
use super::order::{Order, OrderStatus};
use super::update::{TradeEvent, TradeUpdate};

/// What one merge changed; everything that was already known is absent from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Orders that are new or differ.
    pub orders: Vec<OrderId>,
    /// Of these, the ones whose status or executed quantity moved.
    pub moved: Vec<OrderId>,
    /// Executions seen for the first time.
    pub executions: Vec<ExecutionId>,
    /// Executions known before that now say more, and what is left of placeholders; nothing in here is news.
    pub revised: Vec<ExecutionId>,
    /// Ids that are gone: placeholders that were explained, ids that gave way to the broker's own.
    pub removed: Vec<ExecutionId>,
    /// Numbers of tape lines that are new or differ.
    pub tape: Vec<u64>,
    /// Orders that state more executed than the ledger explains, or less: something was missed.
    pub gaps: Vec<OrderId>,
}

impl Changes {
    /// True when nothing was new.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
            && self.executions.is_empty()
            && self.revised.is_empty()
            && self.removed.is_empty()
            && self.tape.is_empty()
            && self.gaps.is_empty()
    }

    /// Takes over what another merge changed.
    pub fn absorb(&mut self, other: Self) {
        self.orders.extend(other.orders);
        self.moved.extend(other.moved);
        self.executions.extend(other.executions);
        self.revised.extend(other.revised);
        self.removed.extend(other.removed);
        self.tape.extend(other.tape);
        self.gaps.extend(other.gaps);
    }
}

/// The account's orders, its executions and the tape of both.
///
/// Invariant: an execution id stands in the ledger at most once; an order's state never goes back, and its executed
/// quantity falls only by a bust or a correction.
#[derive(Debug, Default)]
pub struct Blotter {
    orders: Vec<Order>,
    index: HashMap<OrderId, u32>,
    working: usize,
    ledger: Ledger,
    tape: Tape,
    /// For each order the time of the newest state that REST stated or an undoing left; older states are history.
    settled: Vec<Option<Timestamp>>,
    /// Orders whose rows add up to more than they state: what they stated and what the rows added up to.
    doubts: HashMap<OrderId, (Qty, Qty)>,
    /// Orders that do not add up.
    unsettled: HashSet<OrderId>,
    /// Orders of which a newer frame told less executed than was known, and its time: until REST knows that time, its
    /// answers are from before and decide nothing.
    contested: HashMap<OrderId, Option<Timestamp>>,
    history_before: Option<Timestamp>,
    last_fill_at: Option<Timestamp>,
    last_submitted_at: Option<Timestamp>,
    last_change_at: Option<Timestamp>,
}

impl Blotter {
    /// An order by id.
    pub fn order(&self, id: &OrderId) -> Option<&Order> {
        self.index.get(id).and_then(|index| self.orders.get(*index as usize))
    }

    /// Every order known, in the order it was first heard of.
    pub fn orders(&self) -> impl DoubleEndedIterator<Item = &Order> + ExactSizeIterator {
        self.orders.iter()
    }

    /// The orders that can still trade.
    pub fn working(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(|order| order.status.is_working())
    }

    /// How many orders can still trade.
    pub fn working_count(&self) -> usize {
        self.working
    }

    /// How many orders are known.
    pub fn order_count(&self) -> usize {
        self.orders.len()
    }

    /// An execution by id.
    pub fn execution(&self, id: &ExecutionId) -> Option<&Execution> {
        self.ledger.get(id)
    }

    /// The executions of an order, oldest first.
    pub fn executions_of(&self, id: &OrderId) -> Vec<&Execution> {
        let mut found: Vec<&Execution> = self.ledger.of(id).collect();
        found.sort_by(|a, b| (a.at, a.cum_qty, &a.id).cmp(&(b.at, b.cum_qty, &b.id)));
        found
    }

    /// Every execution, in the order it was learned. Placeholders that were explained meanwhile are gone.
    pub fn executions(&self) -> impl Iterator<Item = &Execution> {
        self.ledger.all()
    }

    /// The tape, oldest first; `tape()[i].number` grows by one from the first held.
    pub fn tape(&self) -> &[TapeEntry] {
        self.tape.entries()
    }

    /// A line of the tape by its number.
    pub fn tape_entry(&self, number: u64) -> Option<&TapeEntry> {
        self.tape.entry(number)
    }

    /// The broker's time of the latest execution known; where a resync starts from.
    pub fn last_fill_at(&self) -> Option<Timestamp> {
        self.last_fill_at
    }

    /// The broker's time of the latest submission known; where the next list of orders starts from.
    pub fn last_submitted_at(&self) -> Option<Timestamp> {
        self.last_submitted_at
    }

    /// The broker's time of the latest change known.
    pub fn last_change_at(&self) -> Option<Timestamp> {
        self.last_change_at.max(self.last_fill_at)
    }

    /// Orders whose rows do not add up to what they state, or of which a frame told less than an earlier one; REST
    /// should be asked for them.
    pub fn unsettled(&self) -> impl Iterator<Item = &OrderId> {
        self.unsettled.iter().chain(self.contested.keys())
    }

    /// True for the id of a placeholder that stands for executions of this order.
    pub fn is_placeholder_of(id: &ExecutionId, order: &OrderId) -> bool {
        ledger::is_placeholder_of(id, order)
    }

    /// Executions from before this were never asked for: done orders from before it get no placeholders.
    pub fn set_history_before(&mut self, at: Option<Timestamp>) {
        self.history_before = at;
    }

    /// Forgets everything but the tape's numbering: the account behind it is a new one (API.md 9.2).
    pub fn reset(&mut self) {
        let mut tape = std::mem::take(&mut self.tape);
        tape.clear();
        *self = Self { tape, ..Self::default() };
    }

    /// Merges a stream event.
    pub fn apply_update(&mut self, update: &TradeUpdate) -> Changes {
        let mut changes = Changes::default();
        let lowers = matches!(update.event, TradeEvent::TradeBust | TradeEvent::TradeCorrect);
        if !lowers
            && let Some(known) = self.order(&update.order.id)
            && update.order.cum_qty < known.cum_qty
            && update.order.updated_at > known.updated_at
        {
            // Newer, and less executed: something was undone that nobody told of.
            changes.gaps.push(update.order.id.clone());
            self.contested.insert(update.order.id.clone(), update.order.updated_at);
        }
        self.merge_order(&update.order, lowers, false, &mut changes);
        let at = update.happened_at.or(update.at);
        if update.executions.is_empty() {
            self.note(&update.order.id, &update.event, at, Source::Stream, &mut changes);
        }
        for execution in &update.executions {
            self.enter(execution.clone(), &update.event, &mut changes);
        }
        if !self.adds_up(&update.order.id) {
            changes.gaps.push(update.order.id.clone());
        }
        changes
    }

    /// Merges what REST said: orders (from any list or by id) and activity rows.
    ///
    /// Quantity that no row explains gets a placeholder, so that positions and tape agree until the report arrives.
    pub fn apply_snapshot(&mut self, orders: &[Order], activities: &[Activity]) -> Changes {
        let mut changes = Changes::default();
        let mut lowered = HashSet::new();
        for order in orders {
            self.merge_rest_order(order, &mut lowered, &mut changes);
        }
        for activity in activities {
            if let Some((execution, event)) = from_activity(activity) {
                let order_id = execution.order_id.clone();
                self.enter(execution, &event, &mut changes);
                // Its order may not be among those stated here; it is asked for if it does not add up.
                self.adds_up(&order_id);
            }
        }
        for order in orders {
            for order in std::iter::once(order).chain(&order.legs) {
                self.settle(&order.id, lowered.contains(&order.id), &mut changes);
            }
        }
        changes
    }

    /// Merges rows of the activity list that somebody paged back to: those of orders whose executions are kept here.
    ///
    /// Rows of orders from before the beginning of the history, or of orders not known at all, are nobody's gap.
    pub fn apply_history(&mut self, activities: &[Activity]) -> Changes {
        let kept = |row: &&Activity| match &row.kind {
            ActivityKind::Fill { order_id, .. } => self.order(order_id).is_some_and(|order| !self.is_history(order)),
            ActivityKind::Other { .. } => false,
        };
        let rows: Vec<Activity> = activities.iter().filter(kept).cloned().collect();
        self.apply_snapshot(&[], &rows)
    }

    /// Puts back what an earlier run knew, into an empty blotter; the caller has marked it [`Source::Journal`].
    ///
    /// The tape is taken as it was. It may be only the end of it: executions before it have no line.
    pub fn restore(&mut self, orders: Vec<Order>, executions: Vec<Execution>, tape: Vec<TapeEntry>) {
        for order in orders {
            self.merge_order(&order, false, false, &mut Changes::default());
        }
        for execution in executions {
            if matches!(execution.kind, ExecutionKind::Bust { .. } | ExecutionKind::Correction { .. }) {
                let place = self.index.get(&execution.order_id).map_or(usize::MAX, |index| *index as usize);
                if let (Some(order), Some(at)) = (self.orders.get(place), self.settled.get_mut(place)) {
                    *at = order.updated_at;
                }
            }
            self.last_fill_at = self.last_fill_at.max(execution.at);
            self.ledger.restore(execution);
        }
        for place in 0..self.orders.len() {
            let Some(order) = self.orders.get(place) else { continue };
            let id = order.id.clone();
            // The end was told with less executed than was known, so its time was not taken over.
            let ended_at = order.canceled_at.max(order.expired_at).max(order.failed_at);
            if ended_at > order.updated_at {
                self.contested.insert(id.clone(), ended_at);
            }
            self.adds_up(&id);
        }
        self.tape.restore(tape);
        let lines: Vec<TapeEntry> = self.tape.entries().to_vec();
        for line in lines {
            match (&line.execution, self.index.get(&line.order_id)) {
                (Some(id), _) => self.ledger.shown_on(id, line.number),
                (None, Some(order)) => {
                    self.tape.is_first(*order, &line.event, line.at);
                }
                (None, None) => {}
            }
        }
    }

    fn merge_rest_order(&mut self, order: &Order, lowered: &mut HashSet<OrderId>, changes: &mut Changes) {
        let before = self.order(&order.id).map(|known| (known.status.clone(), known.cum_qty, known.updated_at));
        // A state newer than ours with less executed than we know: an execution was undone and nobody told us.
        let undone = before.as_ref().is_some_and(|(_, cum, at)| order.cum_qty < *cum && order.updated_at > *at);
        // Where reports came out of order it may just not know the latest one yet; two answers that agree decide then.
        if undone && !self.contested.contains_key(&order.id) {
            lowered.insert(order.id.clone());
        }
        let changed = self.merge_order(order, undone, true, changes);
        for leg in &order.legs {
            self.merge_rest_order(leg, lowered, changes);
        }
        if changed
            && let (Some((status, ..)), Some(event)) = (before, event_of_status(&order.status))
            && status != order.status
        {
            let at =
                order.canceled_at.or(order.expired_at).or(order.failed_at).or(order.replaced_at).or(order.updated_at);
            self.note(&order.id, &event, at, Source::Reconcile, changes);
        }
    }

    /// Enters or advances an order; true when something changed.
    fn merge_order(&mut self, order: &Order, may_lower: bool, evidence: bool, changes: &mut Changes) -> bool {
        self.last_submitted_at = self.last_submitted_at.max(order.submitted_at);
        self.last_change_at = self.last_change_at.max(order.updated_at);
        let settles = may_lower || evidence;
        let place = self.index.get(&order.id).map_or(usize::MAX, |index| *index as usize);
        let (Some(known), Some(settled)) = (self.orders.get_mut(place), self.settled.get_mut(place)) else {
            let index = u32::try_from(self.orders.len()).unwrap_or(u32::MAX);
            self.index.insert(order.id.clone(), index);
            self.working += usize::from(order.status.is_working());
            self.orders.push(order.clone());
            self.settled.push(order.updated_at.filter(|_| settles));
            changes.orders.push(order.id.clone());
            changes.moved.push(order.id.clone());
            return true;
        };
        if order.updated_at.is_some() && order.updated_at < *settled && !left_out(Ablation::Monotone) {
            return false;
        }
        let older = order.updated_at.is_some() && order.updated_at < known.updated_at;
        if older && order.cum_qty > known.cum_qty {
            // Either a late report, or something was undone in between: REST's newest answer decides.
            self.contested.insert(order.id.clone(), known.updated_at);
        }
        if older && evidence && !left_out(Ablation::Monotone) {
            return false;
        }
        // Both sides of one moment are not written with the same digits.
        let moment = |at: Option<Timestamp>| at.map(Timestamp::as_millisecond);
        let decides =
            |since: &Option<Timestamp>| order.updated_at.is_none() || moment(order.updated_at) >= moment(*since);
        if evidence && self.contested.get(&order.id).is_some_and(decides) {
            self.contested.remove(&order.id);
        }
        if settles {
            *settled = (*settled).max(order.updated_at);
        }
        let was_working = known.status.is_working();
        let (status, cum_qty) = (known.status.clone(), known.cum_qty);
        match judge(known, order, may_lower, evidence) {
            Verdict::Keep => return false,
            Verdict::Take(merged) => *known = *merged,
        }
        if known.status != status || known.cum_qty != cum_qty {
            changes.moved.push(order.id.clone());
        }
        let is_working = known.status.is_working();
        self.working = self.working + usize::from(is_working) - usize::from(was_working);
        changes.orders.push(order.id.clone());
        true
    }

    /// Enters an execution and its tape line, once.
    fn enter(&mut self, execution: Execution, event: &TradeEvent, changes: &mut Changes) {
        self.last_fill_at = self.last_fill_at.max(execution.at);
        let (at, order_id, source, id) =
            (execution.at, execution.order_id.clone(), execution.source, execution.id.clone());
        // The broker's own report of an undoing replaces what was inferred.
        let undone = matches!(execution.kind, ExecutionKind::Bust { .. })
            .then_some(execution.qty.abs())
            .filter(|_| !ledger::is_inferred(&id));
        match self.ledger.enter(execution) {
            Entered::Known => {}
            Entered::Completed(id) => changes.revised.push(id),
            Entered::Renamed { from, line } => {
                if let Some(entry) = line.and_then(|line| self.tape.entry_mut(line)) {
                    entry.execution = Some(id.clone());
                    changes.tape.push(entry.number);
                }
                changes.removed.push(from);
                changes.revised.push(id);
            }
            Entered::Explains { placeholder, line, rest } => {
                changes.executions.push(id.clone());
                changes.removed.push(placeholder);
                changes.revised.extend(rest.iter().cloned());
                // The placeholder's line stays with what is left of it; when nothing is, the report takes it over.
                let (heir, others) = match rest.split_last() {
                    None => (id, Vec::new()),
                    Some((last, rest)) => (last.clone(), std::iter::once(&id).chain(rest).cloned().collect()),
                };
                if let Some(entry) = line.and_then(|line| self.tape.entry_mut(line)) {
                    if rest.is_empty() {
                        entry.at = at;
                        entry.event = event.clone();
                    }
                    entry.execution = Some(heir.clone());
                    changes.tape.push(entry.number);
                    self.ledger.shown_on(&heir, entry.number);
                }
                for other in others {
                    self.line(at, event, order_id.clone(), Some(other), source, changes);
                }
            }
            Entered::Parted { renamed, new } => {
                if let Some((from, to, line)) = renamed {
                    if let Some(entry) = line.and_then(|line| self.tape.entry_mut(line)) {
                        entry.execution = Some(to.clone());
                        changes.tape.push(entry.number);
                    }
                    if from != new {
                        changes.removed.push(from);
                    }
                    changes.revised.push(to);
                }
                let apart = self.ledger.get(&new).map(|row| (row.at, row.source));
                let (at, source) = apart.unwrap_or((at, source));
                changes.executions.push(new.clone());
                let vacant = self.trim(&order_id, changes);
                self.show(vacant, at, event, order_id, new, source, changes);
            }
            Entered::New => {
                changes.executions.push(id.clone());
                let vacant = match undone {
                    Some(qty) => {
                        let retracted = self.ledger.retract(&order_id, qty);
                        self.vacate(retracted, changes)
                    }
                    None => self.trim(&order_id, changes),
                };
                self.show(vacant, at, event, order_id, id, source, changes);
            }
        }
    }

    /// Shows a new execution on a line that shows nothing any more, or on one of its own.
    #[expect(clippy::too_many_arguments, reason = "a line of the tape has that many parts")]
    fn show(
        &mut self,
        vacant: Option<u64>,
        at: Option<Timestamp>,
        event: &TradeEvent,
        order_id: OrderId,
        id: ExecutionId,
        source: Source,
        changes: &mut Changes,
    ) {
        match vacant.and_then(|line| self.tape.entry_mut(line)) {
            Some(entry) => {
                (entry.at, entry.event, entry.execution) = (at, event.clone(), Some(id.clone()));
                changes.tape.push(entry.number);
                self.ledger.shown_on(&id, entry.number);
            }
            None => self.line(at, event, order_id, Some(id), source, changes),
        }
    }

    /// Cuts placeholders that a report has overtaken; returns a line that shows nothing any more.
    fn trim(&mut self, order: &OrderId, changes: &mut Changes) -> Option<u64> {
        let order = self.index.get(order).and_then(|index| self.orders.get(*index as usize))?;
        let trimmed = self.ledger.trim(order);
        self.vacate(trimmed, changes)
    }

    /// Notes rows that were cut or went away; returns a line that shows nothing any more.
    fn vacate(&mut self, trimmed: ledger::Trimmed, changes: &mut Changes) -> Option<u64> {
        changes.revised.extend(trimmed.cut);
        let mut vacant = None;
        for (id, line) in trimmed.gone {
            changes.removed.push(id);
            if let Some(entry) = line.and_then(|line| self.tape.entry_mut(line)) {
                entry.execution = None;
                changes.tape.push(entry.number);
                vacant = Some(entry.number);
            }
        }
        vacant
    }

    /// Adds an order event to the tape, once.
    fn note(&mut self, id: &OrderId, event: &TradeEvent, at: Option<Timestamp>, source: Source, changes: &mut Changes) {
        let Some(index) = self.index.get(id) else { return };
        if self.tape.is_first(*index, event, at) {
            self.line(at, event, id.clone(), None, source, changes);
        }
    }

    fn line(
        &mut self,
        at: Option<Timestamp>,
        event: &TradeEvent,
        order_id: OrderId,
        execution: Option<ExecutionId>,
        source: Source,
        changes: &mut Changes,
    ) {
        let shown = execution.clone();
        let number = self.tape.write(at, event.clone(), order_id, execution, source);
        if let Some(id) = shown {
            self.ledger.shown_on(&id, number);
        }
        changes.tape.push(number);
    }

    /// True when the rows of an order add up to what it states; remembers when they do not.
    fn adds_up(&mut self, id: &OrderId) -> bool {
        let Some(order) = self.index.get(id).and_then(|index| self.orders.get(*index as usize)) else { return true };
        if self.is_history(order) || order.cum_qty == self.ledger.explained(id) {
            self.unsettled.remove(id);
            return true;
        }
        self.unsettled.insert(id.clone());
        false
    }

    /// True for an order that ended before executions were asked for.
    fn is_history(&self, order: &Order) -> bool {
        order.status.is_terminal() && order.updated_at < self.history_before
    }

    /// Squares an order that REST stated with its rows: placeholders for what is missing, an inferred bust for what is
    /// too much. `lowered` tells that REST stated less than was known before.
    fn settle(&mut self, id: &OrderId, lowered: bool, changes: &mut Changes) {
        let explained = self.ledger.explained(id);
        let Some(cum_qty) = self.order(id).map(|order| order.cum_qty) else { return };
        match explained.cmp(&cum_qty) {
            Ordering::Equal => {
                self.doubts.remove(id);
            }
            Ordering::Less => {
                self.doubts.remove(id);
                self.explain(id, cum_qty.checked_sub(explained).unwrap_or(Qty::ZERO), changes);
            }
            Ordering::Greater => {
                self.trim(id, changes);
                self.infer_bust(id, lowered, changes);
            }
        }
        self.adds_up(id);
    }

    /// Puts placeholders where an order states more than the ledger explains.
    fn explain(&mut self, id: &OrderId, missing: Qty, changes: &mut Changes) {
        let retracted = self.ledger.retract(id, missing);
        self.vacate(retracted, changes);
        let Some(order) = self.order(id) else { return };
        if self.is_history(order) {
            return;
        }
        let missing = self.ledger.placeholders(order);
        if !missing.is_empty() {
            changes.gaps.push(id.clone());
        }
        for placeholder in missing {
            self.enter(placeholder, &TradeEvent::PartialFill, changes);
        }
    }

    /// Puts a row for what was undone without a report.
    ///
    /// A state that does not know the latest execution yet looks the same for a moment, so unless the order itself went
    /// down it takes two passes that agree.
    fn infer_bust(&mut self, id: &OrderId, lowered: bool, changes: &mut Changes) {
        let explained = self.ledger.explained(id);
        let Some(order) = self.order(id).filter(|order| explained > order.cum_qty) else { return };
        let doubt = (order.cum_qty, explained);
        let repeated = order.updated_at >= self.ledger.latest(id) && self.doubts.get(id) == Some(&doubt);
        if !lowered && !repeated && !self.ledger.has_open_correction(id) {
            self.doubts.insert(id.clone(), doubt);
            return;
        }
        let mut execution = ledger::inferred_bust(order, explained);
        // The same span may have been executed and undone once more at a time no later answer tells apart.
        while self.ledger.get(&execution.id).is_some() {
            execution.id = format!("{}+", execution.id).into();
        }
        self.doubts.remove(id);
        self.enter(execution, &TradeEvent::TradeBust, changes);
    }
}

/// The execution of a FILL row. Its row id is not documented to be the execution id (API.md 5.4).
fn from_activity(activity: &Activity) -> Option<(Execution, TradeEvent)> {
    let ActivityKind::Fill { execution_id, order_id, symbol, side, qty, px, cum_qty, at } = &activity.kind else {
        return None;
    };
    let id = execution_id.clone().unwrap_or_else(|| ledger::row_id(&activity.id));
    let execution = Execution {
        id,
        order_id: order_id.clone(),
        symbol: symbol.clone(),
        side: side.clone(),
        qty: *qty,
        px: Some(*px),
        cum_qty: *cum_qty,
        position_qty: None,
        at: *at,
        kind: ExecutionKind::Trade,
        source: Source::Reconcile,
    };
    Some((execution, TradeEvent::Fill))
}

/// The event that a status seen by REST stands for; fills have rows of their own.
fn event_of_status(status: &OrderStatus) -> Option<TradeEvent> {
    match status {
        OrderStatus::New => Some(TradeEvent::New),
        OrderStatus::Canceled => Some(TradeEvent::Canceled),
        OrderStatus::Expired => Some(TradeEvent::Expired),
        OrderStatus::Rejected => Some(TradeEvent::Rejected),
        OrderStatus::Replaced => Some(TradeEvent::Replaced),
        OrderStatus::DoneForDay => Some(TradeEvent::DoneForDay),
        OrderStatus::Suspended => Some(TradeEvent::Suspended),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
