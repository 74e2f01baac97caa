//! Corrections and busts: which execution each one concerns, and the order of several.

use super::{Ledger, RESTATED, is_inferred, is_restatement, is_row};
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::ids::{ExecutionId, OrderId};
use crate::domain::time::is_before;

impl Ledger {
    /// True when a report says that it was busted: what executes in its place then is another execution.
    pub(super) fn is_busted(&self, known: &Execution) -> bool {
        let of_it = |row: &Execution| match &row.kind {
            ExecutionKind::Bust { of: Some(of) } => self.corrected(of).is_some_and(|of| of.id == known.id),
            _ => false,
        };
        self.of(&known.order_id).any(|row| !is_inferred(&row.id) && of_it(row))
    }

    /// True when a report busts this execution, or the same quantity of an execution whose id is unknown and which
    /// may be this one.
    pub(super) fn was_busted_unseen(&self, report: &Execution) -> bool {
        self.at_hand.busted.contains(&report.id)
            || self.of(&report.order_id).any(|row| match &row.kind {
                // A row has another id than the one in stream reports.
                ExecutionKind::Bust { of: Some(of) } if is_row(&report.id) => {
                    self.get(of).is_none() && row.qty.abs() == report.qty && !self.is_of_another_row(row, report)
                }
                ExecutionKind::Bust { of: Some(of) } => *of == report.id,
                _ => false,
            })
    }

    /// True if a bust of an unknown execution id states what another row states, and this row does not.
    fn is_of_another_row(&self, bust: &Execution, report: &Execution) -> bool {
        let busted = Execution { qty: bust.qty.abs(), ..bust.clone() };
        let states_it = |row: &Execution| row.px.is_some() && busted.states_the_same(row);
        let is_other = |row: &&Execution| is_row(&row.id) && row.id != report.id && states_it(row);
        let mut rows = self.of(&report.order_id).chain(self.at_hand(&report.order_id));
        busted.px.is_some() && !states_it(report) && rows.any(|row| is_other(&row))
    }

    /// True if a bust of an unknown execution states the amounts of this row, or no price.
    pub(super) fn is_stated_by_busts(&self, report: &Execution) -> bool {
        self.of(&report.order_id).any(|row| match &row.kind {
            ExecutionKind::Bust { of: Some(of) } => {
                let busted = Execution { qty: row.qty.abs(), ..row.clone() };
                self.get(of).is_none() && busted.states_the_same(report)
            }
            _ => false,
        })
    }

    /// The execution with this id; for a correction, the execution at the start of its chain of corrections.
    fn corrected(&self, id: &ExecutionId) -> Option<&Execution> {
        let mut row = self.get(id)?;
        // At most as many steps as the order has rows, in case they name each other in a circle.
        for _ in 0..self.of(&row.order_id).count() {
            match &row.kind {
                ExecutionKind::Correction { of: Some(of) } => match self.get(of) {
                    Some(before) => row = before,
                    None => break,
                },
                _ => break,
            }
        }
        Some(row)
    }

    /// The corrections of an execution, including those of one with an unknown id that may be this one.
    pub(super) fn corrections<'a>(&'a self, known: &'a Execution) -> impl Iterator<Item = &'a Execution> {
        let of_it = |row: &&Execution| match &row.kind {
            ExecutionKind::Correction { of } => {
                of.as_ref().and_then(|of| self.corrected(of)).is_none_or(|of| of.id == known.id)
            }
            _ => false,
        };
        self.of(&known.order_id).filter(of_it)
    }

    /// Enters a correction after the one that it follows: each replaces the one before it; one that was reported
    /// late comes before those of a later time; one without a time comes last. Brokers name either the execution
    /// itself or the previous correction.
    pub(super) fn push_correction(&mut self, mut correction: Execution) {
        let first = match &correction.kind {
            ExecutionKind::Correction { of: Some(of) } => self.corrected(of),
            _ => None,
        };
        let Some(first) = first.filter(|row| row.kind == ExecutionKind::Trade).map(|row| row.id.clone()) else {
            self.push(correction);
            return;
        };
        let (mut before, mut seen) = (first, 0);
        let after = loop {
            let follows = |row: &&Execution| match &row.kind {
                ExecutionKind::Correction { of: Some(of) } => self.get(of).is_some_and(|of| of.id == before),
                _ => false,
            };
            let next = self.of(&correction.order_id).find(follows).map(|row| (row.id.clone(), row.at));
            match next {
                Some((id, at)) if is_before(correction.at, at) || seen > self.slots.len() => break Some(id),
                Some((id, _)) => (before, seen) = (id, seen + 1),
                None => break None,
            }
        };
        let (id, order) = (correction.id.clone(), correction.order_id.clone());
        correction.kind = ExecutionKind::Correction { of: Some(before) };
        self.push(correction);
        if let Some(after) = after
            && let Some(slot) = self.by_id.get(&after).copied()
            && let Some(held) = self.slot_mut(slot)
        {
            held.execution.kind = ExecutionKind::Correction { of: Some(id) };
            self.moved.push(after);
        }
        self.recount(&order);
    }

    /// Corrections that follow a different one since this was last called.
    pub(in crate::domain::blotter) fn take_moved(&mut self) -> Vec<ExecutionId> {
        std::mem::take(&mut self.moved)
    }

    /// If a row states what a correction of an unknown execution states, that correction belongs to the row's
    /// execution. Returns the correction.
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

    /// The correction implied by an activity row whose amounts are those of neither its execution nor any correction:
    /// rows of corrected executions state the corrected amounts (docs/ALPACA.md 5.4).
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

    /// The correction read from a row that this report describes.
    pub(super) fn read_from_a_row(&self, report: &Execution) -> Option<u32> {
        let ExecutionKind::Correction { of } = &report.kind else { return None };
        // If only its row is known, the execution has another id than the report names.
        let known = of.as_ref().and_then(|of| self.get(of));
        let known = known.and_then(|known| self.corrected(&known.id));
        let of_it = |row: &Execution| match &row.kind {
            ExecutionKind::Correction { of: Some(of) } => {
                known.is_none_or(|known| self.corrected(of).is_some_and(|of| of.id == known.id))
            }
            _ => false,
        };
        let mut rows = self.of(&report.order_id);
        let read = rows.find(|row| is_restatement(&row.id) && row.states_the_same(report) && of_it(row))?;
        self.by_id.get(&read.id).copied()
    }

    /// Renames an execution in its corrections; returns those that changed.
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

    /// True if a correction concerns an execution with an unknown id: what it took away cannot be counted.
    pub(in crate::domain::blotter) fn has_open_correction(&self, order: &OrderId) -> bool {
        self.by_order.get(order).is_some_and(|rows| rows.corrected) && self.of(order).any(|row| self.is_open(row))
    }

    /// True for a correction of an execution with an unknown id.
    pub(super) fn is_open(&self, row: &Execution) -> bool {
        match &row.kind {
            ExecutionKind::Correction { of } => of.as_ref().is_none_or(|id| self.get(id).is_none()),
            _ => false,
        }
    }
}
