//! Replays events after an outage, where the broker offers it (docs/DESIGN.md 9.1, docs/ALPACA.md 7.1).
//!
//! The HTTP event stream is not guaranteed, so nothing waits for it, and after a refusal it is not requested
//! again: the lists alone explain an outage. Replay adds each event as it was: its reason, its time, the
//! broker's own execution id.

use jiff::Timestamp;

use super::proof::LONGEST;
use super::{Duration, Mono, Now, Phase, Session};
use crate::domain::TradeUpdate;
use crate::domain::blotter::Blotter;
use crate::session::request::{Reply, Request, RequestError, RequestErrorKind, RequestId};

/// Events are requested from this long before the last one known: the newest may have overtaken others.
const OVERLAP: Duration = Duration::from_mins(1);

/// What is known of the broker's replay, and the request in flight.
#[derive(Debug, Default)]
pub(super) struct Replays {
    refused: bool,
    asked: Option<RequestId>,
    /// The broker's time of the last known change.
    newest: Option<Timestamp>,
    /// Replayed, and not confirmed by the account yet.
    early: Vec<TradeUpdate>,
    /// Only an account requested with this id or a later one confirms them.
    from: RequestId,
    since: Mono,
}

impl Replays {
    /// Sets the time of the last known change.
    pub(super) fn known_to(&mut self, at: Option<Timestamp>) {
        self.newest = at;
    }

    /// The epoch ended: drops the request in flight and events that are not merged.
    pub(super) fn abandon(&mut self) {
        self.asked = None;
        self.early.clear();
    }

    /// True once for the answer to the request in flight.
    pub(super) fn is_answer(&mut self, id: RequestId) -> bool {
        let ours = self.asked == Some(id);
        if ours {
            self.asked = None;
        }
        ours
    }
}

impl Session {
    /// Requests what happened since the last known change, beside the first snapshot of an epoch.
    pub(super) fn ask_replay(&mut self, now: Now) {
        let wanted = !self.replays.refused && self.replays.asked.is_none() && self.account.is_some();
        let may = matches!(self.phase, Phase::Syncing { .. }) && !self.must_wait(now.mono);
        let Some(newest) = self.replays.newest.filter(|_| wanted && may) else { return };
        let since = newest.checked_sub(OVERLAP).unwrap_or(newest);
        // Our own clock orders nothing here: if it is wrong, the answer ends later or lacks its newer end.
        let until = Some(now.wall).filter(|until| *until > since);
        let request = Request::Replay { since, until };
        if self.waits_for(&request, now.mono).is_some() {
            return;
        }
        let id = self.fresh_id();
        self.replays.asked = Some(id);
        self.send(id, request);
    }

    pub(super) fn on_replay(&mut self, result: Result<Box<Reply>, RequestError>, now: Now) {
        let replayed = result.and_then(|reply| {
            let Reply::Replay(updates) = *reply else { return Err(RequestError::mismatch()) };
            Ok(updates)
        });
        match replayed {
            Ok(updates) => {
                let from = RequestId(self.next_request);
                (self.replays.early, self.replays.from, self.replays.since) = (updates, from, now.mono);
            }
            Err(error) => match error.kind {
                RequestErrorKind::RateLimited { .. } | RequestErrorKind::Server | RequestErrorKind::Network => {}
                _ => {
                    self.replays.refused = true;
                    self.log(format!(
                        "the broker does not replay missed events ({}); the lists supply them",
                        error.message
                    ));
                }
            },
        }
    }

    fn is_replay_proven(&self, blotter: &Blotter) -> bool {
        let Replays { early, from, .. } = &self.replays;
        let known = |update: &TradeUpdate| self.is_confirmed(&update.order.id, blotter);
        !early.is_empty() && (self.proofs.confirms(*from) || early.iter().any(known))
    }

    /// Drops replayed events that the account has not confirmed in time.
    pub(super) fn drop_old_replay(&mut self, blotter: &Blotter, now: Now) {
        let late = now.mono.since(self.replays.since) >= LONGEST || self.another_answers();
        if late && !self.is_replay_proven(blotter) {
            self.replays.early.clear();
        }
    }

    /// Merges the replayed events, once the account has confirmed them or they name a known order. Returns how many
    /// executions that added.
    pub(super) fn merge_replay(&mut self, blotter: &mut Blotter, now: Now) -> usize {
        if !self.is_replay_proven(blotter) {
            return 0;
        }
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
