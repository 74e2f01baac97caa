//! Keeps the rows of the lists up to date: which orders, positions, tape lines and brokers are shown, in what order.

mod orders;
mod tape;

pub use self::orders::{forget_orders, orders_changed, rebuild_orders, refresh_orders_view, work};
pub use self::tape::{rebuild_tape, tape_added};
use super::columns::{PositionColumn, SortKey};
use super::filter::Filter;
use super::model::Model;
use super::rows::column;
use crate::accounts::{AccountState, PositionKey};
use crate::domain::{LinkId, Position};

/// More changes than this at once, and more than an eighth of the list, are sorted instead of inserted one by one.
const MANY: usize = 64;

/// Rebuilds all lists.
pub fn rebuild_all(model: &mut Model) {
    brokers_changed(model);
    rebuild_orders(model);
    rebuild_positions(model);
    rebuild_tape(model);
}

/// Rebuilds the list of brokers.
pub fn brokers_changed(model: &mut Model) {
    let Model { rows, accounts, brokers, .. } = model;
    rows.list_brokers(brokers, accounts);
}

/// Rebuilds the list of positions.
pub fn rebuild_positions(model: &mut Model) {
    let list = &model.rows.positions;
    let filter = Filter::parse(&list.filter, &model.rows.clock);
    let column = column(list.sort, &PositionColumn::ALL);
    let reversed = list.reversed;
    let shown = model.accounts.iter().filter(|account| model.scope.shows(&account.link.id));
    let rows: Vec<_> = shown
        .flat_map(|account| account.held().map(move |position| (account, position)))
        .filter(|(account, position)| filter.position(account, position))
        .map(|(account, position)| {
            let key = PositionKey { link: account.link.id.clone(), symbol: position.symbol.clone() };
            (position_key(column, reversed, account, position), key)
        })
        .collect();
    model.rows.positions.replace(rows);
    model.rows.positions.select_something();
}

/// Applies new positions of one account.
pub fn positions_changed(model: &mut Model, link: &LinkId) {
    if model.scope.shows(link) {
        rebuild_positions(model);
    }
}

fn position_key(
    column: Option<PositionColumn>,
    reversed: bool,
    account: &AccountState,
    position: &Position,
) -> SortKey {
    let column = column.unwrap_or(PositionColumn::Symbol);
    SortKey::new(0, column.value(account, position), column.descending() != reversed, None)
}
