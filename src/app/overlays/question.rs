//! A question that needs a confirmation.

use super::{Asked, Data, Handler, Next};
use crate::accounts::{AccountState, OrderKey};
use crate::app::keymap::{Action, Scope};
use crate::domain::LinkId;

/// A question that needs a confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// Unlink: forget the token of this link?
    Unlink(LinkId),
    /// Ask the broker to cancel these orders?
    Cancel(Vec<OrderKey>),
    /// Ask the broker to cancel these orders, which are all that work?
    CancelAll(Vec<OrderKey>),
}

impl Handler for Question {
    fn scopes(&self) -> &'static [Scope] {
        match self {
            Self::Unlink(_) | Self::CancelAll(_) => &[Scope::DestructiveQuestion],
            Self::Cancel(_) => &[Scope::Confirm],
        }
    }

    fn act(&mut self, action: Action, _: isize, _: &Data<'_>) -> Option<Vec<Next>> {
        (action == Action::Decline).then(|| vec![Next::Close])
    }

    fn asked(&self) -> Option<Asked> {
        Some(Asked::Question(self.clone()))
    }

    fn still_asks(&self, asked: &Asked) -> bool {
        matches!(asked, Asked::Question(question) if question == self)
    }

    fn live(&self, data: &Data<'_>) -> Option<&'static str> {
        let (Self::Cancel(orders) | Self::CancelAll(orders)) = self else { return None };
        let live = |key: &OrderKey| data.accounts.get(&key.link).is_some_and(AccountState::is_live_account);
        orders.iter().any(live).then_some("the order is on a LIVE account")
    }

    fn confirmed(&mut self, _: &Data<'_>) -> Vec<Next> {
        let next = match self {
            Self::Unlink(link) => Next::Unlink(link.clone()),
            Self::Cancel(keys) | Self::CancelAll(keys) => Next::Cancel(keys.clone()),
        };
        vec![Next::Close, next]
    }
}
