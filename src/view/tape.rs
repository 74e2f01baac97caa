//! The Tape pane: executions and order events, newest first.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Panes;
use super::draw_context::{DrawContext, clean};
use super::format::{self, MISSING, tape_time};
use super::pane::{ListPane, PreparedRow};
use super::scope;
use super::table::CellBuffer;
use crate::accounts::AccountState;
use crate::app::Model;
use crate::app::columns::TapeColumn;
use crate::app::model::Pane;
use crate::domain::blotter::TapeEntry;
use crate::domain::execution::ExecutionKind;
use crate::domain::money::write_grouped;
use crate::domain::text::counted;
use crate::domain::{Execution, Order, Price, Qty};
use crate::session::Part;

/// Draws the pane.
pub(super) fn draw(ctx: &mut DrawContext<'_>, area: Rect, model: &Model, panes: &mut Panes) {
    let list = &model.rows.tape;
    let pane = ListPane {
        pane: Pane::Tape,
        list,
        counts: &counts(model),
        more: &[],
        nothing: "no events",
        head: None,
        totals: None,
    };
    let Panes { tape, tape_columns, buffer, .. } = panes;
    pane.draw(ctx, area, model, (tape, tape_columns, buffer), |ctx, buffer, key| {
        let Some((account, entry)) = model.accounts.tape_entry(*key) else { return PreparedRow::Gone };
        let row = Row::new(account, entry, model);
        for column in TapeColumn::ALL {
            row.cell(ctx, buffer, column);
        }
        let flashing = entry.execution.as_ref().is_some_and(|id| model.flashes.has(id));
        if flashing { PreparedRow::Flashing } else { PreparedRow::Row }
    });
}

/// The number of events, where known.
fn counts(model: &Model) -> String {
    let unknown = |account| scope::age_of(account, Pane::Tape, model) == scope::Age::Unknown;
    match model.rows.tape.rows.len() {
        0 if scope::shown(model).any(unknown) => format!("{MISSING} events"),
        count => counted(count, "event"),
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

    fn cell(&self, ctx: &DrawContext<'_>, buffer: &mut CellBuffer, column: TapeColumn) {
        let Self { account, entry, order, execution, model, fresh } = *self;
        let theme = ctx.theme;
        let tone = |style: Style| if fresh { style } else { theme.stale };
        let (plain, faint) = (tone(theme.text), tone(theme.faint));
        // Executions stand out against mere state changes.
        let figure = if execution.is_some() { plain } else { tone(theme.dim) };
        match column {
            TapeColumn::Account => super::account_cell(buffer, account, theme),
            TapeColumn::Time => match entry.at {
                Some(at) => buffer.build(tone(theme.dim), |out| {
                    tape_time(out, at, model.accounts.exchange_now(model.now), &model.program.timezone);
                }),
                None => buffer.text(MISSING, faint),
            },
            TapeColumn::Event => {
                let (word, style) = format::event(&entry.event, theme);
                buffer.text(&clean(word), tone(style));
            }
            TapeColumn::Side => {
                let side = execution.map(|execution| &execution.side).or(order.map(|order| &order.side));
                let (word, style) = side.map_or((MISSING, theme.faint), |side| format::side(side, theme));
                buffer.text(word, tone(style));
            }
            TapeColumn::Symbol => {
                let symbol = execution.map(|execution| execution.symbol.as_str());
                let symbol = symbol.or(order.map(super::orders::order_symbol));
                buffer.text(&clean(symbol.unwrap_or(MISSING)), plain);
            }
            TapeColumn::Qty => {
                let qty = execution.map(|execution| execution.qty).or(order.and_then(|order| order.qty));
                buffer.figure(qty.map(Qty::decimal), 0, figure, faint);
            }
            TapeColumn::Price => {
                let px = execution.map_or_else(|| order.and_then(|order| order.limit_px), |execution| execution.px);
                buffer.figure(px.map(Price::decimal), 2, figure, faint);
            }
            TapeColumn::Note => self.note(ctx, buffer, tone),
        }
    }

    fn note(&self, ctx: &DrawContext<'_>, buffer: &mut CellBuffer, tone: impl Fn(Style) -> Style) {
        let late = self.account.is_late(self.entry.source, self.entry.at);
        let style = if late { tone(ctx.theme.waiting) } else { tone(ctx.theme.dim) };
        buffer.build(style, |out| {
            if late {
                out.push(ctx.glyphs.late);
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
