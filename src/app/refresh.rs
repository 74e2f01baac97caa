//! Keeps the rows of the lists up to date: which orders, positions, tape lines and brokers are shown, in what order.

mod orders;

pub use self::orders::{forget_orders, orders_changed, rebuild_orders, refresh_orders_view, work};
use super::columns::{PositionColumn, SortKey, SortValue, TapeColumn};
use super::filter::Filter;
use super::model::{AccountScope, Model};
use super::rows::column;
use crate::accounts::{AccountState, PositionKey, TapeKey};
use crate::domain::blotter::TapeEntry;
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
    let filter = Filter::parse(&list.filter);
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

/// Rebuilds the tape.
pub fn rebuild_tape(model: &mut Model) {
    let filter = Filter::parse(&model.rows.tape.filter);
    let view = TapeView::new(model, &filter);
    let shown = model.accounts.iter().filter(|account| model.scope.shows(&account.link.id));
    let rows: Vec<_> = shown
        .flat_map(|account| {
            let view = &view;
            account.blotter.tape().iter().filter_map(move |entry| {
                let key = TapeKey { blotter_number: account.blotter_number, entry: entry.number };
                Some((view.key(account, entry)?, key))
            })
        })
        .collect();
    model.rows.tape.replace(rows);
}

/// Applies new tape lines of one account.
pub fn tape_added(model: &mut Model, link: &LinkId, numbers: &[u64]) {
    if !model.scope.shows(link) {
        return;
    }
    if numbers.len() > MANY.max(model.rows.tape.rows.len() / 8) {
        return rebuild_tape(model);
    }
    let filter = Filter::parse(&model.rows.tape.filter);
    let view = TapeView::new(model, &filter);
    let Some(account) = model.accounts.iter().find(|account| account.link.id == *link) else { return };
    for number in numbers {
        let key = account.blotter.tape_entry(*number).and_then(|entry| view.key(account, entry));
        model.rows.tape.put(TapeKey { blotter_number: account.blotter_number, entry: *number }, key);
    }
}

struct TapeView<'a> {
    filter: &'a Filter,
    column: Option<TapeColumn>,
    reversed: bool,
    merged: bool,
}

impl<'a> TapeView<'a> {
    fn new(model: &Model, filter: &'a Filter) -> Self {
        let list = &model.rows.tape;
        let merged = model.scope == AccountScope::All;
        Self { filter, column: column(list.sort, &TapeColumn::ALL), reversed: list.reversed, merged }
    }

    /// The sort key of a line; `None` when the filter excludes it.
    fn key(&self, account: &AccountState, entry: &TapeEntry) -> Option<SortKey> {
        let filtered = !self.filter.is_empty() && !self.filter.tape(account, entry);
        if filtered || entry.withdrawn {
            return None;
        }
        let (value, descending) = match self.column {
            Some(column) => (column.value(account, entry), column.descending()),
            // Across tapes only the broker's clock is comparable; a single tape keeps the order in which it was
            // learned.
            None if self.merged => (entry.at.map(SortValue::Time), true),
            None => (Some(SortValue::Rank(entry.number)), true),
        };
        Some(SortKey::new(0, value, descending != self.reversed, entry.at))
    }
}
