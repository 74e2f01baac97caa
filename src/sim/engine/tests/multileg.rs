//! Orders of several legs: what is taken, what it holds, and that the legs trade together or not at all.

use super::*;

pub(super) const LOW_CALL: &str = "AAPL270115C00260000";
const MIDDLE_CALL: &str = "AAPL270115C00270000";
const HIGH_CALL: &str = "AAPL270115C00280000";
const LOW_PUT: &str = "AAPL270115P00260000";
const MIDDLE_PUT: &str = "AAPL270115P00270000";

fn leg(symbol: &str, side: Side, ratio: &str) -> NewLeg {
    NewLeg { symbol: symbol.to_owned(), ratio_qty: dec(ratio), side, position_intent: None }
}

fn several(legs: Vec<NewLeg>, qty: &str, limit: Option<&str>) -> NewOrder {
    let order_type = if limit.is_some() { OrderType::Limit } else { OrderType::Market };
    NewOrder {
        side: None,
        order_class: OrderClass::Mleg,
        order_type,
        limit_price: limit.map(dec),
        legs,
        ..NewOrder::market("", Side::Buy, dec(qty))
    }
}

pub(super) fn call_spread(qty: &str, limit: Option<&str>) -> NewOrder {
    several(vec![leg(LOW_CALL, Side::Buy, "1"), leg(HIGH_CALL, Side::Sell, "1")], qty, limit)
}

fn put_credit(qty: &str, limit: Option<&str>) -> NewOrder {
    several(vec![leg(MIDDLE_PUT, Side::Sell, "1"), leg(LOW_PUT, Side::Buy, "1")], qty, limit)
}

fn refused(engine: &mut Engine, order: &NewOrder) -> (u16, String) {
    let refusal = engine.place(PAPER, order).unwrap_err();
    (refusal.status, refusal.message)
}

#[test]
fn a_spread_fills_in_all_its_legs_at_once() {
    let mut engine = engine(51);
    pass(&mut engine, 1_000);
    let order = engine.place(PAPER, &call_spread("2", None)).unwrap();
    assert_eq!((order.symbol, order.asset_class, order.legs.len()), ("", None, 2));
    pass(&mut engine, 1_000);
    let events: Vec<EngineEvent> = std::iter::from_fn(|| engine.poll_event()).collect();
    let kinds: Vec<EventKind> = events.iter().map(|event| event.event).collect();
    assert_eq!(kinds, [EventKind::PendingNew, EventKind::New, EventKind::Fill], "the legs have no events of their own");
    let fill = events.last().unwrap();
    assert!(fill.legs.iter().all(|leg| leg.status == Status::Filled));
    let [bought, sold] = fill.leg_reports.as_slice() else { panic!("{:?}", fill.leg_reports) };
    assert_eq!((bought.qty, bought.position_qty, sold.position_qty), (dec("2"), dec("2"), dec("-2")));
    let net = bought.price - sold.price;
    assert!(net > Decimal::ZERO && net < dec("20"), "{net}");
    assert_eq!(fill.order.filled_avg_price, Some(net));
    let truth = engine.truth(PAPER).unwrap();
    assert_eq!(truth.cash, dec("100000") - net * dec("200"));
    assert_eq!(truth.executions.len(), 2);
    let account = engine.account(PAPER).unwrap();
    assert!(account.open.is_empty() && account.held_margin.is_zero() && engine.multilegs.is_empty());
    // What is left is two positions like any others, and closing them is a matter of two orders.
    for symbol in [HIGH_CALL, LOW_CALL] {
        engine.close_position(PAPER, symbol, Part::All).unwrap();
        pass(&mut engine, 1_000);
    }
    assert!(engine.positions(PAPER).unwrap().is_empty());
}

#[test]
fn a_limit_is_the_net_price_and_ends_with_all_its_legs() {
    let mut engine = engine(52);
    pass(&mut engine, 1_000);
    let order = engine.place(PAPER, &call_spread("1", Some("0.5"))).unwrap();
    pass(&mut engine, 10_000);
    assert_eq!(engine.order(PAPER, order.id).unwrap().status, Status::New);
    assert_eq!(engine.account(PAPER).unwrap().held_margin, dec("50"), "what it costs is all it can lose");
    let legs: Vec<OrderId> = order.legs.clone();
    assert_eq!(engine.cancel(PAPER, legs[0]).unwrap_err().status, 422);
    let listed = engine.orders(PAPER, &OrderFilter::default()).unwrap();
    assert_eq!(listed.iter().map(|order| order.id).collect::<Vec<_>>(), [order.id]);
    assert_eq!(engine.cancel_all(PAPER).unwrap().len(), 1);
    pass(&mut engine, 1_000);
    for id in [&[order.id][..], &legs].concat() {
        let order = engine.order(PAPER, id).unwrap();
        assert!(order.status == Status::Canceled && order.canceled_at.is_some(), "{order:?}");
    }
    let account = engine.account(PAPER).unwrap();
    assert!(account.held_margin.is_zero() && account.open.is_empty());

    // A price that comes its way fills it.
    let order = engine.place(PAPER, &call_spread("1", Some("14"))).unwrap();
    pass(&mut engine, 5_000);
    assert_eq!(engine.order(PAPER, order.id).unwrap().status, Status::Filled);

    // And the bell ends it like any day order.
    let order = engine.place(PAPER, &call_spread("1", Some("0.5"))).unwrap();
    engine.advance_to("2026-10-20T20:30:00Z".parse().unwrap());
    let order = engine.order(PAPER, order.id).unwrap();
    assert_eq!(order.status, Status::Expired);
    assert!(engine.legs(order).iter().all(|leg| leg.status == Status::Expired && leg.expired_at.is_some()));
}

#[test]
fn a_credit_spread_holds_its_largest_loss() {
    let mut engine = engine(53);
    pass(&mut engine, 1_000);
    let order = engine.place(PAPER, &put_credit("3", Some("-9.5"))).unwrap();
    pass(&mut engine, 2_000);
    assert_eq!(engine.order(PAPER, order.id).unwrap().status, Status::New);
    assert_eq!(engine.account(PAPER).unwrap().held_margin, dec("150"), "ten wide, minus the credit, three times");
    engine.cancel(PAPER, order.id).unwrap();
    pass(&mut engine, 1_000);
    let before = engine.truth(PAPER).unwrap().cash;
    let order = engine.place(PAPER, &put_credit("3", Some("-1"))).unwrap();
    pass(&mut engine, 2_000);
    let order = engine.order(PAPER, order.id).unwrap();
    assert_eq!((order.status, order.side), (Status::Filled, Side::Sell));
    let net = order.filled_avg_price.unwrap();
    assert!(net < dec("-1"), "{net}");
    assert_eq!(engine.truth(PAPER).unwrap().cash, before - net * dec("300"));
}

#[test]
fn only_covered_spreads_of_one_share_are_accepted() {
    let mut engine = engine(54);
    pass(&mut engine, 1_000);
    let buy = |symbol: &str| leg(symbol, Side::Buy, "1");
    let sell = |symbol: &str, ratio: &str| leg(symbol, Side::Sell, ratio);
    let wrong = [
        (several(vec![buy(LOW_CALL)], "1", None), 422, "between 2 and 4 legs"),
        (several(vec![buy(LOW_CALL), buy("ZZZZ")], "1", None), 422, "asset \"ZZZZ\" not found"),
        (several(vec![buy(LOW_CALL), buy("AAPL")], "1", None), 422, "option contracts as legs"),
        (several(vec![buy(LOW_CALL), buy(LOW_CALL)], "1", None), 422, "contract in two legs"),
        (several(vec![buy(LOW_CALL), buy("SPY270115C00670000")], "1", None), 422, "same underlying"),
        (several(vec![leg(LOW_CALL, Side::Buy, "2"), sell(HIGH_CALL, "2")], "1", None), 422, "relatively prime"),
        (several(vec![buy(LOW_CALL), sell(HIGH_CALL, "2")], "1", None), 403, "uncovered"),
        (call_spread("1.5", None), 422, "qty must be integer"),
        (call_spread("1", Some("1.005")), 422, "sub-penny"),
        (call_spread("200000", Some("5")), 403, "insufficient buying power"),
        (NewOrder { time_in_force: TimeInForce::Ioc, ..call_spread("1", None) }, 422, "time_in_force"),
        (NewOrder { order_type: OrderType::Stop, ..call_spread("1", None) }, 422, "market or limit"),
    ];
    for (order, status, words) in wrong {
        let refusal = refused(&mut engine, &order);
        assert!(refusal.0 == status && refusal.1.contains(words), "{words}: {refusal:?}");
    }
    let mut said = call_spread("1", None);
    said.legs[0].position_intent = Some(PositionIntent::BuyToClose);
    assert!(refused(&mut engine, &said).1.contains("position intent mismatch"));
    let level = Configurations { max_options_trading_level: 2, ..Configurations::default() };
    engine.set_configurations(PAPER, level).unwrap();
    assert_eq!(refused(&mut engine, &call_spread("1", None)).0, 403);
    assert!(engine.truth(PAPER).unwrap().orders.is_empty(), "a refusal leaves nothing");
}

#[test]
fn a_leg_that_closes_holds_the_contracts_it_closes() {
    let mut engine = engine(55);
    pass(&mut engine, 1_000);
    engine.place(PAPER, &NewOrder::market(MIDDLE_CALL, Side::Buy, dec("2"))).unwrap();
    pass(&mut engine, 2_000);
    let roll = several(vec![leg(MIDDLE_CALL, Side::Sell, "1"), leg(HIGH_CALL, Side::Buy, "1")], "2", Some("-20"));
    let order = engine.place(PAPER, &roll).unwrap();
    pass(&mut engine, 1_000);
    let view = engine.position(PAPER, MIDDLE_CALL).unwrap();
    assert_eq!(view.qty_available, Decimal::ZERO);
    assert_eq!(engine.close_position(PAPER, MIDDLE_CALL, Part::All).unwrap_err().status, 403);
    assert_eq!(engine.place(PAPER, &roll).unwrap_err().status, 403, "they are promised once");
    engine.force_fill(PAPER, order.id, None, None).unwrap();
    let held: Vec<_> = engine.positions(PAPER).unwrap().iter().map(|view| view.position.qty).collect();
    assert_eq!(held, [dec("2")], "the one was sold and the other bought");
    assert!(engine.account(PAPER).unwrap().held_qty.values().all(Decimal::is_zero));
}
