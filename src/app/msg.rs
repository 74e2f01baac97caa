//! Everything that can happen. Plain data without secrets, so that a run can be recorded and played back.

use serde::{Deserialize, Serialize};

use super::keymap::Chord;
use crate::accounts;
use crate::domain::LinkId;
use crate::link::progress::Sensitive;
use crate::link::{AttemptId, LinkProgress};

/// One thing that happened, handled by [`super::update()`] in the order of arrival.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Msg {
    /// A key.
    Key(Chord),
    /// Bracketed paste. The recorder writes it redacted.
    Paste(Sensitive),
    /// A mouse event over a hit area of the last frame.
    Mouse(Mouse),
    /// The terminal's new size in cells.
    Resize {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// What the last frame could show; sent by the loop when it differs from before.
    Drawn(super::model::Extent),
    /// The terminal has shown a frame with this question, as far as it tells ([`super::model::Asking`]); sent once for each.
    Shown {
        /// Its number.
        question: u64,
    },
    /// What the owner chose on the screen last time; comes before [`accounts::Msg::Started`].
    Chosen(super::choices::Choices),
    /// A deadline of the model passed, or the clock's second turned.
    Tick,
    /// A turn of the loop while there is work to be done in slices ([`super::Model::has_work`]).
    Work,
    /// What the accounts hear.
    Account(accounts::Msg),
    /// From a linking attempt.
    Link {
        /// Which attempt.
        attempt: AttemptId,
        /// What.
        progress: LinkProgress,
    },
    /// An unlink ended.
    Unlinked {
        /// Which link.
        link: LinkId,
        /// How: a sentence either way.
        result: Result<String, String>,
    },
    /// Something in the shell failed and a person should know; the sentence is complete and sanitised.
    Trouble(String),
    /// A short confirmation, e.g. of a copy.
    Notice(String),
    /// The process was asked to end.
    Terminate {
        /// The signal's number.
        signal: i32,
    },
    /// The terminal is ours again after a suspend: redraw all.
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
    /// The wheel over a target; positive scrolls down.
    Wheel {
        /// Where.
        target: HitTarget,
        /// Rows.
        rows: i16,
    },
}

/// What lies under the mouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HitTarget {
    /// A pane, somewhere outside its rows.
    Pane(super::model::Pane),
    /// A row of a pane's list, counted from the list's start (not from the screen).
    Row(super::model::Pane, usize),
    /// A column header of a pane's list.
    Header(super::model::Pane, usize),
    /// A row of the topmost overlay's list.
    OverlayRow(usize),
    /// A hint of the footer.
    Hint(super::keymap::Action),
    /// Nothing.
    Nowhere,
}
