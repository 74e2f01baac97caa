//! What the end of a connection drops, and what it does not.

use super::late::at;
use super::*;

const ACCOUNT: Wanted = |request| matches!(request, Request::Account);
const ORDERS: Wanted = |request| matches!(request, Request::Orders(_));

/// Prepares a case.
type Prepare = fn(&mut Fixture);

fn refuse(fixture: &mut Fixture) {
    fixture.stream(StreamEvent::Closed(Closed::refused(502, "no upgrade".to_owned())));
}

#[test]
fn a_request_in_flight_survives_attempts_to_open_a_stream_and_the_start_of_polling() {
    let mut fixture = Fixture::new();
    fixture.hangs = Some(ORDERS);
    refuse(&mut fixture);
    let began = fixture.session.audits.pass_began;
    for _ in 0..2 {
        fixture.pass(Duration::from_secs(2));
        assert_eq!(fixture.session.state().word(), "connecting");
        refuse(&mut fixture);
    }
    assert_eq!(fixture.session.state().word(), "polling", "{}", fixture.logs());
    assert!(fixture.session.resync.is_some());
    assert_eq!(fixture.session.audits.pass_began, began, "it is still the first pass");
    // A request of a live stream's epoch ends with the stream.
    let mut fixture = Fixture::live();
    fixture.hangs = Some(ORDERS);
    fixture.pass(Duration::from_secs(6));
    let began = fixture.session.audits.pass_began;
    fixture.hangs = None;
    fixture.stream(StreamEvent::Closed(Closed::Elsewhere));
    assert!(fixture.session.audits.pass_began > began && fixture.session.resync.is_none());
}

#[test]
fn every_connection_requests_a_replay_of_its_own() {
    let replay: Wanted = |request| matches!(request, Request::Replay { .. });
    let mut fixture = Fixture::with_a_fill();
    fixture.hangs = Some(replay);
    for count in 1..=2 {
        fixture.stream(StreamEvent::Closed(Closed::Silent));
        fixture.pass(Duration::from_secs(2));
        fixture.listen();
        assert_eq!(fixture.asked.iter().filter(|request| replay(request)).count(), count);
    }
}

#[test]
fn replayed_events_are_not_merged_before_the_account_is_identified() {
    let mut fixture = Fixture::with_a_fill();
    fixture.stream(StreamEvent::Closed(Closed::Silent));
    fixture.pass(Duration::from_secs(2));
    // The account was reset meanwhile, and does not answer.
    fixture.replay = Ok(vec![update(TradeEvent::New, order("stranger"), Vec::new())]);
    (fixture.orders, fixture.rows) = (Vec::new(), Vec::new());
    fixture.fails = Some((ACCOUNT, RequestErrorKind::Refused));
    fixture.listen();
    fixture.pass(Duration::from_secs(4));
    assert!(fixture.blotter.order(&"stranger".into()).is_none(), "{}", fixture.logs());
}

#[test]
fn a_gap_in_a_replay_causes_an_audit_at_once() {
    for gap in [true, false] {
        let mut fixture = Fixture::with_a_fill();
        fixture.hangs = Some(|request| matches!(request, Request::Replay { .. }));
        fixture.stream(StreamEvent::Closed(Closed::Silent));
        fixture.pass(Duration::from_secs(2));
        fixture.listen();
        fixture.pass(Duration::from_secs(8));
        // The first states a larger executed quantity than any report; the second belongs to an order
        // that ended without executions.
        let more = Order { cum_qty: Qty::whole(60), updated_at: at(100), ..fixture.orders[0].clone() };
        let done = Order { status: OrderStatus::Canceled, ..order("done") };
        fixture.replay = Ok(vec![update(TradeEvent::PendingCancel, if gap { more } else { done }, Vec::new())]);
        fixture.thaw();
        let before = fixture.asked.len();
        fixture.pass(Duration::from_secs(1));
        assert_eq!(fixture.asked[before..].iter().any(ORDERS), gap, "{}", fixture.logs());
    }
}

#[test]
fn an_unknown_event_or_status_causes_an_audit() {
    for (event, status) in
        [(TradeEvent::Other("odd".into()), OrderStatus::New), (TradeEvent::New, OrderStatus::Other("odd".into()))]
    {
        let mut fixture = Fixture::live();
        fixture.orders.push(order("o"));
        fixture.reported(TradeEvent::New, order("o"));
        fixture.pass(Duration::from_secs(40));
        let before = fixture.asked.len();
        fixture.reported(event, Order { status, updated_at: at(60), ..order("o") });
        fixture.pass(Duration::from_secs(2));
        assert!(fixture.asked[before..].iter().any(ORDERS), "{}", fixture.logs());
    }
}

#[test]
fn an_event_stream_that_is_not_offered_is_the_last_form() {
    let mut fixture = Fixture::new();
    for _ in 0..2 {
        fixture.stream(StreamEvent::Closed(Closed::AuthSilent));
    }
    assert_eq!(fixture.opened.last().unwrap().1, AuthForm::Sse);
    fixture.stream(StreamEvent::Closed(Closed::refused(404, "not here".to_owned())));
    assert_eq!(fixture.session.state().word(), "polling");
    assert!(fixture.session.state().reason().unwrap().contains("the event stream is not offered"));
}

#[test]
fn after_three_failures_it_polls_while_the_other_forms_of_a_silent_stream_are_tried() {
    let mut fixture = Fixture::new();
    for _ in 0..2 {
        refuse(&mut fixture);
        fixture.pass(Duration::from_secs(2));
    }
    assert_eq!(fixture.session.state().word(), "connecting");
    fixture.stream(StreamEvent::Closed(Closed::AuthSilent));
    assert_eq!(fixture.session.state().word(), "polling");
    assert_eq!(fixture.session.state().reason(), Some("the stream did not answer"));
    assert_eq!(fixture.opened.last().unwrap().1, AuthForm::AuthKey, "the next form is tried at once");
    fixture.orders.push(order("o"));
    fixture.execute("o", 40, false);
    fixture.pass(Duration::from_secs(10));
    assert_eq!(fixture.held(), Qty::whole(40));
    fixture.listen();
    fixture.pass(Duration::from_secs(2));
    assert_eq!(fixture.session.state().word(), "live");
}

#[test]
fn polling_keeps_the_form_that_worked_except_for_server_sent_events() {
    for (form, next) in [(AuthForm::AuthKey, AuthForm::AuthKey), (AuthForm::Sse, AuthForm::Authenticate)] {
        let mut fixture = Fixture::new();
        fixture.session.form = form;
        for _ in 0..3 {
            refuse(&mut fixture);
            fixture.pass(Duration::from_secs(2));
        }
        assert_eq!(fixture.session.state().word(), "polling");
        while !fixture.session.trying {
            fixture.pass(Duration::from_secs(1));
        }
        refuse(&mut fixture);
        assert_eq!(fixture.session.form, next);
    }
}

#[test]
fn an_answer_to_a_dropped_request_does_not_identify_the_account() {
    let mut fixture = Fixture::with_a_fill();
    fixture.session.belongs_to("acct-1".into(), true);
    fixture.input(Input::Resync);
    fixture.hangs = Some(ACCOUNT);
    fixture.listen();
    let (_, id, _) = fixture.hung.pop().unwrap();
    fixture.hangs = None;
    fixture.input(Input::Resync);
    fixture.listen();
    assert!(fixture.session.state().is_live() && fixture.session.identified);
    fixture.account = "acct-9";
    let stale = fixture.reply(&Request::Account);
    fixture.account = "acct-1";
    fixture.input(Input::Reply(id, stale));
    assert!(fixture.session.identified && fixture.session.foreign.is_none());
}

#[test]
fn late_positions_are_not_shown_before_the_account_is_identified() {
    let mut fixture = Fixture::with_a_fill();
    (fixture.orders, fixture.rows) = (vec![order("stranger")], vec![]);
    fixture.positions.push(Position::unread("AAPL".into()));
    fixture.fails = Some((ACCOUNT, RequestErrorKind::Refused));
    fixture.hangs = Some(|request| matches!(request, Request::Positions));
    fixture.restart("acct-1");
    fixture.listen();
    fixture.pass(Duration::from_secs(5));
    fixture.thaw();
    assert!(!fixture.seen.iter().any(|output| matches!(output, Output::Positions(_))), "{:?}", fixture.session.state());
}

#[test]
fn a_failed_list_counts_against_its_part_and_a_request_beyond_the_lists_does_not() {
    let noted = |fails: Wanted, kind: RequestErrorKind, part: Part| {
        let mut fixture = Fixture::live();
        // One that no list shows any more, and one whose execution has no row.
        fixture.orders = vec![order("gone"), order("o")];
        fixture.execute("o", 40, false);
        fixture.rows.clear();
        fixture.input(Input::Resync);
        fixture.listen();
        fixture.orders.remove(0);
        fixture.fails = Some((fails, kind));
        fixture.session.parts.begin();
        fixture.session.start_pass(fixture.now);
        fixture.input(Input::Timeout);
        let mut noted = fixture.session.parts.has_failed(part);
        for _ in 0..5 {
            fixture.pass(Duration::from_millis(100));
            noted |= fixture.session.parts.has_failed(part);
        }
        noted
    };
    let list: Wanted = |request| matches!(request, Request::Orders(query) if query.filter == OrderFilter::Open);
    let one: Wanted = |request| matches!(request, Request::Order(_));
    let rows: Wanted = |request| matches!(request, Request::Activities(query) if query.order.is_some());
    assert!(noted(list, RequestErrorKind::Server, Part::Working));
    assert!(noted(one, RequestErrorKind::Server, Part::Working));
    assert!(!noted(rows, RequestErrorKind::Server, Part::Executions));
}

#[test]
fn an_order_that_is_gone_is_no_failure_while_others_are_awaited() {
    let mut fixture = Fixture::live();
    fixture.orders = vec![order("gone"), order("slow")];
    fixture.pass(Duration::from_secs(61));
    fixture.orders.clear();
    fixture.hangs = Some(|request| *request == Request::Order("slow".into()));
    for _ in 0..300 {
        if !fixture.asked.contains(&Request::Order("slow".into())) {
            fixture.pass(Duration::from_secs(1));
        }
    }
    assert!(fixture.asked.contains(&Request::Order("gone".into())) && fixture.session.resync.is_some());
    assert!(!fixture.session.parts.has_failed(Part::Working));
}

#[test]
fn the_watermark_advances_only_with_every_list_and_an_account_that_answers() {
    let lists: [(Wanted, bool); 5] = [
        (|request| matches!(request, Request::Orders(query) if query.filter == OrderFilter::Open), false),
        (|request| matches!(request, Request::Orders(query) if query.filter == OrderFilter::All), false),
        (|request| matches!(request, Request::Activities(query) if query.order.is_none()), false),
        (ACCOUNT, false),
        (|request| matches!(request, Request::Positions), true),
    ];
    for (place, (fails, moves)) in lists.into_iter().enumerate() {
        let mut fixture = Fixture::with_a_fill();
        let newer = Order { submitted_at: at(500), ..order("newer") };
        fixture.orders.push(newer.clone());
        fixture.fails = Some((fails, RequestErrorKind::Refused));
        fixture.reported(TradeEvent::New, newer);
        fixture.pass(Duration::from_mins(3));
        assert_eq!(fixture.session.watermark().1 == at(500), moves, "{place}: {}", fixture.logs());
        fixture.fails = None;
        fixture.pass(Duration::from_mins(2));
        assert_eq!(fixture.session.watermark().1, at(500));
    }
}

#[test]
fn known_orders_identify_the_account_whichever_list_names_them() {
    let only: [(Wanted, Prepare); 4] = [
        (|request| !matches!(request, Request::Activities(query) if query.order.is_none()), |_| {}),
        (|request| !matches!(request, Request::Orders(_)), |_| {}),
        (
            |request| !matches!(request, Request::Orders(query) if query.filter == OrderFilter::Open),
            |fixture| {
                fixture.unread = vec![Unread { row: "order bad".to_owned(), id: None, why: "no side".to_owned() }];
            },
        ),
        (|request| !matches!(request, Request::Order(_)), |_| {}),
    ];
    for (place, (fails, prepare)) in only.into_iter().enumerate() {
        let mut fixture = Fixture::with_a_fill();
        prepare(&mut fixture);
        fixture.fails = Some((fails, RequestErrorKind::Refused));
        fixture.restart("acct-1");
        fixture.listen();
        fixture.pass(Duration::from_mins(1));
        assert!(fixture.session.recognised, "{place}: {:?}", fixture.session.state());
    }
}

#[test]
fn an_account_that_keeps_not_answering_is_logged_once() {
    let mut fixture = Fixture::new();
    fixture.fails = Some((ACCOUNT, RequestErrorKind::Server));
    fixture.listen();
    fixture.pass(Duration::from_mins(2));
    assert_eq!(fixture.logs().matches("the account did not answer; fetching everything again").count(), 1);
}

#[test]
fn a_refusal_that_ends_changes_no_form_and_an_unconfirmed_one_is_retried_soon() {
    let refused = || StreamEvent::Closed(Closed::AuthRefused { message: "unauthorized".to_owned() });
    let mut fixture = Fixture::live();
    fixture.failure = Some(RequestErrorKind::Unauthorized);
    fixture.stream(refused());
    fixture.pass(Duration::from_secs(3));
    fixture.failure = None;
    fixture.pass(Duration::from_secs(14));
    assert_eq!((fixture.opened.len(), fixture.opened.last().unwrap().1), (2, AuthForm::Authenticate));
    let mut fixture = Fixture::live();
    fixture.failure = Some(RequestErrorKind::Network);
    fixture.stream(refused());
    fixture.pass(Duration::from_secs(3));
    assert_eq!(fixture.opened.len(), 2, "{:?}", fixture.session.state());
}

#[test]
fn a_dead_token_is_probed_rarely_even_if_the_probe_fails() {
    let mut fixture = Fixture::live();
    fixture.failure = Some(RequestErrorKind::Unauthorized);
    fixture.stream(StreamEvent::Closed(Closed::AuthRefused { message: "unauthorized".to_owned() }));
    fixture.pass(Duration::from_mins(2));
    assert_eq!(fixture.session.state().word(), "needs relink");
    fixture.failure = Some(RequestErrorKind::Server);
    let before = fixture.asked.len();
    fixture.pass(Duration::from_hours(5));
    assert!((4..=5).contains(&(fixture.asked.len() - before)), "{}", fixture.asked.len() - before);
    assert_eq!(fixture.session.state().word(), "needs relink");
}

#[test]
fn a_forbidden_position_list_does_not_put_the_token_in_doubt() {
    let mut fixture = Fixture::live();
    fixture.fails = Some((|request| matches!(request, Request::Positions), RequestErrorKind::Forbidden));
    fixture.pass(Duration::from_mins(3));
    assert!(!fixture.logs().contains("the token works") && fixture.session.confirm.is_none(), "{}", fixture.logs());
}
