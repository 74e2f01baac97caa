//! The simulated brokerage on real sockets: four origins on loopback ports, one engine, one clock.
//!
//! `start` binds and returns at once; everything runs in tasks until [`Running::stop`] or drop.

mod auth;
mod clock;
mod close_frame;
mod control;
mod data;
mod feed;
mod grants;
mod guard;
mod hub;
mod lock;
mod msgpack;
mod net;
mod query;
mod reply;
mod request_filter;
mod rest;
mod rest_of_body;
mod scenario;
mod sse;
mod state;
mod stream;
mod watchlist;

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::{Router, middleware};
use jiff::SignedDuration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::clock::SimClock;
pub use self::control::ControlServer;
use self::grants::{Client, Grant, Grants, KeyPair, Scopes};
use self::hub::Hub;
use self::net::{Listening, Switches, Tls};
use self::request_filter::RequestFilter;
use self::state::Sim;
use super::calendar;
use super::engine::bot::Bot;
use super::engine::{AccountNo, Engine, EngineOptions};
use super::faults::{FaultError, Faults, Origin};
use super::options::{Ready, ReadyEndpoints, SimOptions};

/// Redirect URIs registered by default.
const REDIRECT_PORTS: std::ops::RangeInclusive<u16> = 41_970..=41_974;

/// For how long an idle brokerage's market has been moving at the start.
const WARM_UP: SignedDuration = SignedDuration::from_mins(40);

/// Why the simulated brokerage cannot start.
#[derive(Debug, Error)]
pub enum SimError {
    /// The address is not loopback.
    #[error("{0} is not a loopback address")]
    NotLoopback(SocketAddr),
    /// Not all four ports are valid.
    #[error("{0} and the three ports after it are not all below 65536")]
    Ports(SocketAddr),
    /// A port is in use or not allowed.
    #[error("cannot listen on {0}")]
    Bind(SocketAddr, #[source] std::io::Error),
    /// The certificate could not be created.
    #[error("cannot make a certificate: {0}")]
    Tls(String),
    /// The certificate authority's file could not be written.
    #[error("cannot write the certificate authority's file")]
    CaFile(#[source] std::io::Error),
    /// The fault specification is invalid.
    #[error("bad fault specification: {0}")]
    Faults(#[from] FaultError),
    /// The scenario is invalid.
    #[error("bad scenario: {0}")]
    Scenario(String),
}

/// A running brokerage; dropping it ends it without waiting.
pub struct Running {
    /// Addresses and credentials.
    pub ready: Ready,
    tasks: JoinSet<()>,
    shutdown: DropGuard,
    ca_file: Option<tempfile::NamedTempFile>,
}

impl Running {
    /// Ends every task and connection, and waits until they have ended.
    pub async fn stop(mut self) {
        self.shutdown.disarm().cancel();
        while self.tasks.join_next().await.is_some() {}
        drop(self.ca_file);
    }
}

/// Starts a brokerage: when this returns, all ports answer.
///
/// # Errors
/// [`SimError`]; nothing is listening then.
pub async fn start(options: SimOptions) -> Result<Running, SimError> {
    if !options.listen.ip().is_loopback() {
        return Err(SimError::NotLoopback(options.listen));
    }
    let listeners = bind(options.listen).await?;
    let (tls, ca_file) = certificates(options.tls)?;
    let steps = options.scenario.as_deref().map(scenario::read).transpose().map_err(SimError::Scenario)?;

    let began = calendar::recent_afternoon(SimClock::wall());
    let clock = SimClock::new(began, options.pace);
    let engine_options = EngineOptions { incarnation: options.incarnation, ..EngineOptions::new(options.seed, began) };
    let engine = if options.idle {
        // Without any orders, the market has still been moving: charts and latest bars need some history.
        let warmed_up = began.saturating_sub(WARM_UP).unwrap_or(began);
        let mut engine = Engine::new(EngineOptions { start: warmed_up, ..engine_options });
        engine.advance_to(began);
        engine
    } else {
        Engine::with_past(engine_options, Bot::new(options.seed, AccountNo(0), options.rate))
    };
    let mut faults = Faults::new(options.seed);
    if let Some(spec) = &options.faults {
        faults.add_spec(spec, clock.real())?;
    }
    let mut grants = Grants::new(options.seed);
    let hub = Hub::new(engine);
    let ready = register(&mut grants, &hub, &options, &listeners, ca_file.as_ref());
    let shutdown = CancellationToken::new();
    let bot = (!options.idle).then_some((AccountNo(0), options.rate));
    let sim = Arc::new(Sim {
        grants: Mutex::new(grants),
        faults: Mutex::new(faults),
        bot: Mutex::new(bot),
        frames: options.frames,
        shutdown: shutdown.clone(),
        ..Sim::new(clock, hub, options.seed)
    });
    let tasks = spawn(&sim, listeners, tls.as_ref(), steps.unwrap_or_default());
    Ok(Running { ready, tasks, shutdown: shutdown.drop_guard(), ca_file })
}

/// Binds one listener per origin: the given port and the three after it, or any four.
async fn bind(first: SocketAddr) -> Result<Vec<(Origin, TcpListener, SocketAddr)>, SimError> {
    let mut listeners = Vec::new();
    for (place, origin) in Origin::ALL.into_iter().enumerate() {
        let mut address = first;
        if first.port() != 0 {
            let offset = u16::try_from(place).unwrap_or(0);
            address.set_port(first.port().checked_add(offset).ok_or(SimError::Ports(first))?);
        }
        let bound = TcpListener::bind(address).await.map_err(|error| SimError::Bind(address, error))?;
        let address = bound.local_addr().map_err(|error| SimError::Bind(address, error))?;
        listeners.push((origin, bound, address));
    }
    Ok(listeners)
}

fn certificates(wanted: bool) -> Result<(Option<Tls>, Option<tempfile::NamedTempFile>), SimError> {
    if !wanted {
        return Ok((None, None));
    }
    let tls = net::throwaway_tls().map_err(SimError::Tls)?;
    let write = || {
        let mut file = tempfile::Builder::new().prefix("simulated-ca-").suffix(".pem").tempfile()?;
        file.write_all(tls.authority_pem.as_bytes())?;
        file.flush()?;
        Ok(file)
    };
    let file = write().map_err(SimError::CaFile)?;
    Ok((Some(tls), Some(file)))
}

/// Registers the built-in client, tokens and keys, and returns the ready line.
fn register(
    grants: &mut Grants,
    hub: &Hub,
    options: &SimOptions,
    listeners: &[(Origin, TcpListener, SocketAddr)],
    ca_file: Option<&tempfile::NamedTempFile>,
) -> Ready {
    let client_id = grants.text("0123456789abcdef", 32);
    let client_secret = grants.text("0123456789abcdef", 40);
    let redirect_uris = if options.redirect_uris.is_empty() {
        let hosts = ["127.0.0.1", "localhost"];
        let uri = |host: &str, port: u16| format!("http://{host}:{port}/callback");
        hosts.iter().flat_map(|host| REDIRECT_PORTS.map(move |port| uri(host, port))).collect()
    } else {
        options.redirect_uris.clone()
    };
    grants.clients.push(Client {
        id: client_id.clone(),
        secret: client_secret.clone(),
        name: "brokerdeck".to_owned(),
        redirect_uris: redirect_uris.clone(),
    });
    let accounts = hub.accounts();
    let first = |live: bool| accounts.iter().find(|account| account.live == live).map(|account| account.no);
    let paper = Grant { paper: first(false), live: None, scopes: Scopes::ALL };
    let live = Grant { paper: None, live: first(true), scopes: Scopes::ALL };
    let (paper_token, live_token) = (grants.issue_token(paper), grants.issue_token(live));
    let key_id = format!("PK{}", grants.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 24));
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let secret_key = grants.text(letters, 44);
    grants.keys.push(KeyPair { id: key_id.clone(), secret: secret_key.clone(), grant: paper });

    let (http, ws) = if options.tls { ("https", "wss") } else { ("http", "ws") };
    let at = |wanted: Origin| {
        let found = listeners.iter().find(|(origin, ..)| *origin == wanted);
        found.map_or_else(String::new, |(_, _, address)| address.to_string())
    };
    let endpoints = |origin: Origin, path: &str| ReadyEndpoints {
        api_url: format!("{http}://{}", at(origin)),
        stream_url: format!("{ws}://{}{path}", at(origin)),
    };
    Ready {
        authorize_url: format!("{http}://{}/oauth/authorize", at(Origin::Auth)),
        token_url: format!("{http}://{}/oauth/token", at(Origin::Auth)),
        paper: endpoints(Origin::Paper, "/stream"),
        live: endpoints(Origin::Live, "/stream"),
        data: endpoints(Origin::Data, "/v2/iex"),
        client_id,
        client_secret,
        redirect_uris,
        paper_token,
        live_token,
        key_id,
        secret_key,
        ca_file: ca_file.map(|file| file.path().display().to_string()),
    }
}

/// The router of an origin.
fn router(sim: &Arc<Sim>, origin: Origin) -> Router {
    let request_filter = RequestFilter { sim: Arc::clone(sim), origin };
    let routes = match origin {
        Origin::Auth => auth::router(Arc::clone(sim)),
        Origin::Paper | Origin::Live => {
            rest::router(request_filter.clone()).merge(control::router(request_filter.clone()))
        }
        Origin::Data => data::router(request_filter.clone()),
    };
    let routes = routes.layer(middleware::map_response(reply::in_the_service_s_shape));
    routes
        .layer(middleware::from_fn_with_state(request_filter, request_filter::pass))
        .layer(middleware::from_fn(guard::local))
}

fn spawn(
    sim: &Arc<Sim>,
    listeners: Vec<(Origin, TcpListener, SocketAddr)>,
    tls: Option<&Tls>,
    steps: scenario::Scenario,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for (origin, listener, address) in listeners {
        let listening = Listening {
            listener,
            tls: tls.map(|tls| tls.acceptor.clone()),
            router: router(sim, origin),
            title_case: matches!(origin, Origin::Paper | Origin::Live),
        };
        let switches =
            Switches { kill: sim.kill.subscribe(), refuse: sim.refuse.subscribe(), shutdown: sim.shutdown.clone() };
        tasks.spawn(async move {
            if let Err(error) = net::serve(listening, switches).await {
                tracing::error!(%address, %error, "an origin of the simulated brokerage stopped");
            }
        });
    }
    let driven = Arc::clone(sim);
    tasks.spawn(async move {
        tokio::select! {
            () = driven.hub.drive(&driven.clock) => {}
            () = driven.shutdown.cancelled() => {}
        }
    });
    let played = Arc::clone(sim);
    tasks.spawn(async move {
        tokio::select! {
            () = scenario::play(&played, steps) => {}
            () = played.shutdown.cancelled() => {}
        }
    });
    tasks
}
