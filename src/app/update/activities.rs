//! The activity list: opening it, and fetching its pages; the next one before the end of the loaded ones is visible.

use super::{notices, overlays};
use crate::app::model::Model;
use crate::app::overlays::Activities;
use crate::app::selection::account_at_hand;
use crate::domain::LinkId;

/// Opens the list of the account and fetches its newest rows.
pub(super) fn open(model: &mut Model) {
    let Some(link) = account_at_hand(model).map(|account| account.link.id.clone()) else { return };
    overlays::push(model, Activities::of(link.clone()));
    model.accounts.ask_activities(&link, false);
}

/// Fetches older rows when the end of the loaded ones is near.
pub(super) fn load_more(model: &mut Model) {
    let wanted = model.top().and_then(|top| top.handler().wants_older(&model.data()));
    if let Some(link) = wanted {
        model.accounts.ask_activities(&link, true);
    }
}

/// A page arrived.
pub(super) fn page_arrived(model: &mut Model, link: &LinkId, moved: usize, keep_loading: bool, unread: Option<String>) {
    if let Some(words) = unread {
        let text = format!("{}: activities: {words}", model.accounts.label(link));
        notices::error(model, Some(link), text);
    }
    for overlay in &mut model.overlays {
        overlay.handler_mut().activities_added(link, moved);
    }
    if keep_loading && model.top().is_some_and(|top| top.handler().keeps_loading()) {
        load_more(model);
    }
}
