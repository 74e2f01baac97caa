//! State shared by the servers of one brokerage: clock, engine, grants, faults, and the switches of control requests.
//!
//! Each lock is held for one small step and never across an await.

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::clock::SimClock;
use super::feed::Feed;
use super::grants::Grants;
use super::guard::FormKey;
use super::hub::Hub;
use super::lock::lock;
use super::watchlist::Watchlists;
use crate::sim::engine::bot::Bot;
use crate::sim::engine::order::AccountNo;
use crate::sim::faults::{Faults, Origin};
use crate::sim::options::Frames;
use crate::sim::words::AuthForm;

/// Bodies of token errors (docs/ALPACA.md 2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum ErrorShape {
    /// The form of RFC 6749.
    #[default]
    OAuth,
    /// The form of Alpaca's other interfaces.
    Alpaca,
    Text,
    /// A gateway's page with status 502.
    Html,
}

/// An override of the next consent decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AuthorizeTrick {
    /// A refusal, whatever was chosen.
    Deny,
    /// A refusal without `error_description`.
    DenyWithoutWords,
    /// A wrong `state`.
    WrongState,
    /// No `state`.
    NoState,
    /// No answer at all.
    Hang,
}

/// How a form of authentication is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum FormPolicy {
    /// The credential is checked.
    #[default]
    Accept,
    /// Refused.
    Refuse,
    /// Never answered.
    Silent,
}

/// Switches set by control requests.
#[derive(Debug)]
pub(super) struct Policy {
    /// The form of token errors.
    pub token_errors: ErrorShape,
    /// A delay of the next token answer.
    pub token_delay: Option<Duration>,
    /// An override of the next consent decision.
    pub authorize: Option<AuthorizeTrick>,
    /// Forms of authentication with an override.
    pub forms: BTreeMap<AuthForm, FormPolicy>,
    /// Whether the event streams over HTTP exist.
    pub sse: bool,
    /// Status for a credential that does not cover the origin.
    pub wrong_environment: u16,
    /// Whether 429 states when to retry.
    pub retry_after: bool,
    /// Whether the equity history has nulls before the account existed.
    pub history_nulls: bool,
    /// Most symbols of a data stream, over trades and quotes together.
    pub symbols: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            token_errors: ErrorShape::default(),
            token_delay: None,
            authorize: None,
            forms: BTreeMap::new(),
            sse: true,
            wrong_environment: 401,
            retry_after: true,
            history_nulls: false,
            // The limit of the free plan.
            symbols: 30,
        }
    }
}

/// One brokerage behind its sockets.
pub(super) struct Sim {
    /// The simulated time.
    pub clock: SimClock,
    /// The engine and its events.
    pub hub: Hub,
    /// Clients, tokens and budgets.
    pub grants: Mutex<Grants>,
    /// The fault rules.
    pub faults: Mutex<Faults>,
    /// The running bot: its account and rate.
    pub bot: Mutex<Option<(AccountNo, Option<u32>)>>,
    /// Creates form tokens.
    pub form_key: Option<FormKey>,
    /// Switches.
    pub policy: Mutex<Policy>,
    /// Watchlists of every account.
    pub watchlists: Mutex<Watchlists>,
    /// Data stream connections, one per user and feed.
    pub data_seats: Mutex<HashSet<(AccountNo, Feed)>>,
    /// Each change ends all connections and sockets.
    pub kill: watch::Sender<u64>,
    /// New connections are refused until then.
    pub refuse: watch::Sender<Option<Instant>>,
    /// Sockets neither read nor write until then.
    pub freeze: watch::Sender<Option<Instant>>,
    /// Changes when credentials are revoked, so that open sockets check theirs again.
    pub revoked: watch::Sender<u64>,
    /// The frame types of the stream.
    pub frames: Frames,
    /// The shutdown signal.
    pub shutdown: CancellationToken,
}

impl Sim {
    /// A brokerage without registrations, faults or bot.
    pub(super) fn new(clock: SimClock, hub: Hub, seed: u64) -> Self {
        Self {
            clock,
            hub,
            grants: Mutex::new(Grants::new(seed)),
            faults: Mutex::new(Faults::new(seed)),
            bot: Mutex::new(None),
            form_key: FormKey::draw(),
            policy: Mutex::new(Policy::default()),
            watchlists: Mutex::default(),
            data_seats: Mutex::default(),
            kill: watch::Sender::new(0),
            refuse: watch::Sender::new(None),
            freeze: watch::Sender::new(None),
            revoked: watch::Sender::new(0),
            frames: Frames::Faithful,
            shutdown: CancellationToken::new(),
        }
    }

    /// Waits in real time, or until shutdown.
    pub(super) async fn pause(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.shutdown.cancelled() => {}
        }
    }

    /// Advances simulated time at once. A load bot pauses meanwhile, because hours of load would take minutes.
    pub(super) fn jump(&self, to: Timestamp) {
        let bot = *lock(&self.bot);
        let loaded = bot.filter(|(_, rate)| rate.is_some());
        if loaded.is_some() {
            self.hub.act(&self.clock, |engine| engine.set_bot(None));
        }
        self.clock.jump(to);
        self.hub.act(&self.clock, |_| ());
        if let Some((account, rate)) = loaded {
            self.start_bot(account, rate);
        }
    }

    /// Starts a bot, replacing the present one.
    pub(super) fn start_bot(&self, account: AccountNo, rate: Option<u32>) {
        let seed = u64::from(lock(&self.grants).uuid().as_fields().0);
        self.hub.act(&self.clock, |engine| {
            let mut bot = Bot::new(seed, account, rate);
            bot.begin(engine.now());
            engine.set_bot(Some(bot));
        });
        *lock(&self.bot) = Some((account, rate));
    }

    /// Stops the bot.
    pub(super) fn stop_bot(&self) {
        self.hub.act(&self.clock, |engine| engine.set_bot(None));
        *lock(&self.bot) = None;
    }

    /// Waits while sockets are frozen. The caller must also wait for shutdown.
    pub(super) async fn thaw(&self) {
        let mut freeze = self.freeze.subscribe();
        loop {
            let until = *freeze.borrow_and_update();
            let Some(until) = until.filter(|until| *until > Instant::now()) else { return };
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                _ = freeze.changed() => {}
            }
        }
    }

    /// Drops all connections and sockets without notice.
    pub(super) fn drop_connections(&self) {
        self.kill.send_modify(|count| *count += 1);
    }

    /// Adds a manual action to the fault log.
    pub(super) fn note(&self, origin: Origin, fault: &str, what: &str) {
        lock(&self.faults).note(self.clock.real(), origin, fault, what);
    }
}
