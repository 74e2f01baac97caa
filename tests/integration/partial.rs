//! Partial answers over real sockets: a failing part is named and has its own age, the others are shown, and the state
//! is not `live`.

use std::time::Duration;

use brokerdeck::app::Model;
use brokerdeck::session::{ConnectionState, Part};
use brokerdeck::view::{Theme, ViewState, render};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::json;

use super::truth::{Bench, Program};

/// Places an order and waits for its acknowledgement, so that the stream has no more updates of it.
async fn place(bench: &Bench) -> String {
    let body = json!({"symbol": "AAPL", "qty": "10", "side": "buy", "type": "limit", "time_in_force": "day",
        "limit_price": "1.00"});
    let id = bench.control("place", body).await["id"].as_str().unwrap().to_owned();
    loop {
        let truth = bench.truth().await;
        let mut orders = truth["orders"].as_array().unwrap().iter();
        if orders.any(|order| order["id"] == *id && order["status"] == "new") {
            return id;
        }
    }
}

/// A brokerage with one working order and this fault, and a connected program.
async fn with(seed: u64, rule: &str, path: &str) -> (Bench, Program) {
    let bench = Bench::open(seed).await;
    place(&bench).await;
    fail(&bench, rule, path).await;
    let program = bench.program(None);
    (bench, program)
}

async fn fail(bench: &Bench, rule: &str, path: &str) {
    bench.control("fault", json!({"rule": format!("{rule}/paper"), "path": path})).await;
}

fn reason(model: &Model) -> String {
    model.accounts.all()[0].state().reason().unwrap_or_default().to_owned()
}

fn is_syncing_because(model: &Model, words: &str) -> bool {
    matches!(model.accounts.all()[0].state(), ConnectionState::Syncing { .. }) && reason(model).contains(words)
}

fn working(model: &Model) -> usize {
    model.accounts.all()[0].blotter.working_count()
}

fn screen(program: &Program) -> String {
    let area = Rect::new(0, 0, 140, 40);
    let mut buffer = Buffer::empty(area);
    render(&program.running.model, &mut ViewState::new(Theme::default(), false), area, &mut buffer);
    let row = |y| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..area.height).map(row).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn positions_refused_from_the_start_are_unknown_and_not_empty() {
    let (bench, mut program) = with(21, "403", "/v2/positions").await;
    program.until("positions named", |model| is_syncing_because(model, "positions: the broker answered 403")).await;
    let model = &program.running.model;
    assert_eq!((working(model), model.accounts.all()[0].positions.is_none()), (1, true));
    let screen = screen(&program);
    assert!(screen.contains("-- held"), "{screen}");
    assert!(!screen.contains("no positions") && !screen.contains("0 held"), "{screen}");
    assert!(screen.contains("working 1"), "{screen}");
    bench.sim.stop().await;
}

#[tokio::test]
async fn a_null_body_is_not_an_empty_list_of_orders() {
    let (bench, mut program) = with(22, "null_body", "/v2/orders").await;
    program.until("orders named", |model| is_syncing_because(model, "working orders, recent orders: ")).await;
    let screen = screen(&program);
    assert!(screen.contains("working --"), "{screen}");
    assert!(!screen.contains("no orders"), "{screen}");
    bench.control("clear", json!({})).await;
    program.resync();
    program.live().await;
    assert_eq!(working(&program.running.model), 1);
    bench.sim.stop().await;
}

#[tokio::test]
async fn an_unreadable_row_hides_no_other() {
    let bench = Bench::open(23).await;
    for _ in 0..3 {
        place(&bench).await;
    }
    fail(&bench, "bad_row", "/v2/orders").await;
    let mut program = bench.program(None);
    program.until("the row named", |model| is_syncing_because(model, "working orders, recent orders: AAPL ")).await;
    assert_eq!(working(&program.running.model), 2, "the good ones are shown");
    let screen = screen(&program);
    assert!(screen.contains("working 2+"), "one more works: {screen}");
    bench.sim.stop().await;
}

#[tokio::test]
async fn unreadable_balances_are_named_and_the_state_is_not_live() {
    let (bench, mut program) = with(34, "bad_row", "/v2/account").await;
    program.until("the figures named", |model| is_syncing_because(model, "balances: equity and ")).await;
    program.resync();
    let reported = screen(&program);
    assert!(
        reported.contains("1 E ") && reported.contains("working 1"),
        "the account is known all the same: {reported}"
    );
    bench.control("clear", json!({})).await;
    program.live().await;
    bench.sim.stop().await;
}

#[tokio::test]
async fn a_position_that_becomes_unreadable_is_still_held() {
    let bench = Bench::open(33).await;
    let order = place(&bench).await;
    let mut program = bench.program(None);
    program.live().await;
    program.beside(bench.control("fill", json!({"order": order, "price": "1.00"}))).await;
    let held = |model: &Model| model.accounts.all()[0].positions.as_ref().is_some_and(|dated| dated.value.len() == 1);
    program.until("what is held", held).await;
    fail(&bench, "bad_row", "/v2/positions").await;
    program.until("the row named", |model| is_syncing_because(model, "positions: AAPL cannot be read")).await;
    let broken = screen(&program);
    let row = broken.lines().find(|line| line.contains("AAPL") && line.contains("--"));
    assert!(row.is_some() && broken.contains("1+ held"), "{broken}");
    bench.control("clear", json!({})).await;
    // Messages that arrive with the awaited one are lost with the run that waited for it.
    program.resync();
    assert!(broken.contains("the data is incomplete"), "{broken}");
    program.live().await;
    let whole = screen(&program);
    assert!(!whole.contains("is incomplete") && whole.contains("1 E "), "an ended error is only in the list: {whole}");
    bench.sim.stop().await;
}

#[tokio::test]
async fn while_positions_fail_fills_are_shown_and_the_old_positions_have_their_age() {
    let bench = Bench::open(24).await;
    let order = place(&bench).await;
    let mut program = bench.program(None);
    program.live().await;
    fail(&bench, "500", "/v2/positions").await;
    let fill = json!({"order": order, "price": "1.00"});
    program.beside(bench.control("fill", fill)).await;
    program.until("the fill", |model| model.accounts.all()[0].blotter.executions().count() == 1).await;
    program.until("positions named", |model| is_syncing_because(model, "positions: the broker answered 500")).await;
    let (model, now) = (&program.running.model, program.running.model.now.mono);
    let account = &model.accounts.all()[0];
    assert!(!account.is_current(&[Part::Positions], now) && account.is_current(&[Part::Account], now));
    assert_eq!(account.positions.as_ref().map(|dated| dated.value.len()), Some(0), "as last received");
    let screen = screen(&program);
    assert!(screen.contains(" old"), "{screen}");
    bench.control("clear", json!({})).await;
    program.live().await;
    let held = |model: &Model| model.accounts.all()[0].positions.as_ref().is_some_and(|dated| dated.value.len() == 1);
    program.until("what is held", held).await;
    bench.sim.stop().await;
}

#[tokio::test]
async fn refusals_by_a_gateway_cost_no_link() {
    for (seed, rule) in [(25, "html403*4"), (26, "401*3")] {
        let bench = Bench::open(seed).await;
        let mut program = bench.program(None);
        program.live().await;
        fail(&bench, rule, "/v2/account").await;
        program.resync();
        program.until("not live", |model| !model.accounts.all()[0].state().is_live()).await;
        let word = |model: &Model| model.accounts.all()[0].state().word();
        program
            .until("live again", |model| {
                assert_ne!(word(model), "needs relink", "{rule}: {}", reason(model));
                model.accounts.all()[0].state().is_live()
            })
            .await;
        bench.sim.stop().await;
    }
}

#[tokio::test]
async fn a_refused_upgrade_does_not_delay_the_data() {
    let bench = Bench::open(27).await;
    place(&bench).await;
    bench.control("fault", json!({"rule": "upgrade502/paper"})).await;
    let mut program = bench.program(None);
    program
        .until("the order by asking", |model| working(model) == 1 && model.accounts.all()[0].account.is_some())
        .await;
    program.until("polling", |model| model.accounts.all()[0].state().word() == "polling").await;
    assert!(reason(&program.running.model).contains("502"), "{}", reason(&program.running.model));
    bench.control("clear", json!({})).await;
    program.resync();
    program.live().await;
    bench.sim.stop().await;
}

#[tokio::test]
async fn a_wait_of_a_month_is_shown_and_ended_by_the_user() {
    let bench = Bench::open(28).await;
    let mut program = bench.program(None);
    program.live().await;
    bench.control("fault", json!({"rule": "retry_after=744h/paper", "path": "/v2/account"})).await;
    program.resync();
    program.until("the wait", |model| is_syncing_because(model, "balances")).await;
    let ConnectionState::Syncing { until: Some(until), .. } = program.running.model.accounts.all()[0].state() else {
        panic!()
    };
    assert!(until.since(program.running.model.now.mono) <= Duration::from_mins(2), "two minutes at most");
    let reported = |model: &Model| model.errors.iter().any(|entry| entry.text.contains("2678400 s"));
    assert!(reported(&program.running.model), "{:?}", program.running.model.errors);
    bench.control("clear", json!({})).await;
    program.resync();
    program.live().await;
    bench.sim.stop().await;
}

#[tokio::test]
async fn failures_of_equity_and_clock_are_shown() {
    let bench = Bench::open(29).await;
    fail(&bench, "500", "/v2/clock").await;
    fail(&bench, "500", "/v2/account/portfolio/history").await;
    let mut program = bench.program(None);
    program.live().await;
    program.until("the clock's fault", |model| model.accounts.clock_fault().is_some()).await;
    let curve = |model: &Model| !model.accounts.all()[0].curve_faults.is_empty();
    program.until("the curve's fault", curve).await;
    let screen = screen(&program);
    assert!(screen.contains("NYSE --"), "{screen}");
    bench.sim.stop().await;
}
