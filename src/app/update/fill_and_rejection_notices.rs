//! Turns the changes of a merge into rows, flashes, the bell and one sentence: the last fill, or the order, cancel or
//! replace that the broker rejected.

use std::time::Duration;

use super::notices;
use crate::accounts::{AccountState, brief};
use crate::app::effect::Effect;
use crate::app::model::Model;
use crate::app::refresh;
use crate::domain::blotter::Changes;
use crate::domain::{Execution, LinkId, Mono, Source, TradeEvent};

/// Length of a flash. Ends are rounded to a grid, so that a burst wakes the program only a few times.
const FLASH: Duration = Duration::from_millis(1500);
const FLASH_GRID: u64 = 250;

/// Applies the changes of a merge: rows, flashes, the bell.
pub(super) fn changed(model: &mut Model, link: &LinkId, changes: &Changes, effects: &mut Vec<Effect>) {
    refresh::orders_changed(model, link, &changes.orders);
    refresh::tape_added(model, link, &changes.tape);
    let Some(account) = model.accounts.get(link) else { return };
    if !account.seen_live {
        return;
    }
    let fresh: Vec<&Execution> = changes
        .executions
        .iter()
        .filter_map(|id| account.blotter.execution(id))
        .filter(|execution| execution.source != Source::Journal)
        .collect();
    let notice = notice(account, &fresh, changes);
    let ids: Vec<_> = fresh.iter().map(|execution| (execution.id.clone(), execution.order_id.clone())).collect();
    if model.program.flash {
        let until = grid(model.now.mono + FLASH);
        for (execution, order) in ids {
            model.flashes.add(execution, order, until);
        }
    }
    if let Some((text, rejected)) = notice {
        if rejected {
            notices::toast(model, text.clone());
        }
        notices::ring(model, &text, effects);
    }
}

fn grid(at: Mono) -> Mono {
    let millis = u64::try_from(at.0.as_millis()).unwrap_or(u64::MAX);
    Mono::from_millis(millis.div_ceil(FLASH_GRID).saturating_mul(FLASH_GRID))
}

/// The sentence that goes with the bell, and whether it reports a rejection.
fn notice(account: &AccountState, fresh: &[&Execution], changes: &Changes) -> Option<(String, bool)> {
    let label = &account.link.label;
    let entries = changes.tape.iter().filter_map(|number| account.blotter.tape_entry(*number));
    let mut rejected = entries.filter(|entry| {
        matches!(entry.event, TradeEvent::Rejected | TradeEvent::CancelRejected | TradeEvent::ReplaceRejected)
    });
    if let Some(entry) = rejected.next_back() {
        let what =
            account.blotter.order(&entry.order_id).map_or_else(String::new, |order| format!(": {}", brief(order)));
        let event = if entry.event == TradeEvent::CancelRejected {
            "cancel rejected"
        } else if entry.event == TradeEvent::ReplaceRejected {
            "replace rejected"
        } else {
            "order rejected"
        };
        return Some((format!("{event}{what} · {label}"), true));
    }
    let last = fresh.last()?;
    let px = last.px.map_or_else(|| "--".to_owned(), |px| px.grouped(2));
    let text = format!("{} {} {} @ {px} · {label}", last.side.label(), last.qty.grouped(0), last.symbol);
    let text = if fresh.len() > 1 { format!("{} executions, last {text}", fresh.len()) } else { text };
    Some((text, false))
}
