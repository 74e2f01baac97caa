//! The Orders pane: the rows in the window, one line each.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::format::{self, MISSING, price, short_time, status};
use super::frame::Frame;
use super::pen::{Pen, cells, clean};
use super::scope::{self, Kind};
use super::table::{Align, Column, Rows, Sheet};
use super::{Hit, Panes};
use crate::app::Model;
use crate::app::columns::{OrderColumn, placed_at};
use crate::app::model::{AccountScope, AccountState, Pane};
use crate::app::msg::HitTarget;
use crate::app::rows::{self, OrderRow};
use crate::domain::{Order, OrderId};

const fn text(title: &'static str, min: u16, max: u16, rank: u8) -> Column {
    Column { title, align: Align::Left, min, max, rank }
}

const fn figure(title: &'static str, min: u16, max: u16, rank: u8) -> Column {
    Column { title, align: Align::Point, min, max, rank }
}

/// The column that names the account; hidden when there is only one.
const ACCOUNT: usize = OrderColumn::Account.index();

/// The columns, those of [`OrderColumn`] first and in its order; ranks say what goes first on a narrow screen.
const COLUMNS: [Column; 14] = [
    Column { title: "Account", align: Align::Name, min: 10, max: 18, rank: 0 },
    text("Time", 8, 8, 1),
    text("Side", 4, 4, 0),
    text("Symbol", 6, 21, 0),
    figure("Qty", 4, 14, 0),
    figure("Filled", 6, 14, 2),
    text("Type", 6, 10, 4),
    figure("Limit", 7, 14, 0),
    figure("Stop", 7, 14, 5),
    figure("Avg", 7, 14, 3),
    text("TIF", 3, 5, 6),
    text("Status", 10, 14, 0),
    text("Updated", 8, 8, 7),
    text("Client order id", 15, 38, 8),
];

/// Draws the pane.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, panes: &mut Panes) {
    let focused = model.focus == Pane::Orders && model.overlays.is_empty();
    let list = &model.rows.orders;
    let (working, known) = scope::shown(model).fold((0, 0), |(working, known), account| {
        (working + account.blotter.working_count(), known + account.blotter.order_count())
    });
    let theme = pen.theme;
    let mut facts = format!("working {working} {} done {}", pen.glyphs.dot, known - working.min(known));
    if rows::has_work(model) {
        facts.push_str(&format!(" {} sorting{}", pen.glyphs.dot, pen.glyphs.ellipsis));
    }
    if !model.marks.is_empty() {
        facts.push_str(&format!(" {} {} marked", pen.glyphs.dot, model.marks.len()));
    }
    let (filter, stale) = (super::filter_fact(model, Pane::Orders, list.rows.len()), super::stale_fact(model));
    let frame = Frame {
        kind: scope::kind(model),
        focused,
        digit: Some(Pane::Orders.digit()),
        title: Pane::Orders.title(),
        facts: &super::facts(theme, stale.as_deref(), filter.as_deref(), &facts),
        tagged: true,
    };
    let inner = pen.frame(area, &frame);
    if list.rows.is_empty() {
        super::empty(pen, inner, &super::empty_words(model, Pane::Orders, &list.filter, "no orders yet"));
        return;
    }
    let height = usize::from(inner.height.saturating_sub(1));
    let selected = panes.orders.follow(list, height);
    let first = panes.orders.first;
    let flashing: Vec<&OrderId> = flashing(model);
    panes.sheet.clear();
    let mut flash_rows = Vec::new();
    for (index, row) in list.rows.iter().skip(first).take(height).enumerate() {
        match row.find(&model.accounts) {
            Some((account, order)) => {
                stage(pen, &mut panes.sheet, account, order, model);
                if flashing.iter().any(|id| **id == order.id) {
                    flash_rows.push(index);
                }
            }
            // The order is gone since the rows were made; the line stays until they are made again.
            None => COLUMNS.iter().for_each(|_| panes.sheet.text("", theme.dim)),
        }
    }
    let rows = Rows {
        selected: selected.and_then(|index| index.checked_sub(first)),
        focused,
        sorted: list.sort.map(|column| (column, list.reversed)),
    };
    let one = model.scope != AccountScope::All;
    let hidden = |column: usize| (one && column == ACCOUNT) || list.hidden.contains(&column);
    let headers = pen.table(
        inner,
        &super::with_account(COLUMNS, ACCOUNT, model),
        hidden,
        &panes.sheet,
        &mut panes.order_columns,
        &rows,
    );
    let body = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    for row in flash_rows {
        pen.restyle(Rect { y: body.y + cells(row), height: 1, x: body.x + 1, width: body.width - 1 }, theme.flash);
    }
    if !model.marks.is_empty() {
        let marked = |row: &OrderRow| model.order_key(*row).is_some_and(|key| model.marks.contains(&key));
        let window = list.rows.iter().skip(first).take(height).enumerate();
        for (row, _) in window.filter(|(_, row)| marked(row)) {
            pen.put(body.x, body.y + cells(row), pen.glyphs.mark, theme.key);
        }
    }
    for (column, area) in headers.into_iter().filter(|(column, _)| *column < OrderColumn::ALL.len()) {
        pen.hit(area, HitTarget::Header(Pane::Orders, column));
    }
    pen.hits.push(Hit::Rows { area: body, pane: Pane::Orders, first, count: list.rows.len() - first });
    pen.scroll_mark(area, first, height, list.rows.len());
}

/// The orders whose executions flash.
fn flashing(model: &Model) -> Vec<&OrderId> {
    let mut orders = Vec::new();
    for (id, until) in &model.flashes {
        if *until > model.now.mono {
            orders
                .extend(model.accounts.iter().filter_map(|account| account.blotter.execution(id)).map(|e| &e.order_id));
        }
    }
    orders
}

fn stage(pen: &Pen<'_>, sheet: &mut Sheet, account: &AccountState, order: &Order, model: &Model) {
    let theme = pen.theme;
    let fresh = account.session.state().is_live();
    let done = order.status.is_terminal();
    // One tone for what matters now, one for what is over, one for what may be out of date.
    let tone = |style: Style| if fresh { style } else { theme.stale };
    let plain = tone(if done { theme.dim } else { theme.text });
    let faint = tone(theme.faint);
    let zone = &model.program.timezone;
    let time = |sheet: &mut Sheet, at: Option<jiff::Timestamp>| match at {
        Some(at) => sheet.build(tone(theme.dim), |out| short_time(out, at, model.exchange_now(), zone)),
        None => sheet.text(MISSING, faint),
    };
    super::account_cell(sheet, account, theme);
    time(sheet, placed_at(order));
    let (word, style) = format::side(&order.side, theme);
    sheet.text(word, tone(style));
    sheet.text(&clean(order_symbol(order)), plain);
    match (order.qty, order.notional) {
        (None, Some(notional)) => sheet.signed_figure(Some(notional.decimal()), 2, "$", plain, faint),
        (qty, _) => sheet.figure(qty.map(crate::domain::Qty::decimal), 0, plain, faint),
    }
    let filled = if order.cum_qty.is_zero() { faint } else { plain };
    sheet.figure(Some(order.cum_qty.decimal()), 0, filled, faint);
    sheet.text(&clean(format::order_type(&order.order_type)), tone(theme.dim));
    for px in [order.limit_px, order.stop_px, order.avg_px] {
        sheet.figure(price(px), 2, plain, faint);
    }
    sheet.text(&clean(format::tif(&order.tif)), tone(theme.dim));
    let (mark, word, style) = status(&order.status, pen.glyphs, theme);
    sheet.marked(mark, &clean(word), tone(style));
    time(sheet, order.updated_at);
    match &order.client_order_id {
        Some(id) => sheet.text(&clean(id.as_str()), tone(theme.dim)),
        None => sheet.text(MISSING, faint),
    }
}

/// The symbol, or what stands for it on the parent of a multi-leg order.
pub(super) fn order_symbol(order: &Order) -> &str {
    if order.symbol.as_str().is_empty() { "multi-leg" } else { order.symbol.as_str() }
}

/// What kind of account an order belongs to.
pub(super) fn kind_of(account: &AccountState) -> Kind {
    Kind::of(account.link.environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_those_that_sorting_knows() {
        let known: Vec<&str> = OrderColumn::ALL.iter().map(|column| column.title()).collect();
        assert_eq!(COLUMNS.map(|column| column.title)[..known.len()], known);
    }
}
