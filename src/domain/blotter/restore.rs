//! Restores what an earlier run knew.

use jiff::Timestamp;

use super::{Blotter, Changes, TapeEntry};
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::order::Order;

impl Blotter {
    /// Restores what an earlier run knew into an empty blotter; the caller
    /// has marked it [`crate::domain::Source::Journal`].
    ///
    /// The tape is taken as it is. It may be only the end of one, so that earlier executions have no line.
    /// `complete_at` is the broker's time of the last submission known when the last complete snapshot was requested,
    /// if there was one.
    pub fn restore(
        &mut self,
        orders: Vec<Order>,
        executions: Vec<Execution>,
        tape: Vec<TapeEntry>,
        complete_at: Option<Timestamp>,
    ) {
        // After a complete snapshot, only orders that ended before the first requested executions have no rows.
        let oldest = executions.iter().filter_map(|execution| execution.at).min();
        self.history_before = complete_at.and_then(|complete| Some(oldest?.min(complete)));
        for order in orders {
            self.merge_order(&order, false, false, &mut Changes::default());
        }
        for execution in executions {
            if matches!(execution.kind, ExecutionKind::Bust { .. } | ExecutionKind::Correction { .. }) {
                let place = self.index.get(&execution.order_id).map_or(usize::MAX, |index| *index as usize);
                if let (Some(order), Some(at)) = (self.orders.get(place), self.settled.get_mut(place)) {
                    *at = order.updated_at;
                }
            }
            self.fill_times.note(execution.at);
            let order = execution.order_id.clone();
            self.ledger.restore(execution);
            if !self.index.contains_key(&order) {
                self.adds_up(&order);
            }
        }
        for place in 0..self.orders.len() {
            let Some(order) = self.orders.get(place) else { continue };
            let id = order.id.clone();
            // The end was stated with less executed than was known, so its time was not taken over.
            let ended_at = order.canceled_at.max(order.expired_at).max(order.failed_at).max(order.replaced_at);
            if ended_at > order.updated_at {
                self.contested.insert(id.clone(), ended_at);
            }
            self.adds_up(&id);
        }
        self.tape.restore(tape);
        let lines: Vec<TapeEntry> = self.tape.entries().to_vec();
        for line in lines {
            match (&line.execution, self.index.get(&line.order_id)) {
                (Some(id), _) => self.ledger.shown_on(id, line.number),
                (None, Some(order)) => {
                    self.tape.is_first(*order, &line.event, line.at);
                }
                (None, None) => {}
            }
        }
    }
}
