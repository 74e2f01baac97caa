//! What a stream connection can report, whatever carries it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::TradeUpdate;

/// How the stream is carried and authenticated; the ladder of docs/DESIGN.md 9.5, tried in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AuthForm {
    /// Websocket, `{"action":"authenticate","data":{"oauth_token":…}}` (docs/ALPACA.md 6.2).
    Authenticate,
    /// Websocket, `{"action":"auth","key":"oauth","secret":…}` (docs/ALPACA.md 6.2).
    AuthKey,
    /// Server-sent events at `/v2/events/trades` (docs/ALPACA.md 7.1).
    Sse,
}

impl AuthForm {
    /// The form to try after this one was refused.
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Authenticate => Some(Self::AuthKey),
            Self::AuthKey => Some(Self::Sse),
            Self::Sse => None,
        }
    }
}

/// Why a stream ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Closed {
    /// The connection could not be made: DNS, TCP, TLS, or the handshake was refused with this HTTP status.
    Connect {
        /// The status, when there was an answer.
        status: Option<u16>,
        /// What failed, safe to show.
        message: String,
        /// How long the broker asked to wait, unbounded as it came.
        #[serde(default)]
        retry_after: Option<Duration>,
    },
    /// The form of authentication was refused.
    AuthRefused {
        /// The broker's words.
        message: String,
    },
    /// No answer to authentication or listening within 10 s.
    AuthSilent,
    /// No frame and no pong for 20 s.
    Silent,
    /// The broker sent an error message, then closed.
    BrokerError {
        /// The broker's words.
        message: String,
    },
    /// The peer closed or the transport failed.
    Lost {
        /// What was seen.
        message: String,
    },
    /// Another instance on this machine streams the account; [`Input::Connect`](super::Input::Connect) comes when it
    /// lets go.
    Elsewhere,
    /// We closed it.
    Asked,
}

impl Closed {
    /// Nobody answered.
    pub const fn unreachable(message: String) -> Self {
        Self::Connect { status: None, message, retry_after: None }
    }

    /// The handshake was refused, without a word about how long to wait.
    pub const fn refused(status: u16, message: String) -> Self {
        Self::Connect { status: Some(status), message, retry_after: None }
    }
}

/// One thing a stream connection reports. Plain data without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StreamEvent {
    /// The transport is up; authentication was sent.
    Opened,
    /// Authentication was accepted in this form.
    Authorized {
        /// The form that worked.
        form: AuthForm,
        /// What the broker added, e.g. a deprecation notice.
        message: Option<String>,
    },
    /// The broker confirmed what it will send.
    Listening {
        /// True when `trade_updates` is among it.
        trade_updates: bool,
    },
    /// A trade update.
    Update(Box<TradeUpdate>),
    /// A pong came back after this long: the link is alive.
    Pong {
        /// Round trip.
        latency: Duration,
    },
    /// A frame that says nothing we know; kept for the log.
    Unknown {
        /// The text, sanitised and shortened.
        text: String,
    },
    /// The end; nothing follows.
    Closed(Closed),
}
