//! What the rows of an order with many executions cost when a pass brings them: each finds the execution that a frame told.
//!
//! `cargo bench --bench rows`. The last lines compare a long order with a short one: the cost of a row grows with the order's
//! executions, and not with their square.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "it fails like a test, and is none of the program"
)]

use std::hint::black_box;
use std::time::Instant;

use brokerdeck::broker::alpaca::wire;
use brokerdeck::domain::blotter::Blotter;
use brokerdeck::domain::{Activity, Order, TradeUpdate};
use divan::{Bencher, counter::ItemsCount};

/// Executions of one order; a share at a time.
const SHORT: usize = 250;
const LONG: usize = 2_000;
const ROUNDS: usize = 9;

fn main() {
    divan::main();
    for (name, lost) in [("every frame came", 1), ("every second frame was lost", 2)] {
        let per_row = |count: usize| {
            let mut rounds: Vec<u128> = (0..ROUNDS).map(|_| of_a_row(count, lost)).collect();
            rounds.sort_unstable();
            rounds.get(ROUNDS / 2).copied().unwrap_or_default().max(1)
        };
        let tenths = per_row(LONG) * 10 / per_row(SHORT);
        println!("{name}: a row of {LONG} costs {}.{} times one of {SHORT}", tenths / 10, tenths % 10);
    }
}

fn time(number: usize) -> String {
    format!("2026-03-02T{:02}:{:02}:{:02}Z", 10 + number / 3_600, number / 60 % 60, number % 60)
}

fn order(count: usize, executed: usize, at: &str) -> String {
    format!(
        r#"{{"id":"o","symbol":"F","side":"buy","type":"limit","time_in_force":"day","qty":"{count}","filled_qty":"{executed}",
        "filled_avg_price":"10","limit_price":"10","status":"partially_filled","created_at":"2026-03-02T09:59:00Z",
        "submitted_at":"2026-03-02T09:59:00Z","updated_at":"{at}"}}"#
    )
}

fn frame(count: usize, number: usize) -> TradeUpdate {
    let at = time(number);
    let order = order(count, number, &at);
    let text = format!(
        r#"{{"event":"partial_fill","execution_id":"e{number}","price":"10","qty":"1","position_qty":"{number}",
        "timestamp":"{at}","order":{order}}}"#
    );
    wire::update(&text).unwrap()
}

fn row(number: usize) -> Activity {
    let at = time(number);
    wire::activity(&format!(
        r#"{{"id":"r{number:05}","activity_type":"FILL","order_id":"o","symbol":"F","side":"buy","qty":"1","price":"10",
        "cum_qty":"{number}","transaction_time":"{at}"}}"#
    ))
    .unwrap()
}

/// What frames have told, the order as it is then, and its rows.
fn stage(count: usize, lost: usize) -> (Blotter, Order, Vec<Activity>) {
    let mut blotter = Blotter::default();
    for number in (1..=count).filter(|number| number.is_multiple_of(lost)) {
        blotter.apply_update(&frame(count, number));
    }
    (blotter, frame(count, count).order, (1..=count).map(row).collect())
}

/// Nanoseconds for a row.
fn of_a_row(count: usize, lost: usize) -> u128 {
    let (mut blotter, order, rows) = stage(count, lost);
    let began = Instant::now();
    black_box(blotter.apply_snapshot(&[order], &rows));
    let took = began.elapsed().as_nanos();
    assert_eq!(blotter.executions().count(), count, "each execution once");
    took / count as u128
}

#[divan::bench(args = [SHORT, LONG], sample_count = 20)]
fn rows_of_one_order(bencher: Bencher, count: usize) {
    bencher
        .counter(ItemsCount::new(count))
        .with_inputs(|| stage(count, 1))
        .bench_local_values(|(mut blotter, order, rows)| blotter.apply_snapshot(&[order], &rows));
}
