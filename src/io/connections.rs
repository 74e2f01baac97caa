//! The connections of the accounts: runs the effects of [`crate::accounts`], with one task per account, and sends
//! results back as messages. Never blocks the loop.

mod account_task;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::account_task::{AccountContext, serve};
use super::accounts::AccountAccess;
use super::locks::Locks;
use crate::accounts::{Effect, JournalEntry, Msg, RequestOwner};
use crate::domain::LinkId;
use crate::domain::text::sanitize;
use crate::link::LinkRecord;
use crate::session::{AuthForm, Epoch, Request, RequestError, RequestErrorKind};

/// The most commands waiting for an account's task, which takes them at once unless it hangs.
const COMMANDS: usize = 1024;

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

/// Shared with the unlinking task, which ends a link's connections once it can no longer fail.
type AccountConnections = Arc<Mutex<HashMap<LinkId, AccountConnection>>>;

/// One account's connections.
struct AccountConnection {
    /// Commands to the task that owns the REST client.
    commands: mpsc::Sender<Command>,
    /// The current stream; dropping this ends it, so that no stream outlives its connection.
    stream: Option<DropGuard>,
}

/// An effect of an account that needs more than its connections. Each loop has a match over it, so that none is lost.
#[derive(Debug)]
pub(super) enum LoopEffect {
    /// Write this to the journal before the next frame.
    Remember { link: LinkId, memory: JournalEntry },
    /// Forget a link.
    Unlink { link: LinkId },
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

    /// Runs an account's effect; returns one that the loop has to run.
    #[must_use = "the loop runs the rest"]
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

    /// Sends a command to the account's task, starting it if needed. While a task hangs and its channel is full, or after it
    /// has ended, requests are refused, and any other command starts a new task in its place.
    fn send(&mut self, link: &LinkId, command: Command) {
        let mut connections = of(&self.connections);
        let command = match connections.get(link) {
            Some(connection) => match connection.commands.try_send(command) {
                Ok(()) => return,
                Err(error) => error.into_inner(),
            },
            // Without a task nothing is queued.
            None if matches!(command, Command::Drop | Command::EndWaits) => return,
            None => command,
        };
        if let (Command::Ask(id, _), true) = (&command, connections.contains_key(link)) {
            return self.refuse(link, *id, "the account's task takes no more requests");
        }
        let Some(record) = self.links.get(link).cloned() else {
            tracing::error!(%link, "an effect for an unknown link");
            if let Command::Ask(id, _) = command {
                self.refuse(link, id, "the account is not linked");
            }
            return;
        };
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let context = AccountContext {
            accounts: self.accounts.clone(),
            locks: Arc::clone(&self.locks),
            inbox: self.inbox.clone(),
        };
        // An empty channel always has room for a command.
        if commands.try_send(command).is_ok() {
            tokio::spawn(serve(context, record, receiver));
            connections.insert(link.clone(), AccountConnection { commands, stream: None });
        }
    }

    fn refuse(&self, link: &LinkId, id: RequestOwner, reason: &str) {
        let error = RequestError::local(RequestErrorKind::Network, reason);
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

#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one variant")]
mod tests {
    use super::*;
    use crate::session::{Closed, StreamEvent};

    /// Nothing was refused, and relinking through a broker that is not configured cannot work.
    #[tokio::test]
    async fn an_account_whose_broker_is_not_configured_is_unreachable_for_that_reason() {
        let accounts = AccountAccess::none();
        let (inbox, mut inbox_messages) = mpsc::channel::<Msg>(8);
        let mut connections = Connections::new(inbox, accounts, None);
        let record = crate::accounts::tests::fixture::link("paper", crate::domain::Environment::Paper);
        let link = record.id.clone();
        connections.know(&[record]);
        let open = Effect::OpenStream { link: link.clone(), epoch: Epoch(1), form: AuthForm::Authenticate };
        assert!(connections.run(open).is_none());
        let id = RequestOwner::Session(crate::session::RequestId(1));
        assert!(connections.run(Effect::Request { link, id, request: Request::Account }).is_none());
        for _ in 0..2 {
            let (message, unreachable) = match inbox_messages.recv().await.unwrap() {
                Msg::Stream { event: StreamEvent::Closed(Closed::Connect { message, .. }), .. } => (message, true),
                Msg::Replied { result: Err(error), .. } => (error.message, error.kind == RequestErrorKind::Network),
                other => panic!("{other:?}"),
            };
            assert!(unreachable && message.contains("which is not configured"), "{message}");
        }
    }

    #[tokio::test]
    async fn a_request_for_an_account_that_is_not_linked_is_refused() {
        let accounts = AccountAccess::none();
        let (inbox, mut inbox_messages) = mpsc::channel::<Msg>(8);
        let mut connections = Connections::new(inbox, accounts, None);
        let (link, id) = (LinkId::from("gone"), RequestOwner::Session(crate::session::RequestId(1)));
        assert!(connections.run(Effect::Request { link, id, request: Request::Account }).is_none());
        assert!(matches!(inbox_messages.recv().await, Some(Msg::Replied { result: Err(_), .. })));
    }

    #[tokio::test]
    async fn an_account_whose_task_takes_nothing_refuses_requests_and_begins_another_for_a_stream() {
        let accounts = AccountAccess::none();
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
        let open = Effect::OpenStream { link: link.clone(), epoch: Epoch(7), form: AuthForm::Authenticate };
        assert!(connections.run(open).is_none());
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
