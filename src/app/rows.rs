//! The rows of every list pane, kept sorted and filtered as things change.
//!
//! Invariant: a change of one row costs a binary search, never a sort; the selection is a key and stays on its row.

mod fill;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::Hash;

pub use fill::{
    brokers_changed, narrow_orders, orders_changed, positions_changed, rebuild, rebuild_all, rebuild_orders,
    rebuild_positions, rebuild_tape, tape_added,
};

use super::columns::SortKey;
use super::model::{BrokerRow, OrderKey, PositionKey, TapeKey};

/// A list pane: its rows in order, which one is selected (by key, never by index), its filter and its sort.
#[derive(Debug, Clone)]
pub struct ListState<K> {
    /// The rows as shown, after filter and sort.
    pub rows: VecDeque<K>,
    /// The selected row's key; stays on its row when rows move.
    pub selected: Option<K>,
    /// The filter as typed; empty shows all.
    pub filter: String,
    /// Which column sorts, by index into the pane's columns; `None` is the pane's own order.
    pub sort: Option<usize>,
    /// The other way round.
    pub reversed: bool,
    /// Columns that are not shown, by index into the pane's columns.
    pub hidden: BTreeSet<usize>,
    /// What each shown row is sorted by, which also says what is shown.
    keys: HashMap<K, SortKey>,
    /// Where the selected row was last seen.
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
            keys: HashMap::new(),
            hint: 0,
        }
    }
}

impl<K: Clone + Eq + Hash + Ord> ListState<K> {
    /// Where the selected row stands now.
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

    /// True when the row is shown.
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

    /// Moves the selection; without one it begins at the first row.
    pub fn move_by(&mut self, rows: isize) {
        let from_above = || usize::try_from(rows.saturating_sub(1)).unwrap_or(0);
        let index = self.selected_index().map_or_else(from_above, |at| at.saturating_add_signed(rows));
        self.select(index);
    }

    /// Replaces every row. A selected row that is no longer shown hands the selection to its neighbour.
    pub fn replace(&mut self, rows: impl IntoIterator<Item = (SortKey, K)>) {
        let before = self.selected_index();
        let mut sorted: Vec<(SortKey, K)> = rows.into_iter().collect();
        sorted.sort_unstable();
        sorted.dedup_by(|a, b| a.1 == b.1);
        self.rows = sorted.iter().map(|(_, row)| row.clone()).collect();
        self.keys = sorted.into_iter().map(|(key, row)| (row, key)).collect();
        if self.selected.as_ref().is_some_and(|row| !self.contains(row)) {
            self.select(before.unwrap_or(self.hint));
        } else {
            self.hint = self.selected_index().unwrap_or(self.hint);
        }
    }

    /// Keeps only some of the rows, in the order in which they stand: no row is sorted anew.
    pub fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        let before = self.selected_index();
        let mut dropped = Vec::new();
        self.rows.retain(|row| {
            let kept = keep(row);
            if !kept {
                dropped.push(row.clone());
            }
            kept
        });
        if dropped.len() <= self.rows.len() {
            for row in dropped {
                self.keys.remove(&row);
            }
        } else {
            // Few are left: a small map is made faster than a large one is emptied.
            let mut keys = std::mem::take(&mut self.keys);
            self.keys = self.rows.iter().filter_map(|row| keys.remove_entry(row)).collect();
        }
        if self.selected.as_ref().is_some_and(|row| !self.contains(row)) {
            self.select(before.unwrap_or(self.hint));
        } else {
            self.hint = self.selected_index().unwrap_or(self.hint);
        }
    }

    /// Puts a row where its key says, moves it there, or takes it away when there is no key.
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
            let index = self.search(&key, &row).unwrap_or_else(|index| index);
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

/// The list panes' states.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// Brokers.
    pub brokers: ListState<BrokerRow>,
    /// Orders.
    pub orders: ListState<OrderKey>,
    /// Positions.
    pub positions: ListState<PositionKey>,
    /// Tape.
    pub tape: ListState<TapeKey>,
}
