//! Which account REST answers for: the account says so itself, or an answer or update names an order known
//! to belong to it.
//!
//! The second proof is needed when the account does not answer: its orders and executions are no less true then.

use std::time::Duration;

use super::status::LATE_AFTER;
use super::token::MINUTE;
use super::{Mono, Now, Phase, Session, Timer};
use crate::domain::blotter::Blotter;
use crate::domain::text::clean;
use crate::domain::{Account, AccountId, OrderId, TradeUpdate};
use crate::session::parts::Part;
use crate::session::request::{Reply, RequestError, RequestErrorKind};

/// A different account that answers in place of a paper account for this long is that account after a reset.
const RESET: Duration = Duration::from_secs(5);

/// An account that answered and is not the linked one.
#[derive(Debug)]
pub(super) struct Foreign {
    id: AccountId,
    since: Mono,
    /// It may be the linked account after a reset.
    reset: bool,
}

/// Which account answers, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// The linked account.
    Linked,
    /// Not known yet.
    Unknown,
    /// Another account, possibly by mistake: nothing of it is shown.
    Another,
}

/// Which account an answer is from.
pub(super) enum AccountMatch {
    /// The linked account, or nothing in the answer says otherwise.
    Ours,
    /// Another account, possibly by mistake: it counts as a failure.
    Unknown(RequestError),
    /// Another account. It has answered for so long that the session has stopped.
    Another,
}

fn foreign_words(account: &Account) -> String {
    format!("the token reaches a different account than the one linked: {}", clean(account.known_as()))
}

impl Session {
    /// Sets the linked account: when another one answers, the session stops until the account is relinked.
    ///
    /// A paper account (`may_be_reset`) is followed to its new id once the linked one has answered in this run,
    /// if the new number is of the same kind (docs/ALPACA.md 9.2). Without this call, another account always
    /// counts as a reset.
    pub fn belongs_to(&mut self, account: AccountId, may_be_reset: bool) {
        self.linked = Some(account);
        self.may_be_reset = may_be_reset;
        (self.identified, self.foreign) = (false, None);
    }

    /// Checks which account answers. One answer may be a mistake of the service or of a proxy: nothing of another
    /// account is shown or merged, and the account is requested again before anything follows from it.
    pub(super) fn identify(&mut self, reply: &Reply, now: Now) -> AccountMatch {
        let (Some(linked), Some(account)) = (&self.linked, reply.account()) else { return AccountMatch::Ours };
        let is_paper_number = account.number.as_ref().is_some_and(|number| number.raw().starts_with("PA"));
        if account.is_linked(linked) {
            (self.identified, self.foreign, self.has_paper_number) = (true, None, is_paper_number);
            return AccountMatch::Ours;
        }
        // A reset gives a number of the same kind (docs/ALPACA.md 2.6); a number without the paper prefix
        // may mean real money.
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
        if let Some(resync) = &mut self.resync {
            resync.doubt();
        }
        if lasts >= MINUTE {
            self.reject_account(foreign_words(account), now);
            return AccountMatch::Another;
        }
        if matches!(self.phase, Phase::Live | Phase::Polling) {
            self.timers.hasten(Timer::Audit, now.mono + RESET);
        }
        AccountMatch::Unknown(RequestError::local(RequestErrorKind::Decode, foreign_words(account)))
    }

    /// Checks the id of an account that the session did not request itself. If it is another account, the session requests
    /// it again before it acts on that.
    pub(super) fn on_identity_check(&mut self, reply: &Reply, now: Now) {
        if let AccountMatch::Unknown(doubt) = self.identify(reply, now) {
            self.parts.failed(Part::Account, &doubt, now);
        }
    }

    /// Which account answers now.
    pub fn identity(&self) -> Identity {
        if self.foreign.is_some() {
            Identity::Another
        } else if self.is_unidentified() {
            Identity::Unknown
        } else {
            Identity::Linked
        }
    }

    /// True while an account other than the linked one answers: nothing may be changed with this token.
    pub const fn another_answers(&self) -> bool {
        self.foreign.is_some()
    }

    /// True while it is not known which account REST answers for.
    pub(super) fn is_unidentified(&self) -> bool {
        self.account.is_none() || (self.linked.is_some() && !self.identified)
    }

    /// True once this connection has proved that it reaches the account in the blotter.
    pub(super) fn is_proven(&self) -> bool {
        !self.is_unidentified() && (self.recognised || self.parts.is_fresh(Part::Account))
    }

    /// An answer that names a known order comes from the account of that order: ids are unique.
    pub(super) fn recognise(&mut self, reply: &Reply, blotter: &Blotter) {
        self.recognise_by(reply.names_order(|id| self.is_confirmed(id, blotter)));
    }

    /// The same for an update of the stream.
    pub(super) fn recognise_update(&mut self, update: &TradeUpdate, blotter: &Blotter) {
        self.recognise_by(self.is_confirmed(&update.order.id, blotter));
    }

    /// True for an order of the linked account: it is known, and not only from a frame that may be another's.
    pub(super) fn is_confirmed(&self, order: &OrderId, blotter: &Blotter) -> bool {
        blotter.order(order).is_some() && !self.doubted.contains(order)
    }

    /// If something on this connection `names` a known order, the linked account answers, provided that the known
    /// orders are its own.
    fn recognise_by(&mut self, names: bool) {
        let remembered =
            self.account.is_some() && self.linked.as_ref().is_none_or(|it| self.account.as_ref() == Some(it));
        if names && remembered {
            (self.recognised, self.identified) = (true, true);
        }
    }

    /// Merges held updates when the snapshot takes long, once the account is proven; the state stays `syncing`.
    pub(super) fn merge_held_early(&mut self, blotter: &mut Blotter, now: Now) {
        let long = self.syncing_since().is_some_and(|since| now.mono.since(since) >= LATE_AFTER);
        if !long {
            return;
        }
        self.merge_held(blotter, now);
    }

    /// Merges held updates if the account is proven; otherwise they stay held.
    pub(super) fn merge_held(&mut self, blotter: &mut Blotter, now: Now) {
        if !self.is_proven() {
            return;
        }
        let Phase::Syncing { held } = &mut self.phase else { return };
        let held = std::mem::take(held);
        // Replayed events are older than the connection, so they come first.
        self.recovered += self.merge_replay(blotter, now);
        for update in held {
            self.merge(&update, blotter, now);
        }
    }
}
