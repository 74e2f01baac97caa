//! Amounts at the limit of an exact decimal: nothing panics, and each is kept as received.

use super::*;

fn huge() -> Qty {
    Qty::new(rust_decimal::Decimal::MAX)
}

/// A report of the largest possible amount.
fn report(id: &str, kind: ExecutionKind, when: i64) -> TradeUpdate {
    let mut order = order("o", OrderStatus::PartiallyFilled, 0, when);
    order.cum_qty = huge();
    let mut execution = execution(id, &order, 0, 0, when, kind);
    (execution.qty, execution.cum_qty) = (huge(), Some(huge()));
    event(TradeEvent::PartialFill, order, vec![execution])
}

#[test]
fn executions_too_large_to_add_up_are_kept_as_received_and_nothing_is_concluded() {
    let mut blotter = Blotter::default();
    for (id, when) in [("e1", 1), ("e2", 2), ("e3", 3)] {
        blotter.apply_update(&report(id, ExecutionKind::Trade, when));
        let stated: Vec<Order> = blotter.orders().cloned().collect();
        blotter.apply_snapshot(&stated, &[]);
    }
    assert!(blotter.executions().all(|row| row.qty == huge() && row.kind == ExecutionKind::Trade));
    assert_eq!(blotter.executions().count(), 3);
    assert!(blotter.unsettled().next().is_none(), "no sum, no gap");
}

#[test]
fn busts_and_corrections_at_the_limit_do_not_panic() {
    let mut blotter = Blotter::default();
    let of = |id: &str| Some(ExecutionId::from(id));
    let kinds = [
        ExecutionKind::Bust { of: of("x") },
        ExecutionKind::Bust { of: None },
        ExecutionKind::Correction { of: of("a0") },
        ExecutionKind::Trade,
        ExecutionKind::Correction { of: None },
        ExecutionKind::Trade,
    ];
    for (index, kind) in kinds.into_iter().enumerate() {
        blotter.apply_update(&report(&format!("a{index}"), kind, i64::try_from(index).unwrap()));
        let mut stated = blotter.order(&"o".into()).unwrap().clone();
        stated.updated_at = Some(at(100));
        blotter.apply_snapshot(&[stated], &[]);
    }
    assert!(blotter.executions().count() >= 6);
}
