//! The key table's types. Dispatch, footer, help, `brokerdeck keys`, configuration and README all read the table.

mod bindings;
mod chord;
mod table;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::listed::listed;

pub use bindings::BINDINGS;
pub use chord::ChordError;
pub use table::{Group, Row, columns, markdown, table};

/// A key without its modifiers, independent of any terminal library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyCode {
    /// A character as typed: capitals arrive as capitals, without Shift.
    Char(char),
    /// A function key.
    F(u8),
    /// Return.
    Enter,
    Esc,
    /// Tabulator.
    Tab,
    BackTab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
}

/// A key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Chord {
    pub code: KeyCode,
    /// Whether Control is held.
    pub ctrl: bool,
    /// Whether Alt is held.
    pub alt: bool,
}

impl Chord {
    /// A plain character.
    pub const fn char(ch: char) -> Self {
        Self::key(KeyCode::Char(ch))
    }

    /// A plain key.
    pub const fn key(code: KeyCode) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    /// A character with Control.
    pub const fn ctrl(ch: char) -> Self {
        Self { code: KeyCode::Char(ch), ctrl: true, alt: false }
    }
}

listed! {
    /// Where a binding applies. The innermost scope that binds a chord wins. In the order of the
    /// help screen.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    pub enum Scope {
        /// The panes, while no overlay is open.
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
        /// Any overlay that scrolls: help, details, errors, chart.
        Overlay,
        /// The help screen.
        Help,
        /// The order detail.
        OrderDetail,
        /// The equity chart.
        Chart,
        /// The activity list.
        Activities,
        /// The *Add broker* search.
        AddBroker,
        /// The waiting screen of a linking attempt.
        Linking,
        /// The *Save the link?* question.
        Save,
        /// A linking attempt that ended without a link.
        Failed,
        /// A question whose wrong answer costs much; Enter means no.
        DestructiveQuestion,
        /// Other yes/no questions.
        Confirm,
        /// The welcome screen of the first run.
        Welcome,
        /// Any text field: filter, searches, the pasted redirect URL, a label.
        Text,
        /// Everywhere except in text fields.
        Common,
        /// Everywhere, including text fields and overlays.
        Always,
    }
}

impl Scope {
    /// The first part of the names of its bindings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Common => "common",
            Self::Text => "text",
            Self::Global => "global",
            Self::List => "list",
            Self::Brokers => "brokers",
            Self::Account => "account",
            Self::Orders => "orders",
            Self::Positions => "positions",
            Self::Tape => "tape",
            Self::Overlay => "overlay",
            Self::Help => "help",
            Self::OrderDetail => "order",
            Self::Chart => "chart",
            Self::Activities => "activities",
            Self::Welcome => "welcome",
            Self::AddBroker => "add_broker",
            Self::Linking => "linking",
            Self::Failed => "failed",
            Self::Save => "save",
            Self::DestructiveQuestion => "destructive_question",
            Self::Confirm => "question",
        }
    }

    /// Its heading in help and README.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Always => "Everywhere",
            Self::Common => "Everywhere except in text fields",
            Self::Text => "Text fields",
            Self::Global => "Panes",
            Self::List => "Lists",
            Self::Brokers => "Brokers",
            Self::Account => "Account",
            Self::Orders => "Orders",
            Self::Positions => "Positions",
            Self::Tape => "Tape",
            Self::Overlay => "Details, help and errors",
            Self::Help => "Help",
            Self::OrderDetail => "Order detail",
            Self::Chart => "Equity chart",
            Self::Activities => "Activities",
            Self::Welcome => "Welcome",
            Self::AddBroker => "Add broker",
            Self::Linking => "Waiting for the browser",
            Self::Failed => "Linking failed",
            Self::Save => "Save the link?",
            Self::DestructiveQuestion => "Questions whose answer cannot be undone: cancel all, unlink",
            Self::Confirm => "Questions",
        }
    }
}

/// What a key does; each action has one row in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Action {
    Quit,
    ForceQuit,
    Suspend,
    Repaint,
    Help,
    Palette,
    Filter,
    ClearFilter,
    /// Filters by the last filter again.
    RepeatFilter,
    /// Shows every column, or the chosen ones.
    AllColumns,
    /// Lists the actions of the selected row.
    Menu,
    NextPane,
    PrevPane,
    /// Focuses the pane with this digit.
    FocusPane(u8),
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
    Count,
    TimeZone,
    Copy,
    CopyRow,
    CopyCell,
    Resync,
    Errors,
    ToggleMouse,
    Pause,
    Mark,
    ClearMarks,
    CancelOrder,
    CancelAll,
    AddBroker,
    Relink,
    Unlink,
    RawJson,
    ExecutionsOnly,
    Activities,
    RefreshActivities,
    SearchActivities,
    SearchHelp,
    ChartNext,
    ChartPrev,
    CrosshairLeft,
    CrosshairRight,
    WriteConfig,
    Retry,
    EditLabel,
    ConfirmLive,
    Accept,
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
    pub scope: Scope,
    /// The keys; the first one is displayed.
    pub chords: &'static [Chord],
    pub action: Action,
    /// The name in the configuration: `orders.cancel`.
    pub name: &'static str,
    /// The footer label, one or two words.
    pub label: &'static str,
    /// The help sentence.
    pub help: &'static str,
    /// Whether it is shown in the footer.
    pub hint: bool,
}

/// Why an action cannot act now, as a sentence without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(pub String);

/// A line of `[keys]` in the configuration that is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeymapProblem {
    /// The line, from 1.
    pub line: usize,
    /// The name as written.
    pub name: String,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
    /// How to fix it.
    pub hint: String,
}

impl std::fmt::Display for KeymapProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: keys.\"{}\": {}; {}", self.line, self.name, self.message, self.hint)
    }
}

/// The active bindings: [`BINDINGS`] with the changes of the configuration.
#[derive(Debug, Clone)]
pub struct Keymap {
    /// The chords of each row of [`BINDINGS`].
    chords: Vec<Vec<Chord>>,
    /// From scope and chord to the row of [`BINDINGS`].
    index: BTreeMap<(Scope, Chord), usize>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self::from_chords(BINDINGS.iter().map(|binding| binding.chords.to_vec()).collect())
    }
}

impl Keymap {
    /// Applies changes `(line, name, chords as text)`; returns all problems, if there are any.
    pub fn with_overrides<'a>(
        overrides: impl IntoIterator<Item = (usize, &'a str, &'a [String])>,
    ) -> Result<Self, Vec<KeymapProblem>> {
        let mut chords: Vec<Vec<Chord>> = BINDINGS.iter().map(|binding| binding.chords.to_vec()).collect();
        let mut lines: BTreeMap<usize, usize> = BTreeMap::new();
        let mut problems = Vec::new();
        for (line, name, words) in overrides {
            match parse_override(line, name, words) {
                Ok((row, parsed)) => {
                    if let Some(slot) = chords.get_mut(row) {
                        *slot = parsed;
                    }
                    lines.insert(row, line);
                }
                Err(mut found) => problems.append(&mut found),
            }
        }
        problems.extend(conflicts(&chords, &lines));
        if problems.is_empty() { Ok(Self::from_chords(chords)) } else { Err(problems) }
    }

    fn from_chords(chords: Vec<Vec<Chord>>) -> Self {
        let mut index = BTreeMap::new();
        for (row, (binding, keys)) in BINDINGS.iter().zip(&chords).enumerate() {
            for chord in keys {
                index.entry((binding.scope, *chord)).or_insert(row);
            }
        }
        Self { chords, index }
    }

    /// The action of a chord, innermost scope first.
    pub fn lookup(&self, scopes: &[Scope], chord: Chord) -> Option<Action> {
        scopes
            .iter()
            .find_map(|scope| self.index.get(&(*scope, chord)))
            .and_then(|row| BINDINGS.get(*row))
            .map(|binding| binding.action)
    }

    /// The chords of a row, the displayed one first; empty when the configuration removed them all.
    pub fn chords_of(&self, row: usize) -> &[Chord] {
        self.chords.get(row).map_or(&[], Vec::as_slice)
    }

    /// Replaces each `{name}` of a binding, such as `{brokers.add}`, with its current chord.
    ///
    /// A binding without a chord is replaced by its name; anything else in braces is left unchanged.
    pub fn say<'a>(&self, sentence: &'a str) -> Cow<'a, str> {
        if !sentence.contains('{') {
            return Cow::Borrowed(sentence);
        }
        let (mut said, mut rest) = (String::with_capacity(sentence.len()), sentence);
        while let Some((before, name, after)) = rest
            .split_once('{')
            .and_then(|(before, tail)| tail.split_once('}').map(|(name, after)| (before, name, after)))
        {
            said.push_str(before);
            match BINDINGS.iter().position(|binding| binding.name == name) {
                Some(row) => match self.chords_of(row).first() {
                    Some(chord) => said.push_str(&chord.to_string()),
                    None => said.push_str(name),
                },
                None => said.push_str(&format!("{{{name}}}")),
            }
            rest = after;
        }
        said.push_str(rest);
        Cow::Owned(said)
    }

    /// The displayed chord of an action in these scopes, innermost first.
    pub fn chord_for(&self, scopes: &[Scope], action: Action) -> Option<Chord> {
        scopes.iter().find_map(|scope| {
            let row = BINDINGS.iter().position(|binding| binding.scope == *scope && binding.action == action)?;
            self.chords_of(row).first().copied()
        })
    }
}

fn parse_override(line: usize, name: &str, words: &[String]) -> Result<(usize, Vec<Chord>), Vec<KeymapProblem>> {
    let problem = |message: String, hint: String| KeymapProblem { line, name: name.to_owned(), message, hint };
    let Some(row) = BINDINGS.iter().position(|binding| binding.name == name) else {
        let near = nearest(name).map_or_else(String::new, |near| format!(", perhaps \"{near}\""));
        let hint = format!("`brokerdeck keys` lists the names{near}");
        // Do not repeat what does not look like a name: it may be a secret in the wrong line.
        let looks = name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_lowercase() || b"._-".contains(&byte));
        let name = if looks { name.to_owned() } else { "…".to_owned() };
        return Err(vec![KeymapProblem { name, ..problem("no action has this name".to_owned(), hint) }]);
    };
    let mut chords = Vec::new();
    let mut problems = Vec::new();
    for word in words {
        match word.parse::<Chord>() {
            Ok(chord) => chords.push(chord),
            Err(error) => problems.push(problem(error.to_string(), ChordError::HINT.to_owned())),
        }
    }
    if leads_out(row) {
        chords.push(WAY_OUT);
        let mut seen = std::collections::BTreeSet::new();
        chords.retain(|chord| seen.insert(*chord));
    } else if chords.contains(&WAY_OUT) {
        problems.push(problem(format!("{WAY_OUT} always quits"), "choose another key".to_owned()));
    }
    if problems.is_empty() { Ok((row, chords)) } else { Err(problems) }
}

/// The existing name closest to a mistyped one: with the same last part, or with the longest common start.
fn nearest(name: &str) -> Option<&'static str> {
    let shared = |known: &str| known.chars().zip(name.chars()).take_while(|(a, b)| a == b).count();
    let tail = name.rsplit('.').next().unwrap_or(name);
    let names = BINDINGS.iter().map(|binding| binding.name);
    names
        .clone()
        .find(|known| known.rsplit('.').next() == Some(tail))
        .or_else(|| names.max_by_key(|known| shared(known)).filter(|known| shared(known) > 2))
}

/// The chord that always quits, whatever the configuration says. People try it when they are stuck, and in raw mode it
/// sends no signal.
const WAY_OUT: Chord = Chord::ctrl('c');

/// Whether the row keeps [`WAY_OUT`] in any configuration.
fn leads_out(row: usize) -> bool {
    BINDINGS.get(row).is_some_and(|binding| binding.action == Action::ForceQuit)
}

/// Finds chords that are bound twice in one scope.
fn conflicts(chords: &[Vec<Chord>], lines: &BTreeMap<usize, usize>) -> Vec<KeymapProblem> {
    let mut taken: BTreeMap<(Scope, Chord), usize> = BTreeMap::new();
    let mut problems = Vec::new();
    for (row, (binding, keys)) in BINDINGS.iter().zip(chords).enumerate() {
        for chord in keys {
            let Some(other) = taken.insert((binding.scope, *chord), row).filter(|other| *other != row) else {
                continue;
            };
            // Report the changed line; of two changed ones, the later.
            let (blamed, kept) = if lines.get(&row) >= lines.get(&other) { (row, other) } else { (other, row) };
            let name = |row: usize| BINDINGS.get(row).map_or("", |binding| binding.name);
            problems.push(KeymapProblem {
                line: lines.get(&blamed).copied().unwrap_or_default(),
                name: name(blamed).to_owned(),
                message: format!("{chord} is already bound to {} there", name(kept)),
                hint: format!("choose another key, or rebind \"{}\" too", name(kept)),
            });
        }
    }
    problems
}
