//! A refused token: who may refuse it, how long until that is believed, and how it recovers.

use super::*;

fn renewals(fixture: &Fixture) -> usize {
    fixture.seen.iter().filter(|output| **output == Output::Renew).count()
}

#[test]
fn a_refusal_of_three_seconds_ends_nothing() {
    let mut fixture = Fixture::live();
    fixture.pass(Duration::from_mins(1));
    fixture.failure = Some(RequestErrorKind::Unauthorized);
    fixture.stream(StreamEvent::Closed(Closed::AuthRefused { message: "unauthorized".to_owned() }));
    fixture.pass(Duration::from_secs(3));
    assert_eq!(fixture.session.state().word(), "reconnecting");
    fixture.failure = None;
    fixture.pass(Duration::from_secs(14));
    fixture.listen();
    assert!(fixture.session.state().is_live(), "{:?} {}", fixture.session.state(), fixture.logs());
}

#[test]
fn a_refusal_of_rest_alone_keeps_the_stream() {
    let mut fixture = Fixture::live();
    let opened = fixture.opened.len();
    fixture.pass(Duration::from_secs(55));
    fixture.failure = Some(RequestErrorKind::Unauthorized);
    fixture.pass(Duration::from_secs(30));
    assert_eq!(fixture.session.state().word(), "syncing", "no longer live");
    fixture.failure = None;
    fixture.pass(Duration::from_mins(1));
    assert!(fixture.session.state().is_live());
    assert_eq!(fixture.opened.len(), opened);
}

#[test]
fn a_token_refused_by_the_api_for_a_minute_needs_a_relink_and_is_probed_hourly() {
    let mut fixture = Fixture::new();
    fixture.failure = Some(RequestErrorKind::Unauthorized);
    fixture.listen();
    fixture.pass(Duration::from_secs(59));
    assert_ne!(fixture.session.state().word(), "needs relink", "not before a minute");
    fixture.pass(Duration::from_secs(12));
    assert_eq!(fixture.session.state().word(), "needs relink");
    let (asked, renewed) = (fixture.asked.len(), renewals(&fixture));
    fixture.pass(Duration::from_mins(59));
    assert_eq!(fixture.asked.len(), asked, "no further requests");
    assert!(renewals(&fixture) > renewed + 600, "a new token is looked for continuously");
    fixture.failure = None;
    fixture.pass(Duration::from_mins(2));
    fixture.listen();
    assert!(fixture.session.state().is_live(), "the hourly probe found it accepted again");
}

#[test]
fn a_token_that_works_for_other_requests_needs_no_relink() {
    for kind in [RequestErrorKind::Unauthorized, RequestErrorKind::Forbidden] {
        let mut fixture = Fixture::live();
        fixture.orders.push(order("o"));
        fixture.fails = Some((|request| matches!(request, Request::Account), kind.clone()));
        fixture.pass(Duration::from_mins(5));
        assert_eq!(fixture.session.state().word(), "syncing", "{kind:?}");
        fixture.execute("o", 40, true);
        assert_eq!(fixture.held(), Qty::whole(40), "stream updates are merged");
        // From now on nothing is answered.
        fixture.fails = Some((|_| true, kind.clone()));
        fixture.pass(Duration::from_mins(3));
        assert_eq!(fixture.session.state().word(), "needs relink", "{kind:?}");
    }
}

#[test]
fn a_resync_retries_a_dead_token() {
    let mut fixture = Fixture::new();
    fixture.failure = Some(RequestErrorKind::Forbidden);
    fixture.listen();
    fixture.pass(Duration::from_mins(2));
    assert_eq!(fixture.session.state().word(), "needs relink");
    fixture.failure = None;
    fixture.input(Input::Resync);
    fixture.listen();
    assert!(fixture.session.state().is_live());
}

#[test]
fn a_gateway_error_page_never_counts_as_a_refused_token() {
    let mut fixture = Fixture::live();
    // An HTML page with 401 or 403 arrives as this kind.
    fixture.failure = Some(RequestErrorKind::Server);
    fixture.stream(StreamEvent::Closed(Closed::refused(403, "a web page".to_owned())));
    for _ in 0..600 {
        fixture.pass(Duration::from_secs(1));
        assert_ne!(fixture.session.state().word(), "needs relink");
        if fixture.session.state().word() == "connecting" {
            fixture.stream(StreamEvent::Closed(Closed::refused(403, "a web page".to_owned())));
        }
    }
}

#[test]
fn a_missing_token_needs_a_relink_at_once() {
    let mut fixture = Fixture::new();
    let error = RequestError {
        kind: RequestErrorKind::Unauthorized,
        status: None,
        code: None,
        message: "it has no token any more".to_owned(),
        extra: None,
        request_id: None,
    };
    fixture.failure = Some(RequestErrorKind::NotFound);
    fixture.stream(StreamEvent::Closed(Closed::AuthRefused { message: error.message.clone() }));
    // The request for the account, refused locally.
    let mut session = Session::new(1);
    session.handle(Input::Connect, &mut fixture.blotter, fixture.now);
    let epoch = session.epoch;
    let closed = StreamEvent::Closed(Closed::AuthRefused { message: error.message.clone() });
    session.handle(Input::Stream(epoch, closed), &mut fixture.blotter, fixture.now);
    let asked = std::iter::from_fn(|| session.poll()).find_map(|output| match output {
        Output::Request(id, Request::Account) => Some(id),
        _ => None,
    });
    session.handle(Input::Reply(asked.unwrap(), Err(error)), &mut fixture.blotter, fixture.now);
    assert_eq!(session.state().word(), "needs relink");
}

#[test]
fn another_account_is_probed_like_a_dead_token() {
    let mut fixture = Fixture::new();
    fixture.session.belongs_to("acct-9".into(), false);
    fixture.listen();
    fixture.pass(Duration::from_secs(50));
    assert_ne!(fixture.session.state().word(), "needs relink", "not before a minute");
    fixture.pass(Duration::from_secs(25));
    assert_eq!(fixture.session.state().word(), "needs relink");
    assert!(!fixture.seen.iter().any(|output| matches!(output, Output::Account(_))), "nothing of it is shown");
    let asked = fixture.asked.len();
    fixture.pass(Duration::from_mins(59));
    assert_eq!(fixture.asked.len(), asked);
    assert!(renewals(&fixture) > 600, "a new token is looked for");
    fixture.pass(Duration::from_mins(2));
    assert_eq!((fixture.session.state().word(), fixture.asked.len()), ("needs relink", asked + 1));
    fixture.account = "acct-9";
    fixture.pass(Duration::from_hours(1));
    fixture.listen();
    assert!(fixture.session.state().is_live(), "{:?}", fixture.session.state());
}

#[test]
fn a_token_that_works_for_any_request_is_not_dead() {
    let others: [Wanted; 2] =
        [|request| !matches!(request, Request::Orders(_)), |request| !matches!(request, Request::Positions)];
    for fails in others {
        let mut fixture = Fixture::live();
        fixture.fails = Some((fails, RequestErrorKind::Unauthorized));
        fixture.stream(StreamEvent::Closed(Closed::AuthRefused { message: "unauthorized".to_owned() }));
        for _ in 0..180 {
            fixture.pass(Duration::from_secs(1));
            assert_ne!(fixture.session.state().word(), "needs relink");
        }
    }
}

#[test]
fn a_token_that_rest_refuses_needs_a_relink_whatever_refuses_the_stream() {
    let refused = |status| Closed::refused(status, "a gateway's error page".to_owned());
    for closed in [refused(503), refused(404), Closed::Lost { message: "reset".to_owned() }, Closed::Silent] {
        for kind in [RequestErrorKind::Unauthorized, RequestErrorKind::Forbidden] {
            let mut fixture = Fixture::live();
            fixture.pass(Duration::from_mins(2));
            fixture.failure = Some(kind.clone());
            fixture.stream(StreamEvent::Closed(closed.clone()));
            for second in 0..100 {
                fixture.pass(Duration::from_secs(1));
                if fixture.session.state().word() == "connecting" {
                    fixture.stream(StreamEvent::Closed(closed.clone()));
                }
                assert!(second >= 59 || fixture.session.state().word() != "needs relink", "{closed:?} {kind:?}");
            }
            assert_eq!(fixture.session.state().word(), "needs relink", "{closed:?} {kind:?}: {}", fixture.logs());
        }
    }
}

#[test]
fn refusals_far_apart_are_not_a_minute_of_refusals() {
    let mut fixture = Fixture::live();
    let refused = || StreamEvent::Closed(Closed::refused(503, "x".to_owned()));
    for between in [None, Some(RequestErrorKind::Server)] {
        for _ in 0..3 {
            fixture.failure = Some(RequestErrorKind::Unauthorized);
            fixture.stream(refused());
            for _ in 0..20 {
                fixture.pass(Duration::from_secs(1));
                if fixture.session.state().word() == "connecting" {
                    fixture.stream(refused());
                }
            }
            fixture.failure = between.clone();
            for _ in 0..70 {
                fixture.pass(Duration::from_secs(1));
                if fixture.session.state().word() == "connecting" {
                    fixture.stream(refused());
                }
            }
            assert_ne!(fixture.session.state().word(), "needs relink", "{between:?}: {}", fixture.logs());
        }
    }
}
