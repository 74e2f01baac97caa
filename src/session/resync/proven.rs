//! What a pass fetched that is proven to be of the linked account without asking it: answers that name a known order.

use std::collections::{BTreeSet, HashSet};

use super::Snapshot;
use crate::domain::{Activity, Order, OrderId};
use crate::session::parts::Part;
use crate::session::request::Reply;

/// What is said of answers that are not proven.
pub(in crate::session) const UNCONFIRMED: &str = "the account did not confirm these answers";

impl Snapshot {
    /// Notes which orders an answer names.
    pub(super) fn note_answer(&mut self, part: Part, reply: &Reply) {
        let named: Vec<OrderId> = match reply {
            Reply::Order(orders) | Reply::Orders(orders) => orders.iter().map(|order| order.id.clone()).collect(),
            Reply::Activities(rows) => rows.iter().filter_map(Activity::order).cloned().collect(),
            _ => return,
        };
        self.named.push((part, named));
    }

    /// True if a list was answered already, so that these answers may be another account's than the later ones.
    pub(in crate::session) fn has_answers(&self) -> bool {
        !self.named.is_empty()
    }

    /// The orders named by answers that name a known order, or an order that such an answer names; and the parts of the
    /// other answers. Each answer is of one account, so every row of it is proven by one of them.
    fn sort_out(&self, is_known: impl Fn(&OrderId) -> bool) -> (HashSet<&OrderId>, BTreeSet<Part>, BTreeSet<Part>) {
        let (mut proven, mut parts) = (HashSet::new(), BTreeSet::new());
        let mut rest: Vec<&(Part, Vec<OrderId>)> = self.named.iter().collect();
        loop {
            let before = rest.len();
            let (found, others): (Vec<_>, Vec<_>) =
                rest.into_iter().partition(|(_, named)| named.iter().any(|id| proven.contains(id) || is_known(id)));
            rest = others;
            for (part, named) in found {
                parts.insert(*part);
                proven.extend(named);
            }
            if rest.len() == before {
                return (proven, parts, rest.into_iter().map(|(part, _)| *part).collect());
            }
        }
    }

    /// The orders and rows that prove themselves.
    pub(in crate::session) fn proven(&self, is_known: impl Fn(&OrderId) -> bool) -> (Vec<Order>, Vec<Activity>) {
        let (proven, ..) = self.sort_out(is_known);
        let rows = self.activities.iter().filter(|row| row.order().is_some_and(|id| proven.contains(id)));
        (self.orders.iter().filter(|order| proven.contains(&order.id)).cloned().collect(), rows.cloned().collect())
    }

    /// Keeps only what proves itself. Nothing follows from what an answer does not name.
    pub(in crate::session) fn keep_proven(&mut self, is_known: impl Fn(&OrderId) -> bool) {
        let (_, answered, unproven) = self.sort_out(&is_known);
        for part in unproven {
            self.faults.entry(part).or_insert_with(|| UNCONFIRMED.to_owned());
            if !answered.contains(&part) {
                self.given_up.insert(part);
            }
        }
        (self.orders, self.activities) = self.proven(is_known);
        self.denied.clear();
        self.history_before = None;
        self.unproven = true;
    }
}
