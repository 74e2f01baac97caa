//! What must hold whatever happens: seeded runs of the bot, with the books checked from outside.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

/// Cash, positions, orders and holds agree with the executions to the last digit.
pub(super) fn assert_books_balance(engine: &Engine, no: AccountNo) {
    let truth = engine.truth(no).unwrap();
    let mut cash: Decimal = truth.cash_rows.iter().map(|row| row.net_amount).sum();
    let mut positions: BTreeMap<&str, Decimal> = BTreeMap::new();
    let mut orders: HashMap<OrderId, (Decimal, Decimal)> = HashMap::new();
    for execution in truth.executions.iter().filter(|e| e.restated != Some(Restated::Busted)) {
        let asset = engine.market().asset(engine.find_asset(execution.symbol).unwrap());
        let value = execution.qty * execution.price;
        match execution.side {
            Side::Buy => cash -= value * asset.multiplier,
            Side::Sell => cash += value * asset.multiplier - execution.fee,
        }
        *positions.entry(execution.symbol).or_default() += execution.position_change();
        let sums = orders.entry(execution.order_id).or_default();
        *sums = (sums.0 + execution.qty, sums.1 + value);
    }
    assert_eq!(truth.cash, cash);
    positions.retain(|_, qty| !qty.is_zero());
    let held: BTreeMap<&str, Decimal> =
        truth.positions.iter().map(|view| (engine.market().asset(view.sym).symbol, view.position.qty)).collect();
    assert_eq!(held, positions);
    for order in &truth.orders {
        let (qty, value) = orders.get(&order.id).copied().unwrap_or_default();
        assert_eq!(order.filled_qty, qty, "{order:?}");
        let average = value.checked_div(qty).map(|average| average.round_dp(9));
        assert_eq!(order.filled_avg_price, average, "{order:?}");
        assert_eq!(
            order.status == Status::Filled,
            order.qty.is_some_and(|ordered| ordered == qty) || (order.notional.is_some() && !qty.is_zero()),
            "{order:?}"
        );
    }
    assert_holds(engine, no);
}

/// An order has executed what its executions say, after what its chain had where it carries that, and no more than ordered.
fn assert_one_sum(engine: &Engine, carries: bool) {
    let truth = engine.truth(PAPER).unwrap();
    for order in &truth.orders {
        let own: Vec<_> = truth.executions.iter().filter(|execution| execution.order_id == order.id).collect();
        let carried = truth.orders.iter().find(|older| carries && older.replaced_by == Some(order.id));
        let sum = own.iter().map(|execution| execution.qty).sum::<Decimal>();
        if let Some(carried) = carried {
            assert_eq!(order.filled_qty, carried.filled_qty + sum, "{order:?}");
        }
        if !carries {
            assert_eq!(order.filled_qty, sum, "{order:?}");
        }
        if let Some(last) = own.last() {
            assert_eq!(last.cum_qty, order.filled_qty, "{order:?}");
        }
        assert!(order.qty.is_some_and(|qty| order.filled_qty <= qty), "{order:?}");
    }
}

/// What is held is what the open orders hold, and nothing is promised twice.
fn assert_holds(engine: &Engine, no: AccountNo) {
    let account = engine.account(no).unwrap();
    let open: Vec<&Slot> = account.open.iter().map(|ix| engine.slot(*ix)).collect();
    assert_eq!(account.held_margin, open.iter().map(|slot| slot.held_margin).sum::<Decimal>());
    for (sym, held) in &account.held_qty {
        assert_eq!(*held, open.iter().filter(|slot| slot.sym == *sym).map(|slot| slot.held_qty).sum::<Decimal>());
        assert!(*held <= account.position_qty(*sym).abs(), "more is promised than held");
    }
    let all_open = account.orders.iter().filter(|ix| engine.slot(**ix).is_open()).count();
    assert_eq!(open.len(), all_open);
    let group_exits = |group: Uuid| {
        let orders =
            account.orders.iter().map(|ix| &engine.slot(*ix).order).filter(|order| order.group_id == Some(group));
        let (entries, exits): (Vec<&Order>, Vec<&Order>) =
            orders.partition(|order| order.group_role == Some(GroupRole::Entry));
        (
            entries.iter().map(|order| order.filled_qty).sum::<Decimal>(),
            exits.iter().map(|order| order.filled_qty).sum::<Decimal>(),
        )
    };
    for order in account.orders.iter().map(|ix| &engine.slot(*ix).order) {
        if let Some(group) = order.group_id {
            let (entered, left) = group_exits(group);
            assert!(left <= entered, "a group closed more than it opened");
        }
    }
}

/// What every order has executed so far.
fn filled_so_far(engine: &Engine) -> HashMap<OrderId, Decimal> {
    engine.truth(PAPER).unwrap().orders.iter().map(|order| (order.id, order.filled_qty)).collect()
}

/// Events follow the rules of an order's life cycle; `filled` before them plus their sum is the order's quantity.
fn assert_events_make_sense(engine: &mut Engine, mut filled: HashMap<OrderId, Decimal>) {
    let mut done: HashMap<OrderId, EventKind> = HashMap::new();
    let mut last_id = EventId(0);
    while let Some(event) = engine.poll_event() {
        assert!(event.event_id > last_id);
        last_id = event.event_id;
        let id = event.order.id;
        let late = matches!(event.event, EventKind::OrderCancelRejected | EventKind::OrderReplaceRejected);
        assert!(late || !done.contains_key(&id), "{:?} after {:?}", event.event, done.get(&id));
        if let Some(report) = &event.report {
            let sum = filled.entry(id).or_default();
            *sum += report.qty;
            assert_eq!((*sum, report.cum_qty), (event.order.filled_qty, event.order.filled_qty));
        }
        if event.order.status.is_terminal() {
            done.insert(id, event.event);
        }
    }
}

fn fingerprint(engine: &mut Engine) -> u64 {
    let mut hasher = DefaultHasher::new();
    while let Some(event) = engine.poll_event() {
        event.hash(&mut hasher);
    }
    engine.truth(PAPER).unwrap().cash.hash(&mut hasher);
    hasher.finish()
}

/// A brokerage whose past the bot has made, a while before the close.
pub(super) fn lived_in(seed: u64) -> Engine {
    let start = "2026-10-20T19:30:00Z".parse().unwrap();
    let options = EngineOptions { step_millis: 5_000, ..EngineOptions::new(seed, start) };
    let mut engine = Engine::with_past(options, Bot::new(seed, PAPER, None));
    while engine.poll_news().is_some() {}
    engine
}

/// A day and a night of the bot's trading with the books checked on the way.
fn a_day_and_a_night(seed: u64) {
    let mut engine = lived_in(seed);
    let before = filled_so_far(&engine);
    assert_books_balance(&engine, PAPER);
    let close = calendar::next_close(engine.now()).close_at;
    for stop in [close - SignedDuration::from_mins(10), close, close + SignedDuration::from_hours(2)] {
        engine.advance_to(stop);
        assert_books_balance(&engine, PAPER);
    }
    let late = engine.orders(PAPER, &OrderFilter::default()).unwrap();
    let survivors = late.iter().filter(|order| order.time_in_force == TimeInForce::Day && order.submitted_at < close);
    assert_eq!(survivors.count(), 0, "a day order survived the close");
    assert_events_make_sense(&mut engine, before);
}

/// Shares of a part-filled bracket entry were sold before its exits worked, which then promised more than was held.
#[test]
fn a_partly_filled_entry_keeps_its_units_for_its_exits() {
    a_day_and_a_night(10_954_837_192_949_895_718);
}

/// An order partly executed before its events were recorded.
#[test]
fn events_continue_from_the_quantity_filled_before() {
    a_day_and_a_night(11_291_055_713_430_374_958);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn books_balance_through_a_day_and_a_night_of_trading(seed in any::<u64>()) {
        a_day_and_a_night(seed);
    }

    #[test]
    fn books_balance_under_load(seed in any::<u64>(), rate in 200_u32..2_000) {
        let mut engine = busy(seed, rate, "2026-10-20T17:30:08Z");
        assert_books_balance(&engine, PAPER);
        prop_assert!(engine.truth(PAPER).unwrap().orders.len() > 200);
        assert_events_make_sense(&mut engine, HashMap::new());
    }

    #[test]
    fn a_seeded_run_repeats_exactly_however_time_is_cut(seed in any::<u64>(), cut in 1_i64..9_000) {
        let once = fingerprint(&mut busy(seed, 300, "2026-10-20T17:30:09Z"));
        let mut engine = busy(seed, 300, "2026-10-20T17:30:00Z");
        pass(&mut engine, cut);
        engine.advance_to("2026-10-20T17:30:09Z".parse().unwrap());
        prop_assert_eq!(once, fingerprint(&mut engine));
    }

    #[test]
    fn no_plain_order_gets_past_buying_power(seed in any::<u64>(), orders in prop::collection::vec((0_usize..3, 1_i64..400, 50_i64..150), 1..40)) {
        let mut engine = engine(seed);
        for (symbol, qty, percent) in orders {
            let symbol = ["AAPL", "BTC/USD", "TNXP"][symbol];
            let asset = engine.market().asset(engine.find_asset(symbol).unwrap()).clone();
            let last = engine.market().get(engine.find_asset(symbol).unwrap()).last.price;
            let price = (last * Decimal::new(percent, 2)).round_dp(asset.price_step.scale());
            let (qty, tif) = if symbol == "BTC/USD" { (Decimal::new(qty, 2), TimeInForce::Gtc) } else { (Decimal::from(qty), TimeInForce::Day) };
            let order = NewOrder { time_in_force: tif, ..NewOrder::limit(symbol, Side::Buy, qty, price) };
            let before = engine.balances(PAPER).unwrap();
            let power = if asset.marginable { before.buying_power } else { before.non_marginable_buying_power };
            let answer = engine.place(PAPER, &order);
            prop_assert_eq!(answer.is_ok(), qty * price <= power && qty * price >= if asset.class == AssetClass::Crypto { dec("10") } else { dec("0") });
            if answer.is_ok() {
                let after = engine.balances(PAPER).unwrap();
                prop_assert!(after.initial_margin <= after.equity);
            }
        }
    }

    #[test]
    fn executions_and_their_order_state_one_sum_through_replacements(
        carries in any::<bool>(),
        steps in prop::collection::vec((0_u8..6, 0_usize..4, 1_i64..60), 1..40),
    ) {
        let mut engine = engine(31);
        let mut readings = *engine.readings();
        readings.set("replace", if carries { "carries" } else { "anew" }).unwrap();
        engine.set_readings(readings);
        let mut chain = vec![engine.place(PAPER, &NewOrder::limit("AAPL", Side::Buy, dec("100"), dec("1"))).unwrap().id];
        for (step, back, qty) in steps {
            // Also orders that are not accepted yet, or are about to be replaced, or done.
            let id = chain[chain.len().saturating_sub(back + 1)];
            let qty = Decimal::from(qty);
            // A refusal is an answer too.
            match step {
                0 | 1 => drop(engine.force_fill(PAPER, id, Some(qty), Some(dec("1")))),
                2 => {
                    let asked = Changes { qty: Some(qty + dec("40")), ..Changes::default() };
                    chain.extend(engine.replace(PAPER, id, &asked).map(|order| order.id));
                }
                3 => chain.extend(engine.replace(PAPER, id, &Changes::default()).map(|order| order.id)),
                4 => drop(engine.cancel(PAPER, id)),
                _ => pass(&mut engine, qty.try_into().unwrap_or(1)),
            }
            assert_one_sum(&engine, carries);
        }
        pass(&mut engine, 100);
        assert_one_sum(&engine, carries);
    }

    #[test]
    fn busts_and_corrections_keep_the_books_balanced(seed in any::<u64>(), picks in prop::collection::vec((0_usize..1000, any::<bool>()), 1..12)) {
        let mut engine = busy(seed, 300, "2026-10-20T17:30:04Z");
        engine.set_bot(None);
        let account = engine.account(PAPER).unwrap();
        let ids: Vec<_> = account.executions().iter().map(|execution| execution.id).collect();
        for (pick, bust) in picks {
            let id = ids[pick % ids.len()];
            let before = engine.truth(PAPER).unwrap().cash;
            let done = if bust { engine.bust(id) } else { engine.correct(id, Some(dec("12.34")), None) };
            if done.is_err() {
                prop_assert_eq!(engine.truth(PAPER).unwrap().cash, before);
            }
        }
        let truth = engine.truth(PAPER).unwrap();
        let cash: Decimal = truth.executions.iter().filter(|e| e.restated != Some(Restated::Busted)).map(|e| match e.side {
            Side::Buy => -e.qty * e.price,
            Side::Sell => e.qty * e.price - e.fee,
        }).sum();
        prop_assert_eq!(truth.cash, dec("100000") + cash);
    }
}

#[test]
fn a_demo_joined_in_the_afternoon_has_a_past_and_keeps_moving() {
    let mut engine = lived_in(2026);
    let filter = OrderFilter { status: StatusFilter::All, limit: 500, ..OrderFilter::default() };
    let before = engine.orders(PAPER, &filter).unwrap().len();
    assert!(before > 60, "{before}");
    assert!(engine.positions(PAPER).unwrap().len() >= 2);
    assert!(engine.account(PAPER).unwrap().daily.len() > 200);
    pass(&mut engine, 60_000);
    let events = kinds(&mut engine);
    assert!(events.len() > 8, "{events:?}");
    let working = engine.orders(PAPER, &OrderFilter::default()).unwrap().len();
    assert!(working < 40, "{working}");
}

#[test]
fn history_has_a_point_for_every_step_of_every_timeframe() {
    let engine = lived_in(5);
    let ask = |period: &str, timeframe| {
        let query = HistoryQuery { period: Some(period.to_owned()), timeframe, ..HistoryQuery::default() };
        engine.history(PAPER, &query).unwrap()
    };
    let day = ask("1D", None);
    assert_eq!((day.timeframe, day.points.len()), (Timeframe::OneMinute, 361));
    assert!(day.points.iter().all(|point| point.equity.is_some() && point.profit_loss.is_some()));
    assert_eq!(ask("1W", None).timeframe, Timeframe::QuarterHour);
    let month = ask("1M", None);
    assert_eq!(month.timeframe, Timeframe::Day);
    assert!((20..24).contains(&month.points.len()), "{}", month.points.len());
    let last = month.points.last().unwrap();
    assert_eq!(last.equity, Some(engine.balances(PAPER).unwrap().equity.normalize()));
    let year = ask("2A", None);
    assert!(year.points.iter().any(|point| point.equity.is_none()), "before there was an account");
    assert_eq!(
        engine
            .history(PAPER, &HistoryQuery { period: Some("3X".into()), ..HistoryQuery::default() })
            .unwrap_err()
            .status,
        422
    );
}
