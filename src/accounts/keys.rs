//! How rows are named across accounts.

use std::sync::Arc;

use crate::domain::{LinkId, OrderId, Symbol};

/// Names an order across accounts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderKey {
    /// Whose.
    pub link: LinkId,
    /// Which.
    pub order: OrderId,
}

/// Names a position across accounts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PositionKey {
    /// Whose.
    pub link: LinkId,
    /// Which.
    pub symbol: Symbol,
}

/// Names a line of the tape across accounts: small, for it is compared at each step of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TapeKey {
    /// Whose: the account's number in this run ([`super::AccountState::book`]).
    pub book: u32,
    /// Which: the entry's number in the account's tape.
    pub entry: u64,
}

/// Names a row of an activity list across accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityKey {
    /// Whose.
    pub link: LinkId,
    /// Which, by the broker's id of the row.
    pub row: Arc<str>,
}
