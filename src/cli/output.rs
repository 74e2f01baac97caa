//! Writing to stdout and stderr: a closed pipe is success, an error is one chain and one hint.

use std::io::{self, Write};

use serde::Serialize;

use crate::domain::text::{escape_json, sanitize_lines, sanitize_to};
use crate::error::Error;

/// The longest sentence printed of an error.
const LONGEST: usize = 4000;

/// Writes a line for people to stdout, sanitised, and flushes it. `Ok(false)` when the reader is gone and nothing more is
/// wanted.
///
/// # Errors
/// [`Error::Failed`] when stdout fails in another way.
pub fn line(text: &str) -> Result<bool, Error> {
    own(&sanitize_lines(text))
}

/// Writes a text that is the program's own, such as its manual page, as it is.
///
/// # Errors
/// As [`line()`].
pub fn own(text: &str) -> Result<bool, Error> {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Error::failed(format!("cannot write to standard output: {error}"))),
    }
}

/// Writes one JSON document to stdout, indented.
///
/// # Errors
/// As [`line()`].
pub fn json<T: Serialize>(value: &T) -> Result<bool, Error> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::failed(error.to_string()))?;
    own(&escape_json(&text))
}

/// Writes one JSON value as a line of its own.
///
/// # Errors
/// As [`line()`].
pub fn json_line<T: Serialize>(value: &T) -> Result<bool, Error> {
    let text = serde_json::to_string(value).map_err(|error| Error::failed(error.to_string()))?;
    own(&escape_json(&text))
}

/// Writes lines to stdout until the reader is gone.
///
/// # Errors
/// As [`line()`].
pub fn lines(all: &[String]) -> Result<(), Error> {
    for text in all {
        if !line(text)? {
            break;
        }
    }
    Ok(())
}

/// Writes a sentence for people to stderr, sanitised. There is nowhere to complain when that fails.
pub fn note(text: &str) {
    drop(writeln!(io::stderr().lock(), "{}", sanitize_lines(text)));
}

/// Writes what somebody should know to stderr.
pub fn warn(text: &str) {
    note(&format!("brokerdeck: {}", clean(text)));
}

/// Writes an error: what failed, why, and the cure.
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

/// Sanitises line by line, so that a list of problems keeps its lines.
fn clean(text: &str) -> String {
    text.lines().map(|line| sanitize_to(line, LONGEST)).collect::<Vec<_>>().join("\n")
}

/// A table for people: left or right aligned columns, two spaces apart.
pub fn table(headers: &[(&str, Align)], rows: &[Vec<String>]) -> Vec<String> {
    use unicode_width::UnicodeWidthStr;
    let mut widths: Vec<usize> = headers.iter().map(|(title, _)| title.width()).collect();
    for row in rows {
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

/// How a column is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
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
}
