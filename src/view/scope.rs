//! Which accounts are shown, whether that is real money, and how fresh the data is.

use std::time::Duration;

use jiff::Timestamp;

use crate::accounts::AccountState;
use crate::app::Model;
use crate::app::model::{AccountScope, Pane};
use crate::domain::{Environment, LinkId};

/// The kind of account in a pane; decides its frame and tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It concerns no account.
    Neutral,
    /// Only paper accounts.
    Paper,
    /// Only live accounts.
    Live,
    /// Both; framed as live.
    Mixed,
}

impl Kind {
    /// The kind of one account.
    pub(super) const fn of(environment: Environment) -> Self {
        match environment {
            Environment::Paper => Self::Paper,
            Environment::Live => Self::Live,
        }
    }

    /// Whether real money is shown.
    pub(super) const fn is_live(self) -> bool {
        matches!(self, Self::Live | Self::Mixed)
    }
}

/// An account by its link.
pub(super) fn account<'a>(model: &'a Model, link: &LinkId) -> Option<&'a AccountState> {
    model.accounts.iter().find(|account| account.link.id == *link)
}

/// The one account shown, if there is exactly one.
pub(super) fn single(model: &Model) -> Option<&AccountState> {
    match &model.scope {
        AccountScope::One(link) => account(model, link),
        AccountScope::None | AccountScope::All => None,
    }
}

/// The accounts shown.
pub(super) fn shown(model: &Model) -> impl Iterator<Item = &AccountState> {
    model.accounts.iter().filter(|account| match &model.scope {
        AccountScope::None => false,
        AccountScope::One(link) => account.link.id == *link,
        AccountScope::All => true,
    })
}

/// The kind of the accounts shown.
pub(super) fn kind(model: &Model) -> Kind {
    shown(model).map(|account| Kind::of(account.link.environment)).fold(Kind::Neutral, |all, one| match all {
        Kind::Neutral => one,
        same if same == one => same,
        _ => Kind::Mixed,
    })
}

/// The age of an account's data, ordered from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Age {
    /// As fresh as its rhythm allows.
    Current,
    /// Stale: its oldest answer has this age.
    Old(Duration),
    /// From the journal of an earlier run.
    AsOf(Timestamp),
    /// It was never fetched.
    Unknown,
}

/// The age of what a pane shows of an account.
pub(super) fn age_of(account: &AccountState, pane: Pane, model: &Model) -> Age {
    let (parts, now) = (pane.parts(), model.now.mono);
    if account.is_current(parts, now) {
        return Age::Current;
    }
    match (account.good_at(parts, now), account.remembered_at) {
        (Some(good), _) => Age::Old(now.since(good.mono)),
        (None, Some(at)) if pane.is_journaled() => Age::AsOf(at),
        (None, _) => Age::Unknown,
    }
}

/// The account number for lists. Of a live one only the ends are shown, to keep it from onlookers.
pub(super) fn shown_number(account: &AccountState, mask: char) -> String {
    let number = super::draw_context::clean(&account.link.account_number).into_owned();
    if account.link.environment == Environment::Paper || number.chars().count() < 6 {
        return number;
    }
    let length = number.chars().count();
    let ends = |index: usize| index == 0 || index + 3 >= length;
    number.chars().enumerate().map(|(index, ch)| if ends(index) { ch } else { mask }).collect()
}
