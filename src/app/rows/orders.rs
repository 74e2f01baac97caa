//! Which orders are shown, and by what they are sorted; a list too long for one turn of the loop is made in slices.
//!
//! Invariant: no call costs more than a few milliseconds, however many orders there are. Until the new rows are there, the
//! old ones stand, kept up to date by what they show.

use super::super::columns::{OrderColumn, SortKey, SortValue, placed_at};
use super::super::filter::Filter;
use super::super::model::Model;
use super::fill::{MANY, column, in_scope};
use super::making::Making;
use super::{ListState, OrderRow};
use crate::accounts::AccountState;
use crate::domain::{LinkId, Order, OrderId};

/// What a list of orders shows: a filter, and an order of the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct OrderView {
    pub(super) filter: Filter,
    column: Option<OrderColumn>,
    reversed: bool,
}

impl OrderView {
    /// What the list asks for.
    fn of(list: &ListState<OrderRow>) -> Self {
        let mut filter = Filter::parse(&list.filter);
        filter.problem = None;
        Self { filter, column: column(list.sort, &OrderColumn::ALL), reversed: list.reversed }
    }

    /// Whether working orders stand before done ones.
    pub(super) const fn has_working_first(&self) -> bool {
        self.column.is_none() && !self.reversed
    }

    /// Whether its rows are some of the other's, in the same order.
    fn narrows(&self, wider: &Self) -> bool {
        self.column == wider.column && self.reversed == wider.reversed && self.filter.narrows(&wider.filter)
    }

    /// Whether the filter lets an order through.
    pub(super) fn passes(&self, account: &AccountState, order: &Order) -> bool {
        self.filter.is_empty() || self.filter.order(account, order)
    }

    /// What an order is sorted by; `None` when the filter keeps it out.
    pub(super) fn key(&self, account: &AccountState, order: &Order) -> Option<SortKey> {
        if !self.passes(account, order) {
            return None;
        }
        let at = placed_at(order);
        let Some(column) = self.column else {
            // The pane's own order: what can still trade first, then the newest.
            let group = u8::from(order.status.is_terminal() != self.reversed);
            return Some(SortKey::new(group, at.map(SortValue::Time), !self.reversed, at));
        };
        let descending = column.descending() != self.reversed;
        Some(SortKey::new(0, column.value(account, order), descending, at))
    }
}

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
pub fn orders_looked_at_anew(model: &mut Model) {
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
    while rows <= slice && has_work(model) {
        work(model);
    }
}

/// Whether rows are being made: [`work`] is to be called once in every turn of the loop.
pub const fn has_work(model: &Model) -> bool {
    model.rows.making.is_some()
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
    if !in_scope(&model.scope, link) {
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
