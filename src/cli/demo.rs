//! `brokerdeck demo`: the dashboard on an embedded simulated brokerage. Leaves no files.

use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;
use secrecy::SecretString;
use tokio::sync::mpsc;

use super::{Context, Global, dashboard, pace};
use crate::app::Msg;
use crate::app::choices::Choices;
use crate::app::model::Pane;
use crate::config::{BrokerSpec, Config, Endpoints, SecretSource};
use crate::domain::{BrokerId, Environment};
use crate::error::Error;
use crate::io::accounts::AccountAccess;
use crate::io::clock::Clock;
use crate::io::linker::Linker;
use crate::io::links::Links;
use crate::io::start;
use crate::io::tokens::Tokens;
use crate::link::{AttemptId, LinkProgress};
use crate::sim::options::{Frames, Ready, ReadyEndpoints};
use crate::sim::{SimOptions, server};

/// Options of the demo.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// Seed of the simulated market; the same seed gives the same day.
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub seed: u64,
    /// How fast the market runs, from 0.1 to 100; 1 is real time.
    #[arg(long, value_name = "X", default_value = "1", value_parser = pace::parse)]
    pub pace: Decimal,
}

/// The hint when the brokerage or the callback listener finds no free port.
const PORTS: &str = "this machine has no free port: end some programs, then run it again";
/// Time limit of linking on loopback.
const LINK_TIMEOUT: Duration = Duration::from_secs(20);

/// Runs the demo; returns the exit code of the event loop.
///
/// # Errors
/// When no port or no terminal is available.
pub async fn run(global: &Global, args: &DemoArgs) -> Result<u8, Error> {
    let uris = free_redirects()?;
    let options = SimOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        seed: args.seed,
        pace: args.pace,
        rate: None,
        tls: false,
        frames: Frames::Faithful,
        faults: None,
        scenario: None,
        idle: false,
        incarnation: 0,
        redirect_uris: uris,
    };
    let brokerage = server::start(options)
        .await
        .map_err(|error| Error::failed(format!("the simulated brokerage: {error}"), PORTS))?;
    let specs = specs(&brokerage.ready)?;
    let accounts = AccountAccess {
        specs: Arc::new(specs),
        links: Arc::new(Links::memory()),
        tokens: Arc::new(Tokens::memory()),
        read_only: global.read_only,
    };
    link_paper(&accounts).await?;
    let links = accounts.links.list().await.map_err(|error| Error::failed(error.to_string(), error.hint()))?.links;
    let context = Context::for_demo(global)?;
    let mut settings = context.settings()?;
    settings.program.simulated = true;
    settings.program.can_approve = true;
    let mut running = start::with_linking(&settings, &accounts)?;
    running.recorder = super::replay::recorder(global.record.as_deref(), &settings, &running)?;
    let chosen = Choices { pane: Some(Pane::Orders), ..Choices::default() };
    running.handle(Msg::Chosen(chosen));
    running.start(links);
    for warning in &context.config.warnings {
        running.handle(Msg::Trouble(warning.clone()));
    }
    let code = dashboard::on_screen(&mut running, context.view()?).await;
    drop(running);
    brokerage.stop().await;
    code
}

/// Redirect URIs on ports that are free now; the linker binds the first that still is.
fn free_redirects() -> Result<Vec<String>, Error> {
    let mut held = Vec::new();
    for _ in 0..3 {
        let listener =
            std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(|error| Error::failed(error.to_string(), PORTS))?;
        held.push(listener);
    }
    let uri =
        |listener: &std::net::TcpListener| listener.local_addr().map(|address| format!("http://{address}/callback"));
    held.iter().map(uri).collect::<Result<_, _>>().map_err(|error| Error::failed(error.to_string(), PORTS))
}

/// The three built-in brokers, at the simulated brokerage's addresses.
fn specs(ready: &Ready) -> Result<Vec<BrokerSpec>, Error> {
    let url = |text: &str| text.parse().map_err(|error| Error::ours(format!("{text}: {error}")));
    let endpoints = |environment: Environment, at: &ReadyEndpoints| -> Result<Endpoints, Error> {
        Ok(Endpoints {
            environment,
            api_url: url(&at.api_url)?,
            stream_url: url(&at.stream_url)?,
            data_url: Some(url(&ready.data.api_url)?),
            data_stream_url: Some(url(&ready.data.stream_url)?),
        })
    };
    let paper = endpoints(Environment::Paper, &ready.paper)?;
    let live = endpoints(Environment::Live, &ready.live)?;
    let spec = |id: &str, name: &str, endpoints: Vec<Endpoints>, env| -> Result<BrokerSpec, Error> {
        Ok(BrokerSpec {
            id: BrokerId::from(id),
            name: Arc::from(name),
            endpoints,
            authorize_url: url(&ready.authorize_url)?,
            token_url: url(&ready.token_url)?,
            revoke_url: None,
            client_id: Some(ready.client_id.clone()),
            client_secret: SecretSource::Inline(SecretString::from(ready.client_secret.clone())),
            redirect_uris: ready.redirect_uris.clone(),
            scopes: ["account:write", "trading", "data"].map(str::to_owned).to_vec(),
            pkce: true,
            env,
            ca_file: None,
        })
    };
    Ok(vec![
        spec("alpaca-paper", "Alpaca Paper (OAuth)", vec![paper.clone()], Some(Environment::Paper))?,
        spec("alpaca-live", "Alpaca Live (OAuth)", vec![live.clone()], Some(Environment::Live))?,
        spec("alpaca", "Alpaca Paper and Live (OAuth)", vec![paper, live], None)?,
    ])
}

/// Links the paper account through the normal linking code, with consent given automatically.
async fn link_paper(accounts: &AccountAccess) -> Result<(), Error> {
    let (sender, mut reports) = mpsc::channel(16);
    let mut setup = start::linking(accounts, Clock::new());
    setup.may_approve = true;
    let linker = Linker::new(setup, sender);
    let attempt = AttemptId(0);
    linker.begin(attempt, BrokerId::from("alpaca-paper"), false);
    let flow = async {
        while let Some((_, progress)) = reports.recv().await {
            match progress {
                LinkProgress::Waiting { .. } => linker.approve_in_demo(attempt),
                LinkProgress::Confirm { accounts, .. } => {
                    linker.save(attempt, vec!["Alpaca Paper".to_owned(); accounts.len()]);
                }
                LinkProgress::Saved { .. } => return Ok(()),
                LinkProgress::Failed(failure) => return Err(Error::ours(failure.sentence().0)),
                LinkProgress::Note(_) | LinkProgress::Exchanging | LinkProgress::Unsaved { .. } => {}
            }
        }
        Err(Error::ours("the linking task ended"))
    };
    let linked = tokio::time::timeout(LINK_TIMEOUT, flow).await;
    linked.unwrap_or_else(|_| {
        Err(Error::failed(
            "linking the paper account of the demo took too long",
            "run it again when the machine is less busy",
        ))
    })
}

/// The demo's configuration: defaults only.
///
/// # Errors
/// Never in practice.
pub fn config() -> Result<Config, Error> {
    Config::empty(std::path::Path::new("config.toml")).map_err(|error| Error::ours(error.to_string()))
}
