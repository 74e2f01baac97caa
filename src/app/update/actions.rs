//! What each action does. An action that cannot act shows the reason, in the words that dim it.

use super::{accounts, activities, choices, confirm_guard, copies, linking, lists, notices, orders, overlays, palette};
use crate::app::availability::availability;
use crate::app::brokers::BrokerRow;
use crate::app::effect::{Effect, LinkingEffect, TerminalEffect};
use crate::app::keymap::Action;
use crate::app::model::{AccountScope, Model, Pane};
use crate::app::overlays::{AddBroker, Help, Next};
use crate::app::selection::{self, account_at_hand};
use crate::domain::LinkId;
use crate::session::{ConnectionState, Input};

/// Runs an action, or shows why it cannot act.
pub(super) fn act(model: &mut Model, action: Action, effects: &mut Vec<Effect>) {
    // A count applies to one action only.
    let count = model.count.take().filter(|count| *count > 0);
    if let Err(reason) = availability(action, model) {
        return notices::toast(model, reason.0);
    }
    model.dirty = true;
    if let Some(next) = overlays::act(model, action, times(count)) {
        return follow(model, next, effects);
    }
    match action {
        Action::Quit | Action::ForceQuit => quit(model, 0, effects),
        Action::Suspend => effects.push(Effect::Terminal(TerminalEffect::Suspend)),
        Action::Repaint => effects.push(Effect::Terminal(TerminalEffect::Repaint)),
        Action::Help => overlays::push(model, Help::default()),
        Action::Palette => palette::open(model),
        Action::Filter => lists::start_filter(model),
        Action::ClearFilter => lists::clear_filter(model),
        Action::RepeatFilter => lists::repeat_filter(model),
        Action::AllColumns => lists::all_columns(model),
        Action::Menu => palette::open_menu(model),
        Action::ExecutionsOnly => lists::toggle_executions(model),
        Action::NextPane => focus(model, model.focus.further(1)),
        Action::PrevPane => focus(model, model.focus.further(Pane::ALL.len() - 1)),
        Action::FocusPane(digit) => {
            if let Some(pane) = Pane::of_digit(digit) {
                focus(model, pane);
            }
        }
        Action::Down
        | Action::Up
        | Action::Top
        | Action::Bottom
        | Action::HalfPageDown
        | Action::HalfPageUp
        | Action::PageDown
        | Action::PageUp => step(model, action, count),
        Action::Detail => {
            let next = selection::of(model.focus).open(model);
            follow(model, next, effects);
        }
        Action::Activities => activities::open(model),
        Action::Back => back(model),
        Action::Zoom => model.zoomed = !model.zoomed,
        Action::PrevAccount => step_account(model, false),
        Action::NextAccount => step_account(model, true),
        Action::AllAccounts => all_accounts(model),
        Action::SortNext => lists::sort_next(model),
        Action::SortReverse => lists::reverse(model),
        Action::Copy => copies::id(model, effects),
        Action::CopyRow => copies::rows(model, effects),
        Action::CopyCell => palette::open_cells(model),
        Action::TimeZone => palette::open_zones(model),
        Action::Count => model.count = Some(0),
        Action::Resync => resync(model),
        Action::Errors => overlays::open_errors(model),
        Action::ToggleMouse => toggle_mouse(model, effects),
        Action::Pause => pause(model),
        Action::Mark => lists::mark(model, count),
        Action::ClearMarks => model.marks.clear(),
        Action::CancelOrder => orders::ask_cancel(model),
        Action::CancelAll => orders::ask_cancel_all(model),
        Action::AddBroker => model.overlays.push(AddBroker::of(&model.brokers).into()),
        Action::Relink => relink(model, effects),
        Action::Unlink => linking::ask_unlink(model),
        Action::WriteConfig => effects.push(Effect::WriteConfig),
        Action::Confirm | Action::ConfirmLive => confirm_guard::hold(model, action),
        Action::Accept => {
            if model.overlays.is_empty() {
                lists::keep_filter(model);
            }
        }
        // Their overlay is not open.
        Action::SearchHelp
        | Action::RefreshActivities
        | Action::SearchActivities
        | Action::RawJson
        | Action::ChartNext
        | Action::ChartPrev
        | Action::CrosshairLeft
        | Action::CrosshairRight
        | Action::OpenBrowser
        | Action::CopyUrl
        | Action::PasteRedirect
        | Action::ApproveInDemo
        | Action::CancelLink
        | Action::Retry
        | Action::EditLabel
        | Action::Decline => {}
    }
}

/// Carries out what comes next after a key or click in an overlay.
pub(super) fn follow(model: &mut Model, next: Vec<Next>, effects: &mut Vec<Effect>) {
    for next in next {
        match next {
            Next::Close => {
                overlays::close(model);
            }
            Next::Open(overlay) => overlays::push(model, overlay),
            Next::Act(action) => act(model, action, effects),
            Next::Say(text) => notices::toast(model, text),
            Next::Do(effect) => effects.push(effect),
            Next::Link(broker) => linking::begin(model, &broker, effects),
            Next::Unlink(link) => model.accounts.unlink(link),
            Next::Cancel(keys) => orders::cancel(model, &keys),
            Next::AskActivities(link) => model.accounts.ask_activities(&link, false),
            Next::AskCurve(link, period) => model.accounts.ask_curve(&link, period),
            Next::Choose(command) => {
                if let Some(action) = palette::choose(model, command, effects) {
                    act(model, action, effects);
                }
            }
        }
    }
}

fn times(count: Option<u32>) -> isize {
    isize::try_from(count.unwrap_or(1)).unwrap_or(isize::MAX)
}

/// Ends the program: closes streams cleanly, and frees the callback port.
pub(super) fn quit(model: &mut Model, code: u8, effects: &mut Vec<Effect>) {
    if model.exit.is_some() {
        return;
    }
    if let Some(attempt) = linking::close(model) {
        effects.push(Effect::Linking(LinkingEffect::CancelLink { attempt }));
    }
    model.accounts.close();
    accounts::follow(model, effects);
    effects.push(Effect::Keep(choices::of(model)));
    effects.push(Effect::Quit { code });
    model.exit = Some(code);
}

/// Focuses a pane.
pub(super) fn focus(model: &mut Model, pane: Pane) {
    model.focus = pane;
    model.dirty = true;
}

fn step(model: &mut Model, action: Action, count: Option<u32>) {
    if model.overlays.is_empty() {
        return lists::step(model, action, count);
    }
    overlays::step(model, action, count);
    activities::load_more(model);
}

/// Goes back one level: closes an overlay, leaves a field, clears marks, zoom or filter. Destroys nothing.
fn back(model: &mut Model) {
    if overlays::close(model) {
        return;
    }
    if model.filtering.is_some() {
        lists::leave_filter(model);
    } else if !model.marks.is_empty() {
        model.marks.clear();
    } else if model.zoomed {
        model.zoomed = false;
    } else if availability(Action::ClearFilter, model).is_ok() {
        lists::clear_filter(model);
    } else if model.focus == Pane::Orders && model.rows.orders.selected.is_some() {
        // Without a selection, the list follows new rows.
        model.rows.orders.selected = None;
    } else {
        let text = model.keymap.say("nothing to go back from; {global.quit} quits").into_owned();
        notices::toast(model, text);
    }
}

/// Does what the open question asks about.
pub(super) fn confirm(model: &mut Model, effects: &mut Vec<Effect>) {
    let next = model.top_mut().map(|(top, data)| top.handler_mut().confirmed(&data));
    follow(model, next.unwrap_or_default(), effects);
}

fn relink(model: &mut Model, effects: &mut Vec<Effect>) {
    let broker = match &model.rows.brokers.selected {
        Some(BrokerRow::Linked(link)) => model.accounts.get(link).map(|account| account.link.broker.clone()),
        Some(BrokerRow::Unlinked(broker)) => Some(broker.clone()),
        Some(BrokerRow::Add) | None => None,
    };
    if let Some(broker) = broker {
        linking::begin(model, &broker, effects);
    }
}

fn step_account(model: &mut Model, forward: bool) {
    let count = model.accounts.len();
    let at = match &model.scope {
        AccountScope::One(link) => model.accounts.iter().position(|account| account.link.id == *link),
        AccountScope::None | AccountScope::All => None,
    };
    let next = match (at, forward) {
        (Some(at), true) => (at + 1) % count,
        (Some(at), false) => (at + count - 1) % count,
        (None, true) => 0,
        (None, false) => count.saturating_sub(1),
    };
    if let Some(account) = model.accounts.all().get(next) {
        let scope = AccountScope::One(account.link.id.clone());
        accounts::set_scope(model, scope);
    }
}

fn all_accounts(model: &mut Model) {
    let scope = if model.scope == AccountScope::All {
        let chosen = match &model.rows.brokers.selected {
            Some(BrokerRow::Linked(link)) => Some(link.clone()),
            _ => model.accounts.iter().next().map(|account| account.link.id.clone()),
        };
        chosen.map_or(AccountScope::None, AccountScope::One)
    } else {
        AccountScope::All
    };
    accounts::set_scope(model, scope);
}

/// Reconnects at once: the account of the selected row in Brokers, else every account shown.
fn resync(model: &mut Model) {
    let one = account_at_hand(model).filter(|_| model.focus == Pane::Brokers).map(|account| account.link.id.clone());
    let links: Vec<LinkId> = match one {
        Some(link) => vec![link],
        None => model.shown_accounts().map(|account| account.link.id.clone()).collect(),
    };
    for link in links {
        model.accounts.resync(&link, model.now);
    }
    notices::toast(model, "fetching everything again");
}

fn pause(model: &mut Model) {
    let Some(account) = account_at_hand(model) else { return };
    let (link, label) = (account.link.id.clone(), account.link.label.clone());
    let paused = matches!(account.state(), ConnectionState::Paused);
    let (input, text) = if paused {
        (Input::Connect, format!("{label}: connecting"))
    } else {
        (Input::Pause, format!("{label}: paused; data will go stale. Press the same key to resume"))
    };
    model.accounts.feed(&link, input, model.now);
    notices::toast(model, text);
}

fn toggle_mouse(model: &mut Model, effects: &mut Vec<Effect>) {
    model.mouse = !model.mouse;
    effects.push(Effect::Terminal(TerminalEffect::CaptureMouse(model.mouse)));
    let text = if model.mouse { "the mouse selects rows here" } else { "the mouse selects text in the terminal" };
    notices::toast(model, text);
}
