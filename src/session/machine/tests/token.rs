//! A refused token: who may say so, how long it takes to be believed, and how it is mended.

use super::*;

fn renewals(desk: &Desk) -> usize {
    desk.seen.iter().filter(|output| **output == Output::Renew).count()
}

#[test]
fn a_refusal_of_three_seconds_ends_nothing() {
    let mut desk = Desk::live();
    desk.pass(Duration::from_mins(1));
    desk.failure = Some(RequestErrorKind::Unauthorized);
    desk.stream(StreamEvent::Closed(Closed::AuthRefused { message: "unauthorized".to_owned() }));
    desk.pass(Duration::from_secs(3));
    assert_eq!(desk.session.state().word(), "reconnecting");
    desk.failure = None;
    desk.pass(Duration::from_secs(14));
    desk.listen();
    assert!(desk.session.state().is_live(), "{:?} {}", desk.session.state(), desk.logs());
}

#[test]
fn a_refusal_of_rest_alone_keeps_the_stream() {
    let mut desk = Desk::live();
    let opened = desk.opened.len();
    desk.pass(Duration::from_secs(55));
    desk.failure = Some(RequestErrorKind::Unauthorized);
    desk.pass(Duration::from_secs(30));
    assert_eq!(desk.session.state().word(), "syncing", "but the word is gone");
    desk.failure = None;
    desk.pass(Duration::from_mins(1));
    assert!(desk.session.state().is_live());
    assert_eq!(desk.opened.len(), opened);
}

#[test]
fn refused_for_a_minute_by_the_api_it_needs_a_relink_and_is_probed_hourly() {
    let mut desk = Desk::new();
    desk.failure = Some(RequestErrorKind::Unauthorized);
    desk.listen();
    desk.pass(Duration::from_secs(59));
    assert_ne!(desk.session.state().word(), "needs relink", "not before a minute");
    desk.pass(Duration::from_secs(12));
    assert_eq!(desk.session.state().word(), "needs relink");
    let (asked, renewed) = (desk.asked.len(), renewals(&desk));
    desk.pass(Duration::from_mins(59));
    assert_eq!(desk.asked.len(), asked, "it is not stormed");
    assert!(renewals(&desk) > renewed + 600, "a new token is looked for all the time");
    desk.failure = None;
    desk.pass(Duration::from_mins(2));
    desk.listen();
    assert!(desk.session.state().is_live(), "the hourly probe found it accepted again");
}

#[test]
fn a_token_that_other_answers_prove_needs_no_relink() {
    for kind in [RequestErrorKind::Unauthorized, RequestErrorKind::Forbidden] {
        let mut desk = Desk::live();
        desk.orders.push(order("o"));
        desk.fails = Some((|request| matches!(request, Request::Account), kind.clone()));
        desk.pass(Duration::from_mins(5));
        assert_eq!(desk.session.state().word(), "syncing", "{kind:?}");
        desk.execute("o", 40, true);
        assert_eq!(desk.held(), Qty::whole(40), "the stream is followed");
        // Now nothing is answered any more.
        desk.fails = Some((|_| true, kind.clone()));
        desk.pass(Duration::from_mins(3));
        assert_eq!(desk.session.state().word(), "needs relink", "{kind:?}");
    }
}

#[test]
fn a_person_may_try_a_dead_token() {
    let mut desk = Desk::new();
    desk.failure = Some(RequestErrorKind::Forbidden);
    desk.listen();
    desk.pass(Duration::from_mins(2));
    assert_eq!(desk.session.state().word(), "needs relink");
    desk.failure = None;
    desk.input(Input::Resync);
    desk.listen();
    assert!(desk.session.state().is_live());
}

#[test]
fn a_gateway_s_page_is_a_fault_of_the_network_however_long_it_lasts() {
    let mut desk = Desk::live();
    // An HTML page with 401 or 403 arrives as this kind.
    desk.failure = Some(RequestErrorKind::Server);
    desk.stream(StreamEvent::Closed(Closed::refused(403, "a web page".to_owned())));
    for _ in 0..600 {
        desk.pass(Duration::from_secs(1));
        assert_ne!(desk.session.state().word(), "needs relink");
        if desk.session.state().word() == "connecting" {
            desk.stream(StreamEvent::Closed(Closed::refused(403, "a web page".to_owned())));
        }
    }
}

#[test]
fn without_a_token_nobody_needs_to_be_asked_for_a_minute() {
    let mut desk = Desk::new();
    let error = RequestError {
        kind: RequestErrorKind::Unauthorized,
        status: None,
        code: None,
        message: "it has no token any more".to_owned(),
        extra: None,
        request_id: None,
    };
    desk.failure = Some(RequestErrorKind::NotFound);
    desk.stream(StreamEvent::Closed(Closed::AuthRefused { message: error.message.clone() }));
    // The question of the account, refused by ourselves.
    let mut session = Session::new(1);
    session.handle(Input::Connect, &mut desk.blotter, desk.now);
    let epoch = session.epoch;
    let closed = StreamEvent::Closed(Closed::AuthRefused { message: error.message.clone() });
    session.handle(Input::Stream(epoch, closed), &mut desk.blotter, desk.now);
    let asked = std::iter::from_fn(|| session.poll()).find_map(|output| match output {
        Output::Request(id, Request::Account) => Some(id),
        _ => None,
    });
    session.handle(Input::Reply(asked.unwrap(), Err(error)), &mut desk.blotter, desk.now);
    assert_eq!(session.state().word(), "needs relink");
}

#[test]
fn another_account_than_was_linked_is_tried_again_like_a_dead_token() {
    let mut desk = Desk::new();
    desk.session.belongs_to("acct-9".into(), false);
    desk.listen();
    desk.pass(Duration::from_secs(50));
    assert_ne!(desk.session.state().word(), "needs relink", "not before a minute");
    desk.pass(Duration::from_secs(25));
    assert_eq!(desk.session.state().word(), "needs relink");
    assert!(!desk.seen.iter().any(|output| matches!(output, Output::Account(_))), "nothing of it is shown");
    let asked = desk.asked.len();
    desk.pass(Duration::from_mins(59));
    assert_eq!(desk.asked.len(), asked);
    assert!(renewals(&desk) > 600, "another link is looked for");
    desk.pass(Duration::from_mins(2));
    assert_eq!((desk.session.state().word(), desk.asked.len()), ("needs relink", asked + 1));
    desk.account = "acct-9";
    desk.pass(Duration::from_hours(1));
    desk.listen();
    assert!(desk.session.state().is_live(), "{:?}", desk.session.state());
}

#[test]
fn a_token_that_is_good_for_anything_is_not_dead() {
    let others: [Wanted; 2] =
        [|request| !matches!(request, Request::Orders(_)), |request| !matches!(request, Request::Positions)];
    for fails in others {
        let mut desk = Desk::live();
        desk.fails = Some((fails, RequestErrorKind::Unauthorized));
        desk.stream(StreamEvent::Closed(Closed::AuthRefused { message: "unauthorized".to_owned() }));
        for _ in 0..180 {
            desk.pass(Duration::from_secs(1));
            assert_ne!(desk.session.state().word(), "needs relink");
        }
    }
}
