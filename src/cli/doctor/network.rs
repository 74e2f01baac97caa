//! Checks the environment of network connections: proxies and certificate authorities.

use url::Url;

use super::Report;
use crate::broker::dial::{self, Route};
use crate::broker::tls;
use crate::config::BrokerSpec;
use crate::error::Error;

/// Settings of the environment that apply to every connection.
pub(super) fn environment(report: &mut Report) -> Result<(), Error> {
    if let Some(unusable) = dial::unusable_variable() {
        report.bad(&unusable.to_string(), dial::CURE)?;
    }
    let meaningless = dial::meaningless_exemptions();
    if !meaningless.is_empty() {
        let what = "list hosts, .domains, addresses or networks like 10.0.0.0/8 there, separated by commas";
        report.good(&format!("NO_PROXY: {} has no effect; {what}", meaningless.join(", ")))?;
    }
    let system = tls::System::trusted();
    // An empty list of folders is as good as none; an empty name of a file is not.
    let counts =
        |name: &&str| std::env::var_os(name).is_some_and(|value| *name == "SSL_CERT_FILE" || !value.is_empty());
    let named: Vec<&str> = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter(counts).collect();
    let source = if named.is_empty() { "the system's store".to_owned() } else { named.join(" and ") };
    match &system.trouble {
        Some(trouble) => {
            let count = system.count();
            let word = if count == 1 { "authority" } else { "authorities" };
            let text = format!("{source}: {count} {word} trusted, but {trouble}");
            report.bad(&text, "correct the file or the folder, or unset the variable")
        }
        None => report.good(&format!("certificates: the built-in authorities, and {} of {source}", system.count())),
    }
}

/// The route of each connection of a broker.
pub(super) fn routes(spec: &BrokerSpec, report: &mut Report) -> Result<(), Error> {
    let mut ways = vec![way("token endpoint", &spec.token_url)];
    for endpoints in &spec.endpoints {
        ways.push(way(&format!("{} REST", endpoints.environment), &endpoints.api_url));
        ways.push(way(&format!("{} stream", endpoints.environment), &endpoints.stream_url));
    }
    // One line if all routes are the same, else one per connection.
    if let Some((_, first)) = ways.first()
        && ways.iter().all(|(_, way)| way.to_string() == first.to_string())
    {
        return print_route(&format!("{}: connections to REST, streams and token endpoint go", spec.id), first, report);
    }
    for (what, way) in &ways {
        print_route(&format!("{}: connections to {what} go", spec.id), way, report)?;
    }
    Ok(())
}

fn print_route(what: &str, way: &Route, report: &mut Report) -> Result<(), Error> {
    let text = format!("{what} {way}");
    if way.unusable().is_some() { report.bad(&text, dial::CURE) } else { report.good(&text) }
}

/// A connection and its route.
fn way(what: &str, url: &Url) -> (String, Route) {
    (format!("{what} ({})", url.host_str().unwrap_or_default()), Route::to(url))
}
