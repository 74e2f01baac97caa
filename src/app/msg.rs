//! Everything that can happen, as plain data without secrets, so that a run can be recorded and replayed.

use serde::{Deserialize, Serialize};

use super::keymap::Chord;
use crate::accounts::Recollection;
use crate::domain::LinkId;
use crate::domain::market::MarketClock;
use crate::link::progress::Sensitive;
use crate::link::{AttemptId, LinkProgress, LinkRecord};
use crate::session::{Epoch, Reply, RequestError, RequestId, StreamEvent};

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
        /// Columns.
        cols: u16,
        /// Rows.
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
    /// The choices of the last run; sent before [`Msg::Started`].
    Chosen(super::choices::Choices),
    /// A deadline of the model passed, or the clock's second turned.
    Tick,
    /// A turn of the loop while a list is being built in slices ([`super::Model::has_work`]).
    Work,
    /// The links, shown while the journal is being read; [`Msg::Started`] connects them.
    Listed {
        /// The links, in the order they were made.
        links: Vec<LinkRecord>,
    },
    /// A link's data from the journal; sent before [`Msg::Started`] connects it, and before [`Msg::Freed`].
    Remembered(Box<Recollection>),
    /// The other instance that streamed this account has released it.
    Freed {
        /// The link.
        link: LinkId,
    },
    /// The links to connect, in the order they were made.
    Started {
        /// The links.
        links: Vec<LinkRecord>,
    },
    /// An event of a stream connection.
    Stream {
        /// The link.
        link: LinkId,
        /// The epoch of the connection.
        epoch: Epoch,
        /// The event.
        event: StreamEvent,
    },
    /// The answer to a REST request of a session.
    Replied {
        /// The link.
        link: LinkId,
        /// The request it answers.
        id: RequestId,
        /// The answer.
        result: Result<Box<Reply>, RequestError>,
    },
    /// A session's requests wait in the queue this long, for this reason; `None` when they no longer wait.
    Queued {
        /// The link.
        link: LinkId,
        /// How long, and why.
        wait: Option<(std::time::Duration, String)>,
    },
    /// A message about an account's connection for the user; complete and sanitised.
    Noted {
        /// The link.
        link: LinkId,
        /// The sentence.
        text: String,
    },
    /// Another process relinked the account; the new token is used from now on.
    Renewed {
        /// The updated link.
        link: LinkRecord,
    },
    /// The answer to a market clock request.
    Clock(Result<MarketClock, RequestError>),
    /// The progress of a linking attempt.
    Link {
        /// The attempt.
        attempt: AttemptId,
        /// The progress.
        progress: LinkProgress,
    },
    /// An unlink ended.
    Unlinked {
        /// The link.
        link: LinkId,
        /// The result, as a sentence.
        result: Result<String, String>,
    },
    /// The clocks diverged, or a tick came late: the machine was asleep.
    Resumed,
    /// An error in the shell for the user; complete and sanitised.
    Trouble(String),
    /// Why not everything shown is on disk; `None` when it is again.
    Unsaved(Option<String>),
    /// The journal is this many records behind; [`Self::Unsaved`] ends it.
    Behind(usize),
    /// Why nothing will be on disk in this run.
    Unjournaled(String),
    /// A short confirmation, such as of a copy.
    Notice(String),
    /// A signal asked the process to end.
    Terminate {
        /// The signal's number.
        signal: i32,
    },
    /// The program has the terminal again after a suspend; redraw everything.
    Redraw,
}

/// A mouse event, resolved to a target by the view's mouse areas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mouse {
    /// A click on a target.
    Click(HitTarget),
    /// The wheel over a target.
    Wheel {
        /// The target.
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
