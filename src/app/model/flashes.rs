//! The executions that flash: in the order of their ends, and by id for whoever draws a row.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::domain::{ExecutionId, Mono, OrderId};

/// Flashes at a time; more make room by ending the oldest.
const MOST: usize = 1024;

#[derive(Debug)]
struct Flash {
    until: Mono,
    execution: ExecutionId,
    order: OrderId,
}

/// What flashes now.
#[derive(Debug, Default)]
pub struct Flashes {
    /// The first to end is in front: each flash lasts equally long.
    queue: VecDeque<Flash>,
    executions: HashSet<ExecutionId>,
    /// How many of an order's executions flash.
    orders: HashMap<OrderId, usize>,
}

impl Flashes {
    /// An execution flashes until then, and its order with it.
    pub fn add(&mut self, execution: ExecutionId, order: OrderId, until: Mono) {
        if !self.executions.insert(execution.clone()) {
            return;
        }
        if self.queue.len() == MOST {
            self.end_first();
        }
        *self.orders.entry(order.clone()).or_default() += 1;
        self.queue.push_back(Flash { until, execution, order });
    }

    /// Ends what is over; true when something was.
    pub fn end(&mut self, now: Mono) -> bool {
        let before = self.queue.len();
        while self.queue.front().is_some_and(|flash| flash.until <= now) {
            self.end_first();
        }
        self.queue.len() != before
    }

    fn end_first(&mut self) {
        let Some(Flash { execution, order, .. }) = self.queue.pop_front() else { return };
        self.executions.remove(&execution);
        if let Some(count) = self.orders.get_mut(&order) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.orders.remove(&order);
            }
        }
    }

    /// When the next one ends.
    pub fn next_end(&self) -> Option<Mono> {
        self.queue.front().map(|flash| flash.until)
    }

    /// True while this execution flashes.
    pub fn has(&self, execution: &ExecutionId) -> bool {
        self.executions.contains(execution)
    }

    /// True while an execution of this order flashes.
    pub fn has_order(&self, order: &OrderId) -> bool {
        self.orders.contains_key(order)
    }

    /// How many flash.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// True when nothing flashes.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> ExecutionId {
        ExecutionId::from(format!("e{number}").as_str())
    }

    #[test]
    fn an_order_flashes_as_long_as_one_of_its_executions() {
        let mut flashes = Flashes::default();
        let at = Mono::from_millis;
        flashes.add(id(1), "o".into(), at(10));
        flashes.add(id(1), "o".into(), at(15));
        flashes.add(id(2), "o".into(), at(20));
        assert_eq!((flashes.len(), flashes.next_end()), (2, Some(at(10))));
        assert!(!flashes.end(at(9)));
        assert!(flashes.end(at(10)) && !flashes.has(&id(1)) && flashes.has(&id(2)));
        assert!(flashes.has_order(&"o".into()));
        assert!(flashes.end(at(20)) && flashes.is_empty() && !flashes.has_order(&"o".into()));
    }

    #[test]
    fn too_many_end_the_oldest_and_not_the_smallest_id() {
        let mut flashes = Flashes::default();
        for number in 0..=MOST {
            // Ids that grow smaller.
            flashes.add(id(MOST - number), "o".into(), Mono::from_millis(number as u64));
        }
        assert_eq!(flashes.len(), MOST);
        assert!(!flashes.has(&id(MOST)) && flashes.has(&id(0)), "the first one went");
    }
}
