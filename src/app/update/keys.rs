//! Handles a key press or paste: goes to the open text field, else through the key table.

use tui_input::{Input as Field, InputRequest};

use super::{actions, confirm_guard, lists, notices};
use crate::app::context;
use crate::app::effect::Effect;
use crate::app::keymap::{Action, Chord, KeyCode};
use crate::app::model::Model;
use crate::link::progress::Sensitive;

/// The largest count that can be typed; more digits are ignored.
const MOST_COUNTED: u32 = 99_999_999;

/// Handles a key.
pub(super) fn press(model: &mut Model, chord: Chord, effects: &mut Vec<Effect>) {
    confirm_guard::touched(model);
    let scopes = context::scopes(model);
    let bound = model.keymap.lookup(&scopes, chord);
    if !context::is_typing(model) {
        if let Some(digit) = digit(chord)
            && (model.count.is_some() || bound.is_none())
        {
            // More than any list has rows.
            let count = model.count.unwrap_or(0).saturating_mul(10).saturating_add(digit);
            model.count = Some(count.min(MOST_COUNTED));
            model.dirty = true;
            return;
        }
        if model.count.is_some() && bound == Some(Action::Back) {
            model.count = None;
            model.dirty = true;
            return;
        }
    }
    model.dirty |= model.count.is_some();
    if let Some(action) = bound {
        return actions::act(model, action, effects);
    }
    model.count = None;
    if context::is_typing(model)
        && let Some(request) = edit(chord)
    {
        return typed(model, request);
    }
    if let Some((label, scope)) = context::acts_elsewhere(model, chord) {
        return notices::toast(model, format!("{chord} ({label}) works in {}", scope.title()));
    }
    if !context::is_typing(model) {
        let place = if model.overlays.is_empty() { model.focus.title() } else { "this window" };
        let help = model.keymap.say("{common.help} lists the keys");
        notices::toast(model, format!("{chord} does nothing in {place}; {help}"));
    }
}

/// The digit that a key types.
fn digit(chord: Chord) -> Option<u32> {
    match chord {
        Chord { code: KeyCode::Char(ch), ctrl: false, alt: false } => ch.to_digit(10),
        _ => None,
    }
}

/// Handles a bracketed paste.
pub(super) fn paste(model: &mut Model, text: &Sensitive) {
    confirm_guard::touched(model);
    if model.overlays.last_mut().is_some_and(|top| top.handler_mut().paste(text.expose())) {
        model.dirty = true;
        return;
    }
    if !context::is_typing(model) {
        return notices::toast(model, "there is no text field to paste into");
    }
    let line = text.expose().lines().next().unwrap_or_default();
    let chars: Vec<char> = line.chars().filter(|ch| !ch.is_control()).take(256).collect();
    for ch in chars {
        typed(model, InputRequest::InsertChar(ch));
    }
}

/// Edits the open field, and updates what depends on it.
fn typed(model: &mut Model, request: InputRequest) {
    let changed = field(model).and_then(|field| field.handle(request));
    let Some(changed) = changed else { return };
    model.dirty = true;
    if !changed.value {
        return;
    }
    match model.top_mut() {
        Some((top, data)) => top.handler_mut().typed(&data),
        None => lists::filter_typed(model),
    }
}

fn field(model: &mut Model) -> Option<&mut Field> {
    match model.overlays.last_mut() {
        Some(top) => top.handler_mut().field(),
        None => model.filtering.is_some().then_some(&mut model.filter_input),
    }
}

/// The effect of a key inside a text field, as in a shell.
const fn edit(chord: Chord) -> Option<InputRequest> {
    let request = match (chord.code, chord.ctrl, chord.alt) {
        (KeyCode::Char(ch), false, false) => InputRequest::InsertChar(ch),
        (KeyCode::Backspace, false, false) | (KeyCode::Char('h'), true, false) => InputRequest::DeletePrevChar,
        (KeyCode::Delete, _, _) | (KeyCode::Char('d'), true, false) => InputRequest::DeleteNextChar,
        (KeyCode::Left, false, false) => InputRequest::GoToPrevChar,
        (KeyCode::Right, false, false) | (KeyCode::Char('f'), true, false) => InputRequest::GoToNextChar,
        (KeyCode::Left, _, _) | (KeyCode::Char('b'), false, true) => InputRequest::GoToPrevWord,
        (KeyCode::Right, _, _) | (KeyCode::Char('f'), false, true) => InputRequest::GoToNextWord,
        (KeyCode::Home, _, _) | (KeyCode::Char('a'), true, false) => InputRequest::GoToStart,
        (KeyCode::End, _, _) | (KeyCode::Char('e'), true, false) => InputRequest::GoToEnd,
        (KeyCode::Char('w'), true, false) | (KeyCode::Backspace, _, true) => InputRequest::DeletePrevWord,
        (KeyCode::Char('u'), true, false) => InputRequest::DeleteFromStart,
        (KeyCode::Char('k'), true, false) => InputRequest::DeleteTillEnd,
        _ => return None,
    };
    Some(request)
}
