//! Requests that no session sends: equity curves, activity lists, the clock, cancels and their orders.

use std::time::Duration;

use super::activities::PAGE;
use super::{Accounts, Effect, Event, OnDemand, OrderKey, Period, RequestOwner};
use crate::domain::{LinkId, Now};
use crate::session::request::ActivitiesQuery;
use crate::session::{CancelPermit, Input, Request, RequestId};

/// How often today's equity is fetched.
const HISTORY_EVERY: Duration = Duration::from_mins(5);

/// The purpose of a request under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PendingRequest {
    /// Today's equity, or a chart's curve.
    History {
        /// The account's link.
        link: LinkId,
        /// The curve's period.
        period: Period,
    },
    /// A page of the activity list.
    Activities {
        /// The account's link.
        link: LinkId,
        /// Whether it is the page after the oldest known row, and not the newest page.
        older: bool,
    },
    /// A cancel of an order, and the permit to send it.
    Cancel(OrderKey, CancelPermit),
    /// The exchange's clock, through this account.
    Clock(LinkId),
    /// An order fetched by id after a cancel.
    Order(OrderKey),
    /// The account itself, to check that withheld replies belong to it.
    IdentityCheck(LinkId),
}

impl Accounts {
    /// Fetches everything again at once: the account's orders, executions, balances, positions and equity, and the
    /// clock.
    pub fn resync(&mut self, link: &LinkId, now: Now) {
        self.clock.due = None;
        if let Some(account) = self.get_mut(link) {
            account.history_due = None;
        }
        self.feed(link, Input::Resync, now);
    }

    /// Fetches an equity curve, unless the same request is under way.
    pub fn ask_curve(&mut self, link: &LinkId, period: Period) {
        let pending = PendingRequest::History { link: link.clone(), period };
        if self.pending.values().any(|other| *other == pending) {
            return;
        }
        if let Some(account) = self.get_mut(link) {
            account.retry_at.remove(&OnDemand::Curve(period));
        }
        if let Some(error) = self.refused(link) {
            if let Some(account) = self.get_mut(link) {
                account.curve_faults.insert(period, error.brief());
            }
            return self.tell(Event::Curve { link: link.clone(), period, error: Some(error) });
        }
        let request = Request::History { period: period.word().into(), timeframe: period.timeframe().into() };
        send(self, link, pending, request);
    }

    /// Fetches the newest page of an activity list, or the page after the oldest known row; does nothing while one is
    /// under way.
    pub fn ask_activities(&mut self, link: &LinkId, older: bool) {
        if self.activities_loading(link) {
            return;
        }
        if let Some(account) = self.get_mut(link) {
            account.retry_at.remove(&OnDemand::Activities);
        }
        if let Some(error) = self.refused(link) {
            if let Some(account) = self.get_mut(link) {
                account.activities.fail(error.message.clone());
            }
            return self.tell(Event::NoActivities(link.clone(), error));
        }
        let page_token = self.get(link).filter(|_| older).and_then(|account| account.activities.oldest());
        let query = ActivitiesQuery {
            fills_only: false,
            order: None,
            after: None,
            until: None,
            page_token,
            ascending: false,
            page_size: PAGE,
        };
        send(self, link, PendingRequest::Activities { link: link.clone(), older }, Request::Activities(query));
    }

    /// Whether a page of an account's activity list is under way.
    pub fn activities_loading(&self, link: &LinkId) -> bool {
        self.pending
            .values()
            .any(|pending| matches!(pending, PendingRequest::Activities { link: owner, .. } if owner == link))
    }
}

/// Fetches today's equity if the account can answer, and schedules the next time.
pub(super) fn ask_history(accounts: &mut Accounts, link: &LinkId, now: Now) {
    let Some(account) = accounts.get_mut(link) else { return };
    account.history_due = Some(now.mono + HISTORY_EVERY);
    if account.session.answers() {
        accounts.ask_curve(link, Period::Day);
    }
}

/// Sends a request of the accounts, and not of a session.
pub(super) fn send(accounts: &mut Accounts, link: &LinkId, pending: PendingRequest, request: Request) -> RequestId {
    let id = RequestId(accounts.next_request);
    accounts.next_request += 1;
    accounts.pending.insert(id, pending);
    accounts.request(Effect::Request { link: link.clone(), id: RequestOwner::Accounts(id), request });
    id
}

/// The queue dropped its requests. It drops by class: what changes something stays, unless the queue itself is new. What
/// is asked for again depends on who waits for the answer, which the queue does not know:
/// - Cancels, the orders fetched after them, and the account that proves withheld replies are sent again under the same
///   id, because an outcome must follow. A queue that kept a cancel ignores the duplicate.
/// - The clock and today's equity are fetched at once, by their deadlines.
/// - Other curves and pages are fetched again by what shows them, if it still does.
pub(super) fn after_drop(accounts: &mut Accounts, link: &LinkId) {
    let (mut again, mut on_demand, mut clock, mut day) = (Vec::new(), Vec::new(), false, false);
    accounts.pending.retain(|id, pending| {
        let request = match pending {
            PendingRequest::Cancel(key, permit) if key.link == *link => Request::CancelOrder(permit.clone()),
            PendingRequest::Order(key) if key.link == *link => Request::Order(key.order.clone()),
            PendingRequest::IdentityCheck(owner) if owner == link => Request::Account,
            PendingRequest::History { link: owner, period } if owner == link => {
                day |= *period == Period::Day;
                on_demand.push(OnDemand::Curve(*period));
                return false;
            }
            PendingRequest::Clock(owner) if owner == link => {
                clock = true;
                return false;
            }
            PendingRequest::Activities { link: owner, .. } if owner == link => {
                on_demand.push(OnDemand::Activities);
                return false;
            }
            PendingRequest::Cancel(..)
            | PendingRequest::Order(_)
            | PendingRequest::History { .. }
            | PendingRequest::Clock(_)
            | PendingRequest::IdentityCheck(_)
            | PendingRequest::Activities { .. } => return true,
        };
        again.push(Effect::Request { link: link.clone(), id: RequestOwner::Accounts(*id), request });
        true
    });
    if clock {
        accounts.clock.due = None;
    }
    if let Some(account) = accounts.get_mut(link) {
        account.history_due = account.history_due.filter(|_| !day);
        for what in on_demand {
            account.on_demand_dropped(what);
        }
    }
    for effect in again {
        accounts.request(effect);
    }
}
