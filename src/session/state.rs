//! Where a connection stands: the one enum that panes, header and `watch` all show (docs/DESIGN.md 6).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::Mono;

/// The count of attempts on one account; results of an older one are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Epoch(pub u64);

/// How far a snapshot is: answers that came, of those that are known to be needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pages {
    /// Answered.
    pub done: u32,
    /// Answered, under way or queued; grows while lists turn out to be longer.
    pub of: u32,
}

/// What a person was told of and what ends by itself: afterwards the sentence is history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// There is no connection, or no stream.
    Connection,
    /// A part of the snapshot is missing.
    Snapshot,
    /// What no list shows could not be had.
    Beyond,
    /// Executions and the list of positions do not agree.
    Holdings,
}

/// The state of one linked account's connection. How old a figure is, it does not say: [`super::Session::freshness`] does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConnectionState {
    /// Opening a stream, authenticating, listening.
    Connecting {
        /// Since when.
        since: Mono,
    },
    /// Listening; the snapshot is not complete.
    Syncing {
        /// Since when.
        since: Mono,
        /// How far it is, once it takes longer than seconds.
        #[serde(default)]
        pages: Option<Pages>,
        /// Nothing is asked before this.
        #[serde(default)]
        until: Option<Mono>,
        /// What is missing and why, once it takes longer than seconds.
        #[serde(default)]
        reason: Option<String>,
    },
    /// The stream listens and every part of the snapshot has a recent good answer.
    Live {
        /// Since when.
        since: Mono,
    },
    /// Lost; waiting before the next attempt.
    Reconnecting {
        /// Attempts made since the last healthy connection.
        attempt: u32,
        /// When the next attempt starts.
        until: Mono,
        /// Why the last one ended, as a sentence without a stop.
        reason: String,
    },
    /// The stream is refused; REST alone keeps the snapshot.
    Polling {
        /// Since when.
        since: Mono,
        /// Nothing of the account is shown before this.
        #[serde(default)]
        until: Option<Mono>,
        /// Why there is no stream, and what else is missing.
        reason: String,
    },
    /// The API refused the token for a minute; it is probed rarely until the account is linked again.
    NeedsRelink {
        /// The broker's words.
        reason: String,
    },
    /// The broker or the owner blocked the account; data still flows.
    Blocked {
        /// Which flag or status, and what else is missing.
        reason: String,
    },
    /// Stopped by the user.
    Paused,
}

impl ConnectionState {
    /// The short words shown for it.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Connecting { .. } => "connecting",
            Self::Syncing { .. } => "syncing",
            Self::Live { .. } => "live",
            Self::Reconnecting { .. } => "reconnecting",
            Self::Polling { .. } => "polling",
            Self::NeedsRelink { .. } => "needs relink",
            Self::Blocked { .. } => "blocked",
            Self::Paused => "paused",
        }
    }

    /// True when the stream listens and the snapshot is complete.
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Live { .. })
    }

    /// Why it is not live, where there is a reason.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Reconnecting { reason, .. }
            | Self::Polling { reason, .. }
            | Self::NeedsRelink { reason }
            | Self::Blocked { reason } => Some(reason),
            Self::Syncing { reason, .. } => reason.as_deref(),
            Self::Connecting { .. } | Self::Live { .. } | Self::Paused => None,
        }
    }
}

impl fmt::Display for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
