//! Handles one message: routes it to the file that knows, and keeps time.
//!
//! Invariant: synchronous, infallible and deterministic; time arrives as an argument, randomness not at all.

mod accounts;
mod actions;
mod activities;
mod calm;
mod clock;
mod copies;
mod identity;
mod keys;
mod linking;
mod lists;
mod mouse;
mod news;
mod notices;
mod orders;
mod overlays;
mod palette;
mod questions;
mod sessions;
#[cfg(test)]
mod tests;

use super::effect::Effect;
use super::model::Model;
use super::msg::Msg;
use super::rows;
use crate::domain::Now;
use crate::session::Input;

/// Handles one message.
pub fn update(model: &mut Model, msg: Msg, now: Now) -> Vec<Effect> {
    let mut effects = Vec::new();
    let turned = now.wall.as_second() != model.now.wall.as_second();
    model.now = now;
    if turned {
        // A flood of messages may keep the timer from ever firing; the turn of the second serves as well.
        model.dirty = true;
        if msg != Msg::Tick {
            accounts::tick(model, &mut effects);
        }
    }
    calm::settle(model, &mut effects);
    route(model, msg, &mut effects);
    calm::follow(model);
    effects
}

fn route(model: &mut Model, msg: Msg, effects: &mut Vec<Effect>) {
    match msg {
        Msg::Key(chord) => keys::press(model, chord, effects),
        Msg::Paste(text) => keys::paste(model, &text),
        Msg::Mouse(mouse) => mouse::handle(model, mouse, effects),
        Msg::Resize { cols, rows } => {
            model.size = (cols, rows);
            model.dirty = true;
            calm::unseen(model);
        }
        Msg::Drawn(extent) => {
            model.extent = extent;
            overlays::clamp_scroll(model);
        }
        Msg::Shown { question } => calm::shown(model, question),
        Msg::Chosen(choices) => choices.apply(model),
        Msg::Work => rows::work(model),
        Msg::Tick => accounts::tick(model, effects),
        Msg::Listed { links } => accounts::list(model, links),
        Msg::Remembered(known) => accounts::remembered(model, *known),
        Msg::Freed { link } => accounts::freed(model, &link, effects),
        Msg::Started { links } => accounts::start(model, links, effects),
        Msg::Stream { link, epoch, event } => sessions::feed(model, &link, Input::Stream(epoch, event), effects),
        Msg::Replied { link, id, result } => questions::replied(model, &link, id, result, effects),
        Msg::Queued { link, wait } => {
            orders::waits(model, &link, wait.as_ref());
            sessions::feed(model, &link, Input::Queued(wait), effects);
        }
        Msg::Noted { link, text } => sessions::noted(model, &link, &text),
        Msg::Renewed { link } => accounts::add(model, link, effects),
        Msg::Clock(result) => clock::told(model, &result),
        Msg::Link { attempt, progress } => linking::progress(model, attempt, progress, effects),
        Msg::Unlinked { link, result } => linking::unlinked(model, &link, result, effects),
        Msg::Resumed => accounts::resumed(model, effects),
        Msg::Trouble(text) => notices::error(model, None, text),
        Msg::Behind(records) => notices::behind(model, records),
        Msg::Unsaved(reason) => notices::unsaved(model, reason),
        Msg::Unjournaled(reason) => notices::unjournaled(model, &reason),
        Msg::Notice(text) => notices::toast(model, text),
        Msg::Terminate { signal } => actions::quit(model, u8::try_from(128 + signal).unwrap_or(1), effects),
        Msg::Redraw => {
            model.dirty = true;
            calm::unseen(model);
        }
    }
}
