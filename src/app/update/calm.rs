//! Yes wants a question that was seen, and calm: what no hand types confirms nothing, and neither does a hand that could not know.
//!
//! The loop tells when the terminal has shown the frame with the question ([`crate::app::Msg::Shown`]); one that stands still shows
//! none. A yes counts when the question has stood there since for as long as a hand needs to answer it, and when no other key or
//! click comes close to it: what arrives in a row was pasted, sent by a program, or meant for another window.

use std::time::Duration;

use super::notices;
use crate::app::availability::availability;
use crate::app::keymap::Action;
use crate::app::model::{Asked, Asking, Confirming, Model};

/// From a question's frame to the first yes that can be an answer: nobody reads and presses within less.
const READ: Duration = Duration::from_millis(300);
/// A yes so soon after another key belongs to what is being typed: good typists take this long from key to key.
const BEFORE: Duration = Duration::from_millis(150);
/// So long after a yes it is clear that nothing follows it at a machine's pace, and a hand does not yet feel the wait.
const AFTER: Duration = Duration::from_millis(100);

/// A terminal that shows a question says so sooner, also one far away. What it was asked is asked again with each frame.
const SILENT: Duration = Duration::from_secs(10);

const UNSEEN: &str = "nothing was confirmed: the question was not on the screen yet. Read it and press again";
const SUDDEN: &str = "nothing was confirmed: the question has only just appeared. Read it and press again";
const MUTE: &str = "yes is disabled: {always.suspend}, then fg, asks the terminal again whether it shows this";
/// The entry in the list of errors, with every way out.
const WAYS_OUT: &str = "the terminal does not confirm that it shows a question, so yes is disabled: {always.suspend}, \
    then fg, asks it again, and so does restarting brokerdeck; orders can also be canceled on the broker's own site";
const HURRIED: &str = "nothing was confirmed: keys came faster than a hand types. Wait a moment and press again";

/// Follows which question stands open: a new one, or one that changed, has not been seen.
pub(super) fn follow(model: &mut Model) {
    if model.asking.as_ref().is_some_and(|asking| asking.asked.stands(model)) {
        return;
    }
    let asked = Asked::of(model);
    model.next_question += u64::from(asked.is_some());
    // Nothing counts before it is drawn.
    model.dirty |= asked.is_some();
    model.asking =
        asked.map(|asked| Asking { number: model.next_question, asked, since: model.now.mono, shown_at: None });
}

/// The terminal has shown a frame with this question.
pub(super) fn shown(model: &mut Model, number: u64) {
    let now = model.now.mono;
    if let Some(asking) = model.asking.as_mut().filter(|asking| asking.number == number) {
        asking.shown_at.get_or_insert(now);
    }
}

/// The terminal shows something else, or nothing that is known: the question has to be seen again.
pub(super) fn unseen(model: &mut Model) {
    model.asking = None;
    if model.confirming.take().is_some() {
        refuse(model, UNSEEN);
    }
}

/// A key or a click came: a yes just before it was no answer.
pub(super) fn touched(model: &mut Model) {
    let now = model.now.mono;
    model.hurried = model.touched_at.is_some_and(|at| now.since(at) < BEFORE);
    model.touched_at = Some(now);
    if model.confirming.take().is_some() {
        refuse(model, HURRIED);
    }
}

/// Holds a yes until it is clear that nothing follows.
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

/// True when a yes is due, and the question is still the one it answered.
pub(super) fn settles(model: &mut Model) -> bool {
    let now = model.now.mono;
    let Some(held) = model.confirming.take_if(|held| held.due <= now) else { return false };
    let stands =
        model.asking.as_ref().is_some_and(|asking| asking.number == held.question && asking.asked.stands(model));
    stands && availability(held.action, model).is_ok()
}

/// A terminal that does not read is no other than one that does not answer: neither is believed, and a person is told the ways out.
fn mute(model: &mut Model) {
    let (short, long) = (model.keymap.say(MUTE), model.keymap.say(WAYS_OUT));
    notices::error(model, None, long);
    notices::toast(model, short);
}

fn refuse(model: &mut Model, why: &'static str) {
    notices::toast(model, why);
}
