//! Yes wants calm: a burst that no hand can type confirms nothing.
//!
//! What arrives within milliseconds was pasted, or sent by a program or the terminal itself. So a yes that another key or click comes
//! just before or just after is none.

use std::time::Duration;

use super::{actions, notices};
use crate::app::effect::Effect;
use crate::app::keymap::{Action, availability};
use crate::app::model::{Asked, Confirming, Model};

/// Keys closer than this are no hand's.
const HAND: Duration = Duration::from_millis(30);

/// A key or a click came: a yes just before it was no answer.
pub(super) fn touched(model: &mut Model) {
    let now = model.now.mono;
    model.hurried = model.touched_at.is_some_and(|at| now.since(at) < HAND);
    model.touched_at = Some(now);
    if model.confirming.take().is_some() {
        refuse(model);
    }
}

/// Holds a yes until it is clear that nothing follows.
pub(super) fn hold(model: &mut Model, action: Action) {
    if model.hurried {
        return refuse(model);
    }
    let due = model.now.mono + HAND;
    model.confirming = Asked::of(model).map(|asked| Confirming { action, asked, due });
}

/// Carries out the yes that is due, if the question is still the one it answered.
pub(super) fn settle(model: &mut Model, effects: &mut Vec<Effect>) {
    let now = model.now.mono;
    let Some(held) = model.confirming.take_if(|held| held.due <= now) else { return };
    if Asked::of(model).as_ref() == Some(&held.asked) && availability(held.action, model).is_ok() {
        model.dirty = true;
        actions::confirm(model, effects);
    }
}

fn refuse(model: &mut Model) {
    notices::toast(model, "keys came faster than a hand types: nothing was confirmed");
}
