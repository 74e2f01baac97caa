//! Orders that took the place of others. Whether one states its chain's executions as its own is told both ways
//! (docs/ALPACA.md 5.11 D), so its own are what its rows bear out.

use super::Blotter;
use crate::domain::ids::OrderId;
use crate::domain::money::Qty;
use crate::domain::order::{Order, OrderStatus};

impl Blotter {
    /// How much of what an order states was executed by the orders whose place it took.
    ///
    /// All they executed or nothing, whichever its own rows leave over. While rows are missing it is all of it, unless a
    /// row says otherwise: what is awaited then is certain.
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
            // They may have executed anything that its own rows leave over.
            let most = rest.unwrap_or(Qty::ZERO).min(order.cum_qty);
            return begins.map_or(most, |begins| begins.min(most)).max(Qty::ZERO);
        };
        // What was undone of them later may count on in what took their place.
        let known = [before.cum_qty, *peak];
        let exact = known.into_iter().find(|carried| Some(*carried) == rest && fits(carried));
        exact.unwrap_or_else(|| Some(before.cum_qty).filter(fits).unwrap_or(Qty::ZERO))
    }

    /// What an order states as executed and its own rows must add up to.
    pub(super) fn own_qty(&self, order: &Order) -> Qty {
        order.cum_qty.checked_sub(self.carried(order)).unwrap_or(order.cum_qty)
    }

    /// Notes whose place an order took.
    pub(super) fn link_chain(&mut self, order: &Order) {
        let Some(before) = &order.replaces else { return };
        if !self.successors.contains_key(before) {
            self.successors.insert(before.clone(), order.id.clone());
        }
        // Nothing of it can have executed yet, so what it states is its chain's.
        let idle = matches!(
            order.status,
            OrderStatus::Accepted | OrderStatus::PendingNew | OrderStatus::New | OrderStatus::AcceptedForBidding
        );
        if idle && self.order(before).is_some_and(|before| before.cum_qty == order.cum_qty) {
            self.proven.insert(order.id.clone());
        }
    }

    /// The order that took this one's place: what is its own depends on what this one executed.
    pub(super) fn successor(&self, id: &OrderId) -> Option<&OrderId> {
        self.successors.get(id)
    }

    /// Orders of which a part is taken to be their chain's although nothing shows it: their rows should be asked for.
    pub fn assumed(&self) -> impl Iterator<Item = &OrderId> {
        let assumed = |id: &&OrderId| {
            !self.proven.contains(*id) && self.order(id).is_some_and(|order| self.carried(order).is_positive())
        };
        self.successors.values().filter(assumed)
    }

    /// Orders whose place another one took and that are not known: what they executed decides what is the other's own.
    pub fn unknown_before(&self) -> impl Iterator<Item = &OrderId> {
        let wanted = |(before, id): &(&OrderId, &OrderId)| {
            self.order(before).is_none()
                && self.order(id).is_some_and(|order| order.cum_qty.is_positive() && !self.is_history(order))
        };
        self.successors.iter().filter(wanted).map(|(before, _)| before)
    }
}
