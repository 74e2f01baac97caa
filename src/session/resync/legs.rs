//! Which legs multi-leg orders have. Lists that are not nested may leave them out, and rows may carry the parent's id.

use std::collections::HashSet;

use super::{FIRST_BY_ID, List, Question, Resync};
use crate::domain::blotter::Blotter;
use crate::domain::{Activity, Order, OrderId};
use crate::session::request::{OrdersQuery, Request};

/// True for a multi-leg order whose legs neither this state nor an earlier one lists.
fn lacks_legs(order: &Order, blotter: &Blotter) -> bool {
    let has_legs = |known: &Order| !known.legs.is_empty();
    order.is_multileg_parent() && !has_legs(order) && !blotter.order(&order.id).is_some_and(has_legs)
}

impl Resync {
    /// Requests a page again, nested, if it has done orders without their legs. Open orders are in
    /// the nested list anyway.
    pub(super) fn ask_for_legs(&mut self, query: &OrdersQuery, orders: &[Order], blotter: &Blotter) {
        let wanted = |order: &Order| order.status.is_terminal() && lacks_legs(order, blotter);
        if !query.nested && orders.iter().any(wanted) {
            let request = Request::Orders(OrdersQuery { nested: true, ..query.clone() });
            self.queue.push_back(Question::new(request, List::Legs));
        }
    }

    /// Keeps the families of orders that are in the snapshot; a nested page reaches further back.
    pub(super) fn page_of_legs(&mut self, orders: Vec<Order>) {
        let wanted = |order: &Order| order.is_multileg_parent() && self.seen.contains(&order.id);
        let legs: HashSet<OrderId> =
            orders.iter().filter(|order| wanted(order)).flat_map(|order| &order.legs).cloned().collect();
        let family: Vec<Order> = orders.into_iter().filter(|order| wanted(order) || legs.contains(&order.id)).collect();
        for order in family {
            self.keep(order);
        }
    }

    /// Orders without known legs that are worth a request each: those that rows name, and a few others.
    pub(super) fn without_legs(&self, blotter: &Blotter) -> Vec<OrderId> {
        let has_legs: HashSet<&OrderId> =
            self.snapshot.orders.iter().filter(|order| !order.legs.is_empty()).map(|order| &order.id).collect();
        let lacking = self.snapshot.orders.iter().chain(blotter.orders()).filter(|order| lacks_legs(order, blotter));
        let lacking: Vec<&OrderId> = lacking.map(|order| &order.id).filter(|id| !has_legs.contains(id)).collect();
        let named: HashSet<&OrderId> = self.snapshot.activities.iter().filter_map(Activity::order).collect();
        let (named, others): (Vec<&OrderId>, Vec<&OrderId>) = lacking.into_iter().partition(|id| named.contains(id));
        named.into_iter().chain(others.into_iter().take(FIRST_BY_ID)).cloned().collect()
    }
}
