//! Whose answers come to what is asked beside the sessions: of another account than the linked one nothing is shown, and an
//! answer that comes before anything tells whose it is waits.

use super::questions::Pending;
use super::{AccountState, Accounts, Event, Period, Ticket};
use crate::domain::{LinkId, Now};
use crate::session::{Identity, Reply, RequestError, RequestErrorKind, RequestId};

/// An answer that waits until it is known whose it is.
#[derive(Debug)]
pub(super) struct Withheld {
    link: LinkId,
    id: RequestId,
    reply: Box<Reply>,
}

/// The refusal of an answer of another account.
fn foreign() -> RequestError {
    let words = "a different account answers than the one linked".to_owned();
    RequestError::local(RequestErrorKind::Decode, words)
}

impl Accounts {
    fn identity(&self, link: &LinkId) -> Option<Identity> {
        self.get(link).map(|account| account.session.identity())
    }

    /// Why nothing of an account is asked for.
    pub(super) fn refused(&self, link: &LinkId) -> Option<RequestError> {
        (self.identity(link) == Some(Identity::Another)).then(foreign)
    }

    /// An answer as it may be taken; `None` where it waits.
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

    /// Takes the answers that waited, once it is known whose they are.
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

    /// Another account answers: what came beside the session since the linked one answered last may be that one's.
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
    /// Returns which curves there were, and whether there were activities.
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
