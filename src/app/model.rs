//! The state of the program: plain data, no channels, no handles.
//!
//! What a frame shows is a function of this alone. Scroll offsets and hit areas belong to the view.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use tui_input::Input;

pub use self::attempt::{Attempt, AttemptPhase};
pub use self::confirming::{Asked, Asking, Confirming};
pub use self::flashes::Flashes;
pub use self::overlay::{Overlay, PaletteCommand, PaletteEntry, Question};
pub use self::program::{Program, Zone};
use super::brokers::BrokerSummary;
use super::keymap::Keymap;
use super::rows::Rows;
use crate::accounts::{Accounts, OrderKey, Troubles};
use crate::domain::{LinkId, Mono, Now};
use crate::session::Part;

mod attempt;
mod confirming;
mod flashes;
mod overlay;
mod program;
pub mod queries;

/// The five panes, in the order of their digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Pane {
    /// What can be linked, what is linked, and its state.
    Brokers,
    /// Balances of the selected account.
    Account,
    /// Its orders.
    Orders,
    /// Its positions.
    Positions,
    /// Its executions and order events, newest first.
    Tape,
}

impl Pane {
    /// All panes, in the order of their digits.
    pub const ALL: [Self; 5] = [Self::Brokers, Self::Account, Self::Orders, Self::Positions, Self::Tape];

    /// The parts of an account's picture that it is made of.
    pub const fn parts(self) -> &'static [Part] {
        match self {
            Self::Brokers => &[],
            Self::Account => &[Part::Account],
            Self::Orders => &Part::ORDERS,
            Self::Positions => &[Part::Positions],
            Self::Tape => &Part::TRADES,
        }
    }

    /// The digit that jumps to it.
    pub const fn digit(self) -> u8 {
        self as u8 + 1
    }

    /// Its title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Brokers => "Brokers",
            Self::Account => "Account",
            Self::Orders => "Orders",
            Self::Positions => "Positions",
            Self::Tape => "Tape",
        }
    }
}

/// Which account the panes show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountScope {
    /// None is linked.
    None,
    /// One.
    One(LinkId),
    /// All of them, with an account column.
    All,
}

impl AccountScope {
    /// True when the panes show this account.
    pub fn shows(&self, link: &LinkId) -> bool {
        match self {
            Self::None => false,
            Self::One(one) => one == link,
            Self::All => true,
        }
    }
}

/// A passing message in the status line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// The sentence.
    pub text: String,
    /// When it goes.
    pub until: Mono,
}

/// What came too soon behind another to ring for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untold {
    /// How much.
    pub count: u32,
    /// The last of it.
    pub last: String,
}

/// What the last frame could show, as the view reports it ([`super::Msg::Drawn`]): how far a page goes, where scrolling ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Rows of each pane's list that fit, by the pane's place in [`Pane::ALL`].
    pub pages: [u16; 5],
    /// Lines of the topmost overlay that fit.
    pub overlay_page: u16,
    /// The last line at which the topmost overlay may begin.
    pub overlay_end: usize,
}

impl Default for Extent {
    /// Before the first frame: a guess for pages, no limit for scrolling.
    fn default() -> Self {
        Self { pages: [10; 5], overlay_page: 10, overlay_end: usize::MAX }
    }
}

/// The whole state.
#[derive(Debug)]
pub struct Model {
    /// What the program is.
    pub program: Program,
    /// The keys in force: the table with the configuration's changes.
    pub keymap: Keymap,
    /// The instant of the last message; what ages and countdowns are shown against.
    pub now: Now,
    /// The terminal's size in cells.
    pub size: (u16, u16),
    /// Every broker that can be linked.
    pub brokers: Vec<BrokerSummary>,
    /// Every linked account.
    pub accounts: Accounts,
    /// Which account the panes show.
    pub scope: AccountScope,
    /// What was shown last time, until its account is known.
    pub chosen_scope: Option<AccountScope>,
    /// The pane with the keys.
    pub focus: Pane,
    /// Whether the focused pane fills the screen.
    pub zoomed: bool,
    /// The pane whose filter is being typed, if any.
    pub filtering: Option<Pane>,
    /// The filter field while a filter is typed.
    pub filter_input: Input,
    /// The text of a field as it was before typing began; Esc puts it back.
    pub before: String,
    /// The lists.
    pub rows: Rows,
    /// Orders marked for a common action.
    pub marks: BTreeSet<OrderKey>,
    /// What lies over the panes.
    pub overlays: Vec<Overlay>,
    /// The linking attempt, if one is under way.
    pub attempt: Option<Attempt>,
    /// The number the next attempt gets.
    pub next_attempt: u64,
    /// The count being typed for the next move; 0 before its first digit.
    pub count: Option<u32>,
    /// Everything the palette can offer, gathered when it opens.
    pub palette: Vec<PaletteEntry>,
    /// What the last frame could show.
    pub extent: Extent,
    /// Passing messages, oldest first.
    pub toasts: VecDeque<Toast>,
    /// What went wrong: in the accounts, and at the screen itself.
    pub errors: Troubles,
    /// New executions that flash.
    pub flashes: Flashes,
    /// Until when no bell rings again: a storm of fills rings once a second.
    pub quiet_until: Mono,
    /// What is told then.
    pub untold: Option<Untold>,
    /// When the last key or click came, and whether it came faster than a hand's.
    pub touched_at: Option<Mono>,
    /// See [`Self::touched_at`].
    pub hurried: bool,
    /// The question that stands open.
    pub asking: Option<Asking>,
    /// The number the last question got.
    pub next_question: u64,
    /// A yes that waits for calm.
    pub confirming: Option<Confirming>,
    /// Whether the mouse is captured.
    pub mouse: bool,
    /// Set when the program is to end.
    pub exit: Option<u8>,
    /// Whether something visible changed since the last frame.
    pub dirty: bool,
}
