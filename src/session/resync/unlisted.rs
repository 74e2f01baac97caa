//! What a pass requests after its lists: orders that no list shows, awaited rows, a page of older orders.

use std::collections::HashSet;

use super::{FIRST_BY_ID, List, Question, Resync};
use crate::domain::activity::ActivityKind;
use crate::domain::blotter::Blotter;
use crate::domain::disabled_rule::{DisabledRule, left_out};
use crate::domain::{Order, OrderId};
use crate::session::parts::Part;
use crate::session::request::{ActivitiesQuery, OrderFilter, OrdersQuery, Request};

impl Resync {
    /// Drops executions of unlisted orders on the very first pass: they are history, and each order
    /// would cost a request.
    ///
    /// The newest few are kept, because an old order may have traded just now.
    fn shorten_history(&mut self, blotter: &Blotter) {
        if self.since.fills.or(self.since.orders).is_some() {
            return;
        }
        let mut kept = HashSet::new();
        // Newest first, as this pass requested them.
        self.snapshot.activities.retain(|row| {
            let ActivityKind::Fill { order_id, .. } = &row.kind else { return true };
            let shown = self.seen.contains(order_id) || blotter.order(order_id).is_some() || kept.contains(order_id);
            shown || (kept.len() < FIRST_BY_ID && kept.insert(order_id.clone()))
        });
    }

    /// Requests by id the orders that no list shows and that are working, unsettled, in conflict, behind an execution,
    /// or needed to explain another order.
    pub(super) fn ask_by_id(&mut self, blotter: &Blotter) {
        if left_out(DisabledRule::ById) {
            return;
        }
        // After a cut, the lists may be incomplete.
        if self.cut.is_none() {
            self.shorten_history(blotter);
        }
        let mut wanted: Vec<OrderId> = blotter.unsettled().filter(|id| !self.seen.contains(*id)).cloned().collect();
        // A hash set has no order, and a run must repeat exactly.
        wanted.sort_unstable();
        let mut before: Vec<OrderId> = blotter
            .conflicts()
            .map(|(id, ..)| id)
            .chain(blotter.unknown_predecessors())
            .chain(self.snapshot.orders.iter().filter_map(|order| unknown_predecessor(order, blotter)))
            .filter(|id| !self.seen.contains(*id))
            .cloned()
            .collect();
        before.sort_unstable();
        wanted.append(&mut before);
        wanted.extend(blotter.working().filter(|order| !self.seen.contains(&order.id)).map(|order| order.id.clone()));
        for row in &self.snapshot.activities {
            let ActivityKind::Fill { order_id, cum_qty, .. } = &row.kind else { continue };
            let known = blotter.order(order_id);
            let behind = known.is_none_or(|order| cum_qty.is_some_and(|cum| cum > order.cum_qty));
            if behind && !self.seen.contains(order_id) {
                wanted.push(order_id.clone());
            }
        }
        wanted.append(&mut self.without_legs(blotter));
        wanted.extend(self.half_read.wanted(&self.seen).cloned());
        let mut asked = HashSet::new();
        for id in wanted {
            if asked.len() >= self.limits.by_id {
                let words = format!("more than {} orders are missing from every list", self.limits.by_id);
                self.snapshot.faults.entry(Part::Working).or_insert(words);
                break;
            }
            if asked.insert(id.clone()) {
                self.queue.push_back(Question::new(Request::Order(id), List::Other));
            }
        }
        self.ask_beyond(blotter);
    }

    /// Requests what no list of this pass shows: the rows of orders that await a report, however old, and a page of
    /// older orders, because only their state reveals that an execution was undone.
    fn ask_beyond(&mut self, blotter: &Blotter) {
        let mut wanted = self.snapshot.backfill.orders(blotter);
        wanted.append(&mut self.unclear(blotter));
        for id in wanted {
            let request = Request::Activities(ActivitiesQuery {
                fills_only: true,
                order: Some(id),
                after: None,
                until: None,
                page_token: None,
                ascending: true,
                page_size: self.limits.fills_page,
            });
            self.queue.push_back(Question::new(request, List::Rows));
        }
        let unseen = blotter.orders().any(|order| !self.seen.contains(&order.id));
        let from = self.snapshot.backfill.older_than().or(self.recent_end.clone());
        if let Some(from) = from.filter(|_| unseen && self.since.orders.is_some()) {
            let newest = OrdersQuery::newest(OrderFilter::All, self.limits.orders_page);
            let request = Request::Orders(OrdersQuery { before_order_id: Some(from), ..newest });
            self.queue.push_back(Question::new(request, List::Older));
        }
    }

    /// New orders that replaced another one and whose first execution is not among the rows of this pass: only their
    /// own rows separate their executions from those of their chain.
    fn unclear(&self, blotter: &Blotter) -> Vec<OrderId> {
        let mut begun = HashSet::new();
        for row in &self.snapshot.activities {
            if let ActivityKind::Fill { order_id, qty, cum_qty: Some(cum), .. } = &row.kind
                && cum == qty
            {
                begun.insert(order_id);
            }
        }
        let mut asked = HashSet::new();
        let replacing: HashSet<_> =
            self.snapshot.orders.iter().filter_map(|order| order.replaced_by.as_ref()).collect();
        let unclear = |order: &&Order| {
            (order.replaces.is_some() || replacing.contains(&order.id))
                && order.cum_qty.is_positive()
                && blotter.order(&order.id).is_none()
                && !begun.contains(&order.id)
        };
        let orders = self.snapshot.orders.iter().filter(unclear).map(|order| &order.id);
        orders.filter(|id| asked.insert(*id)).take(FIRST_BY_ID).cloned().collect()
    }
}

/// The order that this one replaced, if unknown: what it executed decides how much belongs to this one.
fn unknown_predecessor<'a>(order: &'a Order, blotter: &Blotter) -> Option<&'a OrderId> {
    order.replaces.as_ref().filter(|before| order.cum_qty.is_positive() && blotter.order(before).is_none())
}
