//! Which activity row is which execution of the stream, where nothing says that their ids are one (docs/ALPACA.md 5.4): the
//! same span of the same order. Time only chooses between several. A partner that fits better parts a pair that was made
//! too soon.

use jiff::{SignedDuration, Timestamp};

use super::{Entered, Ledger, RESTATED, Slot, is_inferred, is_restatement, is_row};
use crate::domain::execution::{Execution, ExecutionKind, ONE_MOMENT, Source};
use crate::domain::ids::{ExecutionId, OrderId};
use crate::domain::money::Qty;

/// An activity row and an execution id on one slot.
#[derive(Debug)]
pub(super) struct Pair {
    row: ExecutionId,
    row_at: Option<Timestamp>,
    told_at: Option<Timestamp>,
    /// The row came first; what came first is what was shown as new.
    row_first: bool,
}

/// How a report fits a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// The slot has no partner of this kind yet.
    Free,
    /// It has one that is further away in time.
    Better,
}

fn distance(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<SignedDuration> {
    Some(a?.duration_since(b?).abs())
}

impl Ledger {
    /// The slot that spans the same quantities of the same order and stands for the other kind of report, nearest in
    /// time.
    pub(super) fn same_span(&self, execution: &Execution, missing: Qty) -> Option<(u32, Fit)> {
        execution.cum_qty?;
        if execution.kind != ExecutionKind::Trade {
            return None;
        }
        let rows = self.by_order.get(&execution.order_id)?;
        let executed_again = rows.undone && missing >= execution.qty;
        let fitting = rows.slots.iter().filter_map(|slot| {
            let held = self.slot(*slot)?;
            let known = &held.execution;
            if known.kind != ExecutionKind::Trade || !known.symbol.is_one_with(&execution.symbol) {
                return None;
            }
            let same = known.cum_qty == execution.cum_qty && known.states_the_same(execution);
            if !same && !self.is_restated(known, execution) {
                return None;
            }
            let (away, fit) = fit(held, execution)?;
            // Where as much is missing, a report that far from its likeness is of the same span executed again.
            (away < ONE_MOMENT || !executed_again).then_some((!same, away, fit, *slot))
        });
        fitting.min().map(|(.., fit, slot)| (slot, fit))
    }

    /// Whether two reports that state different amounts are of one execution: a correction says so, or it looks so. Of one
    /// moment they cannot be of a span that was undone and executed again.
    fn is_restated(&self, known: &Execution, report: &Execution) -> bool {
        if self.is_busted(known) {
            return false;
        }
        let told = || self.corrections(known).any(|correction| correction.states_the_same(report));
        known.may_be_restated_as(report) || (known.meets(report) && told())
    }

    /// True when a report says that it was undone: what executes at its place then is another execution.
    fn is_busted(&self, known: &Execution) -> bool {
        let of_it = |row: &Execution| match &row.kind {
            ExecutionKind::Bust { of: Some(of) } => self.get(of).is_some_and(|of| of.id == known.id),
            _ => false,
        };
        self.of(&known.order_id).any(|row| !is_inferred(&row.id) && of_it(row))
    }

    /// What corrections say of an execution, or of one that is not known by its id and may be this one.
    fn corrections<'a>(&'a self, known: &'a Execution) -> impl Iterator<Item = &'a Execution> {
        let of_it = |row: &&Execution| match &row.kind {
            ExecutionKind::Correction { of } => {
                of.as_ref().and_then(|of| self.get(of)).is_none_or(|of| of.id == known.id)
            }
            _ => false,
        };
        self.of(&known.order_id).filter(of_it)
    }

    /// A row states what a correction does whose execution is not known by its id: it is of the row's. Gives that correction.
    pub(in crate::domain::blotter) fn resolve(&mut self, row: &Execution) -> Option<ExecutionId> {
        let known = self.get(&row.id).filter(|known| !known.states_the_same(row))?;
        let states_it = |correction: &&Execution| self.is_open(correction) && correction.states_the_same(row);
        let open = self.corrections(known).find(states_it)?;
        let (id, of, order) = (open.id.clone(), known.id.clone(), known.order_id.clone());
        let slot = self.by_id.get(&id).copied()?;
        self.slot_mut(slot)?.execution.kind = ExecutionKind::Correction { of: Some(of) };
        self.recount(&order);
        Some(id)
    }

    /// The correction that an activity row amounts to, which states what neither its execution nor any correction does: rows
    /// of a corrected execution state what it is now (docs/ALPACA.md 5.4).
    pub(in crate::domain::blotter) fn restated(&self, row: &Execution) -> Option<Execution> {
        let known = self.get(&row.id).filter(|known| known.kind == ExecutionKind::Trade)?;
        let said =
            known.states_the_same(row) || self.corrections(known).any(|correction| correction.states_the_same(row));
        let (false, Some(px)) = (said, row.px) else { return None };
        let (qty, px) = (row.qty.decimal().normalize(), px.decimal().normalize());
        Some(Execution {
            id: ExecutionId::from(format!("{RESTATED}/{}/{qty}@{px}", row.id)),
            kind: ExecutionKind::Correction { of: Some(known.id.clone()) },
            cum_qty: None,
            position_qty: None,
            order_id: known.order_id.clone(),
            symbol: known.symbol.clone(),
            side: known.side.clone(),
            ..row.clone()
        })
    }

    /// The correction that was read from a row and that this report tells of.
    pub(super) fn read_from_a_row(&self, report: &Execution) -> Option<u32> {
        let ExecutionKind::Correction { of } = &report.kind else { return None };
        // Known from its row alone the execution has another id than the report names.
        let known = of.as_ref().and_then(|of| self.get(of));
        let of_it = |row: &Execution| match &row.kind {
            ExecutionKind::Correction { of: Some(of) } => known.is_none_or(|known| known.id == *of),
            _ => false,
        };
        let mut rows = self.of(&report.order_id);
        let read = rows.find(|row| is_restatement(&row.id) && row.states_the_same(report) && of_it(row))?;
        self.by_id.get(&read.id).copied()
    }

    /// Corrections name the execution that they are of by the id it has now; those that changed.
    pub(super) fn follow_corrections(
        &mut self,
        from: &ExecutionId,
        to: &ExecutionId,
        order: &OrderId,
    ) -> Vec<ExecutionId> {
        let slots = self.by_order.get(order).map(|rows| rows.slots.clone()).unwrap_or_default();
        let mut changed = Vec::new();
        for slot in slots {
            if let Some(held) = self.slot_mut(slot)
                && let ExecutionKind::Correction { of: Some(of) } = &mut held.execution.kind
                && of == from
            {
                of.clone_from(to);
                changed.push(held.execution.id.clone());
            }
        }
        changed
    }

    /// Lets a slot stand for both reports.
    pub(super) fn unify(&mut self, slot: u32, execution: Execution) -> Entered {
        let Some(known) = self.row(slot) else { return Entered::New };
        let row_first = is_row(&known.id);
        let pair = if row_first {
            Pair { row: known.id.clone(), row_at: known.at, told_at: execution.at, row_first }
        } else {
            Pair { row: execution.id.clone(), row_at: execution.at, told_at: known.at, row_first }
        };
        let more = self.complete(slot, &execution);
        if let Some(held) = self.slot_mut(slot) {
            held.pair = Some(Box::new(pair));
        }
        if !is_row(&execution.id) {
            return self.rename(slot, execution);
        }
        self.by_id.insert(execution.id, slot);
        match self.row(slot) {
            Some(known) if more => Entered::Completed(known.id.clone()),
            _ => Entered::Known,
        }
    }

    /// Takes one of a pair away for a partner that fits better. The one that came first keeps the slot.
    pub(super) fn part(&mut self, slot: u32, execution: Execution) -> Entered {
        let Some(held) = self.slot_mut(slot) else { return Entered::New };
        let (Some(pair), line) = (held.pair.take(), held.line) else { return Entered::New };
        let order = execution.order_id.clone();
        let told = Execution { at: pair.told_at, source: Source::Stream, ..held.execution.clone() };
        let row = Execution {
            id: pair.row.clone(),
            at: pair.row_at,
            position_qty: None,
            source: Source::Reconcile,
            ..held.execution.clone()
        };
        // Who came first was shown as new, and stays; the other was never shown by itself.
        let (stays, other) = if pair.row_first { (row, told) } else { (told, row) };
        let from = std::mem::replace(&mut held.execution, stays.clone()).id;
        self.by_id.insert(stays.id.clone(), slot);
        let new = if is_row(&execution.id) == is_row(&stays.id) {
            let beside = self.push(other);
            self.unify(beside, execution);
            beside
        } else {
            self.unify(slot, execution);
            self.push(other)
        };
        self.recount(&order);
        let name = |slot| self.row(slot).map(|row| row.id.clone());
        let renamed = name(slot).filter(|to| *to != from).map(|to| (to, line));
        name(new).map_or(Entered::Known, |new| Entered::Parted { renamed, new })
    }
}

/// How far a report is from a slot, and whether the slot is free for it.
fn fit(held: &Slot, report: &Execution) -> Option<(SignedDuration, Fit)> {
    let known = &held.execution;
    let Some(pair) = &held.pair else {
        let other_kind = is_row(&known.id) != is_row(&report.id);
        return other_kind.then(|| (distance(known.at, report.at).unwrap_or(SignedDuration::ZERO), Fit::Free));
    };
    let partner = if is_row(&report.id) { pair.told_at } else { pair.row_at };
    let (new, old) = (distance(partner, report.at)?, distance(pair.told_at, pair.row_at)?);
    (new < old).then_some((new, Fit::Better))
}
