//! The attempt as its visitors meet it: one lock around the flow, and the news it makes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use crate::io::callback::{Answer, DONE_PATH, Judge, Stage};
use crate::io::clock::Clock;
use crate::link::flow::{CallbackRequest, CallbackVerdict, Flow, Grant, Ignored, Pasted};
use crate::link::{LinkFailure, RedirectNote};

/// What the attempt came to.
pub(super) type Outcome = Result<Grant, LinkFailure>;

pub(super) struct Gate {
    // Held for the length of one comparison and never across an await.
    inner: Mutex<Inner>,
    clock: Clock,
    strangers: Notify,
}

struct Inner {
    flow: Flow,
    /// Gone once the outcome is told, which happens once.
    outcome: Option<oneshot::Sender<Outcome>>,
    stage: Stage,
}

impl Gate {
    pub(super) fn new(flow: Flow, clock: Clock) -> (Arc<Self>, oneshot::Receiver<Outcome>) {
        let (sender, receiver) = oneshot::channel();
        let inner = Mutex::new(Inner { flow, outcome: Some(sender), stage: Stage::Answered });
        (Arc::new(Self { inner, clock, strangers: Notify::new() }), receiver)
    }

    /// Judges a pasted text; a note when it does not count and a person should know.
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

    /// True once the right answer came.
    pub(super) fn is_used(&self) -> bool {
        self.lock().flow.is_used()
    }

    /// Waits for somebody without the right state; any number of them since the last call counts as one.
    pub(super) async fn stranger(&self) {
        self.strangers.notified().await;
    }

    /// Tells what the attempt came to, for a browser that comes again.
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
            // The attempt may have been canceled in this moment; then nobody wants to know.
            drop(sender.send(outcome));
        }
        Answer::Accepted
    }
}

impl Judge for Gate {
    fn judge(&self, request: &CallbackRequest<'_>) -> Answer {
        let mut inner = self.lock();
        let goes_on = request.path == DONE_PATH && request.query.is_none() && request.method == "GET";
        if goes_on && inner.flow.is_used() && inner.flow.is_ours(request.host) {
            return Answer::Again(inner.stage);
        }
        let verdict = inner.flow.check_callback(request, self.clock.now().mono);
        let answer = inner.settle(verdict);
        if matches!(answer, Answer::Ignored(Ignored::State | Ignored::Doubled)) {
            self.strangers.notify_one();
        }
        answer
    }
}
