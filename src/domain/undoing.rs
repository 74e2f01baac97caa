//! Finds the execution that a bust or correction refers to if no row has the id that it names: its report was lost, and
//! an activity row represents it under another id, or nothing does.
//!
//! Invariant: only reads rows and gives the same result for the same rows, so that all callers agree.

mod search;
mod slate;

use std::collections::HashMap;

use self::search::{Choice, MOST_OPEN, Stated};
use self::slate::Slate;
use super::blotter::Blotter;
use super::execution::{Execution, ExecutionKind, ONE_MOMENT};
use super::ids::ExecutionId;
use super::order::Order;

/// What a bust or correction refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// A row of the order; for an execution that was already corrected, its latest correction.
    Row(ExecutionId),
    /// An execution that was undone before any row reported it, by its id.
    Unreported(ExecutionId),
    /// Unknown, or not known yet.
    Open,
    /// It was inferred, and other reports explain it: nothing else was undone.
    Nothing,
}

/// Finds what each bust and correction of an order refers to. `known` maps an id to its row; `said` gives the row that
/// was shown for it before, which is kept unless something contradicts it.
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
    // Later orders of a chain may state what earlier ones executed, so they prove nothing.
    let last = open.iter().filter_map(|(undoing, _)| undoing.at).max();
    let stated = order.filter(|order| order.replaces.is_none()).map(|order| {
        // The frame of a bust or correction may have a slightly later time than the order in it.
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

/// Applies the choice for a group.
fn enter<'a>(slate: &mut Slate<'a>, found: &mut HashMap<ExecutionId, Of>, group: &Group<'a>, choice: Choice) {
    // Whatever follows a correction of an unknown execution refers to that correction.
    let mut row = slate.take(choice);
    for undoing in &group.undoings {
        let is_bust = matches!(undoing.kind, ExecutionKind::Bust { .. });
        let of = match &row {
            Some(row) => slate.undo(undoing, row),
            None if is_bust && choice == Choice::Unreported => Of::Unreported(group.named.clone()),
            None => Of::Open,
        };
        row = row.or_else(|| (!is_bust).then(|| undoing.id.clone()));
        found.insert(undoing.id.clone(), of);
    }
}

/// The busts and corrections that name one unknown execution, in chronological order.
struct Group<'a> {
    named: &'a ExecutionId,
    undoings: Vec<&'a Execution>,
    /// The row that was shown for them before.
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

/// True for a bust or correction.
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

/// The last part of an activity row's id. It is not documented to be the execution's id (docs/ALPACA.md 5.4): if a bust
/// or correction names exactly this id, the row is identified; if none does, that proves nothing.
fn borne_by(row: &Execution) -> Option<&str> {
    if !Blotter::is_stand_in(&row.id) {
        return None;
    }
    row.id.as_str().rsplit_once("::").map(|(_, own)| own)
}

#[cfg(test)]
mod tests;
