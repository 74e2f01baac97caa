//! Restoring an earlier run, and the order of the tape.

use super::*;

fn restarted(blotter: &Blotter, complete_at: Option<Timestamp>) -> Blotter {
    let mut again = Blotter::default();
    let executions = blotter.executions().cloned().collect();
    again.restore(blotter.orders().cloned().collect(), executions, blotter.tape().to_vec(), complete_at);
    again
}

#[test]
fn an_order_from_before_the_history_gets_no_placeholder_after_a_restart_either() {
    let mut blotter = Blotter::default();
    let listed = [order("old", OrderStatus::Filled, 100, 5), order("o", OrderStatus::Filled, 100, 50)];
    blotter.set_history_before(Some(at(40)));
    blotter.apply_snapshot(&listed, &[row("r1", 100, 100, 50)]);
    assert_eq!(blotter.executions().count(), 1);
    let mut again = restarted(&blotter, Some(at(60)));
    assert!(again.unsettled().next().is_none(), "nothing is requested");
    let changes = again.apply_snapshot(&listed, &[]);
    assert!(changes.is_empty(), "{changes:?}");
}

#[test]
fn an_order_that_ended_after_the_last_complete_snapshot_is_requested_after_a_restart() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "first", 100, 100, 5));
    // It ends partly executed; none of its executions was reported before the program was killed.
    blotter.apply_update(&event(TradeEvent::Canceled, order("o", OrderStatus::Canceled, 40, 50), vec![]));
    blotter.apply_update(&event(TradeEvent::Canceled, order("p", OrderStatus::Canceled, 40, 3), vec![]));
    let [o, p] = ["o", "p"].map(OrderId::from);
    for (complete_at, asked) in [(Some(at(20)), vec![&o]), (None, vec![&o, &p])] {
        let mut again = restarted(&blotter, complete_at);
        let mut unsettled: Vec<_> = again.unsettled().collect();
        unsettled.sort();
        assert_eq!(unsettled, asked, "without a complete snapshot nothing is history");
        again.apply_snapshot(&[order("o", OrderStatus::Canceled, 40, 50)], &[]);
        assert_eq!(again.executions_of(&"o".into()).len(), 1, "awaits the report");
    }
}

#[test]
fn the_tape_lists_the_events_of_one_answer_in_chronological_order() {
    let mut blotter = Blotter::default();
    let working = ["c", "b", "a"].map(|id| order(id, OrderStatus::New, 0, 1));
    blotter.apply_snapshot(&[&working[..], &[order("o", OrderStatus::New, 0, 1)]].concat(), &[]);
    // Order lists are newest first, executions oldest first.
    let ended = [("c", 30), ("b", 20), ("a", 10)].map(|(id, when)| order(id, OrderStatus::Canceled, 0, when));
    let traded = [order("o", OrderStatus::PartiallyFilled, 40, 25)];
    blotter.apply_snapshot(&[&ended[..], &traded].concat(), &[row("r1", 30, 30, 15), row("r2", 10, 40, 25)]);
    let times: Vec<_> = blotter.tape().iter().map(|line| line.at).collect();
    assert_eq!(times, [10, 15, 20, 25, 30].map(|second| Some(at(second))));
}

#[test]
fn an_order_that_ended_at_the_time_of_its_last_state_is_not_requested_after_a_restart() {
    let mut blotter = Blotter::default();
    let ended = Order { canceled_at: Some(at(5)), ..order("o", OrderStatus::Canceled, 0, 5) };
    blotter.apply_snapshot(&[ended], &[]);
    assert!(restarted(&blotter, Some(at(60))).unsettled().next().is_none());
}
