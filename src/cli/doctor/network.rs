//! What lies between this machine and the brokers: proxies, and whose certificates count.

use url::Url;

use super::Report;
use crate::broker::dial::{self, Route};
use crate::broker::tls;
use crate::config::BrokerSpec;
use crate::error::Error;

/// What the environment says for every connection.
pub(super) fn environment(report: &mut Report) -> Result<(), Error> {
    if let Some(unusable) = dial::unusable_variable() {
        report.bad(&unusable.to_string(), dial::CURE)?;
    }
    let system = tls::System::trusted();
    let named: Vec<&str> =
        ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter(|name| std::env::var_os(name).is_some()).collect();
    let whose = if named.is_empty() { "the system's store".to_owned() } else { named.join(" and ") };
    match &system.trouble {
        Some(trouble) => {
            let text = format!("{whose}: {} authorities trusted, but {trouble}", system.count());
            report.bad(&text, "correct the file or the folder, or unset the variable")
        }
        None => Report::good(&format!("certificates: the built-in authorities, and {} of {whose}", system.count())),
    }
}

/// Which way each connection of a broker goes.
pub(super) fn routes(spec: &BrokerSpec) -> Result<(), Error> {
    let mut ways = vec![way("token endpoint", &spec.token_url)];
    for endpoints in &spec.endpoints {
        ways.push(way(&format!("{} REST", endpoints.environment), &endpoints.api_url));
        ways.push(way(&format!("{} stream", endpoints.environment), &endpoints.stream_url));
    }
    // One sentence where everything goes the same way, else one for each.
    ways.retain(|(_, way)| !way.is_empty());
    if ways.is_empty() {
        return Ok(());
    }
    let first = ways.first().map(|(_, way)| way.clone()).unwrap_or_default();
    if ways.iter().all(|(_, way)| *way == first) {
        return Report::good(&format!("{}: REST, streams and token endpoint are reached {first}", spec.id));
    }
    for (what, way) in ways {
        Report::good(&format!("{}: {what} is reached {way}", spec.id))?;
    }
    Ok(())
}

/// A connection and its way; none where an unusable proxy is in it, which was said of the environment.
fn way(what: &str, url: &Url) -> (String, String) {
    let route = Route::to(url);
    let way = if route.unusable().is_some() { String::new() } else { route.to_string() };
    (format!("{what} ({})", url.host_str().unwrap_or_default()), way)
}
