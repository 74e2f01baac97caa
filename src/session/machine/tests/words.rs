//! What is said of a connection and for how long it stays said.

use super::*;

const ACCOUNT: Wanted = |request| matches!(request, Request::Account);
const POSITIONS: Wanted = |request| matches!(request, Request::Positions);
/// The first page of the recent orders; a pass asks for it once.
const RECENT: Wanted = |request| matches!(request, Request::Orders(query) if query.filter == OrderFilter::All && query.before_order_id.is_none());

fn times(desk: &Desk, wanted: Wanted) -> usize {
    desk.asked.iter().filter(|request| wanted(request)).count()
}

/// Stays in the words of the first refusal.
fn polling() -> Desk {
    let mut desk = Desk::live();
    desk.stream(StreamEvent::Closed(Closed::Elsewhere));
    assert_eq!(desk.session.state().word(), "polling");
    desk
}

fn states(desk: &Desk) -> usize {
    desk.seen.iter().filter(|output| matches!(output, Output::State(_))).count()
}

#[test]
fn a_state_that_lasts_is_one_state_and_keeps_its_beginning() {
    for mut desk in [Desk::live(), polling()] {
        let before = states(&desk);
        desk.pass(Duration::from_mins(2));
        assert_eq!(states(&desk), before, "{:?}", desk.session.state());
    }
    let mut desk = polling();
    let alone = desk.session.state().reason().unwrap().to_owned();
    assert!(!alone.contains(';'), "{alone}");
    desk.fails = Some((POSITIONS, RequestErrorKind::Server));
    desk.pass(Duration::from_secs(15));
    let reason = |part| desk.session.freshness(part, desk.now.mono).reason;
    let failed = Some("the broker answered 500: no");
    assert_eq!((reason(Part::Working), reason(Part::Positions)), (None, failed), "each has its own");
    assert_eq!(desk.session.state().reason().unwrap(), format!("{alone}; positions: the broker answered 500: no"));
}

#[test]
fn what_is_missing_stays_told_until_it_is_there() {
    let mut desk = Desk::live();
    desk.fails = Some((POSITIONS, RequestErrorKind::Server));
    desk.pass(Duration::from_mins(2));
    let count = |desk: &Desk, over: bool| {
        let wanted = |output: &&Output| match output {
            Output::Over(Fault::Picture) => over,
            Output::Fault(Fault::Picture, _) => !over,
            _ => false,
        };
        desk.seen.iter().filter(wanted).count()
    };
    assert_eq!((count(&desk, false), count(&desk, true)), (1, 0));
    desk.fails = None;
    desk.pass(Duration::from_mins(1));
    assert_eq!((count(&desk, false), count(&desk, true)), (1, 1));
}

#[test]
fn a_long_picture_names_the_part_that_fails() {
    let mut desk = Desk::new();
    desk.fails = Some((
        |request| matches!(request, Request::Activities(_)),
        RequestErrorKind::RateLimited { retry_after: Some(Duration::from_secs(30)) },
    ));
    desk.listen();
    desk.pass(Duration::from_secs(4));
    assert_eq!(desk.session.state().word(), "syncing");
    let reason = desk.session.state().reason().unwrap();
    assert!(reason.starts_with("executions: no"), "{reason}");
}

#[test]
fn an_outage_is_told_once_at_its_third_attempt() {
    let mut desk = Desk::live();
    desk.pass(Duration::from_secs(3));
    desk.failure = Some(RequestErrorKind::Network);
    let told =
        |desk: &Desk| desk.seen.iter().filter(|output| matches!(output, Output::Fault(Fault::Connection, _))).count();
    let mut counts = Vec::new();
    for _ in 0..5 {
        let opened = desk.opened.len();
        desk.stream(StreamEvent::Closed(Closed::Lost { message: "reset".to_owned() }));
        counts.push(told(&desk));
        while desk.opened.len() == opened {
            desk.pass(Duration::from_secs(1));
        }
    }
    assert_eq!(counts, [0, 0, 1, 1, 1], "{}", desk.logs());
}

#[test]
fn a_session_says_what_it_follows_and_what_it_knows() {
    let mut desk = Desk::new();
    let says = |desk: &Desk| (desk.session.follows(), desk.session.answers(), desk.session.has_picture());
    assert_eq!(says(&desk), (false, false, false));
    desk.pass(Duration::from_secs(3));
    assert_eq!(says(&desk), (false, true, true), "REST was asked early and answered");
    desk.listen();
    assert_eq!(says(&desk), (true, true, true));
    let fresh = desk.session.freshness(Part::Working, desk.now.mono);
    assert_eq!((fresh.current, fresh.reason), (true, None));
    desk.stream(StreamEvent::Pong { latency: Duration::from_millis(7) });
    assert_eq!(desk.session.latency(), Some(Duration::from_millis(7)));
    desk.pass(Duration::from_secs(10));
    desk.failure = Some(RequestErrorKind::Network);
    desk.stream(StreamEvent::Closed(Closed::Silent));
    assert_eq!(says(&desk), (false, false, true));
    assert_eq!(desk.session.latency(), None);
    let fresh = desk.session.freshness(Part::Working, desk.now.mono);
    assert_eq!((fresh.current, fresh.reason), (false, desk.session.state().reason()));
}

#[test]
fn a_paused_session_asks_and_opens_nothing() {
    // Also while it is looked into whether the token is dead.
    let mut desk = Desk::live();
    desk.failure = Some(RequestErrorKind::Unauthorized);
    desk.stream(StreamEvent::Closed(Closed::AuthRefused { message: "unauthorized".to_owned() }));
    desk.input(Input::Pause);
    assert_eq!(desk.session.deadline(), None);
    let mut desk = Desk::live();
    desk.orders.push(order("o"));
    desk.execute("o", 40, true);
    desk.input(Input::Pause);
    let (asked, opened) = (desk.asked.len(), desk.opened.len());
    assert_eq!((desk.session.state().word(), desk.session.deadline()), ("paused", None));
    desk.pass(Duration::from_mins(10));
    assert_eq!((desk.asked.len(), desk.opened.len(), desk.session.state().word()), (asked, opened, "paused"));
}

#[test]
fn a_stream_that_listens_once_more_starts_nothing() {
    for mut desk in [Desk::live(), polling()] {
        let (asked, word) = (desk.asked.len(), desk.session.state().word());
        desk.stream(StreamEvent::Listening { trade_updates: true });
        assert_eq!((desk.asked.len(), desk.session.state().word()), (asked, word));
    }
}

#[test]
fn balances_and_positions_are_asked_for_by_the_pace_of_what_is_held() {
    let asked = |prepare: fn(&mut Desk)| {
        let mut desk = Desk::live();
        prepare(&mut desk);
        desk.pass(Duration::from_mins(2));
        let before = times(&desk, POSITIONS);
        desk.pass(Duration::from_mins(2));
        times(&desk, POSITIONS) - before
    };
    assert!(asked(|_| {}) <= 4, "nothing is held");
    assert!(asked(|desk| desk.positions = vec![Position::unread("AAPL".into())]) >= 10);
    assert!(asked(|desk| desk.fails = Some((POSITIONS, RequestErrorKind::Server))) >= 10, "nobody knows what is held");
    let unread = |desk: &mut Desk| {
        desk.unread_positions = vec![Unread { row: "row 1".to_owned(), why: "no symbol".to_owned() }];
    };
    assert!(asked(unread) >= 10, "something is held that cannot be read");
}

#[test]
fn what_an_audit_recovers_refreshes_the_balances() {
    let mut desk = Desk::live();
    desk.orders.push(order("o"));
    desk.told(TradeEvent::New, order("o"));
    desk.pass(Duration::from_mins(2));
    desk.execute("o", 40, false);
    while desk.held() < Qty::whole(40) {
        desk.pass(Duration::from_millis(100));
    }
    let before = times(&desk, ACCOUNT);
    desk.pass(Duration::from_secs(1));
    assert_eq!(times(&desk, ACCOUNT), before + 1);
}

#[test]
fn a_quiet_account_is_audited_every_five_minutes_whatever_has_ended() {
    let mut desk = Desk::live();
    desk.pass(Duration::from_secs(40));
    let before = times(&desk, RECENT);
    let mut rejected = order("o");
    rejected.status = OrderStatus::Rejected;
    desk.orders.push(rejected.clone());
    desk.told(TradeEvent::Rejected, rejected);
    desk.pass(Duration::from_mins(4));
    assert_eq!(times(&desk, RECENT), before);
    desk.pass(Duration::from_mins(11));
    assert_eq!(times(&desk, RECENT), before + 3);
}

#[test]
fn lists_that_fail_while_polling_are_asked_for_less_often() {
    for (fails, bounds) in [(false, 19..=22), (true, 4..=30)] {
        let mut desk = polling();
        desk.pass(Duration::from_mins(1));
        desk.fails = fails.then_some((RECENT, RequestErrorKind::Refused));
        let before = times(&desk, RECENT);
        desk.pass(Duration::from_mins(2));
        let asked = times(&desk, RECENT) - before;
        assert!(bounds.contains(&asked) && (!fails || asked <= 8), "{fails}: {asked}");
    }
}

#[test]
fn what_fails_beyond_the_lists_for_three_passes_is_told_and_over_with_the_next() {
    let mut desk = Desk::live();
    let mut told = |failures: usize| {
        desk.seen.clear();
        for _ in 0..failures {
            desk.session.note_beyond(Some("no".to_owned()));
        }
        desk.session.note_beyond(None);
        desk.seen.extend(std::iter::from_fn(|| desk.session.poll()));
        let over = desk.seen.contains(&Output::Over(Fault::Beyond));
        (desk.logs().contains("in 3 passes"), over, desk.logs().contains("can be fetched again"))
    };
    assert_eq!(told(2), (false, false, false));
    assert_eq!(told(3), (true, true, true));
    assert_eq!(told(0), (false, false, false));
}

#[test]
fn a_difference_of_what_is_held_stays_told_until_it_is_over() {
    let mut desk = Desk::live();
    desk.orders.push(order("o"));
    desk.positions = vec![Position { qty: Some(Qty::whole(10)), ..Position::unread("AAPL".into()) }];
    desk.pass(Duration::from_secs(11));
    desk.execute("o", 40, true);
    let mut state = desk.orders[0].clone();
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
    desk.stream(StreamEvent::Update(Box::new(update(TradeEvent::PartialFill, state, vec![report]))));
    desk.pass(Duration::from_mins(1));
    assert!(desk.logs().contains("leaves 51 held"), "{}", desk.logs());
    assert!(!desk.seen.contains(&Output::Over(Fault::Holdings)), "it lasts");
}
