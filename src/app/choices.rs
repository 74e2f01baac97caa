//! What the owner chose on the screen and finds again next time: sorting, hidden columns, the pane and account shown.
//!
//! Columns are kept by title, so that a new version with other columns forgets only what is gone.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::columns::{OrderColumn, PositionColumn, TapeColumn};
use super::model::{AccountScope, Model, Pane};
use super::refresh;
use crate::app::rows::ListState;
use crate::domain::LinkId;

/// The choices, as plain data for a small file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choices {
    /// The pane with the keys.
    pub pane: Option<Pane>,
    /// The one account shown; `None` with all of them.
    pub account: Option<LinkId>,
    /// All accounts were shown together.
    pub all_accounts: bool,
    /// The zone of every time shown, by its name; `None` for the configured one.
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
    /// The title of the column that sorts.
    pub sort: Option<String>,
    /// The other way round.
    pub reversed: bool,
    /// Titles of hidden columns.
    pub hidden: Vec<String>,
}

impl Choices {
    /// What is chosen now.
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
            orders: kept(&model.rows.orders, &OrderColumn::ALL.map(OrderColumn::title)),
            positions: kept(&model.rows.positions, &PositionColumn::ALL.map(PositionColumn::title)),
            tape: kept(&model.rows.tape, &TapeColumn::ALL.map(TapeColumn::title)),
        }
    }

    /// Chooses the same again; what no longer exists is left out. The account is chosen once it is known.
    pub(super) fn apply(self, model: &mut Model) {
        if let Some(pane) = self.pane {
            model.focus = pane;
        }
        chosen(&mut model.rows.orders, &self.orders, &OrderColumn::ALL.map(OrderColumn::title));
        chosen(&mut model.rows.positions, &self.positions, &PositionColumn::ALL.map(PositionColumn::title));
        chosen(&mut model.rows.tape, &self.tape, &TapeColumn::ALL.map(TapeColumn::title));
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

/// Shows every time in one of the zones offered; false when there is no such.
pub(super) fn show_times_in(model: &mut Model, index: usize) -> bool {
    let Some(zone) = model.program.zones.get(index).cloned() else { return false };
    (model.program.timezone, model.program.timezone_label) = (zone.zone, zone.label);
    model.dirty = true;
    true
}

fn chosen_zone(model: &Model) -> Option<String> {
    let shown = |zone: &&super::model::Zone| zone.label == model.program.timezone_label;
    let (place, zone) = model.program.zones.iter().enumerate().find(|(_, zone)| shown(zone))?;
    // The configured one is not kept, so that a change of the configuration counts.
    (place > 0).then(|| zone.name.to_string())
}

fn kept<K>(list: &ListState<K>, titles: &[&str]) -> ListChoices {
    let title = |index: &usize| titles.get(*index).map(|title| (*title).to_owned());
    ListChoices {
        sort: list.sort.as_ref().and_then(title),
        reversed: list.reversed,
        hidden: list.hidden.iter().filter_map(title).collect(),
    }
}

fn chosen<K>(list: &mut ListState<K>, choices: &ListChoices, titles: &[&str]) {
    let index = |wanted: &String| titles.iter().position(|title| title == wanted);
    list.sort = choices.sort.as_ref().and_then(index);
    // A sort that is gone leaves nothing to turn round.
    list.reversed = choices.reversed && (list.sort.is_some() || choices.sort.is_none());
    list.hidden = choices.hidden.iter().filter_map(index).collect::<BTreeSet<usize>>();
}
