//! The Orders pane: one line per order.

use std::time::Duration;

use jiff::Timestamp;
use ratatui::layout::Rect;
use ratatui::style::Style;
use rust_decimal::Decimal;

use super::Panes;
use super::draw_context::{DrawContext, clean};
use super::format::{self, MISSING, price, short_time, status};
use super::pane::{Head, ListPane, PreparedRow};
use super::scope::{self, Kind};
use super::table::{CellBuffer, write_within};
use crate::accounts::{AccountState, Count};
use crate::app::Model;
use crate::app::columns::{OrderColumn, away, placed_at, second_px, working_px};
use crate::app::model::Pane;
use crate::app::rows::OrderRow;
use crate::domain::money::write_grouped;
use crate::domain::{Environment, Money, Order, OrderStatus, OrderType, Price, Side};
use crate::session::Part;

/// A price this close to the last one, in percent, is marked.
const NEAR: Decimal = Decimal::from_parts(1, 0, 0, false, 1);
/// An order submitted this much later than the exchange's time is new; beyond it, only its time is known.
const CLOCKS: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);
/// Working orders whose amounts are added up for the title in every frame.
const SUMMED: usize = 500;

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
        more: &amounts(model),
        nothing: "no orders",
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

/// What working orders would buy and sell, unless paper and live money is shown: `buy 2,409`. A plus sign follows
/// where the amount of an order is not known, as without a price.
fn amounts(model: &Model) -> Vec<String> {
    let accounts: Vec<&AccountState> = scope::shown(model).collect();
    let count: usize = accounts.iter().map(|account| account.blotter.working_count()).sum();
    let live = accounts.iter().filter(|account| account.link.environment == Environment::Live).count();
    if count == 0 || count > SUMMED || (live > 0 && live < accounts.len()) {
        return Vec::new();
    }
    let of = |word: &str, is_side: fn(&Side) -> bool| {
        let orders = accounts.iter().flat_map(|account| account.blotter.working());
        // A held leg executes only instead of the one that works.
        let orders = orders.filter(|order| order.status != OrderStatus::Held);
        let (mut sum, mut more) = (Money::ZERO, false);
        for order in orders.filter(|order| is_side(&order.side)) {
            match order.open_amount().and_then(|amount| sum.checked_add(amount)) {
                Some(total) => sum = total,
                None => more = true,
            }
        }
        (more || !sum.is_zero()).then(|| format!("{word} {}{}", sum.rounded(0), if more { "+" } else { "" }))
    };
    let sides = [of("buy", |side| *side == Side::Buy), of("sell", |side| matches!(side, Side::Sell | Side::SellShort))];
    sides.into_iter().flatten().collect()
}

/// An order being drawn, in one tone when it works, another when it is done, and a third when it is stale.
struct Row<'a> {
    account: &'a AccountState,
    order: &'a Order,
    model: &'a Model,
    /// The symbol's last price, where it is held.
    last: Option<Price>,
    fresh: bool,
    /// Whether that price is the one of now.
    priced: bool,
    plain: Style,
    faint: Style,
}

impl<'a> Row<'a> {
    fn new(ctx: &DrawContext<'_>, account: &'a AccountState, order: &'a Order, model: &'a Model) -> Self {
        let theme = ctx.theme;
        let fresh = account.is_current(&Part::ORDERS, model.now.mono);
        let tone = |style: Style| if fresh { style } else { theme.stale };
        let plain = tone(if order.status.is_terminal() { theme.dim } else { theme.text });
        let last = account.last_px(&order.symbol);
        let priced = account.is_current(&[Part::Positions], model.now.mono);
        Self { account, order, model, last, fresh, priced, plain, faint: tone(theme.faint) }
    }

    /// A style for what follows from the last price.
    fn priced(&self, ctx: &DrawContext<'_>, style: Style) -> Style {
        if self.priced { self.tone(ctx, style) } else { ctx.theme.stale }
    }

    /// How long a working order is there, and when another one was submitted.
    fn age(&self, ctx: &DrawContext<'_>, buffer: &mut CellBuffer) {
        let (model, at) = (self.model, placed_at(self.order));
        let Some(at) = at else { return buffer.text(MISSING, self.faint) };
        let now = model.accounts.exchange_now(model.now);
        buffer.build(self.tone(ctx, ctx.theme.dim), |out| match Duration::try_from(now.duration_since(at)) {
            Ok(age) if self.order.status.is_working() => format::short_age(out, age),
            // The clocks differ a little.
            Err(_) if self.order.status.is_working() && at.duration_since(now) < CLOCKS => {
                format::short_age(out, Duration::ZERO);
            }
            _ => format::minute(out, at, now, &model.program.timezone),
        });
    }

    /// The executed quantity of the one ordered; one figure where all is executed.
    fn qty(&self, buffer: &mut CellBuffer) {
        let Self { order, plain, faint, .. } = *self;
        let done = order.cum_qty;
        if order.qty == Some(done) || (order.notional.is_some() && order.status == OrderStatus::Filled) {
            return buffer.short_figure(Some(done.decimal()), 0, plain, faint);
        }
        let style = if order.qty.is_none() && order.notional.is_none() && done.is_zero() { faint } else { plain };
        // Two figures share the column, so each is as short as it can be without being cut.
        let half = OrderColumn::Qty.declared().max / 2;
        buffer.build(style, |out| {
            write_within(out, done.decimal(), half);
            out.push('/');
            match (order.qty, order.notional) {
                (Some(qty), _) => write_within(out, qty.decimal(), half),
                (None, Some(notional)) => {
                    out.push('$');
                    write_within(out, notional.decimal(), half - 1);
                }
                (None, None) => out.push_str(MISSING),
            }
        });
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
            OrderColumn::Age => self.age(ctx, buffer),
            OrderColumn::Side => {
                let (word, style) = format::side(&order.side, theme);
                buffer.text(word, self.tone(ctx, style));
            }
            OrderColumn::Symbol => buffer.text(&clean(order_symbol(order)), plain),
            OrderColumn::Qty => self.qty(buffer),
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
            OrderColumn::Last => {
                buffer.short_figure(price(self.last), 2, self.priced(ctx, theme.dim), faint);
            }
            OrderColumn::Away => {
                let away = away(order, self.last);
                let near = away.is_some_and(|away| away.abs() <= NEAR);
                let style = self.priced(ctx, if near { theme.waiting } else { plain });
                match away {
                    Some(away) => buffer.build(style, |out| {
                        out.push_str(if away > Decimal::ZERO { "+" } else { "" });
                        write_grouped(out, away, 2);
                        out.push('%');
                    }),
                    None => buffer.text(if order.status.is_working() { MISSING } else { "" }, faint),
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
