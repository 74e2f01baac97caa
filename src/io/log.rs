//! The log file: owner-only, rotated by size, never on the screen, never with a secret.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::paths::{ensure_private_dir, tighten};
use crate::domain::text::sanitize_to;

/// Largest file, in bytes; then it is rotated.
const ROTATE_AT: u64 = 5 * 1024 * 1024;
/// How many rotated files are kept.
const KEPT: u32 = 3;

/// Parses a level: `off`, `error`, `warn`, `info`, `debug`, `trace`.
///
/// # Errors
/// A sentence, when the level is unknown.
pub fn level(word: &str) -> Result<LevelFilter, String> {
    word.parse().map_err(|_| format!("{word:?} is not a log level; use off, error, warn, info, debug or trace"))
}

/// Starts logging to the file at this level.
///
/// # Errors
/// A sentence, when the file cannot be opened.
pub fn start(path: &Path, level: LevelFilter) -> Result<(), String> {
    if level == LevelFilter::OFF {
        return Ok(());
    }
    if let Some(dir) = path.parent() {
        ensure_private_dir(dir).map_err(|error| format!("cannot create {}: {error}", dir.display()))?;
    }
    let file = RotatingFile::open(path).map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    let writer = SharedFile(Arc::new(Mutex::new(file)));
    // Libraries log warnings at most: at TRACE they print headers and bodies, which contain tokens.
    let filter = Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("brokerdeck", level);
    // Do not report a failing log, such as on a full disk, to stderr: the screen is there.
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).log_internal_errors(false).with_writer(writer);
    tracing_subscriber::registry().with(filter).with(layer).try_init().map_err(|error| error.to_string())
}

struct RotatingFile {
    path: PathBuf,
    file: File,
    size: u64,
}

impl RotatingFile {
    fn open(path: &Path) -> io::Result<Self> {
        let file = open_private(path)?;
        let size = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, size })
    }

    fn rotate(&mut self) -> io::Result<()> {
        let numbered = |number: u32| self.path.with_extension(format!("log.{number}"));
        for number in (1..KEPT).rev() {
            if numbered(number).exists() {
                std::fs::rename(numbered(number), numbered(number + 1))?;
            }
        }
        std::fs::rename(&self.path, numbered(1))?;
        *self = Self::open(&self.path.clone())?;
        Ok(())
    }
}

impl Write for RotatingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.size >= ROTATE_AT {
            self.rotate()?;
        }
        let written = self.file.write(bytes)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // A pipe is refused below; opening it must not block.
        let wanted = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(wanted.bits().cast_signed());
    }
    let file = options.open(path).map_err(|error| not_plain(path).unwrap_or(error))?;
    tighten(&file)?;
    Ok(file)
}

/// What is in the file's place, where that explains more than the system's error.
fn not_plain(path: &Path) -> Option<io::Error> {
    let kind = std::fs::symlink_metadata(path).ok()?.file_type();
    let what = match () {
        () if kind.is_symlink() => "it is a symbolic link",
        () if kind.is_dir() => "it is a folder",
        () if !kind.is_file() => "it is not a regular file",
        () => return None,
    };
    Some(io::Error::other(what))
}

#[derive(Clone)]
struct SharedFile(Arc<Mutex<RotatingFile>>);

impl Write for SharedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // An event is written in one piece. It may contain text from outside: a line end would forge a log line, and
        // the file is read in a terminal.
        let text = String::from_utf8_lossy(bytes);
        let line = format!("{}\n", sanitize_to(text.trim_end_matches('\n'), usize::MAX));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

impl<'a> MakeWriter<'a> for SharedFile {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_log_is_put_aside_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("brokerdeck.log");
        let mut log = RotatingFile::open(&path).unwrap();
        for round in 0..6 {
            log.size = ROTATE_AT;
            writeln!(log, "round {round}").unwrap();
        }
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
        assert_eq!(read("brokerdeck.log"), "round 5\n");
        assert_eq!(read("brokerdeck.log.1"), "round 4\n");
        assert_eq!(read("brokerdeck.log.3"), "round 2\n");
        assert!(!dir.path().join("brokerdeck.log.4").exists());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn an_event_is_one_line_and_acts_on_no_terminal() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("brokerdeck.log");
        let log = SharedFile(Arc::new(Mutex::new(RotatingFile::open(&path).unwrap())));
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).without_time().with_writer(log);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::warn!(said = "a\n  INFO b\u{202e}", "c\u{1b}]52;c;eA==\u{7}\u{9b}\n{}", "  INFO d\u{7f}");
        });
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 1, "{text:?}");
        assert!(text.contains("eA==") && text.contains("INFO d"), "{text:?}");
        let bad = text.trim_end().chars().find(|ch| ch.is_control() || *ch == '\u{202e}');
        assert_eq!(bad, None, "{text:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_log_that_others_could_read_is_tightened_and_a_link_is_not_followed() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("brokerdeck.log");
        std::fs::write(&path, "old\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        let mut log = RotatingFile::open(&path).unwrap();
        writeln!(log, "new").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old\nnew\n");
        let link = dir.path().join("link.log");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(RotatingFile::open(&link).is_err());
        assert!(RotatingFile::open(Path::new("/dev/null")).is_err(), "not a regular file");
        let pipe = dir.path().join("pipe.log");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(RotatingFile::open(&pipe).is_err(), "nor a pipe without a reader");
    }
}
