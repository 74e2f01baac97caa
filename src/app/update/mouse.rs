//! The mouse: a click selects, a click on the selected row opens it.

use super::{actions, activities, confirm_guard, lists, overlays};
use crate::app::effect::Effect;
use crate::app::keymap::Action;
use crate::app::model::{Model, Pane};
use crate::app::msg::{HitTarget, Mouse};

/// Handles a mouse event.
pub(super) fn handle(model: &mut Model, mouse: Mouse, effects: &mut Vec<Effect>) {
    if !model.mouse {
        return;
    }
    match mouse {
        Mouse::Click(target) => {
            confirm_guard::touched(model);
            click(model, &target, effects);
        }
        Mouse::Wheel { target, rows } => {
            wheel(model, &target, isize::from(rows));
            activities::load_more(model);
        }
    }
}

fn click(model: &mut Model, target: &HitTarget, effects: &mut Vec<Effect>) {
    match *target {
        HitTarget::Hint(action) => actions::act(model, action, effects),
        HitTarget::OverlayRow(index) => overlay_row(model, index, effects),
        // The mouse does not reach anything below an overlay.
        HitTarget::Pane(_) | HitTarget::Row(..) | HitTarget::Header(..) | HitTarget::Nowhere
            if !model.overlays.is_empty() => {}
        HitTarget::Pane(pane) => actions::focus(model, pane),
        HitTarget::Row(pane, index) => {
            let again = model.focus == pane && lists::is_selected(model, pane, index);
            actions::focus(model, pane);
            lists::select(model, pane, index);
            if again || (pane == Pane::Brokers && is_add(model)) {
                actions::act(model, Action::Detail, effects);
            }
        }
        HitTarget::Header(pane, column) => lists::sort_by(model, pane, column),
        HitTarget::Nowhere => {}
    }
}

fn is_add(model: &Model) -> bool {
    matches!(model.rows.brokers.selected, Some(crate::app::brokers::BrokerRow::Add))
}

fn overlay_row(model: &mut Model, index: usize, effects: &mut Vec<Effect>) {
    let next = model.top_mut().map(|(top, data)| top.handler_mut().click(index, &data));
    actions::follow(model, next.unwrap_or_default(), effects);
    model.dirty = true;
}

fn wheel(model: &mut Model, target: &HitTarget, rows: isize) {
    if !model.overlays.is_empty() {
        overlays::wheel(model, rows);
        return;
    }
    match target {
        HitTarget::Pane(pane) | HitTarget::Row(pane, _) | HitTarget::Header(pane, _) => {
            lists::move_in(model, *pane, rows);
        }
        HitTarget::OverlayRow(_) | HitTarget::Hint(_) | HitTarget::Nowhere => {}
    }
}
