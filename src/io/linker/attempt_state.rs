//! The state of an attempt, shared by its connections: one lock around the flow, and its outcome.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use crate::io::callback::{Answer, CallbackHandler, DONE_PATH, Stage};
use crate::io::clock::Clock;
use crate::link::flow::{CallbackRequest, CallbackVerdict, Flow, Grant, Ignored, Pasted};
use crate::link::{LinkFailure, RedirectNote};

/// The outcome of an attempt.
pub(super) type Outcome = Result<Grant, LinkFailure>;

pub(super) struct AttemptState {
    // Held for one comparison, never across an await.
    inner: Mutex<Inner>,
    clock: Clock,
    /// A redirect without the right state was ignored.
    wrong_state: Notify,
}

struct Inner {
    flow: Flow,
    /// Taken when the outcome is sent, which happens once.
    outcome: Option<oneshot::Sender<Outcome>>,
    stage: Stage,
}

impl AttemptState {
    pub(super) fn new(flow: Flow, clock: Clock) -> (Arc<Self>, oneshot::Receiver<Outcome>) {
        let (sender, receiver) = oneshot::channel();
        let inner = Mutex::new(Inner { flow, outcome: Some(sender), stage: Stage::Answered });
        (Arc::new(Self { inner, clock, wrong_state: Notify::new() }), receiver)
    }

    /// Checks a pasted text; returns a note when the text was ignored and the user should know.
    pub(super) fn paste(&self, text: &str) -> Option<RedirectNote> {
        let mut inner = self.lock();
        let verdict = match inner.flow.check_pasted(text, self.clock.now().mono) {
            Pasted::Foreign => return Some(RedirectNote::NotARedirect),
            Pasted::Beginning => return Some(RedirectNote::Incomplete),
            Pasted::Whole(verdict) => verdict,
        };
        match inner.settle(verdict) {
            Answer::Accepted | Answer::Again(_) | Answer::Ignored(Ignored::Used) => None,
            Answer::Ignored(Ignored::State) => Some(RedirectNote::WrongState),
            Answer::Ignored(_) => Some(RedirectNote::NotARedirect),
        }
    }

    /// Whether the right answer has come.
    pub(super) fn is_used(&self) -> bool {
        self.lock().flow.is_used()
    }

    /// Waits for a redirect without the right state; several since the last call count as one.
    pub(super) async fn wrong_state(&self) {
        self.wrong_state.notified().await;
    }

    /// Sets the outcome, for a browser that returns again.
    pub(super) fn tell(&self, stage: Stage) {
        self.lock().stage = stage;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn settle(&mut self, verdict: CallbackVerdict) -> Answer {
        let outcome = match verdict {
            CallbackVerdict::Ignored(Ignored::Used) => return Answer::Again(self.stage),
            CallbackVerdict::Ignored(why) => return Answer::Ignored(why),
            CallbackVerdict::Granted(grant) => Ok(grant),
            CallbackVerdict::Refused(failure) => Err(failure),
        };
        if let Some(sender) = self.outcome.take() {
            // The attempt may just have been canceled.
            drop(sender.send(outcome));
        }
        Answer::Accepted
    }
}

impl CallbackHandler for AttemptState {
    fn judge(&self, request: &CallbackRequest<'_>) -> Answer {
        let mut inner = self.lock();
        let goes_on = request.path == DONE_PATH && request.query.is_none() && request.method == "GET";
        if goes_on && inner.flow.is_used() && inner.flow.is_ours(request.host) {
            return Answer::Again(inner.stage);
        }
        let verdict = inner.flow.check_callback(request, self.clock.now().mono);
        let answer = inner.settle(verdict);
        if matches!(answer, Answer::Ignored(Ignored::State | Ignored::Doubled)) {
            self.wrong_state.notify_one();
        }
        answer
    }
}
