//! What every form of the stream shares: where it connects, how long it waits, and how its events reach the session.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::failure::LONGEST;
use crate::domain::secrets::Redactor;
use crate::domain::{TradeUpdate, Untrusted};
use crate::session::{Closed, StreamEvent};

/// The longest message read, in bytes (docs/DESIGN.md 10).
pub(super) const LONGEST_MESSAGE: usize = 1024 * 1024;

/// How long to wait for what. The default is the rule (docs/DESIGN.md 9.4); tests over real sockets wait less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// How long opening, authentication and listening may each take.
    pub answer: Duration,
    /// How often a ping is sent.
    pub ping: Duration,
    /// How long nothing at all may arrive.
    pub silence: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let ten = Duration::from_secs(10);
        Self { answer: ten, ping: ten, silence: 2 * ten }
    }
}

/// Where to connect, and how.
#[derive(Debug, Clone)]
pub struct StreamTarget {
    /// The whole address of the websocket.
    pub stream_url: Url,
    /// The REST origin, for the event-stream form.
    pub api_url: Url,
    /// Which authorities are trusted.
    pub tls: Arc<ClientConfig>,
}

/// The sender of one connection's events, which take no token along.
pub(super) struct EventSender {
    pub(super) events: mpsc::Sender<StreamEvent>,
    pub(super) stop: CancellationToken,
    pub(super) token: SecretString,
    pub(super) timeouts: Timeouts,
}

impl EventSender {
    /// Sends one event, waiting for room; an error when the reader is gone or wants the end.
    pub(super) async fn send(&self, event: StreamEvent) -> Result<(), Closed> {
        tokio::select! {
            biased;
            sent = self.events.send(event) => sent.map_err(|_| Closed::Asked),
            () = self.stop.cancelled() => Err(Closed::Asked),
        }
    }

    /// Sends what a frame that nobody knows holds.
    pub(super) async fn unknown(&self, text: &Untrusted) -> Result<(), Closed> {
        let text = self.words(text);
        tracing::warn!(%text, "a frame was not understood");
        self.send(StreamEvent::Unknown { text }).await
    }

    /// Sends an update of which a figure cannot be read, and what it was: REST is asked for the rest.
    pub(super) async fn partial(&self, update: Box<TradeUpdate>, text: &Untrusted) -> Result<(), Closed> {
        self.send(StreamEvent::Update(update)).await?;
        self.unknown(text).await
    }

    /// What the peer or a library said, without the token and then cut; the only way from there into an event.
    pub(super) fn words(&self, said: &Untrusted) -> String {
        Redactor::of([&self.token]).words(said, LONGEST)
    }
}
