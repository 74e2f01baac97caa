//! Runs linking attempts for the dashboard and for `brokerdeck link`, and unlinks.
//!
//! Owns the running attempt, of which there is one at most. Secrets stay in its task; what goes out is
//! [`LinkProgress`], which has none.

mod accounts;
mod approve;
mod attempt;
mod gate;
mod secret;

pub use self::accounts::tls;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::attempt::Command;
use super::browser::Surroundings;
use super::child::Programs;
use super::clock::Clock;
use super::harden::no_core_dumps;
use super::links::{Links, LinksError};
use super::tokens::{StoreError, Tokens};
use crate::broker::alpaca::oauth;
use crate::config::BrokerSpec;
use crate::domain::{BrokerId, LinkId};
use crate::link::progress::Sensitive;
use crate::link::{AttemptId, LinkProgress, LinkRecord};

/// How long an attempt waits for the browser unless told otherwise (RELIABILITY 1).
pub const DEFAULT_LIMIT: Duration = Duration::from_mins(5);

/// What the linker works with.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The brokers that can be linked.
    pub specs: Vec<BrokerSpec>,
    /// Where tokens go.
    pub tokens: Arc<Tokens>,
    /// Where links are remembered.
    pub links: Arc<Links>,
    /// The clock that deadlines are told by.
    pub clock: Clock,
    /// How long an attempt waits for the browser.
    pub limit: Duration,
    /// What this session is like for browsers.
    pub around: Surroundings,
    /// Starts browsers and secret commands.
    pub programs: Programs,
    /// True in the demo only: the consent page of the embedded simulated brokerage may be answered from here.
    pub may_approve: bool,
}

impl Setup {
    /// The usual limit, the surroundings of the process, no approval from here.
    pub fn new(specs: Vec<BrokerSpec>, tokens: Arc<Tokens>, links: Arc<Links>, clock: Clock) -> Self {
        let around = Surroundings::of_process();
        let programs = Programs::hiding(&specs);
        Self { specs, tokens, links, clock, limit: DEFAULT_LIMIT, around, programs, may_approve: false }
    }

    fn spec(&self, broker: &BrokerId) -> Option<&BrokerSpec> {
        self.specs.iter().find(|spec| spec.id == *broker)
    }
}

/// Runs attempts. Every call returns at once unless it says otherwise.
#[derive(Debug)]
pub struct Linker {
    setup: Arc<Setup>,
    progress: mpsc::Sender<(AttemptId, LinkProgress)>,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    attempt: AttemptId,
    commands: mpsc::Sender<Command>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Linker {
    /// Reports every attempt's progress on the channel.
    pub fn new(setup: Setup, progress: mpsc::Sender<(AttemptId, LinkProgress)>) -> Self {
        Self { setup: Arc::new(setup), progress, running: Mutex::default() }
    }

    /// Starts an attempt; one under way is canceled, and its port freed, first. Needs a runtime around it.
    pub fn begin(&self, attempt: AttemptId, broker: BrokerId, open_browser: bool) {
        no_core_dumps();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let before = running.take().map(|running| {
            running.stop.cancel();
            running.task
        });
        let (commands, inbox) = mpsc::channel(16);
        let stop = CancellationToken::new();
        let run = attempt::Run {
            setup: Arc::clone(&self.setup),
            attempt,
            broker,
            open_browser,
            progress: self.progress.clone(),
            commands: inbox,
            stop: stop.clone(),
        };
        let task = tokio::spawn(async move {
            if let Some(before) = before {
                drop(before.await);
            }
            run.run().await;
        });
        *running = Some(Running { attempt, commands, stop, task });
    }

    /// Tries the browser again.
    pub fn open_browser(&self, attempt: AttemptId) {
        self.tell(attempt, Command::OpenBrowser);
    }

    /// Judges a pasted redirect URL.
    pub fn submit_redirect(&self, attempt: AttemptId, url: &Sensitive) {
        self.tell(attempt, Command::Redirect(url.clone()));
    }

    /// In the demo, presses Allow on the consent page.
    pub fn approve_in_demo(&self, attempt: AttemptId) {
        self.tell(attempt, Command::Approve);
    }

    /// Stores the token for the accounts that were shown, under these labels, in their order.
    pub fn save(&self, attempt: AttemptId, labels: Vec<String>) {
        self.tell(attempt, Command::Save(labels));
    }

    /// Gives up and frees the port.
    pub fn cancel(&self, attempt: AttemptId) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = running.as_ref().filter(|running| running.attempt == attempt) {
            running.stop.cancel();
        }
    }

    /// Waits until the attempt is over and its last page has gone out; a second at most after its end.
    pub async fn settle(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running {
            drop(running.task.await);
        }
    }

    /// Every link that is remembered.
    ///
    /// # Errors
    /// As the file says.
    pub async fn links(&self) -> Result<Vec<LinkRecord>, LinksError> {
        Ok(self.setup.links.list().await?.links)
    }

    /// A link's token; `None` when it has none and must be linked again.
    ///
    /// # Errors
    /// As the store says.
    pub async fn token(&self, link: &LinkId) -> Result<Option<SecretString>, StoreError> {
        self.setup.tokens.get(link).await
    }

    /// Forgets a link and its token, and revokes the grant where the broker offers that. A sentence either way.
    ///
    /// # Errors
    /// A sentence, when the token or the link is still there.
    pub async fn unlink(&self, link: &LinkId) -> Result<String, String> {
        unlink(&self.setup, link).await
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

async fn unlink(setup: &Setup, link: &LinkId) -> Result<String, String> {
    let links = setup.links.list().await.map_err(|error| error.to_string())?.links;
    let label = links.iter().find(|record| record.id == *link).map_or(link.as_str(), |record| &record.label).to_owned();
    let spec = links.iter().find(|record| record.id == *link).and_then(|record| setup.spec(&record.broker));
    let token = setup.tokens.get(link).await;
    let forgotten = match &token {
        // It may be in a store that does not answer now, where it would stay behind unseen.
        Err(error) => Err(error.to_string()),
        Ok(_) => setup.tokens.remove(link).await.map_err(|error| error.to_string()),
    };
    forgotten.map_err(|error| format!("{label} is still linked: {error}"))?;
    setup.links.remove(link).await.map_err(|error| format!("{label} is still listed: {error}"))?;
    let by_hand = "the grant itself is revoked in the broker's dashboard, in its list of authorized apps";
    let (Ok(Some(token)), Some(spec)) = (token, spec) else {
        return Ok(format!("{label} is unlinked; {by_hand}"));
    };
    if spec.revoke_url.is_none() {
        return Ok(format!("{label} is unlinked and its token forgotten; {by_hand}"));
    }
    for other in links.iter().filter(|other| other.id != *link) {
        let same = setup.tokens.get(&other.id).await.ok().flatten();
        if same.is_some_and(|same| same.expose_secret() == token.expose_secret()) {
            return Ok(format!("{label} is unlinked; its grant stays, because {} uses it too", other.label));
        }
    }
    match revoke(spec, &setup.programs, &token).await {
        Ok(()) => Ok(format!("{label} is unlinked, its token forgotten and the grant revoked")),
        Err(error) => Ok(format!("{label} is unlinked and its token forgotten, but {error}; {by_hand}")),
    }
}

/// Revokes a token at a broker that offers it.
async fn revoke(spec: &BrokerSpec, programs: &Programs, token: &SecretString) -> Result<(), String> {
    let (Some(url), Some(client_id)) = (&spec.revoke_url, &spec.client_id) else { return Ok(()) };
    let tls = accounts::tls(spec).await?;
    let secret = secret::resolve(&spec.client_secret, programs).await?;
    oauth::revoke(&tls, url, client_id, secret.as_ref(), token)
        .await
        .map_err(|error| format!("the grant could not be revoked: {error}"))
}
