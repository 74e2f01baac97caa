//! Finds the likeliest way to assign an order's open busts and corrections so that its executions add up
//! to what it states.

use std::collections::HashSet;

use crate::domain::money::{Money, Price, Qty, is_rounding};

/// Unknown executions that are resolved by what the order states; beyond that number, the earliest
/// are resolved by likeness.
pub(super) const MOST_OPEN: usize = 12;
/// Maximum number of choices tried, so that no order takes longer than a few milliseconds.
const MOST_STEPS: usize = 20_000;

/// What is assumed of a bust or correction that names an unknown execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// The trade at this index.
    Row(usize),
    Unreported,
    Open,
}

/// What an order states.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stated {
    /// Its executed quantity.
    pub(super) qty: Qty,
    /// Its average price, if stated after the busts and corrections.
    pub(super) avg: Option<Price>,
}

/// A quantity and its value; `None` if a price is unknown.
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

/// A possible choice and its change to the sum; `None` proves nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) choice: Choice,
    pub(super) more: Option<Worth>,
}

/// Tries the choices of each group, no row twice, likeliest first.
pub(super) struct Search<'a> {
    ways: &'a [Vec<Way>],
    stated: Stated,
    steps: usize,
    taken: Vec<Choice>,
    /// The first choices that add up in quantity alone: the average may be of another time, or unknown.
    by_qty: Option<Vec<Choice>>,
}

impl<'a> Search<'a> {
    pub(super) fn new(ways: &'a [Vec<Way>], stated: Stated) -> Self {
        Self { ways, stated, steps: MOST_STEPS, taken: Vec::new(), by_qty: None }
    }

    /// The first choices that match the quantity and the average price, else the quantity alone.
    pub(super) fn run(&mut self, sum: Worth) -> Option<Vec<Choice>> {
        if self.fits(sum) { Some(std::mem::take(&mut self.taken)) } else { self.by_qty.take() }
    }

    pub(super) const fn has_tried_all(&self) -> bool {
        self.steps > 0
    }

    /// The likeliest choice of each group, no row twice.
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
        // An equal change gives an equal result: groups are in chronological order, so that a row left by this one is
        // available to each of the others.
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

    /// True if the average price is the stated one, or if none is stated.
    fn agrees(&self, sum: Worth) -> bool {
        let Some(stated) = self.stated.avg.filter(|_| sum.qty.is_positive()) else { return true };
        let avg = sum.money.and_then(|money| money.decimal().checked_div(sum.qty.decimal()));
        avg.is_some_and(|avg| is_rounding(avg, stated.decimal()))
    }
}
