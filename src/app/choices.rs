//! Choices on the screen that last until the next run: sorting, hidden columns, pane, account, time zone.
//!
//! Columns are stored by title, so that a version with other columns drops only those that are gone.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::columns::Column;
use super::model::{AccountScope, Model, Pane};
use super::refresh;
use crate::app::rows::ListState;
use crate::domain::LinkId;

/// The choices, in the form of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choices {
    /// The focused pane.
    pub pane: Option<Pane>,
    /// The account shown; `None` when all are shown.
    pub account: Option<LinkId>,
    /// Whether all accounts are shown together.
    pub all_accounts: bool,
    /// The time zone by name; `None` for the configured one.
    pub timezone: Option<String>,
    /// The Orders pane.
    pub orders: ListChoices,
    /// The Positions pane.
    pub positions: ListChoices,
    /// The Tape pane.
    pub tape: ListChoices,
}

/// The choices of one list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListChoices {
    /// The title of the sort column.
    pub sort: Option<String>,
    /// Whether the order is reversed.
    pub reversed: bool,
    /// Titles of hidden columns.
    pub hidden: Vec<String>,
}

impl Choices {
    /// The current choices.
    pub fn of(model: &Model) -> Self {
        let account = match &model.scope {
            AccountScope::One(link) => Some(link.clone()),
            AccountScope::None | AccountScope::All => None,
        };
        Self {
            pane: Some(model.focus),
            account,
            all_accounts: model.scope == AccountScope::All,
            timezone: chosen_zone(model),
            orders: kept(&model.rows.orders, Pane::Orders),
            positions: kept(&model.rows.positions, Pane::Positions),
            tape: kept(&model.rows.tape, Pane::Tape),
        }
    }

    /// Applies the choices; what no longer exists is skipped. The account is selected once it is known.
    pub(super) fn apply(self, model: &mut Model) {
        if let Some(pane) = self.pane {
            model.focus = pane;
        }
        chosen(&mut model.rows.orders, &self.orders, Pane::Orders);
        chosen(&mut model.rows.positions, &self.positions, Pane::Positions);
        chosen(&mut model.rows.tape, &self.tape, Pane::Tape);
        if let Some(name) = &self.timezone
            && let Some(zone) = model.program.zones.iter().position(|zone| *zone.name == **name)
        {
            show_times_in(model, zone);
        }
        model.chosen_scope = match self.account {
            Some(link) => Some(AccountScope::One(link)),
            None if self.all_accounts => Some(AccountScope::All),
            None => None,
        };
        refresh::rebuild_all(model);
        model.dirty = true;
    }
}

/// Selects a time zone from those offered; false when it is not among them.
pub(super) fn show_times_in(model: &mut Model, index: usize) -> bool {
    let Some(zone) = model.program.zones.get(index).cloned() else { return false };
    (model.program.timezone, model.program.timezone_label) = (zone.zone, zone.label);
    model.dirty = true;
    true
}

fn chosen_zone(model: &Model) -> Option<String> {
    let shown = |zone: &&super::model::Zone| zone.label == model.program.timezone_label;
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
