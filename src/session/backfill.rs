//! Requests beyond the lists of a pass, spread over several passes to limit the cost of each: the rows of orders that
//! await a report, and orders older than the recent ones.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::domain::OrderId;
use crate::domain::blotter::Blotter;

/// Orders whose rows one pass requests.
const AT_A_TIME: usize = 10;
/// How often an order is checked when its rows only confirm an assumption. Rows may be late, so checks continue at
/// growing intervals: after 1, 2, 4 and 8 passes, then after every 8.
const CHECKS: u32 = 11;
const DOUBLINGS: u32 = 3;

/// The checks of one order.
#[derive(Debug, Clone, Copy)]
struct Followed {
    checks: u32,
    /// The pass from which on the next one is due.
    due: u32,
}

/// Progress of the backfill in one session.
#[derive(Debug, Default)]
pub(super) struct Backfill {
    pass: u32,
    followed: HashMap<OrderId, Followed>,
    older_than: Option<OrderId>,
}

impl Backfill {
    /// The orders whose rows the next pass requests.
    pub(super) fn orders(&mut self, blotter: &Blotter) -> Vec<OrderId> {
        self.pass = self.pass.wrapping_add(1);
        let mut assumed: Vec<OrderId> = blotter.assumed().cloned().collect();
        assumed.sort_unstable();
        self.followed.retain(|id, _| assumed.binary_search(id).is_ok());
        let pass = self.pass;
        assumed.retain(|id| {
            let known = self.followed.entry(id.clone()).or_insert(Followed { checks: 0, due: pass });
            known.checks < CHECKS && known.due <= pass
        });
        let mut wanted: Vec<OrderId> = blotter.awaiting().cloned().collect();
        wanted.append(&mut assumed);
        // The rows of a leg may carry the id of its parent.
        wanted.extend(blotter.parents_of(&wanted).into_iter().cloned().collect::<Vec<_>>());
        wanted.sort_unstable();
        wanted.dedup();
        let turns = wanted.len().div_ceil(AT_A_TIME).max(1);
        let turn = usize::try_from(pass).unwrap_or(0) % turns;
        let wanted: Vec<OrderId> = wanted.into_iter().skip(turn * AT_A_TIME).take(AT_A_TIME).collect();
        // Orders not yet reached stay due.
        for id in &wanted {
            if let Some(known) = self.followed.get_mut(id) {
                known.due = pass.wrapping_add(1 << known.checks.min(DOUBLINGS));
                known.checks += 1;
            }
        }
        wanted
    }

    /// Where the next page of older orders starts; `None` for the first page.
    pub(super) fn older_than(&self) -> Option<OrderId> {
        self.older_than.clone()
    }

    /// Notes that a page of older orders ended with this one. Past the oldest known order, the walk restarts.
    pub(super) fn went_back_to(&mut self, last: Option<(OrderId, Option<Timestamp>)>, blotter: &Blotter) {
        let oldest = blotter.orders().filter_map(|order| order.submitted_at).min();
        self.older_than =
            last.filter(|(id, at)| *at > oldest && self.older_than.as_ref() != Some(id)).map(|(id, _)| id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Qty;
    use crate::domain::order::{Order, OrderClass, OrderStatus};
    use crate::session::machine::tests::fixture::order;

    fn at(second: i64) -> Option<Timestamp> {
        Timestamp::from_second(1_760_000_000 + second).ok()
    }

    /// An order with an executed quantity and no known row.
    fn awaited(id: &str) -> Order {
        Order { status: OrderStatus::PartiallyFilled, cum_qty: Qty::whole(5), ..order(id) }
    }

    fn knows(orders: &[Order]) -> Blotter {
        let mut blotter = Blotter::default();
        blotter.apply_snapshot(orders, &[]);
        blotter
    }

    #[test]
    fn the_rows_of_orders_that_await_a_report_are_requested_ten_per_pass() {
        let blotter = knows(&(0..25).map(|number| awaited(&format!("o{number:02}"))).collect::<Vec<_>>());
        let mut backfill = Backfill::default();
        let turns: Vec<Vec<OrderId>> = (0..3).map(|_| backfill.orders(&blotter)).collect();
        assert!(turns.iter().all(|turn| turn.len() <= 10));
        let mut all: Vec<OrderId> = turns.concat();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 25);
    }

    #[test]
    fn the_rows_of_a_leg_are_also_requested_under_its_parent() {
        let parent = Order { class: OrderClass::Mleg, symbol: "".into(), legs: vec!["leg".into()], ..order("p") };
        let blotter = knows(&[parent, Order { class: OrderClass::Mleg, ..awaited("leg") }]);
        assert_eq!(Backfill::default().orders(&blotter), [OrderId::from("leg"), OrderId::from("p")]);
    }

    #[test]
    fn assumed_orders_are_checked_at_growing_intervals_and_then_no_more() {
        let known = crate::domain::Execution {
            id: "e1".into(),
            order_id: "a".into(),
            symbol: "AAPL".into(),
            side: crate::domain::order::Side::Buy,
            qty: Qty::whole(5),
            px: None,
            cum_qty: Some(Qty::whole(5)),
            position_qty: None,
            at: at(1),
            kind: crate::domain::execution::ExecutionKind::Trade,
            source: crate::domain::Source::Journal,
        };
        let before = Order { status: OrderStatus::Replaced, replaced_by: Some("b".into()), ..awaited("a") };
        let after = Order { replaces: Some("a".into()), ..awaited("b") };
        let mut blotter = Blotter::default();
        blotter.restore(vec![before, after], vec![known], vec![], None);
        let mut backfill = Backfill::default();
        let asked: Vec<u32> = (1..=80).filter(|_| backfill.orders(&blotter) == [OrderId::from("b")]).collect();
        assert_eq!(asked, [1, 2, 4, 8, 16, 24, 32, 40, 48, 56, 64]);
    }

    #[test]
    fn an_assumed_order_is_checked_however_many_others_await_a_report() {
        let before = Order { replaced_by: Some("b".into()), status: OrderStatus::Replaced, ..awaited("a") };
        let after = Order { replaces: Some("a".into()), ..awaited("b") };
        let mut orders: Vec<Order> = (0..11).map(|number| awaited(&format!("{number:02}"))).collect();
        orders.extend([before, after]);
        let blotter = knows(&orders);
        assert_eq!((blotter.awaiting().count(), blotter.assumed().count()), (12, 1));
        for skipped in 0..2 {
            let mut backfill = Backfill { pass: skipped, ..Backfill::default() };
            let asked: Vec<u32> = (1..=80).filter(|_| backfill.orders(&blotter).contains(&"b".into())).collect();
            assert!(asked.len() > 8 && asked[0] <= 2, "{asked:?}");
        }
    }

    #[test]
    fn the_walk_over_older_orders_restarts_past_the_oldest_known() {
        let known = |id: &str, second: i64| Order { submitted_at: at(second), ..order(id) };
        let blotter = knows(&[known("a", 10), known("b", 20)]);
        let mut backfill = Backfill::default();
        let mut after = |last: Option<(&str, i64)>| {
            backfill.went_back_to(last.map(|(id, second)| (id.into(), at(second))), &blotter);
            backfill.older_than().map(|id| id.to_string())
        };
        assert_eq!(after(Some(("b", 20))).as_deref(), Some("b"));
        assert_eq!(after(Some(("b", 20))), None, "a broker that ignores the cursor sends the same page");
        assert_eq!(after(Some(("b", 20))).as_deref(), Some("b"));
        assert_eq!(after(Some(("a", 10))), None, "nothing older is known");
        assert_eq!(after(Some(("c", 5))), None);
        assert_eq!(after(None), None);
    }
}
