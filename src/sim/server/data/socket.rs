//! The data websocket: arrays of messages, one connection per user and feed, ten seconds to authenticate
//! (docs/ALPACA.md 8.1).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, Interval};

use super::article::Article;
use super::channels::{Subscriptions, fake};
use crate::sim::faults::{Fault, Origin};
use crate::sim::market::Tick;
use crate::sim::server::close_frame;
use crate::sim::server::feed::Feed;
use crate::sim::server::grants::Grant;
use crate::sim::server::lock::lock;
use crate::sim::server::msgpack;
use crate::sim::server::reply::{self, ApiError};
use crate::sim::server::request_filter::{RequestFilter, credential};
use crate::sim::server::state::Sim;
use crate::sim::server::stream::frame::{self, Encoding};

/// Time limit for authentication.
const AUTH_TIME: Duration = Duration::from_secs(10);
/// Most messages in a frame.
const BATCH: usize = 200;

/// `/v2/{feed}`.
pub(super) async fn stocks(
    State(request_filter): State<RequestFilter>,
    Path(name): Path<String>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let known = ["iex", "sip", "delayed_sip", "boats", "overnight"];
    let feed = match name.as_str() {
        "test" => Feed::Test,
        other => match known.into_iter().find(|feed| *feed == other) {
            Some(feed) => Feed::Stocks(feed),
            None => return ApiError::not_found("endpoint not found.").into_response(),
        },
    };
    open(request_filter, feed, &headers, upgrade)
}

/// `/v1beta3/crypto/{loc}`, and its older addresses.
pub(super) async fn crypto(
    State(request_filter): State<RequestFilter>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    open(request_filter, Feed::Crypto, &headers, upgrade)
}

/// `/v1beta1/news`.
pub(super) fn news(request_filter: RequestFilter, headers: &HeaderMap, upgrade: WebSocketUpgrade) -> Response {
    open(request_filter, Feed::News, headers, Ok(upgrade))
}

/// `/v1beta1/options/{feed}`; `None` for an unknown feed.
pub(super) fn options(
    request_filter: RequestFilter,
    feed: &str,
    headers: &HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Option<Response> {
    let feed = ["indicative", "opra"].into_iter().find(|known| *known == feed)?;
    Some(open(request_filter, Feed::Options(feed), headers, Ok(upgrade)))
}

fn open(
    request_filter: RequestFilter,
    feed: Feed,
    headers: &HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return ApiError::new(400, 40_010_000, "expected a websocket upgrade").into_response();
    };
    let status = lock(&request_filter.sim.faults).on_upgrade(Origin::Data, "socket", request_filter.sim.clock.real());
    if let Some(status) = status {
        return reply::gateway_page(status);
    }
    // Options are only sent as MessagePack.
    let packed = matches!(feed, Feed::Options(_))
        || headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes() == b"application/msgpack");
    let grant = credential(&request_filter.sim, headers);
    upgrade.on_upgrade(move |socket| {
        let session = Session {
            sim: Arc::clone(&request_filter.sim),
            socket,
            feed,
            packed,
            slot: None,
            wanted: Subscriptions::new(feed),
            ticks: None,
            held: None,
        };
        session.run(grant)
    })
}

/// A slot in the count of connections; freed when dropped.
struct ConnectionSlot {
    sim: Arc<Sim>,
    key: (crate::sim::engine::order::AccountNo, Feed),
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        lock(&self.sim.data_seats).remove(&self.key);
    }
}

struct Session {
    sim: Arc<Sim>,
    socket: WebSocket,
    feed: Feed,
    packed: bool,
    slot: Option<ConnectionSlot>,
    wanted: Subscriptions,
    ticks: Option<broadcast::Receiver<Tick>>,
    /// A reordered message, which waits for the next one.
    held: Option<Vec<u8>>,
}

/// The session is over.
struct Over;

type Step = Result<(), Over>;

fn problem(code: u16, message: &str) -> Value {
    json!([{"T": "error", "code": code, "msg": message}])
}

impl Session {
    async fn run(mut self, header: Option<Grant>) {
        let mut kill = self.sim.kill.subscribe();
        let shutdown = self.sim.shutdown.clone();
        let deadline = Instant::now() + AUTH_TIME;
        let mut beat = tokio::time::interval(Duration::from_secs(1));
        let mut count = 0_u32;
        let mut article = Article::newest(self.sim.clock.now()).next();
        let sim = Arc::clone(&self.sim);
        if self.send(&json!([{"T": "success", "msg": "connected"}])).await.is_err() {
            return;
        }
        if let Some(grant) = header
            && self.admit(Some(grant)).await.is_err()
        {
            return;
        }
        loop {
            let step = tokio::select! {
                () = shutdown.cancelled() => Err(Over),
                _ = kill.changed() => Err(Over),
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => self.said(text.as_bytes()).await,
                    Some(Ok(Message::Binary(bytes))) => self.said(&bytes).await,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                    last @ (Some(Ok(Message::Close(_)) | Err(_)) | None) => {
                        close_frame::answer(&mut self.socket, last).await;
                        Err(Over)
                    }
                },
                tick = next(self.ticks.as_mut()) => self.pass_on(tick).await,
                _ = beat_of(&mut beat, self.feed == Feed::Test) => {
                    count += 1;
                    let messages = fake(&self.wanted, count, self.sim.clock.now());
                    self.out(messages).await
                }
                () = sim.clock.reach(article.at()), if self.feed == Feed::News => {
                    let due = article.until(self.sim.clock.now());
                    article = due.last().copied().unwrap_or(article).next();
                    let wanted = due.into_iter().filter(|article| self.wanted.wants_news(&article.symbols()));
                    let wanted = wanted.map(Article::message).collect();
                    self.out(wanted).await
                }
                () = tokio::time::sleep_until(deadline), if self.slot.is_none() => {
                    drop(self.send(&problem(404, "auth timeout")).await);
                    Err(Over)
                }
            };
            if step.is_err() {
                return;
            }
        }
    }

    async fn send(&mut self, value: &Value) -> Step {
        self.send_raw(self.encoded(value)).await
    }

    fn encoded(&self, value: &Value) -> Vec<u8> {
        if self.packed { msgpack::encode(value, Some("t")) } else { value.to_string().into_bytes() }
    }

    async fn send_raw(&mut self, bytes: Vec<u8>) -> Step {
        let encoding = if self.packed { Encoding::MessagePack } else { Encoding::Text };
        let message = encoding.message(bytes);
        let mut kill = self.sim.kill.subscribe();
        tokio::select! {
            sent = self.socket.send(message) => sent.map_err(|_| Over),
            _ = kill.changed() => Err(Over),
        }
    }

    async fn said(&mut self, bytes: &[u8]) -> Step {
        let parsed: Option<Value> = serde_json::from_slice(bytes).ok().or_else(|| rmp_serde::from_slice(bytes).ok());
        let Some(message) = parsed.filter(Value::is_object) else {
            return self.send(&problem(400, "invalid syntax")).await;
        };
        let text = |name: &str| message.get(name).and_then(Value::as_str).unwrap_or_default();
        match text("action") {
            "auth" if self.slot.is_some() => self.send(&problem(403, "already authenticated")).await,
            "auth" => {
                let (key, secret) = (text("key"), text("secret"));
                let grant = {
                    let grants = lock(&self.sim.grants);
                    if key == "oauth" { grants.token(secret) } else { grants.key_pair(key, secret) }
                };
                self.admit(grant).await
            }
            "subscribe" | "unsubscribe" if self.slot.is_none() => self.send(&problem(401, "not authenticated")).await,
            "subscribe" => self.subscribe(&message, true).await,
            "unsubscribe" => self.subscribe(&message, false).await,
            _ => self.send(&problem(400, "invalid syntax")).await,
        }
    }

    async fn admit(&mut self, grant: Option<Grant>) -> Step {
        let found = grant.and_then(|grant| Some((grant, grant.paper.or(grant.live)?)));
        let refusal = match found {
            None => Some((402, "auth failed")),
            Some((grant, _)) if !grant.scopes.has("data") => Some((411, "insufficient scope")),
            Some(_) if !self.feed.is_free() => Some((409, "insufficient subscription")),
            Some((_, account)) => {
                let key = (account, self.feed);
                if lock(&self.sim.data_seats).insert(key) {
                    self.slot = Some(ConnectionSlot { sim: Arc::clone(&self.sim), key });
                    None
                } else {
                    Some((406, "connection limit exceeded"))
                }
            }
        };
        match refusal {
            None => self.send(&json!([{"T": "success", "msg": "authenticated"}])).await,
            Some((code, message)) => {
                self.send(&problem(code, message)).await?;
                drop(self.socket.send(Message::Close(None)).await);
                Err(Over)
            }
        }
    }

    async fn subscribe(&mut self, message: &Value, add: bool) -> Step {
        let most = lock(&self.sim.policy).symbols;
        let before = match self.wanted.after(message, add, most) {
            Ok(after) => std::mem::replace(&mut self.wanted, after),
            Err((code, words)) => return self.send(&problem(code, words)).await,
        };
        if self.ticks.is_none() && !matches!(self.feed, Feed::Test | Feed::News) {
            self.ticks = Some(self.sim.hub.subscribe_ticks());
        }
        let shown = self.wanted.shown();
        self.send(&json!([shown])).await?;
        // A book starts complete; quotes update it afterwards.
        let books = self.sim.hub.look(|engine| self.wanted.new_books(&before, engine.market()));
        self.out(books).await
    }

    async fn pass_on(&mut self, first: Result<Tick, RecvError>) -> Step {
        let mut ticks = Vec::new();
        let mut newest = Some(first);
        while let Some(tick) = newest.take() {
            match tick {
                Ok(tick) => ticks.push(tick),
                Err(RecvError::Lagged(_)) => {
                    self.send(&problem(407, "slow client")).await?;
                    return Err(Over);
                }
                Err(RecvError::Closed) => return Err(Over),
            }
            if ticks.len() < BATCH {
                newest = self.ticks.as_mut().and_then(|ticks| ticks.try_recv().ok()).map(Ok);
            }
        }
        let messages: Vec<Value> = self.sim.hub.look(|engine| {
            let market = engine.market();
            ticks.iter().flat_map(|tick| self.wanted.messages(market, tick)).collect()
        });
        self.out(messages).await
    }

    /// Sends messages, subject to frame faults.
    async fn out(&mut self, messages: Vec<Value>) -> Step {
        if messages.is_empty() {
            return Ok(());
        }
        let mut kill = self.sim.kill.subscribe();
        tokio::select! {
            () = self.sim.thaw() => {}
            () = self.sim.shutdown.cancelled() => return Err(Over),
            _ = kill.changed() => return Err(Over),
        }
        let faults = lock(&self.sim.faults).on_frame(Origin::Data, "market data", self.sim.clock.real());
        let mut bytes = self.encoded(&Value::from(messages));
        let (mut copies, mut hold) = (1, false);
        for fault in faults {
            match fault {
                Fault::Drop => return Err(Over),
                Fault::ServerError => {
                    self.send(&problem(500, "internal error")).await?;
                    drop(self.socket.send(Message::Close(None)).await);
                    return Err(Over);
                }
                Fault::Starve | Fault::Lose | Fault::Dropped => return Ok(()),
                Fault::Duplicate => copies += 1,
                Fault::Reorder => hold = true,
                Fault::Corrupt | Fault::Truncate => frame::damage(&mut bytes, fault, &mut lock(&self.sim.faults)),
                Fault::Delay(time) => self.sim.pause(time).await,
                _ => {}
            }
        }
        if hold && self.held.is_none() {
            self.held = Some(bytes);
            return Ok(());
        }
        for _ in 0..copies {
            self.send_raw(bytes.clone()).await?;
        }
        match self.held.take() {
            Some(held) => self.send_raw(held).await,
            None => Ok(()),
        }
    }
}

async fn next(ticks: Option<&mut broadcast::Receiver<Tick>>) -> Result<Tick, RecvError> {
    match ticks {
        Some(ticks) => ticks.recv().await,
        None => std::future::pending().await,
    }
}

async fn beat_of(beat: &mut Interval, wanted: bool) -> Instant {
    if wanted { beat.tick().await } else { std::future::pending().await }
}
