//! Orders replaced after a partial fill, by both readings of what the new order states.

use super::*;

/// Executions of a chain of orders, each order's in turn: `o0` is replaced by `o1` and so on.
struct Chain {
    fills: Vec<Vec<i64>>,
    /// The first reading: a replacing order states its chain's executions. By the second, it starts at zero.
    carries: bool,
}

impl Chain {
    fn id(at: usize) -> String {
        format!("o{at}")
    }

    /// Quantity executed by the orders before this one.
    fn before(&self, at: usize) -> i64 {
        self.fills.iter().take(at).flatten().sum()
    }

    /// The order after this many of its executions; with `done`, in its final state.
    fn state(&self, at: usize, count: usize, done: bool) -> Order {
        let total = self.before(self.fills.len());
        let base = if self.carries { self.before(at) } else { 0 };
        let cum = base + self.fills[at].iter().take(count).sum::<i64>();
        let last = at + 1 == self.fills.len();
        let status = match (done, count, last) {
            (true, _, false) => OrderStatus::Replaced,
            (true, _, true) => OrderStatus::Filled,
            (false, 0, _) => OrderStatus::New,
            (false, ..) => OrderStatus::PartiallyFilled,
        };
        let when = i64::try_from(at * 100 + count * 10 + usize::from(done)).unwrap();
        let mut order = order(&Self::id(at), status, cum, when);
        order.qty = Some(Qty::whole(if self.carries { total } else { total - self.before(at) }));
        order.replaces = at.checked_sub(1).map(|before| Self::id(before).as_str().into());
        order.replaced_by = (done && !last).then(|| Self::id(at + 1).as_str().into());
        order
    }

    fn report(&self, at: usize, count: usize) -> TradeUpdate {
        let state = self.state(at, count, false);
        let (qty, cum) = (self.fills[at][count - 1], state.cum_qty);
        let mut report = execution(&format!("e{at}-{count}"), &state, qty, 0, 0, ExecutionKind::Trade);
        (report.cum_qty, report.at) = (Some(cum), state.updated_at);
        event(TradeEvent::PartialFill, state, vec![report])
    }

    fn row(&self, at: usize, count: usize) -> Activity {
        let report = self.report(at, count).executions.remove(0);
        let mut found = row(&format!("r{at}-{count}"), self.fills[at][count - 1], 0, 0);
        if let ActivityKind::Fill { order_id, cum_qty, at, .. } = &mut found.kind {
            // A row's time differs from the frame's.
            let later = report.at.map(|at| at + std::time::Duration::from_secs(5));
            (*order_id, *cum_qty, *at) = (report.order_id, report.cum_qty, later);
        }
        found
    }

    /// Everything that the stream reports, in order.
    fn frames(&self) -> Vec<TradeUpdate> {
        let mut frames = Vec::new();
        for (at, fills) in self.fills.iter().enumerate() {
            frames.push(event(TradeEvent::New, self.state(at, 0, false), vec![]));
            frames.extend((1..=fills.len()).map(|count| self.report(at, count)));
            let kind = if at + 1 == self.fills.len() { TradeEvent::Fill } else { TradeEvent::Replaced };
            frames.push(event(kind, self.state(at, fills.len(), true), vec![]));
        }
        frames
    }

    fn orders(&self) -> Vec<Order> {
        self.fills.iter().enumerate().map(|(at, fills)| self.state(at, fills.len(), true)).collect()
    }

    fn rows(&self) -> Vec<Activity> {
        let all = self.fills.iter().enumerate().flat_map(|(at, fills)| (1..=fills.len()).map(move |count| (at, count)));
        all.map(|(at, count)| self.row(at, count)).collect()
    }

    /// True if the blotter has every execution once, under the order that executed it, and nothing else.
    fn is_complete_in(&self, blotter: &Blotter) -> bool {
        let mut found: Vec<_> = blotter
            .executions()
            .map(|row| (row.order_id.to_string(), row.kind == ExecutionKind::Trade, row.qty))
            .collect();
        let mut expected: Vec<_> = self
            .fills
            .iter()
            .enumerate()
            .flat_map(|(at, fills)| fills.iter().map(move |qty| (Self::id(at), true, Qty::whole(*qty))))
            .collect();
        found.sort();
        expected.sort();
        found == expected && blotter.unsettled().next().is_none()
    }
}

#[test]
fn a_replacing_order_that_states_its_chain_is_filled_without_a_placeholder() {
    for carries in [true, false] {
        let chain = Chain { fills: vec![vec![41], vec![59]], carries };
        let mut blotter = Blotter::default();
        for frame in chain.frames() {
            assert!(blotter.apply_update(&frame).gaps.is_empty(), "{carries}: {frame:?}");
            // REST states every order on the way as the stream did.
            let stated: Vec<Order> = blotter.orders().cloned().collect();
            blotter.apply_snapshot(&stated, &[]);
        }
        assert!(chain.is_complete_in(&blotter), "{carries}: {:?}", blotter.executions().collect::<Vec<_>>());
    }
}

/// A service may name the link on one side only.
#[test]
fn a_chain_that_only_the_replaced_orders_name_is_one_too() {
    let by_only = |mut order: Order| {
        order.replaces = None;
        order
    };
    for carries in [true, false] {
        let chain = Chain { fills: vec![vec![10], vec![10, 5], vec![75]], carries };
        let orders: Vec<Order> = chain.orders().into_iter().map(by_only).collect();
        for orders in [orders.clone(), orders.iter().rev().cloned().collect()] {
            let mut blotter = Blotter::default();
            blotter.apply_snapshot(&orders, &chain.rows());
            assert!(chain.is_complete_in(&blotter), "{carries}: {:?}", blotter.executions().collect::<Vec<_>>());
            let kept: Vec<Order> = blotter.orders().cloned().collect();
            let mut again = Blotter::default();
            again.restore(kept, blotter.executions().cloned().collect(), Vec::new(), Some(at(900)));
            again.apply_snapshot(&orders, &chain.rows());
            assert!(chain.is_complete_in(&again), "{carries}: {:?}", again.executions().collect::<Vec<_>>());
        }
        // The replacing order's frames come before the one that names the link.
        let mut blotter = Blotter::default();
        let mut frames = chain.frames();
        for frame in &mut frames {
            frame.order.replaces = None;
        }
        let (named, others): (Vec<_>, Vec<_>) =
            frames.into_iter().partition(|frame| frame.event == TradeEvent::Replaced);
        for frame in others.iter().chain(&named) {
            blotter.apply_update(frame);
        }
        blotter.apply_snapshot(&orders, &chain.rows());
        assert!(chain.is_complete_in(&blotter), "{carries}: {:?}", blotter.executions().collect::<Vec<_>>());
        let replaced = blotter.order(&"o1".into()).and_then(|order| order.replaces.clone());
        assert_eq!(replaced, Some("o0".into()));
    }
}

#[test]
fn unseen_executions_of_a_replacing_order_are_awaited_by_either_reading() {
    for carries in [true, false] {
        let chain = Chain { fills: vec![vec![41], vec![30, 29]], carries };
        let mut blotter = Blotter::default();
        blotter.apply_snapshot(&chain.orders(), &[chain.row(0, 1)]);
        assert_eq!(blotter.awaiting().map(OrderId::as_str).collect::<Vec<_>>(), ["o1"], "{carries}");
        blotter.apply_snapshot(&chain.orders(), &chain.rows());
        assert!(chain.is_complete_in(&blotter), "{carries}: {:?}", blotter.executions().collect::<Vec<_>>());
        assert!(blotter.awaiting().next().is_none());
    }
}

#[test]
fn an_assumed_chain_quantity_is_requested_until_a_row_or_an_idle_state_proves_it() {
    let chain = Chain { fills: vec![vec![41], vec![59]], carries: true };
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&[chain.state(0, 1, true)], &[chain.row(0, 1)]);
    let mut unclear = chain.state(1, 0, false);
    unclear.status = OrderStatus::PartiallyFilled;
    blotter.apply_snapshot(&[unclear], &[]);
    assert_eq!(blotter.assumed().count(), 1, "41 executed by itself would look the same");
    let mut idle = chain.state(1, 0, false);
    idle.updated_at = Some(at(500));
    blotter.apply_snapshot(&[idle], &[]);
    assert_eq!(blotter.assumed().count(), 0);
}

#[test]
fn a_replacing_order_without_executions_says_nothing_about_later_ones() {
    let chain = Chain { fills: vec![vec![21], vec![21]], carries: false };
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&[chain.state(0, 0, false)], &[]);
    blotter.apply_snapshot(&[chain.state(1, 0, false)], &[]);
    blotter.apply_snapshot(&[chain.state(0, 1, true), chain.state(1, 1, false)], &[chain.row(0, 1)]);
    assert_eq!(blotter.assumed().map(OrderId::as_str).collect::<Vec<_>>(), ["o1"], "21 may be either's");
}

#[test]
fn a_replacing_order_awaits_nothing_while_its_predecessors_executions_are_uncertain() {
    let chain = Chain { fills: vec![vec![20, 21], vec![59]], carries: true };
    let idle = chain.state(1, 0, false);
    // The predecessor is unknown; or a list lags and states it as still working.
    for before in [vec![], vec![chain.state(0, 1, false)]] {
        let mut blotter = Blotter::default();
        let known: Vec<Order> = before.into_iter().chain([idle.clone()]).collect();
        let changes = blotter.apply_snapshot(&known, &[chain.row(0, 1)]);
        assert!(changes.executions.iter().all(|id| !Blotter::is_placeholder_of(id, &idle.id)), "{changes:?}");
        blotter.apply_snapshot(&chain.orders(), &chain.rows());
        assert!(chain.is_complete_in(&blotter), "{:?}", blotter.executions().collect::<Vec<_>>());
    }
    // What its own rows leave over after its first execution is still its own.
    let chain = Chain { fills: vec![vec![41], vec![30, 29]], carries: true };
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&[chain.state(1, 2, true)], &[chain.row(1, 1)]);
    let awaited = blotter.executions().find(|row| row.kind == ExecutionKind::Unexplained);
    assert_eq!(awaited.map(|row| row.qty), Some(Qty::whole(29)));
}

#[test]
fn a_replacing_order_awaits_nothing_while_a_frame_contests_its_predecessors_executions() {
    let chain = Chain { fills: vec![vec![41], vec![59]], carries: true };
    let mut before = chain.state(0, 1, false);
    (before.cum_qty, before.updated_at) = (Qty::whole(86), Some(at(1)));
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&[before.clone()], &[]);
    // 86 were executed and undone before the 41, and REST lags behind the frame that shows it.
    blotter.apply_update(&event(TradeEvent::Replaced, chain.state(0, 1, true), vec![]));
    (before.cum_qty, before.updated_at) = (Qty::ZERO, Some(at(2)));
    let idle = chain.state(1, 0, false);
    let changes = blotter.apply_snapshot(&[before, idle.clone()], &[]);
    assert!(changes.executions.iter().all(|id| !Blotter::is_placeholder_of(id, &idle.id)), "{changes:?}");
}

#[test]
fn a_replacing_order_owns_what_it_states_once_its_predecessor_is_known_to_have_executed_another_quantity() {
    for executed in [0, 41] {
        let chain = Chain { fills: vec![vec![executed], vec![20]], carries: false };
        let mut blotter = Blotter::default();
        let own = chain.state(1, 1, true);
        blotter.apply_snapshot(std::slice::from_ref(&own), &[]);
        assert_eq!(blotter.unknown_predecessors().count(), 1);
        blotter.apply_snapshot(&[chain.state(0, 1, true)], &[]);
        blotter.apply_snapshot(std::slice::from_ref(&own), &[]);
        let awaited: Vec<Qty> = blotter.executions_of(&own.id).iter().map(|row| row.qty).collect();
        assert_eq!(awaited, [Qty::whole(20)], "{executed}");
    }
}

#[test]
fn a_replacing_order_is_known_even_if_the_end_of_its_predecessor_states_less_executed_than_known() {
    let chain = Chain { fills: vec![vec![20, 21], vec![59]], carries: true };
    let mut blotter = Blotter::default();
    blotter.apply_update(&chain.report(0, 1));
    blotter.apply_update(&chain.report(0, 2));
    let mut end = chain.state(0, 2, true);
    (end.cum_qty, end.replaced_at) = (Qty::whole(20), end.updated_at);
    blotter.apply_update(&event(TradeEvent::Replaced, end, vec![]));
    let shown = blotter.order(&"o0".into()).unwrap();
    assert_eq!((&shown.status, shown.replaced_by.as_ref().map(OrderId::as_str)), (&OrderStatus::Replaced, Some("o1")));
    // What it executed must still be requested, also after a restart.
    let mut again = Blotter::default();
    again.restore(vec![shown.clone()], blotter.executions().cloned().collect(), blotter.tape().to_vec(), None);
    for asks in [&blotter, &again] {
        assert!(asks.unsettled().any(|id| id.as_str() == "o0"));
    }
}

#[test]
fn an_unknown_predecessor_is_requested() {
    let chain = Chain { fills: vec![vec![41], vec![59]], carries: true };
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&[chain.state(1, 1, true)], &[chain.row(1, 1)]);
    assert_eq!(blotter.unknown_predecessors().map(OrderId::as_str).collect::<Vec<_>>(), ["o0"]);
    blotter.apply_snapshot(&[chain.state(0, 1, true)], &[chain.row(0, 1)]);
    assert!(chain.is_complete_in(&blotter) && blotter.unknown_predecessors().next().is_none());
}

proptest! {
    #[test]
    fn a_chain_is_the_same_in_any_order_of_arrival_and_by_either_reading(
        fills in prop::collection::vec(prop::collection::vec(1..60_i64, 0..3), 1..5),
        carries: bool,
        places in prop::collection::vec(0..100_usize, 0..40),
        snapshots: bool,
    ) {
        let chain = Chain { fills, carries };
        let (frames, rows, orders) = (chain.frames(), chain.rows(), chain.orders());
        let mut blotter = Blotter::default();
        let mut told: Vec<ExecutionId> = Vec::new();
        for place in places {
            let changes = match place % 4 {
                0 | 1 => blotter.apply_update(&frames[place % frames.len()]),
                2 if snapshots => blotter.apply_snapshot(&orders[place % orders.len()..=place % orders.len()], &[]),
                _ if rows.is_empty() => Changes::default(),
                _ => blotter.apply_snapshot(&[], &rows[place % rows.len()..=place % rows.len()]),
            };
            told.extend(changes.executions);
        }
        for frame in &frames {
            told.extend(blotter.apply_update(frame).executions);
        }
        told.extend(blotter.apply_snapshot(&orders, &rows).executions);
        told.extend(blotter.apply_snapshot(&orders, &rows).executions);
        prop_assert!(chain.is_complete_in(&blotter), "{:?}", blotter.executions().collect::<Vec<_>>());
        let trades = told.iter().filter(|id| !id.as_str().starts_with("unexplained")).count();
        prop_assert_eq!(trades, rows.len(), "each was reported once: {:?}", told);
        for frame in &frames {
            prop_assert!(blotter.apply_update(frame).is_empty(), "a second pass emits nothing");
        }
        prop_assert!(blotter.apply_snapshot(&orders, &rows).is_empty());
    }
}

#[test]
fn a_later_state_without_chain_links_keeps_the_known_ones() {
    let mut blotter = Blotter::default();
    let mut replaced = order("o", OrderStatus::Replaced, 40, 5);
    (replaced.replaces, replaced.replaced_by) = (Some("before".into()), Some("after".into()));
    blotter.apply_snapshot(&[replaced], &[]);
    blotter.apply_update(&fill("e2", "o", 20, 60, 9));
    let known = blotter.order(&"o".into()).unwrap();
    assert_eq!(known.cum_qty, Qty::whole(60));
    assert_eq!((&known.replaces, &known.replaced_by), (&Some("before".into()), &Some("after".into())));
}

#[test]
fn a_bust_of_a_replaced_order_still_counts_in_the_replacing_order() {
    let mut blotter = Blotter::default();
    blotter.apply_update(&fill("e1", "o", 30, 30, 1));
    blotter.apply_update(&fill("e2", "o", 11, 41, 2));
    blotter.apply_update(&event(TradeEvent::Replaced, order("o", OrderStatus::Replaced, 41, 3), vec![]));
    let state = Order { replaces: Some("o".into()), ..order("b", OrderStatus::PartiallyFilled, 61, 5) };
    let report = execution("e3", &state, 20, 61, 5, ExecutionKind::Trade);
    blotter.apply_update(&event(TradeEvent::PartialFill, state.clone(), vec![report]));
    let lowered = order("o", OrderStatus::Replaced, 30, 9);
    let undone = execution("b1", &lowered, 11, -1, 9, ExecutionKind::Bust { of: Some("e2".into()) });
    blotter.apply_update(&event(TradeEvent::TradeBust, lowered.clone(), vec![undone]));
    blotter.apply_snapshot(&[lowered, state], &[]);
    assert!(blotter.unsettled().next().is_none(), "{:?}", blotter.executions().collect::<Vec<_>>());
    assert_eq!(blotter.executions_of(&"b".into()).len(), 1, "it awaits nothing");
}

#[test]
fn an_unknown_predecessor_is_not_requested_while_nothing_was_executed() {
    let idle = Order { replaces: Some("o".into()), ..order("b", OrderStatus::New, 0, 5) };
    let mut blotter = Blotter::default();
    blotter.apply_snapshot(&[idle], &[]);
    assert!(blotter.unknown_predecessors().next().is_none());
    // Nor for an order that ended before executions were requested.
    let ended = Order { replaces: Some("p".into()), ..order("q", OrderStatus::Canceled, 40, 5) };
    blotter.set_history_before(Some(at(9)));
    blotter.apply_snapshot(&[ended], &[]);
    assert!(blotter.unknown_predecessors().next().is_none());
}

#[test]
fn a_replacing_order_awaits_no_more_what_its_predecessor_turns_out_to_have_executed() {
    let chain = Chain { fills: vec![vec![41], vec![59]], carries: true };
    let mut ended = chain.state(0, 0, true);
    ended.updated_at = chain.state(0, 1, true).updated_at;
    let mut blotter = Blotter::default();
    // A list that lags: 41 look like the replacing order's own.
    blotter.apply_snapshot(&[ended, chain.state(1, 0, false)], &[]);
    assert_eq!(blotter.awaiting().map(OrderId::as_str).collect::<Vec<_>>(), ["o1"]);
    blotter.apply_snapshot(&[chain.state(0, 1, true)], &[chain.row(0, 1)]);
    assert!(blotter.awaiting().next().is_none(), "{:?}", blotter.executions().collect::<Vec<_>>());
    blotter.apply_snapshot(&chain.orders(), &chain.rows());
    assert!(chain.is_complete_in(&blotter), "{:?}", blotter.executions().collect::<Vec<_>>());
}
