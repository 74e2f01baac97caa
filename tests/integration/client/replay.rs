//! Replay of events over HTTP, and brokers without replay.

use brokerdeck::domain::TradeUpdate;
use brokerdeck::domain::execution::Source;
use brokerdeck::session::{Reply, Request, RequestErrorKind};
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::rest::client;
use super::stream::{EVENT_STREAM, bare};
use super::{Peer, answer, in_time};

fn replay() -> Request {
    Request::Replay { since: Timestamp::UNIX_EPOCH, until: None }
}

#[tokio::test]
async fn events_are_replayed_up_to_an_end_a_pause_or_a_loss() {
    let (bare, plain) = (bare(), EVENT_STREAM);
    let cases = [
        (format!("{plain}: hello\n\ndata: {bare}\n\ndata: nonsense\n\ndata: {bare}\n\n"), false, 2),
        // Without a requested end the broker never closes it.
        (format!("{plain}data: {bare}\n\n"), true, 1),
        // Cut in the middle of the second event.
        (format!("{plain}data: {bare}\n\ndata: {}", bare.split_at(40).0), false, 1),
        (format!("{plain}data: {bare}\n\n: dropped 10 messages\n\ndata: {bare}\n\n"), false, 1),
        (plain.to_owned(), true, 0),
    ];
    for (bytes, open, count) in cases {
        let text = bytes.clone();
        let peer = Peer::talk(move |_, mut socket| {
            let bytes = bytes.clone();
            async move {
                socket.write_all(bytes.as_bytes()).await.unwrap();
                while open && let Ok(1..) = socket.read(&mut [0; 64]).await {}
            }
        })
        .await;
        let Ok(Reply::Replay(updates)) = in_time(client(&peer.url).request(&replay())).await else { panic!("{text}") };
        assert_eq!(updates.len(), count, "{text}");
        let late = |update: &TradeUpdate| update.executions.iter().all(|row| row.source == Source::Reconcile);
        assert!(updates.iter().all(late), "replayed events count as late");
    }
}

#[tokio::test]
async fn a_missing_replay_is_an_error_in_time() {
    let cases = [
        (answer("404 Not Found", "", r#"{"message":"nope"}"#), RequestErrorKind::NotFound),
        (answer("200 OK", "content-type: application/json\r\n", "[]"), RequestErrorKind::Decode),
    ];
    for (bytes, kind) in cases {
        let peer = Peer::start(move |_| bytes.clone()).await;
        let error = in_time(client(&peer.url).request(&replay())).await.unwrap_err();
        assert_eq!(error.kind, kind);
    }
    let silent =
        Peer::talk(|_, mut socket| async move { while let Ok(1..) = socket.read(&mut [0; 64]).await {} }).await;
    let error = in_time(client(&silent.url).request(&replay())).await.unwrap_err();
    assert_eq!(error.kind, RequestErrorKind::Timeout);
}
