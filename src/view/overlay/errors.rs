//! The list of errors, newest first.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::doc::wrap;
use super::{Memory, boxed, scrolled};
use crate::app::Model;
use crate::app::overlays::ErrorList;
use crate::view::draw_context::{DrawContext, clean};
use crate::view::format::full_time;
use crate::view::scope::{self, Kind};

/// Draws it.
pub(super) fn draw(ctx: &mut DrawContext<'_>, area: Rect, list: &ErrorList, model: &Model, memory: &mut Memory) {
    let &ErrorList { scroll } = list;
    let theme = ctx.theme;
    let count = format!("{} kept", model.errors.len());
    let facts = [(count.as_str(), theme.dim)];
    let (frame, inner) = boxed(ctx, area, (110, area.height), Kind::Neutral, "Errors", &facts);
    if model.errors.is_empty() {
        crate::view::empty(ctx, inner, "no errors");
        return;
    }
    let mut lines: Vec<Line<'static>> = Vec::new();
    for error in model.errors.iter().rev() {
        let mut head = vec![
            Span::styled(format!("{} ", ctx.glyphs.cross), theme.error),
            Span::styled(full_time(error.at.wall, &model.program.timezone, &model.program.timezone_label), theme.dim),
        ];
        if let Some(account) = error.link.as_ref().and_then(|link| scope::account(model, link)) {
            let kind = Kind::of(account.link.environment);
            let style = if kind.is_live() { theme.tag_live } else { theme.tag_paper };
            head.push(Span::raw("  "));
            head.push(Span::styled(format!(" {} ", account.link.environment.word()), style));
            head.push(Span::styled(format!(" {}", clean(&account.link.label)), theme.strong));
        }
        if let Some(over) = error.over {
            let at = full_time(over.wall, &model.program.timezone, "");
            head.push(Span::styled(format!("  resolved at {}", at.trim_end()), theme.dim));
        }
        lines.push(Line::from(head));
        for part in wrap(&clean(&error.text), usize::from(inner.width).saturating_sub(2)) {
            lines.push(Line::from(vec![Span::raw("  "), Span::styled(part, theme.text)]));
        }
        lines.push(Line::default());
    }
    scrolled(ctx, frame, inner, &lines, scroll, memory);
}
