//! Linking, from the choice of a broker to the connected link; and unlinking.
//!
//! The secrets of an attempt never reach the model. Messages of an attempt that is over are ignored.

use std::sync::Arc;

use tui_input::Input as Field;

use super::{accounts, notices};
use crate::app::effect::Effect;
use crate::app::model::{AccountScope, Attempt, AttemptPhase, Model, Overlay, Pane, Question};
use crate::domain::text::sanitize_to;
use crate::domain::{BrokerId, LinkId};
use crate::link::label::default_label;
use crate::link::progress::Sensitive;
use crate::link::{AttemptId, FoundAccount, LinkFailure, LinkProgress};

/// Longest label, in characters.
const LABEL: usize = 32;

/// Starts linking through a broker; the waiting screen replaces whatever was open.
pub(super) fn begin(model: &mut Model, broker: &BrokerId, effects: &mut Vec<Effect>) {
    if let Some(old) = model.attempt.take() {
        effects.push(Effect::CancelLink { attempt: old.id });
    }
    model
        .overlays
        .retain(|overlay| !matches!(overlay, Overlay::AddBroker { .. } | Overlay::Linking | Overlay::Palette { .. }));
    let id = AttemptId(model.next_attempt);
    model.next_attempt += 1;
    let missing = model.broker(broker).and_then(|broker| broker.missing.clone());
    let phase = if let Some(message) = missing {
        AttemptPhase::Failed(LinkFailure::NotConfigured { message })
    } else {
        effects.push(Effect::BeginLink { attempt: id, broker: broker.clone(), browser: true });
        AttemptPhase::Starting
    };
    model.attempt = Some(Attempt { id, broker: broker.clone(), phase, note: None });
    model.overlays.push(Overlay::Linking);
    model.dirty = true;
}

/// Cancels linking; the port is freed and nothing is saved.
pub(super) fn cancel(model: &mut Model, effects: &mut Vec<Effect>) {
    if let Some(attempt) = model.attempt.take()
        && !matches!(attempt.phase, AttemptPhase::Failed(_))
    {
        effects.push(Effect::CancelLink { attempt: attempt.id });
        let granted = matches!(attempt.phase, AttemptPhase::Exchanging | AttemptPhase::Confirm { .. });
        let words = if granted {
            "linking stopped; nothing was saved. If the broker does not let programs revoke the grant, revoke it in \
                the broker's dashboard"
        } else {
            "linking stopped; nothing was saved"
        };
        notices::toast(model, words);
    }
    model.overlays.retain(|overlay| !matches!(overlay, Overlay::Linking));
    model.dirty = true;
}

/// Tries the same broker again.
pub(super) fn retry(model: &mut Model, effects: &mut Vec<Effect>) {
    if let Some(broker) = model.attempt.as_ref().map(|attempt| attempt.broker.clone()) {
        begin(model, &broker, effects);
    }
}

/// Handles the progress of an attempt.
pub(super) fn progress(model: &mut Model, id: AttemptId, progress: LinkProgress, effects: &mut Vec<Effect>) {
    let Some(attempt) = model.attempt.as_mut().filter(|attempt| attempt.id == id) else {
        // A canceled attempt may still have been saved; then the links exist.
        if let LinkProgress::Saved { links, .. } = progress {
            for link in links {
                model.accounts.add(link, model.now);
            }
        }
        return;
    };
    model.dirty = true;
    match progress {
        LinkProgress::Waiting { authorize_url, port, deadline, browser } => {
            // Said again when the browser is opened again: what was typed meanwhile stays.
            let paste = if let AttemptPhase::Waiting { paste, .. } = &mut attempt.phase { paste.take() } else { None };
            attempt.phase = AttemptPhase::Waiting { authorize_url, port, deadline, browser, paste };
        }
        LinkProgress::Note(note) => attempt.note = Some(note),
        LinkProgress::Exchanging => {
            attempt.note = None;
            attempt.phase = AttemptPhase::Exchanging;
        }
        LinkProgress::Confirm { accounts, scopes } => {
            let broker = attempt.broker.clone();
            let labels = labels(model, &broker, &accounts);
            if let Some(attempt) = &mut model.attempt {
                attempt.phase = AttemptPhase::Confirm { accounts, scopes, labels, editing: None };
            }
        }
        LinkProgress::Saved { links, stored_in } => {
            model.attempt = None;
            model.overlays.retain(|overlay| !matches!(overlay, Overlay::Linking));
            let names: Vec<String> =
                links.iter().map(|link| format!("{} ({})", link.label, link.environment)).collect();
            let first = links.first().map(|link| link.id.clone());
            for link in links {
                model.accounts.add(link, model.now);
            }
            accounts::follow(model, effects);
            if let Some(first) = first {
                accounts::set_scope(model, AccountScope::One(first));
            }
            model.focus = Pane::Brokers;
            notices::toast(model, format!("linked {}; {stored_in}", names.join(" and ")));
        }
        LinkProgress::Failed(LinkFailure::Canceled) => {
            model.attempt = None;
            model.overlays.retain(|overlay| !matches!(overlay, Overlay::Linking));
        }
        LinkProgress::Failed(failure) => attempt.phase = AttemptPhase::Failed(failure),
    }
}

/// The suggested labels: the account's present one, else the broker's name, made unique.
fn labels(model: &Model, broker: &BrokerId, found: &[FoundAccount]) -> Vec<Field> {
    let name = model.broker(broker).map_or_else(|| Arc::from(broker.as_str()), |broker| Arc::clone(&broker.name));
    let mut taken: Vec<String> = model.accounts.iter().map(|account| account.link.label.to_string()).collect();
    let mut labels = Vec::new();
    for account in found {
        let replaced = account.replaces.as_ref().and_then(|link| model.accounts.get(link));
        let label = match replaced {
            Some(known) => known.link.label.to_string(),
            None => default_label(&name, account.environment, found.len() > 1, taken.iter().map(String::as_str)),
        };
        taken.push(label.clone());
        labels.push(Field::from(label));
    }
    labels
}

/// Yes: stores the token, unless a label is missing or taken.
pub(super) fn save(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(Attempt { id, phase: AttemptPhase::Confirm { accounts, labels, .. }, .. }) = &model.attempt else {
        return;
    };
    let id = *id;
    let names: Vec<String> = labels.iter().map(|label| label.value().trim().to_owned()).collect();
    let wrong = names.iter().zip(accounts).enumerate().find_map(|(index, (name, found))| {
        if name.is_empty() {
            return Some((index, "the label is empty".to_owned()));
        }
        let elsewhere = model.accounts.iter().any(|account| {
            account.link.label.eq_ignore_ascii_case(name) && found.replaces.as_ref() != Some(&account.link.id)
        });
        let twice = names.iter().filter(|other| other.eq_ignore_ascii_case(name)).count() > 1;
        (elsewhere || twice).then(|| (index, format!("{name} is already the label of another account")))
    });
    if let Some((index, reason)) = wrong {
        edit(model, index);
        return notices::toast(model, reason);
    }
    if let Some(attempt) = &mut model.attempt {
        attempt.phase = AttemptPhase::Saving;
    }
    effects.push(Effect::SaveLink { attempt: id, labels: names });
    model.dirty = true;
}

/// Edits the first label, or the one after the last edited.
pub(super) fn edit_label(model: &mut Model) {
    edit(model, 0);
}

fn edit(model: &mut Model, index: usize) {
    let Some(Attempt { phase: AttemptPhase::Confirm { labels, editing, .. }, .. }) = &mut model.attempt else { return };
    let index = index.min(labels.len().saturating_sub(1));
    model.before = labels.get(index).map(|label| label.value().to_owned()).unwrap_or_default();
    *editing = Some(index);
    model.dirty = true;
}

/// Enter in a field of the waiting screen or of the question.
pub(super) fn accept_field(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(attempt) = &mut model.attempt else { return };
    model.dirty = true;
    let next = match &mut attempt.phase {
        AttemptPhase::Waiting { paste, .. } => {
            let text = paste.take().map(|field| field.value().trim().to_owned()).unwrap_or_default();
            if !text.is_empty() {
                attempt.note = None;
                // Keep the field: a terminal without bracketed paste goes on typing the rest of a wrapped address.
                *paste = Some(Field::default());
                effects.push(Effect::SubmitRedirect { attempt: attempt.id, url: Sensitive::new(text) });
            }
            None
        }
        AttemptPhase::Confirm { labels, editing, .. } => {
            let index = editing.take();
            if let Some(label) = index.and_then(|index| labels.get_mut(index)) {
                *label = Field::from(sanitize_to(label.value().trim(), LABEL));
            }
            index.map(|index| index + 1).filter(|next| *next < labels.len())
        }
        AttemptPhase::Starting | AttemptPhase::Exchanging | AttemptPhase::Saving | AttemptPhase::Failed(_) => None,
    };
    if let Some(next) = next {
        edit(model, next);
    }
}

/// Esc in such a field: restores the old text.
pub(super) fn leave_field(model: &mut Model) {
    let before = std::mem::take(&mut model.before);
    match model.attempt.as_mut().map(|attempt| &mut attempt.phase) {
        Some(AttemptPhase::Waiting { paste, .. }) => *paste = None,
        Some(AttemptPhase::Confirm { labels, editing, .. }) => {
            if let Some(label) = editing.take().and_then(|index| labels.get_mut(index)) {
                *label = Field::from(before);
            }
        }
        _ => {}
    }
    model.dirty = true;
}

/// The field of the waiting screen or of the question that has the focus.
pub(super) fn field(attempt: &mut Attempt) -> Option<&mut Field> {
    match &mut attempt.phase {
        AttemptPhase::Waiting { paste, .. } => paste.as_mut(),
        AttemptPhase::Confirm { labels, editing, .. } => editing.and_then(|index| labels.get_mut(index)),
        AttemptPhase::Starting | AttemptPhase::Exchanging | AttemptPhase::Saving | AttemptPhase::Failed(_) => None,
    }
}

/// Sends an effect for the attempt under way, while it waits for the browser.
pub(super) fn while_waiting(
    model: &mut Model,
    act: impl FnOnce(AttemptId, &Sensitive) -> Effect,
    effects: &mut Vec<Effect>,
) {
    if let Some(Attempt { id, phase: AttemptPhase::Waiting { authorize_url, .. }, .. }) = &model.attempt {
        effects.push(act(*id, authorize_url));
    }
}

/// Opens the masked field for the redirect URL.
pub(super) fn open_paste(model: &mut Model, text: &str) {
    if let Some(Attempt { phase: AttemptPhase::Waiting { paste, .. }, .. }) = &mut model.attempt {
        *paste = Some(Field::from(text.trim().to_owned()));
        model.dirty = true;
    }
}

/// Asks whether to unlink.
pub(super) fn ask_unlink(model: &mut Model) {
    if let Some(link) = model.account_at_hand().map(|account| account.link.id.clone()) {
        model.overlays.push(Overlay::Question(Question::Unlink(link)));
        model.dirty = true;
    }
}

/// Handles the end of an unlink.
pub(super) fn unlinked(model: &mut Model, link: &LinkId, result: Result<String, String>) {
    match result {
        Ok(sentence) => {
            model.accounts.remove(link);
            notices::toast(model, sentence);
        }
        Err(sentence) => notices::error(model, Some(link), sentence),
    }
}
