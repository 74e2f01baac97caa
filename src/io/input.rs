//! Terminal input as messages. Does not interpret keys; that is up to the key table.

pub mod decoder;
#[cfg(unix)]
mod keyboard;
#[cfg(not(unix))]
#[path = "input/console.rs"]
mod keyboard;
mod paste;
mod sequences;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one variant")]
mod tests;
mod unfinished;

pub use self::keyboard::{Keyboard, listen};
use crate::app::keymap::Chord;
use crate::app::msg::{HitTarget, Mouse, Msg};
use crate::link::progress::Sensitive;

/// Rows per notch of the wheel.
const WHEEL_ROWS: i16 = 3;

/// An input event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputEvent {
    /// A key press.
    Key(Chord),
    /// The text of a bracketed paste.
    Paste(String),
    /// The mouse over a cell, counted from zero.
    Mouse {
        /// What happened.
        pointer: Pointer,
        column: u16,
        row: u16,
    },
    /// The answer to the query of `terminal::background`.
    Background(Background),
    /// The answer that every terminal gives, after the one about the colour.
    Attributes,
    /// The cursor position, counted from one: the answer to a query of `terminal::receipt`.
    Cursor { row: u16, column: u16 },
    /// What follows may be part of a report and not typed.
    Unclear,
    /// The terminal was resized.
    Resized,
}

/// A mouse event that is used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pointer {
    /// The left button was pressed.
    Press,
    /// The wheel moved up one notch.
    WheelUp,
    /// The wheel moved down one notch.
    WheelDown,
}

/// Brightness of the terminal's background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Background {
    /// A light background.
    Light,
    /// A dark background.
    Dark,
}

/// The message for an input event, if the core needs it. `hit` returns the target at a cell of the last frame.
pub fn message(heard: InputEvent, hit: impl Fn(u16, u16) -> HitTarget) -> Option<Msg> {
    match heard {
        InputEvent::Key(chord) => Some(Msg::Key(chord)),
        InputEvent::Paste(text) => Some(Msg::Paste(Sensitive::new(text))),
        InputEvent::Mouse { pointer, column, row } => {
            let target = hit(column, row);
            Some(Msg::Mouse(match pointer {
                Pointer::Press => Mouse::Click(target),
                Pointer::WheelUp => Mouse::Wheel { target, rows: -WHEEL_ROWS },
                Pointer::WheelDown => Mouse::Wheel { target, rows: WHEEL_ROWS },
            }))
        }
        // An open question has to be seen again before a key answers it.
        InputEvent::Unclear => Some(Msg::Redraw),
        InputEvent::Background(_) | InputEvent::Attributes | InputEvent::Cursor { .. } | InputEvent::Resized => None,
    }
}
