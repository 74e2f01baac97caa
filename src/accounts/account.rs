//! One linked account: its connection, its truth, its figures, and how far each is known.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use super::activities::Activities;
use super::by_hand::{ByHand, again_after};
use super::count::Count;
use super::period::Period;
use crate::domain::blotter::Blotter;
use crate::domain::market::EquityHistory;
use crate::domain::{Account, Environment, Mono, Now, Position, Qty, Source};
use crate::link::LinkRecord;
use crate::session::{ConnectionState, Part, RequestError, RequestErrorKind, Session};

/// What was refused for its request limit without a wait is asked for again after this.
const LIMITED_AGAIN: Duration = Duration::from_secs(10);
/// Lines of connection history kept for each account.
const HISTORY: usize = 200;
/// The equity of today is asked for every five minutes, and once more soon after it did not come.
pub const CURVE_FOR: Duration = Duration::from_mins(7);

/// A value and when it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dated<T> {
    /// The value.
    pub value: T,
    /// When it came.
    pub at: Mono,
}

/// One linked account: its connection, its truth, its figures.
#[derive(Debug)]
pub struct AccountState {
    /// Who it is.
    pub link: LinkRecord,
    /// The number by which rows name its blotter in this run.
    pub book: u32,
    /// Its connection.
    pub session: Session,
    /// Its orders and executions.
    pub blotter: Blotter,
    /// Its balances.
    pub account: Option<Dated<Account>>,
    /// Its positions.
    pub positions: Option<Dated<Vec<Position>>>,
    /// What executions say is held and the last list does not: the quantity, and nothing else is known.
    pub unlisted: Vec<Position>,
    /// When the equity of today is asked for again.
    pub history_due: Option<Mono>,
    /// Why an equity curve did not come when it was last asked for.
    pub curve_faults: BTreeMap<Period, String>,
    /// When what was asked for by hand and had to wait may be asked for again.
    pub(super) again: BTreeMap<ByHand, Mono>,
    /// Its activity list, as far as it was paged through.
    pub activities: Activities,
    /// Its equity curves: today's, which is asked for from time to time, and those asked for by hand.
    pub curves: BTreeMap<Period, Dated<EquityHistory>>,
    /// Whether its history is whole in this run: only then is an execution news rather than history.
    pub seen_live: bool,
    /// The newest execution of the history: what the journal had, or without one the first snapshot of this run. What is
    /// newer and was learned by asking was missed. `None` until the history is known.
    pub history_until: Option<Option<Timestamp>>,
    /// When the journal that this account was restored from was last written; `None` without one.
    pub remembered_at: Option<Timestamp>,
    /// When the stream last told something of an order.
    pub told_at: Option<Mono>,
    /// The word for the connection's state when it last changed.
    pub word: &'static str,
    /// Connection history, newest last, bounded.
    pub log: VecDeque<ConnectionEntry>,
}

/// One line of a connection's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionEntry {
    /// When.
    pub at: Now,
    /// What, as a sentence without a stop.
    pub text: String,
}

impl AccountState {
    /// True for what no stream told this program, because none told or it did not run: learned by asking, and newer than the
    /// history. By the broker's times alone, for no clock of ours need agree with them.
    pub fn is_late(&self, source: Source, at: Option<Timestamp>) -> bool {
        source == Source::Reconcile && self.history_until.is_some_and(|until| at > until)
    }

    /// An account whose session has not begun; `seed` feeds its jitter.
    pub fn new(link: LinkRecord, seed: u64) -> Self {
        let mut session = Session::new(seed);
        session.belongs_to(link.account_id.clone(), link.environment == Environment::Paper);
        Self {
            link,
            book: 0,
            session,
            blotter: Blotter::default(),
            account: None,
            positions: None,
            unlisted: Vec::new(),
            activities: Activities::default(),
            history_due: None,
            curve_faults: BTreeMap::new(),
            again: BTreeMap::new(),
            curves: BTreeMap::new(),
            seen_live: false,
            history_until: None,
            remembered_at: None,
            told_at: None,
            word: "",
            log: VecDeque::new(),
        }
    }

    /// True when every one of these parts is as fresh as its rhythm makes it.
    pub fn is_current(&self, parts: &[Part], now: Mono) -> bool {
        parts.iter().all(|part| self.session.freshness(*part, now).current)
    }

    /// True when a part is as fresh as its rhythm makes it, and executions say nothing else.
    pub fn is_uncontested(&self, part: Part, now: Mono) -> bool {
        self.session.freshness(part, now).current && self.session.contradiction(part, now).is_none()
    }

    /// When the last good answers came that all of these parts are made of, the oldest; `None` while one never came.
    pub fn good_at(&self, parts: &[Part], now: Mono) -> Option<Now> {
        let mut oldest: Option<Now> = None;
        for part in parts {
            let good = self.session.freshness(*part, now).good?;
            oldest = Some(oldest.filter(|known| known.mono <= good.mono).unwrap_or(good));
        }
        oldest
    }

    /// When the broker last told anything of the account, by the stream or by an answer; no pong counts.
    pub fn heard_at(&self, now: Mono) -> Option<Mono> {
        let answers = Part::ALL.iter().filter_map(|part| self.session.freshness(*part, now).good);
        answers.map(|good| good.mono).chain(self.told_at).max()
    }

    /// Why one of these parts is not current, or not whole.
    pub fn lack(&self, parts: &[Part], now: Mono) -> Option<&str> {
        let mut lacking = parts.iter().map(|part| self.session.freshness(*part, now)).filter(|fresh| !fresh.current);
        lacking.find_map(|fresh| fresh.reason)
    }

    /// True while nobody told of these parts, neither the broker nor the journal.
    pub fn is_unknown(&self, parts: &[Part], now: Mono) -> bool {
        let remembered = self.remembered_at.is_some() && parts.iter().all(|part| part.is_journaled());
        !self.is_current(parts, now) && !remembered && self.good_at(parts, now).is_none()
    }

    /// True while an empty list of these parts may be one of which nothing is known, or of which a row could not be read.
    pub fn may_hide(&self, parts: &[Part], now: Mono) -> bool {
        let mut fresh = parts.iter().map(|part| self.session.freshness(*part, now));
        self.is_unknown(parts, now) || fresh.any(|fresh| fresh.good.is_some() && !fresh.whole)
    }

    /// True when the equity of today is as fresh as it is asked for.
    pub fn has_current_curve(&self, now: Mono) -> bool {
        let fresh = self.curves.get(&Period::Day).is_some_and(|dated| now.since(dated.at) < CURVE_FOR);
        fresh && self.session.follows()
    }

    /// Its working orders; `None` while nobody told of any, neither the broker nor the journal.
    pub fn known_working(&self, now: Mono) -> Option<Count> {
        let fresh = self.session.freshness(Part::Working, now);
        let told = self.remembered_at.is_some() || fresh.good.is_some() || self.blotter.order_count() > 0;
        // An order learned by itself says nothing of how many there are.
        let more = if fresh.good.is_some() { !fresh.whole } else { self.remembered_at.is_none() };
        told.then(|| Count { known: self.blotter.working_count(), more })
    }

    /// Its positions; `None` while the broker told of none.
    pub fn known_held(&self, now: Mono) -> Option<Count> {
        let more = !self.session.freshness(Part::Positions, now).whole;
        self.positions.as_ref().map(|_| Count { known: self.held().count(), more })
    }

    /// The rows of what it holds: those of the last list, and what executions have begun since.
    pub fn held(&self) -> impl Iterator<Item = &Position> {
        self.positions.iter().flat_map(|dated| &dated.value).chain(&self.unlisted)
    }

    /// Takes over what the last executions say is held and the list does not know; true when that changed.
    pub fn note_unlisted(&mut self) -> bool {
        if self.session.conflicts().next().is_none() && self.unlisted.is_empty() {
            return false;
        }
        let listed: HashSet<&str> =
            self.positions.iter().flat_map(|dated| &dated.value).map(|position| position.symbol.as_str()).collect();
        let unlisted: Vec<Position> = self
            .session
            .conflicts()
            .filter(|(symbol, qty)| *qty != Qty::ZERO && !listed.contains(symbol.as_str()))
            .map(|(symbol, qty)| Position { qty: Some(qty), ..Position::unread(symbol.clone()) })
            .collect();
        let differs = unlisted != self.unlisted;
        self.unlisted = unlisted;
        differs
    }

    /// When what was asked for by hand is asked for again, where that is known.
    pub fn again_at(&self, what: ByHand) -> Option<Mono> {
        if what.is_asked_by_itself() {
            return self.history_due.filter(|_| self.curve_faults.contains_key(&Period::Day));
        }
        self.again.get(&what).copied()
    }

    /// It did not come.
    pub(super) fn failed_by_hand(&mut self, what: ByHand, error: &RequestError, now: Now) {
        if !what.is_asked_by_itself() && matches!(error.kind, RequestErrorKind::RateLimited { .. }) {
            self.again.insert(what, now.mono + again_after(error, LIMITED_AGAIN));
        }
    }

    /// What was under way is forgotten.
    pub(super) fn dropped_by_hand(&mut self, what: ByHand) {
        if !what.is_asked_by_itself() {
            self.again.insert(what, Mono::ZERO);
        }
    }

    /// Where its connection stands.
    pub fn state(&self) -> &ConnectionState {
        self.session.state()
    }

    /// True for an account with real money.
    pub fn is_live_account(&self) -> bool {
        self.link.environment == Environment::Live
    }

    /// The account behind the link is a new one: what the broker said of the old one goes.
    pub(super) fn reset(&mut self) {
        (self.account, self.positions) = (None, None);
        self.curve_faults.clear();
        self.again.clear();
        self.curves.clear();
        self.activities.clear();
        (self.seen_live, self.history_until) = (false, None);
    }

    /// Adds a line to the connection's history.
    pub(super) fn note(&mut self, at: Now, text: impl Into<String>) {
        if self.log.len() == HISTORY {
            self.log.pop_front();
        }
        self.log.push_back(ConnectionEntry { at, text: text.into() });
    }
}
