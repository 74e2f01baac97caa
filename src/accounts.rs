//! Every linked account: what its broker said of it, what is asked of it, and what became of that.
//!
//! Plain data and synchronous steps: time is an argument, and what must be done or told comes out of [`Accounts::poll`].
//! Knows no pane, row, overlay or key: the screen, `watch` and every other command drive it alike.

#![warn(clippy::wildcard_enum_match_arm)]

mod account;
pub mod activities;
mod by_hand;
mod clock;
mod count;
mod effect;
mod event;
mod identity;
mod journal_state;
mod keys;
mod links;
mod msg;
mod orders;
mod period;
mod questions;
mod replies;
mod saving;
mod sessions;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among all")]
pub(crate) mod tests;
mod troubles;
mod withheld;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

pub use self::account::{AccountState, CURVE_FOR, ConnectionEntry, Dated};
pub use self::by_hand::ByHand;
use self::clock::Clock;
pub use self::count::Count;
pub use self::effect::{Effect, JournalEntry, Ticket};
pub use self::event::{CancelOutcome, Event, Output};
pub use self::journal_state::JournalState;
pub use self::keys::{ActivityKey, OrderKey, PositionKey, TapeKey};
pub use self::msg::Msg;
pub use self::period::Period;
use self::questions::Pending;
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
    /// True when nothing may be changed at a broker.
    read_only: bool,
    /// Requests under way that no session asked.
    pending: BTreeMap<RequestId, Pending>,
    /// Answers to some of them that came before it is known whose they are.
    withheld: Vec<Withheld>,
    next_request: u64,
    next_book: u32,
    /// What earlier runs knew of links that have not been named yet.
    journal_states: Vec<JournalState>,
    saving: Saving,
    out: VecDeque<Output>,
}

impl Accounts {
    /// None yet; `read_only` for a program that changes nothing at a broker.
    pub fn new(read_only: bool) -> Self {
        Self { read_only, ..Self::default() }
    }

    /// All of them, in the order of linking.
    pub fn all(&self) -> &[AccountState] {
        &self.linked
    }

    /// All of them, in the order of linking.
    pub fn iter(&self) -> std::slice::Iter<'_, AccountState> {
        self.linked.iter()
    }

    /// All of them, to be changed.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, AccountState> {
        self.linked.iter_mut()
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.linked.len()
    }

    /// True when none is linked.
    pub const fn is_empty(&self) -> bool {
        self.linked.is_empty()
    }

    /// One of them.
    pub fn get(&self, link: &LinkId) -> Option<&AccountState> {
        self.linked.iter().find(|account| account.link.id == *link)
    }

    /// One of them, to be changed.
    pub fn get_mut(&mut self, link: &LinkId) -> Option<&mut AccountState> {
        self.linked.iter_mut().find(|account| account.link.id == *link)
    }

    /// What the owner calls a linked account; empty where it is not linked.
    pub fn label(&self, link: &LinkId) -> Arc<str> {
        self.get(link).map(|account| Arc::clone(&account.link.label)).unwrap_or_default()
    }

    /// The one whose blotter has this number.
    pub fn of_book(&self, book: u32) -> Option<&AccountState> {
        self.linked.iter().find(|account| account.book == book)
    }

    /// An order by its key.
    pub fn order(&self, key: &OrderKey) -> Option<&Order> {
        self.get(&key.link)?.blotter.order(&key.order)
    }

    /// A position by its key.
    pub fn position(&self, key: &PositionKey) -> Option<&Position> {
        self.get(&key.link)?.held().find(|position| position.symbol == key.symbol)
    }

    /// A line of a tape by its key, and whose it is.
    pub fn tape_entry(&self, key: TapeKey) -> Option<(&AccountState, &TapeEntry)> {
        let account = self.of_book(key.book)?;
        Some((account, account.blotter.tape_entry(key.entry)?))
    }

    /// The exchange's clock and when it came.
    pub const fn clock(&self) -> Option<&Dated<MarketClock>> {
        self.clock.known.as_ref()
    }

    /// Why the exchange's clock did not come when it was last asked for.
    pub fn clock_fault(&self) -> Option<&str> {
        self.clock.fault.as_deref()
    }

    /// The exchange's time: its last answer and the time passed since; the machine's own before there was one.
    pub fn exchange_now(&self, now: Now) -> Timestamp {
        let Some(dated) = self.clock() else { return now.wall };
        dated.value.at.checked_add(now.mono.since(dated.at)).unwrap_or(now.wall)
    }

    /// Feeds the session of one account; nothing happens where it is not linked.
    pub fn feed(&mut self, link: &LinkId, input: Input, now: Now) {
        sessions::feed(self, link, input, now);
    }

    /// When [`Self::tick`] is due: a session's deadline, or a question of our own.
    pub fn deadline(&self) -> Option<Mono> {
        let sessions = self.linked.iter().filter_map(|account| account.session.deadline());
        let curves = self.linked.iter().filter_map(|account| account.history_due);
        sessions.chain(curves).chain(self.clock.due).min()
    }

    /// A deadline passed, or may have: every session and question whose time has come.
    pub fn tick(&mut self, now: Now) {
        let is_due = |deadline: Option<Mono>| deadline.is_some_and(|deadline| deadline <= now.mono);
        for link in self.links_where(|account| is_due(account.session.deadline())) {
            self.feed(&link, Input::Timeout, now);
        }
        for link in self.links_where(|account| is_due(account.history_due)) {
            questions::ask_history(self, &link, now);
        }
        clock::tick(self, now);
    }

    /// The next thing to do or to tell, in the order in which they came to be.
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
        self.out.push_back(Output::Told(event));
    }
}

impl<'a> IntoIterator for &'a mut Accounts {
    type Item = &'a mut AccountState;
    type IntoIter = std::slice::IterMut<'a, AccountState>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<'a> IntoIterator for &'a Accounts {
    type Item = &'a AccountState;
    type IntoIter = std::slice::Iter<'a, AccountState>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
