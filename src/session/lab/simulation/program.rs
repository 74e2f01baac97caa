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

/// The stream as seen by the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StreamState {
    pub(super) epoch: Epoch,
    pub(super) subscribed: bool,
    /// Open, but nothing gets through.
    pub(super) mute: bool,
    pub(super) last: Duration,
}

#[derive(Default)]
pub(super) struct Program {
    pub(super) broker: usize,
    pub(super) session: Option<Session>,
    pub(super) blotter: Blotter,
    /// The account of these orders; it is journaled, so that a restarted program knows it before the account answers.
    pub(super) account: Option<AccountId>,
    pub(super) oracle: Oracle,
    pub(super) line: Option<StreamState>,
    pub(super) shown: Shown,
    /// The watermark for its next run.
    pub(super) mark: (Option<Timestamp>, Option<Timestamp>),
    pub(super) asleep_until: Duration,
    /// Another program streams the account, as far as this one knows.
    pub(super) elsewhere: bool,
    pub(super) limited_until: Duration,
    /// Endpoints that answered 429, perhaps for a limit of their own: from when until when.
    pub(super) limited: HashMap<Beside, (Duration, Duration)>,
    /// Requests in flight; with the endpoint, if orders and executions do not depend on it.
    pub(super) under_way: HashMap<RequestId, Option<Beside>>,
    pub(super) lives: u64,
    /// When the very first pass ended; orders done before are history.
    pub(super) since: Option<Timestamp>,
    /// Each of these with the watermark that it set, because the journal may have lost later ones.
    pub(super) begun: Vec<(Timestamp, Timestamp)>,
    /// It was killed, and something that it showed is not in the journal.
    pub(super) lost: bool,
    /// Since when the state is `live`.
    pub(super) live_since: Option<Duration>,
    /// When merging began on this stream; a missing part does not delay audits.
    pub(super) followed_since: Option<Duration>,
    /// When this epoch began to listen.
    pub(super) listening_since: Duration,
    /// Updates that arrived before the snapshot of this epoch.
    pub(super) early: Vec<TradeUpdate>,
    /// Orders with an unreadable frame while live, and when.
    pub(super) unread: Vec<(Duration, usize)>,
}

impl Program {
    pub(super) fn of(broker: usize) -> Self {
        Self { broker, ..Self::default() }
    }
}
