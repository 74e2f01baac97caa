//! Overlays: opening, scrolling, closing. Closing one shows the one below it.

use tui_input::Input as Field;

use super::linking;
use crate::accounts::Period;
use crate::app::keymap::Action;
use crate::app::model::{Model, Overlay};

/// Opens the key table.
pub(super) fn open_help(model: &mut Model) {
    if matches!(model.top(), Some(Overlay::Help { .. })) {
        model.overlays.pop();
    } else {
        push(model, Overlay::Help { query: Field::default(), typing: false, scroll: 0 });
    }
}

/// Types into the help's search.
pub(super) fn search_help(model: &mut Model) {
    if let Some(Overlay::Help { typing, .. }) = model.overlays.last_mut() {
        *typing = true;
    }
}

/// Enter in the help's search: keys scroll again.
pub(super) fn end_help_search(model: &mut Model) {
    if let Some(Overlay::Help { typing, .. }) = model.overlays.last_mut() {
        *typing = false;
    }
}

/// Opens the list of errors and marks them as read.
pub(super) fn open_errors(model: &mut Model) {
    model.errors.read();
    if !matches!(model.top(), Some(Overlay::Errors { .. })) {
        push(model, Overlay::Errors { scroll: 0 });
    }
}

/// Opens the equity chart of the account shown.
pub(super) fn open_chart(model: &mut Model) {
    let Some(link) = model.shown_account().map(|account| account.link.id.clone()) else { return };
    model.accounts.ask_curve(&link, Period::Day);
    push(model, Overlay::EquityChart { link, period: Period::Day, cursor: None });
}

/// Changes the period; its curve is fetched each time, since equity moves.
pub(super) fn step_period(model: &mut Model, longer: bool) {
    let Some(Overlay::EquityChart { link, period, cursor }) = model.overlays.last_mut() else { return };
    let at = *period as usize;
    let next = if longer { at + 1 } else { at.saturating_sub(1) };
    let Some(next) = Period::ALL.get(next).copied() else { return };
    (*period, *cursor) = (next, None);
    let link = link.clone();
    model.accounts.ask_curve(&link, next);
}

/// Moves the crosshair, starting at the newest point.
pub(super) fn move_crosshair(model: &mut Model, by: isize) {
    let Some(Overlay::EquityChart { link, period, .. }) = model.top() else { return };
    let points = model
        .accounts
        .get(link)
        .and_then(|account| account.curves.get(period))
        .map_or(0, |dated| dated.value.points.len());
    let Some(last) = points.checked_sub(1) else { return };
    if let Some(Overlay::EquityChart { cursor, .. }) = model.overlays.last_mut() {
        *cursor = Some(cursor.unwrap_or(last).saturating_add_signed(by).min(last));
    }
}

/// Switches between the fields and the broker's JSON.
pub(super) fn toggle_raw(model: &mut Model) {
    if let Some(Overlay::OrderDetail { raw, scroll, .. }) = model.overlays.last_mut() {
        (*raw, *scroll) = (!*raw, 0);
    }
}

/// Closes the topmost overlay; false when there is none.
pub(super) fn back(model: &mut Model) -> bool {
    match model.overlays.last_mut() {
        None => return false,
        Some(Overlay::Help { query, typing: typing @ true, .. }) => {
            query.reset();
            *typing = false;
        }
        Some(Overlay::Help { query, typing: false, .. }) if !query.value().is_empty() => query.reset(),
        Some(Overlay::Linking) => linking::leave_field(model),
        Some(_) => {
            model.overlays.pop();
        }
    }
    true
}

/// Moves in the topmost overlay, `count` times where one was typed: in its list, or over its lines.
#[expect(clippy::wildcard_enum_match_arm, reason = "only moves come here; what is none of the others goes to the end")]
pub(super) fn step(model: &mut Model, action: Action, count: Option<u32>) {
    let times = count.map_or(1, |count| usize::try_from(count).unwrap_or(usize::MAX));
    let page = usize::from(model.extent.overlay_page).max(1);
    let end = model.extent.overlay_end;
    let rows = match model.top() {
        Some(Overlay::Activities { link, .. }) => {
            model.accounts.get(link).map_or(0, |account| account.activities.rows().len())
        }
        _ => 0,
    };
    let moved = |at: usize, last: usize| {
        let to = match action {
            Action::Top | Action::Bottom if count.is_some() => times.saturating_sub(1),
            Action::Down => at.saturating_add(times),
            Action::Up => at.saturating_sub(times),
            Action::HalfPageDown => at.saturating_add((page / 2).max(1).saturating_mul(times)),
            Action::HalfPageUp => at.saturating_sub((page / 2).max(1).saturating_mul(times)),
            Action::PageDown => at.saturating_add(page.saturating_mul(times)),
            Action::PageUp => at.saturating_sub(page.saturating_mul(times)),
            Action::Top => 0,
            _ => last,
        };
        to.min(last)
    };
    match model.overlays.last_mut() {
        Some(Overlay::AddBroker { matches, selected, .. }) => {
            *selected = moved(*selected, matches.len().saturating_sub(1));
        }
        Some(Overlay::Palette { matches, selected, .. }) => {
            *selected = moved(*selected, matches.len().saturating_sub(1));
        }
        Some(Overlay::Activities { selected, .. }) => *selected = moved(*selected, rows.saturating_sub(1)),
        Some(overlay) => {
            if let Some(scroll) = scroll_of(overlay) {
                *scroll = moved(*scroll, end);
            }
        }
        None => {}
    }
}

/// Scrolls the topmost overlay by lines.
pub(super) fn scroll_by(model: &mut Model, by: isize) {
    let end = model.extent.overlay_end;
    if let Some(scroll) = model.overlays.last_mut().and_then(scroll_of) {
        *scroll = scroll.saturating_add_signed(by).min(end);
        model.dirty = true;
    }
}

/// Scrolls the topmost overlay to a line.
pub(super) fn scroll_to(model: &mut Model, line: usize) {
    if let Some(scroll) = model.overlays.last_mut().and_then(scroll_of) {
        *scroll = line;
    }
}

/// Applies the overlay's true end, now known, to its scroll position.
pub(super) fn clamp_scroll(model: &mut Model) {
    let end = model.extent.overlay_end;
    if let Some(scroll) = model.overlays.last_mut().and_then(scroll_of)
        && *scroll > end
    {
        *scroll = end;
        model.dirty = true;
    }
}

fn scroll_of(overlay: &mut Overlay) -> Option<&mut usize> {
    match overlay {
        Overlay::Help { scroll, .. }
        | Overlay::OrderDetail { scroll, .. }
        | Overlay::PositionDetail { scroll, .. }
        | Overlay::BrokerDetail { scroll, .. }
        | Overlay::ActivityDetail { scroll, .. }
        | Overlay::Errors { scroll } => Some(scroll),
        Overlay::AddBroker { .. }
        | Overlay::Activities { .. }
        | Overlay::Palette { .. }
        | Overlay::Linking
        | Overlay::Question(_)
        | Overlay::EquityChart { .. }
        | Overlay::Welcome => None,
    }
}

/// Opens an overlay.
pub(super) fn push(model: &mut Model, overlay: Overlay) {
    // The end of the new overlay is unknown until it is drawn.
    model.extent.overlay_end = usize::MAX;
    model.overlays.push(overlay);
    model.dirty = true;
}
