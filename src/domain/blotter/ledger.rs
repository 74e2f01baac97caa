//! The executions: each once, by its id or by its span, with placeholders for quantity that is not explained yet.

mod corrections;
mod pairs;
mod sums;

use std::collections::HashMap;

use self::pairs::{AtHand, Fit, Pair};
use crate::domain::disabled_rule::{DisabledRule, left_out};
use crate::domain::execution::{Execution, ExecutionKind, Source};
use crate::domain::ids::{ExecutionId, OrderId};
use crate::domain::money::Qty;
use crate::domain::order::Order;

/// First segment of the ids of placeholders.
const UNEXPLAINED: &str = "unexplained";
/// Prefix of the ids of inferred busts.
const INFERRED: &str = "inferred-bust/";
/// Prefix of the ids of rows known only from the activity list.
const ROW: &str = "row/";
/// First segment of the ids of corrections known only from an activity row.
const RESTATED: &str = "restated";

/// The result of entering an execution.
pub(super) enum Entered {
    /// It was known, with at least as much detail.
    Known,
    /// It was known and now has more detail.
    Completed(ExecutionId),
    /// It was known by the id of its activity row and now has its own id.
    Renamed {
        /// The former id.
        from: ExecutionId,
        /// Its tape line.
        line: Option<u64>,
        /// Corrections of it, which now name it by its own id.
        corrections: Vec<ExecutionId>,
    },
    /// It explains a placeholder, or part of one.
    Explains {
        /// The placeholder, which is gone.
        placeholder: ExecutionId,
        /// Its tape line.
        line: Option<u64>,
        /// Placeholders for the rest of its span.
        rest: Vec<ExecutionId>,
    },
    /// It belongs to a report that was paired with another of the same span, which is a separate execution after all.
    Parted {
        /// The one of both that was shown first.
        stays: ExecutionId,
        /// Its tape line.
        line: Option<u64>,
        /// The execution that is new; it may have the id that the row had.
        new: ExecutionId,
    },
    /// It is new.
    New,
}

/// The result of trimming the placeholders of an order.
#[derive(Default)]
pub(super) struct Trimmed {
    /// Rows that were cut back.
    pub(super) cut: Vec<ExecutionId>,
    /// Rows that were cut to zero and removed, with their tape lines.
    pub(super) gone: Vec<(ExecutionId, Option<u64>)>,
}

/// A row, and where it is shown.
#[derive(Debug)]
struct Slot {
    execution: Execution,
    line: Option<u64>,
    /// It stands for both an activity row and an execution id, and takes a second one of either only
    /// if that fits better.
    pair: Option<Box<Pair>>,
}

/// The rows of one order and their sum, so that a busy order is not summed again at every fill.
#[derive(Debug)]
struct Rows {
    slots: Vec<u32>,
    /// `None` if the sum has too many digits.
    sum: Option<Qty>,
    /// Number of rows known only from the activity list.
    lone_rows: u32,
    placeholders: u32,
    /// Something was busted or corrected: the same span may have been executed twice.
    undone: bool,
    /// A correction is among them: the sum depends on rows that may arrive later.
    corrected: bool,
}

/// Every execution of one account.
///
/// Invariant: `slots` only grows; an explained placeholder leaves an empty slot, so that indexes stay valid.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    slots: Vec<Option<Slot>>,
    by_id: HashMap<ExecutionId, u32>,
    by_order: HashMap<OrderId, Rows>,
    /// Corrections that follow a different one than when this was last read.
    moved: Vec<ExecutionId>,
    at_hand: AtHand,
}

/// The id of an execution known only from an activity row.
pub(super) fn row_id(row: &str) -> ExecutionId {
    ExecutionId::from(format!("{ROW}{row}"))
}

/// True for the id of a placeholder of this order.
pub(super) fn is_placeholder_of(id: &ExecutionId, order: &OrderId) -> bool {
    let rest = id.as_str().strip_prefix(UNEXPLAINED).and_then(|rest| rest.strip_prefix('/'));
    rest.and_then(|rest| rest.strip_prefix(order.as_str())).is_some_and(|rest| rest.starts_with('/'))
}

/// True for the id of an inferred bust.
pub(super) fn is_inferred(id: &ExecutionId) -> bool {
    id.as_str().starts_with(INFERRED)
}

/// True for the id of a correction known only from an activity row.
pub(super) fn is_restatement(id: &ExecutionId) -> bool {
    begins_with(id, RESTATED)
}

/// True for an id that was created here.
pub(super) fn is_stand_in(id: &ExecutionId) -> bool {
    begins_with(id, UNEXPLAINED) || is_restatement(id) || is_inferred(id) || is_row(id)
}

fn begins_with(id: &ExecutionId, word: &str) -> bool {
    id.as_str().strip_prefix(word).is_some_and(|rest| rest.starts_with('/'))
}

fn is_row(id: &ExecutionId) -> bool {
    id.as_str().starts_with(ROW)
}

/// A placeholder for a span that an order states and nothing explains.
fn placeholder(order: &Order, from: Qty, to: Qty) -> Execution {
    let whole = from.is_zero() && to == order.cum_qty;
    Execution {
        id: span_id(UNEXPLAINED, &order.id, from, to),
        order_id: order.id.clone(),
        symbol: order.symbol.clone(),
        side: order.side.clone(),
        qty: to.checked_sub(from).unwrap_or(Qty::ZERO),
        // If the whole order is missing, its average is the price; for a part of it, that would be a guess.
        px: if whole { order.avg_px } else { None },
        cum_qty: Some(to),
        position_qty: None,
        at: order.filled_at.or(order.updated_at),
        kind: ExecutionKind::Unexplained,
        source: Source::Reconcile,
    }
}

/// A row for quantity that the broker took back without a report received here.
///
/// Like a placeholder, it is removed when the broker's own report explains it, or when it turns out to be wrong.
pub(super) fn inferred_bust(order: &Order, explained: Qty, own: Qty) -> Execution {
    let moment = order.updated_at.map_or(0, jiff::Timestamp::as_nanosecond);
    let span = span_id("inferred-bust", &order.id, explained, own);
    Execution {
        id: ExecutionId::from(format!("{span}@{moment}")),
        order_id: order.id.clone(),
        symbol: order.symbol.clone(),
        side: order.side.clone(),
        qty: explained.checked_sub(own).unwrap_or(Qty::ZERO),
        px: None,
        cum_qty: None,
        position_qty: None,
        at: order.updated_at,
        kind: ExecutionKind::Bust { of: None },
        source: Source::Reconcile,
    }
}

/// The same span always gets the same id.
fn span_id(what: &str, order: &OrderId, from: Qty, to: Qty) -> ExecutionId {
    ExecutionId::from(format!("{what}/{}/{}-{}", order.as_str(), from.decimal().normalize(), to.decimal().normalize()))
}

impl Ledger {
    pub(super) fn get(&self, id: &ExecutionId) -> Option<&Execution> {
        self.by_id.get(id).and_then(|slot| self.row(*slot))
    }

    fn row(&self, slot: u32) -> Option<&Execution> {
        self.slot(slot).map(|held| &held.execution)
    }

    fn slot(&self, slot: u32) -> Option<&Slot> {
        self.slots.get(slot as usize).and_then(Option::as_ref)
    }

    fn slot_mut(&mut self, slot: u32) -> Option<&mut Slot> {
        self.slots.get_mut(slot as usize).and_then(Option::as_mut)
    }

    pub(super) fn of(&self, order: &OrderId) -> impl Iterator<Item = &Execution> {
        let slots = self.by_order.get(order).map(|rows| rows.slots.as_slice()).unwrap_or_default();
        slots.iter().filter_map(|slot| self.row(*slot))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Execution> {
        self.slots.iter().flatten().map(|held| &held.execution)
    }

    /// Gives a row created here an id that no other row has.
    pub(super) fn make_unique(&self, execution: &mut Execution) {
        while self.by_id.contains_key(&execution.id) {
            execution.id = format!("{}+", execution.id).into();
        }
    }

    /// Records which tape line shows a row.
    pub(super) fn shown_on(&mut self, id: &ExecutionId, line: u64) {
        if let Some(slot) = self.by_id.get(id).copied()
            && let Some(held) = self.slot_mut(slot)
        {
            held.line = Some(line);
        }
    }

    /// The tape line that shows a row.
    pub(super) fn line_of(&self, id: &ExecutionId) -> Option<u64> {
        self.by_id.get(id).and_then(|slot| self.slot(*slot)?.line)
    }

    /// Placeholders for what an order states and the ledger does not explain; none if it explains everything.
    ///
    /// They fill the gaps between known spans, so that a late report finds the one that it belongs to.
    pub(super) fn placeholders(&self, order: &Order, carried: Qty) -> Vec<Execution> {
        let Some(reached) = self.explained(&order.id).and_then(|explained| carried.checked_add(explained)) else {
            return Vec::new();
        };
        let Some(missing) = order.cum_qty.checked_sub(reached).filter(|missing| missing.is_positive()) else {
            return Vec::new();
        };
        let beyond = reached;
        let mut spans: Vec<(Qty, Qty)> = Vec::new();
        for execution in self.of(&order.id) {
            let to = execution.cum_qty.unwrap_or(Qty::ZERO);
            spans.push((to.checked_sub(execution.qty).unwrap_or(Qty::ZERO), to));
        }
        spans.sort_unstable();
        let (mut gaps, mut reached) = (Vec::new(), carried);
        for (from, to) in spans.into_iter().chain(std::iter::once((order.cum_qty, order.cum_qty))) {
            if from > reached {
                gaps.push(placeholder(order, reached, from));
            }
            reached = reached.max(to);
        }
        if Qty::sum(gaps.iter().map(|gap| gap.qty)) == Some(missing) {
            gaps
        } else {
            vec![placeholder(order, beyond, order.cum_qty)]
        }
    }

    /// Cuts placeholders back to what the order executed itself; reports that fit no span may have overtaken them.
    pub(super) fn trim(&mut self, order: &OrderId, own: Qty) -> Trimmed {
        if self.by_order.get(order).is_none_or(|rows| rows.placeholders == 0) {
            return Trimmed::default();
        }
        let excess = self.explained(order).and_then(|explained| explained.checked_sub(own)).unwrap_or(Qty::ZERO);
        self.cut(order, excess, |row| row.kind == ExecutionKind::Unexplained)
    }

    /// Removes inferred busts, up to this quantity.
    pub(super) fn retract(&mut self, order: &OrderId, qty: Qty) -> Trimmed {
        if self.by_order.get(order).is_none_or(|rows| !rows.undone) {
            return Trimmed::default();
        }
        self.cut(order, qty, |row| row.id.as_str().starts_with(INFERRED))
    }

    /// The latest time among an order's rows.
    pub(super) fn latest(&self, order: &OrderId) -> Option<jiff::Timestamp> {
        self.of(order).filter_map(|row| row.at).max()
    }

    fn cut(&mut self, order: &OrderId, qty: Qty, which: impl Fn(&Execution) -> bool) -> Trimmed {
        let (mut done, mut excess) = (Trimmed::default(), qty);
        if !excess.is_positive() {
            return done;
        }
        let slots = self.by_order.get(order).map(|rows| rows.slots.clone()).unwrap_or_default();
        for slot in slots.into_iter().rev() {
            let Some(held) = self.slot_mut(slot) else { continue };
            let row = &mut held.execution;
            if !which(row) || excess.is_zero() {
                continue;
            }
            let cut = row.qty.min(excess);
            excess = excess.checked_sub(cut).unwrap_or(Qty::ZERO);
            row.qty = row.qty.checked_sub(cut).unwrap_or(Qty::ZERO);
            row.cum_qty = row.cum_qty.and_then(|to| to.checked_sub(cut));
            row.px = None;
            if !row.qty.is_zero() {
                done.cut.push(row.id.clone());
            } else if let Some(gone) = self.take(slot) {
                done.gone.push((gone.execution.id, gone.line));
            }
        }
        self.recount(order);
        done
    }

    /// Enters an execution. `missing` is what the order states and no report explains; `lowered` says that
    /// it once stated more.
    pub(super) fn enter(&mut self, execution: Execution, missing: Qty, lowered: bool) -> Entered {
        if left_out(DisabledRule::Dedupe) && execution.kind == ExecutionKind::Trade {
            self.push(execution);
            return Entered::New;
        }
        if let Some(slot) = self.by_id.get(&execution.id).copied() {
            return if self.complete(slot, &execution) { Entered::Completed(execution.id) } else { Entered::Known };
        }
        match self.same_span(&execution, missing, lowered) {
            Some((slot, Fit::Free)) => return self.unify(slot, execution),
            Some((slot, Fit::Better)) => return self.part(slot, execution),
            None => {}
        }
        if matches!(execution.kind, ExecutionKind::Bust { .. })
            && !is_inferred(&execution.id)
            && let Some(slot) = self.inferred(&execution)
        {
            return self.rename(slot, execution);
        }
        if !is_restatement(&execution.id)
            && let Some(slot) = self.read_from_a_row(&execution)
        {
            return self.rename(slot, execution);
        }
        if execution.kind == ExecutionKind::Trade
            && let Some(slot) = self.covering(&execution)
        {
            return self.explain(slot, execution);
        }
        if matches!(execution.kind, ExecutionKind::Correction { .. }) {
            self.push_correction(execution);
        } else {
            self.push(execution);
        }
        Entered::New
    }

    /// Removes every row of an order; returns each with its tape line.
    pub(super) fn take_all(&mut self, order: &OrderId) -> Vec<(Execution, Option<u64>)> {
        let slots = self.by_order.remove(order).map(|rows| rows.slots).unwrap_or_default();
        let taken =
            slots.into_iter().filter_map(|slot| self.take(slot)).map(|held| (held.execution, held.line)).collect();
        self.by_id.retain(|_, slot| self.slots.get(*slot as usize).is_some_and(Option::is_some));
        taken
    }

    /// Restores a row of an earlier run. Rows that were separate then stay separate.
    pub(super) fn restore(&mut self, execution: Execution) {
        if !self.by_id.contains_key(&execution.id) {
            self.push(execution);
        }
    }

    /// Adds details that only the later report has; true if there were any.
    fn complete(&mut self, slot: u32, report: &Execution) -> bool {
        let Some(held) = self.slot_mut(slot) else { return false };
        let known = &mut held.execution;
        let more = (known.px.is_none() && report.px.is_some())
            || (known.cum_qty.is_none() && report.cum_qty.is_some())
            || (known.position_qty.is_none() && report.position_qty.is_some())
            || (known.at.is_none() && report.at.is_some())
            || (known.side.is_unknown() && !report.side.is_unknown())
            || (known.source == Source::Reconcile && report.source == Source::Stream);
        known.px = known.px.or(report.px);
        known.cum_qty = known.cum_qty.or(report.cum_qty);
        known.position_qty = known.position_qty.or(report.position_qty);
        known.at = known.at.or(report.at);
        if known.side.is_unknown() {
            known.side.clone_from(&report.side);
        }
        if known.source == Source::Reconcile && report.source == Source::Stream {
            // The stream reported it after all, which audits check. The tape keeps how it was first learned.
            known.source = Source::Stream;
        }
        more
    }

    /// Gives a slot the id that it should have had; the old id still finds it.
    fn rename(&mut self, slot: u32, execution: Execution) -> Entered {
        self.by_id.insert(execution.id.clone(), slot);
        let of_is_known = !self.is_open(&execution);
        let stands = self
            .row(slot)
            .is_some_and(|row| matches!(row.kind, ExecutionKind::Correction { .. }) && !self.is_open(row));
        let Some(held) = self.slot_mut(slot) else { return Entered::Known };
        let (line, order) = (held.line, execution.order_id.clone());
        let known = &mut held.execution;
        let to = execution.id.clone();
        let from = std::mem::replace(&mut known.id, execution.id);
        if let ExecutionKind::Bust { .. } | ExecutionKind::Correction { .. } = known.kind {
            // Its place among corrections is already known.
            if of_is_known && !stands {
                known.kind = execution.kind;
            }
            known.qty = execution.qty;
            known.px = known.px.or(execution.px);
            known.at = execution.at.or(known.at);
        }
        let corrections = self.follow_corrections(&from, &to, &order);
        self.recount(&order);
        Entered::Renamed { from, line, corrections }
    }

    fn inferred(&self, execution: &Execution) -> Option<u32> {
        let rows = self.by_order.get(&execution.order_id)?;
        rows.slots.iter().copied().find(|slot| {
            self.row(*slot)
                .is_some_and(|known| known.id.as_str().starts_with(INFERRED) && known.qty.abs() == execution.qty.abs())
        })
    }

    /// The placeholder whose span contains the execution's.
    fn covering(&self, execution: &Execution) -> Option<u32> {
        let rows = self.by_order.get(&execution.order_id).filter(|rows| rows.placeholders > 0)?;
        rows.slots.iter().copied().find(|slot| {
            let Some(known) = self.row(*slot).filter(|known| known.kind == ExecutionKind::Unexplained) else {
                return false;
            };
            let (Some(to), Some(from)) = (known.cum_qty, known.cum_qty.and_then(|to| to.checked_sub(known.qty))) else {
                return false;
            };
            match execution.cum_qty {
                Some(cum) => cum <= to && cum.checked_sub(execution.qty).is_some_and(|start| start >= from),
                None => execution.qty <= known.qty,
            }
        })
    }

    /// Takes an execution out of a placeholder; the rest of it stays as placeholders.
    fn explain(&mut self, slot: u32, execution: Execution) -> Entered {
        let Some(Slot { execution: held, line, .. }) = self.take(slot) else { return Entered::New };
        let to = held.cum_qty.unwrap_or(held.qty);
        let from = to.checked_sub(held.qty).unwrap_or(Qty::ZERO);
        let end = execution.cum_qty.unwrap_or_else(|| from.checked_add(execution.qty).unwrap_or(to));
        let start = end.checked_sub(execution.qty).unwrap_or(from);
        let mut rest = Vec::new();
        for (from, to) in [(from, start), (end, to)] {
            let id = span_id(UNEXPLAINED, &held.order_id, from, to);
            // After an undoing, another placeholder may stand for the same span.
            if to > from && !self.by_id.contains_key(&id) {
                let qty = to.checked_sub(from).unwrap_or(Qty::ZERO);
                rest.push(Execution { id, qty, cum_qty: Some(to), px: None, ..held.clone() });
            }
        }
        self.push(execution);
        let ids = rest.iter().map(|piece| piece.id.clone()).collect();
        for piece in rest {
            self.push(piece);
        }
        self.recount(&held.order_id);
        Entered::Explains { placeholder: held.id, line, rest: ids }
    }

    fn take(&mut self, slot: u32) -> Option<Slot> {
        let held = self.slots.get_mut(slot as usize).and_then(Option::take)?;
        self.by_id.remove(&held.execution.id);
        if let Some(rows) = self.by_order.get_mut(&held.execution.order_id) {
            rows.slots.retain(|known| *known != slot);
        }
        Some(held)
    }

    fn push(&mut self, execution: Execution) -> u32 {
        let slot = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        self.by_id.insert(execution.id.clone(), slot);
        let rows = self.by_order.entry(execution.order_id.clone()).or_default();
        rows.slots.push(slot);
        let qty = execution.qty;
        match execution.kind {
            ExecutionKind::Trade => rows.sum = rows.sum.and_then(|sum| sum.checked_add(qty)),
            ExecutionKind::Unexplained => {
                rows.sum = rows.sum.and_then(|sum| sum.checked_add(qty));
                rows.placeholders += 1;
            }
            ExecutionKind::Bust { .. } => {
                rows.sum = rows.sum.and_then(|sum| sum.checked_sub(qty.abs()));
                rows.undone = true;
            }
            ExecutionKind::Correction { .. } => (rows.corrected, rows.undone) = (true, true),
        }
        rows.lone_rows += u32::from(is_row(&execution.id));
        self.slots.push(Some(Slot { execution, line: None, pair: None }));
        slot
    }
}
