//! The rows of the list panes, kept sorted and filtered as data changes.
//!
//! Invariant: a change of one row costs a binary search, never a sort. The selection is a key and stays on its row.

mod row_builder;
#[cfg(test)]
mod tests;
mod view;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::Hash;

pub use row_builder::RowBuilder;
pub use view::OrderView;

use super::brokers::{BrokerRow, BrokerSummary};
use super::columns::SortKey;
use super::filter::{Filter, FilterClock};
use super::pane::Pane;
use crate::accounts::{AccountState, Accounts, PositionKey, TapeKey};
use crate::domain::{Mono, Order, OrderId};

/// Orders examined in one turn of the loop; takes a few milliseconds.
const SLICE: usize = 8192;

/// A list pane: sorted rows, the selection (by key, never by index), filter and sort.
#[derive(Debug, Clone)]
pub struct ListState<K> {
    /// The rows shown, after filter and sort.
    pub rows: VecDeque<K>,
    /// The key of the selected row.
    pub selected: Option<K>,
    /// The filter text; empty shows all.
    pub filter: String,
    /// The index of the sort column; `None` for the default order.
    pub sort: Option<usize>,
    /// Whether the order is reversed.
    pub reversed: bool,
    /// Indices of hidden columns.
    pub hidden: BTreeSet<usize>,
    /// Hidden columns are shown, too.
    pub all_columns: bool,
    /// The sort key of each row shown.
    keys: HashMap<K, SortKey>,
    /// The last known index of the selected row.
    hint: usize,
}

impl<K> Default for ListState<K> {
    fn default() -> Self {
        Self {
            rows: VecDeque::new(),
            selected: None,
            filter: String::new(),
            sort: None,
            reversed: false,
            hidden: BTreeSet::new(),
            all_columns: false,
            keys: HashMap::new(),
            hint: 0,
        }
    }
}

impl<K: Clone + Eq + Hash + Ord> ListState<K> {
    /// The index of the selected row.
    pub fn selected_index(&self) -> Option<usize> {
        let selected = self.selected.as_ref()?;
        if self.rows.get(self.hint) == Some(selected) {
            return Some(self.hint);
        }
        match self.keys.get(selected) {
            Some(key) => self.search(key, selected).ok(),
            None => self.rows.iter().position(|row| row == selected),
        }
    }

    /// The index of a row, if it is shown.
    pub fn index_of(&self, row: &K) -> Option<usize> {
        self.search(self.keys.get(row)?, row).ok()
    }

    /// The number of rows in the first group of the order.
    fn first_group(&self) -> usize {
        self.rows.partition_point(|row| self.keys.get(row).is_some_and(|key| key.group() == 0))
    }

    /// Whether the row is shown.
    pub fn contains(&self, row: &K) -> bool {
        self.keys.contains_key(row)
    }

    /// Selects the row at an index, or the last one when the list is shorter.
    pub fn select(&mut self, index: usize) {
        let index = index.min(self.rows.len().saturating_sub(1));
        self.selected = self.rows.get(index).cloned();
        self.hint = index;
    }

    /// Selects a row by key, if it is shown.
    pub fn select_key(&mut self, key: &K) {
        if self.contains(key) {
            self.selected = Some(key.clone());
            self.hint = self.selected_index().unwrap_or(0);
        }
    }

    /// Moves the selection; without one, it starts at the first row.
    pub fn move_by(&mut self, rows: isize) {
        let from_above = || usize::try_from(rows.saturating_sub(1)).unwrap_or(0);
        let index = self.selected_index().map_or_else(from_above, |at| at.saturating_add_signed(rows));
        self.select(index);
    }

    /// Replaces all rows. If the selected row is gone, a neighbour is selected.
    pub fn replace(&mut self, rows: impl IntoIterator<Item = (SortKey, K)>) {
        let mut sorted: Vec<(SortKey, K)> = rows.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup_by(|a, b| a.1 == b.1);
        let rows = sorted.iter().map(|(_, row)| row.clone()).collect();
        self.install(rows, sorted.into_iter().map(|(key, row)| (row, key)).collect());
    }

    /// Replaces all rows with rows already sorted, with their keys; the selection as in [`Self::replace`].
    pub fn install(&mut self, rows: VecDeque<K>, keys: HashMap<K, SortKey>) {
        let before = self.selected_index();
        (self.rows, self.keys) = (rows, keys);
        if self.selected.as_ref().is_some_and(|row| !self.contains(row)) {
            self.select(before.unwrap_or(self.hint));
        } else {
            self.hint = self.selected_index().unwrap_or(self.hint);
        }
    }

    /// Inserts or moves a row to the place of its key; removes it when there is no key.
    pub fn put(&mut self, row: K, key: Option<SortKey>) {
        if self.keys.get(&row) == key.as_ref() {
            return;
        }
        let at = self.selected_index();
        let mut hint = at.unwrap_or(self.hint);
        let was_selected = self.selected.as_ref() == Some(&row);
        if let Some(old) = self.keys.get(&row) {
            if let Ok(index) = self.search(old, &row) {
                self.rows.remove(index);
                hint -= usize::from(index < hint);
            }
            self.keys.remove(&row);
        }
        if let Some(key) = key {
            // New rows mostly come first.
            let before = |first: &K| self.keys.get(first).is_some_and(|known| (&key, &row) < (known, first));
            let index = match self.rows.front() {
                Some(first) if before(first) => 0,
                _ => self.search(&key, &row).unwrap_or_else(|index| index),
            };
            self.rows.insert(index, row.clone());
            self.keys.insert(row, key);
            hint = if was_selected { index } else { hint + usize::from(index <= hint && at.is_some()) };
        } else if was_selected {
            return self.select(at.unwrap_or(0));
        }
        self.hint = hint;
    }

    /// Selects the first row when nothing is selected.
    pub fn select_something(&mut self) {
        if self.selected.is_none() {
            self.select(0);
        }
    }

    fn search(&self, key: &SortKey, row: &K) -> Result<usize, usize> {
        self.rows.binary_search_by(|other| {
            let order = self.keys.get(other).map_or(std::cmp::Ordering::Less, |other| other.cmp(key));
            order.then_with(|| other.cmp(row))
        })
    }
}

/// What can be done with a list whatever its rows are.
pub trait List {
    /// The number of rows shown.
    fn count(&self) -> usize;
    /// The index of the selected row.
    fn selected_index(&self) -> Option<usize>;
    /// Selects the row at an index, or the last one.
    fn select(&mut self, index: usize);
    /// Moves the selection by rows.
    fn move_by(&mut self, rows: isize);
    /// The filter text.
    fn filter(&self) -> &str;
    /// Sets the filter text.
    fn set_filter(&mut self, text: String);
    /// The sort column by index, and whether the order is reversed.
    fn order(&self) -> (Option<usize>, bool);
    /// Sets the sort column and whether the order is reversed.
    fn set_order(&mut self, sort: Option<usize>, reversed: bool);
    /// The hidden columns by index.
    fn hidden(&self) -> &BTreeSet<usize>;
    /// The same, to be changed.
    fn hidden_mut(&mut self) -> &mut BTreeSet<usize>;
    /// Whether hidden columns are shown, too.
    fn shows_all(&self) -> bool;
    /// Shows hidden columns, or hides them again.
    fn show_all(&mut self, all: bool);
}

impl<K: Clone + Eq + Hash + Ord> List for ListState<K> {
    fn count(&self) -> usize {
        self.rows.len()
    }

    fn selected_index(&self) -> Option<usize> {
        self.selected_index()
    }

    fn select(&mut self, index: usize) {
        self.select(index);
    }

    fn move_by(&mut self, rows: isize) {
        self.move_by(rows);
    }

    fn filter(&self) -> &str {
        &self.filter
    }

    fn set_filter(&mut self, text: String) {
        self.filter = text;
    }

    fn order(&self) -> (Option<usize>, bool) {
        (self.sort, self.reversed)
    }

    fn set_order(&mut self, sort: Option<usize>, reversed: bool) {
        (self.sort, self.reversed) = (sort, reversed);
    }

    fn hidden(&self) -> &BTreeSet<usize> {
        &self.hidden
    }

    fn hidden_mut(&mut self) -> &mut BTreeSet<usize> {
        &mut self.hidden
    }

    fn shows_all(&self) -> bool {
        self.all_columns
    }

    fn show_all(&mut self, all: bool) {
        self.all_columns = all;
    }
}

/// A reference to an order in a list: small, quick to compare, and never that of another order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderRow {
    /// The account's number in this run ([`crate::accounts::AccountState::blotter_number`]); numbers are not reused.
    blotter_number: u32,
    /// How often the account's blotter had been reset.
    generation: u32,
    /// The order's index in the blotter.
    place: u32,
}

impl OrderRow {
    /// The row of an order in an account's blotter.
    pub fn of(account: &AccountState, order: &OrderId) -> Option<Self> {
        account.blotter.place(order).map(|place| Self::at(account, place))
    }

    const fn at(account: &AccountState, place: u32) -> Self {
        Self { blotter_number: account.blotter_number, generation: account.blotter.generation(), place }
    }

    /// The order, if it is in this account.
    pub fn find(self, accounts: &[AccountState]) -> Option<(&AccountState, &Order)> {
        let holds = |account: &&AccountState| {
            account.blotter_number == self.blotter_number && account.blotter.generation() == self.generation
        };
        let account = accounts.iter().find(holds)?;
        Some((account, account.blotter.at(self.place)?))
    }
}

/// The states of the list panes.
#[derive(Debug, Clone)]
pub struct Rows {
    pub brokers: ListState<BrokerRow>,
    pub orders: ListState<OrderRow>,
    /// What the rows of `orders` show; differs from the wanted list while that is being built.
    pub shown: OrderView,
    /// The orders list being built in slices.
    pub builder: Option<RowBuilder>,
    pub positions: ListState<PositionKey>,
    pub tape: ListState<TapeKey>,
    /// Orders examined in one turn of the loop; shorter lists are built at once.
    pub slice: usize,
    /// What times in filters are relative to.
    pub clock: FilterClock,
    /// When lists with such filters are built again.
    pub again_at: Mono,
}

impl Rows {
    /// The number of working orders at the top; `None` when the rows are in another order.
    pub fn working_first(&self) -> usize {
        if self.shown.has_working_first() { self.orders.first_group() } else { 0 }
    }
}

impl Rows {
    /// Whether a list shows something else as time passes.
    pub fn are_relative(&self) -> bool {
        let filters = [&self.brokers.filter, &self.orders.filter, &self.positions.filter, &self.tape.filter];
        filters.into_iter().any(|filter| !filter.is_empty() && Filter::parse(filter, &self.clock).is_relative)
    }

    /// The list of a pane, if it has one.
    pub fn list(&self, pane: Pane) -> Option<&dyn List> {
        match pane {
            Pane::Brokers => Some(&self.brokers),
            Pane::Account => None,
            Pane::Orders => Some(&self.orders),
            Pane::Positions => Some(&self.positions),
            Pane::Tape => Some(&self.tape),
        }
    }

    /// The same, to be changed.
    pub fn list_mut(&mut self, pane: Pane) -> Option<&mut dyn List> {
        match pane {
            Pane::Brokers => Some(&mut self.brokers),
            Pane::Account => None,
            Pane::Orders => Some(&mut self.orders),
            Pane::Positions => Some(&mut self.positions),
            Pane::Tape => Some(&mut self.tape),
        }
    }

    /// Whether the orders list is being built in slices.
    pub const fn is_building(&self) -> bool {
        self.builder.is_some()
    }

    /// Lists the brokers: links in the order of linking, then brokers without one, then *Add broker*.
    pub fn list_brokers(&mut self, brokers: &[BrokerSummary], accounts: &Accounts) {
        let filter = Filter::parse(&self.brokers.filter, &self.clock);
        let linked = accounts.iter().map(|account| {
            let link = &account.link;
            let line =
                format!("{} {} {} {}", link.label, link.account_number, link.environment, account.session.state());
            (BrokerRow::Linked(link.id.clone()), filter.line(&line))
        });
        let unlinked = brokers.iter().filter(|broker| {
            // A broker that links both environments gets no third row next to the two single ones.
            broker.environments.len() == 1 && !accounts.iter().any(|account| account.link.broker == broker.id)
        });
        let unlinked = unlinked.map(|broker| (BrokerRow::Unlinked(broker.id.clone()), filter.line(&broker.name)));
        let rows = linked.chain(unlinked).chain(std::iter::once((BrokerRow::Add, true)));
        let rows: Vec<_> = rows
            .filter_map(|(row, shown)| shown.then_some(row))
            .enumerate()
            .map(|(index, row)| (SortKey::place(index), row))
            .collect();
        self.brokers.replace(rows);
        self.brokers.select_something();
    }
}

pub(super) fn column<C: Copy>(sort: Option<usize>, all: &[C]) -> Option<C> {
    sort.and_then(|index| all.get(index).copied())
}

impl Default for Rows {
    fn default() -> Self {
        Self {
            brokers: ListState::default(),
            orders: ListState::default(),
            shown: OrderView::default(),
            builder: None,
            positions: ListState::default(),
            tape: ListState::default(),
            slice: SLICE,
            clock: FilterClock::default(),
            again_at: Mono::ZERO,
        }
    }
}
