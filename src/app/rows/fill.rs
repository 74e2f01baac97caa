//! From accounts to rows: which orders, positions, tape lines and brokers are shown, and by what they are sorted.

use super::super::columns::{PositionColumn, SortKey, SortValue, TapeColumn};
use super::super::filter::Filter;
use super::super::model::{AccountScope, BrokerRow, Model, Pane};
use super::orders::orders_looked_at_anew;
use crate::accounts::{AccountState, PositionKey, TapeKey};
use crate::domain::blotter::TapeEntry;
use crate::domain::{LinkId, Position};

/// So many changes at once, and more than an eighth of the list, are cheaper sorted than inserted.
pub(super) const MANY: usize = 64;

/// Makes every list anew.
pub fn rebuild_all(model: &mut Model) {
    brokers_changed(model);
    super::rebuild_orders(model);
    rebuild_positions(model);
    rebuild_tape(model);
}

/// Makes one pane's list anew: after a change of filter, sort or scope.
pub fn rebuild(model: &mut Model, pane: Pane) {
    match pane {
        Pane::Brokers => brokers_changed(model),
        Pane::Account => {}
        Pane::Orders => orders_looked_at_anew(model),
        Pane::Positions => rebuild_positions(model),
        Pane::Tape => rebuild_tape(model),
    }
}

/// Links in the order of linking, then brokers without one, then *Add broker*.
pub fn brokers_changed(model: &mut Model) {
    let filter = Filter::parse(&model.rows.brokers.filter);
    let linked = model.accounts.iter().map(|account| {
        let link = &account.link;
        let line = format!("{} {} {} {}", link.label, link.account_number, link.environment, account.session.state());
        (BrokerRow::Linked(link.id.clone()), filter.line(&line))
    });
    let unlinked = model.brokers.iter().filter(|broker| {
        // A broker whose consent covers both environments adds no third row beside the two single ones.
        broker.environments.len() == 1 && !model.accounts.iter().any(|account| account.link.broker == broker.id)
    });
    let unlinked = unlinked.map(|broker| (BrokerRow::Unlinked(broker.id.clone()), filter.line(&broker.name)));
    let rows = linked.chain(unlinked).chain(std::iter::once((BrokerRow::Add, true)));
    let rows: Vec<_> = rows
        .filter_map(|(row, shown)| shown.then_some(row))
        .enumerate()
        .map(|(index, row)| (SortKey::place(index), row))
        .collect();
    model.rows.brokers.replace(rows);
    model.rows.brokers.select_something();
}

/// Makes the list of positions anew.
pub fn rebuild_positions(model: &mut Model) {
    let list = &model.rows.positions;
    let filter = Filter::parse(&list.filter);
    let column = column(list.sort, &PositionColumn::ALL);
    let reversed = list.reversed;
    let shown = model.accounts.iter().filter(|account| in_scope(&model.scope, &account.link.id));
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

/// Takes over new positions of one account.
pub fn positions_changed(model: &mut Model, link: &LinkId) {
    if in_scope(&model.scope, link) {
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

/// Makes the tape anew.
pub fn rebuild_tape(model: &mut Model) {
    let filter = Filter::parse(&model.rows.tape.filter);
    let view = TapeView::new(model, &filter);
    let shown = model.accounts.iter().filter(|account| in_scope(&model.scope, &account.link.id));
    let rows: Vec<_> = shown
        .flat_map(|account| {
            let view = &view;
            account.blotter.tape().iter().filter_map(move |entry| {
                let key = TapeKey { book: account.book, entry: entry.number };
                Some((view.key(account, entry)?, key))
            })
        })
        .collect();
    model.rows.tape.replace(rows);
}

/// Takes over new lines of one account's tape.
pub fn tape_added(model: &mut Model, link: &LinkId, numbers: &[u64]) {
    if !in_scope(&model.scope, link) {
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
        model.rows.tape.put(TapeKey { book: account.book, entry: *number }, key);
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

    /// What a line is sorted by; `None` when the filter keeps it out.
    fn key(&self, account: &AccountState, entry: &TapeEntry) -> Option<SortKey> {
        let filtered = !self.filter.is_empty() && !self.filter.tape(account, entry);
        if filtered || entry.withdrawn {
            return None;
        }
        let (value, descending) = match self.column {
            Some(column) => (column.value(account, entry), column.descending()),
            // Several tapes have only the broker's clock in common; one tape stands in the order it was learned.
            None if self.merged => (entry.at.map(SortValue::Time), true),
            None => (Some(SortValue::Rank(entry.number)), true),
        };
        Some(SortKey::new(0, value, descending != self.reversed, entry.at))
    }
}

/// True when the panes show this account.
pub(super) fn in_scope(scope: &AccountScope, link: &LinkId) -> bool {
    match scope {
        AccountScope::None => false,
        AccountScope::One(one) => one == link,
        AccountScope::All => true,
    }
}

pub(super) fn column<C: Copy>(sort: Option<usize>, all: &[C]) -> Option<C> {
    sort.and_then(|index| all.get(index).copied())
}
