//! What others ask of the model: the account in view, the row under the cursor, counts, the next deadline.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use tui_input::Input;

use super::count::Count;
use super::{
    AccountScope, AccountState, Attempt, AttemptPhase, BrokerRow, BrokerSummary, ConnectionEntry, Extent, Flashes,
    Model, OrderKey, Overlay, Pane, Pending, PositionKey, Program, TapeKey,
};
use crate::app::keymap::Keymap;
use crate::app::rows::{self, OrderRow, Rows};
use crate::domain::blotter::{Blotter, TapeEntry};
use crate::domain::{BrokerId, Environment, LinkId, Mono, Now, Order, Position, Qty, Source};
use crate::link::LinkRecord;
use crate::session::{ConnectionState, Part, RequestId, Session};

/// The program's own request ids begin here; below are the sessions'.
pub const OWN_REQUESTS: u64 = 1 << 48;
/// Lines of connection history kept for each account.
pub const HISTORY: usize = 200;
/// The equity of today is asked for every five minutes, and once more soon after it did not come.
pub const CURVE_FOR: Duration = Duration::from_mins(7);
const SECOND: i32 = 1_000_000_000;

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
            history: None,
            activities: super::activities::Activities::default(),
            history_due: None,
            curve_faults: BTreeMap::new(),
            charts: BTreeMap::new(),
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

    /// True while nobody told of what a pane shows of it, neither the broker nor the journal.
    pub fn is_unknown(&self, pane: Pane, now: Mono) -> bool {
        let remembered = self.remembered_at.is_some() && matches!(pane, Pane::Orders | Pane::Tape);
        !self.is_current(pane.parts(), now) && !remembered && self.good_at(pane.parts(), now).is_none()
    }

    /// True while an empty list of a pane may be one of which nothing is known, or of which a row could not be read.
    fn may_hide(&self, pane: Pane, now: Mono) -> bool {
        let mut fresh = pane.parts().iter().map(|part| self.session.freshness(*part, now));
        self.is_unknown(pane, now) || fresh.any(|fresh| fresh.good.is_some() && !fresh.whole)
    }

    /// True when the equity of today is as fresh as it is asked for.
    pub fn has_current_curve(&self, now: Mono) -> bool {
        let fresh = self.history.as_ref().is_some_and(|dated| now.since(dated.at) < CURVE_FOR);
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
        if self.session.disputes().next().is_none() && self.unlisted.is_empty() {
            return false;
        }
        let listed: HashSet<&str> =
            self.positions.iter().flat_map(|dated| &dated.value).map(|position| position.symbol.as_str()).collect();
        let unlisted: Vec<Position> = self
            .session
            .disputes()
            .filter(|(symbol, qty)| *qty != Qty::ZERO && !listed.contains(symbol.as_str()))
            .map(|(symbol, qty)| Position { qty: Some(qty), ..Position::unread(symbol.clone()) })
            .collect();
        let differs = unlisted != self.unlisted;
        self.unlisted = unlisted;
        differs
    }

    /// Where its connection stands.
    pub fn state(&self) -> &ConnectionState {
        self.session.state()
    }

    /// True for an account with real money.
    pub fn is_live_account(&self) -> bool {
        self.link.environment == Environment::Live
    }

    /// Adds a line to the connection's history.
    pub fn note(&mut self, at: Now, text: impl Into<String>) {
        if self.log.len() == HISTORY {
            self.log.pop_front();
        }
        self.log.push_back(ConnectionEntry { at, text: text.into() });
    }
}

impl Model {
    /// The state before anything happened.
    pub fn new(program: Program, keymap: Keymap, brokers: Vec<BrokerSummary>, now: Now) -> Self {
        let mut model = Self {
            program,
            keymap,
            now,
            size: (80, 24),
            brokers,
            accounts: Vec::new(),
            scope: AccountScope::None,
            chosen_scope: None,
            focus: Pane::Brokers,
            zoomed: false,
            filtering: None,
            filter_input: Input::default(),
            before: String::new(),
            rows: Rows::default(),
            marks: BTreeSet::new(),
            overlays: Vec::new(),
            attempt: None,
            next_attempt: 1,
            next_book: 0,
            clock: None,
            clock_fault: None,
            clock_due: None,
            clock_every: Duration::ZERO,
            pending: BTreeMap::new(),
            next_request: OWN_REQUESTS,
            count: None,
            palette: Vec::new(),
            extent: Extent::default(),
            toasts: VecDeque::new(),
            errors: VecDeque::new(),
            unsaved: None,
            flashes: Flashes::default(),
            quiet_until: Mono::ZERO,
            untold: None,
            recollections: Vec::new(),
            touched_at: None,
            hurried: false,
            asking: None,
            next_question: 0,
            confirming: None,
            mouse: true,
            exit: None,
            dirty: true,
        };
        rows::brokers_changed(&mut model);
        model
    }

    /// True when the program is to end.
    pub const fn is_done(&self) -> bool {
        self.exit.is_some()
    }

    /// The exchange's time: its last answer and the time passed since; the machine's own before there was one.
    pub fn exchange_now(&self) -> Timestamp {
        let Some(dated) = &self.clock else { return self.now.wall };
        dated.value.at.checked_add(self.now.mono.since(dated.at)).unwrap_or(self.now.wall)
    }

    /// A linked account.
    pub fn account(&self, link: &LinkId) -> Option<&AccountState> {
        self.accounts.iter().find(|account| account.link.id == *link)
    }

    /// A linked account, to be changed.
    pub fn account_mut(&mut self, link: &LinkId) -> Option<&mut AccountState> {
        self.accounts.iter_mut().find(|account| account.link.id == *link)
    }

    /// A broker of the catalogue.
    pub fn broker(&self, id: &BrokerId) -> Option<&BrokerSummary> {
        self.brokers.iter().find(|broker| broker.id == *id)
    }

    /// The one account the panes show; `None` with all or none.
    pub fn shown_account(&self) -> Option<&AccountState> {
        match &self.scope {
            AccountScope::One(link) => self.account(link),
            AccountScope::None | AccountScope::All => None,
        }
    }

    /// Every account the panes show.
    pub fn shown_accounts(&self) -> impl Iterator<Item = &AccountState> {
        self.accounts.iter().filter(|account| match &self.scope {
            AccountScope::None => false,
            AccountScope::One(link) => account.link.id == *link,
            AccountScope::All => true,
        })
    }

    /// Why it is not known what a pane lists of the accounts that it shows; `None` where an empty list means that there is
    /// nothing. In the broker's words, which are not cleaned.
    pub fn unknown(&self, pane: Pane) -> Option<String> {
        let now = self.now.mono;
        let mut hiding = self.shown_accounts().filter(|account| account.may_hide(pane, now)).peekable();
        hiding.peek()?;
        let lack = hiding.find_map(|account| account.lack(pane.parts(), now));
        Some(lack.unwrap_or("waiting for the broker").to_owned())
    }

    /// An order by its key.
    pub fn order(&self, key: &OrderKey) -> Option<&Order> {
        self.account(&key.link)?.blotter.order(&key.order)
    }

    /// The key of a row of the list of orders, if its order is still there.
    pub fn order_key(&self, row: OrderRow) -> Option<OrderKey> {
        let (account, order) = row.find(&self.accounts)?;
        Some(OrderKey { link: account.link.id.clone(), order: order.id.clone() })
    }

    /// The selected order.
    pub fn selected_order(&self) -> Option<OrderKey> {
        self.order_key(self.rows.orders.selected?)
    }

    /// The row of an order, whether the list shows it or not.
    pub fn order_row(&self, key: &OrderKey) -> Option<OrderRow> {
        OrderRow::of(self.account(&key.link)?, &key.order)
    }

    /// A number for a blotter that begins, which no other has in this run.
    pub const fn fresh_book(&mut self) -> u32 {
        self.next_book += 1;
        self.next_book
    }

    /// A position by its key.
    pub fn position(&self, key: &PositionKey) -> Option<&Position> {
        self.account(&key.link)?.held().find(|position| position.symbol == key.symbol)
    }

    /// A line of a tape by its key, and whose it is.
    pub fn tape_entry(&self, key: TapeKey) -> Option<(&AccountState, &TapeEntry)> {
        let account = self.accounts.iter().find(|account| account.book == key.book)?;
        Some((account, account.blotter.tape_entry(key.entry)?))
    }

    /// The line of the tape that is selected, or the newest.
    pub fn tape_line(&self) -> Option<(&AccountState, &TapeEntry)> {
        let tape = &self.rows.tape;
        self.tape_entry(*tape.selected.as_ref().or(tape.rows.front())?)
    }

    /// The account that an action in the focused pane concerns: the broker row's, the row's, or the one shown.
    pub fn account_at_hand(&self) -> Option<&AccountState> {
        let link = match self.focus {
            Pane::Brokers => match self.rows.brokers.selected.as_ref()? {
                BrokerRow::Linked(link) => Some(link),
                BrokerRow::Unlinked(_) | BrokerRow::Add => None,
            },
            Pane::Account => None,
            Pane::Orders => {
                let found = self.rows.orders.selected.and_then(|row| row.find(&self.accounts));
                found.map(|(account, _)| &account.link.id)
            }
            Pane::Positions => self.rows.positions.selected.as_ref().map(|key| &key.link),
            // Without a cursor the tape's newest line is the one at hand.
            Pane::Tape => self.tape_line().map(|(account, _)| &account.link.id),
        };
        match link {
            Some(link) => self.account(link),
            None if self.focus == Pane::Brokers => None,
            None => self.shown_account(),
        }
    }

    /// How many accounts are in a state, by its word, in the order of [`ConnectionState`].
    pub fn counts(&self) -> Vec<(&'static str, usize)> {
        let words = ["live", "syncing", "connecting", "reconnecting", "polling", "needs relink", "blocked", "paused"];
        let count = |word: &str| self.accounts.iter().filter(|account| account.state().word() == word).count();
        words.into_iter().map(|word| (word, count(word))).filter(|(_, count)| *count > 0).collect()
    }

    /// Errors not read yet.
    pub fn unread_errors(&self) -> usize {
        self.errors.iter().filter(|error| !error.read).count()
    }

    /// The topmost overlay.
    pub fn top(&self) -> Option<&Overlay> {
        self.overlays.last()
    }

    /// The number of the question that stands open, until a frame with it is told as shown ([`crate::app::Msg::Shown`]).
    pub fn unseen_question(&self) -> Option<u64> {
        self.asking.as_ref().filter(|asking| asking.shown_at.is_none()).map(|asking| asking.number)
    }

    /// Rows of a pane's list that the last frame could show.
    pub fn page(&self, pane: Pane) -> usize {
        self.extent.pages.get(pane as usize).map_or(10, |rows| usize::from(*rows)).max(1)
    }

    /// True while what is typed or pasted must not be shown or recorded: the redirect URL carries a code.
    pub fn input_is_secret(&self) -> bool {
        matches!(self.top(), Some(Overlay::Linking))
            && matches!(&self.attempt, Some(Attempt { phase: AttemptPhase::Waiting { paste: Some(_), .. }, .. }))
    }

    /// True while rows of this account's activity list are under way.
    pub fn activities_loading(&self, link: &LinkId) -> bool {
        let of = |pending: &Pending| matches!(pending, Pending::Activities { link: owner, .. } if owner == link);
        self.pending.values().any(of)
    }

    /// A request id of the program's own.
    pub fn fresh_request(&mut self) -> RequestId {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        id
    }

    /// Whether a [`crate::app::Msg::Work`] is wanted in every turn of the loop: something long is made in slices.
    pub const fn has_work(&self) -> bool {
        rows::has_work(self)
    }

    /// When to send the next [`crate::app::Msg::Tick`]: a session's deadline, the end of a toast or flash, a question
    /// that falls due, a bell that was held back, or the next whole second of the wall clock, which the header always shows.
    pub fn next_deadline(&self, now: Now) -> Option<Mono> {
        let sessions = self.accounts.iter().filter_map(|account| account.session.deadline());
        let histories = self.accounts.iter().filter_map(|account| account.history_due);
        let toasts = self.toasts.iter().map(|toast| toast.until);
        let second = std::iter::once(now.mono + until_next_second(now));
        let confirming = self.confirming.iter().map(|held| held.due);
        let untold = self.untold.as_ref().map(|_| self.quiet_until);
        sessions
            .chain(confirming)
            .chain(histories)
            .chain(toasts)
            .chain(self.flashes.next_end())
            .chain(self.clock_due)
            .chain(untold)
            .chain(second)
            .min()
    }
}

fn until_next_second(now: Now) -> Duration {
    // Before 1970 the part below a second is negative; a clock that wrong still ticks once a second.
    let past = now.wall.subsec_nanosecond().rem_euclid(SECOND);
    Duration::from_nanos(u64::from((SECOND - past).unsigned_abs()))
}
