//! The Orders pane: one line per order.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Panes;
use super::format::{self, MISSING, price, short_time, status};
use super::pane::{Head, ListPane, Staged};
use super::pen::{Pen, clean};
use super::scope::{self, Kind};
use super::table::{Column, Sheet};
use crate::accounts::{AccountState, Count};
use crate::app::Model;
use crate::app::columns::{OrderColumn, placed_at, second_px, working_px};
use crate::app::model::Pane;
use crate::app::rows::OrderRow;
use crate::domain::{Order, OrderType};
use crate::session::Part;

/// The columns, those of [`OrderColumn`] first and in its order; the rank decides which go first on a narrow screen.
const COLUMNS: [Column; 15] = [
    Column::account(10, 18),
    Column::text("Time", 8, 8, 1),
    Column::text("Side", 4, 4, 0),
    Column::text("Symbol", 6, 21, 0),
    Column::figure("Qty", 4, 14, 0),
    Column::figure("Filled", 6, 14, 2),
    Column::text("Type", 5, 10, 0),
    Column::figure("Price", 7, 14, 0),
    Column::figure("Trail", 5, 10, 7),
    Column::figure("Limit", 7, 14, 8),
    Column::figure("Avg", 7, 14, 3),
    Column::text("TIF", 3, 5, 6),
    Column::text("Status", 10, 14, 0),
    Column::text("Updated", 8, 8, 9),
    Column::text("Client order id", 15, 38, 10),
];

/// Draws the pane.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, panes: &mut Panes) {
    let list = &model.rows.orders;
    let mut counts = counted(pen, model);
    if model.rows.is_making() {
        counts.push_str(&format!(" {} sorting{}", pen.glyphs.dot, pen.glyphs.ellipsis));
    }
    if !model.marks.is_empty() {
        counts.push_str(&format!(" {} {} marked", pen.glyphs.dot, model.marks.len()));
    }
    let pane = ListPane {
        pane: Pane::Orders,
        list,
        columns: COLUMNS,
        sortable: OrderColumn::ALL.len(),
        account: OrderColumn::Account.index(),
        counts: &counts,
        nothing: "no orders yet",
        head: Some(Head { rows: model.rows.working_first(), word: "working", rule: "done" }),
    };
    let Panes { orders, order_columns, sheet, .. } = panes;
    let drawn = pane.draw(pen, area, model, (orders, order_columns, sheet), |pen, sheet, row| {
        let Some((account, order)) = row.find(model.accounts.all()) else { return Staged::Gone };
        stage(pen, sheet, account, order, model);
        if model.flashes.has_order(&order.id) { Staged::Flashing } else { Staged::Row }
    });
    if let Some(drawn) = drawn.filter(|_| !model.marks.is_empty()) {
        let marked = |row: &OrderRow| model.order_key(*row).is_some_and(|key| model.marks.contains(&key));
        for (_, y) in drawn.lines().filter(|(index, _)| list.rows.get(*index).is_some_and(marked)) {
            pen.put(drawn.left(), y, pen.glyphs.mark, pen.theme.key);
        }
    }
}

/// The number of working and done orders, where known.
fn counted(pen: &Pen<'_>, model: &Model) -> String {
    let now = model.now.mono;
    let known = scope::shown(model).filter_map(|account| Some((account.known_working(now)?, account)));
    let (counts, all): (Vec<Count>, Vec<usize>) =
        known.map(|(count, account)| (count, account.blotter.order_count())).unzip();
    let (working, all): (Count, usize) = (counts.iter().copied().sum(), all.iter().sum());
    if counts.is_empty() && scope::shown(model).next().is_some() {
        return format!("working {MISSING} {} done {MISSING}", pen.glyphs.dot);
    }
    format!("working {working} {} done {}", pen.glyphs.dot, all - working.known.min(all))
}

fn stage(pen: &Pen<'_>, sheet: &mut Sheet, account: &AccountState, order: &Order, model: &Model) {
    let theme = pen.theme;
    let fresh = account.is_current(&Part::ORDERS, model.now.mono);
    let done = order.status.is_terminal();
    // One tone for working orders, one for done ones, one for stale data.
    let tone = |style: Style| if fresh { style } else { theme.stale };
    let plain = tone(if done { theme.dim } else { theme.text });
    let faint = tone(theme.faint);
    let zone = &model.program.timezone;
    let time = |sheet: &mut Sheet, at: Option<jiff::Timestamp>| match at {
        Some(at) => {
            sheet.build(tone(theme.dim), |out| short_time(out, at, model.accounts.exchange_now(model.now), zone));
        }
        None => sheet.text(MISSING, faint),
    };
    super::account_cell(sheet, account, theme);
    time(sheet, placed_at(order));
    let (word, style) = format::side(&order.side, theme);
    sheet.text(word, tone(style));
    sheet.text(&clean(order_symbol(order)), plain);
    match (order.qty, order.notional) {
        (None, Some(notional)) => sheet.signed_figure(Some(notional.decimal()), 2, "$", plain, faint),
        (qty, _) => sheet.short_figure(qty.map(crate::domain::Qty::decimal), 0, plain, faint),
    }
    let filled = if order.cum_qty.is_zero() { faint } else { plain };
    sheet.short_figure(Some(order.cum_qty.decimal()), 0, filled, faint);
    sheet.text(&clean(format::order_type(&order.order_type)), tone(theme.dim));
    prices(sheet, order, plain, faint);
    sheet.text(&clean(format::tif(&order.tif)), tone(theme.dim));
    let (mark, word, style) = status(&order.status, pen.glyphs, theme);
    sheet.marked(mark, &clean(word), tone(style));
    time(sheet, order.updated_at);
    match &order.client_order_id {
        Some(id) => sheet.text(&clean(id.as_str()), tone(theme.dim)),
        None => sheet.text(MISSING, faint),
    }
}

/// The order's price, its trail, its second price, and its average price.
fn prices(sheet: &mut Sheet, order: &Order, plain: Style, faint: Style) {
    let trail = |sheet: &mut Sheet| match (order.trail_px, order.trail_percent) {
        (None, Some(percent)) => sheet.build(plain, |out| {
            crate::domain::money::write_grouped(out, percent, 0);
            out.push('%');
        }),
        (trail, _) => sheet.short_figure(price(trail), 2, plain, faint),
    };
    let px = working_px(order);
    // A trailing stop that the broker has not placed yet has only a distance.
    if px.is_none() && order.order_type == OrderType::TrailingStop {
        trail(sheet);
    } else {
        sheet.short_figure(price(px), 2, plain, faint);
    }
    trail(sheet);
    for px in [second_px(order), order.avg_px] {
        sheet.short_figure(price(px), 2, plain, faint);
    }
}

/// The symbol, or a placeholder for the parent of a multi-leg order.
pub(super) fn order_symbol(order: &Order) -> &str {
    if order.symbol.as_str().is_empty() { "multi-leg" } else { order.symbol.as_str() }
}

/// The kind of account of an order.
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
