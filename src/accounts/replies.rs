//! Replies of brokers, to a session or to a request of the accounts.

use std::time::Duration;

use super::activities::Reach;
use super::on_demand::retry_after_error;
use super::pending_requests::PendingRequest;
use super::{Accounts, Dated, Event, OnDemand, Period, RequestOwner, clock, orders};
use crate::domain::{LinkId, Now};
use crate::session::request::unread_words;
use crate::session::{Input, Reply, RequestError, RequestId};

/// How soon today's equity is retried after a failure.
const HISTORY_RETRY: Duration = Duration::from_mins(1);

impl Accounts {
    /// Routes a reply to its session, or to the request of the accounts.
    pub(super) fn replied(
        &mut self,
        link: &LinkId,
        id: RequestOwner,
        result: Result<Box<Reply>, RequestError>,
        now: Now,
    ) {
        let own = match id {
            RequestOwner::Session(id) => return self.feed(link, Input::Reply(id, result), now),
            RequestOwner::Accounts(id) => id,
        };
        if let Some(result) = self.admit(link, own, result) {
            self.answered(own, result, now);
        }
    }

    /// Handles a reply to a request of the accounts, known to come from the linked account.
    pub(super) fn answered(&mut self, id: RequestId, result: Result<Box<Reply>, RequestError>, now: Now) {
        match self.pending.remove(&id) {
            Some(PendingRequest::History { link, period }) => history(self, &link, period, result, now),
            Some(PendingRequest::Activities { link, older }) => activities(self, &link, older, result, now),
            Some(PendingRequest::Clock(_)) => clock::answered(self, result, now),
            Some(PendingRequest::Cancel(key, _)) => orders::cancel_answered(self, &key, result),
            Some(PendingRequest::Order(key)) => orders::fetched(self, key, result),
            Some(PendingRequest::IdentityCheck(link)) => self.identity_checked(&link, id, result, now),
            None => {}
        }
    }
}

fn history(accounts: &mut Accounts, link: &LinkId, period: Period, result: Result<Box<Reply>, RequestError>, now: Now) {
    let Some(account) = accounts.get_mut(link) else { return };
    let result = result.and_then(|reply| {
        let Reply::History(value) = *reply else { return Err(RequestError::mismatch()) };
        Ok(value)
    });
    let error = match result {
        Ok(value) => {
            account.curves.insert(period, Dated { value, at: now.mono });
            account.curve_faults.remove(&period);
            None
        }
        // The last curve stays, with its age; an empty chart shows the reason.
        Err(error) => {
            account.curve_faults.insert(period, error.brief());
            account.on_demand_failed(OnDemand::Curve(period), &error, now);
            if period == Period::Day {
                account.history_due = Some(now.mono + retry_after_error(&error, HISTORY_RETRY));
            }
            Some(error)
        }
    };
    accounts.tell(Event::Curve { link: link.clone(), period, error });
}

/// Takes the reply to a page request.
fn activities(accounts: &mut Accounts, link: &LinkId, older: bool, result: Result<Box<Reply>, RequestError>, now: Now) {
    let Some(account) = accounts.get_mut(link) else { return };
    let result = result.and_then(|reply| {
        let (Reply::Activities(page), unread) = reply.split() else { return Err(RequestError::mismatch()) };
        Ok((page, unread_words(&unread)))
    });
    let (page, unread) = match result {
        Ok(page) => page,
        Err(error) => {
            account.on_demand_failed(OnDemand::Activities, &error, now);
            account.activities.fail(crate::domain::text::sanitize(&error.to_string()));
            return accounts.tell(Event::NoActivities(link.clone(), error));
        }
    };
    // Merged into the blotter first, so that no execution is in this list alone.
    let changes = account.blotter.apply_history(&page);
    let failed_before = matches!(account.activities.reach(), Reach::Failed(_));
    let moved = if older {
        account.activities.take_older(page);
        0
    } else {
        account.activities.take_newest(page)
    };
    accounts.changed(link, changes);
    let keep_loading = older || failed_before || moved == 0;
    accounts.tell(Event::Activities { link: link.clone(), moved, keep_loading, unread });
}
