//! Canceling orders, and finding out what became of it.
//!
//! A broker's yes to a cancel is only the start of it (docs/ALPACA.md 5.8): the order says when it is canceled, or was
//! filled first.

use std::time::Duration;

use super::questions::{self, Pending};
use super::{Accounts, CancelOutcome, Event, OrderKey};
use crate::domain::LinkId;
use crate::session::request::unread_words;
use crate::session::{Denied, GuardContext, Reply, Request, RequestError};

impl Accounts {
    /// Whether anything may be changed on an account.
    ///
    /// # Errors
    /// Why not.
    pub fn may_change(&self, link: &LinkId) -> Result<(), Denied> {
        self.standing(link)?.change()
    }

    /// Sends a cancel, if the guard gives leave.
    ///
    /// # Errors
    /// Why it does not.
    pub fn cancel(&mut self, key: &OrderKey) -> Result<(), Denied> {
        let order = self.order(key).ok_or(Denied::Unknown)?;
        let permit = self.standing(&key.link)?.cancel(order)?;
        let pending = Pending::Cancel(key.clone(), permit.clone());
        questions::ask(self, &key.link, pending, Request::CancelOrder(permit));
        Ok(())
    }

    fn standing(&self, link: &LinkId) -> Result<GuardContext<'_>, Denied> {
        let account = self.get(link).ok_or(Denied::Unknown)?;
        let may_trade = account.link.allows("trading");
        let another_answers = account.session.another_answers();
        Ok(GuardContext { read_only: self.read_only, may_trade, another_answers, state: account.state() })
    }

    /// How many cancels of an account's orders are not answered yet.
    pub fn cancels_under_way(&self, link: &LinkId) -> usize {
        let of_it = |pending: &&Pending| matches!(pending, Pending::Cancel(key, _) if key.link == *link);
        self.pending.values().filter(of_it).count()
    }

    /// What is queued for an account waits, for so long and this reason: who confirmed a cancel should know.
    pub(super) fn tell_waiting(&mut self, link: &LinkId, wait: Option<&(Duration, String)>) {
        let (Some((after, why)), cancels @ 1..) = (wait, self.cancels_under_way(link)) else { return };
        self.tell(Event::Waiting { link: link.clone(), cancels, after: *after, why: why.clone() });
    }
}

/// The broker answered a cancel.
pub(super) fn cancel_answered(accounts: &mut Accounts, key: &OrderKey, result: Result<Box<Reply>, RequestError>) {
    accounts.tell(Event::CancelAnswered(key.clone(), CancelOutcome::of(result.map(drop))));
    // Whatever the answer, the order itself is the truth.
    questions::ask(accounts, &key.link, Pending::Order(key.clone()), Request::Order(key.order.clone()));
}

/// An order came that was fetched by id, or did not.
pub(super) fn fetched(accounts: &mut Accounts, key: OrderKey, result: Result<Box<Reply>, RequestError>) {
    match result.map(|reply| reply.split()) {
        Ok((Reply::Order(orders), unread)) => {
            if let Some(words) = unread_words(&unread) {
                accounts.tell(Event::OrderUnread(key.clone(), words));
            }
            let Some(account) = accounts.get_mut(&key.link) else { return };
            let changes = account.blotter.apply_snapshot(&orders, &[]);
            accounts.changed(&key.link, changes);
        }
        Ok(_) => {}
        Err(error) => accounts.tell(Event::OrderUnknown(key, error)),
    }
}
