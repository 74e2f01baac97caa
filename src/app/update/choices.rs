//! The choices that last until the next run: read from the model, and applied to it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::lists;
use crate::app::choices::{Choices, ListChoices};
use crate::app::columns::Column;
use crate::app::model::{AccountScope, Model, Pane};
use crate::app::refresh;
use crate::app::rows::ListState;

/// The current choices.
pub(super) fn of(model: &Model) -> Choices {
    let account = match &model.scope {
        AccountScope::One(link) => Some(link.clone()),
        AccountScope::None | AccountScope::All => None,
    };
    Choices {
        pane: Some(model.focus),
        account,
        all_accounts: model.scope == AccountScope::All,
        timezone: chosen_zone(model),
        theme: model.kept_theme.as_deref().map(str::to_owned),
        orders: kept(&model.rows.orders, Pane::Orders),
        positions: kept(&model.rows.positions, Pane::Positions),
        tape: kept(&model.rows.tape, Pane::Tape),
    }
}

/// Applies choices; what no longer exists is skipped. The account is selected once it is known.
pub(super) fn apply(choices: Choices, model: &mut Model) {
    if let Some(pane) = choices.pane {
        model.focus = pane;
    }
    chosen(&mut model.rows.orders, &choices.orders, Pane::Orders);
    chosen(&mut model.rows.positions, &choices.positions, Pane::Positions);
    chosen(&mut model.rows.tape, &choices.tape, Pane::Tape);
    if let Some(name) = &choices.timezone
        && let Some(zone) = model.program.zones.iter().position(|zone| *zone.name == **name)
    {
        show_times_in(model, zone);
    }
    model.kept_theme = choices.theme.map(Arc::from);
    model.theme = model.kept_theme.clone().filter(|_| !model.program.theme_given);
    model.chosen_scope = match choices.account {
        Some(link) => Some(AccountScope::One(link)),
        None if choices.all_accounts => Some(AccountScope::All),
        None => None,
    };
    refresh::rebuild_all(model);
    model.dirty = true;
}

/// Selects a time zone from those offered; false when it is not among them.
pub(super) fn show_times_in(model: &mut Model, index: usize) -> bool {
    let Some(zone) = model.program.zones.get(index).cloned() else { return false };
    (model.program.timezone, model.program.timezone_label) = (zone.zone, zone.label);
    lists::refilter(model);
    model.dirty = true;
    true
}

fn chosen_zone(model: &Model) -> Option<String> {
    let shown = |zone: &&crate::app::model::Zone| zone.label == model.program.timezone_label;
    let (place, zone) = model.program.zones.iter().enumerate().find(|(_, zone)| shown(zone))?;
    // The configured zone is not stored, so that a change of the configuration takes effect.
    (place > 0).then(|| zone.name.to_string())
}

fn kept<K>(list: &ListState<K>, pane: Pane) -> ListChoices {
    let title = |index: &usize| pane.columns().get(*index).map(|column| column.title.to_owned());
    ListChoices {
        sort: list.sort.as_ref().and_then(title),
        reversed: list.reversed,
        hidden: list.hidden.iter().filter_map(title).collect(),
    }
}

fn chosen<K>(list: &mut ListState<K>, choices: &ListChoices, pane: Pane) {
    // What cannot be sorted by cannot be hidden either.
    let offered = |column: &Column, wanted: &str| column.is_sortable() && column.title == wanted;
    let index = |wanted: &String| pane.columns().iter().position(|column| offered(column, wanted));
    list.sort = choices.sort.as_ref().and_then(index);
    // Without its sort column, there is no order to reverse.
    list.reversed = choices.reversed && (list.sort.is_some() || choices.sort.is_none());
    list.hidden = choices.hidden.iter().filter_map(index).collect::<BTreeSet<usize>>();
}
