//! Events that a stream connection reports, over any transport.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::TradeUpdate;

/// How the stream is transported and authenticated, tried in this order (docs/DESIGN.md 9.5).
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
    /// The connection failed: DNS, TCP, TLS, or a handshake refused with this HTTP status.
    Connect {
        /// The status, if there was a response.
        status: Option<u16>,
        /// What failed; safe to show.
        message: String,
        /// The wait that the broker asked for, not bounded yet.
        #[serde(default)]
        retry_after: Option<Duration>,
    },
    /// The broker refused this form of authentication.
    AuthRefused {
        /// The broker's words.
        message: String,
    },
    /// No reply to authentication or to the subscription within 10 s.
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
        /// What was observed.
        message: String,
    },
    /// Another instance on this machine streams the account; [`Input::Connect`](super::Input::Connect)
    /// follows when it stops.
    Elsewhere,
    /// The session asked to close it.
    Asked,
}

impl Closed {
    /// There was no response.
    pub const fn unreachable(message: String) -> Self {
        Self::Connect { status: None, message, retry_after: None }
    }

    /// The handshake was refused, with no wait stated.
    pub const fn refused(status: u16, message: String) -> Self {
        Self::Connect { status: Some(status), message, retry_after: None }
    }
}

/// One event of a stream connection. Plain data without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum StreamEvent {
    /// The transport is up; authentication was sent.
    Opened,
    /// Authentication was accepted in this form.
    Authorized {
        /// The form that worked.
        form: AuthForm,
        /// Extra text from the broker, such as a deprecation notice.
        message: Option<String>,
    },
    /// The broker confirmed the subscription.
    Listening {
        /// True if it includes `trade_updates`.
        trade_updates: bool,
    },
    /// A trade update.
    Update(Box<TradeUpdate>),
    /// A pong arrived: the connection is alive.
    Pong {
        /// The round trip of a ping.
        latency: Duration,
    },
    /// A frame that cannot be interpreted, kept for the log.
    Unknown {
        /// The text, sanitised and shortened.
        text: String,
    },
    /// The stream ended; no event follows.
    Closed(Closed),
}
