//! What executions say is held, against what the list of positions says.
//!
//! The stream states a position with each execution (`position_qty`). REST may lag behind it; where the two differ for
//! longer than that, the difference is shown, and in the end the list counts.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::{Execution, Mono, Position, Qty, Symbol};

/// REST may lag the stream by about ten seconds (API.md 6.8).
const LAG: Duration = Duration::from_secs(12);
/// A difference older than this has another cause than lag: a transfer, a split, an execution that nobody told.
const LONGEST: Duration = Duration::from_mins(5);
/// Symbols whose statements are kept.
const MOST: usize = 2_000;

#[derive(Debug)]
struct Stated {
    qty: Qty,
    /// The broker's time of the execution.
    at: Option<Timestamp>,
    since: Mono,
    told: bool,
}

/// What comparing found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Differences that last, to be told now.
    pub(super) lasting: Vec<String>,
    /// Differences that were given up: the list counts.
    pub(super) over: Vec<String>,
}

/// The statements that no list of positions has agreed with yet.
#[derive(Debug, Default)]
pub(super) struct Holdings(BTreeMap<Symbol, Stated>);

/// Positions in coins are written without the slash (API.md 5.9).
fn key(symbol: &Symbol) -> Symbol {
    Symbol::from(symbol.as_str().replace('/', "").as_str())
}

impl Holdings {
    /// An execution was told; one that states no position makes the last statement worthless.
    pub(super) fn told(&mut self, execution: &Execution, now: Mono) {
        let symbol = key(&execution.symbol);
        let newer = self.0.get(&symbol).is_none_or(|known| execution.at >= known.at);
        match execution.position_qty {
            Some(qty) if newer && (self.0.len() < MOST || self.0.contains_key(&symbol)) => {
                self.0.insert(symbol, Stated { qty, at: execution.at, since: now, told: false });
            }
            Some(_) => {}
            None => drop(self.0.remove(&symbol)),
        }
    }

    /// A list of positions came.
    pub(super) fn compare(&mut self, positions: &[Position], now: Mono) -> Found {
        let mut found = Found::default();
        self.0.retain(|symbol, stated| {
            let held = positions.iter().find(|position| key(&position.symbol) == *symbol).map_or(Qty::ZERO, |p| p.qty);
            if held == stated.qty {
                return false;
            }
            let lasts = now.since(stated.since);
            if lasts >= LONGEST {
                found.over.push(format!("{symbol}: the list of positions counts, {held} held"));
                return false;
            }
            if lasts >= LAG && !std::mem::replace(&mut stated.told, true) {
                let stated = stated.qty;
                found.lasting.push(format!("{symbol}: the last execution leaves {stated} held, positions say {held}"));
            }
            true
        });
        found
    }

    /// True while something is to be compared again.
    pub(super) fn is_open(&self) -> bool {
        !self.0.is_empty()
    }

    /// What the last executions say is held, where no list agreed for longer than it may lag.
    pub(super) fn disputes(&self, now: Mono) -> impl Iterator<Item = (&Symbol, Qty)> {
        let lasting = move |(_, stated): &(&Symbol, &Stated)| now.since(stated.since) >= LAG;
        self.0.iter().filter(lasting).map(|(symbol, stated)| (symbol, stated.qty))
    }

    /// Nothing is known any more.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}
