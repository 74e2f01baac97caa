//! Presses Allow on the consent page of the embedded simulated brokerage, for a demo without a browser.
//!
//! Connects to loopback only, and sends what a browser would send, through the normal code path.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::broker::dial;
use crate::config::is_loopback;

/// The form field with the consent page's token.
const FORM_TOKEN: &str = "form_token";
/// Time limit for the whole exchange.
const LIMIT: Duration = Duration::from_secs(10);

/// Opens the page, chooses an account that is not linked yet, presses Allow, and follows the redirect to our callback.
///
/// # Errors
/// A sentence, when one of the steps failed.
pub(super) async fn approve(
    authorize_url: &str,
    linked: &[Arc<str>],
    tls: &rustls::ClientConfig,
) -> Result<(), String> {
    let url = Url::parse(authorize_url).map_err(|_| "the consent page has no address".to_owned())?;
    if !is_loopback(&url) {
        return Err("only the consent page of the simulated brokerage can be answered from here".to_owned());
    }
    let client = dial::http(&url, tls).map_err(|error| error.to_string())?.timeout(LIMIT).build();
    let client = client.map_err(|error| format!("no HTTP client: {error}"))?;
    let failed = |error: reqwest::Error| dial::failure(&url, "the consent page does not answer", error).to_string();
    let page = client.get(url.clone()).send().await.map_err(failed)?.text().await.map_err(failed)?;
    let mut form = vec![("decision", "allow".to_owned())];
    // The form token proves that the page was loaded.
    form.extend(values(&page, FORM_TOKEN).first().map(|token| (FORM_TOKEN, (*token).to_owned())));
    let offered = values(&page, "account");
    let fresh = offered.iter().find(|number| linked.iter().all(|known| **known != ***number));
    if let Some(account) = fresh.or(offered.first()) {
        form.push(("account", (*account).to_owned()));
    }
    let answer = client.post(url.clone()).form(&form).send().await.map_err(failed)?;
    let location = answer.headers().get(reqwest::header::LOCATION).and_then(|value| value.to_str().ok());
    let Some(back) = location.and_then(|location| url.join(location).ok()).filter(is_loopback) else {
        return Err(format!("the consent page did not send the browser back (status {})", answer.status().as_u16()));
    };
    let answer = client.get(back).send().await;
    answer.map(drop).map_err(|error| dial::failure(&url, "the redirect failed", error).to_string())
}

/// The values offered in the form fields with this name.
fn values<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    page.split(&format!("name=\"{name}\""))
        .skip(1)
        .filter_map(|rest| {
            let (tag, _) = rest.split_once('>')?;
            let (_, value) = tag.split_once("value=\"")?;
            value.split_once('"').map(|(value, _)| value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accounts_of_the_field_are_found_and_no_other_values() {
        let page = r#"<input name="live_account" value="9"><input type="radio" name="account" value="PA1" checked>
            <input name="account" value="PA2"><button name="decision" value="allow">"#;
        assert_eq!(values(page, "account"), ["PA1", "PA2"]);
        assert!(values("<p>no choice</p>", "account").is_empty());
    }
}
