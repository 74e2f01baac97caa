//! The accounts that this instance streams: one lock each, shared by all connections (docs/DESIGN.md 9.4, a second
//! instance).

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::journal::AccountLock;
use crate::domain::LinkId;

/// The locks held. Without a folder, accounts are not shared and this instance streams them all.
#[derive(Debug, Default)]
pub(super) struct Locks {
    folder: Option<PathBuf>,
    /// `None` for an account streamed without a lock, because none could be taken: unknown whether another instance
    /// streams it.
    held: Mutex<HashMap<LinkId, Option<AccountLock>>>,
}

impl Locks {
    /// Locks in the data folder.
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, held: Mutex::default() }
    }

    /// Takes the lock of an account; false when another instance holds it.
    pub(super) fn take(&self, link: &LinkId) -> bool {
        let Some(folder) = &self.folder else { return true };
        let mut held = self.held();
        if held.contains_key(link) {
            return true;
        }
        match AccountLock::try_take(folder, link) {
            Ok(Some(lock)) => {
                held.insert(link.clone(), Some(lock));
                true
            }
            Ok(None) => false,
            Err(error) => {
                // A read-only folder must not prevent trading; two streams do less harm than none.
                tracing::warn!(%error, %link, "unknown whether another instance streams the account");
                held.insert(link.clone(), None);
                true
            }
        }
    }

    /// Releases an account.
    pub(super) fn release(&self, link: &LinkId) {
        self.held().remove(link);
    }

    fn held(&self) -> MutexGuard<'_, HashMap<LinkId, Option<AccountLock>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_one_owner_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (Locks::new(Some(dir.path().to_owned())), Locks::new(Some(dir.path().to_owned())));
        let link = LinkId::from("alpaca-paper/paper/PA1");
        assert!(first.take(&link) && first.take(&link));
        assert!(!second.take(&link));
        first.release(&link);
        assert!(second.take(&link) && !first.take(&link));
    }

    #[test]
    fn an_account_that_cannot_be_locked_is_ours() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let locks = Locks::new(Some(file.path().to_owned()));
        let link = LinkId::from("alpaca-paper/paper/PA1");
        assert!(locks.take(&link));
    }

    #[test]
    fn without_a_folder_every_account_is_ours() {
        let locks = Locks::default();
        let link = LinkId::from("demo");
        assert!(locks.take(&link));
    }
}
