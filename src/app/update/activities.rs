//! The activity list: asking for it page by page, and handing what the blotter ought to know to the blotter.

use super::{news, notices, overlays, questions};
use crate::app::effect::{Effect, Memory};
use crate::app::model::activities::{PAGE, Reach};
use crate::app::model::{ActivityKey, Model, OrderKey, Overlay, Pending};
use crate::domain::{Activity, ActivityKind, LinkId};
use crate::session::request::{ActivitiesQuery, unread_words};
use crate::session::{Reply, Request, RequestError};

/// Opens the list of the account at hand and asks for its newest rows.
pub(super) fn open(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(link) = model.account_at_hand().map(|account| account.link.id.clone()) else { return };
    overlays::push(model, Overlay::Activities { link: link.clone(), selected: 0 });
    ask(model, &link, false, effects);
}

/// Asks for the newest rows again, and for the older ones if they failed to come.
pub(super) fn refresh(model: &mut Model, effects: &mut Vec<Effect>) {
    if let Some(Overlay::Activities { link, .. }) = model.top() {
        let link = link.clone();
        ask(model, &link, false, effects);
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
pub(super) fn reach_on(model: &mut Model, effects: &mut Vec<Effect>) {
    let Some(Overlay::Activities { link, selected }) = model.top() else { return };
    let Some(account) = model.account(link) else { return };
    let list = &account.activities;
    let page = usize::from(model.extent.overlay_page).max(1);
    let near = selected.saturating_add(page) >= list.rows().len();
    if near && *list.reach() == Reach::More && !list.rows().is_empty() {
        let link = link.clone();
        ask(model, &link, true, effects);
    }
}

fn ask(model: &mut Model, link: &LinkId, older: bool, effects: &mut Vec<Effect>) {
    if model.activities_loading(link) {
        return;
    }
    let page_token = match model.account(link) {
        Some(account) if older => account.activities.oldest(),
        _ => None,
    };
    let query = ActivitiesQuery {
        fills_only: false,
        order: None,
        after: None,
        until: None,
        page_token,
        ascending: false,
        page_size: PAGE,
    };
    let pending = Pending::Activities { link: link.clone(), older };
    questions::ask(model, link, pending, Request::Activities(query), effects);
    model.dirty = true;
}

/// A page came, or did not.
pub(super) fn answered(
    model: &mut Model,
    link: &LinkId,
    older: bool,
    result: Result<Box<Reply>, RequestError>,
    effects: &mut Vec<Effect>,
) {
    model.dirty = true;
    let Some(account) = model.account_mut(link) else { return };
    let (page, lacks) = match result.map(|reply| reply.split()) {
        Ok((Reply::Activities(page), unread)) => {
            (page, unread_words(&unread).map(|words| format!("{}: activities: {words}", account.link.label)))
        }
        Ok(_) => return,
        Err(error) => {
            let text = format!("{}: no more activities, {error}", account.link.label);
            account.activities.fail(crate::domain::text::sanitize(&error.to_string()));
            return notices::error(model, Some(link), text);
        }
    };
    if let Some(text) = lacks {
        notices::error(model, Some(link), text);
    }
    merge(model, link, &page, effects);
    let Some(account) = model.account_mut(link) else { return };
    let failed_before = matches!(account.activities.reach(), Reach::Failed(_));
    let moved = if older {
        account.activities.take_older(page);
        0
    } else {
        account.activities.take_newest(page)
    };
    for overlay in &mut model.overlays {
        if let Overlay::Activities { link: owner, selected } = overlay
            && owner == link
            && *selected > 0
        {
            // The cursor stays on its row when newer ones come above it.
            *selected += moved;
        }
    }
    if older || failed_before || moved == 0 {
        reach_on(model, effects);
    }
}

/// An execution that the session ought to have seen goes to the blotter first: it must not stand here alone.
fn merge(model: &mut Model, link: &LinkId, page: &[Activity], effects: &mut Vec<Effect>) {
    let Some(account) = model.account_mut(link) else { return };
    let changes = account.blotter.apply_history(page);
    if changes.is_empty() {
        return;
    }
    news::changed(model, link, &changes, effects);
    effects.push(Effect::Remember { link: link.clone(), memory: Memory::Changes(changes) });
}
