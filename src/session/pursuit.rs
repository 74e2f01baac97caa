//! What a pass asks beyond its lists, spread over passes so that none asks much: the rows of orders that await a report,
//! and the orders before the recent ones.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::domain::OrderId;
use crate::domain::blotter::Blotter;

/// Orders whose rows one pass asks for.
const AT_A_TIME: usize = 10;
/// How many passes an order is followed that needs its rows only to confirm what is taken for granted. They are asked for
/// ever more rarely: on the first, second, fourth and eighth pass, and on every eighth from there on, for rows may be late.
const FOLLOWED: u32 = 64;
const AT_LEAST_EVERY: u32 = 8;

/// Where the passes of a session are.
#[derive(Debug, Default)]
pub(super) struct Pursuit {
    pass: u32,
    /// The first pass that followed an order.
    followed: HashMap<OrderId, u32>,
    older_than: Option<OrderId>,
}

impl Pursuit {
    /// The orders whose rows the next pass asks for.
    pub(super) fn orders(&mut self, blotter: &Blotter) -> Vec<OrderId> {
        self.pass = self.pass.wrapping_add(1);
        let mut assumed: Vec<OrderId> = blotter.assumed().cloned().collect();
        assumed.sort_unstable();
        self.followed.retain(|id, _| assumed.binary_search(id).is_ok());
        let pass = self.pass;
        assumed.retain(|id| {
            let first = *self.followed.entry(id.clone()).or_insert(pass);
            let nth = pass.wrapping_sub(first).wrapping_add(1);
            nth <= FOLLOWED && (nth.is_power_of_two() || nth.is_multiple_of(AT_LEAST_EVERY))
        });
        let mut wanted: Vec<OrderId> = blotter.awaiting().cloned().collect();
        wanted.append(&mut assumed);
        // A leg's rows may carry the id of its parent.
        wanted.extend(blotter.parents_of(&wanted).into_iter().cloned().collect::<Vec<_>>());
        wanted.sort_unstable();
        wanted.dedup();
        let turns = wanted.len().div_ceil(AT_A_TIME).max(1);
        let turn = usize::try_from(pass).unwrap_or(0) % turns;
        wanted.into_iter().skip(turn * AT_A_TIME).take(AT_A_TIME).collect()
    }

    /// Where older orders go on from; `None` before the first of their pages.
    pub(super) fn older_than(&self) -> Option<OrderId> {
        self.older_than.clone()
    }

    /// A page of older orders came that ended with this one. Behind the oldest order known they begin anew.
    pub(super) fn went_back_to(&mut self, last: Option<(OrderId, Option<Timestamp>)>, blotter: &Blotter) {
        let oldest = blotter.orders().filter_map(|order| order.submitted_at).min();
        self.older_than =
            last.filter(|(id, at)| *at > oldest && self.older_than.as_ref() != Some(id)).map(|(id, _)| id);
    }
}
