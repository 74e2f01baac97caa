//! A failed request inside the adapter. It holds the peer's full text, which leaves the adapter only with the token
//! removed.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use rustls::ClientConfig;
use secrecy::SecretString;
use url::Url;

use super::{headers, wire};
use crate::broker::dial;
use crate::domain::Untrusted;
use crate::domain::secrets::Redactor;
use crate::session::{RequestError, RequestErrorKind};

/// The longest sentence kept, in characters.
pub(super) const LONGEST: usize = 240;
/// The longest text of extra members kept, in characters.
const LONGEST_EXTRA: usize = 2048;
/// The longest request id kept, in characters.
const LONGEST_ID: usize = 80;

const BROKEN: &str = "the connection failed";

/// A failed request whose texts may still contain the token.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: RequestErrorKind,
    pub(super) status: Option<u16>,
    pub(super) code: Option<i64>,
    pub(super) message: Untrusted,
    pub(super) extra: Option<Untrusted>,
    pub(super) request_id: Option<Untrusted>,
}

impl Failure {
    /// A failure without a response.
    pub(super) fn new(kind: RequestErrorKind, message: impl Into<Untrusted>) -> Self {
        Self { kind, status: None, code: None, message: message.into(), extra: None, request_id: None }
    }

    /// The failure with the token removed from its texts; the only form that leaves the adapter.
    pub(super) fn redacted(self, token: &SecretString) -> RequestError {
        let redactor = Redactor::of([token]);
        RequestError {
            kind: self.kind,
            status: self.status,
            code: self.code,
            message: redactor.words(&self.message, LONGEST),
            extra: self.extra.map(|extra| redactor.words(&extra, LONGEST_EXTRA).into()),
            request_id: self.request_id.map(|id| redactor.words(&id, LONGEST_ID).into()),
        }
    }
}

/// The failure of a response without a success status.
pub(super) fn refused(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    let refusal = wire::refusal(status.as_u16(), body);
    let kind = match status.as_u16() {
        // Not in the API's format, so from a proxy or gateway: it says nothing about the token.
        401 | 403 if !refusal.spoken => RequestErrorKind::Server,
        401 => RequestErrorKind::Unauthorized,
        403 => RequestErrorKind::Forbidden,
        404 => RequestErrorKind::NotFound,
        422 => RequestErrorKind::Unprocessable,
        429 => RequestErrorKind::RateLimited { retry_after: headers::retry_after(headers) },
        400..=499 => RequestErrorKind::Refused,
        500.. => RequestErrorKind::Server,
        // A redirect, which is not followed, or another status that is not expected.
        _ => RequestErrorKind::Decode,
    };
    Failure {
        kind,
        status: Some(status.as_u16()),
        code: refusal.code,
        message: refusal.message,
        extra: refusal.extra,
        request_id: headers::request_id(headers),
    }
}

pub(super) fn transport(url: &Url, error: reqwest::Error) -> Failure {
    if error.is_timeout() && !error.is_connect() {
        return timed_out();
    }
    Failure::new(RequestErrorKind::Network, dial::failure(url, BROKEN, error))
}

/// [`transport`] for a request without a response.
pub(super) async fn unsent(url: &Url, tls: &ClientConfig, error: reqwest::Error) -> Failure {
    if !error.is_connect() {
        return transport(url, error);
    }
    Failure::new(RequestErrorKind::Network, dial::unsent(url, tls, "cannot connect", error).await)
}

pub(super) fn timed_out() -> Failure {
    Failure::new(RequestErrorKind::Timeout, "no answer in time")
}

/// A failure on this side, before anything was sent.
pub(super) fn local(message: impl Into<Untrusted>) -> Failure {
    Failure::new(RequestErrorKind::Refused, message)
}
