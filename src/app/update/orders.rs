//! Canceling orders: the question, and what became of the request.

use std::time::Duration;

use super::notices;
use crate::accounts::{CancelOutcome, OrderKey};
use crate::app::availability::{denied, orders_at_hand, working_orders};
use crate::app::keymap::Reason;
use crate::app::model::Model;
use crate::app::overlays::Question;
use crate::session::Denied;

/// Asks whether to cancel the working orders among the selected or marked ones.
pub(super) fn ask_cancel(model: &mut Model) {
    let keys = orders_at_hand(model);
    let working = |key: &OrderKey| model.accounts.order(key).is_some_and(|order| order.status.is_working());
    let keys: Vec<OrderKey> = keys.into_iter().filter(working).collect();
    model.overlays.push(Question::Cancel(keys).into());
    model.dirty = true;
}

/// Asks whether to cancel every working order of the account.
pub(super) fn ask_cancel_all(model: &mut Model) {
    let keys = working_orders(model);
    model.overlays.push(Question::CancelAll(keys).into());
    model.dirty = true;
}

/// Sends the cancels, after a yes.
pub(super) fn cancel(model: &mut Model, keys: &[OrderKey]) {
    for key in keys {
        // Time has passed since the question was asked, so the permit is checked again.
        let why = match model.accounts.cancel(key) {
            Ok(()) => continue,
            Err(why) => why,
        };
        let text = match &why {
            Denied::Done(status) => format!("too late: {} is {status}", model.accounts.brief(key)),
            Denied::Unknown => format!("too late: {}", key.order),
            Denied::ReadOnly | Denied::NoScope | Denied::AnotherAnswers | Denied::NeedsRelink(_) => {
                let Reason(text) = denied(model, Some(&key.link), &why);
                model.keymap.say(&text).into_owned()
            }
        };
        notices::toast(model, text);
    }
    model.marks.clear();
    model.dirty = true;
}

/// Cancels that were confirmed wait in the queue.
pub(super) fn waits(model: &mut Model, cancels: usize, after: Duration, why: &str) {
    let what = if cancels == 1 { "the cancel is waiting".to_owned() } else { format!("{cancels} cancels are waiting") };
    let at_once = model.keymap.say("{global.resync} sends now").into_owned();
    notices::toast(model, format!("{what} {} s: {why}; {at_once}", after.as_secs().max(1)));
}

/// Handles a cancel's reply; unknown and failed ones are in the list of errors.
pub(super) fn cancel_answered(model: &mut Model, key: &OrderKey, outcome: &CancelOutcome) {
    let what = model.accounts.brief(key);
    match outcome {
        CancelOutcome::Taken => {
            notices::toast(
                model,
                format!(
                    "{what}: the broker accepted the cancel request; the order shows as canceled once the broker confirms"
                ),
            );
        }
        CancelOutcome::TooLate(error) => {
            notices::toast(model, format!("{what}: can no longer be canceled, {}", error.message));
        }
        CancelOutcome::NotSent(_) | CancelOutcome::Unknown(_) => {}
    }
}
