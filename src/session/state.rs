//! The state of a connection: the one enum that panes, header and `watch` all show (docs/DESIGN.md 6).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::Mono;

/// The number of a connection attempt on one account; results of older epochs are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Epoch(pub u64);

/// Progress of a snapshot: answers received, of those known to be needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pages {
    /// Pages answered so far.
    pub done: u32,
    /// Answered, in flight or queued; grows as lists turn out to be longer.
    pub of: u32,
}

/// A condition that was reported to the user and ends by itself; afterwards the message is history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// There is no connection, or no stream.
    Connection,
    /// Parts of the snapshot are missing; a sentence names all of them.
    Incomplete,
    /// The broker asked for a long wait before more of the snapshot is requested.
    Snapshot,
    /// Orders missing from the lists could not be fetched.
    Beyond,
    /// Executions and the position list do not agree.
    Holdings,
}

impl Fault {
    /// True if a sentence tells the whole fault, so that it replaces the one before.
    pub const fn is_told_whole(self) -> bool {
        match self {
            Self::Incomplete => true,
            Self::Connection | Self::Snapshot | Self::Beyond | Self::Holdings => false,
        }
    }
}

/// The connection state of one linked account. It does not give the age of
/// a figure: [`super::Session::freshness`] does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConnectionState {
    /// Opening a stream, authenticating, listening.
    Connecting {
        /// Since when.
        since: Mono,
    },
    /// Listening; the snapshot is not complete yet.
    Syncing {
        /// Since when.
        since: Mono,
        /// Progress, once syncing takes longer than a few seconds.
        #[serde(default)]
        pages: Option<Pages>,
        /// No requests are sent before this.
        #[serde(default)]
        until: Option<Mono>,
        /// What is missing and why, once syncing takes longer than a few seconds.
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
        /// Why the last one ended, as a sentence without a final stop.
        reason: String,
    },
    /// No stream is available; REST alone keeps the snapshot current.
    Polling {
        /// Since when.
        since: Mono,
        /// Nothing of the account is shown before this.
        #[serde(default)]
        until: Option<Mono>,
        /// Why there is no stream, and what else is missing.
        reason: String,
    },
    /// The API refused the token for a minute, or another account answers; it is only probed until
    /// the account is relinked.
    NeedsRelink {
        /// The broker's words, or which account answers.
        reason: String,
    },
    /// The broker or the owner blocked the account; data is still updated.
    Blocked {
        /// Which flag or status, and what else is missing.
        reason: String,
    },
    /// Paused by the user.
    Paused,
}

impl ConnectionState {
    /// The short text shown for it.
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

    /// Why it is not live, if there is a reason.
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
