//! Reads the file. It may contain secrets and commands, so its size is limited, and it is refused when others can write
//! to it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{Config, ConfigError, Problem, SecretSource};

/// Largest configuration file, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// Checks that a path can be read to its end at any time: it is not a folder, a pipe or a device.
///
/// # Errors
/// A sentence if it cannot; otherwise as the file system reports.
pub fn plain(path: &Path) -> std::io::Result<()> {
    if std::fs::metadata(path)?.is_file() { Ok(()) } else { Err(std::io::Error::other("it is not a regular file")) }
}

/// Reads and checks the file; `Ok(None)` when there is none.
pub(super) fn load(path: &Path) -> Result<Option<Config>, ConfigError> {
    let unreadable = |message: String| ConfigError::Read { path: path.to_owned(), message };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let readers = others(path, &file)?;
    let mut bytes = Vec::new();
    (&mut file).take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() as u64 > LARGEST {
        return Err(unreadable("it is larger than 1 MiB".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8 text".to_owned()))?;
    let mut config = Config::parse(&text, path)?;
    let holds_secret =
        |config: &Config| config.brokers.iter().any(|spec| matches!(spec.client_secret, SecretSource::Inline(_)));
    if let Some(mode) = readers
        && holds_secret(&config)
    {
        config.warnings.push(format!(
            "{0} contains a client secret and other users can read it (mode {mode:03o}); run chmod 600 {0}, and \
                replace the secret if anyone else may have seen it",
            path.display()
        ));
    }
    Ok(Some(config))
}

/// Refuses a file that another user may have written: it names programs to run and hosts to send tokens to. Returns the
/// mode when others can read it.
#[cfg(unix)]
fn others(path: &Path, file: &File) -> Result<Option<u32>, ConfigError> {
    use std::os::unix::fs::MetadataExt;
    let meta =
        file.metadata().map_err(|error| ConfigError::Read { path: path.to_owned(), message: error.to_string() })?;
    // A pipe's mode is meaningless, and its writer started us.
    if !meta.is_file() {
        return Ok(None);
    }
    let refused = |message: String, hint: String| {
        let problem = Problem { line: None, key: String::new(), message, hint };
        Err(ConfigError::Invalid { path: path.to_owned(), problems: vec![problem] })
    };
    let mode = meta.mode() & 0o777;
    if mode & 0o022 != 0 {
        let hint = format!("check its content, then run chmod go-w {}", path.display());
        return refused(format!("other users can write to it (mode {mode:03o})"), hint);
    }
    if meta.uid() != 0 && meta.uid() != rustix::process::geteuid().as_raw() {
        let hint = "copy it, and check the copy's content".to_owned();
        return refused("it belongs to another user".to_owned(), hint);
    }
    Ok((mode & 0o044 != 0).then_some(mode))
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "same signature as on Unix")]
fn others(_path: &Path, _file: &File) -> Result<Option<u32>, ConfigError> {
    Ok(None)
}
