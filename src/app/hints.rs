//! The key hints in the footer.

use super::availability::availability;
use super::context::{needs_live_key, scopes};
use super::keymap::{Action, BINDINGS, Binding, Chord};
use super::model::{Model, Pane};

/// Extra hints for wide footers, most useful first; shown only when they can act.
const SPARE: [Action; 11] = [
    Action::Mark,
    Action::CancelAll,
    Action::SortNext,
    Action::NextPane,
    Action::AllAccounts,
    Action::NextAccount,
    Action::Zoom,
    Action::Copy,
    Action::CopyCell,
    Action::Resync,
    Action::Pause,
];

/// One key in the footer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The key to show.
    pub chord: Chord,
    /// One or two words.
    pub label: &'static str,
    /// What it does.
    pub action: Action,
    /// Whether it can act now; [`availability()`] has the reason.
    pub available: bool,
}

/// The hints, most useful first: the keys of the active scopes that are marked for the footer, then the extra ones;
/// each action once.
pub fn hints(model: &Model) -> Vec<Hint> {
    let mut hints: Vec<Hint> = Vec::new();
    let scopes = scopes(model);
    for scope in &scopes {
        for (row, binding) in BINDINGS.iter().enumerate() {
            let known = hints.iter().any(|hint| hint.action == binding.action);
            // Show Esc only while it has something to undo.
            let asked = binding.hint || (binding.action == Action::Back && has_way_back(model));
            if binding.scope != *scope || !asked || known || !is_offered(model, binding.action) {
                continue;
            }
            hints.extend(hint(model, row));
        }
    }
    // People who know no keys need help before quit.
    hints.sort_by_key(|hint| hint.action == Action::Quit);
    for action in SPARE {
        let bound = |binding: &Binding| binding.action == action && scopes.contains(&binding.scope);
        let spare = BINDINGS.iter().position(bound).and_then(|row| hint(model, row));
        let known = hints.iter().any(|hint| hint.action == action);
        hints.extend(spare.filter(|hint| hint.available && !known));
    }
    hints
}

/// Whether Esc in a pane undoes something: marks, zoom, filter.
fn has_way_back(model: &Model) -> bool {
    model.zoomed
        || !model.marks.is_empty()
        || availability(Action::ClearFilter, model).is_ok()
        || (model.focus == Pane::Orders && model.rows.orders.selected.is_some())
}

/// The hint of a key table row; `None` when no key is bound to it.
fn hint(model: &Model, row: usize) -> Option<Hint> {
    let (binding, chord) = (BINDINGS.get(row)?, model.keymap.chords_of(row).first()?);
    let available = availability(binding.action, model).is_ok();
    Some(Hint { chord: *chord, label: binding.label, action: binding.action, available })
}

/// Some actions are the two halves of one choice; only the half that applies is offered, the other still says why not.
#[expect(clippy::wildcard_enum_match_arm, reason = "other actions need no extra hint")]
fn is_offered(model: &Model, action: Action) -> bool {
    match action {
        Action::ConfirmLive => needs_live_key(model),
        Action::Confirm => !needs_live_key(model),
        Action::ApproveInDemo => model.program.can_approve,
        _ => true,
    }
}
