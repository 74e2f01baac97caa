//! Fuzzy search: the command palette over actions, brokers, accounts and symbols, and the *Add broker* search.

use std::collections::BTreeSet;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use tui_input::Input as Field;

use super::{accounts, copies, linking, lists, notices};
use crate::app::availability::availability;
use crate::app::choices;
use crate::app::context;
use crate::app::effect::{Copied, Effect};
use crate::app::keymap::{Action, BINDINGS};
use crate::app::model::{AccountScope, Model, Overlay, PaletteCommand, PaletteEntry, Pane};
use crate::domain::{BrokerId, Symbol};

/// Most matches kept.
const MATCHES: usize = 100;
/// Most symbols offered.
const SYMBOLS: usize = 500;

/// Opens the palette with the cells of the selected row, to copy one.
pub(super) fn open_cells(model: &mut Model) {
    let made = |(title, text): (&'static str, String)| {
        entry(format!("{title}: {}", crate::domain::text::sanitize(&text)), PaletteCommand::Copy(text, title), None)
    };
    model.palette = copies::cells(model).into_iter().map(made).collect();
    let matches = model.palette.iter().take(MATCHES).cloned().collect();
    model.overlays.push(Overlay::Palette { query: Field::default(), matches, selected: 0 });
}

/// Opens the palette with the time zones.
pub(super) fn open_zones(model: &mut Model) {
    model.palette = zones(model);
    let matches = model.palette.iter().take(MATCHES).cloned().collect();
    model.overlays.push(Overlay::Palette { query: Field::default(), matches, selected: 0 });
}

fn zones(model: &Model) -> Vec<PaletteEntry> {
    let made = |(place, zone): (usize, &crate::app::model::Zone)| {
        entry(
            format!("Times in {}, {}", zone.label, zone.name),
            PaletteCommand::Zone(place),
            (zone.label == model.program.timezone_label).then(|| "shown now".to_owned()),
        )
    };
    model.program.zones.iter().enumerate().map(made).collect()
}

/// Opens the palette with everything that can be done from here.
pub(super) fn open(model: &mut Model) {
    model.palette = entries(model);
    let matches = model.palette.iter().take(MATCHES).cloned().collect();
    model.overlays.push(Overlay::Palette { query: Field::default(), matches, selected: 0 });
}

/// An entry without additional search words.
const fn entry(title: String, command: PaletteCommand, disabled: Option<String>) -> PaletteEntry {
    PaletteEntry { title, words: String::new(), key: String::new(), command, disabled }
}

/// The actions of the scopes in force, then those of the other panes.
fn actions_of(model: &Model) -> Vec<PaletteEntry> {
    let mut entries = Vec::new();
    let mut known = BTreeSet::new();
    let here = context::scopes(model);
    let panes = Pane::ALL.map(|pane| (Some(pane), pane.scope()));
    let elsewhere = panes.into_iter().filter(|(_, scope)| !here.contains(scope));
    let scopes: Vec<_> = here.iter().map(|scope| (None, *scope)).chain(elsewhere).collect();
    for (pane, scope) in scopes {
        let rows =
            BINDINGS.iter().enumerate().filter(|(_, binding)| binding.scope == scope && is_command(binding.action));
        for (row, binding) in rows {
            // Enter depends on what is selected in the other pane, so it is not offered.
            let wanted = pane.is_none() || binding.action != Action::Detail;
            if !wanted || !known.insert(binding.action) {
                continue;
            }
            let help = binding.help.trim_end_matches('.');
            let (title, command, disabled) = match pane {
                None => {
                    let disabled = availability(binding.action, model).err().map(|reason| reason.0);
                    (help.to_owned(), PaletteCommand::Act(binding.action), disabled)
                }
                // Whether it can act is checked there.
                Some(pane) => (format!("{}: {help}", pane.title()), PaletteCommand::ActIn(pane, binding.action), None),
            };
            let key = model.keymap.chords_of(row).first().filter(|_| pane.is_none()).map(ToString::to_string);
            let words = format!("{} {}", binding.label, binding.name.rsplit('.').next().unwrap_or_default());
            entries.push(PaletteEntry { title, words, key: key.unwrap_or_default(), command, disabled });
        }
    }
    entries
}

fn entries(model: &Model) -> Vec<PaletteEntry> {
    let mut entries = actions_of(model);
    for account in &model.accounts {
        let link = &account.link;
        entries.push(entry(
            format!("Show {}, {}, {}", link.label, link.account_number, link.environment),
            PaletteCommand::Show(AccountScope::One(link.id.clone())),
            None,
        ));
    }
    if model.accounts.len() > 1 {
        entries.push(entry("Show all accounts".to_owned(), PaletteCommand::Show(AccountScope::All), None));
    }
    for broker in &model.brokers {
        entries.push(entry(
            format!("Link {}", broker.name),
            PaletteCommand::Link(broker.id.clone()),
            broker.missing.clone(),
        ));
    }
    entries.extend(lists::columns(model).into_iter().map(|(pane, column, title, hidden)| {
        entry(
            format!("{} the column {title} of {}", if hidden { "Show" } else { "Hide" }, pane.title()),
            PaletteCommand::Column(pane, column),
            None,
        )
    }));
    entries.extend(lists::sort_columns(model).into_iter().map(|(pane, column, title)| {
        entry(format!("Sort {} by {title}", pane.title()), PaletteCommand::Sort(pane, column), None)
    }));
    entries.extend(zones(model));
    entries.extend(symbols(model).into_iter().map(|symbol| {
        entry(
            format!("Symbol {}", crate::domain::text::sanitize(symbol.as_str())),
            PaletteCommand::Symbol(symbol),
            None,
        )
    }));
    entries
}

/// Whether the palette offers an action; actions that only move about are left out.
const fn is_command(action: Action) -> bool {
    !matches!(
        action,
        Action::Down
            | Action::Up
            | Action::Top
            | Action::Bottom
            | Action::HalfPageDown
            | Action::HalfPageUp
            | Action::PageDown
            | Action::PageUp
            | Action::NextPane
            | Action::PrevPane
            | Action::Palette
            | Action::Back
            | Action::ForceQuit
            | Action::Count
    )
}

fn symbols(model: &Model) -> BTreeSet<Symbol> {
    let mut symbols = BTreeSet::new();
    for account in model.shown_accounts() {
        let held = account.held().map(|position| &position.symbol);
        let working = account.blotter.working().map(|order| &order.symbol);
        let recent = account.blotter.orders().rev().take(SYMBOLS).map(|order| &order.symbol);
        symbols.extend(
            held.chain(working).chain(recent).filter(|symbol| !symbol.as_str().is_empty()).take(SYMBOLS).cloned(),
        );
    }
    symbols
}

/// The palette's query changed.
pub(super) fn search(model: &mut Model) {
    let Some(Overlay::Palette { query, matches, selected }) = model.overlays.last_mut() else { return };
    let texts: Vec<String> = model.palette.iter().map(|entry| format!("{} {}", entry.title, entry.words)).collect();
    let mut found = ranked(query.value(), texts.iter().map(String::as_str));
    // A symbol's prefix ranks highest, wherever else the letters occur; then the name of an action.
    let typed = query.value().trim().to_ascii_uppercase();
    found.sort_by_key(|index| {
        let Some(entry) = model.palette.get(*index).filter(|_| !typed.is_empty()) else { return 2 };
        let begins = |word: &str| word.to_ascii_uppercase().starts_with(&typed);
        match &entry.command {
            PaletteCommand::Symbol(symbol) if begins(symbol.as_str()) => 0,
            // Cells are found by title, not by content.
            PaletteCommand::Copy(_, title) if begins(title) => 0,
            PaletteCommand::Act(_) | PaletteCommand::ActIn(..) if begins(&entry.words) => 1,
            PaletteCommand::Act(_)
            | PaletteCommand::ActIn(..)
            | PaletteCommand::Link(_)
            | PaletteCommand::Show(_)
            | PaletteCommand::Symbol(_)
            | PaletteCommand::Column(..)
            | PaletteCommand::Sort(..)
            | PaletteCommand::Row(..)
            | PaletteCommand::Zone(_)
            | PaletteCommand::Copy(..) => 2,
        }
    });
    *matches = found.into_iter().take(MATCHES).filter_map(|index| model.palette.get(index).cloned()).collect();
    *selected = 0;
    // A plain number is a row.
    let pane = model.focus;
    if let Some(row) = query.value().trim().parse::<usize>().ok().filter(|row| *row > 0 && pane.is_list()) {
        let title = format!("Go to row {row} of {}", pane.title());
        matches.insert(0, entry(title, PaletteCommand::Row(pane, row), None));
    }
}

/// Runs what was chosen in the palette; actions are left to the caller.
pub(super) fn choose(model: &mut Model, effects: &mut Vec<Effect>) -> Option<Action> {
    let chosen = match model.top() {
        Some(Overlay::Palette { matches, selected, .. }) => matches.get(*selected).cloned(),
        _ => None,
    };
    let Some(entry) = chosen else {
        notices::toast(model, "nothing matches");
        return None;
    };
    if let Some(reason) = entry.disabled
        && !matches!(entry.command, PaletteCommand::Link(_))
    {
        // Keep the palette open: one more letter may find an entry that can act.
        notices::toast(model, reason);
        return None;
    }
    model.overlays.pop();
    match entry.command {
        PaletteCommand::Act(action) => return Some(action),
        PaletteCommand::ActIn(pane, action) => {
            model.focus = pane;
            return Some(action);
        }
        PaletteCommand::Link(broker) => linking::begin(model, &broker, effects),
        PaletteCommand::Column(pane, column) => lists::toggle_column(model, pane, column),
        PaletteCommand::Sort(pane, column) => lists::sort_by(model, pane, column),
        PaletteCommand::Zone(place) => {
            if choices::show_times_in(model, place) {
                let text = format!("all times are now in {}", model.program.timezone_label);
                notices::toast(model, text);
            }
        }
        PaletteCommand::Row(pane, row) => lists::select(model, pane, row.saturating_sub(1)),
        PaletteCommand::Copy(text, what) => {
            effects.push(Effect::Copy { text: Copied::new(&text), what: what.to_owned() });
        }
        PaletteCommand::Show(scope) => accounts::set_scope(model, scope),
        PaletteCommand::Symbol(symbol) => {
            model.focus = Pane::Orders;
            lists::set_filter(model, Pane::Orders, format!("symbol:{symbol}"));
        }
    }
    None
}

/// Opens the *Add broker* search.
pub(super) fn open_brokers(model: &mut Model) {
    let matches = model.brokers.iter().map(|broker| broker.id.clone()).collect();
    model.overlays.retain(|overlay| !matches!(overlay, Overlay::Welcome));
    model.overlays.push(Overlay::AddBroker { query: Field::default(), matches, selected: 0 });
}

/// Its query changed.
pub(super) fn search_brokers(model: &mut Model) {
    let Some(Overlay::AddBroker { query, matches, selected }) = model.overlays.last_mut() else { return };
    let names: Vec<String> = model.brokers.iter().map(|broker| format!("{} {}", broker.name, broker.id)).collect();
    let found = ranked(query.value(), names.iter().map(String::as_str));
    *matches = found.into_iter().filter_map(|index| model.brokers.get(index).map(|broker| broker.id.clone())).collect();
    *selected = 0;
}

/// Starts linking through the chosen broker.
pub(super) fn choose_broker(model: &mut Model, effects: &mut Vec<Effect>) {
    let chosen: Option<BrokerId> = match model.top() {
        Some(Overlay::AddBroker { matches, selected, .. }) => matches.get(*selected).cloned(),
        _ => None,
    };
    match chosen {
        Some(broker) => linking::begin(model, &broker, effects),
        None => notices::toast(model, "no broker matches; add one under [[brokers]] in the configuration"),
    }
}

/// The indices of the texts that match, best first; all for an empty query.
fn ranked<'a>(query: &str, texts: impl Iterator<Item = &'a str>) -> Vec<usize> {
    let pattern = Pattern::parse(query, CaseMatching::Smart, Normalization::Smart);
    let mut matcher = Matcher::new(Config::DEFAULT);
    let mut buffer = Vec::new();
    let mut scored: Vec<(u32, usize)> = texts
        .enumerate()
        .filter_map(|(index, text)| Some((pattern.score(Utf32Str::new(text, &mut buffer), &mut matcher)?, index)))
        .collect();
    scored.sort_by_key(|(score, index)| (std::cmp::Reverse(*score), *index));
    scored.into_iter().map(|(_, index)| index).collect()
}
