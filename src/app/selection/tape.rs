//! The Tape pane: the selected line, or else the newest.

use super::{Selection, filled, listed};
use crate::accounts::{AccountState, OrderKey, brief};
use crate::app::columns::TapeColumn;
use crate::app::keymap::Reason;
use crate::app::model::{Model, Pane};
use crate::app::overlays::{Next, OrderDetail};
use crate::app::refresh;

/// The selected line, or else the newest.
pub(super) struct Tape;

impl Selection for Tape {
    fn account<'a>(&self, model: &'a Model) -> Option<&'a AccountState> {
        model.tape_line().map(|(account, _)| account).or_else(|| model.shown_account())
    }

    fn may_open(&self, model: &Model) -> Result<(), Reason> {
        listed(model, Pane::Tape, "no events")
    }

    fn open(&self, model: &Model) -> Vec<Next> {
        let key = model
            .tape_line()
            .map(|(account, entry)| OrderKey { link: account.link.id.clone(), order: entry.order_id.clone() });
        key.map(|key| Next::Open(OrderDetail::of(key).into())).into_iter().collect()
    }

    fn may_copy(&self, model: &Model) -> Result<(), Reason> {
        listed(model, Pane::Tape, "there is no row to copy")
    }

    fn id(&self, model: &Model) -> Option<(String, &'static str)> {
        let (_, entry) = model.tape_line()?;
        Some(match &entry.execution {
            Some(execution) => (execution.to_string(), "execution id"),
            None => (entry.order_id.to_string(), "order id"),
        })
    }

    fn lines(&self, model: &Model) -> Vec<String> {
        let line = model.tape_line().map(|(account, entry)| {
            let order = account.blotter.order(&entry.order_id).map(brief).unwrap_or_default();
            let at = entry.at.map_or_else(|| "--".to_owned(), |at| at.to_string());
            format!("{at}\t{}\t{order}\t{}", entry.event, entry.order_id)
        });
        line.into_iter().collect()
    }

    fn cells(&self, model: &Model) -> Vec<(&'static str, String)> {
        let Some((account, entry)) = model.tape_line() else { return Vec::new() };
        let columns = TapeColumn::ALL.map(|column| (column.title(), column.copied(account, entry)));
        let ids = [
            ("Execution id", entry.execution.as_ref().map(ToString::to_string)),
            ("Order id", Some(entry.order_id.to_string())),
        ];
        filled(columns).chain(filled(ids)).collect()
    }

    fn rebuild(&self, model: &mut Model) {
        refresh::rebuild_tape(model);
    }
}
