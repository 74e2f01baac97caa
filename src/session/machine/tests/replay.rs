//! Replay after an outage: what it adds, and that nothing depends on it.

use super::*;

fn lost(fixture: &mut Fixture) {
    fixture.stream(StreamEvent::Closed(Closed::Lost { message: "reset".to_owned() }));
}

fn back(fixture: &mut Fixture) {
    fixture.pass(Duration::from_secs(2));
    fixture.listen();
    assert!(fixture.session.state().is_live(), "{:?}", fixture.session.state());
}

fn replays(fixture: &Fixture) -> Vec<Timestamp> {
    let since = |request: &Request| match request {
        Request::Replay { since, .. } => Some(*since),
        _ => None,
    };
    fixture.asked.iter().filter_map(since).collect()
}

/// What the stream would have reported of the last execution.
fn report(fixture: &Fixture, id: &str) -> TradeUpdate {
    let order = fixture.orders[0].clone();
    let execution = Execution {
        id: id.into(),
        order_id: order.id.clone(),
        symbol: order.symbol.clone(),
        side: Side::Buy,
        qty: order.cum_qty,
        px: Some(Price::whole(10)),
        cum_qty: Some(order.cum_qty),
        position_qty: Some(Qty::whole(7)),
        at: order.updated_at,
        kind: ExecutionKind::Trade,
        source: Source::Reconcile,
    };
    update(TradeEvent::PartialFill, order, vec![execution])
}

#[test]
fn replayed_events_are_shown_as_they_were_and_once() {
    let mut fixture = Fixture::live();
    assert_eq!(replays(&fixture), [], "no change is known to start from");
    fixture.orders.push(order("o"));
    fixture.execute("o", 10, true);
    lost(&mut fixture);
    fixture.execute("o", 40, false);
    let mut reported = report(&fixture, "exec2");
    reported.executions[0].qty = Qty::whole(40);
    let at = reported.happened_at.unwrap();
    // An event that no list ever shows.
    let suspended = update(TradeEvent::PendingCancel, fixture.orders[0].clone(), Vec::new());
    fixture.replay = Ok(vec![reported, suspended]);
    back(&mut fixture);

    assert_eq!(replays(&fixture), [Timestamp::from_second(1_760_000_001 - 60).unwrap()]);
    assert_eq!(fixture.held(), Qty::whole(50));
    let row = fixture.blotter.execution(&"exec2".into()).unwrap();
    assert_eq!((row.position_qty, row.source), (Some(Qty::whole(7)), Source::Reconcile), "the report itself");
    let lines: Vec<_> = fixture.blotter.tape().iter().map(|line| (line.event.clone(), line.at, line.source)).collect();
    assert!(lines.contains(&(TradeEvent::PendingCancel, Some(at), Source::Reconcile)), "{lines:?}");
    let count = lines.iter().filter(|(event, ..)| *event == TradeEvent::PartialFill).count();
    assert_eq!(count, 2, "each execution has one line: {lines:?}");
}

#[test]
fn a_broker_without_replay_is_asked_once_and_nothing_is_missed() {
    let refusals = [RequestErrorKind::NotFound, RequestErrorKind::Forbidden, RequestErrorKind::Unauthorized];
    for kind in refusals.into_iter().chain([RequestErrorKind::Timeout, RequestErrorKind::Decode]) {
        let mut fixture = Fixture::live();
        fixture.orders.push(order("o"));
        fixture.execute("o", 10, true);
        fixture.replay = Err(kind.clone());
        for _ in 0..3 {
            fixture.pass(Duration::from_secs(31));
            lost(&mut fixture);
            fixture.execute("o", 10, false);
            back(&mut fixture);
        }
        assert_eq!(replays(&fixture).len(), 1, "{kind:?}");
        assert_eq!(fixture.held(), Qty::whole(40), "{kind:?}");
        assert!(fixture.logs().contains("does not replay"), "{}", fixture.logs());
    }
}

#[test]
fn a_replay_that_fails_temporarily_is_retried_after_the_next_outage() {
    for kind in [RequestErrorKind::Server, RequestErrorKind::Network] {
        let mut fixture = Fixture::live();
        fixture.orders.push(order("o"));
        fixture.execute("o", 10, true);
        fixture.replay = Err(kind.clone());
        for outage in 1..=2 {
            lost(&mut fixture);
            back(&mut fixture);
            assert_eq!(replays(&fixture).len(), outage, "{kind:?}");
        }
    }
}

#[test]
fn a_clock_that_is_far_behind_or_ahead_neither_ends_the_replay_early_nor_extends_it() {
    let far = jiff::SignedDuration::from_hours(24 * 400);
    for (wall, until) in [(-far, false), (far, true)] {
        let mut fixture = Fixture::live();
        fixture.orders.push(order("o"));
        fixture.execute("o", 10, true);
        fixture.now.wall += wall;
        lost(&mut fixture);
        fixture.execute("o", 10, false);
        back(&mut fixture);
        let bounded = fixture.asked.iter().any(|request| matches!(request, Request::Replay { until: Some(_), .. }));
        assert_eq!((replays(&fixture).len(), bounded), (1, until));
        assert_eq!(fixture.held(), Qty::whole(20));
    }
}

#[test]
fn an_answer_of_another_kind_counts_as_a_broker_without_replay() {
    let mut fixture = Fixture::live();
    fixture.session.on_replay(Ok(Box::new(Reply::Done)), fixture.now);
    fixture.input(Input::Timeout);
    assert!(fixture.logs().contains("does not replay missed events (the broker's answer does not match the request)"));
}
