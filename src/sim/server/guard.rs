//! Restricts access to programs and pages of this machine. A web page from elsewhere can make a browser send requests
//! to a loopback port; Host, Origin and Sec-Fetch-Site reveal that, and a token that only the page itself contains
//! tells a form that was loaded from a forged one.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN, UPGRADE};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::reply::ApiError;

/// Accepts requests whose Host is a loopback name, against DNS rebinding. Websockets, which the same-origin policy does
/// not cover, must come from pages of this machine or from no page.
pub(super) async fn local(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let named = match headers.get_all(HOST).iter().collect::<Vec<_>>().as_slice() {
        [host] => host.to_str().ok().is_some_and(is_loopback),
        _ => false,
    };
    let asked = request.uri().authority().is_none_or(|authority| is_loopback(authority.as_str()));
    if !named || !asked {
        return refused("the Host header of a request must be localhost, 127.0.0.1 or [::1]");
    }
    if headers.contains_key(UPGRADE) && !headers.get_all(ORIGIN).iter().all(|origin| origin.to_str().is_ok_and(of_here))
    {
        return refused("a page of another origin may not open a socket here");
    }
    next.run(request).await
}

/// Accepts requests of programs and of our own pages. Guards everything that needs no credential.
pub(super) async fn ours(request: Request, next: Next) -> Response {
    if from_elsewhere(request.headers()) {
        return refused("a page of another origin may not send this request");
    }
    next.run(request).await
}

/// As [`ours`], for an interface without pages: bodies must be JSON, which a form cannot send.
pub(super) async fn programs(request: Request, next: Next) -> Response {
    let headers = request.headers();
    if from_elsewhere(headers) {
        return refused("a page of another origin may not send this request");
    }
    let is_json = headers.get(CONTENT_TYPE).map(|value| {
        let kind = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("application/json")
    });
    let has_body = headers.get("content-length").is_some_and(|length| length.as_bytes() != b"0")
        || headers.contains_key("transfer-encoding");
    if request.method() == Method::POST && !is_json.unwrap_or(!has_body) {
        let words = "a control request must be JSON: send it with Content-Type: application/json";
        return ApiError { code: None, ..ApiError::new(415, 0, words) }.into_response();
    }
    next.run(request).await
}

fn refused(words: &str) -> Response {
    ApiError { code: None, ..ApiError::new(403, 0, words) }.into_response()
}

/// Whether the browser's headers name another origin. Programs send neither header.
fn from_elsewhere(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let own = |origin: &str| origin.split_once("://").is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(host));
    let foreign = headers.get_all(ORIGIN).iter().any(|origin| !origin.to_str().is_ok_and(own));
    let elsewhere = |site: &axum::http::HeaderValue| !matches!(site.as_bytes(), b"same-origin" | b"none");
    foreign || headers.get_all("sec-fetch-site").iter().any(elsewhere)
}

fn of_here(origin: &str) -> bool {
    origin.split_once("://").is_some_and(|(_, rest)| is_loopback(rest))
}

/// Whether it is `HOST` or `HOST:PORT` of this machine.
fn is_loopback(text: &str) -> bool {
    let Ok(authority) = text.parse::<Authority>() else { return false };
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host();
    let ip = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || ip.parse::<IpAddr>().is_ok_and(is_own)
}

fn is_own(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() && ip != Ipv4Addr::new(127, 255, 255, 255),
        IpAddr::V6(ip) => ip.is_loopback(),
    }
}

/// Creates form tokens. Uses the system's randomness and not the seed, which a page could guess.
#[derive(Debug)]
pub(super) struct FormKey([u8; 32]);

impl FormKey {
    /// A new key. Without system randomness it is empty, and no form is accepted.
    pub(super) fn draw() -> Option<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).ok().map(|()| Self(key))
    }

    /// The form token for the page of this query.
    pub(super) fn token(&self, query: &str) -> String {
        let mut text = self.0.to_vec();
        text.extend_from_slice(query.as_bytes());
        // Hashed twice, the second time keyed: prevents length extension.
        let mut outer = self.0.to_vec();
        outer.extend_from_slice(&Sha256::digest(&text));
        URL_SAFE_NO_PAD.encode(Sha256::digest(&outer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_its_own() {
        for own in ["localhost", "LocalHost:1", "127.0.0.1:9100", "127.8.9.1", "[::1]", "[::1]:80"] {
            assert!(is_loopback(own), "{own}");
        }
        for foreign in [
            "evil.example",
            "evil.example:9100",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "",
            "::1",
            "u@localhost",
            "localhost@evil.example",
            "10.0.0.1",
            "0.0.0.0:80",
            "2130706433",
            "[::2]:80",
        ] {
            assert!(!is_loopback(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_form_s_token_belongs_to_its_query_and_its_run() {
        let (one, other) = (FormKey([1; 32]), FormKey([2; 32]));
        assert_eq!(one.token("a=b"), one.token("a=b"));
        assert_ne!(one.token("a=b"), one.token("a=c"));
        assert_ne!(one.token("a=b"), other.token("a=b"));
        assert_eq!(one.token("a=b").len(), 43, "a whole digest");
    }
}
