//! The journal's progress, as the shell reports it.

use serde::{Deserialize, Serialize};

use super::{Accounts, Event};

/// The journal's progress.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Saving {
    /// Everything is on disk or is written before it is shown; also when the journal is switched off on purpose.
    #[default]
    Done,
    /// This many records are not written yet.
    Behind(usize),
    /// Writing fails, for this reason; records are kept in memory and written when it works again.
    Failing(String),
    /// Nothing is written in this run, for this reason, unless another file takes the place of an unusable one.
    Off(String),
}

impl Accounts {
    /// The journal's progress.
    pub const fn saving(&self) -> &Saving {
        &self.saving
    }

    /// Whether something is not on disk.
    pub fn is_unsaved(&self) -> bool {
        self.saving != Saving::Done
    }

    pub(super) fn set_saving(&mut self, saving: Saving) {
        let before = std::mem::replace(&mut self.saving, saving);
        if self.saving != Saving::Done || before != Saving::Done {
            self.tell(Event::Saving);
        }
    }
}
