//! How fast the simulated brokerage is: order events a second under load, and single requests beside a million orders.
//! Figures are comparable only within one run.

#![allow(
    clippy::disallowed_methods,
    clippy::duration_suboptimal_units,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it fails like a test, and is none of the program"
)]

use std::cell::RefCell;

use brokerdeck::sim::engine::bot::Bot;
use brokerdeck::sim::engine::{
    AccountNo, AccountOptions, Engine, EngineOptions, Kind, NewOrder, OrderFilter, Side, StatusFilter, TimeInForce,
};
use divan::counter::ItemsCount;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

const ACCOUNT: AccountNo = AccountNo(0);

fn main() {
    memory();
    divan::main();
}

/// The memory of a million orders, resting and then canceled. It runs first, because the whole process is measured.
fn memory() {
    let Some(before) = resident() else { return };
    let count = 1_000_000;
    let engine = resting(count);
    let held = resident().unwrap_or(before);
    let bytes = |from: u64, to: u64| to.saturating_sub(from) / u64::try_from(count).unwrap_or(1);
    println!("a million resting orders: {} bytes each, {} MiB in total", bytes(before, held), held / 1_048_576);
    drop(engine);
}

/// Bytes of this process in memory, where the system tells.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? * 1_024)
}

/// An engine with so many orders that rest far from the market.
fn resting(count: usize) -> Engine {
    let mut engine = empty();
    for index in 0..count {
        let price = 100 + i64::try_from(index % 900).unwrap_or(0);
        divan::black_box(engine.place(ACCOUNT, &far_limit(price)).is_ok());
        if index % 1_000 == 999 {
            pass(&mut engine, 20);
            while engine.poll_event().is_some() {}
        }
    }
    pass(&mut engine, 100);
    while engine.poll_event().is_some() {}
    engine
}

fn empty() -> Engine {
    // 14:00 in New York, on a Tuesday.
    let start = Timestamp::from_second(1_792_519_200).unwrap_or(Timestamp::UNIX_EPOCH);
    let account =
        AccountOptions { number: "PA3SIM0001".to_owned(), kind: Kind::Paper, cash: Decimal::from(1_000_000_000) };
    Engine::new(EngineOptions { accounts: vec![account], ..EngineOptions::new(1, start) })
}

fn pass(engine: &mut Engine, millis: i64) {
    let to = engine.now().checked_add(SignedDuration::from_millis(millis)).unwrap_or(Timestamp::MAX);
    engine.advance_to(to);
}

fn far_limit(price: i64) -> NewOrder {
    let time_in_force = TimeInForce::Gtc;
    NewOrder { time_in_force, ..NewOrder::limit("F", Side::Buy, Decimal::ONE, Decimal::new(price, 2)) }
}

/// Events of a bot that aims at 50,000 a second; the items are the events that came out.
#[divan::bench(sample_count = 11, sample_size = 1)]
fn one_second_of_load(bencher: divan::Bencher) {
    let loaded = || {
        let mut engine = empty();
        let mut bot = Bot::new(1, ACCOUNT, Some(50_000));
        bot.begin(engine.now());
        engine.set_bot(Some(bot));
        pass(&mut engine, 1_000);
        while engine.poll_event().is_some() {}
        engine
    };
    bencher
        .with_inputs(loaded)
        .input_counter(|engine| {
            let mut copy = engine.clone();
            pass(&mut copy, 1_000);
            ItemsCount::new(std::iter::from_fn(|| copy.poll_event()).count())
        })
        .bench_local_values(|mut engine| {
            pass(&mut engine, 1_000);
            std::iter::from_fn(|| engine.poll_event()).count()
        });
}

/// The quotes of a whole session with nothing to match.
#[divan::bench(sample_count = 11, sample_size = 1)]
fn a_quiet_hour(bencher: divan::Bencher) {
    bencher.with_inputs(empty).bench_local_values(|mut engine| pass(&mut engine, 3_600_000));
}

/// Single requests with so many orders resting.
#[divan::bench_group(sample_count = 11)]
mod beside {
    use super::{ACCOUNT, Bot, ItemsCount, OrderFilter, RefCell, StatusFilter, far_limit, pass, resting};

    const SIZES: &[usize] = &[1_000, 1_000_000];

    #[divan::bench(args = SIZES, sample_size = 100)]
    fn place_and_cancel(bencher: divan::Bencher, count: usize) {
        let engine = RefCell::new(resting(count));
        bencher.bench_local(|| {
            let mut engine = engine.borrow_mut();
            if let Ok(order) = engine.place(ACCOUNT, &far_limit(150)) {
                divan::black_box(engine.cancel(ACCOUNT, order.id).is_ok());
            }
            while engine.poll_event().is_some() {}
        });
    }

    #[divan::bench(args = SIZES, sample_size = 100)]
    fn list_fifty(bencher: divan::Bencher, count: usize) {
        let engine = RefCell::new(resting(count));
        let filter = OrderFilter { status: StatusFilter::All, ..OrderFilter::default() };
        bencher.bench_local(|| engine.borrow().orders(ACCOUNT, &filter).map_or(0, |orders| orders.len()));
    }

    /// A second of a bot's load beside them; the items are the events that came out.
    #[divan::bench(args = SIZES, sample_size = 1)]
    fn one_second_of_load(bencher: divan::Bencher, count: usize) {
        let engine = RefCell::new(resting(count));
        {
            let mut engine = engine.borrow_mut();
            let mut bot = Bot::new(1, ACCOUNT, Some(50_000));
            bot.begin(engine.now());
            engine.set_bot(Some(bot));
        }
        let events = ItemsCount::new(50_000_usize);
        bencher.counter(events).bench_local(|| {
            let mut engine = engine.borrow_mut();
            pass(&mut engine, 1_000);
            while engine.poll_event().is_some() {}
        });
    }

    #[divan::bench(args = SIZES, sample_size = 1)]
    fn a_quote_of_everything(bencher: divan::Bencher, count: usize) {
        let engine = RefCell::new(resting(count));
        bencher.bench_local(|| pass(&mut engine.borrow_mut(), 500));
    }
}
