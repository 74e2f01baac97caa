//! What was reported before the account turned out to be a new one. Until then the stream reports both accounts, and
//! ids are unique: an order that the new account names was its own all along, and nothing reported of it is news.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{Blotter, Changes, TapeEntry};
use crate::domain::execution::Execution;
use crate::domain::ids::{ExecutionId, OrderId};
use crate::domain::order::Order;

/// The orders of the previous accounts, by id.
#[derive(Debug, Default)]
pub(super) struct PreviousOrders(HashMap<OrderId, Kept>);

/// What was known of one order.
#[derive(Debug)]
struct Kept {
    order: Order,
    settled: Option<Timestamp>,
    followed: bool,
    rows: Vec<Execution>,
    lines: Vec<TapeEntry>,
}

impl Blotter {
    /// Forgets everything but the tape's numbering, because the account is a new one (docs/ALPACA.md 9.2). Orders that
    /// the new account names come back.
    pub fn reset(&mut self) {
        let mut before = std::mem::take(self);
        let mut previous = std::mem::take(&mut before.previous);
        for (order, settled) in before.orders.iter().zip(&before.settled) {
            let rows: Vec<Execution> = before.ledger.of(&order.id).cloned().collect();
            let followed = before.followed.contains(&order.id);
            previous.0.insert(
                order.id.clone(),
                Kept { order: order.clone(), settled: *settled, followed, rows, lines: Vec::new() },
            );
        }
        let shown = |id: &ExecutionId| before.ledger.get(id).map(|row| row.order_id.clone());
        for line in before.tape.entries().iter().filter(|line| !line.withdrawn) {
            // A line may name the parent of the leg that executed.
            let key = line.execution.as_ref().and_then(shown).unwrap_or_else(|| line.order_id.clone());
            if let Some(kept) = previous.0.get_mut(&key) {
                kept.lines.push(line.clone());
            }
        }
        before.tape.clear();
        *self = Self { tape: before.tape, previous, generation: before.generation + 1, ..Self::default() };
    }

    /// Restores what was reported of these orders, which the account names: they were its own all along.
    pub(super) fn restore_previous<'a>(&mut self, ids: impl Iterator<Item = &'a OrderId>, changes: &mut Changes) {
        if self.previous.0.is_empty() {
            return;
        }
        for id in ids {
            if let Some(kept) = self.previous.0.remove(id) {
                let legs = kept.order.legs.clone();
                self.take_back(kept, changes);
                self.restore_previous(legs.iter(), changes);
            }
        }
    }

    fn take_back(&mut self, kept: Kept, changes: &mut Changes) {
        let id = kept.order.id.clone();
        // It was reported before, so its changes are not news.
        self.merge_order(&kept.order, false, false, &mut Changes::default());
        let place = self.index.get(&id).copied();
        if let Some(settled) = place.and_then(|place| self.settled.get_mut(place as usize)) {
            *settled = kept.settled;
        }
        if kept.followed {
            self.followed.insert(id.clone());
        }
        changes.orders.push(id.clone());
        for row in kept.rows {
            self.fill_times.note(row.at);
            changes.revised.push(row.id.clone());
            self.ledger.restore(row);
        }
        for line in kept.lines {
            if line.execution.is_none()
                && let Some(place) = place
            {
                self.tape.is_first(place, &line.event, line.at);
            }
            self.line(line.at, &line.event, line.order_id, line.execution, line.source, changes);
        }
        self.adds_up(&id);
    }
}
