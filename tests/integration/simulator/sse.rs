//! The event streams over HTTP: replay, end, and comments.

use super::*;

impl Fixture {
    /// The events and comments of a stream that ends by itself.
    async fn whole(&self, path: &str) -> (Vec<Value>, Vec<String>) {
        let answer = self.ask(Method::GET, path, &self.ready().paper_token, None).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let text = answer.text().await.unwrap();
        let events = text.lines().filter_map(|line| line.strip_prefix("data: "));
        let comments = text.lines().filter_map(|line| line.strip_prefix(": ")).map(str::to_owned);
        (events.map(|line| serde_json::from_str(line).unwrap()).collect(), comments.collect())
    }

    async fn events(&self, path: &str) -> Vec<Value> {
        self.whole(path).await.0
    }

    async fn now(&self) -> jiff::Timestamp {
        let truth = self.paper(Method::GET, "/_sim/truth", None).await.1;
        truth["now"].as_str().unwrap().parse().unwrap()
    }

    /// After all events sent, which are dated some microseconds ahead.
    async fn end(&self) -> jiff::Timestamp {
        self.now().await + jiff::SignedDuration::from_millis(5)
    }

    async fn fill(&self, symbol: &str, qty: &str) -> Value {
        let time_in_force = if symbol.contains('/') { "gtc" } else { "day" };
        let body =
            json!({"symbol": symbol, "qty": qty, "side": "buy", "type": "market", "time_in_force": time_in_force});
        let (status, order) = self.paper(Method::POST, "/v2/orders", Some(body)).await;
        assert_eq!(status, StatusCode::OK, "{order}");
        // The rest of it, in case the market was faster.
        self.paper(Method::POST, "/_sim/fill", Some(json!({"order": order["id"]}))).await;
        order
    }
}

fn texts(rows: &[Value], member: &str) -> Vec<String> {
    rows.iter().map(|row| row[member].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn resuming_a_nanosecond_after_the_last_event_misses_and_repeats_nothing() {
    let fixture = Fixture::open().await;
    let begin = fixture.now().await;
    let mut socket = fixture.listening().await;
    fixture.fill("AAPL", "3").await;
    let order = fixture.limit("1.00").await;
    fixture.fill("KO", "2").await;
    fixture.paper(Method::DELETE, &format!("/v2/orders/{}", order["id"].as_str().unwrap()), None).await;
    let mut heard = Vec::new();
    while heard.last().is_none_or(|event: &Value| event["data"]["event"] != "canceled") {
        heard.push(socket.receive().await.unwrap());
    }
    let heard: Vec<Value> = heard.into_iter().map(|frame| frame["data"].clone()).collect();
    assert!(heard.len() >= 8, "{heard:?}");
    let end = fixture.end().await;
    let all = fixture.events(&format!("/v2/events/trades?since={begin}&until={end}")).await;
    assert!(all == heard, "exactly the events of the websocket: {:?}", texts(&all, "event"));
    let last = all.last().unwrap()["event_id"].as_str().unwrap();
    for (index, event) in all.iter().enumerate() {
        let at: jiff::Timestamp = event["at"].as_str().unwrap().parse().unwrap();
        let next = at + jiff::SignedDuration::from_nanos(1);
        let rest = fixture.events(&format!("/v2/events/trades?since={next}&until={end}")).await;
        assert!(rest == all[index + 1..], "{:?} after {index}", texts(&rest, "event"));
        let id = event["event_id"].as_str().unwrap();
        let by_id = fixture.events(&format!("/v2/events/trades?since_id={id}&until_id={last}")).await;
        assert!(by_id == all[index + 1..], "{:?} after {index}", texts(&by_id, "event"));
    }
    assert_eq!(fixture.events(&format!("/v2/events/trades?since={end}&until={begin}")).await, [] as [Value; 0]);
}

#[tokio::test]
async fn activities_contain_everything_booked() {
    let fixture = Fixture::open().await;
    fixture.fill("AAPL", "4").await;
    fixture.fill("BTC/USD", "0.01").await;
    fixture.control("cash", json!({"type": "CSD", "amount": "250"})).await;
    fixture.control("cash", json!({"type": "FEE", "amount": "1.5"})).await;
    fixture.control("dividend", json!({"symbol": "AAPL", "per_share": "0.26"})).await;
    let truth = fixture.paper(Method::GET, "/_sim/truth", None).await.1;
    let executions = truth["executions"].as_array().unwrap();
    let of = |symbol: &str| executions.iter().rfind(|row| row["symbol"] == symbol).unwrap()["execution_id"].clone();
    fixture.control("correct", json!({"execution": of("AAPL"), "price": "100"})).await;
    fixture.control("bust", json!({"execution": of("BTC/USD")})).await;

    let rows =
        fixture.events(&format!("/v2beta1/events/activities?since=2000-01-01&until={}", fixture.end().await)).await;
    let kinds = texts(&rows, "activity_type");
    for kind in ["JNLC", "FILL", "CFEE", "CSD", "FEE", "DIV"] {
        assert!(kinds.iter().any(|known| known == kind), "{kind} in {kinds:?}");
    }
    for row in &rows {
        for member in ["event_id", "at", "executed_at", "status", "settle_date", "currency", "ref_id"] {
            assert!(row[member].is_string(), "{member} of {row}");
        }
        assert!(row["details"].is_object(), "{row}");
    }
    let ids = texts(&rows, "event_id");
    assert!(ids.is_sorted_by(|a, b| a < b), "ids grow strictly");
    let fills: Vec<&Value> = rows.iter().filter(|row| row["activity_type"] == "FILL").collect();
    for execution in executions {
        let row =
            fills.iter().find(|row| row["ref_id"] == execution["execution_id"]).expect("every execution is listed");
        assert_eq!(row["details"]["order_id"], execution["order_id"]);
        assert_eq!(row["details"]["symbol"], execution["symbol"]);
    }
    let restated = |kind: &str| fills.iter().find(|row| row["details"]["execution_type"] == kind).unwrap();
    let (corrected, busted) = (restated("trade_correct"), restated("trade_bust"));
    assert_eq!((&corrected["previous_id"], &corrected["status"]), (&of("AAPL"), &json!("correct")));
    assert_eq!(corrected["price"], "100");
    assert_eq!((&busted["previous_id"], &busted["status"]), (&of("BTC/USD"), &json!("canceled")));
    let dividend = rows.iter().find(|row| row["activity_type"] == "DIV").unwrap();
    assert_eq!(dividend["activity_subtype"], "CDIV");
    assert_eq!(dividend["details"]["cash_payout"], dividend["net_amount"]);

    // All amounts, with those reversed, add up to the cash.
    let amount = |row: &&Value| row["net_amount"].as_str().unwrap().parse::<Decimal>().unwrap();
    let replaced = rows.iter().find(|row| row["ref_id"] == of("AAPL")).unwrap();
    let sum = rows.iter().map(|row| amount(&row)).sum::<Decimal>() - amount(&replaced);
    assert_eq!(sum, truth_cash(&fixture).await);
}

async fn truth_cash(fixture: &Fixture) -> Decimal {
    fixture.paper(Method::GET, "/_sim/truth", None).await.1["cash"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn conflicting_parameters_are_refused_with_a_sentence() {
    let fixture = Fixture::open().await;
    for query in ["until=2026-01-01", "since=2026-01-01&since_id=01M2TB1W7J21FPR8S4CTGVBY7J", "since=now"] {
        for path in ["/v2/events/trades", "/v2beta1/events/activities"] {
            let (status, body) = fixture.paper(Method::GET, &format!("{path}?{query}"), None).await;
            assert_eq!((status, body["code"].as_u64()), (StatusCode::BAD_REQUEST, Some(40_010_000)), "{query}");
            assert!(body["message"].as_str().unwrap().contains("since"), "{body}");
        }
    }
}

#[tokio::test]
async fn an_end_in_the_future_ends_the_stream_at_that_time() {
    let fixture = Fixture::open().await;
    let begin = fixture.now().await;
    let until = begin + jiff::SignedDuration::from_hours(1);
    let path = format!("/v2/events/trades?since={begin}&until={until}");
    let answer = fixture.ask(Method::GET, &path, &fixture.ready().paper_token, None).await;
    fixture.limit("1.00").await;
    fixture.control("advance", json!({"by": "61m"})).await;
    let text = answer.text().await.unwrap();
    assert_eq!(text.lines().filter(|line| line.starts_with("data: ")).count(), 2, "{text}");
}

#[tokio::test]
async fn a_slow_reader_and_a_server_error_are_reported_in_comments() {
    let fixture = Fixture::open().await;
    let begin = fixture.now().await;
    fixture.limit("1.00").await;
    fixture.fill("KO", "2").await;
    let path = format!("/v2/events/trades?since={begin}&until={}", fixture.end().await);
    let all = fixture.events(&path).await;
    fixture.control("fault", json!({"rule": "dropped*1"})).await;
    let (events, comments) = fixture.whole(&path).await;
    assert_eq!(texts(&events, "event_id"), texts(&all[1..], "event_id"));
    assert!(comments.contains(&"you are reading too slowly, dropped 1 messages".to_owned()), "{comments:?}");
    fixture.control("fault", json!({"rule": "server_error*1"})).await;
    let (events, comments) = fixture.whole(&path).await;
    assert!(events.is_empty() && comments.contains(&"internal server error".to_owned()), "{comments:?}");
    for (rule, first) in
        [("duplicate*1", &all[0]), ("reorder*1", &all[1]), ("lose*1", &all[1]), ("data_null*1", &Value::Null)]
    {
        fixture.control("fault", json!({"rule": rule})).await;
        assert_eq!(fixture.events(&path).await[0]["event_id"], first["event_id"], "{rule}");
    }
    fixture.control("fault", json!({"rule": "no_event_id*1"})).await;
    assert_eq!(fixture.events(&path).await[0]["event_id"], Value::Null);

    let mut socket = fixture.listening().await;
    fixture.control("fault", json!({"rule": "server_error*1"})).await;
    fixture.limit("1.01").await;
    let said = socket.receive().await.unwrap();
    assert_eq!(said, json!({"action": "error", "data": {"error_message": "internal server error"}}));
    assert!(socket.receive().await.is_none(), "and then it closes");
}

#[tokio::test]
async fn a_frozen_stream_sends_nothing_until_it_thaws() {
    let fixture = Fixture::open().await;
    let mut answer = fixture.ask(Method::GET, "/v2/events/trades", &fixture.ready().paper_token, None).await;
    // The welcome comment: later events follow.
    answer.chunk().await.unwrap().unwrap();
    fixture.limit("1.00").await;
    answer.chunk().await.unwrap().unwrap();
    fixture.control("freeze", json!({"for": "1h"})).await;
    fixture.limit("1.01").await;
    let mut late = Vec::new();
    // An event already sent may still arrive.
    while let Ok(chunk) = tokio::time::timeout(Duration::from_millis(300), answer.chunk()).await {
        late.extend_from_slice(&chunk.unwrap().unwrap());
    }
    assert!(!String::from_utf8(late).unwrap().contains("\"1.01\""), "nothing of the second order yet");
    fixture.control("clear", json!({})).await;
    let mut text = String::new();
    while !text.contains("\"1.01\"") {
        let chunk = tokio::time::timeout(TEST_TIMEOUT, answer.chunk()).await.expect("in time").unwrap().unwrap();
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
}

#[tokio::test]
async fn nothing_of_an_account_is_replayed_after_its_reset() {
    let fixture = Fixture::open().await;
    fixture.limit("1.00").await;
    fixture.control("reset", json!({"cash": "5000"})).await;
    let until = fixture.end().await;
    assert_eq!(fixture.events(&format!("/v2/events/trades?since=2000-01-01&until={until}")).await, [] as [Value; 0]);
    let rows = fixture.events(&format!("/v2beta1/events/activities?since=2000-01-01&until={until}")).await;
    assert_eq!(texts(&rows, "net_amount"), ["5000"], "what the new account was opened with");
}

#[tokio::test]
async fn the_generated_history_of_an_account_can_be_replayed() {
    let fixture = Fixture::with(SimOptions { idle: false, ..options() }).await;
    let truth = fixture.paper(Method::GET, "/_sim/truth", None).await.1;
    let until = fixture.end().await;
    let rows = fixture.events(&format!("/v2beta1/events/activities?since=2000-01-01&until={until}")).await;
    let reported: std::collections::BTreeSet<String> = texts(&rows, "ref_id").into_iter().collect();
    let known = texts(truth["executions"].as_array().unwrap(), "execution_id");
    assert!(known.len() > 100 && known.iter().all(|id| reported.contains(id)));
}
