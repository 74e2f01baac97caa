//! Response headers: the rate limit, the wait after a 429, the request id (docs/ALPACA.md 4.1, 4.2).

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::governor::RateInfo;
use crate::domain::Untrusted;

/// The limit, the remaining count, and the time to the reset by the server's own clock.
pub(super) fn rate(headers: &HeaderMap) -> RateInfo {
    let number = |name| text(headers, name)?.parse().ok();
    RateInfo {
        limit: number("x-ratelimit-limit"),
        remaining: number("x-ratelimit-remaining"),
        reset_after: reset_after(headers),
    }
}

/// How long to wait after a 429: `Retry-After` in seconds or as a date, else the time to the reset.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let stated = text(headers, RETRY_AFTER.as_str()).and_then(|text| match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(between(date(text)?, served_at(headers)?)),
    });
    // A wait of zero or a past date counts as no statement; an immediate retry would be refused again.
    stated.or_else(|| reset_after(headers)).filter(|wait| !wait.is_zero())
}

/// `X-Request-ID`, by which the broker's support finds a request.
pub(super) fn request_id(headers: &HeaderMap) -> Option<Untrusted> {
    text(headers, "x-request-id").map(Untrusted::from)
}

/// `X-RateLimit-Reset` minus `Date`, both from the response, because this machine's clock may be wrong.
fn reset_after(headers: &HeaderMap) -> Option<Duration> {
    let reset: i64 = text(headers, "x-ratelimit-reset")?.parse().ok()?;
    Some(between(Timestamp::from_second(reset).ok()?, served_at(headers)?))
}

fn served_at(headers: &HeaderMap) -> Option<Timestamp> {
    date(text(headers, DATE.as_str())?)
}

fn date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp())
}

/// The time from `earlier` to `later`; zero when they are in the wrong order.
fn between(later: Timestamp, earlier: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or_default()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}
