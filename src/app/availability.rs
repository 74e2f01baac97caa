//! Whether an action can act now, and if not, why. The same answer dims the key and is shown when the key is pressed.

use super::context::{needs_live_key, scopes};
use super::keymap::{Action, Reason};
use super::model::{Model, Pane};
use crate::accounts::{AccountState, OrderKey};
use crate::app::brokers::BrokerRow;
use crate::app::rows::List;
use crate::app::selection::{self, account_at_hand, listed, nothing, order_chosen, refuse, require};
use crate::domain::{LinkId, Order};
use crate::session::Denied;

/// A broker allows about 200 requests a minute per account; more cancels than this would take too long as one action.
const MOST_CANCELS: usize = 100;

/// Whether the action can act now. The reason is a sentence without a full stop, and names keys as configured.
pub fn availability(action: Action, model: &Model) -> Result<(), Reason> {
    judge(action, model).map_err(|Reason(text)| Reason(model.keymap.say(&text).into_owned()))
}

fn judge(action: Action, model: &Model) -> Result<(), Reason> {
    if let Some(answer) = model.top().and_then(|top| top.handler().available(action, &model.data())) {
        return answer;
    }
    match action {
        Action::Filter => require(model.focus.is_list(), "the account has no rows to filter"),
        Action::ClearFilter => require(filter_of(model).is_some_and(|filter| !filter.is_empty()), "no filter is set"),
        Action::RepeatFilter => {
            require(model.focus.is_list(), "the account has no rows to filter")?;
            require(!model.last_filter.is_empty(), "no filter was used yet; {global.filter} starts one")?;
            require(filter_of(model) != Some(&model.last_filter), "this filter is already applied")
        }
        Action::AllColumns => {
            let hides = |list: &dyn List| list.shows_all() || !list.hidden().is_empty();
            require(model.rows.list(model.focus).is_some_and(hides), "no column is hidden; {global.palette} hides one")
        }
        Action::Detail => selection::of(model.focus).may_open(model),
        Action::ExecutionsOnly => {
            let tape = &model.rows.tape;
            require(!tape.rows.is_empty() || !tape.filter.is_empty(), "the tape is empty")
        }
        Action::Activities => at_hand(model).map(|_| ()),
        Action::RefreshActivities | Action::SearchActivities => refuse("no activities are shown"),
        Action::PrevAccount | Action::NextAccount => {
            require(model.accounts.len() > 1, "no other account is linked; {brokers.add} in Brokers links one")
        }
        Action::AllAccounts => {
            require(model.accounts.len() > 1, "at most one account is linked; {brokers.add} in Brokers links another")
        }
        Action::SortNext | Action::SortReverse => {
            require(!model.focus.columns().is_empty(), "these rows have a fixed order")
        }
        Action::Down
        | Action::Up
        | Action::Top
        | Action::Bottom
        | Action::HalfPageDown
        | Action::HalfPageUp
        | Action::PageDown
        | Action::PageUp => match model.top() {
            Some(_) => Ok(()),
            None => listed(model, model.focus, "the list is empty"),
        },
        Action::Copy | Action::CopyRow => copy(model),
        Action::TimeZone => require(model.program.zones.len() > 1, "there is no other time zone to choose"),
        Action::CopyCell => cells(model),
        Action::Resync => resync(model),
        Action::Errors => require(!model.errors.is_empty(), "no errors so far"),
        Action::Pause => at_hand(model).map(|_| ()),
        Action::Mark => order_chosen(model, "there is no order to mark"),
        Action::ClearMarks => require(!model.marks.is_empty(), "nothing is marked"),
        Action::CancelOrder => cancelable(model, &orders_at_hand(model)),
        Action::CancelAll => cancel_all(model),
        Action::AddBroker => {
            require(!model.brokers.is_empty(), "no broker is configured")?;
            require(model.attempt().is_none(), "an account is already being linked")
        }
        Action::Relink => relink(model),
        Action::Unlink => at_hand(model).map(|_| ()),
        Action::OpenBrowser | Action::CopyUrl | Action::PasteRedirect => refuse("the authorize URL is not ready yet"),
        Action::ApproveInDemo => {
            require(model.program.can_approve, "only the demo can press Allow for you")?;
            refuse("the consent page is not waiting for an answer")
        }
        Action::Confirm => confirm(model),
        Action::ConfirmLive => {
            require(needs_live_key(model), "no live account is affected; {destructive_question.yes} is enough")
        }
        Action::Quit
        | Action::ForceQuit
        | Action::Suspend
        | Action::Repaint
        | Action::Help
        | Action::Palette
        | Action::Menu
        | Action::NextPane
        | Action::PrevPane
        | Action::FocusPane(_)
        | Action::Back
        | Action::Count
        | Action::Zoom
        | Action::ToggleMouse
        | Action::RawJson
        | Action::SearchHelp
        | Action::CrosshairLeft
        | Action::CrosshairRight
        | Action::WriteConfig
        | Action::Retry
        | Action::EditLabel
        | Action::Decline
        | Action::CancelLink
        | Action::ChartNext
        | Action::ChartPrev
        | Action::Accept => Ok(()),
    }
}

/// The orders that an action concerns: the one in the detail overlay, else the marked ones, else the selected one.
pub fn orders_at_hand(model: &Model) -> Vec<OrderKey> {
    match model.top().and_then(|top| top.handler().order()) {
        Some(key) => vec![key.clone()],
        None if !model.marks.is_empty() => model.marks.iter().cloned().collect(),
        None => model.selected_order().into_iter().collect(),
    }
}

/// Every working order of the account shown.
pub fn working_orders(model: &Model) -> Vec<OrderKey> {
    let key =
        |account: &AccountState, order: &Order| OrderKey { link: account.link.id.clone(), order: order.id.clone() };
    model
        .shown_account()
        .map(|account| account.blotter.working().map(|order| key(account, order)).collect())
        .unwrap_or_default()
}

fn cancel_all(model: &Model) -> Result<(), Reason> {
    let Some(account) = model.shown_account() else {
        return refuse("choose one account with {global.prev_account} or {global.next_account}");
    };
    let count = account.blotter.working_count();
    if count == 0 {
        return nothing(model, Pane::Orders, "there are no working orders");
    }
    require(
        count <= MOST_CANCELS,
        "too many working orders to confirm at once; mark some with {orders.mark}, then press {orders.cancel}",
    )?;
    permitted(model, account)
}

/// Whether orders can be canceled: not with `--read-only`, without the trading scope, or when the account must be
/// relinked. A live account needs its own key, but no `[trading] live`: reducing risk must always be possible.
fn cancelable(model: &Model, orders: &[OrderKey]) -> Result<(), Reason> {
    if model.program.read_only {
        return Err(denied(model, None, &Denied::ReadOnly));
    }
    if orders.is_empty() {
        order_chosen(model, "there is no order to cancel")?;
    }
    let mut working = false;
    for key in orders {
        let Some(account) = model.accounts.get(&key.link) else { continue };
        permitted(model, account)?;
        working |= account.blotter.order(&key.order).is_some_and(|order| order.status.is_working());
    }
    require(working, "the order is done; there is nothing left to cancel")
}

/// Whether anything may be changed on this account from here.
fn permitted(model: &Model, account: &AccountState) -> Result<(), Reason> {
    let link = &account.link.id;
    model.accounts.may_change(link).map_err(|why| denied(model, Some(link), &why))
}

/// Why the guard denies the change, in the words of this screen.
pub(super) fn denied(model: &Model, link: Option<&LinkId>, why: &Denied) -> Reason {
    let label = link.map(|link| model.accounts.label(link)).unwrap_or_default();
    Reason(match why {
        Denied::ReadOnly => "read-only: nothing may be changed at a broker".to_owned(),
        Denied::NoScope => {
            format!("{label} was linked without the trading scope; {{brokers.link}} in Brokers links it again")
        }
        Denied::AnotherAnswers => {
            format!(
                "the token of {label} reaches a different account; nothing can be changed until the account is confirmed"
            )
        }
        Denied::NeedsRelink(reason) => {
            format!("{label} must be linked again ({reason}); {{brokers.link}} in Brokers does that")
        }
        Denied::Done(status) => format!("the order is {status}; there is nothing left to cancel"),
        Denied::Unknown => "the order is no longer known".to_owned(),
    })
}

fn copy(model: &Model) -> Result<(), Reason> {
    require(model.overlays.is_empty(), "there is nothing to copy here")?;
    selection::of(model.focus).may_copy(model)
}

fn cells(model: &Model) -> Result<(), Reason> {
    require(model.overlays.is_empty(), "cells are copied from the lists")?;
    copy(model)
}

fn resync(model: &Model) -> Result<(), Reason> {
    // Allowed even with a refused token, which may be accepted again.
    require(!model.accounts.is_empty(), "no account is linked; {brokers.add} in Brokers links one")
}

fn relink(model: &Model) -> Result<(), Reason> {
    require(model.attempt().is_none(), "an account is already being linked")?;
    match &model.rows.brokers.selected {
        Some(BrokerRow::Linked(_) | BrokerRow::Unlinked(_)) => Ok(()),
        Some(BrokerRow::Add) | None => refuse("choose the broker or account to link"),
    }
}

fn confirm(model: &Model) -> Result<(), Reason> {
    if let Some(what) = model.top().and_then(|top| top.handler().live(&model.data())) {
        let key = model.keymap.chord_for(&scopes(model), Action::ConfirmLive);
        let key = key.map_or_else(|| "its own key".to_owned(), |chord| chord.to_string());
        return Err(Reason(format!("{what}: press {key} to confirm")));
    }
    Ok(())
}

fn at_hand(model: &Model) -> Result<&AccountState, Reason> {
    let reason = if model.focus == Pane::Brokers {
        "the row is not linked"
    } else {
        "choose one account with {global.prev_account} or {global.next_account}"
    };
    account_at_hand(model).ok_or_else(|| Reason(reason.to_owned()))
}

fn filter_of(model: &Model) -> Option<&str> {
    model.rows.list(model.focus).map(List::filter)
}
