use jiff::Timestamp;

use super::*;
use crate::domain::order::Raw;
use crate::domain::{OrderClass, OrderStatus, OrderType, Price, Qty, Side, Source, TimeInForce};

fn order(cum: i64) -> Order {
    Order {
        id: "o".into(),
        client_order_id: None,
        symbol: "F".into(),
        asset_class: None,
        side: Side::Buy,
        order_type: OrderType::Limit,
        tif: TimeInForce::Day,
        class: OrderClass::Simple,
        qty: Some(Qty::whole(500)),
        notional: None,
        cum_qty: Qty::whole(cum),
        avg_px: None,
        limit_px: None,
        stop_px: None,
        trail_px: None,
        trail_percent: None,
        hwm: None,
        status: OrderStatus::PartiallyFilled,
        extended_hours: false,
        created_at: None,
        updated_at: None,
        submitted_at: None,
        filled_at: None,
        expired_at: None,
        expires_at: None,
        canceled_at: None,
        failed_at: None,
        replaced_at: None,
        replaced_by: None,
        replaces: None,
        group_id: None,
        group_role: None,
        legs: Vec::new(),
        raw: Raw::default(),
    }
}

fn row(id: &str, kind: ExecutionKind, qty: i64, px: i64, second: i64) -> Execution {
    Execution {
        id: id.into(),
        order_id: "o".into(),
        symbol: "F".into(),
        side: Side::Buy,
        qty: Qty::whole(qty),
        px: Some(Price::whole(px)),
        cum_qty: None,
        position_qty: None,
        at: Timestamp::from_second(1_760_000_000 + second).ok(),
        kind,
        source: Source::Stream,
    }
}

fn trade(id: &str, qty: i64, second: i64) -> Execution {
    row(id, ExecutionKind::Trade, qty, 10, second)
}

fn bust(id: &str, of: &str, qty: i64, second: i64) -> Execution {
    row(id, ExecutionKind::Bust { of: Some(of.into()) }, -qty, 10, second)
}

fn correction(id: &str, of: &str, qty: i64, px: i64, second: i64) -> Execution {
    row(id, ExecutionKind::Correction { of: Some(of.into()) }, qty, px, second)
}

/// What each bust or correction refers to, in words, in the order of their ids.
fn found(rows: &[Execution], order: &Order) -> Vec<String> {
    found_where(rows, order, &[])
}

/// The same, if these rows were shown for these before.
fn found_where(rows: &[Execution], order: &Order, reported: &[(&str, &str)]) -> Vec<String> {
    let rows: Vec<&Execution> = rows.iter().collect();
    let known = |id: &ExecutionId| rows.iter().find(|row| row.id == *id).map(|row| row.id.clone());
    let said = |id: &ExecutionId| {
        reported.iter().find(|(undoing, _)| *undoing == id.as_str()).map(|reported| reported.1.into())
    };
    let mut found: Vec<_> = resolve(&rows, Some(order), known, said).into_iter().collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let word = |of| match of {
        Of::Row(id) => id.to_string(),
        Of::Unreported(id) => format!("untold {id}"),
        Of::Open => "open".to_owned(),
        Of::Nothing => "nothing".to_owned(),
    };
    found.into_iter().map(|(_, of)| word(of)).collect()
}

#[test]
fn a_row_represents_the_execution_that_a_bust_or_correction_names() {
    let rows = |undoing| [trade("e1", 10, 1), trade("row/1", 40, 2), undoing];
    assert_eq!(found(&rows(correction("c", "lost", 40, 9, 3)), &order(50)), ["row/1"]);
    assert_eq!(found(&rows(correction("c", "lost", 30, 10, 3)), &order(40)), ["row/1"]);
    assert_eq!(found(&rows(correction("c", "lost", 30, 9, 3)), &order(40)), ["row/1"], "both, as the order proves");
    assert_eq!(found(&rows(bust("b", "lost", 40, 3)), &order(10)), ["row/1"]);
    // The row arrived after the correction and states the corrected amounts.
    assert_eq!(
        found(
            &[trade("e1", 10, 1), correction("c", "lost", 30, 9, 3), row("row/1", ExecutionKind::Trade, 30, 9, 2)],
            &order(40)
        ),
        ["row/1"]
    );
}

#[test]
fn the_order_shows_whether_the_execution_was_reported_at_all() {
    let reported = || vec![trade("e1", 10, 1), trade("row/1", 40, 2)];
    // As much as the row's quantity executed again, and was undone or corrected before it was reported.
    assert_eq!(found(&[reported(), vec![bust("b", "lost", 40, 3)]].concat(), &order(50)), ["untold lost"]);
    assert_eq!(found(&[reported(), vec![correction("c", "lost", 40, 9, 3)]].concat(), &order(90)), ["open"]);
    // The order's state is older: nothing is known yet.
    assert_eq!(found(&[reported(), vec![bust("b", "lost", 30, 3)]].concat(), &order(77)), ["open"]);
    // Two at once, one of which was reported.
    let both = [reported(), vec![bust("b1", "lost", 40, 3), bust("b2", "gone", 30, 4)]].concat();
    assert_eq!(found(&both, &order(10)), ["row/1", "untold gone"]);
    let twice =
        [reported(), vec![trade("row/2", 40, 3), bust("b1", "lost", 40, 4), bust("b2", "gone", 40, 5)]].concat();
    assert_eq!(found(&twice, &order(10)), ["row/1", "row/2"], "no row twice");
    // The lists took something back in addition.
    let inferred = || row("inferred-bust/o/50-40@1", ExecutionKind::Bust { of: None }, 10, 10, 4);
    assert_eq!(found(&[reported(), vec![bust("b", "lost", 40, 3), inferred()]].concat(), &order(0)), ["row/1", "open"]);
    let price = correction("c", "lost", 40, 9, 3);
    assert_eq!(found(&[reported(), vec![price, inferred()]].concat(), &order(40)), ["row/1", "open"]);
    // Inferred because it was not known yet what the correction refers to.
    let less = correction("c", "lost", 30, 10, 3);
    assert_eq!(found(&[reported(), vec![less, inferred()]].concat(), &order(40)), ["row/1", "nothing"]);
}

#[test]
fn a_second_correction_refers_to_the_first() {
    let first = || correction("c1", "e1", 30, 9, 2);
    let rows = |second| [trade("e1", 40, 1), first(), second];
    assert_eq!(found(&rows(correction("c2", "e1", 20, 9, 3)), &order(20)), ["e1", "c1"], "by the id of the trade");
    assert_eq!(found(&rows(correction("c2", "c1", 20, 9, 3)), &order(20)), ["e1", "c1"], "by that of the correction");
    // Also if a row represents what both name, and if nothing does.
    let named = [trade("row/1", 40, 1), correction("c1", "lost", 30, 9, 2), correction("c2", "lost", 20, 9, 3)];
    assert_eq!(found(&named, &order(20)), ["row/1", "c1"]);
    assert_eq!(found(&named[1..], &order(20)), ["open", "c1"]);
    let undone = [named[1].clone(), bust("d", "lost", 30, 3)];
    assert_eq!(found(&undone, &order(0)), ["open", "c1"]);
    assert_eq!(found(&[correction("c1", "c1", 30, 9, 2)], &order(30)), ["open"], "not of itself");
}

#[test]
fn where_the_order_proves_nothing_only_likeness_counts() {
    let replaced = Order { replaces: Some("p".into()), ..order(90) };
    let rows = |undoing| [trade("row/1", 40, 2), undoing];
    assert_eq!(found(&rows(bust("b", "lost", 40, 3)), &replaced), ["row/1"]);
    assert_eq!(found(&rows(bust("b", "lost", 30, 3)), &replaced), ["open"]);
    assert_eq!(found(&rows(correction("c", "lost", 30, 10, 3)), &replaced), ["row/1"]);
    assert_eq!(found(&rows(correction("c", "lost", 30, 9, 3)), &replaced), ["open"]);
}

/// An order stated at this second, with this average price.
fn stated(cum: i64, avg: &str, second: i64) -> Order {
    let updated_at = Timestamp::from_second(1_760_000_000 + second).ok();
    Order { avg_px: avg.parse().ok(), updated_at, ..order(cum) }
}

#[test]
fn an_execution_after_a_bust_or_correction_is_not_the_one_undone() {
    let rows = |undoing: Execution, later| [trade("row/1", 40, 10), trade("row/2", 40, later), undoing];
    for undoing in [bust("u", "lost", 40, 12), correction("u", "lost", 40, 9, 12)] {
        let cum = if undoing.qty.is_negative() { 40 } else { 80 };
        for later in [13, 16, 18, 30] {
            assert_eq!(found(&rows(undoing.clone(), later), &order(cum)), ["row/1"], "{later}");
        }
    }
    // With the rows' own clock it may seem slightly later, but not much later.
    let rows = |second| [trade("e1", 10, 1), trade("row/1", 40, second), correction("c", "lost", 40, 9, 12)];
    assert_eq!(found(&rows(16), &order(50)), ["row/1"]);
    assert_eq!(found(&rows(18), &order(50)), ["open"]);
}

#[test]
fn a_row_with_the_named_id_belongs_to_that_bust_or_correction_alone() {
    let reported = || vec![trade("row/2026::a", 40, 1), trade("row/2026::b", 40, 2), trade("row/2026::c", 40, 3)];
    for named in ["a", "b", "c"] {
        let rows = [reported(), vec![bust("u", named, 40, 9)]].concat();
        assert_eq!(found(&rows, &order(80)), [format!("row/2026::{named}")]);
        let rows = [reported(), vec![correction("u", named, 40, 9, 9)]].concat();
        assert_eq!(found(&rows, &order(120)), [format!("row/2026::{named}")]);
    }
    let both = [reported(), vec![bust("u1", "lost", 40, 8), bust("u2", "a", 40, 9)]].concat();
    assert_eq!(found(&both, &order(40)), ["row/2026::b", "row/2026::a"]);
    // Less was inferred before it was known what the correction refers to.
    let inferred = row("inferred-bust/o/120-110@1", ExecutionKind::Bust { of: None }, 10, 10, 4);
    let rows = [reported(), vec![correction("c", "b", 30, 9, 9), inferred]].concat();
    assert_eq!(found(&rows, &order(110)), ["row/2026::b", "nothing"]);
    assert_eq!(found(&rows, &order(100)), ["row/2026::b", "open"], "the same quantity was undone in addition");
    // No row has it: that proves nothing, because rows may have ids of their own.
    let rows = [reported(), vec![bust("u", "lost", 40, 9)]].concat();
    assert_eq!(found(&rows, &order(80)), ["row/2026::a"]);
}

#[test]
fn the_average_price_identifies_one_of_several_rows_of_one_quantity_once_it_is_stated() {
    let row = |id, px, second| row(id, ExecutionKind::Trade, 5, px, second);
    let reported = || vec![trade("e1", 10, 1), row("row/1", 151, 2), row("row/2", 150, 3), row("row/3", 147, 4)];
    // 100 + 755 + 750 + 735, less the row's value, plus the corrected value.
    for (avg, of) in [("94.4", "row/2"), ("94.2", "row/1"), ("95", "row/3")] {
        let rows = [reported(), vec![correction("c", "lost", 5, 154, 9)]].concat();
        assert_eq!(found(&rows, &stated(25, avg, 9)), [of], "{avg}");
        assert_eq!(found(&rows, &stated(25, avg, 5)), ["row/1"], "an earlier average proves nothing: {avg}");
        assert_eq!(found_where(&rows, &stated(25, avg, 9), &[("c", "row/1")]), [of], "shown before: {avg}");
    }
    for (avg, of) in [("79.25", "row/1"), ("79.5", "row/2"), ("80.25", "row/3")] {
        let mut undoing = bust("b", "lost", 5, 9);
        undoing.px = None;
        assert_eq!(found(&[reported(), vec![undoing]].concat(), &stated(20, avg, 9)), [of], "{avg}");
    }
    // No row leads to the stated average: it may be of another time.
    let rows = [reported(), vec![correction("c", "lost", 5, 154, 9)]].concat();
    assert_eq!(found(&rows, &stated(25, "12", 9)), ["row/1"]);
}

#[test]
fn an_earlier_assignment_stays_unless_something_contradicts_it() {
    let rows = [trade("row/1", 40, 1), trade("row/2", 40, 2), correction("c", "lost", 40, 9, 9)];
    assert_eq!(found(&rows, &order(80)), ["row/1"]);
    assert_eq!(found_where(&rows, &order(80), &[("c", "row/2")]), ["row/2"]);
    assert_eq!(found_where(&rows, &order(80), &[("c", "gone")]), ["row/1"]);
    let rows = [trade("row/1", 40, 1), trade("row/2", 30, 2), bust("b", "lost", 40, 9)];
    assert_eq!(found_where(&rows, &order(30), &[("b", "row/2")]), ["row/1"], "it does not add up");
}

#[test]
fn many_unknown_corrections_are_all_assigned_to_rows_and_a_long_search_is_cut_short() {
    for count in [5, 12, 13, 40, 1_000_i64] {
        let rows: Vec<_> = (0..count)
            .flat_map(|number| {
                let name = |what: &str| format!("{what}{number:04}");
                [trade(&name("row/"), 5, number), correction(&name("c"), &name("lost"), 5, 9, 2_000 + number)]
            })
            .collect();
        let of = found(&rows, &order(count * 5));
        assert_eq!(of, (0..count).map(|number| format!("row/{number:04}")).collect::<Vec<_>>());
    }
    // If nothing adds up, the search ends as well.
    let rows: Vec<_> = (0..2_000_i64)
        .flat_map(|number| {
            let name = |what: &str| format!("{what}{number:04}");
            let undoing = correction(&name("c"), &name("lost"), 5 + number % 7, 9, 2_000 + number);
            [row(&name("row/"), ExecutionKind::Trade, 5 + number % 11, 100 + number, number)]
                .into_iter()
                .chain((number % 100 == 0).then_some(undoing))
        })
        .collect();
    assert_eq!(found(&rows, &stated(77, "3", 5_000)).len(), 20);
}
