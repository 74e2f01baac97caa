//! Orders that replaced others. Whether such an order states its chain's executions as its own is documented both ways
//! (docs/ALPACA.md 5.11 D), so its own executions are those that its rows confirm.

use std::borrow::Cow;

use super::{Blotter, Changes};
use crate::domain::ids::OrderId;
use crate::domain::money::Qty;
use crate::domain::order::{Order, OrderStatus};

impl Blotter {
    /// How much of an order's executed quantity belongs to the orders that it replaced.
    ///
    /// Either all that they executed or nothing, depending on what its own rows leave over. While rows are missing, all
    /// of it, unless a row contradicts that: then what is still awaited is certain.
    pub(super) fn carried(&self, order: &Order) -> Qty {
        let Some(before) = &order.replaces else { return Qty::ZERO };
        let begins = self.ledger.begins(&order.id);
        let fits = |carried: &Qty| {
            carried.is_positive() && *carried <= order.cum_qty && begins.is_none_or(|begins| begins >= *carried)
        };
        let rest = self.ledger.reported(&order.id).and_then(|own| order.cum_qty.checked_sub(own));
        if rest.is_some_and(Qty::is_zero) {
            return Qty::ZERO;
        }
        let place = self.index.get(before).map_or(usize::MAX, |place| *place as usize);
        let known = self.orders.get(place).zip(self.highest.get(place));
        let certain = |before: &Order| before.status.is_terminal() && !self.contested.contains_key(&before.id);
        let Some((before, peak)) = known.filter(|(before, _)| certain(before)) else {
            // They may have executed all that its own rows leave over.
            let most = rest.unwrap_or(Qty::ZERO).min(order.cum_qty);
            return begins.map_or(most, |begins| begins.min(most)).max(Qty::ZERO);
        };
        // What was undone of them later may still be counted in the order that replaced them.
        let known = [before.cum_qty, *peak];
        let exact = known.into_iter().find(|carried| Some(*carried) == rest && fits(carried));
        exact.unwrap_or_else(|| Some(before.cum_qty).filter(fits).unwrap_or(Qty::ZERO))
    }

    /// The part of an order's executed quantity that its own executions must add up to; the rest was executed by orders
    /// that it replaced.
    pub fn own_qty(&self, order: &Order) -> Qty {
        order.cum_qty.checked_sub(self.carried(order)).unwrap_or(order.cum_qty)
    }

    /// The order, with the one that it replaced where only that one names the link.
    pub(super) fn with_predecessor<'a>(&self, order: &'a Order) -> Cow<'a, Order> {
        match self.predecessors.get(&order.id) {
            Some(before) if order.replaces.is_none() => {
                Cow::Owned(Order { replaces: Some(before.clone()), ..order.clone() })
            }
            _ => Cow::Borrowed(order),
        }
    }

    /// Records which order this one replaced, and which one replaced it: either side may be the only one that says so.
    pub(super) fn link_chain(&mut self, order: &Order, changes: &mut Changes) {
        if let Some(before) = &order.replaces {
            self.link(before, &order.id);
            self.prove(before, order);
        }
        let Some(after) = order.replaced_by.as_ref().filter(|after| **after != order.id) else { return };
        self.link(&order.id, after);
        if !self.predecessors.contains_key(after) {
            self.predecessors.insert(after.clone(), order.id.clone());
        }
        let place = self.index.get(after).map_or(usize::MAX, |place| *place as usize);
        if let Some(known) = self.orders.get_mut(place).filter(|known| known.replaces.is_none()) {
            known.replaces = Some(order.id.clone());
            changes.orders.push(after.clone());
            let known = known.clone();
            self.prove(&order.id, &known);
        }
    }

    fn link(&mut self, before: &OrderId, after: &OrderId) {
        if !self.successors.contains_key(before) {
            self.successors.insert(before.clone(), after.clone());
        }
    }

    /// Notes whether this state of an order proves that it states its chain's executions.
    fn prove(&mut self, before: &OrderId, order: &Order) {
        // It cannot have executed yet, so what it states is its chain's. Zero says nothing about what comes later.
        let idle = matches!(
            order.status,
            OrderStatus::Accepted | OrderStatus::PendingNew | OrderStatus::New | OrderStatus::AcceptedForBidding
        );
        let executed = order.cum_qty.is_positive();
        if idle && executed && self.order(before).is_some_and(|before| before.cum_qty == order.cum_qty) {
            self.proven.insert(order.id.clone());
        }
    }

    /// The order that replaced this one: its own quantity depends on what this one executed.
    pub(super) fn successor(&self, id: &OrderId) -> Option<&OrderId> {
        self.successors.get(id)
    }

    /// Orders assumed, without proof, to state executions of their chain: their rows should be requested.
    pub fn assumed(&self) -> impl Iterator<Item = &OrderId> {
        self.successors.values().filter(|id| self.is_assumed(id))
    }

    /// Whether an order is assumed, without proof, to state executions of its chain.
    pub fn is_assumed(&self, id: &OrderId) -> bool {
        !self.proven.contains(id) && self.order(id).is_some_and(|order| self.carried(order).is_positive())
    }

    /// Unknown orders that a known one replaced: what they executed decides the known one's own quantity.
    pub fn unknown_predecessors(&self) -> impl Iterator<Item = &OrderId> {
        let wanted = |(before, id): &(&OrderId, &OrderId)| {
            self.order(before).is_none()
                && self.order(id).is_some_and(|order| order.cum_qty.is_positive() && !self.is_history(order))
        };
        self.successors.iter().filter(wanted).map(|(before, _)| before)
    }
}
