//! The refusals of the data stream, each with its number.

use super::*;

async fn code(socket: &mut Socket, said: &Value) -> Value {
    socket.say(said).await;
    socket.hear().await.unwrap()[0]["code"].clone()
}

impl Desk {
    async fn data_socket(&self, feed: &str) -> Socket {
        let mut socket = self.socket(&self.ready().data.stream_url.replace("/v2/iex", feed)).await;
        assert_eq!(socket.hear().await.unwrap(), json!([{"T": "success", "msg": "connected"}]));
        socket
    }
}

fn auth(token: &str) -> Value {
    json!({"action": "auth", "key": "oauth", "secret": token})
}

#[tokio::test]
async fn each_refusal_of_the_data_stream_has_its_number() {
    let desk = Desk::open().await;
    let token = desk.ready().paper_token.clone();
    let no_data = desk.control("token", json!({"scopes": "trading"})).await["token"].as_str().unwrap().to_owned();

    let mut socket = desk.data_socket("/v2/iex").await;
    assert_eq!(code(&mut socket, &json!({"action": "subscribe", "quotes": ["AAPL"]})).await, 401);
    socket.say(&auth(&token)).await;
    assert_eq!(socket.hear().await.unwrap(), json!([{"T": "success", "msg": "authenticated"}]));
    assert_eq!(code(&mut socket, &auth(&token)).await, 403);
    assert_eq!(code(&mut socket, &json!({"action": "dance"})).await, 400);
    assert_eq!(code(&mut socket, &json!({"action": "subscribe", "quotes": "AAPL"})).await, 400);
    desk.control("symbol_limit", json!({"limit": 3})).await;
    let four = json!({"action": "subscribe", "trades": ["AAPL", "KO"], "quotes": ["AAPL", "KO"]});
    assert_eq!(code(&mut socket, &four).await, 405);
    socket.say(&json!({"action": "subscribe", "trades": ["AAPL", "KO"], "quotes": ["AAPL"]})).await;
    assert_eq!(socket.hear().await.unwrap()[0]["T"], "subscription", "three are allowed");

    assert_eq!(code(&mut desk.data_socket("/v2/iex").await, &auth("nobody's")).await, 402);
    assert_eq!(code(&mut desk.data_socket("/v2/iex").await, &auth(&no_data)).await, 411);
    assert_eq!(code(&mut desk.data_socket("/v2/sip").await, &auth(&token)).await, 409);
}

#[tokio::test]
async fn one_connection_a_user_and_feed_and_its_place_is_given_back() {
    let desk = Desk::open().await;
    let token = desk.ready().paper_token.clone();
    let mut first = desk.data_socket("/v2/iex").await;
    first.say(&auth(&token)).await;
    assert_eq!(first.hear().await.unwrap()[0]["msg"], "authenticated");
    assert_eq!(code(&mut desk.data_socket("/v2/iex").await, &auth(&token)).await, 406);
    let mut other = desk.data_socket("/v1beta3/crypto/us").await;
    other.say(&auth(&token)).await;
    assert_eq!(other.hear().await.unwrap()[0]["msg"], "authenticated", "another feed has places of its own");
    drop(first);
    let again = async {
        loop {
            let mut second = desk.data_socket("/v2/iex").await;
            second.say(&auth(&token)).await;
            if second.hear().await.unwrap()[0]["msg"] == "authenticated" {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("the place is free after the first has gone");
}

#[tokio::test]
async fn who_does_not_say_who_they_are_within_ten_seconds_is_put_out() {
    let desk = Desk::open().await;
    let mut silent = desk.data_socket("/v2/iex").await;
    assert_eq!(silent.hear().await.unwrap()[0]["code"], 404);
    assert!(silent.hear().await.is_none());
}
