//! One account's orders and executions. Applies each update once, from whichever source.
//!
//! Stream events and REST rows pass through the same merge, so a second pass changes nothing and the order of arrival
//! does not matter (docs/DESIGN.md 9.2). The blotter sends no requests and forgets nothing: quantity that it cannot
//! explain becomes a placeholder row and is reported as a gap.

mod chain;
mod changes;
mod conflict;
mod entry;
mod fill_in_missing;
mod ledger;
mod legs;
mod merge;
mod newest;
mod previous_account;
mod restore;
mod settle;
mod tape;
mod terms;

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;

pub use self::changes::Changes;
pub use self::conflict::Conflict;
use self::ledger::Ledger;
use self::merge::{Verdict, judge};
use self::newest::Newest;
use self::previous_account::PreviousOrders;
use self::settle::Doubt;
use self::tape::Tape;
pub use self::tape::TapeEntry;
use super::activity::{Activity, ActivityKind};
use super::disabled_rule::{DisabledRule, left_out};
use super::execution::{Execution, ExecutionKind, Source};
use super::ids::{ExecutionId, OrderId};
use super::money::Qty;
use super::order::{Order, OrderStatus};
use super::time::{Mono, is_before};
use super::update::{TradeEvent, TradeUpdate};

/// An order event derived from a list.
struct Note {
    order: OrderId,
    event: TradeEvent,
    at: Option<Timestamp>,
}

/// The account's orders, its executions and the tape of both.
///
/// Invariant: an execution id is in the ledger at most once; an order's state never goes back, and its executed
/// quantity falls only by a bust or a correction.
#[derive(Debug, Default)]
pub struct Blotter {
    orders: Vec<Order>,
    index: HashMap<OrderId, u32>,
    /// The indexes of the orders that can still trade, so that a long history costs a frame nothing.
    working: BTreeSet<u32>,
    ledger: Ledger,
    tape: Tape,
    /// For each order, the time of the newest state from REST, a bust or a correction; older states are ignored.
    settled: Vec<Option<Timestamp>>,
    /// For each order, the largest executed quantity it ever stated.
    highest: Vec<Qty>,
    /// Orders that were once seen working.
    followed: HashSet<OrderId>,
    /// For each replaced order, the one that replaced it.
    successors: HashMap<OrderId, OrderId>,
    /// For each order that another one names as the one that replaced it, that other one.
    predecessors: HashMap<OrderId, OrderId>,
    /// Orders that stated their chain's executions before any of their own.
    proven: HashSet<OrderId>,
    /// Orders whose rows add up to more than they state.
    doubts: HashMap<OrderId, Doubt>,
    /// When the answers being merged were requested, if that is known.
    asked_at: Option<Mono>,
    /// Orders whose rows do not add up.
    unsettled: HashSet<OrderId>,
    /// Orders for which a newer frame stated less executed than was known, with its time: until REST knows that time,
    /// its answers are older and decide nothing.
    contested: HashMap<OrderId, Option<Timestamp>>,
    /// What REST last stated of orders and the blotter did not accept.
    conflicting: HashMap<OrderId, (u64, Box<Order>)>,
    /// Number of REST answers merged.
    answers: u64,
    /// Whether rows under a multi-leg order's id count executed units rather than contracts; `None`
    /// until rows show which.
    rows_in_units: Option<bool>,
    /// For each leg of a multi-leg order, that order.
    parents: HashMap<OrderId, OrderId>,
    history_before: Option<Timestamp>,
    previous: PreviousOrders,
    generation: u32,
    fill_times: Newest,
    submission_times: Newest,
    change_times: Newest,
    latest: Option<Timestamp>,
}

impl Blotter {
    /// The order with this id.
    pub fn order(&self, id: &OrderId) -> Option<&Order> {
        self.index.get(id).and_then(|index| self.orders.get(*index as usize))
    }

    /// An order's index among [`Self::orders`]; it stays the same until [`Self::reset`].
    pub fn place(&self, id: &OrderId) -> Option<u32> {
        self.index.get(id).copied()
    }

    /// The order at an index.
    pub fn at(&self, place: u32) -> Option<&Order> {
        self.orders.get(place as usize)
    }

    /// The number of resets: indexes from an earlier generation are invalid.
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// Every known order, in the order they were first seen.
    pub fn orders(&self) -> impl DoubleEndedIterator<Item = &Order> + ExactSizeIterator {
        self.orders.iter()
    }

    /// The orders that can still trade.
    pub fn working(&self) -> impl Iterator<Item = &Order> {
        self.working.iter().filter_map(|place| self.at(*place))
    }

    /// How many orders can still trade.
    pub fn working_count(&self) -> usize {
        self.working.len()
    }

    /// How many orders are known.
    pub fn order_count(&self) -> usize {
        self.orders.len()
    }

    /// The execution with this id.
    pub fn execution(&self, id: &ExecutionId) -> Option<&Execution> {
        self.ledger.get(id)
    }

    /// The executions of an order, oldest first.
    pub fn executions_of(&self, id: &OrderId) -> Vec<&Execution> {
        let mut found: Vec<&Execution> = self.ledger.of(id).collect();
        found.sort_by(|a, b| (a.at, a.cum_qty, &a.id).cmp(&(b.at, b.cum_qty, &b.id)));
        found
    }

    /// Every execution, in the order they were learned, without placeholders that were explained.
    pub fn executions(&self) -> impl Iterator<Item = &Execution> {
        self.ledger.all()
    }

    /// The tape, oldest first; `tape()[i].number` grows by one from the first line kept.
    pub fn tape(&self) -> &[TapeEntry] {
        self.tape.entries()
    }

    /// The tape line with this number.
    pub fn tape_entry(&self, number: u64) -> Option<&TapeEntry> {
        self.tape.entry(number)
    }

    /// Sets the latest time that can be right, if that is known; later ones neither start a resync nor end history.
    pub fn set_latest(&mut self, latest: Option<Timestamp>) {
        self.latest = latest;
    }

    /// The broker's time of the latest known execution, where a resync starts.
    pub fn last_fill_at(&self) -> Option<Timestamp> {
        self.fill_times.until(self.latest)
    }

    /// The broker's time of the latest known submission, where the next order list starts.
    pub fn last_submitted_at(&self) -> Option<Timestamp> {
        self.submission_times.until(self.latest)
    }

    /// The broker's time of the latest known change.
    pub fn last_change_at(&self) -> Option<Timestamp> {
        self.change_times.until(self.latest).max(self.last_fill_at())
    }

    /// Orders that should be requested from REST: their rows do not add up to what they state, or a frame stated less
    /// than an earlier one.
    pub fn unsettled(&self) -> impl Iterator<Item = &OrderId> {
        self.unsettled.iter().chain(self.contested.keys())
    }

    /// Orders with executed quantity that no report explains: their rows should be requested, however old they are.
    pub fn awaiting(&self) -> impl Iterator<Item = &OrderId> {
        self.ledger.awaiting()
    }

    /// True for the id of a placeholder for executions of this order.
    pub fn is_placeholder_of(id: &ExecutionId, order: &OrderId) -> bool {
        ledger::is_placeholder_of(id, order)
    }

    /// True for the id of a row that stands in for a missing report: one known only from the activity list, a
    /// placeholder, an inferred bust.
    pub fn is_stand_in(id: &ExecutionId) -> bool {
        ledger::is_stand_in(id)
    }

    /// The span of an order that an inferred bust took back, as a unique text; `None` for any other id.
    pub fn inferred_span(id: &ExecutionId) -> Option<&str> {
        ledger::is_inferred(id).then(|| id.as_str().rsplit_once('@').map_or(id.as_str(), |(span, _)| span))
    }

    /// Executions before this were never requested: orders that were done before it get no placeholders.
    pub fn set_history_before(&mut self, at: Option<Timestamp>) {
        self.history_before = at;
    }

    /// Merges a stream event.
    pub fn apply_update(&mut self, update: &TradeUpdate) -> Changes {
        self.apply_event(update, Source::Stream)
    }

    /// Merges events that the broker replayed after an outage; they count as learned late.
    pub fn apply_replayed(&mut self, updates: &[TradeUpdate]) -> Changes {
        let mut changes = Changes::default();
        self.ledger.reports_at_hand(updates.iter().flat_map(|update| &update.executions));
        for update in updates {
            changes.absorb(self.apply_event(update, Source::Reconcile));
        }
        self.ledger.reports_at_hand(std::iter::empty());
        changes
    }

    fn apply_event(&mut self, update: &TradeUpdate, source: Source) -> Changes {
        let mut changes = Changes::default();
        self.restore_previous(std::iter::once(&update.order).chain(&update.legs).map(|order| &order.id), &mut changes);
        let update = &*self.whole_event(update);
        let lowers = matches!(update.event, TradeEvent::TradeBust | TradeEvent::TradeCorrect);
        if !lowers
            && let Some(known) = self.order(&update.order.id)
            && update.order.cum_qty < known.cum_qty
            && update.order.updated_at > known.updated_at
        {
            // Newer, but less executed: an execution was undone without a report.
            changes.gaps.push(update.order.id.clone());
            self.contested.insert(update.order.id.clone(), update.order.updated_at);
        }
        self.merge_order(&update.order, lowers, false, &mut changes);
        for leg in &update.legs {
            self.merge_order(leg, lowers, false, &mut changes);
        }
        self.move_to_legs(&update.order.id, &mut changes);
        let at = update.happened_at.or(update.at);
        if update.executions.is_empty() {
            self.note(&update.order.id, &update.event, at, source, &mut changes);
        }
        for execution in &update.executions {
            self.enter(execution.clone(), &update.event, &mut changes);
        }
        let unnamed = update.executions.is_empty()
            && matches!(update.event, TradeEvent::Fill | TradeEvent::PartialFill)
            && update.order.is_multileg_parent()
            && changes.moved.contains(&update.order.id);
        let mut touched: Vec<&OrderId> = std::iter::once(&update.order.id)
            .chain(update.legs.iter().map(|leg| &leg.id))
            .chain(update.executions.iter().map(|execution| &execution.order_id))
            .collect();
        touched.sort_unstable();
        touched.dedup();
        for id in touched {
            if !self.adds_up(id) || (unnamed && *id == update.order.id) {
                changes.gaps.push(id.clone());
            }
            self.follow_chain(id, &mut changes);
        }
        changes
    }

    /// Sets when the answers merged next were requested: an apparent bust is believed once it lasts.
    pub fn set_requested_at(&mut self, at: Mono) {
        self.asked_at = Some(at);
    }

    /// Merges REST answers: orders (from any list or by id) and activity rows.
    ///
    /// Quantity that no row explains gets a placeholder, so that positions and tape agree until the report arrives.
    pub fn apply_snapshot(&mut self, orders: &[Order], activities: &[Activity]) -> Changes {
        let mut changes = Changes::default();
        self.restore_previous(orders.iter().map(|order| &order.id), &mut changes);
        self.restore_previous(activities.iter().filter_map(order_of), &mut changes);
        let (mut lowered, mut notes) = (HashSet::new(), Vec::new());
        for order in orders {
            // What one answer of a pass leaves out another may have said.
            notes.extend(self.merge_rest_order(&self.whole_order(order), &mut lowered, &mut changes));
        }
        let orders = &*self.whole_orders(orders);
        // Lists have an order of their own; the tape is chronological.
        notes.sort_by_key(|note| note.at);
        let mut notes = notes.into_iter().peekable();
        self.note_conflicts(orders);
        for order in orders {
            self.move_to_legs(&order.id, &mut changes);
        }
        if !self.parents.is_empty() {
            // One row may show how the others count.
            for (execution, _) in activities.iter().filter_map(from_activity) {
                self.assign_to_leg(execution);
            }
        }
        let rows: Vec<Execution> =
            activities.iter().filter_map(from_activity).map(|(row, _)| self.assign_to_leg(row)).collect();
        self.ledger.rows_at_hand(rows.iter());
        for activity in activities {
            if let Some((execution, event)) = from_activity(activity) {
                while let Some(note) = notes.next_if(|note| note.at <= execution.at) {
                    self.note(&note.order, &note.event, note.at, Source::Reconcile, &mut changes);
                }
                let order_id = self.enter_row(execution, &event, &mut changes);
                // Its order may not be in this answer; it is requested if it does not add up.
                self.adds_up(&order_id);
            }
        }
        self.ledger.rows_at_hand(std::iter::empty());
        for note in notes {
            self.note(&note.order, &note.event, note.at, Source::Reconcile, &mut changes);
        }
        // An order in two lists is one answer, not two that agree.
        let mut squared = HashSet::new();
        for order in orders.iter().filter(|order| squared.insert(&order.id)) {
            self.settle(&order.id, lowered.contains(&order.id), &mut changes);
        }
        for order in orders {
            self.follow_chain(&order.id, &mut changes);
        }
        changes
    }

    /// Merges activity rows that the user paged back to, as far as their orders' executions are kept here.
    ///
    /// Rows of unknown orders, or of orders from before the history, are not gaps.
    pub fn apply_history(&mut self, activities: &[Activity]) -> Changes {
        let kept = |row: &&Activity| match &row.kind {
            ActivityKind::Fill { order_id, .. } => self.order(order_id).is_some_and(|order| !self.is_history(order)),
            ActivityKind::Other { .. } => false,
        };
        let rows: Vec<Activity> = activities.iter().filter(kept).cloned().collect();
        self.apply_snapshot(&[], &rows)
    }

    /// Merges REST's state of one order; returns the event that it implies.
    fn merge_rest_order(
        &mut self,
        order: &Order,
        lowered: &mut HashSet<OrderId>,
        changes: &mut Changes,
    ) -> Option<Note> {
        let before = self.order(&order.id).map(|known| (known.status.clone(), known.cum_qty, known.updated_at));
        // A state newer than ours with less executed than known: an execution was undone without a report.
        let undone = before.as_ref().is_some_and(|(_, cum, at)| order.cum_qty < *cum && order.updated_at > *at);
        // After reports out of order it may just miss the latest one; then two answers that agree decide.
        if undone && !self.contested.contains_key(&order.id) {
            lowered.insert(order.id.clone());
        }
        let changed = self.merge_order(order, undone, true, changes);
        // An older state may tell what else was not known, and is no event.
        let stands = self.order(&order.id).is_some_and(|known| known.status == order.status);
        before.filter(|(status, ..)| changed && stands && *status != order.status)?;
        let at = order.canceled_at.or(order.expired_at).or(order.failed_at).or(order.replaced_at).or(order.updated_at);
        Some(Note { order: order.id.clone(), event: event_of_status(&order.status)?, at })
    }

    /// Adds or advances an order; true when something changed.
    fn merge_order(&mut self, order: &Order, may_lower: bool, evidence: bool, changes: &mut Changes) -> bool {
        self.submission_times.note(order.submitted_at);
        self.change_times.note(order.updated_at);
        let settles = may_lower || evidence;
        let linked = self.with_predecessor(order);
        let order = linked.as_ref();
        self.link_chain(order, changes);
        let learned = self.learn_relations(order, changes);
        let place = self.index.get(&order.id).map_or(usize::MAX, |index| *index as usize);
        let (Some(known), Some(settled)) = (self.orders.get_mut(place), self.settled.get_mut(place)) else {
            let index = u32::try_from(self.orders.len()).unwrap_or(u32::MAX);
            self.index.insert(order.id.clone(), index);
            if order.status.is_working() {
                self.followed.insert(order.id.clone());
            }
            self.orders.push(order.clone());
            self.note_working(index);
            self.settled.push(order.updated_at.filter(|_| settles));
            self.highest.push(order.cum_qty);
            changes.orders.push(order.id.clone());
            changes.moved.push(order.id.clone());
            return true;
        };
        if is_before(order.updated_at, *settled) && !left_out(DisabledRule::Monotone) {
            return learned | self.learn_left_out(order, changes);
        }
        let older = is_before(order.updated_at, known.updated_at);
        if older && order.cum_qty > known.cum_qty {
            // Either a late report, or something was undone in between: REST's newest answer decides.
            self.contested.insert(order.id.clone(), known.updated_at);
        }
        // Agreement settles it even if no time does.
        let agrees = order.status.is_terminal() && (&order.status, order.cum_qty) == (&known.status, known.cum_qty);
        let settled_by = |since: &Option<Timestamp>| agrees || (!older && !is_before(order.updated_at, *since));
        if evidence && self.contested.get(&order.id).is_some_and(settled_by) {
            self.contested.remove(&order.id);
        }
        if older && evidence && !left_out(DisabledRule::Monotone) {
            return learned | self.learn_left_out(order, changes);
        }
        if settles {
            *settled = (*settled).max(order.updated_at);
        }
        let (status, cum_qty) = (known.status.clone(), known.cum_qty);
        match judge(known, order, may_lower, evidence) {
            Verdict::Keep => return learned | self.learn_left_out(order, changes),
            Verdict::Take(merged) => *known = *merged,
        }
        if let Some(highest) = self.highest.get_mut(place) {
            *highest = (*highest).max(known.cum_qty);
        }
        if known.status != status || known.cum_qty != cum_qty {
            changes.moved.push(order.id.clone());
        }
        changes.orders.push(order.id.clone());
        self.note_working(u32::try_from(place).unwrap_or(u32::MAX));
        true
    }

    /// Notes whether the order at an index can still trade; called whenever its status may have changed.
    fn note_working(&mut self, place: u32) {
        if self.at(place).is_some_and(|order| order.status.is_working()) {
            self.working.insert(place);
        } else {
            self.working.remove(&place);
        }
    }
}

/// The order named by a FILL row.
fn order_of(activity: &Activity) -> Option<&OrderId> {
    match &activity.kind {
        ActivityKind::Fill { order_id, .. } => Some(order_id),
        ActivityKind::Other { .. } => None,
    }
}

/// The execution of a FILL row. The row's id is not documented to be the execution id (docs/ALPACA.md 5.4).
fn from_activity(activity: &Activity) -> Option<(Execution, TradeEvent)> {
    let ActivityKind::Fill { execution_id, order_id, symbol, side, qty, px, cum_qty, partial, at } = &activity.kind
    else {
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
    Some((execution, if *partial { TradeEvent::PartialFill } else { TradeEvent::Fill }))
}

/// The event that a status from REST implies; fills have rows of their own.
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
