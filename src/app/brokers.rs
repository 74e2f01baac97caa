//! The brokers that can be linked, and the rows of the Brokers pane.

use std::sync::Arc;

use crate::domain::{BrokerId, Environment, LinkId};

/// A broker for the Brokers pane and the *Add broker* search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerSummary {
    pub id: BrokerId,
    /// `Alpaca Paper (OAuth)`.
    pub name: Arc<str>,
    /// The environments that it links: one, or both with one consent.
    pub environments: Vec<Environment>,
    /// Why it cannot be linked yet, such as a missing client id, with the fix.
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
