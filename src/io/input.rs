//! What the terminal says, as messages. Decides nothing: what a key means is the key table's business.

pub mod decoder;
#[cfg(unix)]
mod keyboard;
#[cfg(not(unix))]
#[path = "input/console.rs"]
mod keyboard;
mod paste;
mod sequences;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among all")]
mod tests;
mod unfinished;

pub use self::keyboard::{Keyboard, listen};
use crate::app::keymap::Chord;
use crate::app::msg::{HitTarget, Mouse, Msg};
use crate::link::progress::Sensitive;

/// Rows a notch of the wheel moves.
const WHEEL_ROWS: i16 = 3;

/// One thing the terminal said that means something here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A key went down.
    Key(Chord),
    /// Text between the marks of a paste.
    Paste(String),
    /// The mouse, over a cell counted from zero.
    Mouse {
        /// What it did.
        pointer: Pointer,
        /// From the left.
        column: u16,
        /// From the top.
        row: u16,
    },
    /// The answer to a question of `terminal::background`.
    Background(Background),
    /// What every terminal answers, and after the colour.
    Attributes,
    /// Where the cursor is, counted from one: the answer to a question of `terminal::receipt`.
    Cursor {
        /// From the top.
        row: u16,
        /// From the left.
        column: u16,
    },
    /// The terminal has another size.
    Resized,
}

/// What a mouse does that means something here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pointer {
    /// The left button went down.
    Press,
    /// The wheel turned up a notch.
    WheelUp,
    /// The wheel turned down a notch.
    WheelDown,
}

/// How bright the terminal's background is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Background {
    /// Dark letters are read on it.
    Light,
    /// Light letters are read on it.
    Dark,
}

/// The message of what was heard, if the core is concerned. `hit` tells what lies under a cell of the last frame.
pub fn message(heard: Heard, hit: impl Fn(u16, u16) -> HitTarget) -> Option<Msg> {
    match heard {
        Heard::Key(chord) => Some(Msg::Key(chord)),
        Heard::Paste(text) => Some(Msg::Paste(Sensitive::new(text))),
        Heard::Mouse { pointer, column, row } => {
            let target = hit(column, row);
            Some(Msg::Mouse(match pointer {
                Pointer::Press => Mouse::Click(target),
                Pointer::WheelUp => Mouse::Wheel { target, rows: -WHEEL_ROWS },
                Pointer::WheelDown => Mouse::Wheel { target, rows: WHEEL_ROWS },
            }))
        }
        Heard::Background(_) | Heard::Attributes | Heard::Cursor { .. } | Heard::Resized => None,
    }
}
