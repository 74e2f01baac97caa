//! The state of the program: plain data without channels or handles.
//!
//! A frame is a function of the model. Scroll offsets and mouse areas belong to the view.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tui_input::Input;

pub use self::confirming::{Asking, Confirming};
pub use self::flashes::Flashes;
pub use self::program::{Program, Zone};
pub use self::timers::Timer;
use super::brokers::BrokerSummary;
use super::keymap::Keymap;
pub use super::overlays::{Attempt, AttemptPhase, Overlay};
pub use super::pane::{AccountScope, Pane, PerPane};
use super::rows::Rows;
use crate::accounts::{Accounts, OrderKey, Troubles};
use crate::domain::{Mono, Now};

mod confirming;
mod flashes;
mod program;
pub mod queries;
mod timers;

/// A passing message in the status line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    pub text: String,
    /// When it disappears.
    pub until: Mono,
}

/// News held back because the bell rang shortly before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingBell {
    /// The number of events.
    pub count: u32,
    /// The text of the last one.
    pub last: String,
}

/// How much the last frame could show, as reported by the view ([`super::Msg::Drawn`]): the size of a page, the end of
/// scrolling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Visible rows of each pane's list.
    pub pages: PerPane<u16>,
    /// Visible lines of the topmost overlay.
    pub overlay_page: u16,
    /// The last line that the topmost overlay can be scrolled to.
    pub overlay_end: usize,
}

impl Default for Extent {
    /// Before the first frame: a guess for pages, no limit for scrolling.
    fn default() -> Self {
        Self { pages: PerPane::of(|_| 10), overlay_page: 10, overlay_end: usize::MAX }
    }
}

/// The whole state.
#[derive(Debug)]
pub struct Model {
    /// What the program is and may do.
    pub program: Program,
    /// The active bindings.
    pub keymap: Keymap,
    /// The time of the last message; ages and countdowns are relative to it.
    pub now: Now,
    /// The terminal's size in cells.
    pub size: (u16, u16),
    /// Every broker that can be linked.
    pub brokers: Vec<BrokerSummary>,
    /// Every linked account.
    pub accounts: Accounts,
    /// Which account the panes show.
    pub scope: AccountScope,
    /// The account shown in the last run, until it is known again.
    pub chosen_scope: Option<AccountScope>,
    /// The theme chosen on the screen; `None` for the configured one.
    pub theme: Option<Arc<str>>,
    /// The theme to keep for the next run.
    pub kept_theme: Option<Arc<str>>,
    /// The focused pane.
    pub focus: Pane,
    /// Whether the focused pane fills the screen.
    pub zoomed: bool,
    /// The pane whose filter is being typed.
    pub filtering: Option<Pane>,
    /// The filter field, while typing.
    pub filter_input: Input,
    /// The filter before typing started; Esc restores it.
    pub before: String,
    /// The last filter that was accepted.
    pub last_filter: String,
    /// The rows of the list panes.
    pub rows: Rows,
    /// Orders marked for one action.
    pub marks: BTreeSet<OrderKey>,
    /// Open overlays, bottom first.
    pub overlays: Vec<Overlay>,
    /// The number of the next attempt.
    pub next_attempt: u64,
    /// The count being typed for the next move; 0 before its first digit.
    pub count: Option<u32>,
    /// How much the last frame could show.
    pub extent: Extent,
    /// Toasts, oldest first.
    pub toasts: VecDeque<Toast>,
    /// What went wrong: in the accounts, and at the screen itself.
    pub errors: Troubles,
    /// New executions that flash.
    pub flashes: Flashes,
    /// No bell before this time: a burst of fills rings once a second.
    pub quiet_until: Mono,
    /// News for the next bell.
    pub pending_bell: Option<PendingBell>,
    /// When the last key or click came.
    pub touched_at: Option<Mono>,
    /// Whether that came faster than a hand types.
    pub hurried: bool,
    /// The open question.
    pub asking: Option<Asking>,
    /// The number of the last question.
    pub next_question: u64,
    /// A yes that is being held until no other key follows.
    pub confirming: Option<Confirming>,
    /// Whether the mouse is captured.
    pub mouse: bool,
    /// Set when the program is to end.
    pub exit: Option<u8>,
    /// Whether something visible has changed since the last frame.
    pub dirty: bool,
}
