//! Middleware of every request of an origin: faults, credentials, scopes, request budget, and response headers.
//!
//! Knows paths and methods, but not what handlers do.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::Value;

use super::grants::{Budget, Grant};
use super::lock::lock;
use super::net::HangUp;
use super::reply::{self, ApiError};
use super::state::Sim;
use crate::sim::engine::order::AccountNo;
use crate::sim::faults::{Fault, Origin};

/// Largest accepted body, in bytes.
const BODY_LIMIT: usize = 4 << 20;

/// The middleware's state for one origin.
#[derive(Clone)]
pub(super) struct RequestFilter {
    /// The brokerage.
    pub sim: Arc<Sim>,
    pub origin: Origin,
}

/// The authenticated caller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    /// The account that the credential reaches on this origin.
    pub account: AccountNo,
}

/// The credential of a request.
pub(super) fn credential(sim: &Sim, headers: &HeaderMap) -> Option<Grant> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let grants = lock(&sim.grants);
    if let Some(authorization) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        let (scheme, value) = authorization.split_once(' ')?;
        return match scheme.to_ascii_lowercase().as_str() {
            "bearer" => grants.token(value.trim()),
            // Generated clients in some languages send the key pair like this.
            "basic" => {
                let pair = String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?;
                let (id, secret) = pair.split_once(':')?;
                grants.key_pair(id, secret)
            }
            _ => None,
        };
    }
    grants.key_pair(text("apca-api-key-id")?, text("apca-api-secret-key")?)
}

/// The account of a grant on an origin.
pub(super) fn account_on(grant: &Grant, origin: Origin) -> Option<AccountNo> {
    match origin {
        Origin::Paper => grant.paper,
        Origin::Live => grant.live,
        Origin::Data | Origin::Auth => grant.paper.or(grant.live),
    }
}

/// The scope that a request needs beyond reading.
fn needed_scope(origin: Origin, method: &Method, path: &str) -> Option<&'static str> {
    if origin == Origin::Data {
        return Some("data");
    }
    if method == Method::GET || method == Method::HEAD {
        return None;
    }
    let writes_account = path.starts_with("/v2/account/configurations") || path.starts_with("/v2/watchlists");
    Some(if writes_account { "account:write" } else { "trading" })
}

/// Applies faults, credentials, scopes and budget to a request, and headers to its answer.
pub(super) async fn pass(State(request_filter): State<RequestFilter>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    if path.starts_with("/_sim/") {
        return next.run(request).await;
    }
    let sim = &request_filter.sim;
    let hang_up = request.extensions().get::<HangUp>().cloned().unwrap_or_default();
    let faults =
        lock(&sim.faults).on_request(request_filter.origin, request.method().as_str(), &path, sim.clock.real());
    for fault in &faults {
        match fault {
            Fault::LoseRequest => hang_up.now().await,
            Fault::Slow(time) => sim.pause(*time).await,
            _ => {}
        }
    }
    let mut response = match forced(&faults) {
        Some(response) => dress(&request_filter, response, None),
        None => admitted(&request_filter, request, next, &path).await,
    };
    for fault in &faults {
        response = match fault {
            Fault::LoseAnswer => hang_up.now().await,
            Fault::CutBody | Fault::CorruptBody | Fault::ExtraMembers | Fault::NullBody | Fault::BadRow => {
                match damage(sim, response, *fault).await {
                    Some(response) => response,
                    None => hang_up.now().await,
                }
            }
            _ => response,
        };
    }
    response
}

fn forced(faults: &[Fault]) -> Option<Response> {
    faults.iter().find_map(|fault| match fault {
        Fault::Html(status) => Some(reply::gateway_page(*status)),
        Fault::Status(429) => Some(come_back(1)),
        Fault::RetryAfter(time) => Some(come_back(time.as_secs())),
        Fault::Status(status) => {
            let message = match status {
                401 => "request is not authorized",
                403 => "forbidden",
                404 => "endpoint not found",
                422 => "unprocessable entity",
                _ => "internal server error",
            };
            Some(ApiError::new(*status, u64::from(*status) * 100_000 + 10_000, message).into_response())
        }
        _ => None,
    })
}

/// 429, with the time to wait.
fn come_back(seconds: u64) -> Response {
    let mut response = ApiError::new(429, 42_910_000, "rate limit exceeded").into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

async fn admitted(request_filter: &RequestFilter, mut request: Request, next: Next, path: &str) -> Response {
    // Websockets authenticate inside, the authorization server by itself, and crypto quotes need no credential.
    let open = is_socket(request_filter.origin, &request);
    let keyless = request_filter.origin == Origin::Data && path.starts_with("/v1beta3/crypto/");
    if request_filter.origin == Origin::Auth {
        return dress(request_filter, next.run(request).await, None);
    }
    if open {
        return next.run(request).await;
    }
    let sim = &request_filter.sim;
    let Some(grant) = credential(sim, request.headers()) else {
        if keyless {
            return dress(request_filter, next.run(request).await, None);
        }
        return dress(request_filter, ApiError::unauthorized().into_response(), None);
    };
    let Some(account) = account_on(&grant, request_filter.origin) else {
        let refusal = match lock(&sim.policy).wrong_environment {
            403 => ApiError::forbidden(),
            _ => ApiError::unauthorized(),
        };
        return dress(request_filter, refusal.into_response(), None);
    };
    let budget = lock(&sim.grants).count(account, sim.clock.real());
    if budget.exceeded {
        let mut response = ApiError::new(429, 42_910_000, "rate limit exceeded").into_response();
        if lock(&sim.policy).retry_after {
            let seconds = budget.resets_after.as_secs() + 1;
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        return dress(request_filter, response, Some(budget));
    }
    if let Some(scope) = needed_scope(request_filter.origin, request.method(), path)
        && !grant.scopes.has(scope)
    {
        return dress(request_filter, ApiError::forbidden().into_response(), Some(budget));
    }
    request.extensions_mut().insert(Caller { account });
    let response = next.run(request).await;
    dress(request_filter, response, Some(budget))
}

/// Whether it is a websocket address, where the credential is sent inside; the request's own claim is not trusted.
fn is_socket(origin: Origin, request: &Request) -> bool {
    let path = request.uri().path();
    let wants = request.headers().get("upgrade");
    let wants = wants.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    match origin {
        Origin::Paper | Origin::Live => path == "/stream",
        Origin::Data => {
            let parts: Vec<&str> = path.split('/').skip(1).collect();
            let address = match parts.as_slice() {
                ["v2", _] | ["v1beta1", "news"] | ["v1beta3", "crypto", _] | ["v1beta1" | "v1beta2", "crypto"] => true,
                ["v1beta1", "options", feed] => matches!(*feed, "indicative" | "opra"),
                _ => false,
            };
            address && wants
        }
        Origin::Auth => false,
    }
}

/// Adds the headers of every answer.
fn dress(request_filter: &RequestFilter, mut response: Response, budget: Option<Budget>) -> Response {
    let id = lock(&request_filter.sim.grants).uuid().simple().to_string();
    let now = request_filter.sim.clock.now();
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    set("x-request-id", &id);
    set("date", &http_date(now));
    if let Some(budget) = budget {
        set("x-ratelimit-limit", &budget.limit.to_string());
        set("x-ratelimit-remaining", &budget.remaining.to_string());
        set("x-ratelimit-reset", &reset_at(now, budget.resets_after).to_string());
    }
    response
}

/// The second at which the budget is renewed, on the clock of the `Date` header, rounded up.
fn reset_at(now: Timestamp, after: Duration) -> i64 {
    let after = SignedDuration::try_from(after).unwrap_or(SignedDuration::ZERO);
    now.saturating_add(after).map_or(now.as_second(), |at| at.as_second() + 1)
}

/// A time in the format of the `Date` header.
pub(super) fn http_date(moment: Timestamp) -> String {
    moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Damages the body of an answer; `None` for one too large to buffer.
async fn damage(sim: &Sim, response: Response, fault: Fault) -> Option<Response> {
    let (mut parts, body) = response.into_parts();
    // An event stream has no end to wait for; its frames have their own faults.
    if parts.headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes() == b"text/event-stream") {
        return Some(Response::from_parts(parts, body));
    }
    let bytes = axum::body::to_bytes(body, BODY_LIMIT).await.ok()?;
    let is_json =
        parts.headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    let bytes = match fault {
        Fault::CutBody => bytes.slice(..bytes.len() / 2),
        Fault::NullBody => Bytes::from_static(b"null"),
        Fault::CorruptBody => {
            let mut bytes = bytes.to_vec();
            let at = lock(&sim.faults).pick(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 0x55;
            }
            Bytes::from(bytes)
        }
        _ if is_json => match serde_json::from_slice::<Value>(&bytes) {
            Ok(mut value) => {
                if fault == Fault::BadRow {
                    empty_amounts(&mut value);
                } else {
                    add_members(&mut value);
                }
                Bytes::from(value.to_string())
            }
            Err(_) => bytes,
        },
        _ => bytes,
    };
    parts.headers.remove(CONTENT_LENGTH);
    Some(Response::from_parts(parts, Body::from(bytes)))
}

/// Makes the first row unreadable by emptying its amounts.
fn empty_amounts(value: &mut Value) {
    match value {
        Value::Array(rows) => rows.iter_mut().take(1).for_each(empty_amounts),
        Value::Object(members) => members.values_mut().for_each(|member| {
            if member.as_str().is_some_and(|text| text.parse::<Decimal>().is_ok()) {
                *member = Value::from("");
            }
        }),
        _ => {}
    }
}

fn add_members(value: &mut Value) {
    match value {
        Value::Array(rows) => rows.iter_mut().for_each(add_members),
        Value::Object(members) => {
            members.values_mut().for_each(add_members);
            members.insert("x_unheard_of".to_owned(), serde_json::json!({"a": [1, null, "b"]}));
        }
        _ => {}
    }
}
