//! The command palette: collects its entries over actions, brokers, accounts and symbols, and runs what was chosen.

use std::collections::BTreeSet;

use super::{accounts, choices, linking, lists, notices};
use crate::app::availability::availability;
use crate::app::context;
use crate::app::effect::{Copied, Effect, TerminalEffect};
use crate::app::keymap::{Action, BINDINGS, Binding};
use crate::app::model::{AccountScope, Model, Pane};
use crate::app::overlays::{Palette, PaletteCommand, PaletteEntry};
use crate::app::selection;
use crate::domain::Symbol;

/// Most symbols offered.
const SYMBOLS: usize = 500;

/// Opens the palette with the cells of the selected row, to copy one.
pub(super) fn open_cells(model: &mut Model) {
    let made = |(title, text): (&'static str, String)| {
        PaletteEntry::of(
            format!("{title}: {}", crate::domain::text::sanitize(&text)),
            PaletteCommand::Copy(text, title),
            None,
        )
    };
    let entries = selection::of(model.focus).cells(model).into_iter().map(made).collect();
    model.overlays.push(Palette::of(entries).into());
}

/// Opens the palette with the time zones.
pub(super) fn open_zones(model: &mut Model) {
    model.overlays.push(Palette::of(zones(model)).into());
}

fn zones(model: &Model) -> Vec<PaletteEntry> {
    let made = |(place, zone): (usize, &crate::app::model::Zone)| {
        PaletteEntry::of(
            format!("Times in {}, {}", zone.label, zone.name),
            PaletteCommand::Zone(place),
            (zone.label == model.program.timezone_label).then(|| "shown now".to_owned()),
        )
    };
    model.program.zones.iter().enumerate().map(made).collect()
}

fn themes(model: &Model) -> Vec<PaletteEntry> {
    let now = |name: Option<&str>| (model.theme.as_deref() == name).then(|| "shown now".to_owned());
    let configured = ("Theme of the configuration".to_owned(), PaletteCommand::Theme(None), now(None));
    let named = model
        .program
        .themes
        .iter()
        .enumerate()
        .map(|(place, name)| (format!("Theme {name}"), PaletteCommand::Theme(Some(place)), now(Some(name))));
    let all = named.chain(std::iter::once(configured)).filter(|_| !model.program.themes.is_empty());
    all.map(|(title, command, disabled)| PaletteEntry::of(title, command, disabled)).collect()
}

/// Opens the palette with everything that can be done from here.
pub(super) fn open(model: &mut Model) {
    model.overlays.push(Palette::of(entries(model)).into());
}

/// Opens the palette with what can be done with the selected row.
pub(super) fn open_menu(model: &mut Model) {
    let pane = model.focus.scope();
    let concerns_row = |entry: &PaletteEntry| {
        let PaletteCommand::Act(action) = entry.command else { return false };
        // Canceling all concerns no row.
        let of_pane =
            |binding: &&Binding| binding.scope == pane && binding.action == action && action != Action::CancelAll;
        let copies = matches!(action, Action::Copy | Action::CopyRow | Action::CopyCell);
        (copies && model.focus.is_list()) || BINDINGS.iter().any(|binding| of_pane(&binding))
    };
    let mut entries = actions_of(model);
    entries.retain(concerns_row);
    // What cannot act now is shown with the reason, below what can.
    entries.sort_by_key(|entry| entry.disabled.is_some());
    model.overlays.push(Palette::of(entries).into());
}

/// The actions of the active scopes, then those of the other panes.
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
            let name = binding.name.rsplit('.').next().unwrap_or_default();
            let words = vec![binding.label.to_owned(), name.replace('_', " ")];
            entries.push(PaletteEntry { title, words, about: "", key: key.unwrap_or_default(), command, disabled });
        }
    }
    entries
}

fn entries(model: &Model) -> Vec<PaletteEntry> {
    let mut entries = actions_of(model);
    for account in &model.accounts {
        let link = &account.link;
        entries.push(PaletteEntry::of(
            format!("Show {}, {}, {}", link.label, link.account_number, link.environment),
            PaletteCommand::Show(AccountScope::One(link.id.clone())),
            None,
        ));
    }
    if model.accounts.len() > 1 {
        entries.push(PaletteEntry::of("Show all accounts".to_owned(), PaletteCommand::Show(AccountScope::All), None));
    }
    for broker in &model.brokers {
        entries.push(PaletteEntry::of(
            format!("Link {}", broker.name),
            PaletteCommand::Link(broker.id.clone()),
            broker.missing.clone(),
        ));
    }
    entries.extend(lists::columns(model).into_iter().map(|(pane, index, column, hidden)| {
        let verb = if hidden { "Show" } else { "Hide" };
        let title = format!("{verb} the column {} of {}", column.title, pane.title());
        PaletteEntry { about: column.help, ..PaletteEntry::of(title, PaletteCommand::Column(pane, index), None) }
    }));
    entries.extend(lists::sort_columns(model).into_iter().map(|(pane, index, column)| {
        let title = format!("Sort {} by {}", pane.title(), column.title);
        PaletteEntry { about: column.help, ..PaletteEntry::of(title, PaletteCommand::Sort(pane, index), None) }
    }));
    entries.extend(zones(model));
    entries.extend(themes(model));
    entries.extend(symbols(model).into_iter().map(|symbol| {
        PaletteEntry::of(
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
            | Action::Menu
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

/// Runs what was chosen; an action is left to the caller.
pub(super) fn choose(model: &mut Model, chosen: PaletteCommand, effects: &mut Vec<Effect>) -> Option<Action> {
    match chosen {
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
        PaletteCommand::Theme(place) => {
            model.theme = place.and_then(|place| model.program.themes.get(place)).cloned();
            model.kept_theme.clone_from(&model.theme);
            model.dirty = true;
        }
        PaletteCommand::Row(pane, row) => lists::select(model, pane, row.saturating_sub(1)),
        PaletteCommand::Copy(text, what) => {
            effects.push(Effect::Terminal(TerminalEffect::Copy { text: Copied::new(&text), what: what.to_owned() }));
        }
        PaletteCommand::Show(scope) => accounts::set_scope(model, scope),
        PaletteCommand::Symbol(symbol) => {
            model.focus = Pane::Orders;
            model.last_filter = format!("symbol:{symbol}");
            lists::set_filter(model, Pane::Orders, model.last_filter.clone());
        }
    }
    None
}
