//! Frames whose order is of another moment than their execution: as it stands when they are sent, or as it was before.

use super::*;

/// Three executions of 20 within one moment, their frames with an order that states what `cum` says.
fn frames(cum: [i64; 3]) -> Vec<TradeUpdate> {
    let frame = |(number, cum): (i64, i64)| {
        let order = order("o", OrderStatus::PartiallyFilled, cum, 10);
        let mut report = execution(&format!("e{number}"), &order, 20, cum, 10, ExecutionKind::Trade);
        report.at = at(10).checked_add(std::time::Duration::from_millis(number.unsigned_abs())).ok();
        event(TradeEvent::PartialFill, order, vec![report])
    };
    (1..).zip(cum).map(frame).collect()
}

/// Their rows, each of its own moment.
fn listed() -> Vec<Activity> {
    (1..=3).map(|number| row(&format!("r{number}"), 20, 20 * number, 10)).collect()
}

#[test]
fn frames_that_claim_one_span_are_of_the_rows_of_their_moment_whichever_comes_first() {
    let readings = [[20, 40, 60], [60, 60, 60], [40, 40, 60], [20, 60, 60], [0, 20, 40], [0, 0, 40]];
    for cum in readings {
        // Each step is a frame, or an answer with so many of the rows.
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
            assert_eq!(spans.len(), 3, "the rows tell which span each has: {cum:?} {steps}");
            assert!(blotter.unsettled().next().is_none(), "{cum:?} {steps}");
            assert_eq!(blotter.tape().iter().filter(|line| !line.withdrawn).count(), 3, "{cum:?} {steps}");
        }
    }
}

/// After an undoing two executions may rightly have one span: nothing is taken for another's row then.
#[test]
fn what_executes_again_after_an_undoing_is_told_apart_by_its_span() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 20, 20, 10));
    blotter.apply_update(&bust("b1", "e1", 20, 0, 11));
    blotter.apply_update(&fill("e2", "o", 20, 20, 11));
    let state = order("o", OrderStatus::PartiallyFilled, 40, 12);
    // A third one of which no frame came.
    let changes = blotter.apply_snapshot(&[state], &[row("r2", 20, 20, 11), row("r3", 20, 40, 11)]);
    assert_eq!(changes.executions, ["row/r3".into()]);
}

/// As much is missing as the rows of what was told have: that the frames claim one span tells them apart from new ones.
#[test]
fn rows_of_told_executions_are_not_taken_for_one_whose_frame_was_lost() {
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

/// Quantity, price, and the executed quantity that the report or row states.
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
fn a_frame_whose_claimed_span_is_the_row_of_another_price_has_the_row_of_its_own_price() {
    let mut blotter = Blotter::default();
    for (id, told) in [("e1", (6, "10.26", 10)), ("e2", (2, "10.01", 10))] {
        blotter.apply_update(&priced(id, told).0);
    }
    let rows = [(6, "10.26", 6), (2, "10.01", 8), (2, "10.43", 10)].map(|row| priced(&row.2.to_string(), row).1);
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 10, 11)], &rows);
    assert_eq!(ids(&blotter), ["e1", "e2", "row/r-10"]);
}

#[test]
fn a_row_of_just_what_is_missing_is_no_correction_of_frames_that_claim_its_span() {
    let mut blotter = Blotter::default();
    for (id, told) in [("e1", (14, "10.42", 45)), ("e2", (23, "10.11", 45))] {
        blotter.apply_update(&priced(id, told).0);
    }
    let rows = [priced("e3", (8, "10.32", 45)).1];
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 45, 11)], &rows);
    assert_eq!(ids(&blotter), ["e1", "e2", "row/r-e3"]);
}

#[test]
fn what_is_told_again_takes_no_row_beyond_what_its_order_had_executed_then() {
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
fn a_report_takes_no_row_of_another_time_however_full_its_order_is() {
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
fn a_row_that_became_smaller_is_its_execution_s_though_what_came_since_overlaps_it_and_much_is_missing() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 3, 3, 10));
    let state = order("o", OrderStatus::PartiallyFilled, 3, 20);
    let report = Execution { px: "10.34".parse().ok(), ..execution("e2", &state, 1, 3, 20, ExecutionKind::Trade) };
    blotter.apply_update(&event(TradeEvent::PartialFill, state, vec![report]));
    let rows = [row("r1", 2, 2, 10)];
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 18, 30)], &rows);
    assert!(!ids(&blotter).contains(&"row/r1".to_owned()), "{:?}", ids(&blotter));
}
