//! Checks that one of the program's own files or folders is usable: right kind, sufficient rights.
//!
//! The errors are the same for those who use the file and for those who only check.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;

use super::file_error::FileError;
pub use super::file_error::{hint, hint_or};
use super::paths::try_writing;

/// Checks a file that is read and written, without creating or changing it. A missing file is fine.
///
/// # Errors
/// [`FileError::Unfit`], with the fix.
pub fn file(path: &Path) -> Result<(), FileError> {
    match std::fs::symlink_metadata(path) {
        Err(cause) => return absent_or(path, cause),
        Ok(found) if found.is_symlink() => return Err(unfit(path, "it is a symbolic link", "remove the link")),
        Ok(found) if !found.is_file() => return Err(unfit(path, "it is not a regular file", "move it away")),
        Ok(_) => {}
    }
    match open(path, false) {
        Ok(_) => Ok(()),
        Err(cause) => absent_or(path, cause),
    }
}

/// Checks a folder that is written to. A missing folder is fine.
///
/// # Errors
/// [`FileError::Unfit`], with the fix.
pub fn folder(path: &Path) -> Result<(), FileError> {
    match std::fs::metadata(path) {
        Err(cause) if cause.kind() == ErrorKind::NotFound && path.is_symlink() => {
            Err(unfit(path, "it is a symbolic link to nothing", "remove the link"))
        }
        Err(cause) => absent_or(path, cause),
        Ok(found) if !found.is_dir() => Err(unfit(path, "it is not a folder", "move it away")),
        Ok(_) => try_writing(path).or_else(|cause| absent_or(path, cause)),
    }
}

/// Opens a lock file, and creates it if it is missing.
///
/// # Errors
/// As [`file()`], and as the file system reports.
pub fn open_lock(path: &Path) -> Result<File, FileError> {
    file(path)?;
    open(path, true).map_err(|cause| FileError::Io { doing: "open", path: path.to_owned(), cause })
}

/// Opened for reading too, because opening a pipe for writing alone would wait for its reader.
fn open(path: &Path, make: bool) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(make).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    options.open(path)
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the other error kinds are treated alike")]
fn absent_or(path: &Path, cause: std::io::Error) -> Result<(), FileError> {
    match cause.kind() {
        ErrorKind::NotFound => Ok(()),
        ErrorKind::PermissionDenied => {
            let hint = hint(path, &cause);
            Err(FileError::Unfit { path: path.to_owned(), why: cause.to_string(), hint })
        }
        _ => Err(FileError::Io { doing: "use", path: path.to_owned(), cause }),
    }
}

fn unfit(path: &Path, why: &str, hint: &str) -> FileError {
    FileError::Unfit { path: path.to_owned(), why: why.to_owned(), hint: hint.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_kind_is_unfit_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (plain, inner) = (dir.path().join("plain"), dir.path().join("folder"));
        assert!(file(&plain).is_ok() && folder(&inner).is_ok(), "a missing file can be created");
        assert!(!plain.exists() && !inner.exists(), "and is not made by a look");
        std::fs::write(&plain, "").unwrap();
        std::fs::create_dir(&inner).unwrap();
        assert!(file(&plain).is_ok() && folder(&inner).is_ok());
        for error in [file(&inner), folder(&plain), open_lock(&inner).map(drop)] {
            let error = error.unwrap_err();
            assert!(matches!(error, FileError::Unfit { .. }) && error.hint() == "move it away", "{error}");
        }
        assert!(plain.is_file() && inner.is_dir());
    }

    #[test]
    fn every_file_system_error_has_a_hint_that_names_the_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("links.json");
        let folder = dir.path().to_str().unwrap();
        let kinds = [
            (ErrorKind::StorageFull, "free some disk space"),
            (ErrorKind::QuotaExceeded, "free some disk space"),
            (ErrorKind::FileTooLarge, "free some disk space"),
            (ErrorKind::IsADirectory, "away"),
            (ErrorKind::NotADirectory, "move away"),
            (ErrorKind::ReadOnlyFilesystem, "--data-dir"),
            (ErrorKind::PermissionDenied, "chmod 600"),
            (ErrorKind::Other, "--data-dir"),
        ];
        for (kind, word) in kinds {
            let error = FileError::Io { doing: "write", path: path.clone(), cause: kind.into() };
            assert!(error.hint().contains(word) && error.hint().contains(folder), "{kind}: {}", error.hint());
        }
        assert!(hint(dir.path(), &ErrorKind::PermissionDenied.into()).starts_with("chmod 700"));
        let gone = Path::new("/proc/brokerdeck/links.json");
        let of_folder = hint(gone, &ErrorKind::PermissionDenied.into());
        assert!(of_folder.starts_with("chmod 700 /proc,"), "a missing file is created by its folder: {of_folder}");
        assert!(FileError::Busy { path }.hint().contains("try again"));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed_to_files_and_to_folders_only_where_there_is_one() {
        let dir = tempfile::tempdir().unwrap();
        let (link, place) = (dir.path().join("link"), dir.path().join("place"));
        std::os::unix::fs::symlink(&place, &link).unwrap();
        for error in [file(&link), folder(&link), open_lock(&link).map(drop)] {
            assert_eq!(error.unwrap_err().hint(), "remove the link");
        }
        assert!(!place.exists());
        std::fs::create_dir(&place).unwrap();
        assert!(folder(&link).is_ok());
        let pipe = dir.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert_eq!(open_lock(&pipe).unwrap_err().hint(), "move it away");
    }

    #[cfg(unix)]
    #[test]
    fn an_unwritable_file_is_unfit_and_the_hint_fixes_its_mode() {
        use std::os::unix::fs::PermissionsExt;
        if rustix::process::geteuid().is_root() {
            // Root is not restricted by modes.
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let (plain, inner) = (dir.path().join("plain"), dir.path().join("folder"));
        std::fs::write(&plain, "").unwrap();
        std::fs::create_dir(&inner).unwrap();
        std::fs::set_permissions(&plain, std::fs::Permissions::from_mode(0o400)).unwrap();
        std::fs::set_permissions(&inner, std::fs::Permissions::from_mode(0o500)).unwrap();
        let (of_file, of_folder) = (file(&plain).unwrap_err(), folder(&inner).unwrap_err());
        assert!(of_file.hint().contains("chmod 600"), "{of_file}");
        assert!(of_folder.hint().contains("chmod 700"), "{of_folder}");
    }
}
