//! Whose snapshot REST gives: the account says so itself, or an answer or an update names an order that is known of it.
//!
//! The second proof is needed where the account does not answer: its orders and executions are no less true for that.

use std::time::Duration;

use super::status::PATIENCE;
use super::token::MINUTE;
use super::{Mono, Now, Phase, Session, Timer};
use crate::domain::activity::ActivityKind;
use crate::domain::blotter::Blotter;
use crate::domain::text::clean;
use crate::domain::{Account, AccountId, OrderId, TradeUpdate};
use crate::session::parts::Part;
use crate::session::request::{Reply, RequestError, RequestErrorKind};

/// Another account that answers for so long in a paper account's place is that account after a reset.
const RESET: Duration = Duration::from_secs(5);

/// An account that answered and is not the one that was linked.
#[derive(Debug)]
pub(super) struct Foreign {
    id: AccountId,
    since: Mono,
    /// The linked account may have become this one.
    reset: bool,
}

/// Whose answers come, as far as the account itself or what is known of it has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// The linked account's.
    Linked,
    /// Nothing has told yet.
    Unknown,
    /// Another account's, which may be a mistake: nothing of it is shown.
    Another,
}

/// Whose answer it is.
pub(super) enum AccountMatch {
    /// The linked account's, or nothing in it says otherwise.
    Ours,
    /// Another account's, which may be a mistake: it counts as a failure.
    Unknown(RequestError),
    /// Another account's for so long that this session has ended.
    Another,
}

pub(super) fn foreign_words(account: &Account) -> String {
    format!("a different account answers than the one linked: {}", clean(account.known_as()))
}

impl Session {
    /// Tells which account was linked: when another one answers, the session stops until it is linked again. One that
    /// `may_be_reset`, a paper account, is followed to its new id once the linked one has answered in this run, if its number
    /// is of the same kind (docs/ALPACA.md 9.2). Without this, another account is always taken for one that was reset.
    pub fn belongs_to(&mut self, account: AccountId, may_be_reset: bool) {
        self.linked = Some(account);
        self.may_be_reset = may_be_reset;
        (self.identified, self.foreign) = (false, None);
    }

    /// Looks whose account answers. One answer may be a mistake of the service or of something on the way: nothing is shown or
    /// merged of another account, and it is asked again before anything follows from it.
    pub(super) fn identify(&mut self, reply: &Reply, now: Now) -> AccountMatch {
        let (Some(linked), Some(account)) = (&self.linked, reply.account()) else { return AccountMatch::Ours };
        let is_paper_number = account.number.as_ref().is_some_and(|number| number.raw().starts_with("PA"));
        if *linked == account.id {
            (self.identified, self.foreign, self.has_paper_number) = (true, None, is_paper_number);
            return AccountMatch::Ours;
        }
        // A reset gives a number of the same kind (docs/ALPACA.md 2.6): what loses the mark of paper may be real money.
        let reset = self.identified && self.may_be_reset && is_paper_number == self.has_paper_number;
        let known = self.foreign.take().filter(|known| known.id == account.id);
        let foreign = known.unwrap_or_else(|| Foreign { id: account.id.clone(), since: now.mono, reset });
        let lasts = now.mono.since(foreign.since);
        if foreign.reset && lasts >= RESET {
            self.linked = Some(foreign.id);
            self.identified = true;
            return AccountMatch::Ours;
        }
        self.foreign = Some(foreign);
        (self.identified, self.recognised) = (false, false);
        if lasts >= MINUTE {
            self.turn_away(account, now);
            return AccountMatch::Another;
        }
        if matches!(self.phase, Phase::Live | Phase::Polling) {
            self.timers.hasten(Timer::Audit, now.mono + RESET);
        }
        AccountMatch::Unknown(RequestError::of_ours(RequestErrorKind::Decode, foreign_words(account)))
    }

    /// The account, as it answered to somebody else. Another one is asked for again before anything follows from it.
    pub(super) fn on_owner(&mut self, reply: &Reply, now: Now) {
        if let AccountMatch::Unknown(doubt) = self.identify(reply, now) {
            self.parts.failed(Part::Account, &doubt, now);
        }
    }

    /// Whose answers come now.
    pub fn identity(&self) -> Identity {
        if self.foreign.is_some() {
            Identity::Another
        } else if self.is_unidentified() {
            Identity::Unknown
        } else {
            Identity::Linked
        }
    }

    /// True while another account answers than the one that was linked: nothing may be changed with this token.
    pub const fn another_answers(&self) -> bool {
        self.foreign.is_some()
    }

    /// True while it is not known whose snapshot REST gives.
    pub(super) fn is_unidentified(&self) -> bool {
        self.account.is_none() || (self.linked.is_some() && !self.identified)
    }

    /// True once this connection has proved that it reaches the account whose snapshot is there.
    pub(super) fn is_proven(&self) -> bool {
        !self.is_unidentified() && (self.recognised || self.parts.is_fresh(Part::Account))
    }

    /// An answer with an order that is known comes from the account that the order is known of: ids are not given twice.
    pub(super) fn recognise(&mut self, reply: &Reply, blotter: &Blotter) {
        let known = |id: &OrderId| blotter.order(id).is_some();
        let names = match reply {
            Reply::Partial(reply, _) => return self.recognise(reply, blotter),
            Reply::Order(orders) | Reply::Orders(orders) => orders.iter().any(|order| known(&order.id)),
            Reply::Activities(rows) => rows.iter().any(|row| match &row.kind {
                ActivityKind::Fill { order_id, .. } => known(order_id),
                ActivityKind::Other { .. } => false,
            }),
            _ => false,
        };
        self.recognise_by(names);
    }

    /// So does an update of the stream.
    pub(super) fn recognise_update(&mut self, update: &TradeUpdate, blotter: &Blotter) {
        self.recognise_by(blotter.order(&update.order.id).is_some());
    }

    /// Something on this connection `names` an order that is known: of the linked account, if what is known is that one's.
    fn recognise_by(&mut self, names: bool) {
        let remembered =
            self.account.is_some() && self.linked.as_ref().is_none_or(|it| self.account.as_ref() == Some(it));
        if names && remembered {
            (self.recognised, self.identified) = (true, true);
        }
    }

    /// A snapshot that takes long keeps back nothing that the stream tells: what is held is merged as while live, though the
    /// word is not. It is known by then whose it is.
    pub(super) fn let_through(&mut self, blotter: &mut Blotter, now: Now) {
        let long = self.syncing_since().is_some_and(|since| now.mono.since(since) >= PATIENCE);
        if !long || !self.is_proven() {
            return;
        }
        let Phase::Syncing { held } = &mut self.phase else { return };
        let held = std::mem::take(held);
        // What was told before the connection comes first.
        self.recovered += self.merge_replay(blotter, now);
        for update in held {
            self.merge(&update, blotter, now);
        }
    }
}
