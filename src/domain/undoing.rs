//! Which execution a bust or a correction is of, where no row bears the id that it names: the report that bore it was lost,
//! and a row of the activity list stands for it under another, or nothing does.
//!
//! Invariant: it only reads rows, and says the same of the same rows, so that whoever tells of them can tell alike.

use std::collections::{HashMap, HashSet};

use super::blotter::Blotter;
use super::execution::{Execution, ExecutionKind};
use super::ids::ExecutionId;
use super::money::Qty;
use super::order::Order;

/// Unknown executions that are told apart by what the order states, and rows of one amount that are tried for each; more
/// leave too many ways.
const MOST_OPEN: usize = 4;

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

/// What each bust and each correction of an order is of. `known` tells which row an id belongs to.
pub fn resolve(
    rows: &[&Execution],
    order: Option<&Order>,
    known: impl Fn(&ExecutionId) -> Option<ExecutionId>,
) -> HashMap<ExecutionId, Of> {
    let mut undoings: Vec<&Execution> = rows.iter().copied().filter(|row| undoes(row)).collect();
    undoings.sort_by_key(|row| (row.at, row.id.clone()));
    let mut slate = Slate::of(rows);
    let mut found = HashMap::new();
    let mut open = Vec::new();
    for undoing in undoings {
        let Some(named) = named_by(undoing) else {
            slate.undo_something(undoing);
            found.insert(undoing.id.clone(), Of::Open);
            continue;
        };
        match known(named) {
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
    // A chain's later orders may state what the earlier ones executed, so that they prove nothing.
    let stated = order.filter(|order| order.replaces.is_none()).map(|order| order.cum_qty);
    let (chosen, alone) = slate.choose(Group::by_name(&open), stated);
    if alone {
        found.extend(slate.inferred.iter().map(|bust| (bust.id.clone(), Of::Nothing)));
    }
    for (group, choice) in chosen {
        // What comes after a correction of which nothing is known is of it.
        let mut row = if let Choice::Row(row) = &choice { Some(row.clone()) } else { None };
        for undoing in group.undoings {
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
    found
}

/// The undoings that name one unknown execution, in the order in which they happened.
struct Group<'a> {
    named: &'a ExecutionId,
    undoings: Vec<&'a Execution>,
}

impl<'a> Group<'a> {
    fn by_name(open: &[(&'a Execution, &'a ExecutionId)]) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for (undoing, named) in open {
            match groups.iter_mut().find(|group| group.named == *named) {
                Some(group) => group.undoings.push(undoing),
                None => groups.push(Self { named, undoings: vec![undoing] }),
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

/// What is assumed of an undoing that names an unknown execution.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Choice {
    Row(ExecutionId),
    Untold,
    Open,
}

/// The trades of an order as the undoings left them.
struct Slate<'a> {
    /// By the id of a trade: the row that counts for it now.
    stands: HashMap<ExecutionId, &'a Execution>,
    /// By the id of a correction: the trade that it is of.
    roots: HashMap<ExecutionId, ExecutionId>,
    /// Trades that a report took back.
    busted: HashSet<ExecutionId>,
    /// What was taken back.
    taken: Qty,
    /// What was inferred of that from what the order stated.
    inferred: Vec<&'a Execution>,
    rows: Vec<&'a Execution>,
}

impl<'a> Slate<'a> {
    fn of(rows: &[&'a Execution]) -> Self {
        let rows: Vec<&Execution> = rows.iter().copied().filter(|row| row.kind == ExecutionKind::Trade).collect();
        let stands = rows.iter().map(|row| (row.id.clone(), *row)).collect();
        Self { stands, roots: HashMap::new(), busted: HashSet::new(), taken: Qty::ZERO, inferred: Vec::new(), rows }
    }

    fn root(&self, id: &ExecutionId) -> ExecutionId {
        self.roots.get(id).unwrap_or(id).clone()
    }

    fn undo_something(&mut self, undoing: &'a Execution) {
        if Blotter::inferred_span(&undoing.id).is_some() {
            self.inferred.push(undoing);
        }
        if matches!(undoing.kind, ExecutionKind::Bust { .. }) {
            self.taken = self.taken.checked_add(undoing.qty.abs()).unwrap_or(self.taken);
        }
    }

    /// Enters an undoing of a known row; the row that it is of.
    fn undo(&mut self, undoing: &'a Execution, row: &ExecutionId) -> Of {
        let root = self.root(row);
        if matches!(undoing.kind, ExecutionKind::Bust { .. }) {
            self.undo_something(undoing);
            self.busted.insert(root);
            return Of::Row(row.clone());
        }
        self.roots.insert(undoing.id.clone(), root.clone());
        let before = self.stands.insert(root.clone(), undoing).map(|before| before.id.clone());
        Of::Row(before.filter(|before| *before != undoing.id).unwrap_or(root))
    }

    /// What the order executed, as far as its trades and what is known to be of them tell.
    fn sum(&self) -> Option<Qty> {
        let now = self.rows.iter().filter_map(|row| self.stands.get(&row.id));
        Qty::sum(now.map(|row| row.qty))?.checked_sub(self.taken)
    }

    /// What undoings of unknown executions are of: rows that only the activity list told of, so that all adds up to what the
    /// order states, where that proves something. Whether it does so without what was inferred, which may have been for want
    /// of knowing just that.
    fn choose(&self, groups: Vec<Group<'a>>, stated: Option<Qty>) -> (Vec<(Group<'a>, Choice)>, bool) {
        let open = || groups.iter().map(|_| Choice::Open).collect();
        let ways = || groups.iter().map(|group| self.ways(group, stated.is_some())).collect::<Vec<_>>();
        let corrects = groups.iter().any(|group| group.last_correction().is_some());
        let (choices, alone) = match stated.map(|stated| self.sum().and_then(|sum| stated.checked_sub(sum))) {
            _ if groups.is_empty() || groups.len() > MOST_OPEN => (None, false),
            Some(None) => (None, false),
            Some(Some(missing)) => {
                let inferred = Qty::sum(self.inferred.iter().map(|bust| bust.qty.abs()));
                let less = inferred.and_then(|inferred| missing.checked_sub(inferred));
                let without = less.filter(|_| corrects && !self.inferred.is_empty());
                match without.and_then(|missing| pick(&ways(), Some(missing), &mut Vec::new())) {
                    Some(choices) => (Some(choices), true),
                    None => (pick(&ways(), Some(missing), &mut Vec::new()), false),
                }
            }
            None => (pick(&ways(), None, &mut Vec::new()), false),
        };
        let choices = choices.unwrap_or_else(open);
        (groups.into_iter().zip(choices).collect(), alone)
    }

    /// What a group may be of, the likeliest first, each with what the order states more by it.
    fn ways(&self, group: &Group<'_>, proven: bool) -> Vec<(Choice, Option<Qty>)> {
        let taken = Qty::sum(group.busts().map(|bust| bust.qty.abs()));
        let corrected = group.last_correction();
        // Corrected once more by what names the correction.
        let becomes = corrected.map(|row| self.stands.get(&row.id).map_or(row.qty, |now| now.qty));
        let Some(undoing) = group.undoings.first() else { return Vec::new() };
        let mut fits: Vec<((bool, bool), &Execution, &Execution)> = Vec::new();
        for row in self.rows.iter().filter(|row| Blotter::is_stand_in(&row.id) && !self.busted.contains(&row.id)) {
            let Some(now) = self.stands.get(&row.id) else { continue };
            let same_px = now.px.zip(undoing.px).is_none_or(|(px, other)| px == other);
            let same_qty = now.qty == undoing.qty.abs();
            if same_qty || (corrected.is_some() && (same_px || proven)) {
                fits.push(((!same_qty, !same_px), row, now));
            }
        }
        fits.sort_by(|one, other| one.0.cmp(&other.0).then((other.1.at, &other.1.id).cmp(&(one.1.at, &one.1.id))));
        let mut counts: HashMap<Qty, usize> = HashMap::new();
        fits.retain(|(.., now)| {
            let count = counts.entry(now.qty).or_default();
            *count += 1;
            *count <= MOST_OPEN
        });
        let less = |qty: Option<Qty>| qty?.checked_sub(taken?);
        let of_row = |now: &Execution| match becomes {
            Some(becomes) => less(becomes.checked_sub(now.qty)),
            None => less(Some(Qty::ZERO)),
        };
        let mut ways: Vec<_> = fits.iter().map(|(_, row, now)| (Choice::Row(row.id.clone()), of_row(now))).collect();
        // Of what no row tells, a correction alone counts, and a bust undoes what does not.
        ways.push(match becomes {
            _ if !proven => (Choice::Open, None),
            Some(becomes) => (Choice::Untold, less(Some(becomes))),
            None => (Choice::Untold, Some(Qty::ZERO)),
        });
        ways
    }
}

/// The first way for each, no row twice, that adds up to what is missing.
fn pick(ways: &[Vec<(Choice, Option<Qty>)>], missing: Option<Qty>, taken: &mut Vec<Choice>) -> Option<Vec<Choice>> {
    let Some((first, others)) = ways.split_first() else {
        return missing.is_none_or(Qty::is_zero).then(|| taken.clone());
    };
    for (choice, more) in first {
        if matches!(choice, Choice::Row(_)) && taken.contains(choice) {
            continue;
        }
        let left = match (missing, more) {
            (None, _) => None,
            (Some(missing), Some(more)) => Some(missing.checked_sub(*more)?),
            (Some(_), None) => continue,
        };
        taken.push(choice.clone());
        let found = pick(others, left, taken);
        if found.is_some() {
            return found;
        }
        taken.pop();
    }
    None
}

#[cfg(test)]
mod tests;
