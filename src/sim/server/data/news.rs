//! News over REST; an upgrade of the same address is the socket.

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::article::{Article, PERIOD};
use super::rest::message_only;
use super::socket;
use crate::sim::calendar;
use crate::sim::server::query::{self, Params};
use crate::sim::server::reply::{Answer, ApiError, ok};
use crate::sim::server::request_filter::RequestFilter;

/// Most articles examined by one request: a month's.
const MOST_LOOKED_AT: i64 = 31 * 24 * 3_600 / PERIOD;

/// `GET /v1beta1/news`: the socket for an upgrade, otherwise the list.
pub(super) async fn news(
    State(request_filter): State<RequestFilter>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    Query(params): Query<Params>,
) -> Answer {
    match upgrade {
        Ok(upgrade) => Ok(socket::news(request_filter, &headers, upgrade)),
        Err(_) => list(&request_filter, &params),
    }
}

fn list(request_filter: &RequestFilter, params: &Params) -> Answer {
    let plain = |error: ApiError| message_only(400, error.message);
    let now = request_filter.sim.clock.now();
    let midnight = calendar::instant(calendar::in_new_york(now).date(), jiff::civil::time(0, 0, 0, 0));
    let start = query::moment(params, "start").map_err(plain)?;
    let end = query::moment(params, "end").map_err(plain)?.unwrap_or(now).min(now);
    let limit = query::number(params, "limit", 10, 50).map_err(plain)?.max(1);
    let ascending = match query::param(params, "sort").map(str::to_ascii_lowercase).as_deref() {
        None | Some("desc") => false,
        Some("asc") => true,
        Some(_) => return Err(message_only(400, "invalid sort")),
    };
    let content = query::flag(params, "include_content").map_err(plain)?;
    let symbols = query::list(params, "symbols");
    let token = match query::param(params, "page_token") {
        None => None,
        Some(token) => Some(place(token).ok_or_else(|| message_only(400, "invalid page_token"))?),
    };
    // By default the newest ones, even early in the day.
    let first = start.unwrap_or(if ascending { midnight } else { Timestamp::UNIX_EPOCH });
    let (mut low, mut high) = (Article::newest(first).0, Article::newest(end).0);
    if Article(low).at() < first {
        low += 1;
    }
    match token {
        Some(token) if ascending => low = low.max(token.saturating_add(1)),
        Some(token) => high = high.min(token.saturating_sub(1)),
        None => {}
    }
    let looked = |at: i64| if ascending { low.saturating_add(at) } else { high.saturating_sub(at) };
    let about = |article: &Article| symbols.is_empty() || symbols.iter().any(|one| named(*article, one));
    let found: Vec<Article> = (0..MOST_LOOKED_AT)
        .map(looked)
        .take_while(|at| (low..=high).contains(at))
        .map(Article)
        .filter(about)
        .take(limit + 1)
        .collect();
    let last = found.get(limit.saturating_sub(1)).filter(|_| found.len() > limit);
    let token = last.map(|article| URL_SAFE_NO_PAD.encode(article.0.to_string()));
    let rows: Vec<Value> = found.iter().take(limit).map(|article| article.row(content)).collect();
    ok(&json!({"news": rows, "next_page_token": token}))
}

/// Accepts crypto symbols with and without the slash.
fn named(article: Article, symbol: &str) -> bool {
    article.symbols().iter().any(|about| *about == symbol || about.replace('/', "") == symbol)
}

fn place(token: &str) -> Option<i64> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?.parse().ok()
}
