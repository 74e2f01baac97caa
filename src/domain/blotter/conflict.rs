//! REST answers that contradict what is shown and were not accepted: an older state, or one without a newer time. One
//! such answer may be REST lagging behind the stream; the session decides how long they may last.

use super::merge::keep_relations;
use super::terms::{Terms, same_term, terms};
use super::{Blotter, Changes};
use crate::domain::execution::Source;
use crate::domain::ids::OrderId;
use crate::domain::money::Qty;
use crate::domain::order::{Order, OrderStatus};

/// The fields of an order that are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedFields {
    pub status: OrderStatus,
    /// Its executed quantity.
    pub cum_qty: Qty,
    /// Its terms by name: quantity, prices and the average price.
    terms: Terms,
}

impl ComparedFields {
    fn of(order: &Order) -> Self {
        Self { status: order.status.clone(), cum_qty: order.cum_qty, terms: terms(order) }
    }

    /// True for the same values, apart from the rounding of prices.
    fn agrees_with(&self, other: &Self) -> bool {
        let pairs = || self.terms.iter().zip(&other.terms).map(|((_, one), (_, another))| (*one, *another));
        self.is_as_far_as(other) && pairs().all(|(one, another)| same_term(one, another))
    }

    fn is_as_far_as(&self, other: &Self) -> bool {
        self.status == other.status && self.cum_qty == other.cum_qty
    }
}

/// What REST states of an order, and what is shown instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// As REST states it.
    pub stated: ComparedFields,
    /// The fields as the screen shows them.
    pub shown: ComparedFields,
}

impl Conflict {
    /// True when accepting it takes something back: executed quantity, or a terminal status.
    pub fn takes_back(&self) -> bool {
        let reopens = self.shown.status.is_terminal() && !self.stated.status.is_terminal();
        self.stated.cum_qty < self.shown.cum_qty || reopens
    }

    /// True when this continues another conflict: both are the same, or both concern only terms, since a
    /// high-water mark keeps moving.
    pub fn continues(&self, other: &Self) -> bool {
        self == other || (self.is_of_terms() && other.is_of_terms())
    }

    /// True when only terms differ, not the status or the executed quantity.
    pub fn is_of_terms(&self) -> bool {
        self.stated.is_as_far_as(&self.shown)
    }

    /// The shown and the stated values, as far as they differ.
    pub fn words(&self) -> (String, String) {
        let (stated, shown) = (&self.stated, &self.shown);
        let words = |said: &ComparedFields| {
            let mut words = Vec::new();
            if !self.is_of_terms() {
                words.push(format!("{}, {} executed", said.status, said.cum_qty));
            }
            for (((name, value), (_, stated)), (_, shown)) in said.terms.iter().zip(&stated.terms).zip(&shown.terms) {
                if !same_term(*stated, *shown) {
                    words.push(value.map_or_else(|| format!("without {name}"), |value| format!("{name} {value}")));
                }
            }
            words.join(", ")
        };
        (words(shown), words(stated))
    }
}

impl Blotter {
    /// What REST last stated differently, by order, and whether the latest answer merged stated it.
    pub fn conflicts(&self) -> impl Iterator<Item = (&OrderId, Conflict, bool)> {
        self.conflicting.iter().filter_map(|(id, (answer, stated))| {
            Some((id, conflict(stated, self.order(id)?)?, *answer == self.answers))
        })
    }

    /// Accepts REST's state of an order, whatever was shown before.
    pub fn concede(&mut self, id: &OrderId) -> Changes {
        let mut changes = Changes::default();
        let Some((_, stated)) = self.conflicting.remove(id) else { return changes };
        let index = self.index.get(id).copied().unwrap_or(u32::MAX);
        let place = index as usize;
        let (Some(known), Some(settled)) = (self.orders.get_mut(place), self.settled.get_mut(place)) else {
            return changes;
        };
        let lowered = stated.cum_qty < known.cum_qty;
        let mut merged = *stated;
        keep_relations(&mut merged, known);
        *settled = merged.updated_at;
        let (status, at) = (merged.status.clone(), merged.updated_at);
        if merged.status.is_working() {
            self.followed.insert(id.clone());
        }
        *known = merged;
        self.note_working(index);
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

    /// Compares an answer with what is shown after merging it. If one list of the answer agrees with the shown state of
    /// an order, another list does not contest it.
    pub(super) fn note_conflicts(&mut self, orders: &[Order]) {
        self.answers = self.answers.wrapping_add(1);
        for order in orders {
            self.conflicting.remove(&order.id);
        }
        let differs = |order: &&Order| self.order(&order.id).is_some_and(|known| conflict(order, known).is_some());
        let agreed: std::collections::HashSet<&OrderId> =
            orders.iter().filter(|order| !differs(order)).map(|order| &order.id).collect();
        let conflicting: Vec<&Order> = orders.iter().filter(|order| !agreed.contains(&order.id)).collect();
        for order in conflicting {
            let newer = self.conflicting.get(&order.id).is_none_or(|(_, other)| order.rank() > other.rank());
            if newer {
                self.conflicting.insert(order.id.clone(), (self.answers, Box::new(order.clone())));
            }
        }
    }
}

fn conflict(stated: &Order, known: &Order) -> Option<Conflict> {
    let (stated, shown) = (ComparedFields::of(stated), ComparedFields::of(known));
    (!stated.agrees_with(&shown)).then_some(Conflict { stated, shown })
}
