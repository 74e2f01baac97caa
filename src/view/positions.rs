//! The Positions pane: one line per position.

use ratatui::layout::Rect;
use ratatui::style::Style;
use rust_decimal::Decimal;

use super::Panes;
use super::format::{MISSING, cents, price};
use super::pane::{ListPane, Staged};
use super::pen::{Pen, clean};
use super::scope;
use super::table::Sheet;
use crate::accounts::{AccountState, Count};
use crate::app::Model;
use crate::app::columns::PositionColumn;
use crate::app::model::Pane;
use crate::domain::{Position, Qty};
use crate::session::Part;

/// Draws the pane.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, panes: &mut Panes) {
    let list = &model.rows.positions;
    let pane = ListPane { pane: Pane::Positions, list, counts: &counts(model), nothing: "no positions", head: None };
    let Panes { positions, position_columns, sheet, .. } = panes;
    pane.draw(pen, area, model, (positions, position_columns, sheet), |pen, sheet, key| {
        let Some((account, position)) = scope::account(model, &key.link).zip(model.accounts.position(key)) else {
            return Staged::Gone;
        };
        let fresh = account.is_current(&[Part::Positions], model.now.mono);
        let row = Row { account, position, fresh };
        for column in PositionColumn::ALL {
            row.cell(pen, sheet, column);
        }
        Staged::Row
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
    for (symbol, qty) in scope::shown(model).flat_map(|account| account.session.lasting_disputes(now)) {
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
    fn cell(&self, pen: &Pen<'_>, sheet: &mut Sheet, column: PositionColumn) {
        let Self { account, position, fresh } = *self;
        let theme = pen.theme;
        let tone = |style: Style| if fresh { style } else { theme.stale };
        let (plain, faint) = (tone(theme.text), tone(theme.faint));
        let percent = |part: Option<Decimal>| {
            part.and_then(|part| part.checked_mul(Decimal::ONE_HUNDRED)).map(|percent| percent.round_dp(2))
        };
        match column {
            PositionColumn::Account => super::account_cell(sheet, account, theme),
            PositionColumn::Symbol => sheet.text(&clean(position.symbol.as_str()), plain),
            PositionColumn::Qty => {
                let qty = position.qty.map(Qty::decimal);
                if account.session.disputes().any(|(symbol, _)| symbol.is_one_with(&position.symbol)) {
                    sheet.signed_figure(qty, 0, "? ", theme.waiting, faint);
                } else {
                    sheet.short_figure(qty, 0, plain, faint);
                }
            }
            PositionColumn::Avg => sheet.short_figure(price(position.avg_px), 2, tone(theme.dim), faint),
            PositionColumn::Last => {
                let moved = position.last_px != position.avg_px;
                sheet.short_figure(price(position.last_px), 2, if moved { plain } else { tone(theme.dim) }, faint);
            }
            PositionColumn::Value => sheet.figure(cents(position.market_value), 2, plain, faint),
            PositionColumn::Pl => super::change_cell(pen, sheet, cents(position.unrealized_pl), true, !fresh),
            PositionColumn::PlPercent => {
                super::change_cell(pen, sheet, percent(position.unrealized_plpc), false, !fresh);
            }
            PositionColumn::Today => super::change_cell(pen, sheet, percent(position.change_today), false, !fresh),
        }
    }
}
