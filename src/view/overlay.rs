//! Overlays: one file each, and what they share: box, scrolling, text fields.

mod activities;
mod add_broker;
mod broker;
mod doc;
mod equity;
mod errors;
mod help;
mod linking;
mod order;
mod palette;
mod position;
mod question;

use ratatui::layout::Rect;
use ratatui::text::Line;
use tui_input::Input;

use super::draw_context::{DrawContext, cells, width};
use super::overlay_box::boxed;
use crate::app::Model;
use crate::app::overlays::Overlay;

/// What the last frame showed of the overlays, for scrolling and the mouse.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Lines of the topmost overlay that fit.
    pub(super) page: u16,
    /// The last line it can be scrolled to.
    pub(super) end: usize,
    /// The first visible row of the list with columns, its cells and its widths.
    first: usize,
    buffer: super::table::CellBuffer,
    columns: super::table::Memory,
}

/// Draws one overlay; `top` if it has the focus.
pub(super) fn draw(
    ctx: &mut DrawContext<'_>,
    area: Rect,
    over: &Overlay,
    top: bool,
    model: &Model,
    memory: &mut Memory,
) {
    // Header and hints stay visible. If the box is narrower than the screen, the status line stays visible too, because
    // the box would cut the word LIVE.
    let kept = if super::layout::holds_panes(area) { 3 } else { 2 };
    let area = Rect { y: area.y + 1, height: area.height - kept, ..area };
    // Only the topmost overlay scrolls.
    memory.end = 0;
    memory.page = area.height;
    match over {
        Overlay::Help(over) => help::draw(ctx, area, over, top, model, memory),
        Overlay::OrderDetail(over) => order::draw(ctx, area, over, model, memory),
        Overlay::PositionDetail(over) => position::draw(ctx, area, over, model, memory),
        Overlay::BrokerDetail(over) => broker::draw(ctx, area, over, model, memory),
        Overlay::Activities(over) => activities::draw(ctx, area, over, top, model, memory),
        Overlay::ActivityDetail(over) => activities::detail(ctx, area, over, model, memory),
        Overlay::Errors(over) => errors::draw(ctx, area, over, model, memory),
        Overlay::AddBroker(over) => add_broker::draw(ctx, area, over, model, memory),
        Overlay::Palette(over) => palette::draw(ctx, area, over, memory),
        Overlay::Linking(over) => linking::draw(ctx, area, &over.attempt, model),
        Overlay::Question(over) => question::draw(ctx, area, over, model),
        Overlay::EquityChart(over) => equity::draw(ctx, area, over, model),
        Overlay::Welcome(_) => super::welcome::overlay(ctx, area, model),
    }
}

/// Draws lines from `scroll` on, and the scroll bar.
fn scrolled(
    ctx: &mut DrawContext<'_>,
    frame: Rect,
    inner: Rect,
    lines: &[Line<'static>],
    scroll: usize,
    memory: &mut Memory,
) {
    let height = usize::from(inner.height);
    memory.page = inner.height;
    memory.end = lines.len().saturating_sub(height);
    let first = scroll.min(memory.end);
    for (row, line) in lines.iter().skip(first).take(height).enumerate() {
        line_at(ctx, Rect { y: inner.y + cells(row), height: 1, ..inner }, line);
    }
    ctx.scroll_mark(frame, first, height, lines.len());
}

/// Draws one line of styled text.
fn line_at(ctx: &mut DrawContext<'_>, area: Rect, line: &Line<'static>) {
    let mut x = area.x;
    for span in line {
        if x >= area.right() {
            break;
        }
        x = ctx.text(x, area.y, area.right() - x, &span.content, line.style.patch(span.style));
    }
}

/// A search field with its prompt; shows the terminal's cursor when it has the focus.
fn search(ctx: &mut DrawContext<'_>, area: Rect, prompt: &str, query: &Input, typing: bool) {
    let x = ctx.text(area.x, area.y, area.width, prompt, ctx.theme.key);
    let field = Rect { x, width: area.right().saturating_sub(x), height: 1, ..area };
    let before = ctx.cursor;
    ctx.field(field, query.value(), cells(query.visual_cursor()), false);
    if !typing {
        ctx.cursor = before;
    }
}

/// Draws a list of choices that scrolls with the chosen one; `row` draws one row.
fn choices(
    ctx: &mut DrawContext<'_>,
    frame: Rect,
    area: Rect,
    count: usize,
    selected: usize,
    memory: &mut Memory,
    mut row: impl FnMut(&mut DrawContext<'_>, Rect, usize),
) {
    let height = usize::from(area.height).max(1);
    memory.page = area.height;
    let first = selected.saturating_sub(height - 1).min(count.saturating_sub(height));
    let shown = count.saturating_sub(first).min(height);
    for index in first..first + shown {
        let line = Rect { y: area.y + cells(index - first), height: 1, ..area };
        row(ctx, Rect { x: line.x + 2, width: line.width.saturating_sub(3), ..line }, index);
        if index == selected {
            ctx.select(line, true);
        }
    }
    ctx.hits.push(super::Hit::OverlayRows { area, first, count: shown });
    ctx.scroll_mark(frame, first, height, count);
}

/// Writes a text with the letters that a search matched highlighted.
fn matched(ctx: &mut DrawContext<'_>, area: Rect, text: &str, query: &str, style: ratatui::style::Style) -> u16 {
    let mut wanted = query.chars().filter(|ch| !ch.is_whitespace()).flat_map(char::to_lowercase).peekable();
    let mut x = area.x;
    let cut = width(text) > area.width;
    let end = area.right().saturating_sub(u16::from(cut));
    for ch in text.chars() {
        if x >= end {
            break;
        }
        let hit = wanted.peek().is_some_and(|next| ch.to_lowercase().eq(std::iter::once(*next)));
        if hit {
            wanted.next();
        }
        let style = if hit { style.patch(ctx.theme.matched) } else { style };
        let mut room = [0; 4];
        x = ctx.text(x, area.y, end - x, ch.encode_utf8(&mut room), style);
    }
    if cut && x < area.right() {
        ctx.put(x, area.y, ctx.glyphs.ellipsis, style);
        x += 1;
    }
    x
}
