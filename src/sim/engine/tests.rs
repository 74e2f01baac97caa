//! Behaviour of the engine at its public surface.

use jiff::SignedDuration;

use super::*;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

const PAPER: AccountNo = AccountNo(0);

/// A Tuesday in the regular session, 13:30 in New York; no random partial fills.
fn engine(seed: u64) -> Engine {
    let start = "2026-10-20T17:30:00Z".parse().unwrap();
    Engine::new(EngineOptions { partial_per_mille: 0, ..EngineOptions::new(seed, start) })
}

fn pass(engine: &mut Engine, millis: i64) {
    let to = engine.now() + SignedDuration::from_millis(millis);
    engine.advance_to(to);
}

fn events(engine: &mut Engine) -> Vec<(EventKind, &'static str, Status)> {
    std::iter::from_fn(|| engine.poll_event()).map(|e| (e.event, e.order.symbol, e.order.status)).collect()
}

fn kinds(engine: &mut Engine) -> Vec<EventKind> {
    events(engine).into_iter().map(|(kind, _, _)| kind).collect()
}

#[test]
fn a_market_order_is_accepted_then_filled_at_the_touch() {
    let mut engine = engine(1);
    pass(&mut engine, 1000);
    let order = engine.place(PAPER, &NewOrder::market("AAPL", Side::Buy, dec("10"))).unwrap();
    assert_eq!(order.status, Status::PendingNew);
    pass(&mut engine, 400);
    assert_eq!(kinds(&mut engine), [EventKind::PendingNew, EventKind::New, EventKind::Fill]);
    let order = engine.order(PAPER, order.id).unwrap();
    let ask = engine.market().get(engine.find_asset("AAPL").unwrap()).quote.ask;
    assert_eq!((order.status, order.filled_avg_price), (Status::Filled, Some(ask)));
    assert_eq!(engine.account(PAPER).unwrap().cash, dec("100000") - ask * dec("10"));
    assert_eq!(engine.position(PAPER, "AAPL").unwrap().position.qty, dec("10"));
}

#[test]
fn a_far_limit_rests_until_it_is_canceled_and_can_not_be_canceled_twice() {
    let mut engine = engine(2);
    let order = engine.place(PAPER, &NewOrder::limit("AAPL", Side::Buy, dec("10"), dec("100"))).unwrap();
    pass(&mut engine, 5000);
    assert_eq!(kinds(&mut engine), [EventKind::PendingNew, EventKind::New]);
    let held = engine.balances(PAPER).unwrap();
    assert_eq!(held.buying_power, dec("199000"));
    engine.cancel(PAPER, order.id).unwrap();
    pass(&mut engine, 100);
    assert_eq!(kinds(&mut engine), [EventKind::PendingCancel, EventKind::Canceled]);
    let refusal = engine.cancel(PAPER, order.id).unwrap_err();
    assert_eq!((refusal.status, refusal.message.as_str()), (422, "order is already in \"canceled\" state"));
    assert_eq!(engine.balances(PAPER).unwrap().buying_power, dec("200000"));
}
