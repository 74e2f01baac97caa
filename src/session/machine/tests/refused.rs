//! A stream that cannot be opened while REST answers: REST is queried at once, and polled after three failures.

use super::*;

fn refuse(fixture: &mut Fixture, status: Option<u16>) {
    let message = "Bad Gateway".to_owned();
    fixture.stream(StreamEvent::Closed(Closed::Connect { status, message, retry_after: None }));
}

#[test]
fn rest_is_queried_at_once_and_polled_after_the_third_failure() {
    for status in [Some(502), Some(404), Some(429), None] {
        let mut fixture = Fixture::new();
        fixture.orders.push(order("o"));
        refuse(&mut fixture, status);
        assert_eq!(fixture.blotter.working_count(), 1, "{status:?}: REST was queried at once");
        assert_eq!(fixture.session.state().word(), "reconnecting");
        for _ in 0..2 {
            fixture.pass(Duration::from_secs(if status == Some(429) { 11 } else { 2 }));
            refuse(&mut fixture, status);
        }
        assert_eq!(fixture.session.state().word(), "polling", "{status:?}");
        assert!(fixture.session.state().reason().unwrap().contains("Bad Gateway"));
        assert!(Part::ALL.into_iter().all(|part| fixture.session.freshness(part, fixture.now.mono).current));
        fixture.execute("o", 40, false);
        fixture.pass(Duration::from_secs(7));
        assert_eq!(fixture.held(), Qty::whole(40));
    }
}

#[test]
fn the_stream_is_retried_while_polling_goes_on() {
    let mut fixture = Fixture::new();
    for _ in 0..3 {
        refuse(&mut fixture, Some(502));
        fixture.pass(Duration::from_secs(2));
    }
    assert_eq!(fixture.session.state().word(), "polling");
    let before = fixture.opened.len();
    fixture.seen.clear();
    for _ in 0..300 {
        fixture.pass(Duration::from_secs(1));
        if fixture.session.trying {
            refuse(&mut fixture, Some(502));
        }
    }
    let others =
        fixture.seen.iter().filter(|output| matches!(output, Output::State(state) if state.word() != "polling"));
    assert_eq!(others.count(), 0, "the state stays");
    let tried = fixture.opened.len() - before;
    assert!((8..40).contains(&tried), "{tried} attempts in five minutes");
    fixture.pass(Duration::from_mins(1));
    assert!(fixture.session.trying);
    fixture.listen();
    assert!(fixture.session.state().is_live(), "{:?}", fixture.session.state());
}

#[test]
fn without_any_answer_the_state_is_not_polling_and_rest_is_queried_rarely() {
    let mut fixture = Fixture::new();
    fixture.failure = Some(RequestErrorKind::Network);
    let mut attempts = 0;
    for _ in 0..600 {
        if fixture.session.state().word() == "connecting" {
            refuse(&mut fixture, None);
            attempts += 1;
        }
        fixture.pass(Duration::from_secs(1));
    }
    assert_ne!(fixture.session.state().word(), "polling");
    let asked = fixture.asked.len();
    assert!(asked <= 70 && attempts <= 40, "{asked} requests, {attempts} attempts in ten minutes");
    assert!(fixture.asked.iter().all(|request| *request == Request::Account), "one cheap request each time");
    assert!(fixture.logs().contains("no connection"), "a lasting outage is in the list of errors");
    fixture.failure = None;
    for _ in 0..180 {
        if fixture.session.state().word() == "connecting" {
            refuse(&mut fixture, None);
        }
        fixture.pass(Duration::from_secs(1));
    }
    assert_eq!(fixture.session.state().word(), "polling", "REST came back and the stream did not");
}

#[test]
fn a_stream_that_is_slow_to_open_does_not_delay_rest() {
    let mut fixture = Fixture::new();
    fixture.orders.push(order("o"));
    fixture.pass(Duration::from_secs(3));
    assert_eq!(fixture.blotter.working_count(), 1);
    assert_eq!(fixture.session.state().word(), "connecting");
    let asked = fixture.asked.len();
    fixture.listen();
    assert!(
        fixture.asked.len() > asked,
        "only a pass that begins after the stream listens is a snapshot to go live on"
    );
    assert!(fixture.session.state().is_live());
}

#[test]
fn an_upgrade_refused_with_429_is_not_retried_at_once() {
    let mut fixture = Fixture::new();
    for _ in 0..60 {
        if fixture.session.state().word() == "connecting" || fixture.session.trying {
            refuse(&mut fixture, Some(429));
        }
        fixture.pass(Duration::from_secs(1));
    }
    assert!(fixture.opened.len() <= 7, "{} attempts in a minute", fixture.opened.len());
}

#[test]
fn a_wait_stated_by_a_refused_upgrade_is_kept_up_to_two_minutes() {
    for (stated, kept) in [(30, 30), (31_536_000, 120)] {
        for status in [429, 503] {
            let mut fixture = Fixture::new();
            let retry_after = Some(Duration::from_secs(stated));
            let refused = Closed::Connect { status: Some(status), message: "slow down".to_owned(), retry_after };
            fixture.stream(StreamEvent::Closed(refused));
            // A wait as long as this is not spent without a word of orders: REST answers, and is polled.
            let ConnectionState::Polling { reason, .. } = fixture.session.state() else { panic!() };
            assert!(reason.contains("slow down"), "{reason}");
            let opened = fixture.opened.len();
            fixture.pass(Duration::from_secs(kept - 1));
            assert_eq!(fixture.opened.len(), opened, "{status}: retried before the wait is over");
            fixture.pass(Duration::from_secs(2));
            assert_eq!(fixture.opened.len(), opened + 1);
            assert_eq!(fixture.logs().contains("asked to wait"), stated > kept, "a wait that is cut is reported");
        }
    }
}

#[test]
fn a_long_wait_for_the_stream_is_polled_as_soon_as_rest_answers() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.pass(Duration::from_secs(40));
    fixture.failure = Some(RequestErrorKind::Network);
    fixture.stream(StreamEvent::Closed(Closed::Silent));
    fixture.pass(Duration::from_millis(1_500));
    let retry_after = Some(Duration::from_mins(2));
    let refused = Closed::Connect { status: Some(429), message: "slow down".to_owned(), retry_after };
    fixture.stream(StreamEvent::Closed(refused));
    let opened = fixture.opened.len();
    fixture.pass(Duration::from_secs(20));
    assert_eq!(fixture.session.state().word(), "reconnecting", "nothing answers");
    fixture.failure = None;
    fixture.pass(Duration::from_secs(16));
    assert_eq!(fixture.session.state().word(), "polling", "{}", fixture.logs());
    fixture.execute("o", 40, false);
    fixture.pass(Duration::from_secs(7));
    assert_eq!(fixture.held(), Qty::whole(40));
    assert_eq!(fixture.opened.len(), opened, "the stream's wait is kept");
    fixture.pass(Duration::from_mins(2));
    assert_eq!(fixture.opened.len(), opened + 1);
    fixture.listen();
    assert!(fixture.session.state().is_live());
}

#[test]
fn failing_balances_and_positions_do_not_make_passes_rarer_while_polling() {
    let mut fixture = Fixture::new();
    fixture.orders.push(order("o"));
    for _ in 0..3 {
        fixture.pass(Duration::from_secs(2));
        refuse(&mut fixture, Some(404));
    }
    assert_eq!(fixture.session.state().word(), "polling");
    let figures = |request: &Request| matches!(request, Request::Account | Request::Positions);
    fixture.fails = Some((figures, RequestErrorKind::Server));
    fixture.pass(Duration::from_mins(2));
    fixture.execute("o", 40, false);
    fixture.pass(Duration::from_secs(12));
    assert_eq!(fixture.held(), Qty::whole(40), "{:?}", fixture.session.state());
}

#[test]
fn an_account_that_cannot_trade_is_also_blocked_while_polling() {
    let mut fixture = Fixture::new();
    fixture.status = "ACCOUNT_CLOSED";
    for _ in 0..3 {
        refuse(&mut fixture, Some(502));
        fixture.pass(Duration::from_secs(2));
    }
    assert_eq!(fixture.session.state().word(), "blocked");
    let reason = fixture.session.state().reason().unwrap();
    assert!(reason.contains("ACCOUNT_CLOSED") && reason.contains("Bad Gateway"), "{reason}");
    fixture.status = "ACTIVE";
    fixture.pass(Duration::from_secs(20));
    assert_eq!(fixture.session.state().word(), "polling");
}

#[test]
fn a_pass_that_outlives_a_stream_keeps_its_start_time() {
    let mut fixture = Fixture::new();
    fixture.hangs = Some(|request| matches!(request, Request::Orders(_)));
    fixture.pass(Duration::from_secs(3));
    let began = fixture.session.audits.pass_began;
    assert!(began > Mono::ZERO && fixture.session.resync.is_some(), "{began:?}");
    fixture.stream(StreamEvent::Closed(Closed::refused(502, "no upgrade".to_owned())));
    assert!(fixture.session.resync.is_some());
    assert_eq!(fixture.session.audits.pass_began, began);
}
