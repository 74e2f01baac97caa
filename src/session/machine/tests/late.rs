//! Answers that arrive late, changes from far back, and contradictions that last.

use super::*;

pub(super) fn at(second: i64) -> Option<Timestamp> {
    Timestamp::from_second(1_760_000_000 + second).ok()
}

impl Fixture {
    /// Placeholder rows.
    pub(super) fn awaited(&self) -> usize {
        self.blotter.executions().filter(|row| row.kind == ExecutionKind::Unexplained).count()
    }

    /// The stream reports a state of an order.
    pub(super) fn reported(&mut self, event: TradeEvent, order: Order) {
        self.stream(StreamEvent::Update(Box::new(update(event, order, vec![]))));
    }

    /// Lets time pass; a new stream listens at once.
    fn settle(&mut self, time: Duration) {
        for _ in 0..time.as_secs() {
            self.pass(Duration::from_secs(1));
            if self.session.state().word() == "connecting" {
                self.listen();
            }
        }
    }

    fn status(&self, id: &str) -> OrderStatus {
        self.blotter.order(&id.into()).unwrap().status.clone()
    }

    /// Four hundred executions of other orders, newer than the first one.
    fn bury_the_first_row(&mut self) {
        for number in 0..400 {
            let mut row = self.rows[0].clone();
            row.id = Arc::from(format!("other{number}"));
            if let ActivityKind::Fill { order_id, at: when, .. } = &mut row.kind {
                (*order_id, *when) = (format!("other{number}").into(), at(100 + number));
            }
            self.rows.push(row);
        }
    }
}

#[test]
fn a_row_that_is_twenty_minutes_late_is_requested_although_the_watermark_has_passed_it() {
    let mut fixture = Fixture::live();
    fixture.orders = vec![order("o"), order("p")];
    fixture.execute("o", 40, false);
    let late = fixture.rows.pop().unwrap();
    fixture.settle(Duration::from_mins(1));
    assert_eq!((fixture.awaited(), fixture.held()), (1, Qty::whole(40)));
    // Another order trades two hours later, so that no list reaches back to the first one.
    let (mut newer, mut traded) = (order("p"), late.clone());
    (newer.cum_qty, newer.updated_at) = (Qty::whole(5), at(7_200));
    newer.status = OrderStatus::PartiallyFilled;
    traded.id = Arc::from("row-p");
    if let ActivityKind::Fill { order_id, qty, cum_qty, at: when, .. } = &mut traded.kind {
        (*order_id, *qty, *cum_qty, *when) = ("p".into(), Qty::whole(5), Some(Qty::whole(5)), at(7_200));
    }
    fixture.rows.push(traded);
    fixture.orders[1] = newer;
    fixture.settle(Duration::from_mins(20));
    assert!(fixture.session.since.fills > at(7_000), "the watermark has passed it");
    fixture.rows.push(late);
    fixture.settle(Duration::from_mins(2));
    assert_eq!((fixture.awaited(), fixture.held()), (0, Qty::whole(45)));
    assert!(fixture.session.state().is_live());
}

#[test]
fn executions_before_the_newest_ones_are_found_for_an_order_that_still_works() {
    let mut fixture = Fixture::new();
    fixture.orders = vec![order("old")];
    fixture.execute("old", 40, false);
    fixture.bury_the_first_row();
    fixture.listen();
    assert_eq!(fixture.awaited(), 1, "not among the newest");
    fixture.settle(Duration::from_secs(40));
    let rows = fixture.blotter.executions_of(&"old".into());
    assert_eq!(
        rows.iter().map(|row| (&row.kind, row.qty)).collect::<Vec<_>>(),
        [(&ExecutionKind::Trade, Qty::whole(40))]
    );
}

#[test]
fn pages_smaller_than_requested_are_followed_to_the_end() {
    let mut fixture = Fixture::new();
    fixture.page = 7;
    fixture.orders = (0..91).map(|number| order(&format!("o{number}"))).collect();
    for number in 0..20 {
        fixture.execute(&format!("o{number}"), 40, false);
    }
    fixture.listen();
    assert!(fixture.session.state().is_live());
    assert_eq!(fixture.blotter.working_count(), 91);
    fixture.settle(Duration::from_mins(1));
    assert_eq!((fixture.awaited(), fixture.held()), (0, Qty::whole(800)));
    // Also after an outage, when the list goes back to the last pass.
    fixture.stream(StreamEvent::Closed(Closed::Lost { message: "reset".to_owned() }));
    for number in 20..60 {
        fixture.execute(&format!("o{number}"), 100, false);
    }
    fixture.pass(Duration::from_secs(5));
    fixture.listen();
    fixture.settle(Duration::from_mins(1));
    assert_eq!((fixture.awaited(), fixture.held()), (0, Qty::whole(4_800)));
}

#[test]
fn a_bust_of_an_order_behind_hundreds_of_newer_ones_is_found() {
    let mut fixture = Fixture::live();
    fixture.orders = vec![order("old")];
    fixture.execute("old", 100, true);
    assert_eq!(fixture.status("old"), OrderStatus::Filled);
    for number in 0..1_200 {
        let mut newer = order(&format!("n{number}"));
        // Only the last is recent enough to be in every pass.
        let when = at(if number == 1_199 { 9_000 } else { 5_000 });
        (newer.status, newer.submitted_at, newer.updated_at) = (OrderStatus::Canceled, when, when);
        fixture.orders.push(newer);
    }
    fixture.settle(Duration::from_mins(10));
    fixture.orders[0].cum_qty = Qty::ZERO;
    fixture.orders[0].updated_at = at(10_000);
    fixture.settle(Duration::from_mins(30));
    assert_eq!(fixture.blotter.order(&"old".into()).unwrap().cum_qty, Qty::ZERO);
    let undone = |row: &&Execution| matches!(row.kind, ExecutionKind::Bust { .. });
    assert_eq!(fixture.blotter.executions().filter(undone).count(), 1);
}

#[test]
fn a_replaced_order_is_fetched_to_tell_its_executions_from_its_successors() {
    let mut fixture = Fixture::new();
    let mut first = order("a");
    (first.status, first.cum_qty) = (OrderStatus::Replaced, Qty::whole(41));
    (first.replaced_by, first.submitted_at) = (Some("b".into()), at(-90_000));
    let mut second = order("b");
    (second.replaces, second.cum_qty) = (Some("a".into()), Qty::whole(41));
    second.status = OrderStatus::PartiallyFilled;
    fixture.orders = vec![first, second];
    for number in 0..600 {
        let mut newer = order(&format!("n{number}"));
        newer.status = OrderStatus::Canceled;
        if number > 500 {
            newer.submitted_at = at(9_000);
        }
        fixture.orders.push(newer);
    }
    fixture.listen();
    assert!(fixture.asked.contains(&Request::Order("a".into())), "the first snapshot is not merged without it");
    assert_eq!(fixture.blotter.executions_of(&"b".into()).len(), 0);
    fixture.settle(Duration::from_secs(40));
    let own = fixture.blotter.executions_of(&"b".into());
    assert!(own.is_empty(), "41 were executed by the first: {own:?}");
    let confirmed =
        |request: &&Request| matches!(request, Request::Activities(query) if query.order == Some("b".into()));
    assert!(fixture.asked.iter().filter(confirmed).count() > 0, "its rows are requested anyway");
}

#[test]
fn the_rows_of_a_replacing_order_are_in_the_first_snapshot_however_old() {
    let mut fixture = Fixture::new();
    fixture.orders = vec![order("a"), order("b")];
    fixture.execute("a", 12, false);
    (fixture.orders[0].status, fixture.orders[0].replaced_by) = (OrderStatus::Replaced, Some("b".into()));
    fixture.orders[1].replaces = Some("a".into());
    // Its count starts at zero: by the rows of the newest pages alone, 12 of it could also be the first order's.
    fixture.execute("b", 29, false);
    fixture.bury_the_first_row();
    fixture.execute("b", 30, false);
    fixture.listen();
    let own = fixture.blotter.executions_of(&"b".into());
    let own: Vec<_> = own.iter().map(|row| (&row.kind, row.qty)).collect();
    assert_eq!(own, [(&ExecutionKind::Trade, Qty::whole(29)), (&ExecutionKind::Trade, Qty::whole(30))]);
}

#[test]
fn rest_wins_when_two_audits_repeat_a_contradiction_and_that_is_reported() {
    for coarse in [false, true] {
        let mut fixture = Fixture::live();
        fixture.orders = vec![order("o")];
        if coarse {
            fixture.orders[0].updated_at = "2025-10-09T08:53:21.123Z".parse().ok();
        }
        fixture.pass(Duration::from_mins(1));
        let mut canceling = fixture.orders[0].clone();
        canceling.status = OrderStatus::PendingCancel;
        if coarse {
            canceling.updated_at = "2025-10-09T08:53:21.123456789Z".parse().ok();
        }
        fixture.reported(TradeEvent::PendingCancel, canceling);
        assert_eq!(fixture.status("o"), OrderStatus::PendingCancel);
        fixture.pass(Duration::from_mins(1));
        fixture.pass(Duration::from_mins(1));
        assert_eq!(fixture.status("o"), OrderStatus::New, "{coarse}");
        assert!(
            fixture.logs().contains("out of step with the broker: order o was shown as pending_cancel"),
            "{coarse}"
        );
        assert!(fixture.session.state().is_live());
    }
}

#[test]
fn a_momentary_lag_of_rest_changes_nothing() {
    let mut fixture = Fixture::live();
    fixture.orders = vec![order("o")];
    fixture.pass(Duration::from_mins(1));
    let stale = fixture.orders[0].clone();
    fixture.execute("o", 40, true);
    let fresh = std::mem::replace(&mut fixture.orders[0], stale);
    fixture.input(Input::Connect);
    fixture.listen();
    fixture.pass(Duration::from_secs(10));
    fixture.orders[0] = fresh;
    fixture.pass(Duration::from_mins(3));
    assert_eq!((fixture.held(), fixture.blotter.executions().count()), (Qty::whole(40), 1));
    assert!(!fixture.logs().contains("out of step"), "{}", fixture.logs());
}

#[test]
fn a_terminal_status_that_rest_does_not_know_is_taken_back_after_a_minute() {
    let mut fixture = Fixture::live();
    fixture.orders = vec![order("o")];
    fixture.pass(Duration::from_mins(1));
    let mut canceled = fixture.orders[0].clone();
    (canceled.status, canceled.updated_at) = (OrderStatus::Canceled, at(5));
    fixture.reported(TradeEvent::Canceled, canceled);
    fixture.pass(Duration::from_secs(40));
    assert_eq!(fixture.status("o"), OrderStatus::Canceled);
    fixture.pass(Duration::from_mins(3));
    assert_eq!((fixture.status("o"), fixture.blotter.working_count()), (OrderStatus::New, 1), "it works at the broker");
}

#[test]
fn an_account_that_was_quiet_is_audited_within_a_minute_of_its_first_working_order() {
    let mut fixture = Fixture::live();
    fixture.pass(Duration::from_mins(3));
    fixture.orders.push(order("o"));
    fixture.stream(StreamEvent::Update(Box::new(update(TradeEvent::New, order("o"), Vec::new()))));
    // The stream leaves this one out.
    fixture.orders.push(order("left-out"));
    fixture.pass(Duration::from_secs(61));
    assert_eq!(fixture.blotter.working_count(), 2);
}

#[test]
fn an_order_fetched_by_id_moves_no_watermark_past_one_that_no_list_has_shown() {
    let mut fixture = Fixture::new();
    fixture.session.limits.overlap = Duration::from_secs(1);
    fixture.page = 2;
    fixture.listen();
    fixture.fails = Some((
        |request| matches!(request, Request::Activities(_)),
        RequestErrorKind::RateLimited { retry_after: Some(Duration::from_mins(1)) },
    ));
    fixture.session.handle(Input::Timeout, &mut fixture.blotter, fixture.now);
    fixture.stream(StreamEvent::Closed(Closed::Silent));
    fixture.settle(Duration::from_secs(10));
    // While the pass waits for the executions, one order arrives and ends unfilled, then others that trade.
    for (number, id) in ["ended", "a", "b", "c", "d"].into_iter().enumerate() {
        let mut order = order(id);
        order.submitted_at = at(10 * i64::try_from(number).unwrap() + 10);
        fixture.orders.push(order);
        if id == "ended" {
            fixture.orders[0].status = OrderStatus::Expired;
        } else {
            fixture.execute(id, 100, false);
        }
    }
    fixture.fails = None;
    fixture.settle(Duration::from_mins(10));
    let known = ["ended", "a", "b", "c", "d"].map(|id| fixture.blotter.order(&id.into()).is_some());
    assert_eq!(known, [true; 5], "{}", fixture.logs());
}

#[test]
fn the_watermark_of_executions_is_what_was_known_when_a_pass_began() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.execute("o", 40, true);
    fixture.settle(Duration::from_mins(2));
    assert_eq!(fixture.session.watermark().0, at(1));
    // A pass that finds a newer execution may have sent its request before an older row was visible.
    fixture.execute("o", 20, false);
    fixture.input(Input::Resync);
    fixture.settle(Duration::from_secs(1));
    assert_eq!((fixture.held(), fixture.session.watermark().0), (Qty::whole(60), at(1)));
    fixture.settle(Duration::from_mins(2));
    assert_eq!(fixture.session.watermark().0, at(2));
}

#[test]
fn executions_between_passes_are_fetched_although_another_list_was_never_answered() {
    for from_the_first in [true, false] {
        let mut fixture = Fixture::new();
        fixture.page = 1;
        // Nor the rows of a single order.
        let fails: Wanted = |request| match request {
            Request::Orders(query) => query.filter == OrderFilter::All,
            Request::Activities(query) => query.order.is_some(),
            _ => false,
        };
        fixture.fails = Some((fails, RequestErrorKind::Forbidden));
        fixture.orders.push(order("o"));
        if from_the_first {
            fixture.execute("o", 1, false);
        }
        fixture.listen();
        fixture.pass(Duration::from_secs(20));
        // More than the first pass goes back.
        for _ in 0..9 {
            fixture.execute("o", 5, false);
        }
        fixture.pass(Duration::from_mins(5));
        let rows = fixture.blotter.executions().filter(|row| row.kind == ExecutionKind::Trade).count();
        assert_eq!(rows, 9 + usize::from(from_the_first), "{}", fixture.logs());
        assert_eq!(fixture.session.watermark().1, None);
    }
}

#[test]
fn another_account_is_fetched_from_its_beginning() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.execute("o", 40, true);
    let later = |row: &mut Activity, id: &str, second: i64| {
        row.id = Arc::from(format!("row-{id}"));
        if let ActivityKind::Fill { order_id, at: when, .. } = &mut row.kind {
            (*order_id, *when) = (id.into(), at(second));
        }
    };
    later(&mut fixture.rows[0], "o", 7_200);
    fixture.settle(Duration::from_mins(2));
    assert!(fixture.session.watermark().0 >= at(1));
    // Its history is older than the last change known of the previous account.
    fixture.account = "acct-2";
    fixture.orders = vec![order("mine")];
    fixture.orders[0].cum_qty = Qty::whole(40);
    fixture.orders[0].status = OrderStatus::PartiallyFilled;
    later(&mut fixture.rows[0], "mine", 10);
    fixture.asked.clear();
    fixture.settle(Duration::from_mins(3));
    let whole = |request: &Request| matches!(request, Request::Activities(query) if query.order.is_none() && query.after.is_none());
    assert!(fixture.asked.iter().any(whole), "{:?}", fixture.asked);
    assert_eq!((fixture.held(), fixture.awaited()), (Qty::whole(40), 0), "{}", fixture.logs());
}

#[test]
fn an_execution_that_the_stream_reports_soon_after_an_audit_does_not_count_against_it() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.reported(TradeEvent::New, order("o"));
    fixture.settle(Duration::from_mins(2));
    for qty in [10, 20, 30] {
        fixture.execute("o", qty, false);
        let (row, state) = (fixture.rows.last().unwrap().clone(), fixture.orders[0].clone());
        while fixture.held() < state.cum_qty {
            fixture.pass(Duration::from_secs(1));
        }
        let ActivityKind::Fill { qty, px, cum_qty, at, .. } = row.kind else { panic!("{row:?}") };
        let report = Execution {
            id: format!("exec-{}", row.id).into(),
            order_id: state.id.clone(),
            symbol: state.symbol.clone(),
            side: Side::Buy,
            qty,
            px: Some(px),
            cum_qty,
            position_qty: None,
            at,
            kind: ExecutionKind::Trade,
            source: Source::Stream,
        };
        fixture.stream(StreamEvent::Update(Box::new(update(TradeEvent::PartialFill, state, vec![report]))));
        fixture.pass(Duration::from_secs(10));
    }
    assert!(!fixture.logs().contains("left out"), "{}", fixture.logs());
    assert_eq!(fixture.held(), Qty::whole(60));
}

#[test]
fn the_watermark_of_orders_is_what_was_known_when_a_pass_began() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.reported(TradeEvent::New, order("o"));
    fixture.settle(Duration::from_mins(2));
    assert_eq!(fixture.session.watermark().1, at(0));
    let mut newer = order("p");
    newer.submitted_at = at(50);
    fixture.orders.push(newer);
    fixture.input(Input::Resync);
    fixture.settle(Duration::from_secs(1));
    assert_eq!((fixture.blotter.order_count(), fixture.session.watermark().1), (2, at(0)));
    fixture.settle(Duration::from_mins(2));
    assert_eq!(fixture.session.watermark().1, at(50));
}

#[test]
fn an_order_that_only_its_execution_names_is_in_the_first_snapshot() {
    let mut fixture = Fixture::new();
    fixture.page = 2;
    fixture.orders = ["old", "a", "b", "c"].map(order).to_vec();
    fixture.execute("old", 100, false);
    for order in &mut fixture.orders {
        order.status = OrderStatus::Canceled;
    }
    fixture.orders[0].status = OrderStatus::Filled;
    fixture.listen();
    assert!(fixture.session.state().is_live());
    assert!(fixture.asked.contains(&Request::Order("old".into())), "{:?}", fixture.asked);
    assert_eq!((fixture.held(), fixture.awaited()), (Qty::whole(100), 0));
}

#[test]
fn a_pass_begins_well_before_the_watermark() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.execute("o", 40, true);
    fixture.settle(Duration::from_mins(2));
    fixture.asked.clear();
    fixture.input(Input::Resync);
    fixture.settle(Duration::from_secs(1));
    let from = at(1).unwrap().checked_sub(fixture.session.limits.overlap).ok();
    let overlaps = |request: &Request| matches!(request, Request::Activities(query) if query.after == from);
    assert!(fixture.asked.iter().any(overlaps), "{:?}", fixture.asked);
}

#[test]
fn a_pass_requests_orders_from_well_before_the_newest_known() {
    let mut fixture = Fixture::live();
    fixture.page = 2;
    let submitted = |id: &str, second: i64, status: OrderStatus| {
        let mut order = order(id);
        (order.submitted_at, order.status) = (at(second), status);
        order
    };
    fixture.orders.extend([50, 60].map(|second| submitted(&second.to_string(), second, OrderStatus::Expired)));
    fixture.settle(Duration::from_mins(3));
    assert!(fixture.blotter.order(&"60".into()).is_some());
    // It was sent before the others and is listed after them, on the page behind the one that reaches
    // the newest known order.
    fixture.orders.insert(0, submitted("late", 30, OrderStatus::Expired));
    fixture.orders.extend([70, 80].map(|second| submitted(&second.to_string(), second, OrderStatus::Expired)));
    fixture.input(Input::Resync);
    fixture.settle(Duration::from_secs(1));
    assert!(fixture.blotter.order(&"late".into()).is_some(), "{:?}", fixture.asked);
}

#[test]
fn a_contradiction_of_an_earlier_state_does_not_apply_to_the_next() {
    let mut fixture = Fixture::live();
    fixture.orders = vec![order("o")];
    let reported = |event, status, second| (event, Order { status, updated_at: at(second), ..order("o") });
    let canceling = reported(TradeEvent::PendingCancel, OrderStatus::PendingCancel, 10);
    fixture.reported(TradeEvent::New, order("o"));
    fixture.reported(canceling.0.clone(), canceling.1);
    while fixture.session.conflicts.is_empty() {
        fixture.pass(Duration::from_secs(1));
    }
    // Before the next REST request the order is as REST said, and then again as it was.
    for (event, order) in [
        reported(TradeEvent::CancelRejected, OrderStatus::New, 20),
        reported(TradeEvent::PendingCancel, OrderStatus::PendingCancel, 30),
    ] {
        fixture.pass(Duration::from_secs(5));
        fixture.reported(event, order);
    }
    // This answer may date from before the change.
    fixture.pass(Duration::from_secs(6));
    assert_eq!(fixture.status("o"), OrderStatus::PendingCancel, "{}", fixture.logs());
    assert!(!fixture.session.conflicts.is_empty(), "REST was requested");
}
