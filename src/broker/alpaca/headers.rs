//! What an answer's headers say: the rate limit, how long to wait, the request's id (docs/ALPACA.md 4.1, 4.2).

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::governor::RateInfo;
use crate::domain::Untrusted;

/// The limit, what remains of it, and when it starts anew by the server's own clock.
pub(super) fn rate(headers: &HeaderMap) -> RateInfo {
    let number = |name| text(headers, name)?.parse().ok();
    RateInfo {
        limit: number("x-ratelimit-limit"),
        remaining: number("x-ratelimit-remaining"),
        reset_after: reset_after(headers),
    }
}

/// How long to wait after a 429: `Retry-After` in seconds or as a date, else until the limit starts anew.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let stated = text(headers, RETRY_AFTER.as_str()).and_then(|text| match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(between(date(text)?, served_at(headers)?)),
    });
    // No wait at all, or a moment that is over, is no word of when to ask again: asked at once, it would refuse at once.
    stated.or_else(|| reset_after(headers)).filter(|wait| !wait.is_zero())
}

/// `X-Request-ID`, without which support can look nothing up.
pub(super) fn request_id(headers: &HeaderMap) -> Option<Untrusted> {
    text(headers, "x-request-id").map(Untrusted::from)
}

/// `X-RateLimit-Reset` less `Date`. Our own clock takes no part: it may be wrong, and both stand in the answer.
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

/// From `earlier` to `later`; nothing when they are the wrong way round.
fn between(later: Timestamp, earlier: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or_default()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}
