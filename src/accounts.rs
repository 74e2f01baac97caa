//! Every linked account: its session, its data, the requests under way, and the outcome of each.
//!
//! Synchronous and free of I/O: time is an argument, and effects and events come out of [`Accounts::poll`]. It knows no
//! pane, row, overlay or key; the screen, `watch` and every other command drive it the same way.

#![warn(clippy::wildcard_enum_match_arm)]

mod account;
pub mod activities;
mod clock;
mod count;
mod effect;
mod event;
mod identity;
mod journal_state;
mod keys;
mod links;
mod msg;
mod on_demand;
mod orders;
mod pending_requests;
mod period;
mod replies;
mod saving;
mod sessions;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one variant")]
pub(crate) mod tests;
mod troubles;
mod withheld;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

pub use self::account::{AccountState, CURVE_FOR, ConnectionEntry, Dated};
use self::clock::Clock;
pub use self::count::Count;
pub use self::effect::{Effect, JournalEntry, RequestOwner};
pub use self::event::{CancelOutcome, Event, Output};
pub use self::journal_state::JournalState;
pub use self::keys::{ActivityKey, OrderKey, PositionKey, TapeKey};
pub use self::msg::Msg;
pub use self::on_demand::OnDemand;
use self::pending_requests::PendingRequest;
pub use self::period::Period;
pub use self::saving::Saving;
pub use self::troubles::{Ends, Trouble, Troubles, brief, must_be_linked};
use self::withheld::Withheld;
use crate::domain::blotter::TapeEntry;
use crate::domain::market::MarketClock;
use crate::domain::{LinkId, Mono, Now, Order, Position};
use crate::session::{Input, RequestId};

/// The linked accounts, in the order of linking.
#[derive(Debug, Default)]
pub struct Accounts {
    linked: Vec<AccountState>,
    clock: Clock,
    /// Whether changes at a broker are forbidden.
    read_only: bool,
    /// Requests under way that no session sent.
    pending: BTreeMap<RequestId, PendingRequest>,
    /// Their replies that arrived before the account behind the link was confirmed.
    withheld: Vec<Withheld>,
    next_request: u64,
    next_blotter_number: u32,
    /// Journal states of links that are not listed yet.
    journal_states: Vec<JournalState>,
    saving: Saving,
    out: VecDeque<Output>,
}

impl Accounts {
    /// No accounts; `read_only` for a program that changes nothing at a broker.
    pub fn new(read_only: bool) -> Self {
        Self { read_only, ..Self::default() }
    }

    /// All accounts, in the order of linking.
    pub fn all(&self) -> &[AccountState] {
        &self.linked
    }

    /// All accounts, in the order of linking.
    pub fn iter(&self) -> std::slice::Iter<'_, AccountState> {
        self.linked.iter()
    }

    /// All accounts, mutably, for tests that need a state no broker would bring about; unused outside tests
    /// (`tests/integration/layering.rs`).
    #[doc(hidden)]
    pub fn iter_mut_in_test(&mut self) -> std::slice::IterMut<'_, AccountState> {
        self.linked.iter_mut()
    }

    /// The number of linked accounts.
    pub const fn len(&self) -> usize {
        self.linked.len()
    }

    /// Whether no account is linked.
    pub const fn is_empty(&self) -> bool {
        self.linked.is_empty()
    }

    /// An account by its link.
    pub fn get(&self, link: &LinkId) -> Option<&AccountState> {
        self.linked.iter().find(|account| account.link.id == *link)
    }

    /// An account by its link, mutably.
    fn get_mut(&mut self, link: &LinkId) -> Option<&mut AccountState> {
        self.linked.iter_mut().find(|account| account.link.id == *link)
    }

    /// An account's label; empty when it is not linked.
    pub fn label(&self, link: &LinkId) -> Arc<str> {
        self.get(link).map(|account| Arc::clone(&account.link.label)).unwrap_or_default()
    }

    /// The account whose blotter has this number.
    pub fn by_blotter_number(&self, blotter_number: u32) -> Option<&AccountState> {
        self.linked.iter().find(|account| account.blotter_number == blotter_number)
    }

    /// An order by its key.
    pub fn order(&self, key: &OrderKey) -> Option<&Order> {
        self.get(&key.link)?.blotter.order(&key.order)
    }

    /// A position by its key.
    pub fn position(&self, key: &PositionKey) -> Option<&Position> {
        self.get(&key.link)?.held().find(|position| position.symbol == key.symbol)
    }

    /// A tape entry by its key, and its account.
    pub fn tape_entry(&self, key: TapeKey) -> Option<(&AccountState, &TapeEntry)> {
        let account = self.by_blotter_number(key.blotter_number)?;
        Some((account, account.blotter.tape_entry(key.entry)?))
    }

    /// The exchange's clock and when it was received.
    pub const fn clock(&self) -> Option<&Dated<MarketClock>> {
        self.clock.known.as_ref()
    }

    /// Why the last request for the exchange's clock failed.
    pub fn clock_fault(&self) -> Option<&str> {
        self.clock.fault.as_deref()
    }

    /// The exchange's time: its last answer plus the time since; before the first answer, this machine's time.
    pub fn exchange_now(&self, now: Now) -> Timestamp {
        let Some(dated) = self.clock() else { return now.wall };
        dated.value.at.checked_add(now.mono.since(dated.at)).unwrap_or(now.wall)
    }

    /// Feeds an input to an account's session; does nothing when the account is not linked.
    pub fn feed(&mut self, link: &LinkId, input: Input, now: Now) {
        sessions::feed(self, link, input, now);
    }

    /// When [`Self::tick`] is due: the earliest deadline of the sessions, curves and clock.
    pub fn deadline(&self) -> Option<Mono> {
        let sessions = self.linked.iter().filter_map(|account| account.session.deadline());
        let curves = self.linked.iter().filter_map(|account| account.history_due);
        sessions.chain(curves).chain(self.clock.due).min()
    }

    /// Handles every deadline that has passed; a call without one does nothing.
    pub fn tick(&mut self, now: Now) {
        let is_due = |deadline: Option<Mono>| deadline.is_some_and(|deadline| deadline <= now.mono);
        for link in self.links_where(|account| is_due(account.session.deadline())) {
            self.feed(&link, Input::Timeout, now);
        }
        for link in self.links_where(|account| is_due(account.history_due)) {
            pending_requests::ask_history(self, &link, now);
        }
        clock::tick(self, now);
    }

    /// The next output, in order.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    fn links_where(&self, is_meant: impl Fn(&AccountState) -> bool) -> Vec<LinkId> {
        self.linked.iter().filter(|account| is_meant(account)).map(|account| account.link.id.clone()).collect()
    }

    fn request(&mut self, effect: Effect) {
        self.out.push_back(Output::Do(effect));
    }

    fn tell(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }
}

impl<'a> IntoIterator for &'a Accounts {
    type Item = &'a AccountState;
    type IntoIter = std::slice::Iter<'a, AccountState>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
