//! A stream that cannot be opened while REST answers: REST begins at once, and after three failures it is polled.

use super::*;

fn refuse(desk: &mut Desk, status: Option<u16>) {
    let message = "Bad Gateway".to_owned();
    desk.stream(StreamEvent::Closed(Closed::Connect { status, message, retry_after: None }));
}

#[test]
fn rest_begins_at_once_and_the_third_failure_is_polling() {
    for status in [Some(502), Some(404), Some(429), None] {
        let mut desk = Desk::new();
        desk.orders.push(order("o"));
        refuse(&mut desk, status);
        assert_eq!(desk.blotter.working_count(), 1, "{status:?}: REST was asked at once");
        assert_eq!(desk.session.state().word(), "reconnecting");
        for _ in 0..2 {
            desk.pass(Duration::from_secs(if status == Some(429) { 11 } else { 2 }));
            refuse(&mut desk, status);
        }
        assert_eq!(desk.session.state().word(), "polling", "{status:?}");
        assert!(desk.session.state().reason().unwrap().contains("Bad Gateway"));
        assert!(Part::ALL.into_iter().all(|part| desk.session.freshness(part, desk.now.mono).current));
        desk.execute("o", 40, false);
        desk.pass(Duration::from_secs(7));
        assert_eq!(desk.held(), Qty::whole(40));
    }
}

#[test]
fn the_stream_is_tried_beside_the_polling_which_goes_on() {
    let mut desk = Desk::new();
    for _ in 0..3 {
        refuse(&mut desk, Some(502));
        desk.pass(Duration::from_secs(2));
    }
    assert_eq!(desk.session.state().word(), "polling");
    let before = desk.opened.len();
    desk.seen.clear();
    for _ in 0..300 {
        desk.pass(Duration::from_secs(1));
        if desk.session.trying {
            refuse(&mut desk, Some(502));
        }
    }
    let others = desk.seen.iter().filter(|output| matches!(output, Output::State(state) if state.word() != "polling"));
    assert_eq!(others.count(), 0, "the word stays");
    let tried = desk.opened.len() - before;
    assert!((8..40).contains(&tried), "{tried} attempts in five minutes");
    desk.pass(Duration::from_mins(1));
    assert!(desk.session.trying);
    desk.listen();
    assert!(desk.session.state().is_live(), "{:?}", desk.session.state());
}

#[test]
fn without_any_answer_it_is_no_polling_and_rest_is_asked_rarely() {
    let mut desk = Desk::new();
    desk.failure = Some(RequestErrorKind::Network);
    let mut attempts = 0;
    for _ in 0..600 {
        if desk.session.state().word() == "connecting" {
            refuse(&mut desk, None);
            attempts += 1;
        }
        desk.pass(Duration::from_secs(1));
    }
    assert_ne!(desk.session.state().word(), "polling");
    assert!(desk.asked.len() <= 12, "{} questions, {attempts} attempts in ten minutes", desk.asked.len());
    assert!(desk.logs().contains("no connection"), "an outage that lasts is in the list of errors");
    desk.failure = None;
    for _ in 0..180 {
        if desk.session.state().word() == "connecting" {
            refuse(&mut desk, None);
        }
        desk.pass(Duration::from_secs(1));
    }
    assert_eq!(desk.session.state().word(), "polling", "REST came back and the stream did not");
}

#[test]
fn a_stream_that_is_slow_to_open_does_not_keep_rest_waiting() {
    let mut desk = Desk::new();
    desk.orders.push(order("o"));
    desk.pass(Duration::from_secs(3));
    assert_eq!(desk.blotter.working_count(), 1);
    assert_eq!(desk.session.state().word(), "connecting");
    let asked = desk.asked.len();
    desk.listen();
    assert!(desk.asked.len() > asked, "only a pass that began after the stream listened is a picture");
    assert!(desk.session.state().is_live());
}

#[test]
fn an_upgrade_refused_because_there_are_too_many_is_not_tried_again_at_once() {
    let mut desk = Desk::new();
    for _ in 0..60 {
        if desk.session.state().word() == "connecting" || desk.session.trying {
            refuse(&mut desk, Some(429));
        }
        desk.pass(Duration::from_secs(1));
    }
    assert!(desk.opened.len() <= 7, "{} attempts in a minute", desk.opened.len());
}

#[test]
fn an_upgrade_that_names_a_wait_is_tried_again_when_it_is_over_and_no_later_than_in_two_minutes() {
    for (stated, kept) in [(30, 30), (31_536_000, 120)] {
        for status in [429, 503] {
            let mut desk = Desk::new();
            let retry_after = Some(Duration::from_secs(stated));
            let refused = Closed::Connect { status: Some(status), message: "slow down".to_owned(), retry_after };
            desk.stream(StreamEvent::Closed(refused));
            let ConnectionState::Reconnecting { until, reason, .. } = desk.session.state() else { panic!() };
            assert_eq!(until.since(desk.now.mono), Duration::from_secs(kept));
            assert!(reason.contains("slow down"), "{reason}");
            let opened = desk.opened.len();
            desk.pass(Duration::from_secs(kept - 1));
            assert_eq!(desk.opened.len(), opened, "{status}: asked again before the wait is over");
            desk.pass(Duration::from_secs(2));
            assert_eq!(desk.opened.len(), opened + 1);
            assert_eq!(desk.logs().contains("asked to wait"), stated > kept, "a wait that is cut is said");
        }
    }
}

#[test]
fn balances_and_positions_that_fail_do_not_make_the_lists_rarer_while_polling() {
    let mut desk = Desk::new();
    desk.orders.push(order("o"));
    for _ in 0..3 {
        desk.pass(Duration::from_secs(2));
        refuse(&mut desk, Some(404));
    }
    assert_eq!(desk.session.state().word(), "polling");
    let figures = |request: &Request| matches!(request, Request::Account | Request::Positions);
    desk.fails = Some((figures, RequestErrorKind::Server));
    desk.pass(Duration::from_mins(2));
    desk.execute("o", 40, false);
    desk.pass(Duration::from_secs(12));
    assert_eq!(desk.held(), Qty::whole(40), "{:?}", desk.session.state());
}

#[test]
fn an_account_that_cannot_trade_is_blocked_while_it_is_polled_too() {
    let mut desk = Desk::new();
    desk.status = "ACCOUNT_CLOSED";
    for _ in 0..3 {
        refuse(&mut desk, Some(502));
        desk.pass(Duration::from_secs(2));
    }
    assert_eq!(desk.session.state().word(), "blocked");
    let reason = desk.session.state().reason().unwrap();
    assert!(reason.contains("ACCOUNT_CLOSED") && reason.contains("Bad Gateway"), "{reason}");
    desk.status = "ACTIVE";
    desk.pass(Duration::from_secs(20));
    assert_eq!(desk.session.state().word(), "polling");
}

#[test]
fn a_pass_that_goes_on_while_streams_come_and_go_began_when_it_began() {
    let mut desk = Desk::new();
    desk.hangs = Some(|request| matches!(request, Request::Orders(_)));
    desk.pass(Duration::from_secs(3));
    let began = desk.session.audits.pass_began;
    assert!(began > Mono::ZERO && desk.session.resync.is_some(), "{began:?}");
    desk.stream(StreamEvent::Closed(Closed::refused(502, "no upgrade".to_owned())));
    assert!(desk.session.resync.is_some());
    assert_eq!(desk.session.audits.pass_began, began);
}
