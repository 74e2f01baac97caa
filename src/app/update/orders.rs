//! Canceling orders: the question, and what became of the request.

use std::time::Duration;

use super::notices;
use crate::accounts::OrderKey;
use crate::app::availability::{availability, orders_at_hand, working_orders};
use crate::app::keymap::Action;
use crate::app::model::{Model, Overlay, Question};
use crate::domain::{LinkId, Order};
use crate::session::{RequestError, RequestErrorKind};

/// A short description of an order: `BUY 100 AAPL`.
pub(super) fn brief(order: &Order) -> String {
    let size = match (order.qty, order.notional) {
        (Some(qty), _) => qty.grouped(0),
        (None, Some(notional)) => format!("${}", notional.grouped(2)),
        (None, None) => "--".to_owned(),
    };
    format!("{} {size} {}", order.side.label(), order.symbol)
}

/// Asks whether to cancel the working orders among the selected or marked ones.
pub(super) fn ask_cancel(model: &mut Model) {
    let keys = orders_at_hand(model);
    let working = |key: &OrderKey| model.order(key).is_some_and(|order| order.status.is_working());
    let keys: Vec<OrderKey> = keys.into_iter().filter(working).collect();
    model.overlays.push(Overlay::Question(Question::Cancel(keys)));
    model.dirty = true;
}

/// Asks whether to cancel every working order of the account.
pub(super) fn ask_cancel_all(model: &mut Model) {
    let keys = working_orders(model);
    model.overlays.push(Overlay::Question(Question::Cancel(keys)));
    model.dirty = true;
}

/// Sends the cancels, after a yes.
pub(super) fn cancel(model: &mut Model, keys: &[OrderKey]) {
    // Things may have changed while the question was open: check again that it is permitted.
    if let Err(reason) = availability(Action::CancelOrder, model)
        && model.program.read_only
    {
        return notices::toast(model, reason.0);
    }
    for key in keys {
        let done = model.order(key).is_none_or(|order| order.status.is_terminal());
        if done {
            let what = model
                .order(key)
                .map_or_else(|| key.order.to_string(), |order| format!("{} is {}", brief(order), order.status));
            notices::toast(model, format!("too late: {what}"));
            continue;
        }
        model.accounts.cancel(key);
    }
    model.marks.clear();
    model.dirty = true;
}

/// An account's requests are queued: tells the user how long a confirmed cancel waits, and why.
pub(super) fn waits(model: &mut Model, link: &LinkId, wait: Option<&(Duration, String)>) {
    let Some((after, why)) = wait else { return };
    let what = match model.accounts.cancels_under_way(link) {
        0 => return,
        1 => "the cancel is waiting".to_owned(),
        count => format!("{count} cancels are waiting"),
    };
    let at_once = model.keymap.say("{global.resync} sends now").into_owned();
    notices::toast(model, format!("{what} {} s: {why}; {at_once}", after.as_secs().max(1)));
}

/// The broker has answered a cancel.
pub(super) fn cancel_answered(model: &mut Model, key: &OrderKey, result: Result<(), RequestError>) {
    let what = model.order(key).map_or_else(|| key.order.to_string(), brief);
    match result {
        Ok(()) => {
            notices::toast(
                model,
                format!("{what}: the broker accepted the cancel request; the order is shown as canceled once it is"),
            );
        }
        Err(error) => match error.kind {
            RequestErrorKind::Unprocessable | RequestErrorKind::NotFound => {
                notices::toast(model, format!("{what}: can no longer be canceled, {}", error.message));
            }
            RequestErrorKind::Timeout
            | RequestErrorKind::Server
            | RequestErrorKind::Network
            | RequestErrorKind::Decode => {
                notices::error(
                    model,
                    Some(&key.link),
                    format!("{what}: unknown whether the cancel arrived ({error}); checking"),
                );
            }
            RequestErrorKind::Unauthorized
            | RequestErrorKind::Forbidden
            | RequestErrorKind::RateLimited { .. }
            | RequestErrorKind::Refused => {
                notices::error(model, Some(&key.link), format!("{what}: not canceled, {error}"));
            }
        },
    }
}
