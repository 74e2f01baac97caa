//! Completes the orders of an answer: what it leaves out has not changed.

use std::borrow::Cow;

use super::{Blotter, Changes};
use crate::domain::order::Order;
use crate::domain::update::TradeUpdate;

impl Blotter {
    /// The event, with its orders completed from what is known of them.
    pub(super) fn whole_event<'a>(&self, update: &'a TradeUpdate) -> Cow<'a, TradeUpdate> {
        if std::iter::once(&update.order).chain(&update.legs).all(|order| !self.is_left_out(order)) {
            return Cow::Borrowed(update);
        }
        let mut update = update.clone();
        for order in std::iter::once(&mut update.order).chain(&mut update.legs) {
            self.complete(order);
        }
        Cow::Owned(update)
    }

    /// The orders, completed from what is known of them.
    pub(super) fn whole_orders<'a>(&self, orders: &'a [Order]) -> Cow<'a, [Order]> {
        if orders.iter().all(|order| !self.is_left_out(order)) {
            return Cow::Borrowed(orders);
        }
        let mut orders = orders.to_vec();
        for order in &mut orders {
            self.complete(order);
        }
        Cow::Owned(orders)
    }

    /// An order that leaves out nothing that is known of it.
    pub(super) fn whole_order<'a>(&self, order: &'a Order) -> Cow<'a, Order> {
        if !self.is_left_out(order) {
            return Cow::Borrowed(order);
        }
        let mut order = order.clone();
        self.complete(&mut order);
        Cow::Owned(order)
    }

    /// Takes over what was left out of an order that is known, which an older state tells as well; true when it tells any.
    pub(super) fn learn_left_out(&mut self, order: &Order, changes: &mut Changes) -> bool {
        let place = self.index.get(&order.id).map_or(usize::MAX, |place| *place as usize);
        let Some(known) = self.orders.get_mut(place).filter(|known| known.leaves_out(order)) else { return false };
        let mut whole = known.clone();
        whole.complete(order);
        // Which state stands is for the merge to say.
        whole.status.clone_from(&known.status);
        if whole == *known {
            return false;
        }
        *known = whole;
        changes.orders.push(order.id.clone());
        true
    }

    fn is_left_out(&self, order: &Order) -> bool {
        self.order(&order.id).is_some_and(|known| order.leaves_out(known))
    }

    fn complete(&self, order: &mut Order) {
        if let Some(known) = self.order(&order.id) {
            order.complete(known);
        }
    }
}
