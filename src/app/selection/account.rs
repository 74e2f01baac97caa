//! The Account pane: the account shown.

use super::{Selection, filled, refuse, require};
use crate::accounts::{AccountState, Period};
use crate::app::keymap::Reason;
use crate::app::model::{AccountScope, Model};
use crate::app::overlays::{EquityChart, Next};
use crate::domain::text::clean;

/// The account shown.
pub(super) struct Account;

impl Selection for Account {
    fn account<'a>(&self, model: &'a Model) -> Option<&'a AccountState> {
        model.shown_account()
    }

    fn may_open(&self, model: &Model) -> Result<(), Reason> {
        match model.scope {
            AccountScope::One(_) => Ok(()),
            AccountScope::None => refuse("no account is linked; {brokers.add} in Brokers links one"),
            AccountScope::All => refuse(
                "paper and live are never added up; {global.prev_account} and {global.next_account} choose one account",
            ),
        }
    }

    fn open(&self, model: &Model) -> Vec<Next> {
        let Some(link) = model.shown_account().map(|account| account.link.id.clone()) else { return Vec::new() };
        let period = Period::Day;
        let chart = EquityChart { link: link.clone(), period, cursor: None };
        vec![Next::AskCurve(link, period), Next::Open(chart.into())]
    }

    fn may_copy(&self, model: &Model) -> Result<(), Reason> {
        require(model.shown_account().is_some(), "no account is shown")
    }

    fn id(&self, model: &Model) -> Option<(String, &'static str)> {
        model.shown_account().map(number)
    }

    fn lines(&self, model: &Model) -> Vec<String> {
        model.shown_account().map(line).into_iter().collect()
    }

    fn cells(&self, model: &Model) -> Vec<(&'static str, String)> {
        model.shown_account().map(cells).unwrap_or_default()
    }

    fn rebuild(&self, _: &mut Model) {}
}

/// An account's number.
pub(super) fn number(account: &AccountState) -> (String, &'static str) {
    (clean(&account.link.account_number).into_owned(), "account number")
}

/// An account as a line.
pub(super) fn line(account: &AccountState) -> String {
    let link = &account.link;
    format!("{}\t{}\t{}\t{}", clean(&link.label), clean(&link.account_number), link.environment, account.state())
}

/// An account's cells.
pub(super) fn cells(account: &AccountState) -> Vec<(&'static str, String)> {
    let figures = account.account.as_ref().map(|dated| &dated.value);
    let cells = [
        ("Account", Some(clean(&account.link.label).into_owned())),
        ("Number", Some(clean(&account.link.account_number).into_owned())),
        ("Equity", figures.and_then(|figures| figures.equity).map(|value| value.to_string())),
        ("Buying power", figures.and_then(|figures| figures.buying_power).map(|value| value.to_string())),
        ("Cash", figures.and_then(|figures| figures.cash).map(|value| value.to_string())),
    ];
    filled(cells).collect()
}
