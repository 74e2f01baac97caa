//! Notices for the user: toasts, errors kept until read, the bell.

use std::time::Duration;

use crate::app::effect::Effect;
use crate::app::model::{Ends, ErrorEntry, Model, Overlay, Toast, Untold};
use crate::domain::LinkId;
use crate::domain::text::sanitize;

/// How long a toast is shown.
const TOAST: Duration = Duration::from_secs(4);
/// Most toasts kept.
const TOASTS: usize = 4;
/// Most errors kept.
const ERRORS: usize = 200;
/// Shortest time between two bells.
const QUIET: Duration = Duration::from_secs(1);

/// Shows a toast.
pub(super) fn toast(model: &mut Model, text: impl Into<String>) {
    let text = sanitize(&text.into());
    model.toasts.retain(|toast| toast.text != text);
    if model.toasts.len() == TOASTS {
        model.toasts.pop_front();
    }
    model.toasts.push_back(Toast { text, until: model.now.mono + TOAST });
    model.dirty = true;
}

/// Adds an error, kept until read. The same text again only updates its time.
pub(super) fn error(model: &mut Model, link: Option<&LinkId>, text: impl Into<String>) {
    lasting(model, link, Ends::Never, text);
}

/// Adds an error that lasts until [`over`]. Repeated meanwhile, it stays one entry, and stays read.
pub(super) fn lasting(model: &mut Model, link: Option<&LinkId>, ends: Ends, text: impl Into<String>) {
    let text = sanitize(&text.into());
    let mut read = matches!(model.top(), Some(Overlay::Errors { .. }));
    let goes_on = |entry: &ErrorEntry| {
        entry.over.is_none() && entry.ends == ends && entry.text == text && entry.link.as_ref() == link
    };
    if ends != Ends::Never
        && let Some(place) = model.errors.iter().position(goes_on)
    {
        read |= model.errors.remove(place).is_some_and(|entry| entry.read);
    }
    if model.errors.back().is_some_and(|last| last.text == text && last.link.as_ref() == link) {
        model.errors.pop_back();
    }
    if model.errors.len() == ERRORS {
        model.errors.pop_front();
    }
    model.errors.push_back(ErrorEntry { at: model.now, link: link.cloned(), text, read, ends, over: None });
    model.dirty = true;
}

/// Marks a lasting error as over.
pub(super) fn over(model: &mut Model, link: Option<&LinkId>, ends: Ends) {
    for entry in model.errors.iter_mut().filter(|entry| entry.ends == ends && entry.link.as_ref() == link) {
        entry.over.get_or_insert(model.now);
    }
    model.dirty = true;
}

/// The journal cannot be written, or can be again.
pub(super) fn unsaved(model: &mut Model, reason: Option<String>) {
    model.dirty = true;
    match &reason {
        Some(reason) => lasting(
            model,
            None,
            Ends::WhenSaved,
            format!(
                "the journal cannot be written ({reason}): what is shown is kept in memory and saved as soon as \
                    possible"
            ),
        ),
        None if model.unsaved.is_some() => {
            over(model, None, Ends::WhenSaved);
            toast(model, "the journal can be written again: everything shown is saved");
        }
        None => {}
    }
    model.unsaved = reason.map(|reason| sanitize(&reason));
}

/// The journal is being written, but more slowly than data arrives.
pub(super) fn behind(model: &mut Model, records: usize) {
    let text = format!("the journal is {records} records behind: what is shown is kept in memory and is being written");
    lasting(model, None, Ends::WhenSaved, text);
    model.unsaved = Some(format!("it is {records} records behind"));
}

/// Nothing will be journaled in this run.
pub(super) fn unjournaled(model: &mut Model, reason: &str) {
    error(model, None, format!("nothing is journaled: {reason}"));
    model.unsaved = Some(sanitize(reason));
}

/// Rings and notifies as configured, at most once a second. What comes sooner is announced when the second is over,
/// with the text of the last event.
pub(super) fn ring(model: &mut Model, text: &str, effects: &mut Vec<Effect>) {
    let now = model.now.mono;
    if now < model.quiet_until {
        let untold = model.untold.as_ref().map_or(0, |untold| untold.count);
        model.untold = Some(Untold { count: untold.saturating_add(1), last: sanitize(text) });
        return;
    }
    model.quiet_until = now + QUIET;
    if model.program.bell {
        effects.push(Effect::Bell);
    }
    if model.program.notify {
        effects.push(Effect::Notify { text: sanitize(text) });
    }
}

/// Announces the held news, if it is time.
pub(super) fn ring_again(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.now.mono < model.quiet_until {
        return;
    }
    let Some(Untold { count, last }) = model.untold.take() else { return };
    let text = if count > 1 { format!("{last} (and {} more)", count - 1) } else { last };
    ring(model, &text, effects);
}
