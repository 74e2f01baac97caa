//! Turns the events of the accounts into rows, errors and bells, and keeps track of which accounts are shown.

use super::{activities, fill_and_rejection_notices, notices, orders};
use crate::accounts::{Ends, Event, Msg, Output, must_be_linked};
use crate::app::brokers::BrokerRow;
use crate::app::effect::Effect;
use crate::app::keymap::Keymap;
use crate::app::model::{AccountScope, Model};
use crate::app::overlays::Welcome;
use crate::app::refresh;
use crate::domain::LinkId;
use crate::session::ConnectionState;

/// Hands over what the accounts hear.
pub(super) fn handle(model: &mut Model, msg: Msg, effects: &mut Vec<Effect>) {
    let started = matches!(msg, Msg::Started { .. });
    model.accounts.handle(msg, model.now);
    follow(model, effects);
    if started && model.accounts.is_empty() && model.program.first_run && model.overlays.is_empty() {
        model.overlays.push(Welcome.into());
    }
}

/// Runs the accounts' effects and applies their events, until there are no more.
pub(super) fn follow(model: &mut Model, effects: &mut Vec<Effect>) {
    while let Some(output) = model.accounts.poll() {
        match output {
            Output::Do(effect) => effects.push(Effect::Account(effect)),
            Output::Event(event) => {
                model.dirty = true;
                happened(model, event, effects);
            }
        }
    }
}

fn happened(model: &mut Model, event: Event, effects: &mut Vec<Effect>) {
    let Model { errors, accounts, keymap, now, .. } = &mut *model;
    errors.follow(&event, accounts, |_| relink(keymap), *now);
    notices::follow(model);
    match event {
        Event::Linked => linked(model),
        Event::Renamed(_) => refresh::brokers_changed(model),
        Event::Recalled(link) => {
            model.marks.retain(|key| key.link != link);
            refresh::rebuild_all(model);
        }
        Event::Reset(link) => reset(model, &link),
        Event::Changed(link, changes) => fill_and_rejection_notices::changed(model, &link, &changes, effects),
        Event::Positions(link) => refresh::positions_changed(model, &link),
        Event::State { link, state, news } => state_changed(model, &link, &state, news, effects),
        Event::Curve { link, period, error: Some(error) } => {
            if model.top().is_some_and(|top| top.handler().shows_curve(&link, period)) {
                let text = format!("{}: no equity history, {error}", model.accounts.label(&link));
                notices::lasting(model, Some(&link), Ends::WithCurve, text);
            }
        }
        Event::Activities { link, moved, keep_loading, unread } => {
            activities::page_arrived(model, &link, moved, keep_loading, unread);
        }
        Event::CancelAnswered(key, outcome) => orders::cancel_answered(model, &key, &outcome),
        Event::Waiting { cancels, after, why, .. } => orders::waits(model, cancels, after, &why),
        Event::Saving if !model.accounts.is_unsaved() => {
            notices::toast(model, "the journal works again: everything shown is saved");
        }
        // Other messages are in the list of errors.
        Event::Alarm { .. }
        | Event::Over(..)
        | Event::Twice { .. }
        | Event::Curve { error: None, .. }
        | Event::NoActivities(..)
        | Event::OrderUnread(..)
        | Event::OrderUnknown(..)
        | Event::Balances(_)
        | Event::Noted(_)
        | Event::Clock
        | Event::Saving
        | Event::Trouble(_) => {}
    }
}

/// How an account is linked again from this screen.
fn relink(keymap: &Keymap) -> String {
    keymap.say("{brokers.link} in Brokers links it again").into_owned()
}

/// The list of accounts changed: hides accounts that are gone, and shows the first one at once.
fn linked(model: &mut Model) {
    model.marks.retain(|key| model.accounts.get(&key.link).is_some());
    if matches!(&model.scope, AccountScope::One(link) if model.accounts.get(link).is_none())
        || model.accounts.is_empty()
    {
        let first = model.accounts.iter().next().map(|account| AccountScope::One(account.link.id.clone()));
        set_scope(model, first.unwrap_or(AccountScope::None));
    } else if model.scope == AccountScope::None {
        choose_scope(model);
    }
    refresh::rebuild_all(model);
}

/// Shows the account that was shown in the last run, at start.
fn choose_scope(model: &mut Model) {
    let Some(first) = model.accounts.iter().next().map(|account| AccountScope::One(account.link.id.clone())) else {
        return;
    };
    let chosen = model.chosen_scope.take().filter(|scope| match scope {
        AccountScope::One(link) => model.accounts.get(link).is_some(),
        AccountScope::All => model.accounts.len() > 1,
        AccountScope::None => false,
    });
    set_scope(model, chosen.unwrap_or(first));
}

/// Shows another account, and selects its row in Brokers.
pub(super) fn set_scope(model: &mut Model, scope: AccountScope) {
    if let AccountScope::One(link) = &scope {
        let row = BrokerRow::Linked(link.clone());
        model.rows.brokers.select_key(&row);
    }
    if model.scope == scope {
        return;
    }
    model.scope = scope;
    model.marks.clear();
    refresh::forget_orders(model);
    model.rows.positions.selected = None;
    model.rows.tape.selected = None;
    refresh::rebuild_orders(model);
    refresh::rebuild_positions(model);
    refresh::rebuild_tape(model);
    model.dirty = true;
}

/// Removes the old account's rows, when another account is behind the link.
fn reset(model: &mut Model, link: &LinkId) {
    model.marks.retain(|key| key.link != *link);
    refresh::forget_orders(model);
    refresh::rebuild_orders(model);
    refresh::rebuild_positions(model);
    refresh::rebuild_tape(model);
}

fn state_changed(model: &mut Model, link: &LinkId, state: &ConnectionState, news: bool, effects: &mut Vec<Effect>) {
    refresh::brokers_changed(model);
    let Some(account) = model.accounts.get(link) else { return };
    let text = if let ConnectionState::Reconnecting { attempt: 0 | 1, reason, .. } = state
        && account.seen_live
    {
        Some(format!("{}: connection lost, {reason}", account.link.label))
    } else {
        must_be_linked(&account.link, state, |_| relink(&model.keymap)).filter(|_| news)
    };
    if let Some(text) = text {
        notices::ring(model, &text, effects);
    }
}
