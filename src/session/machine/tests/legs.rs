//! Multi-leg orders in lists that do not name their legs.

use super::*;
use crate::domain::OrderClass;

impl Fixture {
    /// A multi-leg order that was filled while there was no stream; its rows carry its own id.
    fn fill_legs(&mut self, id: &str) {
        let (mut parent, mut rows) = (order(id), Vec::new());
        (parent.class, parent.symbol, parent.side) = (OrderClass::Mleg, "".into(), Side::None);
        (parent.qty, parent.cum_qty, parent.status) = (Some(Qty::whole(1)), Qty::whole(1), OrderStatus::Filled);
        for symbol in ["SPY-put", "SPY-call"] {
            let mut leg = order(&format!("{id}-{symbol}"));
            (leg.class, leg.symbol, leg.status) = (OrderClass::Mleg, symbol.into(), OrderStatus::Filled);
            (leg.qty, leg.cum_qty) = (Some(Qty::whole(2)), Qty::whole(2));
            parent.legs.push(leg.id.clone());
            rows.push(Activity {
                id: Arc::from(format!("row-{id}-{symbol}")),
                activity_type: "FILL".into(),
                kind: ActivityKind::Fill {
                    execution_id: None,
                    order_id: id.into(),
                    symbol: symbol.into(),
                    side: Side::Buy,
                    qty: Qty::whole(2),
                    px: Price::whole(1),
                    cum_qty: Some(Qty::whole(2)),
                    partial: false,
                    at: leg.updated_at,
                },
                raw: Raw::default(),
            });
            self.orders.push(leg);
        }
        self.orders.push(parent);
        self.rows.append(&mut rows);
    }

    fn executions_by_order(&self) -> Vec<(String, Qty)> {
        let mut found: Vec<_> =
            self.blotter.executions().map(|row| (row.order_id.as_str().to_owned(), row.qty)).collect();
        found.sort();
        found
    }
}

#[test]
fn a_page_without_legs_is_requested_nested_before_its_rows_are_entered() {
    for hides_legs in [false, true] {
        let mut fixture = Fixture::new();
        fixture.hides_legs = hides_legs;
        fixture.fill_legs("a");
        fixture.fill_legs("b");
        fixture.listen();
        let legs = ["a-SPY-call", "a-SPY-put", "b-SPY-call", "b-SPY-put"];
        assert_eq!(fixture.executions_by_order(), legs.map(|leg| (leg.to_owned(), Qty::whole(2))), "{hides_legs}");
        let by_id = fixture.asked.iter().filter(|request| matches!(request, Request::Order(_))).count();
        assert_eq!(by_id, if hides_legs { 2 } else { 0 }, "a request each only if the lists do not name the legs");
        let asked = fixture.asked.len();
        fixture.pass(Duration::from_secs(6));
        let again = |request: &Request| matches!(request, Request::Order(_));
        assert!(!fixture.asked[asked..].iter().any(again), "known legs are not requested again");
    }
}

#[test]
fn a_stream_that_reports_legs_with_their_parent_left_nothing_out() {
    let mut fixture = Fixture::live();
    fixture.pass(Duration::from_mins(1));
    fixture.fill_legs("a");
    for order in &mut fixture.orders {
        (order.status, order.cum_qty) = (OrderStatus::New, Qty::ZERO);
        order.updated_at = Timestamp::from_second(1_760_000_100).ok();
    }
    fixture.rows.clear();
    while fixture.blotter.order_count() == 0 {
        fixture.pass(Duration::from_millis(100));
    }
    // An audit was faster than the frame.
    let (parent, legs) = (fixture.orders[2].clone(), fixture.orders[..2].to_vec());
    let reported = TradeUpdate { legs, ..update(TradeEvent::New, parent, vec![]) };
    fixture.stream(StreamEvent::Update(Box::new(reported)));
    fixture.pass(Duration::from_secs(10));
    assert!(!fixture.logs().contains("left out"), "{}", fixture.logs());
}
