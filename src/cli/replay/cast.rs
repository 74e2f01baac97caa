//! A recorded run as an asciinema file (version 2): the frames of `replay` with their times.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

use super::{slowed, unreadable};
use crate::error::Error;
use crate::io::record::Replay;
use crate::view::{self, ViewState};

/// Frames closer together than this are merged, which keeps the file small without a visible difference.
const FRAME: Duration = Duration::from_millis(100);
/// Longest wait; pauses are shortened to it.
const LONGEST: Duration = Duration::from_secs(2);

/// A buffer in place of a terminal; its content can be taken while the screen uses it.
#[derive(Debug, Clone, Default)]
struct Sink(Rc<RefCell<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Parses columns and rows, as in `120x34`.
///
/// # Errors
/// A sentence, for sizes at which nothing could be shown.
pub(super) fn size(text: &str) -> Result<(u16, u16), String> {
    let parsed = text.split_once('x').and_then(|(cols, rows)| Some((cols.parse().ok()?, rows.parse().ok()?)));
    match parsed {
        Some((cols, rows)) if (60..=500).contains(&cols) && (15..=200).contains(&rows) => Ok((cols, rows)),
        _ => Err("write the size as columns and rows, like 120x34, from 60x15 to 500x200".to_owned()),
    }
}

/// Writes the whole run.
///
/// # Errors
/// Usage errors for a damaged recording; a failure when the file cannot be written.
pub(super) fn write(
    replay: &mut Replay,
    view: &mut ViewState,
    (cols, rows): (u16, u16),
    pace: rust_decimal::Decimal,
    out: &mut impl Write,
) -> Result<(), Error> {
    let failed =
        |error: std::io::Error| Error::failed(error.to_string(), "free some disk space there, or name another file");
    let head = serde_json::json!({
        "version": 2,
        "width": cols,
        "height": rows,
        "title": "brokerdeck",
        "env": {"TERM": "xterm-256color"},
    });
    writeln!(out, "{head}").map_err(failed)?;
    let viewport = Viewport::Fixed(Rect::new(0, 0, cols, rows));
    let sink = Sink::default();
    let backend = CrosstermBackend::new(sink.clone());
    let mut screen = Terminal::with_options(backend, TerminalOptions { viewport }).map_err(failed)?;
    let (mut at, mut since_frame, mut last) = (Duration::ZERO, FRAME, false);
    loop {
        if since_frame >= FRAME || last {
            screen.draw(|frame| view::draw(&replay.model, view, frame)).map_err(failed)?;
            let shown = sink.0.take();
            event(out, at, &shown).map_err(failed)?;
            since_frame = Duration::ZERO;
        }
        if last {
            return Ok(());
        }
        match replay.next_at() {
            Some(next) => {
                let wait = slowed(next.mono.since(replay.model.now.mono), pace).min(LONGEST);
                at += wait;
                since_frame += wait;
                replay.step().map_err(unreadable)?;
            }
            // The last state always gets a frame.
            None => last = true,
        }
    }
}

/// One line: seconds since the start, and the output.
fn event(out: &mut impl Write, at: Duration, shown: &[u8]) -> std::io::Result<()> {
    if shown.is_empty() {
        return Ok(());
    }
    let text = serde_json::Value::from(String::from_utf8_lossy(shown));
    writeln!(out, "[{}.{:03},\"o\",{text}]", at.as_secs(), at.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_two_numbers_that_can_show_something() {
        assert_eq!(size("120x34"), Ok((120, 34)));
        for wrong in ["120", "x", "10x34", "120x9", "120x34x2", "-1x30"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
