//! The `trade_updates` stream over a websocket (docs/ALPACA.md 6): the handshake of each form of authentication, liveness, and the
//! clean close.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Error as WsError, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

use super::events::{EventSender, LONGEST_MESSAGE, StreamTarget};
use super::headers::retry_after;
use super::wire::{self, Frame};
use crate::broker::dial::{self, Io, chain};
use crate::config::is_loopback;
use crate::domain::Untrusted;
use crate::session::{AuthForm, Closed, StreamEvent};

/// The most unsent data, in bytes: a peer may send pings without reading the pongs.
const MOST_UNSENT: usize = 64 * 1024;
/// How long a clean close may take.
const GOODBYE: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<MaybeTlsStream<Box<dyn Io>>>;

/// Runs one connection until it ends.
pub(super) async fn run(target: &StreamTarget, form: AuthForm, out: &EventSender) -> Closed {
    let opening = timeout(out.timeouts.answer, open(target, out));
    let mut socket = tokio::select! {
        biased;
        () = out.stop.cancelled() => return Closed::Asked,
        opened = opening => match opened {
            Ok(Ok(socket)) => socket,
            Ok(Err(closed)) => return closed,
            Err(_) => return Closed::unreachable(out.words(&dial::along(&target.stream_url, "no answer in time"))),
        },
    };
    let closed = match Conversation::new(&mut socket, form, out).run().await {
        Ok(never) => match never {},
        Err(closed) => closed,
    };
    goodbye(&mut socket).await;
    closed
}

async fn open(target: &StreamTarget, out: &EventSender) -> Result<Socket, Closed> {
    let refuse = |said: Untrusted| Closed::unreachable(out.words(&said));
    let url = &target.stream_url;
    if url.scheme() != "wss" && !(url.scheme() == "ws" && is_loopback(url)) {
        return Err(refuse("the stream's address is neither wss nor loopback".into()));
    }
    let mut request = url.as_str().into_client_request().map_err(|error| refuse(chain("", &error)))?;
    let agent = HeaderValue::from_static(concat!("brokerdeck/", env!("CARGO_PKG_VERSION")));
    request.headers_mut().insert(header::USER_AGENT, agent);
    let config = WebSocketConfig::default()
        .max_message_size(Some(LONGEST_MESSAGE))
        .max_frame_size(Some(LONGEST_MESSAGE))
        .read_buffer_size(32 * 1024)
        .write_buffer_size(0)
        .max_write_buffer_size(MOST_UNSENT);
    let connector = Connector::Rustls(Arc::clone(&target.tls));
    let socket = dial::open(url, &target.tls).await.map_err(refuse)?;
    match client_async_tls_with_config(request, socket, Some(config), Some(connector)).await {
        Ok((socket, _)) => Ok(socket),
        Err(WsError::Http(response)) => {
            let status = response.status().as_u16();
            let body = response.body().as_deref().unwrap_or_default();
            let refusal = wire::refusal(status, body);
            let message = out.words(&refusal.message);
            let retry_after = retry_after(response.headers());
            // Not in the API's format, so from a proxy or gateway: it says nothing about the token.
            if !refusal.spoken && matches!(status, 401 | 403) {
                return Err(Closed::Connect { status: None, message: format!("{message} ({status})"), retry_after });
            }
            Err(Closed::Connect { status: Some(status), message, retry_after })
        }
        Err(error) => Err(refuse(dial::along(url, &chain("", &error).to_string()))),
    }
}

/// Closes cleanly: sends a close frame and waits for the peer's, for a second at most.
async fn goodbye(socket: &mut Socket) {
    let polite = async {
        if socket.close(None).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    // A timeout is fine: the socket is dropped next.
    drop(timeout(GOODBYE, polite).await);
}

/// What the connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The answer to authentication.
    Authenticating,
    /// The confirmation of the subscribed streams.
    Listening,
    /// Updates, at any time.
    Open,
}

/// The conversation on one open socket.
struct Conversation<'a> {
    socket: &'a mut Socket,
    out: &'a EventSender,
    form: AuthForm,
    phase: Phase,
    /// The deadline of the awaited answer; unused once open.
    answer_by: Instant,
    /// When the peer counts as gone, unless something arrives before.
    silent_by: Instant,
    /// The ping under way: its number and when it was sent.
    ping: Option<(u64, Instant)>,
    pings: u64,
}

enum Never {}

impl<'a> Conversation<'a> {
    fn new(socket: &'a mut Socket, form: AuthForm, out: &'a EventSender) -> Self {
        let now = Instant::now();
        let (answer_by, silent_by) = (now + out.timeouts.answer, now + out.timeouts.silence);
        Self { socket, out, form, phase: Phase::Authenticating, answer_by, silent_by, ping: None, pings: 0 }
    }

    async fn run(mut self) -> Result<Never, Closed> {
        let secret = self.out.token.expose_secret();
        let hello = match self.form {
            AuthForm::AuthKey => json!({"action": "auth", "key": "oauth", "secret": secret}),
            AuthForm::Authenticate | AuthForm::Sse => {
                json!({"action": "authenticate", "data": {"oauth_token": secret}})
            }
        };
        self.say(Message::text(hello.to_string())).await?;
        self.out.send(StreamEvent::Opened).await?;
        let mut pings = interval_at(Instant::now() + self.out.timeouts.ping, self.out.timeouts.ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.out.stop.cancelled() => return Err(Closed::Asked),
                _ = pings.tick() => self.ping().await?,
                () = sleep_until(self.answer_by), if self.phase != Phase::Open => return Err(Closed::AuthSilent),
                message = self.socket.next() => {
                    self.on_message(message).await?;
                    // Time spent waiting for room in the channel does not count as the peer's silence.
                    self.silent_by = Instant::now() + self.out.timeouts.silence;
                }
                () = sleep_until(self.silent_by) => return Err(Closed::Silent),
            }
        }
    }

    async fn on_message(&mut self, message: Option<Result<Message, WsError>>) -> Result<(), Closed> {
        match message {
            Some(Ok(Message::Text(text))) => self.frame(text.as_str().as_bytes()).await,
            Some(Ok(Message::Binary(bytes))) => self.frame(&bytes).await,
            Some(Ok(Message::Pong(payload))) => self.pong(&payload).await,
            // The library answers pings.
            Some(Ok(Message::Ping(_) | Message::Frame(_))) => Ok(()),
            Some(Ok(Message::Close(frame))) => {
                let reason = frame.map(|frame| format!("{} {}", u16::from(frame.code), frame.reason));
                let reason = self.out.words(&reason.as_deref().unwrap_or("without a reason").into());
                if self.phase == Phase::Authenticating {
                    // A close frame in place of an answer is a refusal; an outage sends none.
                    return Err(Closed::AuthRefused { message: format!("closed instead of an answer: {reason}") });
                }
                Err(Closed::Lost { message: format!("the broker closed the stream: {reason}") })
            }
            Some(Err(WsError::Capacity(CapacityError::MessageTooLong { .. }))) => {
                Err(Closed::Lost { message: "a message of more than 1 MiB was not read".to_owned() })
            }
            Some(Err(error)) => Err(self.failed(&error)),
            None => Err(Closed::Lost { message: "the connection ended".to_owned() }),
        }
    }

    async fn frame(&mut self, bytes: &[u8]) -> Result<(), Closed> {
        match wire::frame(bytes) {
            Frame::Update(update) => self.out.send(StreamEvent::Update(update)).await,
            Frame::Partial { update, text } => self.out.partial(update, &text).await,
            Frame::Authorization { authorized: true, message } => self.authorized(message).await,
            Frame::Authorization { authorized: false, message } => Err(Closed::AuthRefused {
                message: self.out.words(&message.unwrap_or_else(|| "not authorized".into())),
            }),
            Frame::Listening { trade_updates } => {
                let first = self.phase == Phase::Listening;
                if first {
                    self.phase = Phase::Open;
                }
                self.out.send(StreamEvent::Listening { trade_updates }).await?;
                // The first round trip is measured at once, later ones at the ping interval.
                if first { self.ping().await } else { Ok(()) }
            }
            Frame::Error { message } => Err(Closed::BrokerError { message: self.out.words(&message) }),
            Frame::Empty => Ok(()),
            Frame::Unknown { text } => self.out.unknown(&text).await,
        }
    }

    async fn authorized(&mut self, message: Option<Untrusted>) -> Result<(), Closed> {
        if self.phase != Phase::Authenticating {
            return Ok(());
        }
        let message = message.map(|message| self.out.words(&message));
        self.out.send(StreamEvent::Authorized { form: self.form, message }).await?;
        self.phase = Phase::Listening;
        self.answer_by = Instant::now() + self.out.timeouts.answer;
        let listen = json!({"action": "listen", "data": {"streams": ["trade_updates"]}});
        self.say(Message::text(listen.to_string())).await
    }

    fn failed(&self, error: &WsError) -> Closed {
        Closed::Lost { message: self.out.words(&chain("the connection failed", error)) }
    }

    async fn ping(&mut self) -> Result<(), Closed> {
        self.pings += 1;
        self.ping = Some((self.pings, Instant::now()));
        let payload = Bytes::copy_from_slice(&self.pings.to_be_bytes());
        self.say(Message::Ping(payload)).await
    }

    async fn pong(&mut self, payload: &[u8]) -> Result<(), Closed> {
        match self.ping.take() {
            Some((number, sent_at)) if payload == number.to_be_bytes() => {
                self.out.send(StreamEvent::Pong { latency: sent_at.elapsed() }).await
            }
            // An unsolicited pong, or one of an earlier ping, only shows that the peer is alive.
            other => {
                self.ping = other;
                Ok(())
            }
        }
    }

    /// Sends a message; a peer that accepts nothing within the silence timeout counts as gone.
    async fn say(&mut self, message: Message) -> Result<(), Closed> {
        let sent = tokio::select! {
            biased;
            sent = timeout(self.out.timeouts.silence, self.socket.send(message)) => sent,
            () = self.out.stop.cancelled() => return Err(Closed::Asked),
        };
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(_) => Err(Closed::Silent),
        }
    }
}
