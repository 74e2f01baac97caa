//! Writes to stdout and stderr. A closed pipe is success; an error is one chain of causes and one hint.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::domain::text::{escape_json, sanitize_lines, sanitize_to};
use crate::error::Error;

/// Longest error text, in characters.
const LONGEST: usize = 4000;

/// Text that may be written to stdout. Each of the three constructors keeps text from outside from controlling the
/// terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printable(String);

impl Printable {
    /// Lines for people, sanitised.
    pub fn lines(text: &str) -> Self {
        Self(sanitize_lines(text).into_owned())
    }

    /// A JSON value on one line, with the same meaning for every parser.
    ///
    /// # Errors
    /// [`Error::Failed`] when the value cannot be written as JSON.
    pub fn json<T: Serialize>(value: &T) -> Result<Self, Error> {
        let text = serde_json::to_string(value).map_err(|error| Error::ours(error.to_string()))?;
        Ok(Self(escape_json(&text).into_owned()))
    }

    /// Its length in bytes.
    pub const fn bytes(&self) -> usize {
        self.0.len()
    }

    /// The program's own text, with nothing from outside, such as the manual page.
    pub fn own(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Writes a line to stdout and flushes. `Ok(false)` when the reader is gone.
///
/// # Errors
/// [`Error::Failed`] when stdout fails in another way.
pub fn print(text: &Printable) -> Result<bool, Error> {
    let mut out = io::stdout().lock();
    // In one write, so that a kill leaves no partial line where the pipe takes all of it.
    whether_written(out.write_all(format!("{}\n", text.0).as_bytes()).and_then(|()| out.flush()))
}

/// The outcome of a write to stdout: `Ok(false)` when the reader is gone.
///
/// # Errors
/// [`Error::Failed`] when stdout failed in another way.
pub fn whether_written(written: io::Result<()>) -> Result<bool, Error> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(unwritten(&error)),
    }
}

/// The error for a failed write while the reader is still there.
pub fn unwritten(why: &impl std::fmt::Display) -> Error {
    Error::failed(
        format!("cannot write to standard output: {why}"),
        "free some disk space there, or send the output elsewhere",
    )
}

/// Waits until stdout takes a line without blocking; returns at once where the system cannot tell.
pub fn wait_for_room() {
    #[cfg(unix)]
    {
        use rustix::event::{PollFd, PollFlags, poll};
        let out = io::stdout();
        let mut watched = [PollFd::new(&out, PollFlags::OUT)];
        while matches!(poll(&mut watched, None), Err(rustix::io::Errno::INTR)) {}
    }
}

/// Waits until the reader of stdout is gone. False at once when there is no such reader, or the system cannot tell. A
/// terminal that is gone is reported by a signal instead.
pub fn wait_until_unread() -> bool {
    #[cfg(unix)]
    {
        use rustix::event::{PollFd, PollFlags, poll};
        let out = io::stdout();
        let gone = PollFlags::HUP | PollFlags::ERR;
        while !out.is_terminal() {
            // Without requested events, poll only wakes for a hang-up.
            let mut watched = [PollFd::new(&out, PollFlags::empty())];
            match poll(&mut watched, None) {
                Ok(_) => return watched.iter().any(|fd| fd.revents().intersects(gone)),
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }
    false
}

/// Whether stdout takes a line without blocking, as far as the system can tell.
pub fn has_room() -> bool {
    #[cfg(unix)]
    return takes_more(&io::stdout());
    #[cfg(not(unix))]
    true
}

/// The same for a sentence on stderr.
pub fn has_room_for_notes() -> bool {
    #[cfg(unix)]
    return takes_more(&io::stderr());
    #[cfg(not(unix))]
    true
}

#[cfg(unix)]
fn takes_more(out: &impl std::os::fd::AsFd) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut watched = [PollFd::new(out, PollFlags::OUT)];
    !matches!(poll(&mut watched, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })), Ok(0))
}

/// Writes one JSON document to stdout, indented.
///
/// # Errors
/// As [`print()`].
pub fn json<T: Serialize>(value: &T) -> Result<bool, Error> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::ours(error.to_string()))?;
    print(&Printable(escape_json(&text).into_owned()))
}

/// Writes one JSON value as a line of its own.
///
/// # Errors
/// As [`print()`].
pub fn json_line<T: Serialize>(value: &T) -> Result<bool, Error> {
    print(&Printable::json(value)?)
}

/// Writes a line for people.
///
/// # Errors
/// As [`print()`].
pub fn line(text: &str) -> Result<bool, Error> {
    print(&Printable::lines(text))
}

/// Writes lines to stdout until the reader is gone.
///
/// # Errors
/// As [`print()`].
pub fn lines(all: &[String]) -> Result<(), Error> {
    for text in all {
        if !line(text)? {
            break;
        }
    }
    Ok(())
}

/// Writes a sanitised sentence to stderr; errors are ignored, since there is nowhere to report them.
pub fn note(text: &str) {
    drop(writeln!(io::stderr().lock(), "{}", sanitize_lines(text)));
}

/// [`note`] at the end of a screen. Skipped for a terminal that does not read, which would block the exit.
pub fn last_note(text: &str) {
    #[cfg(unix)]
    if io::stderr().is_terminal() {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let stderr = io::stderr();
        let mut watched = [PollFd::new(&stderr, PollFlags::OUT)];
        let soon = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        if !matches!(poll(&mut watched, Some(&soon)), Ok(1..)) {
            return;
        }
    }
    note(text);
}

/// Writes a warning to stderr.
pub fn warn(text: &str) {
    note(&format!("brokerdeck: {}", clean(text)));
}

/// Writes an error: what failed, why, and how to fix it.
pub fn report(error: &Error) {
    let mut text = format!("brokerdeck: {}", clean(&error.to_string()));
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(": {}", clean(&cause.to_string())));
        source = cause.source();
    }
    note(&text);
    if let Some(hint) = error.hint() {
        note(&format!("  hint: {}", clean(hint)));
    }
}

/// Sanitises each line, so that a list of problems keeps its lines.
fn clean(text: &str) -> String {
    text.lines().map(|line| sanitize_to(line, LONGEST)).collect::<Vec<_>>().join("\n")
}

/// Text from outside, sanitised; `--` when nothing visible is left.
pub fn said(text: &str, longest: usize) -> String {
    let text = sanitize_to(text, longest);
    if text.trim().is_empty() { "--".to_owned() } else { text }
}

/// Formats a table without empty cells; columns are left- or right-aligned, two spaces apart.
pub fn table(headers: &[(&str, Align)], rows: &[Vec<String>]) -> Vec<String> {
    use unicode_width::UnicodeWidthStr;
    // A line end would split the row.
    let cleaned = |row: &Vec<String>| row.iter().map(|cell| said(cell, usize::MAX)).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = rows.iter().map(cleaned).collect();
    let mut widths: Vec<usize> = headers.iter().map(|(title, _)| title.width()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let format = |cells: Vec<&str>| {
        let mut text = String::new();
        for ((cell, width), (_, align)) in cells.iter().zip(&widths).zip(headers) {
            let pad = " ".repeat(width.saturating_sub(cell.width()));
            match align {
                Align::Left => text.push_str(&format!("{cell}{pad}  ")),
                Align::Right => text.push_str(&format!("{pad}{cell}  ")),
            }
        }
        text.trim_end().to_owned()
    };
    let mut lines = vec![format(headers.iter().map(|(title, _)| *title).collect())];
    lines.extend(rows.iter().map(|row| format(row.iter().map(String::as_str).collect())));
    lines
}

/// A column's alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Left, for text.
    Left,
    /// Right, for numbers.
    Right,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_numbers_stand_right() {
        let rows = vec![vec!["AAPL".to_owned(), "1".to_owned()], vec!["BTC/USD".to_owned(), "0.25".to_owned()]];
        let text = table(&[("Symbol", Align::Left), ("Qty", Align::Right)], &rows);
        assert_eq!(text, ["Symbol    Qty", "AAPL        1", "BTC/USD  0.25"]);
    }

    #[test]
    fn an_empty_text_is_marked() {
        let rows = ["", " ", "\u{200b}\u{202e}"].map(|status| vec![status.to_owned(), "1".to_owned()]);
        let text = table(&[("Status", Align::Left), ("Qty", Align::Right)], &rows);
        assert_eq!(text, ["Status  Qty", "--        1", "--        1", "--        1"]);
    }

    #[test]
    fn a_cell_stays_in_its_row_and_a_value_on_its_line() {
        let rows = vec![vec!["A\nB\u{202e}".to_owned(), "1".to_owned()]];
        assert_eq!(table(&[("Symbol", Align::Left), ("Qty", Align::Right)], &rows), ["Symbol  Qty", "A␊B       1"]);
        let hostile = "a\u{1b}]52;c;eA==\u{7}\n\u{9b}\u{7f}\u{202e}e\u{301}\u{301}\u{301}\u{301}\u{301}";
        let line = Printable::json(&hostile).unwrap().0;
        assert!(!line.contains(|ch: char| ch.is_control() || ch == '\u{202e}'), "{line}");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), hostile);
        assert_eq!(Printable::lines(hostile).0, "a␛]52;c;eA==␇\n\u{fffd}␡e\u{301}\u{301}\u{301}\u{301}");
    }
}
