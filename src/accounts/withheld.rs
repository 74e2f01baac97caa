//! Whose account answers questions that no session asks: equity curves and activities do not say it themselves.
//!
//! Such an answer is shown once the account itself, asked after the answer came, proves to be the linked one. Until then it
//! is withheld; where another account answers, it is dropped.

use super::questions::{self, Pending};
use super::{AccountState, Accounts, Event, Period};
use crate::domain::activity::ActivityKind;
use crate::domain::{LinkId, Now};
use crate::session::{Identity, Input, Reply, Request, RequestError, RequestErrorKind, RequestId};

/// An answer that waits for the proof of its account.
#[derive(Debug)]
pub(super) struct Withheld {
    link: LinkId,
    id: RequestId,
    reply: Box<Reply>,
    /// The request for the account that was sent after this answer came.
    proof: Option<RequestId>,
}

/// The refusal of an answer of another account.
fn foreign() -> RequestError {
    let words = "a different account answers than the one linked".to_owned();
    RequestError::local(RequestErrorKind::Decode, words)
}

/// The refusal of an answer whose account could not be asked for.
fn unproven(why: &RequestError) -> RequestError {
    let message = format!("the account did not confirm that this answer is its own: {}", why.message);
    RequestError { message, ..why.clone() }
}

impl Accounts {
    fn identity(&self, link: &LinkId) -> Option<Identity> {
        self.get(link).map(|account| account.session.identity())
    }

    /// Why nothing of an account is asked for.
    pub(super) fn refused(&self, link: &LinkId) -> Option<RequestError> {
        (self.identity(link) == Some(Identity::Another)).then(foreign)
    }

    /// An answer as it may be taken; `None` where it is withheld.
    pub(super) fn admit(
        &mut self,
        link: &LinkId,
        id: RequestId,
        result: Result<Box<Reply>, RequestError>,
    ) -> Option<Result<Box<Reply>, RequestError>> {
        let needs_proof = match self.pending.get(&id) {
            Some(Pending::History { .. } | Pending::Activities { .. } | Pending::Order(_)) => true,
            Some(Pending::Clock(_) | Pending::Cancel(..) | Pending::Owner(_)) | None => false,
        };
        let Some(identity) = self.identity(link).filter(|_| needs_proof) else { return Some(result) };
        let reply = match (identity, result) {
            (_, Err(error)) => return Some(Err(error)),
            (Identity::Another, Ok(_)) => return Some(Err(foreign())),
            (Identity::Linked, Ok(reply)) if self.names_known_order(link, &reply) => return Some(Ok(reply)),
            (Identity::Linked | Identity::Unknown, Ok(reply)) => reply,
        };
        self.withheld.push(Withheld { link: link.clone(), id, reply, proof: None });
        self.ask_owner(link);
        None
    }

    /// An answer that names an order of this account proves itself: ids are not given twice.
    fn names_known_order(&self, link: &LinkId, reply: &Reply) -> bool {
        let Some(account) = self.get(link) else { return false };
        match reply {
            Reply::Partial(reply, _) => self.names_known_order(link, reply),
            Reply::Order(orders) => orders.iter().any(|order| account.blotter.order(&order.id).is_some()),
            Reply::Activities(rows) => rows.iter().any(|row| match &row.kind {
                ActivityKind::Fill { order_id, .. } => account.blotter.order(order_id).is_some(),
                ActivityKind::Other { .. } => false,
            }),
            _ => false,
        }
    }

    /// Asks for the account on behalf of what is withheld, one request at a time. Before the session knows any account, its
    /// own question comes first.
    fn ask_owner(&mut self, link: &LinkId) {
        let asks = self.pending.values().any(|pending| matches!(pending, Pending::Owner(owner) if owner == link));
        let waits = |held: &Withheld| held.link == *link && held.proof.is_none();
        if asks || self.identity(link) != Some(Identity::Linked) || !self.withheld.iter().any(waits) {
            return;
        }
        let id = questions::ask(self, link, Pending::Owner(link.clone()), Request::Account);
        for held in self.withheld.iter_mut().filter(|held| waits(held)) {
            held.proof = Some(id);
        }
    }

    /// The account was asked for on behalf of what is withheld: the session learns whose it is, and the answers are taken or
    /// refused.
    pub(super) fn owner_answered(
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
                self.feed(link, Input::Owner(reply), now);
                (self.identity(link) != Some(Identity::Linked)).then(foreign)
            }
            Ok(_) => Some(unproven(&RequestError::of_ours(
                RequestErrorKind::Decode,
                "the broker's answer does not match the request",
            ))),
            Err(error) => Some(unproven(&error)),
        };
        for Withheld { id, reply, .. } in ready {
            self.answered(id, refusal.clone().map_or(Ok(reply), Err), now);
        }
        self.ask_owner(link);
    }

    /// The session may know by now whose account answers: what waited for that is refused, or has the account asked for.
    pub(super) fn release(&mut self, link: &LinkId, now: Now) {
        let pending = &self.pending;
        self.withheld.retain(|held| pending.contains_key(&held.id));
        match self.identity(link) {
            Some(Identity::Unknown) => {}
            Some(Identity::Linked) => self.ask_owner(link),
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
