//! What an earlier run knew of an account.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::AccountState;
use crate::domain::blotter::{Blotter, TapeEntry};
use crate::domain::{AccountId, Execution, LinkId, Order};

/// What the journal of an earlier run holds of a link; everything in it is marked as from the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalState {
    /// Whose.
    pub link: LinkId,
    /// The account it was.
    pub account: Option<AccountId>,
    /// Broker's time of the last execution of a complete snapshot.
    pub watermark: Option<Timestamp>,
    /// When the last complete snapshot was asked for.
    pub complete_at: Option<Timestamp>,
    /// When something was last written: the age of all this.
    pub saved_at: Option<Timestamp>,
    /// Working orders and the most recent others.
    pub orders: Vec<Order>,
    /// Their executions.
    pub executions: Vec<Execution>,
    /// The end of the tape.
    pub tape: Vec<TapeEntry>,
}

impl AccountState {
    /// Puts back what an earlier run knew; it counts with its age until the first snapshot comes.
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
