//! The authorization server: consent page, decision, token endpoint (docs/ALPACA.md 2). Opens no socket of its own.

mod page;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use subtle::ConstantTimeEq;
use url::{Url, form_urlencoded};

use self::page::{Choice, Consent};
use super::grants::{Challenge, Grant, Scopes, TokenError, TokenRequest};
use super::guard;
use super::lock::lock;
use super::reply;
use super::state::{AuthorizeTrick, ErrorShape, Sim};
use crate::sim::engine::order::AccountNo;

/// The router of the pages and the token endpoint.
pub(super) fn router(sim: Arc<Sim>) -> Router {
    // Other pages may request consent, but it can be given on our own page only.
    let given = post(decide).layer(middleware::from_fn(guard::ours));
    Router::new().route("/oauth/authorize", get(ask).merge(given)).route("/oauth/token", post(token)).with_state(sim)
}

/// Most fields of a query or form.
const MOST_FIELDS: usize = 64;
/// The form field that proves that the consent page was loaded.
pub(super) const TOKEN_FIELD: &str = "form_token";

/// The fields of a query or form. The error is a message for the user.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let fields: Vec<(String, String)> = form_urlencoded::parse(bytes).into_owned().take(MOST_FIELDS + 1).collect();
        if fields.len() > MOST_FIELDS {
            return Err(format!("There are more than {MOST_FIELDS} parameters."));
        }
        let double = fields.iter().enumerate().find(|(at, (name, _))| fields.iter().take(*at).any(|(n, _)| n == name));
        match double {
            Some((_, (name, _))) => Err(format!("{name} appears twice.")),
            None => Ok(Self(fields)),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

/// The environments of a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Environments {
    paper: bool,
    live: bool,
}

/// A request with a valid client and redirect URI: from here on, errors are sent to the application.
struct Request {
    client_id: String,
    client_name: String,
    redirect_uri: String,
    state: Option<String>,
}

/// A request that is valid for the consent page.
struct Details {
    scopes: Scopes,
    environments: Environments,
    challenge: Option<Challenge>,
}

fn request(sim: &Sim, fields: &Fields) -> Result<Request, Box<Response>> {
    let wrong = |title: &str, sentence: &str, status| Err(Box::new(page::error(status, title, sentence)));
    let client_id = fields.get("client_id").unwrap_or_default();
    let grants = lock(&sim.grants);
    let Some(client) = grants.client(client_id) else {
        let sentence = "Client authentication failed due to unknown client, no client authentication included, or \
                        unsupported authentication method.";
        return wrong("Unknown application", sentence, 401);
    };
    let redirect_uri = fields.get("redirect_uri").unwrap_or_default();
    if !client.redirect_uris.iter().any(|registered| registered == redirect_uri) {
        let sentence = "The redirect URI of this request is not one of those registered for the application. It must be \
                        equal to one of them, byte for byte.";
        return wrong("Redirect URI not registered", sentence, 400);
    }
    Ok(Request {
        client_id: client.id.clone(),
        client_name: client.name.clone(),
        redirect_uri: redirect_uri.to_owned(),
        state: fields.get("state").map(str::to_owned),
    })
}

fn details(fields: &Fields) -> Result<Details, (&'static str, String)> {
    if fields.get("response_type") != Some("code") {
        return Err(("unsupported_response_type", "response_type must be code".to_owned()));
    }
    let scopes = Scopes::parse(fields.get("scope").unwrap_or_default())
        .map_err(|word| ("invalid_scope", format!("unknown scope {word}")))?;
    let environments = match fields.get("env") {
        None | Some("") => Environments { paper: true, live: true },
        Some("paper") => Environments { paper: true, live: false },
        Some("live") => Environments { paper: false, live: true },
        Some(_) => return Err(("invalid_request", "env must be live or paper".to_owned())),
    };
    let challenge = match (fields.get("code_challenge"), fields.get("code_challenge_method")) {
        (None, _) => None,
        (Some(value), Some("S256")) => Some(Challenge { hashed: true, value: value.to_owned() }),
        (Some(value), None | Some("plain")) => Some(Challenge { hashed: false, value: value.to_owned() }),
        (Some(_), Some(_)) => return Err(("invalid_request", "unknown code_challenge_method".to_owned())),
    };
    Ok(Details { scopes, environments, challenge })
}

/// The redirect to the application.
fn back(request: &Request, fields: &[(&str, &str)], state: Option<&str>) -> Response {
    let Ok(mut target) = Url::parse(&request.redirect_uri) else {
        return page::error(400, "Unusable redirect URI", "The registered redirect URI is not a valid address.");
    };
    {
        let mut query = target.query_pairs_mut();
        query.extend_pairs(fields);
        if let Some(state) = state {
            query.append_pair("state", state);
        }
    }
    let mut response = reply::empty(302);
    if let Ok(location) = HeaderValue::from_str(target.as_str()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn ask(State(sim): State<Arc<Sim>>, uri: Uri, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let fields = match Fields::parse(query.as_bytes()) {
        Ok(fields) => fields,
        Err(sentence) => return page::error(400, "Unreadable parameters", &sentence),
    };
    let request = match request(&sim, &fields) {
        Ok(request) => request,
        Err(page) => return *page,
    };
    let details = match details(&fields) {
        Ok(details) => details,
        Err((error, why)) => {
            let fields = [("error", error), ("error_description", why.as_str())];
            return back(&request, &fields, request.state.as_deref());
        }
    };
    let choose = |wanted: bool, live: bool| if wanted { choices(&sim, live) } else { Vec::new() };
    let Some(token) = sim.form_key.as_ref().map(|key| key.token(&query)) else {
        return page::error(
            500,
            "No randomness",
            "The system provided no random numbers, so a forged form could not be detected.",
        );
    };
    page::consent(&Consent {
        token: &token,
        client: &request.client_name,
        redirect_uri: &request.redirect_uri,
        action: uri.path_and_query().map_or("/oauth/authorize", |whole| whole.as_str()),
        scopes: details.scopes.names().collect(),
        paper: choose(details.environments.paper, false),
        live: choose(details.environments.live, true),
    })
}

fn choices(sim: &Sim, live: bool) -> Vec<Choice> {
    let accounts = sim.hub.accounts();
    let of_kind = accounts.into_iter().filter(|account| account.live == live);
    of_kind.map(|account| Choice { number: account.number, detail: account.detail }).collect()
}

async fn decide(State(sim): State<Arc<Sim>>, RawQuery(query): RawQuery, body: Bytes) -> Response {
    let query = query.unwrap_or_default();
    let expected = sim.form_key.as_ref().map(|key| key.token(&query));
    let parsed = Fields::parse(query.as_bytes()).and_then(|query| {
        let form = Fields::parse(&body)?;
        Ok((query, form))
    });
    let (fields, form) = match parsed {
        Ok(both) => both,
        Err(sentence) => return page::error(400, "Unreadable parameters", &sentence),
    };
    let shown = form.get(TOKEN_FIELD).unwrap_or_default();
    if !expected.is_some_and(|token| bool::from(token.as_bytes().ct_eq(shown.as_bytes()))) {
        let sentence = "The decision did not come from this page: its form_token is missing or belongs to another \
            page. Open the page and decide there.";
        return page::error(403, "Not from this page", sentence);
    }
    let request = match request(&sim, &fields) {
        Ok(request) => request,
        Err(page) => return *page,
    };
    let details = match details(&fields) {
        Ok(details) => details,
        Err((error, why)) => {
            let fields = [("error", error), ("error_description", why.as_str())];
            return back(&request, &fields, request.state.as_deref());
        }
    };
    let trick = lock(&sim.policy).authorize.take();
    if trick == Some(AuthorizeTrick::Hang) {
        // Like a user who walks away; the connection ends with the server or the client.
        sim.shutdown.cancelled().await;
    }
    let denied = match form.get("decision") {
        Some("allow") => trick == Some(AuthorizeTrick::Deny) || trick == Some(AuthorizeTrick::DenyWithoutWords),
        Some("deny") => true,
        _ => return page::error(400, "No decision", "The form field decision must be allow or deny."),
    };
    let state = match trick {
        Some(AuthorizeTrick::WrongState) => Some("0000000000000000000000000000000000000000000".to_owned()),
        Some(AuthorizeTrick::NoState) => None,
        _ => request.state.clone(),
    };
    if denied {
        let words = ("error_description", "The resource owner denied the request");
        let with = [("error", "access_denied"), words];
        let fields = if trick == Some(AuthorizeTrick::DenyWithoutWords) { &with[..1] } else { &with[..] };
        return back(&request, fields, state.as_deref());
    }
    let grant = match grant(&sim, &details, &form) {
        Ok(grant) => grant,
        Err(number) => {
            let sentence = format!("Account {number} is not one of those to choose from.");
            return page::error(400, "Unknown account", &sentence);
        }
    };
    let now = sim.clock.now();
    let code = lock(&sim.grants).issue_code(&request.client_id, &request.redirect_uri, details.challenge, grant, now);
    back(&request, &[("code", &code)], state.as_deref())
}

/// The accounts chosen in the form; the first of each kind if none. The error is the unknown number.
fn grant(sim: &Sim, details: &Details, form: &Fields) -> Result<Grant, String> {
    let accounts = sim.hub.accounts();
    let choose = |live: bool, field: &str| -> Result<Option<AccountNo>, String> {
        let mut of_kind = accounts.iter().filter(|account| account.live == live);
        match form.get(field).filter(|number| !number.is_empty()) {
            None => Ok(of_kind.next().map(|account| account.no)),
            Some(number) => match of_kind.find(|account| account.number == number) {
                Some(account) => Ok(Some(account.no)),
                None => Err(number.to_owned()),
            },
        }
    };
    let Environments { paper, live } = details.environments;
    Ok(Grant {
        paper: if paper { choose(false, "account")? } else { None },
        live: if live { choose(true, if paper { "live_account" } else { "account" })? } else { None },
        scopes: details.scopes,
    })
}

async fn token(State(sim): State<Arc<Sim>>, headers: HeaderMap, body: Bytes) -> Response {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.split(';').next().map(str::trim) != Some("application/x-www-form-urlencoded") {
        return reply::ApiError::new(401, 40_110_000, "invalid_client").into_response();
    }
    let slow = lock(&sim.policy).token_delay.take();
    if let Some(delay) = slow {
        wait(&sim, delay).await;
    }
    match exchange(&sim, &body) {
        Ok(body) => {
            let mut response = reply::json(200, &body);
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        Err((error, why)) => refused(&sim, error, why),
    }
}

fn exchange(sim: &Sim, body: &[u8]) -> Result<serde_json::Value, (TokenError, &'static str)> {
    let fields = Fields::parse(body)
        .map_err(|_| (TokenError::InvalidRequest, "a parameter appears twice, or there are too many"))?;
    let need = |name: &str| {
        let value = fields.get(name).filter(|value| !value.is_empty());
        value.ok_or((TokenError::InvalidRequest, "a required parameter is missing"))
    };
    if need("grant_type")? != "authorization_code" {
        return Err((TokenError::UnsupportedGrantType, "grant_type must be authorization_code"));
    }
    let request = TokenRequest {
        client_id: need("client_id")?,
        client_secret: need("client_secret")?,
        code: need("code")?,
        redirect_uri: need("redirect_uri")?,
        verifier: fields.get("code_verifier"),
    };
    let issued = lock(&sim.grants).exchange(request, sim.clock.now());
    let (access_token, scopes) = issued.map_err(|error| {
        let why = match error {
            TokenError::InvalidClient => "client authentication failed",
            _ => "the authorization code is invalid, expired, used, or was issued for another request",
        };
        (error, why)
    })?;
    Ok(json!({"access_token": access_token, "token_type": "bearer", "scope": scopes.text()}))
}

fn refused(sim: &Sim, error: TokenError, why: &str) -> Response {
    match lock(&sim.policy).token_errors {
        ErrorShape::OAuth => reply::json(error.status(), &json!({"error": error.word(), "error_description": why})),
        ErrorShape::Alpaca => {
            let code = u64::from(error.status()) * 100_000 + 10_000;
            reply::ApiError::new(error.status(), code, error.word()).into_response()
        }
        ErrorShape::Text => {
            let mut response = error.word().into_response();
            *response.status_mut() = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
            response
        }
        ErrorShape::Html => reply::gateway_page(502),
    }
}

async fn wait(sim: &Sim, delay: Duration) {
    tokio::select! {
        () = tokio::time::sleep(delay) => {}
        () = sim.shutdown.cancelled() => {}
    }
}
