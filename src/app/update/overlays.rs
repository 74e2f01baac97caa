//! Overlays: opening, moving in them, closing. Closing one shows the one below it.

use crate::app::keymap::Action;
use crate::app::model::{Model, Overlay};
use crate::app::overlays::{ErrorList, Next, Place};

/// Opens the list of errors and marks them as read.
pub(super) fn open_errors(model: &mut Model) {
    model.errors.read();
    push(model, ErrorList::default());
}

/// Runs an action in the topmost overlay; none where it is not one of that overlay's own.
pub(super) fn act(model: &mut Model, action: Action, times: isize) -> Option<Vec<Next>> {
    let (top, data) = model.top_mut()?;
    top.handler_mut().act(action, times, &data)
}

/// Closes the topmost overlay; false when there is none.
pub(super) fn close(model: &mut Model) -> bool {
    model.dirty = true;
    model.overlays.pop().is_some()
}

/// Moves in the topmost overlay, `count` times where one was typed: in its list, or over its lines.
#[expect(clippy::wildcard_enum_match_arm, reason = "only moves come here; any other goes to the end")]
pub(super) fn step(model: &mut Model, action: Action, count: Option<u32>) {
    let times = count.map_or(1, |count| usize::try_from(count).unwrap_or(usize::MAX));
    let Some((top, data)) = model.top_mut() else { return };
    let moved = |at: usize, last: usize| {
        let to = match action {
            Action::Top | Action::Bottom if count.is_some() => times.saturating_sub(1),
            Action::Down => at.saturating_add(times),
            Action::Up => at.saturating_sub(times),
            Action::HalfPageDown => at.saturating_add((data.page / 2).max(1).saturating_mul(times)),
            Action::HalfPageUp => at.saturating_sub((data.page / 2).max(1).saturating_mul(times)),
            Action::PageDown => at.saturating_add(data.page.saturating_mul(times)),
            Action::PageUp => at.saturating_sub(data.page.saturating_mul(times)),
            Action::Top => 0,
            _ => last,
        };
        to.min(last)
    };
    match top.handler_mut().place(&data) {
        Place::Still => {}
        Place::Scroll(scroll) => *scroll = moved(*scroll, data.end),
        Place::Row(selected, rows) => *selected = moved(*selected, rows.saturating_sub(1)),
    }
}

/// The wheel: scrolls the topmost overlay by lines, or moves one row in its list.
pub(super) fn wheel(model: &mut Model, lines: isize) {
    let Some((top, data)) = model.top_mut() else { return };
    match top.handler_mut().place(&data) {
        Place::Still => {}
        Place::Scroll(scroll) => {
            *scroll = scroll.saturating_add_signed(lines).min(data.end);
            model.dirty = true;
        }
        Place::Row(..) => {
            step(model, if lines < 0 { Action::Up } else { Action::Down }, None);
            model.dirty = true;
        }
    }
}

/// Applies the overlay's true end, now known, to its scroll position.
pub(super) fn clamp_scroll(model: &mut Model) {
    let Some((top, data)) = model.top_mut() else { return };
    if let Place::Scroll(scroll) = top.handler_mut().place(&data)
        && *scroll > data.end
    {
        *scroll = data.end;
        model.dirty = true;
    }
}

/// Opens an overlay.
pub(super) fn push(model: &mut Model, overlay: impl Into<Overlay>) {
    // The end of the new overlay is unknown until it is drawn.
    model.extent.overlay_end = usize::MAX;
    model.overlays.push(overlay.into());
    model.dirty = true;
}
