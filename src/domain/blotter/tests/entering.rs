//! Reports for rows that exist already: what they add, what they explain, and what the tape shows.

use super::*;

/// A report of `o` with only the required fields.
fn bare(id: &str, qty: i64) -> Execution {
    let order = order("o", OrderStatus::PartiallyFilled, 40, 1);
    let report = execution(id, &order, qty, -1, 1, ExecutionKind::Trade);
    Execution { px: None, at: None, source: Source::Reconcile, ..report }
}

fn enter(blotter: &mut Blotter, report: Execution) -> Changes {
    let state = order("o", OrderStatus::PartiallyFilled, 40, 1);
    blotter.apply_update(&event(TradeEvent::PartialFill, state, vec![report]))
}

/// Rows of `o` with id, quantity and end of their span.
fn spans(blotter: &Blotter) -> Vec<(String, Qty, Option<Qty>)> {
    blotter.executions_of(&"o".into()).iter().map(|row| (row.id.to_string(), row.qty, row.cum_qty)).collect()
}

#[test]
fn any_detail_that_a_later_report_adds_is_a_revision() {
    let known = bare("e1", 40);
    let more = [
        Execution { px: Some(Price::whole(10)), ..known.clone() },
        Execution { cum_qty: Some(Qty::whole(40)), ..known.clone() },
        Execution { position_qty: Some(Qty::whole(40)), ..known.clone() },
        Execution { at: Some(at(1)), ..known.clone() },
        Execution { source: Source::Stream, ..known.clone() },
    ];
    for report in more {
        let mut blotter = Blotter::default();
        enter(&mut blotter, known.clone());
        assert!(enter(&mut blotter, known.clone()).is_empty());
        assert_eq!(enter(&mut blotter, report.clone()).revised, [ExecutionId::from("e1")], "{report:?}");
        assert_eq!(blotter.executions().next(), Some(&report));
        // A report with less detail is not news and removes nothing.
        assert!(enter(&mut blotter, known.clone()).is_empty());
        assert_eq!(blotter.executions().next(), Some(&report));
    }
}

#[test]
fn a_row_paired_with_its_report_is_a_revision_only_if_it_adds_detail() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 40, 40, 1));
    assert!(blotter.apply_snapshot(&[], &[row("r1", 40, 40, 1)]).is_empty());
    let mut blotter = Blotter::default();
    let mut priceless = fill("e1", "o", 40, 40, 1);
    priceless.executions[0].px = None;
    blotter.apply_update(&priceless);
    assert_eq!(blotter.apply_snapshot(&[], &[row("r1", 40, 40, 1)]).revised, [ExecutionId::from("e1")]);
}

#[test]
fn the_rest_of_a_placeholder_is_named_by_its_span() {
    let awaiting = |rows: &[Activity]| {
        let mut blotter = Blotter::default();
        blotter.apply_snapshot(&[order("o", OrderStatus::Filled, 100, 9)], rows);
        blotter
    };
    let span = |id: &str, qty: i64, to: i64| (id.to_owned(), Qty::whole(qty), Some(Qty::whole(to)));
    let mut blotter = awaiting(&[]);
    blotter.apply_update(&fill("e2", "o", 40, 100, 9));
    assert_eq!(spans(&blotter), [span("unexplained/o/0-60", 60, 60), span("e2", 40, 100)]);
    // A report without a cumulative quantity takes the start of the span.
    let mut blotter = awaiting(&[]);
    let mut report = fill("e1", "o", 40, 100, 9);
    report.executions[0].cum_qty = None;
    blotter.apply_update(&report);
    assert!(spans(&blotter).contains(&span("unexplained/o/40-100", 60, 100)), "{:?}", spans(&blotter));
    // A report in the second of two spans does not affect the first.
    let mut blotter = awaiting(&[row("r1", 40, 60, 1)]);
    blotter.apply_update(&fill("e2", "o", 30, 90, 9));
    let all = Qty::sum(blotter.executions().map(|row| row.qty));
    let mut left = spans(&blotter);
    left.sort_by_key(|(.., to)| *to);
    let wanted = [
        span("unexplained/o/0-20", 20, 20),
        span("row/r1", 40, 60),
        span("e2", 30, 90),
        span("unexplained/o/90-100", 10, 100),
    ];
    assert_eq!((left, all), (wanted.to_vec(), Some(Qty::whole(100))));
}

#[test]
fn a_span_has_one_placeholder_however_it_comes_about() {
    let held = |from: i64, to: i64| {
        let row = execution(
            "",
            &order("o", OrderStatus::PartiallyFilled, 60, 9),
            to - from,
            to,
            1,
            ExecutionKind::Unexplained,
        );
        Execution { id: format!("unexplained/o/{from}-{to}").into(), ..row }
    };
    let mut blotter = Blotter::default();
    let state = order("o", OrderStatus::PartiallyFilled, 60, 9);
    blotter.restore(vec![state], vec![held(0, 50), held(0, 10)], vec![], None);
    blotter.apply_update(&fill("e1", "o", 20, 30, 9));
    let ids: Vec<String> = spans(&blotter).into_iter().map(|(id, ..)| id).collect();
    let mut once = ids.clone();
    once.sort();
    once.dedup();
    assert_eq!(ids.len(), once.len(), "{ids:?}");
}

#[test]
fn a_row_prefers_the_report_with_the_same_amounts_over_one_that_may_have_been_corrected() {
    let mut blotter = Blotter::default();
    let reported = |id: &str, px: i64, when: i64| {
        let mut reported = fill(id, "o", 40, 40, when);
        reported.executions[0].px = Some(Price::whole(px));
        reported
    };
    blotter.apply_update(&reported("e1", 10, 1));
    blotter.apply_update(&reported("e2", 11, 2));
    let mut stated = row("r", 40, 40, 1);
    if let ActivityKind::Fill { px, .. } = &mut stated.kind {
        *px = Price::whole(11);
    }
    assert!(blotter.apply_snapshot(&[], &[stated]).is_empty(), "it belongs to the second one and corrects nothing");
}

#[test]
fn a_corrected_execution_is_not_busted_by_a_lagging_answer() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 40, 40, 1));
    let corrected = order("o", OrderStatus::PartiallyFilled, 30, 5);
    let report = execution("c1", &corrected, 30, -1, 5, ExecutionKind::Correction { of: Some("e1".into()) });
    blotter.apply_update(&event(TradeEvent::TradeCorrect, corrected.clone(), vec![report]));
    // The row of a later execution is listed before the order knows it.
    blotter.apply_snapshot(&[corrected], &[row("r2", 10, 40, 9)]);
    assert!(!blotter.executions().any(|row| matches!(row.kind, ExecutionKind::Bust { .. })));
}

#[test]
fn undoing_a_part_of_a_placeholder_leaves_no_empty_row() {
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 60, 1)], &[]);
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 20, 5)], &[]);
    let left: Vec<_> = blotter.executions().map(|row| (&row.kind, row.qty)).collect();
    assert_eq!(left, [(&ExecutionKind::Unexplained, Qty::whole(20))]);
}

#[test]
fn rows_from_paging_back_are_merged_if_their_order_is_kept() {
    let mut blotter = Blotter::default();
    blotter.set_history_before(Some(at(20)));
    let kept = order("o", OrderStatus::Filled, 100, 30);
    blotter.apply_snapshot(&[kept, order("old", OrderStatus::Filled, 100, 10)], &[]);
    let of = |id: &str, order: &str| {
        let mut row = row(id, 100, 100, 5);
        if let ActivityKind::Fill { order_id, .. } = &mut row.kind {
            *order_id = order.into();
        }
        row
    };
    let changes = blotter.apply_history(&[of("r1", "o"), of("r2", "old"), of("r3", "stranger")]);
    assert_eq!(changes.executions, [ExecutionId::from("row/r1")]);
    assert!(blotter.unsettled().next().is_none());
}

#[test]
fn an_order_keeps_its_index_until_a_reset() {
    let mut blotter = Blotter::default();
    for id in ["a", "b"] {
        blotter.apply_snapshot(&[order(id, OrderStatus::New, 0, 1)], &[]);
    }
    let place = blotter.place(&"b".into()).unwrap();
    assert_eq!(blotter.at(place).map(|order| order.id.as_str()), Some("b"));
    let mut seen = vec![blotter.generation()];
    for _ in 0..2 {
        blotter.reset();
        assert!(blotter.at(place).is_none());
        seen.push(blotter.generation());
    }
    seen.dedup();
    assert_eq!(seen.len(), 3, "a new generation each time");
}
