//! The accounts' sessions: fed here, and what they put out becomes effects, rows and notices.

use super::{identity, news, notices, questions};
use crate::app::effect::{Effect, Memory};
use crate::app::model::{AccountState, Dated, Ends, Model};
use crate::app::rows;
use crate::domain::LinkId;
use crate::session::{ConnectionState, Input, Output, StreamEvent};

/// Feeds a session one input and carries out what it puts out.
pub(super) fn feed(model: &mut Model, link: &LinkId, input: Input, effects: &mut Vec<Effect>) {
    let now = model.now;
    let Some(account) = model.account_mut(link) else { return };
    if matches!(input, Input::Stream(_, StreamEvent::Update(_))) {
        account.told_at = Some(now.mono);
    }
    if account.session.has_picture() && !account.seen_live {
        // The whole history is there: what comes from now on is news.
        account.seen_live = true;
        let shown = account.blotter.last_fill_at();
        account.history_until.get_or_insert(shown);
    }
    let before = account.session.watermark();
    account.session.handle(input, &mut account.blotter, now);
    let outputs: Vec<Output> = std::iter::from_fn(|| account.session.poll()).collect();
    let (watermark, asked_at) = account.session.watermark();
    for output in outputs {
        carry_out(model, link, output, effects);
    }
    if model.account_mut(link).is_some_and(AccountState::note_unlisted) {
        rows::positions_changed(model, link);
        model.dirty = true;
    }
    questions::ask_when_reachable(model, link, effects);
    if let Some(asked_at) = asked_at.filter(|_| (watermark, asked_at) != before) {
        effects.push(Effect::Remember { link: link.clone(), memory: Memory::Complete { watermark, asked_at } });
    }
}

fn carry_out(model: &mut Model, link: &LinkId, output: Output, effects: &mut Vec<Effect>) {
    let now = model.now;
    let owner = || link.clone();
    match output {
        Output::OpenStream(epoch, form) => effects.push(Effect::OpenStream { link: owner(), epoch, form }),
        Output::CloseStream => effects.push(Effect::CloseStream { link: owner() }),
        Output::Request(id, request) => effects.push(Effect::Request { link: owner(), id, request }),
        Output::DropRequests => {
            effects.push(Effect::DropRequests { link: owner() });
            questions::after_drop(model, link, effects);
        }
        Output::EndWaits => effects.push(Effect::EndWaits { link: owner() }),
        Output::Renew => effects.push(Effect::Renew { link: owner() }),
        Output::Changed(changes) => {
            news::changed(model, link, &changes, effects);
            effects.push(Effect::Remember { link: owner(), memory: Memory::Changes(changes) });
        }
        Output::Reset => reset(model, link),
        Output::Account(value) => {
            if let Some(account) = model.account_mut(link) {
                let differs = account.account.as_ref().is_none_or(|dated| dated.value != *value);
                let other = account.account.as_ref().is_none_or(|dated| dated.value.id != value.id);
                let memory = Memory::Account(value.id.clone());
                account.account = Some(Dated { value: *value, at: now.mono });
                model.dirty |= differs;
                if other {
                    effects.push(Effect::Remember { link: owner(), memory });
                    // Once, not with every balance: what is wrong with the links is said once.
                    identity::check(model, link, effects);
                }
            }
        }
        Output::Positions(value) => {
            let Some(account) = model.account_mut(link) else { return };
            let differs = account.positions.as_ref().is_none_or(|dated| dated.value != value);
            account.positions = Some(Dated { value, at: now.mono });
            if differs {
                rows::positions_changed(model, link);
                model.dirty = true;
            }
        }
        Output::State(state) => state_changed(model, link, &state, effects),
        Output::Log(text) => {
            if let Some(account) = model.account_mut(link) {
                account.note(now, crate::domain::text::sanitize(&text));
                model.dirty = true;
            }
        }
        Output::Alarm(text) => told(model, link, Ends::Never, &text),
        Output::Fault(fault, text) => told(model, link, Ends::With(fault), &text),
        Output::Over(fault) => notices::over(model, Some(link), Ends::With(fault)),
    }
}

/// The account behind the link is a new one: what was shown of the old one goes.
fn reset(model: &mut Model, link: &LinkId) {
    if let Some(account) = model.account_mut(link) {
        (account.account, account.positions, account.history) = (None, None, None);
        account.curve_faults.clear();
        account.charts.clear();
        account.activities.clear();
        (account.seen_live, account.history_until) = (false, None);
    }
    model.marks.retain(|key| key.link != *link);
    rows::forget_orders(model);
    rows::rebuild_orders(model);
    rows::rebuild_positions(model);
    rows::rebuild_tape(model);
    model.dirty = true;
}

/// Something about a connection that a person should know.
pub(super) fn noted(model: &mut Model, link: &LinkId, text: &str) {
    told(model, link, Ends::Never, text);
}

/// A sentence goes into the connection's history and among the errors.
fn told(model: &mut Model, link: &LinkId, ends: Ends, text: &str) {
    let now = model.now;
    if let Some(account) = model.account_mut(link) {
        account.note(now, crate::domain::text::sanitize(text));
    }
    notices::lasting(model, Some(link), ends, text);
}

fn state_changed(model: &mut Model, link: &LinkId, state: &ConnectionState, effects: &mut Vec<Effect>) {
    model.dirty = true;
    rows::brokers_changed(model);
    let Some(account) = model.account_mut(link) else { return };
    let label = account.link.label.clone();
    // A reason that changes is shown; only another state is news.
    let news = std::mem::replace(&mut account.word, state.word()) != state.word();
    let seen_live = account.seen_live;
    if news {
        notices::over(model, Some(link), Ends::WithState);
    }
    match state {
        ConnectionState::Reconnecting { attempt, reason, .. } if *attempt <= 1 && seen_live => {
            let text = format!("{label}: connection lost, {reason}");
            notices::ring(model, &text, effects);
        }
        ConnectionState::NeedsRelink { reason } if news => {
            effects.push(Effect::LetGo { link: link.clone() });
            let cure = model.keymap.say("{brokers.link} in Brokers links it again").into_owned();
            let text = format!("{label} must be linked again: {reason}; {cure}");
            notices::ring(model, &text, effects);
            notices::lasting(model, Some(link), Ends::WithState, text);
        }
        ConnectionState::Blocked { reason } if news => {
            let text = format!("{label} is blocked: {reason}");
            notices::lasting(model, Some(link), Ends::WithState, text);
        }
        // What is missing is told by the session's own alarm.
        _ => {}
    }
}
