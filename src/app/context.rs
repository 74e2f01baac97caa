//! The key scopes in force, and whether keys go into a text field.

use super::keymap::{BINDINGS, Chord, Scope};
use super::model::{Attempt, AttemptPhase, Model, Overlay, Pane, Question};
use crate::accounts::AccountState;
use crate::link::FoundAccount;

/// The scopes in force, the innermost first.
pub fn scopes(model: &Model) -> Vec<Scope> {
    let mut scopes = match model.top() {
        Some(overlay) => overlay_scopes(model, overlay),
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

fn overlay_scopes(model: &Model, overlay: &Overlay) -> Vec<Scope> {
    match overlay {
        Overlay::Help { typing: true, .. } | Overlay::Palette { .. } => vec![Scope::Text],
        Overlay::Help { typing: false, .. } => vec![Scope::Help, Scope::Overlay],
        Overlay::OrderDetail { .. } => vec![Scope::OrderDetail, Scope::Overlay],
        Overlay::PositionDetail { .. }
        | Overlay::BrokerDetail { .. }
        | Overlay::ActivityDetail { .. }
        | Overlay::Errors { .. } => vec![Scope::Overlay],
        Overlay::Activities { .. } => vec![Scope::Activities, Scope::Overlay],
        Overlay::EquityChart { .. } => vec![Scope::Chart, Scope::Overlay],
        Overlay::AddBroker { .. } => vec![Scope::AddBroker, Scope::Text],
        Overlay::Linking => linking_scopes(model.attempt.as_ref()),
        Overlay::Question(_) => vec![Scope::Confirm],
        Overlay::Welcome => vec![Scope::Welcome],
    }
}

fn linking_scopes(attempt: Option<&Attempt>) -> Vec<Scope> {
    match attempt.map(|attempt| &attempt.phase) {
        Some(AttemptPhase::Waiting { paste: Some(_), .. } | AttemptPhase::Confirm { editing: Some(_), .. }) => {
            vec![Scope::Text]
        }
        Some(AttemptPhase::Confirm { editing: None, .. }) => vec![Scope::Save],
        Some(AttemptPhase::Failed(_)) | None => vec![Scope::Failed],
        Some(
            AttemptPhase::Starting | AttemptPhase::Waiting { .. } | AttemptPhase::Exchanging | AttemptPhase::Saving,
        ) => {
            vec![Scope::Linking]
        }
    }
}

/// Whether printable keys go into a text field.
pub fn is_typing(model: &Model) -> bool {
    scopes(model).contains(&Scope::Text)
}

/// Whether the open question concerns a live account, so that Enter is not enough.
pub(super) fn needs_live_key(model: &Model) -> bool {
    match model.top() {
        Some(Overlay::Linking) => match model.attempt.as_ref().map(|attempt| &attempt.phase) {
            Some(AttemptPhase::Confirm { accounts, .. }) => accounts.iter().any(FoundAccount::needs_live_key),
            _ => false,
        },
        Some(Overlay::Question(Question::Cancel(orders))) => {
            orders.iter().any(|key| model.accounts.get(&key.link).is_some_and(AccountState::is_live_account))
        }
        _ => false,
    }
}
