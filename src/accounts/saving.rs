//! How what is learned of the accounts gets to disk, as the shell tells it.

use serde::{Deserialize, Serialize};

use super::{Accounts, Event};

/// How the journal keeps up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Saving {
    /// Everything learned is on disk, or is written before it is shown; also where no journal is kept on purpose.
    #[default]
    Done,
    /// It is being written, with so many records to go.
    Behind(usize),
    /// It cannot be written, and why; what is learned is kept and written as soon as it can be.
    Failing(String),
    /// There is no journal to write to, and why, as long as the program runs.
    Off(String),
}

impl Accounts {
    /// How the journal keeps up.
    pub const fn saving(&self) -> &Saving {
        &self.saving
    }

    /// True when not everything learned is on disk.
    pub fn is_unsaved(&self) -> bool {
        self.saving != Saving::Done
    }

    pub(super) fn save_told(&mut self, saving: Saving) {
        let before = std::mem::replace(&mut self.saving, saving);
        if self.saving != Saving::Done || before != Saving::Done {
            self.tell(Event::Saving);
        }
    }
}
