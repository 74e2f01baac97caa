//! HTTP for REST and the event stream: the client, the bearer header, the bounded read.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::HeaderValue;
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::failure::{Failure, transport};
use crate::broker::dial::{self, chain};
use crate::domain::Untrusted;

/// An HTTP client that detects dead connections by TCP keep-alive, because a quiet event stream is silent for hours.
pub(super) fn http_client(url: &Url, tls: &ClientConfig) -> Result<reqwest::Client, Untrusted> {
    let builder = dial::http(url, tls)?
        .tcp_keepalive(Duration::from_secs(10))
        .tcp_keepalive_interval(Duration::from_secs(5))
        .tcp_keepalive_retries(2);
    builder.build().map_err(|error| chain("", &error))
}

/// The bearer header, marked sensitive so that no library prints it.
pub(super) fn bearer(token: &SecretString) -> Result<HeaderValue, Untrusted> {
    let header = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()));
    let mut header = header.map_err(|_| "the token contains characters that a header cannot carry")?;
    header.set_sensitive(true);
    Ok(header)
}

pub(super) enum ReadFailure {
    TooLong,
    Transport(Failure),
}

/// Reads a body, and fails as soon as it is longer than `limit` bytes.
pub(super) async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>, ReadFailure> {
    let announced = response.content_length().unwrap_or(0);
    if usize::try_from(announced).map_or(true, |announced| announced > limit) {
        return Err(ReadFailure::TooLong);
    }
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= limit => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(ReadFailure::TooLong),
            Ok(None) => return Ok(body),
            Err(error) => return Err(ReadFailure::Transport(transport(response.url(), error))),
        }
    }
}
