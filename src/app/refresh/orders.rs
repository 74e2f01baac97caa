//! The list of orders: which are shown and in what order; one too long for one turn of the loop is made in slices.
//!
//! Invariant: no call costs more than a few milliseconds, however many orders there are. Until the new rows are there, the
//! old ones stand, kept up to date by what they show.

use super::MANY;
use crate::app::model::Model;
use crate::app::rows::{Making, OrderRow, OrderView};
use crate::domain::{LinkId, OrderId};

/// Makes the list anew from every order in scope: another account is shown, or one began anew.
pub fn rebuild_orders(model: &mut Model) {
    begin(model, false);
}

/// Other orders than before are to be shown, whatever they are: no row of another account may stand until they are made.
pub fn forget_orders(model: &mut Model) {
    model.rows.orders.replace([]);
    model.rows.orders.selected = None;
}

/// Makes the list as its filter and its sort ask for, unless it is so already.
pub fn refresh_orders_view(model: &mut Model) {
    let wanted = OrderView::of(&model.rows.orders);
    if wanted == model.rows.shown {
        model.rows.making = None;
        return;
    }
    begin(model, wanted.narrows(&model.rows.shown));
}

/// Begins to make the list; `narrow` takes from the rows that stand, in their order, and else from every order.
fn begin(model: &mut Model, narrow: bool) {
    let (wanted, slice) = (OrderView::of(&model.rows.orders), model.rows.slice);
    let (rows, making) = if narrow {
        (model.rows.orders.rows.len(), Making::some(wanted, &model.rows.orders, slice))
    } else {
        let count = model.shown_accounts().map(|account| account.blotter.order_count()).sum();
        (count, Making::all(wanted, model.shown_accounts().map(|account| account.book).collect(), slice))
    };
    model.rows.making = Some(making);
    // What fits into one turn is there at once; the rest begins with the next turn of the loop.
    while rows <= slice && model.rows.is_making() {
        work(model);
    }
}

/// Makes a slice of what is being made; the last one shows it.
pub fn work(model: &mut Model) {
    let Model { rows, accounts, .. } = model;
    let Some(making) = &mut rows.making else { return };
    if !making.step(accounts.all(), &rows.orders) {
        return;
    }
    let Some(making) = rows.making.take() else { return };
    let (view, rows_made, keys, touched) = making.finish();
    rows.orders.install(rows_made, keys);
    for row in touched {
        let key = row.find(accounts.all()).and_then(|(account, order)| view.key(account, order));
        rows.orders.put(row, key);
    }
    rows.shown = view;
    model.dirty = true;
}

/// Takes over changes of some orders of one account.
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
        if let Some(making) = &mut rows.making {
            making.touch(row);
        }
    }
}
