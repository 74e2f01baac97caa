//! The rows of a long list of orders, made a slice at a time: looked at and sorted in runs, then merged from the top.
//!
//! It reads accounts and changes nothing but itself; [`crate::app::refresh`] shows what it made.

use crate::accounts::AccountState;
use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque, vec_deque};

use super::{ListState, OrderRow, OrderView};
use crate::app::columns::SortKey;

type Run = std::vec::IntoIter<(SortKey, OrderRow)>;
/// What the heap of a merge compares: the next row of a run, and which run.
type Next = Reverse<(SortKey, OrderRow, usize)>;

/// A list being made.
#[derive(Debug, Clone)]
pub struct Making {
    view: OrderView,
    stage: Stage,
    rows: VecDeque<OrderRow>,
    keys: HashMap<OrderRow, SortKey>,
    slice: usize,
    /// Orders that changed meanwhile: their keys may be old.
    touched: HashSet<OrderRow>,
}

#[derive(Debug, Clone)]
enum Stage {
    /// Rows that stand are looked at, in their order; none is sorted.
    Narrowing { from: vec_deque::IntoIter<OrderRow> },
    /// The orders of these accounts are looked at, from a place of the first on, and sorted in runs.
    Looking { books: VecDeque<u32>, place: usize, runs: Vec<Run> },
    /// The runs become one.
    Merging { runs: Vec<Run>, heap: BinaryHeap<Next> },
}

impl Making {
    /// Rows for a view, from every order of the accounts with these books.
    pub fn all(view: OrderView, books: VecDeque<u32>, slice: usize) -> Self {
        Self::begin(view, slice, Stage::Looking { books, place: 0, runs: Vec::new() })
    }

    /// Rows for a view: some of those that stand.
    pub fn some(view: OrderView, standing: &ListState<OrderRow>, slice: usize) -> Self {
        let mut making = Self::begin(view, slice, Stage::Narrowing { from: standing.rows.clone().into_iter() });
        // A map that grows moves everything it holds, in one turn.
        making.keys.reserve(standing.rows.len());
        making
    }

    fn begin(view: OrderView, slice: usize, stage: Stage) -> Self {
        Self { view, stage, slice, rows: VecDeque::new(), keys: HashMap::new(), touched: HashSet::new() }
    }

    /// An order changed: it is looked at once more at the end.
    pub fn touch(&mut self, row: OrderRow) {
        self.touched.insert(row);
    }

    /// Makes a slice; true when all is made.
    pub fn step(&mut self, accounts: &[AccountState], standing: &ListState<OrderRow>) -> bool {
        match &mut self.stage {
            Stage::Narrowing { from } => {
                for row in from.by_ref().take(self.slice) {
                    let passes = row.find(accounts).is_some_and(|(account, order)| self.view.passes(account, order));
                    // What changed before it was looked at no longer stands here; it is put where it belongs at the end.
                    if passes
                        && !self.touched.contains(&row)
                        && let Some(key) = standing.keys.get(&row)
                    {
                        self.keys.insert(row, *key);
                        self.rows.push_back(row);
                    }
                }
                from.len() == 0
            }
            Stage::Looking { books, place, runs } => {
                let Some(account) = books.front().and_then(|book| accounts.iter().find(|known| known.book == *book))
                else {
                    if books.pop_front().is_none() {
                        let mut runs = std::mem::take(runs);
                        // A map that grows moves everything it holds, in one turn.
                        self.keys.reserve(runs.iter().map(Run::len).sum());
                        let heap = runs.iter_mut().enumerate().filter_map(|(at, run)| next(run, at)).collect();
                        self.stage = Stage::Merging { runs, heap };
                    }
                    return false;
                };
                let mut run = Vec::with_capacity(self.slice.min(account.blotter.order_count()));
                for order in account.blotter.orders().skip(*place).take(self.slice) {
                    let key = self.view.key(account, order);
                    let row = u32::try_from(*place).map(|place| OrderRow::at(account, place));
                    run.extend(key.zip(row.ok()));
                    *place += 1;
                }
                run.sort_unstable();
                runs.push(run.into_iter());
                if *place >= account.blotter.order_count() {
                    books.pop_front();
                    *place = 0;
                }
                false
            }
            Stage::Merging { runs, heap } => {
                // A row merged costs a fraction of an order looked at.
                for _ in 0..self.slice.saturating_mul(2) {
                    let Some(mut top) = heap.peek_mut() else { return true };
                    let Reverse((key, row, at)) = *top;
                    match runs.get_mut(at).and_then(|run| next(run, at)) {
                        Some(following) => *top = following,
                        None => drop(PeekMut::pop(top)),
                    }
                    self.rows.push_back(row);
                    self.keys.insert(row, key);
                }
                false
            }
        }
    }

    /// What was made, and the orders to look at once more.
    pub fn finish(self) -> (OrderView, VecDeque<OrderRow>, HashMap<OrderRow, SortKey>, HashSet<OrderRow>) {
        (self.view, self.rows, self.keys, self.touched)
    }
}

fn next(run: &mut Run, at: usize) -> Option<Next> {
    run.next().map(|(key, row)| Reverse((key, row, at)))
}
