//! REST: one request, one reply in domain types, one error type (docs/ALPACA.md 4, 5).
//!
//! Owns the addresses of requests and the limits of their responses. The token is sent to one origin only, over TLS
//! except on loopback, never follows a redirect, and is removed from errors. It retries nothing; the session decides
//! what to do about a failure.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue};
use rustls::ClientConfig;
use secrecy::SecretString;
use url::Url;

use super::failure::{Failure, local, refused, timed_out, unsent};
use super::governor::RateInfo;
use super::http::{ReadFailure, bearer, http_client, read};
use super::wire::{self, BadRow, WireError};
use super::{headers, sse};
use crate::config::Endpoints;
use crate::domain::secrets::Redactor;
use crate::domain::text::clean;
use crate::domain::{Account, OrderId};
use crate::session::request::route::{self, Body, Route};
use crate::session::request::{ActivitiesQuery, OrdersQuery, Unread};
use crate::session::{Reply, Request, RequestError, RequestErrorKind};

/// The longest body read, in bytes.
const LONGEST_BODY: usize = 8 * 1024 * 1024;
/// The longest error body read, in bytes.
const LONGEST_REFUSAL: usize = 64 * 1024;
/// The longest name of a row kept, in characters.
const LONGEST_ROW: usize = 60;
/// The default timeout of a request, from the name look-up to the last byte.
const WHOLE: Duration = Duration::from_secs(15);
/// The timeout of a replay of events, for its response and again for its end.
const REPLAY: Duration = Duration::from_secs(5);

/// A client for one account at one origin. Clones are cheap and share connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    origin: Url,
    tls: Arc<ClientConfig>,
    token: Arc<SecretString>,
    whole: Duration,
    read_only: bool,
}

/// A reply, and the rate limit headers of its response.
#[derive(Debug)]
pub struct Answer {
    pub result: Result<Reply, RequestError>,
    /// The rate limit.
    pub rate: RateInfo,
}

impl Client {
    /// A client for `endpoints.api_url`.
    ///
    /// # Errors
    /// When the address is neither `https` nor loopback, or TLS cannot be set up.
    pub fn new(endpoints: &Endpoints, token: SecretString, tls: &ClientConfig) -> Result<Self, RequestError> {
        let http = http_client(&endpoints.api_url, tls).map_err(|error| local(error).redacted(&token))?;
        bearer(&token).map_err(|error| local(error).redacted(&token))?;
        Ok(Self {
            http,
            origin: endpoints.api_url.clone(),
            tls: Arc::new(tls.clone()),
            token: Arc::new(token),
            whole: WHOLE,
            read_only: false,
        })
    }

    /// The same client with this timeout.
    #[must_use]
    pub fn within(self, whole: Duration) -> Self {
        Self { whole, ..self }
    }

    /// The same client, which refuses every request that changes something at the broker.
    #[must_use]
    pub fn reading_only(self) -> Self {
        Self { read_only: true, ..self }
    }

    /// Sends one request.
    ///
    /// # Errors
    /// The failure, without the token and the address.
    pub async fn request(&self, request: &Request) -> Result<Reply, RequestError> {
        self.answer(request).await.result
    }

    /// Fetches the account, and names its unreadable figures.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub async fn account(&self) -> Result<(Box<Account>, Vec<Unread>), RequestError> {
        let (reply, unread) = self.request(&Request::Account).await?.split();
        let Reply::Account(account) = reply else {
            return Err(local("the broker did not return an account".to_owned()).redacted(&self.token));
        };
        Ok((account, unread))
    }

    /// Sends one request and returns the rate limit headers too, for the [`super::governor`].
    pub async fn answer(&self, request: &Request) -> Answer {
        let mut rate = RateInfo::default();
        let asked = tokio::time::timeout(self.whole, self.ask(request, &mut rate)).await;
        let result = asked.unwrap_or_else(|_| Err(timed_out())).map_err(|failure| failure.redacted(&self.token));
        if let Err(error) = &result {
            tracing::debug!(request = request.route().name, %error, "a request failed");
        }
        Answer { result, rate }
    }

    async fn ask(&self, request: &Request, rate: &mut RateInfo) -> Result<Reply, Failure> {
        let url = address(&self.origin, request).map_err(local)?;
        let route = request.route();
        if self.read_only && route.class.changes() {
            return Err(local("read-only: nothing may be changed at a broker".to_owned()));
        }
        let method = match route.method {
            route::Method::Get => Method::GET,
            route::Method::Delete => Method::DELETE,
        };
        let replay = route.body == Body::Events;
        let accepted = if replay { sse::MEDIA_TYPE } else { "application/json" };
        let sent = self
            .http
            .request(method, url)
            .header(AUTHORIZATION, bearer(&self.token).map_err(local)?)
            .header(ACCEPT, HeaderValue::from_static(accepted))
            .send();
        let sent = if replay {
            // A replay is optional, so its timeout is shorter.
            tokio::time::timeout(REPLAY, sent).await.map_err(|_| timed_out())?
        } else {
            sent.await
        };
        let response = match sent {
            Ok(response) => response,
            Err(error) => return Err(unsent(&self.origin, &self.tls, error).await),
        };
        *rate = headers::rate(response.headers());
        let (status, headers) = (response.status(), response.headers().clone());
        let request_id = headers::request_id(&headers);
        if !status.is_success() {
            let body = read(response, LONGEST_REFUSAL).await.unwrap_or_default();
            return Err(refused(status, &headers, &body));
        }
        let decode = |message: &str| Failure {
            status: Some(status.as_u16()),
            request_id: request_id.clone(),
            ..Failure::new(RequestErrorKind::Decode, message)
        };
        if replay {
            let updates = sse::replay(response, REPLAY, LONGEST_BODY).await;
            return updates.map(Reply::Replay).ok_or_else(|| decode("the broker offers no event stream"));
        }
        let body = read(response, LONGEST_BODY).await.map_err(|failure| match failure {
            ReadFailure::TooLong => decode("an answer of more than 8 MiB was not read"),
            ReadFailure::Transport(failure) => Failure { request_id: request_id.clone(), ..failure },
        })?;
        if route.body == Body::Empty {
            return Ok(Reply::Done);
        }
        let text = std::str::from_utf8(&body).map_err(|_| decode("the answer is not UTF-8 text"))?;
        read_reply(request, text, &self.token).map_err(|error| match request.order() {
            // Names the order, because many are fetched.
            Some(id) => decode(&format!("order {}: {error}", clean(id.as_str()))),
            None => decode(&error.to_string()),
        })
    }
}

fn read_reply(request: &Request, text: &str, token: &SecretString) -> Result<Reply, WireError> {
    let redactor = Redactor::of([token]);
    let whole = |(reply, unread): (Reply, Vec<BadRow>)| {
        if unread.is_empty() {
            return reply;
        }
        let redacted = |bad: BadRow| Unread { row: redactor.words(&bad.row, LONGEST_ROW), id: bad.id, why: bad.why };
        Reply::Partial(Box::new(reply), unread.into_iter().map(redacted).collect())
    };
    Ok(match request {
        Request::Account => {
            let (account, unread) = wire::account(text)?;
            whole((Reply::Account(Box::new(account)), unread))
        }
        Request::Positions => {
            let (rows, unread) = wire::positions(text)?;
            whole((Reply::Positions(rows), unread))
        }
        Request::Orders(_) => {
            let (rows, unread) = wire::rows(text, "the orders", wire::orders)?;
            whole((Reply::Orders(rows.into_iter().flatten().collect()), unread))
        }
        Request::Order(_) | Request::OrderByClientId(_) => {
            let mut lacks = Vec::new();
            let orders = wire::orders(text, &mut lacks)?;
            whole((Reply::Order(orders), BadRow::of(text, 0, &lacks).into_iter().collect()))
        }
        Request::Activities(_) => {
            let (rows, unread) = wire::rows(text, "the activities", |row, _| wire::activity(row))?;
            whole((Reply::Activities(rows), unread))
        }
        Request::Clock => Reply::Clock(wire::clock(text)?),
        Request::History { .. } => Reply::History(wire::history(text)?),
        // Neither is decoded here.
        Request::CancelOrder(_) | Request::Replay { .. } => Reply::Done,
    })
}

/// A request's address. An id becomes one path segment, whatever it contains.
fn address(origin: &Url, request: &Request) -> Result<Url, String> {
    let mut url = origin.clone();
    url.set_query(None);
    url.set_fragment(None);
    match url.path_segments_mut() {
        Ok(mut segments) => {
            segments.pop_if_empty();
            for part in request.route().path {
                segments.push(if *part == Route::ID { segment(request)? } else { part });
            }
        }
        Err(()) => return Err("the address has no path".to_owned()),
    }
    match request {
        Request::Orders(query) => orders_query(&mut url, query),
        Request::OrderByClientId(id) => {
            url.query_pairs_mut().append_pair("client_order_id", id.as_str());
        }
        // A multi-leg order is incomplete without its legs.
        Request::Order(_) => {
            url.query_pairs_mut().append_pair("nested", "true");
        }
        Request::Activities(query) => activities_query(&mut url, query),
        Request::Replay { since, until } => {
            let mut pairs = url.query_pairs_mut();
            pairs.append_pair("since", &since.to_string());
            if let Some(until) = until {
                pairs.append_pair("until", &until.to_string());
            }
        }
        Request::History { period, timeframe } => {
            url.query_pairs_mut().append_pair("period", period).append_pair("timeframe", timeframe);
        }
        Request::Account | Request::Positions | Request::Clock | Request::CancelOrder(_) => {}
    }
    Ok(url)
}

/// The order id, checked to be safe as a path segment. An empty one, `.` or `..` would address another resource, such
/// as `DELETE /v2/orders/`, which cancels all orders.
fn segment(request: &Request) -> Result<&str, String> {
    let id = request.order().map_or("", OrderId::as_str);
    if id.is_empty() || id == "." || id == ".." { Err("an order without a usable id".to_owned()) } else { Ok(id) }
}

fn orders_query(url: &mut Url, query: &OrdersQuery) {
    let mut pairs = url.query_pairs_mut();
    pairs.append_pair("status", query.filter.as_str());
    pairs.append_pair("limit", &query.limit.clamp(1, 500).to_string());
    pairs.append_pair("direction", direction(query.ascending));
    pairs.append_pair("nested", if query.nested { "true" } else { "false" });
    if let Some(id) = &query.before_order_id {
        pairs.append_pair("before_order_id", id.as_str());
    } else {
        if let Some(after) = query.after {
            pairs.append_pair("after", &after.to_string());
        }
        if let Some(until) = query.until {
            pairs.append_pair("until", &until.to_string());
        }
    }
    if let Some(symbol) = &query.symbol {
        pairs.append_pair("symbols", symbol);
    }
}

fn activities_query(url: &mut Url, query: &ActivitiesQuery) {
    let mut pairs = url.query_pairs_mut();
    pairs.append_pair("direction", direction(query.ascending));
    pairs.append_pair("page_size", &query.page_size.clamp(1, 100).to_string());
    if let Some(after) = query.after {
        pairs.append_pair("after", &after.to_string());
    }
    if let Some(until) = query.until {
        pairs.append_pair("until", &until.to_string());
    }
    if let Some(id) = &query.order {
        pairs.append_pair("order_id", id.as_str());
    }
    if let Some(token) = &query.page_token {
        pairs.append_pair("page_token", token);
    }
}

const fn direction(ascending: bool) -> &'static str {
    if ascending { "asc" } else { "desc" }
}
