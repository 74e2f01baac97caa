//! One linking attempt, from the port to the stored token, as a task.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::attempt_state::{AttemptState, Outcome};
use super::revoke;
use super::{Readiness, Setup, Work, accounts, approve, secret};
use crate::broker::alpaca::oauth::{self, Exchange, ExchangeError};
use crate::config::BrokerSpec;
use crate::domain::{BrokerId, Mono};
use crate::io::accounts::tls_for;
use crate::io::callback::Stage;
use crate::io::{browser, callback, clock};
use crate::link::flow::{Flow, FlowRandom, Grant};
use crate::link::progress::Sensitive;
use crate::link::{AttemptId, LinkFailure, LinkProgress, RedirectNote};

/// How long the listener stays after the end, for a browser that returns twice.
const LINGER: Duration = Duration::from_secs(10);
/// Shortest time between two notes about redirects that were ignored.
const NOTE_PAUSE: Duration = Duration::from_secs(1);
/// How long an attempt that is stopped waits for the token it has asked for, to revoke it.
const LAST_ANSWER: Duration = Duration::from_secs(2);

/// A command to a running attempt.
#[derive(Debug)]
pub(super) enum Command {
    OpenBrowser,
    Redirect(Sensitive),
    Approve,
    Save(Vec<String>),
}

/// The parts of a running attempt.
pub(super) struct Run {
    pub(super) setup: Arc<Setup>,
    pub(super) attempt: AttemptId,
    pub(super) broker: BrokerId,
    pub(super) open_browser: bool,
    pub(super) progress: mpsc::Sender<(AttemptId, LinkProgress)>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) stop: CancellationToken,
    pub(super) leave: CancellationToken,
    pub(super) work: Work,
}

/// An attempt that waits for its answer.
struct Open {
    attempt_state: Arc<AttemptState>,
    outcome: oneshot::Receiver<Outcome>,
    authorize_url: Sensitive,
    port: Option<u16>,
    taken: Vec<u16>,
    deadline: Mono,
}

/// A consent that was given, and what is needed to ask for its token.
struct Asking {
    grant: Grant,
    client_secret: Option<SecretString>,
    tls: Arc<rustls::ClientConfig>,
}

/// The listener; closed when dropped.
struct OpenListener {
    attempt_state: Arc<AttemptState>,
    stop: CancellationToken,
    served: Option<tokio::task::JoinHandle<()>>,
}

impl Run {
    pub(super) async fn run(mut self) {
        let setup = Arc::clone(&self.setup);
        let Some(spec) = setup.spec(&self.broker) else {
            let message = format!("unknown broker {}", self.broker);
            return self.report(LinkProgress::Failed(LinkFailure::NotConfigured { message })).await;
        };
        tracing::info!(broker = %spec.id, "linking");
        let stop = self.stop.clone();
        let (mut listener, mut granted) = (None, None);
        let fresh = self.obtain(spec, &mut listener, &mut granted).await;
        let saved = match fresh {
            Err(failure) => Err(failure),
            Ok((fresh, labels)) => accounts::save(&setup, spec, &fresh, &labels).await,
        };
        if let Some(listener) = &listener {
            listener.attempt_state.tell(if saved.is_ok() { Stage::Linked } else { Stage::NotLinked });
        }
        match &saved {
            Ok(_) => tracing::info!(broker = %spec.id, "linked"),
            Err(failure) => tracing::info!(broker = %spec.id, ?failure, "not linked"),
        }
        let declined = granted.filter(|_| saved.is_err());
        // An attempt without an answer frees its port before it reports the end, because the next one may need it.
        // After an answer the browser may return again, but the report need not wait for that.
        let answered =
            listener.as_ref().is_some_and(|listener| listener.attempt_state.is_used()) && !stop.is_cancelled();
        if !answered {
            close(listener.take()).await;
        }
        if let Ok(LinkProgress::Saved { links, stored_in }) = &saved
            && self.work.is_last()
        {
            let names: Vec<String> =
                links.iter().map(|link| format!("{} ({})", link.label, link.environment)).collect();
            self.work.say(format!("linked {}; {stored_in}", names.join(" and ")));
        }
        self.report(saved.unwrap_or_else(LinkProgress::Failed)).await;
        if let Some(token) = declined
            && let Some((sentence, is_valid)) = revoke::decline(&setup, spec, &token).await
        {
            self.unsaved(sentence, is_valid);
        }
        let Self { work, leave, .. } = self;
        drop(work);
        if listener.is_some() {
            tokio::select! {
                () = tokio::time::sleep(LINGER) => {}
                () = leave.cancelled() => {}
                () = stop.cancelled() => {}
            }
        }
        close(listener).await;
    }

    /// Everything up to the user's decision to save. A stop ends it anywhere, but not without the token that was asked for.
    async fn obtain(
        &mut self,
        spec: &BrokerSpec,
        listener: &mut Option<OpenListener>,
        granted_token: &mut Option<SecretString>,
    ) -> Result<(accounts::Fresh, Vec<String>), LinkFailure> {
        let stop = self.stop.clone();
        let asking = unless(&stop, self.consent(spec, listener)).await?;
        self.work.fear(revoke::cut_short(spec));
        let granted = self.exchange(spec, &asking, listener).await?;
        *granted_token = Some(granted.token.clone());
        if let Some(why) = granted.unusable {
            return Err(LinkFailure::Broker { message: why.to_owned() });
        }
        unless(&stop, self.question(spec, granted, &asking.tls)).await
    }

    /// Everything up to the consent.
    async fn consent(&mut self, spec: &BrokerSpec, listener: &mut Option<OpenListener>) -> Result<Asking, LinkFailure> {
        let unusable = |message: String| LinkFailure::NotConfigured { message };
        if let Some(message) = Readiness::of(spec).reason() {
            return Err(unusable(message));
        }
        let tls = tls_for(spec).map_err(|error| unusable(error.to_string()))?;
        // Check this before the user is sent to the consent page: a grant would be useless without it.
        accounts::prove(&self.setup).await?;
        let client_secret = secret::resolve(&spec.client_secret, &self.setup.programs).await.map_err(unusable)?;
        let mut open = self.open(spec, listener).await?;
        let grant = self.wait(spec, &mut open, &tls).await?;
        self.report(LinkProgress::Exchanging).await;
        Ok(Asking { grant, client_secret, tls })
    }

    /// Exchanges the code. When stopped during that, it frees the port and waits a moment longer: the token may have been
    /// issued, and only a known token can be revoked.
    async fn exchange(
        &self,
        spec: &BrokerSpec,
        asking: &Asking,
        listener: &mut Option<OpenListener>,
    ) -> Result<oauth::Granted, LinkFailure> {
        let answer = exchange(spec, asking);
        tokio::pin!(answer);
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            () = self.stop.cancelled() => {}
        }
        close(listener.take()).await;
        tokio::time::timeout(LAST_ANSWER, answer).await.unwrap_or_else(|_| {
            let sentence = revoke::cut_short(spec);
            tracing::warn!("{sentence}");
            self.unsaved(sentence, true);
            Err(LinkFailure::Canceled)
        })
    }

    /// Shows the accounts that the token reaches, and waits for the decision.
    async fn question(
        &mut self,
        spec: &BrokerSpec,
        granted: oauth::Granted,
        tls: &Arc<rustls::ClientConfig>,
    ) -> Result<(accounts::Fresh, Vec<String>), LinkFailure> {
        let accounts = accounts::find(&self.setup, spec, &granted.token, tls).await?;
        let scopes =
            granted.scopes.unwrap_or_else(|| spec.scopes.iter().map(|scope| Arc::from(scope.as_str())).collect());
        self.report(LinkProgress::Confirm { accounts: accounts.clone(), scopes: scopes.clone() }).await;
        let labels = self.word_to_save().await?;
        Ok((accounts::Fresh { token: granted.token, scopes, accounts }, labels))
    }

    /// Binds the first free port and prepares the flow for it. Without a free port only pasting works.
    async fn open(&self, spec: &BrokerSpec, listener: &mut Option<OpenListener>) -> Result<Open, LinkFailure> {
        let unusable = |message: String| LinkFailure::NotConfigured { message };
        let (bound, taken) = match callback::bind(&spec.redirect_uris).await {
            Ok(bound) => (Some(bound), Vec::new()),
            Err(ports) => (None, ports),
        };
        let uri = bound.as_ref().map(|bound| &bound.uri).or(spec.redirect_uris.first());
        let uri = uri.ok_or_else(|| unusable("no redirect URI is configured".to_owned()))?.clone();
        let random = FlowRandom {
            state: clock::random_bytes().map_err(unusable)?,
            verifier: clock::random_bytes().map_err(unusable)?,
        };
        let deadline = self.setup.clock.now().mono + self.setup.limit;
        let flow = Flow::new(&random, spec, &uri, deadline).map_err(unusable)?;
        let authorize_url = flow.authorize_url().clone();
        let (attempt_state, outcome) = AttemptState::new(flow, self.setup.clock);
        let stop = CancellationToken::new();
        let port = bound.as_ref().map(|bound| bound.port);
        let judge: Arc<dyn callback::CallbackHandler> = attempt_state.clone();
        *listener = bound.map(|bound| {
            let served = callback::serve(bound, judge, stop.clone());
            OpenListener { attempt_state: Arc::clone(&attempt_state), stop, served: Some(served) }
        });
        Ok(Open { attempt_state, outcome, authorize_url, port, taken, deadline })
    }

    /// Waits for the right answer, from the browser or pasted.
    async fn wait(
        &mut self,
        spec: &BrokerSpec,
        open: &mut Open,
        tls: &Arc<rustls::ClientConfig>,
    ) -> Result<Grant, LinkFailure> {
        let (browser_reports, mut browser_news) = mpsc::channel::<Result<(), String>>(4);
        let (url, around) = (open.authorize_url.clone(), self.setup.around.clone());
        let start_browser = |reports: mpsc::Sender<Result<(), String>>| {
            let (url, consent, around) = (url.clone(), spec.authorize_url.clone(), around.clone());
            let programs = self.setup.programs.clone();
            tokio::spawn(async move {
                let result = browser::open(url.expose(), &consent, &around, &programs).await;
                drop(reports.send(result).await);
            });
        };
        let wanted = if open.port.is_none() {
            // Another program holds the port, and a browser on this machine would send it the code.
            let ports: Vec<String> = open.taken.iter().map(u16::to_string).collect();
            let ports = ports.join(", ");
            Err(format!(
                "no registered port is free ({ports}), so open the address elsewhere and paste the address that comes \
                    back"
            ))
        } else if self.open_browser {
            start_browser(browser_reports.clone());
            Ok(())
        } else {
            Err("--no-browser was given".to_owned())
        };
        self.report(open.waiting(wanted)).await;
        let deadline = tokio::time::Instant::from_std(self.setup.clock.instant(open.deadline));
        let mut quiet_until = tokio::time::Instant::now();
        loop {
            tokio::select! {
                biased;
                outcome = &mut open.outcome => return outcome.unwrap_or(Err(LinkFailure::Canceled)),
                command = self.commands.recv() => match command {
                    None => return Err(LinkFailure::Canceled),
                    Some(Command::Redirect(text)) => {
                        if let Some(note) = open.attempt_state.paste(text.expose()) {
                            self.report(LinkProgress::Note(note)).await;
                        }
                    }
                    Some(Command::OpenBrowser) if open.port.is_some() => {
                        start_browser(browser_reports.clone());
                    }
                    Some(Command::Approve) if self.setup.may_approve => {
                        let (url, tls, reports) = (open.authorize_url.clone(), Arc::clone(tls), browser_reports.clone());
                        let setup = Arc::clone(&self.setup);
                        tokio::spawn(async move {
                            let linked = setup.links.list().await.map(|listed| listed.links).unwrap_or_default();
                            let linked: Vec<Arc<str>> = linked.into_iter().map(|link| link.account_number).collect();
                            if let Err(reason) = approve::approve(url.expose(), &linked, &tls).await {
                                drop(reports.send(Err(reason)).await);
                            }
                        });
                    }
                    Some(Command::OpenBrowser | Command::Approve | Command::Save(_)) => {}
                },
                Some(result) = browser_news.recv() => self.report(open.waiting(result)).await,
                () = wrong_state(&open.attempt_state, quiet_until) => {
                    quiet_until = tokio::time::Instant::now() + NOTE_PAUSE;
                    self.report(LinkProgress::Note(RedirectNote::WrongState)).await;
                }
                () = tokio::time::sleep_until(deadline) => return Err(LinkFailure::TimedOut),
            }
        }
    }

    async fn word_to_save(&mut self) -> Result<Vec<String>, LinkFailure> {
        loop {
            match self.commands.recv().await {
                None => return Err(LinkFailure::Canceled),
                Some(Command::Save(labels)) => return Ok(labels),
                Some(_) => {}
            }
        }
    }

    /// Says what became of a token that is not saved: on screen, or by [`super::Linker::settle`] where there is none.
    fn unsaved(&self, sentence: String, is_valid: bool) {
        self.work.say(sentence.clone());
        // A command that waits for the end no longer reads this.
        drop(self.progress.try_send((self.attempt, LinkProgress::Unsaved { sentence, is_valid })));
    }

    async fn report(&self, progress: LinkProgress) {
        // The receiver is gone when the program ends.
        drop(self.progress.send((self.attempt, progress)).await);
    }
}

impl Open {
    fn waiting(&self, browser: Result<(), String>) -> LinkProgress {
        LinkProgress::Waiting {
            authorize_url: self.authorize_url.clone(),
            port: self.port,
            deadline: self.deadline,
            browser,
        }
    }
}

impl Drop for OpenListener {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Closes the listener and waits until its sockets are closed.
async fn close(listener: Option<OpenListener>) {
    let Some(mut listener) = listener else { return };
    listener.stop.cancel();
    if let Some(served) = listener.served.take() {
        drop(served.await);
    }
}

/// Waits for a redirect without the right state, but not before this time.
async fn wrong_state(attempt_state: &AttemptState, not_before: tokio::time::Instant) {
    tokio::time::sleep_until(not_before).await;
    attempt_state.wrong_state().await;
}

/// The work's outcome, unless it is stopped before.
async fn unless<T>(
    stop: &CancellationToken,
    work: impl Future<Output = Result<T, LinkFailure>>,
) -> Result<T, LinkFailure> {
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(LinkFailure::Canceled),
        done = work => done,
    }
}

async fn exchange(spec: &BrokerSpec, asking: &Asking) -> Result<oauth::Granted, LinkFailure> {
    let request = Exchange {
        token_url: &spec.token_url,
        client_id: spec.client_id.as_deref().unwrap_or_default(),
        client_secret: asking.client_secret.as_ref(),
        code: &asking.grant.code,
        verifier: asking.grant.verifier.as_ref(),
        redirect_uri: &asking.grant.redirect_uri,
    };
    oauth::exchange(&asking.tls, &request).await.map_err(|error| match error {
        ExchangeError::BadClient { message } => LinkFailure::BadClient { message },
        ExchangeError::BadCode { message } => LinkFailure::BadCode { message },
        ExchangeError::Network { message } => LinkFailure::Network { message },
        ExchangeError::Broker { message } => LinkFailure::Broker { message },
    })
}
