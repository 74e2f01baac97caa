//! What a merge changed, by id.

use crate::domain::ids::{ExecutionId, OrderId};

/// What one merge changed; everything that was already known is absent from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Orders that are new or differ.
    pub orders: Vec<OrderId>,
    /// Of these, the ones whose status or executed quantity moved.
    pub moved: Vec<OrderId>,
    /// Executions seen for the first time.
    pub executions: Vec<ExecutionId>,
    /// Executions known before that now say more, and what is left of placeholders; nothing in here is news.
    pub revised: Vec<ExecutionId>,
    /// Ids that are gone: placeholders that were explained, ids that gave way to the broker's own.
    pub removed: Vec<ExecutionId>,
    /// Numbers of tape lines that are new or differ.
    pub tape: Vec<u64>,
    /// Orders that state more executed than the ledger explains, or less: something was missed.
    pub gaps: Vec<OrderId>,
}

impl Changes {
    /// True when nothing was new.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
            && self.executions.is_empty()
            && self.revised.is_empty()
            && self.removed.is_empty()
            && self.tape.is_empty()
            && self.gaps.is_empty()
    }

    /// Takes over what another merge changed.
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
