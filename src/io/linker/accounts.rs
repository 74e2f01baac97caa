//! Finds the accounts that a new token reaches, and stores the token for them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use secrecy::{ExposeSecret, SecretString};

use super::Setup;
use super::revoke::{self, Ended};
use crate::broker::alpaca::rest::Client;
use crate::config::{BrokerSpec, Endpoints, environment_of};
use crate::domain::text::sanitize_to;
use crate::domain::{Account, AccountId, Environment, LinkId};
use crate::io::links::LinksError;
use crate::io::tokens::StoreError;
use crate::link::label::{default_label, unique};
use crate::link::{FoundAccount, Grantor, LinkFailure, LinkProgress, LinkRecord};
use crate::session::{RequestError, RequestErrorKind};

/// Longest account number or status that is kept, in characters.
const LONGEST: usize = 64;
/// How often an environment is asked when the network fails; giving up would lose a granted token.
const TRIES: u32 = 3;
/// Pause before asking again.
const PAUSE: Duration = Duration::from_millis(500);

/// A granted token that is not stored yet.
pub(super) struct Fresh {
    pub(super) token: SecretString,
    pub(super) scopes: Vec<Arc<str>>,
    pub(super) accounts: Vec<FoundAccount>,
}

/// Fetches the account of every requested environment, and of no other (docs/ALPACA.md 2.6).
pub(super) async fn find(
    setup: &Setup,
    spec: &BrokerSpec,
    token: &SecretString,
    tls: &Arc<rustls::ClientConfig>,
) -> Result<Vec<FoundAccount>, LinkFailure> {
    let links = setup.links.list().await.map_err(|error| of_links(&error))?.links;
    let answers = join_all(spec.endpoints.iter().map(|endpoints| ask(endpoints, token, tls))).await;
    let (mut found, mut uncovered) = (Vec::new(), None);
    for (endpoints, answer) in spec.endpoints.iter().zip(answers) {
        match answer {
            Ok(account) => found.push(describe(setup, spec, endpoints, &account, &links)),
            Err(error) if matches!(error.kind, RequestErrorKind::Unauthorized | RequestErrorKind::Forbidden) => {
                uncovered.get_or_insert((endpoints.environment, error));
            }
            Err(error) => return Err(failure(&error)),
        }
    }
    if let Some(number) = both_kinds(&found, &links) {
        return Err(LinkFailure::SameAccount { number });
    }
    match (found.is_empty(), uncovered) {
        (true, Some((wanted, error))) => Err(LinkFailure::WrongEnvironment { wanted, message: words(&error) }),
        (true, None) => Err(LinkFailure::NotConfigured { message: "the broker has no endpoints".to_owned() }),
        (false, _) => Ok(found),
    }
}

/// The number of an account that answers as both paper and live: in this grant, or in it and an existing link.
fn both_kinds(found: &[FoundAccount], links: &[LinkRecord]) -> Option<Arc<str>> {
    let is_same = |account: &FoundAccount, environment, id: &AccountId, number: &str| {
        account.environment != environment && (account.account_id == *id || *account.account_number == *number)
    };
    let twice = found.iter().find(|account| {
        let other =
            |other: &FoundAccount| is_same(account, other.environment, &other.account_id, &other.account_number);
        let linked = |link: &LinkRecord| is_same(account, link.environment, &link.account_id, &link.account_number);
        found.iter().any(other) || links.iter().any(linked)
    });
    twice.map(|account| Arc::clone(&account.account_number))
}

/// Stores the token and the links, with these labels where given.
///
/// Must not be canceled: a token without its link could never be found again.
pub(super) async fn save(
    setup: &Setup,
    spec: &BrokerSpec,
    fresh: &Fresh,
    labels: &[String],
) -> Result<LinkProgress, LinkFailure> {
    let known = setup.links.list().await.map_err(|error| of_links(&error))?.links;
    let mut records: Vec<LinkRecord> = Vec::new();
    for (at, account) in fresh.accounts.iter().enumerate() {
        let old = account.replaces.as_ref().and_then(|id| known.iter().find(|link| link.id == *id));
        let others = known.iter().filter(|link| Some(&link.id) != old.map(|old| &old.id)).chain(&records);
        let taken: Vec<Arc<str>> = others.map(|link| Arc::clone(&link.label)).collect();
        let taken = taken.iter().map(|label| &**label);
        let wanted = labels.get(at).map(|label| sanitize_to(label.trim(), LONGEST)).filter(|label| !label.is_empty());
        let label = match (wanted, old) {
            (Some(wanted), _) => unique(&wanted, taken),
            (None, Some(old)) => old.label.to_string(),
            (None, None) => default_label(&spec.name, account.environment, spec.endpoints.len() > 1, taken),
        };
        records.push(LinkRecord {
            id: old.map_or_else(|| new_id(spec, account), |old| old.id.clone()),
            broker: old.map_or_else(|| spec.id.clone(), |old| old.broker.clone()),
            environment: account.environment,
            account_id: account.account_id.clone(),
            account_number: Arc::clone(&account.account_number),
            label: Arc::from(label),
            scopes: fresh.scopes.clone(),
            linked_at: setup.clock.now().wall,
            grantor: Grantor::of(spec, account.environment),
        });
    }
    let before = before(setup, &known, &records).await;
    let mut stored_in = setup.tokens.location().await.map_err(|error| of_tokens(&error))?;
    if let Err(failure) = store_all(setup, fresh, &records).await {
        let left = withdraw(setup, &records, &before).await;
        return Err(if let LinkFailure::Store { message, hint } = failure {
            LinkFailure::Store { message: format!("{message}{left}"), hint }
        } else {
            failure
        });
    }
    for (record, token) in &replaced(before) {
        let Some(spec) = setup.spec(&record.broker).filter(|spec| record.is_granted_by(spec)) else { continue };
        match revoke::end(setup, spec, token).await {
            Ended::Revoked => stored_in.push_str("; the previous token is revoked"),
            Ended::Failed(error) => stored_in.push_str(&format!("; the previous token: {error}")),
            Ended::ReadOnly => stored_in.push_str("; the previous token is not revoked, because of --read-only"),
            Ended::ByHand | Ended::Shared(_) => {}
        }
    }
    Ok(LinkProgress::Saved { links: records, stored_in })
}

/// Stores the token for each record, then the records, once only the final rename is left.
async fn store_all(setup: &Setup, fresh: &Fresh, records: &[LinkRecord]) -> Result<(), LinkFailure> {
    let listing = setup.links.putting(records.to_vec()).await.map_err(|error| of_links(&error))?;
    for record in records {
        setup.tokens.put(&record.id, &fresh.token).await.map_err(|error| of_tokens(&error))?;
    }
    listing.commit().await.map_err(|error| of_links(&error))
}

/// Checks that a grant could be stored, before the user is asked for one.
pub(super) async fn prove(setup: &Setup) -> Result<(), LinkFailure> {
    setup.tokens.prove().await.map_err(|error| of_tokens(&error))?;
    setup.links.prove().await.map_err(|error| of_links(&error))
}

fn of_tokens(error: &StoreError) -> LinkFailure {
    LinkFailure::Store { message: format!("the token cannot be stored: {error}"), hint: error.hint() }
}

fn of_links(error: &LinksError) -> LinkFailure {
    LinkFailure::Store { message: format!("the list of links cannot be used: {error}"), hint: error.hint() }
}

/// The tokens of known links before their replacement; `None` for one that cannot be read.
type Before<'a> = Vec<(&'a LinkRecord, Option<Option<SecretString>>)>;

async fn before<'a>(setup: &Setup, known: &'a [LinkRecord], records: &[LinkRecord]) -> Before<'a> {
    let mut before = Vec::new();
    for link in known.iter().filter(|link| records.iter().any(|record| record.id == link.id)) {
        before.push((link, setup.tokens.get(&link.id).await.ok()));
    }
    before
}

/// Puts everything back as it was before: forgets the tokens of new links and restores those of known ones. Returns what
/// could not be put back, as the end of a sentence.
async fn withdraw(setup: &Setup, records: &[LinkRecord], before: &Before<'_>) -> String {
    let mut words = String::new();
    for record in records {
        let known = before.iter().find(|(link, _)| link.id == record.id);
        let label = known.map_or(record.id.as_str(), |(link, _)| &link.label);
        let ended = match known {
            Some((_, None)) => Err("the one before could not be read".to_owned()),
            Some((link, Some(Some(token)))) => {
                setup.tokens.put(&link.id, token).await.map_err(|error| error.to_string())
            }
            Some((_, Some(None))) | None => {
                setup.tokens.remove(&record.id).await.map(drop).map_err(|error| error.to_string())
            }
        };
        if let Err(error) = ended {
            words.push_str(&format!("; the new token for {label} may be left behind: {error}"));
        }
    }
    words
}

/// The tokens that were replaced, each once, with the link it was granted for.
fn replaced(before: Before<'_>) -> Vec<(&LinkRecord, SecretString)> {
    let mut replaced: Vec<(&LinkRecord, SecretString)> = Vec::new();
    // A token that cannot be read cannot be revoked; save anyway.
    for (link, token) in before.into_iter().filter_map(|(link, token)| Some((link, token.flatten()?))) {
        if replaced.iter().all(|(_, other)| other.expose_secret() != token.expose_secret()) {
            replaced.push((link, token));
        }
    }
    replaced
}

async fn ask(
    endpoints: &Endpoints,
    token: &SecretString,
    tls: &Arc<rustls::ClientConfig>,
) -> Result<Account, RequestError> {
    let client = Client::new(endpoints, token.clone(), tls)?;
    let mut tries = 1;
    loop {
        match client.account().await {
            Ok((account, _)) => return Ok(*account),
            Err(error) if tries < TRIES && is_passing(&error.kind) => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn is_passing(kind: &RequestErrorKind) -> bool {
    matches!(kind, RequestErrorKind::Network | RequestErrorKind::Timeout | RequestErrorKind::Server)
}

fn describe(
    setup: &Setup,
    spec: &BrokerSpec,
    endpoints: &Endpoints,
    account: &Account,
    links: &[LinkRecord],
) -> FoundAccount {
    let clean = |text: &str| -> Arc<str> { Arc::from(sanitize_to(text, LONGEST)) };
    let number = clean(account.known_as());
    let odd_number = is_odd(endpoints, &number);
    let same_host = |link: &LinkRecord| {
        let other = setup.spec(&link.broker).and_then(|other| other.endpoints(link.environment));
        link.broker == spec.id || other.is_some_and(|other| other.api_url.origin() == endpoints.api_url.origin())
    };
    let replaces = links
        .iter()
        .find(|link| {
            // After a reset the account behind a link has a different number.
            let same = link.account_number == number || link.account_id == account.id;
            link.environment == endpoints.environment && same && same_host(link)
        })
        .map(|link| link.id.clone());
    FoundAccount {
        environment: endpoints.environment,
        account_id: account.id.clone(),
        account_number: number,
        status: clean(account.status.raw()),
        replaces,
        odd_number,
    }
}

/// Whether Alpaca's numbering contradicts the environment (docs/ALPACA.md 2.6): paper numbers start with `PA`, live
/// ones do not.
fn is_odd(endpoints: &Endpoints, number: &str) -> bool {
    let is_alpaca = environment_of(&endpoints.api_url).is_some();
    is_alpaca && number.starts_with("PA") != (endpoints.environment == Environment::Paper)
}

fn new_id(spec: &BrokerSpec, account: &FoundAccount) -> LinkId {
    let environment: Environment = account.environment;
    LinkId::new(format!("{}/{}/{}", spec.id, environment.as_str(), account.account_number))
}

fn words(error: &RequestError) -> String {
    sanitize_to(&error.to_string(), 300)
}

fn failure(error: &RequestError) -> LinkFailure {
    let message = words(error);
    match error.kind {
        RequestErrorKind::Network | RequestErrorKind::Timeout => LinkFailure::Network { message },
        RequestErrorKind::Unauthorized
        | RequestErrorKind::Forbidden
        | RequestErrorKind::NotFound
        | RequestErrorKind::Unprocessable
        | RequestErrorKind::RateLimited { .. }
        | RequestErrorKind::Refused
        | RequestErrorKind::Server
        | RequestErrorKind::Decode => LinkFailure::Broker { message },
    }
}
