//! The Tape pane: what happened, newest first.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::format::{self, MISSING, tape_time};
use super::frame::Frame;
use super::pen::{Pen, cells, clean};
use super::scope;
use super::table::{Align, Column, Rows, Sheet};
use super::{Hit, Panes};
use crate::app::Model;
use crate::app::columns::TapeColumn;
use crate::app::model::{AccountScope, AccountState, Pane};
use crate::app::msg::HitTarget;
use crate::domain::blotter::TapeEntry;
use crate::domain::execution::ExecutionKind;
use crate::domain::money::write_grouped;
use crate::domain::{Price, Qty};

const fn text(title: &'static str, min: u16, max: u16, rank: u8) -> Column {
    Column { title, align: Align::Left, min, max, rank }
}

const fn figure(title: &'static str, min: u16, max: u16, rank: u8) -> Column {
    Column { title, align: Align::Point, min, max, rank }
}

/// The column that names the account; hidden when there is only one.
const ACCOUNT: usize = TapeColumn::Account.index();

/// The columns, those of [`TapeColumn`] first and in its order; ranks say what goes first on a narrow screen.
const COLUMNS: [Column; 8] = [
    Column { title: "Account", align: Align::Name, min: 10, max: 18, rank: 0 },
    text("Time", 12, 12, 0),
    text("Event", 8, 15, 0),
    text("Side", 4, 4, 0),
    text("Symbol", 6, 21, 0),
    figure("Qty", 4, 14, 0),
    figure("Price", 7, 14, 0),
    text("Note", 8, 44, 1),
];

/// Draws the pane.
pub(super) fn draw(pen: &mut Pen<'_>, area: Rect, model: &Model, panes: &mut Panes) {
    let focused = model.focus == Pane::Tape && model.overlays.is_empty();
    let list = &model.rows.tape;
    let theme = pen.theme;
    let count = format!("{} events", list.rows.len());
    let (filter, stale) = (super::filter_fact(model, Pane::Tape, list.rows.len()), super::stale_fact(model));
    let frame = Frame {
        kind: scope::kind(model),
        focused,
        digit: Some(Pane::Tape.digit()),
        title: Pane::Tape.title(),
        facts: &super::facts(theme, stale.as_deref(), filter.as_deref(), &count),
        tagged: true,
    };
    let inner = pen.frame(area, &frame);
    if list.rows.is_empty() {
        super::empty(pen, inner, &super::empty_words(model, Pane::Tape, &list.filter, "nothing happened yet"));
        return;
    }
    let height = usize::from(inner.height.saturating_sub(1));
    let selected = panes.tape.follow(list, height);
    let first = panes.tape.first;
    panes.sheet.clear();
    let mut flash_rows = Vec::new();
    for (index, key) in list.rows.iter().skip(first).take(height).enumerate() {
        let found = scope::account(model, &key.link)
            .and_then(|account| Some((account, account.blotter.tape_entry(key.entry)?)));
        match found {
            Some((account, entry)) => {
                stage(pen, &mut panes.sheet, account, entry, model);
                let flash = entry.execution.as_ref().and_then(|id| model.flashes.get(id));
                if flash.is_some_and(|until| *until > model.now.mono) {
                    flash_rows.push(index);
                }
            }
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
        &mut panes.tape_columns,
        &rows,
    );
    let body = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    for row in flash_rows {
        pen.restyle(Rect { y: body.y + cells(row), height: 1, x: body.x + 1, width: body.width - 1 }, theme.flash);
    }
    for (column, area) in headers.into_iter().filter(|(column, _)| *column < TapeColumn::ALL.len()) {
        pen.hit(area, HitTarget::Header(Pane::Tape, column));
    }
    pen.hits.push(Hit::Rows { area: body, pane: Pane::Tape, first, count: list.rows.len() - first });
    pen.scroll_mark(area, first, height, list.rows.len());
}

fn stage(pen: &Pen<'_>, sheet: &mut Sheet, account: &AccountState, entry: &TapeEntry, model: &Model) {
    let theme = pen.theme;
    let fresh = account.session.state().is_live();
    let tone = |style: Style| if fresh { style } else { theme.stale };
    let (plain, faint) = (tone(theme.text), tone(theme.faint));
    super::account_cell(sheet, account, theme);
    match entry.at {
        Some(at) => {
            sheet.build(tone(theme.dim), |out| tape_time(out, at, model.exchange_now(), &model.program.timezone));
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
    // What traded stands out against what was only asked for.
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
