//! Checks that replies to requests beside the sessions come from the linked account: replies of another account are
//! dropped, and replies that arrive before the account is confirmed are withheld.

use super::questions::Pending;
use super::{AccountState, Accounts, Event, Period, Ticket};
use crate::domain::{LinkId, Now};
use crate::session::{Identity, Reply, RequestError, RequestErrorKind, RequestId};

/// A reply withheld until the account is confirmed.
#[derive(Debug)]
pub(super) struct Withheld {
    link: LinkId,
    id: RequestId,
    reply: Box<Reply>,
}

/// The error in place of another account's reply.
fn foreign() -> RequestError {
    let words = "a different account answers than the one linked".to_owned();
    RequestError::of_ours(RequestErrorKind::Decode, words)
}

impl Accounts {
    fn identity(&self, link: &LinkId) -> Option<Identity> {
        self.get(link).map(|account| account.session.identity())
    }

    /// Why no request is sent, when another account answers.
    pub(super) fn refused(&self, link: &LinkId) -> Option<RequestError> {
        (self.identity(link) == Some(Identity::Another)).then(foreign)
    }

    /// The reply to handle; `None` when it is withheld.
    pub(super) fn admit(
        &mut self,
        link: &LinkId,
        id: RequestId,
        result: Result<Box<Reply>, RequestError>,
    ) -> Option<Result<Box<Reply>, RequestError>> {
        let is_of_account = match self.pending.get(&id) {
            Some(Pending::History { .. } | Pending::Activities { .. } | Pending::Order(_)) => true,
            Some(Pending::Clock(_) | Pending::Cancel(..)) | None => false,
        };
        match (self.identity(link).filter(|_| is_of_account), result) {
            (Some(Identity::Another), Ok(_)) => Some(Err(foreign())),
            (Some(Identity::Unknown), Ok(reply)) => {
                self.withheld.push(Withheld { link: link.clone(), id, reply });
                None
            }
            (_, result) => Some(result),
        }
    }

    /// Handles the withheld replies once the account is confirmed.
    pub(super) fn release(&mut self, link: &LinkId, now: Now) {
        if self.withheld.is_empty() || self.identity(link) == Some(Identity::Unknown) {
            return;
        }
        let (ready, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.withheld).into_iter().partition(|held| held.link == *link);
        self.withheld = waiting;
        for Withheld { id, reply, .. } in ready {
            self.replied(link, Ticket::Accounts(id), Ok(reply), now);
        }
    }

    /// Another account answers: drops curves and activities, because any that arrived since the linked account last
    /// answered may be the other's.
    pub(super) fn disown(&mut self, link: &LinkId) {
        let Some(account) = self.get_mut(link) else { return };
        let (periods, had_rows) = account.forget_answers(&foreign());
        for period in periods {
            self.tell(Event::Curve { link: link.clone(), period, error: Some(foreign()) });
        }
        if had_rows {
            self.tell(Event::NoActivities(link.clone(), foreign()));
        }
    }
}

impl AccountState {
    /// Drops curves and activities; returns the periods of the curves, and whether there were activities.
    fn forget_answers(&mut self, why: &RequestError) -> (Vec<Period>, bool) {
        let periods: Vec<Period> = std::mem::take(&mut self.curves).into_keys().collect();
        self.curve_faults.extend(periods.iter().map(|period| (*period, why.brief())));
        let had_rows = !self.activities.rows().is_empty();
        self.activities.clear();
        if had_rows {
            self.activities.fail(why.message.clone());
        }
        (periods, had_rows)
    }
}
