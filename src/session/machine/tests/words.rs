//! What is reported of a connection, and for how long.

use super::*;

const ACCOUNT: Wanted = |request| matches!(request, Request::Account);
const POSITIONS: Wanted = |request| matches!(request, Request::Positions);
/// The first page of recent orders, which a pass requests once.
const RECENT: Wanted = |request| matches!(request, Request::Orders(query) if query.filter == OrderFilter::All && query.before_order_id.is_none());

fn times(fixture: &Fixture, wanted: Wanted) -> usize {
    fixture.asked.iter().filter(|request| wanted(request)).count()
}

/// A session that polls because another instance streams the account.
fn polling() -> Fixture {
    let mut fixture = Fixture::live();
    fixture.stream(StreamEvent::Closed(Closed::Elsewhere));
    assert_eq!(fixture.session.state().word(), "polling");
    fixture
}

fn states(fixture: &Fixture) -> usize {
    fixture.seen.iter().filter(|output| matches!(output, Output::State(_))).count()
}

#[test]
fn a_lasting_state_is_shown_once_and_keeps_its_start() {
    for mut fixture in [Fixture::live(), polling()] {
        let before = states(&fixture);
        fixture.pass(Duration::from_mins(2));
        assert_eq!(states(&fixture), before, "{:?}", fixture.session.state());
    }
    let mut fixture = polling();
    let alone = fixture.session.state().reason().unwrap().to_owned();
    assert!(!alone.contains(';'), "{alone}");
    fixture.fails = Some((POSITIONS, RequestErrorKind::Server));
    fixture.pass(Duration::from_secs(15));
    let reason = |part| fixture.session.freshness(part, fixture.now.mono).reason;
    let failed = Some("the broker answered 500: no");
    assert_eq!((reason(Part::Working), reason(Part::Positions)), (None, failed), "each has its own");
    assert_eq!(fixture.session.state().reason().unwrap(), format!("{alone}; positions: the broker answered 500: no"));
}

#[test]
fn a_part_that_is_missing_for_another_reason_is_reported_with_it_and_ever_more_rarely() {
    let mut fixture = Fixture::live();
    let reported = |fixture: &Fixture| -> Vec<String> {
        let texts = fixture.seen.iter().filter_map(|output| match output {
            Output::Fault(Fault::Incomplete, text) => Some(text.clone()),
            _ => None,
        });
        texts.collect()
    };
    fixture.fails = Some((POSITIONS, RequestErrorKind::Server));
    fixture.pass(Duration::from_mins(2));
    fixture.fails = Some((POSITIONS, RequestErrorKind::Network));
    fixture.pass(Duration::from_mins(2));
    let said = reported(&fixture);
    let [first, second] = said.as_slice() else { panic!("{said:?}") };
    assert!(first.contains("500") && !second.contains("500") && second.contains("positions"), "{said:?}");
    for _ in 0..30 {
        for kind in [RequestErrorKind::Server, RequestErrorKind::Network] {
            fixture.fails = Some((POSITIONS, kind));
            fixture.pass(Duration::from_mins(1));
        }
    }
    assert!((4..=8).contains(&reported(&fixture).len()), "{:?}", reported(&fixture));
}

#[test]
fn a_missing_part_stays_reported_until_it_arrives() {
    let mut fixture = Fixture::live();
    fixture.fails = Some((POSITIONS, RequestErrorKind::Server));
    fixture.pass(Duration::from_mins(2));
    let count = |fixture: &Fixture, over: bool| {
        let wanted = |output: &&Output| match output {
            Output::Over(Fault::Incomplete) => over,
            Output::Fault(Fault::Incomplete, _) => !over,
            _ => false,
        };
        fixture.seen.iter().filter(wanted).count()
    };
    assert_eq!((count(&fixture, false), count(&fixture, true)), (1, 0));
    fixture.fails = None;
    fixture.pass(Duration::from_mins(1));
    assert_eq!((count(&fixture, false), count(&fixture, true)), (1, 1));
}

#[test]
fn a_long_snapshot_names_the_part_that_fails() {
    let mut fixture = Fixture::new();
    fixture.fails = Some((
        |request| matches!(request, Request::Activities(_)),
        RequestErrorKind::RateLimited { retry_after: Some(Duration::from_secs(30)) },
    ));
    fixture.listen();
    fixture.pass(Duration::from_secs(4));
    assert_eq!(fixture.session.state().word(), "syncing");
    let reason = fixture.session.state().reason().unwrap();
    assert!(reason.starts_with("executions: no"), "{reason}");
}

#[test]
fn an_outage_is_reported_once_at_its_third_attempt() {
    let mut fixture = Fixture::live();
    fixture.pass(Duration::from_secs(3));
    fixture.failure = Some(RequestErrorKind::Network);
    let reported = |fixture: &Fixture| {
        fixture.seen.iter().filter(|output| matches!(output, Output::Fault(Fault::Connection, _))).count()
    };
    let mut counts = Vec::new();
    for _ in 0..5 {
        let opened = fixture.opened.len();
        fixture.stream(StreamEvent::Closed(Closed::Lost { message: "reset".to_owned() }));
        counts.push(reported(&fixture));
        while fixture.opened.len() == opened {
            fixture.pass(Duration::from_secs(1));
        }
    }
    assert_eq!(counts, [0, 0, 1, 1, 1], "{}", fixture.logs());
}

#[test]
fn follows_answers_and_has_snapshot_track_the_connection() {
    let mut fixture = Fixture::new();
    let says =
        |fixture: &Fixture| (fixture.session.follows(), fixture.session.answers(), fixture.session.has_snapshot());
    assert_eq!(says(&fixture), (false, false, false));
    fixture.pass(Duration::from_secs(3));
    assert_eq!(says(&fixture), (false, true, true), "REST was queried early and answered");
    fixture.listen();
    assert_eq!(says(&fixture), (true, true, true));
    let fresh = fixture.session.freshness(Part::Working, fixture.now.mono);
    assert_eq!((fresh.current, fresh.reason), (true, None));
    fixture.stream(StreamEvent::Pong { latency: Duration::from_millis(7) });
    assert_eq!(fixture.session.latency(), Some(Duration::from_millis(7)));
    fixture.pass(Duration::from_secs(10));
    fixture.failure = Some(RequestErrorKind::Network);
    fixture.stream(StreamEvent::Closed(Closed::Silent));
    assert_eq!(says(&fixture), (false, false, true));
    assert_eq!(fixture.session.latency(), None);
    let fresh = fixture.session.freshness(Part::Working, fixture.now.mono);
    assert_eq!((fresh.current, fresh.reason), (false, fixture.session.state().reason()));
}

#[test]
fn a_paused_session_sends_no_request_and_opens_no_stream() {
    // Also while a refused token is being checked.
    let mut fixture = Fixture::live();
    fixture.failure = Some(RequestErrorKind::Unauthorized);
    fixture.stream(StreamEvent::Closed(Closed::AuthRefused { message: "unauthorized".to_owned() }));
    fixture.input(Input::Pause);
    assert_eq!(fixture.session.deadline(), None);
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.execute("o", 40, true);
    fixture.input(Input::Pause);
    let (asked, opened) = (fixture.asked.len(), fixture.opened.len());
    assert_eq!((fixture.session.state().word(), fixture.session.deadline()), ("paused", None));
    fixture.pass(Duration::from_mins(10));
    assert_eq!((fixture.asked.len(), fixture.opened.len(), fixture.session.state().word()), (asked, opened, "paused"));
}

#[test]
fn a_repeated_listening_event_starts_nothing() {
    for mut fixture in [Fixture::live(), polling()] {
        let (asked, word) = (fixture.asked.len(), fixture.session.state().word());
        fixture.stream(StreamEvent::Listening { trade_updates: true });
        assert_eq!((fixture.asked.len(), fixture.session.state().word()), (asked, word));
    }
}

#[test]
fn balances_and_positions_are_requested_more_often_while_something_is_held() {
    let asked = |prepare: fn(&mut Fixture)| {
        let mut fixture = Fixture::live();
        prepare(&mut fixture);
        fixture.pass(Duration::from_mins(2));
        let before = times(&fixture, POSITIONS);
        fixture.pass(Duration::from_mins(2));
        times(&fixture, POSITIONS) - before
    };
    assert!(asked(|_| {}) <= 4, "nothing is held");
    assert!(asked(|fixture| fixture.positions = vec![Position::unread("AAPL".into())]) >= 10);
    assert!(
        asked(|fixture| fixture.fails = Some((POSITIONS, RequestErrorKind::Server))) >= 10,
        "the positions are unknown"
    );
    let unread = |fixture: &mut Fixture| {
        fixture.unread_positions = vec![Unread { row: "row 1".to_owned(), id: None, why: "no symbol".to_owned() }];
    };
    assert!(asked(unread) >= 10, "an unreadable position is held");
}

#[test]
fn an_execution_recovered_by_an_audit_refreshes_the_balances() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.reported(TradeEvent::New, order("o"));
    fixture.pass(Duration::from_mins(2));
    fixture.execute("o", 40, false);
    while fixture.held() < Qty::whole(40) {
        fixture.pass(Duration::from_millis(100));
    }
    let before = times(&fixture, ACCOUNT);
    fixture.pass(Duration::from_secs(1));
    assert_eq!(times(&fixture, ACCOUNT), before + 1);
}

#[test]
fn a_quiet_account_is_audited_every_five_minutes_whatever_has_ended() {
    let mut fixture = Fixture::live();
    fixture.pass(Duration::from_secs(40));
    let before = times(&fixture, RECENT);
    let mut rejected = order("o");
    rejected.status = OrderStatus::Rejected;
    fixture.orders.push(rejected.clone());
    fixture.reported(TradeEvent::Rejected, rejected);
    fixture.pass(Duration::from_mins(4));
    assert_eq!(times(&fixture, RECENT), before);
    fixture.pass(Duration::from_mins(11));
    assert_eq!(times(&fixture, RECENT), before + 3);
}

#[test]
fn lists_that_fail_while_polling_are_requested_less_often() {
    for (fails, bounds) in [(false, 19..=22), (true, 4..=30)] {
        let mut fixture = polling();
        fixture.pass(Duration::from_mins(1));
        fixture.fails = fails.then_some((RECENT, RequestErrorKind::Refused));
        let before = times(&fixture, RECENT);
        fixture.pass(Duration::from_mins(2));
        let asked = times(&fixture, RECENT) - before;
        assert!(bounds.contains(&asked) && (!fails || asked <= 8), "{fails}: {asked}");
    }
}

#[test]
fn three_failures_beyond_the_lists_are_reported_and_end_with_the_next_success() {
    let mut fixture = Fixture::live();
    let mut reported = |failures: usize| {
        fixture.seen.clear();
        for _ in 0..failures {
            fixture.session.note_beyond(Some("no".to_owned()));
        }
        fixture.session.note_beyond(None);
        fixture.seen.extend(std::iter::from_fn(|| fixture.session.poll()));
        let over = fixture.seen.contains(&Output::Over(Fault::Beyond));
        (fixture.logs().contains("in 3 passes"), over, fixture.logs().contains("can be fetched again"))
    };
    assert_eq!(reported(2), (false, false, false));
    assert_eq!(reported(3), (true, true, true));
    assert_eq!(reported(0), (false, false, false));
}

#[test]
fn a_position_difference_stays_reported_until_it_is_over() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.positions = vec![Position { qty: Some(Qty::whole(10)), ..Position::unread("AAPL".into()) }];
    fixture.pass(Duration::from_secs(11));
    fixture.execute("o", 40, true);
    let mut state = fixture.orders[0].clone();
    state.updated_at = state.updated_at.map(|at| at + Duration::from_secs(1));
    let report = Execution {
        id: "e2".into(),
        order_id: state.id.clone(),
        symbol: state.symbol.clone(),
        side: Side::Buy,
        qty: Qty::whole(1),
        px: Some(Price::whole(10)),
        cum_qty: Some(Qty::whole(41)),
        position_qty: Some(Qty::whole(51)),
        at: state.updated_at,
        kind: ExecutionKind::Trade,
        source: Source::Stream,
    };
    fixture.stream(StreamEvent::Update(Box::new(update(TradeEvent::PartialFill, state, vec![report]))));
    fixture.pass(Duration::from_mins(1));
    assert!(fixture.logs().contains("51 held by the last execution"), "{}", fixture.logs());
    assert!(!fixture.seen.contains(&Output::Over(Fault::Holdings)), "it lasts");
}
