//! Connection is not freshness: a part that fails is named, aged by itself, and takes the word away.

use super::*;

fn reason(desk: &Desk) -> String {
    desk.session.state().reason().unwrap_or_default().to_owned()
}

fn position(symbol: &str, qty: i64) -> Position {
    Position { qty: Some(Qty::whole(qty)), ..Position::unread(symbol.into()) }
}

impl Desk {
    fn age(&self, part: Part) -> Option<Duration> {
        let good = self.session.freshness(part, self.now.mono).good?;
        Some(self.now.mono.since(good.mono))
    }

    /// The stream tells an execution that leaves this much held.
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
fn each_part_that_fails_for_seconds_takes_the_word_live_away_and_is_named() {
    let parts: [(Wanted, Part); 5] = [
        (|request| matches!(request, Request::Account), Part::Account),
        (|request| matches!(request, Request::Positions), Part::Positions),
        (|request| matches!(request, Request::Orders(q) if q.filter == OrderFilter::Open), Part::Working),
        (|request| matches!(request, Request::Orders(q) if q.filter == OrderFilter::All), Part::Recent),
        (|request| matches!(request, Request::Activities(_)), Part::Executions),
    ];
    for (fails, part) in parts {
        for kind in [RequestErrorKind::Server, RequestErrorKind::NotFound, RequestErrorKind::Decode] {
            let mut desk = Desk::live();
            desk.orders.push(order("o"));
            desk.pass(Duration::from_mins(2));
            assert!(desk.session.state().is_live(), "{part} {kind:?}");
            desk.fails = Some((fails, kind.clone()));
            desk.execute("o", 40, true);
            desk.pass(Duration::from_secs(100));
            assert_eq!(desk.session.state().word(), "syncing", "{part} {kind:?}");
            assert!(reason(&desk).contains(part.word()), "{part} {kind:?}: {}", reason(&desk));
            assert_eq!(desk.held(), Qty::whole(40), "what the stream tells is shown");
            let fresh = desk.session.freshness(part, desk.now.mono);
            assert!(!fresh.current && fresh.reason.is_some(), "{part} {kind:?}: {fresh:?}");
            assert!(desk.age(part).unwrap() >= Duration::from_secs(90), "its own last good answer counts");
            for other in Part::ALL.into_iter().filter(|other| *other != part) {
                assert!(desk.session.freshness(other, desk.now.mono).current, "{other} while {part} {kind:?}");
            }
            let alarms =
                desk.seen.iter().filter(|output| matches!(output, Output::Alarm(_) | Output::Fault(..))).count();
            assert_eq!(alarms, 1, "told once: {}", desk.logs());
            desk.fails = None;
            desk.pass(Duration::from_mins(2));
            assert!(desk.session.state().is_live(), "{part} {kind:?}: {}", reason(&desk));
        }
    }
}

#[test]
fn positions_that_are_forbidden_from_the_start_are_unknown_and_not_none() {
    let mut desk = Desk::new();
    desk.orders.push(order("o"));
    desk.fails = Some((|request| matches!(request, Request::Positions), RequestErrorKind::Forbidden));
    desk.listen();
    assert_eq!(desk.session.state().word(), "syncing");
    assert_eq!(reason(&desk), "positions: the broker answered 403: no");
    assert_eq!(desk.age(Part::Positions), None);
    assert!(!desk.seen.iter().any(|output| matches!(output, Output::Positions(_))), "no list is made up");
    desk.execute("o", 40, true);
    assert_eq!(desk.held(), Qty::whole(40), "orders and executions are followed all the same");
    assert!(desk.session.has_picture());
}

#[test]
fn a_row_that_cannot_be_read_is_named_and_the_others_are_shown() {
    let mut desk = Desk::new();
    desk.orders.push(order("o"));
    desk.unread =
        vec![Unread { row: "order bad-1".to_owned(), why: "an order without a usable filled_qty".to_owned() }];
    desk.listen();
    assert_eq!(desk.blotter.working_count(), 1);
    assert_eq!(desk.session.state().word(), "syncing");
    assert!(reason(&desk).contains("working orders: order bad-1 cannot be read: an order"), "{}", reason(&desk));
    assert_eq!(desk.age(Part::Working), Some(Duration::ZERO), "what could be read is of now");
    desk.unread.clear();
    desk.pass(Duration::from_secs(11));
    assert!(desk.session.state().is_live(), "{}", reason(&desk));
    assert!(desk.seen.contains(&Output::Over(Fault::Picture)), "what was told of it is over");
}

#[test]
fn an_order_that_cannot_be_read_by_id_is_named_and_takes_nothing_from_the_list() {
    let mut desk = Desk::live();
    desk.orders.push(order("o"));
    desk.pass(Duration::from_secs(61));
    desk.orders.clear();
    desk.fails = Some((|request| matches!(request, Request::Order(_)), RequestErrorKind::Decode));
    desk.pass(Duration::from_secs(61));
    assert_eq!(desk.session.state().word(), "syncing");
    let fresh = desk.session.freshness(Part::Working, desk.now.mono);
    assert!(!fresh.whole && fresh.good.is_some(), "{fresh:?}");
    assert!(desk.age(Part::Working).unwrap() < Duration::from_secs(61), "the list itself was answered");
}

#[test]
fn a_position_whose_row_cannot_be_read_stays_with_its_quantity_unknown() {
    let mut desk = Desk::new();
    desk.positions = vec![position("AAPL", 10), position("MSFT", 5)];
    desk.listen();
    assert!(desk.session.state().is_live());
    desk.positions.pop();
    desk.unread_positions = vec![Unread { row: "row 2".to_owned(), why: "a position without a symbol".to_owned() }];
    desk.pass(Duration::from_secs(11));
    let held = |desk: &Desk| -> Vec<(String, Option<Qty>)> {
        let list = desk.seen.iter().rev().find_map(|output| match output {
            Output::Positions(list) => Some(list),
            _ => None,
        });
        list.unwrap().iter().map(|held| (held.symbol.to_string(), held.qty)).collect()
    };
    assert_eq!(held(&desk), [("AAPL".to_owned(), Some(Qty::whole(10))), ("MSFT".to_owned(), None)]);
    assert_eq!(desk.session.state().word(), "syncing");
    assert!(reason(&desk).contains("positions: row 2 cannot be read"), "{}", reason(&desk));
    // Nothing of the list is unread any more: what it leaves out is gone.
    desk.unread_positions.clear();
    desk.pass(Duration::from_secs(11));
    assert_eq!(held(&desk), [("AAPL".to_owned(), Some(Qty::whole(10)))]);
    assert!(desk.session.state().is_live(), "{}", reason(&desk));
}

#[test]
fn a_fill_is_not_kept_back_while_an_endpoint_fails() {
    let lists: [Wanted; 3] = [
        |request| matches!(request, Request::Orders(_)),
        |request| matches!(request, Request::Activities(_)),
        |request| matches!(request, Request::Positions),
    ];
    for fails in lists {
        let mut desk = Desk::live();
        desk.orders.push(order("o"));
        desk.fails = Some((fails, RequestErrorKind::Server));
        desk.stream(StreamEvent::Closed(Closed::Silent));
        desk.pass(Duration::from_secs(2));
        desk.listen();
        desk.execute("o", 40, true);
        desk.pass(Duration::from_secs(4));
        assert_eq!(desk.held(), Qty::whole(40), "{:?}", desk.session.state());
        desk.execute("o", 20, true);
        assert_eq!(desk.held(), Qty::whole(60), "and the next at once");
        desk.fails = None;
        desk.pass(Duration::from_mins(1));
        assert!(desk.session.state().is_live(), "{}", reason(&desk));
        assert_eq!((desk.held(), desk.awaited()), (Qty::whole(60), 0));
    }
}

#[test]
fn an_account_that_does_not_answer_at_first_is_asked_again_within_seconds() {
    let mut desk = Desk::new();
    desk.fails = Some((|request| matches!(request, Request::Account), RequestErrorKind::Server));
    desk.listen();
    desk.pass(Duration::from_secs(3));
    desk.fails = None;
    desk.pass(Duration::from_secs(5));
    assert!(desk.session.state().is_live(), "{}", reason(&desk));
}

#[test]
fn no_pong_and_no_attempt_makes_anything_younger() {
    let mut desk = Desk::live();
    desk.pass(Duration::from_secs(3));
    desk.stream(StreamEvent::Pong { latency: Duration::from_millis(9) });
    assert_eq!(desk.age(Part::Positions), Some(Duration::from_secs(3)));
    desk.failure = Some(RequestErrorKind::Network);
    desk.stream(StreamEvent::Closed(Closed::Silent));
    let mut last = Duration::from_secs(3);
    for _ in 0..30 {
        desk.pass(Duration::from_secs(1));
        if matches!(desk.session.state().word(), "connecting") {
            desk.stream(StreamEvent::Closed(Closed::unreachable("no route".to_owned())));
        }
        let age = desk.age(Part::Positions).unwrap();
        assert_eq!(age, last + Duration::from_secs(1));
        last = age;
        assert!(Part::ALL.into_iter().all(|part| !desk.session.freshness(part, desk.now.mono).current));
    }
}

#[test]
fn a_question_that_is_never_answered_takes_the_word_away_too() {
    let mut desk = Desk::live();
    // The queue keeps everything to itself.
    for _ in 0..90 {
        desk.now = desk.now.plus(Duration::from_secs(1));
        desk.session.handle(Input::Timeout, &mut desk.blotter, desk.now);
        while desk.session.poll().is_some() {}
    }
    assert_eq!(desk.session.state().word(), "syncing");
    assert!(reason(&desk).contains("no answer"), "{}", reason(&desk));
    let wait = Some((Duration::from_secs(40), "the requests of this minute are used up".to_owned()));
    desk.session.handle(Input::Queued(wait), &mut desk.blotter, desk.now);
    assert!(reason(&desk).contains("used up"), "{}", reason(&desk));
    let ConnectionState::Syncing { until, .. } = desk.session.state() else { panic!() };
    assert_eq!(*until, Some(desk.now.mono + Duration::from_secs(40)));
}

#[test]
fn a_wait_of_a_year_is_two_minutes_is_said_and_ends_when_a_person_asks() {
    let year = RequestErrorKind::RateLimited { retry_after: Some(Duration::from_hours(8_760)) };
    let mut desk = Desk::live();
    desk.fails = Some((|_| true, year.clone()));
    desk.pass(Duration::from_mins(2));
    assert_eq!(desk.session.state().word(), "syncing");
    assert!(desk.logs().contains("asked to wait 31536000 s"), "{}", desk.logs());
    assert!(reason(&desk).contains("waiting"), "{}", reason(&desk));
    desk.fails = None;
    desk.pass(Duration::from_mins(2));
    assert!(desk.session.state().is_live(), "two minutes at most: {}", reason(&desk));
    desk.fails = Some((|_| true, year));
    desk.pass(Duration::from_mins(2));
    desk.fails = None;
    desk.input(Input::Resync);
    assert!(desk.seen.contains(&Output::EndWaits));
    desk.listen();
    assert!(desk.session.state().is_live(), "{}", reason(&desk));
}

#[test]
fn frames_that_nobody_knows_make_one_more_pass_a_minute() {
    let mut desk = Desk::live();
    desk.pass(Duration::from_mins(3));
    let quiet = desk.requests_in(Duration::from_mins(10));
    let before = desk.asked.len();
    for _ in 0..300 {
        desk.stream(StreamEvent::Unknown { text: "?".to_owned() });
        desk.pass(Duration::from_secs(2));
    }
    let noisy = desk.asked.len() - before;
    assert!(noisy <= quiet + 11 * 5, "{noisy} requests in ten minutes, {quiet} without");
}

#[test]
fn a_pass_that_was_under_way_does_not_take_the_one_after_an_unknown_frame_away() {
    let mut desk = Desk::live();
    desk.pass(Duration::from_mins(3));
    desk.stream(StreamEvent::Unknown { text: "?".to_owned() });
    desk.pass(Duration::from_secs(2));
    // This one is to be explained by a pass in a minute; the regular one after a person's look ends before.
    desk.stream(StreamEvent::Unknown { text: "?".to_owned() });
    desk.session.audit_within(Duration::from_secs(1), desk.now);
    desk.pass(Duration::from_secs(5));
    desk.stream(StreamEvent::Unknown { text: "?".to_owned() });
    let recent = |request: &Request| matches!(request, Request::Orders(q) if q.filter == OrderFilter::All);
    let before = desk.asked.iter().filter(|request| recent(request)).count();
    desk.pass(Duration::from_secs(70));
    let after = desk.asked.iter().filter(|request| recent(request)).count();
    assert!(after > before, "nothing explains the last frame");
}

#[test]
fn a_list_without_end_is_left_and_said() {
    let mut desk = Desk::new();
    desk.session.limits.pages = 4;
    desk.pages_without_end = true;
    desk.listen();
    let pages = desk.asked.iter().filter(|request| matches!(request, Request::Orders(_))).count();
    assert!(pages <= 12, "{pages} pages of three lists");
    assert!(reason(&desk).contains("is longer than 4 pages"), "{}", reason(&desk));
    assert_eq!(desk.session.state().word(), "syncing");
}

#[test]
fn a_position_that_executions_contradict_is_asked_again_and_marked_when_it_lasts() {
    let mut desk = Desk::live();
    desk.orders.push(order("o"));
    desk.positions = vec![position("AAPL", 10)];
    desk.pass(Duration::from_secs(11));
    desk.fill_leaving(40, 50);
    assert_eq!(desk.session.disputes().count(), 1, "10 is not what is held, and the pane must not say so");
    assert_eq!(desk.session.lasting_disputes(desk.now.mono).count(), 0, "no word of it while the answer is under way");
    let asked = |desk: &Desk| desk.asked.iter().filter(|request| **request == Request::Positions).count();
    let before = asked(&desk);
    desk.pass(Duration::from_secs(10));
    assert!(asked(&desk) >= before + 3, "asked again sooner than usual");
    assert!(!desk.logs().contains("leaves 50 held"), "REST may lag");
    desk.pass(Duration::from_secs(5));
    let disputes: Vec<_> = desk.session.lasting_disputes(desk.now.mono).map(|(_, qty)| qty).collect();
    assert_eq!(disputes, [Qty::whole(50)]);
    assert!(desk.logs().contains("leaves 50 held, positions say 10"), "{}", desk.logs());
    desk.positions = vec![position("AAPL", 50)];
    desk.pass(Duration::from_secs(5));
    assert_eq!(desk.session.disputes().count(), 0);
    assert!(desk.seen.contains(&Output::Over(Fault::Holdings)), "what was told of it is over");
}

#[test]
fn an_account_that_cannot_trade_is_blocked_with_the_word() {
    for status in ["ACCOUNT_CLOSED", "INACTIVE", "REJECTED", "SUBMISSION_FAILED"] {
        let mut desk = Desk::new();
        desk.status = status;
        desk.listen();
        assert_eq!(desk.session.state().word(), "blocked");
        assert!(reason(&desk).contains(status));
    }
    for status in ["ACTIVE", "PAPER_ONLY", "LIMITED", "SOMETHING_NEW"] {
        let mut desk = Desk::new();
        desk.status = status;
        desk.listen();
        assert!(desk.session.state().is_live(), "{status}");
    }
}

#[test]
fn a_long_sync_says_how_far_it_is_and_why() {
    let mut desk = Desk::new();
    desk.hangs = Some(|request| matches!(request, Request::Activities(_)));
    desk.listen();
    desk.pass(Duration::from_secs(4));
    let ConnectionState::Syncing { pages: Some(pages), reason: Some(why), .. } = desk.session.state() else {
        panic!("{:?}", desk.session.state())
    };
    assert_eq!((pages.done, pages.of), (5, 6));
    assert_eq!(why, "the broker is slow to answer");
    desk.hangs = None;
    desk.fails = Some((|request| matches!(request, Request::Activities(_)), RequestErrorKind::Server));
    desk.pass(Duration::from_secs(30));
    assert_eq!(reason(&desk), "executions: the broker answered 500: no");
}

#[test]
fn what_fails_beyond_the_lists_takes_no_word_away_and_is_told_when_it_lasts() {
    let mut desk = Desk::live();
    desk.orders.push(order("o"));
    desk.pass(Duration::from_mins(2));
    // The stream tells of the order, but of no execution: its rows are asked for by order.
    let awaits = |request: &Request| matches!(request, Request::Activities(query) if query.order.is_some());
    desk.fails = Some((awaits, RequestErrorKind::Forbidden));
    let mut behind = desk.orders[0].clone();
    behind.cum_qty = Qty::whole(40);
    behind.status = OrderStatus::PartiallyFilled;
    behind.updated_at = Timestamp::from_second(1_760_000_500).ok();
    desk.orders[0] = behind.clone();
    desk.stream(StreamEvent::Update(Box::new(update(TradeEvent::PartialFill, behind, Vec::new()))));
    desk.pass(Duration::from_mins(6));
    assert!(desk.session.state().is_live(), "{}", reason(&desk));
    let told = desk.logs();
    assert_eq!(
        told.matches("the executions of an order that awaits a report: the broker answered 403").count(),
        1,
        "{told}"
    );
    desk.fails = None;
    desk.pass(Duration::from_mins(6));
    assert!(desk.logs().contains("can be fetched again"), "{}", desk.logs());
}

#[test]
fn a_page_of_history_that_cannot_be_read_is_not_its_beginning() {
    let mut desk = Desk::new();
    let mut old = order("old");
    (old.cum_qty, old.status) = (Qty::whole(100), OrderStatus::Filled);
    desk.orders = vec![old, order("o")];
    for _ in 0..4 {
        desk.execute("o", 10, false);
    }
    desk.page = 2;
    desk.unread_history = true;
    desk.listen();
    let of_old = desk.blotter.executions().filter(|row| row.order_id.as_str() == "old").count();
    assert_eq!(of_old, 0, "its executions are on the page that cannot be read: history, not something missing");
}

#[test]
fn a_position_that_changes_though_nothing_was_told_is_a_question_to_rest() {
    let mut desk = Desk::live();
    desk.pass(Duration::from_mins(2));
    desk.orders.push(order("o"));
    desk.execute("o", 100, false);
    desk.positions = vec![position("AAPL", 100)];
    // The stream is open and silent; a quiet account is audited every five minutes.
    desk.pass(Duration::from_mins(1) + Duration::from_secs(2));
    assert_eq!(desk.held(), Qty::whole(100), "{}", desk.logs());
    // A split is asked about once, and is nobody's fault.
    let mut desk = Desk::new();
    desk.positions = vec![position("AAPL", 100)];
    desk.listen();
    desk.pass(Duration::from_mins(10));
    desk.positions = vec![position("AAPL", 200)];
    desk.pass(Duration::from_mins(10));
    assert_eq!(desk.logs().matches("changed without a report").count(), 1, "{}", desk.logs());
    assert!(desk.session.state().is_live());
}

#[test]
fn a_position_that_an_execution_explains_is_no_question_however_late_the_list_is() {
    let mut desk = Desk::live();
    desk.orders.push(order("o"));
    desk.execute("o", 40, true);
    desk.pass(Duration::from_mins(1));
    let changed = |logs: &str| logs.contains("changed without a report");
    desk.positions = vec![position("AAPL", 40)];
    desk.pass(Duration::from_mins(10));
    assert!(!changed(&desk.logs()), "{}", desk.logs());
    // A row that cannot be read says nothing of a change either.
    desk.positions = vec![];
    desk.unread_positions = vec![Unread { row: "AAPL".to_owned(), why: "no qty".to_owned() }];
    desk.pass(Duration::from_mins(10));
    desk.unread_positions.clear();
    desk.positions = vec![position("AAPL", 40)];
    desk.pass(Duration::from_mins(10));
    assert!(!changed(&desk.logs()), "{}", desk.logs());
}

#[test]
fn a_refresh_that_fails_is_noted_before_it_is_overdue() {
    let mut desk = Desk::new();
    desk.positions = vec![position("AAPL", 100)];
    desk.listen();
    // The early audits are over; the next one asks in minutes.
    desk.pass(Duration::from_mins(1));
    desk.fails = Some((|request| matches!(request, Request::Positions), RequestErrorKind::Server));
    desk.pass(Duration::from_secs(20));
    assert!(reason(&desk).starts_with("positions: "), "{:?}", desk.session.state());
}

#[test]
fn an_execution_that_was_told_explains_no_other() {
    let mut desk = Desk::new();
    desk.positions = vec![position("AAPL", 10)];
    desk.orders.push(order("o"));
    desk.listen();
    desk.pass(Duration::from_mins(2));
    desk.execute("o", 5, true);
    desk.positions = vec![position("AAPL", 15)];
    desk.pass(Duration::from_secs(15));
    // The next one is told by nobody, within the time that lists lag.
    desk.execute("o", 2, false);
    desk.positions = vec![position("AAPL", 17)];
    desk.pass(Duration::from_secs(40));
    assert_eq!(desk.held(), Qty::whole(7), "{}", desk.logs());
}

#[test]
fn a_fill_on_a_new_start_is_not_kept_back_while_a_question_hangs() {
    let mut desk = Desk::new();
    desk.orders.push(order("o"));
    desk.fails = Some((|request| matches!(request, Request::Orders(_)), RequestErrorKind::Server));
    desk.listen();
    desk.execute("o", 40, true);
    desk.pass(Duration::from_secs(4));
    assert_eq!(desk.held(), Qty::whole(40), "{:?}", desk.session.state());
    desk.fails = None;
    desk.pass(Duration::from_mins(1));
    assert!(desk.session.state().is_live());
    assert_eq!((desk.held(), desk.awaited()), (Qty::whole(40), 0));
}

#[test]
fn a_broker_that_answers_is_not_said_to_take_its_time() {
    let mut desk = Desk::new();
    desk.hangs = Some(|_| true);
    desk.listen();
    for _ in 0..4 {
        // One question a second is answered, as where the program's own budget holds them back.
        desk.pass(Duration::from_secs(1));
        let (_, id, request) = desk.hung.remove(0);
        let answer = desk.reply(&request);
        desk.input(Input::Reply(id, answer));
    }
    assert_eq!(desk.session.state().word(), "syncing");
    assert!(reason(&desk).starts_with("the broker is answering"), "{}", reason(&desk));
    desk.pass(Duration::from_secs(3));
    assert_eq!(reason(&desk), "the broker is slow to answer", "nothing was answered for so long");
}
