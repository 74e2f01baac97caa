//! Guards confirmations: a yes counts only if the question was visible and the key was pressed by hand.
//!
//! The loop reports when the terminal has shown the frame with the question ([`crate::app::Msg::Shown`]); a terminal
//! that hangs never does. A yes counts when the question has been visible for as long as a person needs to read it, and
//! no other key or click comes close to it: keys in quick succession were pasted, sent by a program, or meant for
//! another window.

use std::time::Duration;

use super::notices;
use crate::app::availability::availability;
use crate::app::keymap::Action;
use crate::app::model::{Asking, Confirming, Model};
use crate::app::overlays::Asked;

/// Shortest time from a visible question to a yes; reading and pressing takes longer.
const READ: Duration = Duration::from_millis(300);
/// A yes this soon after another key is part of typing; good typists take this long between keys.
const BEFORE: Duration = Duration::from_millis(150);
/// A yes is held this long to see whether another key follows; too short to notice.
const AFTER: Duration = Duration::from_millis(100);

/// A terminal that takes longer than this to confirm a frame counts as one that will not. It is queried with each
/// frame.
const SILENT: Duration = Duration::from_secs(10);

const UNSEEN: &str = "nothing was confirmed: the question was not on the screen yet. Read it and press again";
const SUDDEN: &str = "nothing was confirmed: the question has only just appeared. Read it and press again";
const MUTE: &str = "yes is disabled: {always.suspend}, then fg, asks the terminal again whether it shows this";
/// The entry in the list of errors, with every way out.
const WAYS_OUT: &str = "the terminal does not confirm that it shows a question, so yes is disabled: {always.suspend}, \
    then fg, asks it again, and so does restarting brokerdeck; orders can also be canceled on the broker's own site";
const HURRIED: &str = "nothing was confirmed: keys came faster than anyone types. Wait a moment and press again";

/// Tracks the open question: a new or changed one has not been seen yet.
pub(super) fn follow(model: &mut Model) {
    if model.asking.as_ref().is_some_and(|asking| is_open(&asking.asked, model)) {
        return;
    }
    let asked = model.top().and_then(|top| top.handler().asked());
    model.next_question += u64::from(asked.is_some());
    // Draw it: a yes does not count before.
    model.dirty |= asked.is_some();
    model.asking =
        asked.map(|asked| Asking { number: model.next_question, asked, since: model.now.mono, shown_at: None });
}

/// The terminal has confirmed a frame with this question.
pub(super) fn shown(model: &mut Model, number: u64) {
    let now = model.now.mono;
    if let Some(asking) = model.asking.as_mut().filter(|asking| asking.number == number) {
        asking.shown_at.get_or_insert(now);
    }
}

/// The terminal may be showing something else: the question has to be seen again.
pub(super) fn unseen(model: &mut Model) {
    model.asking = None;
    if model.confirming.take().is_some() {
        refuse(model, UNSEEN);
    }
}

/// A key or click came: discards a yes that came just before it.
pub(super) fn touched(model: &mut Model) {
    let now = model.now.mono;
    model.hurried = model.touched_at.is_some_and(|at| now.since(at) < BEFORE);
    model.touched_at = Some(now);
    if model.confirming.take().is_some() {
        refuse(model, HURRIED);
    }
}

/// Holds a yes until it is clear that no other key follows.
pub(super) fn hold(model: &mut Model, action: Action) {
    let now = model.now.mono;
    let asking = model.asking.as_ref().map(|asking| (asking.number, asking.since, asking.shown_at));
    let (question, shown_at) = match asking {
        Some((question, _, Some(shown_at))) => (question, shown_at),
        Some((_, since, None)) if now.since(since) >= SILENT => return mute(model),
        _ => return refuse(model, UNSEEN),
    };
    if model.hurried {
        return refuse(model, HURRIED);
    }
    if now.since(shown_at) < READ {
        return refuse(model, SUDDEN);
    }
    model.confirming = Some(Confirming { action, question, due: now + AFTER });
}

/// Whether a held yes is due and still answers the open question.
pub(super) fn settles(model: &mut Model) -> bool {
    let now = model.now.mono;
    let Some(held) = model.confirming.take_if(|held| held.due <= now) else { return false };
    let is_same =
        model.asking.as_ref().is_some_and(|asking| asking.number == held.question && is_open(&asking.asked, model));
    is_same && availability(held.action, model).is_ok()
}

/// Whether this is still the open question.
fn is_open(asked: &Asked, model: &Model) -> bool {
    model.top().is_some_and(|top| top.handler().still_asks(asked))
}

/// Refuses a yes when the terminal does not confirm frames, and lists the ways out. A terminal that hangs and one that
/// never answers cannot be told apart.
fn mute(model: &mut Model) {
    let (short, long) = (model.keymap.say(MUTE), model.keymap.say(WAYS_OUT));
    notices::error(model, None, long);
    notices::toast(model, short);
}

fn refuse(model: &mut Model, why: &'static str) {
    notices::toast(model, why);
}
