//! Events told again after an outage, where the broker can (docs/DESIGN.md 9.1, docs/ALPACA.md 7.1).
//!
//! The HTTP event stream is promised to nobody, so it is tried once and nothing waits for it: lists alone explain an outage.
//! What it adds is each event as it was: its reason, its time, the broker's own execution ids.

use jiff::Timestamp;

use super::{Duration, Now, Phase, Session};
use crate::domain::TradeUpdate;
use crate::domain::blotter::Blotter;
use crate::session::request::{Reply, Request, RequestError, RequestErrorKind, RequestId};

/// Events are asked for from this much before the last one known: the newest may have overtaken others.
const OVERLAP: Duration = Duration::from_mins(1);

/// What is known of this broker's replay, and the one under way.
#[derive(Debug, Default)]
pub(super) struct Replays {
    refused: bool,
    asked: Option<RequestId>,
    /// The broker's time of the last change known.
    newest: Option<Timestamp>,
    /// Told before the snapshot of this epoch was there; whose events they are is not known until then.
    early: Vec<TradeUpdate>,
}

impl Replays {
    /// The last change known is of this time.
    pub(super) fn known_to(&mut self, at: Option<Timestamp>) {
        self.newest = at;
    }

    /// The epoch ended; what is under way belongs to no one.
    pub(super) fn abandon(&mut self) {
        self.asked = None;
        self.early.clear();
    }

    /// True once for the answer waited for.
    pub(super) fn is_answer(&mut self, id: RequestId) -> bool {
        let ours = self.asked == Some(id);
        if ours {
            self.asked = None;
        }
        ours
    }
}

impl Session {
    /// Asks for what happened since the last change known, beside the first snapshot of an epoch.
    pub(super) fn ask_replay(&mut self, now: Now) {
        let wanted = !self.replays.refused && self.replays.asked.is_none() && self.account.is_some();
        let may = matches!(self.phase, Phase::Syncing { .. }) && !self.holds_back(now.mono);
        let Some(newest) = self.replays.newest.filter(|_| wanted && may) else { return };
        let since = newest.checked_sub(OVERLAP).unwrap_or(newest);
        // Our own clock orders nothing here: where it is wrong, the answer ends later or leaves out its newer end.
        let until = Some(now.wall).filter(|until| *until > since);
        let request = Request::Replay { since, until };
        if self.waits_for(&request, now.mono).is_some() {
            return;
        }
        let id = self.fresh_id();
        self.replays.asked = Some(id);
        self.send(id, request);
    }

    pub(super) fn on_replay(&mut self, result: Result<Box<Reply>, RequestError>, blotter: &mut Blotter, now: Now) {
        match result.map(|reply| *reply) {
            Ok(Reply::Replay(updates)) => {
                self.replays.early = updates;
                if matches!(self.phase, Phase::Live) {
                    self.merge_replay(blotter, now);
                }
            }
            Ok(_) => {}
            Err(error) => match error.kind {
                RequestErrorKind::RateLimited { .. } | RequestErrorKind::Server | RequestErrorKind::Network => {}
                _ => {
                    self.replays.refused = true;
                    self.log(format!("missed events are not replayed here ({}); the lists supply them", error.message));
                }
            },
        }
    }

    /// Merges what was told again, once the account is known to be the one it was.
    /// Returns how many executions that brought.
    pub(super) fn merge_replay(&mut self, blotter: &mut Blotter, now: Now) -> usize {
        let changes = blotter.apply_replayed(&std::mem::take(&mut self.replays.early));
        if !changes.gaps.is_empty() {
            self.audit_within(Duration::from_millis(500), now);
        }
        if !changes.executions.is_empty() {
            self.refresh_soon(now);
        }
        let recovered = changes.executions.len();
        self.changed(changes, blotter, now);
        recovered
    }
}
