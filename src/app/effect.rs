//! Everything that `update` asks the shell to do. The shell runs each effect as a task, and answers with a
//! [`super::Msg`].

use super::choices::Choices;
use crate::accounts;
use crate::domain::BrokerId;
use crate::domain::text::{escape_json, sanitize_lines};
use crate::link::AttemptId;
use crate::link::progress::Sensitive;

/// Text for the clipboard.
///
/// It is pasted into shells and spreadsheets, so control characters are removed; our own line ends and tabs stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied(Sensitive);

impl Copied {
    /// From lines of cells, which must be sanitised already: a line end within a cell would split the line.
    pub fn new(text: &str) -> Self {
        Self(Sensitive::new(sanitize_lines(text)))
    }

    /// From JSON, put on one line; control characters occur only between tokens, and become spaces.
    pub fn json(text: &str) -> Self {
        let blank = |ch: char| if ch.is_ascii_control() { ' ' } else { ch };
        Self(Sensitive::new(escape_json(text).chars().map(blank).collect::<String>()))
    }

    /// The text.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Something that the shell is asked to do. It is grouped by who does it, so that every match over it is complete.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// An effect of an account.
    Account(accounts::Effect),
    /// An effect of linking.
    Linking(LinkingEffect),
    /// An effect on the terminal; without one it is dropped.
    Terminal(TerminalEffect),
    /// Notify the desktop (OSC 9), and run the notify command, as configured.
    Notify {
        /// The sentence, sanitised.
        text: String,
    },
    /// Write the example configuration, never over an existing file; a notice or an error follows.
    WriteConfig,
    /// Save these choices for the next run; a failure is only logged.
    Keep(Choices),
    /// Exit with this code.
    Quit {
        /// 0, or 128 + signal.
        code: u8,
    },
}

/// What the linker does.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkingEffect {
    /// Start linking through a broker; cancels an attempt under way.
    BeginLink {
        /// The number of the new attempt.
        attempt: AttemptId,
        broker: BrokerId,
        /// Whether to open the browser.
        browser: bool,
    },
    /// Open the browser again.
    OpenBrowser { attempt: AttemptId },
    /// Submit a pasted redirect URL.
    SubmitRedirect {
        attempt: AttemptId,
        /// The pasted text.
        url: Sensitive,
    },
    /// In the demo: press Allow on the consent page.
    ApproveInDemo { attempt: AttemptId },
    /// Cancel linking and free the port.
    CancelLink { attempt: AttemptId },
    /// Store the token for the accounts found.
    SaveLink {
        attempt: AttemptId,
        /// The labels, one per account in the order of `Confirm`.
        labels: Vec<String>,
    },
}

/// What only a terminal can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminalEffect {
    /// Copy text to the clipboard by OSC 52. The notice shows `what`, not the text.
    Copy {
        text: Copied,
        /// What it is: `order id`, `authorize URL`, …
        what: String,
    },
    /// Ring the terminal's bell.
    Bell,
    /// Notify the desktop (OSC 9).
    Notify {
        /// The sentence, sanitised.
        text: String,
    },
    /// Turn mouse capture on or off.
    CaptureMouse(bool),
    /// Suspend the program (Ctrl-Z).
    Suspend,
    /// Redraw the whole screen (Ctrl-L).
    Repaint,
}
