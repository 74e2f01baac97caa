//! Handles one message: routes it to the responsible file, and runs what is due.
//!
//! Invariant: synchronous, infallible and deterministic. Time is an argument; nothing is random.

mod accounts;
mod actions;
mod activities;
mod choices;
mod confirm_guard;
mod copies;
mod fill_and_rejection_notices;
mod keys;
mod linking;
mod lists;
mod mouse;
mod notices;
mod orders;
mod overlays;
mod palette;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one variant")]
mod tests;

use super::effect::Effect;
use super::model::{Model, Timer};
use super::msg::Msg;
use super::refresh;
use crate::domain::Now;

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
    if confirm_guard::settles(model) {
        model.dirty = true;
        actions::confirm(model, &mut effects);
    }
    route(model, msg, &mut effects);
    accounts::follow(model, &mut effects);
    confirm_guard::follow(model);
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
            confirm_guard::unseen(model);
        }
        Msg::Drawn(extent) => {
            model.extent = extent;
            overlays::clamp_scroll(model);
        }
        Msg::Shown { question } => confirm_guard::shown(model, question),
        Msg::Chosen(chosen) => choices::apply(chosen, model),
        Msg::Work => refresh::work(model),
        Msg::Tick => tick(model, effects),
        Msg::Account(msg) => accounts::handle(model, msg, effects),
        Msg::Link { attempt, progress } => linking::progress(model, attempt, progress, effects),
        Msg::Unlinked { link, result } => linking::unlinked(model, &link, result),
        Msg::Trouble(text) => notices::error(model, None, text),
        Msg::Notice(text) => notices::toast(model, text),
        Msg::Terminate { signal } => actions::quit(model, u8::try_from(128 + signal).unwrap_or(1), effects),
        Msg::Redraw => {
            model.dirty = true;
            confirm_guard::unseen(model);
        }
    }
}

/// A deadline passed, or may have: everything whose time has come.
fn tick(model: &mut Model, effects: &mut Vec<Effect>) {
    for timer in Timer::ALL {
        passed(model, timer, effects);
    }
}

/// Asks for what the topmost overlay shows and what had to wait.
fn ask_again(model: &mut Model, effects: &mut Vec<Effect>) {
    let next = model.top().and_then(|top| top.handler().asks_again(&model.data(), model.now.mono));
    actions::follow(model, next.into_iter().collect(), effects);
}

/// Does what a timer is for, if it is due.
fn passed(model: &mut Model, timer: Timer, effects: &mut Vec<Effect>) {
    let now = model.now.mono;
    match timer {
        // Both come true with any message, before it is handled.
        Timer::Yes | Timer::Second => {}
        Timer::Toast => {
            let before = model.toasts.len();
            model.toasts.retain(|toast| toast.until > now);
            model.dirty |= before != model.toasts.len();
        }
        Timer::Flash => model.dirty |= model.flashes.end(now),
        Timer::Bell => notices::ring_again(model, effects),
        Timer::Filters => {
            if model.rows.are_relative() && model.rows.again_at <= now {
                lists::refilter(model);
            }
        }
        Timer::Accounts => {
            model.accounts.tick(model.now);
            ask_again(model, effects);
            accounts::follow(model, effects);
        }
    }
}
