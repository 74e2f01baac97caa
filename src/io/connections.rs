//! The connections of the accounts: runs the effects of [`crate::accounts`], with one task per account, and sends
//! results back as messages. Never blocks the loop.

mod unanswered;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::unanswered::Unanswered;
use super::accounts::{Access, AccessError, AccountAccess};
use super::locks::Locks;
use crate::accounts::{Effect, JournalEntry, Msg, RequestOwner};
use crate::broker::alpaca::queue::{Queue, QueueEvent};
use crate::broker::alpaca::stream;
use crate::domain::LinkId;
use crate::domain::text::sanitize;
use crate::link::LinkRecord;
use crate::session::{AuthForm, Closed, Epoch, Request, RequestError, RequestErrorKind, StreamEvent};

/// Stream events waiting for the loop, per stream; a full channel slows the socket down and loses nothing.
const EVENTS: usize = 1024;
/// The most commands waiting for an account's task, which takes them at once unless it hangs.
const COMMANDS: usize = 1024;
/// How often to retry an account that another instance streams.
const ELSEWHERE: Duration = Duration::from_secs(5);
/// How often to retry an account whose token could not be loaded.
const ACCESS_AGAIN: Duration = Duration::from_secs(10);

/// The message type of a loop: the accounts' messages, or a type that contains them.
pub(super) trait LoopMessage: From<Msg> + Send + 'static {}

impl<M: From<Msg> + Send + 'static> LoopMessage for M {}

/// The connections of every account.
pub(super) struct Connections<M> {
    inbox: mpsc::Sender<M>,
    accounts: AccountAccess,
    locks: Arc<Locks>,
    links: HashMap<LinkId, LinkRecord>,
    connections: AccountConnections,
}

/// An account's effect that needs more than connections: each loop has its own way.
#[derive(Debug, PartialEq)]
pub(super) enum LoopEffect {
    /// Write this to the journal before it is shown.
    Remember { link: LinkId, memory: JournalEntry },
    /// End a link and its connections.
    Unlink { link: LinkId },
}

/// Shared with the unlinking task, which ends a link's connections once it cannot fail any more.
type AccountConnections = Arc<Mutex<HashMap<LinkId, AccountConnection>>>;

/// One account's connections.
struct AccountConnection {
    /// Commands to the task that owns the REST client.
    commands: mpsc::Sender<Command>,
    /// The current stream; dropping this ends it, so that no stream outlives its connection.
    stream: Option<DropGuard>,
}

enum Command {
    Ask(RequestOwner, Request),
    Drop,
    EndWaits,
    Renew,
    Stream(Epoch, AuthForm, CancellationToken),
}

impl<M: LoopMessage> Connections<M> {
    /// Connections that send their messages to the inbox; without a folder for locks every account is streamed.
    pub(super) fn new(inbox: mpsc::Sender<M>, accounts: AccountAccess, locks: Option<PathBuf>) -> Self {
        let locks = Arc::new(Locks::new(locks));
        Self { inbox, accounts, locks, links: HashMap::new(), connections: AccountConnections::default() }
    }

    /// Sets the known links; called at start and after every `Saved`.
    pub(super) fn know(&mut self, links: &[LinkRecord]) {
        for link in links {
            // A renewed token needs a new client.
            of(&self.connections).remove(&link.id);
            self.links.insert(link.id.clone(), link.clone());
        }
    }

    /// Runs an account's effect; returns one that the loop has to run itself.
    #[must_use]
    pub(super) fn run(&mut self, effect: Effect) -> Option<LoopEffect> {
        match effect {
            Effect::OpenStream { link, epoch, form } => self.open_stream(&link, epoch, form),
            Effect::CloseStream { link } => {
                if let Some(connection) = of(&self.connections).get_mut(&link) {
                    connection.stream = None;
                }
            }
            Effect::Request { link, id, request } => self.send(&link, Command::Ask(id, request)),
            Effect::DropRequests { link } => self.send(&link, Command::Drop),
            Effect::EndWaits { link } => self.send(&link, Command::EndWaits),
            Effect::LetGo { link } => self.locks.release(&link),
            Effect::Renew { link } => self.send(&link, Command::Renew),
            Effect::KeepLink { record } => self.keep(record),
            Effect::Remember { link, memory } => return Some(LoopEffect::Remember { link, memory }),
            Effect::Unlink { link } => return Some(LoopEffect::Unlink { link }),
        }
        None
    }

    /// Ends the connections of a removed link; may be called from any task.
    pub(super) fn forget(&self) -> impl Fn(&LinkId) + Send + Sync + 'static {
        let (connections, locks) = (Arc::clone(&self.connections), Arc::clone(&self.locks));
        move |link| {
            of(&connections).remove(link);
            locks.release(link);
        }
    }

    /// Stores the changed account of a link in the list of links.
    fn keep(&mut self, record: LinkRecord) {
        self.links.insert(record.id.clone(), record.clone());
        let (links, inbox) = (Arc::clone(&self.accounts.links), self.inbox.clone());
        tokio::spawn(async move {
            if let Err(error) = links.update(record).await {
                let text = format!("the account's new number could not be kept: {error}");
                post(&inbox, Msg::Trouble(sanitize(&text))).await;
            }
        });
    }

    fn open_stream(&mut self, link: &LinkId, epoch: Epoch, form: AuthForm) {
        let stop = CancellationToken::new();
        self.send(link, Command::Stream(epoch, form, stop.clone()));
        if let Some(connection) = of(&self.connections).get_mut(link) {
            connection.stream = Some(stop.drop_guard());
        }
    }

    /// Sends a command to the account's task, starting it if needed. While a task hangs and its channel is full,
    /// requests are refused, and any other command starts a new task in its place, as every command does after a task
    /// has failed.
    fn send(&mut self, link: &LinkId, command: Command) {
        let mut connections = of(&self.connections);
        let command = match connections.get(link) {
            Some(connection) => match connection.commands.try_send(command) {
                Ok(()) => return,
                Err(TrySendError::Full(Command::Ask(id, _))) => return self.refuse(link, id),
                Err(TrySendError::Full(command) | TrySendError::Closed(command)) => command,
            },
            None => command,
        };
        let Some(record) = self.links.get(link).cloned() else {
            tracing::error!(%link, "an effect for an unknown link");
            return;
        };
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let context = AccountContext {
            accounts: self.accounts.clone(),
            locks: Arc::clone(&self.locks),
            inbox: self.inbox.clone(),
            unanswered: Arc::default(),
        };
        // An empty channel always has room for a command.
        if commands.try_send(command).is_ok() {
            tokio::spawn(supervise(context, record, receiver));
            connections.insert(link.clone(), AccountConnection { commands, stream: None });
        }
    }

    fn refuse(&self, link: &LinkId, id: RequestOwner) {
        let error = RequestError::local(RequestErrorKind::Network, "the account's task takes no more requests");
        let (msg, inbox) = (Msg::Replied { link: link.clone(), id, result: Err(error) }, self.inbox.clone());
        tokio::spawn(async move { post(&inbox, msg).await });
    }
}

fn of(connections: &AccountConnections) -> MutexGuard<'_, HashMap<LinkId, AccountConnection>> {
    connections.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A message to the loop; a loop that has ended needs none.
async fn post<M: LoopMessage>(inbox: &mpsc::Sender<M>, msg: Msg) {
    if inbox.send(msg.into()).await.is_err() {
        tracing::debug!("the loop has ended before a message");
    }
}

/// What an account's task works with.
struct AccountContext<M> {
    accounts: AccountAccess,
    locks: Arc<Locks>,
    inbox: mpsc::Sender<M>,
    unanswered: Arc<Unanswered>,
}

/// Runs an account's task. If it fails, everything that it has not answered fails too, so that nothing waits for ever.
async fn supervise<M: LoopMessage>(context: AccountContext<M>, link: LinkRecord, commands: mpsc::Receiver<Command>) {
    let (id, inbox, unanswered) = (link.id.clone(), context.inbox.clone(), Arc::clone(&context.unanswered));
    if tokio::spawn(serve(context, link, commands)).await.is_ok() {
        return;
    }
    for msg in unanswered.fail(&id) {
        post(&inbox, msg).await;
    }
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

/// The task that owns one account's client: loads the token, then runs commands until its channel is closed.
async fn serve<M: LoopMessage>(
    context: AccountContext<M>,
    mut link: LinkRecord,
    mut commands: mpsc::Receiver<Command>,
) {
    loop {
        let access = context.accounts.access(&link).await;
        // A notice of the token store, such as a file that was set aside; reported once.
        for notice in context.accounts.tokens.take_notices() {
            post(&context.inbox, Msg::Trouble(sanitize(&notice))).await;
        }
        let next = match access {
            Ok(access) => context.converse(&link, access, &mut commands).await,
            Err(error) => context.refuse(&link, &error, &mut commands).await,
        };
        match next {
            Next::Renewed(record) => {
                link = record.clone();
                post(&context.inbox, Msg::Renewed { link: record }).await;
            }
            Next::Again => {}
            Next::End => return,
        }
    }
}

impl<M: LoopMessage> AccountContext<M> {
    /// Runs commands with the loaded token.
    async fn converse(&self, link: &LinkRecord, access: Access, commands: &mut mpsc::Receiver<Command>) -> Next {
        let Access { client, target, token } = access;
        let mut queue = Queue::new(client, jitter());
        let (id, inbox) = (link.id.clone(), &self.inbox);
        let mut elsewhere = false;
        let mut again = Instant::now();
        loop {
            tokio::select! {
                command = self.next(commands) => match command {
                    Some(Command::Ask(request_id, request)) => queue.push(request_id, request),
                    Some(Command::Drop) => queue.drop_queued(),
                    Some(Command::EndWaits) => queue.end_waits(),
                    Some(Command::Renew) => if let Some(record) = self.renewed(link).await {
                        return Next::Renewed(record);
                    },
                    Some(Command::Stream(epoch, ..)) if !self.locks.take(&id) => {
                        (elsewhere, again) = (true, Instant::now() + ELSEWHERE);
                        self.unanswered.opened();
                        let event = StreamEvent::Closed(Closed::Elsewhere);
                        self.post(Msg::Stream { link: id.clone(), epoch, event }).await;
                    }
                    // The other instance has just released the account: read its journal first, as in the other case.
                    Some(Command::Stream(..)) if elsewhere => {
                        elsewhere = false;
                        self.unanswered.opened();
                        post(inbox, Msg::Freed { link: id.clone() }).await;
                    }
                    Some(Command::Stream(epoch, form, stop)) => {
                        self.unanswered.opened();
                        let (events, receiver) = mpsc::channel(EVENTS);
                        tokio::spawn(stream::run(target.clone(), token.clone(), form, events, stop));
                        tokio::spawn(forward(id.clone(), epoch, receiver, inbox.clone()));
                    }
                    None => return Next::End,
                },
                event = queue.next() => self.post(message(&id, event)).await,
                () = sleep_until(again), if elsewhere => {
                    again = Instant::now() + ELSEWHERE;
                    if self.locks.take(&id) {
                        elsewhere = false;
                        post(inbox, Msg::Freed { link: id.clone() }).await;
                    }
                }
            }
        }
    }

    /// Answers every command with the reason why the account cannot be reached, and retries periodically. A missing
    /// token takes the session to *needs relink*; a store that does not answer or a broker that is no longer configured
    /// does not, because relinking would not help.
    async fn refuse(&self, link: &LinkRecord, error: &AccessError, commands: &mut mpsc::Receiver<Command>) -> Next {
        let reason = sanitize(&error.to_string());
        let gone = matches!(error, AccessError::NoToken { .. });
        let kind = if gone { RequestErrorKind::Unauthorized } else { RequestErrorKind::Network };
        let tried = Instant::now();
        while let Some(command) = self.next(commands).await {
            match command {
                Command::Ask(id, _) => {
                    let result = Err(RequestError::local(kind.clone(), reason.as_str()));
                    self.post(Msg::Replied { link: link.id.clone(), id, result }).await;
                }
                Command::Stream(epoch, ..) => {
                    self.unanswered.opened();
                    let closed = if gone {
                        Closed::AuthRefused { message: reason.clone() }
                    } else {
                        Closed::unreachable(reason.clone())
                    };
                    let event = StreamEvent::Closed(closed);
                    self.post(Msg::Stream { link: link.id.clone(), epoch, event }).await;
                }
                Command::Renew => {
                    if let Some(record) = self.renewed(link).await {
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

    /// The next command, noted as unanswered.
    async fn next(&self, commands: &mut mpsc::Receiver<Command>) -> Option<Command> {
        let command = commands.recv().await?;
        self.unanswered.note(&command);
        Some(command)
    }

    /// A message to the loop, noted as an answer.
    async fn post(&self, msg: Msg) {
        self.unanswered.answered(&msg);
        post(&self.inbox, msg).await;
    }

    /// The link, if another process has rewritten it since.
    async fn renewed(&self, link: &LinkRecord) -> Option<LinkRecord> {
        let listed = self.accounts.links.list().await.ok()?;
        listed.links.into_iter().find(|known| known.id == link.id && known.linked_at != link.linked_at)
    }
}

/// The message for a queue's event.
fn message(link: &LinkId, event: QueueEvent<RequestOwner>) -> Msg {
    match event {
        QueueEvent::Answered(id, result) => Msg::Replied { link: link.clone(), id, result: result.map(Box::new) },
        QueueEvent::Waiting(wait) => {
            Msg::Queued { link: link.clone(), wait: wait.map(|(after, why)| (after, why.to_owned())) }
        }
        QueueEvent::Limit(limit) => {
            let text = format!(
                "the broker claims to allow {limit} requests a minute; capped at {}",
                crate::broker::alpaca::governor::HIGHEST
            );
            Msg::Noted { link: link.clone(), text }
        }
    }
}

/// The jitter of the first request after a rate limit, so that two programs on one account do not retry at the same
/// moment.
fn jitter() -> Duration {
    Duration::from_millis(super::clock::random_seed().map_or(500, |seed| seed % 1000))
}

async fn forward<M: LoopMessage>(
    link: LinkId,
    epoch: Epoch,
    mut events: mpsc::Receiver<StreamEvent>,
    inbox: mpsc::Sender<M>,
) {
    let mut closed = false;
    while let Some(event) = events.recv().await {
        closed |= matches!(event, StreamEvent::Closed(_));
        post(&inbox, Msg::Stream { link: link.clone(), epoch, event }).await;
    }
    if !closed {
        post(&inbox, unanswered::failed_stream(&link, epoch)).await;
    }
}

#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one variant")]
mod tests {
    use super::*;
    use crate::io::links::Links;
    use crate::io::tokens::Tokens;

    /// Nothing was refused, and relinking through a broker that is not configured cannot work.
    #[tokio::test]
    async fn an_account_whose_broker_is_not_configured_is_unreachable_for_that_reason() {
        let accounts = AccountAccess {
            specs: Arc::new(Vec::new()),
            links: Arc::new(Links::memory()),
            tokens: Arc::new(Tokens::memory()),
            read_only: false,
        };
        let (inbox, mut inbox_messages) = mpsc::channel::<Msg>(8);
        let mut connections = Connections::new(inbox, accounts, None);
        let record = crate::accounts::tests::fixture::link("paper", crate::domain::Environment::Paper);
        let link = record.id.clone();
        connections.know(&[record]);
        let stream = Effect::OpenStream { link: link.clone(), epoch: Epoch(1), form: AuthForm::Authenticate };
        assert_eq!(connections.run(stream), None);
        let id = RequestOwner::Session(crate::session::RequestId(1));
        assert_eq!(connections.run(Effect::Request { link, id, request: Request::Account }), None);
        for _ in 0..2 {
            let (message, unreachable) = match inbox_messages.recv().await.unwrap() {
                Msg::Stream { event: StreamEvent::Closed(Closed::Connect { message, .. }), .. } => (message, true),
                Msg::Replied { result: Err(error), .. } => (error.message, error.kind == RequestErrorKind::Network),
                other => panic!("{other:?}"),
            };
            assert!(unreachable && message.contains("which is not configured"), "{message}");
        }
    }

    /// A stream whose task ends without a word, as a panic would end it.
    #[tokio::test]
    async fn a_stream_whose_task_failed_is_closed_for_that_reason() {
        let (events, receiver) = mpsc::channel(8);
        let (inbox, mut inbox_messages) = mpsc::channel::<Msg>(8);
        assert!(events.send(StreamEvent::Opened).await.is_ok());
        drop(events);
        let link = LinkId::from("paper");
        forward(link.clone(), Epoch(1), receiver, inbox).await;
        assert!(matches!(inbox_messages.recv().await, Some(Msg::Stream { event: StreamEvent::Opened, .. })));
        assert_eq!(inbox_messages.recv().await, Some(unanswered::failed_stream(&link, Epoch(1))));
    }

    #[tokio::test]
    async fn an_account_whose_task_takes_nothing_refuses_requests_and_begins_another_for_a_stream() {
        let accounts = AccountAccess {
            specs: Arc::new(Vec::new()),
            links: Arc::new(Links::memory()),
            tokens: Arc::new(Tokens::memory()),
            read_only: false,
        };
        let (inbox, mut inbox_messages) = mpsc::channel::<Msg>(4096);
        let mut connections = Connections::new(inbox, accounts, None);
        let record = crate::accounts::tests::fixture::link("paper", crate::domain::Environment::Paper);
        let link = record.id.clone();
        connections.know(&[record]);
        let ask = |number| {
            let id = RequestOwner::Session(crate::session::RequestId(number));
            Effect::Request { link: link.clone(), id, request: Request::Clock }
        };
        // No other task runs here, because nothing is awaited.
        let one_more = COMMANDS as u64;
        assert!((0..=one_more).all(|number| connections.run(ask(number)).is_none()));
        let stream = Effect::OpenStream { link: link.clone(), epoch: Epoch(7), form: AuthForm::Authenticate };
        assert_eq!(connections.run(stream), None);
        assert_eq!(of(&connections.connections).len(), 1);
        let (mut refused, mut streams) = (Vec::new(), Vec::new());
        while refused.is_empty() || streams.is_empty() {
            match inbox_messages.recv().await.unwrap() {
                Msg::Replied { id, result: Err(error), .. } if error.message.contains("takes no more") => {
                    refused.push(id);
                }
                Msg::Stream { epoch, .. } => streams.push(epoch),
                _ => {}
            }
        }
        assert_eq!(refused, [RequestOwner::Session(crate::session::RequestId(one_more))]);
        assert_eq!(streams, [Epoch(7)], "the next one takes it");
    }
}
