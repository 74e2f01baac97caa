//! The list of orders: which are shown, in what order. A list too long for one turn of the loop is built in slices.
//!
//! Invariant: no call takes more than a few milliseconds, however many orders there are. The old rows stay, kept up to
//! date, until the new ones are complete.

use super::MANY;
use crate::app::model::Model;
use crate::app::rows::{OrderRow, OrderView, RowBuilder};
use crate::domain::{LinkId, OrderId};

/// Rebuilds the list from every order in scope, after another account is shown or one was reset.
pub fn rebuild_orders(model: &mut Model) {
    begin(model, false);
}

/// Starts over with other orders. No row of another account may stay until the new rows are complete.
pub fn forget_orders(model: &mut Model) {
    model.rows.orders.replace([]);
    model.rows.orders.selected = None;
}

/// Rebuilds the list for its current filter and sort, if they changed.
pub fn refresh_orders_view(model: &mut Model) {
    let wanted = OrderView::of(&model.rows.orders, &model.rows.clock);
    if wanted == model.rows.shown {
        model.rows.builder = None;
        return;
    }
    begin(model, wanted.narrows(&model.rows.shown));
}

/// Starts building the list; `narrow` takes from the present rows in their order, and otherwise from every order.
fn begin(model: &mut Model, narrow: bool) {
    let (wanted, slice) = (OrderView::of(&model.rows.orders, &model.rows.clock), model.rows.slice);
    let (rows, builder) = if narrow {
        (model.rows.orders.rows.len(), RowBuilder::some(wanted, &model.rows.orders, slice))
    } else {
        let count = model.shown_accounts().map(|account| account.blotter.order_count()).sum();
        (count, RowBuilder::all(wanted, model.shown_accounts().map(|account| account.blotter_number).collect(), slice))
    };
    model.rows.builder = Some(builder);
    // Build the first slice at once; the rest follows in the next turns of the loop.
    while rows <= slice && model.rows.is_building() {
        work(model);
    }
}

/// Builds one slice; the last one shows the result.
pub fn work(model: &mut Model) {
    let Model { rows, accounts, .. } = model;
    let Some(builder) = &mut rows.builder else { return };
    if !builder.step(accounts.all(), &rows.orders) {
        return;
    }
    let Some(builder) = rows.builder.take() else { return };
    let (view, rows_made, keys, touched) = builder.finish();
    rows.orders.install(rows_made, keys);
    for row in touched {
        let key = row.find(accounts.all()).and_then(|(account, order)| view.key(account, order));
        rows.orders.put(row, key);
    }
    rows.shown = view;
    model.dirty = true;
}

/// Applies changes of orders of one account.
pub fn orders_changed(model: &mut Model, link: &LinkId, changed: &[OrderId]) {
    if !model.scope.shows(link) {
        return;
    }
    if changed.len() > MANY.max(model.rows.orders.rows.len() / 8) {
        return rebuild_orders(model);
    }
    let Model { rows, accounts, .. } = model;
    let Some(account) = accounts.iter().find(|account| account.link.id == *link) else { return };
    for id in changed {
        let Some((row, order)) = OrderRow::of(account, id).zip(account.blotter.order(id)) else { continue };
        rows.orders.put(row, rows.shown.key(account, order));
        if let Some(builder) = &mut rows.builder {
            builder.touch(row);
        }
    }
}
