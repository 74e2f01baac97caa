//! The Orders pane: one line per order.

use jiff::Timestamp;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Panes;
use super::draw_context::{DrawContext, clean};
use super::format::{self, MISSING, price, short_time, status};
use super::pane::{Head, ListPane, PreparedRow};
use super::scope::{self, Kind};
use super::table::CellBuffer;
use crate::accounts::{AccountState, Count};
use crate::app::Model;
use crate::app::columns::{OrderColumn, placed_at, second_px, working_px};
use crate::app::model::Pane;
use crate::app::rows::OrderRow;
use crate::domain::money::write_grouped;
use crate::domain::{Order, OrderType, Qty};
use crate::session::Part;

/// Draws the pane.
pub(super) fn draw(ctx: &mut DrawContext<'_>, area: Rect, model: &Model, panes: &mut Panes) {
    let list = &model.rows.orders;
    let mut counts = counted(ctx, model);
    if model.rows.is_building() {
        counts.push_str(&format!(" {} sorting{}", ctx.glyphs.dot, ctx.glyphs.ellipsis));
    }
    if !model.marks.is_empty() {
        counts.push_str(&format!(" {} {} marked", ctx.glyphs.dot, model.marks.len()));
    }
    let pane = ListPane {
        pane: Pane::Orders,
        list,
        counts: &counts,
        nothing: "no orders yet",
        head: Some(Head { rows: model.rows.working_first(), word: "working", rule: "done" }),
        totals: None,
    };
    let Panes { orders, order_columns, buffer, .. } = panes;
    let drawn = pane.draw(ctx, area, model, (orders, order_columns, buffer), |ctx, buffer, row| {
        let Some((account, order)) = row.find(model.accounts.all()) else { return PreparedRow::Gone };
        let row = Row::new(ctx, account, order, model);
        for column in OrderColumn::ALL {
            row.cell(ctx, buffer, column);
        }
        if model.flashes.has_order(&order.id) { PreparedRow::Flashing } else { PreparedRow::Row }
    });
    if let Some(drawn) = drawn.filter(|_| !model.marks.is_empty()) {
        let marked = |row: &OrderRow| model.order_key(*row).is_some_and(|key| model.marks.contains(&key));
        for (_, y) in drawn.lines().filter(|(index, _)| list.rows.get(*index).is_some_and(marked)) {
            ctx.put(drawn.left(), y, ctx.glyphs.mark, ctx.theme.key);
        }
    }
}

/// The number of working and done orders, where known.
fn counted(ctx: &DrawContext<'_>, model: &Model) -> String {
    let now = model.now.mono;
    let known = scope::shown(model).filter_map(|account| Some((account.known_working(now)?, account)));
    let (counts, all): (Vec<Count>, Vec<usize>) =
        known.map(|(count, account)| (count, account.blotter.order_count())).unzip();
    let (working, all): (Count, usize) = (counts.iter().copied().sum(), all.iter().sum());
    if counts.is_empty() && scope::shown(model).next().is_some() {
        return format!("working {MISSING} {} done {MISSING}", ctx.glyphs.dot);
    }
    format!("working {working} {} done {}", ctx.glyphs.dot, all - working.known.min(all))
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
    fn new(ctx: &DrawContext<'_>, account: &'a AccountState, order: &'a Order, model: &'a Model) -> Self {
        let theme = ctx.theme;
        let fresh = account.is_current(&Part::ORDERS, model.now.mono);
        let tone = |style: Style| if fresh { style } else { theme.stale };
        let plain = tone(if order.status.is_terminal() { theme.dim } else { theme.text });
        Self { account, order, model, fresh, plain, faint: tone(theme.faint) }
    }

    fn tone(&self, ctx: &DrawContext<'_>, style: Style) -> Style {
        if self.fresh { style } else { ctx.theme.stale }
    }

    fn cell(&self, ctx: &DrawContext<'_>, buffer: &mut CellBuffer, column: OrderColumn) {
        let Self { order, plain, faint, .. } = *self;
        let theme = ctx.theme;
        let dim = self.tone(ctx, theme.dim);
        match column {
            OrderColumn::Account => super::account_cell(buffer, self.account, theme),
            OrderColumn::Time => self.time(ctx, buffer, placed_at(order)),
            OrderColumn::Side => {
                let (word, style) = format::side(&order.side, theme);
                buffer.text(word, self.tone(ctx, style));
            }
            OrderColumn::Symbol => buffer.text(&clean(order_symbol(order)), plain),
            OrderColumn::Qty => match (order.qty, order.notional) {
                (None, Some(notional)) => buffer.signed_figure(Some(notional.decimal()), 2, "$", plain, faint),
                (qty, _) => buffer.short_figure(qty.map(Qty::decimal), 0, plain, faint),
            },
            OrderColumn::Filled => {
                let filled = if order.cum_qty.is_zero() { faint } else { plain };
                buffer.short_figure(Some(order.cum_qty.decimal()), 0, filled, faint);
            }
            OrderColumn::Type => buffer.text(&clean(format::order_type(&order.order_type)), dim),
            OrderColumn::Price => {
                let px = working_px(order);
                // A trailing stop that the broker has not placed yet has only a distance.
                if px.is_none() && order.order_type == OrderType::TrailingStop {
                    self.trail(buffer);
                } else {
                    buffer.short_figure(price(px), 2, plain, faint);
                }
            }
            OrderColumn::Trail => self.trail(buffer),
            OrderColumn::Limit => buffer.short_figure(price(second_px(order)), 2, plain, faint),
            OrderColumn::Avg => buffer.short_figure(price(order.avg_px), 2, plain, faint),
            OrderColumn::Tif => buffer.text(&clean(format::tif(&order.tif)), dim),
            OrderColumn::Status => {
                let (mark, word, style) = status(&order.status, ctx.glyphs, theme);
                buffer.marked(mark, &clean(word), self.tone(ctx, style));
            }
            OrderColumn::Updated => self.time(ctx, buffer, order.updated_at),
            OrderColumn::ClientOrderId => match &order.client_order_id {
                Some(id) => buffer.text(&clean(id.as_str()), dim),
                None => buffer.text(MISSING, faint),
            },
        }
    }

    fn time(&self, ctx: &DrawContext<'_>, buffer: &mut CellBuffer, at: Option<Timestamp>) {
        let model = self.model;
        match at {
            Some(at) => buffer.build(self.tone(ctx, ctx.theme.dim), |out| {
                short_time(out, at, model.accounts.exchange_now(model.now), &model.program.timezone);
            }),
            None => buffer.text(MISSING, self.faint),
        }
    }

    fn trail(&self, buffer: &mut CellBuffer) {
        match (self.order.trail_px, self.order.trail_percent) {
            (None, Some(percent)) => buffer.build(self.plain, |out| {
                write_grouped(out, percent, 0);
                out.push('%');
            }),
            (trail, _) => buffer.short_figure(price(trail), 2, self.plain, self.faint),
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
