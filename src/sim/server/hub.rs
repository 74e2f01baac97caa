//! The engine behind its lock: moves it with the clock, hands its events to every listener, keeps them for replay.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::{Notify, broadcast};
use tokio::time::Instant;
use uuid::Uuid;

use super::clock::SimClock;
use super::state::lock;
use crate::domain::money::Money;
use crate::sim::engine::Engine;
use crate::sim::engine::account::{Account, Kind};
use crate::sim::engine::event::{EngineEvent, EventId};
use crate::sim::engine::order::AccountNo;
use crate::sim::market::Tick;
use crate::sim::wire::micros;
use crate::sim::wire::order::WireEvent;

/// Events a listener may fall behind before it is cut off.
const BACKLOG: usize = 65_536;
/// Events of an account kept for replay.
const KEPT: usize = 50_000;

/// An event on its way to listeners; the JSON is made once, and only if somebody listens.
#[derive(Debug)]
pub struct Emitted {
    /// Orders events.
    pub id: EventId,
    /// Whose.
    pub account: AccountNo,
    /// When it was sent out.
    pub at: Timestamp,
    event: EngineEvent,
    data: OnceLock<Arc<str>>,
}

impl Emitted {
    fn new(event: EngineEvent) -> Self {
        Self { id: event.event_id, account: event.account, at: event.at, event, data: OnceLock::new() }
    }

    /// The event itself, as JSON.
    pub fn data(&self) -> Arc<str> {
        let make = || serde_json::to_string(&WireEvent::new(&self.event)).unwrap_or_default().into();
        Arc::clone(self.data.get_or_init(make))
    }

    /// The event as a message of the `trade_updates` stream.
    pub fn frame(&self) -> String {
        format!("{{\"stream\":\"trade_updates\",\"data\":{}}}", self.data())
    }

    /// What it is, in a few words for the fault log.
    pub fn what(&self) -> String {
        format!("{} {}", self.event.event, self.event.order.id)
    }

    /// The event as an account activity, where it is one: a trade, a bust, a correction.
    pub fn activity(&self) -> Option<Arc<str>> {
        let report = self.event.report.as_ref()?;
        let order = &self.event.order;
        let execution_type = match self.event.event.as_str() {
            "trade_bust" => "trade_bust",
            "trade_correct" => "trade_correct",
            "partial_fill" => "partial_fill",
            _ => "fill",
        };
        let net = report.price.checked_mul(report.qty).unwrap_or_default();
        let net = if order.side.as_str() == "buy" { -net } else { net };
        let activity = json!({
            "event_id": self.id.to_string(),
            "at": micros(self.at),
            "executed_at": self.event.timestamp.to_string(),
            "activity_type": "FILL",
            "activity_subtype": "",
            "status": "executed",
            "settle_date": report.settle_date.to_string(),
            "currency": "USD",
            "ref_id": report.execution_id,
            "previous_id": report.previous_execution_id,
            "qty": report.qty.to_string(),
            "price": report.price.to_string(),
            "net_amount": net.to_string(),
            "order_id": order.id,
            "client_order_id": &*order.client_order_id,
            "side": order.side.as_str(),
            "symbol": order.symbol,
            "asset_id": order.asset_id,
            "cum_qty": report.cum_qty.to_string(),
            "leaves_qty": report.leaves_qty.to_string(),
            "order_status": order.status.as_str(),
            "execution_type": execution_type,
        });
        Some(activity.to_string().into())
    }
}

/// An account in a few words.
#[derive(Debug, Clone)]
pub struct AccountLine {
    /// Its place in the engine.
    pub no: AccountNo,
    /// Its number.
    pub number: String,
    /// Live, else paper.
    pub live: bool,
    /// What it holds, in words.
    pub detail: String,
}

/// The engine and its listeners.
pub struct Hub {
    engine: Mutex<Engine>,
    /// What reads are served from while REST lags.
    frozen: Mutex<Option<(Engine, Instant)>>,
    log: Mutex<HashMap<AccountNo, VecDeque<Arc<Emitted>>>>,
    events: broadcast::Sender<Arc<Emitted>>,
    ticks: broadcast::Sender<Tick>,
    wake: Notify,
}

impl Hub {
    /// A hub for an engine.
    pub fn new(engine: Engine) -> Self {
        Self {
            engine: Mutex::new(engine),
            frozen: Mutex::new(None),
            log: Mutex::new(HashMap::new()),
            events: broadcast::channel(BACKLOG).0,
            ticks: broadcast::channel(BACKLOG).0,
            wake: Notify::new(),
        }
    }

    /// Brings the engine to the present, lets `act` work on it, and sends out what came of it.
    pub fn act<R>(&self, clock: &SimClock, act: impl FnOnce(&mut Engine) -> R) -> R {
        let mut engine = lock(&self.engine);
        engine.advance_to(clock.now());
        let result = act(&mut engine);
        self.publish(&mut engine);
        drop(engine);
        // The next deadline may have moved.
        self.wake.notify_one();
        result
    }

    /// Lets `read` look at the engine: the present one, or the one of a while ago while REST lags.
    pub fn read<R>(&self, clock: &SimClock, read: impl FnOnce(&mut Engine) -> R) -> R {
        {
            let mut frozen = lock(&self.frozen);
            match frozen.as_mut() {
                Some((engine, until)) if *until > Instant::now() => return read(engine),
                Some(_) => *frozen = None,
                None => {}
            }
        }
        self.act(clock, read)
    }

    /// Serves reads from the engine as it is now until a moment.
    pub fn lag_until(&self, clock: &SimClock, until: Instant) {
        let copy = self.act(clock, |engine| engine.clone());
        *lock(&self.frozen) = Some((copy, until));
    }

    /// Follows the present again.
    pub fn end_lag(&self) {
        *lock(&self.frozen) = None;
    }

    fn publish(&self, engine: &mut Engine) {
        let mut log = None;
        while let Some(event) = engine.poll_event() {
            let emitted = Arc::new(Emitted::new(event));
            let kept = log.get_or_insert_with(|| lock(&self.log)).entry(emitted.account).or_default();
            if kept.len() == KEPT {
                kept.pop_front();
            }
            kept.push_back(Arc::clone(&emitted));
            // Nobody listening is no error.
            drop(self.events.send(emitted));
        }
        while let Some(tick) = engine.poll_tick() {
            if self.ticks.send(tick).is_err() {
                engine.listen(false);
            }
        }
    }

    /// Every event from now on, of every account.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Emitted>> {
        self.events.subscribe()
    }

    /// Quotes and prints from now on.
    pub fn subscribe_ticks(&self) -> broadcast::Receiver<Tick> {
        let ticks = self.ticks.subscribe();
        lock(&self.engine).listen(true);
        ticks
    }

    /// Lets `look` see the engine as it stands, without moving it.
    pub fn look<R>(&self, look: impl FnOnce(&Engine) -> R) -> R {
        look(&lock(&self.engine))
    }

    /// Forgets the events of an account.
    pub fn forget(&self, account: AccountNo) {
        lock(&self.log).remove(&account);
    }

    /// Every account in a few words.
    pub fn accounts(&self) -> Vec<AccountLine> {
        let engine = lock(&self.engine);
        let line = |account: &Account| AccountLine {
            no: account.no,
            number: account.number.clone(),
            live: account.kind == Kind::Live,
            detail: format!("${}", Money::new(account.balances(engine.market()).equity).rounded(2)),
        };
        engine.accounts().iter().map(line).collect()
    }

    /// The account of a number or an id; the first paper account without one.
    pub fn find_account(&self, name: Option<&str>) -> Option<AccountNo> {
        let engine = lock(&self.engine);
        let id = name.and_then(|name| Uuid::try_parse(name).ok());
        let fits = |account: &&Account| match name {
            None => account.kind == Kind::Paper,
            Some(name) => account.number == name || id == Some(account.id),
        };
        engine.accounts().iter().find(fits).map(|account| account.no)
    }

    /// The id of an account.
    pub fn account_id(&self, no: AccountNo) -> Option<Uuid> {
        lock(&self.engine).find_account(no).map(|account| account.id)
    }

    /// Events of an account so far.
    pub fn log_of(&self, account: AccountNo) -> Vec<Arc<Emitted>> {
        lock(&self.log).get(&account).map(|log| log.iter().cloned().collect()).unwrap_or_default()
    }

    /// Moves the engine from deadline to deadline until the future is dropped.
    pub async fn drive(&self, clock: &SimClock) {
        loop {
            let next = {
                let mut engine = lock(&self.engine);
                engine.advance_to(clock.now());
                self.publish(&mut engine);
                engine.next_deadline()
            };
            let wait = next.map(|moment| clock.until(moment));
            tokio::select! {
                () = self.wake.notified() => {}
                () = sleep(wait) => {}
            }
        }
    }
}

async fn sleep(time: Option<std::time::Duration>) {
    match time {
        // A simulated moment closer than a timer tick would otherwise spin.
        Some(time) => tokio::time::sleep(time.max(std::time::Duration::from_millis(1))).await,
        None => std::future::pending().await,
    }
}
