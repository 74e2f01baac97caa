//! News over REST and as the newest message of its socket. Articles are made up by rule: one every ten minutes of simulated
//! time, about the same share in every run, so that the past needs no memory.

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::rest::message_only;
use super::socket;
use crate::sim::calendar;
use crate::sim::dice::uuid_of;
use crate::sim::server::gate::Gate;
use crate::sim::server::reply::{Answer, ApiError, ok};
use crate::sim::server::rest::query::{self, Params};

/// Seconds between two articles.
const PERIOD: i64 = 600;
/// The most articles that one question looks at: a month of them.
const MOST_LOOKED_AT: i64 = 31 * 24 * 3_600 / PERIOD;

/// Whom an article is about, and what they are called there.
const ABOUT: &[(&str, &str)] = &[
    ("AAPL", "Apple"),
    ("MSFT", "Microsoft"),
    ("NVDA", "Nvidia"),
    ("TSLA", "Tesla"),
    ("SPY", "The broad market"),
    ("KO", "Coca-Cola"),
    ("JPM", "JPMorgan"),
    ("F", "Ford"),
    ("BTC/USD", "Bitcoin"),
    ("META", "Meta"),
];

/// What happens to them.
const EVENTS: &[&str] = &[
    "trades higher on heavy volume",
    "slips as traders wait for figures",
    "is quoted wider than usual",
    "moves with its sector",
    "draws a higher price target",
    "draws a lower price target",
    "holds steady after a quiet hour",
];

/// One article, by its place in the sequence of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Article(i64);

impl Article {
    /// The newest at a moment.
    pub fn newest(now: Timestamp) -> Self {
        Self(now.as_second().div_euclid(PERIOD))
    }

    /// The one after it.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// It and those after it that have appeared by `now`; the newest hundred of them.
    pub fn until(self, now: Timestamp) -> Vec<Self> {
        let newest = Self::newest(now).0;
        (self.0.max(newest.saturating_sub(99))..=newest).map(Self).collect()
    }

    /// When it appears.
    pub fn at(self) -> Timestamp {
        Timestamp::from_second(self.0.saturating_mul(PERIOD)).unwrap_or(Timestamp::MAX)
    }

    fn pick<T: Copy>(self, what: &str, from: &[T]) -> Option<T> {
        let drawn = uuid_of(&format!("{what} {}", self.0)).as_u128() % u128::try_from(from.len().max(1)).unwrap_or(1);
        from.get(usize::try_from(drawn).unwrap_or(0)).copied()
    }

    /// Whom it is about.
    pub fn symbols(self) -> [&'static str; 1] {
        [self.pick("symbol", ABOUT).map_or("SPY", |(symbol, _)| symbol)]
    }

    /// The article as REST has it.
    pub fn row(self, content: bool) -> Value {
        let (symbol, name) = self.pick("symbol", ABOUT).unwrap_or(("SPY", "The broad market"));
        let event = self.pick("event", EVENTS).unwrap_or("moves");
        let at = self.at();
        let updated = at.saturating_add(SignedDuration::from_secs(1)).unwrap_or(at);
        let text =
            format!("<p>{name} {event}. This article is made up, as is everything at a simulated brokerage.</p>");
        json!({
            "id": self.0,
            "author": "Simulated Desk",
            "headline": format!("{name} {event}"),
            "summary": format!("{name} {event}. Made up, as is everything here."),
            "content": if content { text } else { String::new() },
            "created_at": at.to_string(),
            "updated_at": updated.to_string(),
            "images": [],
            "source": "simulated",
            "symbols": [symbol],
            "url": null,
        })
    }

    /// The article as a message of the socket.
    pub fn message(self) -> Value {
        let mut row = self.row(true);
        if let Some(members) = row.as_object_mut() {
            members.shift_remove("images");
            members.shift_insert(0, "T".to_owned(), Value::from("n"));
        }
        row
    }
}

/// `GET /v1beta1/news`: the socket for those who ask for one, the list for the others.
pub async fn news(
    State(gate): State<Gate>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    Query(params): Query<Params>,
) -> Answer {
    match upgrade {
        Ok(upgrade) => Ok(socket::news(gate, &headers, upgrade)),
        Err(_) => list(&gate, &params),
    }
}

fn list(gate: &Gate, params: &Params) -> Answer {
    let plain = |error: ApiError| message_only(400, error.message);
    let now = gate.sim.clock.now();
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
    // By default the newest, however early in the day it is.
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

/// Coins are asked for with and without their slash.
fn named(article: Article, symbol: &str) -> bool {
    article.symbols().iter().any(|about| *about == symbol || about.replace('/', "") == symbol)
}

fn place(token: &str) -> Option<i64> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_article_is_the_same_in_every_run_and_names_whom_it_is_about() {
        let noon: Timestamp = "2026-03-02T17:00:00Z".parse().unwrap();
        let article = Article::newest(noon);
        assert_eq!(article.at(), noon);
        assert_eq!(article.row(true), Article::newest(noon + SignedDuration::from_secs(599)).row(true));
        assert_ne!(article.next().row(true), article.row(true));
        assert_eq!(article.row(true)["symbols"], json!(article.symbols()));
        assert_eq!(article.row(false)["content"], "");
        assert_eq!(article.message()["T"], "n");
        assert_eq!(article.until(noon + SignedDuration::from_secs(1_250)).len(), 3);
        assert_eq!(article.until(noon + SignedDuration::from_hours(24 * 7)).len(), 100, "a week later");
    }
}
