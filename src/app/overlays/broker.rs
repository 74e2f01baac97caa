//! One link in detail: connection history, scopes, where the token is stored.

use super::{Data, Handler, Next, Place};
use crate::app::keymap::{Action, Reason, Scope};
use crate::domain::LinkId;
use crate::domain::text::clean;

/// One link in detail.
#[derive(Debug, Clone)]
pub struct BrokerDetail {
    pub link: LinkId,
    /// First visible line.
    pub scroll: usize,
}

impl Handler for BrokerDetail {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Overlay]
    }

    fn place(&mut self, _: &Data<'_>) -> Place<'_> {
        Place::Scroll(&mut self.scroll)
    }

    fn available(&self, action: Action, _: &Data<'_>) -> Option<Result<(), Reason>> {
        (action == Action::Copy).then_some(Ok(()))
    }

    fn act(&mut self, action: Action, _: isize, data: &Data<'_>) -> Option<Vec<Next>> {
        (action == Action::Copy).then(|| {
            let account = data.accounts.get(&self.link);
            account
                .map(|account| Next::copy(&clean(&account.link.account_number), "account number"))
                .unwrap_or_default()
        })
    }
}
