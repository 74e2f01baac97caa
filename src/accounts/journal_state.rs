//! An account's state from an earlier run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::AccountState;
use crate::domain::blotter::{Blotter, TapeEntry};
use crate::domain::{AccountId, Execution, LinkId, Order};

/// What the journal holds of a link; everything in it is marked as from the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalState {
    pub link: LinkId,
    /// The account behind it at that time.
    pub account: Option<AccountId>,
    /// The broker's time of the last execution in a complete snapshot.
    pub watermark: Option<Timestamp>,
    /// When the last complete snapshot was requested.
    pub complete_at: Option<Timestamp>,
    /// When the journal was last written; the age of this state.
    pub saved_at: Option<Timestamp>,
    /// Working orders and the most recent others.
    pub orders: Vec<Order>,
    /// Their executions.
    pub executions: Vec<Execution>,
    /// The end of the tape.
    pub tape: Vec<TapeEntry>,
}

impl AccountState {
    /// Restores the journal state, which is shown with its age until the first snapshot.
    pub(super) fn recall(&mut self, known: JournalState) {
        self.remembered_at = known.saved_at;
        self.blotter = Blotter::default();
        self.blotter.restore(known.orders, known.executions, known.tape, known.complete_at);
        if known.complete_at.is_some() {
            self.history_until = Some(self.blotter.last_fill_at());
        }
        if let Some(id) = known.account {
            self.session.resume_from(id, known.watermark, known.complete_at);
        }
    }
}
