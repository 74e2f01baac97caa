//! Frames whose order has another time than their execution: the state when the frame is sent, or an earlier one.

use super::*;

/// Three executions of 20 within one moment, in frames whose orders state `cum`.
fn frames(cum: [i64; 3]) -> Vec<TradeUpdate> {
    let frame = |(number, cum): (i64, i64)| {
        let order = order("o", OrderStatus::PartiallyFilled, cum, 10);
        let mut report = execution(&format!("e{number}"), &order, 20, cum, 10, ExecutionKind::Trade);
        report.at = at(10).checked_add(std::time::Duration::from_millis(number.unsigned_abs())).ok();
        event(TradeEvent::PartialFill, order, vec![report])
    };
    (1..).zip(cum).map(frame).collect()
}

/// Their rows, each with the state at its own time.
fn listed() -> Vec<Activity> {
    (1..=3).map(|number| row(&format!("r{number}"), 20, 20 * number, 10)).collect()
}

#[test]
fn frames_that_claim_one_span_are_paired_with_the_rows_of_their_time_in_any_order() {
    let readings = [[20, 40, 60], [60, 60, 60], [40, 40, 60], [20, 60, 60], [0, 20, 40], [0, 0, 40]];
    for cum in readings {
        // Each step is a frame, or an answer with this many of the rows.
        for steps in ["fffA", "Afff", "fAff", "ffAf", "1f2f3f", "f1f2f3", "ff3", "3fff", "f1ff", "2fff3"] {
            let mut blotter = Blotter::default();
            let (mut frames, rows) = (frames(cum).into_iter(), listed());
            let state = order("o", OrderStatus::PartiallyFilled, 60, 11);
            for step in steps.chars().chain("fffAA".chars()) {
                match step.to_digit(10) {
                    Some(count) => {
                        let seen = order("o", OrderStatus::PartiallyFilled, 20 * i64::from(count), 10);
                        drop(blotter.apply_snapshot(&[seen], &rows[..count as usize]));
                    }
                    None if step == 'A' => drop(blotter.apply_snapshot(std::slice::from_ref(&state), &rows)),
                    None => drop(frames.next().map(|frame| blotter.apply_update(&frame))),
                }
            }
            let mut ids: Vec<String> = blotter.executions().map(|row| format!("{} {}", row.id, row.qty)).collect();
            ids.sort();
            assert_eq!(ids, ["e1 20", "e2 20", "e3 20"], "{cum:?} {steps}");
            let spans: std::collections::HashSet<_> = blotter.executions().map(|row| row.cum_qty).collect();
            assert_eq!(spans.len(), 3, "the rows determine each span: {cum:?} {steps}");
            assert!(blotter.unsettled().next().is_none(), "{cum:?} {steps}");
            assert_eq!(blotter.tape().iter().filter(|line| !line.withdrawn).count(), 3, "{cum:?} {steps}");
        }
    }
}

/// After a bust, two executions may rightly have the same span: then no report takes another's row.
#[test]
fn executions_after_a_bust_are_distinguished_by_their_span() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 20, 20, 10));
    blotter.apply_update(&bust("b1", "e1", 20, 0, 11));
    blotter.apply_update(&fill("e2", "o", 20, 20, 11));
    let state = order("o", OrderStatus::PartiallyFilled, 40, 12);
    // A third one, without a frame.
    let changes = blotter.apply_snapshot(&[state], &[row("r2", 20, 20, 11), row("r3", 20, 40, 11)]);
    assert_eq!(changes.executions, ["row/r3".into()]);
}

/// The missing quantity equals that of the known rows: the frames that claim one span distinguish them from new ones.
#[test]
fn rows_of_reported_executions_are_not_taken_for_one_with_a_lost_frame() {
    let mut blotter = Blotter::default();
    for (id, qty) in [("e1", 10), ("e2", 20)] {
        let order = order("o", OrderStatus::PartiallyFilled, 60, 10);
        let report = execution(id, &order, qty, 60, 10, ExecutionKind::Trade);
        blotter.apply_update(&event(TradeEvent::PartialFill, order, vec![report]));
    }
    let state = order("o", OrderStatus::PartiallyFilled, 60, 11);
    let rows = [row("r1", 10, 10, 10), row("r2", 20, 30, 10), row("r3", 30, 60, 10)];
    for _ in 0..2 {
        drop(blotter.apply_snapshot(std::slice::from_ref(&state), &rows));
        let ids: Vec<String> = blotter.executions_of(&"o".into()).iter().map(|row| row.id.to_string()).collect();
        assert_eq!(ids, ["e1", "e2", "row/r3"]);
    }
    assert!(blotter.unsettled().next().is_none());
}

/// The first frame is late: its row is alike, and another one is of the very moment of the frame that came.
#[test]
fn a_row_of_an_earlier_moment_is_not_of_a_frame_whose_own_row_is_entered_next() {
    let mut blotter = Blotter::default();
    for (id, qty) in [("e3", 20), ("e4", 30)] {
        let order = order("o", OrderStatus::PartiallyFilled, 100, 11);
        blotter.apply_update(&event(
            TradeEvent::PartialFill,
            order.clone(),
            vec![execution(id, &order, qty, 100, 11, ExecutionKind::Trade)],
        ));
    }
    let state = order("o", OrderStatus::PartiallyFilled, 100, 12);
    let rows = [row("r1", 20, 20, 10), row("r2", 30, 50, 10), row("r3", 20, 70, 11), row("r4", 30, 100, 11)];
    for _ in 0..2 {
        drop(blotter.apply_snapshot(std::slice::from_ref(&state), &rows));
        assert_eq!(ids(&blotter), ["e3", "e4", "row/r1", "row/r2"]);
    }
    blotter.apply_update(&fill("e1", "o", 20, 20, 10));
    assert_eq!(ids(&blotter), ["e1", "e3", "e4", "row/r2"]);
}

/// A report and a row with this quantity, price and cumulative quantity.
fn priced(id: &str, (qty, price, cum): (i64, &str, i64)) -> (TradeUpdate, Activity) {
    let order = order("o", OrderStatus::PartiallyFilled, cum, 10);
    let mut report = execution(id, &order, qty, cum, 10, ExecutionKind::Trade);
    report.px = price.parse().ok();
    let mut row = row(&format!("r-{id}"), qty, cum, 10);
    if let ActivityKind::Fill { px, .. } = &mut row.kind {
        *px = price.parse().unwrap();
    }
    (event(TradeEvent::PartialFill, order, vec![report]), row)
}

fn ids(blotter: &Blotter) -> Vec<String> {
    let mut ids: Vec<String> = blotter.executions_of(&"o".into()).iter().map(|row| row.id.to_string()).collect();
    ids.sort();
    ids
}

#[test]
fn a_frame_that_claims_the_span_of_another_price_is_paired_with_the_row_of_its_own_price() {
    let mut blotter = Blotter::default();
    for (id, reported) in [("e1", (6, "10.26", 10)), ("e2", (2, "10.01", 10))] {
        blotter.apply_update(&priced(id, reported).0);
    }
    let rows = [(6, "10.26", 6), (2, "10.01", 8), (2, "10.43", 10)].map(|row| priced(&row.2.to_string(), row).1);
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 10, 11)], &rows);
    assert_eq!(ids(&blotter), ["e1", "e2", "row/r-10"]);
}

#[test]
fn a_row_of_exactly_the_missing_quantity_does_not_correct_frames_that_claim_its_span() {
    let mut blotter = Blotter::default();
    for (id, reported) in [("e1", (14, "10.42", 45)), ("e2", (23, "10.11", 45))] {
        blotter.apply_update(&priced(id, reported).0);
    }
    let rows = [priced("e3", (8, "10.32", 45)).1];
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 45, 11)], &rows);
    assert_eq!(ids(&blotter), ["e1", "e2", "row/r-e3"]);
}

#[test]
fn a_replayed_report_takes_no_row_beyond_the_quantity_executed_at_its_time() {
    let mut blotter = Blotter::default();
    let (first, last) = (row("r1", 1, 1, 24), row("r2", 1, 2, 34));
    blotter.apply_snapshot(&[], std::slice::from_ref(&last));
    blotter.apply_replayed(&[fill("e1", "o", 1, 1, 24)]);
    for _ in 0..2 {
        let state = order("o", OrderStatus::PartiallyFilled, 2, 34);
        blotter.apply_snapshot(&[state], &[first.clone(), last.clone()]);
        assert_eq!(ids(&blotter), ["e1", "row/r2"]);
    }
}

#[test]
fn a_report_takes_no_row_of_another_time_even_if_the_order_is_fully_explained() {
    let mut blotter = Blotter::default();
    let mut undone = priced("undone", (12, "11", 24)).1;
    if let ActivityKind::Fill { at: when, .. } = &mut undone.kind {
        *when = Some(at(2));
    }
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 24, 2)], &[row("r1", 12, 12, 1), undone]);
    blotter.apply_update(&fill("e2", "o", 12, 24, 47));
    assert_eq!(ids(&blotter), ["e2", "row/r-undone", "row/r1"]);
}

#[test]
fn a_row_that_became_smaller_stays_with_its_execution_despite_overlaps_and_missing_quantity() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 3, 3, 10));
    let state = order("o", OrderStatus::PartiallyFilled, 3, 20);
    let report = Execution { px: "10.34".parse().ok(), ..execution("e2", &state, 1, 3, 20, ExecutionKind::Trade) };
    blotter.apply_update(&event(TradeEvent::PartialFill, state, vec![report]));
    let rows = [row("r1", 2, 2, 10)];
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 18, 30)], &rows);
    assert!(!ids(&blotter).contains(&"row/r1".to_owned()), "{:?}", ids(&blotter));
}

/// The correction of its quantity was lost, and so was the execution that a bust of the same quantity names.
#[test]
fn a_bust_with_another_price_separates_no_report_from_its_row_that_became_smaller() {
    let mut blotter = Blotter::default();
    for report in [("e1", (4, "10.27", 4)), ("e3", (3, "10.34", 8)), ("e4", (2, "10.17", 10))] {
        blotter.apply_update(&priced(report.0, report.1).0);
    }
    drop(blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 10, 10)], &[]));
    blotter.apply_update(&bust("b2", "e2", 1, 9, 20));
    blotter.apply_update(&bust("b1", "e1", 4, 5, 30));
    let rows = [("e4", (1, "10.17", 9)), ("e3", (3, "10.34", 8))].map(|(id, row)| priced(id, row).1);
    drop(blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 4, 40)], &rows));
    let told = ids(&blotter);
    assert!(!told.contains(&"row/r-e4".to_owned()), "{told:?}");
}

/// The first row is of an execution that was busted before anything was known of the order; the own row of the report comes in
/// a later answer.
#[test]
fn the_row_of_what_a_report_claimed_separates_it_from_a_row_that_was_only_alike() {
    let mut blotter = Blotter::default();
    let (_, mut alike) = priced("e1", (4, "10.34", 4));
    if let ActivityKind::Fill { at: time, .. } = &mut alike.kind {
        *time = Some(at(5));
    }
    let ((report, own), (rest, _), (_, lost)) =
        (priced("e3", (4, "10.34", 6)), priced("e4", (13, "10.07", 19)), priced("e2", (2, "10.44", 2)));
    blotter.apply_update(&report);
    blotter.apply_update(&rest);
    let state = order("o", OrderStatus::Canceled, 19, 12);
    drop(blotter.apply_snapshot(std::slice::from_ref(&state), std::slice::from_ref(&alike)));
    let changes = blotter.apply_snapshot(&[state], &[alike, lost, own]);
    let told = ids(&blotter);
    assert!(!told.contains(&"row/r-e3".to_owned()) && told.contains(&"row/r-e1".to_owned()), "{told:?}");
    let span = |id: &str| blotter.execution(&id.into()).unwrap().cum_qty;
    assert_eq!((span("e3"), changes.revised.contains(&"e3".into())), (Some(Qty::whole(6)), true));
}
