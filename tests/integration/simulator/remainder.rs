//! Unread request bodies: the connection is reused after them, or the response announces its end.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

/// A client connection with hand-written requests.
struct Wire {
    socket: TcpStream,
    host: String,
    unread: Vec<u8>,
}

impl Wire {
    async fn open(url: &str) -> Self {
        let url = Url::parse(url).unwrap();
        let host = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
        let socket = TcpStream::connect(&host).await.unwrap();
        socket.set_nodelay(true).unwrap();
        Self { socket, host, unread: Vec::new() }
    }

    async fn head(&mut self, line: &str, headers: &str) {
        let head = format!("{line} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", self.host);
        self.socket.write_all(head.as_bytes()).await.unwrap();
    }

    /// The head of the next response, with lower-case names; also reads the body. `None` at the end.
    async fn answer(&mut self) -> Option<String> {
        let answer = async {
            loop {
                if let Some(end) = self.unread.windows(4).position(|part| part == b"\r\n\r\n") {
                    let head = String::from_utf8(self.unread[..end].to_vec()).unwrap().to_ascii_lowercase();
                    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
                    let length: usize = length.map_or(0, |length| length.parse().unwrap());
                    if self.unread.len() >= end + 4 + length {
                        self.unread.drain(..end + 4 + length);
                        return Some(head);
                    }
                }
                if self.socket.read_buf(&mut self.unread).await.unwrap_or(0) == 0 {
                    return None;
                }
            }
        };
        tokio::time::timeout(TEST_TIMEOUT, answer).await.expect("an answer in time")
    }
}

fn origins(fixture: &Fixture) -> Vec<(String, Vec<String>)> {
    let ready = fixture.ready();
    let key = format!("APCA-API-KEY-ID: {}\r\nAPCA-API-SECRET-KEY: {}\r\n", ready.key_id, ready.secret_key);
    let known = [
        "DELETE /v2/orders/61e69015-8549-4bfd-b9c3-01e75843f47d",
        "DELETE /v2/orders/abc",
        "GET /v2/account",
        "GET /v2/stocks/AAPL/bars?timeframe=1Day",
        "POST /v2/nothing",
        "GET /oauth/authorize",
        "GET /_sim/truth",
    ];
    let requests = |key: &str| known.iter().map(|line| format!("{line}\n{key}")).collect::<Vec<_>>();
    let upgrade = "GET /v2/nothing\nConnection: Upgrade\r\nUpgrade: websocket\r\n".to_owned();
    let auth = ready.authorize_url.replace("/oauth/authorize", "");
    [&ready.paper.api_url, &ready.live.api_url, &ready.data.api_url, &auth]
        .map(|url| (url.clone(), [requests(&key), requests(""), vec![upgrade.clone()]].concat()))
        .to_vec()
}

#[tokio::test]
async fn a_connection_is_reused_after_an_unread_body() {
    let fixture = Fixture::open().await;
    fixture.control("rate_limit", json!({"limit": 900})).await;
    for (url, requests) in origins(&fixture) {
        for request in requests {
            let (line, headers) = request.split_once('\n').unwrap();
            let mut wire = Wire::open(&url).await;
            for (count, body) in [(1, "{}".to_owned()), (2, "x".repeat(200_000)), (3, "{}".to_owned())] {
                wire.head(line, &format!("{headers}Content-Length: {}\r\n", body.len())).await;
                // Later than the head, as from clients that write them separately.
                tokio::time::sleep(Duration::from_millis(20)).await;
                wire.socket.write_all(body.as_bytes()).await.unwrap();
                let answer = wire.answer().await;
                let answer = answer.unwrap_or_else(|| panic!("{url} {line}: closed at request {count}"));
                assert!(!answer.contains("connection: close"), "{url} {line} {count}: {answer}");
            }
        }
    }
}

#[tokio::test]
async fn a_missing_or_oversized_body_ends_the_connection_with_a_reason() {
    let fixture = Fixture::open().await;
    for (url, _) in origins(&fixture) {
        for headers in [
            "Content-Length: 2\r\n",
            "Transfer-Encoding: chunked\r\n",
            // The client could not know whether to send the body after a refusal.
            "Content-Length: 2\r\nExpect: 100-continue\r\n",
        ] {
            let mut wire = Wire::open(&url).await;
            wire.head("DELETE /v2/nothing", headers).await;
            let answer = wire.answer().await.expect("an answer");
            assert!(answer.contains("connection: close"), "{url} {headers}: {answer}");
            assert_eq!(wire.answer().await, None, "as announced");
        }
        let mut wire = Wire::open(&url).await;
        wire.head("DELETE /v2/nothing", "Content-Length: 100000000\r\n").await;
        let (mut reading, mut writing) = wire.socket.into_split();
        let flood = async move { while writing.write_all(&[b'x'; 8_192]).await.is_ok() {} };
        let answer = async {
            let mut text = Vec::new();
            while reading.read_buf(&mut text).await.is_ok_and(|read| read > 0) {}
            String::from_utf8(text).unwrap().to_ascii_lowercase()
        };
        let both = async { tokio::join!(flood, answer).1 };
        let answer = tokio::time::timeout(TEST_TIMEOUT, both).await.expect("an end in time");
        assert!(answer.is_empty() || answer.contains("connection: close"), "{url}: {answer}");
    }
}

#[tokio::test]
async fn a_body_that_never_arrives_times_out_and_frees_the_connection() {
    let fixture = Fixture::open().await;
    let ready = fixture.ready();
    let key = format!("APCA-API-KEY-ID: {}\r\nAPCA-API-SECRET-KEY: {}\r\n", ready.key_id, ready.secret_key);
    let auth = ready.authorize_url.replace("/oauth/authorize", "");
    let (json, form) = ("Content-Type: application/json\r\n", "Content-Type: application/x-www-form-urlencoded\r\n");
    let wanted = [
        (&ready.paper.api_url, "POST /v2/orders", json),
        (&ready.paper.api_url, "PATCH /v2/account/configurations", json),
        (&ready.paper.api_url, "POST /v2/watchlists", json),
        (&ready.paper.api_url, "POST /_sim/advance", json),
        (&auth, "POST /oauth/token", form),
    ];
    // No body, a part of it, and one chunk of several.
    let bodies = [
        ("Content-Length: 20\r\n", ""),
        ("Content-Length: 20\r\n", "{\"sym"),
        ("Transfer-Encoding: chunked\r\n", "1\r\n{\r\n"),
    ];
    let cases = wanted.iter().flat_map(|wanted| bodies.iter().map(move |body| (*wanted, *body)));
    let runs = cases.map(async |((url, line, kind), (length, part))| {
        let mut wire = Wire::open(url).await;
        wire.head(line, &format!("{key}{kind}{length}")).await;
        wire.socket.write_all(part.as_bytes()).await.unwrap();
        let answer = wire.answer().await.unwrap_or_else(|| panic!("{line} {length}{part}: no answer"));
        assert!(answer.starts_with("http/1.1 408 "), "{line} {length}{part}: {answer}");
        assert!(answer.contains("connection: close") && answer.contains("application/json"), "{line}: {answer}");
        assert_eq!(wire.answer().await, None, "as announced");
    });
    futures_util::future::join_all(runs).await;
    // No order was placed, and other requests are served.
    let truth = reqwest::get(format!("{}/_sim/truth", ready.paper.api_url)).await.unwrap();
    let truth: Value = truth.json().await.unwrap();
    assert_eq!(truth["orders"], json!([]));
}
