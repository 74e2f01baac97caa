//! Everything the model may ask of the world. The shell runs each as a task and sends a [`super::Msg`] back.

use jiff::Timestamp;

use super::choices::Choices;
use crate::domain::blotter::Changes;
use crate::domain::text::{escape_json, sanitize_lines};
use crate::domain::{AccountId, BrokerId, LinkId};
use crate::link::progress::Sensitive;
use crate::link::{AttemptId, LinkRecord};
use crate::session::{AuthForm, Epoch, Request, RequestId};

/// Text for the clipboard. It is pasted into shells and sheets, so nothing in it acts; line ends and tabs of ours stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied(Sensitive);

impl Copied {
    /// Takes lines of cells, each of which must be written sanitised: a line end in a cell would make two lines of one.
    pub fn new(text: &str) -> Self {
        Self(Sensitive::new(sanitize_lines(text)))
    }

    /// Takes JSON, on one line: control characters stand only between its words, where a blank says the same.
    pub fn json(text: &str) -> Self {
        let blank = |ch: char| if ch.is_ascii_control() { ' ' } else { ch };
        Self(Sensitive::new(escape_json(text).chars().map(blank).collect::<String>()))
    }

    /// The text.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Something the journal must hold before it is shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Memory {
    /// A merge changed the blotter; what it says now is written.
    Changes(Changes),
    /// Which account answers behind the link.
    Account(AccountId),
    /// A picture was complete: where the next run may start from.
    Complete {
        /// Broker's time of the last execution.
        watermark: Option<Timestamp>,
        /// When the picture was asked for.
        asked_at: Timestamp,
    },
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Open a stream; its events carry this epoch. An older stream of the link is closed first.
    OpenStream {
        /// Whose.
        link: LinkId,
        /// The attempt.
        epoch: Epoch,
        /// How to carry and authenticate it.
        form: AuthForm,
    },
    /// Close the link's stream, if any, with a clean close.
    CloseStream {
        /// Whose.
        link: LinkId,
    },
    /// Ask REST.
    Request {
        /// Whose.
        link: LinkId,
        /// Answered with the same id.
        id: RequestId,
        /// What.
        request: Request,
    },
    /// Write this to the journal before the next frame.
    Remember {
        /// Whose.
        link: LinkId,
        /// What.
        memory: Memory,
    },
    /// Drop the link's queued REST requests; answers under way may still come.
    DropRequests {
        /// Whose.
        link: LinkId,
    },
    /// A person will not wait: what the broker asked to wait for holds nothing up any more.
    EndWaits {
        /// Whose.
        link: LinkId,
    },
    /// The account is not streamed until it is linked again: another instance may.
    LetGo {
        /// Which.
        link: LinkId,
    },
    /// The token was refused: see whether another process linked the account again; comes back as
    /// [`super::Msg::Renewed`] if so.
    Renew {
        /// Whose.
        link: LinkId,
    },
    /// Ask the market's clock through this link.
    AskClock {
        /// Whose token to use.
        link: LinkId,
    },
    /// Start linking through a broker; an attempt under way is canceled first.
    BeginLink {
        /// The new attempt.
        attempt: AttemptId,
        /// Through which broker.
        broker: BrokerId,
        /// Whether to start the browser.
        browser: bool,
    },
    /// Try the browser again.
    OpenBrowser {
        /// Which attempt.
        attempt: AttemptId,
    },
    /// A redirect URL was pasted.
    SubmitRedirect {
        /// Which attempt.
        attempt: AttemptId,
        /// The pasted text.
        url: Sensitive,
    },
    /// In the demo: press Allow on the consent page from here.
    ApproveInDemo {
        /// Which attempt.
        attempt: AttemptId,
    },
    /// Give up and free the port.
    CancelLink {
        /// Which attempt.
        attempt: AttemptId,
    },
    /// Store the token for the accounts shown.
    SaveLink {
        /// Which attempt.
        attempt: AttemptId,
        /// The owner's labels, one for each account in the order of `Confirm`.
        labels: Vec<String>,
    },
    /// Forget a link's token.
    Unlink {
        /// Which.
        link: LinkId,
    },
    /// Another account answers behind a link than was linked: keep its id and number.
    KeepLink {
        /// The link as it is now.
        record: LinkRecord,
    },
    /// Put text on the clipboard by OSC 52. Named in a notice as `what`, never shown itself.
    Copy {
        /// The text.
        text: Copied,
        /// `order id`, `authorize URL`, …
        what: String,
    },
    /// Ring the terminal's bell.
    Bell,
    /// Tell the desktop (OSC 9) and the owner's program, as configured.
    Notify {
        /// The sentence, sanitised.
        text: String,
    },
    /// Write the example configuration where it belongs, never over an existing file; ends in a notice or trouble.
    WriteConfig,
    /// Turn mouse capture on or off.
    CaptureMouse(bool),
    /// Keep these choices for the next run; a failure is worth a log line and no more.
    Keep(Choices),
    /// Suspend the program (Ctrl-Z).
    Suspend,
    /// Draw everything anew, whatever the terminal shows (Ctrl-L).
    Repaint,
    /// Leave with this exit code.
    Quit {
        /// 0, or 128 + signal.
        code: u8,
    },
}
