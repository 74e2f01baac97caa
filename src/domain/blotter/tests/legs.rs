//! Orders with legs: bracket legs are separate orders; a multi-leg parent counts units and its legs execute.

use super::*;

/// A multi-leg order with two legs of two contracts per unit, with this many units executed.
fn family(units: i64, when: i64) -> Vec<Order> {
    let status = if units == 2 { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
    let mut parent = order("p", status.clone(), units, when);
    (parent.class, parent.symbol, parent.side) = (OrderClass::Mleg, "".into(), Side::None);
    (parent.qty, parent.legs) = (Some(Qty::whole(2)), vec!["put".into(), "call".into()]);
    let leg = |id: &str, side: Side| {
        let mut leg = order(id, status.clone(), units * 2, when);
        (leg.class, leg.symbol, leg.side) = (OrderClass::Mleg, format!("SPY-{id}").into(), side);
        leg.qty = Some(Qty::whole(4));
        leg
    };
    vec![parent, leg("put", Side::Buy), leg("call", Side::Sell)]
}

/// The frame of one more unit: the parent's, with an execution of each leg.
fn unit(units: i64, when: i64) -> TradeUpdate {
    let mut states = family(units, when);
    let order = states.remove(0);
    let executions = states
        .iter()
        .map(|leg| execution(&format!("{}-{units}", leg.id), leg, 2, units * 2, when, ExecutionKind::Trade))
        .collect();
    let kind = if units == 2 { TradeEvent::Fill } else { TradeEvent::PartialFill };
    TradeUpdate { legs: states, ..event(kind, order, executions) }
}

/// The row of a leg's execution under this id; `cum` counts contracts or units.
fn leg_row(id: &str, under: &str, leg: &str, side: Side, cum: i64, when: i64) -> Activity {
    let mut found = row(id, 2, cum, when);
    if let ActivityKind::Fill { order_id, symbol, side: stated, .. } = &mut found.kind {
        (*order_id, *symbol, *stated) = (under.into(), format!("SPY-{leg}").into(), side);
    }
    found
}

/// Every row of both units, by one of the three readings.
fn rows(under_parent: bool, in_units: bool) -> Vec<Activity> {
    let mut rows = Vec::new();
    for units in [1, 2] {
        for (leg, side) in [("put", Side::Buy), ("call", Side::Sell)] {
            let cum = if in_units { units } else { units * 2 };
            let under = if under_parent { "p" } else { leg };
            rows.push(leg_row(&format!("r-{leg}-{units}"), under, leg, side, cum, units));
        }
    }
    rows
}

const READINGS: [(bool, bool); 3] = [(false, false), (true, false), (true, true)];

fn ledger(blotter: &Blotter) -> Vec<(String, String, Qty)> {
    let mut found: Vec<_> =
        blotter.executions().map(|row| (row.order_id.to_string(), row.side.to_string(), row.qty)).collect();
    found.sort();
    found
}

fn expected() -> Vec<(String, String, Qty)> {
    let row = |leg: &str, side: &str| (leg.to_owned(), side.to_owned(), Qty::whole(2));
    vec![row("call", "sell"), row("call", "sell"), row("put", "buy"), row("put", "buy")]
}

#[test]
fn a_multi_leg_fill_is_one_execution_per_leg_and_none_of_the_parent() {
    for (under_parent, in_units) in READINGS {
        let mut blotter = Blotter::default();
        blotter.apply_update(&unit(1, 1));
        assert!(blotter.apply_update(&unit(2, 2)).gaps.is_empty());
        blotter.apply_snapshot(&family(2, 2), &[]);
        let changes = blotter.apply_snapshot(&family(2, 2), &rows(under_parent, in_units));
        assert!(changes.executions.is_empty(), "{under_parent} {in_units}: {changes:?}");
        assert_eq!(ledger(&blotter), expected());
        assert!(blotter.unsettled().next().is_none());
        assert!(blotter.apply_snapshot(&family(2, 2), &rows(under_parent, in_units)).is_empty());
    }
}

#[test]
fn rows_of_a_multi_leg_order_missing_from_the_stream_belong_to_its_legs() {
    for (under_parent, in_units) in READINGS {
        let mut blotter = Blotter::default();
        blotter.apply_snapshot(&family(2, 2), &rows(under_parent, in_units));
        assert_eq!(ledger(&blotter), expected(), "{under_parent} {in_units}");
        for units in [1, 2] {
            assert!(blotter.apply_update(&unit(units, units)).executions.is_empty(), "{under_parent} {in_units}");
        }
        assert_eq!(ledger(&blotter), expected());
    }
}

#[test]
fn rows_under_a_parent_whose_legs_arrive_later_move_to_them_and_are_reported_once() {
    let mut blotter = Blotter::default();
    let mut reported = blotter.apply_snapshot(&[], &rows(true, false)).executions.len();
    let lines = blotter.tape().len();
    reported += blotter.apply_snapshot(&family(2, 2), &[]).executions.len();
    reported += blotter.apply_update(&unit(1, 1)).executions.len();
    assert_eq!((reported, ledger(&blotter)), (4, expected()));
    assert_eq!(blotter.tape().len(), lines, "each keeps its line");
    assert!(blotter.tape().iter().all(|line| line.order_id.as_str() != "p"));
    assert!(blotter.tape().iter().all(|line| line.execution.is_some() && !line.withdrawn), "and shows it");
}

/// The family as stated by a list that is not nested.
fn flat(units: i64, when: i64) -> Vec<Order> {
    let mut states = family(units, when);
    states[0].legs.clear();
    states
}

#[test]
fn a_leg_awaits_nothing_while_its_rows_may_be_under_an_unknown_parent() {
    for (under_parent, in_units) in READINGS {
        let rows = rows(under_parent, in_units);
        let mut blotter = Blotter::default();
        let mut reported = blotter.apply_snapshot(&flat(2, 2), &rows).executions;
        assert_eq!(reported.len(), rows.len(), "each row once and nothing else: {reported:?}");
        assert_eq!(blotter.unsettled().any(|id| id.as_str() == "p"), under_parent, "its legs are requested");
        reported.extend(blotter.apply_snapshot(&family(2, 2), &[]).executions);
        reported.extend(blotter.apply_update(&unit(1, 1)).executions);
        assert_eq!((reported.len(), ledger(&blotter)), (4, expected()), "{under_parent} {in_units}");
        assert!(blotter.unsettled().next().is_none());
    }
}

#[test]
fn the_legs_of_an_order_are_also_learned_from_an_older_state() {
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&flat(2, 9), &rows(true, false));
    let mut placed = family(0, 1).remove(0);
    placed.status = OrderStatus::PendingNew;
    let changes = blotter.apply_replayed(&[event(TradeEvent::PendingNew, placed, vec![])]);
    assert!(changes.executions.is_empty() && changes.orders == [OrderId::from("p")], "{changes:?}");
    assert_eq!(ledger(&blotter), expected());
    // It is the same execution that was reported under the parent's id.
    assert!(blotter.apply_replayed(&[unit(1, 1)]).executions.is_empty());
    assert_eq!(ledger(&blotter), expected());
}

#[test]
fn a_row_that_explains_a_leg_s_placeholder_leaves_its_former_line() {
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&flat(1, 1), &rows(true, false)[..1]);
    let mut awaited = execution("unexplained/put/0-2", &family(1, 1)[1], 2, 2, 1, ExecutionKind::Unexplained);
    awaited.source = Source::Journal;
    let mut rows: Vec<Execution> = blotter.executions().cloned().collect();
    let mut tape = blotter.tape().to_vec();
    tape.push(TapeEntry { number: 1, execution: Some(awaited.id.clone()), ..tape[0].clone() });
    rows.push(awaited);
    // As written by an earlier version.
    let mut again = Blotter::default();
    again.restore(flat(1, 1), rows, tape, None);
    again.apply_snapshot(&family(1, 1), &[]);
    let shown: Vec<_> = again.tape().iter().filter_map(|line| line.execution.as_ref()).collect();
    let kept: Vec<_> = again.executions().filter(|row| row.order_id.as_str() == "put").map(|row| &row.id).collect();
    assert_eq!((kept.len(), shown.iter().filter(|id| **id == kept[0]).count()), (1, 1), "{shown:?}");
}

#[test]
fn one_row_shows_whether_the_others_count_units_in_any_order() {
    let mut rows = rows(true, true);
    rows.reverse();
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&family(2, 2), &rows);
    assert!(blotter.apply_update(&unit(2, 2)).executions.is_empty());
    assert_eq!(ledger(&blotter), expected());
    // Also the rows of another order, none of which shows it.
    let mut states = family(2, 2);
    let mut reported = unit(2, 2);
    for order in states.iter_mut().chain(&mut reported.legs).chain([&mut reported.order]) {
        order.id = format!("other-{}", order.id).as_str().into();
        order.legs = order.legs.iter().map(|leg| format!("other-{leg}").as_str().into()).collect();
    }
    for report in &mut reported.executions {
        report.id = format!("other-{}", report.id).as_str().into();
        report.order_id = format!("other-{}", report.order_id).as_str().into();
    }
    let other =
        [leg_row("s-put", "other-p", "put", Side::Buy, 2, 2), leg_row("s-call", "other-p", "call", Side::Sell, 2, 2)];
    blotter.apply_snapshot(&states, &other);
    assert!(blotter.apply_update(&reported).executions.is_empty(), "{:?}", ledger(&blotter));
}

#[test]
fn a_multi_leg_fill_without_legs_is_a_gap() {
    let mut blotter = Blotter::default();
    let parent = family(2, 2).remove(0);
    let changes = blotter.apply_update(&event(TradeEvent::Fill, parent, vec![]));
    assert_eq!(changes.gaps, [OrderId::from("p")]);
    assert_eq!(blotter.executions().count(), 0);
}

#[test]
fn an_order_with_unknown_legs_is_no_gap_before_anything_executed() {
    let mut blotter = Blotter::default();
    let changes = blotter.apply_update(&event(TradeEvent::New, flat(0, 1).remove(0), vec![]));
    assert!(changes.gaps.is_empty() && blotter.unsettled().next().is_none(), "{changes:?}");
    assert!(blotter.parents_of(&["put".into()]).is_empty());
    blotter.apply_snapshot(&family(0, 1), &[]);
    assert_eq!(blotter.parents_of(&["put".into(), "other".into()]), [&OrderId::from("p")]);
}

#[test]
fn an_execution_has_the_side_of_its_leg_or_else_that_of_its_row() {
    let mut states = family(2, 2);
    states[2].side = Side::None;
    let mut blotter = Blotter::default();
    let rows = [leg_row("r1", "p", "put", Side::None, 4, 2), leg_row("r2", "p", "call", Side::Sell, 4, 2)];
    blotter.apply_snapshot(&states, &rows);
    let side = |id: &str| blotter.execution(&id.into()).map(|row| row.side.clone());
    assert_eq!((side("row/r1"), side("row/r2")), (Some(Side::Buy), Some(Side::Sell)));
}

#[test]
fn figures_distinguish_units_from_contracts_if_only_one_of_them_fits() {
    let counts = |stated, qty| {
        crate::domain::blotter::legs::counts_units(Qty::whole(stated), Qty::whole(qty), (Qty::whole(8), Qty::whole(4)))
    };
    assert_eq!(counts(2, 4), Some(true), "there are at least as many contracts as its own");
    assert_eq!(counts(1, 1), Some(true), "contracts make up whole units");
    assert_eq!(counts(6, 2), Some(false), "there are not more than four units");
    assert_eq!((counts(2, 2), counts(4, 4)), (None, None), "either");
    assert_eq!(counts(5, 6), None, "neither");
    let alike =
        crate::domain::blotter::legs::counts_units(Qty::whole(1), Qty::whole(2), (Qty::whole(4), Qty::whole(4)));
    assert_eq!(alike, None, "a unit is one contract");
}

#[test]
fn a_leg_has_its_own_state_whatever_its_parent_stated() {
    let mut entry = order("entry", OrderStatus::Filled, 100, 1);
    entry.legs = vec!["leg".into()];
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&[entry, order("leg", OrderStatus::Held, 0, 1)], &[]);
    blotter.apply_update(&event(TradeEvent::Canceled, order("leg", OrderStatus::Canceled, 0, 4), vec![]));
    let entry = blotter.order(&"entry".into()).unwrap();
    let statuses: Vec<_> = entry.legs.iter().map(|leg| blotter.order(leg).unwrap().status.clone()).collect();
    assert_eq!(statuses, [OrderStatus::Canceled]);
}

#[test]
fn orders_of_an_earlier_journal_are_read_with_their_legs() {
    let mut json = serde_json::to_value(order("entry", OrderStatus::New, 0, 1)).unwrap();
    json["legs"] = serde_json::json!([serde_json::to_value(order("leg", OrderStatus::Held, 0, 1)).unwrap()]);
    let read: Order = serde_json::from_value(json).unwrap();
    assert_eq!(read.legs, [OrderId::from("leg")]);
    let again: Order = serde_json::from_value(serde_json::to_value(&read).unwrap()).unwrap();
    assert_eq!(again, read);
}

proptest! {
    #[test]
    fn a_multi_leg_order_is_the_same_in_any_order_of_arrival_and_by_any_reading(
        places in prop::collection::vec(0..7_usize, 1..24),
        reading in 0..3_usize,
    ) {
        let (under_parent, in_units) = READINGS[reading];
        let rows = rows(under_parent, in_units);
        let mut blotter = Blotter::default();
        let mut reported = HashSet::new();
        // Rows arrive in chronological order, as in lists.
        for place in places.into_iter().chain(0..7) {
            let changes = match place {
                0 => blotter.apply_update(&unit(1, 1)),
                1 => blotter.apply_update(&unit(2, 2)),
                2 => blotter.apply_snapshot(&family(2, 2), &[]),
                3 => blotter.apply_snapshot(&family(2, 2), &rows),
                4 => blotter.apply_snapshot(&[], &rows[..2]),
                5 => blotter.apply_snapshot(&[], &rows),
                _ => blotter.apply_snapshot(&family(1, 1), &rows[..2]),
            };
            for id in changes.executions {
                prop_assert!(Blotter::is_placeholder_of(&id, &"put".into()) || Blotter::is_placeholder_of(&id, &"call".into())
                    || reported.insert(id));
            }
        }
        prop_assert_eq!(ledger(&blotter), expected());
        prop_assert!(blotter.apply_snapshot(&family(2, 2), &rows).is_empty());
        prop_assert!(blotter.apply_update(&unit(1, 1)).is_empty() && blotter.apply_update(&unit(2, 2)).is_empty());
    }
}
