//! A small owner-only file: replaced atomically, locked across processes, checked before it is read.
//!
//! Implements docs/DESIGN.md 4 for files; does not know their content.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::zeroize::Zeroizing;

use super::file_checks;
pub use super::file_error::FileError;
use super::paths::{ensure_private_dir, try_writing};

/// How long to wait for another process's lock.
const LOCK_LIMIT: Duration = Duration::from_secs(2);
/// How often to try the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// Largest file that is read, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The lock of a file, held until dropped.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "closing the file releases the lock")] File);

/// New content under a temporary name; deleted when dropped.
#[derive(Debug)]
pub struct Staged {
    file: PrivateFile,
    temp: tempfile::NamedTempFile,
}

impl Staged {
    /// Renames it to the file, and releases the lock.
    ///
    /// # Errors
    /// As the file system reports; then the old file is unchanged.
    pub async fn commit(self, lock: Held) -> Result<(), FileError> {
        let file = self.file.clone();
        let done = tokio::task::spawn_blocking(move || {
            let result = self.take_place();
            drop(lock);
            result
        });
        done.await.unwrap_or_else(|error| Err(file.io("use", std::io::Error::other(error))))
    }

    fn take_place(self) -> Result<(), FileError> {
        let Self { file, temp } = self;
        let put = temp.persist(file.path()).map_err(|error| error.error).and_then(|_| file.sync_dir());
        put.map_err(|cause| file.io("write", cause))
    }
}

/// A file in an owner-only folder.
#[derive(Debug, Clone)]
pub struct PrivateFile {
    dir: PathBuf,
    name: &'static str,
}

impl PrivateFile {
    /// A file with this path; does not access it.
    pub fn new(dir: &Path, name: &'static str) -> Self {
        Self { dir: dir.to_owned(), name }
    }

    /// The path of the file.
    pub fn path(&self) -> PathBuf {
        self.dir.join(self.name)
    }

    fn lock_path(&self) -> PathBuf {
        self.dir.join(format!("{}.lock", self.name))
    }

    /// Checks whether it could be locked for a change. Creates and holds nothing.
    ///
    /// # Errors
    /// [`FileError::Unfit`], with the fix.
    pub fn look_at_lock(&self) -> Result<(), FileError> {
        file_checks::file(&self.lock_path())
    }

    /// Reads it; `None` when there is no file.
    ///
    /// # Errors
    /// [`FileError::Untrusted`] for a symbolic link, another owner, or a file that others can read or write.
    pub fn read(&self) -> Result<Option<Zeroizing<Vec<u8>>>, FileError> {
        let path = self.path();
        let mut file = match open_to_read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(_) if path.is_symlink() => return Err(self.untrusted("it is a symbolic link", "remove the link")),
            Err(cause) => return Err(self.io("read", cause)),
        };
        self.check(&file)?;
        let mut bytes = Zeroizing::new(Vec::new());
        let read = (&mut file).take(LARGEST + 1).read_to_end(&mut bytes).map_err(|cause| self.io("read", cause))?;
        if read as u64 > LARGEST {
            return Err(self.untrusted("it is far too large", "move it away"));
        }
        Ok(Some(bytes))
    }

    /// Checks that it could be replaced: lock free, folder writable. Leaves nothing behind.
    ///
    /// # Errors
    /// As [`Self::locked`], and as the file system reports.
    pub async fn prove(&self) -> Result<(), FileError> {
        self.look_at_lock()?;
        if self.lock_path().exists() {
            drop(self.lock().await?);
        }
        try_writing(&self.dir).map_err(|cause| self.io("write", cause))
    }

    /// Runs work that reads and writes the file while holding its lock.
    ///
    /// # Errors
    /// [`FileError::Busy`] after two seconds; otherwise the work's error.
    pub async fn locked<T, E>(&self, work: impl FnOnce(&Self) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<FileError> + Send + 'static,
    {
        Ok(self.held(work).await?.0)
    }

    /// [`Self::locked`] for work that continues: returns the lock with the result, held until dropped.
    ///
    /// # Errors
    /// As [`Self::locked`].
    pub async fn held<T, E>(&self, work: impl FnOnce(&Self) -> Result<T, E> + Send + 'static) -> Result<(T, Held), E>
    where
        T: Send + 'static,
        E: From<FileError> + Send + 'static,
    {
        let lock = Held(self.lock().await?);
        let file = self.clone();
        let done = tokio::task::spawn_blocking(move || Ok((work(&file)?, lock)));
        done.await.unwrap_or_else(|error| Err(E::from(self.io("use", std::io::Error::other(error)))))
    }

    /// Replaces the file. Call it within [`Self::locked`].
    ///
    /// # Errors
    /// As the file system reports; then the old file is unchanged.
    pub fn replace(&self, bytes: &[u8]) -> Result<(), FileError> {
        self.stage(bytes)?.take_place()
    }

    /// Writes the new content under a temporary name, so that only the rename is left. Call it within [`Self::held`].
    ///
    /// # Errors
    /// As the file system reports.
    pub fn stage(&self, bytes: &[u8]) -> Result<Staged, FileError> {
        self.sweep();
        let write = || -> std::io::Result<tempfile::NamedTempFile> {
            let mut temp =
                tempfile::Builder::new().prefix(&self.temp_prefix()).suffix(".tmp").tempfile_in(&self.dir)?;
            temp.write_all(bytes)?;
            temp.as_file().sync_all()?;
            Ok(temp)
        };
        let temp = write().map_err(|cause| self.io("write", cause))?;
        Ok(Staged { file: self.clone(), temp })
    }

    /// Removes the file. Call it within [`Self::locked`].
    ///
    /// # Errors
    /// As the file system reports.
    pub fn remove(&self) -> Result<(), FileError> {
        match std::fs::remove_file(self.path()).and_then(|()| self.sync_dir()) {
            Err(cause) if cause.kind() != ErrorKind::NotFound => Err(self.io("remove", cause)),
            _ => Ok(()),
        }
    }

    /// Moves an unreadable file aside and returns its new path. Call it within [`Self::locked`].
    ///
    /// # Errors
    /// As the file system reports.
    pub fn set_aside(&self) -> Result<PathBuf, FileError> {
        let numbered = |number: u32| self.dir.join(format!("{}.unreadable-{number}", self.name));
        let free = (1..1000).map(numbered).find(|path| std::fs::symlink_metadata(path).is_err());
        let aside = free.unwrap_or_else(|| numbered(1000));
        std::fs::rename(self.path(), &aside).map_err(|cause| self.io("move away", cause))?;
        Ok(aside)
    }

    async fn lock(&self) -> Result<File, FileError> {
        ensure_private_dir(&self.dir).map_err(|cause| FileError::Io {
            doing: "make",
            path: self.dir.clone(),
            cause,
        })?;
        let path = self.lock_path();
        let lock = file_checks::open_lock(&path)?;
        let io = |doing, cause| FileError::Io { doing, path: path.clone(), cause };
        let deadline = tokio::time::Instant::now() + LOCK_LIMIT;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::Error(cause)) => return Err(io("lock", cause)),
                Err(TryLockError::WouldBlock) if tokio::time::Instant::now() < deadline => {
                    tokio::time::sleep(LOCK_PAUSE).await;
                }
                Err(TryLockError::WouldBlock) => return Err(FileError::Busy { path: self.path() }),
            }
        }
    }

    #[cfg(unix)]
    fn check(&self, file: &File) -> Result<(), FileError> {
        use std::os::unix::fs::MetadataExt;
        let meta = file.metadata().map_err(|cause| self.io("read", cause))?;
        let path = self.path();
        if !meta.is_file() {
            return Err(self.untrusted("it is not a regular file", "remove it"));
        }
        if meta.uid() != rustix::process::geteuid().as_raw() {
            return Err(self.untrusted("it belongs to another user", "take it over with chown, or remove it"));
        }
        if meta.mode() & 0o077 != 0 {
            let why = format!("other users can access it (mode {:03o})", meta.mode() & 0o777);
            let hint = format!("if no one else can have seen it: chmod 600 {}; otherwise remove it", path.display());
            return Err(self.untrusted(why, hint));
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn check(&self, file: &File) -> Result<(), FileError> {
        let meta = file.metadata().map_err(|cause| self.io("read", cause))?;
        if meta.is_file() { Ok(()) } else { Err(self.untrusted("it is not a regular file", "remove it")) }
    }

    /// Removes temporary files of processes killed while writing; the lock is held, so none is being written.
    fn sweep(&self) {
        let Ok(entries) = std::fs::read_dir(&self.dir) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(&self.temp_prefix()) && name.ends_with(".tmp") {
                drop(std::fs::remove_file(entry.path()));
            }
        }
    }

    fn temp_prefix(&self) -> String {
        format!(".{}.", self.name)
    }

    #[cfg(unix)]
    fn sync_dir(&self) -> std::io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "same signature as on Unix")]
    fn sync_dir(&self) -> std::io::Result<()> {
        Ok(())
    }

    fn untrusted(&self, why: impl Into<String>, hint: impl Into<String>) -> FileError {
        FileError::Untrusted { path: self.path(), why: why.into(), hint: hint.into() }
    }

    fn io(&self, doing: &'static str, cause: std::io::Error) -> FileError {
        FileError::Io { doing, path: self.path(), cause }
    }
}

/// Opens without following a final symbolic link and without waiting for the writer of a named pipe.
#[cfg(unix)]
fn open_to_read(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let wanted = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    OpenOptions::new().read(true).custom_flags(flags(wanted)).open(path)
}

#[cfg(not(unix))]
fn open_to_read(path: &Path) -> std::io::Result<File> {
    if path.is_symlink() {
        return Err(std::io::Error::other("a symbolic link"));
    }
    File::open(path)
}

#[cfg(unix)]
fn flags(flags: rustix::fs::OFlags) -> i32 {
    flags.bits().cast_signed()
}

#[cfg(test)]
mod tests;
