//! The brokerage without sockets: accounts, orders, matching and books over a seeded market. Pure and deterministic:
//! time comes in through [`Engine::advance_to`], events go out through [`Engine::poll_news`], and equal inputs give
//! equal outputs. It reads no clock, opens nothing, and knows nothing of JSON or HTTP but the status of a refusal.

pub mod account;
mod activity;
mod admit;
mod affordability;
pub mod bot;
mod bounds;
mod cash;
pub mod cash_row;
mod closing;
mod control;
pub mod event;
pub mod history;
mod lifecycle;
mod matching;
mod multileg;
mod news;
mod opening;
pub mod order;
mod place;
pub mod position;
mod query;
pub mod readings;
pub mod refusal;
mod schedule;
mod slot;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

pub use super::words::{
    AssetClass, EventKind, GroupRole, OrderClass, OrderType, PositionIntent, Side, Status, TimeInForce,
};
pub use account::{Account, Balances, Configurations, Kind, PositionView};
pub use activity::{Activity, ActivityFilter, activity_id, coin_fee};
pub use cash_row::{CashKind, CashRow};
pub use closing::Part;
pub use event::{
    ActivityOf, Booking, BookingStatus, EngineEvent, EventId, Execution, LegReport, News, Report, Restated,
};
pub use history::{History, HistoryQuery, Hours, Timeframe};
pub use lifecycle::Answers;
pub use order::{AccountNo, Changes, NewLeg, NewOrder, Order, OrderFilter, OrderId, StatusFilter, StopLoss};
pub use position::Position;
pub use query::{ClockView, Truth};
pub use readings::{Readings, SWITCHES, UpdatedAt};
pub use refusal::{Member, Refusal};

use super::calendar::{self, Phase, Session};
use super::dice::{Dice, uuid_of};
use super::market::{Market, Sym, Tick};
use bot::Bot;
use schedule::{Task, Today};
use slot::{Book, IdMap, Ix, Slot};

/// Options of an engine.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The random seed.
    pub seed: u64,
    /// The start of simulated time.
    pub start: Timestamp,
    /// Milliseconds between quotes of an asset in the regular session; longer outside it.
    pub step_millis: i64,
    /// Accounts, in the order of their [`AccountNo`]s.
    pub accounts: Vec<AccountOptions>,
    /// The number of this run of the brokerage. A restarted one has other account ids, as after a reset, because it has
    /// lost its history. Zero derives the ids from the seed alone.
    pub incarnation: u64,
    /// Probability per thousand that a paper order first gets a random partial fill.
    pub partial_per_mille: u64,
}

/// Options of an account.
#[derive(Debug, Clone)]
pub struct AccountOptions {
    /// The account number.
    pub number: String,
    /// Paper or live.
    pub kind: Kind,
    /// The cash of an account when it is opened.
    pub cash: Decimal,
}

impl EngineOptions {
    /// Two paper accounts and a live one, with numbers as the service assigns them.
    pub fn new(seed: u64, start: Timestamp) -> Self {
        let account =
            |number: &str, kind, cash| AccountOptions { number: number.to_owned(), kind, cash: Decimal::from(cash) };
        Self {
            seed,
            start,
            step_millis: 500,
            incarnation: 0,
            accounts: vec![
                account("PA3SIM0001", Kind::Paper, 100_000),
                account("PA3SIM0002", Kind::Paper, 100_000),
                account("840271321", Kind::Live, 25_000),
            ],
            partial_per_mille: 100,
        }
    }
}

/// The brokerage.
#[derive(Debug, Clone)]
pub struct Engine {
    options: EngineOptions,
    now: Timestamp,
    market: Market,
    books: Vec<Book>,
    slots: Vec<Slot>,
    by_id: IdMap<Ix>,
    /// Orders by client order id, per account.
    by_client: Vec<HashMap<Arc<str>, Ix>>,
    by_execution: IdMap<(AccountNo, u32)>,
    accounts: Vec<Account>,
    tasks: BinaryHeap<Reverse<(Timestamp, u64, Task)>>,
    task_count: u64,
    /// Orders that wait for a session in which they can work.
    waiting: BTreeSet<Ix>,
    /// Working multi-leg orders.
    multilegs: BTreeSet<Ix>,
    /// Orders waiting for the closing auction.
    at_close: BTreeSet<Ix>,
    expiries: BTreeSet<(Timestamp, Ix)>,
    session: Session,
    /// A phase set by hand, until the calendar's next change.
    forced: Option<Phase>,
    /// When the calendar changes the phase next; stored, because an order may expire at the same instant.
    next_phase: Timestamp,
    /// The session that closes next.
    closing: Session,
    /// The current day in New York, and when its trades settle.
    today: Today,
    next_step: Timestamp,
    next_minute: Timestamp,
    last_step: Timestamp,
    news: VecDeque<News>,
    last_event: EventId,
    /// When the last news was sent.
    last_at: Timestamp,
    /// The number of order events so far.
    event_count: u64,
    last_stamp: Timestamp,
    ids: Dice,
    luck: Dice,
    resets: u32,
    bot: Option<Bot>,
    readings: Readings,
}

impl Engine {
    /// A brokerage at `options.start`, with empty accounts.
    pub fn new(options: EngineOptions) -> Self {
        let (seed, start) = (options.seed, options.start);
        let market = Market::new(seed, start);
        let session = calendar::session_at(start);
        let mut ids = Dice::new(seed, 2);
        let day = calendar::previous_trading_day(calendar::in_new_york(start).date());
        let accounts = (0_u16..)
            .zip(&options.accounts)
            .map(|(no, account)| {
                // Drawn in every run, so that the rest is the same in each.
                let drawn = ids.uuid();
                let id = match options.incarnation {
                    0 => drawn,
                    life => uuid_of(&format!("{} {seed} {life}", account.number)),
                };
                Account::new(AccountNo(no), id, account.number.clone(), account.kind, account.cash, start, day)
            })
            .collect();
        let books = market.syms().map(|_| Book::default()).collect();
        let mut engine = Self {
            now: start,
            market,
            books,
            slots: Vec::new(),
            by_id: IdMap::default(),
            by_client: vec![HashMap::new(); options.accounts.len()],
            by_execution: IdMap::default(),
            accounts,
            tasks: BinaryHeap::new(),
            task_count: 0,
            waiting: BTreeSet::new(),
            multilegs: BTreeSet::new(),
            at_close: BTreeSet::new(),
            expiries: BTreeSet::new(),
            session,
            forced: None,
            closing: calendar::next_close(start),
            today: Today::of(start),
            next_phase: session.next_change(start).unwrap_or(session.post_at),
            next_step: start,
            next_minute: start,
            last_step: start,
            news: VecDeque::new(),
            last_event: EventId(0),
            last_at: Timestamp::UNIX_EPOCH,
            event_count: 0,
            last_stamp: start,
            ids,
            luck: Dice::new(seed, 3),
            resets: 0,
            bot: None,
            readings: Readings::default(),
            options,
        };
        engine.tell_openings();
        engine
    }

    /// Starts or stops trading by a bot.
    pub fn set_bot(&mut self, bot: Option<Bot>) {
        self.bot = bot;
    }

    /// Sets the variants of the service's rules.
    pub fn set_readings(&mut self, readings: Readings) {
        self.readings = readings;
    }

    /// The variants of the service's rules.
    pub fn readings(&self) -> &Readings {
        &self.readings
    }

    /// The simulated time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The market, read-only.
    pub fn market(&self) -> &Market {
        &self.market
    }

    /// Starts or stops keeping quotes and prints for [`Self::poll_tick`].
    pub fn listen(&mut self, on: bool) {
        self.market.listen(on);
    }

    /// The next market event.
    pub fn poll_tick(&mut self) -> Option<Tick> {
        self.market.poll_tick()
    }

    /// Every account, paper and live.
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// An account, if it exists.
    pub fn find_account(&self, no: AccountNo) -> Option<&Account> {
        self.accounts.get(usize::from(no.0))
    }

    /// The phase of the equity market.
    pub fn phase(&self) -> Phase {
        self.forced.unwrap_or_else(|| self.session.phase(self.now))
    }

    /// Whether an order with this extended-hours flag can trade in the asset now.
    fn can_trade(&self, sym: Sym, extended_hours: bool) -> bool {
        let phase = self.phase();
        self.market.trades_in(sym, phase)
            && (self.market.asset(sym).class == AssetClass::Crypto || phase == Phase::Regular || extended_hours)
    }

    #[expect(clippy::indexing_slicing, reason = "an Ix is only made by pushing a slot, and slots are never removed")]
    fn slot(&self, ix: Ix) -> &Slot {
        &self.slots[ix.0 as usize]
    }

    #[expect(clippy::indexing_slicing, reason = "see `slot`")]
    fn slot_mut(&mut self, ix: Ix) -> &mut Slot {
        &mut self.slots[ix.0 as usize]
    }

    #[expect(clippy::indexing_slicing, reason = "slots only carry the numbers of accounts that exist")]
    fn account_of(&self, ix: Ix) -> &Account {
        &self.accounts[usize::from(self.slot(ix).account.0)]
    }

    #[expect(clippy::indexing_slicing, reason = "see `account_of`")]
    fn account_of_mut(&mut self, ix: Ix) -> &mut Account {
        let no = usize::from(self.slot(ix).account.0);
        &mut self.accounts[no]
    }

    #[expect(clippy::indexing_slicing, reason = "there is a book for every asset of the catalogue")]
    fn book(&self, sym: Sym) -> &Book {
        &self.books[usize::from(sym.index())]
    }

    #[expect(clippy::indexing_slicing, reason = "see `book`")]
    fn book_mut(&mut self, sym: Sym) -> &mut Book {
        &mut self.books[usize::from(sym.index())]
    }

    fn need_account(&self, no: AccountNo) -> Result<&Account, Refusal> {
        self.find_account(no).ok_or_else(|| Refusal::not_found("account not found"))
    }

    /// A strictly increasing instant at or after now, so that no two events have the same one.
    fn stamp(&mut self) -> Timestamp {
        let gap = SignedDuration::from_nanos(self.luck.between(900, 6_000));
        self.last_stamp = self.last_stamp.checked_add(gap).unwrap_or(self.now).max(self.now);
        self.last_stamp
    }
}

#[cfg(test)]
mod tests;
