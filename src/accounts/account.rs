//! One linked account: its connection, blotter, balances and positions, and how complete and fresh each is.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::activities::Activities;
use super::count::Count;
use super::on_demand::{OnDemand, retry_after_error};
use super::period::Period;
use crate::domain::blotter::Blotter;
use crate::domain::market::EquityHistory;
use crate::domain::{Account, Environment, Mono, Now, Position, Price, Qty, Source, Symbol};
use crate::link::LinkRecord;
use crate::session::{ConnectionState, Part, RequestError, RequestErrorKind, Session};

/// How long to wait after a 429 that states no wait.
const LIMITED_AGAIN: Duration = Duration::from_secs(10);
/// Lines of connection history kept for each account.
const HISTORY: usize = 200;
/// How long today's equity counts as current: it is fetched every five minutes, and retried after one minute.
pub const CURVE_FOR: Duration = Duration::from_mins(7);

/// A value and when it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dated<T> {
    /// The value.
    pub value: T,
    /// When it was received.
    pub at: Mono,
}

/// One linked account: its connection, blotter, balances and positions.
#[derive(Debug)]
pub struct AccountState {
    /// The link record.
    pub link: LinkRecord,
    /// The number that identifies its blotter in this run.
    pub blotter_number: u32,
    /// Its connection.
    pub session: Session,
    /// Its orders and executions.
    pub blotter: Blotter,
    /// Its balances.
    pub account: Option<Dated<Account>>,
    /// Its positions.
    pub positions: Option<Dated<Vec<Position>>>,
    /// Positions known only from executions and missing from the last list; only symbol and quantity are known.
    pub unlisted: Vec<Position>,
    /// When today's equity is fetched next.
    pub history_due: Option<Mono>,
    /// Why the last request for an equity curve failed.
    pub curve_faults: BTreeMap<Period, String>,
    /// When a curve or page that had to wait may be requested again.
    pub(super) retry_at: BTreeMap<OnDemand, Mono>,
    /// The pages of its activity list read so far.
    pub activities: Activities,
    /// Its equity curves: today's, fetched periodically, and those fetched on request.
    pub curves: BTreeMap<Period, Dated<EquityHistory>>,
    /// Whether the first snapshot of this run was complete; before that, an execution is history and not news.
    pub seen_live: bool,
    /// The time of the newest execution in the journal, or without a journal, in this run's first snapshot. A newer
    /// execution that came from REST was missed by the stream. `None` until the history is known.
    pub history_until: Option<Option<Timestamp>>,
    /// When the journal that this account was restored from was last written; `None` without one.
    pub remembered_at: Option<Timestamp>,
    /// When the stream last reported an update.
    pub reported_at: Option<Mono>,
    /// The name of the connection's state at its last change.
    pub state_name: &'static str,
    /// Connection history, newest last, bounded.
    pub log: VecDeque<ConnectionEntry>,
}

/// One line of a connection's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionEntry {
    /// When it happened.
    pub at: Now,
    /// The event, as a sentence without a full stop.
    pub text: String,
}

impl AccountState {
    /// Whether the stream missed this: it came from REST and is newer than the history. Compares the broker's times
    /// only, because this machine's clock may differ.
    pub fn is_late(&self, source: Source, at: Option<Timestamp>) -> bool {
        source == Source::Reconcile && self.history_until.is_some_and(|until| at > until)
    }

    /// An account whose session has not started; `seed` seeds its jitter.
    pub fn new(link: LinkRecord, seed: u64) -> Self {
        let mut session = Session::new(seed);
        session.belongs_to(link.account_id.clone(), link.environment == Environment::Paper);
        Self {
            link,
            blotter_number: 0,
            session,
            blotter: Blotter::default(),
            account: None,
            positions: None,
            unlisted: Vec::new(),
            activities: Activities::default(),
            history_due: None,
            curve_faults: BTreeMap::new(),
            retry_at: BTreeMap::new(),
            curves: BTreeMap::new(),
            seen_live: false,
            history_until: None,
            remembered_at: None,
            reported_at: None,
            state_name: "",
            log: VecDeque::new(),
        }
    }

    /// Whether all of these parts are current.
    pub fn is_current(&self, parts: &[Part], now: Mono) -> bool {
        parts.iter().all(|part| self.session.freshness(*part, now).current)
    }

    /// True when a part is current and no execution contradicts it.
    pub fn is_uncontested(&self, part: Part, now: Mono) -> bool {
        self.session.freshness(part, now).current && self.session.contradiction(part, now).is_none()
    }

    /// The oldest time of the last good answers for these parts; `None` when one has never been answered.
    pub fn good_at(&self, parts: &[Part], now: Mono) -> Option<Now> {
        let mut oldest: Option<Now> = None;
        for part in parts {
            let good = self.session.freshness(*part, now).good?;
            oldest = Some(oldest.filter(|known| known.mono <= good.mono).unwrap_or(good));
        }
        oldest
    }

    /// When the broker last sent data of the account, by stream or REST; pongs do not count.
    pub fn heard_at(&self, now: Mono) -> Option<Mono> {
        let answers = Part::ALL.iter().filter_map(|part| self.session.freshness(*part, now).good);
        answers.map(|good| good.mono).chain(self.reported_at).max()
    }

    /// Why one of these parts is stale or incomplete.
    pub fn lack(&self, parts: &[Part], now: Mono) -> Option<&str> {
        let mut lacking = parts.iter().map(|part| self.session.freshness(*part, now)).filter(|fresh| !fresh.current);
        lacking.find_map(|fresh| fresh.reason)
    }

    /// Whether neither the broker nor the journal has any of these parts.
    pub fn is_unknown(&self, parts: &[Part], now: Mono) -> bool {
        let remembered = self.remembered_at.is_some() && parts.iter().all(|part| part.is_journaled());
        !self.is_current(parts, now) && !remembered && self.good_at(parts, now).is_none()
    }

    /// Whether an empty list of these parts may be wrong: nothing is known, or a row could not be read.
    pub fn may_hide(&self, parts: &[Part], now: Mono) -> bool {
        let mut fresh = parts.iter().map(|part| self.session.freshness(*part, now));
        self.is_unknown(parts, now) || fresh.any(|fresh| fresh.good.is_some() && !fresh.whole)
    }

    /// Whether today's equity curve is current.
    pub fn has_current_curve(&self, now: Mono) -> bool {
        let fresh = self.curves.get(&Period::Day).is_some_and(|dated| now.since(dated.at) < CURVE_FOR);
        fresh && self.session.follows()
    }

    /// The number of its working orders; `None` while neither the broker nor the journal has reported orders.
    pub fn known_working(&self, now: Mono) -> Option<Count> {
        let fresh = self.session.freshness(Part::Working, now);
        let is_known = self.remembered_at.is_some() || fresh.good.is_some() || self.blotter.order_count() > 0;
        // A single order from the stream does not tell how many there are.
        let more = if fresh.good.is_some() { !fresh.whole } else { self.remembered_at.is_none() };
        is_known.then(|| Count { known: self.blotter.working_count(), more })
    }

    /// The number of its positions; `None` before the broker's first list.
    pub fn known_held(&self, now: Mono) -> Option<Count> {
        let more = !self.session.freshness(Part::Positions, now).whole;
        self.positions.as_ref().map(|_| Count { known: self.held().count(), more })
    }

    /// Its positions: those of the last list, then those opened by executions since.
    pub fn held(&self) -> impl Iterator<Item = &Position> {
        self.positions.iter().flat_map(|dated| &dated.value).chain(&self.unlisted)
    }

    /// The last price of a symbol that is held.
    pub fn last_px(&self, symbol: &Symbol) -> Option<Price> {
        let positions = &self.positions.as_ref()?.value;
        positions.iter().find(|position| position.symbol.is_one_with(symbol))?.last_px
    }

    /// A position's market value, as an amount, in percent of the account's equity.
    pub fn weight(&self, position: &Position) -> Option<Decimal> {
        let equity = self.account.as_ref()?.value.equity.filter(|equity| equity.is_positive())?;
        position.market_value?.abs().percent_of(equity)
    }

    /// Updates [`Self::unlisted`] from the session; returns whether it changed.
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

    /// When a curve or page is requested again, if that is known.
    pub fn retry_at(&self, what: OnDemand) -> Option<Mono> {
        if what.is_periodic() {
            return self.history_due.filter(|_| self.curve_faults.contains_key(&Period::Day));
        }
        self.retry_at.get(&what).copied()
    }

    /// Records that a curve or page did not arrive.
    pub(super) fn on_demand_failed(&mut self, what: OnDemand, error: &RequestError, now: Now) {
        if !what.is_periodic() && matches!(error.kind, RequestErrorKind::RateLimited { .. }) {
            self.retry_at.insert(what, now.mono + retry_after_error(error, LIMITED_AGAIN));
        }
    }

    /// Records that a request under way was dropped.
    pub(super) fn on_demand_dropped(&mut self, what: OnDemand) {
        if !what.is_periodic() {
            self.retry_at.insert(what, Mono::ZERO);
        }
    }

    /// The connection's state.
    pub fn state(&self) -> &ConnectionState {
        self.session.state()
    }

    /// Whether it trades real money.
    pub fn is_live_account(&self) -> bool {
        self.link.environment == Environment::Live
    }

    /// Drops the old account's data when another account is behind the link.
    pub(super) fn reset(&mut self) {
        (self.account, self.positions) = (None, None);
        self.curve_faults.clear();
        self.retry_at.clear();
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
