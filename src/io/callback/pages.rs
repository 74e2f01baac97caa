//! The pages of the callback listener: constant bytes and headers.

use axum::body::Body;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::{Answer, Stage};
use crate::link::flow::Ignored;

/// Removes the code from the address bar and history. The only script that a page may run; named by its hash.
macro_rules! forget {
    () => {
        "history.replaceState(null, \"\", \"/done\"); // the code"
    };
}

macro_rules! page {
    ($title:literal, $text:literal) => {
        page!($title, $text, "")
    };
    ($title:literal, $text:literal, $end:expr) => {
        concat!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n",
            "<meta name=\"viewport\" content=\"width=device-width\">\n",
            "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
            $title,
            " - brokerdeck</title>\n<h1>",
            $title,
            "</h1>\n<p>",
            $text,
            "</p>\n",
            $end,
            "</html>\n"
        )
    };
}

const ACCEPTED: &str = page!(
    "Back to the terminal",
    "brokerdeck has the broker's answer. Continue in the terminal; you can close this tab.",
    concat!("<script>", forget!(), "</script>\n")
);
const ANSWERED: &str = page!(
    "Back to the terminal",
    "brokerdeck already has this answer. Continue in the terminal; you can close this tab."
);
const LINKED: &str = page!("Linked", "The account is linked. You can close this tab.");
const NOT_LINKED: &str = page!(
    "Not linked",
    "brokerdeck received this answer, but nothing was linked. The terminal says why; start again there."
);
const LONG_HEADER: &str = page!(
    "Too many cookies",
    "The browser sends more cookies for localhost than brokerdeck reads. Delete the cookies for localhost and reload \
        this page, or paste its address into brokerdeck."
);
const LATE: &str = page!("Too late", "brokerdeck stopped waiting for this answer. Start again in the terminal.");
const STRANGE: &str = page!(
    "Not the answer",
    "This is not the answer that brokerdeck is waiting for. The login in the terminal continues; use the address \
        shown there."
);
const NOT_FOUND: &str = page!("Nothing here", "There is no such page.");
const NOT_ALLOWED: &str = page!("Not allowed", "Only a browser tab may open this page.");
const TOO_LONG: &str = page!("Too long", "This address is too long to be an answer.");

/// The content security policy of the answer's page, which allows that script.
const FORGETTING: &str =
    "default-src 'none'; script-src 'sha256-jxkzKnx5nYKsKoPGykOn3uWmoV3Cj9C2yoLeV5iVOfE='; frame-ancestors 'none'";

/// The page for a verdict.
pub(super) fn page(answer: Answer) -> Response {
    match answer {
        Answer::Accepted => {
            let mut response = build(StatusCode::OK, ACCEPTED);
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(FORGETTING));
            response
        }
        Answer::Again(Stage::Answered) | Answer::Ignored(Ignored::Used) => build(StatusCode::OK, ANSWERED),
        Answer::Again(Stage::Linked) => build(StatusCode::OK, LINKED),
        Answer::Again(Stage::NotLinked) => build(StatusCode::OK, NOT_LINKED),
        Answer::Ignored(Ignored::Method) => {
            let mut response = build(StatusCode::METHOD_NOT_ALLOWED, NOT_ALLOWED);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
            response
        }
        Answer::Ignored(Ignored::Host) => build(StatusCode::MISDIRECTED_REQUEST, NOT_FOUND),
        Answer::Ignored(Ignored::Path) => build(StatusCode::NOT_FOUND, NOT_FOUND),
        Answer::Ignored(Ignored::FetchDest) => build(StatusCode::FORBIDDEN, NOT_ALLOWED),
        Answer::Ignored(Ignored::Doubled | Ignored::State | Ignored::Empty) => build(StatusCode::BAD_REQUEST, STRANGE),
        Answer::Ignored(Ignored::Late) => build(StatusCode::GONE, LATE),
    }
}

/// The page for a target that is too long.
pub(super) fn too_long() -> Response {
    build(StatusCode::URI_TOO_LONG, TOO_LONG)
}

/// The page for a header that is too long.
pub(super) fn long_header() -> Response {
    build(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, LONG_HEADER)
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

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest, Sha256};

    use super::super::DONE_PATH;
    use super::*;

    #[test]
    fn the_policy_allows_the_one_script_that_the_page_has() {
        let script = forget!();
        assert!(ACCEPTED.contains(&format!("<script>{script}</script>")) && script.contains(DONE_PATH));
        let hash = STANDARD.encode(Sha256::digest(script));
        assert!(FORGETTING.contains(&format!("'sha256-{hash}'")), "{hash}");
        for other in [ANSWERED, LINKED, NOT_LINKED, LATE, STRANGE, NOT_FOUND, NOT_ALLOWED, TOO_LONG, LONG_HEADER] {
            assert!(!other.contains("<script"), "{other}");
        }
    }
}
