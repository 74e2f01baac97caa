//! Linking, from the choice of a broker to the connected link; and unlinking.
//!
//! The secrets of an attempt never reach the model. Messages of an attempt that is over are ignored.

use std::sync::Arc;

use super::{accounts, notices};
use crate::app::effect::{Effect, LinkingEffect};
use crate::app::model::{AccountScope, Attempt, AttemptPhase, Model, Overlay, Pane};
use crate::app::overlays::{Form, FormField, LABEL_HINT, Linking, Question};
use crate::app::selection::account_at_hand;
use crate::domain::{BrokerId, LinkId};
use crate::link::label::default_label;
use crate::link::{AttemptId, FoundAccount, LinkFailure, LinkProgress};

/// Starts linking through a broker; the waiting screen replaces whatever was open.
pub(super) fn begin(model: &mut Model, broker: &BrokerId, effects: &mut Vec<Effect>) {
    if let Some(old) = model.attempt() {
        effects.push(Effect::Linking(LinkingEffect::CancelLink { attempt: old.id }));
    }
    model.overlays.retain(|overlay| !overlay.handler().gives_way_to_linking());
    let id = AttemptId(model.next_attempt);
    model.next_attempt += 1;
    let missing = model.broker(broker).and_then(|broker| broker.missing.clone());
    let phase = if let Some(message) = missing {
        AttemptPhase::Failed(LinkFailure::NotConfigured { message })
    } else {
        effects.push(Effect::Linking(LinkingEffect::BeginLink { attempt: id, broker: broker.clone(), browser: true }));
        AttemptPhase::Starting
    };
    model.overlays.push(Linking::of(Attempt { id, broker: broker.clone(), phase, note: None }).into());
    model.dirty = true;
}

/// Closes the screens of the attempt, which ends it; returns its number, if there was one.
pub(super) fn close(model: &mut Model) -> Option<AttemptId> {
    let id = model.attempt()?.id;
    model.overlays.retain(|overlay| overlay.handler().attempt().is_none());
    Some(id)
}

fn attempt_mut(overlays: &mut [Overlay]) -> Option<&mut Attempt> {
    overlays.iter_mut().find_map(|overlay| overlay.handler_mut().attempt_mut())
}

/// Handles the progress of an attempt.
pub(super) fn progress(model: &mut Model, id: AttemptId, progress: LinkProgress, effects: &mut Vec<Effect>) {
    let Some(attempt) = attempt_mut(&mut model.overlays).filter(|attempt| attempt.id == id) else {
        match progress {
            // A canceled attempt may still have been saved; then the links exist.
            LinkProgress::Saved { links, .. } => {
                for link in links {
                    model.accounts.add(link, model.now);
                }
            }
            LinkProgress::Unsaved { sentence, is_valid } => unsaved(model, sentence, is_valid),
            LinkProgress::Waiting { .. }
            | LinkProgress::Note(_)
            | LinkProgress::Exchanging
            | LinkProgress::Confirm { .. }
            | LinkProgress::Failed(_) => {}
        }
        return;
    };
    model.dirty = true;
    match progress {
        LinkProgress::Waiting { authorize_url, port, deadline, browser } => {
            // Reported again when the browser is reopened; text typed since stays.
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
            if let Some(attempt) = attempt_mut(&mut model.overlays) {
                attempt.phase = AttemptPhase::Confirm { accounts, scopes, labels };
            }
        }
        LinkProgress::Saved { links, stored_in } => {
            close(model);
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
            close(model);
        }
        LinkProgress::Failed(failure) => attempt.phase = AttemptPhase::Failed(failure),
        LinkProgress::Unsaved { sentence, is_valid } => unsaved(model, sentence, is_valid),
    }
}

fn unsaved(model: &mut Model, sentence: String, is_valid: bool) {
    if is_valid {
        notices::error(model, None, sentence);
    } else {
        notices::toast(model, sentence);
    }
}

/// The suggested labels: the account's present one, else the broker's name, made unique.
fn labels(model: &Model, broker: &BrokerId, found: &[FoundAccount]) -> Form {
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
        labels.push(label);
    }
    Form::of(labels.into_iter().map(|label| FormField::of(label).with_hint(LABEL_HINT)))
}

/// Asks whether to unlink.
pub(super) fn ask_unlink(model: &mut Model) {
    if let Some(link) = account_at_hand(model).map(|account| account.link.id.clone()) {
        model.overlays.push(Question::Unlink(link).into());
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
