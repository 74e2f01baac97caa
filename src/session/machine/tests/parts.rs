//! Connection is not freshness: a part that fails is named, has an age of its own, and ends `live`.

use super::*;

fn position(symbol: &str, qty: i64) -> Position {
    Position { qty: Some(Qty::whole(qty)), ..Position::unread(symbol.into()) }
}

impl Fixture {
    fn age(&self, part: Part) -> Option<Duration> {
        let good = self.session.freshness(part, self.now.mono).good?;
        Some(self.now.mono.since(good.mono))
    }

    /// The stream reports an execution that leaves this position.
    fn fill_leaving(&mut self, qty: i64, leaves: i64) {
        self.execute("o", qty, false);
        let order = self.orders[0].clone();
        let report = Execution {
            id: format!("e{leaves}").into(),
            order_id: order.id.clone(),
            symbol: order.symbol.clone(),
            side: Side::Buy,
            qty: Qty::whole(qty),
            px: Some(Price::whole(10)),
            cum_qty: Some(order.cum_qty),
            position_qty: Some(Qty::whole(leaves)),
            at: order.updated_at,
            kind: ExecutionKind::Trade,
            source: Source::Stream,
        };
        self.stream(StreamEvent::Update(Box::new(update(TradeEvent::PartialFill, order, vec![report]))));
    }

    fn requests_in(&mut self, time: Duration) -> usize {
        let before = self.asked.len();
        self.pass(time);
        self.asked.len() - before
    }
}

#[test]
fn each_part_that_fails_for_seconds_is_named_and_ends_live() {
    let parts: [(Wanted, Part); 5] = [
        (|request| matches!(request, Request::Account), Part::Account),
        (|request| matches!(request, Request::Positions), Part::Positions),
        (|request| matches!(request, Request::Orders(q) if q.filter == OrderFilter::Open), Part::Working),
        (|request| matches!(request, Request::Orders(q) if q.filter == OrderFilter::All), Part::Recent),
        (|request| matches!(request, Request::Activities(_)), Part::Executions),
    ];
    for (fails, part) in parts {
        for kind in [RequestErrorKind::Server, RequestErrorKind::NotFound, RequestErrorKind::Decode] {
            let mut fixture = Fixture::live();
            fixture.orders.push(order("o"));
            fixture.pass(Duration::from_mins(2));
            assert!(fixture.session.state().is_live(), "{part} {kind:?}");
            fixture.fails = Some((fails, kind.clone()));
            fixture.execute("o", 40, true);
            fixture.pass(Duration::from_secs(100));
            assert_eq!(fixture.session.state().word(), "syncing", "{part} {kind:?}");
            assert!(reason(&fixture).contains(part.word()), "{part} {kind:?}: {}", reason(&fixture));
            assert_eq!(fixture.held(), Qty::whole(40), "stream updates are shown");
            let fresh = fixture.session.freshness(part, fixture.now.mono);
            assert!(!fresh.current && fresh.reason.is_some(), "{part} {kind:?}: {fresh:?}");
            assert!(fixture.age(part).unwrap() >= Duration::from_secs(90), "its own last good answer counts");
            // Without the account, nothing confirms the others.
            let confirmed = part != Part::Account;
            for other in Part::ALL.into_iter().filter(|other| *other != part) {
                let fresh = fixture.session.freshness(other, fixture.now.mono);
                assert_eq!(fresh.current, confirmed, "{other} while {part} {kind:?}");
            }
            let alarms =
                fixture.seen.iter().filter(|output| matches!(output, Output::Alarm(_) | Output::Fault(..))).count();
            let times = if confirmed { 1 } else { alarms.min(3) };
            assert_eq!(alarms, times, "each part is reported once: {}", fixture.logs());
            fixture.fails = None;
            fixture.pass(Duration::from_mins(2));
            assert!(fixture.session.state().is_live(), "{part} {kind:?}: {}", reason(&fixture));
        }
    }
}

#[test]
fn positions_that_are_forbidden_from_the_start_are_unknown_not_empty() {
    let mut fixture = Fixture::new();
    fixture.orders.push(order("o"));
    fixture.fails = Some((|request| matches!(request, Request::Positions), RequestErrorKind::Forbidden));
    fixture.listen();
    assert_eq!(fixture.session.state().word(), "syncing");
    assert_eq!(reason(&fixture), "positions: the broker answered 403: no");
    assert_eq!(fixture.age(Part::Positions), None);
    assert!(!fixture.seen.iter().any(|output| matches!(output, Output::Positions(_))), "no list is invented");
    fixture.execute("o", 40, true);
    assert_eq!(fixture.held(), Qty::whole(40), "orders and executions are still followed");
    assert!(fixture.session.has_snapshot());
}

#[test]
fn an_unreadable_row_is_named_and_the_others_are_shown() {
    let mut fixture = Fixture::new();
    fixture.orders.push(order("o"));
    fixture.unread = vec![Unread {
        row: "order bad-1".to_owned(),
        id: None,
        why: "an order without a usable filled_qty".to_owned(),
    }];
    fixture.listen();
    assert_eq!(fixture.blotter.working_count(), 1);
    assert_eq!(fixture.session.state().word(), "syncing");
    assert!(reason(&fixture).contains("working orders: order bad-1 cannot be read: an order"), "{}", reason(&fixture));
    assert_eq!(fixture.age(Part::Working), Some(Duration::ZERO), "the readable rows are current");
    fixture.unread.clear();
    fixture.pass(Duration::from_secs(11));
    assert!(fixture.session.state().is_live(), "{}", reason(&fixture));
    assert!(fixture.seen.contains(&Output::Over(Fault::Incomplete)), "the fault is over");
}

#[test]
fn an_order_that_is_unreadable_by_id_is_named_and_leaves_the_list_current() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.pass(Duration::from_secs(61));
    fixture.orders.clear();
    fixture.fails = Some((|request| matches!(request, Request::Order(_)), RequestErrorKind::Decode));
    fixture.pass(Duration::from_secs(61));
    assert_eq!(fixture.session.state().word(), "syncing");
    let fresh = fixture.session.freshness(Part::Working, fixture.now.mono);
    assert!(!fresh.whole && fresh.good.is_some(), "{fresh:?}");
    assert!(fixture.age(Part::Working).unwrap() < Duration::from_secs(61), "the list itself was answered");
}

#[test]
fn a_position_with_an_unreadable_row_stays_with_an_unknown_quantity() {
    let mut fixture = Fixture::new();
    fixture.positions = vec![position("AAPL", 10), position("MSFT", 5)];
    fixture.listen();
    assert!(fixture.session.state().is_live());
    fixture.positions.pop();
    fixture.unread_positions =
        vec![Unread { row: "row 2".to_owned(), id: None, why: "a position without a symbol".to_owned() }];
    fixture.pass(Duration::from_secs(11));
    let held = |fixture: &Fixture| -> Vec<(String, Option<Qty>)> {
        let list = fixture.seen.iter().rev().find_map(|output| match output {
            Output::Positions(list) => Some(list),
            _ => None,
        });
        list.unwrap().iter().map(|held| (held.symbol.to_string(), held.qty)).collect()
    };
    assert_eq!(held(&fixture), [("AAPL".to_owned(), Some(Qty::whole(10))), ("MSFT".to_owned(), None)]);
    assert_eq!(fixture.session.state().word(), "syncing");
    assert!(reason(&fixture).contains("positions: row 2 cannot be read"), "{}", reason(&fixture));
    // Every row is readable again: what the list leaves out is gone.
    fixture.unread_positions.clear();
    fixture.pass(Duration::from_secs(11));
    assert_eq!(held(&fixture), [("AAPL".to_owned(), Some(Qty::whole(10)))]);
    assert!(fixture.session.state().is_live(), "{}", reason(&fixture));
}

#[test]
fn a_fill_is_shown_while_an_endpoint_fails() {
    let lists: [Wanted; 3] = [
        |request| matches!(request, Request::Orders(_)),
        |request| matches!(request, Request::Activities(_)),
        |request| matches!(request, Request::Positions),
    ];
    for fails in lists {
        let mut fixture = Fixture::live();
        fixture.orders.push(order("o"));
        fixture.fails = Some((fails, RequestErrorKind::Server));
        fixture.stream(StreamEvent::Closed(Closed::Silent));
        fixture.pass(Duration::from_secs(2));
        fixture.listen();
        fixture.execute("o", 40, true);
        fixture.pass(Duration::from_secs(4));
        assert_eq!(fixture.held(), Qty::whole(40), "{:?}", fixture.session.state());
        fixture.execute("o", 20, true);
        assert_eq!(fixture.held(), Qty::whole(60), "and the next one at once");
        fixture.fails = None;
        fixture.pass(Duration::from_mins(1));
        assert!(fixture.session.state().is_live(), "{}", reason(&fixture));
        assert_eq!((fixture.held(), fixture.awaited()), (Qty::whole(60), 0));
    }
}

#[test]
fn an_account_that_does_not_answer_at_first_is_requested_again_within_seconds() {
    let mut fixture = Fixture::new();
    fixture.fails = Some((|request| matches!(request, Request::Account), RequestErrorKind::Server));
    fixture.listen();
    fixture.pass(Duration::from_secs(3));
    fixture.fails = None;
    fixture.pass(Duration::from_secs(5));
    assert!(fixture.session.state().is_live(), "{}", reason(&fixture));
}

#[test]
fn neither_a_pong_nor_an_attempt_makes_a_part_younger() {
    let mut fixture = Fixture::live();
    fixture.pass(Duration::from_secs(3));
    fixture.stream(StreamEvent::Pong { latency: Duration::from_millis(9) });
    assert_eq!(fixture.age(Part::Positions), Some(Duration::from_secs(3)));
    fixture.failure = Some(RequestErrorKind::Network);
    fixture.stream(StreamEvent::Closed(Closed::Silent));
    let mut last = Duration::from_secs(3);
    for _ in 0..30 {
        fixture.pass(Duration::from_secs(1));
        if matches!(fixture.session.state().word(), "connecting") {
            fixture.stream(StreamEvent::Closed(Closed::unreachable("no route".to_owned())));
        }
        let age = fixture.age(Part::Positions).unwrap();
        assert_eq!(age, last + Duration::from_secs(1));
        last = age;
        assert!(Part::ALL.into_iter().all(|part| !fixture.session.freshness(part, fixture.now.mono).current));
    }
}

#[test]
fn a_request_that_is_never_answered_ends_live_too() {
    let mut fixture = Fixture::live();
    // The queue sends nothing.
    for _ in 0..90 {
        fixture.now = fixture.now.plus(Duration::from_secs(1));
        fixture.session.handle(Input::Timeout, &mut fixture.blotter, fixture.now);
        while fixture.session.poll().is_some() {}
    }
    assert_eq!(fixture.session.state().word(), "syncing");
    assert!(reason(&fixture).contains("no answer"), "{}", reason(&fixture));
    let wait = Some((Duration::from_secs(40), "the requests of this minute are used up".to_owned()));
    fixture.session.handle(Input::Queued(wait), &mut fixture.blotter, fixture.now);
    assert!(reason(&fixture).contains("used up"), "{}", reason(&fixture));
    let ConnectionState::Syncing { until, .. } = fixture.session.state() else { panic!() };
    assert_eq!(*until, Some(fixture.now.mono + Duration::from_secs(40)));
}

#[test]
fn a_wait_of_a_year_is_cut_to_two_minutes_reported_and_ended_by_a_resync() {
    let year = RequestErrorKind::RateLimited { retry_after: Some(Duration::from_hours(8_760)) };
    let mut fixture = Fixture::live();
    fixture.fails = Some((|_| true, year.clone()));
    fixture.pass(Duration::from_mins(2));
    assert_eq!(fixture.session.state().word(), "syncing");
    assert!(fixture.logs().contains("asked to wait 31536000 s"), "{}", fixture.logs());
    let ConnectionState::Syncing { until, .. } = fixture.session.state() else { panic!() };
    let left = until.map(|until| until.since(fixture.now.mono));
    assert!(left.is_some_and(|left| left <= Duration::from_mins(2)), "{left:?}");
    fixture.fails = None;
    fixture.pass(Duration::from_mins(2));
    assert!(fixture.session.state().is_live(), "two minutes at most: {}", reason(&fixture));
    fixture.fails = Some((|_| true, year));
    fixture.pass(Duration::from_mins(2));
    fixture.fails = None;
    fixture.input(Input::Resync);
    assert!(fixture.seen.contains(&Output::EndWaits));
    fixture.listen();
    assert!(fixture.session.state().is_live(), "{}", reason(&fixture));
}

#[test]
fn unknown_frames_cause_one_more_pass_a_minute() {
    let mut fixture = Fixture::live();
    fixture.pass(Duration::from_mins(3));
    let quiet = fixture.requests_in(Duration::from_mins(10));
    let before = fixture.asked.len();
    for _ in 0..300 {
        fixture.stream(StreamEvent::Unknown { text: "?".to_owned() });
        fixture.pass(Duration::from_secs(2));
    }
    let noisy = fixture.asked.len() - before;
    assert!(noisy <= quiet + 11 * 5, "{noisy} requests in ten minutes, {quiet} without");
}

#[test]
fn a_pass_in_progress_does_not_replace_the_one_after_an_unknown_frame() {
    let mut fixture = Fixture::live();
    fixture.pass(Duration::from_mins(3));
    fixture.stream(StreamEvent::Unknown { text: "?".to_owned() });
    fixture.pass(Duration::from_secs(2));
    // A pass in a minute must explain this frame; the regular one that was requested ends before.
    fixture.stream(StreamEvent::Unknown { text: "?".to_owned() });
    fixture.session.audit_within(Duration::from_secs(1), fixture.now);
    fixture.pass(Duration::from_secs(5));
    fixture.stream(StreamEvent::Unknown { text: "?".to_owned() });
    let recent = |request: &Request| matches!(request, Request::Orders(q) if q.filter == OrderFilter::All);
    let before = fixture.asked.iter().filter(|request| recent(request)).count();
    fixture.pass(Duration::from_secs(70));
    let after = fixture.asked.iter().filter(|request| recent(request)).count();
    assert!(after > before, "no pass after the last frame");
}

#[test]
fn an_endless_list_is_cut_and_reported() {
    let mut fixture = Fixture::new();
    fixture.session.limits.pages = 4;
    fixture.pages_without_end = true;
    fixture.listen();
    let pages = fixture.asked.iter().filter(|request| matches!(request, Request::Orders(_))).count();
    assert!(pages <= 12, "{pages} pages of three lists");
    assert!(reason(&fixture).contains("is longer than 4 pages"), "{}", reason(&fixture));
    assert_eq!(fixture.session.state().word(), "syncing");
}

#[test]
fn a_position_that_executions_contradict_is_requested_again_and_marked_if_it_lasts() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.positions = vec![position("AAPL", 10)];
    fixture.pass(Duration::from_secs(11));
    fixture.fill_leaving(40, 50);
    assert_eq!(fixture.session.conflicts().count(), 1, "10 is not the position, and the pane must not show it");
    assert_eq!(
        fixture.session.lasting_conflicts(fixture.now.mono).count(),
        0,
        "not reported while the request is in flight"
    );
    assert_eq!(fixture.session.contradiction(Part::Positions, fixture.now.mono), None);
    let asked = |fixture: &Fixture| fixture.asked.iter().filter(|request| **request == Request::Positions).count();
    let before = asked(&fixture);
    fixture.pass(Duration::from_secs(10));
    assert!(asked(&fixture) >= before + 3, "requested again sooner than usual");
    assert!(!fixture.logs().contains("50 held by the last execution"), "REST may lag");
    fixture.pass(Duration::from_secs(5));
    let conflicts: Vec<_> = fixture.session.lasting_conflicts(fixture.now.mono).map(|(_, qty)| qty).collect();
    assert_eq!(conflicts, [Qty::whole(50)]);
    let words = fixture.session.contradiction(Part::Positions, fixture.now.mono);
    assert_eq!(words.as_deref(), Some("AAPL: 50 held by the last execution, but positions list 10"));
    assert_eq!(fixture.session.contradiction(Part::Account, fixture.now.mono), None);
    assert!(fixture.logs().contains("50 held by the last execution, but positions list 10"), "{}", fixture.logs());
    fixture.positions = vec![position("AAPL", 50)];
    fixture.pass(Duration::from_secs(5));
    assert_eq!(fixture.session.conflicts().count(), 0);
    assert!(fixture.seen.contains(&Output::Over(Fault::Holdings)), "the fault is over");
}

#[test]
fn an_account_that_cannot_trade_is_blocked_with_its_status() {
    for status in ["ACCOUNT_CLOSED", "INACTIVE", "REJECTED", "SUBMISSION_FAILED"] {
        let mut fixture = Fixture::new();
        fixture.status = status;
        fixture.listen();
        assert_eq!(fixture.session.state().word(), "blocked");
        assert!(reason(&fixture).contains(status));
    }
    for status in ["ACTIVE", "PAPER_ONLY", "LIMITED", "SOMETHING_NEW"] {
        let mut fixture = Fixture::new();
        fixture.status = status;
        fixture.listen();
        assert!(fixture.session.state().is_live(), "{status}");
    }
}

#[test]
fn a_long_sync_shows_its_progress_and_the_reason() {
    let mut fixture = Fixture::new();
    fixture.hangs = Some(|request| matches!(request, Request::Activities(_)));
    fixture.listen();
    fixture.pass(Duration::from_secs(4));
    let ConnectionState::Syncing { pages: Some(pages), reason: Some(why), .. } = fixture.session.state() else {
        panic!("{:?}", fixture.session.state())
    };
    assert_eq!((pages.done, pages.of), (5, 6));
    assert_eq!(why, "the broker is slow to answer");
    fixture.hangs = None;
    fixture.fails = Some((|request| matches!(request, Request::Activities(_)), RequestErrorKind::Server));
    fixture.pass(Duration::from_secs(30));
    assert_eq!(reason(&fixture), "executions: the broker answered 500: no");
}

#[test]
fn a_failure_beyond_the_lists_keeps_live_and_is_reported_if_it_lasts() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.pass(Duration::from_mins(2));
    // The stream reports the order but no execution: its rows are requested by order.
    let awaits = |request: &Request| matches!(request, Request::Activities(query) if query.order.is_some());
    fixture.fails = Some((awaits, RequestErrorKind::Forbidden));
    let mut behind = fixture.orders[0].clone();
    behind.cum_qty = Qty::whole(40);
    behind.status = OrderStatus::PartiallyFilled;
    behind.updated_at = Timestamp::from_second(1_760_000_500).ok();
    fixture.orders[0] = behind.clone();
    fixture.stream(StreamEvent::Update(Box::new(update(TradeEvent::PartialFill, behind, Vec::new()))));
    fixture.pass(Duration::from_mins(6));
    assert!(fixture.session.state().is_live(), "{}", reason(&fixture));
    let told = fixture.logs();
    assert_eq!(
        told.matches("the executions of an order that awaits a report: the broker answered 403").count(),
        1,
        "{told}"
    );
    fixture.fails = None;
    fixture.pass(Duration::from_mins(6));
    assert!(fixture.logs().contains("can be fetched again"), "{}", fixture.logs());
}

#[test]
fn an_unreadable_page_of_history_is_not_its_beginning() {
    let mut fixture = Fixture::new();
    let mut old = order("old");
    (old.cum_qty, old.status) = (Qty::whole(100), OrderStatus::Filled);
    fixture.orders = vec![old, order("o")];
    for _ in 0..4 {
        fixture.execute("o", 10, false);
    }
    fixture.page = 2;
    fixture.unread_history = true;
    fixture.listen();
    let of_old = fixture.blotter.executions().filter(|row| row.order_id.as_str() == "old").count();
    assert_eq!(of_old, 0, "its executions are on the unreadable page: history, not missing");
}

#[test]
fn a_position_that_changes_without_a_report_causes_an_audit() {
    let mut fixture = Fixture::live();
    fixture.pass(Duration::from_mins(2));
    fixture.orders.push(order("o"));
    fixture.execute("o", 100, false);
    fixture.positions = vec![position("AAPL", 100)];
    // The stream is open and silent; a quiet account is audited every five minutes.
    fixture.pass(Duration::from_mins(1) + Duration::from_secs(2));
    assert_eq!(fixture.held(), Qty::whole(100), "{}", fixture.logs());
    // A split causes one audit and is not held against the stream.
    let mut fixture = Fixture::new();
    fixture.positions = vec![position("AAPL", 100)];
    fixture.listen();
    fixture.pass(Duration::from_mins(10));
    fixture.positions = vec![position("AAPL", 200)];
    fixture.pass(Duration::from_mins(10));
    assert_eq!(fixture.logs().matches("changed without an execution report").count(), 1, "{}", fixture.logs());
    assert!(fixture.session.state().is_live());
}

#[test]
fn a_position_that_an_execution_explains_causes_no_audit_however_late_the_list_is() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.execute("o", 40, true);
    fixture.pass(Duration::from_mins(1));
    let changed = |logs: &str| logs.contains("changed without an execution report");
    fixture.positions = vec![position("AAPL", 40)];
    fixture.pass(Duration::from_mins(10));
    assert!(!changed(&fixture.logs()), "{}", fixture.logs());
    // An unreadable row is not a change either.
    fixture.positions = vec![];
    fixture.unread_positions = vec![Unread { row: "AAPL".to_owned(), id: None, why: "no qty".to_owned() }];
    fixture.pass(Duration::from_mins(10));
    fixture.unread_positions.clear();
    fixture.positions = vec![position("AAPL", 40)];
    fixture.pass(Duration::from_mins(10));
    assert!(!changed(&fixture.logs()), "{}", fixture.logs());
}

#[test]
fn a_refresh_that_fails_is_noted_before_it_is_overdue() {
    let mut fixture = Fixture::new();
    fixture.positions = vec![position("AAPL", 100)];
    fixture.listen();
    // The early audits are over; the next one is minutes away.
    fixture.pass(Duration::from_mins(1));
    fixture.fails = Some((|request| matches!(request, Request::Positions), RequestErrorKind::Server));
    fixture.pass(Duration::from_secs(20));
    assert!(reason(&fixture).starts_with("positions: "), "{:?}", fixture.session.state());
}

#[test]
fn a_reported_execution_explains_no_other() {
    let mut fixture = Fixture::new();
    fixture.positions = vec![position("AAPL", 10)];
    fixture.orders.push(order("o"));
    fixture.listen();
    fixture.pass(Duration::from_mins(2));
    fixture.execute("o", 5, true);
    fixture.positions = vec![position("AAPL", 15)];
    fixture.pass(Duration::from_secs(15));
    // The next one is not reported, within the time that lists lag.
    fixture.execute("o", 2, false);
    fixture.positions = vec![position("AAPL", 17)];
    fixture.pass(Duration::from_secs(40));
    assert_eq!(fixture.held(), Qty::whole(7), "{}", fixture.logs());
}

#[test]
fn a_fill_on_a_first_start_is_shown_while_a_list_fails() {
    let mut fixture = Fixture::new();
    fixture.orders.push(order("o"));
    fixture.fails = Some((|request| matches!(request, Request::Orders(_)), RequestErrorKind::Server));
    fixture.listen();
    fixture.execute("o", 40, true);
    fixture.pass(Duration::from_secs(4));
    assert_eq!(fixture.held(), Qty::whole(40), "{:?}", fixture.session.state());
    fixture.fails = None;
    fixture.pass(Duration::from_mins(1));
    assert!(fixture.session.state().is_live());
    assert_eq!((fixture.held(), fixture.awaited()), (Qty::whole(40), 0));
}
