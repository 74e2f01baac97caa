//! Everything the model may ask of the world. The shell runs each as a task and sends a [`super::Msg`] back.

use super::choices::Choices;
use crate::accounts;
use crate::domain::BrokerId;
use crate::domain::text::{escape_json, sanitize_lines};
use crate::link::AttemptId;
use crate::link::progress::Sensitive;

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

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// What an account asks for.
    Account(accounts::Effect),
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
