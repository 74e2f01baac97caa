//! The `trade_updates` websocket: authentication, listening, frames and their faults (docs/ALPACA.md 6).

pub(super) mod frame;

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use self::frame::Encoding;
use super::close_frame;
use super::grants::Grant;
use super::hub::Emitted;
use super::lock::lock;
use super::net::HangUp;
use super::reply::{self, ApiError};
use super::request_filter::{RequestFilter, account_on, credential};
use super::state::{FormPolicy, Sim};
use crate::sim::engine::order::AccountNo;
use crate::sim::faults::{Fault, Origin};
use crate::sim::options::Frames;
use crate::sim::words::AuthForm;

/// How long a reordered frame waits for the next one.
const REORDER_WAIT: Duration = Duration::from_millis(500);
/// Alpaca's message about the old form for key pairs.
const DEPRECATED: &str = "this authentication format is being deprecated. Please use the format: \
                          {\"action\": \"auth\", \"key\": \"x\", \"secret\": \"x\"}";

/// Handles upgrades to the stream.
pub(super) async fn upgrade(
    State(request_filter): State<RequestFilter>,
    Extension(hang_up): Extension<HangUp>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return ApiError::new(400, 40_010_000, "expected a websocket upgrade").into_response();
    };
    let status =
        lock(&request_filter.sim.faults).on_upgrade(request_filter.origin, "/stream", request_filter.sim.clock.real());
    if let Some(status) = status {
        return reply::gateway_page(status);
    }
    let text = match request_filter.sim.frames {
        Frames::Faithful => request_filter.origin == Origin::Live,
        Frames::Binary => false,
        Frames::Text => true,
    };
    let packed = headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes() == b"application/msgpack");
    let encoding = match (packed, text) {
        (true, _) => Encoding::MessagePack,
        (false, true) => Encoding::Text,
        (false, false) => Encoding::Binary,
    };
    // A token in the upgrade request is accepted too, like the key headers.
    let grant = credential(&request_filter.sim, &headers);
    upgrade.on_upgrade(move |socket| async move {
        let session = Session::new(request_filter, socket, encoding, grant);
        session.run(hang_up).await;
    })
}

/// Why a session ends.
enum End {
    /// With a close frame.
    Close,
    /// Without a close frame.
    Abrupt,
}

struct Authorized {
    account: AccountNo,
    form: AuthForm,
    credential: Credential,
}

/// The credential, for checking it again after a revocation.
enum Credential {
    Token(String),
    Pair(String, String),
    Header,
}

struct Session {
    sim: Arc<Sim>,
    origin: Origin,
    socket: WebSocket,
    encoding: Encoding,
    header_grant: Option<Grant>,
    authorized: Option<Authorized>,
    events: Option<broadcast::Receiver<Arc<Emitted>>>,
    /// A reordered frame, and how long it waits for the next one.
    held: Option<(Vec<u8>, Instant)>,
}

impl Session {
    fn new(request_filter: RequestFilter, socket: WebSocket, encoding: Encoding, header_grant: Option<Grant>) -> Self {
        let RequestFilter { sim, origin } = request_filter;
        Self { sim, origin, socket, encoding, header_grant, authorized: None, events: None, held: None }
    }

    async fn run(mut self, _connection: HangUp) {
        let mut kill = self.sim.kill.subscribe();
        let mut freeze = self.sim.freeze.subscribe();
        let mut revoked = self.sim.revoked.subscribe();
        let shutdown = self.sim.shutdown.clone();
        let end = loop {
            let frozen = *freeze.borrow_and_update();
            if let Some(until) = frozen.filter(|until| *until > Instant::now()) {
                tokio::select! {
                    () = tokio::time::sleep_until(until) => {}
                    _ = freeze.changed() => {}
                    _ = kill.changed() => break End::Abrupt,
                    () = shutdown.cancelled() => break End::Abrupt,
                }
                continue;
            }
            let overdue = self.held.as_ref().map(|(_, until)| *until);
            let step = tokio::select! {
                biased;
                () = shutdown.cancelled() => Err(End::Close),
                _ = kill.changed() => Err(End::Abrupt),
                _ = freeze.changed() => Ok(()),
                _ = revoked.changed() => self.look_again().await,
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => self.said(text.as_bytes()).await,
                    Some(Ok(Message::Binary(bytes))) => self.said(&bytes).await,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                    last @ (Some(Ok(Message::Close(_)) | Err(_)) | None) => {
                        close_frame::answer(&mut self.socket, last).await;
                        Err(End::Abrupt)
                    }
                },
                event = next(self.events.as_mut()) => match event {
                    Ok(event) => self.deliver(&event).await,
                    Err(RecvError::Lagged(_)) => self.fail("internal server error").await,
                    Err(RecvError::Closed) => Err(End::Abrupt),
                },
                () = until(overdue) => self.release().await,
            };
            if let Err(end) = step {
                break end;
            }
        };
        if matches!(end, End::Close) {
            drop(self.socket.send(Message::Close(None)).await);
        }
    }

    async fn send(&mut self, value: &Value) -> Result<(), End> {
        let bytes = self.encoding.value(value);
        self.send_raw(bytes).await
    }

    async fn send_raw(&mut self, bytes: Vec<u8>) -> Result<(), End> {
        let message = self.encoding.message(bytes);
        let mut kill = self.sim.kill.subscribe();
        // A peer that does not read must not delay the shutdown.
        tokio::select! {
            sent = self.socket.send(message) => sent.map_err(|_| End::Abrupt),
            _ = kill.changed() => Err(End::Abrupt),
        }
    }

    async fn fail(&mut self, message: &str) -> Result<(), End> {
        self.send(&json!({"action": "error", "data": {"error_message": message}})).await?;
        Err(End::Close)
    }

    async fn refuse(&mut self, action: &str) -> Result<(), End> {
        let data = match action {
            "listen" => json!({"status": "unauthorized", "action": "listen"}),
            _ => json!({"action": "authenticate", "status": "unauthorized"}),
        };
        self.send(&json!({"stream": "authorization", "data": data})).await?;
        Err(End::Close)
    }

    async fn said(&mut self, bytes: &[u8]) -> Result<(), End> {
        let Some(message) = self.encoding.read(bytes) else {
            return self.fail("invalid syntax").await;
        };
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        match text(&message, "action").as_str() {
            "auth" => {
                let (key, secret) = (text(&message, "key"), text(&message, "secret"));
                if key == "oauth" {
                    self.authenticate(AuthForm::OAuthKey, Credential::Token(secret)).await
                } else {
                    self.authenticate(AuthForm::Keys, Credential::Pair(key, secret)).await
                }
            }
            "authenticate" => {
                let data = message.get("data").cloned().unwrap_or_default();
                if data.get("oauth_token").is_some() {
                    let token = text(&data, "oauth_token");
                    self.authenticate(AuthForm::OAuthToken, Credential::Token(token)).await
                } else {
                    let pair = Credential::Pair(text(&data, "key_id"), text(&data, "secret_key"));
                    self.authenticate(AuthForm::OldKeys, pair).await
                }
            }
            "listen" => self.listen(&message).await,
            _ => self.fail("invalid action").await,
        }
    }

    fn check(&self, credential: &Credential) -> Option<AccountNo> {
        let grant = {
            let grants = lock(&self.sim.grants);
            match credential {
                Credential::Token(token) => grants.token(token),
                Credential::Pair(id, secret) => grants.key_pair(id, secret),
                Credential::Header => self.header_grant,
            }
        }?;
        account_on(&grant, self.origin)
    }

    async fn authenticate(&mut self, form: AuthForm, credential: Credential) -> Result<(), End> {
        if self.authorized.is_some() {
            let data = json!({"error": "your connection is already authenticated"});
            return self.send(&json!({"stream": "listening", "data": data})).await;
        }
        let policy = lock(&self.sim.policy).forms.get(&form).copied().unwrap_or_default();
        let account = match policy {
            FormPolicy::Silent => return Ok(()),
            FormPolicy::Refuse => None,
            FormPolicy::Accept => self.check(&credential),
        };
        let Some(account) = account else {
            return self.refuse("authenticate").await;
        };
        self.authorized = Some(Authorized { account, form, credential });
        let data = if form == AuthForm::OldKeys {
            json!({"action": "authenticate", "message": DEPRECATED, "status": "authorized"})
        } else {
            json!({"action": "authenticate", "status": "authorized"})
        };
        self.send(&json!({"stream": "authorization", "data": data})).await
    }

    async fn listen(&mut self, message: &Value) -> Result<(), End> {
        if self.authorized.is_none() {
            if let Some(account) = self.check(&Credential::Header) {
                self.authorized = Some(Authorized { account, form: AuthForm::Keys, credential: Credential::Header });
            } else {
                return self.refuse("listen").await;
            }
        }
        let streams = message.pointer("/data/streams").and_then(Value::as_array);
        let wanted = streams.is_some_and(|streams| streams.iter().any(|stream| stream == "trade_updates"));
        // Events count from the acknowledgement on, not before.
        self.events = match (wanted, self.events.take()) {
            (true, Some(events)) => Some(events),
            (true, None) => Some(self.sim.hub.subscribe()),
            (false, _) => None,
        };
        let streams = if wanted { vec!["trade_updates"] } else { Vec::new() };
        self.send(&json!({"stream": "listening", "data": {"streams": streams}})).await
    }

    /// Ends the session if its credential was revoked.
    async fn look_again(&mut self) -> Result<(), End> {
        let Some(authorized) = &self.authorized else { return Ok(()) };
        if self.check(&authorized.credential) == Some(authorized.account) {
            return Ok(());
        }
        tracing::debug!(form = ?authorized.form, "a socket lost its credential");
        self.refuse("authenticate").await
    }

    async fn deliver(&mut self, event: &Emitted) -> Result<(), End> {
        if self.authorized.as_ref().is_none_or(|authorized| authorized.account != event.account) {
            return Ok(());
        }
        let Some(data) = event.data() else { return Ok(()) };
        let faults = lock(&self.sim.faults).on_frame(self.origin, &event.what(), self.sim.clock.real());
        let mut bytes = if faults.contains(&Fault::NoEventId) {
            self.encoding.value(&frame::enveloped(&frame::without_id(&frame::parsed(&data))))
        } else {
            self.encoding.json(&frame::of_data(&data))
        };
        let mut copies = 1;
        let mut hold = false;
        for fault in faults {
            match fault {
                Fault::Drop => return Err(End::Abrupt),
                Fault::ServerError => return self.fail("internal server error").await,
                Fault::Starve | Fault::Lose | Fault::Dropped => return Ok(()),
                Fault::Duplicate => copies += 1,
                Fault::Reorder => hold = true,
                Fault::Delay(time) => self.sim.pause(time).await,
                Fault::Corrupt | Fault::Truncate => frame::damage(&mut bytes, fault, &mut lock(&self.sim.faults)),
                Fault::DataNull => self.send(&json!({"stream": "trade_updates", "data": null})).await?,
                Fault::UnknownEvent => {
                    let strange = frame::of_unheard_event(&frame::parsed(&data));
                    self.send(&frame::enveloped(&strange)).await?;
                }
                _ => {}
            }
        }
        if hold && self.held.is_none() {
            self.held = Some((bytes, Instant::now() + REORDER_WAIT));
            return Ok(());
        }
        for _ in 1..copies {
            self.send_raw(bytes.clone()).await?;
        }
        self.send_raw(bytes).await?;
        self.release().await
    }

    /// Sends the reordered frame.
    async fn release(&mut self) -> Result<(), End> {
        match self.held.take() {
            Some((bytes, _)) => self.send_raw(bytes).await,
            None => Ok(()),
        }
    }
}

async fn next(events: Option<&mut broadcast::Receiver<Arc<Emitted>>>) -> Result<Arc<Emitted>, RecvError> {
    match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
