//! What the rest of the program sees of a linking attempt: plain data without secrets.
//!
//! The secrets of an attempt (`state`, verifier, code, token) live in the shell's task that runs it. Model, messages
//! and recordings hold only what is in here.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use url::Url;

use crate::config::{BrokerSpec, Endpoints, environment_of};
use crate::domain::text::sanitize;
use crate::domain::{AccountId, BrokerId, Environment, LinkId, Mono};

/// One run of the linking flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId(pub u64);

/// Text that may be shown to the person who causes it but never logged or recorded: an authorize URL, a pasted
/// redirect URL. `Debug` and `Serialize` are redacted.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Sensitive(Arc<str>);

impl Sensitive {
    /// Wraps the text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself; for the screen and for the parser, nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sensitive({} bytes)", self.0.len())
    }
}

impl Serialize for Sensitive {
    /// Query values become `…`, so that a replay shows the same shape and no secret.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.redacted())
    }
}

impl Sensitive {
    /// The text with every query value replaced by `…`; of anything that is not a URL only the length stays.
    pub fn redacted(&self) -> String {
        match self.0.split_once('?') {
            Some((head, query)) if head.starts_with("http") => {
                let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
                let pairs: Vec<String> = names.map(|name| format!("{name}=…")).collect();
                format!("{head}?{}", pairs.join("&"))
            }
            _ => "•".repeat(self.0.chars().count()),
        }
    }
}

/// A linked account as it is remembered; the token is kept apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRecord {
    /// Our key of it.
    pub id: LinkId,
    /// The broker it was linked through.
    pub broker: BrokerId,
    /// Paper or live.
    pub environment: Environment,
    /// The broker's id of the account.
    pub account_id: AccountId,
    /// The number a person knows it by.
    pub account_number: Arc<str>,
    /// The owner's name for it; unique among links.
    pub label: Arc<str>,
    /// What the token may do, as granted.
    pub scopes: Vec<Arc<str>>,
    /// When it was linked.
    pub linked_at: Timestamp,
    /// Who granted the token and where it may be sent; `None` in a record of an earlier version.
    #[serde(default)]
    pub grantor: Option<Grantor>,
}

/// Who granted a token, and the only places it is ever sent to, as configured when it was granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grantor {
    /// The origin of the token endpoint.
    pub issuer: Arc<str>,
    /// The origins of REST and of the order stream.
    pub origins: Vec<Arc<str>>,
}

impl Grantor {
    /// What a token that this broker grants now is bound to.
    pub fn of(spec: &BrokerSpec, environment: Environment) -> Option<Self> {
        let endpoints = spec.endpoints(environment)?;
        Some(Self { issuer: origin(&spec.token_url), origins: origins(endpoints).into() })
    }
}

fn origins(endpoints: &Endpoints) -> [Arc<str>; 2] {
    [origin(&endpoints.api_url), origin(&endpoints.stream_url)]
}

fn origin(url: &Url) -> Arc<str> {
    Arc::from(url.origin().ascii_serialization())
}

impl LinkRecord {
    /// Whether the token may be sent to where the configuration says the account is now.
    ///
    /// # Errors
    /// What the configuration says that the token was not granted for.
    pub fn may_reach(&self, endpoints: &Endpoints) -> Result<(), String> {
        let Some(grantor) = &self.grantor else {
            // Before this was remembered, only Alpaca's own addresses could not be changed.
            let own = [&endpoints.api_url, &endpoints.stream_url].map(environment_of);
            let fixed = own.iter().all(|known| *known == Some(self.environment));
            return if fixed { Ok(()) } else { Err("an address not recorded with the link".to_owned()) };
        };
        match origins(endpoints).into_iter().find(|origin| !grantor.origins.contains(origin)) {
            None => Ok(()),
            Some(foreign) => Err(sanitize(&foreign)),
        }
    }

    /// True when this broker, as configured now, is the one that granted the token.
    pub fn is_granted_by(&self, spec: &BrokerSpec) -> bool {
        self.grantor.as_ref().is_some_and(|grantor| grantor.issuer == origin(&spec.token_url))
    }

    /// True when the grant includes the scope.
    pub fn allows(&self, scope: &str) -> bool {
        self.scopes.iter().any(|granted| &**granted == scope)
    }
}

/// An account the new token reaches, shown before anything is saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundAccount {
    /// Paper or live: the host that answered.
    pub environment: Environment,
    /// The broker's id of the account.
    pub account_id: AccountId,
    /// The number a person knows it by.
    pub account_number: Arc<str>,
    /// `ACTIVE` and others.
    pub status: Arc<str>,
    /// The link whose token it would replace, when this account is linked already.
    pub replaces: Option<LinkId>,
    /// True when its number is one of the other environment: Alpaca's paper numbers begin with `PA`, and no live one does.
    #[serde(default)]
    pub odd_number: bool,
}

impl FoundAccount {
    /// True when saving it takes the LIVE key: it is live, or may be.
    pub fn needs_live_key(&self) -> bool {
        self.environment == Environment::Live || self.odd_number
    }

    /// Why a paper account takes the LIVE key, or a live one is not what it seems; `None` when number and environment agree.
    pub fn doubt(&self) -> Option<&'static str> {
        match (self.odd_number, self.environment) {
            (false, _) => None,
            (true, Environment::Paper) => {
                Some("Its number does not begin with PA as Alpaca's paper numbers do: it may be real money.")
            }
            (true, Environment::Live) => {
                Some("Its number begins with PA as Alpaca's paper numbers do: it may not be a live account.")
            }
        }
    }
}

/// Why a callback was answered 4xx while the attempt goes on (docs/DESIGN.md 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RedirectNote {
    /// The browser, or someone else, came back without this attempt's `state`.
    WrongState,
    /// Something was pasted that is not a redirect URL.
    NotARedirect,
    /// The beginning of a redirect URL was pasted; the rest is waited for.
    Incomplete,
}

/// Why an attempt ended without a link. Each has a sentence and a next key (docs/DESIGN.md 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkFailure {
    /// The user pressed Deny.
    Denied {
        /// The broker's words, sanitised.
        description: Option<String>,
    },
    /// Another OAuth error came back with the right state.
    AuthorizeError {
        /// The error code.
        error: String,
        /// The broker's words, sanitised.
        description: Option<String>,
    },
    /// Nobody came back in time.
    TimedOut,
    /// No registered port is free.
    PortsTaken {
        /// The ports tried.
        ports: Vec<u16>,
    },
    /// The configuration has no usable OAuth client.
    NotConfigured {
        /// What is missing.
        message: String,
    },
    /// The token endpoint does not know the client or its secret.
    BadClient {
        /// The broker's words.
        message: String,
    },
    /// The code was refused: used, expired, or for another redirect URI.
    BadCode {
        /// The broker's words.
        message: String,
    },
    /// No connection to the token endpoint or the account.
    Network {
        /// What failed.
        message: String,
    },
    /// The token works, but not in the environment that was asked for.
    WrongEnvironment {
        /// What was asked for.
        wanted: Environment,
        /// The broker's words.
        message: String,
    },
    /// One account answers as paper and as live, so one of the addresses is wrong.
    SameAccount {
        /// Its number.
        number: Arc<str>,
    },
    /// Any other answer of the broker.
    Broker {
        /// The broker's words.
        message: String,
    },
    /// The token or the link could not be kept.
    Store {
        /// What failed, with the file that did.
        message: String,
        /// What mends it.
        cure: String,
    },
    /// The user gave up.
    Canceled,
}

impl LinkFailure {
    /// What went wrong and what to do next, two sentences without a stop; the broker's words are sanitised already.
    /// Keys stand in the second by name, `{failed.retry}`: the screen knows which they are.
    pub fn sentence(&self) -> (String, String) {
        let again = "{failed.retry} tries again".to_owned();
        match self {
            Self::Denied { description } => (
                format!("access was denied{}", with(description.as_deref())),
                "{failed.retry} opens the consent page again; press Allow there".to_owned(),
            ),
            Self::AuthorizeError { error, description } => (
                format!("the consent page answered {error}{}", with(description.as_deref())),
                "check client_id, redirect_uris and scopes under [oauth] in the configuration, then {failed.retry}"
                    .to_owned(),
            ),
            Self::TimedOut => ("the browser did not return in time".to_owned(), again),
            Self::PortsTaken { ports } => {
                let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
                (
                    format!("another program is using callback port {}", ports.join(", ")),
                    "end that program, or register another redirect URI and add it to redirect_uris, then {failed.retry}"
                        .to_owned(),
                )
            }
            Self::NotConfigured { message } => {
                (message.clone(), "fill in the configuration and start again".to_owned())
            }
            Self::BadClient { message } => (
                format!("the broker does not know this OAuth client or its secret: {message}"),
                "check client_id and client_secret under [oauth], then {failed.retry}".to_owned(),
            ),
            Self::BadCode { message } => (
                format!("the broker refused the code: {message}"),
                "a code works once and for ten minutes at most; {failed.retry} asks for a new one".to_owned(),
            ),
            Self::Network { message } => (format!("no connection: {message}"), again),
            Self::WrongEnvironment { wanted, message } => (
                format!("the token does not work for {} accounts: {message}", wanted.word()),
                format!("on the consent page choose a {} account; {{failed.retry}} tries again", wanted.word()),
            ),
            Self::SameAccount { number } => (
                format!("account {number} answers as both PAPER and LIVE, and cannot be both"),
                "correct api_url and environment of the broker in the configuration and start again".to_owned(),
            ),
            Self::Broker { message } => (format!("the broker answered: {message}"), again),
            Self::Store { message, cure } => (
                // Which of the two it was, and which file, the message says.
                message.clone(),
                format!("{cure}; {{failed.retry}} tries again"),
            ),
            Self::Canceled => ("linking was stopped".to_owned(), again),
        }
    }
}

fn with(description: Option<&str>) -> String {
    description.map(|words| format!(": {words}")).unwrap_or_default()
}

/// What the shell reports of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkProgress {
    /// The port is bound; the browser may come.
    Waiting {
        /// Where to go.
        authorize_url: Sensitive,
        /// The bound port; `None` when no port could be bound and only pasting works.
        port: Option<u16>,
        /// When the attempt ends.
        deadline: Mono,
        /// Whether a browser was started, or why not.
        browser: Result<(), String>,
    },
    /// Something came back that does not count; the attempt goes on.
    Note(RedirectNote),
    /// The right callback came; the code is being exchanged.
    Exchanging,
    /// The token was granted; these accounts answer to it. Asks whether to save.
    Confirm {
        /// One, or two when one consent covers both environments.
        accounts: Vec<FoundAccount>,
        /// What was granted.
        scopes: Vec<Arc<str>>,
    },
    /// Stored.
    Saved {
        /// The new or renewed links.
        links: Vec<LinkRecord>,
        /// Where the token lives, as a sentence shown once.
        stored_in: String,
    },
    /// Over without a link.
    Failed(LinkFailure),
}
