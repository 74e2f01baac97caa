//! Revokes tokens that are no longer used (unlinked, replaced, declined), if the broker lets programs do that.
//!
//! Invariant: a token is sent only to the server that granted it, and with `--read-only` to none.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::{Setup, secret};
use crate::broker::alpaca::oauth;
use crate::config::BrokerSpec;
use crate::domain::LinkId;
use crate::io::accounts::tls_for;
use crate::io::links::LinksError;
use crate::io::tokens::StoreError;

/// Time limit of a revocation, which is only a courtesy: the longest that declining the link can take
/// (docs/LINKING.md 5).
const LIMIT: Duration = Duration::from_secs(4);

/// What is left where a program cannot revoke a grant.
pub(super) const BY_HAND: &str =
    "to revoke the grant itself, use the list of authorized apps in the broker's dashboard";

/// What became of an unused grant.
pub(super) enum Ended {
    /// The broker revoked it.
    Revoked,
    /// The broker offers no revocation to programs.
    ByHand,
    /// Not revoked because of `--read-only`.
    ReadOnly,
    /// Another link uses the same token.
    Shared(String),
    /// The revocation failed.
    Failed(String),
}

/// Why a link could not be forgotten, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StillLinked {
    /// What failed, with the file.
    pub message: String,
    /// What the user can do about it.
    pub hint: String,
}

impl StillLinked {
    fn said_of(self, label: &str) -> Self {
        Self { message: format!("{label} is still linked: {}", self.message), ..self }
    }
}

impl From<StoreError> for StillLinked {
    fn from(error: StoreError) -> Self {
        Self { message: error.to_string(), hint: error.hint() }
    }
}

impl From<LinksError> for StillLinked {
    fn from(error: LinksError) -> Self {
        Self { message: error.to_string(), hint: error.hint() }
    }
}

/// Forgets a link and its token, reports that, and says what became of the grant.
///
/// # Errors
/// When the token and the link are still there.
pub(super) async fn unlink(setup: &Setup, link: &LinkId, forgotten: impl FnOnce()) -> Result<String, StillLinked> {
    let links = setup.links.list().await?.links;
    let record = links.iter().find(|record| record.id == *link);
    let label = record.map_or(link.as_str(), |record| &record.label).to_owned();
    let token = forget(setup, link).await.map_err(|error| error.said_of(&label))?;
    forgotten();
    let (Some(token), Some(record)) = (token, record) else {
        return Ok(format!("{label} is unlinked; {BY_HAND}"));
    };
    // A token of a server that is no longer configured is not sent to its replacement.
    let spec = setup.spec(&record.broker).filter(|spec| record.is_granted_by(spec));
    let ended = match spec {
        Some(spec) => end(setup, spec, &token).await,
        None => Ended::ByHand,
    };
    Ok(match ended {
        Ended::Revoked => format!("{label} is unlinked, its token forgotten and the grant revoked"),
        Ended::ByHand => format!("{label} is unlinked and its token forgotten; {BY_HAND}"),
        Ended::ReadOnly => {
            format!("{label} is unlinked and its token forgotten, but not revoked, because of --read-only; {BY_HAND}")
        }
        Ended::Shared(other) => format!("{label} is unlinked; its grant stays valid, because {other} also uses it"),
        Ended::Failed(error) => format!("{label} is unlinked and its token forgotten, but {error}; {BY_HAND}"),
    })
}

/// Revokes a token that was granted and not saved. Returns the outcome as a sentence, and whether the token stays valid;
/// `None` for the demo's own brokerage, which ends with it.
pub(super) async fn decline(setup: &Setup, spec: &BrokerSpec, token: &SecretString) -> Option<(String, bool)> {
    let ended = try_to_end(setup, spec, token).await;
    if setup.may_approve {
        return None;
    }
    let (name, is_valid) = (&spec.name, !matches!(ended, Ended::Revoked | Ended::Shared(_)));
    let sentence = match ended {
        Ended::Revoked => format!("nothing was saved, and the token from {name} is revoked"),
        Ended::ByHand => format!("nothing was saved, but the token from {name} stays valid; {BY_HAND}"),
        Ended::ReadOnly => {
            format!("nothing was saved, but the token from {name} stays valid, because of --read-only; {BY_HAND}")
        }
        Ended::Shared(label) => {
            format!("nothing was saved; the token from {name} stays valid, because {label} uses it")
        }
        Ended::Failed(error) => {
            format!("nothing was saved, but the token from {name} stays valid: {error}; {BY_HAND}")
        }
    };
    if is_valid {
        tracing::warn!("{sentence}");
    } else {
        tracing::info!("{sentence}");
    }
    Some((sentence, is_valid))
}

/// What is said of an attempt that ended before it was known what became of its token.
pub(super) fn cut_short(spec: &BrokerSpec) -> String {
    format!("linking was cut short, and a token from {} may stay valid; {BY_HAND}", spec.name)
}

/// Forgets a token and its link, or neither; returns the token, if there was one.
async fn forget(setup: &Setup, link: &LinkId) -> Result<Option<SecretString>, StillLinked> {
    // It may be in a store that does not answer now, where it would be left behind.
    let token = setup.tokens.get(link).await?;
    let removal = setup.links.removing(link).await?;
    setup.tokens.remove(link).await?;
    if let Err(error) = removal.commit().await {
        let mut still = StillLinked::from(error);
        if let Some(token) = &token
            && let Err(lost) = setup.tokens.put(link, token).await
        {
            still.message.push_str(&format!("; but it no longer has a token: {lost}"));
        }
        return Err(still);
    }
    Ok(token)
}

/// Revokes a token that this broker granted, unless another link uses it, and logs what became of it.
pub(super) async fn end(setup: &Setup, spec: &BrokerSpec, token: &SecretString) -> Ended {
    let ended = try_to_end(setup, spec, token).await;
    let broker = &spec.id;
    match &ended {
        Ended::Revoked => tracing::info!(%broker, "an unused token is revoked"),
        Ended::ByHand => tracing::warn!(%broker, "an unused token stays valid: the broker revokes none for programs"),
        Ended::ReadOnly => tracing::warn!(%broker, "an unused token stays valid, because of --read-only"),
        Ended::Shared(label) => tracing::info!(%broker, "a token is not revoked, because {label} also uses it"),
        Ended::Failed(error) => tracing::warn!(%broker, "an unused token stays valid: {error}"),
    }
    ended
}

async fn try_to_end(setup: &Setup, spec: &BrokerSpec, token: &SecretString) -> Ended {
    if spec.revoke_url.is_none() {
        return Ended::ByHand;
    }
    let links = match setup.links.list().await {
        Ok(listed) => listed.links,
        // A token must not be revoked unless it is known to be unused.
        Err(error) => return Ended::Failed(format!("the grant could not be revoked: {error}")),
    };
    for link in links {
        match setup.tokens.get(&link.id).await {
            Ok(Some(same)) if same.expose_secret() == token.expose_secret() => {
                return Ended::Shared(link.label.to_string());
            }
            Ok(_) => {}
            Err(error) => return Ended::Failed(format!("the grant could not be revoked: {error}")),
        }
    }
    if setup.read_only {
        return Ended::ReadOnly;
    }
    match tokio::time::timeout(LIMIT, revoke(setup, spec, token)).await {
        Ok(Ok(())) => Ended::Revoked,
        Ok(Err(error)) => Ended::Failed(format!("the grant could not be revoked: {error}")),
        Err(_) => {
            Ended::Failed(format!("the grant could not be revoked: no answer within {} seconds", LIMIT.as_secs()))
        }
    }
}

async fn revoke(setup: &Setup, spec: &BrokerSpec, token: &SecretString) -> Result<(), String> {
    let Some(url) = &spec.revoke_url else { return Err("the broker offers no revocation".to_owned()) };
    let client_id = spec.client_id.as_deref().unwrap_or_default();
    let tls = tls_for(spec).map_err(|error| error.to_string())?;
    let secret = secret::resolve(&spec.client_secret, &setup.programs).await?;
    oauth::revoke(&tls, url, client_id, secret.as_ref(), token).await.map_err(|error| error.to_string())
}
