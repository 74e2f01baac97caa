//! Behaviour of the engine at its public surface.

use jiff::SignedDuration;

use super::*;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

const PAPER: AccountNo = AccountNo(0);

/// A Tuesday in the regular session, 13:30 in New York; no random partial fills.
fn engine(seed: u64) -> Engine {
    let start = "2026-10-20T17:30:00Z".parse().unwrap();
    Engine::new(EngineOptions { partial_per_mille: 0, ..EngineOptions::new(seed, start) })
}

fn pass(engine: &mut Engine, millis: i64) {
    let to = engine.now() + SignedDuration::from_millis(millis);
    engine.advance_to(to);
}

fn events(engine: &mut Engine) -> Vec<(EventKind, &'static str, Status)> {
    std::iter::from_fn(|| engine.poll_event()).map(|e| (e.event, e.order.symbol, e.order.status)).collect()
}

fn kinds(engine: &mut Engine) -> Vec<EventKind> {
    events(engine).into_iter().map(|(kind, _, _)| kind).collect()
}

#[test]
fn a_market_order_is_accepted_then_filled_at_the_touch() {
    let mut engine = engine(1);
    pass(&mut engine, 1000);
    let order = engine.place(PAPER, &NewOrder::market("AAPL", Side::Buy, dec("10"))).unwrap();
    assert_eq!(order.status, Status::PendingNew);
    pass(&mut engine, 400);
    assert_eq!(kinds(&mut engine), [EventKind::PendingNew, EventKind::New, EventKind::Fill]);
    let order = engine.order(PAPER, order.id).unwrap();
    let ask = engine.market().get(engine.find_asset("AAPL").unwrap()).quote.ask;
    assert_eq!((order.status, order.filled_avg_price), (Status::Filled, Some(ask)));
    assert_eq!(engine.account(PAPER).unwrap().cash, dec("100000") - ask * dec("10"));
    assert_eq!(engine.position(PAPER, "AAPL").unwrap().position.qty, dec("10"));
}

#[test]
fn a_far_limit_rests_until_it_is_canceled_and_can_not_be_canceled_twice() {
    let mut engine = engine(2);
    let order = engine.place(PAPER, &NewOrder::limit("AAPL", Side::Buy, dec("10"), dec("100"))).unwrap();
    pass(&mut engine, 5000);
    assert_eq!(kinds(&mut engine), [EventKind::PendingNew, EventKind::New]);
    let held = engine.balances(PAPER).unwrap();
    assert_eq!(held.buying_power, dec("199000"));
    engine.cancel(PAPER, order.id).unwrap();
    pass(&mut engine, 100);
    assert_eq!(kinds(&mut engine), [EventKind::PendingCancel, EventKind::Canceled]);
    let refusal = engine.cancel(PAPER, order.id).unwrap_err();
    assert_eq!((refusal.status, refusal.message.as_str()), (422, "order is already in \"canceled\" state"));
    assert_eq!(engine.balances(PAPER).unwrap().buying_power, dec("200000"));
}

#[test]
fn refusals_have_the_brokers_status_code_words_and_members() {
    let mut engine = engine(3);
    let mut refuse = |order: NewOrder| {
        let refusal = engine.place(PAPER, &order).unwrap_err();
        (refusal.status, refusal.code, refusal.message, refusal.extra.iter().map(|(name, _)| *name).collect::<Vec<_>>())
    };
    let limit = |qty: &str, price: &str| NewOrder::limit("AAPL", Side::Buy, dec(qty), dec(price));
    assert_eq!(
        refuse(limit("9000003", "100")),
        (403, 40_310_000, "insufficient buying power".to_owned(), vec!["buying_power", "cost_basis"])
    );
    assert_eq!(refuse(NewOrder { qty: None, ..limit("1", "1") }).2, "qty or notional is required");
    assert_eq!(
        refuse(NewOrder { notional: Some(dec("5")), ..limit("1", "1") }).2,
        "only one of qty or notional is accepted"
    );
    assert_eq!(
        refuse(limit("1", "290.123")).2,
        "invalid limit_price 290.123. sub-penny increment does not fulfill minimum pricing criteria"
    );
    assert_eq!(refuse(NewOrder { symbol: "ZZZZ".into(), ..limit("1", "1") }).2, "asset \"ZZZZ\" not found");
    let eth = NewOrder { time_in_force: TimeInForce::Gtc, ..NewOrder::market("ETH/USD", Side::Sell, dec("2")) };
    assert_eq!(refuse(eth.clone()).2, "insufficient balance for ETH (requested: 2, available: 0)");
    assert_eq!(refuse(NewOrder { time_in_force: TimeInForce::Day, ..eth }).2, "invalid crypto time_in_force");
    assert_eq!(
        refuse(NewOrder { extended_hours: true, ..NewOrder::market("AAPL", Side::Buy, dec("1")) }).2,
        "only type=\"limit\" is allowed for extended hours orders"
    );
}

#[test]
fn a_client_order_id_is_spent_for_ever_but_not_by_a_refusal() {
    let mut engine = engine(4);
    let named = |price: &str| NewOrder {
        client_order_id: Some("mine".into()),
        ..NewOrder::limit("KO", Side::Buy, dec("1"), dec(price))
    };
    engine.place(PAPER, &named("1.234")).unwrap_err();
    let order = engine.place(PAPER, &named("10")).unwrap();
    assert_eq!(engine.place(PAPER, &named("10")).unwrap_err().code, 42_210_000);
    pass(&mut engine, 50);
    engine.cancel(PAPER, order.id).unwrap();
    pass(&mut engine, 50);
    assert_eq!(engine.place(PAPER, &named("10")).unwrap_err().code, 40_010_001);
    assert_eq!(engine.order_by_client_id(PAPER, "mine").unwrap().id, order.id);
}

#[test]
fn a_sale_of_held_units_names_the_orders_that_hold_them() {
    let mut engine = engine(5);
    engine.place(PAPER, &NewOrder::market("KO", Side::Buy, dec("17"))).unwrap();
    pass(&mut engine, 3000);
    engine.place(PAPER, &NewOrder::limit("KO", Side::Sell, dec("13"), dec("900"))).unwrap();
    let refusal = engine.place(PAPER, &NewOrder::limit("KO", Side::Sell, dec("10"), dec("900"))).unwrap_err();
    assert_eq!(refusal.message, "insufficient qty available for order (requested: 10, available: 4)");
    let names: Vec<_> = refusal.extra.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["available", "existing_qty", "held_for_orders", "symbol", "related_orders"]);
    let wash = engine.place(PAPER, &NewOrder::market("KO", Side::Buy, dec("1"))).unwrap_err();
    assert_eq!(wash.message, "potential wash trade detected. use complex orders");
}

#[test]
fn a_replacement_has_the_remaining_quantity_and_names_the_old_order() {
    let mut engine = engine(6);
    let old = engine.place(PAPER, &NewOrder::limit("MSFT", Side::Buy, dec("10"), dec("100"))).unwrap();
    pass(&mut engine, 50);
    engine.force_fill(PAPER, old.id, Some(dec("4")), Some(dec("100"))).unwrap();
    let changes = Changes { limit_price: Some(dec("101")), ..Changes::default() };
    let new = engine.replace(PAPER, old.id, &changes).unwrap();
    assert_eq!((new.replaces, new.qty), (Some(old.id), Some(dec("6"))));
    kinds(&mut engine);
    pass(&mut engine, 50);
    assert_eq!(kinds(&mut engine), [EventKind::Replaced, EventKind::New]);
    let old = engine.order(PAPER, old.id).unwrap();
    assert_eq!((old.status, old.replaced_by), (Status::Replaced, Some(new.id)));
    assert_eq!(engine.balances(PAPER).unwrap().initial_margin.round_dp(2), {
        let last = engine.market().get(engine.find_asset("MSFT").unwrap()).last.price;
        ((dec("6") * dec("101") + dec("4") * last) / dec("2")).round_dp(2)
    });
}

#[test]
fn a_replacement_is_rejected_when_the_old_order_fills_first() {
    let mut engine = engine(7);
    let old = engine.place(PAPER, &NewOrder::limit("MSFT", Side::Buy, dec("10"), dec("100"))).unwrap();
    pass(&mut engine, 50);
    let new = engine.replace(PAPER, old.id, &Changes { qty: Some(dec("5")), ..Changes::default() }).unwrap();
    engine.force_fill(PAPER, old.id, None, Some(dec("100"))).unwrap();
    pass(&mut engine, 50);
    assert_eq!(engine.order(PAPER, old.id).unwrap().status, Status::Filled);
    assert_eq!(engine.order(PAPER, new.id).unwrap().status, Status::Rejected);
    assert_eq!(engine.truth(PAPER).unwrap().executions.len(), 1);
}

#[test]
fn a_fill_that_beats_the_cancel_is_reported_and_the_cancel_refused() {
    let mut engine = engine(8);
    let order = engine.place(PAPER, &NewOrder::limit("MSFT", Side::Buy, dec("10"), dec("100"))).unwrap();
    pass(&mut engine, 50);
    engine.cancel(PAPER, order.id).unwrap();
    engine.force_fill(PAPER, order.id, None, None).unwrap();
    kinds(&mut engine);
    pass(&mut engine, 50);
    assert_eq!(kinds(&mut engine), [EventKind::OrderCancelRejected]);
    let refusal = engine.cancel(PAPER, order.id).unwrap_err();
    assert_eq!(refusal.message, "order is already in \"filled\" state");
}

fn bracket(engine: &Engine, symbol: &str) -> NewOrder {
    let quote = engine.market().get(engine.find_asset(symbol).unwrap()).quote;
    NewOrder {
        order_class: OrderClass::Bracket,
        take_profit: Some((quote.ask * dec("1.1")).round_dp(2)),
        stop_loss: Some(StopLoss { stop_price: Some((quote.ask * dec("0.9")).round_dp(2)), limit_price: None }),
        ..NewOrder::market(symbol, Side::Buy, dec("5"))
    }
}

#[test]
fn a_bracket_holds_its_legs_until_the_entry_fills_and_closes_by_one_of_them() {
    for (target, filled, canceled) in [("1.2", 0, 1), ("0.8", 1, 0)] {
        let mut engine = engine(9);
        pass(&mut engine, 600);
        let entry = engine.place(PAPER, &bracket(&engine, "AAPL")).unwrap();
        let legs: Vec<Order> = engine.legs(engine.order(PAPER, entry.id).unwrap()).into_iter().cloned().collect();
        assert!(legs.iter().all(|leg| leg.status == Status::Held && leg.group_id == entry.group_id));
        pass(&mut engine, 600);
        assert_eq!(engine.order(PAPER, legs[0].id).unwrap().status, Status::New);
        assert_eq!(engine.order(PAPER, legs[1].id).unwrap().status, Status::Held);
        let last = engine.market().get(engine.find_asset("AAPL").unwrap()).last.price;
        engine.set_price("AAPL", (last * dec(target)).round_dp(2)).unwrap();
        assert_eq!(engine.order(PAPER, legs[filled].id).unwrap().status, Status::Filled, "{target}");
        assert_eq!(engine.order(PAPER, legs[canceled].id).unwrap().status, Status::Canceled, "{target}");
        assert!(engine.positions(PAPER).unwrap().is_empty());
    }
}

#[test]
fn canceling_an_entry_cancels_its_legs() {
    let mut engine = engine(10);
    let mut order = bracket(&engine, "AAPL");
    (order.order_type, order.limit_price) = (OrderType::Limit, Some(dec("100")));
    order.stop_loss = Some(StopLoss { stop_price: Some(dec("90")), limit_price: Some(dec("89")) });
    let entry = engine.place(PAPER, &order).unwrap();
    pass(&mut engine, 50);
    engine.cancel(PAPER, entry.id).unwrap();
    pass(&mut engine, 50);
    let filter = OrderFilter { status: StatusFilter::All, ..OrderFilter::default() };
    let all = engine.orders(PAPER, &filter).unwrap();
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|order| order.status == Status::Canceled));
    let nested = engine.orders(PAPER, &OrderFilter { nested: true, ..filter }).unwrap();
    assert_eq!(nested.len(), 1);
    assert_eq!(engine.legs(nested[0]).len(), 2);
}

#[test]
fn a_trailing_stop_trails_up_only_and_sells_when_the_price_falls_back() {
    let mut engine = engine(11);
    engine.place(PAPER, &NewOrder::market("SPY", Side::Buy, dec("3"))).unwrap();
    pass(&mut engine, 1000);
    let mut order = NewOrder::market("SPY", Side::Sell, dec("3"));
    (order.order_type, order.trail_percent) = (OrderType::TrailingStop, Some(dec("1")));
    let order = engine.place(PAPER, &order).unwrap();
    pass(&mut engine, 50);
    engine.set_price("SPY", dec("700")).unwrap();
    let stop = |engine: &Engine| engine.order(PAPER, order.id).unwrap().stop_price;
    assert_eq!(stop(&engine), Some(dec("693")));
    engine.set_price("SPY", dec("695")).unwrap();
    assert_eq!(stop(&engine), Some(dec("693")));
    assert_eq!(engine.order(PAPER, order.id).unwrap().hwm, Some(dec("700")));
    engine.set_price("SPY", dec("692")).unwrap();
    assert_eq!(engine.order(PAPER, order.id).unwrap().status, Status::Filled);
}

#[test]
fn orders_after_hours_are_accepted_and_work_from_the_open() {
    let evening: Timestamp = "2026-10-20T21:30:00Z".parse().unwrap();
    let mut engine =
        Engine::new(EngineOptions { partial_per_mille: 0, step_millis: 10_000, ..EngineOptions::new(12, evening) });
    let plain = engine.place(PAPER, &NewOrder::market("KO", Side::Buy, dec("1"))).unwrap();
    assert_eq!(plain.status, Status::Accepted);
    let price = engine.market().get(engine.find_asset("F").unwrap()).quote.ask + dec("1");
    let late = NewOrder { extended_hours: true, ..NewOrder::limit("F", Side::Buy, dec("1"), price) };
    let late = engine.place(PAPER, &late).unwrap();
    pass(&mut engine, 60_000);
    assert_eq!(engine.order(PAPER, plain.id).unwrap().status, Status::Accepted);
    assert_eq!(engine.order(PAPER, late.id).unwrap().status, Status::Filled);
    let open = calendar::next_open(evening).open_at;
    engine.advance_to(open + SignedDuration::from_secs(60));
    let plain = engine.order(PAPER, plain.id).unwrap();
    assert_eq!(plain.status, Status::Filled);
    assert!(plain.filled_at.unwrap() >= open);
}

#[test]
fn a_day_order_expires_at_the_close_and_releases_what_it_held() {
    let mut engine = engine(13);
    let order = engine.place(PAPER, &NewOrder::limit("AAPL", Side::Buy, dec("10"), dec("100"))).unwrap();
    let close = calendar::next_close(engine.now()).close_at;
    assert_eq!(order.expires_at, Some(close));
    engine.options.step_millis = 60_000;
    engine.advance_to(close);
    assert_eq!(engine.order(PAPER, order.id).unwrap().status, Status::Expired);
    assert_eq!(engine.balances(PAPER).unwrap().buying_power, dec("200000"));
}

/// An order that expired at the bell made the engine believe that the bell had rung already.
#[test]
fn the_close_comes_also_when_an_order_expires_at_the_same_instant() {
    let mut engine = engine(23);
    pass(&mut engine, 1_000);
    let cls = NewOrder { time_in_force: TimeInForce::Cls, ..NewOrder::market("KO", Side::Buy, dec("20")) };
    let cls = engine.place(PAPER, &cls).unwrap();
    let day = engine.place(PAPER, &NewOrder::limit("AAPL", Side::Buy, dec("1"), dec("100"))).unwrap();
    engine.advance_to("2026-10-20T20:00:01Z".parse().unwrap());
    assert_eq!(engine.order(PAPER, day.id).unwrap().status, Status::Expired);
    assert_eq!(engine.order(PAPER, cls.id).unwrap().status, Status::Filled);
}

#[test]
fn yesterday_s_equity_is_the_last_point_of_yesterday_s_history() {
    let mut engine = engine(24);
    pass(&mut engine, 1_000);
    engine.place(PAPER, &NewOrder::market("AAPL", Side::Buy, dec("150"))).unwrap();
    engine.place(PAPER, &NewOrder::limit("AAPL", Side::Buy, dec("1"), dec("100"))).unwrap();
    engine.advance_to("2026-10-21T14:00:00Z".parse().unwrap());
    let query = HistoryQuery { period: Some("2D".to_owned()), timeframe: Some(Timeframe::Day), ..Default::default() };
    let history = engine.history(PAPER, &query).unwrap();
    let [yesterday, today] = history.points.as_slice() else { panic!("{history:?}") };
    let account = engine.account(PAPER).unwrap();
    assert_ne!(account.last_equity, dec("100000"));
    assert_eq!(yesterday.equity, Some(account.last_equity.normalize()));
    assert_eq!(today.equity, Some(engine.balances(PAPER).unwrap().equity.normalize()));
    let profit = engine.balances(PAPER).unwrap().equity - account.last_equity;
    assert_eq!(today.profit_loss, Some((engine.balances(PAPER).unwrap().equity - dec("100000")).normalize()));
    assert_ne!(profit, Decimal::ZERO);
}

#[test]
fn a_bust_takes_back_cash_and_shares_and_a_correction_changes_them() {
    let mut engine = engine(14);
    let order = engine.place(PAPER, &NewOrder::limit("AAPL", Side::Buy, dec("10"), dec("100"))).unwrap();
    pass(&mut engine, 50);
    engine.force_fill(PAPER, order.id, Some(dec("4")), Some(dec("100"))).unwrap();
    engine.force_fill(PAPER, order.id, Some(dec("2")), Some(dec("99"))).unwrap();
    let ids: Vec<_> = engine.truth(PAPER).unwrap().executions.iter().map(|e| e.id).collect();
    kinds(&mut engine);
    engine.bust(ids[0]).unwrap();
    assert_eq!(engine.truth(PAPER).unwrap().cash, dec("99802"));
    engine.correct(ids[1], Some(dec("98")), Some(dec("3"))).unwrap();
    assert_eq!(engine.truth(PAPER).unwrap().cash, dec("99706"));
    let order = engine.order(PAPER, order.id).unwrap();
    assert_eq!((order.filled_qty, order.filled_avg_price), (dec("3"), Some(dec("98"))));
    assert_eq!(engine.bust(ids[0]).unwrap_err().status, 422);
    let event = engine.poll_event().unwrap();
    let report = event.report.unwrap();
    assert_eq!(
        (event.event, report.qty, report.previous_execution_id),
        (EventKind::TradeBust, dec("-4"), Some(ids[0]))
    );
    assert_eq!(report.position_qty, dec("2"));
}

#[test]
fn resetting_an_account_leaves_nothing_of_it() {
    let mut engine = engine(15);
    let order = engine.place(PAPER, &NewOrder::market("AAPL", Side::Buy, dec("10"))).unwrap();
    pass(&mut engine, 600);
    let before = engine.account(PAPER).unwrap().id;
    let after = engine.reset_account(PAPER, None).unwrap();
    assert_ne!(after.id, before);
    assert_eq!((after.cash, after.executions().len()), (dec("100000"), 0));
    assert_eq!(engine.order(PAPER, order.id).unwrap_err().status, 404);
}

#[test]
fn ioc_fills_the_displayed_size_and_fok_all_or_nothing() {
    let mut engine = engine(16);
    pass(&mut engine, 600);
    let ask = engine.market().get(engine.find_asset("META").unwrap()).quote;
    let too_much = ask.ask_size + Decimal::ONE;
    let order = |tif| NewOrder { time_in_force: tif, ..NewOrder::limit("META", Side::Buy, too_much, ask.ask) };
    engine.options.step_millis = 600_000;
    engine.next_step = Timestamp::MAX;
    engine.set_configurations(PAPER, Configurations { max_margin_multiplier: 4, ..Configurations::default() }).unwrap();
    let fok = engine.place(PAPER, &order(TimeInForce::Fok)).unwrap();
    pass(&mut engine, 50);
    let fok = engine.order(PAPER, fok.id).unwrap();
    assert_eq!((fok.status, fok.filled_qty), (Status::Canceled, Decimal::ZERO));
    let ioc = engine.place(PAPER, &order(TimeInForce::Ioc)).unwrap();
    pass(&mut engine, 50);
    let ioc = engine.order(PAPER, ioc.id).unwrap();
    assert_eq!((ioc.status, ioc.filled_qty), (Status::Canceled, ask.ask_size));
}

#[test]
fn activities_page_through_every_fill_once_in_the_order_of_their_ids() {
    let mut engine = busy(17, 400, "2026-10-20T17:40:00Z");
    engine.bot = None;
    let all = engine.truth(PAPER).unwrap().executions.len();
    assert!(all > 100, "{all}");
    for ascending in [true, false] {
        let kinds = vec!["FILL".to_owned()];
        let mut filter = ActivityFilter { kinds, ascending, page_size: 7, ..ActivityFilter::default() };
        let mut ids = Vec::new();
        loop {
            let page = engine.activities(PAPER, &filter).unwrap();
            ids.extend(page.iter().map(|row| row.id.clone()));
            if page.len() < 7 {
                break;
            }
            filter.page_token = ids.last().cloned();
        }
        assert_eq!(ids.len(), all);
        assert!(ids.is_sorted_by(|a, b| if ascending { a < b } else { a > b }));
    }
}

/// An engine with a bot that has been at work for load until `until`.
fn busy(seed: u64, rate: u32, until: &str) -> Engine {
    let start = "2026-10-20T17:30:00Z".parse().unwrap();
    let mut engine = Engine::new(EngineOptions { step_millis: 2_000, ..EngineOptions::new(seed, start) });
    let mut bot = Bot::new(seed, PAPER, Some(rate));
    bot.begin(start);
    engine.set_bot(Some(bot));
    engine.advance_to(until.parse().unwrap());
    engine
}

#[test]
fn the_engine_enforces_the_owners_settings() {
    let mut engine = engine(42);
    pass(&mut engine, 1_000);
    let day = |order_type: OrderType, symbol: &str, side, qty: &str| NewOrder {
        order_type,
        ..NewOrder::market(symbol, side, dec(qty))
    };
    let share = |side, qty: &str| day(OrderType::Market, "AAPL", side, qty);
    let call = day(OrderType::Market, "AAPL270115C00280000", Side::Buy, "1");
    let mut refused = |set: Configurations, order: &NewOrder| {
        engine.set_configurations(PAPER, set).unwrap();
        engine.place(PAPER, order).map_err(|refusal| refusal.status).err()
    };
    let usual = Configurations::default;
    assert_eq!(refused(Configurations { suspend_trade: true, ..usual() }, &share(Side::Buy, "1")), Some(403));
    assert_eq!(refused(Configurations { no_shorting: true, ..usual() }, &share(Side::Sell, "1")), Some(403));
    assert_eq!(refused(Configurations { fractional_trading: false, ..usual() }, &share(Side::Buy, "0.5")), Some(403));
    assert_eq!(refused(Configurations { max_margin_multiplier: 1, ..usual() }, &share(Side::Buy, "500")), Some(403));
    for level in [0, 1] {
        let set = Configurations { max_options_trading_level: level, ..usual() };
        assert_eq!(refused(set, &call), Some(403), "level {level}");
    }
    for order in [share(Side::Buy, "500"), call] {
        assert_eq!(refused(usual(), &order), None, "{order:?}");
    }
}

/// The load once made a third of the events it was asked for, because most of its acts came to nothing.
#[test]
fn a_load_causes_the_requested_number_of_events() {
    for (rate, seconds) in [(200_u32, 20_i64), (5_000, 4)] {
        let mut engine = busy(41, rate, "2026-10-20T17:30:01Z");
        drop(kinds(&mut engine));
        pass(&mut engine, seconds * 1_000);
        let (events, wanted) = (kinds(&mut engine).len(), usize::try_from(i64::from(rate) * seconds).unwrap());
        assert!(events > wanted * 9 / 10 && events < wanted * 11 / 10, "{events} instead of {wanted}");
    }
}

#[test]
fn auctions_fill_at_their_price_and_cancel_the_rest() {
    let evening: Timestamp = "2026-10-20T23:30:00Z".parse().unwrap();
    let mut engine = Engine::new(EngineOptions { step_millis: 30_000, ..EngineOptions::new(18, evening) });
    let of = |tif, order: NewOrder| NewOrder { time_in_force: tif, ..order };
    let market = NewOrder::market("KO", Side::Buy, dec("3"));
    let open = engine.place(PAPER, &of(TimeInForce::Opg, market.clone())).unwrap();
    let low = NewOrder::limit("AAPL", Side::Buy, dec("3"), dec("100"));
    let low = engine.place(PAPER, &of(TimeInForce::Opg, low)).unwrap();
    let close = engine.place(PAPER, &of(TimeInForce::Cls, NewOrder { symbol: "F".into(), ..market.clone() })).unwrap();
    let session = calendar::next_open(evening);
    engine.advance_to(session.open_at + SignedDuration::from_secs(1));
    let status = |engine: &Engine, order: &Order| engine.order(PAPER, order.id).unwrap().status;
    assert_eq!(status(&engine, &open), Status::Filled);
    assert_eq!(status(&engine, &low), Status::Canceled);
    assert_eq!(status(&engine, &close), Status::Accepted);
    engine.advance_to(session.open_at + SignedDuration::from_hours(1));
    let refusal = engine.place(PAPER, &of(TimeInForce::Opg, market)).unwrap_err();
    assert_eq!(refusal.status, 422);
    engine.advance_to(session.close_at);
    assert_eq!(status(&engine, &close), Status::Filled);
}

#[test]
fn executions_of_the_old_order_during_a_replacement_are_not_repeated() {
    let mut engine = engine(19);
    let old = engine.place(PAPER, &NewOrder::limit("MSFT", Side::Buy, dec("10"), dec("100"))).unwrap();
    pass(&mut engine, 50);
    let new = engine.replace(PAPER, old.id, &Changes { limit_price: Some(dec("101")), ..Changes::default() }).unwrap();
    engine.force_fill(PAPER, old.id, Some(dec("4")), None).unwrap();
    pass(&mut engine, 50);
    assert_eq!(engine.order(PAPER, new.id).unwrap().qty, Some(dec("6")));
    assert_eq!(engine.order(PAPER, old.id).unwrap().status, Status::Replaced);
}

#[test]
fn closing_the_market_by_hand_ends_day_orders_and_opening_it_lets_others_work() {
    let mut engine = engine(20);
    let day = engine.place(PAPER, &NewOrder::limit("KO", Side::Buy, dec("1"), dec("10"))).unwrap();
    pass(&mut engine, 50);
    engine.force_phase(Phase::Closed);
    assert_eq!(engine.order(PAPER, day.id).unwrap().status, Status::Expired);
    assert!(!engine.clock().is_open);
    let next = engine
        .place(PAPER, &NewOrder { time_in_force: TimeInForce::Gtc, ..NewOrder::market("KO", Side::Buy, dec("1")) })
        .unwrap();
    pass(&mut engine, 5_000);
    assert_eq!(engine.order(PAPER, next.id).unwrap().status, Status::Accepted);
    engine.force_phase(Phase::Regular);
    assert_eq!(engine.order(PAPER, next.id).unwrap().status, Status::Filled);
}

mod cash;
mod multileg;
mod properties;
mod readings;
mod sessions;
