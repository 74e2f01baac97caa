//! The validated configuration: TOML in; a [`Config`], or every problem with its line and fix, out.
//!
//! Opens only the file it is given, and does not read secrets: those stay a [`SecretSource`].

mod check;
mod file;
mod origins;
mod raw;
mod syntax;
pub mod zone;

pub use self::check::is_blank;
pub use self::file::plain;
pub use self::origins::environment_of;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use thiserror::Error;
use url::{Host, Url};

use crate::domain::{BrokerId, Environment};

/// The example that `config init` writes and the README refers to.
pub const EXAMPLE: &str = include_str!("../config.example.toml");

/// The addresses of one environment of a broker. Tokens are sent to these hosts only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Paper or live.
    pub environment: Environment,
    /// REST origin, without `/v2`.
    pub api_url: Url,
    /// The full URL of the `trade_updates` websocket.
    pub stream_url: Url,
    /// Market data REST origin.
    pub data_url: Option<Url>,
    /// The full URL of the market data websocket.
    pub data_stream_url: Option<Url>,
}

/// Where the OAuth client secret comes from.
#[derive(Clone)]
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

impl std::fmt::Debug for SecretSource {
    /// Only the kind: the secret itself may have been written where its source belongs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Inline(_) => "Inline(…)",
            Self::Env(_) => "Env(…)",
            Self::Command(_) => "Command(…)",
        })
    }
}

/// A service that can be linked.
#[derive(Debug, Clone)]
pub struct BrokerSpec {
    /// Its id: `alpaca-paper`.
    pub id: BrokerId,
    /// Its name: `Alpaca Paper (OAuth)`.
    pub name: Arc<str>,
    /// The environments: one, or both with one consent.
    pub endpoints: Vec<Endpoints>,
    /// The consent page.
    pub authorize_url: Url,
    /// The token endpoint.
    pub token_url: Url,
    /// The revocation endpoint (RFC 7009); Alpaca documents none for this flow (docs/ALPACA.md 2.7).
    pub revoke_url: Option<Url>,
    /// The client id; `None` until the user has registered an OAuth app, which linking then says.
    pub client_id: Option<String>,
    /// The client's secret.
    pub client_secret: SecretSource,
    /// Registered redirect URIs, exactly as registered, tried in order.
    pub redirect_uris: Vec<String>,
    /// The scopes to ask for.
    pub scopes: Vec<String>,
    /// Whether PKCE is sent.
    pub pkce: bool,
    /// The `env` parameter of the authorize request; `None` asks for both (docs/ALPACA.md 2.2).
    pub env: Option<Environment>,
    /// An additional certificate authority, PEM.
    pub ca_file: Option<PathBuf>,
}

impl BrokerSpec {
    /// Why it cannot be linked yet, with the fix; `None` when it can.
    pub fn missing(&self) -> Option<String> {
        if self.client_id.is_none() {
            return Some("no OAuth app is configured: set client_id under [oauth] (docs/LINKING.md)".to_owned());
        }
        if self.redirect_uris.is_empty() {
            return Some("no redirect URI is configured: set redirect_uris under [oauth]".to_owned());
        }
        None
    }

    /// The endpoints of one environment.
    pub fn endpoints(&self, environment: Environment) -> Option<&Endpoints> {
        self.endpoints.iter().find(|endpoints| endpoints.environment == environment)
    }
}

/// Where tokens are stored (docs/DESIGN.md 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenStoreChoice {
    /// The operating system's store if it works, else a file; announced.
    Auto,
    /// Only the operating system's store.
    Os,
    /// An owner-only file.
    File,
}

/// Settings of the screen and of notifications.
#[derive(Debug, Clone)]
pub struct Ui {
    /// A theme's name, or the path of a theme file.
    pub theme: String,
    /// Its line, from 1; `None` for the default.
    pub theme_line: Option<usize>,
    /// Ring the terminal's bell on fills, rejections and lost connections.
    pub bell: bool,
    /// Desktop notification (OSC 9) on the same events.
    pub notify: bool,
    /// A program to run on the same events, without a shell; empty for none.
    pub notify_command: Vec<String>,
    /// Flash new fills.
    pub flash: bool,
    /// Capture the mouse.
    pub mouse: bool,
    /// Draw with ASCII characters only.
    pub ascii: bool,
    /// The time zone of the screen.
    pub timezone: jiff::tz::TimeZone,
    /// The zone's name as written.
    pub timezone_name: String,
}

/// A line of `[keys]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOverride {
    /// The action's name: `orders.cancel`.
    pub name: String,
    /// The chords as text: `ctrl-d`.
    pub chords: Vec<String>,
    /// Its line, from 1.
    pub line: usize,
}

/// The checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The path of the file, which need not exist.
    pub path: PathBuf,
    /// Whether the file exists.
    pub found: bool,
    /// Built-in brokers first, then the file's.
    pub brokers: Vec<BrokerSpec>,
    /// Where tokens are stored.
    pub tokens: TokenStoreChoice,
    /// Settings of the screen and of notifications.
    pub ui: Ui,
    /// The entries of `[keys]`, checked against the table later.
    pub keys: Vec<KeyOverride>,
    /// Whether orders may be placed on live accounts.
    pub trading_live: bool,
    /// Warnings for the user, one sentence each.
    pub warnings: Vec<String>,
}

/// One problem of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1; `None` when it concerns the whole file.
    pub line: Option<usize>,
    /// The key, dotted: `oauth.redirect_uris`.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub hint: String,
}

/// Why there is no configuration. Nothing starts with a partial one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// The file is there but cannot be read.
    #[error("cannot read {}: {message}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What failed.
        message: String,
    },
    /// The file has problems.
    #[error("{}", list(path, problems))]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// All of them.
        problems: Vec<Problem>,
    },
}

fn list(path: &Path, problems: &[Problem]) -> String {
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| {
            let place =
                problem.line.map_or_else(|| path.display().to_string(), |line| format!("{}:{line}", path.display()));
            let key = if problem.key.is_empty() { String::new() } else { format!("{}: ", problem.key) };
            format!("{place}: {key}{}; {}", problem.message, problem.hint)
        })
        .collect();
    lines.join("\n")
}

impl Config {
    /// The configuration of an empty file: the built-in brokers without an OAuth client.
    ///
    /// # Errors
    /// Never in practice: the built-in brokers are checked by a test.
    pub fn empty(path: &Path) -> Result<Self, ConfigError> {
        let mut config = Self::parse("", path)?;
        config.found = false;
        Ok(config)
    }

    /// Reads and checks a file. A missing one counts as empty; one that others can write to is refused.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        file::load(path)?.map_or_else(|| Self::empty(path), Ok)
    }

    /// Checks a file's text, collecting every problem.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let invalid = |problems| ConfigError::Invalid { path: path.to_owned(), problems };
        let raw: raw::File = toml::from_str(text).map_err(|error| invalid(vec![syntax::problem(text, &error)]))?;
        check::config(text, path, raw).map_err(invalid)
    }

    /// A broker by id.
    pub fn broker(&self, id: &str) -> Option<&BrokerSpec> {
        self.brokers.iter().find(|spec| spec.id.as_str() == id)
    }
}

/// Whether an address is loopback: the one rule for where TLS and proxies are not required, and redirects allowed.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests;
