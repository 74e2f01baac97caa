//! Why one of the program's own files could not be used, and the fix.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::paths::try_writing;

/// Why a private file could not be used.
#[derive(Debug, Error)]
pub enum FileError {
    /// Someone else may have seen or planted the file.
    #[error("{} is not trusted: {why}", path.display())]
    Untrusted {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// How to fix it.
        hint: String,
    },
    /// Something else is in its place, or its rights prevent its use.
    #[error("{} cannot be used: {why}", path.display())]
    Unfit {
        /// Which file or folder.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// How to fix it.
        hint: String,
    },
    /// Another process holds the lock.
    #[error("another brokerdeck is using {}", path.display())]
    Busy {
        /// Which file.
        path: PathBuf,
    },
    /// A file system error.
    #[error("cannot {doing} {}: {cause}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file.
        path: PathBuf,
        /// The error.
        cause: std::io::Error,
    },
}

impl FileError {
    /// The fix.
    pub fn hint(&self) -> String {
        match self {
            Self::Untrusted { hint, .. } | Self::Unfit { hint, .. } => hint.clone(),
            Self::Busy { .. } => "wait until it is done, or end it; then try again".to_owned(),
            Self::Io { path, cause, .. } => hint(path, cause),
        }
    }
}

/// The fix for a file system error in the data folder.
pub fn hint(path: &Path, cause: &std::io::Error) -> String {
    hint_or(path, cause, "--data-dir DIR")
}

/// [`hint`] for a file whose place another option chooses.
#[expect(clippy::wildcard_enum_match_arm, reason = "only some error kinds have a hint")]
pub fn hint_or(path: &Path, cause: &std::io::Error, option: &str) -> String {
    // The nearest existing folder, in which the missing ones would be created.
    let folder = path.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let elsewhere = format!("or name another place with {option}");
    match cause.kind() {
        ErrorKind::PermissionDenied if path.is_dir() => format!("chmod 700 {}, {elsewhere}", path.display()),
        ErrorKind::PermissionDenied if try_writing(folder).is_err() => {
            format!("chmod 700 {}, {elsewhere}", folder.display())
        }
        ErrorKind::PermissionDenied => format!("chmod 600 {}, or move it away", path.display()),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            format!("free some disk space for {}, {elsewhere}", folder.display())
        }
        ErrorKind::IsADirectory => format!("move {} away", path.display()),
        ErrorKind::NotADirectory => format!("move away what is in the place of {}, {elsewhere}", folder.display()),
        _ => format!("make {} readable and writable, {elsewhere}", folder.display()),
    }
}
