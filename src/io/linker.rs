//! Runs linking attempts for the dashboard and for `brokerdeck link`, and unlinks.
//!
//! There is at most one attempt. Its secrets stay in its task; what it reports is [`LinkProgress`], which has none.

mod accounts;
mod approve;
mod attempt;
mod attempt_state;
mod readiness;
mod revoke;
mod secret;
mod unfinished;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::attempt::Command;
pub use self::readiness::Readiness;
pub use self::revoke::StillLinked;
use self::unfinished::Unfinished;
pub use self::unfinished::Work;
use super::accounts::AccountAccess;
use super::browser::BrowserEnvironment;
use super::child::Programs;
use super::clock::Clock;
use super::harden::no_core_dumps;
use super::links::{Links, LinksError};
use super::tokens::{StoreError, Tokens};
use crate::config::BrokerSpec;
use crate::domain::{BrokerId, LinkId};
use crate::link::progress::Sensitive;
use crate::link::{AttemptId, LinkProgress, LinkRecord};

/// How long an attempt waits for the browser by default (docs/DESIGN.md 5).
pub const DEFAULT_LIMIT: Duration = Duration::from_mins(5);

/// What the linker needs.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The brokers that can be linked.
    pub specs: Vec<BrokerSpec>,
    /// The token store.
    pub tokens: Arc<Tokens>,
    /// The list of links.
    pub links: Arc<Links>,
    /// `--read-only`: no token is revoked.
    pub read_only: bool,
    /// The clock for deadlines.
    pub clock: Clock,
    /// How long an attempt waits for the browser.
    pub limit: Duration,
    /// The session's environment, as far as browsers depend on it.
    pub around: BrowserEnvironment,
    /// Starts browsers and secret commands.
    pub programs: Programs,
    /// True in the demo only: the consent page of the embedded simulated brokerage may be answered automatically.
    pub may_approve: bool,
}

impl Setup {
    /// The defaults: the usual time limit, the process's environment, no automatic approval.
    pub fn new(accounts: &AccountAccess, clock: Clock) -> Self {
        let specs = accounts.specs.to_vec();
        Self {
            programs: Programs::hiding(&specs),
            specs,
            tokens: Arc::clone(&accounts.tokens),
            links: Arc::clone(&accounts.links),
            read_only: accounts.read_only,
            clock,
            limit: DEFAULT_LIMIT,
            around: BrowserEnvironment::of_process(),
            may_approve: false,
        }
    }

    fn spec(&self, broker: &BrokerId) -> Option<&BrokerSpec> {
        self.specs.iter().find(|spec| spec.id == *broker)
    }
}

/// Runs attempts. Calls return at once unless their documentation says otherwise.
#[derive(Debug)]
pub struct Linker {
    setup: Arc<Setup>,
    progress: mpsc::Sender<(AttemptId, LinkProgress)>,
    running: Mutex<Option<Running>>,
    unfinished: Arc<Unfinished>,
}

#[derive(Debug)]
struct Running {
    attempt: AttemptId,
    commands: mpsc::Sender<Command>,
    stop: CancellationToken,
    /// Ends the period in which late browsers still get an answer.
    leave: CancellationToken,
    task: JoinHandle<()>,
}

impl Linker {
    /// A linker that reports the progress of every attempt on the channel.
    pub fn new(setup: Setup, progress: mpsc::Sender<(AttemptId, LinkProgress)>) -> Self {
        Self { setup: Arc::new(setup), progress, running: Mutex::default(), unfinished: Arc::default() }
    }

    /// Starts an attempt; one under way is canceled first, and its port freed. Needs a runtime.
    pub fn begin(&self, attempt: AttemptId, broker: BrokerId, open_browser: bool) {
        no_core_dumps();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let before = running.take().map(|running| {
            running.stop.cancel();
            running.task
        });
        let (commands, inbox) = mpsc::channel(16);
        let (stop, leave) = (CancellationToken::new(), CancellationToken::new());
        let run = attempt::Run {
            setup: Arc::clone(&self.setup),
            attempt,
            broker,
            open_browser,
            progress: self.progress.clone(),
            commands: inbox,
            stop: stop.clone(),
            leave: leave.clone(),
            work: self.unfinished.open(),
        };
        let task = tokio::spawn(async move {
            if let Some(before) = before {
                drop(before.await);
            }
            run.run().await;
        });
        *running = Some(Running { attempt, commands, stop, leave, task });
    }

    /// Opens the browser again.
    pub fn open_browser(&self, attempt: AttemptId) {
        self.tell(attempt, Command::OpenBrowser);
    }

    /// Checks a pasted redirect URL.
    pub fn submit_redirect(&self, attempt: AttemptId, url: &Sensitive) {
        self.tell(attempt, Command::Redirect(url.clone()));
    }

    /// In the demo, presses Allow on the consent page.
    pub fn approve_in_demo(&self, attempt: AttemptId) {
        self.tell(attempt, Command::Approve);
    }

    /// Stores the token for the accounts found, with these labels in their order.
    pub fn save(&self, attempt: AttemptId, labels: Vec<String>) {
        self.tell(attempt, Command::Save(labels));
    }

    /// Cancels the attempt and frees the port.
    pub fn cancel(&self, attempt: AttemptId) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = running.as_ref().filter(|running| running.attempt == attempt) {
            running.stop.cancel();
        }
    }

    /// Waits until the attempt is over and its answers are sent; later browsers get none. Returns what became of a token
    /// that was granted and not saved, in sentences.
    pub async fn settle(&self) -> Vec<String> {
        if let Some(running) = self.take_running() {
            running.leave.cancel();
            drop(running.task.await);
        }
        self.unfinished.take_words()
    }

    /// Whether an attempt or an unlink is under way, which [`Self::end`] would wait for.
    pub fn is_busy(&self) -> bool {
        self.unfinished.is_any()
    }

    /// Opens a piece of work that [`Self::end`] waits for, until it is dropped.
    pub fn hold(&self) -> Work {
        self.unfinished.open()
    }

    /// Cancels the attempt and waits, but not beyond `enough`, until every token that was granted and not saved is revoked
    /// where the broker can. Returns what became of them, in sentences.
    pub async fn end(&self, enough: impl Future<Output = ()>) -> Vec<String> {
        self.unfinished.end();
        let running = self.take_running();
        let over = async {
            if let Some(running) = running {
                running.stop.cancel();
                running.leave.cancel();
                drop(running.task.await);
            }
            self.unfinished.none().await;
        };
        tokio::select! {
            biased;
            () = over => {}
            () = enough => {
                for feared in self.unfinished.feared() {
                    tracing::warn!("{feared}");
                }
            }
        }
        self.unfinished.take_words()
    }

    fn take_running(&self) -> Option<Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// All links.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn links(&self) -> Result<Vec<LinkRecord>, LinksError> {
        Ok(self.setup.links.list().await?.links)
    }

    /// A link's token; `None` when it has none and must be linked again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn token(&self, link: &LinkId) -> Result<Option<SecretString>, StoreError> {
        self.setup.tokens.get(link).await
    }

    /// Forgets a link and its token, and revokes the grant if the broker supports that. Returns a sentence.
    ///
    /// # Errors
    /// When the token and the link are still there.
    pub async fn unlink(&self, link: &LinkId) -> Result<String, StillLinked> {
        self.unlink_and(link, || {}).await
    }

    /// [`Self::unlink`] with a callback once link and token are forgotten; the revocation may take longer.
    ///
    /// # Errors
    /// As [`Self::unlink`]; then the callback was not called.
    pub async fn unlink_and(&self, link: &LinkId, forgotten: impl FnOnce()) -> Result<String, StillLinked> {
        let work = self.hold();
        work.fear(format!("an unlink was cut short, and its token may stay valid; {}", revoke::BY_HAND));
        let unlinked = revoke::unlink(&self.setup, link, forgotten).await;
        work.say(match &unlinked {
            Ok(sentence) => sentence.clone(),
            Err(still) => format!("{}; {}", still.message, still.hint),
        });
        unlinked
    }

    fn tell(&self, attempt: AttemptId, command: Command) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = running.as_ref().filter(|running| running.attempt == attempt)
            && running.commands.try_send(command).is_err()
        {
            tracing::debug!("the linking attempt takes no more commands");
        }
    }
}

impl Drop for Linker {
    fn drop(&mut self) {
        let running = self.running.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = running.take() {
            running.stop.cancel();
        }
    }
}
