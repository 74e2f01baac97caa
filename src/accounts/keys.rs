//! Keys that identify rows across accounts.

use std::sync::Arc;

use crate::domain::{LinkId, OrderId, Symbol};

/// Identifies an order across accounts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderKey {
    /// The account's link.
    pub link: LinkId,
    /// Which.
    pub order: OrderId,
}

/// Identifies a position across accounts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PositionKey {
    /// The account's link.
    pub link: LinkId,
    /// Which.
    pub symbol: Symbol,
}

/// Identifies a tape entry across accounts. Small and `Copy`, because searches compare many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TapeKey {
    /// The account's blotter number in this run ([`super::AccountState::blotter_number`]).
    pub blotter_number: u32,
    /// The entry's number in the account's tape.
    pub entry: u64,
}

/// Identifies a row of an activity list across accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityKey {
    /// The account's link.
    pub link: LinkId,
    /// The broker's id of the row.
    pub row: Arc<str>,
}
