//! Help: every active binding and the columns of the focused list, in two columns where there is room, with a search.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{Memory, boxed, scrolled, search};
use crate::app::Model;
use crate::app::context;
use crate::app::keymap::{self, Group, table};
use crate::app::overlays::Help;
use crate::view::draw_context::{DrawContext, width};
use crate::view::scope::Kind;
use crate::view::theme::Theme;

/// Smallest width for two columns.
const TWO_COLUMNS: u16 = 110;

/// Draws it.
pub(super) fn draw(ctx: &mut DrawContext<'_>, area: Rect, help: &Help, top: bool, model: &Model, memory: &mut Memory) {
    let &Help { ref query, typing, scroll } = help;
    let typing = typing && top;
    let find = model.keymap.say("{help.search} search");
    let (frame, inner) = boxed(ctx, area, (150, area.height), Kind::Neutral, "Keys", &[(&find, ctx.theme.dim)]);
    let field = Rect { height: 1, ..inner };
    let searching = typing || !query.value().is_empty();
    if searching {
        search(ctx, field, "/ ", query, typing);
    }
    let used = if searching { 2 } else { 0 };
    let body = Rect { y: inner.y + used, height: inner.height.saturating_sub(used), ..inner };
    let mut groups = table(&model.keymap);
    groups.push(keymap::columns(model.focus.title(), model.focus.columns()));
    // First what acts where help was opened.
    let here = context::scopes_below(model);
    groups.sort_by_key(|group| match group.scope {
        Some(scope) => here.iter().position(|active| *active == scope).unwrap_or(here.len() + 1),
        None => here.len(),
    });
    for group in &mut groups {
        group.rows.retain(|row| row.matches(query.value()));
    }
    groups.retain(|group| !group.rows.is_empty());
    let columns: u16 = if body.width >= TWO_COLUMNS { 2 } else { 1 };
    let wide = (body.width - (columns - 1) * 3) / columns;
    let keys = groups.iter().flat_map(|group| &group.rows).map(|row| width(&row.keys)).max().unwrap_or(0).min(16);
    let blocks: Vec<Vec<Line<'static>>> = groups.iter().map(|group| block(group, keys, wide, ctx.theme)).collect();
    if blocks.is_empty() {
        crate::view::empty(ctx, body, "no key matches");
        return;
    }
    let lines = if columns == 1 { blocks.concat() } else { side_by_side(blocks, wide) };
    scrolled(ctx, frame, body, &lines, scroll, memory);
}

fn block(group: &Group, keys: u16, wide: u16, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = vec![Line::from(Span::styled(group.title.clone(), theme.strong))];
    let keys = usize::from(keys);
    for row in &group.rows {
        let room = usize::from(wide).saturating_sub(keys + 4);
        let mut parts = super::doc::wrap(row.help, room).into_iter();
        let first = parts.next().unwrap_or_default();
        lines.push(Line::from(vec![
            Span::styled(format!("  {:<keys$}  ", row.keys), theme.key),
            Span::styled(first, theme.text),
        ]));
        for part in parts {
            lines.push(Line::from(vec![Span::raw(" ".repeat(keys + 4)), Span::styled(part, theme.text)]));
        }
    }
    lines.push(Line::default());
    lines
}

/// Arranges blocks in two columns of about equal height, in order down the left, then the right.
fn side_by_side(blocks: Vec<Vec<Line<'static>>>, wide: u16) -> Vec<Line<'static>> {
    let total: usize = blocks.iter().map(Vec::len).sum();
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for block in blocks {
        // Add blocks to the left column while that evens out the heights.
        if right.is_empty() && left.len() + block.len() / 2 <= total / 2 { &mut left } else { &mut right }
            .extend(block);
    }
    let rows = left.len().max(right.len());
    let mut left = left.into_iter();
    let mut right = right.into_iter();
    (0..rows)
        .map(|_| {
            let mut line = left.next().unwrap_or_default();
            let used: u16 = line.spans.iter().map(|span| width(&span.content)).sum();
            line.spans.push(Span::raw(" ".repeat(usize::from((wide + 3).saturating_sub(used)))));
            line.spans.extend(right.next().unwrap_or_default().spans);
            line
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_columns_keep_every_line() {
        let block = |name: &'static str, lines| vec![Line::from(name); lines];
        let lines = side_by_side(vec![block("a", 5), block("b", 3), block("c", 4)], 10);
        let text: String = lines.iter().flat_map(|line| &line.spans).map(|span| span.content.to_string()).collect();
        assert_eq!(text.matches('a').count(), 5);
        assert_eq!(text.matches('b').count(), 3);
        assert_eq!(text.matches('c').count(), 4);
        assert!(lines.len() <= 8, "{}", lines.len());
    }
}
