//! Where files live: the platform's folders, or `--config` and `--data-dir` (DESIGN 3, 4).

use std::path::{Path, PathBuf};

use directories::ProjectDirs;

/// Every path the program may touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The configuration file.
    pub config: PathBuf,
    /// Links, tokens without a system store, journal.
    pub data: PathBuf,
    /// The log.
    pub state: PathBuf,
}

impl Paths {
    /// Chooses the paths: the options first, then `$BROKERDECK_CONFIG`, then the platform's folders.
    ///
    /// # Errors
    /// A sentence, when the platform tells no home folder and the options do not make up for it.
    pub fn choose(config: Option<&Path>, data_dir: Option<&Path>, env_config: Option<PathBuf>) -> Result<Self, String> {
        let dirs = ProjectDirs::from("", "", "brokerdeck");
        let from_platform = |what: &str, pick: fn(&ProjectDirs) -> PathBuf| {
            dirs.as_ref().map(pick).ok_or_else(|| format!("no home folder is known, so there is no {what} folder"))
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
        Ok(Self { config, data, state })
    }

    /// The log file.
    pub fn log(&self) -> PathBuf {
        self.state.join("brokerdeck.log")
    }

    /// The journal.
    pub fn journal(&self) -> PathBuf {
        self.data.join("journal.sqlite")
    }
}

/// Makes a folder that only its owner can enter; an existing one is tightened.
///
/// # Errors
/// As the file system says.
pub fn ensure_private_dir(dir: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        if !dir.exists() {
            return std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
        }
        let mut permissions = std::fs::metadata(dir)?.permissions();
        if permissions.mode() & 0o077 != 0 {
            permissions.set_mode(permissions.mode() & !0o077);
            std::fs::set_permissions(dir, permissions)?;
        }
        Ok(())
    }
    #[cfg(not(unix))]
    std::fs::create_dir_all(dir)
}

/// Writes the commented example where there is no file yet, for its owner alone; it may come to hold a secret.
///
/// # Errors
/// [`std::io::ErrorKind::AlreadyExists`] when there is a file, else as the file system says.
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
    options.open(path)?.write_all(crate::config::EXAMPLE.as_bytes())
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

    #[cfg(unix)]
    #[test]
    fn folders_are_made_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b");
        ensure_private_dir(&dir).unwrap();
        assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o755)).unwrap();
        ensure_private_dir(&dir).unwrap();
        assert_eq!(std::fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
