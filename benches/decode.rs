//! Decoding and merging one trade update, against `serde_json` decoding the same text into fixed types (docs/DESIGN.md 11, P4).
//!
//! `cargo bench --bench decode`. The last lines are medians of interleaved rounds: only their ratios mean anything.
//! `BROKERDECK_BENCH_ORDERS` sets how many orders the blotter holds (default 100,000).

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

use std::hint::black_box;
use std::time::{Duration, Instant};

use brokerdeck::broker::alpaca::wire::{self, Frame};
use brokerdeck::domain::blotter::Blotter;
use brokerdeck::domain::order::Raw;
use brokerdeck::domain::{Order, OrderId, TradeUpdate};
use divan::{Bencher, counter::ItemsCount};

const FRAME: &str = include_str!("../tests/fixtures/fill.json");
const ORDER_ID: &str = "5f0e7f2c-6f0e-4a53-9d3e-000000000001";
const EXECUTION_ID: &str = "5f0e7f2c-6f0e-4a53-9d3e-000000000002";
const ROUNDS: usize = 15;
const FRAMES: usize = 4_000;

fn main() {
    divan::main();
    ratios();
}

/// The peer: every member of the frame as a fixed type, nothing kept that is not a member.
mod plain {
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "decoded to be measured")]
    pub(super) struct Envelope {
        stream: String,
        data: Data,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "decoded to be measured")]
    struct Data {
        at: String,
        event_id: String,
        event: String,
        timestamp: String,
        order: Order,
        price: String,
        qty: String,
        position_qty: String,
        execution_id: String,
        settle_date: String,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "decoded to be measured")]
    struct Order {
        id: String,
        client_order_id: String,
        created_at: String,
        updated_at: String,
        submitted_at: String,
        filled_at: Option<String>,
        expired_at: Option<String>,
        expires_at: Option<String>,
        cancel_requested_at: Option<String>,
        canceled_at: Option<String>,
        failed_at: Option<String>,
        replaced_at: Option<String>,
        replaced_by: Option<String>,
        replaces: Option<String>,
        asset_id: String,
        symbol: String,
        asset_class: String,
        notional: Option<String>,
        qty: Option<String>,
        filled_qty: String,
        filled_avg_price: Option<String>,
        order_class: String,
        order_type: String,
        #[serde(rename = "type")]
        kind: String,
        side: String,
        position_intent: String,
        time_in_force: String,
        limit_price: Option<String>,
        stop_price: Option<String>,
        status: String,
        extended_hours: bool,
        trail_percent: Option<String>,
        trail_price: Option<String>,
        hwm: Option<String>,
    }
}

fn orders() -> usize {
    std::env::var("BROKERDECK_BENCH_ORDERS").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000)
}

fn order_id(number: usize) -> String {
    format!("5f0e7f2c-6f0e-4a53-9d3e-{number:012}")
}

/// A fill of one of the orders, compact as on the wire, never the same twice.
fn frame_of(number: usize, orders: usize) -> String {
    let value: serde_json::Value = serde_json::from_str(FRAME).unwrap_or_default();
    let text = value.to_string().replace(EXECUTION_ID, &format!("0a0b0c0d-6f0e-4a53-9d3e-{number:012}"));
    let stride = 7_919; // spreads the orders over the book
    text.replace(ORDER_ID, &order_id(number * stride % orders))
        .replace("\"40.000000001\"", &format!("\"{}\"", 1 + number / orders))
        .replace("\"15.000000001\"", "\"1\"")
}

fn decoded(text: &str) -> Option<Box<TradeUpdate>> {
    match wire::frame(text.as_bytes()) {
        Frame::Update(update) => Some(update),
        _ => None,
    }
}

/// A blotter that holds this many orders, none of them filled.
fn book(count: usize) -> Blotter {
    let mut blotter = Blotter::default();
    let Some(update) = decoded(FRAME) else { return blotter };
    let template = Order { raw: Raw::default(), cum_qty: brokerdeck::domain::Qty::ZERO, ..update.order };
    for chunk in (0..count).collect::<Vec<_>>().chunks(10_000) {
        let orders: Vec<Order> =
            chunk.iter().map(|number| Order { id: OrderId::from(order_id(*number)), ..template.clone() }).collect();
        blotter.apply_snapshot(&orders, &[]);
    }
    blotter
}

#[divan::bench]
fn typed_decode_alone(bencher: Bencher<'_, '_>) {
    let mut number = 0;
    bencher
        .counter(ItemsCount::new(1_usize))
        .with_inputs(|| {
            number += 1;
            frame_of(number, 1_000)
        })
        .bench_local_refs(|text| serde_json::from_str::<plain::Envelope>(text).is_ok());
}

#[divan::bench]
fn decode(bencher: Bencher<'_, '_>) {
    let mut number = 0;
    bencher
        .counter(ItemsCount::new(1_usize))
        .with_inputs(|| {
            number += 1;
            frame_of(number, 1_000)
        })
        .bench_local_refs(|text| decoded(text));
}

#[divan::bench]
fn decode_and_merge(bencher: Bencher<'_, '_>) {
    let count = orders();
    let mut blotter = book(count);
    let mut number = 0;
    bencher
        .counter(ItemsCount::new(1_usize))
        .with_inputs(|| {
            number += 1;
            frame_of(number, count)
        })
        .bench_local_refs(|text| decoded(text).map(|update| blotter.apply_update(&update)));
}

/// How long `work` takes over all frames.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn timed(frames: &[String], mut work: impl FnMut(&str)) -> Duration {
    let started = Instant::now();
    for frame in frames {
        work(frame);
    }
    started.elapsed()
}

/// Rounds of each in turn, so that a machine that drifts drifts for all.
#[expect(clippy::print_stdout, reason = "the figures are the result")]
fn ratios() {
    let count = orders();
    let mut blotter = book(count);
    let (mut decodes, mut merges) = (Vec::new(), Vec::new());
    let mut next = 0;
    for _ in 0..ROUNDS {
        let frames: Vec<String> = (next..next + FRAMES).map(|number| frame_of(number, count)).collect();
        next += FRAMES;
        let base = timed(&frames, |text| drop(black_box(serde_json::from_str::<plain::Envelope>(black_box(text)))));
        let decode = timed(&frames, |text| drop(black_box(decoded(black_box(text)))));
        let merge = timed(&frames, |text| {
            drop(black_box(decoded(black_box(text)).map(|update| blotter.apply_update(&update))));
        });
        decodes.push(permille(decode, base));
        merges.push(permille(merge, base));
    }
    println!("\nagainst serde_json into fixed types, {ROUNDS} interleaved rounds, {count} orders:");
    println!("decode            {}", spread(decodes));
    println!("decode and merge  {}", spread(merges));
}

fn permille(part: Duration, whole: Duration) -> u128 {
    part.as_nanos() * 1000 / whole.as_nanos().max(1)
}

fn spread(mut values: Vec<u128>) -> String {
    values.sort_unstable();
    let show =
        |value: Option<&u128>| value.map_or_else(String::new, |value| format!("{}.{:03}", value / 1000, value % 1000));
    let median = show(values.get(values.len() / 2));
    format!("{median} (from {} to {})", show(values.first()), show(values.last()))
}
