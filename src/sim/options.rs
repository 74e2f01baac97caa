//! How to start the simulated brokerage, and what it says when it is ready (docs/DESIGN.md 12).

use std::net::SocketAddr;
use std::path::PathBuf;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// How frames of the `trade_updates` stream are sent; paper's binary frames are docs/ALPACA.md 6.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Frames {
    /// As Alpaca does: binary on paper, text on live.
    Faithful,
    /// Binary everywhere.
    Binary,
    /// Text everywhere.
    Text,
}

/// The command line of `brokerdeck sim`, and what `demo` and the tests fill in.
#[derive(Debug, Clone)]
pub struct SimOptions {
    /// Where to listen; further origins take the next free ports. Loopback only.
    pub listen: SocketAddr,
    /// The one source of randomness.
    pub seed: u64,
    /// How fast simulated time runs; 1 is real time.
    pub pace: Decimal,
    /// Order events a second the bot aims at; `None` is a human pace.
    pub rate: Option<u32>,
    /// Serve TLS with a throw-away certificate authority.
    pub tls: bool,
    /// Frames of the stream.
    pub frames: Frames,
    /// Faults, as written on the command line; `None` for none.
    pub faults: Option<String>,
    /// A TOML scenario to run.
    pub scenario: Option<PathBuf>,
    /// Start without orders and without the bot.
    pub idle: bool,
    /// Which life of the brokerage this is: a restarted one knows the tokens of its seed, but its accounts are new ones,
    /// as after a reset. Zero takes the account ids from the seed alone.
    pub incarnation: u64,
    /// Redirect URIs registered for the built-in client; empty takes the default list.
    pub redirect_uris: Vec<String>,
}

/// One environment's addresses in the ready line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadyEndpoints {
    /// REST origin, without `/v2`.
    pub api_url: String,
    /// The whole address of the websocket.
    pub stream_url: String,
}

/// The ready line: everything a client needs, as one JSON object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// The consent page.
    pub authorize_url: String,
    /// The token endpoint.
    pub token_url: String,
    /// The paper environment.
    pub paper: ReadyEndpoints,
    /// The live environment.
    pub live: ReadyEndpoints,
    /// Market data.
    pub data: ReadyEndpoints,
    /// The registered OAuth client.
    pub client_id: String,
    /// Its secret; worth nothing outside this process.
    pub client_secret: String,
    /// Registered for it.
    pub redirect_uris: Vec<String>,
    /// A token for the paper account.
    pub paper_token: String,
    /// A token for the live account.
    pub live_token: String,
    /// A key pair for other people's clients.
    pub key_id: String,
    /// Its secret.
    pub secret_key: String,
    /// The certificate authority's PEM file, with `--tls`.
    pub ca_file: Option<String>,
}
