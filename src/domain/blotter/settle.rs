//! Reconciles an order with its rows: placeholders for missing quantity, an inferred bust for excess quantity.

use std::cmp::Ordering;
use std::time::Duration;

use jiff::Timestamp;

use super::{Blotter, Changes, ledger};
use crate::domain::ids::OrderId;
use crate::domain::money::Qty;
use crate::domain::order::Order;
use crate::domain::time::{Mono, is_before};
use crate::domain::update::TradeEvent;

/// After this long, REST does not lag any more (docs/ALPACA.md 6.8).
const LAG: Duration = Duration::from_secs(12);
/// A difference that lasts this long is real, even if no time of the order shows a change.
const LONG: Duration = Duration::from_mins(1);

/// Rows that add up to more than their order states.
#[derive(Debug)]
pub(super) struct Doubt {
    stated: Qty,
    explained: Qty,
    /// When the first answer that showed this was requested.
    since: Option<Mono>,
}

impl Blotter {
    /// True when the rows of an order add up to what it states; remembers it if they do not.
    pub(super) fn adds_up(&mut self, id: &OrderId) -> bool {
        let Some(order) = self.index.get(id).and_then(|index| self.orders.get(*index as usize)) else {
            // Executions of an unknown order: it must be requested.
            let nothing = self.ledger.of(id).next().is_none();
            if !nothing {
                self.unsettled.insert(id.clone());
            }
            return nothing;
        };
        let settled = if order.is_multileg_parent() {
            // Rows reported under its id move to its legs.
            !order.legs.is_empty() || self.ledger.of(id).next().is_none()
        } else {
            self.ledger.explained(id).is_none_or(|explained| self.own_qty(order) == explained)
        };
        if settled || self.is_history(order) {
            self.unsettled.remove(id);
            return true;
        }
        self.unsettled.insert(id.clone());
        false
    }

    /// Checks an order's successor again: what the order executed decides the successor's own quantity.
    pub(super) fn follow_chain(&mut self, id: &OrderId, changes: &mut Changes) {
        let Some(next) = self.successor(id).cloned() else { return };
        self.trim(&next, changes);
        self.adds_up(&next);
    }

    /// True for an order that ended before executions were requested, unless it has a row or was seen working.
    pub(super) fn is_history(&self, order: &Order) -> bool {
        order.status.is_terminal()
            && self.ledger.of(&order.id).next().is_none()
            && !self.followed.contains(&order.id)
            && order
                .last_stated_at()
                .map_or(self.history_before.is_some(), |at| is_before(Some(at), self.history_before))
    }

    /// Reconciles an order stated by REST with its rows: placeholders for missing quantity, an inferred bust for excess
    /// quantity. `lowered` says that REST stated less than was known before.
    pub(super) fn settle(&mut self, id: &OrderId, lowered: bool, changes: &mut Changes) {
        let Some(explained) = self.ledger.explained(id) else { return };
        let Some(own) = self.order(id).filter(|order| !order.is_multileg_parent()).map(|order| self.own_qty(order))
        else {
            return;
        };
        match explained.cmp(&own) {
            Ordering::Equal => {
                self.doubts.remove(id);
            }
            Ordering::Less => {
                self.doubts.remove(id);
                self.explain(id, own.checked_sub(explained).unwrap_or(Qty::ZERO), changes);
            }
            Ordering::Greater => {
                self.trim(id, changes);
                self.infer_bust(id, lowered, changes);
            }
        }
        self.adds_up(id);
    }

    /// Adds placeholders where an order states more than the ledger explains.
    fn explain(&mut self, id: &OrderId, missing: Qty, changes: &mut Changes) {
        let retracted = self.ledger.retract(id, missing);
        self.vacate(retracted, changes);
        let Some(order) = self.order(id) else { return };
        if self.is_history(order) || self.is_orphan(order) {
            return;
        }
        let missing = self.ledger.placeholders(order, self.carried(order));
        if !missing.is_empty() {
            changes.gaps.push(id.clone());
        }
        for mut placeholder in missing {
            // If busts of unknown executions left a negative sum, the same span may be missing again.
            self.ledger.make_unique(&mut placeholder);
            self.enter(placeholder, &TradeEvent::PartialFill, changes);
        }
    }

    /// Adds an inferred bust for what was undone without a report.
    ///
    /// For a moment, a state without the latest execution looks the same. So unless the order itself stated less, two
    /// passes must agree, with more time between them than REST lags.
    fn infer_bust(&mut self, id: &OrderId, lowered: bool, changes: &mut Changes) {
        let Some(explained) = self.ledger.explained(id) else { return };
        let Some((order, own)) = self.order(id).map(|order| (order, self.own_qty(order))) else { return };
        // If the lists state something else that was not accepted, they confirm nothing.
        if explained <= own || self.conflicting.contains_key(id) {
            return;
        }
        let known = self.doubts.get(id).filter(|doubt| (doubt.stated, doubt.explained) == (own, explained));
        let for_long = known.and_then(|doubt| Some(self.asked_at?.since(doubt.since?)));
        let lasts = known.is_some() && for_long.is_none_or(|long| long >= LAG);
        // Lists may round to milliseconds. Whole seconds do not show which of two moments was first.
        let last = |at: Timestamp| at.checked_add(Duration::from_millis(1)).unwrap_or(at);
        let newest = order.updated_at.is_none_or(|at| Some(last(at)) > self.ledger.latest(id));
        let certain = lowered || (newest && lasts) || for_long >= Some(LONG) || self.ledger.has_open_correction(id);
        if !certain {
            let since = known.map_or(self.asked_at, |doubt| doubt.since);
            self.doubts.insert(id.clone(), Doubt { stated: own, explained, since });
            return;
        }
        let mut execution = ledger::inferred_bust(order, explained, own);
        // The same span may have been executed and undone again at a time that no later answer distinguishes.
        self.ledger.make_unique(&mut execution);
        self.doubts.remove(id);
        self.enter(execution, &TradeEvent::TradeBust, changes);
    }
}
