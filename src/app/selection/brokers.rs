//! The Brokers pane: a linked account, a broker without a link, or *Add broker*.

use super::account::{cells, line, number};
use super::{Selection, refuse, require};
use crate::accounts::AccountState;
use crate::app::brokers::BrokerRow;
use crate::app::keymap::{Action, Reason};
use crate::app::model::Model;
use crate::app::overlays::{BrokerDetail, Next};
use crate::app::refresh;

/// The row selected in Brokers.
pub(super) struct Brokers;

/// The account of the row, or else the one shown.
fn copied(model: &Model) -> Option<&AccountState> {
    Brokers.account(model).or_else(|| model.shown_account())
}

impl Selection for Brokers {
    fn account<'a>(&self, model: &'a Model) -> Option<&'a AccountState> {
        match model.rows.brokers.selected.as_ref()? {
            BrokerRow::Linked(link) => model.accounts.get(link),
            BrokerRow::Unlinked(_) | BrokerRow::Add => None,
        }
    }

    fn may_open(&self, model: &Model) -> Result<(), Reason> {
        match &model.rows.brokers.selected {
            Some(BrokerRow::Unlinked(_)) => require(model.attempt().is_none(), "an account is already being linked"),
            Some(BrokerRow::Linked(_) | BrokerRow::Add) => Ok(()),
            None => refuse("there is no broker to open"),
        }
    }

    fn open(&self, model: &Model) -> Vec<Next> {
        vec![match model.rows.brokers.selected.clone() {
            Some(BrokerRow::Linked(link)) => Next::Open(BrokerDetail { link, scroll: 0 }.into()),
            Some(BrokerRow::Unlinked(broker)) => Next::Link(broker),
            Some(BrokerRow::Add) => Next::Act(Action::AddBroker),
            None => return Vec::new(),
        }]
    }

    fn may_copy(&self, model: &Model) -> Result<(), Reason> {
        require(matches!(model.rows.brokers.selected, Some(BrokerRow::Linked(_))), "the row has no account to copy")
    }

    fn id(&self, model: &Model) -> Option<(String, &'static str)> {
        copied(model).map(number)
    }

    fn lines(&self, model: &Model) -> Vec<String> {
        copied(model).map(line).into_iter().collect()
    }

    fn cells(&self, model: &Model) -> Vec<(&'static str, String)> {
        copied(model).map(cells).unwrap_or_default()
    }

    fn rebuild(&self, model: &mut Model) {
        refresh::brokers_changed(model);
    }
}
