mod chain;
mod conflicting;
mod corrected;
mod edge;
mod entering;
mod legs;
mod merging;
mod moments;
mod previous_account;
mod restored;
mod times;

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::domain::money::{Price, Qty};
use crate::domain::order::{OrderClass, OrderType, Raw, Side, TimeInForce};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + second).unwrap()
}

fn order(id: &str, status: OrderStatus, cum: i64, updated: i64) -> Order {
    Order {
        id: id.into(),
        client_order_id: Some(format!("c-{id}").into()),
        symbol: "AAPL".into(),
        asset_class: Some("us_equity".into()),
        side: Side::Buy,
        order_type: OrderType::Limit,
        tif: TimeInForce::Day,
        class: OrderClass::Simple,
        qty: Some(Qty::whole(100)),
        notional: None,
        cum_qty: Qty::whole(cum),
        avg_px: (cum > 0).then(|| Price::whole(10)),
        limit_px: Some(Price::whole(10)),
        stop_px: None,
        trail_px: None,
        trail_percent: None,
        hwm: None,
        status,
        extended_hours: false,
        created_at: Some(at(0)),
        updated_at: Some(at(updated)),
        submitted_at: Some(at(0)),
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
        raw: Raw(Some(Arc::from(format!("{{\"filled_qty\":\"{cum}\",\"t\":{updated}}}")))),
    }
}

fn execution(id: &str, order: &Order, qty: i64, cum: i64, when: i64, kind: ExecutionKind) -> Execution {
    Execution {
        id: id.into(),
        order_id: order.id.clone(),
        symbol: order.symbol.clone(),
        side: order.side.clone(),
        qty: Qty::whole(qty),
        px: Some(Price::whole(10)),
        cum_qty: (cum >= 0).then(|| Qty::whole(cum)),
        position_qty: None,
        at: Some(at(when)),
        kind,
        source: Source::Stream,
    }
}

fn event(event: TradeEvent, order: Order, executions: Vec<Execution>) -> TradeUpdate {
    let happened_at = order.updated_at;
    TradeUpdate { event, event_id: None, at: None, happened_at, order, legs: Vec::new(), executions, reason: None }
}

fn fill(id: &str, order_id: &str, qty: i64, cum: i64, when: i64) -> TradeUpdate {
    let (status, kind) = if cum == 100 {
        (OrderStatus::Filled, TradeEvent::Fill)
    } else {
        (OrderStatus::PartiallyFilled, TradeEvent::PartialFill)
    };
    let order = order(order_id, status, cum, when);
    let report = execution(id, &order, qty, cum, when, ExecutionKind::Trade);
    event(kind, order, vec![report])
}

fn bust(id: &str, of: &str, qty: i64, left: i64, when: i64) -> TradeUpdate {
    let order = order("o", OrderStatus::PartiallyFilled, left, when);
    let report = execution(id, &order, qty, -1, when, ExecutionKind::Bust { of: Some(of.into()) });
    event(TradeEvent::TradeBust, order, vec![report])
}

fn row(id: &str, qty: i64, cum: i64, when: i64) -> Activity {
    Activity {
        id: Arc::from(id),
        activity_type: "FILL".into(),
        kind: ActivityKind::Fill {
            execution_id: None,
            order_id: "o".into(),
            symbol: "AAPL".into(),
            side: Side::Buy,
            qty: Qty::whole(qty),
            px: Price::whole(10),
            cum_qty: Some(Qty::whole(cum)),
            partial: false,
            at: Some(at(when)),
        },
        raw: Raw::default(),
    }
}

type Shown = (Vec<(OrderId, OrderStatus, Qty)>, Vec<(Qty, Option<Qty>)>);

/// What a trader sees, independent of the order of arrival.
fn shown_state(blotter: &Blotter) -> Shown {
    let mut orders: Vec<_> =
        blotter.orders().map(|order| (order.id.clone(), order.status.clone(), order.cum_qty)).collect();
    orders.sort();
    let mut executions: Vec<_> = blotter.executions().map(|execution| (execution.qty, execution.cum_qty)).collect();
    executions.sort();
    (orders, executions)
}

#[test]
fn a_repeated_frame_changes_nothing() {
    let mut blotter = Blotter::default();
    assert_eq!(blotter.apply_update(&fill("e1", "o", 40, 40, 1)).executions.len(), 1);
    assert!(blotter.apply_update(&fill("e1", "o", 40, 40, 1)).is_empty());
    assert_eq!(blotter.tape().len(), 1);
}

#[test]
fn a_late_new_does_not_reopen_a_filled_order() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 100, 100, 5));
    blotter.apply_update(&event(TradeEvent::New, order("o", OrderStatus::New, 0, 1), vec![]));
    assert_eq!(blotter.order(&"o".into()).unwrap().status, OrderStatus::Filled);
    assert_eq!(blotter.working_count(), 0);
}

#[test]
fn a_fill_after_the_cancel_still_counts_and_the_order_stays_canceled() {
    let late = fill("e2", "o", 20, 60, 3);
    let cancel = event(TradeEvent::Canceled, order("o", OrderStatus::Canceled, 40, 4), vec![]);
    for updates in [[&cancel, &late], [&late, &cancel]] {
        let mut blotter = Blotter::default();
        for update in updates {
            blotter.apply_update(update);
        }
        let order = blotter.order(&"o".into()).unwrap();
        assert_eq!((&order.status, order.cum_qty), (&OrderStatus::Canceled, Qty::whole(60)));
        assert!(blotter.execution(&"e2".into()).is_some());
    }
}

#[test]
fn stream_and_activity_row_of_one_execution_are_one_whichever_came_first() {
    let mut first = Blotter::default();
    first.apply_update(&fill("e1", "o", 40, 40, 1));
    assert!(first.apply_snapshot(&[], &[row("r1", 40, 40, 1)]).executions.is_empty());
    let mut second = Blotter::default();
    second.apply_snapshot(&[], &[row("r1", 40, 40, 1)]);
    assert!(second.apply_update(&fill("e1", "o", 40, 40, 1)).executions.is_empty());
    assert!(second.apply_snapshot(&[], &[row("r1", 40, 40, 1)]).is_empty());
    assert_eq!((first.executions().count(), second.executions().count()), (1, 1));
    assert_eq!(second.tape().len(), 1);
    assert_eq!(second.tape()[0].execution, Some("e1".into()), "the line has its own id now");
}

#[test]
fn unexplained_quantity_is_a_placeholder_until_the_report_takes_its_line() {
    let mut blotter = Blotter::default();
    let changes = blotter.apply_snapshot(&[order("o", OrderStatus::Filled, 100, 9)], &[]);
    assert_eq!(changes.gaps.len(), 1);
    assert_eq!(blotter.executions().next().unwrap().kind, ExecutionKind::Unexplained);
    blotter.apply_snapshot(&[order("o", OrderStatus::Filled, 100, 9)], &[row("r1", 60, 60, 1)]);
    let mut spans: Vec<_> = blotter.executions().map(|row| (row.qty, row.cum_qty, row.kind.clone())).collect();
    spans.sort_by_key(|(_, to, _)| *to);
    let span = |qty, to, kind| (Qty::whole(qty), Some(Qty::whole(to)), kind);
    assert_eq!(spans, [span(60, 60, ExecutionKind::Trade), span(40, 100, ExecutionKind::Unexplained)]);
    blotter.apply_snapshot(&[order("o", OrderStatus::Filled, 100, 9)], &[row("r1", 60, 60, 1), row("r2", 40, 100, 2)]);
    assert!(blotter.executions().all(|execution| execution.kind == ExecutionKind::Trade));
    assert_eq!(blotter.tape().len(), 2, "no line was repeated");
    assert!(blotter.tape().iter().all(|line| blotter.execution(line.execution.as_ref().unwrap()).is_some()));
}

#[test]
fn the_rest_of_a_placeholder_stays_until_it_is_explained_too() {
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&[order("o", OrderStatus::Filled, 100, 9)], &[]);
    for (report, left) in [(fill("e2", "o", 20, 60, 3), 3), (fill("e1", "o", 40, 40, 2), 3)] {
        assert!(blotter.apply_update(&report).gaps.is_empty());
        let all = Qty::sum(blotter.executions().map(|row| row.qty));
        assert_eq!((all, blotter.executions().count()), (Some(Qty::whole(100)), left));
    }
}

#[test]
fn a_gap_in_the_stream_is_reported() {
    let mut blotter = Blotter::default();
    assert_eq!(blotter.apply_update(&fill("e2", "o", 20, 60, 3)).gaps, [OrderId::from("o")]);
}

#[test]
fn a_bust_lowers_the_executed_quantity_and_an_old_frame_does_not_raise_it_again() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 40, 40, 1));
    blotter.apply_update(&bust("b1", "e1", 40, 0, 5));
    assert_eq!(blotter.order(&"o".into()).unwrap().cum_qty, Qty::ZERO);
    blotter.apply_update(&fill("e1", "o", 40, 40, 1));
    assert_eq!(blotter.order(&"o".into()).unwrap().cum_qty, Qty::ZERO);
    assert_eq!(blotter.executions().count(), 2);
}

#[test]
fn an_unreported_bust_is_inferred_once_and_then_takes_its_real_id() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 40, 40, 1));
    let after = order("o", OrderStatus::PartiallyFilled, 0, 9);
    blotter.apply_snapshot(std::slice::from_ref(&after), &[]);
    assert_eq!(blotter.order(&"o".into()).unwrap().cum_qty, Qty::ZERO);
    assert!(blotter.apply_snapshot(&[after], &[]).is_empty());
    let mut real = bust("b1", "e1", 40, 0, 9);
    real.order.updated_at = Some(at(9));
    assert!(blotter.apply_update(&real).executions.is_empty(), "it is not new");
    assert_eq!(blotter.executions().count(), 2, "the inferred row became the real one");
    assert!(blotter.execution(&"b1".into()).is_some());
}

#[test]
fn a_stale_answer_does_not_settle_what_a_newer_frame_contests() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 40, 40, 5));
    // The bust never arrived; the cancel after it states less executed.
    blotter.apply_update(&event(TradeEvent::Canceled, order("o", OrderStatus::Canceled, 0, 9), vec![]));
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 40, 5)], &[]);
    assert!(blotter.unsettled().any(|id| id.as_str() == "o"), "it is requested again");
    let canceled = order("o", OrderStatus::Canceled, 0, 9);
    blotter.apply_snapshot(std::slice::from_ref(&canceled), &[]);
    blotter.apply_snapshot(std::slice::from_ref(&canceled), &[]);
    assert_eq!(blotter.order(&"o".into()).unwrap().cum_qty, Qty::ZERO);
    assert_eq!(blotter.executions().count(), 2, "the bust has a row");
    assert!(blotter.unsettled().next().is_none());
}

#[test]
fn one_span_busted_twice_at_one_moment_gives_two_busts() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 40, 40, 1));
    let after = order("o", OrderStatus::PartiallyFilled, 0, 9);
    blotter.apply_snapshot(std::slice::from_ref(&after), &[]);
    // A row of a second execution of the same span appears; it was busted too, and the order states nothing new.
    let mut second = row("r2", 40, 40, 5);
    if let ActivityKind::Fill { px, .. } = &mut second.kind {
        *px = Price::whole(11);
    }
    blotter.apply_snapshot(std::slice::from_ref(&after), &[second]);
    blotter.apply_snapshot(std::slice::from_ref(&after), &[]);
    blotter.apply_snapshot(std::slice::from_ref(&after), &[]);
    assert_eq!(blotter.executions().count(), 4, "two executions, two busts");
    assert!(blotter.unsettled().next().is_none(), "the rows add up");
}

#[test]
fn two_busts_of_unreported_executions_leave_two_unexplained_rows() {
    let mut blotter = Blotter::default();
    let empty = |second| order("o", OrderStatus::PartiallyFilled, 0, second);
    for (undoing, second) in [("b1", 5), ("b2", 9)] {
        blotter.apply_update(&bust(undoing, &format!("e-{undoing}"), 40, 0, second));
        blotter.apply_snapshot(&[empty(second)], &[]);
        assert!(blotter.unsettled().next().is_none(), "the rows add up after {undoing}");
    }
    assert_eq!(blotter.executions().count(), 4, "two busts, two executions without a report");
    assert!(blotter.apply_snapshot(&[empty(9)], &[]).is_empty(), "nothing new the second time");
}

#[test]
fn a_row_is_paired_with_its_report_however_far_apart_their_times_are() {
    for apart in [5, 60, 3_600] {
        let mut blotter = Blotter::default();
        blotter.apply_update(&fill("e1", "o", 60, 60, 1));
        blotter.apply_update(&fill("e2", "o", 40, 100, 2));
        let rows = [row("r1", 60, 60, 1 + apart), row("r2", 40, 100, 2 + apart)];
        let filled = order("o", OrderStatus::Filled, 100, 2);
        for _ in 0..2 {
            let changes = blotter.apply_snapshot(std::slice::from_ref(&filled), &rows);
            assert!(changes.executions.is_empty(), "{apart} s apart: {changes:?}");
        }
        assert_eq!(blotter.executions().count(), 2, "{apart} s apart");
    }
}

#[test]
fn a_row_of_a_busted_execution_is_not_a_second_one_however_late_its_time_is() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 40, 40, 1));
    blotter.apply_update(&bust("b1", "e1", 40, 0, 5));
    let after = order("o", OrderStatus::PartiallyFilled, 0, 5);
    let late = row("r1", 40, 40, 7);
    for _ in 0..2 {
        assert!(
            blotter.apply_snapshot(std::slice::from_ref(&after), std::slice::from_ref(&late)).executions.is_empty()
        );
    }
    // Executed again: the order states it, so a row that far away belongs to that.
    let again = order("o", OrderStatus::PartiallyFilled, 40, 20);
    let changes = blotter.apply_snapshot(&[again], &[row("r2", 40, 40, 20)]);
    assert_eq!(changes.executions.len(), 1);
    assert!(blotter.unsettled().next().is_none());
}

#[test]
fn a_row_far_from_a_busted_execution_of_its_span_is_a_new_execution() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 40, 40, 1));
    blotter.apply_update(&bust("b1", "e1", 40, 0, 5));
    let again = order("o", OrderStatus::PartiallyFilled, 40, 20);
    let changes = blotter.apply_snapshot(&[again], &[row("r2", 40, 40, 20)]);
    assert_eq!(changes.executions, [ExecutionId::from("row/r2")]);
}

#[test]
fn an_order_whose_late_report_states_more_than_its_end_is_requested() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&event(TradeEvent::Canceled, order("o", OrderStatus::Canceled, 0, 9), vec![]));
    blotter.apply_update(&fill("e1", "o", 40, 40, 5));
    assert!(blotter.unsettled().any(|id| id.as_str() == "o"), "late, or undone before the end: REST decides");
    blotter.apply_snapshot(&[order("o", OrderStatus::Canceled, 40, 9)], &[]);
    assert!(blotter.unsettled().next().is_none());
}

/// The same span executed twice, a second apart, because the first was busted without a report: in whatever order the
/// reports arrive, each row is paired with the execution of its own time, and each is shown as new once.
#[test]
fn of_two_executions_of_one_span_each_finds_its_own_row() {
    let reported = |id: &str, when| fill(id, "o", 40, 40, when);
    let orders = [[0, 1, 2, 3], [2, 1, 3, 0], [3, 0, 1, 2], [2, 0, 3, 1], [1, 2, 0, 3], [0, 3, 2, 1], [3, 1, 0, 2]];
    for arrivals in orders {
        let mut blotter = Blotter::default();
        let mut shown = Vec::new();
        for arrival in arrivals {
            let changes = match arrival {
                0 => blotter.apply_update(&reported("e1", 1)),
                1 => blotter.apply_update(&reported("e2", 2)),
                2 => blotter.apply_snapshot(&[], &[row("r1", 40, 40, 1)]),
                _ => blotter.apply_snapshot(&[], &[row("r2", 40, 40, 2)]),
            };
            shown.extend(changes.executions);
        }
        let mut left: Vec<_> = blotter.executions().map(|row| (row.id.to_string(), row.at)).collect();
        left.sort();
        assert_eq!(left, [("e1".to_owned(), Some(at(1))), ("e2".to_owned(), Some(at(2)))], "{arrivals:?}");
        assert_eq!(shown.len(), 2, "{arrivals:?}: {shown:?}");
        let mut lines: Vec<_> = blotter.tape().iter().filter_map(|line| line.execution.clone()).collect();
        lines.sort();
        assert_eq!(lines, ["e1".into(), "e2".into()], "{arrivals:?}: each has one line");
    }
}

#[test]
fn a_stale_answer_of_rest_changes_nothing() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 40, 40, 5));
    assert!(blotter.apply_snapshot(&[order("o", OrderStatus::New, 0, 2)], &[]).is_empty());
}

#[test]
fn a_cancel_missed_by_the_stream_is_a_late_line_and_not_repeated_when_it_arrives() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&event(TradeEvent::New, order("o", OrderStatus::New, 0, 1), vec![]));
    let canceled = order("o", OrderStatus::Canceled, 0, 4);
    blotter.apply_snapshot(std::slice::from_ref(&canceled), &[]);
    assert_eq!(blotter.tape().last().unwrap().source, Source::Reconcile);
    assert!(blotter.apply_update(&event(TradeEvent::Canceled, canceled, vec![])).tape.is_empty());
}

#[test]
fn legs_of_a_nested_order_are_orders_too() {
    let mut parent = order("p", OrderStatus::New, 0, 1);
    parent.legs = vec!["leg".into()];
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&[parent, order("leg", OrderStatus::Held, 0, 1)], &[]);
    assert_eq!(blotter.working_count(), 2);
    assert!(blotter.order(&"leg".into()).is_some());
}

/// A plausible life of one order: what stream and REST may report of it.
fn life() -> Vec<TradeUpdate> {
    vec![
        event(TradeEvent::New, order("o", OrderStatus::New, 0, 1), vec![]),
        fill("e1", "o", 30, 30, 2),
        fill("e2", "o", 30, 60, 3),
        fill("e3", "o", 40, 100, 4),
    ]
}

#[test]
fn an_order_in_two_lists_is_one_answer_and_implies_no_bust() {
    let mut blotter = Blotter::default();
    // The rows' clock is behind, so that the row looks older than a state that does not include it yet.
    let stale = order("o", OrderStatus::New, 0, 5);
    blotter.apply_snapshot(&[stale.clone(), stale], &[row("r1", 30, 30, 2)]);
    let kinds: Vec<_> = blotter.executions().map(|execution| execution.kind.clone()).collect();
    assert_eq!(kinds, [ExecutionKind::Trade]);
}

proptest! {
    #[test]
    fn any_order_of_arrival_and_any_repetition_gives_the_same_state(places in prop::collection::vec(0..8_usize, 1..40)) {
        let updates = life();
        let rows = [row("r1", 30, 30, 2), row("r2", 30, 60, 3), row("r3", 40, 100, 4)];
        let mut blotter = Blotter::default();
        let mut lowest = Qty::ZERO;
        let all = places.iter().copied().chain(0..8);
        for place in all.clone() {
            match place {
                0..=3 => drop(blotter.apply_update(&updates[place])),
                4..=6 => drop(blotter.apply_snapshot(&[], &rows[place - 4..=place - 4])),
                _ => drop(blotter.apply_snapshot(&[order("o", OrderStatus::Filled, 100, 4)], &[])),
            }
            let cum = blotter.order(&"o".into()).map_or(Qty::ZERO, |order| order.cum_qty);
            prop_assert!(cum >= lowest, "an executed quantity fell");
            lowest = cum;
        }
        let mut straight = Blotter::default();
        for update in &updates {
            straight.apply_update(update);
        }
        prop_assert_eq!(shown_state(&blotter), shown_state(&straight));
        for place in all {
            if let Some(update) = updates.get(place) {
                prop_assert!(blotter.apply_update(update).is_empty(), "a second pass emits nothing");
            }
        }
        for line in blotter.tape() {
            let found = line.execution.as_ref().is_none_or(|id| blotter.execution(id).is_some());
            prop_assert!(found, "a tape line points to no execution");
        }
    }
}
