//! What one frame costs (docs/DESIGN.md 11, P9): ours against the same panes made of stock widgets, in one run. Both
//! draw into a cleared buffer and compare it with the one before, as a terminal would.

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
#![expect(clippy::unwrap_used, reason = "a bench that cannot set its stage has nothing to measure")]

#[path = "../tests/integration/fixture.rs"]
#[allow(dead_code, reason = "shared with the tests, which use all of it")]
mod fixture;

use std::cell::RefCell;

use brokerdeck::accounts::{AccountState, Period};
use brokerdeck::app::model::Pane;
use brokerdeck::domain::{Money, OrderId, Price, TradeEvent, TradeUpdate};
use brokerdeck::view::{Theme, ViewState, render};
use divan::Bencher;
use fixture::Fixture;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style, Stylize};
use ratatui::widgets::{Block, BorderType, Cell, Paragraph, Row, Sparkline, StatefulWidget, Table, TableState, Widget};

const AREA: Rect = Rect { x: 0, y: 0, width: 200, height: 60 };

fn main() {
    divan::main();
}

/// Two buffers, as a terminal has.
struct Screen {
    now: Buffer,
    before: Buffer,
}

impl Screen {
    fn new() -> Self {
        Self { now: Buffer::empty(AREA), before: Buffer::empty(AREA) }
    }

    /// Draws and counts the cells that differ from the frame before.
    fn frame(&mut self, draw: impl FnOnce(&mut Buffer)) -> usize {
        self.now.reset();
        draw(&mut self.now);
        let changed = self.before.diff_iter(&self.now).count();
        std::mem::swap(&mut self.now, &mut self.before);
        changed
    }
}

/// One working order's limit price goes back and forth: one row changes.
fn touch(fixture: &mut Fixture, turn: &mut i64) {
    let link = fixture::paper().id;
    let id = OrderId::new("61e69015-8549-4bfd-b9c3-000000000002".to_owned());
    let mut order = fixture.model.accounts.get(&link).unwrap().blotter.order(&id).unwrap().clone();
    *turn += 1;
    order.limit_px = Some(Price::whole(140 + *turn % 2));
    order.updated_at = Some(fixture::today("13:46:20") + std::time::Duration::from_millis(turn.unsigned_abs()));
    let update = TradeUpdate {
        event: TradeEvent::Restated,
        event_id: None,
        at: order.updated_at,
        happened_at: order.updated_at,
        order,
        legs: Vec::new(),
        executions: Vec::new(),
        reason: None,
    };
    fixture.stream(&link, update);
}

fn measure(bencher: Bencher<'_, '_>, orders: u32, mut draw: impl FnMut(&Fixture, &mut Buffer)) {
    let mut fixture = Fixture::busy(orders);
    fixture.press("3");
    let (fixture, mut screen, mut turn) = (RefCell::new(fixture), Screen::new(), 0);
    // The change itself is not what is measured, but each frame needs its own: one in which nothing changed is another
    // question. So every sample is one frame, and the change is made before its clock runs.
    bencher.with_inputs(|| touch(&mut fixture.borrow_mut(), &mut turn)).bench_local_values(|()| {
        let changed = screen.frame(|buffer| draw(&fixture.borrow(), buffer));
        assert!(changed > 0, "the row did not change");
        changed
    });
}

#[divan::bench(args = [0, 10_000], sample_size = 1, sample_count = 2_000)]
fn ours(bencher: Bencher<'_, '_>, orders: u32) {
    let mut view = ViewState::new(Theme::default(), false);
    measure(bencher, orders, |fixture, buffer| {
        render(&fixture.model, &mut view, AREA, buffer);
    });
}

#[divan::bench(args = [0, 10_000], sample_size = 1, sample_count = 2_000)]
fn stock_widgets(bencher: Bencher<'_, '_>, orders: u32) {
    let mut state = TableState::default();
    measure(bencher, orders, |fixture, buffer| stock(fixture, &mut state, buffer));
}

/// The limit: comparing two frames, nothing drawn.
#[divan::bench]
fn the_comparison_alone(bencher: Bencher<'_, '_>) {
    let (before, now) = (Buffer::empty(AREA), Buffer::empty(AREA));
    bencher.bench_local(|| before.diff_iter(&now).count());
}

/// The first frame, theme and all (P1 counts the whole process).
#[divan::bench]
fn first_frame(bencher: Bencher<'_, '_>) {
    let fixture = Fixture::busy(0);
    bencher.bench_local(|| {
        let mut buffer = Buffer::empty(AREA);
        render(&fixture.model, &mut ViewState::new(Theme::default(), false), AREA, &mut buffer);
        buffer
    });
}

/// The same panes as one would write them with ratatui's own widgets, with rows only for what is in the window.
fn stock(fixture: &Fixture, state: &mut TableState, buffer: &mut Buffer) {
    let model = &fixture.model;
    let Some(account) = model.shown_account() else { return };
    let [header, body, status, footer] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(1), Constraint::Length(1), Constraint::Length(1)])
            .areas(AREA);
    let [left, right] = Layout::horizontal([Constraint::Length(66), Constraint::Min(1)]).areas(body);
    let [brokers, positions] = Layout::vertical([Constraint::Length(7), Constraint::Min(1)]).areas(left);
    let [top, orders, tape] =
        Layout::vertical([Constraint::Length(5), Constraint::Fill(3), Constraint::Fill(2)]).areas(right);
    Paragraph::new(format!(" brokerdeck  ● 1 live   NYSE open   {}", model.now.wall)).render(header, buffer);
    let rows = model.rows.brokers.rows.iter().map(|row| Row::new([Cell::from(format!("{row:?}"))]));
    Widget::render(Table::new(rows, [Constraint::Fill(1)]).block(block(Pane::Brokers)), brokers, buffer);
    Paragraph::new(account_text(account)).block(block(Pane::Account)).render(top, buffer);
    if let Some(history) = account.curves.get(&Period::Day) {
        let points =
            history.value.points.iter().filter_map(|point| u64::try_from(point.equity?.decimal().mantissa()).ok());
        let area = Rect { x: top.right() - 40, y: top.y + 1, width: 39, height: 3 };
        Sparkline::default().data(points.collect::<Vec<u64>>()).green().render(area, buffer);
    }
    StatefulWidget::render(order_table(fixture, orders.height), orders, buffer, state);
    Widget::render(position_table(account), positions, buffer);
    Widget::render(tape_table(fixture, account, tape.height), tape, buffer);
    Paragraph::new(" PAPER Alpaca Paper  ● live").render(status, buffer);
    Paragraph::new(" Enter detail  x cancel  / filter  : command  ? help  q quit").render(footer, buffer);
}

fn block(pane: Pane) -> Block<'static> {
    Block::bordered().border_type(BorderType::Rounded).border_style(Style::new().fg(Color::DarkGray)).title(format!(
        " {} {} ",
        pane.digit(),
        pane.title()
    ))
}

fn account_text(account: &AccountState) -> String {
    let figures = account.account.as_ref().map(|dated| &dated.value);
    let money = |value: Option<Money>| value.map_or_else(|| "--".to_owned(), |value| value.grouped(2));
    format!(
        "Equity {}  Day P&L {}\nBuying power {}  Cash {}\nLong {}  Short {}",
        money(figures.and_then(|figures| figures.equity)),
        money(figures.and_then(brokerdeck::domain::Account::day_pl)),
        money(figures.and_then(|figures| figures.buying_power)),
        money(figures.and_then(|figures| figures.cash)),
        money(figures.and_then(|figures| figures.long_market_value)),
        money(figures.and_then(|figures| figures.short_market_value)),
    )
}

fn px(price: Option<Price>) -> Cell<'static> {
    Cell::from(
        ratatui::text::Text::from(price.map_or_else(|| "--".to_owned(), |price| price.grouped(2))).right_aligned(),
    )
}

fn order_table(fixture: &Fixture, height: u16) -> Table<'static> {
    let zone = &fixture.model.program.timezone;
    let rows = fixture.model.rows.orders.rows.iter().take(usize::from(height) - 3);
    let rows = rows.filter_map(|row| row.find(fixture.model.accounts.all())).map(|(_, order)| {
        let at = order.submitted_at.map(|at| zone.to_datetime(at).time().to_string()).unwrap_or_default();
        Row::new([
            Cell::from(at),
            Cell::from(order.side.label()).blue(),
            Cell::from(order.symbol.to_string()),
            Cell::from(order.qty.map(|qty| qty.grouped(0)).unwrap_or_default()),
            Cell::from(order.cum_qty.grouped(0)),
            Cell::from(order.order_type.to_string()),
            px(order.limit_px),
            px(order.stop_px),
            px(order.avg_px),
            Cell::from(order.tif.to_string()),
            Cell::from(format!("● {}", order.status)).cyan(),
        ])
    });
    let widths = [8, 4, 21, 12, 12, 8, 9, 9, 12, 4, 14].map(Constraint::Length);
    let titles = ["Time", "Side", "Symbol", "Qty", "Filled", "Type", "Limit", "Stop", "Avg", "TIF", "Status"];
    Table::new(rows, widths)
        .header(Row::new(titles))
        .row_highlight_style(Style::new().reversed())
        .block(block(Pane::Orders))
}

fn position_table(account: &AccountState) -> Table<'static> {
    let held = account.positions.as_ref().map(|dated| dated.value.clone()).unwrap_or_default();
    let rows = held.into_iter().map(|position| {
        Row::new([
            Cell::from(position.symbol.to_string()),
            Cell::from(position.qty.map(|qty| qty.grouped(0)).unwrap_or_default()),
            px(position.avg_px),
            px(position.last_px),
            Cell::from(position.market_value.map(|value| value.grouped(2)).unwrap_or_default()),
            Cell::from(position.unrealized_pl.map(|value| value.signed(2)).unwrap_or_default()).green(),
        ])
    });
    let widths = [21, 12, 9, 9, 12, 10].map(Constraint::Length);
    Table::new(rows, widths)
        .header(Row::new(["Symbol", "Qty", "Avg", "Last", "Value", "P&L"]))
        .block(block(Pane::Positions))
}

fn tape_table(fixture: &Fixture, account: &AccountState, height: u16) -> Table<'static> {
    let zone = &fixture.model.program.timezone;
    let rows = fixture.model.rows.tape.rows.iter().take(usize::from(height) - 3);
    let rows = rows.filter_map(|key| account.blotter.tape_entry(key.entry)).map(|entry| {
        let execution = entry.execution.as_ref().and_then(|id| account.blotter.execution(id));
        let at = entry.at.map(|at| zone.to_datetime(at).time().to_string()).unwrap_or_default();
        Row::new([
            Cell::from(at),
            Cell::from(entry.event.to_string()).green(),
            Cell::from(execution.map(|execution| execution.side.label()).unwrap_or_default()).blue(),
            Cell::from(execution.map(|execution| execution.symbol.to_string()).unwrap_or_default()),
            Cell::from(execution.map(|execution| execution.qty.grouped(0)).unwrap_or_default()),
            px(execution.and_then(|execution| execution.px)),
        ])
    });
    let widths = [12, 10, 4, 21, 12, 12].map(Constraint::Length);
    Table::new(rows, widths)
        .header(Row::new(["Time", "Event", "Side", "Symbol", "Qty", "Price"]))
        .block(block(Pane::Tape))
}
