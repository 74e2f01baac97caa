//! The Positions pane: one line per position.

use ratatui::layout::Rect;
use ratatui::style::Style;
use rust_decimal::Decimal;

use super::Panes;
use super::draw_context::{DrawContext, clean};
use super::format::{MISSING, cents, price};
use super::pane::{ListPane, PreparedRow};
use super::scope;
use super::table::CellBuffer;
use crate::accounts::{AccountState, Count};
use crate::app::Model;
use crate::app::columns::PositionColumn;
use crate::app::model::Pane;
use crate::domain::{Position, Qty};
use crate::session::Part;

/// Draws the pane.
pub(super) fn draw(ctx: &mut DrawContext<'_>, area: Rect, model: &Model, panes: &mut Panes) {
    let list = &model.rows.positions;
    let pane = ListPane { pane: Pane::Positions, list, counts: &counts(model), nothing: "no positions", head: None };
    let Panes { positions, position_columns, buffer, .. } = panes;
    pane.draw(ctx, area, model, (positions, position_columns, buffer), |ctx, buffer, key| {
        let Some((account, position)) = scope::account(model, &key.link).zip(model.accounts.position(key)) else {
            return PreparedRow::Gone;
        };
        let now = model.now.mono;
        // What a position is worth is not known where it is not known how much is held.
        let contested = account.session.lasting_conflicts(now).any(|(symbol, _)| symbol.is_one_with(&position.symbol));
        let fresh = account.is_current(&[Part::Positions], now) && !contested;
        let row = Row { account, position, fresh };
        for column in PositionColumn::ALL {
            row.cell(ctx, buffer, column);
        }
        PreparedRow::Row
    });
}

/// The number of positions, where known, and where the last executions contradict the list.
fn counts(model: &Model) -> String {
    let now = model.now.mono;
    let known: Vec<Count> = scope::shown(model).filter_map(|account| account.known_held(now)).collect();
    let mut text = if known.is_empty() && scope::shown(model).next().is_some() {
        format!("{MISSING} held")
    } else {
        format!("{} held", known.into_iter().sum::<Count>())
    };
    for (symbol, qty) in scope::shown(model).flat_map(|account| account.session.lasting_conflicts(now)) {
        text.push_str(&format!(", {} {} by the last fill", clean(symbol.as_str()), qty.grouped(0)));
    }
    text
}

/// A position being drawn.
struct Row<'a> {
    account: &'a AccountState,
    position: &'a Position,
    fresh: bool,
}

impl Row<'_> {
    fn cell(&self, ctx: &DrawContext<'_>, buffer: &mut CellBuffer, column: PositionColumn) {
        let Self { account, position, fresh } = *self;
        let theme = ctx.theme;
        let tone = |style: Style| if fresh { style } else { theme.stale };
        let (plain, faint) = (tone(theme.text), tone(theme.faint));
        let percent = |part: Option<Decimal>| {
            part.and_then(|part| part.checked_mul(Decimal::ONE_HUNDRED)).map(|percent| percent.round_dp(2))
        };
        match column {
            PositionColumn::Account => super::account_cell(buffer, account, theme),
            PositionColumn::Symbol => buffer.text(&clean(position.symbol.as_str()), plain),
            PositionColumn::Qty => {
                let qty = position.qty.map(Qty::decimal);
                if account.session.conflicts().any(|(symbol, _)| symbol.is_one_with(&position.symbol)) {
                    buffer.signed_figure(qty, 0, "? ", theme.waiting, faint);
                } else {
                    buffer.short_figure(qty, 0, plain, faint);
                }
            }
            PositionColumn::Avg => buffer.short_figure(price(position.avg_px), 2, tone(theme.dim), faint),
            PositionColumn::Last => {
                let moved = position.last_px != position.avg_px;
                buffer.short_figure(price(position.last_px), 2, if moved { plain } else { tone(theme.dim) }, faint);
            }
            PositionColumn::Value => buffer.figure(cents(position.market_value), 2, plain, faint),
            PositionColumn::Pl => super::change_cell(ctx, buffer, cents(position.unrealized_pl), true, !fresh),
            PositionColumn::PlPercent => {
                super::change_cell(ctx, buffer, percent(position.unrealized_plpc), false, !fresh);
            }
            PositionColumn::Today => super::change_cell(ctx, buffer, percent(position.change_today), false, !fresh),
        }
    }
}
