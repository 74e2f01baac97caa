//! Corrected executions, with or without a report, and rows that state the corrected amounts.

use super::*;

/// A row with this quantity and price.
fn stated(id: &str, quantity: i64, cum: i64, price: &str) -> Activity {
    let mut row = row(id, quantity, cum, 1);
    if let ActivityKind::Fill { px, .. } = &mut row.kind {
        *px = price.parse().unwrap();
    }
    row
}

fn filled(quantity: i64, price: &str, when: i64) -> Order {
    Order { avg_px: price.parse().ok(), ..order("o", OrderStatus::PartiallyFilled, quantity, when) }
}

fn reported(quantity: i64, price: &str) -> TradeUpdate {
    let order = filled(quantity, price, 1);
    let mut report = execution("e1", &order, quantity, quantity, 1, ExecutionKind::Trade);
    report.px = price.parse().ok();
    event(TradeEvent::PartialFill, order, vec![report])
}

fn correction(quantity: i64, price: &str) -> TradeUpdate {
    let order = filled(quantity, price, 5);
    let mut report = execution("c1", &order, quantity, -1, 5, ExecutionKind::Correction { of: Some("e1".into()) });
    report.px = price.parse().ok();
    event(TradeEvent::TradeCorrect, order, vec![report])
}

/// Checks that the executions add up; returns kind, quantity and price of each.
fn rows(blotter: &Blotter) -> Vec<String> {
    assert!(blotter.unsettled().next().is_none(), "{:?}", blotter.executions().collect::<Vec<_>>());
    let words = |row: &Execution| {
        let kind = match &row.kind {
            ExecutionKind::Trade => "trade",
            ExecutionKind::Bust { .. } => "bust",
            ExecutionKind::Correction { .. } => "correction",
            ExecutionKind::Unexplained => "unexplained",
        };
        format!("{kind} {} @{}", row.qty, row.px.map_or_else(|| "--".to_owned(), |px| px.to_string()))
    };
    blotter.executions().map(words).collect()
}

#[test]
fn the_row_of_a_corrected_execution_is_paired_with_it_even_after_a_restart() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&reported(9, "1.00"));
    blotter.apply_update(&correction(9, "0.80"));
    let wanted = ["trade 9 @1.00", "correction 9 @0.80"];
    let rest = [stated("r1", 9, 9, "0.80")];
    for _ in 0..3 {
        assert!(blotter.apply_snapshot(&[filled(9, "0.80", 5)], &rest).executions.is_empty());
    }
    assert_eq!(rows(&blotter), wanted);
    let mut again = Blotter::default();
    let (orders, executions) = (blotter.orders().cloned().collect(), blotter.executions().cloned().collect());
    again.restore(orders, executions, Vec::new(), Some(at(9)));
    for _ in 0..3 {
        assert!(again.apply_snapshot(&[filled(9, "0.80", 5)], &rest).executions.is_empty());
    }
    assert_eq!(rows(&again), wanted);
}

#[test]
fn a_row_that_still_states_the_original_amounts_takes_nothing_back() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&reported(9, "1.00"));
    blotter.apply_update(&correction(9, "0.80"));
    assert!(blotter.apply_snapshot(&[filled(9, "0.80", 5)], &[stated("r1", 9, 9, "1.00")]).executions.is_empty());
    assert_eq!(rows(&blotter), ["trade 9 @1.00", "correction 9 @0.80"]);
}

#[test]
fn a_price_corrected_only_by_its_row_is_one_correction_and_takes_the_id_of_its_report() {
    for seen_before in [true, false] {
        let mut blotter = Blotter::default();
        blotter.apply_update(&reported(9, "1.00"));
        if seen_before {
            blotter.apply_snapshot(&[filled(9, "1.00", 1)], &[stated("r1", 9, 9, "1.00")]);
        }
        let (order, row) = (filled(9, "0.80", 5), stated("r1", 9, 9, "0.80"));
        let changes = blotter.apply_snapshot(std::slice::from_ref(&order), std::slice::from_ref(&row));
        assert_eq!(changes.executions.len(), 1);
        let line = blotter.tape_entry(*changes.tape.last().unwrap()).unwrap();
        assert_eq!((&line.event, line.at), (&TradeEvent::TradeCorrect, Some(at(5))));
        assert!(blotter.apply_snapshot(&[order], &[row]).executions.is_empty(), "once");
        assert!(blotter.apply_update(&correction(9, "0.80")).executions.is_empty(), "it is the same one");
        assert_eq!(rows(&blotter), ["trade 9 @1.00", "correction 9 @0.80"]);
        assert!(blotter.execution(&"c1".into()).is_some());
    }
}

#[test]
fn a_quantity_corrected_only_by_its_row_is_neither_a_second_execution_nor_a_bust() {
    for (cum, price) in [(7, "1.00"), (5, "1.00"), (7, "1.02"), (5, "1.02")] {
        for (seen_before, late) in [(true, false), (true, true), (false, false), (false, true)] {
            let mut blotter = Blotter::default();
            blotter.apply_update(&reported(7, "1.00"));
            if seen_before {
                blotter.apply_snapshot(&[filled(7, "1.00", 1)], &[stated("r1", 7, 7, "1.00")]);
            }
            let (order, row) = (filled(5, price, 5), stated("r1", 5, cum, price));
            if late {
                blotter.apply_snapshot(std::slice::from_ref(&order), &[]);
            }
            for _ in 0..3 {
                blotter.apply_snapshot(std::slice::from_ref(&order), std::slice::from_ref(&row));
            }
            let right = ["trade 7 @1.00".to_owned(), format!("correction 5 @{price}")];
            assert_eq!(rows(&blotter), right, "{cum} {price} {seen_before} {late}");
        }
    }
}

#[test]
fn a_row_that_became_smaller_is_its_execution_s_though_others_like_it_have_rows_too() {
    for second in [19, 20] {
        let mut blotter = Blotter::default();
        for (id, cum) in [("e1", 10), ("e2", 20), ("e3", 30)] {
            let order = filled(cum, "1.00", cum);
            let mut report = execution(id, &order, 10, cum, cum, ExecutionKind::Trade);
            report.px = "1.00".parse().ok();
            blotter.apply_update(&event(TradeEvent::PartialFill, order, vec![report]));
        }
        let mut rest = [stated("r1", 10, 10, "1.00"), stated("r2", 9, second, "1.00"), stated("r3", 10, 30, "1.00")];
        for (row, second) in rest.iter_mut().zip([10, 20, 30]) {
            if let ActivityKind::Fill { at: time, .. } = &mut row.kind {
                *time = Some(at(second));
            }
        }
        for _ in 0..3 {
            blotter.apply_snapshot(&[filled(29, "1.00", 40)], &rest);
        }
        let right = ["trade 10 @1.00", "trade 10 @1.00", "trade 10 @1.00", "correction 9 @1.00"];
        assert_eq!(rows(&blotter), right, "{second}");
    }
}

#[test]
fn a_bust_of_what_another_row_states_is_no_doubt_about_a_row_that_was_corrected_unheard() {
    for restarts in [true, false] {
        let mut blotter = Blotter::default();
        blotter.apply_update(&reported(3, "10.45"));
        blotter.apply_snapshot(&[filled(6, "10.42", 2)], &[stated("r1", 3, 3, "10.45"), stated("r2", 3, 6, "10.38")]);
        let mut undoing = bust("b1", "e2", 3, 3, 3);
        undoing.executions[0].px = "10.38".parse().ok();
        blotter.apply_update(&undoing);
        if restarts {
            let mut again = Blotter::default();
            let (orders, executions) = (blotter.orders().cloned().collect(), blotter.executions().cloned().collect());
            again.restore(orders, executions, Vec::new(), Some(at(9)));
            blotter = again;
        }
        let rest = [stated("r1", 3, 3, "10.02"), stated("r2", 3, 6, "10.38")];
        for _ in 0..3 {
            blotter.apply_snapshot(&[filled(3, "10.02", 5)], &rest);
        }
        assert_eq!(rows(&blotter), ["trade 3 @10.45", "trade 3 @10.38", "bust 3 @10.38", "correction 3 @10.02"]);
    }
}

#[test]
fn a_row_of_a_lost_execution_that_was_corrected_is_not_of_what_executed_long_after_it() {
    let mut blotter = Blotter::default();
    let mut heard = correction(1, "10.12");
    heard.executions[0].kind = ExecutionKind::Correction { of: Some("lost".into()) };
    blotter.apply_update(&heard);
    let order = filled(39, "10.05", 20);
    let mut report = execution("e2", &order, 38, 39, 20, ExecutionKind::Trade);
    report.px = "10.05".parse().ok();
    blotter.apply_update(&event(TradeEvent::PartialFill, order, vec![report]));
    let mut second = stated("r2", 38, 39, "10.05");
    if let ActivityKind::Fill { at: time, .. } = &mut second.kind {
        *time = Some(at(20));
    }
    // Its row still begins where the correction made the other one begin.
    // What executed after it was undone unheard.
    for rest in [vec![stated("r1", 1, 2, "10.12")], vec![stated("r1", 1, 2, "10.12"), second]] {
        blotter.apply_snapshot(&[filled(1, "10.12", 30)], &rest);
        let known: Vec<String> = blotter.executions().map(|row| format!("{} {}", row.id, row.qty)).collect();
        assert_eq!(known[..3], ["c1 1", "e2 38", "row/r1 1"]);
    }
}

#[test]
fn a_row_that_was_taken_for_a_correction_keeps_its_own_amounts_when_a_better_one_comes() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&reported(9, "1.00"));
    let mut other = stated("r1", 9, 9, "0.80");
    if let ActivityKind::Fill { at: time, .. } = &mut other.kind {
        *time = at(1).checked_add(std::time::Duration::from_millis(1_200)).ok();
    }
    blotter.apply_snapshot(&[filled(9, "1.00", 5)], std::slice::from_ref(&other));
    blotter.apply_snapshot(&[filled(18, "0.90", 6)], &[stated("r2", 9, 9, "1.00"), other]);
    let amounts = |id: &str| blotter.execution(&id.into()).map(|row| (row.id.to_string(), row.px));
    assert_eq!(amounts("e1"), Some(("e1".to_owned(), "1.00".parse().ok())));
    assert_eq!(amounts("row/r1"), Some(("row/r1".to_owned(), "0.80".parse().ok())));
}

#[test]
fn two_prices_that_were_corrected_unheard_are_told_apart_by_their_spans() {
    let mut blotter = Blotter::default();
    for (id, price, cum) in [("e1", "10.25", 10), ("e2", "10.30", 20)] {
        let order = filled(cum, "10.30", 1);
        let mut report = execution(id, &order, 10, cum, 1, ExecutionKind::Trade);
        report.px = price.parse().ok();
        blotter.apply_update(&event(TradeEvent::PartialFill, order, vec![report]));
    }
    // One states what the other one did: a frame never claims less than was executed when it was sent.
    let rest = [stated("r1", 10, 10, "10.00"), stated("r2", 10, 20, "10.25")];
    for _ in 0..2 {
        blotter.apply_snapshot(&[filled(20, "10.12", 5)], &rest);
    }
    let right = ["trade 10 @10.25", "trade 10 @10.30", "correction 10 @10.00", "correction 10 @10.25"];
    assert_eq!(rows(&blotter), right);
}

#[test]
fn a_correction_learned_while_only_the_row_was_known_belongs_to_the_execution() {
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&[filled(7, "1.00", 1)], &[stated("r1", 7, 7, "1.00")]);
    blotter.apply_snapshot(&[filled(5, "1.00", 5)], &[stated("r1", 5, 7, "1.00")]);
    let changes = blotter.apply_update(&reported(7, "1.00"));
    assert_eq!(changes.revised.len(), 2, "the correction names it by its own id");
    let of = blotter.executions().find_map(|row| match &row.kind {
        ExecutionKind::Correction { of } => of.clone(),
        _ => None,
    });
    assert_eq!(of, Some("e1".into()));
    assert_eq!(rows(&blotter), ["trade 7 @1.00", "correction 5 @1.00"]);
}

#[test]
fn a_row_with_fewer_digits_is_paired_with_its_report_and_corrects_nothing() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&reported(9, "1.2345"));
    for _ in 0..3 {
        let row = stated("r1", 9, 9, "1.23");
        assert!(blotter.apply_snapshot(&[filled(9, "1.2345", 1)], &[row]).executions.is_empty());
    }
    assert_eq!(rows(&blotter), ["trade 9 @1.2345"]);
}

#[test]
fn a_correction_of_an_execution_known_by_its_row_belongs_to_that_row_in_either_order() {
    for heard_first in [true, false] {
        let mut blotter = Blotter::default();
        blotter.apply_snapshot(&[filled(9, "1.00", 1)], &[stated("r1", 9, 9, "1.00")]);
        let heard = correction(7, "1.00");
        if heard_first {
            blotter.apply_update(&heard);
        }
        for _ in 0..2 {
            blotter.apply_snapshot(&[filled(7, "1.00", 5)], &[stated("r1", 7, 9, "1.00")]);
        }
        if !heard_first {
            blotter.apply_update(&heard);
        }
        assert_eq!(rows(&blotter), ["trade 9 @1.00", "correction 7 @1.00"], "{heard_first}");
        assert!(blotter.execution(&"c1".into()).is_some());
    }
}

#[test]
fn a_correction_of_an_unknown_execution_belongs_only_to_the_one_whose_row_states_it() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&reported(9, "1.00"));
    let order = filled(7, "1.00", 5);
    let mut report = execution("c1", &order, 7, -1, 5, ExecutionKind::Correction { of: Some("unknown".into()) });
    report.px = "1.00".parse().ok();
    blotter.apply_update(&event(TradeEvent::TradeCorrect, order, vec![report]));
    let of = |blotter: &Blotter| blotter.execution(&"c1".into()).map(|row| row.kind.clone());
    let named = |id: &str| Some(ExecutionKind::Correction { of: Some(id.into()) });
    blotter.apply_snapshot(&[], &[stated("r1", 9, 9, "0.90")]);
    assert_eq!(of(&blotter), named("unknown"), "this row states another price, not the quantity of seven");
    let mut again = Blotter::default();
    again.apply_update(&reported(9, "1.00"));
    let report = blotter.execution(&"c1".into()).unwrap().clone();
    again.apply_update(&event(TradeEvent::TradeCorrect, filled(7, "1.00", 5), vec![report]));
    again.apply_snapshot(&[filled(7, "1.00", 5)], &[stated("r1", 7, 9, "1.00")]);
    assert_eq!(of(&again), named("e1"));
    assert!(again.apply_snapshot(&[filled(7, "1.00", 5)], &[stated("r1", 7, 9, "1.00")]).is_empty(), "once");
}

#[test]
fn an_execution_in_the_place_of_a_busted_one_is_not_its_correction() {
    for left in [7, 3] {
        let mut blotter = Blotter::default();
        blotter.apply_update(&reported(8, "0.99"));
        let undone = filled(0, "0.99", 2);
        let bust = execution("b1", &undone, 8, -1, 2, ExecutionKind::Bust { of: Some("e1".into()) });
        blotter.apply_update(&event(TradeEvent::TradeBust, undone, vec![bust]));
        // Within the distance between the times of rows and reports.
        let (order, row) = (filled(left, "0.99", 3), stated("r2", left, left, "0.99"));
        blotter.apply_snapshot(std::slice::from_ref(&order), std::slice::from_ref(&row));
        assert_eq!(rows(&blotter), ["trade 8 @0.99", "bust 8 @10", &format!("trade {left} @0.99")]);
    }
}

/// A correction with this id, of an execution or of another correction.
fn correction_of(id: &str, of: &str, quantity: i64, when: i64) -> TradeUpdate {
    let order = filled(quantity, "10", when);
    let report = execution(id, &order, quantity, -1, when, ExecutionKind::Correction { of: Some(of.into()) });
    event(TradeEvent::TradeCorrect, order, vec![report])
}

/// The quantity by the rows: each correction replaces what it corrects, and busts are subtracted.
fn counted(blotter: &Blotter) -> i64 {
    let replaced: Vec<&ExecutionId> = blotter
        .executions()
        .filter_map(|row| match &row.kind {
            ExecutionKind::Correction { of } => of.as_ref(),
            _ => None,
        })
        .collect();
    let stands = blotter.executions().filter(|row| !replaced.contains(&&row.id));
    let sum = stands.fold(Qty::ZERO, |sum, row| match row.kind {
        ExecutionKind::Bust { .. } => sum.checked_sub(row.qty).unwrap(),
        _ => sum.checked_add(row.qty).unwrap(),
    });
    sum.decimal().try_into().unwrap()
}

#[test]
fn each_of_several_corrections_replaces_the_previous_one_whichever_it_names() {
    // The third may name the execution or the second; they may arrive late, and the row may show the last one first.
    for third in ["e1", "c2"] {
        for late in [false, true] {
            for row_first in [false, true] {
                let mut blotter = Blotter::default();
                blotter.apply_update(&reported(9, "10"));
                let mut reports = vec![correction_of("c2", "e1", 7, 5), correction_of("c3", third, 8, 6)];
                if late {
                    reports.reverse();
                }
                if row_first {
                    blotter.apply_snapshot(&[filled(8, "10", 6)], &[stated("r1", 8, 8, "10")]);
                }
                for report in &reports {
                    blotter.apply_update(report);
                }
                for _ in 0..2 {
                    let again = blotter.apply_snapshot(&[filled(8, "10", 6)], &[stated("r1", 8, 8, "10")]);
                    assert!(again.executions.is_empty(), "{again:?}");
                }
                let what = format!(
                    "{third} late {late} row first {row_first}: {:#?}",
                    blotter.executions().collect::<Vec<_>>()
                );
                assert_eq!((rows(&blotter).len(), counted(&blotter)), (3, 8), "{what}");
                blotter.apply_update(&bust("b1", "e1", 8, 0, 9));
                assert_eq!((rows(&blotter).len(), counted(&blotter)), (4, 0), "{what}");
            }
        }
    }
}

#[test]
fn corrections_that_name_each_other_do_not_loop() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&correction_of("c1", "c2", 7, 5));
    blotter.apply_update(&correction_of("c2", "c1", 8, 6));
    blotter.apply_update(&correction_of("c3", "c1", 8, 7));
    blotter.apply_snapshot(&[filled(8, "10", 7)], &[stated("r1", 8, 8, "10")]);
    assert!(blotter.executions().count() >= 4);
}

/// A correction of `of` after which its order has executed `left`.
fn corrected_to(of: &str, quantity: i64, price: &str, left: i64, when: i64) -> TradeUpdate {
    let order = order("o", OrderStatus::PartiallyFilled, left, when);
    let mut report =
        execution(&format!("c-{of}"), &order, quantity, -1, when, ExecutionKind::Correction { of: Some(of.into()) });
    report.px = price.parse().ok();
    event(TradeEvent::TradeCorrect, order, vec![report])
}

/// The executed quantities, ignoring busts and corrections.
fn trades(blotter: &Blotter) -> Vec<String> {
    let trades = blotter.executions().filter(|row| row.kind == ExecutionKind::Trade);
    trades.map(|row| format!("{} {}", row.id.as_str(), row.qty)).collect()
}

#[test]
fn a_bust_of_another_execution_of_the_same_quantity_separates_no_report_from_its_corrected_row() {
    let mut blotter = Blotter::default();
    let stated = [stated("r2", 3, 3, "10.45"), row("r3", 3, 6, 1)];
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 6, 2)], &stated);
    blotter.apply_update(&bust("b3", "e3", 3, 3, 3));
    blotter.apply_replayed(&[fill("e2", "o", 3, 3, 1), fill("e3", "o", 3, 6, 1)]);
    assert_eq!(trades(&blotter), ["e2 3", "e3 3"]);
}

#[test]
fn a_row_that_states_a_reported_correction_belongs_to_its_execution_whatever_else_was_busted() {
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 19, 1)], &[row("r1", 19, 19, 1)]);
    blotter.apply_update(&bust("b1", "e1", 19, 0, 2));
    blotter.apply_update(&corrected_to("e2", 19, "10.39", 19, 4));
    blotter.apply_update(&fill("e2", "o", 20, 20, 3));
    let mut restated = row("r2", 19, 19, 3);
    if let ActivityKind::Fill { px, .. } = &mut restated.kind {
        *px = "10.39".parse().unwrap();
    }
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 19, 4)], &[restated]);
    let left = trades(&blotter);
    assert!(left.len() == 2 && left.contains(&"e2 20".to_owned()), "{left:?}");
}

#[test]
fn an_execution_that_a_later_report_busts_does_not_take_the_next_one_s_row() {
    let mut blotter = Blotter::default();
    let rows = [row("r2", 4, 4, 1), row("r3", 6, 10, 2)];
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 10, 2)], &rows);
    let again =
        [fill("e1", "o", 9, 9, 1), bust("b1", "e1", 9, 0, 1), fill("e2", "o", 4, 4, 1), fill("e3", "o", 6, 10, 2)];
    blotter.apply_replayed(&again);
    let mut reported = trades(&blotter);
    reported.sort();
    assert_eq!(reported, ["e1 9", "e2 4", "e3 6"]);
}

#[test]
fn a_row_that_became_smaller_is_its_execution_s_though_its_span_was_executed_before_an_unheard_bust() {
    let mut blotter = Blotter::default();
    let (first, second) = (filled(4, "1.00", 1), filled(3, "1.10", 5));
    for (id, order, quantity, price) in [("e1", first, 4, "1.00"), ("e2", second, 3, "1.10")] {
        let when = if quantity == 4 { 1 } else { 5 };
        let mut report = execution(id, &order, quantity, quantity, when, ExecutionKind::Trade);
        report.px = price.parse().ok();
        blotter.apply_update(&event(TradeEvent::PartialFill, order.clone(), vec![report]));
        if quantity == 4 {
            blotter.apply_snapshot(&[order], &[stated("r1", 4, 4, "1.00")]);
        }
    }
    let mut rest = [stated("r1", 4, 4, "1.00"), stated("r2", 2, 2, "1.10"), stated("r3", 7, 10, "1.20")];
    for (row, second) in rest.iter_mut().zip([1, 5, 25]) {
        if let ActivityKind::Fill { at: time, .. } = &mut row.kind {
            *time = Some(at(second));
        }
    }
    blotter.apply_snapshot(&[filled(9, "1.18", 28)], &rest);
    let trades = || blotter.executions().filter(|row| row.kind == ExecutionKind::Trade);
    let is_told = |id: &str| trades().filter(|row| row.id.as_str().contains(id)).count();
    assert_eq!(
        (is_told("e2"), is_told("r2"), is_told("r3")),
        (1, 0, 1),
        "{:?}",
        blotter.executions().collect::<Vec<_>>()
    );
}
