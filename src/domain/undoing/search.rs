//! Of all ways to take an order's open undoings, the likeliest with which its executions add up to what it states.

use std::collections::HashSet;

use super::slate::Choice;
use crate::domain::money::{Money, Price, Qty, is_rounding};

/// Unknown executions that are told apart by what the order states; where there are more, the earliest are by likeness alone.
pub(super) const MOST_OPEN: usize = 12;
/// How many ways are tried at most, so that no order takes longer than a few milliseconds.
const MOST_STEPS: usize = 20_000;

/// What an order states.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stated {
    /// What it executed.
    pub(super) qty: Qty,
    /// At which average price, where that is stated after the undoings.
    pub(super) avg: Option<Price>,
}

/// A quantity and what it was worth; `None` where a price is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Worth {
    pub(super) qty: Qty,
    pub(super) money: Option<Money>,
}

impl Worth {
    pub(super) const NOTHING: Self = Self { qty: Qty::ZERO, money: Some(Money::ZERO) };

    fn plus(self, more: Self) -> Option<Self> {
        let money = self.money.zip(more.money).and_then(|(sum, more)| sum.checked_add(more));
        Some(Self { qty: self.qty.checked_add(more.qty)?, money })
    }
}

/// What an undoing may be of, and what the order states more by it; `None` proves nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) choice: Choice,
    pub(super) more: Option<Worth>,
}

/// Tries the ways of each undoing, no row twice, the likeliest first.
pub(super) struct Search<'a> {
    ways: &'a [Vec<Way>],
    stated: Stated,
    steps: usize,
    taken: Vec<Choice>,
    /// The first that add up in quantity: an average may be of another moment, or not be known.
    by_qty: Option<Vec<Choice>>,
}

impl<'a> Search<'a> {
    pub(super) fn new(ways: &'a [Vec<Way>], stated: Stated) -> Self {
        Self { ways, stated, steps: MOST_STEPS, taken: Vec::new(), by_qty: None }
    }

    /// The first ways that add up to the quantity and the average price, else to the quantity.
    pub(super) fn run(&mut self, sum: Worth) -> Option<Vec<Choice>> {
        if self.fits(sum) { Some(std::mem::take(&mut self.taken)) } else { self.by_qty.take() }
    }

    pub(super) const fn has_tried_all(&self) -> bool {
        self.steps > 0
    }

    /// The likeliest way of each, no row twice.
    pub(super) fn likeliest(ways: &[Vec<Way>]) -> Option<Vec<Choice>> {
        let mut taken: Vec<Choice> = Vec::new();
        for ways in ways {
            let is_free = |way: &&Way| way.choice == Choice::Open || !taken.contains(&way.choice);
            let choice = ways.iter().find(is_free)?.choice;
            taken.push(choice);
        }
        Some(taken)
    }

    fn fits(&mut self, sum: Worth) -> bool {
        let Some(ways) = self.ways.get(self.taken.len()) else {
            if sum.qty != self.stated.qty {
                return false;
            }
            if self.agrees(sum) {
                return true;
            }
            self.by_qty.get_or_insert_with(|| self.taken.clone());
            return false;
        };
        // What comes to the same once will do so again: the undoings are in the order of their times, so that a row which this
        // one leaves is there for each of the others.
        let mut tried = HashSet::new();
        for way in ways {
            let Some(more) = way.more else { continue };
            if self.steps == 0 {
                return false;
            }
            self.steps -= 1;
            let is_free = !matches!(way.choice, Choice::Row(_)) || !self.taken.contains(&way.choice);
            if !is_free || !tried.insert(more) {
                continue;
            }
            let Some(sum) = sum.plus(more) else { continue };
            self.taken.push(way.choice);
            if self.fits(sum) {
                return true;
            }
            self.taken.pop();
        }
        false
    }

    /// Whether the average price is the one that is stated, or none is.
    fn agrees(&self, sum: Worth) -> bool {
        let Some(stated) = self.stated.avg.filter(|_| sum.qty.is_positive()) else { return true };
        let avg = sum.money.and_then(|money| money.decimal().checked_div(sum.qty.decimal()));
        avg.is_some_and(|avg| is_rounding(avg, stated.decimal()))
    }
}
