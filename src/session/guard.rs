//! What must hold before anything is changed at a broker, and the permit that it held.
//!
//! A request that changes something can be built of a permit alone, and nothing but the guard gives one.

use super::ConnectionState;
use crate::domain::{Order, OrderId, OrderStatus};

/// What the guard looks at.
#[derive(Debug, Clone, Copy)]
pub struct GuardContext<'a> {
    /// The program was started to change nothing.
    pub read_only: bool,
    /// The token was granted for trading.
    pub may_trade: bool,
    /// Another account answers with the token than the one that was linked.
    pub another_answers: bool,
    /// Where the connection stands.
    pub state: &'a ConnectionState,
}

/// Why nothing may be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// The program was started to change nothing.
    ReadOnly,
    /// The account was linked without the scope for trading.
    NoScope,
    /// Another account answers with this token, and it is not known yet whose it is.
    AnotherAnswers,
    /// The token is refused, or another account answers; the broker's words.
    NeedsRelink(String),
    /// The order can trade no more.
    Done(OrderStatus),
    /// The account or the order is not known here.
    Unknown,
}

/// Leave to cancel one order. Sent twice, it is still one cancel, so it may be kept and sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CancelPermit {
    order: OrderId,
}

impl CancelPermit {
    /// Which order.
    pub const fn order(&self) -> &OrderId {
        &self.order
    }
}

impl GuardContext<'_> {
    /// Whether anything at all may be changed on the account.
    ///
    /// # Errors
    /// Why not.
    pub fn change(&self) -> Result<(), Denied> {
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

    /// Leave to cancel this order. A live account needs no more than a paper one: less risk must always be within reach.
    ///
    /// # Errors
    /// Why not.
    pub fn cancel(&self, order: &Order) -> Result<CancelPermit, Denied> {
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
    fn a_permit_is_given_for_a_working_order_of_an_account_that_may_be_changed() {
        let state = live();
        let standing = GuardContext { read_only: false, may_trade: true, another_answers: false, state: &state };
        let working = order("a");
        assert_eq!(standing.cancel(&working).unwrap().order(), &working.id);
        let done = Order { status: OrderStatus::Filled, ..working.clone() };
        assert_eq!(standing.cancel(&done), Err(Denied::Done(OrderStatus::Filled)));
        let read_only = GuardContext { read_only: true, ..standing };
        assert_eq!(read_only.cancel(&working), Err(Denied::ReadOnly));
        assert_eq!(GuardContext { may_trade: false, ..standing }.cancel(&working), Err(Denied::NoScope));
        let foreign = GuardContext { another_answers: true, ..standing };
        assert_eq!(foreign.cancel(&working), Err(Denied::AnotherAnswers));
        let refused = ConnectionState::NeedsRelink { reason: "the token is refused".to_owned() };
        let denied = GuardContext { state: &refused, ..standing }.cancel(&working);
        assert_eq!(denied, Err(Denied::NeedsRelink("the token is refused".to_owned())));
    }
}
