//! Compatibility with other clients: other addresses, other spellings, other streams.

use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};

use super::*;

impl Fixture {
    async fn data(&self, path: &str) -> (StatusCode, Value) {
        let url = format!("{}{path}", self.ready().data.api_url);
        let answer = self.http.get(url).bearer_auth(&self.ready().paper_token).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap_or_default())
    }

    /// A data socket that has authenticated, by its path.
    async fn authenticated(&self, path: &str) -> Socket {
        let mut socket = self.socket(&self.ready().data.stream_url.replace("/v2/iex", path)).await;
        assert_eq!(socket.heard().await[0]["msg"], "connected");
        socket.say(&json!({"action": "auth", "key": "oauth", "secret": self.ready().paper_token})).await;
        assert_eq!(socket.heard().await[0]["msg"], "authenticated", "{path}");
        socket
    }
}

impl Socket {
    /// The next array of messages, JSON or MessagePack.
    async fn heard(&mut self) -> Value {
        let bytes = self.raw().await.expect("the stream continues").into_data();
        serde_json::from_slice(&bytes).ok().or_else(|| rmp_serde::from_slice(&bytes).ok()).expect("a message")
    }

    async fn subscribe(&mut self, what: Value) -> Value {
        let mut message = json!({"action": "subscribe"});
        message.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
        self.say(&message).await;
        self.heard().await[0].clone()
    }

    /// The first message of this type letter.
    async fn first(&mut self, letter: &str) -> Value {
        let found = async {
            loop {
                let rows = self.heard().await;
                if let Some(row) = rows.as_array().unwrap().iter().find(|row| row["T"] == letter) {
                    return row.clone();
                }
            }
        };
        tokio::time::timeout(TEST_TIMEOUT, found).await.unwrap_or_else(|_| panic!("no {letter} came"))
    }
}

#[tokio::test]
async fn addresses_with_a_slash_at_their_end_are_the_same_addresses() {
    let fixture = Fixture::open().await;
    let mut socket = fixture.socket(&format!("{}/", fixture.ready().paper.stream_url)).await;
    let keys = json!({"key_id": fixture.ready().key_id, "secret_key": fixture.ready().secret_key});
    socket.say(&json!({"action": "authenticate", "data": keys})).await;
    assert_eq!(socket.receive().await.unwrap()["data"]["status"], "authorized");
    for path in ["/v2/account/", "/v2/orders/?status=all", "/v2/account/activities/FILL/"] {
        assert_eq!(fixture.paper(Method::GET, path, None).await.0, StatusCode::OK, "{path}");
    }
    fixture.authenticated("/v2/iex/").await;
}

#[tokio::test]
async fn an_upgrade_request_to_rest_still_needs_credentials() {
    let fixture = Fixture::open().await;
    for (origin, path) in
        [(&fixture.ready().paper, "/v2/account"), (&fixture.ready().data, "/v2/stocks/AAPL/quotes/latest")]
    {
        let request = fixture.http.get(format!("{}{path}", origin.api_url));
        let answer = request.header("upgrade", "websocket").header("connection", "upgrade").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn timeframes_are_read_in_any_case() {
    let fixture = Fixture::open().await;
    for (written, documented) in [("1min", "1Min"), ("5MIN", "5Min"), ("1hour", "1Hour"), ("4H", "4h"), ("1d", "1Day")]
    {
        let bars = async |frame: &str| {
            fixture
                .data(&format!("/v1beta3/crypto/us/bars?symbols=BTC/USD&timeframe={frame}&start=2026-01-01&limit=5"))
                .await
        };
        let ((status, found), (_, same)) = (bars(written).await, bars(documented).await);
        assert_eq!(status, StatusCode::OK, "{written}: {found}");
        assert!(!found["bars"]["BTC/USD"].as_array().unwrap().is_empty(), "{found}");
        assert_eq!(found, same, "{written}");
    }
    let (status, answer) = fixture.data("/v2/stocks/bars?symbols=AAPL&timeframe=1m").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "a minute or a month: {answer}");
}

#[tokio::test]
async fn news_is_paged_and_filtered_by_symbol() {
    let fixture = Fixture::open().await;
    let (status, newest) = fixture.data("/v1beta1/news").await;
    assert_eq!(status, StatusCode::OK);
    let rows = newest["news"].as_array().unwrap();
    assert_eq!(rows.len(), 10);
    assert!(rows.is_sorted_by(|a, b| a["id"].as_i64() > b["id"].as_i64()), "newest first");
    let (mut seen, mut token) = (Vec::new(), None::<String>);
    while seen.len() < 10 {
        let more = token.as_ref().map_or_else(String::new, |token| format!("&page_token={token}"));
        let (_, page) = fixture.data(&format!("/v1beta1/news?limit=4{more}")).await;
        seen.extend(page["news"].as_array().unwrap().clone());
        token = page["next_page_token"].as_str().map(str::to_owned);
        assert!(token.is_some(), "there is always another page");
    }
    assert_eq!(seen[..10], rows[..], "pages join without gap or overlap");
    let (_, about) = fixture.data("/v1beta1/news?symbols=AAPL,BTCUSD&limit=50&include_content=true").await;
    let about = about["news"].as_array().unwrap();
    assert!(
        about.len() > 5 && about.iter().all(|row| ["AAPL", "BTC/USD"].contains(&row["symbols"][0].as_str().unwrap()))
    );
    assert!(about.iter().all(|row| row["content"].as_str().unwrap().starts_with("<p>")));
    assert_eq!(fixture.data("/v1beta1/news?limit=51").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(fixture.data("/v1beta1/news?start=2100-01-01").await.1["news"], json!([]), "nothing from the future");
}

#[tokio::test]
async fn corporate_actions_auctions_and_codes_are_served() {
    let fixture = Fixture::open().await;
    let (status, actions) = fixture.data("/v1/corporate-actions?symbols=AAPL,KO&start=2025-01-01&end=2025-12-31").await;
    assert_eq!(status, StatusCode::OK);
    let paid = actions["corporate_actions"]["cash_dividends"].as_array().unwrap();
    assert_eq!(paid.len(), 8, "two shares, four times: {actions}");
    let (_, first) =
        fixture.data("/v1/corporate-actions?symbols=AAPL,KO&start=2025-01-01&end=2025-12-31&limit=5").await;
    let token = first["next_page_token"].as_str().unwrap();
    let path =
        format!("/v1/corporate-actions?symbols=AAPL,KO&start=2025-01-01&end=2025-12-31&limit=5&page_token={token}");
    let (_, rest) = fixture.data(&path).await;
    let both = [&first, &rest].map(|page| page["corporate_actions"]["cash_dividends"].as_array().unwrap().clone());
    assert_eq!(both.concat(), *paid);
    let (_, none) = fixture.data("/v1/corporate-actions?types=reverse_split&start=2025-01-01").await;
    assert_eq!(none, json!({"corporate_actions": {}, "next_page_token": null}));
    assert_eq!(fixture.data("/v1/corporate-actions?types=magic").await.0, StatusCode::BAD_REQUEST);

    let (_, auctions) = fixture.data("/v2/stocks/AAPL/auctions?start=2026-01-05").await;
    let (_, bars) = fixture.data("/v2/stocks/AAPL/bars?timeframe=1Day&start=2026-01-05").await;
    let (first, bar) = (&auctions["auctions"][0], &bars["bars"][0]);
    assert_eq!((&first["o"][0]["p"], &first["c"][0]["p"]), (&bar["o"], &bar["c"]), "{first} {bar}");
    let last = auctions["auctions"].as_array().unwrap().last().unwrap();
    assert_eq!(last["c"], json!([]), "today has opened and not closed: {last}");
    assert_eq!(
        fixture.data("/v2/stocks/auctions?symbols=AAPL,KO&limit=3").await.1["auctions"]["KO"][0]["d"],
        last["d"]
    );

    let (_, quotes) = fixture.data("/v1beta1/options/snapshots/SPY?limit=1").await;
    let (_, quote) = quotes["snapshots"].as_object().unwrap().iter().next().unwrap();
    let (exchange, condition) =
        (quote["latestQuote"]["ax"].as_str().unwrap(), quote["latestTrade"]["c"].as_str().unwrap());
    assert!(
        fixture.data("/v1beta1/options/meta/exchanges").await.1[exchange].is_string(),
        "rows use documented letters"
    );
    assert!(fixture.data("/v1beta1/options/meta/conditions/trade").await.1[condition].is_string());
    assert_eq!(fixture.data("/v1beta1/options/meta/conditions/rumour").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_crypto_stream_has_order_books_and_trades_at_all_its_addresses() {
    let fixture = Fixture::open().await;
    for path in ["/v1beta3/crypto/us", "/v1beta2/crypto"] {
        let mut socket = fixture.authenticated(path).await;
        let reported = socket.subscribe(json!({"orderbooks": ["BTC/USD"], "trades": ["BTC/USD"]})).await;
        assert_eq!(
            (&reported["orderbooks"], &reported["trades"], &reported["lulds"]),
            (&json!(["BTC/USD"]), &json!(["BTC/USD"]), &Value::Null)
        );
        let book = socket.first("o").await;
        assert_eq!((&book["S"], &book["r"]), (&json!("BTC/USD"), &json!(true)), "complete from the start");
        assert!(book["b"].as_array().unwrap().len() > 3 && book["a"].as_array().unwrap().len() > 3);
        let trade = socket.first("t").await;
        assert!(trade["p"].is_number() && ["B", "S"].contains(&trade["tks"].as_str().unwrap()), "{trade}");
        let refused = socket.subscribe(json!({"lulds": ["BTC/USD"]})).await;
        assert_eq!(refused["code"], 410);
    }
}

#[tokio::test]
async fn halts_and_bands_are_sent_to_subscribers() {
    let fixture = Fixture::open().await;
    let mut socket = fixture.authenticated("/v2/iex").await;
    let reported = socket.subscribe(json!({"statuses": ["KO"], "lulds": ["*"], "cancelErrors": ["KO"]})).await;
    assert_eq!((&reported["statuses"], &reported["corrections"]), (&json!(["KO"]), &json!([])));
    fixture.control("halt", json!({"symbol": "KO"})).await;
    let halted = socket.first("s").await;
    assert_eq!((&halted["S"], &halted["sc"]), (&json!("KO"), &json!("H")));
    fixture.control("resume", json!({"symbol": "KO"})).await;
    assert_eq!(socket.first("s").await["sc"], "T");
    fixture.control("advance", json!({"by": "2m"})).await;
    let bands = socket.first("l").await;
    let at = |name: &str| bands[name].to_string().parse::<Decimal>().unwrap();
    assert!(at("d") < at("u"), "{bands}");
}

#[tokio::test]
async fn news_and_options_have_streams() {
    let fixture = Fixture::open().await;
    let mut news = fixture.authenticated("/v1beta1/news").await;
    assert_eq!(news.subscribe(json!({"news": ["*"]})).await["news"], json!(["*"]));
    fixture.control("advance", json!({"by": "21m"})).await;
    let article = news.first("n").await;
    let (_, listed) = fixture.data("/v1beta1/news?include_content=true").await;
    let row =
        listed["news"].as_array().unwrap().iter().find(|row| row["id"] == article["id"]).expect("it is listed too");
    assert_eq!(row["headline"], article["headline"]);

    let mut options = fixture.authenticated("/v1beta1/options/indicative").await;
    assert_eq!(options.subscribe(json!({"quotes": ["*"]})).await["quotes"], json!(["*"]));
    // MessagePack, with its own type of time.
    let quoted =
        async { while !options.raw().await.unwrap().into_data().windows(3).any(|bytes| bytes == b"\xa2bp") {} };
    tokio::time::timeout(TEST_TIMEOUT, quoted).await.expect("a quote of an option");
    let mut paid = fixture.socket(&fixture.ready().data.stream_url.replace("/v2/iex", "/v1beta1/options/opra")).await;
    paid.heard().await;
    paid.say(&json!({"action": "auth", "key": "oauth", "secret": fixture.ready().paper_token})).await;
    assert_eq!(paid.heard().await[0]["code"], 409);
}

#[tokio::test]
async fn a_close_is_answered_and_a_protocol_error_has_its_code() {
    let fixture = Fixture::open().await;
    for url in [&fixture.ready().paper.stream_url, &fixture.ready().data.stream_url] {
        let wrong = |opcode, payload: &'static [u8], reserved| {
            let mut frame = Frame::message(payload, OpCode::Data(opcode), true);
            frame.header_mut().rsv1 = reserved;
            Message::Frame(frame)
        };
        for (said, code) in [
            (Message::Close(None), None),
            (wrong(Data::Text, b"\xff\xff", false), Some(CloseCode::Invalid)),
            (wrong(Data::Binary, b"x", true), Some(CloseCode::Protocol)),
        ] {
            let mut socket = fixture.socket(url).await;
            socket.0.send(said).await.unwrap();
            let closed = loop {
                match tokio::time::timeout(TEST_TIMEOUT, socket.0.next()).await.unwrap() {
                    Some(Ok(Message::Close(frame))) => break frame.map(|frame| frame.code),
                    Some(Ok(_)) => {}
                    end => panic!("{url} ends without a close: {end:?}"),
                }
            };
            assert_eq!(closed, code, "{url}");
        }
    }
}

#[tokio::test]
async fn unreadable_requests_are_refused_in_the_services_format() {
    let fixture = Fixture::open().await;
    for path in ["/v2/orders/%ff", "/v2/assets/%ff"] {
        let (status, body) = fixture.paper(Method::GET, path, None).await;
        assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!(40_010_000)), "{path}: {body}");
        assert!(body["message"].is_string());
    }
    let url = format!("{}/v2/orders", fixture.ready().paper.api_url);
    let long = fixture.http.post(url).bearer_auth(&fixture.ready().paper_token).body(vec![b'x'; 3 << 20]).send().await;
    let answer = long.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], 41_310_000);
}
