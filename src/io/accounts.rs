//! Access to the linked accounts: broker, endpoints, token.

use std::sync::Arc;

use secrecy::SecretString;
use thiserror::Error;

use super::links::{Links, LinksError};
use super::tokens::{StoreError, Tokens};
use crate::broker::alpaca::rest::Client;
use crate::broker::alpaca::stream::StreamTarget;
use crate::broker::tls;
use crate::config::{BrokerSpec, Endpoints, plain};
use crate::link::LinkRecord;
use crate::session::RequestError;

/// Why an account cannot be accessed.
#[derive(Debug, Error)]
pub enum AccessError {
    /// The broker it was linked through is no longer configured.
    #[error("{label} was linked through {broker}, which is not configured")]
    NoBroker {
        /// The link's label.
        label: String,
        /// The broker's id.
        broker: String,
    },
    /// There is no token for it.
    #[error("{label} no longer has a token")]
    NoToken {
        /// The link's label.
        label: String,
    },
    /// The configured address differs from the one its token was granted for.
    #[error("{label} is now configured at {place}, which its token was not issued for")]
    Moved {
        /// The link's label.
        label: String,
        /// The origin that the token was not granted for.
        place: String,
    },
    /// The token belongs to a different account from the one linked.
    #[error("{label} is a different account from the one linked: {number} answers")]
    Other {
        /// The link's label.
        label: String,
        /// The number of the account that answered.
        number: String,
    },
    /// The account's identity could not be checked.
    #[error("{label}: {error}")]
    Unasked {
        /// The link's label.
        label: String,
        /// The error of the request.
        error: RequestError,
    },
    /// The token store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The list of links failed.
    #[error(transparent)]
    Links(#[from] LinksError),
    /// The certificate authority or the HTTP client could not be set up.
    #[error("{0}")]
    Setup(String),
    /// The client could not be created.
    #[error(transparent)]
    Client(#[from] RequestError),
}

/// Everything needed to access linked accounts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AccountAccess {
    /// Every broker that can be linked.
    pub specs: Arc<Vec<BrokerSpec>>,
    pub links: Arc<Links>,
    pub tokens: Arc<Tokens>,
    /// `--read-only`: nothing is changed at a broker.
    pub read_only: bool,
}

#[cfg(test)]
impl AccountAccess {
    /// No broker and no link, with stores in memory.
    pub(crate) fn none() -> Self {
        Self {
            specs: Arc::new(Vec::new()),
            links: Arc::new(Links::memory()),
            tokens: Arc::new(Tokens::memory()),
            read_only: false,
        }
    }
}

/// Access to one account.
#[derive(Debug)]
pub struct Access {
    /// The REST client.
    pub client: Client,
    /// The stream's addresses.
    pub target: StreamTarget,
    pub token: SecretString,
}

impl AccountAccess {
    /// Returns the access to an account.
    ///
    /// # Errors
    /// When its broker or its token is missing, or the store fails.
    pub async fn access(&self, link: &LinkRecord) -> Result<Access, AccessError> {
        let no_broker = || AccessError::NoBroker { label: link.label.to_string(), broker: link.broker.to_string() };
        let spec = self.specs.iter().find(|spec| spec.id == link.broker).ok_or_else(no_broker)?;
        let endpoints: &Endpoints = spec.endpoints(link.environment).ok_or_else(no_broker)?;
        let moved = |place| AccessError::Moved { label: link.label.to_string(), place };
        link.may_reach(endpoints).map_err(moved)?;
        let token = self.tokens.get(&link.id).await?;
        let token = token.ok_or_else(|| AccessError::NoToken { label: link.label.to_string() })?;
        let tls = tls_for(spec)?;
        let mut client = Client::new(endpoints, token.clone(), &tls)?;
        if self.read_only {
            client = client.reading_only();
        }
        let target = StreamTarget { stream_url: endpoints.stream_url.clone(), api_url: endpoints.api_url.clone(), tls };
        Ok(Access { client, target, token })
    }

    /// [`Self::access`] for single requests; also checks that the account is the one linked. Sessions check that
    /// themselves.
    ///
    /// # Errors
    /// Also when a different account answers, or none.
    pub async fn verified(&self, link: &LinkRecord) -> Result<Access, AccessError> {
        let access = self.access(link).await?;
        let label = link.label.to_string();
        match access.client.account().await {
            Ok((account, _)) => match link.another(&account) {
                None => Ok(access),
                Some(number) => Err(AccessError::Other { label, number }),
            },
            Err(error) => Err(AccessError::Unasked { label, error }),
        }
    }
}

/// The TLS configuration of a broker, with its own certificate authority if it has one.
///
/// # Errors
/// When the authority's file cannot be read or parsed.
pub fn tls_for(spec: &BrokerSpec) -> Result<Arc<rustls::ClientConfig>, AccessError> {
    let pem = match &spec.ca_file {
        Some(path) => {
            // Without the value: a mistake may have put a secret there.
            let unread = |error| {
                AccessError::Setup(format!(
                    "ca_file cannot be read: {error}; it is a path, relative to the folder of the configuration"
                ))
            };
            Some(plain(path).and_then(|()| std::fs::read(path)).map_err(unread)?)
        }
        None => None,
    };
    tls::client_config(pem.as_deref()).map_err(AccessError::Setup)
}
