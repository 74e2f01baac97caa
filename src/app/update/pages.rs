//! The pages of an open activity list; the next one is fetched before the end of the loaded ones is visible.

use super::notices;
use crate::accounts::activities::Reach;
use crate::app::model::{Model, Overlay};
use crate::domain::LinkId;

/// Fetches older rows when the end of the loaded ones is near.
pub(super) fn reach_on(model: &mut Model) {
    let Some(Overlay::Activities { link, selected }) = model.top() else { return };
    let Some(account) = model.accounts.get(link) else { return };
    let list = &account.activities;
    let page = usize::from(model.extent.overlay_page).max(1);
    let near = selected.saturating_add(page) >= list.rows().len();
    if near && *list.reach() == Reach::More && !list.rows().is_empty() {
        let link = link.clone();
        model.accounts.ask_activities(&link, true);
    }
}

/// A page arrived: the selection stays on its row when newer rows are added above.
pub(super) fn came(model: &mut Model, link: &LinkId, moved: usize, goes_on: bool, unread: Option<String>) {
    if let Some(words) = unread {
        let text = format!("{}: activities: {words}", model.accounts.label(link));
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
