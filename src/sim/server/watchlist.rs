//! What is kept of watchlists. They belong to an account and do not affect trading.

use jiff::Timestamp;
use uuid::Uuid;

use crate::sim::engine::order::AccountNo;

/// One watchlist.
#[derive(Debug, Clone)]
pub(super) struct Watchlist {
    pub id: Uuid,
    pub account: AccountNo,
    pub name: String,
    pub symbols: Vec<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// All watchlists, oldest first.
#[derive(Debug, Default)]
pub(super) struct Watchlists(pub Vec<Watchlist>);

impl Watchlists {
    /// Deletes those of an account.
    pub(super) fn forget(&mut self, account: AccountNo) {
        self.0.retain(|list| list.account != account);
    }
}
