//! Which accounts a new token reaches, and storing it for them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use secrecy::SecretString;

use super::Setup;
use crate::broker::alpaca::rest::Client;
use crate::broker::tls;
use crate::config::{BrokerSpec, Endpoints};
use crate::domain::text::sanitize_to;
use crate::domain::{Account, AccountId, Environment, LinkId};
use crate::link::label::{default_label, unique};
use crate::link::{FoundAccount, LinkFailure, LinkProgress, LinkRecord};
use crate::session::{Reply, Request, RequestError, RequestErrorKind};

/// The longest account number or status that is kept, in characters.
const LONGEST: usize = 64;
/// How often an environment is asked when the network fails: the token is granted and would be lost.
const TRIES: u32 = 3;
/// How long to wait before asking again.
const PAUSE: Duration = Duration::from_millis(500);

/// A granted token before it is stored.
pub(super) struct Fresh {
    pub(super) token: SecretString,
    pub(super) scopes: Vec<Arc<str>>,
    pub(super) accounts: Vec<FoundAccount>,
}

/// The TLS set-up for a broker, with its own certificate authority when it has one.
///
/// # Errors
/// A sentence, when the authority's file cannot be used.
pub async fn tls(spec: &BrokerSpec) -> Result<Arc<rustls::ClientConfig>, String> {
    let Some(path) = &spec.ca_file else { return tls::client_config(None) };
    let pem =
        tokio::fs::read(path).await.map_err(|error| format!("cannot read ca_file {}: {error}", path.display()))?;
    tls::client_config(Some(&pem))
}

/// Asks every environment that was asked for, and no other (API.md 2.6), for its account.
pub(super) async fn find(
    setup: &Setup,
    spec: &BrokerSpec,
    token: &SecretString,
    tls: &Arc<rustls::ClientConfig>,
) -> Result<Vec<FoundAccount>, LinkFailure> {
    let links = setup.links.list().await.map_err(|error| LinkFailure::Store { message: error.to_string() })?.links;
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
    match (found.is_empty(), uncovered) {
        (true, Some((wanted, error))) => Err(LinkFailure::WrongEnvironment { wanted, message: words(&error) }),
        (true, None) => Err(LinkFailure::NotConfigured { message: "the broker has no endpoints".to_owned() }),
        (false, _) => Ok(found),
    }
}

/// Stores the token and remembers the links, under these labels where they are given.
///
/// Not to be cut short: a token without its link would be found by nobody.
pub(super) async fn save(
    setup: &Setup,
    spec: &BrokerSpec,
    fresh: &Fresh,
    labels: &[String],
) -> Result<LinkProgress, LinkFailure> {
    let store = |message: String| LinkFailure::Store { message };
    let known = setup.links.list().await.map_err(|error| store(error.to_string()))?.links;
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
        });
    }
    for record in &records {
        setup.tokens.put(&record.id, &fresh.token).await.map_err(|error| store(error.to_string()))?;
    }
    if let Err(error) = setup.links.put(records.clone()).await {
        for record in records.iter().filter(|record| known.iter().all(|link| link.id != record.id)) {
            if let Err(error) = setup.tokens.remove(&record.id).await {
                tracing::warn!("the token of {} stays behind: {error}", record.id);
            }
        }
        return Err(store(error.to_string()));
    }
    let stored_in = setup.tokens.location().await.map_err(|error| store(error.to_string()))?;
    Ok(LinkProgress::Saved { links: records, stored_in })
}

async fn ask(
    endpoints: &Endpoints,
    token: &SecretString,
    tls: &Arc<rustls::ClientConfig>,
) -> Result<Account, RequestError> {
    let client = Client::new(endpoints, token.clone(), Arc::clone(tls))?;
    let mut tries = 1;
    loop {
        match client.request(&Request::Account).await {
            Ok(Reply::Account(account)) => return Ok(*account),
            Ok(_) => return Err(unexpected()),
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

fn unexpected() -> RequestError {
    RequestError {
        kind: RequestErrorKind::Decode,
        status: None,
        code: None,
        message: "the broker answered something that is no account".to_owned(),
        extra: None,
        request_id: None,
    }
}

fn describe(
    setup: &Setup,
    spec: &BrokerSpec,
    endpoints: &Endpoints,
    account: &Account,
    links: &[LinkRecord],
) -> FoundAccount {
    let clean = |text: &str| -> Arc<str> { Arc::from(sanitize_to(text, LONGEST)) };
    let number = account
        .number
        .as_ref()
        .map(crate::domain::Untrusted::raw)
        .filter(|number| !number.is_empty())
        .unwrap_or(account.id.as_str());
    let number = clean(number);
    let same_host = |link: &LinkRecord| {
        let other = setup.spec(&link.broker).and_then(|other| other.endpoints(link.environment));
        link.broker == spec.id || other.is_some_and(|other| other.api_url.origin() == endpoints.api_url.origin())
    };
    let replaces = links
        .iter()
        .find(|link| link.environment == endpoints.environment && link.account_number == number && same_host(link))
        .map(|link| link.id.clone());
    FoundAccount {
        environment: endpoints.environment,
        account_id: AccountId::new(clean(account.id.as_str())),
        account_number: number,
        status: clean(account.status.raw()),
        replaces,
    }
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
        _ => LinkFailure::Broker { message },
    }
}
