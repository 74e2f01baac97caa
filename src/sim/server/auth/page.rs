//! The pages of the authorization server: consent and errors. Plain forms without scripts; everything is escaped.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use crate::sim::server::reply::typed;

/// An account to choose on the consent page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    /// Its number; the value of the form field.
    pub number: String,
    /// A short description.
    pub detail: String,
}

/// The content of the consent page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Consent<'a> {
    /// The form token.
    pub token: &'a str,
    /// The application's name.
    pub client: &'a str,
    /// The redirect URI.
    pub redirect_uri: &'a str,
    /// The form's target: this URL with its query.
    pub action: &'a str,
    /// The scopes requested.
    pub scopes: Vec<&'static str>,
    /// Paper accounts to choose from; empty if paper is not requested.
    pub paper: Vec<Choice>,
    /// Live accounts to choose from; empty if live is not requested.
    pub live: Vec<Choice>,
}

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#17212b;--soft:#5b6875;--line:#d8dee4;--card:#fff;--page:#eef1f4;--accent:#0b6e4f;--live:#b3261e;--paper:#1f5fbf}
@media(prefers-color-scheme:dark){:root{--ink:#e8edf2;--soft:#9aa7b4;--line:#33404c;--card:#18212a;--page:#0e141a;--accent:#2fa37b;--live:#ff7b72;--paper:#79b0ff}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif;padding:1.5rem}
main{width:100%;max-width:30rem;background:var(--card);border:1px solid var(--line);border-radius:14px;padding:2rem}
.mark{display:inline-block;font-size:.75rem;letter-spacing:.12em;font-weight:700;border:1px solid currentColor;border-radius:99px;padding:.1rem .7rem;color:var(--soft)}
h1{font-size:1.35rem;line-height:1.3;margin:1rem 0 .25rem}
p{margin:.25rem 0 1rem;color:var(--soft)}
fieldset{border:1px solid var(--line);border-radius:10px;margin:0 0 1rem;padding:.5rem 1rem .75rem}
legend{font-weight:700;padding:0 .4rem;font-size:.85rem}
legend.live{color:var(--live)}legend.paper{color:var(--paper)}
label{display:flex;gap:.7rem;align-items:center;padding:.4rem 0}
label small{color:var(--soft);margin-left:auto;font-variant-numeric:tabular-nums}
input{accent-color:var(--accent);width:1.1rem;height:1.1rem}
ul{margin:0 0 1.25rem;padding-left:1.2rem}
li{margin:.2rem 0}
.buttons{display:flex;gap:.75rem}
button{flex:1;font:inherit;font-weight:600;border-radius:9px;padding:.7rem;border:1px solid var(--line);background:transparent;color:inherit;cursor:pointer}
button#allow{background:var(--accent);border-color:var(--accent);color:#fff}
button:focus-visible,input:focus-visible{outline:3px solid var(--paper);outline-offset:2px}
.where{font-size:.8rem;margin:1rem 0 0;overflow-wrap:anywhere}
code{font-size:.9em}";

/// The consent page.
pub(super) fn consent(consent: &Consent<'_>) -> Response {
    let mut scopes = String::from("<li>See your account, orders, positions and activity</li>");
    for scope in &consent.scopes {
        let means = match *scope {
            "trading" => "Place, replace and cancel orders",
            "account:write" => "Change your account configuration and watchlists",
            _ => "Read market data",
        };
        scopes.push_str(&format!("<li>{means} <code>{}</code></li>", escape(scope)));
    }
    // With only one environment, the field is always `account`.
    let live_field = if consent.paper.is_empty() { "account" } else { "live_account" };
    let accounts = choices("Paper account", "paper", "account", &consent.paper)
        + &choices("LIVE account", "live", live_field, &consent.live);
    let body = format!(
        "<span class=\"mark\">SIMULATED BROKERAGE</span><h1>Allow <b>{client}</b> to use your account?</h1><p>It asks \
            to be able to:</p><ul>{scopes}</ul><form method=\"post\" action=\"{action}\"><input type=\"hidden\" name=\"{field}\" value=\"{token}\">{accounts}<div class=\"buttons\"><button id=\"deny\" name=\"decision\" value=\"deny\">Deny</button><button id=\"allow\" name=\"decision\" value=\"allow\">Allow</button></div></form><p class=\"where\">You return to <code>{redirect}</code></p>",
        field = super::TOKEN_FIELD,
        token = escape(consent.token),
        client = escape(consent.client),
        action = escape(consent.action),
        redirect = escape(consent.redirect_uri),
    );
    page(200, "Allow access · simulated brokerage", &body)
}

fn choices(title: &str, class: &str, field: &str, choices: &[Choice]) -> String {
    if choices.is_empty() {
        return String::new();
    }
    let mut rows = String::new();
    for (index, choice) in choices.iter().enumerate() {
        let checked = if index == 0 { " checked" } else { "" };
        rows.push_str(&format!(
            "<label><input type=\"radio\" name=\"{field}\" value=\"{number}\"{checked}>{number}<small>{detail}</small></label>",
            number = escape(&choice.number),
            detail = escape(&choice.detail),
        ));
    }
    format!("<fieldset><legend class=\"{class}\">{title}</legend>{rows}</fieldset>")
}

/// An error page: the browser stays here, and nothing is sent to the application.
pub(super) fn error(status: u16, title: &str, sentence: &str) -> Response {
    let body =
        format!("<span class=\"mark\">SIMULATED BROKERAGE</span><h1>{}</h1><p>{}</p>", escape(title), escape(sentence));
    page(status, "Not possible · simulated brokerage", &body)
}

fn page(status: u16, title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    );
    let mut response = typed(status, "text/html; charset=utf-8", Body::from(html));
    let headers = response.headers_mut();
    // No form-action: browsers also apply it to the redirect back to the application.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Without a referrer, browsers also hide the form's origin, and the form would look foreign.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Escapes text for HTML content and double-quoted attributes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for ch in text.chars() {
        match ch {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
