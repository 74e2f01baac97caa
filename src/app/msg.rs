//! Everything that can happen. Plain data without secrets, so that a run can be recorded and played back.

use serde::{Deserialize, Serialize};

use super::keymap::Chord;
use crate::accounts::Recollection;
use crate::domain::LinkId;
use crate::domain::market::MarketClock;
use crate::link::progress::Sensitive;
use crate::link::{AttemptId, LinkProgress, LinkRecord};
use crate::session::{Epoch, Reply, RequestError, RequestId, StreamEvent};

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
    /// What the owner chose on the screen last time; comes before [`Msg::Started`].
    Chosen(super::choices::Choices),
    /// A deadline of the model passed, or the clock's second turned.
    Tick,
    /// A turn of the loop while there is work to be done in slices ([`super::Model::has_work`]).
    Work,
    /// The links there are, shown while the journal is read; [`Msg::Started`] connects them.
    Listed {
        /// The remembered links, in the order they were made.
        links: Vec<LinkRecord>,
    },
    /// What the journal knows of a link; comes before [`Msg::Started`] connects it, and before [`Msg::Freed`].
    Remembered(Box<Recollection>),
    /// The other instance that streamed this account let go of it.
    Freed {
        /// Which.
        link: LinkId,
    },
    /// What the shell learned at start: the links it knows, in the order they were made.
    Started {
        /// The remembered links.
        links: Vec<LinkRecord>,
    },
    /// From a stream connection.
    Stream {
        /// Whose.
        link: LinkId,
        /// Of which attempt.
        epoch: Epoch,
        /// What.
        event: StreamEvent,
    },
    /// From REST, answering a request of the session.
    Replied {
        /// Whose.
        link: LinkId,
        /// The request it answers.
        id: RequestId,
        /// What came back.
        result: Result<Box<Reply>, RequestError>,
    },
    /// The questions of a session wait in the queue this long, for this reason; `None` when they wait no more.
    Queued {
        /// Whose.
        link: LinkId,
        /// How long, and why.
        wait: Option<(std::time::Duration, String)>,
    },
    /// Something about an account's connection that a person should know; complete and sanitised.
    Noted {
        /// Whose.
        link: LinkId,
        /// The sentence.
        text: String,
    },
    /// Another process linked the account again; its new token is in use from now on.
    Renewed {
        /// The link as it is now.
        link: LinkRecord,
    },
    /// The market's clock, asked through any linked account.
    Clock(Result<MarketClock, RequestError>),
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
    /// Wall and monotonic clock parted, or a tick came late: the machine slept.
    Resumed,
    /// Something in the shell failed and a person should know; the sentence is complete and sanitised.
    Trouble(String),
    /// What is shown is not all on disk, and why; `None` when it is again.
    Unsaved(Option<String>),
    /// What is shown is not all on disk, for the journal has so many records to write yet; [`Self::Unsaved`] ends it.
    Behind(usize),
    /// Nothing will be on disk, and why.
    Unjournaled(String),
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
