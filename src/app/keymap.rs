//! The one key table: dispatch, footer, help, `brokerdeck keys`, configuration and README read it.

use serde::{Deserialize, Serialize};

/// A key without its modifiers, independent of any terminal library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyCode {
    /// A character as typed: capitals arrive as capitals, without Shift.
    Char(char),
    /// A function key.
    F(u8),
    /// Return.
    Enter,
    /// Escape.
    Esc,
    /// Tabulator.
    Tab,
    /// Shift-Tab.
    BackTab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Arrow.
    Up,
    /// Arrow.
    Down,
    /// Arrow.
    Left,
    /// Arrow.
    Right,
    /// First.
    Home,
    /// Last.
    End,
    /// A page back.
    PageUp,
    /// A page on.
    PageDown,
}

/// A key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Chord {
    /// The key.
    pub code: KeyCode,
    /// With Control.
    pub ctrl: bool,
    /// With Alt.
    pub alt: bool,
}

impl Chord {
    /// A character alone.
    pub const fn char(ch: char) -> Self {
        Self::key(KeyCode::Char(ch))
    }

    /// A key alone.
    pub const fn key(code: KeyCode) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    /// A character with Control.
    pub const fn ctrl(ch: char) -> Self {
        Self { code: KeyCode::Char(ch), ctrl: true, alt: false }
    }
}

/// Where a binding applies. The innermost scope that binds a chord wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Everywhere but in text fields.
    Global,
    /// Any list pane.
    List,
    /// The Brokers pane.
    Brokers,
    /// The Account pane.
    Account,
    /// The Orders pane.
    Orders,
    /// The Positions pane.
    Positions,
    /// The Tape pane.
    Tape,
    /// Any overlay that scrolls: help, detail, errors.
    Overlay,
    /// The *Add broker* search.
    AddBroker,
    /// The waiting screen of a linking attempt.
    Linking,
    /// The *Save?* question of a linking attempt, and other yes/no questions.
    Confirm,
}

/// What a key can do. One row of the table each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Action {
    Quit,
    ForceQuit,
    Suspend,
    Help,
    Palette,
    Filter,
    ClearFilter,
    NextPane,
    PrevPane,
    Pane1,
    Pane2,
    Pane3,
    Pane4,
    Pane5,
    Down,
    Up,
    Top,
    Bottom,
    HalfPageDown,
    HalfPageUp,
    PageDown,
    PageUp,
    Detail,
    Back,
    Zoom,
    PrevAccount,
    NextAccount,
    AllAccounts,
    SortNext,
    SortReverse,
    Copy,
    CopyRow,
    Resync,
    Errors,
    ToggleMouse,
    Pause,
    AddBroker,
    Relink,
    Unlink,
    RawJson,
    OpenBrowser,
    PasteRedirect,
    CopyUrl,
    ApproveInDemo,
    CancelLink,
    Confirm,
    Decline,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// Where.
    pub scope: Scope,
    /// The keys, the first being the one shown.
    pub chords: &'static [Chord],
    /// What.
    pub action: Action,
    /// The name for configuration: `orders.cancel`.
    pub name: &'static str,
    /// One or two words for the footer.
    pub label: &'static str,
    /// A sentence for the help screen.
    pub help: &'static str,
    /// Shown in the footer of its scope.
    pub hint: bool,
}

/// Why an action cannot act now, as a sentence without a stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(pub String);

/// The keys in force: [`BINDINGS`] with the configuration's changes.
#[derive(Debug, Clone, Default)]
pub struct Keymap {
    overrides: Vec<(Action, Vec<Chord>)>,
}

/// The table. (contract skeleton: the app developer fills it in)
pub const BINDINGS: &[Binding] = &[];
