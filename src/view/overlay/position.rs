//! One position in detail: figures, working orders, latest executions.

use ratatui::layout::Rect;
use ratatui::style::Style;
use rust_decimal::Decimal;

use super::doc::{Cell, Doc};
use super::order::{execution_row, summary};
use super::{Memory, boxed, scrolled};
use crate::accounts::{AccountState, PositionKey};
use crate::app::Model;
use crate::app::model::Pane;
use crate::app::overlays::PositionDetail;
use crate::domain::{Money, Position, Price, Qty};
use crate::session::Part;
use crate::view::draw_context::{DrawContext, clean};
use crate::view::format::{self, MISSING};
use crate::view::scope::Age;
use crate::view::{change_style, orders, scope};

/// Rows listed of each kind.
const LISTED: usize = 30;
/// Lines of the tape searched for executions.
const LOOKED_AT: usize = 5_000;

/// Draws it.
pub(super) fn draw(ctx: &mut DrawContext<'_>, area: Rect, detail: &PositionDetail, model: &Model, memory: &mut Memory) {
    let &PositionDetail { ref key, scroll } = detail;
    let Some(account) = scope::account(model, &key.link) else { return };
    let kind = orders::kind_of(account);
    let symbol = clean(key.symbol.as_str()).into_owned();
    let label = clean(&account.link.label).into_owned();
    let facts = [(symbol.as_str(), ctx.theme.strong), (label.as_str(), ctx.theme.dim)];
    let (frame, inner) = boxed(ctx, area, (120, area.height), kind, "Position", &facts);
    let mut doc = Doc::new(ctx.theme, ctx.glyphs, inner.width);
    match (model.accounts.position(key), &account.positions) {
        (Some(position), _) => figures(&mut doc, position, ctx),
        (None, Some(_)) => doc.text("closed: the account no longer holds any", ctx.theme.waiting),
        (None, None) => doc.text("the broker has not sent the positions yet", ctx.theme.waiting),
    }
    freshness(&mut doc, account, key, model, ctx);
    related(&mut doc, account, key, model, ctx);
    scrolled(ctx, frame, inner, &doc.lines, scroll, memory);
}

fn figures(doc: &mut Doc<'_>, position: &Position, ctx: &DrawContext<'_>) {
    let theme = ctx.theme;
    let plain = |label, text: Option<String>| match text {
        Some(text) => (label, text, theme.text),
        None => (label, MISSING.to_owned(), theme.faint),
    };
    let price = |label, value: Option<Price>| plain(label, value.map(|value| value.grouped(2)));
    let money = |label, value: Option<Money>| plain(label, value.map(|value| value.grouped(2)));
    let change = |label, value: Option<Decimal>, suffix: &str| -> (&'static str, String, Style) {
        let (style, before) = change_style(ctx, value, true);
        let text = value
            .map_or_else(|| MISSING.to_owned(), |value| format!("{before}{}{suffix}", Money::new(value).grouped(2)));
        (label, text, style)
    };
    let percent = |part: Option<Decimal>| Some(part?.checked_mul(Decimal::ONE_HUNDRED)?.round_dp(4));
    doc.fields(&[
        plain("Quantity", position.qty.map(|qty| qty.grouped(0))),
        plain("Available", position.qty_available.map(|qty: Qty| qty.grouped(0))),
        price("Average price", position.avg_px),
        price("Last price", position.last_px),
        price("Previous close", position.lastday_px),
        plain("Asset class", position.asset_class.as_ref().map(ToString::to_string)),
        money("Market value", position.market_value),
        money("Cost basis", position.cost_basis),
        change("Unrealized P&L", position.unrealized_pl.map(Money::decimal), ""),
        change("in percent", percent(position.unrealized_plpc), " %"),
        change("P&L today", position.unrealized_intraday_pl.map(Money::decimal), ""),
        change("Price today", percent(position.change_today), " %"),
    ]);
}

/// The age of the figures, and what contradicts them.
fn freshness(doc: &mut Doc<'_>, account: &AccountState, key: &PositionKey, model: &Model, ctx: &DrawContext<'_>) {
    let now = model.now.mono;
    if let Age::Old(old) = scope::age_of(account, Pane::Positions, model) {
        let reason = account.lack(&[Part::Positions], now).unwrap_or("the connection is lost");
        doc.text(&format!("{} old: {}", format::age(old), clean(reason)), ctx.theme.waiting);
    }
    let same = |symbol: &str| symbol.chars().filter(|ch| *ch != '/').eq(key.symbol.as_str().chars());
    for (_, qty) in account.session.conflicts().filter(|(symbol, _)| same(symbol.as_str())) {
        doc.text(&format!("{} held by the last execution", qty.grouped(0)), ctx.theme.waiting);
    }
}

fn related(doc: &mut Doc<'_>, account: &AccountState, key: &PositionKey, model: &Model, ctx: &DrawContext<'_>) {
    // Crypto positions are written without the slash that their orders have.
    let same = |symbol: &str| symbol.chars().filter(|ch| *ch != '/').eq(key.symbol.as_str().chars());
    doc.heading("Working orders");
    let mut none = true;
    for order in account.blotter.orders().filter(|order| order.status.is_working() && same(order.symbol.as_str())) {
        let (mark, word, style) = format::status(&order.status, ctx.glyphs, ctx.theme);
        let mut line = summary(order, ctx);
        line.push((format!("   {mark} {}", clean(word)), style));
        doc.pieces(line);
        none = false;
    }
    if none {
        let known = account.known_working(model.now.mono).is_some();
        doc.text(if known { "none" } else { MISSING }, ctx.theme.dim);
    }
    let tape = account.blotter.tape().iter().rev().take(LOOKED_AT);
    let executions = tape.filter_map(|entry| account.blotter.execution(entry.execution.as_ref()?));
    let rows: Vec<Vec<Cell>> = executions
        .filter(|execution| same(execution.symbol.as_str()))
        .take(LISTED)
        .map(|execution| {
            let (side, style) = format::side(&execution.side, ctx.theme);
            let mut row = execution_row(execution, account, model, ctx);
            row.insert(1, (side.to_owned(), style));
            row
        })
        .collect();
    doc.heading("Latest executions");
    if rows.is_empty() {
        doc.text("none in this session", ctx.theme.dim);
    } else {
        doc.table(&["Time", "Side", " Qty", " Price", " Total filled", "Learned", "Execution id"], &rows);
    }
}
