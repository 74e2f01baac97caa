//! An error body (docs/ALPACA.md 4.3): code as number or word, message, extra members; or HTML, plain text, nothing.

use serde_json::{Map, Value};

use crate::domain::Untrusted;

/// A decoded error body, in full: the caller removes secrets, which this module does not know, before truncating.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::broker::alpaca) struct Refusal {
    /// The eight-digit code, when it is a number or a number's digits.
    pub(in crate::broker::alpaca) code: Option<i64>,
    /// The broker's text, never empty.
    pub(in crate::broker::alpaca) message: Untrusted,
    /// Whether the body is in the API's own format: an object with a message or a code. A gateway's page is not.
    pub(in crate::broker::alpaca) spoken: bool,
    /// All members but code and message, as JSON text; includes a code that is a word.
    pub(in crate::broker::alpaca) extra: Option<Untrusted>,
}

/// Decodes an error body of any format.
pub(in crate::broker::alpaca) fn refusal(status: u16, body: &[u8]) -> Refusal {
    let Ok(Value::Object(mut members)) = serde_json::from_slice::<Value>(body) else {
        return Refusal { code: None, message: sentence(status, body).into(), spoken: false, extra: None };
    };
    let code = members.get("code").and_then(number);
    if code.is_some() {
        members.shift_remove("code");
    }
    let spoken = code.is_some() || is_the_api_s(&members);
    let said = said(&mut members);
    let message = said.unwrap_or_else(|| without_reason(status));
    let extra = (!members.is_empty()).then(|| Value::Object(members).to_string().into());
    Refusal { code, message: message.trim().into(), spoken, extra }
}

/// Whether the body is an error of the API or of OAuth (RFC 6750, 3.1), which concerns the token. A proxy or gateway
/// may answer with any other `error`.
fn is_the_api_s(members: &Map<String, Value>) -> bool {
    let word = |name: &str| members.get(name).and_then(Value::as_str).map(str::trim).unwrap_or_default();
    let oauth = ["invalid_token", "insufficient_scope", "invalid_request"];
    !word("message").is_empty() || oauth.contains(&word("error"))
}

/// The message, from `message` or the members that other parts of the API use for it.
fn said(members: &mut Map<String, Value>) -> Option<String> {
    for name in ["message", "error_description", "error_message", "msg", "error"] {
        if let Some(Value::String(text)) = members.get(name)
            && !text.trim().is_empty()
        {
            let text = text.clone();
            members.shift_remove(name);
            return Some(text);
        }
    }
    None
}

fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A sentence from a body that is not a JSON object: a gateway's page, plain text, empty.
fn sentence(status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let trimmed = text.trim_start_matches('\u{feff}').trim();
    let words = if trimmed.starts_with('<') { page_title(trimmed) } else { trimmed.to_owned() };
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() { without_reason(status) } else { words }
}

/// A sentence with the title of an HTML page, if it has one.
fn page_title(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let title = lower.find("<title").and_then(|start| {
        let open = start + lower.get(start..)?.find('>')? + 1;
        let close = open + lower.get(open..)?.find("</title")?;
        page.get(open..close)
    });
    match title.map(str::trim) {
        Some(title) if !title.is_empty() => format!("a web page instead of an answer: {title}"),
        _ => "a web page instead of an answer".to_owned(),
    }
}

fn without_reason(status: u16) -> String {
    let words = match status {
        401 => "the token is not accepted",
        403 => "forbidden",
        404 => "not found",
        408 | 504 => "no answer in time",
        422 => "the request cannot be carried out",
        429 => "too many requests",
        502 | 503 => "the service is not available",
        300..=399 => "a redirect, which is not followed",
        _ => "no reason given",
    };
    words.to_owned()
}
