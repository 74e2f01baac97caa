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
use fixture::Fixture;
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
fn fixture(orders: u32) -> Fixture {
    let mut fixture = Fixture::busy(0);
    let blotter = &mut fixture.model.accounts.iter_mut_in_test().next().unwrap().blotter;
    let numbers: Vec<u32> = (0..orders).collect();
    for chunk in numbers.chunks(10_000) {
        let made: Vec<_> = chunk.iter().map(|number| order(*number)).collect();
        blotter.apply_snapshot(&made, &[]);
    }
    refresh::rebuild_all(&mut fixture.model);
    finish(&mut fixture);
    fixture.press("3");
    fixture
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
    let (mut fixture, mut view) = (fixture(orders), ViewState::default());
    fixture.press("ctrl-d ctrl-d ctrl-d");
    let mut buffer = Buffer::empty(AREA);
    bencher.bench_local(|| {
        fixture.press("j");
        buffer.reset();
        render(&fixture.model, &mut view, AREA, &mut buffer);
    });
}

/// From the key to the new order, which a long list takes many turns of the loop for.
#[divan::bench(args = LENGTHS, sample_count = 20, sample_size = 1)]
fn sort_change(bencher: Bencher<'_, '_>, orders: u32) {
    let mut fixture = fixture(orders);
    bencher.bench_local(|| {
        fixture.press("s");
        finish(&mut fixture);
    });
}

/// The turns of the loop one by one: the slowest is how long a key may wait.
#[divan::bench(args = LENGTHS, sample_count = 400, sample_size = 1)]
fn sort_turn(bencher: Bencher<'_, '_>, orders: u32) {
    let mut fixture = fixture(orders);
    bencher.bench_local(|| turn(&mut fixture, "s"));
}

/// The first letter: every row is looked at.
#[divan::bench(args = LENGTHS, sample_count = 10, sample_size = 1)]
fn filter_begun(bencher: Bencher<'_, '_>, orders: u32) {
    let fixture = std::cell::RefCell::new(fixture(orders));
    let empty = || {
        let mut fixture = fixture.borrow_mut();
        fixture.press("esc /");
        finish(&mut fixture);
    };
    bencher.with_inputs(empty).bench_local_values(|()| {
        let mut fixture = fixture.borrow_mut();
        fixture.press("n");
        finish(&mut fixture);
    });
}

/// A letter more, or one taken back, of a filter that lets an eighth through.
#[divan::bench(args = LENGTHS, sample_count = 20, sample_size = 1)]
fn filter_typed(bencher: Bencher<'_, '_>, orders: u32) {
    let mut fixture = fixture(orders);
    fixture.press("/");
    fixture.write("nvd");
    finish(&mut fixture);
    let mut on = false;
    bencher.bench_local(|| {
        on = !on;
        fixture.press(if on { "a" } else { "backspace" });
        finish(&mut fixture);
    });
}

/// The turns of the loop while a filter's first letter comes and goes.
#[divan::bench(args = LENGTHS, sample_count = 400, sample_size = 1)]
fn filter_turn(bencher: Bencher<'_, '_>, orders: u32) {
    let mut fixture = fixture(orders);
    fixture.press("/");
    let mut on = false;
    bencher.bench_local(|| {
        on = if fixture.model.has_work() { on } else { !on };
        turn(&mut fixture, if on { "n" } else { "backspace" });
    });
}

/// One turn of the loop: a slice of what is being made, or else a key.
fn turn(fixture: &mut Fixture, key: &str) {
    if fixture.model.has_work() { fixture.send(Msg::Work) } else { fixture.press(key) }
}

fn finish(fixture: &mut Fixture) {
    while fixture.model.has_work() {
        fixture.send(Msg::Work);
    }
}
