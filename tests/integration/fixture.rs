//! A desk with a scripted broker behind it: real messages through the real `update`, at a fixed time.
//!
//! Used by screens, benches and pictures.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use brokerdeck::accounts::{Effect as AccountEffect, Msg as AccountMsg};
use brokerdeck::app::brokers::BrokerSummary;
use brokerdeck::app::keymap::{Chord, Keymap};
use brokerdeck::app::model::{Model, Program, Zone};
use brokerdeck::app::{Effect, Msg, update};
use brokerdeck::domain::execution::ExecutionKind;
use brokerdeck::domain::market::{EquityHistory, EquityPoint, MarketClock};
use brokerdeck::domain::order::Raw;
use brokerdeck::domain::{
    Account, AccountId, Activity, ActivityKind, BrokerId, Environment, Execution, ExecutionId, LinkId, Money, Mono,
    Now, Order, OrderClass, OrderId, OrderStatus, OrderType, Position, Price, Qty, Side, Source, Symbol, TimeInForce,
    TradeEvent, TradeUpdate,
};
use brokerdeck::link::LinkRecord;
use brokerdeck::session::{Closed, Reply, Request, StreamEvent};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The time when the desk is ready: 13:46:16 in New York.
pub(crate) const NOW: &str = "2026-11-24T18:46:16.400Z";
/// The program's running time then.
const UPTIME: Duration = Duration::from_mins(9);

/// A broker's state of one account.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    pub account: Account,
    pub positions: Vec<Position>,
    pub orders: Vec<Order>,
    pub fills: Vec<Activity>,
    pub history: EquityHistory,
}

/// The program, and the broker's side of its accounts.
pub(crate) struct Fixture {
    pub model: Model,
    pub now: Now,
    /// Every message so far, in order.
    pub log: Vec<(Now, Msg)>,
    books: BTreeMap<LinkId, Book>,
    epochs: BTreeMap<LinkId, brokerdeck::session::Epoch>,
}

pub(crate) fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A time of today in New York.
pub(crate) fn today(clock: &str) -> Timestamp {
    let at: Timestamp = time(&format!("2026-11-24T{clock}Z"));
    at + Duration::from_hours(5)
}

fn px(text: &str) -> Option<Price> {
    (!text.is_empty()).then(|| text.parse().unwrap())
}

fn money(text: &str) -> Option<Money> {
    (!text.is_empty()).then(|| text.parse().unwrap())
}

fn qty(text: &str) -> Qty {
    text.parse().unwrap()
}

pub(crate) fn paper() -> LinkRecord {
    record("alpaca-paper", Environment::Paper, "PA3SIM0001", "Alpaca Paper")
}

pub(crate) fn live() -> LinkRecord {
    record("alpaca-live", Environment::Live, "840217321", "Alpaca Live")
}

fn record(broker: &str, environment: Environment, number: &str, label: &str) -> LinkRecord {
    LinkRecord {
        id: LinkId::new(format!("{broker}/{}/{number}", environment.as_str())),
        broker: BrokerId::from(broker),
        environment,
        account_id: AccountId::new(format!("id-of-{number}")),
        account_number: Arc::from(number),
        label: Arc::from(label),
        scopes: vec![Arc::from("account:write"), Arc::from("trading"), Arc::from("data")],
        linked_at: time("2026-11-20T15:00:00Z"),
        grantor: None,
    }
}

fn account(link: &LinkRecord, equity: &str, last: &str, cash: &str) -> Account {
    Account {
        id: link.account_id.clone(),
        number: Some(link.account_number.as_ref().into()),
        status: "ACTIVE".into(),
        currency: Some("USD".into()),
        equity: money(equity),
        last_equity: money(last),
        cash: money(cash),
        buying_power: money("207641.12"),
        non_marginable_buying_power: money("41002.77"),
        long_market_value: money("62817.79"),
        short_market_value: money("0"),
        initial_margin: money("31408.90"),
        maintenance_margin: money("18845.34"),
        multiplier: Some("2".parse().unwrap()),
        trading_blocked: false,
        account_blocked: false,
        transfers_blocked: false,
        trade_suspended_by_user: false,
        shorting_enabled: true,
        created_at: None,
        raw: Raw(None),
    }
}

/// An order with the minimum of members.
pub(crate) fn order(id: &str, at: &str, side: Side, symbol: &str, size: &str, kind: OrderType) -> Order {
    Order {
        id: OrderId::new(format!("61e69015-8549-4bfd-b9c3-{id:0>12}")),
        client_order_id: Some(format!("desk-{id}").into()),
        symbol: Symbol::from(symbol),
        asset_class: Some(if symbol.contains('/') { "crypto" } else { "us_equity" }.into()),
        side,
        order_type: kind,
        tif: TimeInForce::Day,
        class: OrderClass::Simple,
        qty: Some(qty(size)),
        notional: None,
        cum_qty: Qty::ZERO,
        avg_px: None,
        limit_px: None,
        stop_px: None,
        trail_px: None,
        trail_percent: None,
        hwm: None,
        status: OrderStatus::New,
        extended_hours: false,
        created_at: Some(today(at)),
        updated_at: Some(today(at)),
        submitted_at: Some(today(at)),
        filled_at: None,
        expired_at: None,
        expires_at: None,
        canceled_at: None,
        failed_at: None,
        replaced_at: None,
        replaced_by: None,
        replaces: None,
        group_id: None,
        group_role: None,
        legs: Vec::new(),
        raw: Raw(None),
    }
}

/// The same order, partly or fully filled at a price.
fn filled(mut order: Order, size: &str, price: &str) -> Order {
    order.cum_qty = qty(size);
    order.avg_px = px(price);
    order.status = if order.qty == Some(order.cum_qty) { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
    order.filled_at = order.updated_at.filter(|_| order.status == OrderStatus::Filled);
    order
}

fn limit(mut order: Order, price: &str) -> Order {
    order.limit_px = px(price);
    order
}

fn ended(mut order: Order, status: OrderStatus) -> Order {
    order.status = status;
    order
}

fn position(symbol: &str, size: &str, avg: &str, last: &str, value: &str, pl: &str, plpc: &str) -> Position {
    Position {
        symbol: Symbol::from(symbol),
        asset_id: None,
        asset_class: Some("us_equity".into()),
        qty: Some(qty(size)),
        qty_available: Some(qty(size)),
        avg_px: px(avg),
        last_px: px(last),
        lastday_px: px(last),
        market_value: money(value),
        cost_basis: money(value),
        unrealized_pl: money(pl),
        unrealized_plpc: Some(plpc.parse().unwrap()),
        unrealized_intraday_pl: money(pl),
        change_today: Some("0.0042".parse().unwrap()),
        raw: Raw(None),
    }
}

fn fill(number: u32, of: &Order, at: &str, size: &str, price: &str, total: &str) -> Activity {
    Activity {
        id: Arc::from(format!("20261124{number:09}::f-{number}")),
        activity_type: "FILL".into(),
        kind: ActivityKind::Fill {
            execution_id: Some(ExecutionId::new(format!("3f1c0c52-0000-4000-8000-{number:0>12}"))),
            order_id: of.id.clone(),
            symbol: of.symbol.clone(),
            side: of.side.clone(),
            qty: qty(size),
            px: price.parse().unwrap(),
            cum_qty: Some(qty(total)),
            partial: false,
            at: Some(today(at)),
        },
        raw: Raw(None),
    }
}

/// A deterministic equity curve of a day that rises, dips and rises again.
fn curve(base: i64, swing: i64) -> EquityHistory {
    let points = (0..52_i64).map(|step| {
        // A parabola over a slow rise, in integers.
        let wave = (step % 17 - 8) * (step % 17 - 8) - 30;
        let equity = Money::whole(base + step * swing / 50 + wave * swing / 130);
        EquityPoint { at: today("09:30:00") + Duration::from_secs(step.unsigned_abs() * 300), equity: Some(equity) }
    });
    EquityHistory { points: points.collect(), base: Some(Money::whole(base)) }
}

/// Orders of every kind that stress the columns: options, coins, fractions, a notional, an unknown word.
fn paper_book() -> Book {
    use OrderType::{Limit, Market, Stop, StopLimit, TrailingStop};
    let partial = filled(limit(order("1", "13:46:12", Side::Buy, "AAPL", "100", Limit), "186.20"), "40", "186.19");
    let working = limit(order("2", "13:41:50", Side::Sell, "NVDA", "25", Limit), "142.75");
    let mut stop = order("3", "11:02:07", Side::Sell, "TSLA", "12", Stop);
    stop.stop_px = px("318.5");
    stop.tif = TimeInForce::Gtc;
    let mut trail = order("4", "10:15:33", Side::Sell, "MSFT", "30", TrailingStop);
    (trail.stop_px, trail.trail_percent, trail.tif) = (px("408.1125"), Some("1.5".parse().unwrap()), TimeInForce::Gtc);
    let option = limit(order("5", "13:38:02", Side::Buy, "AAPL261218C00190000", "3", Limit), "4.35");
    let option = filled(option, "3", "4.3333");
    let coin = filled(order("6", "13:12:44", Side::Buy, "BTC/USD", "0.01234567", Market), "0.01234567", "97250.125");
    let tiny = filled(order("7", "12:58:19", Side::Buy, "SHIB/USD", "1250000", Market), "1250000", "0.00000843");
    let canceled = ended(limit(order("8", "12:30:00", Side::Buy, "AMD", "50", Limit), "121.10"), OrderStatus::Canceled);
    let mut rejected = ended(order("9", "12:11:09", Side::Buy, "GME", "900", Market), OrderStatus::Rejected);
    rejected.failed_at = rejected.updated_at;
    let mut notional = order("10", "11:47:51", Side::Buy, "VOO", "1", Market);
    (notional.qty, notional.notional) = (None, money("2500"));
    (notional.cum_qty, notional.avg_px, notional.status) = (qty("4.584561"), px("545.31"), OrderStatus::Filled);
    let mut replaced =
        ended(limit(order("11", "11:30:21", Side::Buy, "AAPL", "100", Limit), "185.90"), OrderStatus::Replaced);
    replaced.replaced_by = Some(partial.id.clone());
    let odd = ended(
        limit(order("12", "10:58:40", Side::Sell, "BRK.B", "2", StopLimit), "455"),
        OrderStatus::from_word("under_review"),
    );
    let large = filled(order("13", "09:31:00", Side::Buy, "F", "12500", Market), "12500", "11.0425");
    let expired = ended(limit(order("14", "09:30:02", Side::Sell, "KO", "40", Limit), "71.40"), OrderStatus::Expired);
    let mut partial = partial;
    partial.replaces = Some(replaced.id.clone());
    partial.raw = Raw(Some(Arc::from(
        r#"{"id":"61e69015-8549-4bfd-b9c3-000000000001","symbol":"AAPL","qty":"100","filled_qty":"40","filled_avg_price":"186.19","status":"partially_filled"}"#,
    )));
    let fills = vec![
        fill(1, &large, "09:31:01", "12500", "11.0425", "12500"),
        fill(2, &notional, "11:47:52", "4.584561", "545.31", "4.584561"),
        fill(3, &tiny, "12:58:19", "1250000", "0.00000843", "1250000"),
        fill(4, &coin, "13:12:44", "0.01234567", "97250.125", "0.01234567"),
        fill(5, &option, "13:38:03", "3", "4.3333", "3"),
    ];
    let orders =
        vec![working, stop, trail, option, coin, tiny, canceled, rejected, notional, replaced, odd, large, expired];
    let mut book = Book {
        account: account(&paper(), "103820.56", "102616.45", "41002.77"),
        positions: vec![
            position("AAPL", "140", "186.02", "186.46", "26104.40", "61.60", "0.002365"),
            position("AAPL261218C00190000", "3", "4.3333", "4.41", "1323.00", "23.01", "0.0177"),
            position("BTCUSD", "0.01234567", "97250.125", "96880.5", "1196.05", "-4.56", "-0.003801"),
            position("F", "12500", "11.0425", "11.1", "138750.00", "718.75", "0.005207"),
            position("MSFT", "30", "401.5", "414.33", "12429.90", "384.90", "0.031955"),
            position("NVDA", "25", "139.98", "141.06", "3526.50", "27.00", "0.007715"),
            position("SHIBUSD", "1250000", "0.00000843", "0.0000084", "10.50", "-0.04", "-0.003558"),
            position("TSLA", "-12", "322.1", "331.75", "-3981.00", "-115.80", "-0.02996"),
            position("VOO", "4.584561", "545.31", "546.02", "2503.26", "3.25", "0.001302"),
        ],
        orders,
        fills,
        history: curve(102_616, 1204),
    };
    book.orders.push(ended(partial, OrderStatus::New));
    if let Some(partial) = book.orders.last_mut() {
        (partial.cum_qty, partial.avg_px) = (Qty::ZERO, None);
    }
    book
}

/// Names and numbers of all lengths that brokers use, to check the alignment of columns.
fn odd_book() -> Book {
    use OrderType::{Limit, Market, StopLimit};
    let mut book = paper_book();
    let huge = filled(
        limit(order("51", "13:46:01", Side::Buy, "SHIB/USD", "9999999999999", Limit), "0.000000012345"),
        "1234567890123",
        "0.000000012344",
    );
    let tiny =
        filled(order("52", "13:45:59", Side::Sell, "BTC/USD", "0.000000001", Market), "0.000000001", "123456.78901234");
    let option = limit(order("53", "13:45:58", Side::Buy, "GOOGL271217C00190500", "1", Limit), "1234567.05");
    let mut both = limit(order("54", "13:45:57", Side::Sell, "BRK.A", "1", StopLimit), "812345.5");
    (both.stop_px, both.client_order_id) =
        (px("812345.25"), Some("a-client-order-id-of-some-length-0123456789-0123456789".into()));
    let mut mleg = order("55", "13:45:56", Side::None, "", "10", Limit);
    (mleg.class, mleg.limit_px) = (OrderClass::Mleg, px("-1.25"));
    let mut words = order(
        "56",
        "13:45:55",
        Side::Other(Arc::from("sell_to_cover_for_tax")),
        "日本株/USD",
        "1",
        OrderType::Other(Arc::from("midpoint_peg_to_market")),
    );
    (words.tif, words.status) =
        (TimeInForce::Other(Arc::from("until_cancelled_by_owner")), OrderStatus::from_word("awaiting_the_exchange"));
    book.orders = vec![huge, tiny, option, both, mleg, words];
    book.fills.clear();
    book.positions = vec![
        position(
            "SHIBUSD",
            "9999999999999",
            "0.000000012345",
            "0.000000012344",
            "123439.99",
            "-12345678901.23",
            "-99.123456",
        ),
        position(
            "BTCUSD",
            "0.000000001",
            "123456.78901234",
            "123456.78901234",
            "0.00012345",
            "0.00000001",
            "0.00000001",
        ),
        position(
            "GOOGL271217C00190500",
            "-1",
            "1234567.05",
            "1234567.05",
            "-123456789012345.67",
            "123456789012345.67",
            "1234.5",
        ),
        position("日本株USD", "1", "", "", "", "", "0"),
    ];
    (book.account.equity, book.account.buying_power) = (money("123456789012345.67"), money("-0.01"));
    (book.account.last_equity, book.account.cash) = (money("1"), money("-98765432109876.54"));
    book
}

fn live_book() -> Book {
    let held = limit(order("901", "13:20:10", Side::Sell, "SPY", "10", OrderType::Limit), "612.4");
    let done = filled(order("902", "10:05:00", Side::Buy, "SPY", "10", OrderType::Market), "10", "605.11");
    let fills = vec![fill(901, &done, "10:05:01", "10", "605.11", "10")];
    Book {
        account: account(&live(), "25310.08", "25466.90", "18911.40"),
        positions: vec![position("SPY", "10", "605.11", "603.87", "6038.70", "-12.40", "-0.002049")],
        orders: vec![held, done],
        fills,
        history: curve(25_466, -156),
    }
}

pub(crate) fn program() -> Program {
    Program {
        simulated: false,
        timezone: TimeZone::get("America/New_York").unwrap(),
        timezone_label: Arc::from("ET"),
        zones: [("America/New_York", "ET"), ("Asia/Tokyo", "Tokyo"), ("UTC", "UTC")]
            .map(|(name, label)| Zone {
                name: Arc::from(name),
                label: Arc::from(label),
                zone: TimeZone::get(name).unwrap(),
            })
            .to_vec(),
        config_path: Arc::from("~/.config/brokerdeck/config.toml"),
        ..Program::default()
    }
}

pub(crate) fn brokers() -> Vec<BrokerSummary> {
    let broker = |id: &str, name: &str, environments: &[Environment], missing: Option<&str>| BrokerSummary {
        id: BrokerId::from(id),
        name: Arc::from(name),
        environments: environments.to_vec(),
        missing: missing.map(str::to_owned),
    };
    vec![
        broker("alpaca-paper", "Alpaca Paper (OAuth)", &[Environment::Paper], None),
        broker("alpaca-live", "Alpaca Live (OAuth)", &[Environment::Live], None),
        broker("alpaca", "Alpaca Paper and Live (OAuth)", &[Environment::Paper, Environment::Live], None),
        broker(
            "acme-paper",
            "Acme Paper (OAuth)",
            &[Environment::Paper],
            Some("client_id is missing: set it under [[brokers]] acme-paper"),
        ),
    ]
}

/// A frame about an order, at the time of its last change.
fn reported(event: TradeEvent, order: Order) -> TradeUpdate {
    let at = order.updated_at;
    TradeUpdate {
        event,
        event_id: None,
        at,
        happened_at: at,
        order,
        legs: Vec::new(),
        executions: Vec::new(),
        reason: None,
    }
}

impl Fixture {
    /// A desk without accounts, at the fixed time.
    pub(crate) fn empty(program: Program) -> Self {
        let now = Now { mono: Mono(UPTIME), wall: time(NOW) };
        let model = Model::new(program, Keymap::default(), brokers(), now);
        let mut fixture = Self { model, now, log: Vec::new(), books: BTreeMap::new(), epochs: BTreeMap::new() };
        fixture.send(AccountMsg::Started { links: Vec::new() });
        fixture
    }

    /// A desk with these accounts, linked and live.
    pub(crate) fn with(program: Program, links: &[LinkRecord]) -> Self {
        let now = Now { mono: Mono(UPTIME), wall: time(NOW) };
        let model = Model::new(program, Keymap::default(), brokers(), now);
        let mut fixture = Self { model, now, log: Vec::new(), books: BTreeMap::new(), epochs: BTreeMap::new() };
        for link in links {
            let book = if link.environment == Environment::Live { live_book() } else { paper_book() };
            fixture.books.insert(link.id.clone(), book);
        }
        // Time passes after the snapshot, so that not all ages are zero.
        fixture.now = fixture.now.plus(Duration::ZERO);
        // The newest execution comes after the first snapshot and not by the stream, so that one line is late.
        let unseen = fixture.books.get_mut(&paper().id).and_then(|book| book.fills.pop());
        fixture.send(AccountMsg::Started { links: links.to_vec() });
        if let Some(book) = fixture.books.get_mut(&paper().id) {
            book.fills.extend(unseen);
        }
        fixture.send(AccountMsg::Resumed);
        fixture
    }

    /// A paper account with very long and very short names and numbers.
    pub(crate) fn odd() -> Self {
        let now = Now { mono: Mono(UPTIME), wall: time(NOW) };
        let model = Model::new(program(), Keymap::default(), brokers(), now);
        let mut fixture = Self { model, now, log: Vec::new(), books: BTreeMap::new(), epochs: BTreeMap::new() };
        let link =
            LinkRecord { label: Arc::from("Größe 日本株口座 and more words than there is room for"), ..paper() };
        fixture.books.insert(link.id.clone(), odd_book());
        fixture.send(AccountMsg::Started { links: vec![link] });
        fixture
    }

    /// A paper account on which a fill has just arrived.
    pub(crate) fn paper() -> Self {
        let mut fixture = Self::with(program(), &[paper()]);
        fixture.partial_fill();
        fixture.pass(440);
        fixture
    }

    /// The same, and a live account that has just lost its connection.
    pub(crate) fn both() -> Self {
        let mut fixture = Self::with(program(), &[paper(), live()]);
        fixture.partial_fill();
        fixture.pass(200);
        fixture.lose(&live().id, "connection reset by peer");
        fixture.pass(240);
        fixture
    }

    /// A paper account that has traded all day, with `count` more orders, every third of them still working.
    #[allow(dead_code, reason = "the frame benchmark uses it; tests and example share the file")]
    pub(crate) fn busy(orders: u32) -> Self {
        let now = Now { mono: Mono(UPTIME), wall: time(NOW) };
        let model = Model::new(program(), Keymap::default(), brokers(), now);
        let mut fixture = Self { model, now, log: Vec::new(), books: BTreeMap::new(), epochs: BTreeMap::new() };
        let mut book = paper_book();
        for number in 0..orders {
            let at = format!("{:02}:{:02}:{:02}", 10 + number / 3600 % 3, number / 60 % 60, number % 60);
            let new = limit(order(&format!("9{number:06}"), &at, Side::Buy, "AAPL", "100", OrderType::Limit), "186.20");
            book.orders.push(if number % 3 == 0 { new } else { filled(new, "100", "186.19") });
        }
        fixture.books.insert(paper().id, book);
        fixture.send(AccountMsg::Started { links: vec![paper()] });
        fixture.partial_fill();
        fixture
    }

    /// Sends a message and answers the program's requests.
    pub(crate) fn send(&mut self, msg: impl Into<Msg>) {
        let mut todo: Vec<Msg> = vec![msg.into()];
        while let Some(msg) = todo.pop() {
            self.log.push((self.now, msg.clone()));
            for effect in update(&mut self.model, msg, self.now) {
                todo.extend(self.answer(effect).into_iter().rev().map(Msg::from));
            }
        }
    }

    /// Presses keys, written as the key table writes them: `j`, `enter`, `ctrl-d`.
    pub(crate) fn press(&mut self, keys: &str) {
        for key in keys.split(' ') {
            let chord: Chord = key.parse().unwrap_or_else(|error| panic!("{key}: {error}"));
            // At a typing pace, without a change of the displayed time.
            self.model.touched_at = None;
            if let Some(asking) = &mut self.model.asking {
                asking.shown_at = Some(Mono::default());
            }
            self.send(Msg::Key(chord));
            if self.model.confirming.is_some() {
                self.pass(100);
            }
        }
    }

    /// Types text, one key per character.
    pub(crate) fn write(&mut self, text: &str) {
        for ch in text.chars() {
            self.send(Msg::Key(Chord::char(ch)));
        }
    }

    /// Advances time with a tick and no other message.
    pub(crate) fn pass(&mut self, millis: u64) {
        self.now = self.now.plus(Duration::from_millis(millis));
        self.send(Msg::Tick);
    }

    /// Drops an account's stream; it does not reconnect.
    pub(crate) fn lose(&mut self, link: &LinkId, message: &str) {
        let epoch = self.epochs[link];
        let closed = StreamEvent::Closed(Closed::Lost { message: message.to_owned() });
        self.books.remove(link);
        self.send(AccountMsg::Stream { link: link.clone(), epoch, event: closed });
    }

    /// Marks an account as streamed by another instance.
    #[allow(dead_code, reason = "the screens use it; tests, example and benchmark share the file")]
    pub(crate) fn elsewhere(&mut self, link: &LinkId) {
        let epoch = self.epochs[link];
        self.send(AccountMsg::Stream { link: link.clone(), epoch, event: StreamEvent::Closed(Closed::Elsewhere) });
    }

    /// Sends an event on an account's stream.
    pub(crate) fn stream(&mut self, link: &LinkId, update: TradeUpdate) {
        let epoch = self.epochs[link];
        self.send(AccountMsg::Stream { link: link.clone(), epoch, event: StreamEvent::Update(Box::new(update)) });
    }

    /// Fills 40 of the 100 AAPL, and enters an NVDA order.
    pub(crate) fn partial_fill(&mut self) {
        let link = paper().id;
        let book = &self.books[&link];
        let entered = book.orders.iter().find(|order| order.id.as_str().ends_with("-000000000001")).unwrap().clone();
        let mut order = filled(entered, "40", "186.19");
        order.updated_at = Some(today("13:46:15.981"));
        let execution = Execution {
            id: ExecutionId::from("3f1c0c52-0000-4000-8000-000000000006"),
            order_id: order.id.clone(),
            symbol: order.symbol.clone(),
            side: order.side.clone(),
            qty: qty("40"),
            px: px("186.19"),
            cum_qty: Some(qty("40")),
            position_qty: Some(qty("140")),
            at: Some(today("13:46:15.981")),
            kind: ExecutionKind::Trade,
            source: Source::Stream,
        };
        let update = TradeUpdate {
            event: TradeEvent::PartialFill,
            event_id: None,
            at: Some(today("13:46:15.981")),
            happened_at: Some(today("13:46:15.981")),
            order,
            legs: Vec::new(),
            executions: vec![execution],
            reason: None,
        };
        self.stream(&link, update);
    }

    /// Enters a bracket, with its entry filled and its exits waiting.
    pub(crate) fn bracket(&mut self) {
        let link = paper().id;
        let mut profit = limit(order("22", "13:45:10", Side::Sell, "AMD", "50", OrderType::Limit), "131.50");
        let mut loss = order("23", "13:45:10", Side::Sell, "AMD", "50", OrderType::Stop);
        (loss.stop_px, loss.status) = (px("118"), OrderStatus::Held);
        let mut entry =
            filled(limit(order("21", "13:45:09", Side::Buy, "AMD", "50", OrderType::Limit), "122.40"), "50", "122.38");
        for leg in [&mut profit, &mut loss, &mut entry] {
            leg.class = OrderClass::Bracket;
            leg.updated_at = Some(today("13:46:16"));
        }
        entry.legs = vec![profit.id.clone(), loss.id.clone()];
        let legs = vec![profit, loss];
        let execution = Execution {
            id: ExecutionId::from("3f1c0c52-0000-4000-8000-000000000021"),
            order_id: entry.id.clone(),
            symbol: entry.symbol.clone(),
            side: Side::Buy,
            qty: qty("50"),
            px: px("122.38"),
            cum_qty: Some(qty("50")),
            position_qty: Some(qty("50")),
            at: Some(today("13:46:16")),
            kind: ExecutionKind::Trade,
            source: Source::Stream,
        };
        let update = reported(TradeEvent::Fill, entry);
        self.stream(&link, TradeUpdate { legs, executions: vec![execution], ..update });
        let id = OrderId::new(format!("61e69015-8549-4bfd-b9c3-{:0>12}", "21"));
        let row = self.model.order_row(&brokerdeck::accounts::OrderKey { link, order: id }).unwrap();
        self.model.rows.orders.select_key(&row);
    }

    /// Replaces an order that executed 41 of 100, at a broker whose replacements state what was executed before; opens the
    /// replacement, which executed nothing or the rest.
    pub(crate) fn replacement(&mut self, executes: bool) {
        let link = paper().id;
        let mut before = limit(order("51", "13:45:09", Side::Buy, "AMD", "100", OrderType::Limit), "122.40");
        let mut after = limit(order("52", "13:45:12", Side::Buy, "AMD", "100", OrderType::Limit), "122.50");
        (before.cum_qty, before.status) = (qty("41"), OrderStatus::Replaced);
        (before.replaced_by, after.replaces) = (Some(after.id.clone()), Some(before.id.clone()));
        let id = after.id.clone();
        let execution = |id: &str, order: &Order, size: &str, total: &str| Execution {
            id: ExecutionId::from(id),
            order_id: order.id.clone(),
            symbol: order.symbol.clone(),
            side: Side::Buy,
            qty: qty(size),
            px: px("122.38"),
            cum_qty: Some(qty(total)),
            position_qty: None,
            at: Some(today("13:46:16")),
            kind: ExecutionKind::Trade,
            source: Source::Stream,
        };
        let first = execution("3f1c0c52-0000-4000-8000-000000000051", &before, "41", "41");
        let rest = execution("3f1c0c52-0000-4000-8000-000000000052", &after, "59", "100");
        self.stream(&link, TradeUpdate { executions: vec![first], ..reported(TradeEvent::Replaced, before) });
        after.cum_qty = qty("41");
        self.stream(&link, reported(TradeEvent::New, after.clone()));
        if executes {
            (after.cum_qty, after.status) = (qty("100"), OrderStatus::Filled);
            self.stream(&link, TradeUpdate { executions: vec![rest], ..reported(TradeEvent::Fill, after) });
        }
        let row = self.model.order_row(&brokerdeck::accounts::OrderKey { link, order: id }).unwrap();
        self.model.rows.orders.select_key(&row);
        self.press("3 enter");
    }

    /// Adds this many working orders.
    pub(crate) fn crowd(&mut self, count: u32) {
        for number in 30..30 + count {
            let order = limit(order(&number.to_string(), "13:50:00", Side::Buy, "AMD", "1", OrderType::Limit), "100");
            self.stream(&paper().id, reported(TradeEvent::New, order));
        }
    }

    fn answer(&mut self, effect: Effect) -> Vec<AccountMsg> {
        match effect {
            Effect::Account(AccountEffect::OpenStream { link, epoch, form }) => {
                self.epochs.insert(link.clone(), epoch);
                if !self.books.contains_key(&link) {
                    return Vec::new();
                }
                let event = |event| AccountMsg::Stream { link: link.clone(), epoch, event };
                vec![
                    event(StreamEvent::Opened),
                    event(StreamEvent::Authorized { form, message: None }),
                    event(StreamEvent::Listening { trade_updates: true }),
                    event(StreamEvent::Pong { latency: Duration::from_millis(12) }),
                ]
            }
            Effect::Account(AccountEffect::Request { link, id, request: Request::Clock }) => {
                let clock = MarketClock {
                    at: self.now.wall,
                    is_open: true,
                    next_open: time("2026-11-25T14:30:00Z"),
                    next_close: time("2026-11-24T21:00:00Z"),
                };
                vec![AccountMsg::Replied { link, id, result: Ok(Box::new(Reply::Clock(clock))) }]
            }
            Effect::Account(AccountEffect::Request { link, id, request }) => {
                let Some(book) = self.books.get(&link) else { return Vec::new() };
                let reply = book.answer(&request);
                vec![AccountMsg::Replied { link, id, result: Ok(Box::new(reply)) }]
            }
            _ => Vec::new(),
        }
    }
}

impl Book {
    /// The activity list, newest first: today's executions and earlier rows.
    fn activities(&self) -> Vec<Activity> {
        let other = |id: &str, kind: &str, day: &str, amount: &str, symbol: &str, words: &str| Activity {
            id: Arc::from(id),
            activity_type: kind.into(),
            kind: ActivityKind::Other {
                net_amount: money(amount),
                symbol: (!symbol.is_empty()).then(|| Symbol::from(symbol)),
                qty: None,
                date: day.parse().ok(),
                description: (!words.is_empty()).then(|| words.into()),
            },
            raw: Raw(Some(Arc::from(format!(
                r#"{{"id":"{id}","activity_type":"{kind}","date":"{day}","net_amount":"{amount}"}}"#
            )))),
        };
        let old = order("77", "14:02:11", Side::Sell, "KO", "40", OrderType::Limit);
        let mut old = fill(77, &old, "14:02:11", "40", "70.815", "40");
        if let ActivityKind::Fill { at, .. } = &mut old.kind {
            *at = Some(time("2026-11-20T19:02:11.250Z"));
        }
        let mut rows: Vec<Activity> = self.fills.iter().rev().cloned().collect();
        rows.push(other("20261123000000000::d-1", "DIV", "2026-11-23", "34.65", "MSFT", "cash dividend on 30 shares"));
        rows.push(old);
        rows.push(other(
            "20261119000000000::f-1",
            "FEE",
            "2026-11-19",
            "-0.12",
            "",
            "TAF fee for proceed of 40 shares",
        ));
        rows.push(other("20261102000000000::c-1", "CSD", "2026-11-02", "100000", "", ""));
        rows
    }

    fn answer(&self, request: &Request) -> Reply {
        match request {
            Request::Account => Reply::Account(Box::new(self.account.clone())),
            Request::Positions => Reply::Positions(self.positions.clone()),
            Request::Orders(query) => {
                let wanted = |order: &&Order| match query.filter.as_str() {
                    "open" => order.status.is_working(),
                    "closed" => order.status.is_terminal(),
                    _ => true,
                };
                Reply::Orders(self.orders.iter().filter(wanted).cloned().collect())
            }
            Request::Order(id) => {
                let found = self.orders.iter().find(|order| order.id == *id).unwrap();
                Reply::Order(vec![found.clone()])
            }
            Request::Activities(query) if query.fills_only => Reply::Activities(self.fills.clone()),
            Request::Activities(_) => Reply::Activities(self.activities()),
            Request::History { .. } => Reply::History(self.history.clone()),
            Request::Replay { .. } => Reply::Replay(Vec::new()),
            _ => Reply::Done,
        }
    }
}
