//! HTTP as REST and the event stream use it: one client, one bearer header, one limited read.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::HeaderValue;
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::failure::{Failure, transport};
use crate::broker::dial::{self, chain};
use crate::domain::Untrusted;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// An HTTP client with a dead connection found out by keep-alive, since a quiet event stream is silent for hours.
pub(super) fn http_client(url: &Url, tls: &ClientConfig) -> Result<reqwest::Client, Untrusted> {
    let builder = dial::http(url, tls)?
        .connect_timeout(CONNECT)
        .tcp_keepalive(Duration::from_secs(10))
        .tcp_keepalive_interval(Duration::from_secs(5))
        .tcp_keepalive_retries(2);
    builder.build().map_err(|error| chain("", &error))
}

/// The bearer header, marked so that no library prints it.
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

/// Reads a body to its end, giving up as soon as it is longer than `limit`.
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
