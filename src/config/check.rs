//! Checks the parsed file: defaults, URLs, sources of secrets. Collects every problem, and guesses nothing.
//!
//! Invariant: a problem quotes nothing of the file, because a secret may have been written in the wrong place. It gives
//! the line instead.

mod ui;

use std::path::Path;
use std::sync::Arc;

use secrecy::ExposeSecret;
use toml::Spanned;
use url::{ParseError, Url};

use super::origins;
use super::raw::{self, OneOrMany, Text};
use super::{BrokerSpec, Config, Endpoints, KeyOverride, Problem, SecretSource, TokenStoreChoice, is_loopback};
use crate::domain::text::{line_of, sanitize};
use crate::domain::{BrokerId, Environment};

const DEFAULT_REDIRECT: &str = "http://localhost:41970/callback";
const DEFAULT_SCOPES: [&str; 3] = ["account:write", "trading", "data"];
const SECRET_COMMAND: &str = "write a program and its arguments, e.g. \"pass show alpaca/oauth\"";
const CORRECT: &str = "correct the address or environment";
const SCOPES: [&str; 3] = DEFAULT_SCOPES;

/// Checks the whole file.
pub(super) fn config(text: &str, path: &Path, file: raw::File) -> Result<Config, Vec<Problem>> {
    let mut check = Check { text, base: path.parent(), problems: Vec::new(), warnings: Vec::new() };
    let client = check.client("oauth", Credentials::from(file.oauth), true);
    let mut brokers = builtin(&mut check, &client);
    for broker in file.brokers {
        if let Some(spec) = check.broker(broker, &client) {
            let (spec, line) = spec;
            if brokers.iter().any(|known| known.id == spec.id) {
                check.problem(Some(line), "brokers.id", "another broker already has this id", "choose another id");
                continue;
            }
            // One of Alpaca's own hosts in the wrong place has been reported already, with its line.
            let shared = origins::shared(&spec, &brokers).filter(|(url, ..)| origins::environment_of(url).is_none());
            if let Some((_, environment, _)) = shared {
                let message = match environment {
                    Environment::Paper => {
                        "one of its LIVE addresses is also a PAPER address, of this or another broker"
                    }
                    Environment::Live => "one of its PAPER addresses is also a LIVE address, of this or another broker",
                };
                let hint = "an address trades paper or live, not both: correct the addresses or environment";
                check.problem(Some(line), &format!("brokers.{}", spec.id), message, hint);
                continue;
            }
            brokers.push(spec);
        }
    }
    let tokens = check.token_store(file.tokens.store.as_ref());
    let ui = check.ui(file.ui);
    let keys = file
        .keys
        .into_iter()
        .map(|(name, value)| KeyOverride { name, line: check.line(&value), chords: many(value.into_inner()) })
        .collect();
    if !check.problems.is_empty() {
        return Err(check.problems);
    }
    let warnings = check.warnings;
    Ok(Config {
        path: path.to_owned(),
        found: true,
        brokers,
        tokens,
        ui,
        keys,
        trading_live: file.trading.live,
        warnings,
    })
}

/// Whether a text is empty or invisible, such as a variable or line that was never filled in.
pub fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn many(value: OneOrMany) -> Vec<String> {
    match value {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    }
}

/// The OAuth client of a table, unchecked.
struct Credentials {
    id: Text,
    secret: Option<Spanned<secrecy::SecretString>>,
    secret_env: Text,
    secret_command: Option<Spanned<OneOrMany>>,
    redirect_uris: Option<Vec<Spanned<String>>>,
    scopes: Option<Vec<Spanned<String>>>,
}

impl From<raw::OAuth> for Credentials {
    fn from(raw: raw::OAuth) -> Self {
        Self {
            id: raw.client_id,
            secret: raw.client_secret,
            secret_env: raw.client_secret_env,
            secret_command: raw.client_secret_command,
            redirect_uris: raw.redirect_uris,
            scopes: raw.scopes,
        }
    }
}

/// A checked OAuth client; `None` where the table has none.
struct Client {
    id: Option<String>,
    secret: SecretSource,
    redirect_uris: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
}

struct Check<'a> {
    text: &'a str,
    base: Option<&'a Path>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl Check<'_> {
    fn line<T>(&self, value: &Spanned<T>) -> usize {
        line_of(self.text, value.span().start)
    }

    fn problem(&mut self, line: Option<usize>, key: &str, message: &'static str, hint: &'static str) {
        let problem = Problem { line, key: key.to_owned(), message: message.to_owned(), hint: hint.to_owned() };
        self.problems.push(problem);
    }

    fn client(&mut self, table: &'static str, raw: Credentials, top: bool) -> Client {
        let given = [raw.secret.is_some(), raw.secret_env.is_some(), raw.secret_command.is_some()];
        if given.iter().filter(|given| **given).count() > 1 {
            let line = raw.secret_env.as_ref().map(|value| self.line(value));
            let message = "more than one of client_secret, client_secret_env and client_secret_command is set";
            self.problem(line, &format!("{table}.client_secret"), message, "keep exactly one of them");
        }
        let secret = if let Some(secret) = raw.secret {
            self.inline(&format!("{table}.client_secret"), secret)
        } else if let Some(name) = raw.secret_env {
            self.variable(&format!("{table}.client_secret_env"), name)
        } else if let Some(command) = raw.secret_command {
            self.command(&format!("{table}.client_secret_command"), command, SECRET_COMMAND)
                .map_or(SecretSource::None, SecretSource::Command)
        } else {
            SecretSource::None
        };
        let redirect_uris = raw.redirect_uris.map(|uris| {
            if uris.is_empty() && top {
                self.problem(
                    None,
                    &format!("{table}.redirect_uris"),
                    "the list is empty",
                    "name at least one registered URI",
                );
            }
            uris.into_iter().filter_map(|uri| self.redirect(&format!("{table}.redirect_uris"), &uri)).collect()
        });
        let scopes = raw.scopes.map(|scopes| {
            for scope in &scopes {
                if top && !SCOPES.contains(&scope.get_ref().as_str()) {
                    let line = Some(self.line(scope));
                    self.problem(line, &format!("{table}.scopes"), "not a scope", "use account:write, trading, data");
                }
            }
            scopes.into_iter().map(Spanned::into_inner).collect()
        });
        let id = raw.id.map(Spanned::into_inner).filter(|id| !id.trim().is_empty());
        Client { id, secret, redirect_uris, scopes }
    }

    /// Checks the secret itself. A public client has no such line.
    fn inline(&mut self, key: &str, secret: Spanned<secrecy::SecretString>) -> SecretSource {
        let line = self.line(&secret);
        let secret = secret.into_inner();
        if is_blank(secret.expose_secret()) {
            let hint = "write the secret, or give its source with client_secret_env or client_secret_command";
            self.problem(Some(line), key, "the secret is empty", hint);
            return SecretSource::None;
        }
        SecretSource::Inline(secret)
    }

    /// Checks the name of a variable. What cannot be one is probably the secret itself.
    fn variable(&mut self, key: &str, name: Spanned<String>) -> SecretSource {
        let line = self.line(&name);
        let name = name.into_inner();
        let fits = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
        if fits {
            return SecretSource::Env(name);
        }
        let hint = "name a variable here, or write the secret itself under client_secret";
        self.problem(Some(line), key, "not the name of an environment variable", hint);
        SecretSource::None
    }

    /// Checks a command given as words; it is never passed to a shell. The fix shows an example.
    fn command(&mut self, key: &str, value: Spanned<OneOrMany>, hint: &'static str) -> Option<Vec<String>> {
        let line = self.line(&value);
        let words = match value.into_inner() {
            OneOrMany::Many(words) => Some(words),
            OneOrMany::One(text) => shlex::split(&text),
        };
        let words = words.unwrap_or_default();
        let message = match words.first() {
            None => "not a command",
            Some(program) if is_blank(program) => "the program's name is empty",
            // The system reads a word only up to a NUL.
            Some(_) if words.iter().any(|word| word.contains('\0')) => "a word contains a NUL character",
            Some(_) => return Some(words),
        };
        self.problem(Some(line), key, message, hint);
        None
    }

    /// Checks a redirect URI, which is kept unchanged because the broker compares it byte for byte.
    fn redirect(&mut self, key: &str, uri: &Spanned<String>) -> Option<String> {
        let text = uri.get_ref();
        let fits = Url::parse(text).is_ok_and(|url| {
            url.scheme() == "http"
                && is_loopback(&url)
                && url.port().is_some_and(|port| port > 0)
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        });
        if fits {
            return Some(text.clone());
        }
        let line = Some(self.line(uri));
        let hint = "write it as registered, like http://localhost:41970/callback, with a port";
        self.problem(line, key, "not a loopback redirect URI", hint);
        None
    }

    /// Checks an address that tokens may be sent to: TLS or loopback.
    fn url(&mut self, key: &str, value: &Spanned<String>, schemes: [&str; 2]) -> Option<Url> {
        let line = Some(self.line(value));
        let [secure, plain] = schemes;
        let url = match Url::parse(value.get_ref()) {
            Ok(url) if url.port() != Some(0) => url,
            Ok(_) | Err(ParseError::InvalidPort) => {
                self.problem(line, key, "the port is not between 1 and 65535", "correct it, or leave it out");
                return None;
            }
            Err(_) => {
                let hint = "write a whole address, like https://host, or wss://host/path for a stream";
                self.problem(line, key, "not a URL", hint);
                return None;
            }
        };
        if url.scheme() == secure || (url.scheme() == plain && is_loopback(&url)) {
            if url.username().is_empty() && url.password().is_none() {
                return Some(url);
            }
            self.problem(line, key, "the address contains a user name or password", "remove it");
            return None;
        }
        let (message, hint) = if secure == "wss" {
            ("neither wss nor loopback ws", "use wss; ws is accepted for loopback only")
        } else {
            ("neither https nor loopback http", "use https; http is accepted for loopback only")
        };
        self.problem(line, key, message, hint);
        None
    }

    fn origin(&mut self, key: &str, value: &Spanned<String>) -> Option<Url> {
        let url = self.url(key, value, ["https", "http"])?;
        if url.path() == "/" && url.query().is_none() {
            return Some(url);
        }
        let line = Some(self.line(value));
        self.problem(line, key, "the address has a path", "write the origin alone, without /v2");
        None
    }

    fn required(&mut self, key: &str, line: usize, value: Text) -> Option<Spanned<String>> {
        if value.is_none() {
            self.problem(Some(line), key, "missing", "add it (see config.example.toml)");
        }
        value
    }

    fn endpoints(
        &mut self,
        environment: Environment,
        table: &'static str,
        line: usize,
        raw: raw::Addresses,
    ) -> Option<Endpoints> {
        let api_url = self.required(&format!("{table}.api_url"), line, raw.api_url);
        let stream_url = self.required(&format!("{table}.stream_url"), line, raw.stream_url);
        let (api_text, stream_text) = (api_url?, stream_url?);
        let api_url = self.origin(&format!("{table}.api_url"), &api_text);
        let stream_url = self.url(&format!("{table}.stream_url"), &stream_text, ["wss", "ws"]);
        for (key, url, text) in [("api_url", &api_url, &api_text), ("stream_url", &stream_url, &stream_text)] {
            let known = url.as_ref().and_then(origins::environment_of).filter(|known| *known != environment);
            let (message, hint) = match (known, url.as_ref().and_then(origins::no_trading_host)) {
                (Some(Environment::Live), _) => ("this is Alpaca's LIVE host, and the environment is PAPER", CORRECT),
                (Some(Environment::Paper), _) => ("this is Alpaca's PAPER host, and the environment is LIVE", CORRECT),
                (None, Some(message)) => {
                    (message, "paper-api.alpaca.markets trades PAPER, and api.alpaca.markets trades LIVE")
                }
                (None, None) => continue,
            };
            self.problem(Some(self.line(text)), &format!("{table}.{key}"), message, hint);
        }
        let data_url = raw.data_url.and_then(|url| self.origin(&format!("{table}.data_url"), &url));
        let key = format!("{table}.data_stream_url");
        let data_stream_url = raw.data_stream_url.and_then(|url| self.url(&key, &url, ["wss", "ws"]));
        Some(Endpoints { environment, api_url: api_url?, stream_url: stream_url?, data_url, data_stream_url })
    }

    fn broker(&mut self, broker: Spanned<raw::Broker>, default: &Client) -> Option<(BrokerSpec, usize)> {
        let line = self.line(&broker);
        let raw = broker.into_inner();
        let id = self.required("brokers.id", line, raw.id)?.into_inner();
        if id.is_empty() || !id.chars().all(|ch| ch.is_ascii_alphanumeric() || ch == '-' || ch == '_') {
            self.problem(Some(line), "brokers.id", "not an id", "use letters, digits, - and _");
            return None;
        }
        let table = "brokers";
        let name = raw.name.map_or_else(|| id.clone(), |name| sanitize(name.get_ref()));
        let environment = self.required(&format!("{table}.environment"), line, raw.environment)?;
        let single = raw::Addresses {
            api_url: raw.api_url,
            stream_url: raw.stream_url,
            data_url: raw.data_url,
            data_stream_url: raw.data_stream_url,
        };
        let (env, endpoints) = match environment.get_ref().as_str() {
            "paper" => (Some(Environment::Paper), vec![self.endpoints(Environment::Paper, table, line, single)]),
            "live" => (Some(Environment::Live), vec![self.endpoints(Environment::Live, table, line, single)]),
            "both" => {
                let paper = raw.paper.unwrap_or_default();
                let live = raw.live.unwrap_or_default();
                let paper = self.endpoints(Environment::Paper, "brokers.paper", line, paper);
                (None, vec![paper, self.endpoints(Environment::Live, "brokers.live", line, live)])
            }
            _ => {
                let line = Some(self.line(&environment));
                self.problem(line, "brokers.environment", "not an environment", "use paper, live or both");
                return None;
            }
        };
        let authorize_url = self.required(&format!("{table}.authorize_url"), line, raw.authorize_url);
        let token_url = self.required(&format!("{table}.token_url"), line, raw.token_url);
        let authorize_url = self.url(&format!("{table}.authorize_url"), &authorize_url?, ["https", "http"]);
        let token_url = self.url(&format!("{table}.token_url"), &token_url?, ["https", "http"]);
        let revoke_url =
            raw.revoke_url.and_then(|url| self.url(&format!("{table}.revoke_url"), &url, ["https", "http"]));
        let own = Credentials {
            id: raw.client_id,
            secret: raw.client_secret,
            secret_env: raw.client_secret_env,
            secret_command: raw.client_secret_command,
            redirect_uris: raw.redirect_uris,
            scopes: raw.scopes,
        };
        let client = self.client(table, own, false);
        let ca_file = raw.ca_file.map(|path| {
            let path = Path::new(path.get_ref()).to_owned();
            self.base.map_or_else(|| path.clone(), |base| base.join(&path))
        });
        // A configured broker does not inherit the OAuth app registered with Alpaca: its secret is not for others.
        let spec = BrokerSpec {
            id: BrokerId::from(id.as_str()),
            name: Arc::from(name),
            endpoints: endpoints.into_iter().collect::<Option<Vec<_>>>()?,
            authorize_url: authorize_url?,
            token_url: token_url?,
            revoke_url,
            client_id: client.id,
            client_secret: client.secret,
            redirect_uris: client.redirect_uris.unwrap_or_else(|| own_redirects(default, &id)),
            scopes: client.scopes.unwrap_or_else(|| scopes(default)),
            pkce: raw.pkce.unwrap_or(true),
            env,
            ca_file,
        };
        Some((spec, line))
    }

    fn token_store(&mut self, value: Option<&Spanned<String>>) -> TokenStoreChoice {
        match value.map(|value| value.get_ref().as_str()) {
            None | Some("auto") => TokenStoreChoice::Auto,
            Some("os") => TokenStoreChoice::Os,
            Some("file") => TokenStoreChoice::File,
            Some(_) => {
                let line = value.map(|value| self.line(value));
                self.problem(line, "tokens.store", "not a token store", "use auto, os or file");
                TokenStoreChoice::Auto
            }
        }
    }
}

fn redirects(client: &Client) -> Vec<String> {
    client.redirect_uris.clone().unwrap_or_else(|| vec![DEFAULT_REDIRECT.to_owned()])
}

/// The default of a configured broker: a path of its own, so that a broker's answer cannot count for another's attempt.
fn own_redirects(client: &Client, id: &str) -> Vec<String> {
    redirects(client).iter().map(|uri| format!("{}/{id}", uri.trim_end_matches('/'))).collect()
}

fn scopes(client: &Client) -> Vec<String> {
    client.scopes.clone().unwrap_or_else(|| DEFAULT_SCOPES.map(str::to_owned).to_vec())
}

/// Alpaca's own hosts (docs/ALPACA.md 1), with the `[oauth]` client.
fn builtin(check: &mut Check<'_>, client: &Client) -> Vec<BrokerSpec> {
    let parse = |check: &mut Check<'_>, text: &str| match Url::parse(text) {
        Ok(url) => Some(url),
        Err(error) => {
            tracing::error!(%error, text, "a built-in address");
            check.problem(None, "built-in", "a built-in address is not a URL", "please report this");
            None
        }
    };
    let environment = |check: &mut Check<'_>, environment: Environment, host: &str| {
        Some(Endpoints {
            environment,
            api_url: parse(check, &format!("https://{host}"))?,
            stream_url: parse(check, &format!("wss://{host}/stream"))?,
            data_url: parse(check, "https://data.alpaca.markets"),
            data_stream_url: parse(check, "wss://stream.data.alpaca.markets/v2/iex"),
        })
    };
    let paper = environment(check, Environment::Paper, "paper-api.alpaca.markets");
    let live = environment(check, Environment::Live, "api.alpaca.markets");
    let authorize = parse(check, "https://app.alpaca.markets/oauth/authorize");
    let token = parse(check, "https://api.alpaca.markets/oauth/token");
    let (Some(paper), Some(live), Some(authorize_url), Some(token_url)) = (paper, live, authorize, token) else {
        return Vec::new();
    };
    let spec = |id: &str, name: &str, endpoints: Vec<Endpoints>, env| BrokerSpec {
        id: BrokerId::from(id),
        name: Arc::from(name),
        endpoints,
        authorize_url: authorize_url.clone(),
        token_url: token_url.clone(),
        revoke_url: None,
        client_id: client.id.clone(),
        client_secret: client.secret.clone(),
        redirect_uris: redirects(client),
        scopes: scopes(client),
        pkce: true,
        env,
        ca_file: None,
    };
    vec![
        spec("alpaca-paper", "Alpaca Paper (OAuth)", vec![paper.clone()], Some(Environment::Paper)),
        spec("alpaca-live", "Alpaca Live (OAuth)", vec![live.clone()], Some(Environment::Live)),
        spec("alpaca", "Alpaca Paper and Live (OAuth)", vec![paper, live], None),
    ]
}
