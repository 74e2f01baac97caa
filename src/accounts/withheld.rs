//! Checks that replies to requests that no session sent come from the linked account. Equity curves and activities do not
//! name their account, so a reply is withheld until the account, fetched after the reply arrived, is the linked one. Replies
//! of another account are dropped.

use super::pending_requests::{self, PendingRequest};
use super::{AccountState, Accounts, Event, Period};
use crate::domain::{LinkId, Now};
use crate::session::{Identity, Input, Reply, Request, RequestError, RequestErrorKind, RequestId};

/// A reply withheld until the account is confirmed.
#[derive(Debug)]
pub(super) struct Withheld {
    link: LinkId,
    id: RequestId,
    reply: Box<Reply>,
    /// The account request that was sent after this reply arrived.
    proof: Option<RequestId>,
}

/// The error in place of another account's reply.
fn foreign() -> RequestError {
    let words = "the token reaches a different account than the one linked".to_owned();
    RequestError::local(RequestErrorKind::Decode, words)
}

/// The error in place of a reply whose account could not be fetched.
fn unproven(why: &RequestError) -> RequestError {
    let message = format!("the account did not confirm that this answer belongs to it: {}", why.message);
    RequestError { message, ..why.clone() }
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
        let names_itself = match self.pending.get(&id) {
            Some(PendingRequest::History { .. } | PendingRequest::Activities { .. }) => false,
            // An order requested by its id is the right one: ids are unique.
            Some(PendingRequest::Order(_)) => true,
            Some(PendingRequest::Clock(_) | PendingRequest::Cancel(..) | PendingRequest::IdentityCheck(_)) | None => {
                return Some(result);
            }
        };
        let reply = match (self.identity(link), result) {
            (None, result) => return Some(result),
            (_, Err(error)) => return Some(Err(error)),
            (Some(Identity::Another), Ok(_)) => return Some(Err(foreign())),
            (Some(Identity::Linked), Ok(reply)) if names_itself => return Some(Ok(reply)),
            (Some(Identity::Linked | Identity::Unknown), Ok(reply)) => reply,
        };
        self.withheld.push(Withheld { link: link.clone(), id, reply, proof: None });
        self.check_identity(link);
        None
    }

    /// Fetches the account to confirm the withheld replies, one request at a time. Until the session knows an account, its own
    /// request comes first.
    fn check_identity(&mut self, link: &LinkId) {
        let asks = self
            .pending
            .values()
            .any(|pending| matches!(pending, PendingRequest::IdentityCheck(owner) if owner == link));
        let waits = |held: &Withheld| held.link == *link && held.proof.is_none();
        if asks || self.identity(link) != Some(Identity::Linked) || !self.withheld.iter().any(waits) {
            return;
        }
        let id = pending_requests::send(self, link, PendingRequest::IdentityCheck(link.clone()), Request::Account);
        for held in self.withheld.iter_mut().filter(|held| waits(held)) {
            held.proof = Some(id);
        }
    }

    /// Handles the account that was fetched to confirm withheld replies: the session checks its id, and the replies are
    /// accepted or dropped.
    pub(super) fn identity_checked(
        &mut self,
        link: &LinkId,
        proof: RequestId,
        result: Result<Box<Reply>, RequestError>,
        now: Now,
    ) {
        let (ready, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.withheld).into_iter().partition(|held| held.proof == Some(proof));
        self.withheld = kept;
        let refusal = match result {
            Ok(reply) if reply.account().is_some() => {
                self.feed(link, Input::IdentityCheck(reply), now);
                (self.identity(link) != Some(Identity::Linked)).then(foreign)
            }
            Ok(_) => Some(unproven(&RequestError::mismatch())),
            Err(error) => Some(unproven(&error)),
        };
        for Withheld { id, reply, .. } in ready {
            self.answered(id, refusal.clone().map_or(Ok(reply), Err), now);
        }
        self.check_identity(link);
    }

    /// Goes on with the withheld replies after the session may have identified the account that answers.
    pub(super) fn release(&mut self, link: &LinkId, now: Now) {
        let pending = &self.pending;
        self.withheld.retain(|held| pending.contains_key(&held.id));
        match self.identity(link) {
            Some(Identity::Unknown) => {}
            Some(Identity::Linked) => self.check_identity(link),
            Some(Identity::Another) | None => {
                let (refused, kept): (Vec<_>, Vec<_>) =
                    std::mem::take(&mut self.withheld).into_iter().partition(|held| held.link == *link);
                self.withheld = kept;
                for Withheld { id, .. } in refused {
                    self.answered(id, Err(foreign()), now);
                }
            }
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
