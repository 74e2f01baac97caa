//! The engine behind its lock: moves it with the clock, hands its events to every listener, keeps them for replay.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};

use jiff::Timestamp;
use tokio::sync::{Notify, broadcast};
use tokio::time::Instant;
use uuid::Uuid;

use super::clock::SimClock;
use super::state::lock;
use crate::domain::money::Money;
use crate::sim::engine::Engine;
use crate::sim::engine::account::{Account, Kind};
use crate::sim::engine::event::{EventId, News};
use crate::sim::engine::order::AccountNo;
use crate::sim::market::Tick;
use crate::sim::wire;
use crate::sim::wire::order::WireEvent;

/// Events a listener may fall behind before it is cut off.
const BACKLOG: usize = 65_536;
/// News of an account kept for replay.
const KEPT: usize = 50_000;

/// A piece of news on its way to listeners; the JSON is made once, and only if somebody listens.
#[derive(Debug)]
pub struct Emitted {
    /// Orders it among the others.
    pub id: EventId,
    /// Whose.
    pub account: AccountNo,
    /// When it was sent out.
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

    /// What the trade streams show of it, as JSON; nothing for money that moved.
    pub fn data(&self) -> Option<Arc<str>> {
        let make = || match &self.news {
            News::Trade(event) | News::Leg(event) if event.framed => {
                Some(serde_json::to_string(&WireEvent::new(event)).unwrap_or_default().into())
            }
            News::Money(_) | News::Leg(_) | News::Trade(_) => None,
        };
        self.data.get_or_init(make).clone()
    }

    /// What it is, in a few words for the fault log.
    pub fn what(&self) -> String {
        match &self.news {
            News::Trade(event) | News::Leg(event) => format!("{} {}", event.event, event.order.id),
            News::Money(booking) => format!("booking {}", booking.ref_id),
        }
    }

    /// It as an account activity, where it is one: a trade, a bust, a correction, money that moved.
    pub fn activity(&self) -> Option<Arc<str>> {
        let activity = match &self.news {
            News::Trade(event) | News::Leg(event) => wire::activity::trade(event)?,
            News::Money(booking) => wire::activity::booking(booking),
        };
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

/// News of every account, for replay.
#[derive(Debug, Default)]
struct Log(HashMap<AccountNo, Kept>);

#[derive(Debug, Default)]
struct Kept {
    rows: VecDeque<Arc<Emitted>>,
    /// The newest one there was no more room for.
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
pub struct Hub {
    engine: Mutex<Engine>,
    /// What reads are served from while REST lags.
    frozen: Mutex<Option<(Engine, Instant)>>,
    log: Mutex<Log>,
    events: broadcast::Sender<Arc<Emitted>>,
    ticks: broadcast::Sender<Tick>,
    wake: Notify,
}

impl Hub {
    /// A hub for an engine; what the engine has to tell already is kept for replay.
    pub fn new(mut engine: Engine) -> Self {
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
        while let Some(news) = engine.poll_news() {
            let emitted = Arc::new(Emitted::new(news));
            log.get_or_insert_with(|| lock(&self.log)).keep(Arc::clone(&emitted));
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

    /// As [`Self::act`], for what ends an account: nothing that was sent before it is replayed afterwards.
    pub fn act_anew<R>(&self, clock: &SimClock, account: AccountNo, act: impl FnOnce(&mut Engine) -> R) -> R {
        self.act(clock, |engine| {
            self.publish(engine);
            lock(&self.log).0.remove(&account);
            act(engine)
        })
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

    /// News of an account so far, and the newest that is no longer kept.
    pub fn log_of(&self, account: AccountNo) -> (Vec<Arc<Emitted>>, Option<(EventId, Timestamp)>) {
        let log = lock(&self.log);
        let kept = log.0.get(&account);
        kept.map(|kept| (kept.rows.iter().cloned().collect(), kept.gone)).unwrap_or_default()
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
