//! Turns the events of the accounts into rows, errors and bells, and keeps track of which accounts are shown.

use super::{news, notices, orders, pages};
use crate::accounts::{Event, Output};
use crate::app::brokers::BrokerRow;
use crate::app::effect::Effect;
use crate::app::model::{AccountScope, Ends, Model, Overlay};
use crate::app::refresh;
use crate::domain::LinkId;
use crate::session::{ConnectionState, Fault};

/// Runs the accounts' effects and applies their events, until there are no more.
pub(super) fn follow(model: &mut Model, effects: &mut Vec<Effect>) {
    while let Some(output) = model.accounts.poll() {
        match output {
            Output::Do(effect) => effects.push(Effect::Account(effect)),
            Output::Told(event) => {
                model.dirty = true;
                happened(model, event, effects);
            }
        }
    }
}

fn happened(model: &mut Model, event: Event, effects: &mut Vec<Effect>) {
    match event {
        Event::Linked => linked(model),
        Event::Renamed(_) => refresh::brokers_changed(model),
        Event::Recalled(link) => {
            model.marks.retain(|key| key.link != link);
            refresh::rebuild_all(model);
        }
        Event::Reset(link) => reset(model, &link),
        Event::Changed(link, changes) => news::changed(model, &link, &changes, effects),
        Event::Positions(link) => refresh::positions_changed(model, &link),
        Event::State { link, state, news } => state_changed(model, &link, &state, news, effects),
        Event::Alarm { link, fault, text } => notices::lasting(model, Some(&link), ends(fault), text),
        Event::Over(link, fault) => notices::over(model, Some(&link), Ends::With(fault)),
        Event::Twice { older, newer, kept } => {
            let text = format!("{older} and {newer} are the same account: the older link is removed");
            notices::error(model, Some(&kept), text);
        }
        Event::Curve { link, error: None, .. } => notices::over(model, Some(&link), Ends::WithCurve),
        Event::Curve { link, period, error: Some(error) } => {
            let open = matches!(model.top(), Some(Overlay::EquityChart { period: open, .. }) if *open == period);
            if open {
                let text = format!("{}: cannot get the equity history, {error}", model.label(&link));
                notices::lasting(model, Some(&link), Ends::WithCurve, text);
            }
        }
        Event::Activities { link, moved, goes_on, unread } => pages::came(model, &link, moved, goes_on, unread),
        Event::NoActivities(link, error) => {
            let text = format!("{}: cannot get more activities, {error}", model.label(&link));
            notices::error(model, Some(&link), text);
        }
        Event::CancelAnswered(key, result) => orders::cancel_answered(model, &key, result),
        Event::OrderUnread(key, words) => notices::error(model, Some(&key.link), format!("order {words}")),
        Event::OrderUnknown(key, error) => {
            notices::error(model, Some(&key.link), format!("order {}: its state is unknown, {error}", key.order));
        }
        Event::Balances(_) | Event::Noted(_) | Event::Clock => {}
    }
}

const fn ends(fault: Option<Fault>) -> Ends {
    match fault {
        Some(fault) => Ends::With(fault),
        None => Ends::Never,
    }
}

/// The list of accounts changed: hides accounts that are gone, and shows the first one at once.
fn linked(model: &mut Model) {
    model.marks.retain(|key| model.accounts.get(&key.link).is_some());
    if matches!(&model.scope, AccountScope::One(link) if model.account(link).is_none()) || model.accounts.is_empty() {
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
        AccountScope::One(link) => model.account(link).is_some(),
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

/// The account behind the link is a new one: removes what was shown of the old one.
fn reset(model: &mut Model, link: &LinkId) {
    model.marks.retain(|key| key.link != *link);
    refresh::forget_orders(model);
    refresh::rebuild_orders(model);
    refresh::rebuild_positions(model);
    refresh::rebuild_tape(model);
}

fn state_changed(model: &mut Model, link: &LinkId, state: &ConnectionState, news: bool, effects: &mut Vec<Effect>) {
    refresh::brokers_changed(model);
    let Some(account) = model.account(link) else { return };
    let (label, seen_live) = (account.link.label.clone(), account.seen_live);
    if news {
        notices::over(model, Some(link), Ends::WithState);
    }
    match state {
        ConnectionState::Reconnecting { attempt, reason, .. } if *attempt <= 1 && seen_live => {
            let text = format!("{label}: connection lost, {reason}");
            notices::ring(model, &text, effects);
        }
        ConnectionState::NeedsRelink { reason } if news => {
            let cure = model.keymap.say("{brokers.link} in Brokers links it again").into_owned();
            let text = format!("{label} must be linked again: {reason}; {cure}");
            notices::ring(model, &text, effects);
            notices::lasting(model, Some(link), Ends::WithState, text);
        }
        ConnectionState::Blocked { reason } if news => {
            let text = format!("{label} is blocked: {reason}");
            notices::lasting(model, Some(link), Ends::WithState, text);
        }
        // The session's own alarm reports what is missing.
        _ => {}
    }
}
