//! What audits hold against the stream, and what not.

use super::late::at;
use super::*;

/// The stream tells of a new order every ten seconds, so that it is not taken for silent.
fn talk(desk: &mut Desk, seconds: u64) {
    for _ in 0..seconds / 10 {
        let beat = order(&format!("beat{}", desk.orders.len()));
        desk.orders.push(beat.clone());
        desk.told(TradeEvent::New, beat);
        desk.pass(Duration::from_secs(10));
    }
}

fn accused(desk: &Desk) -> bool {
    desk.logs().contains("left out") || desk.logs().contains("did not report")
}

#[test]
fn a_stream_that_leaves_something_out_twice_in_a_row_is_replaced_and_not_one_that_does_now_and_then() {
    let mut desk = Desk::live();
    desk.orders.push(order("o"));
    desk.told(TradeEvent::New, order("o"));
    talk(&mut desk, 120);
    let before = desk.opened.len();
    for _ in 0..3 {
        desk.execute("o", 10, false);
        talk(&mut desk, 180);
    }
    assert!(desk.logs().contains("the stream left out 1 change; an audit recovered them"), "{}", desk.logs());
    assert_eq!((desk.opened.len(), desk.held()), (before, Qty::whole(30)), "{}", desk.logs());
    for _ in 0..2 {
        desk.execute("o", 10, false);
        let wanted = desk.orders[0].cum_qty;
        while desk.held() < wanted {
            talk(&mut desk, 10);
        }
    }
    desk.pass(Duration::from_secs(10));
    assert!(desk.opened.len() > before, "{}", desk.logs());
    assert!(desk.logs().contains("the stream left out 1 change twice in a row; starting over"), "{}", desk.logs());
}

#[test]
fn what_is_older_than_the_stream_is_no_fault_of_it_however_late_it_is_listed() {
    let mut desk = Desk::new();
    desk.orders.push(order("a"));
    desk.orders[0].updated_at = at(50);
    desk.listen();
    desk.pass(Duration::from_mins(2));
    // The row of an order that is listed only now; both are of the first second.
    desk.orders.push(order("old"));
    desk.execute("old", 40, false);
    desk.pass(Duration::from_mins(5));
    assert_eq!(desk.held(), Qty::whole(40));
    assert!(!accused(&desk), "{}", desk.logs());
}

/// Nothing is known when the stream begins, for no list answers; what the first whole picture knows is not newer than that.
#[test]
fn what_is_listed_late_is_no_fault_of_a_stream_that_began_without_a_picture() {
    let mut desk = Desk::new();
    desk.orders.push(order("a"));
    desk.orders[0].updated_at = at(50);
    let lists: Wanted = |request| matches!(request, Request::Orders(_) | Request::Activities(_));
    desk.fails = Some((lists, RequestErrorKind::Refused));
    desk.listen();
    desk.pass(Duration::from_secs(20));
    desk.fails = None;
    desk.pass(Duration::from_mins(2));
    assert!(desk.session.state().is_live(), "{}", desk.logs());
    for (id, when, told) in [("old", 20, false), ("new", 60, true)] {
        desk.orders.push(Order { updated_at: at(when), ..order(id) });
        desk.pass(Duration::from_mins(5));
        assert!(desk.blotter.order(&id.into()).is_some());
        assert_eq!(accused(&desk), told, "{id}: {}", desk.logs());
    }
}

/// What the stream tells before it is known whose it is, is not merged, and the lists may bring it late.
#[test]
fn what_the_stream_told_before_the_account_was_known_was_told() {
    let mut desk = Desk::new();
    desk.orders.push(order("a"));
    desk.hangs = Some(|request| matches!(request, Request::Account));
    desk.listen();
    let told = Order { updated_at: at(50), ..order("o") };
    desk.told(TradeEvent::New, told.clone());
    desk.thaw();
    desk.pass(Duration::from_mins(2));
    assert!(desk.session.state().is_live() && desk.blotter.order(&"o".into()).is_none(), "{}", desk.logs());
    for (id, when, accuses) in [("o", 50, false), ("p", 51, true)] {
        desk.orders.push(Order { updated_at: at(when), ..order(id) });
        desk.pass(Duration::from_mins(5));
        assert!(desk.blotter.order(&id.into()).is_some());
        assert_eq!(accused(&desk), accuses, "{id}: {}", desk.logs());
    }
}

#[test]
fn a_leg_that_is_held_is_told_by_no_stream_and_an_order_that_works_is() {
    for (status, told) in [(OrderStatus::Held, false), (OrderStatus::New, true)] {
        let mut desk = Desk::live();
        desk.orders.push(order("a"));
        desk.told(TradeEvent::New, order("a"));
        desk.pass(Duration::from_mins(2));
        let mut other = order("other");
        (other.status, other.updated_at) = (status, at(90));
        desk.orders.push(other);
        desk.pass(Duration::from_mins(5));
        assert!(desk.blotter.order(&"other".into()).is_some());
        assert_eq!(accused(&desk), told, "{}", desk.logs());
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
        let mut desk = Desk::live();
        desk.orders = vec![order("o")];
        desk.pass(Duration::from_mins(1));
        let mut told = desk.orders[0].clone();
        (told.status, told.cum_qty) = (status.clone(), Qty::whole(executed));
        told.updated_at = updated_at.or(told.updated_at);
        desk.told(TradeEvent::Other("state".into()), told);
        let (mut disputed, mut believed) = (None, None);
        for second in 0..240_u64 {
            desk.pass(Duration::from_secs(1));
            if desk.blotter.disputes().count() > 0 {
                disputed.get_or_insert(second);
            }
            if desk.blotter.order(&"o".into()).unwrap().status == OrderStatus::New {
                believed.get_or_insert(second);
            }
        }
        let lasted = believed.unwrap() - disputed.unwrap();
        assert!(bounds.contains(&lasted), "{status}: {lasted} s\n{}", desk.logs());
    }
}

#[test]
fn a_price_that_rest_goes_on_stating_otherwise_is_shown_after_seconds_and_is_no_alarm() {
    let mut desk = Desk::live();
    desk.orders = vec![order("o")];
    desk.pass(Duration::from_mins(1));
    let mut told = desk.orders[0].clone();
    (told.limit_px, told.updated_at) = (Some(Price::whole(12)), at(5));
    desk.told(TradeEvent::New, told);
    let limit = |desk: &Desk| desk.blotter.order(&"o".into()).unwrap().limit_px;
    assert_eq!(limit(&desk), Some(Price::whole(12)));
    desk.pass(Duration::from_mins(2));
    assert_eq!(limit(&desk), desk.orders[0].limit_px, "{}", desk.logs());
    assert!(desk.logs().contains("order o was shown as limit 12; the broker's lists say"), "{}", desk.logs());
    assert!(!desk.logs().contains("out of step"), "{}", desk.logs());
}

/// `updated_at` need not move with the mark of a trailing stop, and the mark moves with every list (docs/ALPACA.md 5.11).
#[test]
fn a_high_water_mark_that_moves_on_under_an_earlier_time_is_shown_all_the_same() {
    let mut desk = Desk::live();
    desk.orders = vec![order("o")];
    desk.pass(Duration::from_mins(1));
    let mut told = desk.orders[0].clone();
    (told.hwm, told.updated_at) = (Some(Price::whole(195)), at(5));
    desk.told(TradeEvent::New, told);
    for second in 0..120 {
        desk.orders[0].hwm = Some(Price::whole(200 + second));
        desk.pass(Duration::from_secs(1));
    }
    let shown = desk.blotter.order(&"o".into()).unwrap().hwm;
    assert!(shown > Some(Price::whole(250)), "{shown:?}: {}", desk.logs());
}

#[test]
fn what_rest_shows_late_of_the_time_before_a_stream_is_no_fault_of_it_on_any_connection() {
    let mut desk = Desk::live();
    desk.orders.push(order("o"));
    desk.told(TradeEvent::New, order("o"));
    for round in 0..2_i64 {
        // Executed while nobody listened, and listed only ten seconds after the picture.
        desk.execute("o", 10, false);
        let behind = desk.orders[0].clone();
        let mut row = desk.rows.pop().unwrap();
        desk.orders[0] = Order { cum_qty: Qty::whole(10 * round), ..behind.clone() };
        if round == 0 {
            desk.orders[0] = order("o");
        }
        desk.input(Input::Resync);
        desk.listen();
        desk.pass(Duration::from_secs(10));
        let when = at(100 + round);
        if let ActivityKind::Fill { at, .. } = &mut row.kind {
            *at = when;
        }
        desk.orders[0] = Order { updated_at: when, ..behind };
        desk.rows.push(row);
        desk.pass(Duration::from_mins(3));
        assert_eq!(desk.held(), Qty::whole(10 * (round + 1)));
        assert!(!accused(&desk), "{round}: {}", desk.logs());
    }
}

#[test]
fn what_is_of_the_moment_of_the_newest_change_known_may_be_older_than_the_stream() {
    let mut desk = Desk::new();
    desk.orders.push(order("a"));
    desk.orders[0].updated_at = at(50);
    desk.listen();
    desk.pass(Duration::from_mins(2));
    desk.orders.push(order("old"));
    desk.execute("old", 40, false);
    desk.orders[1].updated_at = at(50);
    if let ActivityKind::Fill { at: when, .. } = &mut desk.rows[0].kind {
        *when = at(50);
    }
    desk.pass(Duration::from_mins(5));
    assert_eq!(desk.held(), Qty::whole(40));
    assert!(!accused(&desk), "{}", desk.logs());
}

#[test]
fn a_state_that_the_stream_left_out_counts_however_much_it_told_of_the_order_before() {
    let mut desk = Desk::live();
    desk.orders.push(order("o"));
    desk.told(TradeEvent::New, order("o"));
    desk.pass(Duration::from_mins(2));
    desk.told(TradeEvent::New, order("o"));
    desk.pass(Duration::from_secs(10));
    desk.orders[0].status = OrderStatus::PendingCancel;
    desk.orders[0].updated_at = at(90);
    desk.pass(Duration::from_mins(2));
    assert!(accused(&desk), "{}", desk.logs());
}

#[test]
fn executions_that_the_stream_leaves_out_count_though_it_tells_of_their_order() {
    let mut desk = Desk::live();
    desk.orders.push(order("o"));
    desk.told(TradeEvent::New, order("o"));
    desk.pass(Duration::from_mins(2));
    for qty in [10, 20] {
        desk.execute("o", qty, false);
        let state = desk.orders[0].clone();
        desk.told(TradeEvent::PartialFill, state);
        desk.pass(Duration::from_secs(10));
    }
    assert_eq!(desk.held(), Qty::whole(30));
    assert!(desk.logs().contains("left out 1 change"), "{}", desk.logs());
}

#[test]
fn an_undoing_that_is_believed_at_last_refreshes_the_balances() {
    let mut desk = Desk::live();
    desk.orders = vec![order("o")];
    desk.told(TradeEvent::New, order("o"));
    desk.pass(Duration::from_mins(1));
    let listed = desk.orders[0].clone();
    desk.execute("o", 40, true);
    (desk.orders[0], desk.rows) = (listed, Vec::new());
    let undone = |desk: &Desk| desk.blotter.executions().any(|row| matches!(row.kind, ExecutionKind::Bust { .. }));
    for _ in 0..3_000 {
        desk.pass(Duration::from_millis(100));
        if undone(&desk) {
            break;
        }
    }
    assert!(undone(&desk), "{}", desk.logs());
    let asked = |desk: &Desk| desk.asked.iter().filter(|request| matches!(request, Request::Account)).count();
    let before = asked(&desk);
    desk.pass(Duration::from_millis(500));
    assert_eq!(asked(&desk), before + 1);
}
