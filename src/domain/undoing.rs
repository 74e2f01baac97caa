//! Which execution a bust or a correction is of, where no row bears the id that it names: the report that bore it was lost,
//! and a row of the activity list stands for it under another, or nothing does.
//!
//! Invariant: it only reads rows, and says the same of the same rows, so that whoever tells of them can tell alike.

mod search;
mod slate;

use std::collections::HashMap;

use self::search::{MOST_OPEN, Stated};
use self::slate::{Choice, Slate};
use super::blotter::Blotter;
use super::execution::{Execution, ExecutionKind, ONE_MOMENT};
use super::ids::ExecutionId;
use super::order::Order;

/// What a bust or a correction is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// A row of the order: a correction of what was corrected already is of that correction.
    Row(ExecutionId),
    /// An execution that was undone before any row told of it, by the id that it had.
    Untold(ExecutionId),
    /// Nobody told, or it is not known yet.
    Open,
    /// It was inferred, and what others tell explains it: nothing was undone beside that.
    Nothing,
}

/// What each bust and each correction of an order is of. `known` tells which row an id belongs to, `said` which row an undoing
/// was told to be of before: that stays where nothing speaks against it.
pub fn resolve(
    rows: &[&Execution],
    order: Option<&Order>,
    known: impl Fn(&ExecutionId) -> Option<ExecutionId>,
    said: impl Fn(&ExecutionId) -> Option<ExecutionId>,
) -> HashMap<ExecutionId, Of> {
    let mut undoings: Vec<&Execution> = rows.iter().copied().filter(|row| undoes(row)).collect();
    undoings.sort_by_key(|row| (row.at, row.id.clone()));
    let mut slate = Slate::of(rows);
    let mut found = HashMap::new();
    let mut open = Vec::new();
    for undoing in undoings {
        let Some(named) = named_by(undoing) else {
            slate.undo_something(undoing, undoing.px);
            found.insert(undoing.id.clone(), Of::Open);
            continue;
        };
        match known(named).or_else(|| slate.claim(named, undoing)) {
            Some(row) if row == undoing.id => {
                found.insert(row, Of::Open);
            }
            Some(row) => {
                let of = slate.undo(undoing, &row);
                found.insert(undoing.id.clone(), of);
            }
            None => open.push((undoing, named)),
        }
    }
    let mut groups = Group::by_name(&open);
    for group in &mut groups {
        group.said = group.undoings.iter().find_map(|undoing| said(&undoing.id)).map(|row| slate.root(&row));
    }
    // A chain's later orders may state what the earlier ones executed, so that they prove nothing.
    let last = open.iter().filter_map(|(undoing, _)| undoing.at).max();
    let stated = order.filter(|order| order.replaces.is_none()).map(|order| {
        // The frame of an undoing may be timed a little after the order in it.
        let is_after = order.updated_at.zip(last).is_some_and(|(at, last)| last.duration_since(at) <= ONE_MOMENT);
        Stated { qty: order.cum_qty, avg: order.avg_px.filter(|_| is_after) }
    });
    let rest = groups.split_off(groups.len().saturating_sub(MOST_OPEN));
    for group in groups {
        let choice = slate.likeliest(&group);
        enter(&mut slate, &mut found, &group, choice);
    }
    let (choices, alone) = slate.choose(&rest, stated);
    if alone {
        found.extend(slate.inferred().map(|bust| (bust.id.clone(), Of::Nothing)));
    }
    for (group, choice) in rest.iter().zip(choices) {
        enter(&mut slate, &mut found, group, choice);
    }
    found
}

/// Enters what is assumed of a group.
fn enter<'a>(slate: &mut Slate<'a>, found: &mut HashMap<ExecutionId, Of>, group: &Group<'a>, choice: Choice) {
    // What comes after a correction of which nothing is known is of it.
    let mut row = slate.take(choice);
    for undoing in &group.undoings {
        let is_bust = matches!(undoing.kind, ExecutionKind::Bust { .. });
        let of = match &row {
            Some(row) => slate.undo(undoing, row),
            None if is_bust && choice == Choice::Untold => Of::Untold(group.named.clone()),
            None => Of::Open,
        };
        row = row.or_else(|| (!is_bust).then(|| undoing.id.clone()));
        found.insert(undoing.id.clone(), of);
    }
}

/// The undoings that name one unknown execution, in the order in which they happened.
struct Group<'a> {
    named: &'a ExecutionId,
    undoings: Vec<&'a Execution>,
    /// The row that they were told to be of.
    said: Option<ExecutionId>,
}

impl<'a> Group<'a> {
    fn by_name(open: &[(&'a Execution, &'a ExecutionId)]) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        let mut places: HashMap<&ExecutionId, usize> = HashMap::new();
        for (undoing, named) in open {
            let place = *places.entry(named).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(group) => group.undoings.push(undoing),
                None => groups.push(Self { named, undoings: vec![undoing], said: None }),
            }
        }
        groups
    }

    fn busts(&self) -> impl Iterator<Item = &&'a Execution> {
        self.undoings.iter().filter(|undoing| matches!(undoing.kind, ExecutionKind::Bust { .. }))
    }

    fn last_correction(&self) -> Option<&'a Execution> {
        self.undoings.iter().rev().find(|undoing| matches!(undoing.kind, ExecutionKind::Correction { .. })).copied()
    }
}

/// True for a bust and a correction.
pub const fn undoes(row: &Execution) -> bool {
    matches!(row.kind, ExecutionKind::Bust { .. } | ExecutionKind::Correction { .. })
}

/// The execution that a bust or a correction names.
const fn named_by(row: &Execution) -> Option<&ExecutionId> {
    match &row.kind {
        ExecutionKind::Bust { of } | ExecutionKind::Correction { of } => of.as_ref(),
        ExecutionKind::Trade | ExecutionKind::Unexplained => None,
    }
}

/// The id that the id of an activity row ends in. That it is the execution's is not documented (docs/ALPACA.md 5.4): where an
/// undoing names just this one it shows which row is meant, and where none does it says nothing.
fn borne_by(row: &Execution) -> Option<&str> {
    if !Blotter::is_stand_in(&row.id) {
        return None;
    }
    row.id.as_str().rsplit_once("::").map(|(_, own)| own)
}

#[cfg(test)]
mod tests;
