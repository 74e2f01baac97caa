//! The command palette.

use ratatui::layout::Rect;

use super::{Memory, boxed, choices, matched, search};
use crate::app::overlays::{Palette, PaletteCommand};
use crate::view::draw_context::{DrawContext, clean, width};
use crate::view::scope::Kind;

/// Draws it.
pub(super) fn draw(ctx: &mut DrawContext<'_>, area: Rect, palette: &Palette, memory: &mut Memory) {
    let &Palette { ref query, ref matches, selected, .. } = palette;
    // Fixed height: a box that shrinks while typing is hard to read.
    let title = match matches.first().map(|entry| &entry.command) {
        Some(PaletteCommand::Copy(..)) => "Copy a cell",
        Some(PaletteCommand::Zone(_))
            if matches.iter().all(|entry| matches!(entry.command, PaletteCommand::Zone(_))) =>
        {
            "Time zone"
        }
        _ => "Command",
    };
    let (frame, inner) = boxed(ctx, area, (84, area.height.min(20)), Kind::Neutral, title, &[]);
    search(ctx, Rect { height: 1, ..inner }, ": ", query, true);
    let list = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
    if matches.is_empty() {
        crate::view::empty(ctx, list, "nothing matches");
    }
    let theme = ctx.theme;
    choices(ctx, frame, list, matches.len(), selected, memory, |ctx, line, index| {
        let Some(entry) = matches.get(index) else { return };
        let style = if entry.disabled.is_some() { theme.key_off } else { theme.text };
        // The key matters most to people learning it; a long title gives way.
        let key = if entry.disabled.is_none() && !entry.key.is_empty() { width(&entry.key) + 2 } else { 0 };
        let room = Rect { width: line.width.saturating_sub(key), ..line };
        let x = matched(ctx, room, &clean(&entry.title), query.value(), style);
        if let Some(reason) = &entry.disabled {
            let room = line.right().saturating_sub(x + 2);
            ctx.right(x + 2, line.y, room, &clean(reason), theme.dim);
        } else if !entry.key.is_empty() {
            ctx.right(x + 2, line.y, line.right().saturating_sub(x + 2), &entry.key, theme.key);
        } else if !entry.about.is_empty() {
            ctx.right(x + 2, line.y, line.right().saturating_sub(x + 2), entry.about, theme.dim);
        }
    });
}
