//! The lock that lets one instance stream an account; a second instance polls instead.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use crate::domain::LinkId;
use crate::io::file_checks;
use crate::io::paths::ensure_private_dir;

/// The lock of one link, held until dropped. The system releases it when the process dies.
#[derive(Debug)]
pub struct AccountLock {
    _file: File,
}

impl AccountLock {
    /// Takes the lock next to the journal; `None` when another instance holds it.
    ///
    /// # Errors
    /// As the file system reports.
    pub fn try_take(data_dir: &Path, link: &LinkId) -> io::Result<Option<Self>> {
        let dir = data_dir.join("locks");
        ensure_private_dir(&dir)?;
        let file = file_checks::open_lock(&dir.join(file_name(link))).map_err(io::Error::other)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// A file name that is valid everywhere and unique per link.
    pub fn file_name(link: &LinkId) -> String {
        file_name(link)
    }
}

fn file_name(link: &LinkId) -> String {
    let readable: String =
        link.as_str().chars().take(60).map(|ch| if ch.is_ascii_alphanumeric() { ch } else { '-' }).collect();
    // FNV-1a, because the standard hasher may change between versions.
    let hash = link
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{readable}-{hash:016x}.lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_turned_away_until_the_first_lets_go() {
        let dir = tempfile::tempdir().unwrap();
        let link = LinkId::from("alpaca-paper/paper/PA1");
        let first = AccountLock::try_take(dir.path(), &link).unwrap();
        assert!(first.is_some());
        assert!(AccountLock::try_take(dir.path(), &link).unwrap().is_none());
        let other = LinkId::from("alpaca-paper/paper-PA1");
        assert!(AccountLock::try_take(dir.path(), &other).unwrap().is_some());
        drop(first);
        assert!(AccountLock::try_take(dir.path(), &link).unwrap().is_some());
    }
}
