//! The guard against requests from other web pages, and bounds that are refused with a reason.

use std::time::Instant;

use super::*;

/// Headers of a page from another site; each alone is enough for a refusal.
const FOREIGN: &[(&str, &str)] = &[
    ("host", "evil.example"),
    ("host", "127.0.0.1.evil.example:80"),
    ("origin", "https://evil.example"),
    ("origin", "http://localhost:1"),
    ("origin", "null"),
    ("sec-fetch-site", "cross-site"),
    ("sec-fetch-site", "same-site"),
];

impl Fixture {
    /// Every address of the control interface: all reads and actions.
    async fn control_urls(&self) -> Vec<(Method, String)> {
        let origins = [&self.ready().paper.api_url, &self.ready().live.api_url];
        let actions = self.paper(Method::GET, "/_sim/actions", None).await.1;
        let names: Vec<&str> = actions.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
        assert!(names.len() > 30, "{names:?}");
        let read = ["truth", "log", "faults", "accounts", "actions"].map(|name| (Method::GET, name));
        let done = names.iter().map(|name| (Method::POST, *name));
        let all: Vec<_> = read.into_iter().chain(done).collect();
        let of = |origin: &String| -> Vec<_> {
            all.iter().map(|(method, name)| (method.clone(), format!("{origin}/_sim/{name}"))).collect()
        };
        origins.into_iter().flat_map(of).collect()
    }
}

#[tokio::test]
async fn no_page_of_another_site_reaches_a_control_request() {
    let fixture = Fixture::open().await;
    let urls = fixture.control_urls().await;
    for (method, url) in &urls {
        for (name, value) in FOREIGN {
            let request = fixture.http.request(method.clone(), url).header(*name, *value);
            let request = if *method == Method::POST { request.json(&json!({})) } else { request };
            let answer = request.send().await.unwrap();
            let status = answer.status();
            let body: Value = answer.json().await.unwrap();
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {url} with {name}: {value} said {body}");
            assert!(body["message"].as_str().unwrap().split(' ').count() > 5, "in words: {body}");
        }
    }
    // Requests that a form or script can send without a preflight.
    for (_, url) in urls.iter().filter(|(method, _)| *method == Method::POST) {
        for kind in ["text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
        {
            let answer = fixture.http.post(url).header("content-type", kind).body("{}").send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{url} as {kind}");
        }
        let answer = fixture.http.post(url).body("{}").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{url} as nothing");
    }
    let (_, log) = fixture.paper(Method::GET, "/_sim/log", None).await;
    assert_eq!(log, json!([]), "nothing was changed");
}

#[tokio::test]
async fn local_programs_reach_the_control_interface_by_every_name_of_this_machine() {
    let fixture = Fixture::open().await;
    let port = Url::parse(&fixture.ready().paper.api_url).unwrap().port().unwrap();
    let url = format!("{}/_sim/sse", fixture.ready().paper.api_url);
    for host in
        [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}"), "localhost".to_owned()]
    {
        let answer = fixture.http.post(&url).header("host", &host).json(&json!({"on": true})).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{host}");
    }
    let own = format!("http://127.0.0.1:{port}");
    let answer = fixture.http.post(&url).header("origin", own).json(&json!({"on": true})).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "a page of the brokerage");
    let bare = fixture.http.post(format!("{}/_sim/drop", fixture.ready().live.api_url)).send().await;
    assert!(bare.map_or(true, |answer| answer.status().is_success()), "without a body no content type is needed");
}

#[tokio::test]
async fn consent_is_possible_only_on_the_page() {
    let fixture = Fixture::open().await;
    let url = fixture.authorize_url(&[("env", "paper")]);
    let page = fixture.http.get(url.clone()).send().await.unwrap();
    assert_eq!(page.headers()["referrer-policy"], "same-origin", "otherwise browsers send no origin with the form");
    let token = form_token(&page.text().await.unwrap()).unwrap();
    let other = fixture.http.get(fixture.authorize_url(&[("env", "live")])).send().await.unwrap().text().await.unwrap();
    let press = async |token: Option<&str>, header: Option<(&str, &str)>| {
        let mut form = vec![("decision", "allow")];
        form.extend(token.map(|token| ("form_token", token)));
        let mut request = fixture.http.post(url.clone()).form(&form);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        request.send().await.unwrap()
    };
    assert_eq!(press(None, None).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(press(Some("guess"), None).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(press(form_token(&other).as_deref(), None).await.status(), StatusCode::FORBIDDEN, "another page's");
    for (name, value) in FOREIGN {
        let answer = press(Some(&token), Some((name, value))).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{name}: {value}");
        assert!(!answer.headers().contains_key("location"));
    }
    let own = fixture.ready().authorize_url.replace("/oauth/authorize", "");
    let answer = press(Some(&token), Some(("origin", &own))).await;
    assert!(location(&answer, "code").is_some(), "as a browser sends it");
    assert!(location(&press(Some(&token), None).await, "code").is_some(), "as a program sends it");
}

#[tokio::test]
async fn no_page_of_another_site_opens_a_socket() {
    let fixture = Fixture::open().await;
    let urls = [&fixture.ready().paper.stream_url, &fixture.ready().live.stream_url, &fixture.ready().data.stream_url];
    for url in urls {
        let open = async |origin: &str| {
            let mut request = url.as_str().into_client_request().unwrap();
            request.headers_mut().insert("origin", origin.parse().unwrap());
            connect_async(request).await
        };
        for foreign in ["https://evil.example", "null", "file://"] {
            assert!(open(foreign).await.unwrap_err().to_string().contains("403"), "{url} for {foreign}");
        }
        assert!(open("http://localhost:3000").await.is_ok(), "a page of this machine, {url}");
    }
}

#[tokio::test]
async fn values_out_of_bounds_are_refused_with_a_reason_and_change_nothing() {
    let fixture = Fixture::open().await;
    let order = fixture.limit("1.00").await;
    let id = order["id"].as_str().unwrap();
    let most = "79228162514264337593543950335";
    #[expect(clippy::disallowed_methods, reason = "a refusal must not take long on the machine's own clock")]
    let began = Instant::now();
    for (action, body) in [
        ("advance", json!({"by": "999999h"})),
        ("advance", json!({"by": "169h"})),
        ("advance", json!({"by": "99999999999999999999999999h"})),
        ("advance", json!({"by": "-1h"})),
        ("refuse", json!({"for": "999999h"})),
        ("freeze", json!({"for": "1000000000000000h"})),
        ("lag", json!({"for": "745h"})),
        ("price", json!({"symbol": "AAPL", "price": most})),
        ("price", json!({"symbol": "AAPL", "price": "10000000.01"})),
        ("price", json!({"symbol": "AAPL", "price": "0.0000000000000000000000000001"})),
        ("cash", json!({"type": "CSD", "amount": most})),
        ("cash", json!({"type": "CSD", "amount": "-5"})),
        ("register", json!({"redirect_uri": "javascript:alert(1)"})),
        ("register", json!({"redirect_uri": "/callback"})),
        ("cash", json!({"type": "JNLC", "amount": format!("-{most}")})),
        ("dividend", json!({"symbol": "AAPL", "per_share": most})),
        ("reset", json!({"cash": most})),
        ("reset", json!({"cash": "1e13"})),
        ("reset", json!({"cash": "-5"})),
        ("fill", json!({"order": id, "price": most})),
        ("fill", json!({"order": id, "qty": most})),
        ("partial_fill", json!({"order": id, "qty": "-1"})),
        ("place", json!({"symbol": "AAPL", "side": "buy", "type": "market", "time_in_force": "day", "qty": most})),
        ("pace", json!({"pace": most})),
        ("pace", json!({"pace": "-3"})),
        ("pace", json!({"pace": "0"})),
        ("bot", json!({"on": true, "rate": 4_294_967_295_u32})),
        ("bot", json!({"on": true, "rate": "many"})),
        ("rate_limit", json!({"limit": -1})),
        ("symbol_limit", json!({"limit": "1e30"})),
        ("fault", json!({"rule": "slow=999999h"})),
        ("fault", json!({"rule": "lose*99999999999999999999999"})),
        ("token_endpoint", json!({"delay": "999999h"})),
    ] {
        let (status, answer) = fixture.paper(Method::POST, &format!("/_sim/{action}"), Some(body.clone())).await;
        assert!(status.is_client_error(), "{action} {body}: {status} {answer}");
        assert!(answer["message"].as_str().unwrap().split(' ').count() > 1, "in words, {action} {body}: {answer}");
    }
    for body in [
        json!({"qty": most}),
        json!({"qty": "1000000001"}),
        json!({"notional": most}),
        json!({"qty": "1", "type": "limit", "limit_price": most}),
        json!({"qty": "1", "type": "limit", "limit_price": "10000000.01"}),
        json!({"qty": "1", "type": "stop", "stop_price": most}),
        json!({"qty": "1", "type": "trailing_stop", "trail_price": most}),
        json!({"qty": "1", "order_class": "bracket", "take_profit": {"limit_price": most}, "stop_loss": {"stop_price": "1"}}),
    ] {
        let mut order = json!({"symbol": "AAPL", "side": "buy", "type": "market", "time_in_force": "day"});
        order.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let (status, answer) = fixture.paper(Method::POST, "/v2/orders", Some(order.clone())).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{order}: {answer}");
    }
    let (status, _) = fixture.paper(Method::PATCH, &format!("/v2/orders/{id}"), Some(json!({"qty": most}))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let path = format!("/v2/positions/AAPL?qty={most}");
    assert!(fixture.paper(Method::DELETE, &path, None).await.0.is_client_error());
    assert!(began.elapsed() < TEST_TIMEOUT, "refused at once");
    let (_, truth) = fixture.paper(Method::GET, "/_sim/truth", None).await;
    assert_eq!((&truth["cash"], &truth["executions"]), (&json!("100000"), &json!([])));
}

#[tokio::test]
async fn the_largest_allowed_values_are_computed() {
    let fixture = Fixture::open().await;
    fixture.control("cash", json!({"type": "CSD", "amount": "100000000000"})).await;
    fixture.control("price", json!({"symbol": "AAPL", "price": "10000000"})).await;
    let body = json!({"symbol": "AAPL", "qty": "10000", "side": "buy", "type": "limit", "time_in_force": "day", "limit_price": "9999999"});
    let (status, order) = fixture.paper(Method::POST, "/v2/orders", Some(body)).await;
    assert_eq!(status, StatusCode::OK, "{order}");
    fixture.control("fill", json!({"order": order["id"]})).await;
    let (status, account) = fixture.paper(Method::GET, "/v2/account", None).await;
    assert_eq!(status, StatusCode::OK, "{account}");
    let (_, positions) = fixture.paper(Method::GET, "/v2/positions", None).await;
    assert_eq!(positions[0]["cost_basis"], "99999990000");
    fixture.control("advance", json!({"by": "1h"})).await;
    assert!(fixture.paper(Method::GET, "/v2/account/portfolio/history?period=1D", None).await.0.is_success());
}
