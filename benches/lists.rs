//! What lists cost when they are long (docs/DESIGN.md 11, P10): a step of the cursor with its frame, another sorting, a
//! filter as it is typed.
//!
//! The orders are merged into the blotter as REST would bring them; nothing is measured of that.

#![allow(
    clippy::disallowed_methods,
    clippy::duration_suboptimal_units,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "it fails like a test, and is none of the program"
)]
#![expect(clippy::unwrap_used, reason = "a bench that cannot set its stage has nothing to measure")]

#[path = "../tests/integration/fixture.rs"]
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod fixture;

use brokerdeck::app::{Msg, refresh};
use brokerdeck::domain::{OrderStatus, OrderType, Qty, Side};
use brokerdeck::view::{ViewState, render};
use divan::Bencher;
use fixture::Desk;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const AREA: Rect = Rect { x: 0, y: 0, width: 200, height: 60 };
const SYMBOLS: [&str; 8] = ["AAPL", "MSFT", "NVDA", "TSLA", "SPY", "QQQ", "F", "KO"];
/// A few thousand are a busy month; a million is more than any account has.
const LENGTHS: [u32; 2] = [10_000, 1_000_000];

fn main() {
    divan::main();
}

/// A desk whose paper account has this many orders more.
fn desk(orders: u32) -> Desk {
    let mut desk = Desk::busy(0);
    let blotter = &mut desk.model.accounts.iter_mut().next().unwrap().blotter;
    let numbers: Vec<u32> = (0..orders).collect();
    for chunk in numbers.chunks(10_000) {
        let made: Vec<_> = chunk.iter().map(|number| order(*number)).collect();
        blotter.apply_snapshot(&made, &[]);
    }
    refresh::rebuild_all(&mut desk.model);
    finish(&mut desk);
    desk.press("3");
    desk
}

fn order(number: u32) -> brokerdeck::domain::Order {
    let at = format!("{:02}:{:02}:{:02}", number / 3600 % 5, number / 60 % 60, number % 60);
    let side = if number.is_multiple_of(3) { Side::Sell } else { Side::Buy };
    let symbol = SYMBOLS[number as usize % SYMBOLS.len()];
    let mut order = fixture::order(&format!("8{number:08}"), &at, side, symbol, "100", OrderType::Limit);
    order.qty = Some(Qty::whole(i64::from(number % 977) + 1));
    order.status = OrderStatus::Canceled;
    order
}

#[divan::bench(args = LENGTHS, sample_count = 200, sample_size = 1)]
fn scroll(bencher: Bencher<'_, '_>, orders: u32) {
    let (mut desk, mut view) = (desk(orders), ViewState::default());
    desk.press("ctrl-d ctrl-d ctrl-d");
    let mut buffer = Buffer::empty(AREA);
    bencher.bench_local(|| {
        desk.press("j");
        buffer.reset();
        render(&desk.model, &mut view, AREA, &mut buffer);
    });
}

/// From the key to the new order, which a long list takes many turns of the loop for.
#[divan::bench(args = LENGTHS, sample_count = 20, sample_size = 1)]
fn sort_change(bencher: Bencher<'_, '_>, orders: u32) {
    let mut desk = desk(orders);
    bencher.bench_local(|| {
        desk.press("s");
        finish(&mut desk);
    });
}

/// The turns of the loop one by one: the slowest is how long a key may wait.
#[divan::bench(args = LENGTHS, sample_count = 400, sample_size = 1)]
fn sort_turn(bencher: Bencher<'_, '_>, orders: u32) {
    let mut desk = desk(orders);
    bencher.bench_local(|| turn(&mut desk, "s"));
}

/// The first letter: every row is looked at.
#[divan::bench(args = LENGTHS, sample_count = 10, sample_size = 1)]
fn filter_begun(bencher: Bencher<'_, '_>, orders: u32) {
    let desk = std::cell::RefCell::new(desk(orders));
    let empty = || {
        let mut desk = desk.borrow_mut();
        desk.press("esc /");
        finish(&mut desk);
    };
    bencher.with_inputs(empty).bench_local_values(|()| {
        let mut desk = desk.borrow_mut();
        desk.press("n");
        finish(&mut desk);
    });
}

/// A letter more, or one taken back, of a filter that lets an eighth through.
#[divan::bench(args = LENGTHS, sample_count = 20, sample_size = 1)]
fn filter_typed(bencher: Bencher<'_, '_>, orders: u32) {
    let mut desk = desk(orders);
    desk.press("/");
    desk.write("nvd");
    finish(&mut desk);
    let mut on = false;
    bencher.bench_local(|| {
        on = !on;
        desk.press(if on { "a" } else { "backspace" });
        finish(&mut desk);
    });
}

/// The turns of the loop while a filter's first letter comes and goes.
#[divan::bench(args = LENGTHS, sample_count = 400, sample_size = 1)]
fn filter_turn(bencher: Bencher<'_, '_>, orders: u32) {
    let mut desk = desk(orders);
    desk.press("/");
    let mut on = false;
    bencher.bench_local(|| {
        on = if desk.model.has_work() { on } else { !on };
        turn(&mut desk, if on { "n" } else { "backspace" });
    });
}

/// One turn of the loop: a slice of what is being made, or else a key.
fn turn(desk: &mut Desk, key: &str) {
    if desk.model.has_work() { desk.send(Msg::Work) } else { desk.press(key) }
}

fn finish(desk: &mut Desk) {
    while desk.model.has_work() {
        desk.send(Msg::Work);
    }
}
