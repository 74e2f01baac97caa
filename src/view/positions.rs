//! The Positions pane: one line per position.

use ratatui::layout::Rect;
use ratatui::style::Style;
use rust_decimal::Decimal;

use super::Panes;
use super::format::{MISSING, cents, price};
use super::pane::{ListPane, Staged};
use super::pen::{Pen, clean};
use super::scope;
use super::table::{Column, Sheet};
use crate::accounts::{AccountState, Count};
use crate::app::Model;
use crate::app::columns::PositionColumn;
use crate::app::model::Pane;
use crate::domain::{Mono, Position, Qty};
use crate::session::Part;

/// The columns, those of [`PositionColumn`] in its order; the rank decides which go first on a narrow screen.
const COLUMNS: [Column; 9] = [
    Column::account(10, 18),
    Column::text("Symbol", 4, 21, 0),
    Column::figure("Qty", 3, 14, 0),
    Column::figure("Avg", 6, 14, 4),
    Column::figure("Last", 6, 14, 2),
    Column::figure("Value", 6, 16, 3),
    Column::figure("P&L", 9, 16, 0),
    Column::figure("P&L %", 6, 10, 1),
    Column::figure("Today", 6, 10, 5),
];

/// Draws the pane.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, panes: &mut Panes) {
    let list = &model.rows.positions;
    let pane = ListPane {
        pane: Pane::Positions,
        list,
        columns: COLUMNS,
        sortable: PositionColumn::ALL.len(),
        account: PositionColumn::Account.index(),
        counts: &counts(model),
        nothing: "no positions",
        head: None,
    };
    let Panes { positions, position_columns, sheet, .. } = panes;
    pane.draw(pen, area, model, (positions, position_columns, sheet), |pen, sheet, key| {
        let Some((account, position)) = scope::account(model, &key.link).zip(model.accounts.position(key)) else {
            return Staged::Gone;
        };
        stage(pen, sheet, account, position, model.now.mono);
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

fn stage(pen: &Pen<'_>, sheet: &mut Sheet, account: &AccountState, position: &Position, now: Mono) {
    let theme = pen.theme;
    let fresh = account.is_current(&[Part::Positions], now);
    let tone = |style: Style| if fresh { style } else { theme.stale };
    let (plain, faint) = (tone(theme.text), tone(theme.faint));
    super::account_cell(sheet, account, theme);
    sheet.text(&clean(position.symbol.as_str()), plain);
    let doubted = account.session.disputes().any(|(symbol, _)| symbol.is_one_with(&position.symbol));
    if doubted {
        sheet.signed_figure(position.qty.map(Qty::decimal), 0, "? ", theme.waiting, faint);
    } else {
        sheet.short_figure(position.qty.map(Qty::decimal), 0, plain, faint);
    }
    for px in [position.avg_px, position.last_px] {
        sheet.short_figure(price(px), 2, if px == position.avg_px { tone(theme.dim) } else { plain }, faint);
    }
    sheet.figure(cents(position.market_value), 2, plain, faint);
    let pl = cents(position.unrealized_pl);
    super::change_cell(pen, sheet, pl, true, !fresh);
    for part in [position.unrealized_plpc, position.change_today] {
        let percent = part.and_then(|part| part.checked_mul(Decimal::ONE_HUNDRED)).map(|percent| percent.round_dp(2));
        super::change_cell(pen, sheet, percent, false, !fresh);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_those_that_sorting_knows() {
        assert_eq!(COLUMNS.map(|column| column.title), PositionColumn::ALL.map(PositionColumn::title));
    }
}
