//! Presses Allow on the consent page of the embedded simulated brokerage, for a demo without a browser.
//!
//! Talks to loopback only, and does over HTTP what a browser would: no way around the real code path.

use std::time::Duration;

use url::{Host, Url};

/// How long the whole visit may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Opens the page, presses Allow, and follows the redirect to our own callback address.
///
/// # Errors
/// A sentence, when one of the steps failed.
pub(super) async fn approve(authorize_url: &str, tls: &rustls::ClientConfig) -> Result<(), String> {
    let url = Url::parse(authorize_url).map_err(|_| "the consent page has no address".to_owned())?;
    if !is_loopback(&url) {
        return Err("only the consent page of the simulated brokerage can be answered from here".to_owned());
    }
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(LIMIT)
        .build()
        .map_err(|error| format!("no HTTP client: {error}"))?;
    let failed = |error: reqwest::Error| format!("the consent page does not answer: {}", error.without_url());
    let page = client.get(url.clone()).send().await.map_err(failed)?.text().await.map_err(failed)?;
    let mut form = vec![("decision", "allow".to_owned())];
    if let Some(account) = first_account(&page) {
        form.push(("account", account));
    }
    let answer = client.post(url.clone()).form(&form).send().await.map_err(failed)?;
    let location = answer.headers().get(reqwest::header::LOCATION).and_then(|value| value.to_str().ok());
    let Some(back) = location.and_then(|location| url.join(location).ok()).filter(is_loopback) else {
        return Err(format!("the consent page did not send the browser back (status {})", answer.status().as_u16()));
    };
    let answer = client.get(back.clone()).send().await;
    let answer = answer.map_err(|error| format!("the way back failed: {}", error.without_url()))?;
    // A browser goes on to the last page, and the listener closes when it has been there.
    if let Some(last) = answer.headers().get(reqwest::header::LOCATION).and_then(|value| value.to_str().ok())
        && let Ok(last) = back.join(last)
    {
        drop(client.get(last).send().await);
    }
    Ok(())
}

/// The first account that the page offers.
fn first_account(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("name=\"account\"")?;
    let tag = rest.split_once('>').map_or(rest, |(tag, _)| tag);
    let (_, value) = tag.split_once("value=\"").or_else(|| {
        let (_, options) = rest.split_once("<option")?;
        options.split_once("value=\"")
    })?;
    value.split_once('"').map(|(value, _)| value.to_owned())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_account_of_either_kind_of_choice_is_found() {
        let radio = r#"<input type="radio" name="account" value="PA1" checked><input name="account" value="PA2">"#;
        let select = r#"<select name="account"><option value="PA3">x</option></select>"#;
        assert_eq!(first_account(radio).as_deref(), Some("PA1"));
        assert_eq!(first_account(select).as_deref(), Some("PA3"));
        assert_eq!(first_account("<p>no choice</p>"), None);
    }
}
