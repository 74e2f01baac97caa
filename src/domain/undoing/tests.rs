use jiff::Timestamp;

use super::*;
use crate::domain::order::Raw;
use crate::domain::{OrderClass, OrderStatus, OrderType, Price, Side, Source, TimeInForce};

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

/// What the undoings are of, in words, in the order of their ids.
fn found(rows: &[Execution], order: &Order) -> Vec<String> {
    let rows: Vec<&Execution> = rows.iter().collect();
    let known = |id: &ExecutionId| rows.iter().find(|row| row.id == *id).map(|row| row.id.clone());
    let mut found: Vec<_> = resolve(&rows, Some(order), known).into_iter().collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let word = |of| match of {
        Of::Row(id) => id.to_string(),
        Of::Untold(id) => format!("untold {id}"),
        Of::Open => "open".to_owned(),
        Of::Nothing => "nothing".to_owned(),
    };
    found.into_iter().map(|(_, of)| word(of)).collect()
}

#[test]
fn a_row_stands_for_the_execution_that_an_undoing_names() {
    let rows = |undoing| [trade("e1", 10, 1), trade("row/1", 40, 2), undoing];
    assert_eq!(found(&rows(correction("c", "lost", 40, 9, 3)), &order(50)), ["row/1"]);
    assert_eq!(found(&rows(correction("c", "lost", 30, 10, 3)), &order(40)), ["row/1"]);
    assert_eq!(found(&rows(correction("c", "lost", 30, 9, 3)), &order(40)), ["row/1"], "both, as the order proves");
    assert_eq!(found(&rows(bust("b", "lost", 40, 3)), &order(10)), ["row/1"]);
    // The row came after the correction, and states what it is now.
    assert_eq!(
        found(
            &[trade("e1", 10, 1), correction("c", "lost", 30, 9, 3), row("row/1", ExecutionKind::Trade, 30, 9, 2)],
            &order(40)
        ),
        ["row/1"]
    );
}

#[test]
fn what_the_order_states_tells_whether_the_execution_was_told_at_all() {
    let told = || vec![trade("e1", 10, 1), trade("row/1", 40, 2)];
    // As much as the row executed once more, and that was undone or corrected before anybody told of it.
    assert_eq!(found(&[told(), vec![bust("b", "lost", 40, 3)]].concat(), &order(50)), ["untold lost"]);
    assert_eq!(found(&[told(), vec![correction("c", "lost", 40, 9, 3)]].concat(), &order(90)), ["open"]);
    // What it states is from before: nothing is known yet.
    assert_eq!(found(&[told(), vec![bust("b", "lost", 30, 3)]].concat(), &order(77)), ["open"]);
    // Two at once, of which one was told.
    let both = [told(), vec![bust("b1", "lost", 40, 3), bust("b2", "gone", 30, 4)]].concat();
    assert_eq!(found(&both, &order(10)), ["row/1", "untold gone"]);
    let twice = [told(), vec![trade("row/2", 40, 3), bust("b1", "lost", 40, 4), bust("b2", "gone", 40, 5)]].concat();
    assert_eq!(found(&twice, &order(10)), ["row/2", "row/1"], "no row twice");
    // The lists took something back beside it.
    let inferred = || row("inferred-bust/o/50-40@1", ExecutionKind::Bust { of: None }, 10, 10, 4);
    assert_eq!(found(&[told(), vec![bust("b", "lost", 40, 3), inferred()]].concat(), &order(0)), ["row/1", "open"]);
    let price = correction("c", "lost", 40, 9, 3);
    assert_eq!(found(&[told(), vec![price, inferred()]].concat(), &order(40)), ["row/1", "open"]);
    // Inferred because nobody knew yet what the correction was of.
    let less = correction("c", "lost", 30, 10, 3);
    assert_eq!(found(&[told(), vec![less, inferred()]].concat(), &order(40)), ["row/1", "nothing"]);
}

#[test]
fn what_is_corrected_once_more_is_the_correction() {
    let first = || correction("c1", "e1", 30, 9, 2);
    let rows = |second| [trade("e1", 40, 1), first(), second];
    assert_eq!(found(&rows(correction("c2", "e1", 20, 9, 3)), &order(20)), ["e1", "c1"], "by the id of the trade");
    assert_eq!(found(&rows(correction("c2", "c1", 20, 9, 3)), &order(20)), ["e1", "c1"], "by that of the correction");
    // Also where a row stands for what both name, and where nothing does.
    let named = [trade("row/1", 40, 1), correction("c1", "lost", 30, 9, 2), correction("c2", "lost", 20, 9, 3)];
    assert_eq!(found(&named, &order(20)), ["row/1", "c1"]);
    assert_eq!(found(&named[1..], &order(20)), ["open", "c1"]);
    let undone = [named[1].clone(), bust("d", "lost", 30, 3)];
    assert_eq!(found(&undone, &order(0)), ["open", "c1"]);
    assert_eq!(found(&[correction("c1", "c1", 30, 9, 2)], &order(30)), ["open"], "of itself it is not");
}

#[test]
fn where_the_order_proves_nothing_only_a_likeness_does() {
    let replaced = Order { replaces: Some("p".into()), ..order(90) };
    let rows = |undoing| [trade("row/1", 40, 2), undoing];
    assert_eq!(found(&rows(bust("b", "lost", 40, 3)), &replaced), ["row/1"]);
    assert_eq!(found(&rows(bust("b", "lost", 30, 3)), &replaced), ["open"]);
    assert_eq!(found(&rows(correction("c", "lost", 30, 10, 3)), &replaced), ["row/1"]);
    assert_eq!(found(&rows(correction("c", "lost", 30, 9, 3)), &replaced), ["open"]);
}
