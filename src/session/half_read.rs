//! Orders of whose last answer a member could not be read. What was read is shown; a done one may appear in no list again,
//! so it is requested by its id.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::request::{Reply, Request, Unread};
use crate::domain::{Order, OrderId};

/// Most requests for them in one pass.
const AT_ONCE: usize = 10;
/// Answers to requests by id after which the broker's own text is taken for unreadable.
const TRIES: u8 = 5;

/// The orders read only in part so far, with the number of requests by id that did not help.
#[derive(Debug, Clone, Default)]
pub(super) struct HalfRead(BTreeMap<OrderId, u8>);

/// The orders that one pass read only in part, and whether the last answer was to a request by id.
#[derive(Debug, Clone, Default)]
pub(super) struct HalfReadNow(BTreeMap<OrderId, bool>);

impl HalfReadNow {
    /// Notes the orders of an answer.
    pub(super) fn note(&mut self, request: &Request, reply: &Reply, unread: &[Unread]) {
        let (Reply::Orders(orders) | Reply::Order(orders)) = reply else { return };
        let named: BTreeSet<&str> = unread.iter().filter_map(|row| row.id.as_deref()).collect();
        let is_named = |order: &Order| named.contains(order.id.as_str());
        // The row of a multi-leg order names the order alone.
        let legs: HashSet<&OrderId> =
            orders.iter().filter(|order| is_named(order)).flat_map(|order| &order.legs).collect();
        for order in orders {
            if is_named(order) || legs.contains(&order.id) {
                self.0.insert(order.id.clone(), matches!(request, Request::Order(_)));
            } else {
                self.0.remove(&order.id);
            }
        }
    }
}

impl HalfRead {
    /// Orders are merged that a pass read.
    pub(super) fn merged(&mut self, orders: &[Order], now: &HalfReadNow) {
        for order in orders {
            let tries = self.0.remove(&order.id).unwrap_or_default();
            let tries = now.0.get(&order.id).map(|by_id| tries + u8::from(*by_id));
            if let Some(tries) = tries.filter(|tries| *tries < TRIES) {
                self.0.insert(order.id.clone(), tries);
            }
        }
    }

    /// The broker does not know these orders.
    pub(super) fn denied(&mut self, orders: &[OrderId]) {
        self.0.retain(|id, _| !orders.contains(id));
    }

    /// Forgets all, because the account was reset.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Those to request by id, unless a list of this pass has shown them.
    pub(super) fn wanted(&self, seen: &HashSet<OrderId>) -> impl Iterator<Item = &OrderId> {
        self.0.keys().filter(|id| !seen.contains(*id)).take(AT_ONCE)
    }
}
