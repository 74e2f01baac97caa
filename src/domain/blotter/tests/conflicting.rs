//! REST answers that contradict an order and are not accepted at once.

use super::*;

/// A blotter that shows `o`, and what REST last stated differently.
fn conflicting(shown: &TradeUpdate, stated: &[Order]) -> (Blotter, Conflict) {
    let mut blotter = Blotter::default();
    blotter.apply_update(shown);
    blotter.apply_snapshot(stated, &[]);
    let conflict = blotter.conflicts().next().unwrap().1;
    (blotter, conflict)
}

fn stated(status: OrderStatus, cum: i64) -> Order {
    order("o", status, cum, 2)
}

#[test]
fn a_conflict_continues_if_it_is_the_same_or_if_only_terms_change() {
    let shown = fill("e1", "o", 40, 40, 5);
    let of = |order: Order| conflicting(&shown, &[order]).1;
    let limit = |px: i64| Order { limit_px: Some(Price::whole(px)), ..stated(OrderStatus::PartiallyFilled, 40) };
    let (new, held) = (of(stated(OrderStatus::New, 0)), of(stated(OrderStatus::PartiallyFilled, 20)));
    let (eight, nine) = (of(limit(8)), of(limit(9)));
    assert!(new.continues(&new.clone()) && eight.continues(&nine));
    assert!(!new.continues(&held) && !held.continues(&new));
    assert!(!new.continues(&eight) && !eight.continues(&new));
}

#[test]
fn accepting_less_executed_busts_a_row_at_once_and_accepting_a_status_busts_none() {
    let busts = |blotter: &Blotter| {
        blotter.executions().filter(|row| matches!(row.kind, ExecutionKind::Bust { .. })).map(|row| row.qty).collect()
    };
    let (mut blotter, _) = conflicting(&fill("e1", "o", 40, 40, 5), &[stated(OrderStatus::New, 0)]);
    assert!(!blotter.concede(&"o".into()).is_empty());
    let undone: Vec<Qty> = busts(&blotter);
    assert_eq!((undone, blotter.order(&"o".into()).unwrap().cum_qty), (vec![Qty::whole(40)], Qty::ZERO));
    // A row that is ahead of both: REST may not know it yet.
    let (mut blotter, _) = conflicting(
        &event(TradeEvent::PendingCancel, order("o", OrderStatus::PendingCancel, 0, 5), vec![]),
        &[stated(OrderStatus::New, 0)],
    );
    blotter.apply_snapshot(&[], &[row("r1", 40, 40, 9)]);
    assert_eq!(blotter.concede(&"o".into()).orders.len(), 1);
    let undone: Vec<Qty> = busts(&blotter);
    assert_eq!((undone, &blotter.order(&"o".into()).unwrap().status), (vec![], &OrderStatus::New));
}

#[test]
fn of_two_conflicts_in_one_answer_the_one_with_the_higher_rank_counts() {
    let shown = fill("e1", "o", 40, 40, 5);
    let [less, more] = [10, 20].map(|cum| stated(OrderStatus::PartiallyFilled, cum));
    for lists in [[less.clone(), more.clone()], [more.clone(), less.clone()]] {
        assert_eq!(conflicting(&shown, &lists).1.stated.cum_qty, Qty::whole(20));
    }
}

#[test]
fn a_state_of_the_same_moment_with_less_executed_takes_nothing_back() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 40, 40, 5));
    // A late frame of that moment leaves nothing to request.
    let late = event(TradeEvent::New, order("o", OrderStatus::New, 0, 5), vec![]);
    assert!(blotter.apply_update(&late).gaps.is_empty());
    assert!(blotter.unsettled().next().is_none());
    // REST that does not know the execution yet is not accepted.
    blotter.apply_snapshot(&[order("o", OrderStatus::New, 0, 5)], &[]);
    assert_eq!(blotter.order(&"o".into()).unwrap().cum_qty, Qty::whole(40));
    assert_eq!((blotter.executions().count(), blotter.conflicts().count()), (1, 1));
}

#[test]
fn an_older_state_with_no_more_executed_and_a_newer_one_with_more_leave_nothing_unsettled() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 40, 40, 5));
    blotter.apply_update(&fill("e2", "o", 20, 60, 6));
    let late = event(TradeEvent::PendingReplace, order("o", OrderStatus::PendingReplace, 60, 4), vec![]);
    blotter.apply_update(&late);
    assert!(blotter.unsettled().next().is_none());
}

#[test]
fn an_order_is_unsettled_after_a_frame_with_less_executed_until_rest_knows_its_time() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 40, 40, 5));
    // The bust never arrived; the frame after it states less executed.
    blotter.apply_update(&event(TradeEvent::PendingCancel, order("o", OrderStatus::PendingCancel, 0, 9), vec![]));
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 40, 5)], &[]);
    assert_eq!(blotter.unsettled().count(), 1, "this answer is older");
    for _ in 0..3 {
        blotter.apply_snapshot(&[order("o", OrderStatus::PendingCancel, 0, 9)], &[]);
    }
    assert_eq!(blotter.order(&"o".into()).unwrap().cum_qty, Qty::ZERO);
    assert!(blotter.unsettled().next().is_none());
}
