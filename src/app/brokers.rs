//! The brokers that can be linked, and the rows of their pane.

use std::sync::Arc;

use crate::domain::{BrokerId, Environment, LinkId};

/// A broker that can be linked, as the Brokers pane and the *Add broker* search show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerSummary {
    /// Its id.
    pub id: BrokerId,
    /// `Alpaca Paper (OAuth)`.
    pub name: Arc<str>,
    /// One, or both with one consent.
    pub environments: Vec<Environment>,
    /// Why it cannot be linked yet, e.g. no client id is configured; names the cure.
    pub missing: Option<String>,
}

/// A row of the Brokers pane.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BrokerRow {
    /// A linked account.
    Linked(LinkId),
    /// A broker without a link.
    Unlinked(BrokerId),
    /// `+ Add broker`.
    Add,
}
