//! The Tape pane: executions and order events, newest first.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Panes;
use super::format::{self, MISSING, tape_time};
use super::pane::{ListPane, Staged};
use super::pen::{Pen, clean};
use super::scope;
use super::table::{Column, Sheet};
use crate::accounts::AccountState;
use crate::app::Model;
use crate::app::columns::TapeColumn;
use crate::app::model::Pane;
use crate::domain::blotter::TapeEntry;
use crate::domain::execution::ExecutionKind;
use crate::domain::money::write_grouped;
use crate::domain::{Price, Qty};
use crate::session::Part;

/// The columns, those of [`TapeColumn`] first and in its order; the rank decides which go first on a narrow screen.
const COLUMNS: [Column; 8] = [
    Column::account(10, 18),
    Column::text("Time", 12, 12, 0),
    Column::text("Event", 8, 15, 0),
    Column::text("Side", 4, 4, 0),
    Column::text("Symbol", 6, 21, 0),
    Column::figure("Qty", 4, 14, 0),
    Column::figure("Price", 7, 14, 0),
    Column::text("Note", 8, 44, 1),
];

/// Draws the pane.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, panes: &mut Panes) {
    let list = &model.rows.tape;
    let pane = ListPane {
        pane: Pane::Tape,
        list,
        columns: COLUMNS,
        sortable: TapeColumn::ALL.len(),
        account: TapeColumn::Account.index(),
        counts: &counts(model),
        nothing: "nothing happened yet",
        head: None,
    };
    let Panes { tape, tape_columns, sheet, .. } = panes;
    pane.draw(pen, area, model, (tape, tape_columns, sheet), |pen, sheet, key| {
        let Some((account, entry)) = model.accounts.tape_entry(*key) else { return Staged::Gone };
        stage(pen, sheet, account, entry, model);
        let flashing = entry.execution.as_ref().is_some_and(|id| model.flashes.has(id));
        if flashing { Staged::Flashing } else { Staged::Row }
    });
}

/// The number of events, where known.
fn counts(model: &Model) -> String {
    let unknown = |account| scope::age_of(account, Pane::Tape, model) == scope::Age::Unknown;
    match model.rows.tape.rows.len() {
        0 if scope::shown(model).any(unknown) => format!("{MISSING} events"),
        count => format!("{count} events"),
    }
}

fn stage(pen: &Pen<'_>, sheet: &mut Sheet, account: &AccountState, entry: &TapeEntry, model: &Model) {
    let theme = pen.theme;
    let fresh = account.is_current(&Part::TRADES, model.now.mono);
    let tone = |style: Style| if fresh { style } else { theme.stale };
    let (plain, faint) = (tone(theme.text), tone(theme.faint));
    super::account_cell(sheet, account, theme);
    match entry.at {
        Some(at) => {
            sheet.build(tone(theme.dim), |out| {
                tape_time(out, at, model.accounts.exchange_now(model.now), &model.program.timezone);
            });
        }
        None => sheet.text(MISSING, faint),
    }
    let (word, style) = format::event(&entry.event, theme);
    sheet.text(&clean(word), tone(style));
    let order = account.blotter.order(&entry.order_id);
    let execution = entry.execution.as_ref().and_then(|id| account.blotter.execution(id));
    let side = execution.map(|execution| &execution.side).or(order.map(|order| &order.side));
    let (word, style) = side.map_or((MISSING, theme.faint), |side| format::side(side, theme));
    sheet.text(word, tone(style));
    let symbol = execution.map(|execution| execution.symbol.as_str()).or(order.map(super::orders::order_symbol));
    sheet.text(&clean(symbol.unwrap_or(MISSING)), plain);
    let qty = execution.map(|execution| execution.qty).or(order.and_then(|order| order.qty)).map(Qty::decimal);
    let px = execution.map_or_else(|| order.and_then(|order| order.limit_px), |execution| execution.px);
    // Executions stand out against mere state changes.
    let tone_of = if execution.is_some() { plain } else { tone(theme.dim) };
    sheet.figure(qty, 0, tone_of, faint);
    sheet.figure(px.map(Price::decimal), 2, tone_of, faint);
    let late = account.is_late(entry.source, entry.at);
    let note = if late { tone(theme.waiting) } else { tone(theme.dim) };
    sheet.build(note, |out| {
        if late {
            out.push(pen.glyphs.late);
            out.push_str(" late ");
        }
        let Some(execution) = execution else { return };
        match &execution.kind {
            ExecutionKind::Trade => {}
            ExecutionKind::Bust { .. } => out.push_str("execution undone "),
            ExecutionKind::Correction { .. } => out.push_str("execution restated "),
            ExecutionKind::Unexplained => out.push_str("awaiting the report "),
        }
        if let Some(position) = execution.position_qty {
            out.push_str("now ");
            write_grouped(out, position.decimal(), 0);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_those_that_sorting_knows() {
        let known: Vec<&str> = TapeColumn::ALL.iter().map(|column| column.title()).collect();
        assert_eq!(COLUMNS.map(|column| column.title)[..known.len()], known);
    }
}
