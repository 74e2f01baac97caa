//! What audits hold against the stream, and what not.

use super::late::at;
use super::*;

/// The stream tells of a new order every ten seconds, so that it is not taken for silent.
fn talk(fixture: &mut Fixture, seconds: u64) {
    for _ in 0..seconds / 10 {
        let beat = order(&format!("beat{}", fixture.orders.len()));
        fixture.orders.push(beat.clone());
        fixture.told(TradeEvent::New, beat);
        fixture.pass(Duration::from_secs(10));
    }
}

fn accused(fixture: &Fixture) -> bool {
    fixture.logs().contains("left out") || fixture.logs().contains("did not report")
}

#[test]
fn a_stream_that_leaves_something_out_twice_in_a_row_is_replaced_and_not_one_that_does_now_and_then() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.told(TradeEvent::New, order("o"));
    talk(&mut fixture, 120);
    let before = fixture.opened.len();
    for _ in 0..3 {
        fixture.execute("o", 10, false);
        talk(&mut fixture, 180);
    }
    assert!(fixture.logs().contains("the stream left out 1 change; an audit recovered them"), "{}", fixture.logs());
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
fn what_is_older_than_the_stream_is_no_fault_of_it_however_late_it_is_listed() {
    let mut fixture = Fixture::new();
    fixture.orders.push(order("a"));
    fixture.orders[0].updated_at = at(50);
    fixture.listen();
    fixture.pass(Duration::from_mins(2));
    // The row of an order that is listed only now; both are of the first second.
    fixture.orders.push(order("old"));
    fixture.execute("old", 40, false);
    fixture.pass(Duration::from_mins(5));
    assert_eq!(fixture.held(), Qty::whole(40));
    assert!(!accused(&fixture), "{}", fixture.logs());
}

/// Nothing is known when the stream begins, for no list answers; what the first whole snapshot knows is not newer than that.
#[test]
fn what_is_listed_late_is_no_fault_of_a_stream_that_began_without_a_snapshot() {
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
    for (id, when, told) in [("old", 20, false), ("new", 60, true)] {
        fixture.orders.push(Order { updated_at: at(when), ..order(id) });
        fixture.pass(Duration::from_mins(5));
        assert!(fixture.blotter.order(&id.into()).is_some());
        assert_eq!(accused(&fixture), told, "{id}: {}", fixture.logs());
    }
}

/// What the stream tells before it is known whose it is, is not merged, and the lists may bring it late.
#[test]
fn what_the_stream_told_before_the_account_was_known_was_told() {
    let mut fixture = Fixture::new();
    fixture.orders.push(order("a"));
    fixture.hangs = Some(|request| matches!(request, Request::Account));
    fixture.listen();
    let told = Order { updated_at: at(50), ..order("o") };
    fixture.told(TradeEvent::New, told.clone());
    fixture.thaw();
    fixture.pass(Duration::from_mins(2));
    assert!(fixture.session.state().is_live() && fixture.blotter.order(&"o".into()).is_none(), "{}", fixture.logs());
    for (id, when, accuses) in [("o", 50, false), ("p", 51, true)] {
        fixture.orders.push(Order { updated_at: at(when), ..order(id) });
        fixture.pass(Duration::from_mins(5));
        assert!(fixture.blotter.order(&id.into()).is_some());
        assert_eq!(accused(&fixture), accuses, "{id}: {}", fixture.logs());
    }
}

#[test]
fn a_leg_that_is_held_is_told_by_no_stream_and_an_order_that_works_is() {
    for (status, told) in [(OrderStatus::Held, false), (OrderStatus::New, true)] {
        let mut fixture = Fixture::live();
        fixture.orders.push(order("a"));
        fixture.told(TradeEvent::New, order("a"));
        fixture.pass(Duration::from_mins(2));
        let mut other = order("other");
        (other.status, other.updated_at) = (status, at(90));
        fixture.orders.push(other);
        fixture.pass(Duration::from_mins(5));
        assert!(fixture.blotter.order(&"other".into()).is_some());
        assert_eq!(accused(&fixture), told, "{}", fixture.logs());
    }
}

#[test]
fn what_takes_an_end_or_a_quantity_back_is_believed_after_a_minute_and_anything_else_sooner() {
    let cases = [
        (OrderStatus::Canceled, 0, at(5), 60..=110),
        (OrderStatus::PartiallyFilled, 40, at(5), 60..=110),
        (OrderStatus::PendingCancel, 0, None, 12..=59),
    ];
    for (status, executed, updated_at, bounds) in cases {
        let mut fixture = Fixture::live();
        fixture.orders = vec![order("o")];
        fixture.pass(Duration::from_mins(1));
        let mut told = fixture.orders[0].clone();
        (told.status, told.cum_qty) = (status.clone(), Qty::whole(executed));
        told.updated_at = updated_at.or(told.updated_at);
        fixture.told(TradeEvent::Other("state".into()), told);
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
fn a_price_that_rest_goes_on_stating_otherwise_is_shown_after_seconds_and_is_no_alarm() {
    let mut fixture = Fixture::live();
    fixture.orders = vec![order("o")];
    fixture.pass(Duration::from_mins(1));
    let mut told = fixture.orders[0].clone();
    (told.limit_px, told.updated_at) = (Some(Price::whole(12)), at(5));
    fixture.told(TradeEvent::New, told);
    let limit = |fixture: &Fixture| fixture.blotter.order(&"o".into()).unwrap().limit_px;
    assert_eq!(limit(&fixture), Some(Price::whole(12)));
    fixture.pass(Duration::from_mins(2));
    assert_eq!(limit(&fixture), fixture.orders[0].limit_px, "{}", fixture.logs());
    assert!(fixture.logs().contains("order o was shown as limit 12; the broker's lists say"), "{}", fixture.logs());
    assert!(!fixture.logs().contains("out of step"), "{}", fixture.logs());
}

/// `updated_at` need not move with the mark of a trailing stop, and the mark moves with every list (docs/ALPACA.md 5.11).
#[test]
fn a_high_water_mark_that_moves_on_under_an_earlier_time_is_shown_all_the_same() {
    let mut fixture = Fixture::live();
    fixture.orders = vec![order("o")];
    fixture.pass(Duration::from_mins(1));
    let mut told = fixture.orders[0].clone();
    (told.hwm, told.updated_at) = (Some(Price::whole(195)), at(5));
    fixture.told(TradeEvent::New, told);
    for second in 0..120 {
        fixture.orders[0].hwm = Some(Price::whole(200 + second));
        fixture.pass(Duration::from_secs(1));
    }
    let shown = fixture.blotter.order(&"o".into()).unwrap().hwm;
    assert!(shown > Some(Price::whole(250)), "{shown:?}: {}", fixture.logs());
}

#[test]
fn what_rest_shows_late_of_the_time_before_a_stream_is_no_fault_of_it_on_any_connection() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.told(TradeEvent::New, order("o"));
    for round in 0..2_i64 {
        // Executed while nobody listened, and listed only ten seconds after the snapshot.
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
        assert!(!accused(&fixture), "{round}: {}", fixture.logs());
    }
}

#[test]
fn what_is_of_the_moment_of_the_newest_change_known_may_be_older_than_the_stream() {
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
    assert!(!accused(&fixture), "{}", fixture.logs());
}

#[test]
fn a_state_that_the_stream_left_out_counts_however_much_it_told_of_the_order_before() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.told(TradeEvent::New, order("o"));
    fixture.pass(Duration::from_mins(2));
    fixture.told(TradeEvent::New, order("o"));
    fixture.pass(Duration::from_secs(10));
    fixture.orders[0].status = OrderStatus::PendingCancel;
    fixture.orders[0].updated_at = at(90);
    fixture.pass(Duration::from_mins(2));
    assert!(accused(&fixture), "{}", fixture.logs());
}

#[test]
fn executions_that_the_stream_leaves_out_count_though_it_tells_of_their_order() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.told(TradeEvent::New, order("o"));
    fixture.pass(Duration::from_mins(2));
    for qty in [10, 20] {
        fixture.execute("o", qty, false);
        let state = fixture.orders[0].clone();
        fixture.told(TradeEvent::PartialFill, state);
        fixture.pass(Duration::from_secs(10));
    }
    assert_eq!(fixture.held(), Qty::whole(30));
    assert!(fixture.logs().contains("left out 1 change"), "{}", fixture.logs());
}

#[test]
fn an_undoing_that_is_believed_at_last_refreshes_the_balances() {
    let mut fixture = Fixture::live();
    fixture.orders = vec![order("o")];
    fixture.told(TradeEvent::New, order("o"));
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
