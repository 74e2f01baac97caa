//! The activity list: opened, gone through, and read on before its end comes into view.

use super::{notices, overlays};
use crate::accounts::activities::Reach;
use crate::accounts::{ActivityKey, OrderKey};
use crate::app::model::{Model, Overlay};
use crate::domain::{ActivityKind, LinkId};

/// Opens the list of the account at hand and asks for its newest rows.
pub(super) fn open(model: &mut Model) {
    let Some(link) = model.account_at_hand().map(|account| account.link.id.clone()) else { return };
    overlays::push(model, Overlay::Activities { link: link.clone(), selected: 0 });
    model.accounts.ask_activities(&link, false);
}

/// Asks for the newest rows again, and for the older ones if they failed to come.
pub(super) fn refresh(model: &mut Model) {
    if let Some(Overlay::Activities { link, .. }) = model.top() {
        let link = link.clone();
        model.accounts.ask_activities(&link, false);
    }
}

/// Shows what the chosen row is about: its order, or the row in full where the order is not known here.
pub(super) fn detail(model: &mut Model) {
    let Some(Overlay::Activities { link, selected }) = model.top() else { return };
    let Some(account) = model.account(link) else { return };
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

/// Asks for older rows when the end of those read is about to come into view.
pub(super) fn reach_on(model: &mut Model) {
    let Some(Overlay::Activities { link, selected }) = model.top() else { return };
    let Some(account) = model.account(link) else { return };
    let list = &account.activities;
    let page = usize::from(model.extent.overlay_page).max(1);
    let near = selected.saturating_add(page) >= list.rows().len();
    if near && *list.reach() == Reach::More && !list.rows().is_empty() {
        let link = link.clone();
        model.accounts.ask_activities(&link, true);
    }
}

/// A page came: the cursor stays on its row when newer ones come above it.
pub(super) fn came(model: &mut Model, link: &LinkId, moved: usize, goes_on: bool, unread: Option<String>) {
    if let Some(words) = unread {
        let text = format!("{}: activities: {words}", model.label(link));
        notices::error(model, Some(link), text);
    }
    for overlay in &mut model.overlays {
        if let Overlay::Activities { link: owner, selected } = overlay
            && owner == link
            && *selected > 0
        {
            *selected += moved;
        }
    }
    if goes_on {
        reach_on(model);
    }
}
