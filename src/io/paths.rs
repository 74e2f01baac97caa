//! The paths of all files: the platform's folders, or `--config` and `--data-dir` (docs/DESIGN.md 3, 4).

use std::path::{Path, PathBuf};

use directories::ProjectDirs;

/// Every path the program may touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The configuration file.
    pub config: PathBuf,
    /// The data folder: links, tokens without a system store, journal.
    pub data: PathBuf,
    /// The state folder: the log.
    pub state: PathBuf,
    /// Whether data and state are in the platform's folders for this program, whose modes we may set.
    pub own: bool,
}

impl Paths {
    /// Chooses the paths: the options first, then `$BROKERDECK_CONFIG`, then the platform's folders.
    ///
    /// # Errors
    /// A sentence, when there is no home folder and the options do not replace it.
    pub fn choose(config: Option<&Path>, data_dir: Option<&Path>, env_config: Option<PathBuf>) -> Result<Self, String> {
        let dirs = ProjectDirs::from("", "", "brokerdeck");
        let from_platform = |what: &str, pick: fn(&ProjectDirs) -> PathBuf| {
            dirs.as_ref().map(pick).ok_or_else(|| format!("the home folder is unknown, so there is no {what} folder"))
        };
        let config = match config.map(Path::to_owned).or(env_config) {
            Some(path) => path,
            None => from_platform("config", |dirs| dirs.config_dir().to_owned())?.join("config.toml"),
        };
        let (data, state) = match data_dir {
            Some(dir) => (dir.to_owned(), dir.to_owned()),
            None => (
                from_platform("data", |dirs| dirs.data_dir().to_owned())?,
                from_platform("state", |dirs| dirs.state_dir().unwrap_or_else(|| dirs.data_local_dir()).to_owned())?,
            ),
        };
        Ok(Self { config, data, state, own: data_dir.is_none() })
    }

    /// Checks that existing folders are safe for secrets. The platform's own are tightened; a folder given as an option
    /// is not changed, and refused when others can access it.
    ///
    /// # Errors
    /// With the fix, for a folder that others can access.
    pub fn prepare(&self) -> std::io::Result<()> {
        for dir in [&self.data, &self.state] {
            if self.own {
                tighten_own(dir);
            }
            // A missing folder is created on the first write, which reports errors.
            if dir.exists() {
                refuse_open(dir)?;
            }
        }
        Ok(())
    }

    /// The log file.
    pub fn log(&self) -> PathBuf {
        self.state.join("brokerdeck.log")
    }

    /// The path of the journal's file.
    pub fn journal(&self) -> PathBuf {
        self.data.join("journal.sqlite")
    }
}

/// Creates a folder that only its owner can enter. An existing one is not changed; [`Paths::prepare`] has checked it.
///
/// # Errors
/// As the file system reports.
pub fn ensure_private_dir(dir: &Path) -> std::io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    if std::fs::symlink_metadata(dir).is_ok() {
        return Err(std::io::Error::other(format!("{} is not a folder", dir.display())));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
    }
    #[cfg(not(unix))]
    std::fs::create_dir_all(dir)
}

/// Tests writing to a folder, or to where it would be created; leaves nothing behind.
///
/// # Errors
/// As the file system reports.
pub fn try_writing(dir: &Path) -> std::io::Result<()> {
    use std::io::Write as _;
    let place = dir.ancestors().find(|place| place.as_os_str().is_empty() || std::fs::symlink_metadata(place).is_ok());
    let place = place.filter(|place| !place.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Without a name where the system supports that, so that not even a crash leaves the file.
    let mut file = tempfile::tempfile_in(place)?;
    file.write_all(b"brokerdeck")?;
    file.sync_data()
}

/// Refuses a folder that others can enter or that belongs to another user, with the fix. Changes nothing.
fn refuse_open(dir: &Path) -> std::io::Result<()> {
    let refused = |why: String| Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, why));
    let found = std::fs::metadata(dir)?;
    if !found.is_dir() {
        return refused(format!("{} is not a folder", dir.display()));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if found.uid() != rustix::process::geteuid().as_raw() {
            return refused(format!("{} belongs to another user", dir.display()));
        }
        let mode = found.mode() & 0o7777;
        if mode & 0o077 != 0 {
            // A folder for everybody, such as /tmp, must not be closed.
            if mode & 0o1000 != 0 || dir.parent().is_none() {
                return refused(format!("{} is open to other users (mode {mode:03o})", dir.display()));
            }
            let hint = format!("if it is for brokerdeck alone: chmod 700 {}", dir.display());
            return refused(format!("{} is open to other users (mode {mode:03o}); {hint}", dir.display()));
        }
    }
    Ok(())
}

/// Closes the program's own folder to others, in case an older version or a backup left it open.
fn tighten_own(dir: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let ours = |found: &std::fs::Metadata| found.is_dir() && found.uid() == rustix::process::geteuid().as_raw();
        let Some(found) = std::fs::symlink_metadata(dir).ok().filter(ours) else { return };
        if found.mode() & 0o077 != 0 {
            // A folder that cannot be closed is refused next.
            drop(std::fs::set_permissions(dir, std::fs::Permissions::from_mode(found.mode() & 0o700)));
        }
    }
    #[cfg(not(unix))]
    let _ = dir;
}

/// Removes others' rights from one of our files.
///
/// # Errors
/// For what is not a regular file or belongs to another user; otherwise as the file system reports.
#[cfg(unix)]
pub(crate) fn tighten(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(std::io::Error::other("it is not a regular file"));
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(std::io::Error::other("it belongs to another user"));
    }
    if found.mode() & 0o077 != 0 {
        file.set_permissions(std::fs::Permissions::from_mode(found.mode() & 0o700))?;
    }
    Ok(())
}

/// Files have no modes on this platform.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "same signature as on Unix")]
pub(crate) fn tighten(_file: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}

/// Writes the commented example if there is no file yet; owner-only, because it may come to hold a secret.
///
/// # Errors
/// [`std::io::ErrorKind::AlreadyExists`] when there is a file, else as the file system reports.
pub fn write_example(path: &Path) -> std::io::Result<()> {
    use std::io::Write as _;
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty() && !dir.exists()) {
        ensure_private_dir(dir)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let written = options.open(path)?.write_all(crate::config::EXAMPLE.as_bytes());
    if written.is_err() {
        // A truncated example would be valid, and would prevent a complete one.
        drop(std::fs::remove_file(path));
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_win_over_the_environment_and_the_platform() {
        let paths = Paths::choose(Some(Path::new("/a.toml")), Some(Path::new("/d")), Some("/e.toml".into())).unwrap();
        assert_eq!(paths.config, Path::new("/a.toml"));
        assert_eq!((paths.data.as_path(), paths.log().as_path()), (Path::new("/d"), Path::new("/d/brokerdeck.log")));
        let paths = Paths::choose(None, Some(Path::new("/d")), Some("/e.toml".into())).unwrap();
        assert_eq!(paths.config, Path::new("/e.toml"));
    }

    #[test]
    fn a_folder_is_tried_without_leaving_anything() {
        let root = tempfile::tempdir().unwrap();
        try_writing(root.path()).unwrap();
        try_writing(&root.path().join("a/b/c")).unwrap();
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0);
        let file = root.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(try_writing(&file).is_err() && try_writing(&file.join("data")).is_err());
        #[cfg(target_os = "linux")]
        assert!(try_writing(Path::new("/proc/brokerdeck")).is_err(), "not writable");
    }

    #[cfg(unix)]
    #[test]
    fn folders_are_made_for_their_owner_alone_and_those_of_others_are_left_alone() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |dir: &Path| std::fs::metadata(dir).unwrap().permissions().mode() & 0o7777;
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b");
        ensure_private_dir(&dir).unwrap();
        assert_eq!(mode(&dir), 0o700);
        for open in [0o755, 0o1777, 0o750, 0o701] {
            std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(open)).unwrap();
            ensure_private_dir(&dir).unwrap();
            let paths = Paths { config: PathBuf::new(), data: dir.clone(), state: dir.clone(), own: false };
            let error = paths.prepare().unwrap_err().to_string();
            let hint = if open == 0o1777 { "(mode 1777)" } else { "chmod 700" };
            assert!(error.contains(hint), "{error}");
            assert_eq!(mode(&dir), open, "not ours to change");
        }
        let paths = Paths { config: PathBuf::new(), data: dir.clone(), state: dir.clone(), own: true };
        paths.prepare().unwrap();
        assert_eq!(mode(&dir), 0o700, "the platform's folder for this program is");
        assert!(ensure_private_dir(&root.path().join("a/b/c/d")).is_ok());
        let file = root.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(
            refuse_open(&file).unwrap_err().to_string().contains("not a folder") && ensure_private_dir(&file).is_err()
        );
    }
}
