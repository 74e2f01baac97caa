//! The Positions pane.

use ratatui::layout::Rect;
use ratatui::style::Style;
use rust_decimal::Decimal;

use super::format::{cents, price};
use super::frame::Frame;
use super::pen::{Pen, clean};
use super::scope;
use super::table::{Align, Column, Rows, Sheet};
use super::{Hit, Panes};
use crate::app::Model;
use crate::app::columns::PositionColumn;
use crate::app::model::{AccountScope, AccountState, Pane};
use crate::app::msg::HitTarget;
use crate::domain::Position;

const fn figure(title: &'static str, min: u16, max: u16, rank: u8) -> Column {
    Column { title, align: Align::Point, min, max, rank }
}

/// The column that names the account; hidden when there is only one.
const ACCOUNT: usize = PositionColumn::Account.index();

/// The columns, those of [`PositionColumn`] in its order; ranks say what goes first on a narrow screen.
const COLUMNS: [Column; 9] = [
    Column { title: "Account", align: Align::Name, min: 10, max: 18, rank: 0 },
    Column { title: "Symbol", align: Align::Left, min: 4, max: 21, rank: 0 },
    figure("Qty", 3, 14, 0),
    figure("Avg", 6, 14, 4),
    figure("Last", 6, 14, 2),
    figure("Value", 6, 16, 3),
    figure("P&L", 9, 16, 0),
    figure("P&L %", 6, 10, 1),
    figure("Today", 6, 10, 5),
];

/// Draws the pane.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, panes: &mut Panes) {
    let focused = model.focus == Pane::Positions && model.overlays.is_empty();
    let list = &model.rows.positions;
    let theme = pen.theme;
    let count = format!("{} held", list.rows.len());
    let (filter, stale) = (super::filter_fact(model, Pane::Positions, list.rows.len()), super::stale_fact(model));
    let frame = Frame {
        kind: scope::kind(model),
        focused,
        digit: Some(Pane::Positions.digit()),
        title: Pane::Positions.title(),
        facts: &super::facts(theme, stale.as_deref(), filter.as_deref(), &count),
        tagged: true,
    };
    let inner = pen.frame(area, &frame);
    if list.rows.is_empty() {
        super::empty(pen, inner, &super::empty_words(model, Pane::Positions, &list.filter, "no positions"));
        return;
    }
    let height = usize::from(inner.height.saturating_sub(1));
    let selected = panes.positions.follow(list, height);
    let first = panes.positions.first;
    panes.sheet.clear();
    for key in list.rows.iter().skip(first).take(height) {
        let found = scope::account(model, &key.link).and_then(|account| {
            let positions = account.positions.as_ref()?;
            Some((account, positions.value.iter().find(|position| position.symbol == key.symbol)?))
        });
        match found {
            Some((account, position)) => stage(pen, &mut panes.sheet, account, position),
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
        &mut panes.position_columns,
        &rows,
    );
    for (column, area) in headers {
        pen.hit(area, HitTarget::Header(Pane::Positions, column));
    }
    let body = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    pen.hits.push(Hit::Rows { area: body, pane: Pane::Positions, first, count: list.rows.len() - first });
    pen.scroll_mark(area, first, height, list.rows.len());
}

fn stage(pen: &Pen<'_>, sheet: &mut Sheet, account: &AccountState, position: &Position) {
    let theme = pen.theme;
    let fresh = account.session.state().is_live();
    let tone = |style: Style| if fresh { style } else { theme.stale };
    let (plain, faint) = (tone(theme.text), tone(theme.faint));
    super::account_cell(sheet, account, theme);
    sheet.text(&clean(position.symbol.as_str()), plain);
    sheet.figure(Some(position.qty.decimal()), 0, plain, faint);
    for px in [position.avg_px, position.last_px] {
        sheet.figure(price(px), 2, if px == position.avg_px { tone(theme.dim) } else { plain }, faint);
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
