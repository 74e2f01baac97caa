//! Which addresses belong to which environment: Alpaca's own are known, and no address may be used for both.

use url::Url;

use super::{BrokerSpec, Endpoints};
use crate::domain::Environment;

/// Alpaca's trading hosts and their environments (docs/ALPACA.md 1).
const KNOWN: [(&str, Environment); 2] =
    [("api.alpaca.markets", Environment::Live), ("paper-api.alpaca.markets", Environment::Paper)];

/// Alpaca's kinds of hosts without a trading interface (docs/ALPACA.md 1, 2.8), by the last word of their name before the
/// domain. Its other hosts are not refused: what they are is not known.
const OTHER: [(&str, &str); 4] = [
    ("app", "this is Alpaca's host for consent, not for trading"),
    ("authx", "this is Alpaca's host for tokens of other interfaces, not for trading"),
    ("broker-api", "this is Alpaca's host for brokers, who have keys instead of tokens"),
    ("data", "this is Alpaca's host for market data, not for trading"),
];

/// What is wrong with one of Alpaca's hosts as a trading address; `None` for every other host.
pub(super) fn no_trading_host(url: &Url) -> Option<&'static str> {
    let name = url.host_str()?.trim_end_matches('.').strip_suffix(".alpaca.markets")?;
    // A sandbox has hosts of the same kinds, and streams have their own host of a kind.
    let kind = name.strip_suffix(".sandbox").unwrap_or(name).rsplit('.').next()?;
    OTHER.iter().find(|(known, _)| *known == kind).map(|(_, message)| *message)
}

/// The environment of one of Alpaca's own trading hosts; `None` for every other host.
pub fn environment_of(url: &Url) -> Option<Environment> {
    // A trailing dot does not change the host.
    let host = url.host_str()?.trim_end_matches('.');
    KNOWN.iter().find(|(known, _)| *known == host).map(|(_, environment)| *environment)
}

/// The addresses that a token of this environment is sent to: REST and the order stream.
pub(super) fn addresses(endpoints: &Endpoints) -> [&Url; 2] {
    [&endpoints.api_url, &endpoints.stream_url]
}

/// Host and port, which identify a server whatever the scheme and path.
fn place(url: &Url) -> (String, u16) {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    (host.to_owned(), url.port_or_known_default().unwrap_or_default())
}

/// The first address of a broker's environment that the same broker or any of `others` uses for the other environment;
/// with the environment and broker that used it first.
pub(super) fn shared<'a>(
    spec: &'a BrokerSpec,
    others: &'a [BrokerSpec],
) -> Option<(&'a Url, Environment, &'a BrokerSpec)> {
    spec.endpoints.iter().find_map(|own| {
        let known = others.iter().chain([spec]);
        let mut foreign = known
            .flat_map(|other| other.endpoints.iter().map(move |endpoints| (other, endpoints)))
            .filter(|(_, endpoints)| endpoints.environment != own.environment);
        foreign.find_map(|(other, endpoints)| {
            let same = |url: &&Url| addresses(endpoints).iter().any(|theirs| place(theirs) == place(url));
            addresses(own).into_iter().find(same).map(|url| (url, endpoints.environment, other))
        })
    })
}
