//! Both readings of each rule that the service's sources contradict each other about.

use super::multileg::{LOW_CALL, call_spread};
use super::*;

fn reading(engine: &mut Engine, name: &str, word: &str) {
    let mut readings = *engine.readings();
    readings.set(name, word).unwrap();
    engine.set_readings(readings);
}

/// An order for a hundred at $100 that has executed 41, and is worth replacing.
fn partly_filled(engine: &mut Engine) -> OrderId {
    let order = engine.place(PAPER, &NewOrder::limit("AAPL", Side::Buy, dec("100"), dec("100"))).unwrap();
    pass(engine, 100);
    engine.force_fill(PAPER, order.id, Some(dec("41")), Some(dec("100"))).unwrap();
    order.id
}

fn figures(order: &Order) -> (Option<Decimal>, Decimal, Decimal) {
    (order.qty, order.filled_qty, order.leaves_qty())
}

#[test]
fn a_replacement_starts_at_zero_or_carries_its_chains_executed_quantity() {
    for (word, first, second) in [("anew", ("59", "0"), ("40", "0")), ("carries", ("100", "41"), ("100", "60"))] {
        let mut engine = engine(71);
        reading(&mut engine, "replace", word);
        let old = partly_filled(&mut engine);
        let dearer = |price: &str| Changes { limit_price: Some(dec(price)), ..Changes::default() };
        let new = engine.replace(PAPER, old, &dearer("101")).unwrap();
        assert_eq!((new.qty, new.filled_qty), (Some(dec(first.0)), dec(first.1)), "{word}");
        pass(&mut engine, 100);
        assert_eq!(engine.order(PAPER, old).unwrap().status, Status::Replaced);
        engine.force_fill(PAPER, new.id, Some(dec("19")), Some(dec("101"))).unwrap();
        // A chain of three: what the first executed counts once.
        let third = engine.replace(PAPER, new.id, &dearer("102")).unwrap();
        pass(&mut engine, 100);
        assert_eq!((third.qty, third.filled_qty), (Some(dec(second.0)), dec(second.1)), "{word}");
        engine.force_fill(PAPER, third.id, None, Some(dec("102"))).unwrap();
        let third = engine.order(PAPER, third.id).unwrap();
        assert_eq!((third.status, third.leaves_qty()), (Status::Filled, Decimal::ZERO), "{word}");
        assert_eq!(engine.position(PAPER, "AAPL").unwrap().position.qty, dec("100"), "{word}: a hundred in all");
        let truth = engine.truth(PAPER).unwrap();
        assert_eq!(truth.cash, dec("100000") - dec("4100") - dec("1919") - dec("4080"), "{word}");
        let account = engine.account(PAPER).unwrap();
        assert!(account.held_margin.is_zero() && account.open.is_empty(), "{word}");
        let rows = engine.activities(PAPER, &ActivityFilter { page_size: 100, ..ActivityFilter::default() }).unwrap();
        let fill = |activity: &Activity| match &activity.what {
            ActivityOf::Fill(fill) => Some((fill.cum_qty, fill.leaves_qty)),
            _ => None,
        };
        let newest = rows.iter().find_map(fill).unwrap();
        assert_eq!(newest, (if word == "carries" { dec("100") } else { dec("40") }, Decimal::ZERO), "{word}");
    }
}

#[test]
fn a_carrying_replacement_takes_no_less_than_was_executed_and_follows_a_bust() {
    let mut engine = engine(72);
    reading(&mut engine, "replace", "carries");
    let old = partly_filled(&mut engine);
    let sized = |qty: &str| Changes { qty: Some(dec(qty)), ..Changes::default() };
    let refusal = engine.replace(PAPER, old, &sized("41")).unwrap_err();
    assert_eq!((refusal.status, refusal.code, refusal.message.as_str()), (422, 42_210_000, "qty must be > filled_qty"));
    let new = engine.replace(PAPER, old, &sized("59")).unwrap();
    // What executes while the venue has not answered is the chain's too.
    engine.force_fill(PAPER, old, Some(dec("4")), Some(dec("100"))).unwrap();
    pass(&mut engine, 100);
    assert_eq!(figures(engine.order(PAPER, new.id).unwrap()), (Some(dec("59")), dec("45"), dec("14")));
    let execution = engine.account(PAPER).unwrap().executions()[0].id;
    engine.bust(execution).unwrap();
    assert_eq!(engine.order(PAPER, old).unwrap().filled_qty, dec("4"));
    assert_eq!(figures(engine.order(PAPER, new.id).unwrap()), (Some(dec("59")), dec("4"), dec("55")));
}

#[test]
fn nothing_is_canceled_while_it_is_being_replaced() {
    let mut engine = engine(73);
    let order = engine.place(PAPER, &NewOrder::limit("AAPL", Side::Buy, dec("10"), dec("100"))).unwrap();
    pass(&mut engine, 100);
    let new = engine.replace(PAPER, order.id, &Changes { limit_price: Some(dec("99")), ..Changes::default() }).unwrap();
    let refusal = engine.cancel(PAPER, order.id).unwrap_err();
    assert_eq!((refusal.status, refusal.message.as_str()), (422, "order is already in \"pending_replace\" state"));
    pass(&mut engine, 100);
    assert_eq!(engine.order(PAPER, order.id).unwrap().status, Status::Replaced, "and it is replaced all the same");
    engine.cancel(PAPER, new.id).unwrap();
}

#[test]
fn a_repeated_cancel_is_refused_or_taken() {
    let mut engine = engine(74);
    let order = engine.place(PAPER, &NewOrder::limit("AAPL", Side::Buy, dec("10"), dec("100"))).unwrap();
    pass(&mut engine, 100);
    engine.cancel(PAPER, order.id).unwrap();
    pass(&mut engine, 100);
    assert_eq!(engine.cancel(PAPER, order.id).unwrap_err().status, 422);
    reading(&mut engine, "cancel_again", "204");
    drop(kinds(&mut engine));
    engine.cancel(PAPER, order.id).unwrap();
    pass(&mut engine, 100);
    assert_eq!(kinds(&mut engine), [], "and no event follows");
}

#[test]
fn rows_and_frames_of_legs_are_their_own_or_the_whole_order_s() {
    let mut engine = engine(75);
    for (rows, frames) in [("legs", "parent"), ("parent", "legs")] {
        reading(&mut engine, "mleg_rows", rows);
        reading(&mut engine, "mleg_frames", frames);
        pass(&mut engine, 1_000);
        drop(kinds(&mut engine));
        let order = engine.place(PAPER, &call_spread("1", None)).unwrap();
        pass(&mut engine, 1_000);
        let events: Vec<EngineEvent> = std::iter::from_fn(|| engine.poll_event()).collect();
        let fills: Vec<&EngineEvent> = events.iter().filter(|event| event.event == EventKind::Fill).collect();
        let ids: Vec<OrderId> = fills.iter().map(|event| event.order.id).collect();
        if frames == "legs" {
            assert_eq!(ids, [order.legs[0], order.legs[1], order.id], "the legs, then the whole");
            let own: Vec<_> =
                fills.iter().filter_map(|event| event.report.as_ref()).map(|own| own.execution_id).collect();
            let whole: Vec<_> = fills[2].leg_reports.iter().map(|leg| leg.execution_id).collect();
            assert_eq!(own, whole, "one execution has one id everywhere");
        } else {
            assert_eq!(ids, [order.id]);
        }
        let named = if rows == "parent" { vec![order.id; 2] } else { order.legs.clone() };
        let newest: Vec<OrderId> =
            engine.account(PAPER).unwrap().executions().iter().rev().take(2).rev().map(|row| row.listed_as).collect();
        assert_eq!(newest, named);
        let of_parent = ActivityFilter { order_id: Some(order.id), page_size: 100, ..ActivityFilter::default() };
        let found = engine.activities(PAPER, &of_parent).unwrap().len();
        assert_eq!(found, if rows == "parent" { 2 } else { 0 }, "as the order_id filter finds them");
    }
}

#[test]
fn one_reading_accepts_what_the_other_refuses() {
    let mut engine = engine(76);
    pass(&mut engine, 1_000);
    let gtc = |order: NewOrder| NewOrder { time_in_force: TimeInForce::Gtc, ..order };
    let share = NewOrder::limit("KO", Side::Buy, dec("1"), dec("10"));
    let option = NewOrder::limit(LOW_CALL, Side::Buy, dec("1"), dec("0.05"));
    let stop =
        NewOrder { order_type: OrderType::Stop, limit_price: None, stop_price: Some(dec("90")), ..option.clone() };
    let part = NewOrder { qty: Some(dec("0.5")), ..share.clone() };
    for (name, order) in [
        ("extended_gtc", NewOrder { extended_hours: true, ..gtc(share) }),
        ("crypto_day_limit", NewOrder::limit("BTC/USD", Side::Buy, dec("0.01"), dec("2000"))),
        ("option_gtc", gtc(option)),
        ("option_stops", stop),
        ("mleg_gtc", gtc(call_spread("1", Some("0.05")))),
        ("fraction_types", part),
    ] {
        reading(&mut engine, name, "refused");
        let refusal = engine.place(PAPER, &order).unwrap_err();
        assert_eq!((refusal.status, refusal.code), (422, 42_210_000), "{name}: {refusal}");
        reading(&mut engine, name, "accepted");
        let placed = engine.place(PAPER, &order).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        pass(&mut engine, 100);
        engine.cancel(PAPER, placed.id).unwrap();
        pass(&mut engine, 100);
    }
}

#[test]
fn rows_are_late_and_pages_small_when_configured() {
    let mut engine = engine(77);
    for _ in 0..5 {
        engine.place(PAPER, &NewOrder::market("KO", Side::Buy, dec("1"))).unwrap();
        pass(&mut engine, 1_000);
    }
    let rows = |engine: &Engine| {
        let fills = ActivityFilter { kinds: vec!["FILL".to_owned()], page_size: 100, ..ActivityFilter::default() };
        engine.activities(PAPER, &fills).unwrap().len()
    };
    assert_eq!(rows(&engine), 5);
    reading(&mut engine, "row_delay", "20m");
    assert_eq!(rows(&engine), 0, "not yet");
    pass(&mut engine, 20 * 60_000);
    assert_eq!(rows(&engine), 5);
    reading(&mut engine, "page", "3");
    assert_eq!(rows(&engine), 3);
    let all = OrderFilter { status: StatusFilter::All, limit: 500, ..OrderFilter::default() };
    assert_eq!(engine.orders(PAPER, &all).unwrap().len(), 3);
}
