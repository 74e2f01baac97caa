//! Outcomes of a cancel, and that the order is fetched after it.

use super::*;
use crate::session::Denied;

fn cancel(fixture: &mut Fixture) {
    let key = OrderKey { link: paper(), order: "a".into() };
    fixture.accounts.cancel(&key).unwrap();
    fixture.follow();
}

fn outcomes(fixture: &Fixture) -> Vec<&CancelOutcome> {
    let reported = fixture.events().filter_map(|event| match event {
        Event::CancelAnswered(key, outcome) => {
            assert_eq!(key.order.as_str(), "a");
            Some(outcome)
        }
        _ => None,
    });
    reported.collect()
}

#[test]
fn every_cancel_reply_has_one_outcome_and_the_order_is_fetched() {
    let too_late = [RequestErrorKind::Unprocessable, RequestErrorKind::NotFound];
    let not_sent = [
        RequestErrorKind::Unauthorized,
        RequestErrorKind::Forbidden,
        RequestErrorKind::RateLimited { retry_after: None },
        RequestErrorKind::Refused,
    ];
    let unknown =
        [RequestErrorKind::Timeout, RequestErrorKind::Server, RequestErrorKind::Network, RequestErrorKind::Decode];
    let outcome = |kind: &RequestErrorKind| {
        let mut fixture = Fixture::holding(&[working("a")]);
        fixture.cancel = Some(kind.clone());
        cancel(&mut fixture);
        assert!(fixture.requests().any(|request| *request == Request::Order("a".into())), "{kind:?}");
        let said = fixture.troubles.last().map(|trouble| trouble.text.clone()).unwrap_or_default();
        let [outcome] = outcomes(&fixture)[..] else { panic!("{kind:?}: {:?}", outcomes(&fixture)) };
        (outcome.clone(), said)
    };
    for kind in too_late {
        let (outcome, said) = outcome(&kind);
        assert!(matches!(outcome, CancelOutcome::TooLate(_)) && said.is_empty(), "{kind:?}: {outcome:?}, {said}");
    }
    for kind in not_sent {
        let (outcome, said) = outcome(&kind);
        assert!(matches!(outcome, CancelOutcome::NotSent(_)), "{kind:?}: {outcome:?}");
        assert_eq!(said, "BUY 10 AAPL: not canceled, no");
    }
    for kind in unknown {
        let (outcome, said) = outcome(&kind);
        assert!(matches!(outcome, CancelOutcome::Unknown(_)), "{kind:?}: {outcome:?}");
        assert_eq!(said, "BUY 10 AAPL: unknown whether the cancel arrived (no); checking");
    }
}

#[test]
fn an_accepted_cancel_leaves_the_order_working_until_it_reports_otherwise() {
    let mut fixture = Fixture::holding(&[working("a")]);
    cancel(&mut fixture);
    assert_eq!(outcomes(&fixture), [&CancelOutcome::Taken]);
    assert!(fixture.accounts.order(&OrderKey { link: paper(), order: "a".into() }).unwrap().status.is_working());
    assert!(fixture.troubles.is_empty());
}

#[test]
fn an_order_that_cannot_be_fetched_after_a_cancel_is_reported_as_unknown() {
    let mut fixture = Fixture::holding(&[working("a")]);
    fixture.orders.clear();
    cancel(&mut fixture);
    assert!(fixture.events().any(|event| matches!(event, Event::OrderUnknown(key, _) if key.order.as_str() == "a")));
    assert_eq!(fixture.troubles.last().unwrap().text, "order a: state unknown, order not found");
}

#[test]
fn a_cancel_answered_with_something_else_has_an_unknown_outcome() {
    let mut fixture = Fixture::holding(&[working("a")]);
    fixture.mismatched = |request| matches!(request, Request::CancelOrder(_));
    cancel(&mut fixture);
    assert_eq!(outcomes(&fixture), [&CancelOutcome::Unknown(RequestError::mismatch())]);
}

#[test]
fn an_order_answered_with_something_else_is_reported_as_unknown() {
    let mut fixture = Fixture::holding(&[working("a")]);
    fixture.mismatched = |request| matches!(request, Request::Order(_));
    cancel(&mut fixture);
    let key = OrderKey { link: paper(), order: "a".into() };
    assert!(fixture.events().any(|event| *event == Event::OrderUnknown(key.clone(), RequestError::mismatch())));
}

#[test]
fn a_dropped_queue_resends_a_cancel_under_way_under_the_same_id() {
    let mut fixture = Fixture::holding(&[working("a")]);
    fixture.silent = |request| matches!(request, Request::CancelOrder(_) | Request::History { .. });
    cancel(&mut fixture);
    fixture.accounts.ask_curve(&paper(), Period::Week);
    fixture.follow();
    assert_eq!(fixture.accounts.cancels_under_way(&paper()), 1);
    fixture.send(Msg::Resumed);
    let sent: Vec<_> = fixture
        .effects()
        .filter_map(|effect| match effect {
            Effect::Request { id, request: Request::CancelOrder(_), .. } => Some(*id),
            _ => None,
        })
        .collect();
    assert_eq!(sent.len(), 2, "the queue may be a new one");
    assert_eq!(sent[0], sent[1], "a queue that kept it ignores the duplicate");
    let week = |request: &&Request| matches!(request, Request::History { period, .. } if &**period == "1W");
    assert_eq!(fixture.requests().filter(week).count(), 1, "a curve is fetched when it is next wanted");
}

#[test]
fn a_wait_is_reported_only_when_a_cancel_waits() {
    let mut fixture = Fixture::holding(&[working("a")]);
    fixture.silent = |request| matches!(request, Request::CancelOrder(_));
    let wait = Some((Duration::from_secs(118), "the broker asked to wait".to_owned()));
    fixture.send(Msg::Queued { link: paper(), wait: wait.clone() });
    assert!(!fixture.events().any(|event| matches!(event, Event::Waiting { .. })));
    cancel(&mut fixture);
    fixture.send(Msg::Queued { link: paper(), wait });
    let reported = Event::Waiting {
        link: paper(),
        cancels: 1,
        after: Duration::from_secs(118),
        why: "the broker asked to wait".to_owned(),
    };
    assert_eq!(fixture.events().filter(|event| **event == reported).count(), 1);
}

#[test]
fn the_guard_denies_a_cancel_with_its_reason() {
    let key = |order: &str| OrderKey { link: paper(), order: order.into() };
    let mut fixture = Fixture::holding(&[working("a"), filled("b", 10)]);
    assert_eq!(fixture.accounts.cancel(&key("b")), Err(Denied::Done(OrderStatus::Filled)));
    assert_eq!(fixture.accounts.cancel(&key("c")), Err(Denied::Unknown));
    assert_eq!(fixture.accounts.may_change(&"nobody".into()), Err(Denied::Unknown));
    fixture.refuse = Some(RequestErrorKind::Unauthorized);
    fixture.accounts.resync(&paper(), fixture.now);
    fixture.follow();
    fixture.pass(Duration::from_mins(2));
    assert!(matches!(fixture.accounts.cancel(&key("a")), Err(Denied::NeedsRelink(_))));
    let linked = |accounts, scopes: &[&str]| {
        let scopes = scopes.iter().map(|scope| Arc::from(*scope)).collect();
        let mut fixture = Fixture { accounts, orders: vec![working("a")], ..Fixture::empty() };
        fixture.send(Msg::Started { links: vec![LinkRecord { scopes, ..link("paper", Environment::Paper) }] });
        let denied = fixture.accounts.cancel(&key("a"));
        assert!(!fixture.requests().any(|request| request.route().class.changes()), "nothing is sent");
        denied
    };
    assert_eq!(linked(Accounts::new(true), &["trading"]), Err(Denied::ReadOnly));
    assert_eq!(linked(Accounts::default(), &["data"]), Err(Denied::NoScope));
    assert_eq!(linked(Accounts::default(), &["trading"]), Ok(()));
}
