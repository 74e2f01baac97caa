//! The simulated brokerage over real sockets, as a client sees it: consent, tokens, orders, streams, faults.

use std::time::Duration;

use brokerdeck::sim::server::{Running, start};
use brokerdeck::sim::{Ready, SimOptions};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Client, Method, Response, StatusCode};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use url::Url;

mod data;
#[cfg(target_os = "linux")]
mod descriptors;
mod foreign_clients;
mod guard;
mod readings;
mod remainder;
mod scenario;
mod sse;
mod table;

/// Longer than any step takes, even on a busy machine.
const TEST_TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) fn options() -> SimOptions {
    SimOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        seed: 11,
        pace: Decimal::ONE,
        rate: None,
        tls: false,
        frames: brokerdeck::sim::options::Frames::Faithful,
        faults: None,
        scenario: None,
        idle: true,
        incarnation: 0,
        redirect_uris: vec!["http://127.0.0.1:41999/callback".to_owned()],
    }
}

/// A running brokerage and a client for it.
struct Fixture {
    running: Running,
    http: Client,
}

impl Fixture {
    async fn open() -> Self {
        Self::with(options()).await
    }

    async fn with(options: SimOptions) -> Self {
        // Several tests share the process; the first one installs the provider.
        drop(rustls::crypto::ring::default_provider().install_default());
        let running = start(options).await.unwrap();
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(TEST_TIMEOUT).build().unwrap();
        Self { running, http }
    }

    fn ready(&self) -> &Ready {
        &self.running.ready
    }

    async fn ask(&self, method: Method, path: &str, token: &str, body: Option<Value>) -> Response {
        let url = format!("{}{path}", self.ready().paper.api_url);
        let mut request = self.http.request(method, url).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    async fn paper(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let response = self.ask(method, path, &self.ready().paper_token, body).await;
        (response.status(), response.json().await.unwrap_or_default())
    }

    async fn control(&self, action: &str, body: Value) -> Value {
        let (status, answer) = self.paper(Method::POST, &format!("/_sim/{action}"), Some(body)).await;
        assert_eq!(status, StatusCode::OK, "{action}: {answer}");
        answer
    }

    async fn limit(&self, price: &str) -> Value {
        let body = json!({"symbol": "AAPL", "qty": "10", "side": "buy", "type": "limit", "time_in_force": "day", "limit_price": price});
        let (status, order) = self.paper(Method::POST, "/v2/orders", Some(body)).await;
        assert_eq!(status, StatusCode::OK, "{order}");
        order
    }

    fn authorize_url(&self, more: &[(&str, &str)]) -> Url {
        let ready = self.ready();
        let fixed = [
            ("response_type", "code"),
            ("client_id", ready.client_id.as_str()),
            ("redirect_uri", ready.redirect_uris[0].as_str()),
            ("state", "some state"),
        ];
        let mut url = Url::parse(&ready.authorize_url).unwrap();
        for (name, value) in fixed.into_iter().filter(|(name, _)| more.iter().all(|(other, _)| other != name)) {
            url.query_pairs_mut().append_pair(name, value);
        }
        url.query_pairs_mut().extend_pairs(more);
        url
    }

    /// Opens the page and presses one of its buttons.
    async fn decide(&self, url: Url, form: &[(&str, &str)]) -> Response {
        let page = self.http.get(url.clone()).send().await.unwrap().text().await.unwrap_or_default();
        let token = form_token(&page).unwrap_or_default();
        let mut form = form.to_vec();
        form.push(("form_token", &token));
        self.http.post(url).form(&form).send().await.unwrap()
    }

    /// Gets a token through all steps.
    async fn link(&self, query: &[(&str, &str)], form: &[(&str, &str)]) -> String {
        let answer = self.decide(self.authorize_url(query), form).await;
        assert_eq!(answer.status(), StatusCode::FOUND);
        let code = location(&answer, "code").unwrap();
        let answer = self.exchange(&code, &[]).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["token_type"], "bearer");
        body["access_token"].as_str().unwrap().to_owned()
    }

    async fn exchange(&self, code: &str, more: &[(&str, &str)]) -> Response {
        let ready = self.ready();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("client_id", &ready.client_id),
            ("client_secret", &ready.client_secret),
            ("redirect_uri", &ready.redirect_uris[0]),
        ];
        form.extend_from_slice(more);
        self.http.post(&ready.token_url).form(&form).send().await.unwrap()
    }

    async fn socket(&self, url: &str) -> Socket {
        Socket(connect_async(url).await.unwrap().0)
    }

    /// A paper stream that is listening.
    async fn listening(&self) -> Socket {
        let mut socket = self.socket(&self.ready().paper.stream_url).await;
        socket.say(&json!({"action": "authenticate", "data": {"oauth_token": self.ready().paper_token}})).await;
        assert_eq!(socket.receive().await.unwrap()["data"]["status"], "authorized");
        socket.say(&json!({"action": "listen", "data": {"streams": ["trade_updates"]}})).await;
        let reply = socket.receive().await.unwrap();
        assert_eq!(reply, json!({"stream": "listening", "data": {"streams": ["trade_updates"]}}));
        socket
    }
}

/// The token of the consent page's form.
fn form_token(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("name=\"form_token\" value=\"")?;
    rest.split_once('"').map(|(token, _)| token.to_owned())
}

fn location(answer: &Response, name: &str) -> Option<String> {
    let target = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    target.query_pairs().find(|(field, _)| field == name).map(|(_, value)| value.into_owned())
}

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn say(&mut self, value: &Value) {
        self.0.send(Message::text(value.to_string())).await.unwrap();
    }

    /// The next message; `None` at the end, with a close frame or without one.
    async fn raw(&mut self) -> Option<Message> {
        loop {
            match tokio::time::timeout(TEST_TIMEOUT, self.0.next()).await.expect("a message in time") {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(message)) => return Some(message),
            }
        }
    }

    async fn receive(&mut self) -> Option<Value> {
        self.raw().await.map(|message| serde_json::from_slice(&message.into_data()).unwrap())
    }

    /// Event names up to and including the wanted one.
    async fn events_until(&mut self, last: &str) -> Vec<String> {
        let mut names = Vec::new();
        while names.last().is_none_or(|name| name != last) {
            let message = self.receive().await.expect("the stream continues");
            names.push(message["data"]["event"].as_str().unwrap_or("null").to_owned());
        }
        names
    }
}

#[tokio::test]
async fn consent_leads_to_a_token_for_the_chosen_account_alone() {
    let fixture = Fixture::open().await;
    let url = fixture.authorize_url(&[("env", "paper"), ("scope", "trading")]);
    let page = fixture.http.get(url).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    let html = page.text().await.unwrap();
    for part in ["id=\"allow\"", "id=\"deny\"", "PA3SIM0001", "PA3SIM0002", "trading"] {
        assert!(html.contains(part), "the page shows {part}");
    }
    assert!(!html.contains("LIVE account"), "live was not requested");
    let token = fixture
        .link(&[("env", "paper"), ("scope", "trading")], &[("decision", "allow"), ("account", "PA3SIM0002")])
        .await;
    let account: Value = fixture.ask(Method::GET, "/v2/account", &token, None).await.json().await.unwrap();
    assert_eq!(account["account_number"], "PA3SIM0002");
    let live = format!("{}/v2/account", fixture.ready().live.api_url);
    assert_eq!(fixture.http.get(live).bearer_auth(&token).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let set = fixture.ask(Method::PATCH, "/v2/account/configurations", &token, Some(json!({}))).await;
    assert_eq!(set.status(), StatusCode::FORBIDDEN, "account:write was not granted");
    fixture.running.stop().await;
}

#[tokio::test]
async fn one_consent_covers_both_environments_when_none_is_named() {
    let fixture = Fixture::open().await;
    let token = fixture.link(&[("scope", "data")], &[("decision", "allow")]).await;
    for endpoints in [&fixture.ready().paper, &fixture.ready().live] {
        let url = format!("{}/v2/account", endpoints.api_url);
        assert_eq!(fixture.http.get(url).bearer_auth(&token).send().await.unwrap().status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn refusals_redirect_with_the_state_and_unregistered_addresses_are_never_used() {
    let fixture = Fixture::open().await;
    let denied = fixture.decide(fixture.authorize_url(&[]), &[("decision", "deny")]).await;
    assert_eq!(denied.status(), StatusCode::FOUND);
    assert_eq!(location(&denied, "error").as_deref(), Some("access_denied"));
    assert_eq!(location(&denied, "state").as_deref(), Some("some state"));
    for wrong in [("client_id", "nobody"), ("redirect_uri", "http://127.0.0.1:41999/callback/")] {
        let answer = fixture.decide(fixture.authorize_url(&[wrong]), &[("decision", "allow")]).await;
        assert!(answer.status().is_client_error(), "{wrong:?}");
        assert!(!answer.headers().contains_key("location"), "{wrong:?}");
    }
    fixture.control("authorize", json!({"next": "wrong_state"})).await;
    let turned = fixture.decide(fixture.authorize_url(&[]), &[("decision", "allow")]).await;
    assert_ne!(location(&turned, "state").as_deref(), Some("some state"));
}

#[tokio::test]
async fn a_code_is_valid_for_ten_simulated_minutes() {
    let fixture = Fixture::open().await;
    let code =
        async || location(&fixture.decide(fixture.authorize_url(&[]), &[("decision", "allow")]).await, "code").unwrap();
    let (late, in_time) = (code().await, code().await);
    fixture.control("advance", json!({"by": "590s"})).await;
    let good = fixture.exchange(&in_time, &[]).await;
    assert_eq!(good.status(), StatusCode::OK);
    let clock = fixture.ask(Method::GET, "/v2/clock", &fixture.ready().paper_token, None).await;
    let day = |answer: &Response| answer.headers()["date"].to_str().unwrap().split(':').next().unwrap().to_owned();
    assert_eq!(day(&good), day(&clock), "all origins have the same time");
    fixture.control("advance", json!({"by": "11s"})).await;
    let bad = fixture.exchange(&late, &[]).await;
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    assert_eq!(bad.json::<Value>().await.unwrap()["error"], "invalid_grant");
}

#[tokio::test]
async fn option_contracts_are_found_by_their_terms_and_follow_their_underlying() {
    let fixture = Fixture::open().await;
    let list = async |query: &str| {
        let (status, body) = fixture.paper(Method::GET, &format!("/v2/options/contracts?{query}"), None).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    };
    let calls = list("underlying_symbols=AAPL&type=call&strike_price_gte=270").await;
    let calls = calls["option_contracts"].as_array().unwrap();
    assert_eq!(calls.iter().map(|row| row["strike_price"].clone()).collect::<Vec<_>>(), ["270", "280"]);
    let day = calls[0]["expiration_date"].as_str().unwrap();
    assert_eq!(list(&format!("expiration_date_lte={day}&status=inactive")).await["option_contracts"], json!([]));
    let page = list("limit=5").await;
    let next = list(&format!("limit=100&page_token={}", page["next_page_token"].as_str().unwrap())).await;
    assert_eq!((next["option_contracts"].as_array().unwrap().len(), &next["next_page_token"]), (7, &Value::Null));

    let symbol = calls[0]["symbol"].as_str().unwrap();
    let ask = async || {
        let url = format!("{}/v1beta1/options/quotes/latest?symbols={symbol}", fixture.ready().data.api_url);
        let answer = fixture.http.get(url).bearer_auth(&fixture.ready().paper_token).send().await.unwrap();
        let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        body["quotes"][symbol]["ap"].to_string().parse::<Decimal>().unwrap()
    };
    fixture.control("price", json!({"symbol": "AAPL", "price": "270"})).await;
    fixture.control("advance", json!({"by": "5s"})).await;
    let before = ask().await;
    assert!(before > Decimal::from(5) && before < Decimal::from(25), "{before}");
    fixture.control("price", json!({"symbol": "AAPL", "price": "330"})).await;
    fixture.control("advance", json!({"by": "5s"})).await;
    let after = ask().await;
    assert!(after >= Decimal::from(59) && after < Decimal::from(75), "{after}");
    let body = json!({"symbol": symbol, "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"});
    let (_, order) = fixture.paper(Method::POST, "/v2/orders", Some(body)).await;
    fixture.control("advance", json!({"by": "5s"})).await;
    let path = format!("/v2/orders/{}", order["id"].as_str().unwrap());
    let filled = fixture.paper(Method::GET, &path, None).await.1;
    assert_eq!((&filled["status"], &filled["position_intent"]), (&json!("filled"), &json!("buy_to_open")));
}

#[tokio::test]
async fn a_code_is_valid_once_and_for_its_verifier_only() {
    let fixture = Fixture::open().await;
    // The pair of RFC 7636, appendix B.
    let (verifier, challenge) =
        ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    let code = async || {
        let url = fixture.authorize_url(&[("code_challenge", challenge), ("code_challenge_method", "S256")]);
        location(&fixture.decide(url, &[("decision", "allow")]).await, "code").unwrap()
    };
    let first = code().await;
    assert_eq!(fixture.exchange(&first, &[("code_verifier", verifier)]).await.status(), StatusCode::OK);
    let again = fixture.exchange(&first, &[("code_verifier", verifier)]).await;
    assert_eq!(again.status(), StatusCode::BAD_REQUEST);
    assert_eq!(again.json::<Value>().await.unwrap()["error"], "invalid_grant");
    let wrong = fixture.exchange(&code().await, &[("code_verifier", "x")]).await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    fixture.control("token_endpoint", json!({"errors": "alpaca"})).await;
    let shaped = fixture.exchange("no such code", &[]).await.json::<Value>().await.unwrap();
    assert_eq!(shaped["message"], "invalid_grant");
    let untyped = fixture.http.post(&fixture.ready().token_url).body("code=x").send().await.unwrap();
    assert_eq!(untyped.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(untyped.json::<Value>().await.unwrap(), json!({"code": 40_110_000, "message": "invalid_client"}));
}

#[tokio::test]
async fn an_order_is_placed_replaced_and_canceled_and_the_stream_reports_it() {
    let fixture = Fixture::open().await;
    let mut socket = fixture.listening().await;
    let order = fixture.limit("1.00").await;
    assert!(socket.events_until("new").await.starts_with(&["pending_new".to_owned()]));
    let id = order["id"].as_str().unwrap();
    // Some clients leave the dashes out.
    let plain = id.replace('-', "");
    let (status, newer) = fixture.paper(Method::PATCH, &format!("/v2/orders/{plain}"), Some(json!({"qty": 5}))).await;
    assert_eq!(status, StatusCode::OK, "{newer}");
    assert_eq!(newer["replaces"], order["id"]);
    assert!(socket.events_until("new").await.contains(&"replaced".to_owned()));
    let newer_id = newer["id"].as_str().unwrap();
    assert_eq!(fixture.paper(Method::DELETE, &format!("/v2/orders/{newer_id}"), None).await.0, StatusCode::NO_CONTENT);
    socket.events_until("canceled").await;
    let (status, refusal) = fixture.paper(Method::DELETE, &format!("/v2/orders/{newer_id}"), None).await;
    assert_eq!((status, refusal["code"].as_u64()), (StatusCode::UNPROCESSABLE_ENTITY, Some(42_210_000)));
    let (_, listed) = fixture.paper(Method::GET, "/v2/orders?status=all&limit=500", None).await;
    let (_, truth) = fixture.paper(Method::GET, "/_sim/truth", None).await;
    let ids = |rows: &Value| {
        let mut ids: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["id"].to_string()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&listed).len(), 2);
    assert_eq!(ids(&listed), ids(&truth["orders"]));
}

#[tokio::test]
async fn responses_have_the_services_headers_and_the_budget_is_limited() {
    let fixture = Fixture::open().await;
    fixture.control("rate_limit", json!({"limit": 2})).await;
    let first = fixture.ask(Method::GET, "/v2/account", &fixture.ready().paper_token, None).await;
    for name in ["x-request-id", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "date"] {
        assert!(first.headers().contains_key(name), "{name}");
    }
    fixture.ask(Method::GET, "/v2/account", &fixture.ready().paper_token, None).await;
    let third = fixture.ask(Method::GET, "/v2/account", &fixture.ready().paper_token, None).await;
    assert_eq!(third.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(third.headers().contains_key("retry-after"));
    fixture.control("rate_limit", json!({"retry_after": false})).await;
    let fourth = fixture.ask(Method::GET, "/v2/account", &fixture.ready().paper_token, None).await;
    assert_eq!(fourth.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(!fourth.headers().contains_key("retry-after") && fourth.headers().contains_key("x-ratelimit-reset"));
    fixture.control("clear", json!({})).await;
    let after = fixture.ask(Method::GET, "/v2/account", &fixture.ready().paper_token, None).await;
    assert_eq!((after.status(), &after.headers()["x-ratelimit-limit"]), (StatusCode::OK, &"200".parse().unwrap()));
}

#[tokio::test]
async fn every_form_of_authentication_gets_the_right_answer() {
    let fixture = Fixture::open().await;
    let (ready, token) = (fixture.ready(), &fixture.ready().paper_token);
    let forms = [
        (json!({"action": "auth", "key": ready.key_id, "secret": ready.secret_key}), false),
        (json!({"action": "authenticate", "data": {"key_id": ready.key_id, "secret_key": ready.secret_key}}), true),
        (json!({"action": "authenticate", "data": {"oauth_token": token}}), false),
        (json!({"action": "auth", "key": "oauth", "secret": token}), false),
    ];
    for (form, deprecated) in forms {
        let mut socket = fixture.socket(&ready.paper.stream_url).await;
        socket.say(&form).await;
        let reply = socket.receive().await.unwrap();
        assert_eq!(reply["stream"], "authorization");
        assert_eq!(
            (&reply["data"]["status"], &reply["data"]["action"]),
            (&json!("authorized"), &json!("authenticate"))
        );
        assert_eq!(reply["data"]["message"].is_string(), deprecated, "{form}");
    }
    let mut early = fixture.socket(&ready.paper.stream_url).await;
    early.say(&json!({"action": "listen", "data": {"streams": ["trade_updates"]}})).await;
    let reply = early.receive().await.unwrap();
    assert_eq!(reply, json!({"stream": "authorization", "data": {"status": "unauthorized", "action": "listen"}}));
    assert!(early.receive().await.is_none(), "the server closes after a refusal");
    fixture.control("stream_auth", json!({"form": "oauth_token", "answer": "refuse"})).await;
    let mut refused = fixture.socket(&ready.paper.stream_url).await;
    refused.say(&json!({"action": "authenticate", "data": {"oauth_token": token}})).await;
    assert_eq!(refused.receive().await.unwrap()["data"]["status"], "unauthorized");
}

#[tokio::test]
async fn frames_are_binary_on_paper_text_on_live_and_packed_on_request() {
    let fixture = Fixture::open().await;
    let mut paper = fixture.socket(&fixture.ready().paper.stream_url).await;
    let auth = |token: &str| json!({"action": "authenticate", "data": {"oauth_token": token}});
    paper.say(&auth(&fixture.ready().paper_token)).await;
    assert!(matches!(paper.raw().await, Some(Message::Binary(_))));
    let mut live = fixture.socket(&fixture.ready().live.stream_url).await;
    live.say(&auth(&fixture.ready().live_token)).await;
    assert!(matches!(live.raw().await, Some(Message::Text(_))));
    let mut request = fixture.ready().paper.stream_url.as_str().into_client_request().unwrap();
    request.headers_mut().insert("content-type", "application/msgpack".parse().unwrap());
    let mut packed = Socket(connect_async(request).await.unwrap().0);
    packed.say(&auth(&fixture.ready().paper_token)).await;
    let reply: Value = rmp_serde::from_slice(&packed.raw().await.unwrap().into_data()).unwrap();
    assert_eq!(reply["data"]["status"], "authorized");
}

#[tokio::test]
async fn faults_affect_the_output_and_not_the_books() {
    let fixture = Fixture::open().await;
    let mut socket = fixture.listening().await;
    fixture.control("fault", json!({"rule": "duplicate*1"})).await;
    fixture.limit("1.00").await;
    let names = socket.events_until("new").await;
    assert_eq!(names, ["pending_new", "pending_new", "new"]);
    fixture.control("fault", json!({"rule": "data_null*1"})).await;
    let order = fixture.limit("1.01").await;
    assert_eq!(socket.events_until("pending_new").await.first().map(String::as_str), Some("null"));
    socket.events_until("new").await;
    fixture.control("fault", json!({"rule": "lose_answer*1", "method": "POST", "path": "/v2/orders"})).await;
    let body = json!({"symbol": "AAPL", "qty": "1", "side": "buy", "type": "limit", "time_in_force": "day", "limit_price": "1.02", "client_order_id": "lost"});
    let url = format!("{}/v2/orders", fixture.ready().paper.api_url);
    let lost = fixture.http.post(url).bearer_auth(&fixture.ready().paper_token).json(&body).send().await;
    assert!(lost.is_err(), "no answer came");
    let (status, found) = fixture.paper(Method::GET, "/v2/orders:by_client_order_id?client_order_id=lost", None).await;
    assert_eq!((status, &found["limit_price"]), (StatusCode::OK, &json!("1.02")), "the order was placed all the same");
    fixture.control("drop", json!({})).await;
    while socket.receive().await.is_some() {}
    let (_, truth) = fixture.paper(Method::GET, "/_sim/truth", None).await;
    assert_eq!(truth["orders"].as_array().unwrap().len(), 3);
    let (_, log) = fixture.paper(Method::GET, "/_sim/log", None).await;
    let faults: Vec<_> = log.as_array().unwrap().iter().map(|line| line["fault"].as_str().unwrap()).collect();
    assert!(faults.contains(&"duplicate") && faults.contains(&"lose_answer") && faults.contains(&"drop"));
    assert!(order["id"].is_string());
}

#[tokio::test]
async fn reads_lag_behind_when_configured() {
    let fixture = Fixture::open().await;
    fixture.control("lag", json!({"for": "1h"})).await;
    let order = fixture.limit("1.00").await;
    assert_eq!(fixture.paper(Method::GET, "/v2/orders", None).await.1, json!([]), "REST does not show it yet");
    fixture.control("clear", json!({})).await;
    assert_eq!(fixture.paper(Method::GET, "/v2/orders", None).await.1[0]["id"], order["id"]);
}

#[tokio::test]
async fn refused_connections_are_accepted_again_on_the_same_port() {
    let fixture = Fixture::open().await;
    fixture.control("refuse", json!({"for": "300ms"})).await;
    let address = fixture.ready().paper.api_url.trim_start_matches("http://").to_owned();
    let refused = async {
        while TcpStream::connect(&address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        while TcpStream::connect(&address).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(TEST_TIMEOUT, refused).await.expect("refused for a while, then no more");
    assert_eq!(fixture.paper(Method::GET, "/v2/account", None).await.0, StatusCode::OK);
}

#[tokio::test]
async fn revoking_a_token_ends_its_requests_and_its_socket() {
    let fixture = Fixture::open().await;
    let mut socket = fixture.listening().await;
    let token = fixture.ready().paper_token.clone();
    fixture.control("revoke", json!({"token": token})).await;
    assert_eq!(fixture.paper(Method::GET, "/v2/account", None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(socket.receive().await.unwrap()["data"]["status"], "unauthorized");
    assert!(socket.receive().await.is_none());
}

#[tokio::test]
async fn the_event_stream_over_http_replays_what_was_missed() {
    let fixture = Fixture::open().await;
    let mut socket = fixture.listening().await;
    fixture.limit("1.00").await;
    let first = socket.receive().await.unwrap();
    socket.events_until("new").await;
    let since = first["data"]["event_id"].as_str().unwrap();
    let path = format!("/v2/events/trades?since_id={since}");
    let mut answer = fixture.ask(Method::GET, &path, &fixture.ready().paper_token, None).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    while !text.contains("data: ") {
        let chunk = tokio::time::timeout(TEST_TIMEOUT, answer.chunk()).await.expect("in time").unwrap().unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    let line = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let event: Value = serde_json::from_str(line).unwrap();
    assert_eq!(event["event"], "new", "the event after the last seen id");
    fixture.control("sse", json!({"on": false})).await;
    let gone = fixture.ask(Method::GET, &path, &fixture.ready().paper_token, None).await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_data_stream_sends_data_and_admits_one_connection() {
    let fixture = Fixture::open().await;
    let url = fixture.ready().data.stream_url.replace("/v2/iex", "/v2/test");
    let mut first = fixture.socket(&url).await;
    assert_eq!(first.receive().await.unwrap(), json!([{"T": "success", "msg": "connected"}]));
    first.say(&json!({"action": "subscribe", "trades": ["FAKEPACA"]})).await;
    assert_eq!(first.receive().await.unwrap()[0]["code"], 401);
    let auth = json!({"action": "auth", "key": "oauth", "secret": fixture.ready().paper_token});
    first.say(&auth).await;
    assert_eq!(first.receive().await.unwrap(), json!([{"T": "success", "msg": "authenticated"}]));
    first.say(&json!({"action": "subscribe", "trades": ["FAKEPACA"]})).await;
    assert_eq!(first.receive().await.unwrap()[0]["trades"], json!(["FAKEPACA"]));
    let tick = first.receive().await.unwrap();
    assert_eq!((&tick[0]["T"], &tick[0]["S"]), (&json!("t"), &json!("FAKEPACA")));
    assert!(tick[0]["p"].is_number());
    let mut second = fixture.socket(&url).await;
    second.receive().await;
    second.say(&auth).await;
    assert_eq!(second.receive().await.unwrap()[0]["code"], 406);
}

#[tokio::test]
async fn tls_is_served_with_the_authority_in_the_ready_line() {
    let fixture = Fixture::with(SimOptions { tls: true, ..options() }).await;
    let pem = std::fs::read(fixture.ready().ca_file.as_ref().unwrap()).unwrap();
    let authority = reqwest::Certificate::from_pem(&pem).unwrap();
    let trusting = Client::builder().tls_certs_only([authority]).timeout(TEST_TIMEOUT).build().unwrap();
    let url = format!("{}/v2/account", fixture.ready().paper.api_url);
    assert!(url.starts_with("https://"));
    let answer = trusting.get(&url).bearer_auth(&fixture.ready().paper_token).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let path = fixture.ready().ca_file.clone().unwrap();
    fixture.running.stop().await;
    assert!(!std::path::Path::new(&path).exists(), "nothing is left behind");
}

#[tokio::test]
async fn a_multi_leg_order_is_one_order_on_every_interface() {
    let fixture = Fixture::open().await;
    let mut socket = fixture.listening().await;
    let query = "/v2/options/contracts?underlying_symbols=SPY&type=put";
    let listed = fixture.paper(Method::GET, query, None).await.1;
    let symbols: Vec<&str> =
        listed["option_contracts"].as_array().unwrap().iter().map(|row| row["symbol"].as_str().unwrap()).collect();
    let leg = |symbol: &str, side: &str| json!({"symbol": symbol, "ratio_qty": "1", "side": side});
    let legs = [leg(symbols[1], "buy"), leg(symbols[0], "sell")];
    let body = json!({"order_class": "mleg", "qty": "1", "type": "market", "time_in_force": "day", "legs": legs});
    let (status, order) = fixture.paper(Method::POST, "/v2/orders", Some(body)).await;
    assert_eq!(status, StatusCode::OK, "{order}");
    let nil = "00000000-0000-0000-0000-000000000000";
    assert_eq!((&order["symbol"], &order["side"], &order["asset_id"]), (&json!(""), &json!(""), &json!(nil)));
    let legs = order["legs"].as_array().unwrap();
    assert_eq!((&legs[0]["type"], &legs[0]["ratio_qty"], &legs[0]["legs"]), (&json!(""), &json!("1"), &Value::Null));
    let mut frame = Value::Null;
    while frame["data"]["event"] != "fill" {
        frame = socket.receive().await.unwrap();
    }
    let data = &frame["data"];
    assert_eq!(data["order"]["id"], order["id"]);
    assert_eq!(data["order"]["legs"][1]["status"], "filled");
    assert_eq!(data["position_qtys"], json!({symbols[1]: "1", symbols[0]: "-1"}));
    assert_eq!(data["legs"][0]["order_id"], legs[0]["id"]);
    assert!(data["execution_id"].is_null() && data["position_qty"].is_null() && data["price"].is_string());
    for query in ["status=all", "status=all&nested=true"] {
        let rows = fixture.paper(Method::GET, &format!("/v2/orders?{query}"), None).await.1;
        assert_eq!((rows.as_array().unwrap().len(), rows[0]["legs"].as_array().unwrap().len()), (1, 2), "{query}");
    }
    let fills = fixture.paper(Method::GET, "/v2/account/activities/FILL", None).await.1;
    let executions: Vec<&Value> = data["legs"].as_array().unwrap().iter().map(|leg| &leg["order_id"]).collect();
    assert!(fills.as_array().unwrap().iter().all(|row| executions.contains(&&row["order_id"])), "{fills}");
    assert_eq!(fills.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_delayed_request_whose_connection_is_dropped_is_never_executed() {
    let fixture = Fixture::open().await;
    fixture.control("fault", json!({"rule": "slow=1s*1", "method": "POST", "path": "/v2/orders"})).await;
    let asked = fixture
        .http
        .post(format!("{}/v2/orders", fixture.ready().paper.api_url))
        .bearer_auth(&fixture.ready().paper_token);
    let body = json!({"symbol": "KO", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"});
    let asked = tokio::spawn(asked.json(&body).send());
    let waits = async {
        while fixture.paper(Method::GET, "/_sim/log", None).await.1.to_string().matches("slow=1s").count() < 2 {}
    };
    tokio::time::timeout(TEST_TIMEOUT, waits).await.expect("the rule was added and used");
    // The answer to this one may be lost as well.
    let drop_all = fixture.http.post(format!("{}/_sim/drop", fixture.ready().paper.api_url));
    drop(drop_all.send().await);
    assert!(asked.await.unwrap().is_err(), "no answer comes");
    // Longer than the first request's delay.
    fixture.control("fault", json!({"rule": "slow=1200ms*1", "path": "/v2/clock"})).await;
    assert_eq!(fixture.paper(Method::GET, "/v2/clock", None).await.0, StatusCode::OK);
    let truth = fixture.paper(Method::GET, "/_sim/truth", None).await.1;
    assert_eq!(truth["orders"], json!([]));
}
