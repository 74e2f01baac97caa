//! Requests and replies: addresses, every kind of failure, and what must never be sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use brokerdeck::broker::alpaca::rest::Client;
use brokerdeck::broker::tls;
use brokerdeck::domain::OrderId;
use brokerdeck::session::request::{ActivitiesQuery, OrderFilter, OrdersQuery};
use brokerdeck::session::{Reply, Request, RequestError, RequestErrorKind};
use secrecy::SecretString;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::{Peer, TOKEN, answer, cancel, endpoints, in_time, tls_config};

pub(super) fn client(url: &str) -> Client {
    Client::new(&endpoints(url), SecretString::from(TOKEN), &tls_config()).unwrap()
}

async fn fails(peer: &Peer) -> RequestError {
    in_time(client(&peer.url).request(&Request::Account)).await.unwrap_err()
}

async fn fails_with(status: &'static str, headers: &'static str, body: &'static str) -> RequestError {
    fails(&Peer::start(move |_| answer(status, headers, body)).await).await
}

#[tokio::test]
async fn every_request_goes_to_its_documented_address_with_the_token() {
    let peer = Peer::start(|_| answer("200 OK", "", "[]")).await;
    let client = client(&peer.url);
    let orders = OrdersQuery {
        filter: OrderFilter::Closed,
        after: Some("2026-03-02T18:46:12.481000123Z".parse().unwrap()),
        until: None,
        before_order_id: None,
        symbol: Some("BTC/USD".into()),
        ascending: true,
        nested: true,
        limit: 9_000,
    };
    let by_cursor = OrdersQuery { before_order_id: Some("o&1".into()), symbol: None, limit: 500, ..orders.clone() };
    let activities = ActivitiesQuery {
        fills_only: true,
        order: Some("o&1".into()),
        after: None,
        until: None,
        page_token: Some("20260302::a b".into()),
        ascending: false,
        page_size: 100,
    };
    let all = ActivitiesQuery { fills_only: false, order: None, page_token: None, ..activities.clone() };
    let cases = [
        (Request::Account, "GET /v2/account"),
        (Request::Positions, "GET /v2/positions"),
        (
            Request::Orders(orders),
            "GET /v2/orders?status=closed&limit=500&direction=asc&nested=true\
             &after=2026-03-02T18%3A46%3A12.481000123Z&symbols=BTC%2FUSD",
        ),
        (
            Request::Orders(by_cursor),
            "GET /v2/orders?status=closed&limit=500&direction=asc&nested=true&before_order_id=o%261",
        ),
        (Request::Order("a-1".into()), "GET /v2/orders/a-1?nested=true"),
        (Request::Order("../account?x=/y".into()), "GET /v2/orders/..%2Faccount%3Fx=%2Fy?nested=true"),
        (Request::OrderByClientId("my id".into()), "GET /v2/orders:by_client_order_id?client_order_id=my+id"),
        (
            Request::Activities(activities),
            "GET /v2/account/activities/FILL?direction=desc&page_size=100&order_id=o%261&page_token=20260302%3A%3Aa+b",
        ),
        (Request::Activities(all), "GET /v2/account/activities?direction=desc&page_size=100"),
        (Request::Clock, "GET /v2/clock"),
        (
            Request::History { period: "1D".into(), timeframe: "5Min".into() },
            "GET /v2/account/portfolio/history?period=1D&timeframe=5Min",
        ),
        (
            Request::Replay { since: "2026-03-02T18:46:12.5Z".parse().unwrap(), until: None },
            "GET /v2/events/trades?since=2026-03-02T18%3A46%3A12.5Z",
        ),
        (
            Request::Replay {
                since: "2026-03-02T18:46:12.5Z".parse().unwrap(),
                until: Some("2026-03-02T18:47:00Z".parse().unwrap()),
            },
            "GET /v2/events/trades?since=2026-03-02T18%3A46%3A12.5Z&until=2026-03-02T18%3A47%3A00Z",
        ),
        (cancel("a-1"), "DELETE /v2/orders/a-1"),
    ];
    for (index, (request, line)) in cases.iter().enumerate() {
        // The reply does not matter here.
        drop(in_time(client.request(request)).await);
        let head = &peer.heads()[index];
        assert_eq!(head.lines().next().unwrap(), format!("{line} HTTP/1.1"));
        assert!(head.contains(&format!("authorization: Bearer {TOKEN}\r\n")), "{head}");
    }
}

#[tokio::test]
async fn an_order_without_a_usable_id_is_neither_fetched_nor_canceled() {
    let peer = Peer::start(|_| answer("200 OK", "", "{}")).await;
    for id in ["", ".", ".."] {
        for request in [cancel(id), Request::Order(OrderId::from(id))] {
            let error = in_time(client(&peer.url).request(&request)).await.unwrap_err();
            assert_eq!(error.message, "an order without a usable id");
        }
    }
    assert_eq!(peer.heads(), Vec::<String>::new());
}

#[tokio::test]
async fn answers_come_back_in_domain_types() {
    let peer = Peer::start(|head| {
        let body = match head.split(' ').nth(1).unwrap_or_default() {
            "/v2/account" => r#"{"id":"acc","status":"ACTIVE","equity":"10.50"}"#,
            "/v2/positions" => r#"[{"symbol":"A","qty":"-2","side":"short"}]"#,
            "/v2/clock" => {
                r#"{"timestamp":"2026-03-02T13:46:05.210563128-05:00","is_open":true,
                    "next_open":"2026-03-03T09:30:00-05:00","next_close":"2026-03-02T16:00:00-05:00"}"#
            }
            _ => return answer("204 No Content", "", ""),
        };
        answer("200 OK", "", body)
    })
    .await;
    let client = client(&peer.url);
    let Ok(Reply::Account(account)) = in_time(client.request(&Request::Account)).await else { panic!("an account") };
    assert_eq!((account.id.as_str(), account.equity.unwrap().to_string().as_str()), ("acc", "10.50"));
    let Ok(Reply::Positions(positions)) = in_time(client.request(&Request::Positions)).await else {
        panic!("positions")
    };
    assert_eq!(positions[0].qty.unwrap().to_string(), "-2");
    let Ok(Reply::Clock(clock)) = in_time(client.request(&Request::Clock)).await else { panic!("a clock") };
    assert_eq!(clock.at.to_string(), "2026-03-02T18:46:05.210563128Z");
    assert_eq!(in_time(client.request(&cancel("x"))).await, Ok(Reply::Done));
}

#[tokio::test]
async fn refusals_keep_status_code_words_extra_members_and_request_id() {
    let body = r#"{"code":40310000,"message":"insufficient qty","available":"1","held_for_orders":"2"}"#;
    let error = fails_with("403 Forbidden", "x-request-id: req-1\r\n", body).await;
    assert_eq!(error.kind, RequestErrorKind::Forbidden);
    assert_eq!((error.status, error.code), (Some(403), Some(40_310_000)));
    assert_eq!(error.extra.as_deref(), Some(r#"{"available":"1","held_for_orders":"2"}"#));
    assert_eq!(error.to_string(), "the broker answered 403: insufficient qty (request req-1)");
    let cases = [
        ("401 Unauthorized", r#"{"message":"unauthorized."}"#, RequestErrorKind::Unauthorized, "unauthorized."),
        ("404 Not Found", r#"{"code":"no_such","message":"gone"}"#, RequestErrorKind::NotFound, "gone"),
        ("422 Unprocessable Entity", r#"{"code":42210000,"message":"late"}"#, RequestErrorKind::Unprocessable, "late"),
        ("400 Bad Request", "nonsense", RequestErrorKind::Refused, "nonsense"),
        ("500 Internal Server Error", "", RequestErrorKind::Server, "no reason given"),
        (
            "502 Bad Gateway",
            "<html><title>502 Bad Gateway</title></html>",
            RequestErrorKind::Server,
            "a web page instead of an answer: 502 Bad Gateway",
        ),
    ];
    for (status, body, kind, words) in cases {
        let error = fails_with(status, "X-REQUEST-ID: Up\r\n", body).await;
        assert_eq!((error.kind, error.message.as_str()), (kind, words));
        assert_eq!(error.request_id.as_deref(), Some("Up"), "in any case of letters");
    }
}

#[tokio::test]
async fn the_wait_after_a_429_is_measured_by_the_servers_own_clock() {
    let wait = |error: RequestError| match error.kind {
        RequestErrorKind::RateLimited { retry_after } => retry_after,
        other => panic!("{other:?}"),
    };
    let seconds = |count| Some(Duration::from_secs(count));
    let status = "429 Too Many Requests";
    // 2026-03-02T18:46:00Z is 1772477160; only the server's clock counts, even a wrong one.
    let date = "Date: Mon, 02 Mar 2026 18:46:00 GMT\r\nX-Ratelimit-Reset: 1772477197\r\n";
    assert_eq!(wait(fails_with(status, date, "").await), seconds(37));
    let both = "Date: Mon, 02 Mar 2026 18:46:00 GMT\r\nX-RateLimit-Reset: 1772477197\r\nRetry-After: 5\r\n";
    assert_eq!(wait(fails_with(status, both, "").await), seconds(5));
    let as_date = "date: Mon, 02 Mar 2026 18:46:00 GMT\r\nretry-after: Mon, 02 Mar 2026 18:47:30 GMT\r\n";
    assert_eq!(wait(fails_with(status, as_date, "").await), seconds(90));
    let past = "date: Mon, 02 Mar 2026 18:46:00 GMT\r\nx-ratelimit-reset: 1772477100\r\n";
    // A past date or a wait of zero counts as no statement.
    assert_eq!(wait(fails_with(status, past, "").await), None);
    assert_eq!(wait(fails_with(status, "Retry-After: 0\r\n", "").await), None);
    assert_eq!(wait(fails_with(status, "x-ratelimit-reset: soon\r\n", "<html>").await), None);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Peer::start(|_| answer("200 OK", "", r#"{"id":"stolen","status":"ACTIVE"}"#)).await;
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let location = format!("location: {}/v2/account\r\n", other.url);
        let peer = Peer::start(move |_| answer(status, &location, "")).await;
        let error = fails(&peer).await;
        assert_eq!(error.message, "a redirect, which is not followed");
    }
    assert_eq!(other.heads(), Vec::<String>::new(), "the token was sent nowhere else");
}

#[tokio::test]
async fn a_body_past_the_limit_is_refused_before_it_is_read() {
    let announced = Peer::start(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n{".to_vec()).await;
    let error = fails(&announced).await;
    assert_eq!((error.kind, error.status), (RequestErrorKind::Decode, Some(200)));
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let endless = Peer::talk(move |_, mut socket| {
        let count = Arc::clone(&count);
        async move {
            let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            let mut alive = socket.write_all(head).await.is_ok();
            let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
            while alive {
                alive = socket.write_all(chunk.as_bytes()).await.is_ok();
                count.fetch_add(0x1_0000, Ordering::Relaxed);
            }
        }
    })
    .await;
    let error = fails(&endless).await;
    assert_eq!(error.message, "an answer of more than 8 MiB was not read");
    assert!(written.load(Ordering::Relaxed) < 32 * 1024 * 1024, "the connection was closed");
}

#[tokio::test]
async fn a_truncated_or_unreadable_body_is_an_error_and_never_a_partial_reply() {
    let cut = Peer::start(|_| b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\":\"a\",".to_vec()).await;
    assert_eq!(fails(&cut).await.kind, RequestErrorKind::Network);
    let nothing = Peer::start(|_| Vec::new()).await;
    assert_eq!(fails(&nothing).await.kind, RequestErrorKind::Network);
    let junk = Peer::start(|_| b"220 mail.example ESMTP\r\n".to_vec()).await;
    assert_eq!(fails(&junk).await.kind, RequestErrorKind::Network);
    for body in ["", "{", "[]", "null", "<html></html>", r#"{"status":"ACTIVE"}"#] {
        let peer = Peer::start(move |_| answer("200 OK", "X-Request-Id: r\r\n", body)).await;
        let error = fails(&peer).await;
        assert_eq!((error.kind, error.request_id.as_deref()), (RequestErrorKind::Decode, Some("r")), "{body}");
    }
}

#[tokio::test]
async fn a_silent_peer_is_a_timeout_and_an_absent_one_a_network_error() {
    let silent = Peer::talk(|_, socket| async move {
        let _held = socket;
        std::future::pending::<()>().await;
    })
    .await;
    let client = client(&silent.url).within(Duration::from_millis(100));
    let error = in_time(client.request(&Request::Clock)).await.unwrap_err();
    assert_eq!(error.kind, RequestErrorKind::Timeout);
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let error = in_time(super::rest::client(&url).request(&Request::Clock)).await.unwrap_err();
    assert_eq!(error.kind, RequestErrorKind::Network);
    assert!(error.message.starts_with("cannot connect"), "{error}");
}

#[test]
fn an_address_off_this_machine_needs_tls() {
    for url in ["http://api.example.com", "http://10.0.0.1", "http://localhost.example.com", "ftp://localhost"] {
        let made = Client::new(&endpoints(url), SecretString::from(TOKEN), &tls_config());
        assert_eq!(made.unwrap_err().message, "the address is neither https nor loopback", "{url}");
    }
    for url in ["https://api.example.com", "http://localhost:1", "http://127.0.0.9:1", "http://[::1]:1"] {
        assert!(Client::new(&endpoints(url), SecretString::from(TOKEN), &tls_config()).is_ok(), "{url}");
    }
    let odd = Client::new(&endpoints("https://api.example.com"), SecretString::from("a\nb"), &tls_config());
    assert!(odd.unwrap_err().message.contains("a header cannot carry"));
}

#[tokio::test]
async fn a_certificate_counts_only_when_its_authority_is_trusted() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let pem = made.cert.pem();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let server = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            if let Ok(mut socket) = acceptor.accept(socket).await {
                let bytes = answer("200 OK", "", r#"{"id":"a","status":"ACTIVE"}"#);
                socket.write_all(&bytes).await.unwrap();
                socket.shutdown().await.unwrap();
            }
        }
    });
    let untrusted = in_time(client(&url).request(&Request::Account)).await.unwrap_err();
    assert_eq!(untrusted.kind, RequestErrorKind::Network);
    let trusting = tls::client_config(Some(pem.as_bytes())).unwrap();
    let known = Client::new(&endpoints(&url), SecretString::from(TOKEN), &trusting).unwrap();
    assert!(matches!(in_time(known.request(&Request::Account)).await, Ok(Reply::Account(_))));
}

#[tokio::test]
async fn a_read_only_client_sends_no_change() {
    let peer = Peer::start(|_| answer("200 OK", "", r#"{"id":"a","status":"ACTIVE"}"#)).await;
    let reading = client(&peer.url).reading_only();
    assert!(matches!(in_time(reading.request(&Request::Account)).await, Ok(Reply::Account(_))));
    let refused = in_time(reading.request(&cancel("x"))).await.unwrap_err();
    assert!(refused.message.contains("read-only"), "{refused}");
    assert_eq!(peer.heads().len(), 1);
}
