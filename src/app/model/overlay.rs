//! Overlays: details, help, the palette, questions. The stack is [`super::Model::overlays`].

use tui_input::Input;

use super::{AccountScope, Pane};
use crate::accounts::{ActivityKey, OrderKey, Period, PositionKey};
use crate::app::keymap::Action;
use crate::domain::{BrokerId, LinkId, Symbol};

/// An overlay. The stack is drawn bottom-up, and keys go to the topmost one.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// The key table, filtered by `query`.
    Help {
        /// The search text.
        query: Input,
        /// Whether keys go into `query`.
        typing: bool,
        /// First visible line.
        scroll: usize,
    },
    /// One order in detail.
    OrderDetail {
        /// The order.
        key: OrderKey,
        /// First visible line.
        scroll: usize,
        /// Whether to show the broker's JSON instead of the fields.
        raw: bool,
    },
    /// One position in detail.
    PositionDetail {
        /// The position.
        key: PositionKey,
        /// First visible line.
        scroll: usize,
    },
    /// One link in detail: connection history, scopes, where the token is stored.
    BrokerDetail {
        /// The link.
        link: LinkId,
        /// First visible line.
        scroll: usize,
    },
    /// An account's activity list, which reaches back before this session.
    Activities {
        /// The account's link.
        link: LinkId,
        /// The selected row.
        selected: usize,
    },
    /// One activity in detail.
    ActivityDetail {
        /// The activity.
        key: ActivityKey,
        /// First visible line.
        scroll: usize,
    },
    /// The list of errors; opening it marks them as read.
    Errors {
        /// First visible line.
        scroll: usize,
    },
    /// The *Add broker* search.
    AddBroker {
        /// The search text.
        query: Input,
        /// The matches, best first.
        matches: Vec<BrokerId>,
        /// The chosen match.
        selected: usize,
    },
    /// The command palette.
    Palette {
        /// The search text.
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
        /// The account's link.
        link: LinkId,
        /// The period.
        period: Period,
        /// The point under the crosshair, by index; `None` until it is moved.
        cursor: Option<usize>,
    },
    /// The welcome screen of the first run.
    Welcome,
}

/// One entry of the command palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaletteEntry {
    /// The text shown and searched.
    pub title: String,
    /// Other search words: an action's label and name.
    pub words: String,
    /// Its key, if it has one.
    pub key: String,
    /// What it does.
    pub command: PaletteCommand,
    /// Why it cannot act now, if it cannot.
    pub disabled: Option<String>,
}

/// What a palette entry does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaletteCommand {
    /// An action of the key table.
    Act(Action),
    /// An action of another pane, which is focused first.
    ActIn(Pane, Action),
    /// Link through a broker.
    Link(BrokerId),
    /// Show an account.
    Show(AccountScope),
    /// Filter orders by a symbol.
    Symbol(Symbol),
    /// Hide or show a column.
    Column(Pane, usize),
    /// Sort by a column.
    Sort(Pane, usize),
    /// Select a row by number, from 1.
    Row(Pane, usize),
    /// Use a time zone, by its index in [`Program::zones`](super::Program::zones).
    Zone(usize),
    /// Copy a cell: text and title.
    Copy(String, &'static str),
}

/// A question that needs a confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Unlink: forget the token of this link?
    Unlink(LinkId),
    /// Ask the broker to cancel these orders?
    Cancel(Vec<OrderKey>),
}
