//! The pages of the redirect listener: constant bytes and constant headers.

use axum::body::Body;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::{Answer, DONE_PATH};
use crate::link::flow::Ignored;

macro_rules! page {
    ($title:literal, $text:literal) => {
        concat!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n",
            "<meta name=\"viewport\" content=\"width=device-width\">\n",
            "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
            $title,
            " - brokerdeck</title>\n<h1>",
            $title,
            "</h1>\n<p>",
            $text,
            "</p>\n</html>\n"
        )
    };
}

const DONE: &str = page!("Back to the terminal", "brokerdeck has the broker's answer. You can close this tab.");
const MOVED: &str = page!("One moment", "brokerdeck has the broker's answer.");
const USED: &str = page!("Already used", "This answer was used before and does nothing now. You can close this tab.");
const LATE: &str = page!("Too late", "brokerdeck stopped waiting for this answer. Start again in the terminal.");
const STRANGE: &str = page!(
    "Not the answer",
    "This is not the answer that brokerdeck is waiting for. The login in the terminal goes on; use the address shown there."
);
const NOT_FOUND: &str = page!("Nothing here", "There is no such page.");
const NOT_ALLOWED: &str = page!("Not allowed", "Only a browser's own tab may come here.");
const TOO_LONG: &str = page!("Too long", "This address is longer than any answer.");

/// The page for what a judge said.
pub(super) fn page(answer: Answer) -> Response {
    match answer {
        Answer::Accepted => {
            let mut response = build(StatusCode::SEE_OTHER, MOVED);
            response.headers_mut().insert(LOCATION, HeaderValue::from_static(DONE_PATH));
            response
        }
        Answer::Done => build(StatusCode::OK, DONE),
        Answer::Ignored(Ignored::Method) => {
            let mut response = build(StatusCode::METHOD_NOT_ALLOWED, NOT_ALLOWED);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
            response
        }
        Answer::Ignored(Ignored::Host) => build(StatusCode::MISDIRECTED_REQUEST, NOT_FOUND),
        Answer::Ignored(Ignored::Path) => build(StatusCode::NOT_FOUND, NOT_FOUND),
        Answer::Ignored(Ignored::FetchDest) => build(StatusCode::FORBIDDEN, NOT_ALLOWED),
        Answer::Ignored(Ignored::Doubled | Ignored::State | Ignored::Empty) => build(StatusCode::BAD_REQUEST, STRANGE),
        Answer::Ignored(Ignored::Used) => build(StatusCode::GONE, USED),
        Answer::Ignored(Ignored::Late) => build(StatusCode::GONE, LATE),
    }
}

/// The page for a target beyond the limit.
pub(super) fn too_long() -> Response {
    build(StatusCode::URI_TOO_LONG, TOO_LONG)
}

fn build(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONNECTION, "close"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
