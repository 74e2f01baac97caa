//! The Orders pane: one line per order.

use jiff::Timestamp;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Panes;
use super::format::{self, MISSING, price, short_time, status};
use super::pane::{Head, ListPane, Staged};
use super::pen::{Pen, clean};
use super::scope::{self, Kind};
use super::table::Sheet;
use crate::accounts::{AccountState, Count};
use crate::app::Model;
use crate::app::columns::{OrderColumn, placed_at, second_px, working_px};
use crate::app::model::Pane;
use crate::app::rows::OrderRow;
use crate::domain::money::write_grouped;
use crate::domain::{Order, OrderType, Qty};
use crate::session::Part;

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
        counts: &counts,
        nothing: "no orders yet",
        head: Some(Head { rows: model.rows.working_first(), word: "working", rule: "done" }),
    };
    let Panes { orders, order_columns, sheet, .. } = panes;
    let drawn = pane.draw(pen, area, model, (orders, order_columns, sheet), |pen, sheet, row| {
        let Some((account, order)) = row.find(model.accounts.all()) else { return Staged::Gone };
        let row = Row::new(pen, account, order, model);
        for column in OrderColumn::ALL {
            row.cell(pen, sheet, column);
        }
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

/// An order being drawn, in one tone when it works, another when it is done, and a third when it is stale.
struct Row<'a> {
    account: &'a AccountState,
    order: &'a Order,
    model: &'a Model,
    fresh: bool,
    plain: Style,
    faint: Style,
}

impl<'a> Row<'a> {
    fn new(pen: &Pen<'_>, account: &'a AccountState, order: &'a Order, model: &'a Model) -> Self {
        let theme = pen.theme;
        let fresh = account.is_current(&Part::ORDERS, model.now.mono);
        let tone = |style: Style| if fresh { style } else { theme.stale };
        let plain = tone(if order.status.is_terminal() { theme.dim } else { theme.text });
        Self { account, order, model, fresh, plain, faint: tone(theme.faint) }
    }

    fn tone(&self, pen: &Pen<'_>, style: Style) -> Style {
        if self.fresh { style } else { pen.theme.stale }
    }

    fn cell(&self, pen: &Pen<'_>, sheet: &mut Sheet, column: OrderColumn) {
        let Self { order, plain, faint, .. } = *self;
        let theme = pen.theme;
        let dim = self.tone(pen, theme.dim);
        match column {
            OrderColumn::Account => super::account_cell(sheet, self.account, theme),
            OrderColumn::Time => self.time(pen, sheet, placed_at(order)),
            OrderColumn::Side => {
                let (word, style) = format::side(&order.side, theme);
                sheet.text(word, self.tone(pen, style));
            }
            OrderColumn::Symbol => sheet.text(&clean(order_symbol(order)), plain),
            OrderColumn::Qty => match (order.qty, order.notional) {
                (None, Some(notional)) => sheet.signed_figure(Some(notional.decimal()), 2, "$", plain, faint),
                (qty, _) => sheet.short_figure(qty.map(Qty::decimal), 0, plain, faint),
            },
            OrderColumn::Filled => {
                let filled = if order.cum_qty.is_zero() { faint } else { plain };
                sheet.short_figure(Some(order.cum_qty.decimal()), 0, filled, faint);
            }
            OrderColumn::Type => sheet.text(&clean(format::order_type(&order.order_type)), dim),
            OrderColumn::Price => {
                let px = working_px(order);
                // A trailing stop that the broker has not placed yet has only a distance.
                if px.is_none() && order.order_type == OrderType::TrailingStop {
                    self.trail(sheet);
                } else {
                    sheet.short_figure(price(px), 2, plain, faint);
                }
            }
            OrderColumn::Trail => self.trail(sheet),
            OrderColumn::Limit => sheet.short_figure(price(second_px(order)), 2, plain, faint),
            OrderColumn::Avg => sheet.short_figure(price(order.avg_px), 2, plain, faint),
            OrderColumn::Tif => sheet.text(&clean(format::tif(&order.tif)), dim),
            OrderColumn::Status => {
                let (mark, word, style) = status(&order.status, pen.glyphs, theme);
                sheet.marked(mark, &clean(word), self.tone(pen, style));
            }
            OrderColumn::Updated => self.time(pen, sheet, order.updated_at),
            OrderColumn::ClientOrderId => match &order.client_order_id {
                Some(id) => sheet.text(&clean(id.as_str()), dim),
                None => sheet.text(MISSING, faint),
            },
        }
    }

    fn time(&self, pen: &Pen<'_>, sheet: &mut Sheet, at: Option<Timestamp>) {
        let model = self.model;
        match at {
            Some(at) => sheet.build(self.tone(pen, pen.theme.dim), |out| {
                short_time(out, at, model.accounts.exchange_now(model.now), &model.program.timezone);
            }),
            None => sheet.text(MISSING, self.faint),
        }
    }

    fn trail(&self, sheet: &mut Sheet) {
        match (self.order.trail_px, self.order.trail_percent) {
            (None, Some(percent)) => sheet.build(self.plain, |out| {
                write_grouped(out, percent, 0);
                out.push('%');
            }),
            (trail, _) => sheet.short_figure(price(trail), 2, self.plain, self.faint),
        }
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
