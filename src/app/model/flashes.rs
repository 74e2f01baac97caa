//! Executions that flash: ordered by their end, and by id for drawing.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::domain::{ExecutionId, Mono, OrderId};

/// Most flashes at a time; new ones replace the oldest.
const MOST: usize = 1024;

#[derive(Debug)]
struct Flash {
    until: Mono,
    execution: ExecutionId,
    order: OrderId,
}

/// The current flashes.
#[derive(Debug, Default)]
pub struct Flashes {
    /// In order of their ends, which is insertion order because all flashes last equally long.
    queue: VecDeque<Flash>,
    executions: HashSet<ExecutionId>,
    /// The number of flashing executions per order.
    orders: HashMap<OrderId, usize>,
}

impl Flashes {
    /// Makes an execution and its order flash until the given time.
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

    /// Removes flashes that have ended; true when there were any.
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

    /// When the next flash ends.
    pub fn next_end(&self) -> Option<Mono> {
        self.queue.front().map(|flash| flash.until)
    }

    /// Whether this execution flashes.
    pub fn has(&self, execution: &ExecutionId) -> bool {
        self.executions.contains(execution)
    }

    /// Whether an execution of this order flashes.
    pub fn has_order(&self, order: &OrderId) -> bool {
        self.orders.contains_key(order)
    }

    /// The number of flashes.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether nothing flashes.
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
            // Ids in descending order.
            flashes.add(id(MOST - number), "o".into(), Mono::from_millis(number as u64));
        }
        assert_eq!(flashes.len(), MOST);
        assert!(!flashes.has(&id(MOST)) && flashes.has(&id(0)), "the first one went");
    }
}
