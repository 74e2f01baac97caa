//! A reset account: what was reported of the new one before it was known to be new.

use super::*;

fn placed(id: &str) -> TradeUpdate {
    event(TradeEvent::New, order(id, OrderStatus::New, 0, 1), vec![])
}

/// A blotter after a reset, which knew an order of the old account and one of the new account.
fn reported() -> Blotter {
    let mut blotter = Blotter::default();
    for update in [placed("old"), fill("e1", "old", 10, 10, 10), placed("o"), fill("e2", "o", 7, 7, 7)] {
        blotter.apply_update(&update);
    }
    blotter.reset();
    assert_eq!((blotter.order_count(), blotter.executions().count(), blotter.tape().len()), (0, 0, 0));
    blotter
}

#[test]
fn what_was_reported_of_an_order_that_the_new_account_names_is_restored_and_is_not_news() {
    let stated = || vec![order("o", OrderStatus::PartiallyFilled, 7, 7)];
    let rows = || vec![row("r2", 7, 7, 7)];
    // The order and its row together, the order first, the row first, and the stream itself.
    let answers: [&[(Vec<Order>, Vec<Activity>)]; 4] =
        [&[(stated(), rows())], &[(stated(), vec![]), (vec![], rows())], &[(vec![], rows()), (stated(), vec![])], &[]];
    for (case, answers) in answers.into_iter().enumerate() {
        let (mut blotter, mut changes) = (reported(), Changes::default());
        if answers.is_empty() {
            changes.absorb(blotter.apply_update(&fill("e2", "o", 7, 7, 7)));
        }
        for (orders, rows) in answers {
            changes.absorb(blotter.apply_snapshot(orders, rows));
        }
        assert!(changes.executions.is_empty() && changes.moved.is_empty(), "{case}: {changes:?}");
        assert_eq!(
            changes.revised.first().map(ExecutionId::as_str),
            Some("e2"),
            "the journal of the new account lacks it"
        );
        assert_eq!(blotter.executions().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["e2"], "{case}");
        let lines: Vec<_> = blotter.tape().iter().map(|line| (line.event.clone(), line.source)).collect();
        assert_eq!(lines, [(TradeEvent::New, Source::Stream), (TradeEvent::PartialFill, Source::Stream)], "{case}");
        assert_eq!(changes.tape, blotter.tape().iter().map(|line| line.number).collect::<Vec<_>>());
        assert_eq!(blotter.unsettled().count(), 0, "{case}");
        assert!(blotter.order(&"old".into()).is_none(), "{case}");
        // When the stream repeats it, nothing of it is new.
        assert!(blotter.apply_update(&placed("o")).tape.is_empty(), "{case}");
        assert!(blotter.apply_update(&fill("e2", "o", 7, 7, 7)).executions.is_empty(), "{case}");
    }
}

#[test]
fn an_order_that_the_new_account_does_not_name_stays_away_and_later_executions_are_news() {
    let mut blotter = reported();
    let now = order("o", OrderStatus::PartiallyFilled, 9, 9);
    let changes = blotter.apply_snapshot(&[now], &[row("r3", 2, 9, 9)]);
    assert_eq!(changes.executions.iter().map(ExecutionId::as_str).collect::<Vec<_>>(), ["row/r3"]);
    assert_eq!(changes.moved, ["o".into()]);
    assert_eq!(blotter.order_count(), 1);
    // The previous account answers again: what was reported of it is known as well.
    blotter.reset();
    let changes = blotter.apply_snapshot(&[order("old", OrderStatus::PartiallyFilled, 10, 10)], &[]);
    assert!(changes.executions.is_empty(), "{changes:?}");
    assert_eq!(blotter.executions().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["e1"]);
}

#[test]
fn the_legs_of_an_order_come_back_with_it() {
    let leg = |id: &str, symbol: &str| Order { symbol: symbol.into(), ..order(id, OrderStatus::New, 0, 1) };
    let parent =
        Order { class: OrderClass::Mleg, legs: vec!["l1".into(), "l2".into()], ..order("p", OrderStatus::New, 0, 1) };
    let mut blotter = Blotter::default();
    let update =
        TradeUpdate { legs: vec![leg("l1", "A"), leg("l2", "B")], ..event(TradeEvent::New, parent.clone(), vec![]) };
    blotter.apply_update(&update);
    blotter.reset();
    blotter.apply_snapshot(&[parent], &[]);
    assert_eq!(blotter.order_count(), 3);
}
