//! Requests that are never answered: no other answer waits for them.

use super::*;

const ACCOUNT: Wanted = |request| matches!(request, Request::Account);
const POSITIONS: Wanted = |request| matches!(request, Request::Positions);
const ORDERS: Wanted = |request| matches!(request, Request::Orders(_));

impl Fixture {
    fn missing(&self) -> &str {
        self.session.state().reason().unwrap_or_default()
    }
}

#[test]
fn executions_of_an_outage_do_not_wait_for_balances_or_positions() {
    for (hangs, missing) in [(ACCOUNT, "balances: no answer"), (POSITIONS, "positions: no answer")] {
        let mut fixture = Fixture::with_a_fill();
        fixture.hangs = Some(hangs);
        fixture.stream(StreamEvent::Closed(Closed::Silent));
        fixture.execute("o", 20, false);
        fixture.pass(Duration::from_secs(2));
        fixture.listen();
        fixture.pass(Duration::from_secs(4));
        assert_eq!((fixture.held(), fixture.missing()), (Qty::whole(60), missing), "{}", fixture.logs());
        fixture.pass(Duration::from_secs(2));
        fixture.thaw();
        assert!(fixture.session.state().is_live(), "a late answer counts: {:?}", fixture.session.state());
    }
}

#[test]
fn an_audit_does_not_wait_for_positions() {
    let mut fixture = Fixture::with_a_fill();
    fixture.hangs = Some(POSITIONS);
    fixture.execute("o", 20, false);
    fixture.pass(Duration::from_secs(65));
    assert_eq!(fixture.held(), Qty::whole(60), "{}", fixture.logs());
}

#[test]
fn a_start_with_a_journal_shows_what_proves_itself_while_the_account_hangs() {
    let mut fixture = Fixture::with_a_fill();
    fixture.positions.push(Position::unread("AAPL".into()));
    fixture.hangs = Some(ACCOUNT);
    fixture.execute("o", 20, false);
    fixture.restart("acct-1");
    fixture.listen();
    fixture.pass(Duration::from_secs(4));
    assert_eq!((fixture.held(), fixture.missing()), (Qty::whole(60), "balances: no answer"), "{}", fixture.logs());
    fixture.pass(Duration::from_secs(20));
    let orders = fixture.session.freshness(Part::Recent, fixture.now.mono);
    assert!(orders.good.is_some() && !orders.current && !orders.whole, "not every answer proves itself: {orders:?}");
    let positions = fixture.session.freshness(Part::Positions, fixture.now.mono);
    assert!(positions.good.is_none(), "only the account confirms positions: {:?}", fixture.session.state());
}

#[test]
fn requests_sent_before_the_account_answered_are_sent_again() {
    let mut fixture = Fixture::new();
    fixture.session.belongs_to("acct-1".into(), true);
    fixture.hangs = Some(ACCOUNT);
    fixture.orders.push(order("o"));
    fixture.listen();
    fixture.pass(Duration::from_secs(4));
    assert_eq!(fixture.blotter.order_count(), 0, "the account is not identified");
    fixture.execute("o", 40, true);
    fixture.thaw();
    assert!(fixture.session.state().is_live(), "{:?}", fixture.session.state());
    assert_eq!(fixture.held(), Qty::whole(40));
}

#[test]
fn nothing_of_another_account_is_shown() {
    let mut fixture = Fixture::with_a_fill();
    (fixture.orders, fixture.rows, fixture.account) = (vec![order("stranger")], vec![], "acct-9");
    fixture.hangs = Some(ACCOUNT);
    fixture.restart("acct-1");
    fixture.listen();
    fixture.pass(Duration::from_secs(10));
    fixture.thaw();
    fixture.pass(Duration::from_secs(75));
    assert_eq!(fixture.session.state().word(), "needs relink", "{:?}", fixture.session.state());
    assert!(fixture.blotter.order(&"stranger".into()).is_none());
}

#[test]
fn at_most_one_request_of_a_kind_hangs() {
    let mut fixture = Fixture::with_a_fill();
    fixture.hangs = Some(|request| ACCOUNT(request) || POSITIONS(request));
    fixture.stream(StreamEvent::Closed(Closed::Elsewhere));
    assert_eq!(fixture.session.state().word(), "polling");
    for _ in 0..300 {
        fixture.pass(Duration::from_secs(1));
        let hung = |which: Wanted| fixture.hung.iter().filter(|(.., request)| which(request)).count();
        assert!(hung(ACCOUNT) <= 1 && hung(POSITIONS) <= 1, "{:?}", fixture.hung);
    }
    let lists = fixture.asked.iter().filter(|request| ORDERS(request)).count();
    assert!(lists > 90, "the lists are still requested: {lists}");
}

#[test]
fn a_list_that_hangs_delays_the_others_by_one_request_timeout() {
    let mut fixture = Fixture::with_a_fill();
    fixture.hangs = Some(ORDERS);
    fixture.stream(StreamEvent::Closed(Closed::Silent));
    fixture.execute("o", 20, false);
    fixture.pass(Duration::from_secs(2));
    fixture.listen();
    fixture.pass(TIMEOUT + Duration::from_secs(2));
    assert_eq!(fixture.held(), Qty::whole(60), "{}", fixture.logs());
    assert!(fixture.missing().starts_with("working orders, recent orders: "), "{:?}", fixture.session.state());
}

#[test]
fn a_list_that_fails_delays_the_others_by_seconds() {
    for kind in [RequestErrorKind::Server, RequestErrorKind::Decode] {
        let mut fixture = Fixture::with_a_fill();
        fixture.fails = Some((ORDERS, kind.clone()));
        fixture.stream(StreamEvent::Closed(Closed::Silent));
        fixture.execute("o", 20, false);
        fixture.pass(Duration::from_secs(2));
        fixture.listen();
        fixture.pass(Duration::from_secs(3));
        assert_eq!(fixture.held(), Qty::whole(60), "{kind:?}: {}", fixture.logs());
        assert!(fixture.missing().starts_with("working orders, recent orders: "), "{:?}", fixture.session.state());
    }
}

#[test]
fn a_stream_that_names_a_known_order_is_trusted_while_all_of_rest_hangs() {
    let mut fixture = Fixture::with_a_fill();
    fixture.hangs = Some(|_| true);
    fixture.stream(StreamEvent::Closed(Closed::Silent));
    fixture.pass(Duration::from_secs(2));
    fixture.listen();
    fixture.pass(Duration::from_secs(4));
    fixture.orders.push(order("new"));
    fixture.execute("new", 30, true);
    assert_eq!(fixture.held(), Qty::whole(40), "the account is not identified");
    assert!(fixture.missing().contains("stream updates are held"), "{:?}", fixture.session.state());
    fixture.execute("o", 20, true);
    assert_eq!(fixture.held(), Qty::whole(90), "{}", fixture.logs());
    assert_eq!(fixture.missing(), "the broker is slow to answer");
}

#[test]
fn a_refusing_stream_is_replaced_by_polling_while_the_token_works_for_some_of_rest() {
    let mut fixture = Fixture::with_a_fill();
    fixture.fails = Some((ACCOUNT, RequestErrorKind::Unauthorized));
    fixture.stream(StreamEvent::Closed(Closed::AuthRefused { message: "unauthorized".to_owned() }));
    fixture.execute("o", 20, false);
    fixture.pass(Duration::from_secs(20));
    assert_eq!((fixture.held(), fixture.session.state().word()), (Qty::whole(60), "polling"), "{}", fixture.logs());
    fixture.pass(Duration::from_mins(4));
    assert_eq!(fixture.session.state().word(), "polling", "{:?}", fixture.session.state());
    fixture.fails = None;
    fixture.pass(Duration::from_secs(15));
    fixture.listen();
    assert!(fixture.session.state().is_live(), "a stream is tried at once: {:?}", fixture.session.state());
    // Once nothing is answered any more, the token is dead.
    fixture.fails = Some((|_| true, RequestErrorKind::Unauthorized));
    fixture.stream(StreamEvent::Closed(Closed::AuthRefused { message: "unauthorized".to_owned() }));
    fixture.pass(Duration::from_mins(2));
    assert_eq!(fixture.session.state().word(), "needs relink", "{:?}", fixture.session.state());
}

/// Limits one endpoint by itself until further notice.
fn limited(fixture: &mut Fixture, which: Wanted) {
    fixture.fails = Some((which, RequestErrorKind::RateLimited { retry_after: Some(Duration::from_secs(5)) }));
}

#[test]
fn a_rate_limit_of_balances_or_positions_alone_delays_nothing_else() {
    for which in [ACCOUNT, POSITIONS] {
        // While live, with a lost frame.
        let mut fixture = Fixture::with_a_fill();
        limited(&mut fixture, which);
        fixture.execute("o", 20, false);
        fixture.pass(Duration::from_secs(90));
        assert_eq!(fixture.held(), Qty::whole(60), "{}", fixture.logs());
        assert!(!fixture.session.state().is_live());
        // While polling.
        fixture.stream(StreamEvent::Closed(Closed::Elsewhere));
        assert_eq!(fixture.session.state().word(), "polling");
        fixture.pass(Duration::from_mins(1));
        fixture.execute("o", 10, false);
        fixture.pass(Duration::from_secs(30));
        assert_eq!(fixture.held(), Qty::whole(70), "{}", fixture.logs());
        // After a restart with a journal.
        fixture.execute("o", 10, false);
        fixture.restart("acct-1");
        fixture.listen();
        fixture.pass(Duration::from_secs(30));
        assert_eq!(fixture.held(), Qty::whole(80), "{}", fixture.logs());
    }
}

#[test]
fn a_list_that_is_limited_alone_delays_the_others_by_a_few_of_its_waits() {
    let mut fixture = Fixture::with_a_fill();
    limited(&mut fixture, ORDERS);
    fixture.execute("o", 20, false);
    fixture.pass(Duration::from_secs(100));
    assert_eq!(fixture.held(), Qty::whole(60), "{}", fixture.logs());
    assert!(!fixture.session.freshness(Part::Working, fixture.now.mono).current);
}

#[test]
fn figures_that_are_due_while_the_account_is_awaited_are_requested_soon() {
    for second in 60..75 {
        let mut fixture = Fixture::live();
        fixture.pass(Duration::from_secs(second));
        fixture.hangs = Some(|request| *request == Request::Account);
        fixture.stream(StreamEvent::Unknown { text: "{}".to_owned() });
        fixture.pass(Duration::from_secs(4));
        fixture.thaw();
        for _ in 0..90 {
            fixture.pass(Duration::from_secs(1));
            assert!(fixture.session.state().is_live(), "{second}: {:?} {}", fixture.session.state(), fixture.logs());
        }
    }
}
