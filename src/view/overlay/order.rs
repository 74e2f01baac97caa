//! One order in detail: terms, executions, legs, timestamps, ids, the chain of replacements, and the broker's own JSON.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::doc::{Cell, Doc};
use super::{Memory, boxed, scrolled};
use crate::accounts::AccountState;
use crate::app::Model;
use crate::app::overlays::OrderDetail;
use crate::domain::execution::ExecutionKind;
use crate::domain::order::{OrderType, Raw};
use crate::domain::{Execution, Order, OrderId, Price, Qty, Source};
use crate::view::draw_context::{DrawContext, clean};
use crate::view::format::{self, MISSING, full_time};
use crate::view::{orders, scope};

/// Longest chain of replacements that is followed.
const CHAIN: usize = 50;

/// Draws it.
pub(super) fn draw(ctx: &mut DrawContext<'_>, area: Rect, over: &OrderDetail, model: &Model, memory: &mut Memory) {
    let &OrderDetail { ref key, scroll, raw } = over;
    let found =
        scope::account(model, &key.link).and_then(|account| Some((account, account.blotter.order(&key.order)?)));
    let Some((account, order)) = found else {
        let (_, inner) = boxed(ctx, area, (60, 5), scope::Kind::Neutral, "Order", &[]);
        crate::view::empty(ctx, inner, "this order is no longer known");
        return;
    };
    let label = clean(&account.link.label).into_owned();
    let number = clean(&account.link.account_number).into_owned();
    let facts = [(label.as_str(), ctx.theme.strong), (number.as_str(), ctx.theme.dim)];
    let title = if raw { "Order as the broker sent it" } else { "Order" };
    let (frame, inner) = boxed(ctx, area, (128, area.height), orders::kind_of(account), title, &facts);
    let mut doc = Doc::new(ctx.theme, ctx.glyphs, inner.width);
    if raw {
        json(&mut doc, &order.raw, ctx);
    } else {
        detail(&mut doc, account, order, model, ctx);
    }
    scrolled(ctx, frame, inner, &doc.lines, scroll, memory);
}

/// The broker's own JSON, indented.
pub(super) fn json(doc: &mut Doc<'_>, raw: &Raw, ctx: &DrawContext<'_>) {
    let Some(raw) = &raw.0 else {
        doc.text("the broker's JSON was not kept", ctx.theme.dim);
        return;
    };
    let value: Result<serde_json::Value, _> = serde_json::from_str(raw);
    let pretty = value.and_then(|value| serde_json::to_string_pretty(&value)).unwrap_or_else(|_| raw.to_string());
    for line in pretty.lines() {
        doc.code(line, ctx.theme.text);
    }
}

/// A price with all its digits, or `--`.
fn px(price: Option<Price>) -> String {
    price.map_or_else(|| MISSING.to_owned(), |price| price.grouped(2))
}

/// An order in one line: `BUY 100 AAPL limit 186.20 DAY`.
pub(super) fn summary(order: &Order, ctx: &DrawContext<'_>) -> Vec<Cell> {
    let theme = ctx.theme;
    let (side, side_style) = format::side(&order.side, theme);
    let amount = match (order.qty, order.notional) {
        (None, Some(notional)) => format!("${}", notional.grouped(2)),
        (qty, _) => qty.map_or_else(|| MISSING.to_owned(), |qty| qty.grouped(0)),
    };
    let mut pieces = vec![
        (side.to_owned(), side_style),
        (format!(" {amount} "), theme.text),
        (clean(orders::order_symbol(order)).into_owned(), theme.strong),
        (format!("  {}", clean(format::order_type(&order.order_type))), theme.text),
    ];
    let is_stop = matches!(order.order_type, OrderType::Stop);
    if let Some(limit) = order.limit_px {
        pieces.push((format!(" {}", limit.grouped(2)), theme.text));
    }
    if let Some(stop) = order.stop_px {
        // `stop 72.86`, but `stop-lmt 72.80 stop 72.86`: no repeated word.
        let word = if is_stop { "" } else { " stop" };
        pieces.push((format!("{word} {}", stop.grouped(2)), theme.text));
    }
    pieces.push((format!("  {}", clean(format::tif(&order.tif))), theme.dim));
    pieces
}

fn detail(doc: &mut Doc<'_>, account: &AccountState, order: &Order, model: &Model, ctx: &DrawContext<'_>) {
    let theme = ctx.theme;
    let (mark, word, style) = format::status(&order.status, ctx.glyphs, theme);
    let mut head = summary(order, ctx);
    head.push((format!("   {mark} {}", clean(word)), style));
    doc.pieces(head);
    doc.blank();
    doc.fields(&terms(order, theme.text, theme.faint));
    executions(doc, account, order, model, ctx);
    legs(doc, account, order, ctx);
    doc.heading("Times");
    let zone = (&model.program.timezone, model.program.timezone_label.as_ref());
    let times: Vec<(&str, String, Style)> = [
        ("Submitted", order.submitted_at),
        ("Created", order.created_at),
        ("Updated", order.updated_at),
        ("Filled", order.filled_at),
        ("Canceled", order.canceled_at),
        ("Expired", order.expired_at),
        ("Expires", order.expires_at),
        ("Failed", order.failed_at),
        ("Replaced", order.replaced_at),
    ]
    .into_iter()
    .filter_map(|(label, at)| Some((label, full_time(at?, zone.0, zone.1), theme.text)))
    .collect();
    doc.fields(&times);
    doc.heading("Identity");
    let mut ids = vec![("Order id", clean(order.id.as_str()).into_owned(), theme.text)];
    if let Some(id) = &order.client_order_id {
        ids.push(("Client order id", clean(id.as_str()).into_owned(), theme.text));
    }
    if let Some(class) = &order.asset_class {
        ids.push(("Asset class", class.to_string(), theme.text));
    }
    doc.fields(&ids);
    chain(doc, account, order, ctx);
}

fn terms(order: &Order, text: Style, faint: Style) -> Vec<(&'static str, String, Style)> {
    let field = |label, value: Option<String>| match value {
        Some(value) => (label, value, text),
        None => (label, MISSING.to_owned(), faint),
    };
    let price = |label, value: Option<Price>| field(label, value.map(|value| px(Some(value))));
    let mut fields = vec![
        field("Quantity", order.qty.map(|qty| qty.grouped(0))),
        field("Filled", Some(order.cum_qty.grouped(0))),
        field("Leaves", order.leaves_qty().map(|qty| qty.grouped(0))),
        price("Average price", order.avg_px),
        price("Limit price", order.limit_px),
        price("Stop price", order.stop_px),
        field("Type", Some(clean(order.order_type.as_str()).into_owned())),
        field("Time in force", Some(clean(format::tif(&order.tif)).into_owned())),
        field("Class", Some(clean(order.class.as_str()).into_owned()).filter(|class| !class.is_empty())),
        field("Extended hours", Some(if order.extended_hours { "yes" } else { "no" }.to_owned())),
    ];
    if order.notional.is_some() {
        fields.push(field("Notional", order.notional.map(|notional| notional.grouped(2))));
    }
    if order.trail_px.is_some() || order.trail_percent.is_some() {
        fields.push(price("Trail", order.trail_px));
        fields.push(field("Trail percent", order.trail_percent.map(|percent| format!("{} %", percent.normalize()))));
        fields.push(price("High-water mark", order.hwm));
    }
    fields
}

fn executions(doc: &mut Doc<'_>, account: &AccountState, order: &Order, model: &Model, ctx: &DrawContext<'_>) {
    let theme = ctx.theme;
    let found = account.blotter.executions_of(&order.id);
    doc.heading(&format!("Executions ({})", found.len()));
    let own = account.blotter.own_qty(order);
    let before = order.cum_qty.checked_sub(own).unwrap_or(Qty::ZERO);
    if before.is_positive() {
        let were = if account.blotter.is_assumed(&order.id) { "were probably" } else { "were" };
        let (before, all) = (before.grouped(0), order.cum_qty.grouped(0));
        doc.text(&format!("{before} of {all} {were} executed by orders that it replaced"), theme.dim);
    }
    if found.is_empty() {
        let text = match (own.is_positive(), before.is_positive()) {
            (true, _) => "not reported yet",
            (false, true) if account.blotter.is_assumed(&order.id) => "none of its own reported",
            (false, true) => "none of its own",
            (false, false) => "none yet",
        };
        doc.text(text, theme.dim);
        return;
    }
    let rows: Vec<Vec<Cell>> = found.iter().map(|execution| execution_row(execution, account, model, ctx)).collect();
    doc.table(&["Time", " Qty", " Price", " Total filled", "Learned", "Execution id"], &rows);
}

/// A line for one execution.
pub(super) fn execution_row(
    execution: &Execution,
    account: &AccountState,
    model: &Model,
    ctx: &DrawContext<'_>,
) -> Vec<Cell> {
    let theme = ctx.theme;
    let zone = &model.program.timezone;
    let at = execution.at.map_or_else(|| MISSING.to_owned(), |at| full_time(at, zone, "").trim_end().to_owned());
    let learned = match (&execution.kind, execution.source) {
        (ExecutionKind::Bust { .. }, _) => ("undone", theme.error),
        (ExecutionKind::Correction { .. }, _) => ("restated", theme.error),
        (ExecutionKind::Unexplained, _) => ("awaited", theme.waiting),
        (ExecutionKind::Trade, Source::Stream) => ("stream", theme.dim),
        (ExecutionKind::Trade, Source::Reconcile) if account.is_late(execution.source, execution.at) => {
            ("late", theme.waiting)
        }
        (ExecutionKind::Trade, Source::Reconcile) => ("history", theme.dim),
        (ExecutionKind::Trade, Source::Journal) => ("journal", theme.dim),
    };
    vec![
        (at, theme.dim),
        (execution.qty.grouped(0), theme.text),
        (px(execution.px), theme.text),
        (execution.cum_qty.map_or_else(|| MISSING.to_owned(), |qty| qty.grouped(0)), theme.dim),
        (learned.0.to_owned(), learned.1),
        (clean(execution.id.as_str()).into_owned(), theme.dim),
    ]
}

/// The order's legs, in their current state.
fn legs(doc: &mut Doc<'_>, account: &AccountState, order: &Order, ctx: &DrawContext<'_>) {
    if order.legs.is_empty() {
        return;
    }
    doc.heading(&format!("Legs ({})", order.legs.len()));
    for id in &order.legs {
        let line = match account.blotter.order(id) {
            Some(leg) => {
                let (mark, word, style) = format::status(&leg.status, ctx.glyphs, ctx.theme);
                let mut line = summary(leg, ctx);
                line.push((format!("   {mark} {}", clean(word)), style));
                line
            }
            None => vec![(format!("not known here   {}", clean(id.as_str())), ctx.theme.dim)],
        };
        doc.pieces(line);
    }
}

/// The orders it replaced and was replaced by, oldest first.
fn chain(doc: &mut Doc<'_>, account: &AccountState, order: &Order, ctx: &DrawContext<'_>) {
    if order.replaces.is_none() && order.replaced_by.is_none() {
        return;
    }
    doc.heading("Replacements");
    let follow = |step: fn(&Order) -> Option<&OrderId>| {
        let mut ids: Vec<&OrderId> = Vec::new();
        let mut next = step(order);
        while let Some(id) = next.filter(|id| ids.len() < CHAIN && !ids.contains(id)) {
            ids.push(id);
            next = account.blotter.order(id).and_then(step);
        }
        ids
    };
    let mut ids = follow(|order| order.replaces.as_ref());
    ids.reverse();
    ids.push(&order.id);
    ids.extend(follow(|order| order.replaced_by.as_ref()));
    for id in ids {
        let here = *id == order.id;
        let mark = if here { ctx.glyphs.arrow } else { ' ' };
        let mut line = vec![(format!("{mark} "), ctx.theme.key)];
        match account.blotter.order(id) {
            Some(known) => {
                let (mark, word, style) = format::status(&known.status, ctx.glyphs, ctx.theme);
                line.extend(summary(known, ctx));
                line.push((format!("   {mark} {}", clean(word)), style));
            }
            None => line.push(("not known here ".to_owned(), ctx.theme.dim)),
        }
        line.push((format!("   {}", clean(id.as_str())), ctx.theme.dim));
        doc.pieces(line);
    }
}
