//! Questions that are not answered at all: what else was answered waits for none of them.

use super::*;

const ACCOUNT: Wanted = |request| matches!(request, Request::Account);
const POSITIONS: Wanted = |request| matches!(request, Request::Positions);
const ORDERS: Wanted = |request| matches!(request, Request::Orders(_));

impl Desk {
    fn missing(&self) -> &str {
        self.session.state().reason().unwrap_or_default()
    }
}

#[test]
fn what_an_outage_hid_waits_for_no_balances_and_no_positions() {
    for (hangs, missing) in [(ACCOUNT, "balances: no answer"), (POSITIONS, "positions: no answer")] {
        let mut desk = Desk::with_a_fill();
        desk.hangs = Some(hangs);
        desk.stream(StreamEvent::Closed(Closed::Silent));
        desk.execute("o", 20, false);
        desk.pass(Duration::from_secs(2));
        desk.listen();
        desk.pass(Duration::from_secs(4));
        assert_eq!((desk.held(), desk.missing()), (Qty::whole(60), missing), "{}", desk.logs());
        desk.pass(Duration::from_secs(2));
        desk.thaw();
        assert!(desk.session.state().is_live(), "a late answer counts: {:?}", desk.session.state());
    }
}

#[test]
fn an_audit_waits_for_no_positions_either() {
    let mut desk = Desk::with_a_fill();
    desk.hangs = Some(POSITIONS);
    desk.execute("o", 20, false);
    desk.pass(Duration::from_secs(65));
    assert_eq!(desk.held(), Qty::whole(60), "{}", desk.logs());
}

#[test]
fn a_start_on_a_journal_shows_what_is_answered_beside_an_account_that_hangs() {
    let mut desk = Desk::with_a_fill();
    desk.positions.push(Position::unread("AAPL".into()));
    desk.hangs = Some(ACCOUNT);
    desk.execute("o", 20, false);
    desk.restart("acct-1");
    desk.listen();
    desk.pass(Duration::from_secs(4));
    assert_eq!((desk.held(), desk.missing()), (Qty::whole(60), "balances: no answer"), "{}", desk.logs());
    desk.pass(Duration::from_secs(1));
    assert!(desk.session.freshness(Part::Working, desk.now.mono).current);
    desk.pass(Duration::from_secs(20));
    assert!(desk.session.freshness(Part::Positions, desk.now.mono).current, "{:?}", desk.session.state());
}

#[test]
fn what_was_asked_before_the_account_answered_is_asked_again() {
    let mut desk = Desk::new();
    desk.session.belongs_to("acct-1".into(), true);
    desk.hangs = Some(ACCOUNT);
    desk.orders.push(order("o"));
    desk.listen();
    desk.pass(Duration::from_secs(4));
    assert_eq!(desk.blotter.order_count(), 0, "whose it is is not known");
    desk.execute("o", 40, true);
    desk.thaw();
    assert!(desk.session.state().is_live(), "{:?}", desk.session.state());
    assert_eq!(desk.held(), Qty::whole(40));
}

#[test]
fn an_answer_that_names_another_account_shows_nothing_of_it() {
    let mut desk = Desk::with_a_fill();
    (desk.orders, desk.rows, desk.account) = (vec![order("stranger")], vec![], "acct-9");
    desk.hangs = Some(ACCOUNT);
    desk.restart("acct-1");
    desk.listen();
    desk.pass(Duration::from_secs(10));
    desk.thaw();
    desk.pass(Duration::from_secs(75));
    assert_eq!(desk.session.state().word(), "needs relink", "{:?}", desk.session.state());
    assert!(desk.blotter.order(&"stranger".into()).is_none());
}

#[test]
fn no_more_than_one_question_of_a_kind_hangs() {
    let mut desk = Desk::with_a_fill();
    desk.hangs = Some(|request| ACCOUNT(request) || POSITIONS(request));
    desk.stream(StreamEvent::Closed(Closed::Elsewhere));
    assert_eq!(desk.session.state().word(), "polling");
    for _ in 0..300 {
        desk.pass(Duration::from_secs(1));
        let hung = |which: Wanted| desk.hung.iter().filter(|(.., request)| which(request)).count();
        assert!(hung(ACCOUNT) <= 1 && hung(POSITIONS) <= 1, "{:?}", desk.hung);
    }
    let lists = desk.asked.iter().filter(|request| ORDERS(request)).count();
    assert!(lists > 90, "the lists are asked for all the time: {lists}");
}

#[test]
fn a_list_that_hangs_holds_up_the_others_for_one_request_s_time() {
    let mut desk = Desk::with_a_fill();
    desk.hangs = Some(ORDERS);
    desk.stream(StreamEvent::Closed(Closed::Silent));
    desk.execute("o", 20, false);
    desk.pass(Duration::from_secs(2));
    desk.listen();
    desk.pass(TIMEOUT + Duration::from_secs(2));
    assert_eq!(desk.held(), Qty::whole(60), "{}", desk.logs());
    assert!(desk.missing().starts_with("working orders, recent orders: "), "{:?}", desk.session.state());
}

#[test]
fn a_list_that_fails_holds_up_the_others_for_seconds() {
    for kind in [RequestErrorKind::Server, RequestErrorKind::Decode] {
        let mut desk = Desk::with_a_fill();
        desk.fails = Some((ORDERS, kind.clone()));
        desk.stream(StreamEvent::Closed(Closed::Silent));
        desk.execute("o", 20, false);
        desk.pass(Duration::from_secs(2));
        desk.listen();
        desk.pass(Duration::from_secs(3));
        assert_eq!(desk.held(), Qty::whole(60), "{kind:?}: {}", desk.logs());
        assert!(desk.missing().starts_with("working orders, recent orders: "), "{:?}", desk.session.state());
    }
}

#[test]
fn a_stream_that_names_a_known_order_is_believed_while_all_of_rest_hangs() {
    let mut desk = Desk::with_a_fill();
    desk.hangs = Some(|_| true);
    desk.stream(StreamEvent::Closed(Closed::Silent));
    desk.pass(Duration::from_secs(2));
    desk.listen();
    desk.pass(Duration::from_secs(4));
    desk.orders.push(order("new"));
    desk.execute("new", 30, true);
    assert_eq!(desk.held(), Qty::whole(40), "whose it is is not known");
    assert!(desk.missing().contains("stream updates are held"), "{:?}", desk.session.state());
    desk.execute("o", 20, true);
    assert_eq!(desk.held(), Qty::whole(90), "{}", desk.logs());
    assert_eq!(desk.missing(), "the broker is slow to answer");
}

#[test]
fn a_stream_that_refuses_a_token_which_is_good_for_some_of_rest_leaves_it_to_rest() {
    let mut desk = Desk::with_a_fill();
    desk.fails = Some((ACCOUNT, RequestErrorKind::Unauthorized));
    desk.stream(StreamEvent::Closed(Closed::AuthRefused { message: "unauthorized".to_owned() }));
    desk.execute("o", 20, false);
    desk.pass(Duration::from_secs(20));
    assert_eq!((desk.held(), desk.session.state().word()), (Qty::whole(60), "polling"), "{}", desk.logs());
    desk.pass(Duration::from_mins(4));
    assert_eq!(desk.session.state().word(), "polling", "{:?}", desk.session.state());
    desk.fails = None;
    desk.pass(Duration::from_secs(15));
    desk.listen();
    assert!(desk.session.state().is_live(), "a stream is tried at once: {:?}", desk.session.state());
    // Where nothing is answered any more, the token is dead.
    desk.fails = Some((|_| true, RequestErrorKind::Unauthorized));
    desk.stream(StreamEvent::Closed(Closed::AuthRefused { message: "unauthorized".to_owned() }));
    desk.pass(Duration::from_mins(2));
    assert_eq!(desk.session.state().word(), "needs relink", "{:?}", desk.session.state());
}

/// One endpoint alone is limited, for as long as anybody looks.
fn limited(desk: &mut Desk, which: Wanted) {
    desk.fails = Some((which, RequestErrorKind::RateLimited { retry_after: Some(Duration::from_secs(5)) }));
}

#[test]
fn a_request_limit_of_balances_or_of_positions_alone_holds_up_nothing_else() {
    for which in [ACCOUNT, POSITIONS] {
        // While live, beside a frame that was lost.
        let mut desk = Desk::with_a_fill();
        limited(&mut desk, which);
        desk.execute("o", 20, false);
        desk.pass(Duration::from_secs(90));
        assert_eq!(desk.held(), Qty::whole(60), "{}", desk.logs());
        assert!(!desk.session.state().is_live());
        // While polling.
        desk.stream(StreamEvent::Closed(Closed::Elsewhere));
        assert_eq!(desk.session.state().word(), "polling");
        desk.pass(Duration::from_mins(1));
        desk.execute("o", 10, false);
        desk.pass(Duration::from_secs(30));
        assert_eq!(desk.held(), Qty::whole(70), "{}", desk.logs());
        // After a restart with a journal.
        desk.execute("o", 10, false);
        desk.restart("acct-1");
        desk.listen();
        desk.pass(Duration::from_secs(30));
        assert_eq!(desk.held(), Qty::whole(80), "{}", desk.logs());
    }
}

#[test]
fn a_list_that_is_limited_alone_holds_up_the_others_for_a_few_of_its_waits() {
    let mut desk = Desk::with_a_fill();
    limited(&mut desk, ORDERS);
    desk.execute("o", 20, false);
    desk.pass(Duration::from_secs(100));
    assert_eq!(desk.held(), Qty::whole(60), "{}", desk.logs());
    assert!(!desk.session.freshness(Part::Working, desk.now.mono).current);
}
