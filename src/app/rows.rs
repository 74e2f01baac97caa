//! The rows of every list pane, kept sorted and filtered as things change.

use super::model::{BrokerRow, ListState, OrderKey, PositionKey, TapeKey};

/// The list panes' states.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// Brokers.
    pub brokers: ListState<BrokerRow>,
    /// Orders.
    pub orders: ListState<OrderKey>,
    /// Positions.
    pub positions: ListState<PositionKey>,
    /// Tape.
    pub tape: ListState<TapeKey>,
}
