//! The Tape pane: executions and order events, newest first.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Panes;
use super::format::{self, MISSING, tape_time};
use super::pane::{ListPane, Staged};
use super::pen::{Pen, clean};
use super::scope;
use super::table::Sheet;
use crate::accounts::AccountState;
use crate::app::Model;
use crate::app::columns::TapeColumn;
use crate::app::model::Pane;
use crate::domain::blotter::TapeEntry;
use crate::domain::execution::ExecutionKind;
use crate::domain::money::write_grouped;
use crate::domain::{Execution, Order, Price, Qty};
use crate::session::Part;

/// Draws the pane.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, panes: &mut Panes) {
    let list = &model.rows.tape;
    let pane = ListPane { pane: Pane::Tape, list, counts: &counts(model), nothing: "nothing happened yet", head: None };
    let Panes { tape, tape_columns, sheet, .. } = panes;
    pane.draw(pen, area, model, (tape, tape_columns, sheet), |pen, sheet, key| {
        let Some((account, entry)) = model.accounts.tape_entry(*key) else { return Staged::Gone };
        let row = Row::new(account, entry, model);
        for column in TapeColumn::ALL {
            row.cell(pen, sheet, column);
        }
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

/// A line being drawn.
struct Row<'a> {
    account: &'a AccountState,
    entry: &'a TapeEntry,
    order: Option<&'a Order>,
    execution: Option<&'a Execution>,
    model: &'a Model,
    fresh: bool,
}

impl<'a> Row<'a> {
    fn new(account: &'a AccountState, entry: &'a TapeEntry, model: &'a Model) -> Self {
        let order = account.blotter.order(&entry.order_id);
        let execution = entry.execution.as_ref().and_then(|id| account.blotter.execution(id));
        let fresh = account.is_current(&Part::TRADES, model.now.mono);
        Self { account, entry, order, execution, model, fresh }
    }

    fn cell(&self, pen: &Pen<'_>, sheet: &mut Sheet, column: TapeColumn) {
        let Self { account, entry, order, execution, model, fresh } = *self;
        let theme = pen.theme;
        let tone = |style: Style| if fresh { style } else { theme.stale };
        let (plain, faint) = (tone(theme.text), tone(theme.faint));
        // Executions stand out against mere state changes.
        let figure = if execution.is_some() { plain } else { tone(theme.dim) };
        match column {
            TapeColumn::Account => super::account_cell(sheet, account, theme),
            TapeColumn::Time => match entry.at {
                Some(at) => sheet.build(tone(theme.dim), |out| {
                    tape_time(out, at, model.accounts.exchange_now(model.now), &model.program.timezone);
                }),
                None => sheet.text(MISSING, faint),
            },
            TapeColumn::Event => {
                let (word, style) = format::event(&entry.event, theme);
                sheet.text(&clean(word), tone(style));
            }
            TapeColumn::Side => {
                let side = execution.map(|execution| &execution.side).or(order.map(|order| &order.side));
                let (word, style) = side.map_or((MISSING, theme.faint), |side| format::side(side, theme));
                sheet.text(word, tone(style));
            }
            TapeColumn::Symbol => {
                let symbol = execution.map(|execution| execution.symbol.as_str());
                let symbol = symbol.or(order.map(super::orders::order_symbol));
                sheet.text(&clean(symbol.unwrap_or(MISSING)), plain);
            }
            TapeColumn::Qty => {
                let qty = execution.map(|execution| execution.qty).or(order.and_then(|order| order.qty));
                sheet.figure(qty.map(Qty::decimal), 0, figure, faint);
            }
            TapeColumn::Price => {
                let px = execution.map_or_else(|| order.and_then(|order| order.limit_px), |execution| execution.px);
                sheet.figure(px.map(Price::decimal), 2, figure, faint);
            }
            TapeColumn::Note => self.note(pen, sheet, tone),
        }
    }

    fn note(&self, pen: &Pen<'_>, sheet: &mut Sheet, tone: impl Fn(Style) -> Style) {
        let late = self.account.is_late(self.entry.source, self.entry.at);
        let style = if late { tone(pen.theme.waiting) } else { tone(pen.theme.dim) };
        sheet.build(style, |out| {
            if late {
                out.push(pen.glyphs.late);
                out.push_str(" late ");
            }
            let Some(execution) = self.execution else { return };
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
}
