//! The token endpoint: a code for a token, and a token's revocation (docs/ALPACA.md 2.4, 2.5, 2.7).
//!
//! Owns the two requests and the decoding of all known responses. It keeps no state, retries nothing, and removes code,
//! verifier, client secret and token from errors, even when the broker echoes them.
//!
//! Written by hand and not with an OAuth crate: besides RFC 6749's error body, this endpoint also answers in Alpaca's own
//! format, and gateways answer in HTML.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use thiserror::Error;
use url::Url;

use crate::broker::dial::{self, chain};
use crate::domain::Untrusted;
use crate::domain::secrets::Redactor;

/// The longest response body read, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024;
/// The timeout of a request, from the name look-up to the last byte.
const LIMIT: Duration = Duration::from_secs(15);
/// The longest text of the broker kept, in characters.
const LONGEST_WORDS: usize = 200;

/// The fields of a token request, all sent in the body (`client_secret_post`).
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The token endpoint.
    pub token_url: &'a Url,
    /// The client id.
    pub client_id: &'a str,
    /// The client's secret; `None` for a public client.
    pub client_secret: Option<&'a SecretString>,
    /// The authorization code.
    pub code: &'a SecretString,
    /// The PKCE verifier, when a challenge was sent.
    pub verifier: Option<&'a SecretString>,
    /// The redirect URI of the authorize request, byte for byte.
    pub redirect_uri: &'a str,
}

/// A granted token.
#[derive(Debug)]
pub struct Granted {
    pub token: SecretString,
    /// The granted scopes; `None` when the broker did not state them, which means the requested ones (RFC 6749 5.1).
    pub scopes: Option<Vec<Arc<str>>>,
    /// Why the token cannot be used, worded as in [`ExchangeError::Broker`]; such a token can only be revoked.
    pub unusable: Option<&'static str>,
}

/// Why there is no token. The messages contain the broker's text, sanitised and without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ExchangeError {
    /// The endpoint does not know the client or its secret.
    #[error("the token endpoint does not accept the OAuth client: {message}")]
    BadClient {
        /// The broker's text.
        message: String,
    },
    /// The code was used, has expired, or was issued for another redirect URI.
    #[error("the token endpoint does not accept the code: {message}")]
    BadCode {
        /// The broker's text.
        message: String,
    },
    /// The endpoint gave no response.
    #[error("the token endpoint cannot be reached: {message}")]
    Network {
        /// What failed.
        message: String,
    },
    /// Any other response.
    #[error("the token endpoint answered: {message}")]
    Broker {
        /// The broker's text.
        message: String,
    },
}

/// A client that follows no redirect, keeps no idle connection and retries nothing.
///
/// # Errors
/// A sentence, when the TLS set-up is unusable.
pub fn http_client(url: &Url, tls: &rustls::ClientConfig) -> Result<reqwest::Client, String> {
    let builder = dial::http(url, tls).map_err(|error| error.to_string())?;
    let builder = builder.pool_max_idle_per_host(0).timeout(LIMIT);
    builder.build().map_err(|error| chain("", &error).to_string())
}

/// Exchanges a code for a token, in a single request: a code must not be sent twice.
pub async fn exchange(tls: &rustls::ClientConfig, request: &Exchange<'_>) -> Result<Granted, ExchangeError> {
    let fields = [
        ("grant_type", Some("authorization_code")),
        ("code", Some(request.code.expose_secret())),
        ("redirect_uri", Some(request.redirect_uri)),
        ("client_id", Some(request.client_id)),
        ("client_secret", request.client_secret.map(ExposeSecret::expose_secret)),
        ("code_verifier", request.verifier.map(ExposeSecret::expose_secret)),
    ];
    let secrets = [Some(request.code), request.verifier, request.client_secret];
    let redactor = Redactor::of(secrets.into_iter().flatten());
    let (status, body) = post(tls, request.token_url, form(&fields), &redactor).await?;
    if status.is_success() { granted(&body, &redactor) } else { Err(refused(status, &body, &redactor)) }
}

/// Revokes a token (RFC 7009), if the broker offers it.
pub async fn revoke(
    tls: &rustls::ClientConfig,
    revoke_url: &Url,
    client_id: &str,
    client_secret: Option<&SecretString>,
    token: &SecretString,
) -> Result<(), ExchangeError> {
    let fields = [
        ("token", Some(token.expose_secret())),
        ("token_type_hint", Some("access_token")),
        ("client_id", Some(client_id)),
        ("client_secret", client_secret.map(ExposeSecret::expose_secret)),
    ];
    let redactor = Redactor::of([Some(token), client_secret].into_iter().flatten());
    let (status, body) = post(tls, revoke_url, form(&fields), &redactor).await?;
    if status.is_success() { Ok(()) } else { Err(refused(status, &body, &redactor)) }
}

/// A form body of the fields that have a value.
fn form(fields: &[(&str, Option<&str>)]) -> String {
    let given = fields.iter().filter_map(|(name, value)| value.map(|value| (*name, value)));
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish()
}

async fn post(
    tls: &rustls::ClientConfig,
    url: &Url,
    form: String,
    redactor: &Redactor,
) -> Result<(StatusCode, Vec<u8>), ExchangeError> {
    let network = |said: &Untrusted| ExchangeError::Network { message: redactor.words(said, LONGEST_WORDS) };
    let client = http_client(url, tls).map_err(|error| network(&error.into()))?;
    let request = client
        .post(url.clone())
        .header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
        .header(ACCEPT, HeaderValue::from_static("application/json"))
        .body(form);
    let answer = async {
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Err(network(&dial::unsent(url, tls, "", error).await)),
        };
        let status = response.status();
        Ok((status, read(response, redactor).await?))
    };
    tokio::time::timeout(LIMIT, answer).await.unwrap_or_else(|_| Err(network(&"no answer within 15 seconds".into())))
}

async fn read(mut response: Response, redactor: &Redactor) -> Result<Vec<u8>, ExchangeError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= LONGEST_ANSWER => body.extend_from_slice(&chunk),
            Ok(Some(_)) => {
                return Err(ExchangeError::Broker { message: "more than 64 KiB, which is not a token".to_owned() });
            }
            Ok(None) => return Ok(body),
            Err(error) => {
                let message = redactor.words(&dial::failure(response.url(), "", error), LONGEST_WORDS);
                return Err(ExchangeError::Network { message });
            }
        }
    }
}

/// A success body (docs/ALPACA.md 2.4). Other members are ignored, and `expires_in` only leads to a warning when it is
/// not positive.
#[derive(Deserialize)]
struct Success {
    access_token: SecretString,
    token_type: Option<String>,
    scope: Option<Value>,
    expires_in: Option<Value>,
}

fn granted(body: &[u8], redactor: &Redactor) -> Result<Granted, ExchangeError> {
    let broker = |message: &str| ExchangeError::Broker { message: message.to_owned() };
    let success = match serde_json::from_slice::<Success>(body) {
        Ok(success) => success,
        // Some servers send their errors with 200.
        Err(_) if serde_json::from_slice::<IgnoredAny>(body).is_ok() => {
            let error = refused(StatusCode::OK, body, redactor);
            let says_nothing = matches!(error, ExchangeError::Broker { .. });
            return Err(if says_nothing { broker("no token in its answer") } else { error });
        }
        Err(_) => return Err(broker("something that is not a token")),
    };
    let token = success.access_token;
    if token.expose_secret().is_empty() {
        return Err(broker("an empty token"));
    }
    let printable = token.expose_secret().bytes().all(|byte| byte.is_ascii_graphic());
    let unusable = if success.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        Some("a token of a type other than bearer")
    } else if !printable {
        Some("a token that cannot be sent in a header")
    } else {
        None
    };
    if success.expires_in.as_ref().and_then(Value::as_i64).is_some_and(|seconds| seconds <= 0) {
        // Some servers write zero for a token that never expires.
        tracing::warn!("the broker issues a token that expires at once (expires_in); it is used until it is refused");
    }
    Ok(Granted { token, scopes: success.scope.as_ref().and_then(|scope| scopes(scope, redactor)), unusable })
}

/// The granted scopes: words in one string, or a list.
fn scopes(value: &Value, redactor: &Redactor) -> Option<Vec<Arc<str>>> {
    let word = |text: &str| Arc::from(redactor.words(&text.into(), LONGEST_WORDS));
    match value {
        Value::String(text) => Some(text.split_ascii_whitespace().map(word).collect()),
        Value::Array(list) => Some(list.iter().filter_map(Value::as_str).map(word).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// Decodes an error body of any format: RFC 6749's, Alpaca's with or without a code, HTML, plain text, empty.
fn refused(status: StatusCode, body: &[u8], redactor: &Redactor) -> ExchangeError {
    let text = String::from_utf8_lossy(body);
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let member = |name: &str| json.as_ref().and_then(|json| json.get(name)).and_then(Value::as_str);
    let (error, detail) = (member("error"), member("error_description"));
    let said = match (error, detail, member("message")) {
        (Some(error), Some(detail), _) => format!("{error}: {detail}"),
        (Some(text), None, _) | (None, _, Some(text)) => text.to_owned(),
        (None, _, None) if json.is_some() => String::new(),
        (None, _, None) if text.trim_start().starts_with('<') => "a web page instead of an answer".to_owned(),
        (None, _, None) => text.trim().to_owned(),
    };
    let said = redactor.words(&said.into(), LONGEST_WORDS);
    let message = match (status.is_success(), said.is_empty()) {
        (true, _) => said.clone(),
        (false, true) => format!("status {} without a reason", status.as_u16()),
        (false, false) => format!("{said} (status {})", status.as_u16()),
    };
    let lower = said.to_ascii_lowercase();
    let names = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if status.is_redirection() {
        let message = format!("a redirect (status {}), which is not followed with a code", status.as_u16());
        ExchangeError::Broker { message }
    } else if names(&["invalid_client", "unauthorized_client", "client authentication failed", "unknown client"]) {
        ExchangeError::BadClient { message }
    } else if names(&["invalid_grant", "invalid code", "redirect_uri", "redirect uri"]) {
        ExchangeError::BadCode { message }
    } else if status == StatusCode::UNAUTHORIZED {
        ExchangeError::BadClient { message }
    } else {
        ExchangeError::Broker { message }
    }
}

#[cfg(test)]
mod tests;
