//! The Positions pane: the selected position.

use super::{Selection, filled, listed};
use crate::accounts::AccountState;
use crate::app::columns::PositionColumn;
use crate::app::keymap::Reason;
use crate::app::model::{Model, Pane};
use crate::app::overlays::{Next, PositionDetail};
use crate::app::refresh;
use crate::domain::Position;

/// The selected position.
pub(super) struct Positions;

impl Selection for Positions {
    fn account<'a>(&self, model: &'a Model) -> Option<&'a AccountState> {
        match &model.rows.positions.selected {
            Some(key) => model.accounts.get(&key.link),
            None => model.shown_account(),
        }
    }

    fn may_open(&self, model: &Model) -> Result<(), Reason> {
        listed(model, Pane::Positions, "there is no position to open")
    }

    fn open(&self, model: &Model) -> Vec<Next> {
        let key = model.rows.positions.selected.clone();
        key.map(|key| Next::Open(PositionDetail { key, scroll: 0 }.into())).into_iter().collect()
    }

    fn may_copy(&self, model: &Model) -> Result<(), Reason> {
        listed(model, Pane::Positions, "there is no row to copy")
    }

    fn id(&self, model: &Model) -> Option<(String, &'static str)> {
        model.rows.positions.selected.as_ref().map(|key| (key.symbol.to_string(), "symbol"))
    }

    fn lines(&self, model: &Model) -> Vec<String> {
        let position = model.rows.positions.selected.as_ref().and_then(|key| model.accounts.position(key));
        position.map(line).into_iter().collect()
    }

    fn cells(&self, model: &Model) -> Vec<(&'static str, String)> {
        let Some(key) = &model.rows.positions.selected else { return Vec::new() };
        let Some((account, position)) = model.accounts.get(&key.link).zip(model.accounts.position(key)) else {
            return Vec::new();
        };
        filled(PositionColumn::ALL.map(|column| (column.title(), column.copied(account, position)))).collect()
    }

    fn rebuild(&self, model: &mut Model) {
        refresh::rebuild_positions(model);
    }
}

fn line(position: &Position) -> String {
    let figures = [
        position.qty.map(|qty| qty.to_string()),
        position.avg_px.map(|px| px.to_string()),
        position.last_px.map(|px| px.to_string()),
        position.market_value.map(|value| value.to_string()),
        position.unrealized_pl.map(|value| value.to_string()),
    ];
    let figures = figures.map(|figure| figure.unwrap_or_else(|| "--".to_owned()));
    format!("{}\t{}", position.symbol, figures.join("\t"))
}
