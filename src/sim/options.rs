//! Options of the simulated brokerage, and its ready line (docs/DESIGN.md 12).

use std::net::SocketAddr;
use std::path::PathBuf;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Frame types of the `trade_updates` stream; paper's binary frames are docs/ALPACA.md 6.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Frames {
    /// As Alpaca does: binary on paper, text on live.
    Faithful,
    Binary,
    /// Text everywhere.
    Text,
}

/// The options of `brokerdeck sim`, also set by `demo` and the tests.
#[derive(Debug, Clone)]
pub struct SimOptions {
    /// The address to listen on; the other origins use the next ports. Loopback only.
    pub listen: SocketAddr,
    /// The random seed.
    pub seed: u64,
    /// How fast simulated time runs; 1 is real time.
    pub pace: Decimal,
    /// Order events per second that the bot aims for; `None` for a human pace.
    pub rate: Option<u32>,
    /// Whether to serve TLS with a temporary certificate authority.
    pub tls: bool,
    /// Frames of the stream.
    pub frames: Frames,
    /// Faults in command-line notation; `None` for none.
    pub faults: Option<String>,
    /// A TOML scenario to run.
    pub scenario: Option<PathBuf>,
    /// Whether to start without orders and bot.
    pub idle: bool,
    /// The number of this run. A restarted brokerage knows the tokens of its seed, but has new accounts, as after a
    /// reset. Zero derives the account ids from the seed alone.
    pub incarnation: u64,
    /// Redirect URIs registered for the built-in client; empty for the default list.
    pub redirect_uris: Vec<String>,
}

/// One environment's addresses in the ready line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadyEndpoints {
    /// REST origin, without `/v2`.
    pub api_url: String,
    /// The full URL of the websocket.
    pub stream_url: String,
}

/// The ready line: everything a client needs, as a JSON object.
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
    pub data: ReadyEndpoints,
    /// The registered OAuth client.
    pub client_id: String,
    /// Its secret, which is only valid in this process.
    pub client_secret: String,
    /// The client's redirect URIs.
    pub redirect_uris: Vec<String>,
    /// A token for the paper account.
    pub paper_token: String,
    /// A token for the live account.
    pub live_token: String,
    /// A key pair for clients without OAuth.
    pub key_id: String,
    /// Its secret.
    pub secret_key: String,
    /// The certificate authority's PEM file, with `--tls`.
    pub ca_file: Option<String>,
}
