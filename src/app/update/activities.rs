//! The activity list: opening, refreshing, showing a row.

use super::overlays;
use crate::accounts::{ActivityKey, OrderKey};
use crate::app::model::{Model, Overlay};
use crate::domain::ActivityKind;

/// Opens the list of the account and fetches its newest rows.
pub(super) fn open(model: &mut Model) {
    let Some(link) = model.account_at_hand().map(|account| account.link.id.clone()) else { return };
    overlays::push(model, Overlay::Activities { link: link.clone(), selected: 0 });
    model.accounts.ask_activities(&link, false);
}

/// Fetches the newest rows, and the older ones if those failed.
pub(super) fn refresh(model: &mut Model) {
    if let Some(Overlay::Activities { link, .. }) = model.top() {
        let link = link.clone();
        model.accounts.ask_activities(&link, false);
    }
}

/// Shows the order of the selected row, or the row itself where the order is not known here.
pub(super) fn detail(model: &mut Model) {
    let Some(Overlay::Activities { link, selected }) = model.top() else { return };
    let Some(account) = model.accounts.get(link) else { return };
    let Some(row) = account.activities.rows().get(*selected) else { return };
    let known = match &row.kind {
        ActivityKind::Fill { order_id, .. } if account.blotter.order(order_id).is_some() => Some(order_id.clone()),
        ActivityKind::Fill { .. } | ActivityKind::Other { .. } => None,
    };
    let overlay = match known {
        Some(order) => Overlay::OrderDetail { key: OrderKey { link: link.clone(), order }, scroll: 0, raw: false },
        None => Overlay::ActivityDetail {
            key: ActivityKey { link: link.clone(), row: std::sync::Arc::clone(&row.id) },
            scroll: 0,
        },
    };
    overlays::push(model, overlay);
}
