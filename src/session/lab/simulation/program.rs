//! One running program on one account: its session, its blotter, what it shows.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::rest::Beside;
use crate::domain::blotter::Blotter;
use crate::domain::{AccountId, TradeUpdate};
use crate::session::lab::oracle::{Oracle, Shown};
use crate::session::machine::Session;
use crate::session::request::RequestId;
use crate::session::state::Epoch;

/// The stream as the network has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StreamState {
    pub(super) epoch: Epoch,
    pub(super) subscribed: bool,
    /// Open, but nothing comes through.
    pub(super) mute: bool,
    pub(super) last: Duration,
}

#[derive(Default)]
pub(super) struct Program {
    pub(super) broker: usize,
    pub(super) session: Option<Session>,
    pub(super) blotter: Blotter,
    /// Whose orders these are; it is in the journal, so that a new life knows it before the account answers.
    pub(super) account: Option<AccountId>,
    pub(super) oracle: Oracle,
    pub(super) line: Option<StreamState>,
    pub(super) shown: Shown,
    /// Where its next run may start from.
    pub(super) mark: (Option<Timestamp>, Option<Timestamp>),
    pub(super) asleep_until: Duration,
    /// Another program streams the account, as far as this one knows.
    pub(super) elsewhere: bool,
    pub(super) limited_until: Duration,
    /// What was refused for a limit that may be its own: since when and until when.
    pub(super) limited: HashMap<Beside, (Duration, Duration)>,
    /// With what is asked beside orders and executions.
    pub(super) under_way: HashMap<RequestId, Option<Beside>>,
    pub(super) lives: u64,
    /// When the first pass ever ended; what was over before is history.
    pub(super) since: Option<Timestamp>,
    /// Each of these with the mark that it set, for what is remembered may have lost the later ones.
    pub(super) begun: Vec<(Timestamp, Timestamp)>,
    /// It was killed, and something that it showed is not in the journal.
    pub(super) lost: bool,
    /// Since when the word is `live`.
    pub(super) live_since: Option<Duration>,
    /// When the stream of this connection began to be merged: that a part is missing puts off no audit.
    pub(super) followed_since: Option<Duration>,
    /// When this epoch began to listen.
    pub(super) listening_since: Duration,
    /// Updates that arrived before the snapshot of this epoch did.
    pub(super) early: Vec<TradeUpdate>,
    /// Orders of which a frame could not be read while live, and when.
    pub(super) unread: Vec<(Duration, usize)>,
}

impl Program {
    pub(super) fn of(broker: usize) -> Self {
        Self { broker, ..Self::default() }
    }
}
