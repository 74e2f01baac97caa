//! What each action does. An action that cannot act shows the reason, in the words that dim it.

use super::{accounts, activities, calm, copies, linking, lists, notices, orders, overlays, pages, palette};
use crate::accounts::OrderKey;
use crate::app::availability::availability;
use crate::app::brokers::BrokerRow;
use crate::app::choices::Choices;
use crate::app::effect::{Copied, Effect};
use crate::app::keymap::Action;
use crate::app::model::{AccountScope, Model, Overlay, Pane, Question};
use crate::domain::LinkId;
use crate::link::progress::Sensitive;
use crate::session::{ConnectionState, Input};

/// Runs an action, or shows why it cannot act.
pub(super) fn act(model: &mut Model, action: Action, effects: &mut Vec<Effect>) {
    // A count applies to one action only.
    let count = model.count.take().filter(|count| *count > 0);
    if let Err(reason) = availability(action, model) {
        return notices::toast(model, reason.0);
    }
    model.dirty = true;
    match action {
        Action::Quit | Action::ForceQuit => quit(model, 0, effects),
        Action::Suspend => effects.push(Effect::Suspend),
        Action::Repaint => effects.push(Effect::Repaint),
        Action::Help => overlays::open_help(model),
        Action::SearchHelp => overlays::search_help(model),
        Action::Palette => palette::open(model),
        Action::Filter => lists::start_filter(model),
        Action::ClearFilter => lists::clear_filter(model),
        Action::NextPane => focus(model, model.focus.further(1)),
        Action::PrevPane => focus(model, model.focus.further(Pane::ALL.len() - 1)),
        Action::Pane1 | Action::Pane2 | Action::Pane3 | Action::Pane4 | Action::Pane5 => {
            if let Some(pane) = Pane::focused_by(action) {
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
        Action::Detail => detail(model, effects),
        Action::Activities => activities::open(model),
        Action::RefreshActivities => activities::refresh(model),
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
        Action::AddBroker => palette::open_brokers(model),
        Action::Relink => relink(model, effects),
        Action::Unlink => linking::ask_unlink(model),
        Action::RawJson => overlays::toggle_raw(model),
        Action::ChartNext => overlays::step_period(model, true),
        Action::ChartPrev => overlays::step_period(model, false),
        Action::CrosshairLeft => overlays::move_crosshair(model, -times(count)),
        Action::CrosshairRight => overlays::move_crosshair(model, times(count)),
        Action::WriteConfig => effects.push(Effect::WriteConfig),
        Action::OpenBrowser => linking::while_waiting(model, |attempt, _| Effect::OpenBrowser { attempt }, effects),
        Action::CopyUrl => {
            let copy =
                |_, url: &Sensitive| Effect::Copy { text: Copied::new(url.expose()), what: "authorize URL".to_owned() };
            linking::while_waiting(model, copy, effects);
        }
        Action::PasteRedirect => linking::open_paste(model, ""),
        Action::ApproveInDemo => linking::while_waiting(model, |attempt, _| Effect::ApproveInDemo { attempt }, effects),
        Action::CancelLink => linking::cancel(model, effects),
        Action::Retry => linking::retry(model, effects),
        Action::EditLabel => linking::edit_label(model),
        Action::Confirm | Action::ConfirmLive => calm::hold(model, action),
        Action::Decline => decline(model),
        Action::Accept => accept(model, effects),
    }
}

/// Runs what was chosen in the palette.
pub(super) fn run_palette(model: &mut Model, effects: &mut Vec<Effect>) {
    if let Some(action) = palette::choose(model, effects) {
        act(model, action, effects);
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
    if let Some(attempt) = model.attempt.take() {
        effects.push(Effect::CancelLink { attempt: attempt.id });
    }
    model.accounts.close();
    accounts::follow(model, effects);
    effects.push(Effect::Keep(Choices::of(model)));
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
    pages::reach_on(model);
}

fn detail(model: &mut Model, effects: &mut Vec<Effect>) {
    if matches!(model.top(), Some(Overlay::Activities { .. })) {
        return activities::detail(model);
    }
    match model.focus {
        Pane::Brokers => match model.rows.brokers.selected.clone() {
            Some(BrokerRow::Linked(link)) => model.overlays.push(Overlay::BrokerDetail { link, scroll: 0 }),
            Some(BrokerRow::Unlinked(broker)) => linking::begin(model, &broker, effects),
            Some(BrokerRow::Add) => act(model, Action::AddBroker, effects),
            None => {}
        },
        Pane::Account => overlays::open_chart(model),
        Pane::Orders => {
            if let Some(key) = model.selected_order() {
                model.overlays.push(Overlay::OrderDetail { key, scroll: 0, raw: false });
            }
        }
        Pane::Positions => {
            if let Some(key) = model.rows.positions.selected.clone() {
                model.overlays.push(Overlay::PositionDetail { key, scroll: 0 });
            }
        }
        Pane::Tape => {
            let key = model
                .tape_line()
                .map(|(account, entry)| OrderKey { link: account.link.id.clone(), order: entry.order_id.clone() });
            if let Some(key) = key {
                model.overlays.push(Overlay::OrderDetail { key, scroll: 0, raw: false });
            }
        }
    }
}

/// Goes back one level: closes an overlay, leaves a field, clears marks, zoom or filter. Destroys nothing.
fn back(model: &mut Model) {
    if overlays::back(model) {
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

fn accept(model: &mut Model, effects: &mut Vec<Effect>) {
    match model.top() {
        Some(Overlay::AddBroker { .. }) => palette::choose_broker(model, effects),
        Some(Overlay::Palette { .. }) => run_palette(model, effects),
        Some(Overlay::Help { .. }) => overlays::end_help_search(model),
        Some(Overlay::Linking) => linking::accept_field(model, effects),
        Some(_) => {}
        None => model.filtering = None,
    }
}

/// Does what the open question asks about.
pub(super) fn confirm(model: &mut Model, effects: &mut Vec<Effect>) {
    match model.top().cloned() {
        Some(Overlay::Linking) => linking::save(model, effects),
        Some(Overlay::Question(question)) => {
            model.overlays.pop();
            match question {
                Question::Unlink(link) => model.accounts.unlink(link),
                Question::Cancel(keys) => orders::cancel(model, &keys),
            }
        }
        _ => {}
    }
}

fn decline(model: &mut Model) {
    if matches!(model.top(), Some(Overlay::Question(_))) {
        model.overlays.pop();
    }
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
    let one = model.account_at_hand().filter(|_| model.focus == Pane::Brokers).map(|account| account.link.id.clone());
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
    let Some(account) = model.account_at_hand() else { return };
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
    effects.push(Effect::CaptureMouse(model.mouse));
    let text = if model.mouse { "the mouse selects rows here" } else { "the mouse selects text in the terminal" };
    notices::toast(model, text);
}
