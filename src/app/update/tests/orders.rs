use super::*;
use crate::accounts::OrderKey;
use crate::app::overlays::Overlay;

pub(super) fn cancels(desk: &Desk) -> Vec<&str> {
    let id = |effect: &'_ Effect| match effect {
        Effect::Account(AccountEffect::Request { request: Request::CancelOrder(permit), .. }) => {
            Some(permit.order().clone())
        }
        _ => None,
    };
    let wanted: Vec<_> = desk.seen.iter().filter_map(id).collect();
    desk.orders
        .iter()
        .map(|(_, order)| &order.id)
        .filter(|id| wanted.contains(id))
        .map(crate::domain::OrderId::as_str)
        .collect()
}

#[test]
fn a_cancel_asks_first_and_the_order_says_when_it_is_done() {
    let mut desk = Desk::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    desk.keys("x");
    assert!(matches!(desk.model.top(), Some(Overlay::Question(_))));
    assert!(cancels(&desk).is_empty());
    desk.keys("y");
    assert_eq!(cancels(&desk), ["a"]);
    assert!(desk.toast().contains("accepted the cancel request"), "{}", desk.toast());
    assert_eq!(
        desk.model.accounts.all()[0].blotter.working_count(),
        1,
        "a yes to a cancel is not yet a canceled order"
    );
}

#[test]
fn marked_orders_are_canceled_together_and_done_ones_are_left_out() {
    let mut done = order("c", "AAPL", Side::Buy, 10, 0);
    done.status = OrderStatus::Canceled;
    let orders = [order("a", "AAPL", Side::Buy, 10, 2), order("b", "AAPL", Side::Buy, 10, 1), done];
    let mut desk = Desk::holding(&orders);
    desk.keys("space space space x y");
    assert_eq!(cancels(&desk), ["a", "b"]);
    assert!(desk.model.marks.is_empty());
}

#[test]
fn too_late_is_neither_success_nor_error_and_the_order_is_fetched() {
    let mut desk = Desk::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    desk.cancel = Some(failure(RequestErrorKind::Unprocessable, "order is already in \"filled\" state"));
    desk.orders[0].1.status = OrderStatus::Filled;
    desk.keys("x y");
    assert!(desk.toast().contains("can no longer be canceled"), "{}", desk.toast());
    assert_eq!(desk.model.errors.unread(), 0);
    assert_eq!(desk.model.accounts.all()[0].blotter.order(&"a".into()).unwrap().status, OrderStatus::Filled);
}

#[test]
fn an_unknown_outcome_is_said_and_looked_up() {
    let mut desk = Desk::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    desk.cancel = Some(failure(RequestErrorKind::Timeout, "no answer in 15 s"));
    desk.keys("x y");
    assert!(desk.model.errors.last().unwrap().text.contains("unknown"));
    let fetched =
        |effect: &Effect| matches!(effect, Effect::Account(AccountEffect::Request { request: Request::Order(_), .. }));
    assert!(desk.seen.iter().any(fetched));
}

#[test]
fn read_only_and_a_missing_scope_refuse_with_their_reason() {
    let working = order("a", "AAPL", Side::Buy, 10, 1);
    let attempt = |program: Program, mut record: LinkRecord, scopes: &[&str]| {
        let mut desk = Desk::with(program);
        record.scopes = scopes.iter().map(|scope| Arc::from(*scope)).collect();
        desk.orders = vec![(record.id.clone(), working.clone())];
        desk.begin(&[record]);
        desk.keys("3 x");
        assert!(desk.model.overlays.is_empty());
        desk.toast().to_owned()
    };
    let paper = link("paper", Environment::Paper);
    let read_only = Program { read_only: true, ..Program::default() };
    assert!(attempt(read_only, paper.clone(), &["trading"]).contains("read-only"));
    assert!(attempt(Program::default(), paper, &["data"]).contains("without the trading scope"));
}

#[test]
fn a_live_cancel_needs_its_own_key_and_no_leave_to_trade() {
    for trading_live in [false, true] {
        let mut desk = Desk::with(Program { trading_live, ..Program::default() });
        desk.orders = vec![(real(), order("a", "AAPL", Side::Buy, 10, 1))];
        desk.begin(&[link("real", Environment::Live)]);
        desk.keys("3 x enter y");
        assert!(cancels(&desk).is_empty());
        assert!(desk.toast().contains("press L to confirm"), "{}", desk.toast());
        desk.keys("L");
        assert_eq!(cancels(&desk), ["a"]);
    }
}

#[test]
fn a_confirmed_cancel_survives_a_dropped_queue() {
    let mut desk = Desk::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    desk.keys("x");
    // The answer does not come, and the connection starts anew meanwhile.
    desk.pass(Duration::from_millis(300));
    assert!(update(&mut desk.model, Msg::Key(Chord::char('y')), desk.now).is_empty());
    desk.now = desk.now.plus(Duration::from_millis(100));
    let sent = update(&mut desk.model, Msg::Tick, desk.now);
    assert!(matches!(
        sent.as_slice(),
        [Effect::Account(AccountEffect::Request { request: Request::CancelOrder(_), .. })]
    ));
    let again = update(&mut desk.model, Msg::Key(Chord::char('r')), desk.now);
    let dropped = again.iter().position(|effect| matches!(effect, Effect::Account(AccountEffect::DropRequests { .. })));
    let resent = again.iter().position(|effect| sent.contains(effect));
    assert!(dropped.is_some() && resent > dropped, "{again:?}");
}

#[test]
fn every_working_order_of_the_account_is_canceled_at_once_but_not_too_many() {
    let mut desk = Desk::holding(&[order("a", "AAPL", Side::Buy, 10, 2), order("b", "AAPL", Side::Buy, 10, 1)]);
    desk.keys("X y");
    assert_eq!(cancels(&desk), ["a", "b"]);
    let many: Vec<Order> = (0..101).map(|n| order(&format!("o{n}"), "AAPL", Side::Buy, 10, n)).collect();
    let mut desk = Desk::holding(&many);
    desk.keys("X");
    assert!(desk.model.overlays.is_empty() && desk.toast().contains("too many"), "{}", desk.toast());
}

#[test]
fn a_cancel_that_waits_says_so_and_a_wait_without_one_is_no_news_of_a_cancel() {
    let mut desk = Desk::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
    let wait = || AccountMsg::Queued {
        link: paper(),
        wait: Some((Duration::from_secs(118), "the broker asked to wait".to_owned())),
    };
    desk.msg(wait());
    assert!(!desk.toast().contains("cancel"), "{}", desk.toast());
    let key = OrderKey { link: paper(), order: "a".into() };
    desk.model.accounts.cancel(&key).unwrap();
    while desk.model.accounts.poll().is_some() {}
    desk.msg(wait());
    assert_eq!(desk.toast(), "the cancel is waiting 118 s: the broker asked to wait; r sends now");
}

#[test]
fn nothing_is_canceled_while_another_account_answers() {
    for asked_before in [true, false] {
        let mut desk = Desk::holding(&[order("a", "AAPL", Side::Buy, 10, 1)]);
        if asked_before {
            desk.keys("x");
        }
        desk.behind = Some("of-somebody-else");
        let answers = |desk: &Desk| desk.model.accounts.all()[0].session.another_answers();
        for _ in 0..75 {
            if !answers(&desk) {
                desk.pass(Duration::from_secs(1));
            }
        }
        assert!(answers(&desk));
        desk.keys(if asked_before { "y" } else { "x y" });
        assert_eq!(cancels(&desk), Vec::<&str>::new(), "{asked_before}");
        assert!(desk.toast().contains("a different account answers"), "{}", desk.toast());
    }
}
