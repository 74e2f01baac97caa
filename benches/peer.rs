//! The least a client can do, as the yardstick of `benches/process/storm.py` and `reconnect.py` (docs/DESIGN.md 11, P5 and P11).
//!
//! `peer stream URL COUNT` reads frames with tokio-tungstenite and decodes each with `serde_json` into fixed types, keeping
//! nothing; `peer fetch URL…` fetches addresses one after the other with reqwest and decodes each page likewise. Both print
//! how long it took, in microseconds.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it fails like a test, and is none of the program"
)]

use std::hint::black_box;
use std::time::Instant;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use tokio_tungstenite::tungstenite::Message;

/// An order with its members as fixed types.
#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded to be measured")]
struct Order {
    id: String,
    client_order_id: String,
    created_at: String,
    updated_at: String,
    submitted_at: String,
    filled_at: Option<String>,
    canceled_at: Option<String>,
    symbol: String,
    qty: Option<String>,
    filled_qty: String,
    filled_avg_price: Option<String>,
    order_class: String,
    #[serde(rename = "type")]
    order_type: String,
    side: String,
    time_in_force: String,
    limit_price: Option<String>,
    stop_price: Option<String>,
    status: String,
    extended_hours: bool,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded to be measured")]
struct Update {
    at: String,
    event: String,
    timestamp: String,
    order: Order,
    price: Option<String>,
    qty: Option<String>,
    position_qty: Option<String>,
    execution_id: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded to be measured")]
struct Frame {
    stream: String,
    data: Update,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded to be measured")]
struct Row {
    id: String,
    order_id: String,
    price: String,
    qty: String,
    cum_qty: String,
    side: String,
    symbol: String,
    transaction_time: String,
}

fn main() {
    // `cargo bench` hands `--bench` on to every benchmark; without a task there is nothing to do.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match words.split_first() {
        Some((task, [url, count])) if task == "stream" => runtime.block_on(stream(url, count.parse().unwrap())),
        Some((task, urls)) if task == "fetch" => runtime.block_on(fetch(urls)),
        _ => println!("peer stream URL COUNT | peer fetch URL…"),
    }
}

async fn stream(url: &str, count: usize) {
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    socket.send(Message::text(r#"{"action":"authenticate","data":{"oauth_token":"x"}}"#)).await.unwrap();
    socket.send(Message::text(r#"{"action":"listen","data":{"streams":["trade_updates"]}}"#)).await.unwrap();
    let mut began = None;
    let mut seen = 0;
    while seen < count {
        let bytes = socket.next().await.unwrap().unwrap().into_data();
        if let Ok(frame) = serde_json::from_slice::<Frame>(&bytes) {
            began.get_or_insert_with(Instant::now);
            black_box(frame);
            seen += 1;
        }
    }
    println!("{}", began.unwrap().elapsed().as_micros());
}

async fn fetch(urls: &[String]) {
    let client = reqwest::Client::new();
    let began = Instant::now();
    for url in urls {
        let body = client.get(url).send().await.unwrap().bytes().await.unwrap();
        if url.contains("/activities") {
            black_box(serde_json::from_slice::<Vec<Row>>(&body).unwrap());
        } else if url.contains("/orders") {
            black_box(serde_json::from_slice::<Vec<Order>>(&body).unwrap());
        } else {
            black_box(serde_json::from_slice::<serde_json::Value>(&body).unwrap());
        }
    }
    println!("{}", began.elapsed().as_micros());
}
