//! Sums of an order's rows. A sum with too many digits is unknown, and nothing is concluded from it.

use super::{Ledger, Rows, is_row};
use crate::domain::execution::ExecutionKind;
use crate::domain::ids::OrderId;
use crate::domain::money::Qty;

impl Default for Rows {
    fn default() -> Self {
        Self { slots: Vec::new(), sum: Some(Qty::ZERO), lone_rows: 0, placeholders: 0, undone: false, corrected: false }
    }
}

impl Ledger {
    /// The sum of an order's rows, including busts and corrections.
    pub(in crate::domain::blotter) fn explained(&self, order: &OrderId) -> Option<Qty> {
        match self.by_order.get(order) {
            None => Some(Qty::ZERO),
            Some(rows) if !rows.corrected => rows.sum,
            Some(_) => self.sum(order),
        }
    }

    /// The sum of an order's rows without its placeholders.
    pub(in crate::domain::blotter) fn reported(&self, order: &OrderId) -> Option<Qty> {
        let Some(rows) = self.by_order.get(order) else { return Some(Qty::ZERO) };
        let explained = self.explained(order);
        if rows.placeholders == 0 {
            return explained;
        }
        let mut awaited = self.of(order).filter(|row| row.kind == ExecutionKind::Unexplained);
        awaited.try_fold(explained?, |sum, row| sum.checked_sub(row.qty))
    }

    /// Where the first of an order's reports starts, in executed quantity.
    pub(in crate::domain::blotter) fn begins(&self, order: &OrderId) -> Option<Qty> {
        let trades = self.of(order).filter(|row| row.kind == ExecutionKind::Trade);
        trades.filter_map(|row| row.cum_qty?.checked_sub(row.qty)).min()
    }

    /// Orders with executed quantity that no report explains yet.
    pub(in crate::domain::blotter) fn awaiting(&self) -> impl Iterator<Item = &OrderId> {
        self.by_order.iter().filter(|(_, rows)| rows.placeholders > 0).map(|(order, _)| order)
    }

    fn sum(&self, order: &OrderId) -> Option<Qty> {
        self.of(order).try_fold(Qty::ZERO, |sum, execution| {
            let qty = execution.qty;
            match &execution.kind {
                ExecutionKind::Trade | ExecutionKind::Unexplained => sum.checked_add(qty),
                // Some brokers give the quantity of a bust a sign.
                ExecutionKind::Bust { .. } => sum.checked_sub(qty.abs()),
                ExecutionKind::Correction { of } => {
                    let before = of.as_ref().and_then(|id| self.get(id)).map_or(qty, |original| original.qty);
                    sum.checked_add(qty.checked_sub(before)?)
                }
            }
        })
    }

    /// Recounts an order's rows after one of them changed.
    pub(super) fn recount(&mut self, order: &OrderId) {
        let sum = self.sum(order);
        let placeholders = self.of(order).filter(|row| row.kind == ExecutionKind::Unexplained).count();
        let slots = self.by_order.get(order).map(|rows| rows.slots.as_slice()).unwrap_or_default();
        let lone = slots.iter().filter_map(|slot| self.slot(*slot)).filter(|held| is_row(&held.execution.id)).count();
        if let Some(rows) = self.by_order.get_mut(order) {
            rows.sum = sum;
            rows.placeholders = u32::try_from(placeholders).unwrap_or(u32::MAX);
            rows.lone_rows = u32::try_from(lone).unwrap_or(u32::MAX);
        }
    }
}
