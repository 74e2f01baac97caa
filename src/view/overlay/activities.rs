//! The activity list of one account, and one of its rows in detail.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::doc::Doc;
use super::{Memory, boxed, scrolled, search};
use crate::accounts::activities::Reach;
use crate::accounts::{AccountState, OnDemand};
use crate::app::Model;
use crate::app::overlays::{Activities, ActivityDetail};
use crate::domain::{Activity, ActivityKind, Money, Price, Qty, Untrusted};
use crate::view::draw_context::{DrawContext, clean};
use crate::view::format::{self, MISSING, cents, day, full_time, price, tape_time};
use crate::view::table::{CellBuffer, Column, Rows};
use crate::view::{Hit, change_style, orders, scope};

const COLUMNS: [Column; 8] = [
    Column::text("Time", 12, 12, 0),
    Column::text("Type", 4, 8, 0),
    Column::text("Side", 4, 4, 0),
    Column::text("Symbol", 6, 21, 0),
    Column::figure("Qty", 4, 14, 0),
    Column::figure("Price", 7, 14, 1),
    Column::figure("Amount", 9, 16, 0),
    Column::text("Note", 8, 40, 2),
];

/// Draws the list.
pub(super) fn draw(
    ctx: &mut DrawContext<'_>,
    area: Rect,
    list: &Activities,
    top: bool,
    model: &Model,
    memory: &mut Memory,
) {
    let &Activities { ref link, selected, ref query, typing } = list;
    let Some(account) = scope::account(model, link) else { return };
    let theme = ctx.theme;
    let label = clean(&account.link.label).into_owned();
    let rows = list.shown(&model.data());
    let filters = typing || !query.value().is_empty();
    let (mut state, style) = state(account, model, ctx);
    if filters {
        state = format!("{} of {state}", rows.len());
    }
    let facts = [(label.as_str(), theme.strong), (state.as_str(), style)];
    let (frame, inner) = boxed(ctx, area, (128, area.height), orders::kind_of(account), "Activities", &facts);
    let mut inner = inner;
    if filters {
        search(ctx, Rect { height: 1, ..inner }, "/ ", query, typing && top);
        let used = inner.height.min(2);
        inner = Rect { y: inner.y + used, height: inner.height - used, ..inner };
    }
    if rows.is_empty() {
        memory.page = inner.height;
        let nothing = if model.accounts.activities_loading(link) {
            "waiting for the broker"
        } else if filters {
            "no loaded row matches"
        } else {
            &state
        };
        return crate::view::empty(ctx, inner, nothing);
    }
    let body = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    let height = usize::from(body.height).max(1);
    memory.page = body.height;
    // Scroll only when the selection leaves the window.
    memory.first = memory.first.min(selected).max((selected + 1).saturating_sub(height));
    memory.first = memory.first.min(rows.len().saturating_sub(height));
    let first = memory.first;
    let mut buffer = std::mem::take(&mut memory.buffer);
    buffer.clear();
    for row in rows.iter().skip(first).take(height) {
        stage(ctx, &mut buffer, row, model);
    }
    let shown = Rows { selected: selected.checked_sub(first), focused: true, sorted: None, rule: None };
    ctx.table(inner, &COLUMNS, |_| false, &buffer, &mut memory.columns, &shown);
    memory.buffer = buffer;
    ctx.hits.push(Hit::OverlayRows { area: body, first, count: (rows.len() - first).min(height) });
    ctx.scroll_mark(frame, first, height, rows.len());
}

/// The part of the title that says how far back the list reaches.
fn state(account: &AccountState, model: &Model, ctx: &DrawContext<'_>) -> (String, Style) {
    let count = account.activities.rows().len();
    if model.accounts.activities_loading(&account.link.id) {
        let dots = ctx.glyphs.ellipsis;
        return (format!("{count}, loading{dots}"), ctx.theme.waiting);
    }
    match account.activities.reach() {
        Reach::More => (format!("{count} so far"), ctx.theme.dim),
        Reach::Beginning => (format!("{count} total"), ctx.theme.dim),
        Reach::Failed(why) => {
            let left = account.retry_at(OnDemand::Activities).map(|at| at.since(model.now.mono));
            let again = match left.filter(|left| !left.is_zero()) {
                Some(left) => format!("retrying in {}", format::countdown(left)),
                None => model.keymap.say("{activities.refresh} tries again").into_owned(),
            };
            (format!("{again}: {}", clean(why)), ctx.theme.error)
        }
    }
}

fn stage(ctx: &DrawContext<'_>, buffer: &mut CellBuffer, row: &Activity, model: &Model) {
    let theme = ctx.theme;
    let zone = &model.program.timezone;
    match &row.kind {
        ActivityKind::Fill { symbol, side, qty, px, at, .. } => {
            match at {
                Some(at) => {
                    buffer.build(theme.dim, |out| tape_time(out, *at, model.accounts.exchange_now(model.now), zone));
                }
                None => buffer.text(MISSING, theme.faint),
            }
            buffer.text("fill", theme.ok);
            let (word, style) = format::side(side, theme);
            buffer.text(word, style);
            buffer.text(&clean(symbol.as_str()), theme.text);
            buffer.figure(Some(qty.decimal()), 0, theme.text, theme.faint);
            buffer.figure(price(Some(*px)), 2, theme.text, theme.faint);
            // The row does not have the contract multiplier of an option.
            buffer.figure(cents(px.notional(*qty).filter(|_| !symbol.is_option())), 2, theme.dim, theme.faint);
            buffer.text("", theme.dim);
        }
        ActivityKind::Other { net_amount, symbol, qty, date, description } => {
            match date {
                Some(date) => {
                    buffer.build(theme.dim, |out| day(out, *date, model.accounts.exchange_now(model.now), zone));
                }
                None => buffer.text(MISSING, theme.faint),
            }
            buffer.text(&row.activity_type.clean(), theme.text);
            buffer.text("", theme.dim);
            buffer.text(&symbol.as_ref().map_or("".into(), |symbol| clean(symbol.as_str())), theme.text);
            match qty {
                Some(qty) => buffer.figure(Some(qty.decimal()), 0, theme.text, theme.faint),
                None => buffer.text("", theme.faint),
            }
            buffer.text("", theme.faint);
            let amount = cents(*net_amount);
            let (style, before) = change_style(ctx, amount, false);
            buffer.signed_figure(amount, 2, before, style, theme.faint);
            buffer.text(&description.as_ref().map_or("".into(), Untrusted::clean), theme.dim);
        }
    }
}

/// Draws one row in detail.
pub(super) fn detail(
    ctx: &mut DrawContext<'_>,
    area: Rect,
    detail: &ActivityDetail,
    model: &Model,
    memory: &mut Memory,
) {
    let &ActivityDetail { ref key, scroll } = detail;
    let Some(account) = scope::account(model, &key.link) else { return };
    let Some(row) = account.activities.rows().iter().find(|row| row.id == key.row) else { return };
    let theme = ctx.theme;
    let label = clean(&account.link.label).into_owned();
    let facts = [(label.as_str(), theme.strong)];
    let (frame, inner) = boxed(ctx, area, (110, area.height), orders::kind_of(account), "Activity", &facts);
    let mut doc = Doc::new(theme, ctx.glyphs, inner.width);
    let plain = |label: &'static str, text: Option<String>| match text {
        Some(text) => (label, text, theme.text),
        None => (label, MISSING.to_owned(), theme.faint),
    };
    let word = |text: &str| Some(clean(text).into_owned());
    let mut fields = vec![plain("Type", Some(row.activity_type.to_string()))];
    match &row.kind {
        ActivityKind::Fill { execution_id, order_id, symbol, side, qty, px, cum_qty, at, .. } => fields.extend([
            plain("Time", at.map(|at| full_time(at, &model.program.timezone, &model.program.timezone_label))),
            plain("Side", word(&side.label())),
            plain("Symbol", word(symbol.as_str())),
            plain("Quantity", Some(qty.grouped(0))),
            plain("Price", Some(Price::grouped(*px, 2))),
            plain("Total filled", cum_qty.map(|qty: Qty| qty.grouped(0))),
            plain("Order id", word(order_id.as_str())),
            plain("Execution id", execution_id.as_ref().and_then(|id| word(id.as_str()))),
        ]),
        ActivityKind::Other { net_amount, symbol, qty, date, description } => fields.extend([
            plain("Date", date.map(|date| date.to_string())),
            plain("Symbol", symbol.as_ref().and_then(|symbol| word(symbol.as_str()))),
            plain("Quantity", qty.map(|qty: Qty| qty.grouped(0))),
            plain("Amount", net_amount.map(|amount: Money| amount.signed(2))),
            plain("Description", description.as_ref().map(ToString::to_string)),
        ]),
    }
    fields.push(plain("Row id", word(&row.id)));
    doc.fields(&fields);
    if matches!(row.kind, ActivityKind::Fill { .. }) {
        doc.blank();
        doc.text("The order is too old to be kept here.", theme.dim);
    }
    doc.heading("As the broker sent it");
    super::order::json(&mut doc, &row.raw, ctx);
    scrolled(ctx, frame, inner, &doc.lines, scroll, memory);
}
