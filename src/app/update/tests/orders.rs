use super::*;
use crate::accounts::OrderKey;
use crate::app::overlays::Overlay;

pub(super) fn cancels(fixture: &Fixture) -> Vec<&str> {
    let id = |effect: &'_ Effect| match effect {
        Effect::Account(AccountEffect::Request { request: Request::CancelOrder(permit), .. }) => {
            Some(permit.order().clone())
        }
        _ => None,
    };
    let wanted: Vec<_> = fixture.seen.iter().filter_map(id).collect();
    fixture
        .orders
        .iter()
        .map(|(_, order)| &order.id)
        .filter(|id| wanted.contains(id))
        .map(crate::domain::OrderId::as_str)
        .collect()
}

#[test]
fn a_cancel_asks_first_and_is_done_when_the_order_says_so() {
    let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    fixture.keys("x");
    assert!(matches!(fixture.model.top(), Some(Overlay::Question(_))));
    assert!(cancels(&fixture).is_empty());
    fixture.keys("y");
    assert_eq!(cancels(&fixture), ["a"]);
    assert!(fixture.toast().contains("accepted the cancel request"), "{}", fixture.toast());
    assert_eq!(
        fixture.model.accounts.all()[0].blotter.working_count(),
        1,
        "a yes to a cancel is not yet a canceled order"
    );
}

#[test]
fn marked_orders_are_canceled_together_and_done_ones_are_left_out() {
    let mut done = order("c", "AAPL", Side::Buy, 10, 0);
    done.status = OrderStatus::Canceled;
    let orders = [order("a", "AAPL", Side::Buy, 10, 2), order("b", "AAPL", Side::Buy, 10, 1), done];
    let mut fixture = Fixture::holding(&orders);
    fixture.keys("space space space x y");
    assert_eq!(cancels(&fixture), ["a", "b"]);
    assert!(fixture.model.marks.is_empty());
}

#[test]
fn too_late_is_neither_success_nor_error_and_the_order_is_fetched() {
    let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    fixture.cancel = Some(failure(RequestErrorKind::Unprocessable, "order is already in \"filled\" state"));
    fixture.orders[0].1.status = OrderStatus::Filled;
    fixture.keys("x y");
    assert!(fixture.toast().contains("can no longer be canceled"), "{}", fixture.toast());
    assert_eq!(fixture.model.errors.unread(), 0);
    assert_eq!(fixture.model.accounts.all()[0].blotter.order(&"a".into()).unwrap().status, OrderStatus::Filled);
}

#[test]
fn an_unknown_outcome_is_reported_and_looked_up() {
    let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    fixture.cancel = Some(failure(RequestErrorKind::Timeout, "no answer in 15 s"));
    fixture.keys("x y");
    assert!(fixture.model.errors.last().unwrap().text.contains("unknown"));
    let fetched =
        |effect: &Effect| matches!(effect, Effect::Account(AccountEffect::Request { request: Request::Order(_), .. }));
    assert!(fixture.seen.iter().any(fetched));
}

#[test]
fn read_only_and_a_missing_scope_refuse_with_their_reason() {
    let working = order("a", "AAPL", Side::Buy, 10, 1);
    let attempt = |program: Program, mut record: LinkRecord, scopes: &[&str]| {
        let mut fixture = Fixture::with(program);
        record.scopes = scopes.iter().map(|scope| Arc::from(*scope)).collect();
        fixture.orders = vec![(record.id.clone(), working.clone())];
        fixture.begin(&[record]);
        fixture.keys("3 x");
        assert!(fixture.model.overlays.is_empty());
        fixture.toast().to_owned()
    };
    let paper = link("paper", Environment::Paper);
    let read_only = Program { read_only: true, ..Program::default() };
    assert!(attempt(read_only, paper.clone(), &["trading"]).contains("read-only"));
    assert!(attempt(Program::default(), paper, &["data"]).contains("without the trading scope"));
}

#[test]
fn a_live_cancel_needs_its_own_key_and_no_leave_to_trade() {
    for trading_live in [false, true] {
        let mut fixture = Fixture::with(Program { trading_live, ..Program::default() });
        fixture.orders = vec![(real(), order("a", "AAPL", Side::Buy, 10, 1))];
        fixture.begin(&[link("real", Environment::Live)]);
        fixture.keys("3 x enter y");
        assert!(cancels(&fixture).is_empty());
        assert!(fixture.toast().contains("press L to confirm"), "{}", fixture.toast());
        fixture.keys("L");
        assert_eq!(cancels(&fixture), ["a"]);
    }
}

#[test]
fn a_confirmed_cancel_survives_a_dropped_queue() {
    let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    fixture.keys("x");
    // No reply arrives, and the connection restarts meanwhile.
    fixture.pass(Duration::from_millis(300));
    assert!(update(&mut fixture.model, Msg::Key(Chord::char('y')), fixture.now).is_empty());
    fixture.now = fixture.now.plus(Duration::from_millis(100));
    let sent = update(&mut fixture.model, Msg::Tick, fixture.now);
    assert!(matches!(
        sent.as_slice(),
        [Effect::Account(AccountEffect::Request { request: Request::CancelOrder(_), .. })]
    ));
    let again = update(&mut fixture.model, Msg::Key(Chord::char('r')), fixture.now);
    let dropped = again.iter().position(|effect| matches!(effect, Effect::Account(AccountEffect::DropRequests { .. })));
    let resent = again.iter().position(|effect| sent.contains(effect));
    assert!(dropped.is_some() && resent > dropped, "{again:?}");
}

#[test]
fn every_working_order_of_the_account_is_canceled_at_once_but_not_too_many() {
    let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 10, 2), order("b", "AAPL", Side::Buy, 10, 1)]);
    fixture.keys("X enter");
    assert!(fixture.model.overlays.is_empty() && cancels(&fixture).is_empty(), "Enter means no where much is at stake");
    fixture.keys("X y");
    assert_eq!(cancels(&fixture), ["a", "b"]);
    let many: Vec<Order> = (0..101).map(|n| order(&format!("o{n}"), "AAPL", Side::Buy, 10, n)).collect();
    let mut fixture = Fixture::holding(&many);
    fixture.keys("X");
    assert!(fixture.model.overlays.is_empty() && fixture.toast().contains("too many"), "{}", fixture.toast());
}

#[test]
fn a_waiting_cancel_is_reported_and_other_waits_are_not() {
    let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    let wait = || AccountMsg::Queued {
        link: paper(),
        wait: Some((Duration::from_secs(118), "the broker asked to wait".to_owned())),
    };
    fixture.msg(wait());
    assert!(!fixture.toast().contains("cancel"), "{}", fixture.toast());
    let key = OrderKey { link: paper(), order: "a".into() };
    fixture.model.accounts.cancel(&key).unwrap();
    while fixture.model.accounts.poll().is_some() {}
    fixture.msg(wait());
    assert_eq!(fixture.toast(), "the cancel is waiting 118 s: the broker asked to wait; r sends now");
}

#[test]
fn nothing_is_canceled_while_another_account_answers() {
    for asked_before in [true, false] {
        let mut fixture = Fixture::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
        if asked_before {
            fixture.keys("x");
        }
        fixture.behind = Some("of-somebody-else");
        let answers = |fixture: &Fixture| fixture.model.accounts.all()[0].session.another_answers();
        for _ in 0..75 {
            if !answers(&fixture) {
                fixture.pass(Duration::from_secs(1));
            }
        }
        assert!(answers(&fixture));
        fixture.keys(if asked_before { "y" } else { "x y" });
        assert_eq!(cancels(&fixture), Vec::<&str>::new(), "{asked_before}");
        assert!(fixture.toast().contains("reaches a different account"), "{}", fixture.toast());
    }
}
