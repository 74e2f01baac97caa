//! The queue of one account's requests, sent through a [`Client`] when the [`Governor`] admits them.
//!
//! Requests that reduce risk overtake all others. A few requests are under way at once, so that a resync takes as long
//! as its slowest response and not their sum. It retries nothing and has no task of its own: its owner awaits
//! [`Queue::next`].

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{Instant, sleep};

use super::governor::{Governor, HIGHEST, Urgency};
use super::rest::{Answer, Client};
use crate::domain::Mono;
use crate::session::request::route::LimitScope;
use crate::session::{Reply, Request, RequestError, RequestErrorKind};

/// The most requests under way at once.
const AT_ONCE: usize = 4;
/// The most requests queued; one more is refused. A session sends a few dozen at a time.
const MOST: usize = 1024;

/// The shortest wait that is reported. Shorter waits in a row that add up to it count as one.
const WORTH_A_WORD: Duration = Duration::from_secs(3);

/// An event of a queue; `K` identifies the request.
#[derive(Debug, PartialEq, Eq)]
pub enum QueueEvent<K> {
    /// A request succeeded or failed.
    Answered(K, Result<Reply, RequestError>),
    /// Queued requests wait this long, for this reason; `None` when the wait is over.
    Waiting(Option<(Duration, &'static str)>),
    /// The broker states a higher limit, in requests a minute, than is accepted.
    Limit(u32),
}

/// How long the budget has held requests back.
#[derive(Debug, Default)]
struct Held {
    /// Whether the front request has waited for the budget.
    front: bool,
    /// Since when every front request has.
    since: Option<Mono>,
}

impl Held {
    /// The front request has to wait.
    fn waits(&mut self, now: Mono) {
        self.front = true;
        self.since.get_or_insert(now);
    }

    /// The front request was sent.
    fn sent(&mut self) {
        if !std::mem::take(&mut self.front) {
            self.since = None;
        }
    }

    /// Whether the waits in a row add up to one that is reported.
    fn is_long(&self, now: Mono) -> bool {
        self.since.is_some_and(|since| now.since(since) >= WORTH_A_WORD)
    }
}

/// A queue. Dropping it drops the queued requests and discards the responses of those under way.
#[derive(Debug)]
pub struct Queue<K> {
    client: Client,
    jitter: Duration,
    started: Instant,
    governor: Governor,
    /// Requests that overtake.
    first: VecDeque<(K, Request)>,
    /// Ids of unanswered requests that change something; pushing one of them again has no effect.
    owed: HashSet<K>,
    others: VecDeque<(K, Request)>,
    under_way: JoinSet<Answer>,
    /// The requests that the tasks of [`Self::under_way`] send.
    sent: HashMap<task::Id, (K, LimitScope)>,
    events: VecDeque<QueueEvent<K>>,
    held: Held,
    /// The end of the reported wait, and its reason.
    reported: Option<(Mono, &'static str)>,
    /// The highest stated limit reported so far.
    claimed: u32,
}

impl<K: Copy + Eq + Hash + Send + 'static> Queue<K> {
    /// An empty queue. `jitter`, up to a second, is added to every wait after a 429, so that several programs on one
    /// account do not retry at the same moment.
    pub fn new(client: Client, jitter: Duration) -> Self {
        Self {
            client,
            jitter,
            started: Instant::now(),
            governor: Governor::new(Mono::ZERO),
            first: VecDeque::new(),
            owed: HashSet::new(),
            others: VecDeque::new(),
            under_way: JoinSet::new(),
            sent: HashMap::new(),
            events: VecDeque::new(),
            held: Held::default(),
            reported: None,
            claimed: HIGHEST,
        }
    }

    /// Queues a request; [`Self::next`] returns its reply.
    pub fn push(&mut self, id: K, request: Request) {
        let class = request.route().class;
        if class.changes() && !self.owed.insert(id) {
            return;
        }
        if class.overtakes() {
            self.first.push_back((id, request));
            // Report the current wait again, for the sender of this request.
            self.reported = None;
        } else if self.others.len() < MOST {
            self.others.push_back((id, request));
        } else {
            self.owed.remove(&id);
            let error = RequestError::local(RequestErrorKind::Refused, "too many requests are already waiting");
            self.events.push_back(QueueEvent::Answered(id, Err(error)));
        }
    }

    /// Drops queued reads. Requests that change something stay, because a user asked for them.
    pub fn drop_queued(&mut self) {
        self.others.retain(|(_, request)| request.route().class.changes());
        self.held.front = false;
    }

    /// Ends the waits that the broker asked for.
    pub fn end_waits(&mut self) {
        self.governor.forgive();
        // The caller has dropped the reported wait; a wait for our own budget is reported again.
        self.reported = None;
    }

    /// Requests that could be sent at once.
    pub fn remaining(&mut self) -> u32 {
        let now = self.now();
        self.governor.remaining(now)
    }

    /// Sends what the budget admits and returns the next event; never returns while nothing is queued or under way.
    /// Cancel safe.
    pub async fn next(&mut self) -> QueueEvent<K> {
        loop {
            let wait = self.send();
            self.report_wait(wait);
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            tokio::select! {
                biased;
                Some(done) = self.under_way.join_next_with_id() => self.ended(done),
                () = sleep(wait.unwrap_or_default()), if wait.is_some() => {}
                else => std::future::pending().await,
            }
        }
    }

    /// Sends what the budget admits; returns how long to wait when the budget holds the next request back.
    fn send(&mut self) -> Option<Duration> {
        loop {
            let urgency = if self.first.is_empty() { Urgency::Normal } else { Urgency::Cancel };
            // A request that overtakes ignores [`AT_ONCE`] too.
            let next = match urgency {
                Urgency::Cancel => &mut self.first,
                Urgency::Normal if self.under_way.len() < AT_ONCE => &mut self.others,
                Urgency::Normal => return None,
            };
            if next.is_empty() {
                return None;
            }
            let now = Mono(self.started.elapsed());
            // A request that only its own endpoint's limit holds back must not block others: it fails at once, and its
            // sender retries after the wait.
            if let Some(wait) = next.front().and_then(|(_, request)| self.governor.held(request.route().limit, now)) {
                let (id, request) = next.pop_front()?;
                self.owed.remove(&id);
                self.events.push_back(QueueEvent::Answered(id, Err(held_back(&request, wait))));
                continue;
            }
            if let Err(wait) = self.governor.take(urgency, now) {
                self.held.waits(now);
                return Some(wait);
            }
            if urgency == Urgency::Normal {
                self.held.sent();
            }
            let (id, request) = next.pop_front()?;
            let client = self.client.clone();
            self.begin(id, request.route().limit, async move { client.answer(&request).await });
        }
    }

    fn begin(&mut self, id: K, scope: LimitScope, sending: impl Future<Output = Answer> + Send + 'static) {
        let task = self.under_way.spawn(sending).id();
        self.sent.insert(task, (id, scope));
    }

    /// A request's task has ended. One that panicked settles its request too: the sender awaits an outcome, and a cancel
    /// would stay owed and could not be sent again.
    fn ended(&mut self, done: Result<(task::Id, Answer), JoinError>) {
        let (task, answer) = match done {
            Ok((task, answer)) => (task, Some(answer)),
            Err(error) => (error.id(), None),
        };
        let Some((id, scope)) = self.sent.remove(&task) else { return };
        if let Some(answer) = answer {
            return self.answered(id, scope, answer);
        }
        self.owed.remove(&id);
        let words = "the program failed while the request was under way; its log says where";
        let error = RequestError::local(RequestErrorKind::Decode, words);
        self.events.push_back(QueueEvent::Answered(id, Err(error)));
    }

    /// Reports a wait of at least [`WORTH_A_WORD`] once; one without a known end is reported again before the reported
    /// end.
    fn report_wait(&mut self, wait: Option<Duration>) {
        let now = self.now();
        let reported = self.reported.filter(|(until, _)| *until > now);
        let after = match wait {
            Some(wait) if wait >= WORTH_A_WORD => Some(wait),
            Some(wait) if self.held.is_long(now) => Some(wait.max(2 * WORTH_A_WORD)),
            Some(wait) => Some(wait).filter(|_| reported.is_some()),
            // The next request shows whether the budget still holds requests back.
            None if self.held.since.is_some() => return,
            None => None,
        };
        let wait = after.map(|after| (after, self.governor.why(now)));
        let same = match (reported, wait) {
            (None, None) => true,
            (Some((until, before)), Some((after, why))) => before == why && (now + after).since(until) < WORTH_A_WORD,
            _ => false,
        };
        if !same {
            self.reported = wait.map(|(after, why)| (now + after, why));
            self.events.push_back(QueueEvent::Waiting(wait));
        }
    }

    fn answered(&mut self, id: K, scope: LimitScope, answer: Answer) {
        let now = self.now();
        self.owed.remove(&id);
        let limited =
            matches!(&answer.result, Err(error) if matches!(error.kind, RequestErrorKind::RateLimited { .. }));
        // A 429 of one endpoint says nothing about the account's remaining requests.
        if !limited || scope == LimitScope::Account {
            self.governor.note(answer.rate, now);
        }
        if let Some(limit) = answer.rate.limit.filter(|limit| *limit > self.claimed) {
            self.claimed = limit;
            self.events.push_back(QueueEvent::Limit(limit));
        }
        if let Err(RequestError { kind: RequestErrorKind::RateLimited { retry_after }, .. }) = &answer.result {
            self.governor.refused(scope, *retry_after, self.jitter, now);
        } else if answer.result.is_ok() {
            self.governor.answered(scope, now);
        }
        self.events.push_back(QueueEvent::Answered(id, answer.result));
    }

    fn now(&self) -> Mono {
        Mono(self.started.elapsed())
    }
}

/// The reply to a request that is not sent because its endpoint's limit is exhausted.
fn held_back(request: &Request, wait: Duration) -> RequestError {
    let what = match request.route().limit {
        LimitScope::Own(name) => name,
        LimitScope::Account => "anything",
    };
    let kind = RequestErrorKind::RateLimited { retry_after: Some(wait) };
    RequestError::local(kind, format!("the broker asked to wait before {what} is requested again"))
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::broker::tls;
    use crate::config::Endpoints;
    use crate::domain::Environment;

    #[tokio::test]
    async fn a_request_whose_task_panics_is_answered_with_an_error_and_no_longer_owed() {
        let url: url::Url = "http://127.0.0.1:9/".parse().unwrap();
        let endpoints = Endpoints {
            environment: Environment::Paper,
            api_url: url.clone(),
            stream_url: url,
            data_url: None,
            data_stream_url: None,
        };
        let client = Client::new(&endpoints, SecretString::from("t"), &tls::client_config(None).unwrap()).unwrap();
        let mut queue = Queue::new(client, Duration::ZERO);
        queue.owed.insert(7);
        queue.begin(7, LimitScope::Account, async { panic!("as a fault in the decoder would") });
        let QueueEvent::Answered(7, Err(error)) = queue.next().await else { panic!("no answer") };
        assert_eq!(error.kind, RequestErrorKind::Decode);
        assert!(queue.owed.is_empty() && queue.sent.is_empty());
    }
}
