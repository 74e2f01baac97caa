//! The task of one account: loads the token, sends the requests, opens the streams.
//!
//! Invariant: every request that it takes gets one reply and every stream one end, even where this code fails. The session
//! waits for both.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use super::{Command, LoopMessage, post};
use crate::accounts::{Msg, RequestOwner};
use crate::broker::alpaca::queue::{Queue, QueueEvent};
use crate::broker::alpaca::stream;
use crate::domain::LinkId;
use crate::domain::text::sanitize;
use crate::io::accounts::{Access, AccessError, AccountAccess};
use crate::io::links::Links;
use crate::io::locks::Locks;
use crate::link::LinkRecord;
use crate::session::{Closed, Epoch, Reply, RequestError, RequestErrorKind, StreamEvent};

/// Stream events waiting for the loop, per stream; a full channel slows the socket down and loses nothing.
const EVENTS: usize = 1024;
/// How often to retry an account that another instance streams.
const ELSEWHERE: Duration = Duration::from_secs(5);
/// How often to look whether another process has linked the account again.
const LINKED_AGAIN: Duration = Duration::from_secs(5);
/// How often to retry an account whose token could not be loaded, or whose task failed.
const ACCESS_AGAIN: Duration = Duration::from_secs(10);
/// The reason in every reply after a panic.
const FAILED: &str = "the program failed while it served the account; its log says where";
/// The reason that ends a stream whose task panicked.
const STREAM_FAILED: &str = "the program failed while it read the stream; its log says where";

/// What every account's task works with.
pub(super) struct AccountContext<M> {
    pub(super) accounts: AccountAccess,
    pub(super) locks: Arc<Locks>,
    pub(super) inbox: mpsc::Sender<M>,
}

/// Why an account's task restarts.
enum Next {
    /// Another process relinked the account.
    Renewed(LinkRecord),
    /// The reason why the account could not be reached may be gone.
    Again,
    /// The account is no longer needed.
    End,
}

/// Commands taken and not answered yet.
#[derive(Debug, Default)]
struct Owed {
    /// The requests without a reply, and whether each changes something.
    requests: HashMap<RequestOwner, bool>,
    /// The stream that is being opened.
    stream: Option<Epoch>,
}

impl Owed {
    fn take_on(&mut self, command: &Command) {
        match command {
            Command::Ask(id, request) => {
                self.requests.insert(*id, request.route().class.changes());
            }
            // As the queue does: the senders of dropped reads no longer wait.
            Command::Drop => self.requests.retain(|_, changes| *changes),
            Command::Stream(epoch, ..) => self.stream = Some(*epoch),
            Command::EndWaits | Command::Renew => {}
        }
    }
}

/// One account's task. What must outlive a panic is here and not in a local variable.
struct AccountTask<M> {
    context: AccountContext<M>,
    link: LinkRecord,
    commands: mpsc::Receiver<Command>,
    owed: Owed,
    /// Whether another instance streams the account.
    elsewhere: bool,
}

/// Runs the task that owns one account's client, until its channel is closed. After a panic it answers what it owes, then
/// refuses commands for a while, so that a fault that recurs at once cannot keep a core busy.
pub(super) async fn serve<M: LoopMessage>(
    context: AccountContext<M>,
    link: LinkRecord,
    commands: mpsc::Receiver<Command>,
) {
    let mut task = AccountTask { context, link, commands, owed: Owed::default(), elsewhere: false };
    while AssertUnwindSafe(task.run()).catch_unwind().await.is_err() {
        tracing::error!(link = %task.link.id, "the account's task failed");
        task.answer_all_owed().await;
        match AssertUnwindSafe(task.refuse(RequestErrorKind::Network, FAILED)).catch_unwind().await {
            Ok(Next::End) => return,
            Ok(next) => task.apply(next).await,
            Err(_) => task.answer_all_owed().await,
        }
    }
}

impl<M: LoopMessage> AccountTask<M> {
    /// Loads the token, then runs commands until the channel is closed.
    async fn run(&mut self) {
        loop {
            let access = self.context.accounts.access(&self.link).await;
            // A notice of the token store, such as a file that was set aside; reported once.
            for notice in self.context.accounts.tokens.take_notices() {
                self.post(Msg::Trouble(sanitize(&notice))).await;
            }
            let next = match access {
                Ok(access) => self.converse(access).await,
                Err(error) => self.refuse_without_access(&error).await,
            };
            if matches!(next, Next::End) {
                return;
            }
            self.apply(next).await;
        }
    }

    async fn apply(&mut self, next: Next) {
        match next {
            Next::Renewed(record) => {
                self.link = record.clone();
                self.post(Msg::Renewed { link: record }).await;
            }
            Next::Again | Next::End => {}
        }
    }

    /// Runs commands with the loaded token.
    async fn converse(&mut self, access: Access) -> Next {
        let Access { client, target, token } = access;
        let mut queue = Queue::new(client, jitter());
        let mut again = Instant::now();
        let mut relinked = self.relinked_later();
        loop {
            tokio::select! {
                command = self.commands.recv() => {
                    let Some(command) = command else { return Next::End };
                    self.owed.take_on(&command);
                    match command {
                        Command::Ask(id, request) => queue.push(id, request),
                        Command::Drop => queue.drop_queued(),
                        Command::EndWaits => queue.end_waits(),
                        Command::Renew => if let Some(record) = self.renewed().await {
                            return Next::Renewed(record);
                        },
                        Command::Stream(epoch, ..) if !self.context.locks.take(&self.link.id) => {
                            (self.elsewhere, again) = (true, Instant::now() + ELSEWHERE);
                            self.closed(epoch, Closed::Elsewhere).await;
                        }
                        // The other instance has just released the account: read its journal first, as in the other
                        // case.
                        Command::Stream(..) if self.elsewhere => self.freed().await,
                        Command::Stream(epoch, form, stop) => {
                            let (events, receiver) = mpsc::channel(EVENTS);
                            let inbox = self.context.inbox.clone();
                            tokio::spawn(stream::run(target.clone(), token.clone(), form, events, stop));
                            tokio::spawn(forward(self.link.id.clone(), epoch, receiver, inbox));
                            self.owed.stream = None;
                        }
                    }
                }
                event = queue.next() => match event {
                    QueueEvent::Answered(id, result) => self.replied(id, result).await,
                    QueueEvent::Waiting(wait) => {
                        let wait = wait.map(|(after, why)| (after, why.to_owned()));
                        self.post(Msg::Queued { link: self.link.id.clone(), wait }).await;
                    }
                    QueueEvent::Limit(limit) => self.post(capped(&self.link.id, limit)).await,
                },
                // The broker may go on accepting the token from before.
                found = &mut relinked => match found {
                    Ok(Some(record)) => return Next::Renewed(record),
                    Ok(None) | Err(_) => relinked = self.relinked_later(),
                },
                () = sleep_until(again), if self.elsewhere => {
                    again = Instant::now() + ELSEWHERE;
                    if self.context.locks.take(&self.link.id) {
                        self.freed().await;
                    }
                }
            }
        }
    }

    /// Refuses commands because the account cannot be reached. A missing token takes the session to *needs relink*; a
    /// store that does not answer or a broker that is no longer configured does not, because relinking would not help.
    async fn refuse_without_access(&mut self, error: &AccessError) -> Next {
        let gone = matches!(error, AccessError::NoToken { .. });
        let kind = if gone { RequestErrorKind::Unauthorized } else { RequestErrorKind::Network };
        self.refuse(kind, &sanitize(&error.to_string())).await
    }

    /// Answers every command with the reason why the account cannot be served, and retries periodically, except without
    /// a token.
    async fn refuse(&mut self, kind: RequestErrorKind, reason: &str) -> Next {
        let gone = kind == RequestErrorKind::Unauthorized;
        let tried = Instant::now();
        while let Some(command) = self.commands.recv().await {
            self.owed.take_on(&command);
            match command {
                Command::Ask(id, _) => self.replied(id, Err(RequestError::local(kind.clone(), reason))).await,
                Command::Stream(epoch, ..) => {
                    let message = reason.to_owned();
                    let closed = if gone { Closed::AuthRefused { message } } else { Closed::unreachable(message) };
                    self.closed(epoch, closed).await;
                }
                Command::Renew => {
                    if let Some(record) = self.renewed().await {
                        return Next::Renewed(record);
                    }
                }
                Command::Drop | Command::EndWaits => {}
            }
            if !gone && tried.elapsed() >= ACCESS_AGAIN {
                return Next::Again;
            }
        }
        Next::End
    }

    /// After a panic: gives every command that is left a failed answer.
    async fn answer_all_owed(&mut self) {
        let Owed { requests, stream } = std::mem::take(&mut self.owed);
        for id in requests.into_keys() {
            self.replied(id, Err(RequestError::local(RequestErrorKind::Decode, FAILED))).await;
        }
        if let Some(epoch) = stream {
            self.closed(epoch, Closed::unreachable(FAILED.to_owned())).await;
        }
    }

    async fn replied(&mut self, id: RequestOwner, result: Result<Reply, RequestError>) {
        self.post(Msg::Replied { link: self.link.id.clone(), id, result: result.map(Box::new) }).await;
        self.owed.requests.remove(&id);
    }

    async fn closed(&mut self, epoch: Epoch, closed: Closed) {
        let event = StreamEvent::Closed(closed);
        self.post(Msg::Stream { link: self.link.id.clone(), epoch, event }).await;
        self.owed.stream = None;
    }

    /// The account is this instance's again; the session connects it once the journal is read.
    async fn freed(&mut self) {
        self.elsewhere = false;
        self.post(Msg::Freed { link: self.link.id.clone() }).await;
        self.owed.stream = None;
    }

    async fn post(&self, msg: Msg) {
        post(&self.context.inbox, msg).await;
    }

    /// The link, if another process has rewritten it since.
    async fn renewed(&self) -> Option<LinkRecord> {
        // The disk may hang.
        tokio::task::spawn_blocking(renewed(&self.context.accounts.links, &self.link)).await.ok().flatten()
    }

    /// The same, looked up after a while.
    fn relinked_later(&self) -> JoinHandle<Option<LinkRecord>> {
        let look = renewed(&self.context.accounts.links, &self.link);
        tokio::spawn(async move {
            tokio::time::sleep(LINKED_AGAIN).await;
            tokio::task::spawn_blocking(look).await.ok().flatten()
        })
    }
}

/// Looks up a link that was rewritten since.
fn renewed(links: &Arc<Links>, link: &LinkRecord) -> impl FnOnce() -> Option<LinkRecord> + Send + use<> {
    let (links, id, linked_at) = (Arc::clone(links), link.id.clone(), link.linked_at);
    move || links.look().ok()?.into_iter().find(|known| known.id == id && known.linked_at != linked_at)
}

/// The broker states a higher limit than is used.
fn capped(link: &LinkId, limit: u32) -> Msg {
    let highest = crate::broker::alpaca::governor::HIGHEST;
    let text = format!("the broker claims to allow {limit} requests a minute; capped at {highest}");
    Msg::Noted { link: link.clone(), text }
}

/// The jitter of the first request after a rate limit, so that two programs on one account do not retry at the same
/// moment.
fn jitter() -> Duration {
    Duration::from_millis(crate::io::clock::random_seed().map_or(500, |seed| seed % 1000))
}

/// Sends a stream's events to the loop. A stream that ends without its last event has panicked, and gets one.
async fn forward<M: LoopMessage>(
    link: LinkId,
    epoch: Epoch,
    mut events: mpsc::Receiver<StreamEvent>,
    inbox: mpsc::Sender<M>,
) {
    let mut closed = false;
    while let Some(event) = events.recv().await {
        closed = matches!(event, StreamEvent::Closed(_));
        post(&inbox, Msg::Stream { link: link.clone(), epoch, event }).await;
    }
    if !closed {
        tracing::error!(%link, "the task of a stream failed");
        let event = StreamEvent::Closed(Closed::Lost { message: STREAM_FAILED.to_owned() });
        post(&inbox, Msg::Stream { link, epoch, event }).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::accounts::tests::fixture;
    use crate::domain::Environment;
    use crate::session::{AuthForm, Request, RequestId};

    static FAILS: AtomicBool = AtomicBool::new(true);

    /// A message whose first conversion of a reply fails, as a fault of the program would.
    struct Brittle(Msg);

    impl From<Msg> for Brittle {
        fn from(msg: Msg) -> Self {
            let fails = matches!(msg, Msg::Replied { .. }) && FAILS.swap(false, Ordering::Relaxed);
            assert!(!fails, "as a fault of the program would");
            Self(msg)
        }
    }

    #[tokio::test]
    async fn after_a_panic_every_request_is_answered_and_the_task_goes_on() {
        let accounts = AccountAccess::none();
        let (inbox, mut received) = mpsc::channel::<Brittle>(8);
        let context = AccountContext { accounts, locks: Arc::new(Locks::new(None)), inbox };
        let (commands, receiver) = mpsc::channel(8);
        let id = |number| RequestOwner::Session(RequestId(number));
        commands.try_send(Command::Ask(id(1), Request::Account)).unwrap();
        commands.try_send(Command::Ask(id(2), Request::Clock)).unwrap();
        let stop = CancellationToken::new();
        commands.try_send(Command::Stream(Epoch(3), AuthForm::Authenticate, stop)).unwrap();
        let task = tokio::spawn(serve(context, fixture::link("paper", Environment::Paper), receiver));
        for number in [1, 2] {
            let Brittle(Msg::Replied { id: answered, result: Err(error), .. }) = received.recv().await.unwrap() else {
                panic!("no reply")
            };
            assert_eq!((answered, error.message.as_str()), (id(number), FAILED));
        }
        let Brittle(Msg::Stream { epoch: Epoch(3), event, .. }) = received.recv().await.unwrap() else {
            panic!("no end of the stream")
        };
        assert_eq!(event, StreamEvent::Closed(Closed::unreachable(FAILED.to_owned())));
        drop(commands);
        task.await.unwrap();
    }

    #[test]
    fn what_the_queue_drops_is_no_longer_owed() {
        let mut owed = Owed::default();
        owed.take_on(&Command::Ask(RequestOwner::Session(RequestId(1)), Request::Clock));
        owed.take_on(&Command::Drop);
        assert!(owed.requests.is_empty());
    }

    #[tokio::test]
    async fn a_stream_whose_task_panics_is_closed() {
        let (events, receiver) = mpsc::channel(8);
        let (inbox, mut received) = mpsc::channel::<Msg>(8);
        events.try_send(StreamEvent::Opened).unwrap();
        drop(events);
        forward(LinkId::from("a"), Epoch(1), receiver, inbox).await;
        let ends = |msg: Msg| matches!(msg, Msg::Stream { event: StreamEvent::Closed(Closed::Lost { .. }), .. });
        let said: Vec<bool> = std::iter::from_fn(|| received.try_recv().ok()).map(ends).collect();
        assert_eq!(said, [false, true]);
    }

    #[tokio::test]
    async fn a_stream_that_says_its_end_gets_no_second_one() {
        let (events, receiver) = mpsc::channel(8);
        let (inbox, mut received) = mpsc::channel::<Msg>(8);
        events.try_send(StreamEvent::Closed(Closed::Asked)).unwrap();
        drop(events);
        forward(LinkId::from("a"), Epoch(1), receiver, inbox).await;
        assert!(received.recv().await.is_some() && received.recv().await.is_none());
    }
}
