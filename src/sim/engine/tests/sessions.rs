//! Five days of market with the seeded bot, across a holiday, a half day and a weekend: what a demo left alone shows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::{Date, date, time};

use super::*;

/// What was seen of a trailing stop.
#[derive(Debug, Default)]
struct Trail {
    marks: Vec<Decimal>,
    stops: Vec<Decimal>,
    sold_at: Option<Decimal>,
}

/// Five days, and everything that was reported in them.
struct Days {
    engine: Engine,
    events: Vec<EngineEvent>,
    trails: HashMap<OrderId, Trail>,
    lowest: BTreeMap<&'static str, Decimal>,
    highest: BTreeMap<&'static str, Decimal>,
    most_working: usize,
}

/// From the Wednesday before Thanksgiving, 13:30, until the Monday after it, 17:00.
fn thanksgiving(seed: u64) -> Days {
    let start: Timestamp = "2026-11-25T18:30:00Z".parse().unwrap();
    let end: Timestamp = "2026-11-30T22:00:00Z".parse().unwrap();
    let mut engine = Engine::new(EngineOptions { step_millis: 10_000, ..EngineOptions::new(seed, start) });
    let mut bot = Bot::new(seed, PAPER, None);
    bot.begin(start);
    engine.set_bot(Some(bot));
    let mut days = Days {
        engine,
        events: Vec::new(),
        trails: HashMap::new(),
        lowest: BTreeMap::new(),
        highest: BTreeMap::new(),
        most_working: 0,
    };
    while days.engine.now() < end {
        pass(&mut days.engine, 20_000);
        days.events.extend(std::iter::from_fn(|| days.engine.poll_event()));
        days.look();
    }
    days
}

impl Days {
    /// What a screen would show at this moment.
    fn look(&mut self) {
        let filter = OrderFilter { limit: 500, ..OrderFilter::default() };
        let working = self.engine.orders(PAPER, &filter).unwrap();
        self.most_working = self.most_working.max(working.len());
        for order in working.iter().filter(|order| order.order_type == OrderType::TrailingStop) {
            let trail = self.trails.entry(order.id).or_default();
            if trail.marks.last() != order.hwm.as_ref() {
                trail.marks.extend(order.hwm);
                trail.stops.extend(order.stop_price);
            }
        }
        for sym in self.engine.market().syms() {
            let instrument = self.engine.market().get(sym);
            let (symbol, price) = (instrument.asset.symbol, instrument.last.price);
            assert!(instrument.quote.bid < instrument.quote.ask, "{symbol}: a crossed quote");
            self.lowest.entry(symbol).and_modify(|low| *low = (*low).min(price)).or_insert(price);
            self.highest.entry(symbol).and_modify(|high| *high = (*high).max(price)).or_insert(price);
        }
    }

    fn of(&self, kind: EventKind) -> impl Iterator<Item = &EngineEvent> {
        self.events.iter().filter(move |event| event.event == kind)
    }
}

fn day_of(at: Timestamp) -> Date {
    calendar::in_new_york(at).date()
}

#[test]
fn a_market_left_alone_over_thanksgiving_is_believable_and_exact() {
    let mut days = thanksgiving(71);

    // Everything that can happen to an order has happened.
    for kind in [
        EventKind::PendingNew,
        EventKind::Accepted,
        EventKind::New,
        EventKind::PartialFill,
        EventKind::Fill,
        EventKind::PendingCancel,
        EventKind::Canceled,
        EventKind::PendingReplace,
        EventKind::Replaced,
        EventKind::Rejected,
        EventKind::Expired,
    ] {
        assert!(days.of(kind).count() >= 3, "{kind} came {} times", days.of(kind).count());
    }

    // Day orders end with the regular session, those for extended hours with theirs: on Friday at 13:00 and 17:00.
    let ends: BTreeSet<String> = days
        .of(EventKind::Expired)
        .filter(|event| event.order.time_in_force == TimeInForce::Day)
        .map(|event| calendar::in_new_york(event.timestamp).strftime("%a %H:%M").to_string())
        .collect();
    let allowed = ["Wed 16:00", "Wed 20:00", "Fri 13:00", "Fri 17:00", "Mon 16:00"];
    assert!(ends.iter().all(|end| allowed.contains(&end.as_str())), "{ends:?}");
    for close in ["Wed 16:00", "Fri 13:00", "Mon 16:00"] {
        assert!(ends.contains(close), "nothing expired at {close}: {ends:?}");
    }

    // Shares trade in sessions only, outside regular hours only by orders that say so; coins trade on.
    let fills = || days.events.iter().filter(|event| event.report.is_some());
    let closed = [date(2026, 11, 26), date(2026, 11, 28), date(2026, 11, 29)];
    for event in fills().filter(|event| event.order.asset_class == Some(AssetClass::UsEquity)) {
        let session = calendar::session(day_of(event.timestamp)).expect("a share traded on a day without a session");
        // The auction's last print comes a moment after the bell.
        let bell = session.close_at + SignedDuration::from_secs(1);
        let regular = (session.open_at..bell).contains(&event.timestamp);
        assert!(regular || event.order.extended_hours, "{event:?}");
        assert!(session.phase(event.timestamp) != Phase::Closed, "{event:?}");
    }
    assert!(fills().any(|event| event.order.extended_hours), "nothing traded in extended hours");
    for day in closed {
        assert!(fills().any(|event| day_of(event.timestamp) == day && event.order.symbol.contains('/')), "{day}");
    }
    let opened = days.of(EventKind::New).filter(|event| {
        let local = calendar::in_new_york(event.timestamp);
        local.time() >= time(9, 30, 0, 0) && local.time() < time(9, 30, 1, 0)
    });
    assert!(opened.count() > 0, "no order that waited for the morning began to work at the open");

    // Trailing stops trail: their mark only rises, their stop with it, and those that sold did so at last.
    let sold: Vec<_> =
        fills().filter(|event| event.order.order_type == OrderType::TrailingStop).map(|e| e.order.clone()).collect();
    for order in sold {
        days.trails.entry(order.id).or_default().sold_at = order.filled_avg_price;
    }
    for trail in days.trails.values() {
        assert!(trail.marks.is_sorted() && trail.stops.is_sorted(), "{trail:?}");
        assert!(trail.marks.iter().zip(&trail.stops).all(|(mark, stop)| stop < mark), "{trail:?}");
    }
    let trailed_and_sold = days.trails.values().filter(|trail| trail.marks.len() > 2 && trail.sold_at.is_some());
    assert!(trailed_and_sold.count() >= 2, "{:?}", days.trails);

    // One close for each trading day, prices within reach of where they began, books as the executions have them.
    let account = days.engine.account(PAPER).unwrap();
    let closes: Vec<Date> = account.daily.iter().map(|(at, _)| day_of(*at)).collect();
    assert_eq!(closes, [date(2026, 11, 25), date(2026, 11, 27), date(2026, 11, 30)]);
    assert_eq!(account.last_equity, account.daily[1].1, "Monday still compares with Friday");
    for (symbol, low) in &days.lowest {
        let high = days.highest[symbol];
        // The penny share may double and an option is lively; nothing else moves by a fifth in three sessions.
        let class = days.engine.market().asset(days.engine.find_asset(symbol).unwrap()).class;
        let most = match class {
            _ if *symbol == "TNXP" => dec("3"),
            AssetClass::UsOption => dec("2"),
            _ => dec("1.2"),
        };
        assert!(high < *low * most, "{symbol} went from {low} to {high}");
    }
    assert!(days.most_working < 60, "{} orders worked at once", days.most_working);
    super::properties::assert_books_balance(&days.engine, PAPER);
    let equity = days.engine.balances(PAPER).unwrap().equity;
    assert!(equity > dec("80000") && equity < dec("125000"), "{equity}");
}
