//! The queue: order, budget, and what a refusal for asking too often stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use brokerdeck::broker::alpaca::queue::{Notice, Queue};
use brokerdeck::session::{Request, RequestErrorKind, RequestId};
use tokio::io::AsyncWriteExt;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use super::rest::client;
use super::{Peer, answer, in_time};

#[tokio::test]
async fn every_question_is_answered_with_its_own_number() {
    let peer = Peer::start(|_| answer("200 OK", "", "[]")).await;
    let (answers, mut inbox) = mpsc::channel(1);
    let queue = Queue::start(client(&peer.url), answers, Duration::ZERO);
    let before = queue.remaining();
    for id in 0..40 {
        queue.push(RequestId(id), Request::Positions);
    }
    let mut ids = Vec::new();
    while ids.len() < 40 {
        let (id, result) = in_time(inbox.recv()).await.unwrap();
        assert!(result.is_ok(), "{result:?}");
        ids.push(id.0);
    }
    ids.sort_unstable();
    assert_eq!(ids, (0..40).collect::<Vec<_>>());
    assert!(queue.remaining() <= before - 38, "the budget is visible: {}", queue.remaining());
}

#[tokio::test]
async fn a_cancel_overtakes_and_survives_what_is_dropped() {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let peer = Peer::talk(move |_, mut socket| {
        let held = Arc::clone(&held);
        async move {
            let _pass = held.acquire().await;
            drop(socket.write_all(&answer("200 OK", "", "[]")).await);
        }
    })
    .await;
    let (answers, mut inbox) = mpsc::channel(16);
    let queue = Queue::start(client(&peer.url), answers, Duration::ZERO);
    for id in 0..20 {
        queue.push(RequestId(id), Request::Positions);
    }
    queue.push(RequestId(100), Request::CancelOrder("o".into()));
    // Its asker does not know that it stays, and pushes it again with every drop.
    for _ in 0..3 {
        queue.drop_queued();
        queue.push(RequestId(100), Request::CancelOrder("o".into()));
    }
    queue.push(RequestId(200), Request::Clock);
    in_time(async {
        while peer.heads().iter().all(|head| !head.starts_with("DELETE")) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    gate.add_permits(100);
    let mut ids = Vec::new();
    while !ids.contains(&200) {
        ids.push(in_time(inbox.recv()).await.unwrap().0.0);
    }
    assert!(ids.contains(&100), "the cancel was sent while all places were taken: {ids:?}");
    assert!(ids.len() <= 4 + 2, "what was queued was dropped: {ids:?}");
    let cancels = peer.heads().iter().filter(|head| head.starts_with("DELETE")).count();
    assert_eq!(cancels, 1, "one yes is one request");
}

#[tokio::test]
async fn nothing_is_sent_between_a_429_and_its_reset() {
    let refused = Arc::new(AtomicBool::new(false));
    let first = Arc::clone(&refused);
    let peer = Peer::start(move |_| {
        if first.swap(true, Ordering::SeqCst) {
            answer("200 OK", "", "[]")
        } else {
            answer("429 Too Many Requests", "retry-after: 1\r\n", r#"{"message":"slow down"}"#)
        }
    })
    .await;
    let (answers, mut inbox) = mpsc::channel(16);
    let queue = Queue::start(client(&peer.url), answers, Duration::from_millis(50));
    queue.push(RequestId(1), Request::Positions);
    let (id, result) = in_time(inbox.recv()).await.unwrap();
    let refused_at = Instant::now();
    assert_eq!(id, RequestId(1));
    assert!(matches!(result.unwrap_err().kind, RequestErrorKind::RateLimited { .. }), "the asker is told");
    queue.push(RequestId(2), Request::Positions);
    queue.push(RequestId(3), Request::CancelOrder("o".into()));
    let (first, _) = in_time(inbox.recv()).await.unwrap();
    let waited = refused_at.elapsed();
    let (second, _) = in_time(inbox.recv()).await.unwrap();
    assert!(waited >= Duration::from_secs(1), "{waited:?}");
    assert_eq!([first.min(second), first.max(second)], [RequestId(2), RequestId(3)]);
    assert!(peer.heads()[1].starts_with("DELETE"), "the cancel went first: {:?}", peer.heads());
}

#[tokio::test]
async fn short_waits_for_our_own_budget_that_follow_each_other_are_told_as_one() {
    let peer = Peer::start(|_| answer("200 OK", "", "[]")).await;
    let (answers, mut inbox) = mpsc::channel(16);
    let (queue, mut notices) = Queue::start_with(client(&peer.url), answers, Duration::ZERO);
    let mut asked = 0;
    // One after the other, as the pages of a list: each waits for less than is worth a word.
    let mut ask = async || {
        queue.push(RequestId(asked), Request::Positions);
        asked += 1;
        drop(in_time(inbox.recv()).await.unwrap().1.unwrap());
    };
    for _ in 0..120 {
        ask().await;
    }
    assert_eq!(notices.try_recv().ok(), None, "nothing has waited yet");
    let since = Instant::now();
    let told = loop {
        ask().await;
        if let Ok(notice) = notices.try_recv() {
            break notice;
        }
        assert!(since.elapsed() < Duration::from_secs(8), "not told");
    };
    assert!(matches!(told, Notice::Waiting(Some((_, why))) if why.contains("own request limit")), "{told:?}");
    // Whoever presses `r` has forgotten it, and hears of it again.
    queue.end_waits();
    ask().await;
    ask().await;
    assert!(matches!(notices.try_recv(), Ok(Notice::Waiting(Some(_)))), "told again");
}
