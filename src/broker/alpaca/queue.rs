//! The requests of one account on their way to the broker: sent through a [`Client`] when the [`Governor`] admits them.
//!
//! What takes risk off overtakes everything. A few requests are under way at once, so that a resync is bounded by its slowest
//! answer and not by their sum. Answers nothing itself and retries nothing. Has no task of its own: whoever owns it waits in
//! [`Queue::next`].

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::governor::{Governor, HIGHEST, Urgency};
use super::rest::{Answer, Client};
use crate::domain::Mono;
use crate::session::request::route::LimitScope;
use crate::session::{Reply, Request, RequestError, RequestErrorKind};

/// Requests under way at once.
const AT_ONCE: usize = 4;
/// Requests that wait; one more is refused. A session asks for a few dozen at a time.
const MOST: usize = 1024;

/// A wait shorter than this is not worth a word. Short ones that follow each other for so long are one.
const WORTH_A_WORD: Duration = Duration::from_secs(3);

/// What a queue has to say; `K` ties an answer to its request.
#[derive(Debug, PartialEq, Eq)]
pub enum Happened<K> {
    /// A request was answered, or failed.
    Answered(K, Result<Reply, RequestError>),
    /// What is queued waits this long, for this reason; `None` when it waits no more.
    Waiting(Option<(Duration, &'static str)>),
    /// The broker claims to allow more requests a minute than is believed.
    Limit(u32),
}

/// How long the budget has been in the way.
#[derive(Debug, Default)]
struct Held {
    /// The question in front has waited for the budget.
    front: bool,
    /// Since when every question has.
    since: Option<Mono>,
}

impl Held {
    /// The question in front has to wait.
    fn waits(&mut self, now: Mono) {
        self.front = true;
        self.since.get_or_insert(now);
    }

    /// It was sent.
    fn sent(&mut self) {
        if !std::mem::take(&mut self.front) {
            self.since = None;
        }
    }

    /// The waits of one question after the other add up to one that is worth a word.
    fn is_long(&self, now: Mono) -> bool {
        self.since.is_some_and(|since| now.since(since) >= WORTH_A_WORD)
    }
}

/// A queue. Dropping it drops what is queued; answers under way are thrown away.
#[derive(Debug)]
pub struct Queue<K> {
    client: Client,
    jitter: Duration,
    started: Instant,
    governor: Governor,
    /// What overtakes.
    first: VecDeque<(K, Request)>,
    /// What changes something and was pushed and not answered: pushed once more, it is still one.
    owed: HashSet<K>,
    others: VecDeque<(K, Request)>,
    under_way: JoinSet<(K, LimitScope, Answer)>,
    happened: VecDeque<Happened<K>>,
    held: Held,
    /// Until when the wait lasts that was told, and why.
    told: Option<(Mono, &'static str)>,
    /// The highest limit that was claimed and told.
    claimed: u32,
}

impl<K: Copy + Eq + Hash + Send + 'static> Queue<K> {
    /// An empty queue. `jitter` is added to every wait after a 429, up to a second, so that several programs on one account do
    /// not come back at the same moment.
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
            happened: VecDeque::new(),
            held: Held::default(),
            told: None,
            claimed: HIGHEST,
        }
    }

    /// Queues a request; [`Self::next`] brings its answer.
    pub fn push(&mut self, id: K, request: Request) {
        let class = request.route().class;
        if class.changes() && !self.owed.insert(id) {
            return;
        }
        if class.overtakes() {
            self.first.push_back((id, request));
            // Whoever asked for it has to know that it waits.
            self.told = None;
        } else if self.others.len() < MOST {
            self.others.push_back((id, request));
        } else {
            self.owed.remove(&id);
            let error = RequestError::local(RequestErrorKind::Refused, "too many requests wait already");
            self.happened.push_back(Happened::Answered(id, Err(error)));
        }
    }

    /// Forgets what is queued and only reads. What changes something stays: somebody asked for it.
    pub fn drop_queued(&mut self) {
        self.others.retain(|(_, request)| request.route().class.changes());
        self.held.front = false;
    }

    /// Ends the waits that the broker asked for.
    pub fn end_waits(&mut self) {
        self.governor.forgive();
        // Whoever asks for it has forgotten what was told; what waits for our own budget is told again.
        self.told = None;
    }

    /// Requests that could be sent at once.
    pub fn remaining(&mut self) -> u32 {
        let now = self.now();
        self.governor.remaining(now)
    }

    /// Sends what may be sent and waits for what comes of it; for ever while nothing is queued or under way. Given up, it loses
    /// nothing.
    pub async fn next(&mut self) -> Happened<K> {
        loop {
            let wait = self.send();
            self.tell_wait(wait);
            if let Some(happened) = self.happened.pop_front() {
                return happened;
            }
            tokio::select! {
                biased;
                Some(done) = self.under_way.join_next() => {
                    // A task that panicked has no id to answer for; the panic hook has shown it.
                    if let Ok((id, scope, answer)) = done {
                        self.answered(id, scope, answer);
                    }
                }
                () = sleep(wait.unwrap_or_default()), if wait.is_some() => {}
                else => std::future::pending().await,
            }
        }
    }

    /// Sends what may be sent; says how long to wait when the budget is what stops the next.
    fn send(&mut self) -> Option<Duration> {
        loop {
            let urgency = if self.first.is_empty() { Urgency::Normal } else { Urgency::Cancel };
            // What overtakes does not wait for a free place either.
            let next = match urgency {
                Urgency::Cancel => &mut self.first,
                Urgency::Normal if self.under_way.len() < AT_ONCE => &mut self.others,
                Urgency::Normal => return None,
            };
            if next.is_empty() {
                return None;
            }
            let now = Mono(self.started.elapsed());
            // What waits by itself stands in nobody's way: who asked is told at once, and asks again when the wait is over.
            if let Some(wait) = next.front().and_then(|(_, request)| self.governor.held(request.route().limit, now)) {
                let (id, request) = next.pop_front()?;
                self.owed.remove(&id);
                self.happened.push_back(Happened::Answered(id, Err(held_back(&request, wait))));
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
            let scope = request.route().limit;
            self.under_way.spawn(async move { (id, scope, client.answer(&request).await) });
        }
    }

    /// Says that what is queued waits, once for each wait that is worth a word; a wait without a known end is told anew
    /// before what was told of it is over.
    fn tell_wait(&mut self, wait: Option<Duration>) {
        let now = self.now();
        let told = self.told.filter(|(until, _)| *until > now);
        let after = match wait {
            Some(wait) if wait >= WORTH_A_WORD => Some(wait),
            Some(wait) if self.held.is_long(now) => Some(wait.max(2 * WORTH_A_WORD)),
            Some(wait) => Some(wait).filter(|_| told.is_some()),
            // The next question shows whether the budget is still in the way.
            None if self.held.since.is_some() => return,
            None => None,
        };
        let wait = after.map(|after| (after, self.governor.why(now)));
        let same = match (told, wait) {
            (None, None) => true,
            (Some((until, before)), Some((after, why))) => before == why && (now + after).since(until) < WORTH_A_WORD,
            _ => false,
        };
        if !same {
            self.told = wait.map(|(after, why)| (now + after, why));
            self.happened.push_back(Happened::Waiting(wait));
        }
    }

    fn answered(&mut self, id: K, scope: LimitScope, answer: Answer) {
        let now = self.now();
        self.owed.remove(&id);
        let limited =
            matches!(&answer.result, Err(error) if matches!(error.kind, RequestErrorKind::RateLimited { .. }));
        // What is left of a limit that is an endpoint's own says nothing of the account's.
        if !limited || scope == LimitScope::Account {
            self.governor.note(answer.rate, now);
        }
        if let Some(limit) = answer.rate.limit.filter(|limit| *limit > self.claimed) {
            self.claimed = limit;
            self.happened.push_back(Happened::Limit(limit));
        }
        if let Err(RequestError { kind: RequestErrorKind::RateLimited { retry_after }, .. }) = &answer.result {
            self.governor.refused(scope, *retry_after, self.jitter, now);
        } else if answer.result.is_ok() {
            self.governor.answered(scope, now);
        }
        self.happened.push_back(Happened::Answered(id, answer.result));
    }

    fn now(&self) -> Mono {
        Mono(self.started.elapsed())
    }
}

/// The answer to what is not sent, because the broker asked not to be asked for this.
fn held_back(request: &Request, wait: Duration) -> RequestError {
    let what = match request.route().limit {
        LimitScope::Own(name) => name,
        LimitScope::Account => "anything",
    };
    let kind = RequestErrorKind::RateLimited { retry_after: Some(wait) };
    RequestError::local(kind, format!("the broker asked to wait before it is asked for {what} again"))
}
