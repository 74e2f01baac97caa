//! Preconditions for every change at a broker, and the permit that proves that they held.
//!
//! A request that changes something needs a permit, and only the guard issues permits. Only the accounts layer builds a
//! guard, from what it knows itself (`tests/integration/layering.rs`); other crates cannot name it.

use super::{ConnectionState, Session};
use crate::domain::{Order, OrderId, OrderStatus};

/// What the guard checks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GuardContext<'a> {
    /// The program runs read-only.
    read_only: bool,
    /// The token has the trading scope.
    may_trade: bool,
    /// An account other than the linked one answers with the token.
    another_answers: bool,
    /// The connection's state.
    state: &'a ConnectionState,
}

/// Why a change is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// The program runs read-only.
    ReadOnly,
    /// The account was linked without the trading scope.
    NoScope,
    /// An account other than the linked one answers with this token, possibly by mistake.
    AnotherAnswers,
    /// The account must be relinked, for this reason.
    NeedsRelink(String),
    /// The order is done.
    Done(OrderStatus),
    /// The account or the order is not known here.
    Unknown,
}

/// Permission to cancel one order. Canceling twice is harmless, so the permit may be kept and sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelPermit {
    order: OrderId,
}

impl CancelPermit {
    /// The order to cancel.
    pub const fn order(&self) -> &OrderId {
        &self.order
    }
}

impl<'a> GuardContext<'a> {
    /// The guard of a session's account. `read_only` is the program's, `may_trade` the link's.
    pub(crate) fn of(session: &'a Session, read_only: bool, may_trade: bool) -> Self {
        Self { read_only, may_trade, another_answers: session.another_answers(), state: session.state() }
    }

    /// Checks whether the account may be changed at all.
    ///
    /// # Errors
    /// The reason for the denial.
    pub(crate) fn change(&self) -> Result<(), Denied> {
        if self.read_only {
            return Err(Denied::ReadOnly);
        }
        if !self.may_trade {
            return Err(Denied::NoScope);
        }
        if self.another_answers {
            return Err(Denied::AnotherAnswers);
        }
        match self.state {
            ConnectionState::NeedsRelink { reason } => Err(Denied::NeedsRelink(reason.clone())),
            ConnectionState::Connecting { .. }
            | ConnectionState::Syncing { .. }
            | ConnectionState::Live { .. }
            | ConnectionState::Reconnecting { .. }
            | ConnectionState::Polling { .. }
            | ConnectionState::Blocked { .. }
            | ConnectionState::Paused => Ok(()),
        }
    }

    /// Issues a permit to cancel this order. A live account needs no extra check: reducing risk
    /// must always be possible.
    ///
    /// # Errors
    /// The reason for the denial.
    pub(crate) fn cancel(&self, order: &Order) -> Result<CancelPermit, Denied> {
        self.change()?;
        if order.status.is_terminal() {
            return Err(Denied::Done(order.status.clone()));
        }
        Ok(CancelPermit { order: order.id.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::machine::tests::fixture::order;

    fn live() -> ConnectionState {
        ConnectionState::Live { since: crate::domain::Mono::ZERO }
    }

    #[test]
    fn only_a_working_order_of_an_account_that_may_be_changed_gets_a_permit() {
        let state = live();
        let allowed = GuardContext { read_only: false, may_trade: true, another_answers: false, state: &state };
        let working = order("a");
        assert_eq!(allowed.cancel(&working).unwrap().order(), &working.id);
        let done = Order { status: OrderStatus::Filled, ..working.clone() };
        assert_eq!(allowed.cancel(&done), Err(Denied::Done(OrderStatus::Filled)));
        let read_only = GuardContext { read_only: true, ..allowed };
        assert_eq!(read_only.cancel(&working), Err(Denied::ReadOnly));
        assert_eq!(GuardContext { may_trade: false, ..allowed }.cancel(&working), Err(Denied::NoScope));
        let foreign = GuardContext { another_answers: true, ..allowed };
        assert_eq!(foreign.cancel(&working), Err(Denied::AnotherAnswers));
        let refused = ConnectionState::NeedsRelink { reason: "the token is refused".to_owned() };
        let denied = GuardContext { state: &refused, ..allowed }.cancel(&working);
        assert_eq!(denied, Err(Denied::NeedsRelink("the token is refused".to_owned())));
    }
}
