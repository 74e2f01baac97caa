//! What lies over the panes: details, help, the palette, questions. The stack itself is [`super::Model::overlays`].

use tui_input::Input;

use super::{AccountScope, Pane};
use crate::accounts::{ActivityKey, OrderKey, Period, PositionKey};
use crate::app::keymap::Action;
use crate::domain::{BrokerId, LinkId, Symbol};

/// Something drawn over the panes. The stack is drawn bottom-up and offered keys top-down.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// The key table; `query` narrows it.
    Help {
        /// What to look for.
        query: Input,
        /// Whether typing goes into `query`.
        typing: bool,
        /// First line shown.
        scroll: usize,
    },
    /// One order in full.
    OrderDetail {
        /// Which.
        key: OrderKey,
        /// First line shown.
        scroll: usize,
        /// The broker's JSON instead of the fields.
        raw: bool,
    },
    /// One position in full.
    PositionDetail {
        /// Which.
        key: PositionKey,
        /// First line shown.
        scroll: usize,
    },
    /// One link in full: connection history, scopes, where the token lives.
    BrokerDetail {
        /// Which.
        link: LinkId,
        /// First line shown.
        scroll: usize,
    },
    /// An account's activity list, from before this session on.
    Activities {
        /// Whose.
        link: LinkId,
        /// The row with the cursor.
        selected: usize,
    },
    /// One activity in full.
    ActivityDetail {
        /// Which.
        key: ActivityKey,
        /// First line shown.
        scroll: usize,
    },
    /// The list of errors; opening it marks them read.
    Errors {
        /// First line shown.
        scroll: usize,
    },
    /// The *Add broker* search.
    AddBroker {
        /// What was typed.
        query: Input,
        /// The matches, best first.
        matches: Vec<BrokerId>,
        /// The chosen match.
        selected: usize,
    },
    /// The command palette.
    Palette {
        /// What was typed.
        query: Input,
        /// The matches, best first.
        matches: Vec<PaletteEntry>,
        /// The chosen match.
        selected: usize,
    },
    /// A linking attempt; its state is [`Model::attempt`](super::Model::attempt).
    Linking,
    /// A yes/no question.
    Question(Question),
    /// An account's equity over time; the curves are in [`AccountState::curves`](crate::accounts::AccountState::curves).
    EquityChart {
        /// Whose.
        link: LinkId,
        /// Over what span.
        period: Period,
        /// The point under the crosshair, by index; `None` before it was moved.
        cursor: Option<usize>,
    },
    /// The welcome of the first run.
    Welcome,
}

/// One entry of the command palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaletteEntry {
    /// What is shown and matched.
    pub title: String,
    /// Other words by which it is found: an action's label and name.
    pub words: String,
    /// The key that does the same, if there is one.
    pub key: String,
    /// What Enter does.
    pub command: PaletteCommand,
    /// Why it cannot act now.
    pub disabled: Option<String>,
}

/// What a palette entry does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaletteCommand {
    /// An action of the key table.
    Act(Action),
    /// An action of another pane, which takes the keys first.
    ActIn(Pane, Action),
    /// Link through a broker.
    Link(BrokerId),
    /// Show an account.
    Show(AccountScope),
    /// Filter orders by a symbol.
    Symbol(Symbol),
    /// Hide a column, or show it again.
    Column(Pane, usize),
    /// Sort by a column.
    Sort(Pane, usize),
    /// Select a row by its place, from 1.
    Row(Pane, usize),
    /// Show times in a zone, by its place in [`Program::zones`](super::Program::zones).
    Zone(usize),
    /// Copy a cell: its text and its title.
    Copy(String, &'static str),
}

/// A question that wants a yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Forget this link's token?
    Unlink(LinkId),
    /// Ask the broker to cancel these orders?
    Cancel(Vec<OrderKey>),
}
