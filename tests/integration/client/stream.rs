//! One stream connection: each form of authentication, each kind of frame, each kind of end.

use std::time::Duration;

use brokerdeck::broker::alpaca::stream::{StreamTarget, Timeouts, run_with};
use brokerdeck::session::{AuthForm, Closed, StreamEvent};
use futures_util::{SinkExt, StreamExt};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{Peer, TOKEN, answer, in_time, tls_config};

const FILL: &str = include_str!("../../fixtures/fill.json");
const LISTENING: &str = r#"{"stream":"listening","data":{"streams":["trade_updates"]}}"#;
const AUTHORIZED: &str = r#"{"stream":"authorization","data":{"action":"authenticate","status":"authorized"}}"#;

type Server = WebSocketStream<TcpStream>;

/// The default timeouts divided by ten or more.
fn short_timeouts() -> Timeouts {
    Timeouts { answer: Duration::from_secs(1), ping: Duration::from_millis(100), silence: Duration::from_millis(600) }
}

/// For peers that answer: long enough that a slow machine does not look silent.
pub(super) fn calm() -> Timeouts {
    Timeouts { ping: Duration::from_secs(10), ..Timeouts::default() }
}

/// One running client.
pub(super) struct Run {
    pub(super) events: mpsc::Receiver<StreamEvent>,
    stop: CancellationToken,
}

impl Run {
    pub(super) fn start(url: &str, form: AuthForm, timeouts: Timeouts, room: usize) -> Self {
        let (sender, events) = mpsc::channel(room);
        let stop = CancellationToken::new();
        let http = url.replacen("ws", "http", 1);
        let target = StreamTarget {
            stream_url: Url::parse(&format!("{url}/stream")).unwrap(),
            api_url: Url::parse(&http).unwrap(),
            tls: tls_config(),
        };
        tokio::spawn(run_with(target, SecretString::from(TOKEN), form, sender, stop.clone(), timeouts));
        Self { events, stop }
    }

    pub(super) async fn next(&mut self) -> StreamEvent {
        in_time(self.events.recv()).await.expect("an event before the end")
    }

    /// All events; checks that only the last is the end.
    pub(super) async fn rest(mut self) -> (Vec<StreamEvent>, Closed) {
        let mut events = Vec::new();
        while let Some(event) = in_time(self.events.recv()).await {
            events.push(event);
        }
        let Some(StreamEvent::Closed(closed)) = events.pop() else { panic!("no end: {events:?}") };
        assert!(!events.iter().any(|event| matches!(event, StreamEvent::Closed(_))), "one end only: {events:?}");
        (events, closed)
    }
}

/// A websocket server that runs `script` on each connection; returns its address.
pub(super) async fn serve<F>(script: impl Fn(Server) -> F + Send + Sync + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let server = tokio_tungstenite::accept_async(socket).await.unwrap();
            tokio::spawn(script(server));
        }
    });
    url
}

async fn heard(server: &mut Server) -> Value {
    loop {
        match server.next().await {
            Some(Ok(Message::Text(text))) => return serde_json::from_str(text.as_str()).unwrap(),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("not a message: {other:?}"),
        }
    }
}

pub(super) async fn says(server: &mut Server, text: &str) {
    server.send(Message::text(text)).await.unwrap();
}

/// Authorizes and confirms listening.
async fn welcomed(server: &mut Server) {
    heard(server).await;
    says(server, AUTHORIZED).await;
    assert_eq!(heard(server).await, json!({"action": "listen", "data": {"streams": ["trade_updates"]}}));
    says(server, LISTENING).await;
}

/// Reads until the client is gone, so that its pings are answered.
async fn lingers(mut server: Server) {
    while let Some(Ok(_)) = server.next().await {}
}

/// Without pongs, which may come at any time.
fn reported(events: Vec<StreamEvent>) -> Vec<StreamEvent> {
    events.into_iter().filter(|event| !matches!(event, StreamEvent::Pong { .. })).collect()
}

#[tokio::test]
async fn each_form_authenticates_in_its_own_way_and_then_listens() {
    let forms = [
        (AuthForm::Authenticate, json!({"action": "authenticate", "data": {"oauth_token": TOKEN}})),
        (AuthForm::AuthKey, json!({"action": "auth", "key": "oauth", "secret": TOKEN})),
    ];
    for (form, hello) in forms {
        let url = serve(move |mut server| {
            let hello = hello.clone();
            async move {
                assert_eq!(heard(&mut server).await, hello);
                says(&mut server, r#"{"stream":"authorization","data":{"status":"authorized","message":"old form"}}"#)
                    .await;
                heard(&mut server).await;
                says(&mut server, r#"{"stream":"listening","data":{"streams":[]}}"#).await;
                server.close(None).await.unwrap();
            }
        })
        .await;
        let (events, closed) = Run::start(&url, form, calm(), 8).rest().await;
        let want = vec![
            StreamEvent::Opened,
            StreamEvent::Authorized { form, message: Some("old form".to_owned()) },
            StreamEvent::Listening { trade_updates: false },
        ];
        assert_eq!(reported(events), want);
        assert!(matches!(closed, Closed::Lost { .. }), "{closed:?}");
    }
}

#[tokio::test]
async fn text_binary_and_messagepack_frames_are_decoded_alike() {
    let packed = {
        // Encoded by hand: a map of two members, of which only the envelope matters.
        let mut bytes = vec![0x82, 0xA6];
        bytes.extend_from_slice(b"stream\xA9listening\xA4data\x81\xA7streams\x91\xADtrade_updates");
        bytes
    };
    let url = serve(move |mut server| {
        let packed = packed.clone();
        async move {
            heard(&mut server).await;
            server.send(Message::binary(AUTHORIZED.as_bytes().to_vec())).await.unwrap();
            heard(&mut server).await;
            server.send(Message::binary(packed)).await.unwrap();
            says(&mut server, FILL).await;
            server.send(Message::binary(FILL.as_bytes().to_vec())).await.unwrap();
            server.close(None).await.unwrap();
        }
    })
    .await;
    let (events, _) = Run::start(&url, AuthForm::Authenticate, calm(), 8).rest().await;
    let events = reported(events);
    assert_eq!(events[2], StreamEvent::Listening { trade_updates: true });
    let [StreamEvent::Update(text), StreamEvent::Update(binary)] = &events[3..] else { panic!("{events:?}") };
    assert_eq!(text, binary);
    assert_eq!(text.executions.len(), 1);
}

#[tokio::test]
async fn an_unreadable_frame_is_reported_and_the_next_one_is_handled() {
    let url = serve(|mut server| async move {
        welcomed(&mut server).await;
        says(&mut server, FILL.split_at(FILL.len() / 2).0).await;
        says(&mut server, r#"{"stream":"trade_updates","data":null}"#).await;
        server.send(Message::binary(vec![0xFF, 0x00])).await.unwrap();
        says(&mut server, r#"{"stream":"trade_updates","data":{"event":"fill","order":{}}}"#).await;
        says(&mut server, FILL).await;
        server.close(None).await.unwrap();
    })
    .await;
    let (events, _) = Run::start(&url, AuthForm::Authenticate, calm(), 8).rest().await;
    let events = reported(events);
    let kinds: Vec<_> = events[3..].iter().map(|event| matches!(event, StreamEvent::Unknown { .. })).collect();
    assert_eq!(kinds, [true, true, true, false], "{events:?}");
    let StreamEvent::Unknown { text } = &events[5] else { panic!("{events:?}") };
    assert!(text.starts_with("an order without a usable id"), "{text}");
    assert!(matches!(events[6], StreamEvent::Update(_)));
}

#[tokio::test]
async fn a_refusal_ends_the_connection_with_the_brokers_text() {
    let answers = [
        (r#"{"stream":"authorization","data":{"status":"unauthorized","message":"no way"}}"#, "no way"),
        (r#"{"stream":"authorization","data":{"status":"unauthorized"}}"#, "not authorized"),
        (r#"{"stream":"authorization","data":{"status":"not authorized"}}"#, "not authorized"),
    ];
    for (text, words) in answers {
        let url = serve(move |mut server| async move {
            heard(&mut server).await;
            says(&mut server, text).await;
            lingers(server).await;
        })
        .await;
        let (events, closed) = Run::start(&url, AuthForm::AuthKey, calm(), 8).rest().await;
        assert_eq!(events, [StreamEvent::Opened]);
        assert_eq!(closed, Closed::AuthRefused { message: words.to_owned() });
    }
    let url = serve(|mut server| async move {
        heard(&mut server).await;
        let frame = CloseFrame { code: CloseCode::Policy, reason: "go away".into() };
        server.close(Some(frame)).await.unwrap();
        lingers(server).await;
    })
    .await;
    let (_, closed) = Run::start(&url, AuthForm::AuthKey, calm(), 8).rest().await;
    assert_eq!(closed, Closed::AuthRefused { message: "closed instead of an answer: 1008 go away".to_owned() });
}

#[tokio::test]
async fn error_messages_of_both_formats_end_the_connection() {
    for text in [
        r#"{"action":"error","data":{"error_message":"internal\nserver error"}}"#,
        r#"{"stream":"error","data":{"error_message":"internal\nserver error","code":500}}"#,
    ] {
        let url = serve(move |mut server| async move {
            welcomed(&mut server).await;
            says(&mut server, text).await;
            lingers(server).await;
        })
        .await;
        let (_, closed) = Run::start(&url, AuthForm::Authenticate, calm(), 8).rest().await;
        assert_eq!(closed, Closed::BrokerError { message: "internal␊server error".to_owned() });
    }
}

#[tokio::test]
async fn an_unanswered_authentication_times_out() {
    let timeouts = Timeouts { answer: Duration::from_millis(200), ..calm() };
    let deaf = serve(lingers).await;
    let (events, closed) = Run::start(&deaf, AuthForm::Authenticate, timeouts, 8).rest().await;
    assert_eq!((events, closed), (vec![StreamEvent::Opened], Closed::AuthSilent));
    let forgetful = serve(|mut server| async move {
        heard(&mut server).await;
        says(&mut server, AUTHORIZED).await;
        lingers(server).await;
    })
    .await;
    let (events, closed) = Run::start(&forgetful, AuthForm::Authenticate, timeouts, 8).rest().await;
    assert_eq!((events.len(), closed), (2, Closed::AuthSilent));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let (events, closed) = Run::start(&url, AuthForm::Authenticate, timeouts, 8).rest().await;
    assert_eq!(events, []);
    assert_eq!(closed, Closed::unreachable("no answer in time".to_owned()));
}

#[tokio::test]
async fn pongs_measure_latency_and_silence_ends_the_connection() {
    let url = serve(|mut server| async move {
        welcomed(&mut server).await;
        // Three pings are answered while reading; then reading stops, as on a half-open connection.
        let mut pings = 0;
        while pings < 3 {
            if let Some(Ok(Message::Ping(_))) = server.next().await {
                pings += 1;
            }
        }
        drop(server.flush().await);
        std::future::pending::<()>().await;
    })
    .await;
    let (events, closed) = Run::start(&url, AuthForm::Authenticate, short_timeouts(), 64).rest().await;
    let pongs = events.iter().filter(|event| matches!(event, StreamEvent::Pong { .. })).count();
    assert!((2..=3).contains(&pongs), "{events:?}");
    assert_eq!(closed, Closed::Silent);
}

#[tokio::test]
async fn a_slow_receiver_misses_no_event() {
    let url = serve(|mut server| async move {
        welcomed(&mut server).await;
        for number in 0..300 {
            says(&mut server, &FILL.replace("01KJQ8WZ5M0000000000000001", &format!("event-{number}"))).await;
        }
        server.close(None).await.unwrap();
        lingers(server).await;
    })
    .await;
    let mut run = Run::start(&url, AuthForm::Authenticate, calm(), 1);
    while !matches!(run.next().await, StreamEvent::Listening { .. }) {}
    let (events, _) = run.rest().await;
    let ids: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            StreamEvent::Update(update) => Some(update.event_id.clone().unwrap().to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(ids, (0..300).map(|number| format!("event-{number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_truncated_or_oversized_frame_ends_the_connection() {
    let cut = serve(|mut server| async move {
        welcomed(&mut server).await;
        let mut socket = server.into_inner();
        socket.write_all(&[0x81, 0x7E, 0x02, 0x00]).await.unwrap();
        socket.write_all(&FILL.as_bytes()[..100]).await.unwrap();
    })
    .await;
    let (events, closed) = Run::start(&cut, AuthForm::Authenticate, calm(), 8).rest().await;
    assert!(!events.iter().any(|event| matches!(event, StreamEvent::Update(_))));
    assert!(matches!(closed, Closed::Lost { .. }), "{closed:?}");
    let long = serve(|mut server| async move {
        welcomed(&mut server).await;
        drop(server.send(Message::text(" ".repeat(1024 * 1024 + 1))).await);
        lingers(server).await;
    })
    .await;
    let (_, closed) = Run::start(&long, AuthForm::Authenticate, calm(), 8).rest().await;
    assert_eq!(closed, Closed::Lost { message: "a message of more than 1 MiB was not read".to_owned() });
}

#[tokio::test]
async fn stopping_sends_a_close_frame_and_ends_at_once() {
    let (goodbye, mut seen) = mpsc::channel(1);
    let url = serve(move |mut server| {
        let goodbye = goodbye.clone();
        async move {
            welcomed(&mut server).await;
            while let Some(Ok(message)) = server.next().await {
                if matches!(message, Message::Close(_)) {
                    goodbye.send(()).await.unwrap();
                }
            }
        }
    })
    .await;
    let mut run = Run::start(&url, AuthForm::Authenticate, calm(), 8);
    while !matches!(run.next().await, StreamEvent::Listening { .. }) {}
    run.stop.cancel();
    assert_eq!(run.rest().await.1, Closed::Asked);
    in_time(seen.recv()).await.expect("a close frame");
}

#[tokio::test]
async fn an_ignored_close_frame_does_not_delay_the_end_and_a_dropped_receiver_ends_it() {
    let url = serve(|mut server| async move {
        welcomed(&mut server).await;
        std::future::pending::<()>().await;
    })
    .await;
    let mut run = Run::start(&url, AuthForm::Authenticate, calm(), 8);
    while !matches!(run.next().await, StreamEvent::Listening { .. }) {}
    run.stop.cancel();
    assert_eq!(run.rest().await.1, Closed::Asked);
    let (gone, mut seen) = mpsc::channel(1);
    let url = serve(move |mut server| {
        let gone = gone.clone();
        async move {
            heard(&mut server).await;
            says(&mut server, AUTHORIZED).await;
            lingers(server).await;
            gone.send(()).await.unwrap();
        }
    })
    .await;
    let mut run = Run::start(&url, AuthForm::Authenticate, calm(), 1);
    assert_eq!(run.next().await, StreamEvent::Opened);
    drop(run.events);
    in_time(seen.recv()).await.expect("the connection was closed");
}

#[tokio::test]
async fn a_refused_handshake_reports_its_status_and_one_sentence() {
    let page = "<html><head><title>502 Bad Gateway</title></head></html>";
    let cases = [
        ("403 Forbidden", r#"{"message":"forbidden"}"#, 403, "forbidden"),
        ("429 Too Many Requests", "", 429, "too many requests"),
        ("502 Bad Gateway", page, 502, "a web page instead of an answer: 502 Bad Gateway"),
        ("302 Found", "", 302, "a redirect, which is not followed"),
    ];
    for (line, body, status, words) in cases {
        let peer = Peer::start(move |_| {
            answer(
                line,
                if line.starts_with("429") { "retry-after: 7\r\n" } else { "location: http://127.0.0.1:1/\r\n" },
                body,
            )
        })
        .await;
        let url = peer.url.replacen("http", "ws", 1);
        let (events, closed) = Run::start(&url, AuthForm::Authenticate, calm(), 8).rest().await;
        assert_eq!(events, []);
        let wait = (status == 429).then(|| Duration::from_secs(7));
        assert_eq!(closed, Closed::Connect { status: Some(status), message: words.to_owned(), retry_after: wait });
        assert!(!peer.heads()[0].contains(TOKEN), "the token is not in the handshake");
    }
    // A response not in the API's format says nothing about the token, so its status does not count as the broker's.
    for (line, status) in [("403 Forbidden", " (403)"), ("401 Unauthorized", " (401)")] {
        for body in ["<html></html>", "blocked"] {
            let peer = Peer::start(move |_| answer(line, "", body)).await;
            let url = peer.url.replacen("http", "ws", 1);
            let (_, closed) = Run::start(&url, AuthForm::Authenticate, calm(), 8).rest().await;
            let reported =
                matches!(&closed, Closed::Connect { status: None, message, .. } if message.ends_with(status));
            assert!(reported, "{body}: {closed:?}");
        }
    }
    let (_, closed) = Run::start("ws://198.51.100.1", AuthForm::Authenticate, calm(), 8).rest().await;
    let message = "the stream's address is neither wss nor loopback".to_owned();
    assert_eq!(closed, Closed::unreachable(message));
}

/// The `data` of a frame, on one line.
pub(super) fn bare() -> String {
    serde_json::from_str::<Value>(FILL).unwrap()["data"].to_string()
}

pub(super) const EVENT_STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\r\n";

#[tokio::test]
async fn the_event_stream_carries_the_same_updates() {
    let bare = bare();
    let body = format!(
        "{EVENT_STREAM}: hello\n\nid: 1\ndata: {bare}\n\ndata: nonsense\n\nevent: x\ndata: {bare}\r\n\r\ndata: {bare}"
    );
    let peer = Peer::start(move |_| body.clone().into_bytes()).await;
    let url = peer.url.replacen("http", "ws", 1);
    let (events, closed) = Run::start(&url, AuthForm::Sse, calm(), 8).rest().await;
    assert_eq!(events[1], StreamEvent::Authorized { form: AuthForm::Sse, message: None });
    assert_eq!(events[2], StreamEvent::Listening { trade_updates: true });
    let [StreamEvent::Update(first), StreamEvent::Unknown { .. }, StreamEvent::Update(second)] = &events[3..] else {
        panic!("{events:?}")
    };
    assert_eq!(first, second);
    assert_eq!(closed, Closed::Lost { message: "the event stream ended".to_owned() });
    let head = &peer.heads()[0];
    assert!(head.starts_with("GET /v2/events/trades HTTP/1.1"), "{head}");
    assert!(head.contains(&format!("authorization: Bearer {TOKEN}\r\n")), "{head}");
}

#[tokio::test]
async fn an_event_stream_with_dropped_events_or_of_another_type_ends_with_a_reason() {
    let cases = [
        (format!("{EVENT_STREAM}: you are reading too slowly, dropped 10000 messages\n"), "dropped"),
        (format!("{EVENT_STREAM}: internal server error\n"), "BrokerError"),
        (String::from_utf8(answer("404 Not Found", "", r#"{"message":"nope"}"#)).unwrap(), "nope (status 404)"),
        (String::from_utf8(answer("403 Forbidden", "", "")).unwrap(), "AuthRefused"),
        (String::from_utf8(answer("200 OK", "content-type: text/html\r\n", "<html>")).unwrap(), "no event stream"),
        (String::from_utf8(answer("503 Service Unavailable", "", "")).unwrap(), "Some(503)"),
        (String::from_utf8(answer("429 Too Many Requests", "", "")).unwrap(), "Some(429)"),
    ];
    for (bytes, words) in cases {
        let peer = Peer::start(move |_| bytes.clone().into_bytes()).await;
        let url = peer.url.replacen("http", "ws", 1);
        let (_, closed) = Run::start(&url, AuthForm::Sse, calm(), 8).rest().await;
        assert!(format!("{closed:?}").contains(words), "{closed:?} should say {words}");
    }
}

#[tokio::test]
async fn an_event_stream_stops_on_request() {
    let peer = Peer::talk(|_, mut socket| async move {
        socket.write_all(EVENT_STREAM.as_bytes()).await.unwrap();
        while let Ok(1..) = socket.read(&mut [0; 64]).await {}
    })
    .await;
    let mut run = Run::start(&peer.url.replacen("http", "ws", 1), AuthForm::Sse, calm(), 8);
    while !matches!(run.next().await, StreamEvent::Listening { .. }) {}
    run.stop.cancel();
    assert_eq!(run.rest().await.1, Closed::Asked);
}

/// A peer that writes these bytes after the handshake.
#[tokio::test]
async fn invalid_frames_end_the_connection() {
    let url = serve(|mut server| async move {
        welcomed(&mut server).await;
        let mut raw = server.into_inner();
        drop(raw.write_all(&[0xFF; 64]).await);
        let mut server = WebSocketStream::from_raw_socket(raw, Role::Server, None).await;
        while let Some(Ok(_)) = server.next().await {}
    })
    .await;
    let (_, closed) = Run::start(&url, AuthForm::Authenticate, calm(), 8).rest().await;
    assert!(matches!(closed, Closed::Lost { .. }), "{closed:?}");
}
