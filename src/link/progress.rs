//! The public side of a linking attempt: plain data without secrets.
//!
//! The secrets of an attempt (`state`, verifier, code, token) stay in the shell's task. Model, messages and recordings
//! contain only what is defined here.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use url::Url;

use crate::config::{BrokerSpec, Endpoints, environment_of};
use crate::domain::text::sanitize;
use crate::domain::{Account, AccountId, BrokerId, Environment, LinkId, Mono};

/// The number of a linking attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId(pub u64);

/// Text that may be shown to the user who caused it, but not logged or recorded: an authorize URL, a pasted redirect
/// URL. `Debug` and `Serialize` are redacted.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Sensitive(Arc<str>);

impl Sensitive {
    /// Wraps the text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the screen and the parser only.
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
    /// Query values become `…`, so that a replay has the same shape without secrets.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.redacted())
    }
}

impl Sensitive {
    /// The text with every query value replaced by `…`; of anything but a URL only the length is kept.
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

/// A linked account as stored; the token is stored separately.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRecord {
    /// Our id of the link.
    pub id: LinkId,
    /// The broker it was linked through.
    pub broker: BrokerId,
    /// Paper or live.
    pub environment: Environment,
    /// The broker's id of the account.
    pub account_id: AccountId,
    /// The account number, as shown to people.
    pub account_number: Arc<str>,
    /// The user's label; unique among links.
    pub label: Arc<str>,
    /// The granted scopes.
    pub scopes: Vec<Arc<str>>,
    /// When it was linked.
    pub linked_at: Timestamp,
    /// Who granted the token and where it may be sent; `None` in records of an earlier version.
    #[serde(default)]
    pub grantor: Option<Grantor>,
}

/// Who granted a token, and the only places it is sent to, as configured at that time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grantor {
    /// The origin of the token endpoint.
    pub issuer: Arc<str>,
    /// The origins of REST and of the order stream.
    pub origins: Vec<Arc<str>>,
    /// The origin of the revocation endpoint, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoker: Option<Arc<str>>,
}

impl Grantor {
    /// The grantor recorded for a token granted by this broker now.
    pub fn of(spec: &BrokerSpec, environment: Environment) -> Option<Self> {
        let endpoints = spec.endpoints(environment)?;
        let revoker = spec.revoke_url.as_ref().map(origin);
        Some(Self { issuer: origin(&spec.token_url), origins: origins(endpoints).into(), revoker })
    }
}

fn origins(endpoints: &Endpoints) -> [Arc<str>; 2] {
    [origin(&endpoints.api_url), origin(&endpoints.stream_url)]
}

fn origin(url: &Url) -> Arc<str> {
    Arc::from(url.origin().ascii_serialization())
}

impl LinkRecord {
    /// Whether the token may be sent to these endpoints.
    ///
    /// # Errors
    /// The endpoint that the token was not granted for.
    pub fn may_reach(&self, endpoints: &Endpoints) -> Result<(), String> {
        let Some(grantor) = &self.grantor else {
            // Before grantors were stored, only Alpaca's own addresses were fixed.
            let own = [&endpoints.api_url, &endpoints.stream_url].map(environment_of);
            let fixed = own.iter().all(|known| *known == Some(self.environment));
            return if fixed { Ok(()) } else { Err("an address not recorded with the link".to_owned()) };
        };
        match origins(endpoints).into_iter().find(|origin| !grantor.origins.contains(origin)) {
            None => Ok(()),
            Some(foreign) => Err(sanitize(&foreign)),
        }
    }

    /// Whether this broker, as configured now, is the one that granted the token, and revokes at an address recorded with the grant.
    pub fn is_granted_by(&self, spec: &BrokerSpec) -> bool {
        let Some(grantor) = &self.grantor else { return false };
        let known = |revoker: &Arc<str>| *revoker == grantor.issuer || grantor.revoker.as_ref() == Some(revoker);
        grantor.issuer == origin(&spec.token_url) && spec.revoke_url.as_ref().map(origin).as_ref().is_none_or(known)
    }

    /// The name of the account that answered in place of the linked one; `None` for the linked one.
    pub fn another(&self, answered: &Account) -> Option<String> {
        (!answered.is_linked(&self.account_id)).then(|| sanitize(answered.known_as()))
    }

    /// Whether the grant includes the scope.
    pub fn allows(&self, scope: &str) -> bool {
        self.scopes.iter().any(|granted| &**granted == scope)
    }
}

/// An account that the new token reaches, shown before anything is saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundAccount {
    /// The environment of the host that answered.
    pub environment: Environment,
    /// The broker's id of the account.
    pub account_id: AccountId,
    /// The account number, as shown to people.
    pub account_number: Arc<str>,
    /// The broker's status, such as `ACTIVE`.
    pub status: Arc<str>,
    /// The link whose token is replaced, when this account is already linked.
    pub replaces: Option<LinkId>,
    /// Whether its number belongs to the other environment: Alpaca's paper numbers start with `PA`, live ones do not.
    #[serde(default)]
    pub odd_number: bool,
}

impl FoundAccount {
    /// Whether saving it needs the LIVE key: it is live, or may be.
    pub fn needs_live_key(&self) -> bool {
        self.environment == Environment::Live || self.odd_number
    }

    /// Why a paper account needs the LIVE key, or a live one is suspicious; `None` when number and environment agree.
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

/// Why a redirect was ignored while the attempt goes on (docs/DESIGN.md 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RedirectNote {
    /// A redirect without this attempt's `state`.
    WrongState,
    /// Something was pasted that is not a redirect URL.
    NotARedirect,
    /// The start of a redirect URL was pasted; the rest is expected.
    Incomplete,
}

/// Why an attempt ended without a link. Each has a sentence and a next key (docs/DESIGN.md 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkFailure {
    /// The user pressed Deny.
    Denied {
        /// The broker's text, sanitised.
        description: Option<String>,
    },
    /// Another OAuth error came back with the right state.
    AuthorizeError {
        /// The error code.
        error: String,
        /// The broker's text, sanitised.
        description: Option<String>,
    },
    /// The browser did not return in time.
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
        /// The broker's text.
        message: String,
    },
    /// The code was refused: used, expired, or for another redirect URI.
    BadCode {
        /// The broker's text.
        message: String,
    },
    /// No connection to the token endpoint or the account.
    Network {
        /// What failed.
        message: String,
    },
    /// The token works, but not in the requested environment.
    WrongEnvironment {
        /// The requested environment.
        wanted: Environment,
        /// The broker's text.
        message: String,
    },
    /// One account answers as both paper and live, so one of the addresses is wrong.
    SameAccount { number: Arc<str> },
    /// Any other error of the broker.
    Broker {
        /// The broker's text.
        message: String,
    },
    /// The token or the link could not be stored.
    Store {
        /// What failed, with the file.
        message: String,
        /// How to fix it.
        hint: String,
    },
    /// The user canceled.
    Canceled,
}

impl LinkFailure {
    /// What went wrong and what to do next, two sentences without a full stop; the broker's text is sanitised. Keys in
    /// the second are names, as in `{failed.retry}`, to be replaced by the screen.
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
            Self::Store { message, hint } => (
                // The message says which of the two failed, and which file.
                message.clone(),
                format!("{hint}; {{failed.retry}} tries again"),
            ),
            Self::Canceled => ("linking was stopped".to_owned(), again),
        }
    }
}

fn with(description: Option<&str>) -> String {
    description.map(|words| format!(": {words}")).unwrap_or_default()
}

/// The progress of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkProgress {
    /// The port is bound, and the attempt waits for the browser.
    Waiting {
        /// The authorize URL.
        authorize_url: Sensitive,
        /// The bound port; `None` when none is free and only pasting works.
        port: Option<u16>,
        /// When the attempt times out.
        deadline: Mono,
        /// Whether a browser was opened, or why not.
        browser: Result<(), String>,
    },
    /// A redirect was ignored; the attempt goes on.
    Note(RedirectNote),
    /// The right redirect came; the code is being exchanged.
    Exchanging,
    /// The token was granted and reaches these accounts. Asks whether to save.
    Confirm {
        /// One account, or two when one consent covers both environments.
        accounts: Vec<FoundAccount>,
        /// The granted scopes.
        scopes: Vec<Arc<str>>,
    },
    /// Links and tokens are stored.
    Saved {
        /// The new or replaced links.
        links: Vec<LinkRecord>,
        /// Where the token is stored, as a sentence.
        stored_in: String,
    },
    /// Ended without a link.
    Failed(LinkFailure),
    /// What became of a token that was granted and not saved; comes after the end.
    Unsaved {
        /// A sentence, with what to do where the token stays valid.
        sentence: String,
        /// It is not revoked, or may not be.
        is_valid: bool,
    },
}
