//! What an audit counts against the stream, and what it does not.

use super::late::at;
use super::*;

/// The stream reports a new order every ten seconds, so that it is not silent.
fn talk(fixture: &mut Fixture, seconds: u64) {
    for _ in 0..seconds / 10 {
        let beat = order(&format!("beat{}", fixture.orders.len()));
        fixture.orders.push(beat.clone());
        fixture.reported(TradeEvent::New, beat);
        fixture.pass(Duration::from_secs(10));
    }
}

fn is_blamed(fixture: &Fixture) -> bool {
    fixture.logs().contains("left out") || fixture.logs().contains("did not report")
}

#[test]
fn only_a_stream_that_leaves_something_out_twice_in_a_row_is_replaced() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.reported(TradeEvent::New, order("o"));
    talk(&mut fixture, 120);
    let before = fixture.opened.len();
    for _ in 0..3 {
        fixture.execute("o", 10, false);
        talk(&mut fixture, 180);
    }
    assert!(fixture.logs().contains("the stream left out 1 change; recovered by an audit"), "{}", fixture.logs());
    assert_eq!((fixture.opened.len(), fixture.held()), (before, Qty::whole(30)), "{}", fixture.logs());
    for _ in 0..2 {
        fixture.execute("o", 10, false);
        let wanted = fixture.orders[0].cum_qty;
        while fixture.held() < wanted {
            talk(&mut fixture, 10);
        }
    }
    fixture.pass(Duration::from_secs(10));
    assert!(fixture.opened.len() > before, "{}", fixture.logs());
    assert!(
        fixture.logs().contains("the stream left out 1 change twice in a row; starting over"),
        "{}",
        fixture.logs()
    );
}

#[test]
fn a_change_older_than_the_stream_does_not_count_against_it_however_late_it_is_listed() {
    let mut fixture = Fixture::new();
    fixture.orders.push(order("a"));
    fixture.orders[0].updated_at = at(50);
    fixture.listen();
    fixture.pass(Duration::from_mins(2));
    // The row of an order that is listed only now; both date from the first second.
    fixture.orders.push(order("old"));
    fixture.execute("old", 40, false);
    fixture.pass(Duration::from_mins(5));
    assert_eq!(fixture.held(), Qty::whole(40));
    assert!(!is_blamed(&fixture), "{}", fixture.logs());
}

/// No list answers when the stream begins, so nothing is known; what the first complete snapshot contains is
/// not newer than that.
#[test]
fn a_late_listing_does_not_count_against_a_stream_that_began_without_a_snapshot() {
    let mut fixture = Fixture::new();
    fixture.orders.push(order("a"));
    fixture.orders[0].updated_at = at(50);
    let lists: Wanted = |request| matches!(request, Request::Orders(_) | Request::Activities(_));
    fixture.fails = Some((lists, RequestErrorKind::Refused));
    fixture.listen();
    fixture.pass(Duration::from_secs(20));
    fixture.fails = None;
    fixture.pass(Duration::from_mins(2));
    assert!(fixture.session.state().is_live(), "{}", fixture.logs());
    for (id, when, reported) in [("old", 20, false), ("new", 60, true)] {
        fixture.orders.push(Order { updated_at: at(when), ..order(id) });
        fixture.pass(Duration::from_mins(5));
        assert!(fixture.blotter.order(&id.into()).is_some());
        assert_eq!(is_blamed(&fixture), reported, "{id}: {}", fixture.logs());
    }
}

/// An update that arrives before the account is identified is not merged, and the lists may bring the change late.
#[test]
fn an_update_before_the_account_was_identified_counts_as_reported() {
    let mut fixture = Fixture::new();
    fixture.orders.push(order("a"));
    fixture.hangs = Some(|request| matches!(request, Request::Account));
    fixture.listen();
    let reported = Order { updated_at: at(50), ..order("o") };
    fixture.reported(TradeEvent::New, reported.clone());
    fixture.thaw();
    fixture.pass(Duration::from_mins(2));
    assert!(fixture.session.state().is_live() && fixture.blotter.order(&"o".into()).is_none(), "{}", fixture.logs());
    for (id, when, accuses) in [("o", 50, false), ("p", 51, true)] {
        fixture.orders.push(Order { updated_at: at(when), ..order(id) });
        fixture.pass(Duration::from_mins(5));
        assert!(fixture.blotter.order(&id.into()).is_some());
        assert_eq!(is_blamed(&fixture), accuses, "{id}: {}", fixture.logs());
    }
}

#[test]
fn no_stream_reports_a_held_leg_but_every_stream_reports_a_working_order() {
    for (status, reported) in [(OrderStatus::Held, false), (OrderStatus::New, true)] {
        let mut fixture = Fixture::live();
        fixture.orders.push(order("a"));
        fixture.reported(TradeEvent::New, order("a"));
        fixture.pass(Duration::from_mins(2));
        let mut other = order("other");
        (other.status, other.updated_at) = (status, at(90));
        fixture.orders.push(other);
        fixture.pass(Duration::from_mins(5));
        assert!(fixture.blotter.order(&"other".into()).is_some());
        assert_eq!(is_blamed(&fixture), reported, "{}", fixture.logs());
    }
}

#[test]
fn taking_back_a_terminal_status_or_a_quantity_needs_a_minute_and_anything_else_less() {
    let cases = [
        (OrderStatus::Canceled, 0, at(5), 60..=110),
        (OrderStatus::PartiallyFilled, 40, at(5), 60..=110),
        (OrderStatus::PendingCancel, 0, None, 12..=59),
    ];
    for (status, executed, updated_at, bounds) in cases {
        let mut fixture = Fixture::live();
        fixture.orders = vec![order("o")];
        fixture.pass(Duration::from_mins(1));
        let mut reported = fixture.orders[0].clone();
        (reported.status, reported.cum_qty) = (status.clone(), Qty::whole(executed));
        reported.updated_at = updated_at.or(reported.updated_at);
        fixture.reported(TradeEvent::Other("state".into()), reported);
        let (mut conflicting, mut believed) = (None, None);
        for second in 0..240_u64 {
            fixture.pass(Duration::from_secs(1));
            if fixture.blotter.conflicts().count() > 0 {
                conflicting.get_or_insert(second);
            }
            if fixture.blotter.order(&"o".into()).unwrap().status == OrderStatus::New {
                believed.get_or_insert(second);
            }
        }
        let lasted = believed.unwrap() - conflicting.unwrap();
        assert!(bounds.contains(&lasted), "{status}: {lasted} s\n{}", fixture.logs());
    }
}

#[test]
fn a_price_that_rest_keeps_contradicting_is_shown_after_seconds_without_an_alarm() {
    let mut fixture = Fixture::live();
    fixture.orders = vec![order("o")];
    fixture.pass(Duration::from_mins(1));
    let mut reported = fixture.orders[0].clone();
    (reported.limit_px, reported.updated_at) = (Some(Price::whole(12)), at(5));
    fixture.reported(TradeEvent::New, reported);
    let limit = |fixture: &Fixture| fixture.blotter.order(&"o".into()).unwrap().limit_px;
    assert_eq!(limit(&fixture), Some(Price::whole(12)));
    fixture.pass(Duration::from_mins(2));
    assert_eq!(limit(&fixture), fixture.orders[0].limit_px, "{}", fixture.logs());
    assert!(fixture.logs().contains("order o was shown as limit 12; the broker lists it as"), "{}", fixture.logs());
    assert!(!fixture.logs().contains("out of step"), "{}", fixture.logs());
}

/// `updated_at` need not move with the mark of a trailing stop, and the mark moves with every list (docs/ALPACA.md 5.11).
#[test]
fn a_high_water_mark_that_moves_under_an_earlier_time_is_still_shown() {
    let mut fixture = Fixture::live();
    fixture.orders = vec![order("o")];
    fixture.pass(Duration::from_mins(1));
    let mut reported = fixture.orders[0].clone();
    (reported.hwm, reported.updated_at) = (Some(Price::whole(195)), at(5));
    fixture.reported(TradeEvent::New, reported);
    for second in 0..120 {
        fixture.orders[0].hwm = Some(Price::whole(200 + second));
        fixture.pass(Duration::from_secs(1));
    }
    let shown = fixture.blotter.order(&"o".into()).unwrap().hwm;
    assert!(shown > Some(Price::whole(250)), "{shown:?}: {}", fixture.logs());
}

#[test]
fn a_late_change_from_before_the_stream_does_not_count_against_it_on_any_connection() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.reported(TradeEvent::New, order("o"));
    for round in 0..2_i64 {
        // Executed while there was no stream, and listed only ten seconds after the snapshot.
        fixture.execute("o", 10, false);
        let behind = fixture.orders[0].clone();
        let mut row = fixture.rows.pop().unwrap();
        fixture.orders[0] = Order { cum_qty: Qty::whole(10 * round), ..behind.clone() };
        if round == 0 {
            fixture.orders[0] = order("o");
        }
        fixture.input(Input::Resync);
        fixture.listen();
        fixture.pass(Duration::from_secs(10));
        let when = at(100 + round);
        if let ActivityKind::Fill { at, .. } = &mut row.kind {
            *at = when;
        }
        fixture.orders[0] = Order { updated_at: when, ..behind };
        fixture.rows.push(row);
        fixture.pass(Duration::from_mins(3));
        assert_eq!(fixture.held(), Qty::whole(10 * (round + 1)));
        assert!(!is_blamed(&fixture), "{round}: {}", fixture.logs());
    }
}

#[test]
fn a_change_at_the_time_of_the_newest_known_one_may_be_older_than_the_stream() {
    let mut fixture = Fixture::new();
    fixture.orders.push(order("a"));
    fixture.orders[0].updated_at = at(50);
    fixture.listen();
    fixture.pass(Duration::from_mins(2));
    fixture.orders.push(order("old"));
    fixture.execute("old", 40, false);
    fixture.orders[1].updated_at = at(50);
    if let ActivityKind::Fill { at: when, .. } = &mut fixture.rows[0].kind {
        *when = at(50);
    }
    fixture.pass(Duration::from_mins(5));
    assert_eq!(fixture.held(), Qty::whole(40));
    assert!(!is_blamed(&fixture), "{}", fixture.logs());
}

#[test]
fn a_state_that_the_stream_left_out_counts_even_if_it_reported_earlier_states_of_the_order() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.reported(TradeEvent::New, order("o"));
    fixture.pass(Duration::from_mins(2));
    fixture.reported(TradeEvent::New, order("o"));
    fixture.pass(Duration::from_secs(10));
    fixture.orders[0].status = OrderStatus::PendingCancel;
    fixture.orders[0].updated_at = at(90);
    fixture.pass(Duration::from_mins(2));
    assert!(is_blamed(&fixture), "{}", fixture.logs());
}

#[test]
fn late_row_times_of_an_old_order_do_not_count_against_the_stream() {
    for (row_at, order_at, counts) in [(104, 98, false), (106, 98, true), (104, 101, true)] {
        let mut fixture = Fixture::new();
        fixture.orders.push(Order { updated_at: at(100), ..order("o") });
        fixture.listen();
        fixture.pass(Duration::from_mins(2));
        fixture.orders.push(order("p"));
        fixture.execute("p", 100, false);
        fixture.orders[1].updated_at = at(order_at);
        if let ActivityKind::Fill { at: time, .. } = &mut fixture.rows[0].kind {
            *time = at(row_at);
        }
        fixture.pass(Duration::from_mins(2));
        assert_eq!(fixture.held(), Qty::whole(100));
        assert_eq!(is_blamed(&fixture), counts, "{row_at} {order_at}: {}", fixture.logs());
    }
}

#[test]
fn executions_that_the_stream_leaves_out_count_even_if_it_reports_their_order() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.reported(TradeEvent::New, order("o"));
    fixture.pass(Duration::from_mins(2));
    for qty in [10, 20] {
        fixture.execute("o", qty, false);
        let state = fixture.orders[0].clone();
        fixture.reported(TradeEvent::PartialFill, state);
        fixture.pass(Duration::from_secs(10));
    }
    assert_eq!(fixture.held(), Qty::whole(30));
    assert!(fixture.logs().contains("left out 1 change"), "{}", fixture.logs());
}

#[test]
fn accepting_a_bust_refreshes_the_balances() {
    let mut fixture = Fixture::live();
    fixture.orders = vec![order("o")];
    fixture.reported(TradeEvent::New, order("o"));
    fixture.pass(Duration::from_mins(1));
    let listed = fixture.orders[0].clone();
    fixture.execute("o", 40, true);
    (fixture.orders[0], fixture.rows) = (listed, Vec::new());
    let undone =
        |fixture: &Fixture| fixture.blotter.executions().any(|row| matches!(row.kind, ExecutionKind::Bust { .. }));
    for _ in 0..3_000 {
        fixture.pass(Duration::from_millis(100));
        if undone(&fixture) {
            break;
        }
    }
    assert!(undone(&fixture), "{}", fixture.logs());
    let asked = |fixture: &Fixture| fixture.asked.iter().filter(|request| matches!(request, Request::Account)).count();
    let before = asked(&fixture);
    fixture.pass(Duration::from_millis(500));
    assert_eq!(asked(&fixture), before + 1);
}

/// As when the lists show an old order late: whether it is older than the stream, only our own clock says.
#[test]
fn a_change_that_may_be_older_than_the_stream_counts_against_it_only_with_a_second_one() {
    for ahead in [false, true] {
        let mut fixture = Fixture::new();
        fixture.orders.push(order("a"));
        fixture.orders[0].updated_at = at(0);
        if ahead {
            fixture.now.wall = at(86_400).unwrap();
        }
        fixture.listen();
        fixture.pass(Duration::from_mins(2));
        let opened = fixture.opened.len();
        for (count, id) in ["first", "second"].into_iter().enumerate() {
            fixture.orders.push(order(id));
            fixture.execute(id, 40, false);
            fixture.pass(Duration::from_mins(6));
            let blamed = fixture.opened.len() > opened;
            assert_eq!(blamed, !ahead || count == 1, "{ahead} {id}: {}", fixture.logs());
            if blamed {
                break;
            }
        }
    }
}
