//! The box of an overlay, over whatever is below it.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::draw_context::DrawContext;
use super::frame::Frame;
use super::layout::centered;
use super::scope::Kind;
use crate::app::msg::HitTarget;

/// Draws a centred box; returns the frame and the area inside it, without a margin of one cell at the sides.
pub(super) fn boxed(
    ctx: &mut DrawContext<'_>,
    area: Rect,
    (width, height): (u16, u16),
    kind: Kind,
    title: &str,
    facts: &[(&str, Style)],
) -> (Rect, Rect) {
    let frame = centered(area, width, height);
    ctx.clear(frame, Style::new());
    // The mouse must not reach anything below the overlay.
    ctx.hit(area, HitTarget::Nowhere);
    let inner = ctx.frame(frame, &Frame { kind, focused: true, digit: None, title, facts, lack: None, tagged: true });
    (frame, Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner })
}
