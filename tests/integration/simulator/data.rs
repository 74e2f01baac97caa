//! The refusals of the data stream, each with its number.

use super::*;

async fn code(socket: &mut Socket, said: &Value) -> Value {
    socket.say(said).await;
    socket.receive().await.unwrap()[0]["code"].clone()
}

impl Fixture {
    async fn data_socket(&self, feed: &str) -> Socket {
        let mut socket = self.socket(&self.ready().data.stream_url.replace("/v2/iex", feed)).await;
        assert_eq!(socket.receive().await.unwrap(), json!([{"T": "success", "msg": "connected"}]));
        socket
    }
}

fn auth(token: &str) -> Value {
    json!({"action": "auth", "key": "oauth", "secret": token})
}

#[tokio::test]
async fn each_refusal_of_the_data_stream_has_its_number() {
    let fixture = Fixture::open().await;
    let token = fixture.ready().paper_token.clone();
    let no_data = fixture.control("token", json!({"scopes": "trading"})).await["token"].as_str().unwrap().to_owned();

    let mut socket = fixture.data_socket("/v2/iex").await;
    assert_eq!(code(&mut socket, &json!({"action": "subscribe", "quotes": ["AAPL"]})).await, 401);
    socket.say(&auth(&token)).await;
    assert_eq!(socket.receive().await.unwrap(), json!([{"T": "success", "msg": "authenticated"}]));
    assert_eq!(code(&mut socket, &auth(&token)).await, 403);
    assert_eq!(code(&mut socket, &json!({"action": "dance"})).await, 400);
    assert_eq!(code(&mut socket, &json!({"action": "subscribe", "quotes": "AAPL"})).await, 400);
    fixture.control("symbol_limit", json!({"limit": 3})).await;
    let four = json!({"action": "subscribe", "trades": ["AAPL", "KO"], "quotes": ["AAPL", "KO"]});
    assert_eq!(code(&mut socket, &four).await, 405);
    socket.say(&json!({"action": "subscribe", "trades": ["AAPL", "KO"], "quotes": ["AAPL"]})).await;
    assert_eq!(socket.receive().await.unwrap()[0]["T"], "subscription", "three are allowed");

    assert_eq!(code(&mut fixture.data_socket("/v2/iex").await, &auth("nobody's")).await, 402);
    assert_eq!(code(&mut fixture.data_socket("/v2/iex").await, &auth(&no_data)).await, 411);
    assert_eq!(code(&mut fixture.data_socket("/v2/sip").await, &auth(&token)).await, 409);
}

#[tokio::test]
async fn each_user_has_one_connection_per_feed_and_gets_it_back() {
    let fixture = Fixture::open().await;
    let token = fixture.ready().paper_token.clone();
    let mut first = fixture.data_socket("/v2/iex").await;
    first.say(&auth(&token)).await;
    assert_eq!(first.receive().await.unwrap()[0]["msg"], "authenticated");
    assert_eq!(code(&mut fixture.data_socket("/v2/iex").await, &auth(&token)).await, 406);
    let mut other = fixture.data_socket("/v1beta3/crypto/us").await;
    other.say(&auth(&token)).await;
    assert_eq!(other.receive().await.unwrap()[0]["msg"], "authenticated", "another feed has its own limit");
    drop(first);
    let again = async {
        loop {
            let mut second = fixture.data_socket("/v2/iex").await;
            second.say(&auth(&token)).await;
            if second.receive().await.unwrap()[0]["msg"] == "authenticated" {
                return;
            }
        }
    };
    tokio::time::timeout(TEST_TIMEOUT, again).await.expect("a new connection is possible after the first has gone");
}

#[tokio::test]
async fn a_client_that_does_not_authenticate_within_ten_seconds_is_disconnected() {
    let fixture = Fixture::open().await;
    let mut silent = fixture.data_socket("/v2/iex").await;
    assert_eq!(silent.receive().await.unwrap()[0]["code"], 404);
    assert!(silent.receive().await.is_none());
}

#[tokio::test]
async fn chains_screeners_and_order_books_show_the_simulated_market() {
    let fixture = Fixture::open().await;
    let ask = async |path: &str| {
        let url = format!("{}{path}", fixture.ready().data.api_url);
        let answer = fixture.http.get(url).bearer_auth(&fixture.ready().paper_token).send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap_or_default())
    };
    let count = |value: &Value| value.as_object().map_or(0, serde_json::Map::len);
    let (_, calls) = ask("/v1beta1/options/snapshots/SPY?type=call&strike_price_lte=670").await;
    assert_eq!((count(&calls["snapshots"]), &calls["next_page_token"]), (2, &Value::Null));
    let (_, first) = ask("/v1beta1/options/snapshots/SPY?limit=4").await;
    let token = first["next_page_token"].as_str().unwrap();
    let (_, rest) = ask(&format!("/v1beta1/options/snapshots/SPY?limit=4&page_token={token}")).await;
    assert_eq!((count(&first["snapshots"]), count(&rest["snapshots"])), (4, 2));
    assert!(first["snapshots"].as_object().unwrap().keys().all(|symbol| rest["snapshots"].get(symbol).is_none()));
    let (status, bars) = ask(&format!("/v1beta1/options/bars?symbols={token}&timeframe=1Day&start=2026-01-05")).await;
    assert!(status.is_success() && !bars["bars"][token].as_array().unwrap().is_empty());

    fixture.control("price", json!({"symbol": "KO", "price": "140"})).await;
    let (_, movers) = ask("/v1beta1/screener/stocks/movers?top=3").await;
    assert_eq!(movers["gainers"][0]["symbol"], "KO");
    assert_eq!(movers["gainers"][0]["price"].to_string(), "140");
    let (_, actives) = ask("/v1beta1/screener/stocks/most-actives?by=trades&top=5").await;
    let trades: Vec<u64> =
        actives["most_actives"].as_array().unwrap().iter().map(|row| row["trade_count"].as_u64().unwrap()).collect();
    assert!(trades.len() == 5 && trades.is_sorted_by(|a, b| a >= b), "{trades:?}");

    let (_, books) = ask("/v1beta3/crypto/us/latest/orderbooks?symbols=BTC/USD").await;
    let (bids, asks) = (&books["orderbooks"]["BTC/USD"]["b"], &books["orderbooks"]["BTC/USD"]["a"]);
    let price = |row: &Value| row["p"].to_string().parse::<Decimal>().unwrap();
    assert!(bids.as_array().unwrap().is_sorted_by(|a, b| price(a) > price(b)));
    assert!(asks.as_array().unwrap().is_sorted_by(|a, b| price(a) < price(b)) && price(&bids[0]) < price(&asks[0]));
    assert_eq!(ask("/v2/stocks/meta/conditions/trade").await.0, StatusCode::BAD_REQUEST, "the tape is missing");
    assert_eq!(ask("/v2/stocks/meta/exchanges").await.1["V"], "IEX");
    assert_eq!(ask("/v1beta1/logos/AAPL").await.0, StatusCode::NOT_IMPLEMENTED);
}
