//! Everything that can happen, as plain data without secrets, so that a run can be recorded and replayed.

use serde::{Deserialize, Serialize};

use super::keymap::Chord;
use crate::accounts;
use crate::domain::LinkId;
use crate::link::progress::Sensitive;
use crate::link::{AttemptId, LinkProgress};

/// One event, handled by [`super::update()`] in the order of arrival.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// A key press.
    Key(Chord),
    /// A bracketed paste. Recordings redact it.
    Paste(Sensitive),
    /// A mouse event on a target of the last frame.
    Mouse(Mouse),
    /// The terminal's new size in cells.
    Resize {
        /// The width in columns.
        cols: u16,
        /// The height in rows.
        rows: u16,
    },
    /// How much the last frame could show; sent by the loop when it changes.
    Drawn(super::model::Extent),
    /// The terminal has confirmed showing a frame with this question ([`super::model::Asking`]); sent once per
    /// question.
    Shown {
        /// The question's number.
        question: u64,
    },
    /// What the owner chose on the screen last time; comes before [`accounts::Msg::Started`].
    Chosen(super::choices::Choices),
    /// A deadline of the model passed, or the clock's second turned.
    Tick,
    /// A turn of the loop while a list is being built in slices ([`super::Model::has_work`]).
    Work,
    /// What the accounts hear.
    Account(accounts::Msg),
    /// From a linking attempt.
    Link { attempt: AttemptId, progress: LinkProgress },
    /// An unlink ended.
    Unlinked {
        link: LinkId,
        /// The result, as a sentence.
        result: Result<String, String>,
    },
    /// Something in the shell failed and the user should know; a complete, sanitised sentence.
    Trouble(String),
    /// A short confirmation, e.g. of a copy.
    Notice(String),
    /// A signal asked the process to end.
    Terminate {
        /// The signal's number.
        signal: i32,
    },
    /// The program has the terminal again after a suspend; redraw everything.
    Redraw,
}

impl From<accounts::Msg> for Msg {
    fn from(msg: accounts::Msg) -> Self {
        Self::Account(msg)
    }
}

/// A mouse event in terms of what the last frame showed there; resolved by the view's hit areas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mouse {
    /// A click on a target.
    Click(HitTarget),
    /// The wheel over a target.
    Wheel {
        target: HitTarget,
        /// Rows; positive scrolls down.
        rows: i16,
    },
}

/// A mouse target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HitTarget {
    /// A pane, outside its rows.
    Pane(super::model::Pane),
    /// A row of a pane's list, by index in the whole list.
    Row(super::model::Pane, usize),
    /// A column header of a pane's list.
    Header(super::model::Pane, usize),
    /// A row of the topmost overlay's list.
    OverlayRow(usize),
    /// A hint in the footer.
    Hint(super::keymap::Action),
    /// Nothing.
    Nowhere,
}
