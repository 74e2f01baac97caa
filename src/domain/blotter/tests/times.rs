//! Services that round the times in REST: a time may be any moment within its last digit.

use super::*;

/// A moment within a second, in milliseconds.
fn within(second: i64, millis: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(at(second).as_millisecond() + millis).ok()
}

/// An update of the stream, with an exact time.
fn reported(status: OrderStatus, cum: i64, millis: i64) -> TradeUpdate {
    let mut order = order("o", status, cum, 5);
    order.updated_at = within(5, millis);
    event(TradeEvent::from_word(order.status.as_str()), order, vec![])
}

#[test]
fn a_state_of_the_same_second_does_not_count_as_older() {
    let states = [
        (reported(OrderStatus::PendingNew, 0, 300), order("o", OrderStatus::Rejected, 0, 5)),
        (reported(OrderStatus::New, 0, 300), order("o", OrderStatus::PartiallyFilled, 40, 5)),
        (reported(OrderStatus::PartiallyFilled, 40, 300), order("o", OrderStatus::PendingCancel, 40, 5)),
    ];
    for (before, stated) in states {
        let mut blotter = Blotter::default();
        blotter.apply_update(&before);
        blotter.apply_snapshot(std::slice::from_ref(&stated), &[]);
        let shown = blotter.order(&"o".into()).unwrap();
        assert_eq!((&shown.status, shown.cum_qty), (&stated.status, stated.cum_qty));
    }
}

#[test]
fn an_answer_from_the_previous_second_changes_nothing() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&reported(OrderStatus::New, 0, 300));
    assert!(blotter.apply_snapshot(&[order("o", OrderStatus::PendingCancel, 0, 4)], &[]).is_empty());
}

#[test]
fn a_contested_order_is_settled_by_answers_in_whole_seconds() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 40, 40, 1));
    // The bust never arrived; the cancel after it states less executed.
    blotter.apply_update(&reported(OrderStatus::Canceled, 0, 300));
    let canceled = order("o", OrderStatus::Canceled, 0, 5);
    blotter.apply_snapshot(std::slice::from_ref(&canceled), &[]);
    blotter.apply_snapshot(std::slice::from_ref(&canceled), &[]);
    assert_eq!(blotter.order(&"o".into()).unwrap().cum_qty, Qty::ZERO);
    assert_eq!(blotter.executions().count(), 2, "the bust has a row");
    assert!(blotter.unsettled().next().is_none());
}

#[test]
fn a_state_older_than_a_row_of_the_same_second_busts_nothing() {
    let mut report = row("r1", 40, 40, 5);
    if let ActivityKind::Fill { at, .. } = &mut report.kind {
        *at = within(5, 400);
    }
    let mut blotter = Blotter::default();
    for _ in 0..3 {
        blotter.apply_snapshot(&[order("o", OrderStatus::New, 0, 5)], std::slice::from_ref(&report));
    }
    assert_eq!(blotter.executions().count(), 1);
}

#[test]
fn an_order_that_ended_in_the_second_the_history_begins_in_has_executions() {
    let mut blotter = Blotter::default();
    blotter.set_history_before(within(5, 400));
    blotter.apply_snapshot(&[order("o", OrderStatus::Filled, 100, 5), order("p", OrderStatus::Filled, 100, 4)], &[]);
    let of = |id: &str| blotter.executions_of(&id.into()).len();
    assert_eq!((of("o"), of("p")), (1, 0));
}

#[test]
fn a_state_rounded_to_the_millisecond_of_the_last_execution_busts_the_previous_one() {
    let exact = |nanos: i32| Timestamp::new(at(5).as_second(), nanos).unwrap();
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 40, 40, 2));
    // Undone without a report; the next execution counts from zero.
    let mut next = fill("e2", "o", 10, 10, 5);
    (next.order.updated_at, next.executions[0].at) = (Some(exact(481_000_137)), Some(exact(481_000_137)));
    blotter.apply_update(&next);
    let mut listed = next.order.clone();
    listed.updated_at = Some(exact(481_000_000));
    for second in [100, 120] {
        blotter.set_requested_at(Mono::from_millis(second * 1_000));
        blotter.apply_snapshot(std::slice::from_ref(&listed), &[]);
    }
    let busts = blotter.executions().filter(|row| matches!(row.kind, ExecutionKind::Bust { .. })).count();
    assert_eq!((busts, blotter.order(&"o".into()).unwrap().cum_qty), (1, Qty::whole(10)));
}

/// The rows' clock may be behind, so that a row looks older than a state that does not include it yet.
#[test]
fn a_lagging_answer_that_is_repeated_soon_busts_nothing() {
    let stale = order("o", OrderStatus::New, 0, 5);
    let kinds = |seconds: &[u64]| {
        let mut blotter = Blotter::default();
        for second in seconds {
            blotter.set_requested_at(Mono::from_millis(second * 1_000));
            blotter.apply_snapshot(std::slice::from_ref(&stale), &[row("r1", 30, 30, 2)]);
        }
        blotter.executions().map(|row| row.kind.clone()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&[100, 105, 110]), [ExecutionKind::Trade]);
    assert_eq!(kinds(&[100, 105, 112]), [ExecutionKind::Trade, ExecutionKind::Bust { of: None }]);
}

#[test]
fn a_quantity_stated_for_a_minute_is_accepted_even_if_its_time_never_moved() {
    // Undone before watching began, by a broker whose busts do not change `updated_at`.
    let report = row("r1", 40, 40, 50);
    let mut blotter = Blotter::default();
    let mut busts = Vec::new();
    for second in [100, 120, 160] {
        blotter.set_requested_at(Mono::from_millis(second * 1_000));
        blotter.apply_snapshot(&[order("o", OrderStatus::New, 0, 5)], std::slice::from_ref(&report));
        busts.push(blotter.executions().filter(|row| matches!(row.kind, ExecutionKind::Bust { .. })).count());
    }
    assert_eq!(busts, [0, 0, 1]);
}

/// For services whose `updated_at` is always the time of creation.
#[test]
fn an_order_that_ended_after_the_history_begins_has_executions_even_if_its_time_never_moved() {
    let ended = |id: &str| order(id, OrderStatus::Filled, 100, 5);
    let of = |blotter: &Blotter, id: &str| blotter.executions_of(&id.into()).len();
    let mut blotter = Blotter::default();
    // Seen working: in a list, or after its apparent end was taken back.
    blotter.apply_snapshot(&[order("seen", OrderStatus::New, 0, 5), order("back", OrderStatus::Canceled, 0, 5)], &[]);
    blotter.apply_snapshot(&[order("back", OrderStatus::New, 0, 5)], &[]);
    blotter.concede(&"back".into());
    assert_eq!(blotter.working_count(), 2);
    blotter.set_history_before(within(9, 0));
    let filled = Order { filled_at: within(10, 0), ..ended("filled") };
    blotter.apply_snapshot(&[ended("seen"), ended("back"), filled, ended("old")], &[]);
    for (id, rows) in [("seen", 1), ("back", 1), ("filled", 1), ("old", 0)] {
        assert_eq!(of(&blotter, id), rows, "{id}");
    }
}

#[test]
fn an_order_with_a_row_is_not_history_however_early_it_ended() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e2", "o", 60, 100, 5));
    blotter.set_history_before(within(9, 0));
    blotter.apply_snapshot(&[order("o", OrderStatus::Filled, 100, 5)], &[]);
    let awaited: Vec<_> = blotter.awaiting().map(OrderId::as_str).collect();
    assert_eq!(awaited, ["o"], "{:?}", blotter.executions_of(&"o".into()));
}

#[test]
fn a_time_that_never_moves_and_rows_of_another_clock_invent_no_bust() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 6, 6, 10));
    // REST writes the order's creation time into every state, and its rows are 5 s early.
    let mut listed = order("o", OrderStatus::PartiallyFilled, 11, 9);
    listed.avg_px = None;
    for second in [100, 120, 140] {
        blotter.set_requested_at(Mono::from_millis(second * 1_000));
        blotter.apply_snapshot(std::slice::from_ref(&listed), &[row("r1", 6, 6, 5), row("r2", 5, 11, 7)]);
    }
    let undone = |row: &&Execution| matches!(row.kind, ExecutionKind::Bust { .. });
    assert_eq!(blotter.executions().filter(undone).count(), 0);
}

#[test]
fn the_line_of_a_wrongly_inferred_bust_is_withdrawn() {
    let report = row("r1", 40, 40, 5);
    let mut blotter = Blotter::default();
    for second in [100, 120] {
        blotter.set_requested_at(Mono::from_millis(second * 1_000));
        blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 20, 9)], std::slice::from_ref(&report));
    }
    let shown = |blotter: &Blotter| {
        let lines = blotter.tape().iter().filter(|entry| !entry.withdrawn);
        lines.filter(|entry| entry.event == TradeEvent::TradeBust).count()
    };
    assert_eq!(shown(&blotter), 1);
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 40, 11)], &[]);
    assert_eq!(shown(&blotter), 0);
}

#[test]
fn a_terminal_status_that_rest_confirms_is_certain_even_if_no_time_moves() {
    let mut ended = order("a", OrderStatus::Replaced, 3, 5);
    (ended.replaced_at, ended.replaced_by) = (Some(at(20)), Some("b".into()));
    let mut next = order("b", OrderStatus::PartiallyFilled, 4, 5);
    next.replaces = Some("a".into());
    let report = fill("e1", "a", 3, 3, 5).executions.remove(0);
    let mut blotter = Blotter::default();
    // Restored: its end is later than the time of its last state.
    blotter.restore(vec![ended.clone(), next.clone()], vec![report], vec![], Some(at(1)));
    blotter.apply_snapshot(&[ended, next.clone()], &[]);
    blotter.apply_snapshot(&[next], &[]);
    let awaited: Vec<_> = blotter.executions_of(&"b".into()).iter().map(|row| row.qty).collect();
    assert_eq!(awaited, [Qty::whole(1)], "three were executed by its predecessor");
}

#[test]
fn a_state_a_millisecond_before_a_row_counts_as_older() {
    let mut listed = order("o", OrderStatus::New, 0, 5);
    listed.updated_at = within(5, 481);
    let mut report = row("r1", 40, 40, 5);
    if let ActivityKind::Fill { at, .. } = &mut report.kind {
        *at = within(5, 482);
    }
    let mut blotter = Blotter::default();
    for second in [100, 120, 140] {
        blotter.set_requested_at(Mono::from_millis(second * 1_000));
        blotter.apply_snapshot(std::slice::from_ref(&listed), std::slice::from_ref(&report));
    }
    assert_eq!(blotter.executions().count(), 1, "it is accepted only after a minute");
}
