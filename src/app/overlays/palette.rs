//! The command palette: a fuzzy search over entries that were collected when it opened.

use nucleo_matcher::pattern::{Atom, AtomKind, CaseMatching, Normalization};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use tui_input::Input as Field;

use super::{Data, Handler, Next, Place};
use crate::app::keymap::{Action, Scope};
use crate::app::pane::{AccountScope, Pane};
use crate::domain::{BrokerId, Symbol};

/// Most matches kept.
const MATCHES: usize = 100;

/// One entry of the command palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaletteEntry {
    /// The text shown and searched.
    pub title: String,
    /// Other names: an action's label and its name for the configuration.
    pub words: Vec<String>,
    /// What it concerns, in a sentence beside the title; not searched.
    pub about: &'static str,
    /// Its key, if it has one.
    pub key: String,
    /// What it does.
    pub command: PaletteCommand,
    /// Why it cannot act now, if it cannot.
    pub disabled: Option<String>,
}

impl PaletteEntry {
    /// An entry without additional search words.
    pub const fn of(title: String, command: PaletteCommand, disabled: Option<String>) -> Self {
        Self { title, words: Vec::new(), about: "", key: String::new(), command, disabled }
    }

    /// The title and the names that it does not contain: letters that begin a word twice would match twice.
    fn searched(&self) -> String {
        self.words.iter().fold(self.title.clone(), |text, words| {
            let known = text.to_lowercase().contains(&words.to_lowercase());
            if known { text } else { format!("{text} {words}") }
        })
    }
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
    /// Use a time zone, by its index in [`Program::zones`](crate::app::model::Program::zones).
    Zone(usize),
    /// Use a theme, by its index in [`Program::themes`](crate::app::model::Program::themes); `None` for the configured one.
    Theme(Option<usize>),
    /// Copy a cell: text and title.
    Copy(String, &'static str),
}

/// The command palette.
#[derive(Debug, Clone)]
pub struct Palette {
    /// The search text.
    pub query: Field,
    /// Every entry, matching or not, in the order of collection.
    entries: Vec<PaletteEntry>,
    /// The matches, best first.
    pub matches: Vec<PaletteEntry>,
    /// The chosen match.
    pub selected: usize,
}

impl Palette {
    /// The palette before anything is typed.
    pub fn of(entries: Vec<PaletteEntry>) -> Self {
        let matches = entries.iter().take(MATCHES).cloned().collect();
        Self { query: Field::default(), entries, matches, selected: 0 }
    }

    fn choose(&self) -> Vec<Next> {
        let Some(entry) = self.matches.get(self.selected) else {
            return vec![Next::Say("nothing matches".to_owned())];
        };
        match &entry.disabled {
            // It stays open: one more letter may find an entry that can act.
            Some(reason) if !matches!(entry.command, PaletteCommand::Link(_)) => vec![Next::Say(reason.clone())],
            Some(_) | None => vec![Next::Close, Next::Choose(entry.command.clone())],
        }
    }

    /// How a match ranks before the letters count: exact names, commands that begin so, symbols that begin so, the rest.
    fn rank(&self, index: usize, typed: &str) -> u8 {
        const EXACT: u8 = 0;
        const COMMAND: u8 = 1;
        const SYMBOL: u8 = 2;
        const REST: u8 = 3;
        let Some(entry) = self.entries.get(index).filter(|_| !typed.is_empty()) else { return REST };
        let begins = |name: &str, rank| match name.to_ascii_uppercase().strip_prefix(typed) {
            Some("") => EXACT,
            Some(_) => rank,
            None => REST,
        };
        match &entry.command {
            PaletteCommand::Symbol(symbol) => begins(symbol.as_str(), SYMBOL),
            // Cells are found by title, not by content.
            PaletteCommand::Copy(_, title) => begins(title, SYMBOL),
            PaletteCommand::Act(_) | PaletteCommand::ActIn(..) => {
                entry.words.iter().map(|words| begins(words, COMMAND)).min().unwrap_or(REST)
            }
            PaletteCommand::Theme(_) => begins(&entry.title, COMMAND),
            PaletteCommand::Link(_)
            | PaletteCommand::Show(_)
            | PaletteCommand::Column(..)
            | PaletteCommand::Sort(..)
            | PaletteCommand::Row(..)
            | PaletteCommand::Zone(_) => REST,
        }
    }
}

impl Handler for Palette {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Text]
    }

    fn place(&mut self, _: &Data<'_>) -> Place<'_> {
        Place::Row(&mut self.selected, self.matches.len())
    }

    fn act(&mut self, action: Action, _: isize, _: &Data<'_>) -> Option<Vec<Next>> {
        (action == Action::Accept).then(|| self.choose())
    }

    fn click(&mut self, row: usize, _: &Data<'_>) -> Vec<Next> {
        if row >= self.matches.len() {
            return Vec::new();
        }
        self.selected = row;
        self.choose()
    }

    fn field(&mut self) -> Option<&mut Field> {
        Some(&mut self.query)
    }

    fn typed(&mut self, data: &Data<'_>) {
        let texts: Vec<String> = self.entries.iter().map(PaletteEntry::searched).collect();
        let mut found = ranked(self.query.value(), texts.iter().map(String::as_str));
        let typed = self.query.value().trim().to_ascii_uppercase();
        found.sort_by_key(|index| self.rank(*index, &typed));
        self.matches = found.into_iter().take(MATCHES).filter_map(|index| self.entries.get(index).cloned()).collect();
        self.selected = 0;
        // A plain number is a row.
        let pane = data.focus;
        if let Some(row) = self.query.value().trim().parse::<usize>().ok().filter(|row| *row > 0 && pane.is_list()) {
            let title = format!("Go to row {row} of {}", pane.title());
            self.matches.insert(0, PaletteEntry::of(title, PaletteCommand::Row(pane, row), None));
        }
    }

    fn theme(&self) -> Option<Option<usize>> {
        let PaletteCommand::Theme(theme) = self.matches.get(self.selected)?.command else { return None };
        Some(theme)
    }

    fn gives_way_to_linking(&self) -> bool {
        true
    }
}

/// The indices of the texts that match, best first; all for an empty query. A text matches if it contains each word typed, or
/// if the word's letters begin words of the text or follow a letter that matched.
pub fn ranked<'a>(query: &str, texts: impl Iterator<Item = &'a str>) -> Vec<usize> {
    let atom = |word: &str, kind| Atom::new(word, CaseMatching::Ignore, Normalization::Smart, kind, false);
    let words: Vec<(Atom, Atom)> =
        query.split_whitespace().map(|word| (atom(word, AtomKind::Substring), atom(word, AtomKind::Fuzzy))).collect();
    let mut matcher = Matcher::new(Config::DEFAULT);
    let (mut buffer, mut places) = (Vec::new(), Vec::new());
    let mut scored: Vec<(u32, usize)> = Vec::new();
    for (index, text) in texts.enumerate() {
        let text = Utf32Str::new(text, &mut buffer);
        let mut score = |(whole, letters): &(Atom, Atom)| {
            places.clear();
            let score = letters.indices(text, &mut matcher, &mut places)?;
            let matches = whole.score(text, &mut matcher).is_some() || each_begins_or_follows(text, &places);
            matches.then_some(u32::from(score))
        };
        if let Some(score) = words.iter().map(&mut score).sum::<Option<u32>>() {
            scored.push((score, index));
        }
    }
    scored.sort_by_key(|(score, index)| (std::cmp::Reverse(*score), *index));
    scored.into_iter().map(|(_, index)| index).collect()
}

/// True if each of the letters at these places begins a word or follows another. Letters from the middles of words would match
/// nearly any text.
fn each_begins_or_follows(text: Utf32Str<'_>, places: &[u32]) -> bool {
    let chars: Vec<char> = text.chars().collect();
    places.iter().all(|place| {
        let Some(before) = place.checked_sub(1) else { return true };
        let begins = chars.get(before as usize).is_none_or(|ch| !ch.is_alphanumeric());
        begins || places.contains(&before)
    })
}
