//! Runs effects as tasks, whose results come back as messages. Never blocks the loop.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::accounts::{Access, AccessError, Accounts};
use super::linker::Linker;
use super::locks::Locks;
use crate::accounts::Effect as AccountEffect;
use crate::app::{Effect, Msg};
use crate::broker::alpaca::queue::{Notice, Queue};
use crate::broker::alpaca::stream;
use crate::domain::LinkId;
use crate::domain::text::sanitize;
use crate::link::LinkRecord;
use crate::session::{AuthForm, Closed, Epoch, Reply, Request, RequestError, RequestErrorKind, RequestId, StreamEvent};

/// Stream events that wait for the loop, per stream. A full channel slows the socket down; nothing is lost.
const EVENTS: usize = 1024;
/// How often to retry an account that another instance streams.
const ELSEWHERE: Duration = Duration::from_secs(5);
/// How often to retry an account whose token is not available.
const ACCESS_AGAIN: Duration = Duration::from_secs(10);

/// Carries out effects.
pub struct Effects {
    inbox: mpsc::Sender<Msg>,
    accounts: Accounts,
    linker: Option<Arc<Linker>>,
    locks: Arc<Locks>,
    links: HashMap<LinkId, LinkRecord>,
    lines: Lines,
}

/// Shared with an unlink, which ends the connections once it can no longer be refused.
type Lines = Arc<Mutex<HashMap<LinkId, Line>>>;

/// The connections of one account.
struct Line {
    /// Commands to the task that owns the REST client.
    commands: mpsc::UnboundedSender<Command>,
    /// The current stream; it ends when this is dropped, so that no stream outlives the account's connections.
    stream: Option<DropGuard>,
}

enum Command {
    Ask(RequestId, Request),
    Clock,
    Drop,
    EndWaits,
    Renew,
    Stream(Epoch, AuthForm, CancellationToken),
}

impl Effects {
    /// Creates the effects, which answer into the inbox. Without a linker, linking effects are refused; without a
    /// folder for locks, every account is streamed.
    pub fn new(
        inbox: mpsc::Sender<Msg>,
        accounts: Accounts,
        linker: Option<Arc<Linker>>,
        locks: Option<PathBuf>,
    ) -> Self {
        let locks = Arc::new(Locks::new(locks));
        Self { inbox, accounts, linker, locks, links: HashMap::new(), lines: Lines::default() }
    }

    /// Sets the list of links; called at start and after every `Saved`.
    pub fn know(&mut self, links: &[LinkRecord]) {
        for link in links {
            // A new token needs a new client.
            of(&self.lines).remove(&link.id);
            self.links.insert(link.id.clone(), link.clone());
        }
    }

    /// Runs an effect; returns it when it concerns the terminal.
    pub fn run(&mut self, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::Account(effect) => self.serve(effect),
            Effect::BeginLink { attempt, broker, browser } => {
                self.linking(|linker| linker.begin(attempt, broker, browser));
            }
            Effect::OpenBrowser { attempt } => self.linking(|linker| linker.open_browser(attempt)),
            Effect::SubmitRedirect { attempt, url } => self.linking(|linker| linker.submit_redirect(attempt, &url)),
            Effect::ApproveInDemo { attempt } => self.linking(|linker| linker.approve_in_demo(attempt)),
            Effect::CancelLink { attempt } => self.linking(|linker| linker.cancel(attempt)),
            Effect::SaveLink { attempt, labels } => self.linking(|linker| linker.save(attempt, labels)),
            // The model sets `exit`, which the loop reads.
            Effect::Quit { .. } => {}
            terminal => return Some(terminal),
        }
        None
    }

    fn serve(&mut self, effect: AccountEffect) {
        match effect {
            AccountEffect::OpenStream { link, epoch, form } => self.open_stream(&link, epoch, form),
            AccountEffect::CloseStream { link } => {
                if let Some(line) = of(&self.lines).get_mut(&link) {
                    line.stream = None;
                }
            }
            AccountEffect::Request { link, id, request } => self.send(&link, Command::Ask(id, request)),
            AccountEffect::DropRequests { link } => self.send(&link, Command::Drop),
            AccountEffect::EndWaits { link } => self.send(&link, Command::EndWaits),
            AccountEffect::LetGo { link } => self.locks.release(&link),
            AccountEffect::Renew { link } => self.send(&link, Command::Renew),
            AccountEffect::AskClock { link } => self.send(&link, Command::Clock),
            AccountEffect::Unlink { link } => self.unlink(link),
            AccountEffect::KeepLink { record } => self.keep(record),
            // The loop has already given it to the journal.
            AccountEffect::Remember { .. } => {}
        }
    }

    fn linking(&self, act: impl FnOnce(&Linker)) {
        let Some(linker) = &self.linker else {
            tracing::error!("a linking effect in a program that does not link");
            return;
        };
        act(linker);
    }

    /// Unlinks an account. Its connections end with it; if it stays linked, they go on.
    fn unlink(&self, link: LinkId) {
        let Some(linker) = self.linker.clone() else { return };
        let (inbox, lines, locks) = (self.inbox.clone(), Arc::clone(&self.lines), Arc::clone(&self.locks));
        tokio::spawn(async move {
            let forgotten = || {
                of(&lines).remove(&link);
                locks.release(&link);
            };
            let result = linker.unlink_and(&link, forgotten).await;
            let result = result.map_err(|still| format!("{}; {}", still.message, still.cure));
            post(&inbox, Msg::Unlinked { link, result }).await;
        });
    }

    /// Notes the new account behind a link, as reported by the broker, in the list of links.
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
        if let Some(line) = of(&self.lines).get_mut(link) {
            line.stream = Some(stop.drop_guard());
        }
    }

    fn send(&mut self, link: &LinkId, command: Command) {
        let mut lines = of(&self.lines);
        if !lines.contains_key(link) {
            let Some(record) = self.links.get(link).cloned() else {
                tracing::error!(%link, "an effect for an unknown link");
                return;
            };
            let (commands, receiver) = mpsc::unbounded_channel();
            let world =
                World { accounts: self.accounts.clone(), locks: Arc::clone(&self.locks), inbox: self.inbox.clone() };
            tokio::spawn(serve(world, record, receiver));
            lines.insert(link.clone(), Line { commands, stream: None });
        }
        if let Some(line) = lines.get(link)
            && line.commands.send(command).is_err()
        {
            tracing::warn!(%link, "the account's task has ended");
        }
    }
}

fn of(lines: &Lines) -> MutexGuard<'_, HashMap<LinkId, Line>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends a message to the loop; once the loop has ended it is dropped.
async fn post(inbox: &mpsc::Sender<Msg>, msg: Msg) {
    if inbox.send(msg).await.is_err() {
        tracing::debug!("the loop has ended before a message");
    }
}

/// What the task of an account needs.
struct World {
    accounts: Accounts,
    locks: Arc<Locks>,
    inbox: mpsc::Sender<Msg>,
}

/// Why an account's task restarts.
enum Next {
    /// Another process relinked the account.
    Renewed(LinkRecord),
    /// What prevented access to the account may be over.
    Again,
    /// The account is no longer needed.
    End,
}

/// The task that owns one account's client: gets the token, then runs commands until the account's connections are
/// dropped.
async fn serve(world: World, mut link: LinkRecord, mut commands: mpsc::UnboundedReceiver<Command>) {
    loop {
        let access = world.accounts.access(&link).await;
        // Report once that a token file was set aside, or tokens were moved.
        for notice in world.accounts.tokens.take_notices() {
            post(&world.inbox, Msg::Trouble(sanitize(&notice))).await;
        }
        let next = match access {
            Ok(access) => world.converse(&link, access, &mut commands).await,
            Err(error) => world.refuse(&link, &error, &mut commands).await,
        };
        match next {
            Next::Renewed(record) => {
                link = record.clone();
                post(&world.inbox, Msg::Renewed { link: record }).await;
            }
            Next::Again => {}
            Next::End => return,
        }
    }
}

impl World {
    /// Runs commands with the present token.
    async fn converse(
        &self,
        link: &LinkRecord,
        access: Access,
        commands: &mut mpsc::UnboundedReceiver<Command>,
    ) -> Next {
        let Access { client, target, token } = access;
        let (replies, mut answers) = mpsc::channel(64);
        let (queue, mut notices) = Queue::start_with(client, replies, jitter());
        let (id, inbox) = (link.id.clone(), &self.inbox);
        let mut elsewhere = false;
        let mut again = Instant::now();
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Ask(request_id, request)) => queue.push(request_id, request),
                    Some(Command::Clock) => queue.push(CLOCK, Request::Clock),
                    Some(Command::Drop) => queue.drop_queued(),
                    Some(Command::EndWaits) => queue.end_waits(),
                    Some(Command::Renew) => if let Some(record) = self.renewed(link).await {
                        return Next::Renewed(record);
                    },
                    Some(Command::Stream(epoch, ..)) if !self.locks.take(&id) => {
                        (elsewhere, again) = (true, Instant::now() + ELSEWHERE);
                        let event = StreamEvent::Closed(Closed::Elsewhere);
                        post(inbox, Msg::Stream { link: id.clone(), epoch, event }).await;
                    }
                    // The other instance has just released the account: its journal is read first.
                    Some(Command::Stream(..)) if elsewhere => {
                        elsewhere = false;
                        post(inbox, Msg::Freed { link: id.clone() }).await;
                    }
                    Some(Command::Stream(epoch, form, stop)) => {
                        let (events, receiver) = mpsc::channel(EVENTS);
                        tokio::spawn(stream::run(target.clone(), token.clone(), form, events, stop));
                        tokio::spawn(forward(id.clone(), epoch, receiver, inbox.clone()));
                    }
                    None => return Next::End,
                },
                Some((request_id, result)) = answers.recv() => {
                    let msg = if request_id == CLOCK { clock(result) } else {
                        Msg::Replied { link: id.clone(), id: request_id, result: result.map(Box::new) }
                    };
                    post(inbox, msg).await;
                }
                Some(notice) = notices.recv() => post(inbox, told(&id, notice)).await,
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

    /// Answers every command with the reason why the account cannot be accessed, and retries the access periodically. A
    /// missing token puts the session into *needs relink*; a store that does not answer does not.
    async fn refuse(
        &self,
        link: &LinkRecord,
        error: &AccessError,
        commands: &mut mpsc::UnboundedReceiver<Command>,
    ) -> Next {
        let reason = sanitize(&error.to_string());
        let gone = matches!(error, AccessError::NoToken { .. } | AccessError::NoBroker { .. });
        let kind = if gone { RequestErrorKind::Unauthorized } else { RequestErrorKind::Network };
        let tried = Instant::now();
        while let Some(command) = commands.recv().await {
            match command {
                Command::Ask(id, _) => {
                    let result = Err(RequestError::of_ours(kind.clone(), reason.as_str()));
                    post(&self.inbox, Msg::Replied { link: link.id.clone(), id, result }).await;
                }
                Command::Stream(epoch, ..) => {
                    let closed = if gone {
                        Closed::AuthRefused { message: reason.clone() }
                    } else {
                        Closed::unreachable(reason.clone())
                    };
                    let event = StreamEvent::Closed(closed);
                    post(&self.inbox, Msg::Stream { link: link.id.clone(), epoch, event }).await;
                }
                Command::Clock => {
                    post(&self.inbox, Msg::Clock(Err(RequestError::of_ours(kind.clone(), reason.as_str())))).await;
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

    /// The link, if another process has changed it since.
    async fn renewed(&self, link: &LinkRecord) -> Option<LinkRecord> {
        let listed = self.accounts.links.list().await.ok()?;
        listed.links.into_iter().find(|known| known.id == link.id && known.linked_at != link.linked_at)
    }
}

/// Notices of a queue besides its answers.
fn told(link: &LinkId, notice: Notice) -> Msg {
    match notice {
        Notice::Waiting(wait) => {
            Msg::Queued { link: link.clone(), wait: wait.map(|(after, why)| (after, why.to_owned())) }
        }
        Notice::Limit(limit) => {
            let text = format!(
                "the broker claims to allow {limit} requests a minute; at most {} are used",
                crate::broker::alpaca::governor::HIGHEST
            );
            Msg::Noted { link: link.clone(), text }
        }
    }
}

/// A random delay for the first request after a rate limit, so that two programs on one account do not ask at once.
fn jitter() -> Duration {
    Duration::from_millis(super::clock::random_seed().map_or(500, |seed| seed % 1000))
}

/// The request id of clock requests; sessions count from one and the app from 2⁴⁸.
const CLOCK: RequestId = RequestId(u64::MAX);

fn clock(result: Result<Reply, RequestError>) -> Msg {
    Msg::Clock(match result {
        Ok(Reply::Clock(clock)) => Ok(clock),
        Ok(_) => {
            Err(RequestError::of_ours(RequestErrorKind::Decode, "the clock request got an answer of another kind"))
        }
        Err(error) => Err(error),
    })
}

async fn forward(link: LinkId, epoch: Epoch, mut events: mpsc::Receiver<StreamEvent>, inbox: mpsc::Sender<Msg>) {
    while let Some(event) = events.recv().await {
        post(&inbox, Msg::Stream { link: link.clone(), epoch, event }).await;
    }
}
