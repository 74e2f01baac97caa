//! What all forms of the stream share: target, timeouts, and the sender of events.

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

/// The timeouts of a stream. The defaults are those of docs/DESIGN.md 9.4; tests over real sockets use shorter ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For opening, authentication and listening, each.
    pub answer: Duration,
    /// The interval of pings.
    pub ping: Duration,
    /// How long the peer may be silent.
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
    /// The full URL of the websocket.
    pub stream_url: Url,
    /// The REST origin, for the event-stream form.
    pub api_url: Url,
    /// The trusted certificate authorities.
    pub tls: Arc<ClientConfig>,
}

/// The sender of one connection's events; it removes the token from their texts.
pub(super) struct EventSender {
    pub(super) events: mpsc::Sender<StreamEvent>,
    pub(super) stop: CancellationToken,
    pub(super) token: SecretString,
    pub(super) timeouts: Timeouts,
}

impl EventSender {
    /// Sends one event and waits for room in the channel; an error when the receiver is gone or `stop` was requested.
    pub(super) async fn send(&self, event: StreamEvent) -> Result<(), Closed> {
        tokio::select! {
            biased;
            sent = self.events.send(event) => sent.map_err(|_| Closed::Asked),
            () = self.stop.cancelled() => Err(Closed::Asked),
        }
    }

    /// Reports an unknown frame with its text.
    pub(super) async fn unknown(&self, text: &Untrusted) -> Result<(), Closed> {
        let text = self.words(text);
        tracing::warn!(%text, "a frame was not understood");
        self.send(StreamEvent::Unknown { text }).await
    }

    /// Sends an update with an unreadable figure, then the frame's text, so that the session fetches the rest by REST.
    pub(super) async fn partial(&self, update: Box<TradeUpdate>, text: &Untrusted) -> Result<(), Closed> {
        self.send(StreamEvent::Update(update)).await?;
        self.unknown(text).await
    }

    /// Text of the peer or a library, with the token removed and then truncated. All such text in events goes through
    /// here.
    pub(super) fn words(&self, said: &Untrusted) -> String {
        Redactor::of([&self.token]).words(said, LONGEST)
    }
}
