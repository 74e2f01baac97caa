//! Builds a long list of orders in slices: examines and sorts them in runs, then merges the runs from the top.
//!
//! Reads accounts, and changes nothing but itself; [`crate::app::refresh`] shows the result.

use crate::accounts::AccountState;
use std::cmp::Reverse;
use std::collections::binary_heap::PeekMut;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque, vec_deque};

use super::{ListState, OrderRow, OrderView};
use crate::app::columns::SortKey;

type Run = std::vec::IntoIter<(SortKey, OrderRow)>;
/// An entry of the merge heap: the next row of a run, and the run's number.
type Next = Reverse<(SortKey, OrderRow, usize)>;

/// A list being built.
#[derive(Debug, Clone)]
pub struct RowBuilder {
    view: OrderView,
    stage: Stage,
    rows: VecDeque<OrderRow>,
    keys: HashMap<OrderRow, SortKey>,
    slice: usize,
    /// Orders that changed meanwhile, whose keys may be outdated.
    touched: HashSet<OrderRow>,
}

#[derive(Debug, Clone)]
enum Stage {
    /// Filters the present rows, in their order, without sorting.
    Narrowing { from: vec_deque::IntoIter<OrderRow> },
    /// Examines the orders of these accounts, starting in the first at this index, and sorts them in runs.
    Looking { blotters: VecDeque<u32>, place: usize, runs: Vec<Run> },
    /// Merges the runs.
    Merging { runs: Vec<Run>, heap: BinaryHeap<Next> },
}

impl RowBuilder {
    /// Builds rows from every order of these accounts.
    pub fn all(view: OrderView, blotters: VecDeque<u32>, slice: usize) -> Self {
        Self::begin(view, slice, Stage::Looking { blotters, place: 0, runs: Vec::new() })
    }

    /// Builds rows by filtering the present ones.
    pub fn some(view: OrderView, standing: &ListState<OrderRow>, slice: usize) -> Self {
        let mut builder = Self::begin(view, slice, Stage::Narrowing { from: standing.rows.clone().into_iter() });
        // Reserve the capacity: growing a map moves all its entries in one turn.
        builder.keys.reserve(standing.rows.len());
        builder
    }

    fn begin(view: OrderView, slice: usize, stage: Stage) -> Self {
        Self { view, stage, slice, rows: VecDeque::new(), keys: HashMap::new(), touched: HashSet::new() }
    }

    /// Notes a changed order, which is examined again at the end.
    pub fn touch(&mut self, row: OrderRow) {
        self.touched.insert(row);
    }

    /// Builds one slice; true when the list is complete.
    pub fn step(&mut self, accounts: &[AccountState], standing: &ListState<OrderRow>) -> bool {
        match &mut self.stage {
            Stage::Narrowing { from } => {
                for row in from.by_ref().take(self.slice) {
                    let passes = row.find(accounts).is_some_and(|(account, order)| self.view.passes(account, order));
                    // Changed before it was examined: its key is outdated, so it is inserted at the end.
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
            Stage::Looking { blotters, place, runs } => {
                let Some(account) = blotters
                    .front()
                    .and_then(|blotter_number| accounts.iter().find(|known| known.blotter_number == *blotter_number))
                else {
                    if blotters.pop_front().is_none() {
                        let mut runs = std::mem::take(runs);
                        // Reserve the capacity: growing a map moves all its entries in one turn.
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
                    blotters.pop_front();
                    *place = 0;
                }
                false
            }
            Stage::Merging { runs, heap } => {
                // Merging a row costs a fraction of examining an order.
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

    /// The result, and the orders to examine again.
    pub fn finish(self) -> (OrderView, VecDeque<OrderRow>, HashMap<OrderRow, SortKey>, HashSet<OrderRow>) {
        (self.view, self.rows, self.keys, self.touched)
    }
}

fn next(run: &mut Run, at: usize) -> Option<Next> {
    run.next().map(|(key, row)| Reverse((key, row, at)))
}
