//! Canceling orders, and learning the outcome.
//!
//! The broker's yes to a cancel only starts it (docs/ALPACA.md 5.8): the order itself tells whether it was canceled or
//! filled first.

use std::time::Duration;

use super::pending_requests::{self, PendingRequest};
use super::{Accounts, CancelOutcome, Event, OrderKey};
use crate::domain::LinkId;
use crate::session::request::unread_words;
use crate::session::{Denied, GuardContext, Reply, Request, RequestError};

impl Accounts {
    /// Whether the guard permits changes on an account.
    ///
    /// # Errors
    /// The guard's reason.
    pub fn may_change(&self, link: &LinkId) -> Result<(), Denied> {
        self.guard_for(link)?.change()
    }

    /// Sends a cancel, if the guard permits it.
    ///
    /// # Errors
    /// The guard's reason.
    pub fn cancel(&mut self, key: &OrderKey) -> Result<(), Denied> {
        let order = self.order(key).ok_or(Denied::Unknown)?;
        let permit = self.guard_for(&key.link)?.cancel(order)?;
        let pending = PendingRequest::Cancel(key.clone(), permit.clone());
        pending_requests::send(self, &key.link, pending, Request::CancelOrder(permit));
        Ok(())
    }

    /// The only place where a guard is built.
    fn guard_for(&self, link: &LinkId) -> Result<GuardContext<'_>, Denied> {
        let account = self.get(link).ok_or(Denied::Unknown)?;
        let may_trade = account.link.allows("trading");
        Ok(GuardContext::of(&account.session, self.read_only, may_trade))
    }

    /// The number of cancels of an account that are not answered yet.
    pub fn cancels_under_way(&self, link: &LinkId) -> usize {
        let of_it = |pending: &&PendingRequest| matches!(pending, PendingRequest::Cancel(key, _) if key.link == *link);
        self.pending.values().filter(of_it).count()
    }

    /// Reports a wait of the queue when confirmed cancels are affected.
    pub(super) fn tell_waiting(&mut self, link: &LinkId, wait: Option<&(Duration, String)>) {
        let (Some((after, why)), cancels @ 1..) = (wait, self.cancels_under_way(link)) else { return };
        self.tell(Event::Waiting { link: link.clone(), cancels, after: *after, why: why.clone() });
    }
}

/// Takes the reply to a cancel.
pub(super) fn cancel_answered(accounts: &mut Accounts, key: &OrderKey, result: Result<Box<Reply>, RequestError>) {
    let result = result.and_then(|reply| if *reply == Reply::Done { Ok(()) } else { Err(RequestError::mismatch()) });
    accounts.tell(Event::CancelAnswered(key.clone(), CancelOutcome::of(result)));
    // Whatever the reply, only the order tells the outcome.
    pending_requests::send(accounts, &key.link, PendingRequest::Order(key.clone()), Request::Order(key.order.clone()));
}

/// Takes the reply to an order fetched by id.
pub(super) fn fetched(accounts: &mut Accounts, key: OrderKey, result: Result<Box<Reply>, RequestError>) {
    let result = result.and_then(|reply| {
        let (Reply::Order(orders), unread) = reply.split() else { return Err(RequestError::mismatch()) };
        Ok((orders, unread))
    });
    match result {
        Ok((orders, unread)) => {
            if let Some(words) = unread_words(&unread) {
                accounts.tell(Event::OrderUnread(key.clone(), words));
            }
            let Some(account) = accounts.get_mut(&key.link) else { return };
            let changes = account.blotter.apply_snapshot(&orders, &[]);
            accounts.changed(&key.link, changes);
        }
        Err(error) => accounts.tell(Event::OrderUnknown(key, error)),
    }
}
