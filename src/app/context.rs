//! The active key scopes, and whether keys go into a text field.

use super::keymap::{BINDINGS, Chord, Scope};
use super::model::{Model, Pane};
use super::overlays::Overlay;

/// The active scopes, the innermost first.
pub fn scopes(model: &Model) -> Vec<Scope> {
    scopes_under(model, &model.overlays)
}

/// The scopes that would be active without the topmost overlay.
pub fn scopes_below(model: &Model) -> Vec<Scope> {
    let below = model.overlays.split_last().map_or(&[][..], |(_, below)| below);
    scopes_under(model, below)
}

fn scopes_under(model: &Model, overlays: &[Overlay]) -> Vec<Scope> {
    let mut scopes = match overlays.last() {
        Some(overlay) => overlay.handler().scopes().to_vec(),
        None if model.filtering.is_some() => vec![Scope::Text],
        None if model.focus.is_list() => vec![model.focus.scope(), Scope::List, Scope::Global],
        None => vec![model.focus.scope(), Scope::Global],
    };
    if !scopes.contains(&Scope::Text) {
        scopes.push(Scope::Common);
    }
    scopes.push(Scope::Always);
    scopes
}

/// The pane in which a chord acts, for a key that does nothing in the focused one.
pub fn acts_elsewhere(model: &Model, chord: Chord) -> Option<(&'static str, Scope)> {
    if !model.overlays.is_empty() || is_typing(model) {
        return None;
    }
    Pane::ALL.map(Pane::scope).into_iter().chain([Scope::List]).find_map(|scope| {
        let row = BINDINGS
            .iter()
            .enumerate()
            .position(|(row, binding)| binding.scope == scope && model.keymap.chords_of(row).contains(&chord))?;
        BINDINGS.get(row).map(|binding| (binding.label, scope))
    })
}

/// Whether printable keys go into a text field.
pub fn is_typing(model: &Model) -> bool {
    scopes(model).contains(&Scope::Text)
}

/// Whether the open question concerns a live account, so that Enter is not enough.
pub(super) fn needs_live_key(model: &Model) -> bool {
    model.top().is_some_and(|top| top.handler().live(&model.data()).is_some())
}
