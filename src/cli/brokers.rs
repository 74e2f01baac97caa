//! `brokerdeck brokers`: brokers, linked accounts, and whether each account answers.

use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;

use super::output::{self, Align};
use super::{Context, accounts};
use crate::config::BrokerSpec;
use crate::domain::text::sanitize;
use crate::domain::{Account, Environment};
use crate::error::Error;
use crate::io::accounts::{AccessError, AccountAccess};
use crate::io::linker::Readiness;
use crate::link::LinkRecord;
use crate::session::RequestErrorKind;

/// Time limit of an account's answer.
const LIMIT: Duration = Duration::from_secs(10);

/// How to print.
#[derive(Debug, clap::Args)]
pub struct BrokersArgs {
    /// Print one JSON document.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Serialize)]
struct Document {
    brokers: Vec<BrokerRow>,
    accounts: Vec<AccountRow>,
    tokens: String,
}

#[derive(Debug, Serialize)]
struct BrokerRow {
    id: String,
    name: String,
    environments: Vec<Environment>,
    state: &'static str,
    reason: Option<String>,
    accounts: usize,
}

#[derive(Debug, Serialize)]
struct AccountRow {
    account: String,
    environment: Environment,
    broker: String,
    account_number: String,
    id: String,
    scopes: Vec<String>,
    linked_at: String,
    state: &'static str,
    reason: Option<String>,
    status: Option<String>,
}

/// Lists brokers and accounts; asks every linked account once.
///
/// # Errors
/// When the links cannot be read. An account that does not answer is a state, not an error.
pub async fn run(ctx: &Context, args: &BrokersArgs) -> Result<(), Error> {
    let accounts = ctx.accounts();
    let known = accounts::list(&accounts.links).await?;
    let rows = join_all(known.iter().map(|link| account(&accounts, link))).await;
    let place = match accounts.tokens.location().await {
        Ok(place) => place,
        Err(error) => format!("{error}; {}", error.hint()),
    };
    for notice in accounts.tokens.take_notices() {
        output::note(&notice);
    }
    let document = Document {
        brokers: ctx.config.brokers.iter().map(|spec| broker(spec, &known)).collect(),
        accounts: rows,
        tokens: place,
    };
    if args.json { output::json(&document).map(drop) } else { print(&document) }
}

fn broker(spec: &BrokerSpec, known: &[LinkRecord]) -> BrokerRow {
    let accounts = known.iter().filter(|link| link.broker == spec.id).count();
    let missing = Readiness::of(spec).reason();
    BrokerRow {
        id: spec.id.to_string(),
        name: spec.name.to_string(),
        environments: spec.endpoints.iter().map(|endpoints| endpoints.environment).collect(),
        state: match (accounts, &missing) {
            (0, None) => "not linked",
            (0, Some(_)) => "not configured",
            _ => "linked",
        },
        reason: missing,
        accounts,
    }
}

async fn account(accounts: &AccountAccess, link: &LinkRecord) -> AccountRow {
    let (state, reason, answer) = match tokio::time::timeout(LIMIT, probe(accounts, link)).await {
        Ok(state) => state,
        Err(_) => ("unreachable", Some("no answer within 10 seconds".to_owned()), None),
    };
    let (number, status) = match answer {
        Some(account) => (Some(account.known_as().to_owned()), Some(account.status.raw().to_owned())),
        None => (None, None),
    };
    AccountRow {
        // Unchanged, for scripts; both outputs sanitise it.
        account: link.label.to_string(),
        environment: link.environment,
        broker: link.broker.to_string(),
        account_number: number.unwrap_or_else(|| link.account_number.to_string()),
        id: link.id.as_str().to_owned(),
        scopes: link.scopes.iter().map(ToString::to_string).collect(),
        linked_at: link.linked_at.to_string(),
        state,
        reason,
        status,
    }
}

/// State word, reason, and the account when it answered.
type State = (&'static str, Option<String>, Option<Box<Account>>);

/// Fetches the account, and retries once when refused.
///
/// Two refusals are reported, but do not prove that the token is dead: that takes a minute (docs/ALPACA.md 2.7), and a
/// listing does not wait that long.
async fn probe(accounts: &AccountAccess, link: &LinkRecord) -> State {
    let relink = |reason: String| ("needs relink", Some(reason), None);
    let unreachable = |reason: String| ("unreachable", Some(reason), None);
    let client = match accounts.access(link).await {
        Ok(access) => access.client,
        Err(error @ (AccessError::NoToken { .. } | AccessError::Moved { .. })) => {
            return relink(error.to_string());
        }
        Err(error) => return unreachable(error.to_string()),
    };
    let mut refused = None;
    for _ in 0..2 {
        match client.account().await {
            Ok((account, _)) if link.another(&account).is_some() => {
                return relink("the token reaches a different account than the one linked".to_owned());
            }
            Ok((account, _)) => {
                return match account.block() {
                    Some(block) => ("blocked", Some(block), Some(account)),
                    None => ("linked", None, Some(account)),
                };
            }
            Err(error) if matches!(error.kind, RequestErrorKind::Unauthorized | RequestErrorKind::Forbidden) => {
                refused = Some(error.to_string());
            }
            Err(error) => return unreachable(error.to_string()),
        }
    }
    let refused = refused.unwrap_or_default();
    ("refused", Some(format!("{refused}; if that persists, `brokerdeck link {}` links it again", link.broker)), None)
}

fn print(document: &Document) -> Result<(), Error> {
    let mut lines = Vec::new();
    if !document.accounts.is_empty() {
        let headers = ["Account", "Number", "Environment", "State", "Id"].map(|title| (title, Align::Left));
        let rows = document.accounts.iter().map(|row| {
            let state = row.reason.as_ref().map_or_else(|| row.state.to_owned(), |why| format!("{}: {why}", row.state));
            vec![
                sanitize(&row.account),
                sanitize(&row.account_number),
                row.environment.word().to_owned(),
                sanitize(&state),
                sanitize(&row.id),
            ]
        });
        lines.extend(output::table(&headers, &rows.collect::<Vec<_>>()));
        lines.push(String::new());
    }
    let headers = ["Broker", "Name", "Environment", "State"].map(|title| (title, Align::Left));
    let rows = document.brokers.iter().map(|row| {
        let words: Vec<&str> = row.environments.iter().map(|environment| environment.word()).collect();
        let state = match (&row.reason, row.accounts) {
            (Some(reason), _) => reason.clone(),
            (None, 0) => row.state.to_owned(),
            (None, accounts) => format!("{} ({accounts})", row.state),
        };
        vec![row.id.clone(), row.name.clone(), words.join(" + "), state]
    });
    lines.extend(output::table(&headers, &rows.collect::<Vec<_>>()));
    for line in &lines {
        if !output::line(line)? {
            return Ok(());
        }
    }
    output::note(&document.tokens);
    Ok(())
}
