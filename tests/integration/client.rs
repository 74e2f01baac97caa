//! The client over real sockets, against peers that send scripted bytes.

mod payloads;
mod queue;
mod replay;
mod rest;
mod secrets;
mod stream;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use brokerdeck::accounts::{Accounts, Effect, JournalState, Msg, OrderKey, Output};
use brokerdeck::broker::tls;
use brokerdeck::config::Endpoints;
use brokerdeck::domain::{Environment, Mono, Now, Order, OrderId, OrderType, Side};
use brokerdeck::session::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::fixture;

/// The deadline of every wait.
const DEADLINE: Duration = Duration::from_secs(20);
/// The token, which must appear nowhere.
const TOKEN: &str = "tok-canary-7f3a9b";

fn tls_config() -> Arc<rustls::ClientConfig> {
    tls::client_config(None).unwrap()
}

fn endpoints(api_url: &str) -> Endpoints {
    Endpoints {
        environment: Environment::Paper,
        api_url: Url::parse(api_url).unwrap(),
        stream_url: Url::parse("ws://127.0.0.1:1/stream").unwrap(),
        data_url: None,
        data_stream_url: None,
    }
}

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, what).await.expect("within the test's deadline")
}

/// An HTTP peer that answers every connection with `answer` of the request's head.
struct Peer {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    /// The bytes are sent unchanged; then the connection is closed.
    async fn start(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::talk(move |head, mut socket| {
            let bytes = answer(&head);
            async move {
                // The client may close before everything is written.
                drop(socket.write_all(&bytes).await);
                drop(socket.shutdown().await);
            }
        })
        .await
    }

    async fn talk<F>(talk: impl Fn(String, TcpStream) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match socket.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => break,
                    }
                }
                let head = String::from_utf8(head).unwrap();
                seen.lock().unwrap().push(head.clone());
                tokio::spawn(talk(head, socket));
            }
        });
        Self { url, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// A cancel of this order as the accounts send it, with the guard's permit.
fn cancel(id: &str) -> Request {
    let order = fixture::order("1", "13:30:00", Side::Buy, "AAPL", "1", OrderType::Market);
    let order = Order { id: OrderId::from(id), ..order };
    let (link, now) = (fixture::paper(), Now { mono: Mono::ZERO, wall: jiff::Timestamp::UNIX_EPOCH });
    let key = OrderKey { link: link.id.clone(), order: order.id.clone() };
    let known = JournalState {
        link: link.id.clone(),
        account: Some(link.account_id.clone()),
        watermark: None,
        complete_at: None,
        saved_at: None,
        orders: vec![order],
        executions: Vec::new(),
        tape: Vec::new(),
    };
    let mut accounts = Accounts::new(false);
    accounts.handle(Msg::Listed { links: vec![link] }, now);
    accounts.handle(Msg::Remembered(Box::new(known)), now);
    accounts.cancel(&key).unwrap();
    let sent = std::iter::from_fn(|| accounts.poll()).find_map(|output| match output {
        Output::Do(Effect::Request { request, .. }) => Some(request),
        _ => None,
    });
    sent.unwrap()
}

/// A complete HTTP response.
fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}connection: close\r\n\r\n{body}", body.len())
        .into_bytes()
}
