//! The Account pane: one account's balances with its equity curve, or one line per account with totals per environment.

use ratatui::layout::Rect;
use ratatui::style::Style;
use rust_decimal::Decimal;

use super::draw_context::{DrawContext, cells, clean, width};
use super::format::{MISSING, cents, connection};
use super::frame::Frame;
use super::scope::{self, Kind};
use super::table::{Column, Rows};
use super::{Panes, change_style};
use crate::accounts::{AccountState, Count, Period};
use crate::app::Model;
use crate::app::model::{AccountScope, Pane};
use crate::domain::money::write_grouped;
use crate::domain::{Account, Environment, Money, Mono};
use crate::session::Part;

/// Draws the pane.
pub(super) fn draw(ctx: &mut DrawContext<'_>, area: Rect, model: &Model, panes: &mut Panes) {
    let focused = model.focus == Pane::Account && model.overlays.is_empty();
    let theme = ctx.theme;
    let single = scope::single(model);
    let name = single.map(|account| {
        let number = scope::shown_number(account, ctx.glyphs.mask);
        let label = clean(&account.link.label).into_owned();
        if number == label { label } else { format!("{label} {} {number}", ctx.glyphs.dot) }
    });
    let block = single.and_then(|account| account.account.as_ref()).and_then(|account| account.value.block());
    let (stale, lack) = (super::stale_fact(model, Pane::Account), super::lack_of(model, Pane::Account));
    let mut facts: Vec<(&str, Style)> = Vec::new();
    if let Some(name) = &name {
        facts.push((name, theme.strong));
    } else if model.scope == AccountScope::All {
        facts.push(("all accounts", theme.strong));
    }
    facts.extend(block.as_deref().map(|text| (text, theme.error)));
    facts.extend(stale.as_deref().map(|text| (text, theme.waiting)));
    let frame = Frame {
        kind: scope::kind(model),
        focused,
        digit: Some(Pane::Account.digit()),
        title: Pane::Account.title(),
        facts: &facts,
        lack: lack.as_deref(),
        tagged: true,
    };
    let inner = ctx.frame(area, &frame);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    match (single, &model.scope) {
        (_, AccountScope::All) => all(ctx, inner, model, panes),
        (Some(account), _) if inner.height >= 8 => tall(ctx, inner, account, model.now.mono),
        (Some(account), _) => compact(ctx, inner, account, model.now.mono),
        (None, _) => super::empty(ctx, inner, "no account is linked"),
    }
}

/// One figure: label, digits, style.
struct Figure {
    label: &'static str,
    text: String,
    style: Style,
}

fn money(ctx: &DrawContext<'_>, label: &'static str, value: Option<Money>, fresh: bool) -> Figure {
    let theme = ctx.theme;
    let text = value.map_or_else(|| MISSING.to_owned(), |value| value.rounded(2));
    let style = match (value, fresh) {
        (None, _) => theme.faint,
        (_, false) => theme.stale,
        _ => theme.text,
    };
    Figure { label, text, style }
}

fn change(ctx: &DrawContext<'_>, label: &'static str, value: Option<Decimal>, suffix: &str, fresh: bool) -> Figure {
    let (style, before) = change_style(ctx, value, suffix.is_empty());
    let text = value.map_or_else(
        || MISSING.to_owned(),
        |value| {
            let mut text = before.to_owned();
            write_grouped(&mut text, value.round_dp(2), 2);
            text.push_str(suffix);
            text
        },
    );
    Figure { label, text, style: if fresh { style } else { ctx.theme.stale } }
}

/// The figures of an account, most important first.
fn figures(ctx: &DrawContext<'_>, state: &AccountState, now: Mono) -> Vec<Figure> {
    let fresh = state.is_current(&[Part::Account], now);
    let account: Option<&Account> = state.account.as_ref().map(|dated| &dated.value);
    let of = |label, value: fn(&Account) -> Option<Money>| money(ctx, label, account.and_then(value), fresh);
    let percent = account.and_then(Account::day_pl_percent);
    let multiplier = account.and_then(|account| account.multiplier);
    vec![
        of("Equity", |account| account.equity),
        change(ctx, "Day P&L", account.and_then(Account::day_pl).map(Money::decimal), "", fresh),
        of("Buying power", |account| account.buying_power),
        change(ctx, "Day P&L %", percent, " %", fresh),
        of("Cash", |account| account.cash),
        of("Long", |account| account.long_market_value),
        of("Margin used", |account| account.maintenance_margin),
        of("Initial margin", |account| account.initial_margin),
        of("Short", |account| account.short_market_value),
        Figure {
            label: "Multiplier",
            text: multiplier
                .map_or_else(|| MISSING.to_owned(), |times| format!("{}{}", times.normalize(), ctx.glyphs.times)),
            style: if fresh { ctx.theme.text } else { ctx.theme.stale },
        },
        of("Last equity", |account| account.last_equity),
        of("Without margin", |account| account.non_marginable_buying_power),
    ]
}

/// Draws figures in columns of `rows` lines; returns where the next column would start.
fn grid(ctx: &mut DrawContext<'_>, area: Rect, figures: &[Figure], rows: usize, columns: usize) -> u16 {
    const GAP: u16 = 3;
    let mut x = area.x;
    for column in figures.chunks(rows.max(1)).take(columns) {
        let labels = column.iter().map(|figure| width(figure.label)).max().unwrap_or(0);
        // Room for millions, so that columns stay in place while figures change.
        let digits = column.iter().map(|figure| width(&figure.text)).max().unwrap_or(0).max(12);
        if x + labels + 2 + digits > area.right() {
            break;
        }
        for (row, figure) in column.iter().enumerate() {
            let y = area.y + cells(row);
            ctx.text(x, y, labels, figure.label, ctx.theme.dim);
            ctx.right(x + labels + 2, y, digits, &figure.text, figure.style);
        }
        x += labels + 2 + digits + GAP;
    }
    x
}

fn curve(state: &AccountState) -> Vec<Option<Decimal>> {
    let points = state.curves.get(&Period::Day).map(|curve| curve.value.points.as_slice()).unwrap_or_default();
    points.iter().map(|point| point.equity.map(Money::decimal)).collect()
}

/// The curve's style: up or down since the start of the day.
fn curve_style(ctx: &DrawContext<'_>, state: &AccountState, values: &[Option<Decimal>], now: Mono) -> Style {
    let base = state.curves.get(&Period::Day).and_then(|curve| curve.value.base).map(Money::decimal);
    let last = values.iter().rev().flatten().next().copied();
    match (state.has_current_curve(now), base.zip(last)) {
        (false, _) => ctx.theme.stale,
        (true, Some((base, last))) if last < base => ctx.theme.loss,
        (true, Some(_)) => ctx.theme.gain,
        (true, None) => ctx.theme.chart,
    }
}

fn compact(ctx: &mut DrawContext<'_>, area: Rect, state: &AccountState, now: Mono) {
    let rows = usize::from(area.height.max(1));
    let figures = figures(ctx, state, now);
    // `figures` fills columns downwards; with three lines, the most important figure is first in each column.
    let order: &[usize] = &[0, 2, 4, 1, 3, 5, 6, 7, 8];
    let mut figures: Vec<Option<Figure>> = figures.into_iter().map(Some).collect();
    let arranged: Vec<Figure> =
        order.iter().filter_map(|index| figures.get_mut(*index).and_then(Option::take)).collect();
    // Drop a column if the curve would have no room.
    let columns = if area.width >= 116 { 3 } else { 2 };
    let x = grid(ctx, area, &arranged, rows, columns);
    let room = area.right().saturating_sub(x);
    if room >= 6 {
        let values = curve(state);
        let style = curve_style(ctx, state, &values, now);
        let wide = room.min(60);
        if let Some(bounds) = super::chart::bounds(&values) {
            ctx.line_chart(Rect { x: area.right() - wide, width: wide, ..area }, &values, bounds, style);
        }
    }
}

fn tall(ctx: &mut DrawContext<'_>, area: Rect, state: &AccountState, now: Mono) {
    let figures = figures(ctx, state, now);
    let rows = if area.height >= 16 { 6 } else { figures.len().div_ceil(if area.width >= 110 { 3 } else { 2 }) };
    let rows = rows.min(usize::from(area.height));
    grid(ctx, area, &figures, rows, 4);
    let used = cells(rows) + 1;
    let chart = Rect { y: area.y + used, height: area.height.saturating_sub(used), ..area };
    let values = curve(state);
    let Some((low, high)) = super::chart::bounds(&values) else { return };
    if chart.height < 3 {
        return;
    }
    let (top, bottom) = (Money::new(high).rounded(2), Money::new(low).rounded(2));
    let labels = width(&top).max(width(&bottom));
    let plot = Rect { x: chart.x + labels + 1, width: chart.width.saturating_sub(labels + 1), ..chart };
    ctx.right(chart.x, chart.y, labels, &top, ctx.theme.dim);
    ctx.right(chart.x, chart.bottom() - 1, labels, &bottom, ctx.theme.dim);
    let style = curve_style(ctx, state, &values, now);
    ctx.line_chart(plot, &values, (low, high), style);
}

const fn figure(title: &'static str, rank: u8) -> Column {
    Column::figure(title, 10, 18, rank)
}

const ALL: [Column; 8] = [
    Column::account(12, 26),
    Column::text("State", 8, 14, 4),
    figure("Equity", 0),
    figure("Day P&L", 0),
    Column::figure("Day %", 6, 9, 2),
    figure("Buying power", 1),
    figure("Cash", 3),
    Column::figure("Working", 7, 7, 1),
];

/// One line per account, then a total per environment: paper and live are never added up.
fn all(ctx: &mut DrawContext<'_>, area: Rect, model: &Model, panes: &mut Panes) {
    let theme = ctx.theme;
    let buffer = &mut panes.buffer;
    buffer.clear();
    for account in &model.accounts {
        let fresh = account.is_current(&[Part::Account], model.now.mono);
        let plain = if fresh { theme.text } else { theme.stale };
        super::account_cell(buffer, account, theme);
        let (mark, style) = connection(account.session.state(), ctx.glyphs, theme);
        buffer.marked(mark, account.session.state().word(), style);
        let value = account.account.as_ref().map(|dated| &dated.value);
        buffer.figure(cents(value.and_then(|account| account.equity)), 2, plain, theme.faint);
        super::change_cell(ctx, buffer, cents(value.and_then(Account::day_pl)), true, !fresh);
        let percent = value.and_then(Account::day_pl_percent).map(|percent| percent.round_dp(2));
        super::change_cell(ctx, buffer, percent, false, !fresh);
        buffer.figure(cents(value.and_then(|account| account.buying_power)), 2, plain, theme.faint);
        buffer.figure(cents(value.and_then(|account| account.cash)), 2, plain, theme.faint);
        working_cell(buffer, account.known_working(model.now.mono), plain, theme.faint);
    }
    for environment in [Environment::Paper, Environment::Live] {
        total(ctx, buffer, model, environment);
    }
    let rows = Rows { selected: None, focused: false, sorted: None, rule: None };
    let area = Rect { x: area.x.saturating_sub(1), width: area.width + 1, ..area };
    ctx.table(area, &ALL, |_| false, buffer, &mut panes.account_columns, &rows);
}

fn total(ctx: &DrawContext<'_>, buffer: &mut super::table::CellBuffer, model: &Model, environment: Environment) {
    let theme = ctx.theme;
    let accounts: Vec<&AccountState> =
        model.accounts.iter().filter(|account| account.link.environment == environment).collect();
    if accounts.is_empty() {
        return;
    }
    let now = model.now.mono;
    let stale = accounts.iter().any(|account| !account.is_current(&[Part::Account], now));
    let plain = if stale { theme.stale } else { theme.strong };
    // A sum with a missing part is missing: a total must include every account.
    let sum = |value: fn(&Account) -> Option<Money>| {
        accounts.iter().try_fold(Money::ZERO, |sum, account| sum.checked_add(value(&account.account.as_ref()?.value)?))
    };
    let kind = Kind::of(environment);
    let style = if kind.is_live() { theme.tag_live } else { theme.tag_paper };
    buffer.build(style, |out| {
        out.push_str(environment.word());
        out.push_str(" total");
    });
    buffer.text("", theme.dim);
    buffer.figure(cents(sum(|account| account.equity)), 2, plain, theme.faint);
    let (day, last) = (sum(Account::day_pl), sum(|account| account.last_equity));
    super::change_cell(ctx, buffer, cents(day), true, stale);
    let percent = day.zip(last).and_then(|(day, last)| day.percent_of(last)).map(|percent| percent.round_dp(2));
    super::change_cell(ctx, buffer, percent, false, stale);
    buffer.figure(cents(sum(|account| account.buying_power)), 2, plain, theme.faint);
    buffer.figure(cents(sum(|account| account.cash)), 2, plain, theme.faint);
    let working: Option<Count> = accounts.iter().map(|account| account.known_working(now)).sum();
    working_cell(buffer, working, plain, theme.faint);
}

fn working_cell(buffer: &mut super::table::CellBuffer, working: Option<Count>, style: Style, missing: Style) {
    match working {
        Some(count) => buffer.text(&count.to_string(), style),
        None => buffer.text(MISSING, missing),
    }
}
