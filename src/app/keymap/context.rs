//! Which scopes are in force, and what the footer says about them.

use super::super::model::{AccountState, Attempt, AttemptPhase, Model, Overlay, Pane, Question};
use super::{Action, BINDINGS, Binding, Chord, Scope, availability};
use crate::link::FoundAccount;

/// One entry of the footer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The key to show.
    pub chord: Chord,
    /// One or two words.
    pub label: &'static str,
    /// What it does.
    pub action: Action,
    /// Whether it can act now; [`availability()`] says why not.
    pub available: bool,
}

/// The scopes in force, the innermost first.
pub fn scopes(model: &Model) -> Vec<Scope> {
    let mut scopes = match model.top() {
        Some(overlay) => overlay_scopes(model, overlay),
        None if model.filtering.is_some() => vec![Scope::Text],
        None => match model.focus {
            Pane::Brokers => vec![Scope::Brokers, Scope::List, Scope::Global],
            Pane::Account => vec![Scope::Account, Scope::Global],
            Pane::Orders => vec![Scope::Orders, Scope::List, Scope::Global],
            Pane::Positions => vec![Scope::Positions, Scope::List, Scope::Global],
            Pane::Tape => vec![Scope::Tape, Scope::List, Scope::Global],
        },
    };
    if !scopes.contains(&Scope::Text) {
        scopes.push(Scope::Common);
    }
    scopes.push(Scope::Always);
    scopes
}

/// The pane where a chord acts, when it does not act here: what a finger looked for, and where it is.
pub fn acts_elsewhere(model: &Model, chord: Chord) -> Option<(&'static str, Scope)> {
    if !model.overlays.is_empty() || is_typing(model) {
        return None;
    }
    [Scope::Brokers, Scope::Account, Scope::Orders, Scope::Positions, Scope::Tape, Scope::List].into_iter().find_map(
        |scope| {
            let row = BINDINGS
                .iter()
                .enumerate()
                .position(|(row, binding)| binding.scope == scope && model.keymap.chords_of(row).contains(&chord))?;
            BINDINGS.get(row).map(|binding| (binding.label, scope))
        },
    )
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

/// True while printable keys go into a text field.
pub fn is_typing(model: &Model) -> bool {
    scopes(model).contains(&Scope::Text)
}

/// What a wide footer has room for after the rest, most wanted first; only what can act.
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

/// What the footer shows, most wanted first: the keys of the scopes in force that ask to be shown, then what a wide one has
/// room for; each action once.
pub fn hints(model: &Model) -> Vec<Hint> {
    let mut hints: Vec<Hint> = Vec::new();
    let scopes = scopes(model);
    for scope in &scopes {
        for (row, binding) in BINDINGS.iter().enumerate() {
            let known = hints.iter().any(|hint| hint.action == binding.action);
            // The way back is said while there is something to go back from.
            let asked = binding.hint || (binding.action == Action::Back && has_way_back(model));
            if binding.scope != *scope || !asked || known || !is_offered(model, binding.action) {
                continue;
            }
            hints.extend(hint(model, row));
        }
    }
    // Who knows no key needs help before the way out.
    hints.sort_by_key(|hint| hint.action == Action::Quit);
    for action in SPARE {
        let bound = |binding: &Binding| binding.action == action && scopes.contains(&binding.scope);
        let spare = BINDINGS.iter().position(bound).and_then(|row| hint(model, row));
        let known = hints.iter().any(|hint| hint.action == action);
        hints.extend(spare.filter(|hint| hint.available && !known));
    }
    hints
}

/// True when Esc in a pane undoes something: marks, zoom, filter.
fn has_way_back(model: &Model) -> bool {
    model.zoomed
        || !model.marks.is_empty()
        || availability(Action::ClearFilter, model).is_ok()
        || (model.focus == Pane::Orders && model.rows.orders.selected.is_some())
}

/// The hint of a row of the table; `None` when nothing is bound to it.
fn hint(model: &Model, row: usize) -> Option<Hint> {
    let (binding, chord) = (BINDINGS.get(row)?, model.keymap.chords_of(row).first()?);
    let available = availability(binding.action, model).is_ok();
    Some(Hint { chord: *chord, label: binding.label, action: binding.action, available })
}

/// Some actions are the two halves of one choice; only the half that applies is offered, the other still says why not.
fn is_offered(model: &Model, action: Action) -> bool {
    match action {
        Action::ConfirmLive => needs_live_key(model),
        Action::Confirm => !needs_live_key(model),
        Action::ApproveInDemo => model.program.can_approve,
        _ => true,
    }
}

/// True when the question on the screen concerns a live account, so that Enter is not enough.
pub(super) fn needs_live_key(model: &Model) -> bool {
    match model.top() {
        Some(Overlay::Linking) => match model.attempt.as_ref().map(|attempt| &attempt.phase) {
            Some(AttemptPhase::Confirm { accounts, .. }) => accounts.iter().any(FoundAccount::needs_live_key),
            _ => false,
        },
        Some(Overlay::Question(Question::Cancel(orders))) => {
            orders.iter().any(|key| model.account(&key.link).is_some_and(AccountState::is_live_account))
        }
        _ => false,
    }
}
