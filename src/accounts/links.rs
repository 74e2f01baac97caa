//! Adding, renewing and removing links.

use super::{AccountState, Accounts, Effect, Event, JournalState};
use crate::domain::{Environment, LinkId, Now};
use crate::link::LinkRecord;
use crate::session::{ConnectionState, Input};

impl Accounts {
    /// Adds the links that are new, with their journal states, without connecting them.
    pub(super) fn list(&mut self, links: impl IntoIterator<Item = LinkRecord>, now: Now) {
        for link in links {
            self.enter(link, now);
        }
        self.tell(Event::Linked);
    }

    /// Adds the links that are new, and connects all.
    pub(super) fn start(&mut self, links: Vec<LinkRecord>, now: Now) {
        for link in links {
            let id = link.id.clone();
            self.enter(link, now);
            self.feed(&id, Input::Connect, now);
        }
        self.tell(Event::Linked);
    }

    /// Adds a link, or renews a known one and keeps its orders and executions, and connects it.
    pub fn add(&mut self, link: LinkRecord, now: Now) {
        let id = link.id.clone();
        if let Some(account) = self.get_mut(&id) {
            account.session.belongs_to(link.account_id.clone(), link.environment == Environment::Paper);
            account.link = link;
            account.note(now, "linked again");
        } else {
            self.enter(link, now);
        }
        self.feed(&id, Input::Connect, now);
        self.tell(Event::Linked);
    }

    /// Requests deletion of a link's token; call [`Self::remove`] when that is done.
    pub fn unlink(&mut self, link: LinkId) {
        self.request(Effect::Unlink { link });
    }

    /// Removes an account.
    pub fn remove(&mut self, link: &LinkId) {
        self.request(Effect::CloseStream { link: link.clone() });
        self.request(Effect::DropRequests { link: link.clone() });
        self.linked.retain(|account| account.link.id != *link);
        self.tell(Event::Linked);
    }

    /// Takes a link's journal state, or keeps it until the link is listed.
    pub(super) fn remembered(&mut self, known: JournalState) {
        let link = known.link.clone();
        let blotter_number = self.new_blotter_number();
        let Some(account) = self.get_mut(&link) else {
            self.journal_states.push(known);
            return;
        };
        account.recall(known);
        account.blotter_number = blotter_number;
        self.tell(Event::Recalled(link));
    }

    /// Connects an account that another instance has released.
    pub(super) fn freed(&mut self, link: &LinkId, now: Now) {
        if let Some(account) = self.get_mut(link) {
            account.note(now, "the other instance released the account; streaming it here now");
        }
        self.feed(link, Input::Connect, now);
    }

    /// The machine slept: reconnects every account that is neither paused nor in need of relinking.
    pub(super) fn resumed(&mut self, now: Now) {
        let is_up = |account: &AccountState| {
            !matches!(account.state(), ConnectionState::Paused | ConnectionState::NeedsRelink { .. })
        };
        for link in self.links_where(is_up) {
            if let Some(account) = self.get_mut(&link) {
                account.note(now, "the machine slept; reconnecting");
            }
            self.feed(&link, Input::Connect, now);
        }
    }

    /// Closes every stream cleanly, before the program ends.
    pub fn close(&mut self) {
        for link in self.links_where(|_| true) {
            self.request(Effect::CloseStream { link });
        }
    }

    fn enter(&mut self, link: LinkRecord, now: Now) {
        if self.get(&link.id).is_some() {
            return;
        }
        let id = link.id.clone();
        let mut account = AccountState::new(link, seed(&id, now));
        account.note(now, "begun");
        if let Some(place) = self.journal_states.iter().position(|known| known.link == id) {
            account.recall(self.journal_states.swap_remove(place));
        }
        account.blotter_number = self.new_blotter_number();
        self.linked.push(account);
    }

    /// A blotter number, unique in this run.
    const fn new_blotter_number(&mut self) -> u32 {
        self.next_blotter_number += 1;
        self.next_blotter_number
    }
}

/// Seeds jitter per account and run. A recording contains both inputs, so a replay has the same seed.
fn seed(link: &LinkId, now: Now) -> u64 {
    let hash = link
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash ^ u64::from(now.wall.subsec_nanosecond().unsigned_abs())
}
