//! A task that owns a [`Client`] and sends what it is given when the [`Governor`] admits it.
//!
//! Cancels overtake everything. A few questions are under way at once, so that a resync is bounded by its slowest
//! answer and not by their sum. Answers nothing itself and retries nothing.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::governor::{Governor, HIGHEST, Urgency};
use super::rest::{Answer, Client};
use crate::domain::Mono;
use crate::session::{Reply, Request, RequestError, RequestErrorKind, RequestId};

/// Questions under way at once.
const AT_ONCE: usize = 4;

/// A wait shorter than this is not worth a word. Short ones that follow each other for so long are one.
const WORTH_A_WORD: Duration = Duration::from_secs(3);

/// What a queue says beside its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// What is queued waits this long, for this reason; `None` when it waits no more.
    Waiting(Option<(Duration, &'static str)>),
    /// The broker claims to allow more requests a minute than is believed.
    Limit(u32),
}

/// An answer on its way back.
pub type Answered = (RequestId, Result<Reply, RequestError>);

enum Command {
    Push(RequestId, Request),
    DropQueued,
    EndWaits,
}

/// The handle of a queue. Dropping it drops what is queued; answers under way are thrown away.
#[derive(Debug)]
pub struct Queue {
    commands: mpsc::UnboundedSender<Command>,
    remaining: Arc<AtomicU32>,
}

/// Notices that nobody has taken yet.
const NOTICES: usize = 16;

impl Queue {
    /// Starts the task; must be called inside a runtime. `jitter` is added to every wait after a 429, up to a second,
    /// so that several programs on one account do not come back at the same moment.
    pub fn start(client: Client, answers: mpsc::Sender<Answered>, jitter: Duration) -> Self {
        Self::start_with(client, answers, jitter).0
    }

    /// [`Queue::start`], and what the queue says beside its answers.
    pub fn start_with(
        client: Client,
        answers: mpsc::Sender<Answered>,
        jitter: Duration,
    ) -> (Self, mpsc::Receiver<Notice>) {
        let (notices, notes) = mpsc::channel(NOTICES);
        let (commands, inbox) = mpsc::unbounded_channel();
        let remaining = Arc::new(AtomicU32::new(0));
        let started = Instant::now();
        let governor = Governor::new(Mono::ZERO);
        remaining.store(governor.remaining(Mono::ZERO), Ordering::Relaxed);
        let task = Task {
            client,
            answers,
            jitter,
            started,
            governor,
            remaining: Arc::clone(&remaining),
            cancels: VecDeque::new(),
            owed: HashSet::new(),
            questions: VecDeque::new(),
            under_way: JoinSet::new(),
            notices,
            held: Held::default(),
            told: None,
            claimed: HIGHEST,
        };
        tokio::spawn(task.run(inbox));
        (Self { commands, remaining }, notes)
    }

    /// Queues a request; its answer comes on the channel given at the start.
    pub fn push(&self, id: RequestId, request: Request) {
        // The task ends only when this handle is gone, or when nobody takes answers any more.
        drop(self.commands.send(Command::Push(id, request)));
    }

    /// Forgets the questions still queued. Cancels stay: they change something that somebody asked for.
    pub fn drop_queued(&self) {
        drop(self.commands.send(Command::DropQueued));
    }

    /// Ends the waits that the broker asked for.
    pub fn end_waits(&self) {
        drop(self.commands.send(Command::EndWaits));
    }

    /// Requests that could be sent at once, as of the last change.
    pub fn remaining(&self) -> u32 {
        self.remaining.load(Ordering::Relaxed)
    }
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

struct Task {
    client: Client,
    answers: mpsc::Sender<Answered>,
    jitter: Duration,
    started: Instant,
    governor: Governor,
    remaining: Arc<AtomicU32>,
    cancels: VecDeque<(RequestId, Request)>,
    /// The cancels that were pushed and not answered: pushed once more, one is still one.
    owed: HashSet<RequestId>,
    questions: VecDeque<(RequestId, Request)>,
    under_way: JoinSet<(RequestId, Answer)>,
    notices: mpsc::Sender<Notice>,
    held: Held,
    /// Until when the wait lasts that was told, and why.
    told: Option<(Mono, &'static str)>,
    /// The highest limit that was claimed and told.
    claimed: u32,
}

impl Task {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Command>) {
        loop {
            let wait = self.send();
            self.tell_wait(wait);
            self.remaining.store(self.governor.remaining(self.now()), Ordering::Relaxed);
            tokio::select! {
                biased;
                command = inbox.recv() => match command {
                    Some(Command::Push(id, request)) if urgency(&request) == Urgency::Cancel => {
                        if self.owed.insert(id) {
                            self.cancels.push_back((id, request));
                            // Whoever asked for it has to know that it waits.
                            self.told = None;
                        }
                    }
                    Some(Command::Push(id, request)) => self.questions.push_back((id, request)),
                    Some(Command::DropQueued) => {
                        self.questions.clear();
                        self.held.front = false;
                    }
                    Some(Command::EndWaits) => {
                        self.governor.forgive();
                        // Whoever asks for it has forgotten what was told; what waits for our own budget is told again.
                        self.told = None;
                    }
                    None => return,
                },
                Some(done) = self.under_way.join_next() => {
                    // A task that panicked has no id to answer for; the panic hook has shown it.
                    let Ok((id, answer)) = done else { continue };
                    if !self.answered(id, answer).await {
                        return;
                    }
                },
                () = sleep(wait.unwrap_or_default()), if wait.is_some() => {}
            }
        }
    }

    /// Sends what may be sent; says how long to wait when the budget is what stops the next.
    fn send(&mut self) -> Option<Duration> {
        loop {
            let urgency = if self.cancels.is_empty() { Urgency::Normal } else { Urgency::Cancel };
            // A cancel does not wait for a free place either.
            let next = match urgency {
                Urgency::Cancel => &mut self.cancels,
                Urgency::Normal if self.under_way.len() < AT_ONCE => &mut self.questions,
                Urgency::Normal => return None,
            };
            if next.is_empty() {
                return None;
            }
            let now = Mono(self.started.elapsed());
            if let Err(wait) = self.governor.take(urgency, now) {
                self.held.waits(now);
                return Some(wait);
            }
            if urgency == Urgency::Normal {
                self.held.sent();
            }
            let (id, request) = next.pop_front()?;
            let client = self.client.clone();
            self.under_way.spawn(async move { (id, client.answer(&request).await) });
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
        // Without room the next turn tries again.
        if !same && self.notices.try_send(Notice::Waiting(wait)).is_ok() {
            self.told = wait.map(|(after, why)| (now + after, why));
        }
    }

    async fn answered(&mut self, id: RequestId, answer: Answer) -> bool {
        let now = self.now();
        self.owed.remove(&id);
        self.governor.note(answer.rate, now);
        if let Some(limit) = answer.rate.limit.filter(|limit| *limit > self.claimed)
            && self.notices.try_send(Notice::Limit(limit)).is_ok()
        {
            self.claimed = limit;
        }
        if let Err(RequestError { kind: RequestErrorKind::RateLimited { retry_after }, .. }) = &answer.result {
            self.governor.refused(*retry_after, self.jitter, now);
        }
        self.answers.send((id, answer.result)).await.is_ok()
    }

    fn now(&self) -> Mono {
        Mono(self.started.elapsed())
    }
}

const fn urgency(request: &Request) -> Urgency {
    match request {
        Request::CancelOrder(_) => Urgency::Cancel,
        _ => Urgency::Normal,
    }
}
