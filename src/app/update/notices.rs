//! Notices for the user: toasts, errors kept until read, the bell.

use std::time::Duration;

use crate::accounts::Ends;
use crate::app::effect::{Effect, TerminalEffect};
use crate::app::model::{Model, PendingBell, Toast};
use crate::domain::LinkId;
use crate::domain::text::sanitize;

/// How long a toast is shown.
const TOAST: Duration = Duration::from_secs(4);
/// Most toasts kept.
const TOASTS: usize = 4;
/// The bell rings at most once in this time.
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

/// Adds an error that lasts until it ends.
pub(super) fn lasting(model: &mut Model, link: Option<&LinkId>, ends: Ends, text: impl Into<String>) {
    model.errors.add(link, ends, &text.into(), model.now);
    follow(model);
}

/// Follows the list of errors: who has it open reads what comes.
pub(super) fn follow(model: &mut Model) {
    if model.top().is_some_and(|top| top.handler().shows_errors()) {
        model.errors.read();
    }
    model.dirty = true;
}

/// Rings and notifies as configured, at most once a second. Notices within that second are sent at its end, with the
/// text of the last one, because a second fill is news too.
pub(super) fn ring(model: &mut Model, text: &str, effects: &mut Vec<Effect>) {
    let now = model.now.mono;
    if now < model.quiet_until {
        let pending_bell = model.pending_bell.as_ref().map_or(0, |pending_bell| pending_bell.count);
        model.pending_bell = Some(PendingBell { count: pending_bell.saturating_add(1), last: sanitize(text) });
        return;
    }
    model.quiet_until = now + QUIET;
    if model.program.bell {
        effects.push(Effect::Terminal(TerminalEffect::Bell));
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
    let Some(PendingBell { count, last }) = model.pending_bell.take() else { return };
    let text = if count > 1 { format!("{last} (and {} more)", count - 1) } else { last };
    ring(model, &text, effects);
}
