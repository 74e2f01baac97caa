//! A print log as a file: a header, then one note a line.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ReportedLine, Working};

/// The file's format version.
pub(super) const VERSION: u32 = 1;

/// How a file begins that has every printed line, and one that lacks some.
pub(super) const WHOLE: &[u8; 10] = b"{\"lacks\":0";
pub(super) const LACKS: &[u8; 10] = b"{\"lacks\":1";

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    /// Not 0 when lines were printed that could not be noted. The first member, so that it can be changed in place.
    #[serde(default)]
    pub(super) lacks: u8,
    pub(super) version: u32,
    /// The broker's time of the newest line known at the beginning; older lines are history.
    pub(super) since: Option<Timestamp>,
    /// The orders working then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) working: Vec<Working>,
}

/// The content of a file.
pub(super) struct Notes {
    pub(super) header: Option<Header>,
    pub(super) lines: Vec<ReportedLine>,
    /// The line of the last note, which is incomplete: the run was killed while printing the line, or while writing the
    /// note.
    pub(super) unsure: Option<String>,
    /// The number of notes that cannot be read.
    pub(super) unread: usize,
}

impl Notes {
    /// Reads each line by itself, so that one damaged byte costs no more than one note.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let whole = bytes.strip_suffix(b"\n");
        let mut lines = whole.unwrap_or(bytes).split(|byte| *byte == b'\n');
        let header = lines.next().and_then(|line| serde_json::from_slice(line).ok());
        let mut notes = Self { header, lines: Vec::new(), unsure: None, unread: 0 };
        let mut lines = lines.peekable();
        while let Some(line) = lines.next() {
            let open = whole.is_none() && lines.peek().is_none();
            match serde_json::from_slice::<ReportedLine>(line) {
                Ok(line) => {
                    notes.unsure = open.then(|| line.key.clone());
                    notes.lines.push(line);
                }
                // A torn note is of a line that was not printed.
                Err(_) if open => {}
                Err(_) => notes.unread += 1,
            }
        }
        notes
    }
}

/// What is wrong with the content of a print log, and whether the next run repairs it; `None` for a sound one, and for one
/// that cannot be opened.
pub fn damage(path: &Path) -> Option<(String, bool)> {
    let bytes = std::fs::read(path).ok().filter(|bytes| !bytes.trim_ascii().is_empty())?;
    let notes = Notes::of(&bytes);
    match notes.header {
        Some(header) if header.version > VERSION => Some((newer(path), false)),
        Some(_) if notes.unread == 0 => None,
        Some(_) => Some((format!("{}: {} cannot be read", path.display(), entries(notes.unread)), true)),
        None => Some((format!("{} cannot be read", path.display()), true)),
    }
}

pub(super) fn newer(path: &Path) -> String {
    format!("{} was written by a newer version", path.display())
}

/// A number of notes, as users call them.
pub fn entries(count: usize) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

/// Keeps a file under another name, as files of links and tokens are kept; `None` when that fails.
pub(super) fn kept_aside(path: &Path, keep: impl FnOnce(&Path, &Path) -> io::Result<()>) -> Option<PathBuf> {
    let numbered = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".unreadable-{number}"));
        PathBuf::from(name)
    };
    let free = (1..1000).map(numbered).find(|aside| std::fs::symlink_metadata(aside).is_err())?;
    match keep(path, &free) {
        Ok(()) => Some(free),
        Err(error) => {
            tracing::warn!("the unreadable print log {} cannot be set aside: {error}", path.display());
            None
        }
    }
}

pub(super) fn text_of<T: Serialize>(value: &T) -> io::Result<String> {
    let mut text = serde_json::to_string(value).map_err(io::Error::other)?;
    text.push('\n');
    Ok(text)
}
