//! Handles one message: routes it to the responsible file, and runs what is due.
//!
//! Invariant: synchronous, infallible and deterministic. Time is an argument; nothing is random.

mod accounts;
mod actions;
mod activities;
mod calm;
mod copies;
mod keys;
mod linking;
mod lists;
mod mouse;
mod news;
mod notices;
mod orders;
mod overlays;
mod pages;
mod palette;
#[cfg(test)]
mod tests;

use super::effect::Effect;
use super::model::{Model, Overlay};
use super::msg::Msg;
use super::refresh;
use crate::domain::Now;
use crate::link::LinkRecord;
use crate::session::Input;

/// Handles one message.
pub fn update(model: &mut Model, msg: Msg, now: Now) -> Vec<Effect> {
    let mut effects = Vec::new();
    let turned = now.wall.as_second() != model.now.wall.as_second();
    model.now = now;
    if turned {
        // A flood of messages may keep the timer from firing; any message after the full second serves as a tick.
        model.dirty = true;
        if msg != Msg::Tick {
            tick(model, &mut effects);
        }
    }
    if calm::settles(model) {
        model.dirty = true;
        actions::confirm(model, &mut effects);
    }
    route(model, msg, &mut effects);
    accounts::follow(model, &mut effects);
    calm::follow(model);
    effects
}

fn route(model: &mut Model, msg: Msg, effects: &mut Vec<Effect>) {
    let now = model.now;
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
        Msg::Work => refresh::work(model),
        Msg::Tick => tick(model, effects),
        Msg::Listed { links } => model.accounts.list(links, now),
        Msg::Remembered(known) => model.accounts.remembered(*known),
        Msg::Freed { link } => model.accounts.freed(&link, now),
        Msg::Started { links } => start(model, links, effects),
        Msg::Stream { link, epoch, event } => model.accounts.feed(&link, Input::Stream(epoch, event), now),
        Msg::Replied { link, id, result } => model.accounts.replied(&link, id, result, now),
        Msg::Queued { link, wait } => {
            orders::waits(model, &link, wait.as_ref());
            model.accounts.feed(&link, Input::Queued(wait), now);
        }
        Msg::Noted { link, text } => model.accounts.noted(&link, text, now),
        Msg::Renewed { link } => model.accounts.add(link, now),
        Msg::Clock(result) => model.accounts.clock_told(result, now),
        Msg::Link { attempt, progress } => linking::progress(model, attempt, progress, effects),
        Msg::Unlinked { link, result } => linking::unlinked(model, &link, result),
        Msg::Resumed => model.accounts.resumed(now),
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

/// Connects the remembered links.
fn start(model: &mut Model, links: Vec<LinkRecord>, effects: &mut Vec<Effect>) {
    model.accounts.start(links, model.now);
    accounts::follow(model, effects);
    if model.accounts.is_empty() && model.program.first_run && model.overlays.is_empty() {
        model.overlays.push(Overlay::Welcome);
    }
}

/// Runs everything that is due.
fn tick(model: &mut Model, effects: &mut Vec<Effect>) {
    let now = model.now.mono;
    let before = model.toasts.len();
    model.toasts.retain(|toast| toast.until > now);
    model.dirty |= model.flashes.end(now) || before != model.toasts.len();
    notices::ring_again(model, effects);
    model.accounts.tick(model.now);
    accounts::follow(model, effects);
}
