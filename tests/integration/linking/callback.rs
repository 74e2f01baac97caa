//! The callback server: accepted and ignored requests, and abuse.

use std::time::Duration;

use brokerdeck::link::{LinkFailure, LinkProgress, RedirectNote};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::fixture::{Fixture, TEST_TIMEOUT, eventually, free_port, read};

#[tokio::test]
async fn the_right_answer_shows_a_page_without_its_code() {
    let mut fixture = Fixture::new().await;
    let waiting = fixture.begin("acme-paper").await;
    assert_eq!(waiting.port, Some(fixture.port));
    let page = fixture.come_back(&waiting, "code=the-code").await;
    // The page itself and not a redirect, which might arrive after the listener has closed.
    assert_eq!((page.status, page.headers.get("location")), (200, None));
    assert!(page.body.contains("close this tab"));
    assert!(!page.body.contains("the-code") && !page.body.contains(&waiting.state()));
    assert!(matches!(fixture.next().await, LinkProgress::Exchanging));
    assert!(matches!(fixture.next().await, LinkProgress::Confirm { .. }));
    // The address now in the address bar, reloaded.
    assert_eq!(fixture.get("/done").await.status, 200);
    fixture.linker.cancel(waiting.attempt);
    eventually("the port is free when the attempt is over", || fixture.is_free()).await;
}

#[tokio::test]
async fn every_page_carries_the_headers_and_closes_the_connection() {
    let mut fixture = Fixture::new().await;
    let waiting = fixture.begin("acme-paper").await;
    let mut pages = vec![fixture.get("/").await, fixture.get("/callback").await, fixture.get("/done").await];
    pages.push(fixture.come_back(&waiting, "code=c").await);
    pages.push(fixture.come_back(&waiting, "code=c").await);
    for page in pages {
        let policy = &page.headers["content-security-policy"];
        assert!(policy.starts_with("default-src 'none'; ") && policy.ends_with("frame-ancestors 'none'"), "{policy}");
        assert_eq!(policy.contains("script-src"), page.body.contains("<script>"), "{policy}");
        assert_eq!(page.headers["referrer-policy"], "no-referrer");
        assert_eq!(page.headers["cache-control"], "no-store");
        assert_eq!(page.headers["x-content-type-options"], "nosniff");
        assert_eq!(page.headers["connection"], "close");
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    }
}

#[tokio::test]
async fn other_requests_are_classified_and_do_not_end_the_attempt() {
    let mut fixture = Fixture::new().await;
    let waiting = fixture.begin("acme-paper").await;
    let port = fixture.port;
    let good = format!("/callback?code=c&state={}", waiting.state());
    let host = format!("Host: localhost:{port}");
    let requests = [
        (405, format!("POST {good} HTTP/1.1\r\n{host}\r\nContent-Length: 0\r\n\r\n")),
        (405, format!("HEAD {good} HTTP/1.1\r\n{host}\r\n\r\n")),
        (405, format!("OPTIONS {good} HTTP/1.1\r\n{host}\r\n\r\n")),
        (421, format!("GET {good} HTTP/1.1\r\nHost: evil.example:{port}\r\n\r\n")),
        (421, format!("GET {good} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")),
        (421, format!("GET {good} HTTP/1.1\r\nHost: localhost\r\n\r\n")),
        (421, format!("GET {good} HTTP/1.1\r\n{host}\r\n{host}\r\n\r\n")),
        (421, format!("GET {good} HTTP/1.0\r\n\r\n")),
        (421, format!("GET http://localhost:{port}{good} HTTP/1.1\r\n{host}\r\n\r\n")),
        (404, format!("GET /favicon.ico HTTP/1.1\r\n{host}\r\n\r\n")),
        (404, format!("GET /callback/?code=c&state={} HTTP/1.1\r\n{host}\r\n\r\n", waiting.state())),
        (404, format!("GET /done HTTP/1.1\r\n{host}\r\n\r\n")),
        (403, format!("GET {good} HTTP/1.1\r\n{host}\r\nSec-Fetch-Dest: image\r\n\r\n")),
        (403, format!("GET {good} HTTP/1.1\r\n{host}\r\nSec-Fetch-Dest: iframe\r\n\r\n")),
        (400, format!("GET {good}&state={} HTTP/1.1\r\n{host}\r\n\r\n", waiting.state())),
        (400, format!("GET {good}&code=d HTTP/1.1\r\n{host}\r\n\r\n")),
        (400, format!("GET {good}x HTTP/1.1\r\n{host}\r\n\r\n")),
        (400, format!("GET /callback?error=access_denied HTTP/1.1\r\n{host}\r\n\r\n")),
        (400, format!("GET /callback?error=access_denied&state=wrong HTTP/1.1\r\n{host}\r\n\r\n")),
        (400, format!("GET /callback HTTP/1.1\r\n{host}\r\n\r\n")),
        (414, format!("GET {good}&pad={} HTTP/1.1\r\n{host}\r\n\r\n", "x".repeat(8_192))),
        (431, format!("GET {good} HTTP/1.1\r\n{host}\r\nCookie: {}\r\n\r\n", "x".repeat(300_000))),
        (400, "\u{0}\u{1}\u{2} nonsense\r\n\r\n".to_owned()),
        (400, "\x16\x03\x01\x02 a TLS hello\r\n\r\n".to_owned()),
    ];
    for (status, request) in requests {
        let page = fixture.raw(&request).await;
        assert!(status != 431 || page.body.contains("cookies"), "{page:?}");
        let first = request.lines().next().unwrap();
        assert_eq!(page.status, status, "{first}: {page:?}");
        assert!(!page.body.contains(&waiting.state()) && !page.body.contains("evil.example"), "{first}: {page:?}");
    }
    // Large cookies, as of other programs on localhost.
    let cookies = "x".repeat(64 * 1024);
    let request = format!("GET {good} HTTP/1.1\r\n{host}\r\nSec-Fetch-Dest: document\r\nCookie: {cookies}\r\n\r\n");
    assert_eq!(fixture.raw(&request).await.status, 200);
    fixture.confirm().await;
}

#[tokio::test]
async fn an_error_without_the_state_is_only_noted() {
    let mut fixture = Fixture::new().await;
    let waiting = fixture.begin("acme-paper").await;
    for _ in 0..50 {
        assert_eq!(fixture.get("/callback?error=access_denied&state=guess").await.status, 400);
    }
    assert_eq!(fixture.next().await, LinkProgress::Note(RedirectNote::WrongState));
    assert_eq!(fixture.come_back(&waiting, "code=c").await.status, 200);
    let mut notes = 0;
    loop {
        match fixture.next().await {
            LinkProgress::Note(_) => notes += 1,
            LinkProgress::Exchanging => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(notes <= 3, "fifty such requests made {notes} more notes");
}

#[tokio::test]
async fn a_second_answer_finds_it_used() {
    let mut fixture = Fixture::new().await;
    let waiting = fixture.begin("acme-paper").await;
    assert_eq!(fixture.come_back(&waiting, "code=first").await.status, 200);
    for answer in ["code=first", "code=second", "error=access_denied"] {
        let page = fixture.come_back(&waiting, answer).await;
        assert_eq!(page.status, 200);
        assert!(page.body.contains("already has this answer"), "{}", page.body);
    }
    fixture.confirm().await;
    fixture.linker.save(waiting.attempt, Vec::new());
    assert!(matches!(fixture.next().await, LinkProgress::Saved { .. }));
    for target in [format!("/callback?code=first&state={}", waiting.state()), "/done".to_owned()] {
        let page = fixture.get(&target).await;
        assert!(page.status == 200 && page.body.contains("Linked"), "{}", page.body);
    }
    assert_eq!(fixture.get("/callback?code=first&state=guess").await.status, 400, "another host gets no page");
    assert_eq!(fixture.fake.seen(|seen| seen.exchanges.len()), 1);
    assert_eq!(fixture.fake.seen(|seen| seen.exchanges[0].1["code"].clone()), "first");
}

#[tokio::test]
async fn simultaneous_answers_are_used_once() {
    let mut fixture = Fixture::new().await;
    let waiting = fixture.begin("acme-paper").await;
    let answers = (0..16).map(|at| {
        let (fixture, waiting) = (&fixture, &waiting);
        async move { fixture.come_back(waiting, &format!("code=c{at}")).await.body }
    });
    let pages = futures_util::future::join_all(answers).await;
    assert_eq!(pages.iter().filter(|page| !page.contains("already has this answer")).count(), 1, "{pages:?}");
    fixture.confirm().await;
    assert_eq!(fixture.fake.seen(|seen| seen.exchanges.len()), 1);
}

#[tokio::test]
async fn refusals_with_the_right_state_end_the_attempt_with_the_brokers_text() {
    let mut fixture = Fixture::new().await;
    let waiting = fixture.begin("acme-paper").await;
    let page = fixture
        .come_back(&waiting, "error=access_denied&error_description=%3Cscript%3Ealert(1)%3C%2Fscript%3E%1b[2J")
        .await;
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("alert") && page.body.matches("script").count() == 2, "{}", page.body);
    let LinkFailure::Denied { description: Some(words) } = fixture.failure().await else { panic!("not denied") };
    assert!(words.contains("␛[2J") && !words.contains('\x1b'), "{words}");
    let again = fixture.get("/done").await;
    assert!(again.status == 200 && again.body.contains("Not linked"), "{}", again.body);
    let waiting = fixture.begin("acme-paper").await;
    fixture.come_back(&waiting, "error=invalid_scope").await;
    assert!(matches!(fixture.failure().await, LinkFailure::AuthorizeError { error, .. } if error == "invalid_scope"));
    let waiting = fixture.begin("acme-paper").await;
    fixture.come_back(&waiting, "code=c&iss=https%3A%2F%2Fevil.example").await;
    assert!(matches!(fixture.failure().await, LinkFailure::Broker { .. }));
    assert_eq!(fixture.fake.seen(|seen| seen.exchanges.len()), 0);
}

#[tokio::test]
async fn a_pasted_redirect_url_is_accepted_and_junk_is_noted() {
    let mut fixture = Fixture::new().await;
    let waiting = fixture.begin("acme-paper").await;
    fixture.paste(&waiting, "what is this");
    assert_eq!(fixture.next().await, LinkProgress::Note(RedirectNote::NotARedirect));
    fixture.paste(&waiting, &format!("http://localhost:{}/callback?code=c&state={}", fixture.port, "wrong".repeat(9)));
    assert_eq!(fixture.next().await, LinkProgress::Note(RedirectNote::WrongState));
    fixture.paste(
        &waiting,
        &format!("http://localhost:{}/callback?code=pasted&\n state={}\n", fixture.port, waiting.state()),
    );
    fixture.confirm().await;
    assert_eq!(fixture.fake.seen(|seen| seen.exchanges[0].1["code"].clone()), "pasted");
    let waiting = fixture.begin("acme-paper").await;
    fixture.paste(&waiting, &format!("https://127.0.0.1:{}/callback?code=in-pie", fixture.port));
    assert_eq!(fixture.next().await, LinkProgress::Note(RedirectNote::Incomplete));
    fixture.paste(&waiting, &format!("ces&state={}", waiting.state()));
    fixture.confirm().await;
    assert_eq!(fixture.fake.seen(|seen| seen.exchanges[1].1["code"].clone()), "in-pieces");
}

#[tokio::test]
async fn a_timeout_ends_the_attempt_and_frees_the_port() {
    let mut fixture = Fixture::with(|setup| setup.limit = Duration::from_millis(200)).await;
    fixture.begin("acme-paper").await;
    assert_eq!(fixture.failure().await, LinkFailure::TimedOut);
    assert!(fixture.is_free().await);
}

#[tokio::test]
async fn canceling_frees_the_port_for_a_new_attempt() {
    let mut fixture = Fixture::new().await;
    let first = fixture.begin("acme-paper").await;
    fixture.linker.cancel(first.attempt);
    assert_eq!(fixture.failure().await, LinkFailure::Canceled);
    assert!(fixture.is_free().await);
    let second = fixture.begin("acme-paper").await;
    let third = fixture.begin("acme-live").await;
    assert_eq!(third.port, Some(fixture.port), "the second attempt was canceled and its port taken over");
    assert_ne!(second.state(), third.state());
    assert_eq!(fixture.come_back(&second, "code=c").await.status, 400);
    assert_eq!(fixture.come_back(&third, "code=c").await.status, 200);
    fixture.confirm().await;
}

#[tokio::test]
async fn a_port_taken_on_either_address_is_skipped() {
    for address in ["127.0.0.1", "::1"] {
        let (first, second) = (free_port(), free_port());
        let Ok(_held) = std::net::TcpListener::bind((address, first)) else {
            eprintln!("skipped for {address}: this machine has no such address");
            continue;
        };
        let uris = [first, second].map(|port| format!("http://localhost:{port}/callback")).to_vec();
        let mut fixture = Fixture::with(|setup| setup.specs[0].redirect_uris = uris).await;
        let waiting = fixture.begin("acme-paper").await;
        assert_eq!(waiting.port, Some(second), "{address} was taken");
        assert!(waiting.parameter("redirect_uri").contains(&second.to_string()));
    }
}

#[tokio::test]
async fn a_numeric_address_is_bound_alone() {
    let port = free_port();
    let mut fixture =
        Fixture::with(|setup| setup.specs[0].redirect_uris = vec![format!("http://127.0.0.1:{port}/cb")]).await;
    let waiting = fixture.begin("acme-paper").await;
    assert_eq!(waiting.port, Some(port));
    assert!(TcpStream::connect(("::1", port)).await.is_err());
    let target = format!("/cb?code=c&state={}", waiting.state());
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n").as_bytes()).await.unwrap();
    assert_eq!(read(stream).await.status, 200);
    fixture.confirm().await;
}

#[tokio::test]
async fn with_every_port_taken_no_browser_is_started_and_pasting_still_works() {
    let mut fixture = Fixture::with(|setup| setup.around.own = Some("false".to_owned())).await;
    let _held = std::net::TcpListener::bind(("127.0.0.1", fixture.port)).unwrap();
    fixture.start("acme-paper", true);
    let waiting = fixture.waiting().await;
    assert_eq!(waiting.port, None);
    let reason = waiting.browser.clone().unwrap_err();
    assert!(reason.contains(&fixture.port.to_string()) && reason.contains("paste"), "{reason}");
    fixture.paste(&waiting, &format!("http://localhost:{}/callback?code=c&state={}", fixture.port, waiting.state()));
    fixture.confirm().await;
}

#[tokio::test]
async fn a_failing_browser_is_reported_and_the_attempt_continues() {
    let mut fixture = Fixture::with(|setup| setup.around.own = Some("false".to_owned())).await;
    fixture.start("acme-paper", true);
    assert_eq!(fixture.waiting().await.browser, Ok(()));
    let again = fixture.waiting().await;
    assert!(again.browser.clone().unwrap_err().contains("false failed"), "{again:?}");
    assert_eq!(fixture.come_back(&again, "code=c").await.status, 200);
    fixture.confirm().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_bad_requests_and_a_thousand_idle_connections_do_not_stop_a_login() {
    let mut fixture = Fixture::new().await;
    let waiting = fixture.begin("acme-paper").await;
    let port = fixture.port;
    let mut idle = Vec::new();
    for _ in 0..1_000 {
        idle.push(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    }
    let before = memory();
    let bad = [
        format!("GET /callback?error=access_denied&state=x HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"),
        format!("POST /callback HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: 0\r\n\r\n"),
        "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_owned(),
        "\r\n\r\n junk".to_owned(),
    ];
    let visits = (0..8).map(|lane| {
        let bad = bad.clone();
        tokio::spawn(async move {
            for at in 0..1_250 {
                let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                // The listener may close a connection before the request is complete.
                if stream.write_all(bad[(lane + at) % bad.len()].as_bytes()).await.is_ok() {
                    let mut sink = Vec::new();
                    drop(tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut sink).await);
                }
            }
        })
    });
    let crowd: Vec<_> = visits.collect();
    let started = tokio::time::Instant::now();
    let page = fixture.come_back(&waiting, "code=c").await;
    assert_eq!(page.status, 200, "in the middle of the crowd");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    for visit in crowd {
        drop(tokio::time::timeout(TEST_TIMEOUT, visit).await.unwrap());
    }
    fixture.confirm().await;
    let grown = memory().saturating_sub(before);
    assert!(grown <= 16 * 1024, "{grown} KiB more");
    drop(idle);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_before_the_answer_do_not_end_the_attempt() {
    let mut fixture = Fixture::new().await;
    let waiting = fixture.begin("acme-paper").await;
    let mut idle = Vec::new();
    for _ in 0..1_000 {
        idle.push(TcpStream::connect(("127.0.0.1", fixture.port)).await.unwrap());
    }
    for at in 0..10_000 {
        let page = fixture.get(&format!("/callback?code=c&state=guess{at}")).await;
        assert_eq!(page.status, 400);
    }
    assert_eq!(fixture.come_back(&waiting, "code=c").await.status, 200);
    fixture.confirm().await;
}

#[tokio::test]
async fn an_unfinished_header_times_out() {
    let mut fixture = Fixture::new().await;
    fixture.begin("acme-paper").await;
    let started = tokio::time::Instant::now();
    let mut silent = TcpStream::connect(("127.0.0.1", fixture.port)).await.unwrap();
    let mut slow = TcpStream::connect(("127.0.0.1", fixture.port)).await.unwrap();
    slow.write_all(b"GET /callback HTTP/1.1\r\nHost: loc").await.unwrap();
    for stream in [&mut silent, &mut slow] {
        let mut sink = Vec::new();
        let closed = tokio::time::timeout(TEST_TIMEOUT, tokio::io::AsyncReadExt::read_to_end(stream, &mut sink)).await;
        drop(closed.expect("closed in time"));
        assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    }
}

/// Resident memory in KiB; zero where unknown.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}
