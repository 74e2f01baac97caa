//! The engine behind a lock: advances it with the clock, sends its events to listeners, and keeps them for replay.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};

use jiff::Timestamp;
use tokio::sync::{Notify, broadcast};
use tokio::time::Instant;
use uuid::Uuid;

use super::clock::SimClock;
use super::lock::lock;
use crate::domain::money::Money;
use crate::sim::engine::Engine;
use crate::sim::engine::account::{Account, Kind};
use crate::sim::engine::event::{EventId, News};
use crate::sim::engine::order::AccountNo;
use crate::sim::market::Tick;
use crate::sim::wire;
use crate::sim::wire::order::WireEvent;

/// Events that a listener may lag before it is disconnected.
const BACKLOG: usize = 65_536;
/// News per account kept for replay.
const KEPT: usize = 50_000;

/// An item for listeners; its JSON is created once, when first needed.
#[derive(Debug)]
pub(super) struct Emitted {
    /// Its id, which orders items.
    pub id: EventId,
    pub account: AccountNo,
    /// When it was sent.
    pub at: Timestamp,
    news: News,
    data: OnceLock<Option<Arc<str>>>,
}

impl Emitted {
    fn new(news: News) -> Self {
        let (id, account, at) = match &news {
            News::Trade(event) | News::Leg(event) => (event.event_id, event.account, event.at),
            News::Money(booking) => (booking.event_id, booking.account, booking.at),
        };
        Self { id, account, at, news, data: OnceLock::new() }
    }

    /// Its JSON for the trade streams; `None` for cash.
    pub(super) fn data(&self) -> Option<Arc<str>> {
        let make = || match &self.news {
            News::Trade(event) | News::Leg(event) if event.framed => {
                Some(serde_json::to_string(&WireEvent::new(event)).unwrap_or_default().into())
            }
            News::Money(_) | News::Leg(_) | News::Trade(_) => None,
        };
        self.data.get_or_init(make).clone()
    }

    /// A short description for the fault log.
    pub(super) fn what(&self) -> String {
        match &self.news {
            News::Trade(event) | News::Leg(event) => format!("{} {}", event.event, event.order.id),
            News::Money(booking) => format!("booking {}", booking.ref_id),
        }
    }

    /// Its JSON as an account activity, if it is one: a trade, a bust, a correction, cash.
    pub(super) fn activity(&self) -> Option<Arc<str>> {
        let activity = match &self.news {
            News::Trade(event) | News::Leg(event) => wire::activity::trade(event)?,
            News::Money(booking) => wire::activity::booking(booking),
        };
        Some(activity.to_string().into())
    }
}

/// A summary of an account.
#[derive(Debug, Clone)]
pub(super) struct AccountLine {
    /// Its number in the engine.
    pub no: AccountNo,
    /// The account number.
    pub number: String,
    /// Live or paper.
    pub live: bool,
    /// A short description.
    pub detail: String,
}

/// The items of every account, for replay.
#[derive(Debug, Default)]
struct Log(HashMap<AccountNo, Kept>);

#[derive(Debug, Default)]
struct Kept {
    rows: VecDeque<Arc<Emitted>>,
    /// The newest item that was discarded.
    gone: Option<(EventId, Timestamp)>,
}

impl Log {
    fn keep(&mut self, emitted: Arc<Emitted>) {
        let kept = self.0.entry(emitted.account).or_default();
        if kept.rows.len() == KEPT {
            kept.gone = kept.rows.pop_front().map(|gone| (gone.id, gone.at));
        }
        kept.rows.push_back(emitted);
    }
}

/// The engine and its listeners.
pub(super) struct Hub {
    engine: Mutex<Engine>,
    /// A copy of the engine that reads are served from while REST lags.
    frozen: Mutex<Option<(Engine, Instant)>>,
    log: Mutex<Log>,
    events: broadcast::Sender<Arc<Emitted>>,
    ticks: broadcast::Sender<Tick>,
    wake: Notify,
}

impl Hub {
    /// A hub for an engine; its pending items are kept for replay.
    pub(super) fn new(mut engine: Engine) -> Self {
        let mut log = Log::default();
        while let Some(news) = engine.poll_news() {
            log.keep(Arc::new(Emitted::new(news)));
        }
        Self {
            engine: Mutex::new(engine),
            frozen: Mutex::new(None),
            log: Mutex::new(log),
            events: broadcast::channel(BACKLOG).0,
            ticks: broadcast::channel(BACKLOG).0,
            wake: Notify::new(),
        }
    }

    /// Advances the engine to the present, runs `act` on it, and sends the resulting items.
    pub(super) fn act<R>(&self, clock: &SimClock, act: impl FnOnce(&mut Engine) -> R) -> R {
        let mut engine = lock(&self.engine);
        engine.advance_to(clock.now());
        let result = act(&mut engine);
        self.publish(&mut engine);
        drop(engine);
        // The next deadline may have changed.
        self.wake.notify_one();
        result
    }

    /// Runs `read` on the engine: the present one, or the copy while REST lags.
    pub(super) fn read<R>(&self, clock: &SimClock, read: impl FnOnce(&mut Engine) -> R) -> R {
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

    /// Serves reads from a copy of the present engine until a time.
    pub(super) fn lag_until(&self, clock: &SimClock, until: Instant) {
        let copy = self.act(clock, |engine| engine.clone());
        *lock(&self.frozen) = Some((copy, until));
    }

    /// Serves reads from the present engine again.
    pub(super) fn end_lag(&self) {
        *lock(&self.frozen) = None;
    }

    fn publish(&self, engine: &mut Engine) {
        let mut log = None;
        while let Some(news) = engine.poll_news() {
            let emitted = Arc::new(Emitted::new(news));
            log.get_or_insert_with(|| lock(&self.log)).keep(Arc::clone(&emitted));
            // Without listeners, sending fails, which is fine.
            drop(self.events.send(emitted));
        }
        while let Some(tick) = engine.poll_tick() {
            if self.ticks.send(tick).is_err() {
                engine.listen(false);
            }
        }
    }

    /// All events from now on, of every account.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Arc<Emitted>> {
        self.events.subscribe()
    }

    /// Market events from now on.
    pub(super) fn subscribe_ticks(&self) -> broadcast::Receiver<Tick> {
        let ticks = self.ticks.subscribe();
        lock(&self.engine).listen(true);
        ticks
    }

    /// Runs `look` on the engine without advancing it.
    pub(super) fn look<R>(&self, look: impl FnOnce(&Engine) -> R) -> R {
        look(&lock(&self.engine))
    }

    /// As [`Self::act`], for a reset of an account: earlier items are not replayed afterwards.
    pub(super) fn reset<R>(&self, clock: &SimClock, account: AccountNo, act: impl FnOnce(&mut Engine) -> R) -> R {
        self.act(clock, |engine| {
            self.publish(engine);
            lock(&self.log).0.remove(&account);
            act(engine)
        })
    }

    /// A summary of every account.
    pub(super) fn accounts(&self) -> Vec<AccountLine> {
        let engine = lock(&self.engine);
        let line = |account: &Account| AccountLine {
            no: account.no,
            number: account.number.clone(),
            live: account.kind == Kind::Live,
            detail: format!("${}", Money::new(account.balances(engine.market()).equity).rounded(2)),
        };
        engine.accounts().iter().map(line).collect()
    }

    /// The account with this number or id; by default the first paper account.
    pub(super) fn find_account(&self, name: Option<&str>) -> Option<AccountNo> {
        let engine = lock(&self.engine);
        let id = name.and_then(|name| Uuid::try_parse(name).ok());
        let fits = |account: &&Account| match name {
            None => account.kind == Kind::Paper,
            Some(name) => account.number == name || id == Some(account.id),
        };
        engine.accounts().iter().find(fits).map(|account| account.no)
    }

    /// The id of an account.
    pub(super) fn account_id(&self, no: AccountNo) -> Option<Uuid> {
        lock(&self.engine).find_account(no).map(|account| account.id)
    }

    /// The stored items of an account, and the newest that was discarded.
    pub(super) fn log_of(&self, account: AccountNo) -> (Vec<Arc<Emitted>>, Option<(EventId, Timestamp)>) {
        let log = lock(&self.log);
        let kept = log.0.get(&account);
        kept.map(|kept| (kept.rows.iter().cloned().collect(), kept.gone)).unwrap_or_default()
    }

    /// Advances the engine from deadline to deadline until the future is dropped.
    pub(super) async fn drive(&self, clock: &SimClock) {
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
        // A deadline closer than a timer tick would spin.
        Some(time) => tokio::time::sleep(time.max(std::time::Duration::from_millis(1))).await,
        None => std::future::pending().await,
    }
}
