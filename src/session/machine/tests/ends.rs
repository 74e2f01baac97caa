//! What a connection that ends takes with it, and what it does not.

use super::late::at;
use super::*;

const ACCOUNT: Wanted = |request| matches!(request, Request::Account);
const ORDERS: Wanted = |request| matches!(request, Request::Orders(_));

/// What is otherwise than usual.
type Prepare = fn(&mut Desk);

fn refuse(desk: &mut Desk) {
    desk.stream(StreamEvent::Closed(Closed::refused(502, "no upgrade".to_owned())));
}

#[test]
fn a_question_under_way_is_answered_beside_attempts_for_a_stream_and_the_polling_that_follows() {
    let mut desk = Desk::new();
    desk.hangs = Some(ORDERS);
    refuse(&mut desk);
    let began = desk.session.audits.pass_began;
    for _ in 0..2 {
        desk.pass(Duration::from_secs(2));
        assert_eq!(desk.session.state().word(), "connecting");
        refuse(&mut desk);
    }
    assert_eq!(desk.session.state().word(), "polling", "{}", desk.logs());
    assert!(desk.session.resync.is_some());
    assert_eq!(desk.session.audits.pass_began, began, "it is still the first pass");
    // One of a stream that was live is over with it.
    let mut desk = Desk::live();
    desk.hangs = Some(ORDERS);
    desk.pass(Duration::from_secs(6));
    let began = desk.session.audits.pass_began;
    desk.hangs = None;
    desk.stream(StreamEvent::Closed(Closed::Elsewhere));
    assert!(desk.session.audits.pass_began > began && desk.session.resync.is_none());
}

#[test]
fn events_are_asked_for_anew_on_every_connection_and_those_of_the_last_are_not_merged() {
    let replay: Wanted = |request| matches!(request, Request::Replay { .. });
    let mut desk = Desk::with_a_fill();
    desk.hangs = Some(replay);
    for count in 1..=2 {
        desk.stream(StreamEvent::Closed(Closed::Silent));
        desk.pass(Duration::from_secs(2));
        desk.listen();
        assert_eq!(desk.asked.iter().filter(|request| replay(request)).count(), count);
    }
}

#[test]
fn events_told_again_are_not_merged_while_it_is_not_known_whose_they_are() {
    let mut desk = Desk::with_a_fill();
    desk.stream(StreamEvent::Closed(Closed::Silent));
    desk.pass(Duration::from_secs(2));
    // The account was reset meanwhile, and does not answer.
    desk.told_again = Ok(vec![update(TradeEvent::New, order("stranger"), Vec::new())]);
    (desk.orders, desk.rows) = (Vec::new(), Vec::new());
    desk.fails = Some((ACCOUNT, RequestErrorKind::Refused));
    desk.listen();
    desk.pass(Duration::from_secs(4));
    assert!(desk.blotter.order(&"stranger".into()).is_none(), "{}", desk.logs());
}

#[test]
fn a_gap_in_what_is_told_again_is_looked_into_at_once() {
    for gap in [true, false] {
        let mut desk = Desk::with_a_fill();
        desk.hangs = Some(|request| matches!(request, Request::Replay { .. }));
        desk.stream(StreamEvent::Closed(Closed::Silent));
        desk.pass(Duration::from_secs(2));
        desk.listen();
        desk.pass(Duration::from_secs(8));
        // It states more executed than any report does; the other is of an order that ended without any.
        let more = Order { cum_qty: Qty::whole(60), updated_at: at(100), ..desk.orders[0].clone() };
        let done = Order { status: OrderStatus::Canceled, ..order("done") };
        desk.told_again = Ok(vec![update(TradeEvent::PendingCancel, if gap { more } else { done }, Vec::new())]);
        desk.thaw();
        let before = desk.asked.len();
        desk.pass(Duration::from_secs(1));
        assert_eq!(desk.asked[before..].iter().any(ORDERS), gap, "{}", desk.logs());
    }
}

#[test]
fn an_event_or_a_state_that_nobody_knows_is_a_reason_to_ask() {
    for (event, status) in
        [(TradeEvent::Other("odd".into()), OrderStatus::New), (TradeEvent::New, OrderStatus::Other("odd".into()))]
    {
        let mut desk = Desk::live();
        desk.orders.push(order("o"));
        desk.told(TradeEvent::New, order("o"));
        desk.pass(Duration::from_secs(40));
        let before = desk.asked.len();
        desk.told(event, Order { status, updated_at: at(60), ..order("o") });
        desk.pass(Duration::from_secs(2));
        assert!(desk.asked[before..].iter().any(ORDERS), "{}", desk.logs());
    }
}

#[test]
fn an_event_stream_that_is_not_offered_is_the_end_of_the_ladder() {
    let mut desk = Desk::new();
    for _ in 0..2 {
        desk.stream(StreamEvent::Closed(Closed::AuthSilent));
    }
    assert_eq!(desk.opened.last().unwrap().1, AuthForm::Sse);
    desk.stream(StreamEvent::Closed(Closed::refused(404, "not here".to_owned())));
    assert_eq!(desk.session.state().word(), "polling");
    assert!(desk.session.state().reason().unwrap().contains("the event stream is not offered"));
}

#[test]
fn the_form_that_works_is_kept_while_polling_and_events_give_way_to_frames() {
    for (form, next) in [(AuthForm::AuthKey, AuthForm::AuthKey), (AuthForm::Sse, AuthForm::Authenticate)] {
        let mut desk = Desk::new();
        desk.session.form = form;
        for _ in 0..3 {
            refuse(&mut desk);
            desk.pass(Duration::from_secs(2));
        }
        assert_eq!(desk.session.state().word(), "polling");
        while !desk.session.trying {
            desk.pass(Duration::from_secs(1));
        }
        refuse(&mut desk);
        assert_eq!(desk.session.form, next);
    }
}

#[test]
fn an_answer_that_was_asked_for_before_everything_was_dropped_says_nothing_of_the_account() {
    let mut desk = Desk::with_a_fill();
    desk.session.belongs_to("acct-1".into(), true);
    desk.input(Input::Resync);
    desk.hangs = Some(ACCOUNT);
    desk.listen();
    let (_, id, _) = desk.hung.pop().unwrap();
    desk.hangs = None;
    desk.input(Input::Resync);
    desk.listen();
    assert!(desk.session.state().is_live() && desk.session.identified);
    desk.account = "acct-9";
    let stale = desk.reply(&Request::Account);
    desk.account = "acct-1";
    desk.input(Input::Reply(id, stale));
    assert!(desk.session.identified && desk.session.foreign.is_none());
}

#[test]
fn positions_that_come_late_are_not_shown_before_it_is_known_whose_they_are() {
    let mut desk = Desk::with_a_fill();
    (desk.orders, desk.rows) = (vec![order("stranger")], vec![]);
    desk.positions.push(Position::unread("AAPL".into()));
    desk.fails = Some((ACCOUNT, RequestErrorKind::Refused));
    desk.hangs = Some(|request| matches!(request, Request::Positions));
    desk.restart("acct-1");
    desk.listen();
    desk.pass(Duration::from_secs(5));
    desk.thaw();
    assert!(!desk.seen.iter().any(|output| matches!(output, Output::Positions(_))), "{:?}", desk.session.state());
}

#[test]
fn a_failure_is_noted_of_the_list_and_not_where_an_order_is_gone_or_what_is_asked_beyond_fails() {
    let noted = |fails: Wanted, kind: RequestErrorKind, part: Part| {
        let mut desk = Desk::live();
        // One that no list shows any more, and one whose execution has no row.
        desk.orders = vec![order("gone"), order("o")];
        desk.execute("o", 40, false);
        desk.rows.clear();
        desk.input(Input::Resync);
        desk.listen();
        desk.orders.remove(0);
        desk.fails = Some((fails, kind));
        desk.session.parts.begin();
        desk.session.start_pass(desk.now);
        desk.input(Input::Timeout);
        let mut noted = desk.session.parts.has_failed(part);
        for _ in 0..5 {
            desk.pass(Duration::from_millis(100));
            noted |= desk.session.parts.has_failed(part);
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
fn an_order_that_is_gone_is_no_failure_while_others_are_waited_for() {
    let mut desk = Desk::live();
    desk.orders = vec![order("gone"), order("slow")];
    desk.pass(Duration::from_secs(61));
    desk.orders.clear();
    desk.hangs = Some(|request| *request == Request::Order("slow".into()));
    for _ in 0..300 {
        if !desk.asked.contains(&Request::Order("slow".into())) {
            desk.pass(Duration::from_secs(1));
        }
    }
    assert!(desk.asked.contains(&Request::Order("gone".into())) && desk.session.resync.is_some());
    assert!(!desk.session.parts.has_failed(Part::Working));
}

#[test]
fn the_mark_moves_on_only_with_every_list_and_an_account_that_answers() {
    let lists: [(Wanted, bool); 5] = [
        (|request| matches!(request, Request::Orders(query) if query.filter == OrderFilter::Open), false),
        (|request| matches!(request, Request::Orders(query) if query.filter == OrderFilter::All), false),
        (|request| matches!(request, Request::Activities(query) if query.order.is_none()), false),
        (ACCOUNT, false),
        (|request| matches!(request, Request::Positions), true),
    ];
    for (place, (fails, moves)) in lists.into_iter().enumerate() {
        let mut desk = Desk::with_a_fill();
        let newer = Order { submitted_at: at(500), ..order("newer") };
        desk.orders.push(newer.clone());
        desk.fails = Some((fails, RequestErrorKind::Refused));
        desk.told(TradeEvent::New, newer);
        desk.pass(Duration::from_mins(3));
        assert_eq!(desk.session.watermark().1 == at(500), moves, "{place}: {}", desk.logs());
        desk.fails = None;
        desk.pass(Duration::from_mins(2));
        assert_eq!(desk.session.watermark().1, at(500));
    }
}

#[test]
fn known_orders_tell_whose_an_answer_is_whatever_list_names_them() {
    let only: [(Wanted, Prepare); 4] = [
        (|request| !matches!(request, Request::Activities(query) if query.order.is_none()), |_| {}),
        (|request| !matches!(request, Request::Orders(_)), |_| {}),
        (
            |request| !matches!(request, Request::Orders(query) if query.filter == OrderFilter::Open),
            |desk| {
                desk.unread = vec![Unread { row: "order bad".to_owned(), why: "no side".to_owned() }];
            },
        ),
        (|request| !matches!(request, Request::Order(_)), |_| {}),
    ];
    for (place, (fails, prepare)) in only.into_iter().enumerate() {
        let mut desk = Desk::with_a_fill();
        prepare(&mut desk);
        desk.fails = Some((fails, RequestErrorKind::Refused));
        desk.restart("acct-1");
        desk.listen();
        desk.pass(Duration::from_mins(1));
        assert!(desk.session.recognised, "{place}: {:?}", desk.session.state());
    }
}

#[test]
fn an_account_that_goes_on_not_answering_is_logged_once() {
    let mut desk = Desk::new();
    desk.fails = Some((ACCOUNT, RequestErrorKind::Server));
    desk.listen();
    desk.pass(Duration::from_mins(2));
    assert_eq!(desk.logs().matches("the account did not answer; fetching everything again").count(), 1);
}

#[test]
fn a_refusal_that_heals_changes_no_form_and_one_that_nobody_answers_is_tried_again_soon() {
    let refused = || StreamEvent::Closed(Closed::AuthRefused { message: "unauthorized".to_owned() });
    let mut desk = Desk::live();
    desk.failure = Some(RequestErrorKind::Unauthorized);
    desk.stream(refused());
    desk.pass(Duration::from_secs(3));
    desk.failure = None;
    desk.pass(Duration::from_secs(14));
    assert_eq!((desk.opened.len(), desk.opened.last().unwrap().1), (2, AuthForm::Authenticate));
    let mut desk = Desk::live();
    desk.failure = Some(RequestErrorKind::Network);
    desk.stream(refused());
    desk.pass(Duration::from_secs(3));
    assert_eq!(desk.opened.len(), 2, "{:?}", desk.session.state());
}

#[test]
fn a_dead_token_is_probed_rarely_also_where_the_probe_fails() {
    let mut desk = Desk::live();
    desk.failure = Some(RequestErrorKind::Unauthorized);
    desk.stream(StreamEvent::Closed(Closed::AuthRefused { message: "unauthorized".to_owned() }));
    desk.pass(Duration::from_mins(2));
    assert_eq!(desk.session.state().word(), "needs relink");
    desk.failure = Some(RequestErrorKind::Server);
    let before = desk.asked.len();
    desk.pass(Duration::from_hours(5));
    assert!((4..=5).contains(&(desk.asked.len() - before)), "{}", desk.asked.len() - before);
    assert_eq!(desk.session.state().word(), "needs relink");
}

#[test]
fn a_positions_list_that_is_forbidden_puts_no_doubt_on_the_token() {
    let mut desk = Desk::live();
    desk.fails = Some((|request| matches!(request, Request::Positions), RequestErrorKind::Forbidden));
    desk.pass(Duration::from_mins(3));
    assert!(!desk.logs().contains("the token works") && desk.session.confirm.is_none(), "{}", desk.logs());
}
