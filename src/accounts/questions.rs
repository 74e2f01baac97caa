//! What is asked of brokers beside the sessions: equity curves, activity lists, and what became of a cancel.

use std::time::Duration;

use super::activities::PAGE;
use super::{Accounts, ByHand, Effect, Event, OrderKey, Period, Ticket};
use crate::domain::{LinkId, Now};
use crate::session::request::ActivitiesQuery;
use crate::session::{CancelPermit, Input, Request, RequestId};

/// How often the equity of today is asked for.
const HISTORY_EVERY: Duration = Duration::from_mins(5);

/// What an answer is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pending {
    /// The equity of today, or a chart's curve.
    History {
        /// Whose.
        link: LinkId,
        /// Over what span.
        period: Period,
    },
    /// A page of the activity list.
    Activities {
        /// Whose.
        link: LinkId,
        /// The page after the oldest row known, rather than the newest.
        older: bool,
    },
    /// A cancel of an order, and the leave to send it.
    Cancel(OrderKey, CancelPermit),
    /// The exchange's clock, through this account.
    Clock(LinkId),
    /// An order fetched again to see what became of it.
    Order(OrderKey),
}

impl Accounts {
    /// Asks for everything of an account again, at once: its orders, executions, balances and positions, its equity and the clock.
    pub fn resync(&mut self, link: &LinkId, now: Now) {
        self.clock.due = None;
        if let Some(account) = self.get_mut(link) {
            account.history_due = None;
        }
        self.feed(link, Input::Resync, now);
    }

    /// Asks for an equity curve, unless it is being asked for.
    pub fn ask_curve(&mut self, link: &LinkId, period: Period) {
        let pending = Pending::History { link: link.clone(), period };
        if self.pending.values().any(|other| *other == pending) {
            return;
        }
        if let Some(account) = self.get_mut(link) {
            account.again.remove(&ByHand::Curve(period));
        }
        if let Some(error) = self.refused(link) {
            if let Some(account) = self.get_mut(link) {
                account.curve_faults.insert(period, error.brief());
            }
            return self.tell(Event::Curve { link: link.clone(), period, error: Some(error) });
        }
        let request = Request::History { period: period.word().into(), timeframe: period.timeframe().into() };
        ask(self, link, pending, request);
    }

    /// Asks for the newest rows of an activity list, or for those after the oldest known; nothing while rows are on their way.
    pub fn ask_activities(&mut self, link: &LinkId, older: bool) {
        if self.activities_loading(link) {
            return;
        }
        if let Some(account) = self.get_mut(link) {
            account.again.remove(&ByHand::Activities);
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
        ask(self, link, Pending::Activities { link: link.clone(), older }, Request::Activities(query));
    }

    /// True while rows of an account's activity list are under way.
    pub fn activities_loading(&self, link: &LinkId) -> bool {
        let of = |pending: &Pending| matches!(pending, Pending::Activities { link: owner, .. } if owner == link);
        self.pending.values().any(of)
    }
}

/// Asks for the equity of today where the account can answer, and again later.
pub(super) fn ask_history(accounts: &mut Accounts, link: &LinkId, now: Now) {
    let Some(account) = accounts.get_mut(link) else { return };
    account.history_due = Some(now.mono + HISTORY_EVERY);
    if account.session.answers() {
        accounts.ask_curve(link, Period::Day);
    }
}

/// Asks REST on our own account.
pub(super) fn ask(accounts: &mut Accounts, link: &LinkId, pending: Pending, request: Request) {
    let id = RequestId(accounts.next_request);
    accounts.next_request += 1;
    accounts.pending.insert(id, pending);
    accounts.request(Effect::Request { link: link.clone(), id: Ticket::Accounts(id), request });
}

/// What was queued is gone, but for what changes something: the queue may be a new one, with a new token, so that is sent again;
/// one that kept it takes it once. An order that a cancel left unknown is asked for again with it; curves and pages are asked
/// for again by what shows them, the clock and the equity of today at once.
pub(super) fn after_drop(accounts: &mut Accounts, link: &LinkId) {
    let (mut again, mut by_hand, mut clock, mut day) = (Vec::new(), Vec::new(), false, false);
    accounts.pending.retain(|id, pending| {
        let request = match pending {
            Pending::Cancel(key, permit) if key.link == *link => Request::CancelOrder(permit.clone()),
            Pending::Order(key) if key.link == *link => Request::Order(key.order.clone()),
            Pending::History { link: owner, period } if owner == link => {
                day |= *period == Period::Day;
                by_hand.push(ByHand::Curve(*period));
                return false;
            }
            Pending::Clock(owner) if owner == link => {
                clock = true;
                return false;
            }
            Pending::Activities { link: owner, .. } if owner == link => {
                by_hand.push(ByHand::Activities);
                return false;
            }
            Pending::Cancel(..)
            | Pending::Order(_)
            | Pending::History { .. }
            | Pending::Clock(_)
            | Pending::Activities { .. } => return true,
        };
        again.push(Effect::Request { link: link.clone(), id: Ticket::Accounts(*id), request });
        true
    });
    if clock {
        accounts.clock.due = None;
    }
    if let Some(account) = accounts.get_mut(link) {
        account.history_due = account.history_due.filter(|_| !day);
        for what in by_hand {
            account.dropped_by_hand(what);
        }
    }
    for effect in again {
        accounts.request(effect);
    }
}
