//! The queue: order, budget, and the effects of a 429.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use brokerdeck::broker::alpaca::queue::{Queue, QueueEvent};
use brokerdeck::session::request::{OrderFilter, OrdersQuery};
use brokerdeck::session::{Reply, Request, RequestError, RequestErrorKind};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::rest::client;
use super::{Peer, answer, cancel, in_time};

/// The next reply, skipping other events.
async fn answered(queue: &mut Queue<u64>) -> (u64, Result<Reply, RequestError>) {
    loop {
        if let QueueEvent::Answered(id, result) = in_time(queue.next()).await {
            return (id, result);
        }
    }
}

#[tokio::test]
async fn every_reply_has_its_requests_id() {
    let peer = Peer::start(|_| answer("200 OK", "", "[]")).await;
    let mut queue = Queue::new(client(&peer.url), Duration::ZERO);
    let before = queue.remaining();
    for id in 0..40 {
        queue.push(id, Request::Positions);
    }
    let mut ids = Vec::new();
    while ids.len() < 40 {
        let (id, result) = answered(&mut queue).await;
        assert!(result.is_ok(), "{result:?}");
        ids.push(id);
    }
    ids.sort_unstable();
    assert_eq!(ids, (0..40).collect::<Vec<_>>());
    let left = queue.remaining();
    assert!(left <= before - 38, "the budget is visible: {left}");
}

#[tokio::test]
async fn a_cancel_overtakes_and_survives_a_drop() {
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
    let mut queue = Queue::new(client(&peer.url), Duration::ZERO);
    for id in 0..20 {
        queue.push(id, Request::Positions);
    }
    queue.push(100, cancel("o"));
    // Its sender does not know that it stays, and pushes it again after every drop.
    for _ in 0..3 {
        queue.drop_queued();
        queue.push(100, cancel("o"));
    }
    queue.push(200, Request::Clock);
    let sent = in_time(async {
        while peer.heads().iter().all(|head| !head.starts_with("DELETE")) {
            tokio::task::yield_now().await;
        }
    });
    tokio::select! {
        happened = queue.next() => panic!("nothing is answered yet: {happened:?}"),
        () = sent => {}
    }
    gate.add_permits(100);
    let mut ids = Vec::new();
    while !ids.contains(&200) {
        ids.push(answered(&mut queue).await.0);
    }
    assert!(ids.contains(&100), "the cancel was sent at once: {ids:?}");
    assert!(ids.len() <= 4 + 2, "queued requests were dropped: {ids:?}");
    let cancels = peer.heads().iter().filter(|head| head.starts_with("DELETE")).count();
    assert_eq!(cancels, 1, "one confirmation is one request");
}

/// The open orders, whose 429 is account-wide.
fn list() -> Request {
    Request::Orders(OrdersQuery::newest(OrderFilter::Open, 1))
}

#[tokio::test]
async fn an_endpoints_own_limit_holds_back_no_other_request() {
    const SIDE: [&str; 4] = ["/v2/clock", "/v2/account/portfolio/history", "/v2/positions", "/v2/account "];
    let history = || Request::History { period: "1D".into(), timeframe: "5Min".into() };
    for (request, path, name) in [
        (Request::Clock, SIDE[0], "the clock"),
        (history(), SIDE[1], "the equity curve"),
        (Request::Positions, SIDE[2], "positions"),
        (Request::Account, SIDE[3], "balances"),
    ] {
        for headers in ["retry-after: 600\r\n", "", "x-ratelimit-limit: 200\r\nx-ratelimit-remaining: 0\r\n"] {
            let peer = Peer::start(move |head| {
                if head.contains(path) {
                    answer("429 Too Many Requests", headers, r#"{"message":"slow down"}"#)
                } else {
                    answer("200 OK", "", "[]")
                }
            })
            .await;
            let mut queue = Queue::new(client(&peer.url), Duration::ZERO);
            queue.push(0, request.clone());
            assert!(answered(&mut queue).await.1.is_err());
            // It is not sent again, and the error names the endpoint.
            queue.push(1, request.clone());
            let (id, result) = answered(&mut queue).await;
            let error = result.unwrap_err();
            assert!(id == 1 && error.message.contains(name), "{error}");
            assert!(
                matches!(error.kind, RequestErrorKind::RateLimited { retry_after: Some(wait) } if wait <= Duration::from_mins(2))
            );
            queue.push(2, list());
            queue.push(3, cancel("o"));
            let ids = [answered(&mut queue).await.0, answered(&mut queue).await.0];
            assert!(ids.contains(&2) && ids.contains(&3), "{ids:?}");
            assert_eq!(peer.heads().iter().filter(|head| head.contains(path)).count(), 1);
            // The user ends the wait.
            queue.end_waits();
            queue.push(4, request.clone());
            assert_eq!(answered(&mut queue).await.0, 4);
            assert_eq!(peer.heads().iter().filter(|head| head.contains(path)).count(), 2);
        }
    }
}

#[tokio::test]
async fn two_endpoints_refused_together_hold_everything_back() {
    let refused = "429 Too Many Requests";
    let peer = Peer::start(move |head| {
        if head.contains("/v2/clock") || head.contains("/v2/positions") {
            answer(refused, "retry-after: 1\r\n", r#"{"message":"slow down"}"#)
        } else {
            answer("200 OK", "", "[]")
        }
    })
    .await;
    let mut queue = Queue::new(client(&peer.url), Duration::ZERO);
    queue.push(0, Request::Clock);
    queue.push(1, Request::Positions);
    let _refused = [answered(&mut queue).await.0, answered(&mut queue).await.0];
    let refused_at = Instant::now();
    queue.push(2, list());
    assert_eq!(answered(&mut queue).await.0, 2);
    assert!(refused_at.elapsed() >= Duration::from_millis(900), "{:?}", refused_at.elapsed());
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
    let mut queue = Queue::new(client(&peer.url), Duration::from_millis(50));
    queue.push(1, list());
    let (id, result) = answered(&mut queue).await;
    let refused_at = Instant::now();
    assert_eq!(id, 1);
    assert!(matches!(result.unwrap_err().kind, RequestErrorKind::RateLimited { .. }), "the sender gets the error");
    queue.push(2, list());
    queue.push(3, cancel("o"));
    let (first, _) = answered(&mut queue).await;
    let waited = refused_at.elapsed();
    let (second, _) = answered(&mut queue).await;
    assert!(waited >= Duration::from_secs(1), "{waited:?}");
    assert_eq!([first.min(second), first.max(second)], [2, 3]);
    assert!(peer.heads()[1].starts_with("DELETE"), "the cancel went first: {:?}", peer.heads());
}

#[tokio::test]
async fn consecutive_short_waits_for_our_own_budget_are_reported_as_one() {
    let peer = Peer::start(|_| answer("200 OK", "", "[]")).await;
    let mut queue = Queue::new(client(&peer.url), Duration::ZERO);
    let mut asked = 0_u64;
    // Requests in sequence, as the pages of a list; each wait is too short to report. Returns the events beside the
    // reply.
    let mut ask = async |queue: &mut Queue<u64>| {
        queue.push(asked, Request::Positions);
        asked += 1;
        let mut told = None;
        loop {
            match in_time(queue.next()).await {
                QueueEvent::Answered(_, result) => {
                    result.unwrap();
                    return told;
                }
                other => told = Some(other),
            }
        }
    };
    for _ in 0..120 {
        assert_eq!(ask(&mut queue).await, None, "nothing has waited yet");
    }
    let since = Instant::now();
    let told = loop {
        if let Some(told) = ask(&mut queue).await {
            break told;
        }
        assert!(since.elapsed() < Duration::from_secs(8), "not reported");
    };
    assert!(matches!(told, QueueEvent::Waiting(Some((_, why))) if why.contains("own request limit")), "{told:?}");
    // After `r` the wait is reported again.
    queue.end_waits();
    let again = [ask(&mut queue).await, ask(&mut queue).await];
    assert!(
        again.iter().flatten().any(|told| matches!(told, QueueEvent::Waiting(Some(_)))),
        "reported again: {again:?}"
    );
}

#[tokio::test]
async fn a_full_queue_refuses_reads_and_still_accepts_a_cancel() {
    let mut queue = Queue::new(client("http://127.0.0.1:9"), Duration::ZERO);
    for id in 0..1_025_u64 {
        queue.push(id, Request::Positions);
    }
    let (id, result) = answered(&mut queue).await;
    assert_eq!(id, 1_024, "the others wait");
    assert_eq!(result.unwrap_err().kind, RequestErrorKind::Refused);
    queue.push(2_000, cancel("o"));
    queue.drop_queued();
    let mut left = std::collections::BTreeSet::new();
    while !left.contains(&2_000) {
        left.insert(answered(&mut queue).await.0);
    }
    assert!(left.len() <= 5, "the requests under way, and the cancel: {left:?}");
}
