//! Enters rows and tape lines: each execution and each order event once.

use jiff::Timestamp;

use super::ledger::{self, Entered};
use super::{Blotter, Changes};
use crate::domain::execution::{Execution, ExecutionKind, Source};
use crate::domain::ids::{ExecutionId, OrderId};
use crate::domain::money::Qty;
use crate::domain::update::TradeEvent;

impl Blotter {
    /// Enters an execution and its tape line, once; returns the order that it counts for.
    pub(super) fn enter(&mut self, execution: Execution, event: &TradeEvent, changes: &mut Changes) -> OrderId {
        let execution = self.assign_to_leg(execution);
        let owner = execution.order_id.clone();
        self.enter_at(None, execution, event, changes);
        owner
    }

    /// Enters an activity row, and the correction that it implies if it states something new.
    pub(super) fn enter_row(&mut self, row: Execution, event: &TradeEvent, changes: &mut Changes) -> OrderId {
        let row = self.assign_to_leg(row);
        let owner = row.order_id.clone();
        self.enter_at(None, row.clone(), event, changes);
        changes.revised.extend(self.ledger.resolve(&row));
        if let Some(correction) = self.ledger.restated(&row) {
            let at = self.order(&owner).and_then(|order| order.updated_at).max(row.at);
            self.enter_at(None, Execution { at, ..correction }, &TradeEvent::TradeCorrect, changes);
        }
        owner
    }

    /// Enters an execution; if it is new, on the line given.
    pub(super) fn enter_at(
        &mut self,
        seat: Option<u64>,
        execution: Execution,
        event: &TradeEvent,
        changes: &mut Changes,
    ) {
        self.fill_times.note(execution.at);
        let (at, order_id, source, id) =
            (execution.at, execution.order_id.clone(), execution.source, execution.id.clone());
        // The broker's own report of a bust replaces an inferred one.
        let undone = matches!(execution.kind, ExecutionKind::Bust { .. })
            .then_some(execution.qty.abs())
            .filter(|_| !ledger::is_inferred(&id));
        let missing =
            self.order(&order_id).and_then(|order| self.own_qty(order).checked_sub(self.ledger.reported(&order_id)?));
        let entered = self.ledger.enter(execution, missing.unwrap_or(Qty::ZERO), self.was_lowered(&order_id));
        changes.revised.extend(self.ledger.take_moved());
        match entered {
            Entered::Known => {}
            Entered::Completed(id) => changes.revised.push(id),
            Entered::Renamed { from, line, corrections } => {
                if let Some(entry) = line.and_then(|line| self.tape.entry_mut(line)) {
                    entry.execution = Some(id.clone());
                    changes.tape.push(entry.number);
                }
                changes.removed.push(from);
                changes.revised.push(id);
                changes.revised.extend(corrections);
            }
            Entered::Explains { placeholder, line, rest } => {
                changes.executions.push(id.clone());
                changes.removed.push(placeholder);
                changes.revised.extend(rest.iter().cloned());
                // The placeholder's line stays with the remainder; if there is none, the report takes it over.
                let (heir, others) = match rest.split_last() {
                    None => (id, Vec::new()),
                    Some((last, rest)) => (last.clone(), std::iter::once(&id).chain(rest).cloned().collect()),
                };
                if let Some(entry) = line.and_then(|line| self.tape.entry_mut(line)) {
                    if rest.is_empty() {
                        entry.at = at;
                        entry.event = event.clone();
                    }
                    entry.execution = Some(heir.clone());
                    changes.tape.push(entry.number);
                    self.ledger.shown_on(&heir, entry.number);
                }
                for other in others {
                    self.line(at, event, order_id.clone(), Some(other), source, changes);
                }
            }
            Entered::Parted { stays, line, new } => {
                if let Some(entry) = line.and_then(|line| self.tape.entry_mut(line)) {
                    entry.execution = Some(stays.clone());
                    changes.tape.push(entry.number);
                }
                // It may state another executed quantity again.
                changes.revised.push(stays);
                let apart = self.ledger.get(&new).map(|row| (row.at, row.source));
                let (at, source) = apart.unwrap_or((at, source));
                changes.executions.push(new.clone());
                let vacant = self.trim(&order_id, changes);
                self.show(vacant, at, event, order_id, new, source, changes);
            }
            Entered::New => {
                changes.executions.push(id.clone());
                let vacant = match undone {
                    Some(qty) => {
                        let retracted = self.ledger.retract(&order_id, qty);
                        self.vacate(retracted, changes)
                    }
                    None => self.trim(&order_id, changes),
                };
                self.show(seat.or(vacant), at, event, order_id, id, source, changes);
            }
        }
    }

    /// True for an order that once stated a larger executed quantity than now.
    fn was_lowered(&self, id: &OrderId) -> bool {
        let place = self.index.get(id).map_or(usize::MAX, |place| *place as usize);
        self.orders.get(place).zip(self.highest.get(place)).is_some_and(|(order, highest)| order.cum_qty < *highest)
    }

    /// Shows a new execution on a vacant line, or on a new one.
    #[expect(clippy::too_many_arguments, reason = "a tape line has that many fields")]
    fn show(
        &mut self,
        vacant: Option<u64>,
        at: Option<Timestamp>,
        event: &TradeEvent,
        order_id: OrderId,
        id: ExecutionId,
        source: Source,
        changes: &mut Changes,
    ) {
        match vacant.and_then(|line| self.tape.entry_mut(line)) {
            Some(entry) => {
                (entry.at, entry.event, entry.order_id, entry.execution) =
                    (at, event.clone(), order_id, Some(id.clone()));
                entry.withdrawn = false;
                changes.tape.push(entry.number);
                self.ledger.shown_on(&id, entry.number);
            }
            None => self.line(at, event, order_id, Some(id), source, changes),
        }
    }

    /// Cuts placeholders that a report has overtaken; returns a vacated line.
    pub(super) fn trim(&mut self, order: &OrderId, changes: &mut Changes) -> Option<u64> {
        let own = self.order(order).map(|order| self.own_qty(order))?;
        let trimmed = self.ledger.trim(order, own);
        self.vacate(trimmed, changes)
    }

    /// Records rows that were cut or removed; returns a vacated line.
    pub(super) fn vacate(&mut self, trimmed: ledger::Trimmed, changes: &mut Changes) -> Option<u64> {
        changes.revised.extend(trimmed.cut);
        let mut vacant = None;
        for (id, line) in trimmed.gone {
            changes.removed.push(id);
            vacant = line.and_then(|line| self.vacate_line(line, changes)).or(vacant);
        }
        vacant
    }

    /// Vacates a line; returns its number.
    pub(super) fn vacate_line(&mut self, line: u64, changes: &mut Changes) -> Option<u64> {
        let entry = self.tape.entry_mut(line)?;
        (entry.execution, entry.withdrawn) = (None, true);
        changes.tape.push(entry.number);
        Some(entry.number)
    }

    /// Adds an order event to the tape, once.
    pub(super) fn note(
        &mut self,
        id: &OrderId,
        event: &TradeEvent,
        at: Option<Timestamp>,
        source: Source,
        changes: &mut Changes,
    ) {
        let Some(index) = self.index.get(id) else { return };
        if self.tape.is_first(*index, event, at) {
            self.line(at, event, id.clone(), None, source, changes);
        }
    }

    pub(super) fn line(
        &mut self,
        at: Option<Timestamp>,
        event: &TradeEvent,
        order_id: OrderId,
        execution: Option<ExecutionId>,
        source: Source,
        changes: &mut Changes,
    ) {
        let shown = execution.clone();
        let number = self.tape.write(at, event.clone(), order_id, execution, source);
        if let Some(id) = shown {
            self.ledger.shown_on(&id, number);
        }
        changes.tape.push(number);
    }
}
