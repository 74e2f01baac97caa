//! The end of an outage of everything: how soon it is noticed, and what asking costs meanwhile.

use super::*;

const KINDS: [RequestErrorKind; 6] = [
    RequestErrorKind::Server,
    RequestErrorKind::Network,
    RequestErrorKind::Decode,
    RequestErrorKind::Forbidden,
    RequestErrorKind::Unauthorized,
    RequestErrorKind::RateLimited { retry_after: Some(Duration::from_secs(4)) },
];

fn refuse(fixture: &mut Fixture) {
    fixture.stream(StreamEvent::Closed(Closed::refused(503, "x".to_owned())));
}

/// Lets time pass; every attempt to open a stream is refused.
fn refused(fixture: &mut Fixture, seconds: u64) {
    for _ in 0..seconds {
        fixture.pass(Duration::from_secs(1));
        if fixture.session.trying || fixture.session.state().word() == "connecting" {
            refuse(fixture);
        }
    }
}

#[test]
fn a_program_with_a_stream_is_back_seconds_after_everything_answers_again() {
    for (kind, long) in KINDS.into_iter().flat_map(|kind| [(kind.clone(), 40), (kind, 59)]) {
        let mut fixture = Fixture::live();
        fixture.orders.push(order("o"));
        fixture.pass(Duration::from_mins(2));
        fixture.failure = Some(kind.clone());
        fixture.stream(StreamEvent::Closed(Closed::Lost { message: "reset".to_owned() }));
        refused(&mut fixture, long);
        fixture.execute("o", 40, false);
        fixture.failure = None;
        let opened = fixture.opened.len();
        fixture.pass(Duration::from_secs(6));
        assert_eq!(fixture.held(), Qty::whole(40), "{kind:?} for {long} s: {}", fixture.logs());
        assert_eq!(fixture.opened.len(), opened + 1, "{kind:?} for {long} s: {}", fixture.logs());
        fixture.listen();
        assert!(fixture.session.state().is_live());
    }
}

#[test]
fn a_program_that_polls_is_back_seconds_after_everything_answers_again() {
    for kind in KINDS {
        let mut fixture = Fixture::live();
        fixture.orders.push(order("o"));
        fixture.stream(StreamEvent::Closed(Closed::Elsewhere));
        fixture.pass(Duration::from_secs(20));
        fixture.failure = Some(kind.clone());
        fixture.pass(Duration::from_secs(59));
        fixture.execute("o", 40, false);
        fixture.failure = None;
        fixture.pass(Duration::from_secs(6));
        assert_eq!(fixture.held(), Qty::whole(40), "{kind:?}: {}", fixture.logs());
        assert!(Part::ALL.into_iter().all(|part| fixture.session.freshness(part, fixture.now.mono).current));
    }
}

#[test]
fn lists_that_fail_under_a_stream_are_complete_seconds_after_everything_answers_again() {
    let mut fixture = Fixture::new();
    fixture.orders.push(order("o"));
    fixture.failure = Some(RequestErrorKind::Server);
    fixture.listen();
    fixture.pass(Duration::from_mins(4));
    assert_eq!(fixture.session.state().word(), "syncing");
    fixture.failure = None;
    fixture.pass(Duration::from_secs(6));
    assert!(fixture.session.state().is_live(), "{:?}", fixture.session.state());
}

#[test]
fn an_outage_costs_few_requests_and_one_of_the_network_fewer() {
    for (kind, most) in [(RequestErrorKind::Server, 40), (RequestErrorKind::Network, 25)] {
        let mut fixture = Fixture::live();
        fixture.stream(StreamEvent::Closed(Closed::Elsewhere));
        fixture.failure = Some(kind.clone());
        fixture.pass(Duration::from_mins(3));
        let asked = fixture.asked.len();
        fixture.pass(Duration::from_mins(10));
        let a_minute = (fixture.asked.len() - asked) / 10;
        assert!((4..=most).contains(&a_minute), "{kind:?}: {a_minute} requests a minute");
    }
}

#[test]
fn orders_are_not_requested_one_by_one_while_nothing_answers() {
    let mut fixture = Fixture::live();
    fixture.orders = (0..20).map(|number| order(&format!("o{number}"))).collect();
    fixture.pass(Duration::from_secs(40));
    fixture.failure = Some(RequestErrorKind::Server);
    fixture.stream(StreamEvent::Closed(Closed::Elsewhere));
    let asked = fixture.asked.len();
    fixture.pass(Duration::from_secs(9));
    let single = fixture.asked[asked..].iter().filter(|request| matches!(request, Request::Order(_))).count();
    assert_eq!(single, 1, "one pass, one order, once");
    assert!(fixture.session.resync.is_none() && !fixture.session.proofs.holds_pass());
}

#[test]
fn the_wait_that_a_refused_stream_asked_for_is_kept_when_rest_is_back() {
    for polls in [false, true] {
        let mut fixture = Fixture::live();
        fixture.pass(Duration::from_mins(2));
        fixture.failure = Some(RequestErrorKind::Server);
        fixture.stream(StreamEvent::Closed(Closed::Silent));
        if polls {
            fixture.failure = None;
            refused(&mut fixture, 10);
            assert_eq!(fixture.session.state().word(), "polling");
            fixture.failure = Some(RequestErrorKind::Server);
        }
        while !fixture.session.trying && fixture.session.state().word() != "connecting" {
            fixture.pass(Duration::from_secs(1));
        }
        let retry_after = Some(Duration::from_mins(1));
        let refused = Closed::Connect { status: Some(503), message: "slow down".to_owned(), retry_after };
        fixture.stream(StreamEvent::Closed(refused));
        let opened = fixture.opened.len();
        fixture.pass(Duration::from_secs(20));
        fixture.failure = None;
        fixture.pass(Duration::from_secs(39));
        assert_eq!((fixture.opened.len(), fixture.session.state().word()), (opened, "polling"), "{}", fixture.logs());
        fixture.pass(Duration::from_secs(32));
        assert_eq!(fixture.opened.len(), opened + 1);
    }
}

#[test]
fn nothing_is_asked_before_a_wait_of_requests_is_over() {
    let mut fixture = Fixture::live();
    fixture.stream(StreamEvent::Closed(Closed::Elsewhere));
    fixture.failure = Some(RequestErrorKind::Server);
    fixture.pass(Duration::from_secs(30));
    fixture.input(Input::Queued(Some((Duration::from_secs(20), "the budget is used up".to_owned()))));
    while fixture.session.resync.is_some() {
        fixture.pass(Duration::from_millis(100));
    }
    let asked = fixture.asked.len();
    let until = fixture.session.waiting(fixture.now.mono).unwrap().0;
    fixture
        .pass(until.since(fixture.now.mono).checked_sub(Duration::from_secs(1)).unwrap().min(Duration::from_secs(9)));
    assert_eq!(fixture.asked.len(), asked);
}
