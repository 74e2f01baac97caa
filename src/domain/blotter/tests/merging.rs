//! What one answer changes of an order, and what it leaves unchanged.

use super::*;

fn blotter_with(known: Order) -> Blotter {
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&[known], &[]);
    blotter
}

#[test]
fn each_status_known_only_from_rest_has_its_tape_line() {
    let states = [
        (OrderStatus::Canceled, TradeEvent::Canceled),
        (OrderStatus::Expired, TradeEvent::Expired),
        (OrderStatus::Rejected, TradeEvent::Rejected),
        (OrderStatus::Replaced, TradeEvent::Replaced),
        (OrderStatus::DoneForDay, TradeEvent::DoneForDay),
        (OrderStatus::Suspended, TradeEvent::Suspended),
        (OrderStatus::New, TradeEvent::New),
    ];
    for (status, event) in states {
        let mut blotter = blotter_with(order("o", OrderStatus::PendingNew, 0, 1));
        let changes = blotter.apply_snapshot(&[order("o", status, 0, 2)], &[]);
        let lines: Vec<_> = changes.tape.iter().filter_map(|number| blotter.tape_entry(*number)).collect();
        assert_eq!(lines.iter().map(|line| &line.event).collect::<Vec<_>>(), [&event]);
        assert_eq!(lines[0].source, Source::Reconcile);
    }
}

#[test]
fn an_order_moves_with_its_status_or_executed_quantity_but_not_with_its_terms() {
    let mut blotter = blotter_with(order("o", OrderStatus::New, 0, 1));
    let mut other_terms = order("o", OrderStatus::New, 0, 2);
    other_terms.hwm = Some(Price::whole(12));
    let changes = blotter.apply_snapshot(&[other_terms], &[]);
    assert_eq!((changes.orders.len(), changes.moved.len()), (1, 0));
    let changes = blotter.apply_snapshot(&[order("o", OrderStatus::PendingCancel, 0, 3)], &[]);
    assert_eq!(changes.moved.len(), 1, "the status alone");
    let mut blotter = blotter_with(order("o", OrderStatus::PartiallyFilled, 10, 1));
    let changes = blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 20, 2)], &[]);
    assert_eq!(changes.moved.len(), 1, "the quantity alone");
}

#[test]
fn the_mark_of_a_trailing_stop_moves_without_an_event_and_only_rest_reports_it() {
    let marked = |mark: i64| Order { hwm: Some(Price::whole(mark)), ..order("o", OrderStatus::New, 0, 1) };
    let mark = |blotter: &Blotter| blotter.order(&"o".into()).unwrap().hwm;
    let mut blotter = blotter_with(marked(10));
    blotter.apply_update(&event(TradeEvent::New, marked(11), vec![]));
    assert_eq!(mark(&blotter), Some(Price::whole(10)), "a repeated frame is no evidence");
    assert_eq!(blotter.apply_snapshot(&[marked(12)], &[]).orders.len(), 1);
    assert_eq!(mark(&blotter), Some(Price::whole(12)));
    assert!(blotter.apply_snapshot(&[marked(12)], &[]).is_empty(), "the same again");
    let older = Order { updated_at: Some(at(0)), ..marked(9) };
    assert!(blotter.apply_snapshot(&[older], &[]).is_empty());
    assert_eq!(mark(&blotter), Some(Price::whole(12)));
}

#[test]
fn a_terminal_status_with_less_executed_ends_the_order_and_takes_nothing_back() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 60, 60, 5));
    let canceled = order("o", OrderStatus::Canceled, 40, 4);
    blotter.apply_update(&event(TradeEvent::Canceled, canceled, vec![]));
    let known = blotter.order(&"o".into()).unwrap();
    assert_eq!((&known.status, known.cum_qty), (&OrderStatus::Canceled, Qty::whole(60)));
    assert_eq!(blotter.working_count(), 0);
    // A working state with less executed is merely older.
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 60, 60, 5));
    let replacing = order("o", OrderStatus::PendingReplace, 40, 4);
    blotter.apply_update(&event(TradeEvent::PendingReplace, replacing, vec![]));
    assert_eq!(blotter.order(&"o".into()).unwrap().status, OrderStatus::PartiallyFilled);
}

#[test]
fn stand_ins_are_distinguished_from_reports_and_by_their_order() {
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 40, 1)], &[]);
    let awaited = blotter.executions().next().unwrap().id.clone();
    assert!(Blotter::is_stand_in(&awaited) && Blotter::is_placeholder_of(&awaited, &"o".into()));
    assert!(!Blotter::is_placeholder_of(&awaited, &"other".into()));
    blotter.apply_snapshot(&[], &[row("r", 40, 40, 1)]);
    let known = blotter.executions().next().unwrap().id.clone();
    assert!(Blotter::is_stand_in(&known), "a row does not have the execution's own id");
    assert!(!Blotter::is_placeholder_of(&known, &"o".into()));
    blotter.apply_update(&fill("e1", "o", 40, 40, 1));
    let reported = blotter.executions().next().unwrap().id.clone();
    assert_eq!(reported.as_str(), "e1");
    assert!(!Blotter::is_stand_in(&reported));
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 30, 9)], &[]);
    let undone = blotter.executions().find(|row| matches!(row.kind, ExecutionKind::Bust { .. })).unwrap().id.clone();
    assert!(Blotter::is_stand_in(&undone));
    assert_eq!(Blotter::inferred_span(&undone), Some("inferred-bust/o/40-30"));
    assert_eq!(Blotter::inferred_span(&reported), None);
}

#[test]
fn the_average_is_the_price_of_a_placeholder_only_if_everything_is_missing() {
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 40, 1)], &[]);
    assert_eq!(blotter.executions().next().unwrap().px, Some(Price::whole(10)));
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 40, 1)], &[row("r", 10, 10, 1)]);
    let awaited = blotter.executions().find(|row| row.kind == ExecutionKind::Unexplained).unwrap();
    assert_eq!((awaited.qty, awaited.px), (Qty::whole(30), None));
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&[order("o", OrderStatus::PartiallyFilled, 40, 2)], &[row("r", 30, 40, 2)]);
    let awaited = blotter.executions().find(|row| row.kind == ExecutionKind::Unexplained).unwrap();
    assert_eq!((awaited.qty, awaited.cum_qty, awaited.px), (Qty::whole(10), Some(Qty::whole(10)), None));
}

#[test]
fn events_have_one_line_per_order_and_event_and_recurring_ones_per_time() {
    let line = |event: TradeEvent, when: Option<i64>, execution: Option<&str>| {
        let at = when.map(at);
        let execution = execution.map(ExecutionId::from);
        tape::TapeEntry {
            number: 0,
            at,
            event,
            order_id: "o".into(),
            execution,
            source: Source::Stream,
            withdrawn: false,
        }
        .key()
    };
    let once = |when| line(TradeEvent::Canceled, Some(when), None);
    assert_eq!(once(1), once(2), "it happens once, with slightly different times");
    let again = |when| line(TradeEvent::PendingReplace, Some(when), None);
    assert_ne!(again(1), again(2));
    assert_ne!(once(1), again(1));
    assert_eq!(line(TradeEvent::Fill, Some(1), Some("e")), line(TradeEvent::Fill, Some(2), Some("e")));
    assert_eq!(line(TradeEvent::PendingReplace, None, None), line(TradeEvent::PendingReplace, None, None));
}

#[test]
fn the_quantity_taken_by_a_correction_without_its_original_is_inferred_at_once() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 40, 40, 1));
    let corrected = order("o", OrderStatus::PartiallyFilled, 30, 5);
    let report = execution("c1", &corrected, 30, -1, 5, ExecutionKind::Correction { of: None });
    blotter.apply_update(&event(TradeEvent::TradeCorrect, corrected.clone(), vec![report]));
    blotter.apply_snapshot(&[corrected], &[]);
    let undone: Vec<Qty> = blotter
        .executions()
        .filter(|row| matches!(row.kind, ExecutionKind::Bust { .. }))
        .map(|row| row.qty.abs())
        .collect();
    assert_eq!(undone, [Qty::whole(10)]);
    assert!(blotter.unsettled().next().is_none());
}

#[test]
fn an_order_adds_up_as_soon_as_its_predecessor_s_executions_are_known() {
    let mut blotter = Blotter::default();
    let before = |cum: i64, when: i64| order("o", OrderStatus::Replaced, cum, when);
    blotter.apply_snapshot(&[before(20, 2)], &[row("r1", 20, 20, 1)]);
    let after = Order { replaces: Some("o".into()), ..order("b", OrderStatus::PartiallyFilled, 41, 5) };
    blotter.apply_update(&event(TradeEvent::Other("state".into()), after, vec![]));
    assert!(blotter.unsettled().any(|id| id.as_str() == "b"), "21 of it have no report");
    blotter.apply_snapshot(&[before(41, 4)], &[row("r2", 21, 41, 3)]);
    assert!(blotter.unsettled().next().is_none(), "{:?}", blotter.unsettled().collect::<Vec<_>>());
}

#[test]
fn an_execution_restored_without_its_order_requests_the_order() {
    let mut blotter = Blotter::default();
    let alone = execution("e1", &order("o", OrderStatus::Filled, 100, 1), 100, 100, 1, ExecutionKind::Trade);
    blotter.restore(Vec::new(), vec![alone], Vec::new(), Some(at(9)));
    assert!(blotter.unsettled().any(|id| id.as_str() == "o"));
}

#[test]
fn a_late_event_is_older_however_advanced_its_status_is() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&event(TradeEvent::New, order("o", OrderStatus::New, 0, 5), vec![]));
    blotter.apply_update(&event(TradeEvent::PendingReplace, order("o", OrderStatus::PendingReplace, 0, 3), vec![]));
    assert_eq!(blotter.order(&"o".into()).unwrap().status, OrderStatus::New);
}

#[test]
fn rest_may_change_any_term_at_the_same_time_as_the_known_state() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 40, 40, 5));
    let stated =
        |avg: i64| Order { avg_px: Some(Price::whole(avg)), ..order("o", OrderStatus::PartiallyFilled, 40, 5) };
    assert_eq!(blotter.apply_snapshot(&[stated(9)], &[]).orders.len(), 1);
    assert_eq!(blotter.order(&"o".into()).unwrap().avg_px, Some(Price::whole(9)));
    assert_eq!(blotter.conflicts().count(), 0);
    // With an earlier time, it is not accepted, but noted.
    let earlier = Order { updated_at: Some(at(4)), ..stated(8) };
    blotter.apply_snapshot(&[earlier], &[]);
    let (_, conflict, _) = blotter.conflicts().next().unwrap();
    assert!(conflict.is_of_terms() && !conflict.takes_back());
    assert_eq!(conflict.words(), ("average price 9".to_owned(), "average price 8".to_owned()));
    // The same price with other digits is no conflict.
    let digits = Order { updated_at: Some(at(4)), avg_px: "9.004".parse().ok(), ..stated(9) };
    blotter.apply_snapshot(&[digits], &[]);
    assert_eq!(blotter.conflicts().count(), 0);
}

#[test]
fn a_value_that_an_answer_leaves_out_is_unchanged() {
    let whole = Order {
        limit_px: Some(Price::whole(10)),
        avg_px: Some(Price::whole(9)),
        ..order("o", OrderStatus::PartiallyFilled, 3, 1)
    };
    let bare = |at: i64, cum: i64| Order {
        status: OrderStatus::from_word(""),
        side: Side::from_word(""),
        symbol: "".into(),
        qty: None,
        limit_px: None,
        avg_px: None,
        ..order("o", OrderStatus::New, cum, at)
    };
    for at in [1, 2] {
        let mut blotter = Blotter::default();
        blotter.apply_snapshot(std::slice::from_ref(&whole), &[]);
        let changes = blotter.apply_snapshot(&[bare(at, 3)], &[]);
        let known = blotter.order(&"o".into()).unwrap();
        assert_eq!(Order { updated_at: whole.updated_at, raw: whole.raw.clone(), ..known.clone() }, whole);
        assert!(changes.tape.is_empty() && blotter.conflicts().next().is_none());
    }
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(std::slice::from_ref(&whole), &[]);
    blotter.apply_update(&event(TradeEvent::PartialFill, bare(5, 4), Vec::new()));
    let known = blotter.order(&"o".into()).unwrap();
    let figures = (known.cum_qty, known.qty, known.limit_px, known.avg_px, known.side.clone());
    assert_eq!(
        figures,
        (Qty::whole(4), whole.qty, whole.limit_px, None, whole.side),
        "the average of a smaller quantity does not apply to a larger one"
    );
}

#[test]
fn a_value_missing_from_one_answer_of_a_pass_may_be_in_another() {
    let filled = |at: i64| Order { limit_px: Some(Price::whole(10)), ..order("o", OrderStatus::Filled, 10, at) };
    let whole = Order { avg_px: Some(Price::whole(9)), ..filled(2) };
    for at in [1, 2, 3] {
        let bare = Order { qty: None, limit_px: None, avg_px: None, updated_at: filled(at).updated_at, ..filled(2) };
        for answers in [[whole.clone(), bare.clone()], [bare, whole.clone()]] {
            for before in [Some(order("o", OrderStatus::New, 0, 0)), None] {
                let mut blotter = Blotter::default();
                blotter.apply_snapshot(before.as_slice(), &[]);
                blotter.apply_snapshot(&answers, &[]);
                let known = blotter.order(&"o".into()).unwrap();
                let figures = (known.qty, known.limit_px, known.avg_px);
                assert_eq!(figures, (whole.qty, whole.limit_px, whole.avg_px), "{before:?} {answers:?}");
                assert_eq!(blotter.conflicts().count(), 0);
            }
        }
    }
}

#[test]
fn an_older_state_supplies_values_missing_from_a_newer_one_without_an_event() {
    let mut blotter = Blotter::default();
    let bare = Order { qty: None, avg_px: None, ..order("o", OrderStatus::PendingCancel, 0, 2) };
    blotter.apply_update(&event(TradeEvent::PendingCancel, bare, Vec::new()));
    let lines = blotter.tape().len();
    let changes = blotter.apply_snapshot(&[order("o", OrderStatus::New, 0, 1)], &[]);
    let known = blotter.order(&"o".into()).unwrap();
    assert_eq!((known.qty, &known.status), (Some(Qty::whole(100)), &OrderStatus::PendingCancel));
    assert_eq!((changes.orders.len(), blotter.tape().len()), (1, lines));
    assert!(blotter.apply_snapshot(&[order("o", OrderStatus::New, 0, 1)], &[]).is_empty());
}

#[test]
fn a_correction_takes_no_status_back_and_a_bust_counts_even_without_a_newer_time() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 40, 40, 5));
    blotter.apply_update(&event(TradeEvent::PendingCancel, order("o", OrderStatus::PendingCancel, 40, 5), vec![]));
    let corrected = order("o", OrderStatus::PartiallyFilled, 40, 5);
    let report = execution("c1", &corrected, 40, -1, 5, ExecutionKind::Correction { of: Some("e1".into()) });
    blotter.apply_update(&event(TradeEvent::TradeCorrect, corrected, vec![report]));
    assert_eq!(blotter.order(&"o".into()).unwrap().status, OrderStatus::PendingCancel);
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 40, 40, 5));
    blotter.apply_update(&bust("b1", "e1", 40, 0, 5));
    assert_eq!(blotter.order(&"o".into()).unwrap().cum_qty, Qty::ZERO);
}

/// `leaves_out` and `complete` cover the same fields.
#[test]
fn each_word_and_figure_left_out_is_detected_and_completed() {
    let px = Some(Price::whole(3));
    let whole = Order {
        notional: Some("5".parse().unwrap()),
        limit_px: px,
        stop_px: px,
        trail_px: px,
        trail_percent: Some(rust_decimal::Decimal::TWO),
        hwm: px,
        avg_px: px,
        ..order("o", OrderStatus::PartiallyFilled, 3, 1)
    };
    let left_out: [fn(&mut Order); 15] = [
        |order| order.status = OrderStatus::from_word(""),
        |order| order.order_type = OrderType::from_word(""),
        |order| order.tif = TimeInForce::from_word(""),
        |order| order.symbol = "".into(),
        |order| order.side = Side::from_word(""),
        |order| order.qty = None,
        |order| order.notional = None,
        |order| order.limit_px = None,
        |order| order.stop_px = None,
        |order| order.trail_px = None,
        |order| order.trail_percent = None,
        |order| order.hwm = None,
        |order| order.avg_px = None,
        |order| order.created_at = None,
        |order| order.submitted_at = None,
    ];
    assert!(!whole.leaves_out(&whole));
    for (place, leave_out) in left_out.into_iter().enumerate() {
        let mut bare = whole.clone();
        leave_out(&mut bare);
        assert!(bare.leaves_out(&whole), "{place}");
        bare.complete(&whole);
        assert_eq!(bare, whole, "{place}");
    }
}
