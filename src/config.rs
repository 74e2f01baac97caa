//! The configuration as a validated value. Opens no file but the one it is told to read.
//!
//! (contract skeleton: types are agreed; reading and checking are the shell developer's)

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;
use url::Url;

use crate::domain::{BrokerId, Environment};

/// Where one environment of a broker answers. Tokens go to these hosts only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Paper or live.
    pub environment: Environment,
    /// REST origin, without `/v2`.
    pub api_url: Url,
    /// The whole address of the `trade_updates` websocket.
    pub stream_url: Url,
    /// Market data REST origin.
    pub data_url: Option<Url>,
    /// The whole address of the market data websocket.
    pub data_stream_url: Option<Url>,
}

/// Where the OAuth client secret comes from.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// None: a public client.
    None,
    /// Written in the file.
    Inline(SecretString),
    /// From an environment variable.
    Env(String),
    /// From a command's first line of output; run without a shell.
    Command(Vec<String>),
}

/// One service that can be linked.
#[derive(Debug, Clone)]
pub struct BrokerSpec {
    /// Its id: `alpaca-paper`.
    pub id: BrokerId,
    /// Its name: `Alpaca Paper (OAuth)`.
    pub name: Arc<str>,
    /// One environment, or both with one consent.
    pub endpoints: Vec<Endpoints>,
    /// The consent page.
    pub authorize_url: Url,
    /// The token endpoint.
    pub token_url: Url,
    /// `None` until the user has registered an OAuth app; linking then says so.
    pub client_id: Option<String>,
    /// The client's secret.
    pub client_secret: SecretSource,
    /// Registered redirect URIs, byte for byte, tried in order.
    pub redirect_uris: Vec<String>,
    /// What to ask for.
    pub scopes: Vec<String>,
    /// Whether PKCE is sent.
    pub pkce: bool,
    /// The `env` parameter of the authorize request; `None` asks for both (API.md 2.2).
    pub env: Option<Environment>,
    /// Extra certificate authority, PEM.
    pub ca_file: Option<PathBuf>,
}
