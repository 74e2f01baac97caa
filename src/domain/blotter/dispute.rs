//! Answers of REST that say another thing than what is shown, and were not believed: an older state, or one without a
//! newer time. One such answer is REST behind the stream; how long they may last is for the session to say.

use super::{Blotter, Changes};
use crate::domain::execution::Source;
use crate::domain::ids::OrderId;
use crate::domain::money::Qty;
use crate::domain::order::{Order, OrderStatus};

/// What REST states of an order, and what is shown instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// Status and executed quantity as REST states them.
    pub stated: (OrderStatus, Qty),
    /// The same as shown.
    pub shown: (OrderStatus, Qty),
}

impl Dispute {
    /// True when believing it takes something back: quantity, or an end.
    pub fn takes_back(&self) -> bool {
        self.stated.1 < self.shown.1 || (self.shown.0.is_terminal() && !self.stated.0.is_terminal())
    }
}

impl Blotter {
    /// What REST last said otherwise, by order, and whether the answer that was merged last said it.
    pub fn disputes(&self) -> impl Iterator<Item = (&OrderId, Dispute, bool)> {
        self.disputed
            .iter()
            .filter_map(|(id, (answer, stated))| Some((id, dispute(stated, self.order(id)?)?, *answer == self.answers)))
    }

    /// Takes REST's word for an order whatever was shown before.
    pub fn concede(&mut self, id: &OrderId) -> Changes {
        let mut changes = Changes::default();
        let Some((_, stated)) = self.disputed.remove(id) else { return changes };
        let place = self.index.get(id).map_or(usize::MAX, |index| *index as usize);
        let (Some(known), Some(settled)) = (self.orders.get_mut(place), self.settled.get_mut(place)) else {
            return changes;
        };
        let lowered = stated.cum_qty < known.cum_qty;
        let was_working = known.status.is_working();
        let mut merged = *stated;
        super::merge::keep_relations(&mut merged, known);
        *settled = merged.updated_at;
        self.working = self.working + usize::from(merged.status.is_working()) - usize::from(was_working);
        let (status, at) = (merged.status.clone(), merged.updated_at);
        *known = merged;
        self.contested.remove(id);
        changes.orders.push(id.clone());
        changes.moved.push(id.clone());
        if let Some(event) = super::event_of_status(&status) {
            self.note(id, &event, at, Source::Reconcile, &mut changes);
        }
        self.settle(id, lowered, &mut changes);
        self.follow_chain(id, &mut changes);
        changes
    }

    /// Compares what one answer states of its orders with what is shown now that it is merged. An order that one list of
    /// it states as shown is not disputed by another.
    pub(super) fn note_disputes(&mut self, orders: &[Order]) {
        self.answers = self.answers.wrapping_add(1);
        for order in orders {
            self.disputed.remove(&order.id);
        }
        let differs = |order: &&Order| self.order(&order.id).is_some_and(|known| dispute(order, known).is_some());
        let agreed: std::collections::HashSet<&OrderId> =
            orders.iter().filter(|order| !differs(order)).map(|order| &order.id).collect();
        let disputed: Vec<&Order> = orders.iter().filter(|order| !agreed.contains(&order.id)).collect();
        for order in disputed {
            let newer = self.disputed.get(&order.id).is_none_or(|(_, other)| order.rank() > other.rank());
            if newer {
                self.disputed.insert(order.id.clone(), (self.answers, Box::new(order.clone())));
            }
        }
    }
}

fn dispute(stated: &Order, known: &Order) -> Option<Dispute> {
    let stated = (stated.status.clone(), stated.cum_qty);
    let shown = (known.status.clone(), known.cum_qty);
    (stated != shown).then_some(Dispute { stated, shown })
}
