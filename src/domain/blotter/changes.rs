//! What a merge changed, by id.

use crate::domain::ids::{ExecutionId, OrderId};

/// What one merge changed; anything that was already known is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Orders that are new or differ.
    pub orders: Vec<OrderId>,
    /// Those of them whose status or executed quantity changed.
    pub moved: Vec<OrderId>,
    /// Executions seen for the first time.
    pub executions: Vec<ExecutionId>,
    /// Known executions that now have more detail, and remainders of placeholders; none of these is news.
    pub revised: Vec<ExecutionId>,
    /// Ids that are gone: explained placeholders, and ids replaced by the broker's own.
    pub removed: Vec<ExecutionId>,
    /// Numbers of tape lines that are new or differ.
    pub tape: Vec<u64>,
    /// Orders that state more or less executed than the ledger explains: something was missed.
    pub gaps: Vec<OrderId>,
}

impl Changes {
    /// True when nothing changed.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
            && self.executions.is_empty()
            && self.revised.is_empty()
            && self.removed.is_empty()
            && self.tape.is_empty()
            && self.gaps.is_empty()
    }

    /// Adds the changes of another merge.
    pub fn absorb(&mut self, other: Self) {
        self.orders.extend(other.orders);
        self.moved.extend(other.moved);
        self.executions.extend(other.executions);
        self.revised.extend(other.revised);
        self.removed.extend(other.removed);
        self.tape.extend(other.tape);
        self.gaps.extend(other.gaps);
    }
}
