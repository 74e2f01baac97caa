//! Multi-leg orders: the parent counts units, its legs execute. A report may carry either id (docs/ALPACA.md 6.5, 6.7).

use super::merge::keep_relations;
use super::{Blotter, Changes};
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::ids::OrderId;
use crate::domain::money::Qty;
use crate::domain::order::{Order, OrderClass, Side};
use crate::domain::update::TradeEvent;

impl Blotter {
    /// Assigns an execution to the order that executed: for a multi-leg order, the leg with its symbol.
    pub(super) fn assign_to_leg(&mut self, execution: Execution) -> Execution {
        let Some(parent) = self.order(&execution.order_id).filter(|order| order.is_multileg_parent()) else {
            return execution;
        };
        let mut legs = parent.legs.iter().filter_map(|id| self.order(id));
        let Some(leg) = legs.find(|leg| leg.symbol == execution.symbol) else { return execution };
        let side = if leg.side == Side::None { execution.side.clone() } else { leg.side.clone() };
        let own = Execution { order_id: leg.id.clone(), side, ..execution };
        let Some((stated, of)) = own.cum_qty.zip(leg.qty.zip(parent.qty)) else { return own };
        self.rows_in_units = counts_units(stated, own.qty, of).or(self.rows_in_units);
        match self.rows_in_units {
            Some(true) => Execution { cum_qty: stated.scaled(of.0, of.1), ..own },
            _ => own,
        }
    }

    /// Takes over an order's relations, which an older state has as well; true if a known order lacked them.
    pub(super) fn learn_relations(&mut self, order: &Order, changes: &mut Changes) -> bool {
        if order.is_multileg_parent() {
            for leg in &order.legs {
                self.parents.entry(leg.clone()).or_insert_with(|| order.id.clone());
            }
        }
        let place = self.index.get(&order.id).map_or(usize::MAX, |place| *place as usize);
        let learned = self.orders.get_mut(place).is_some_and(|known| keep_relations(known, order));
        if learned {
            changes.orders.push(order.id.clone());
        }
        learned
    }

    /// True for a leg whose multi-leg order is unknown: what seems to be missing may be under that order's id.
    pub(super) fn is_orphan(&self, order: &Order) -> bool {
        order.class == OrderClass::Mleg && !order.is_multileg_parent() && !self.parents.contains_key(&order.id)
    }

    /// The multi-leg orders that have one of these as a leg.
    pub fn parents_of(&self, ids: &[OrderId]) -> Vec<&OrderId> {
        ids.iter().filter_map(|id| self.parents.get(id)).collect()
    }

    /// Moves rows entered under a multi-leg parent to its legs, once they are known.
    pub(super) fn move_to_legs(&mut self, parent: &OrderId, changes: &mut Changes) {
        let legs = self.order(parent).filter(|order| order.is_multileg_parent()).map(|order| &order.legs);
        // Any other row counts for nothing there, and may stay.
        let stays = legs.is_none_or(|legs| {
            let symbols: Vec<_> = legs.iter().filter_map(|leg| self.order(leg)).map(|leg| &leg.symbol).collect();
            let strays = |row: &Execution| symbols.contains(&&row.symbol) || row.kind == ExecutionKind::Unexplained;
            !self.ledger.of(parent).any(strays)
        });
        if stays {
            return;
        }
        for (stray, line) in self.ledger.take_all(parent) {
            let event =
                line.and_then(|line| self.tape.entry(line)).map_or(TradeEvent::Fill, |entry| entry.event.clone());
            let (id, mut made) = (stray.id.clone(), Changes::default());
            if stray.kind != ExecutionKind::Unexplained {
                let own = self.assign_to_leg(stray);
                self.enter_at(line, own, &event, &mut made);
            }
            // It was shown before, so it is not news.
            let kept = made.executions.contains(&id);
            made.executions.retain(|new| *new != id);
            let news = if kept { &mut made.revised } else { &mut made.removed };
            news.push(id.clone());
            let shown = line.and_then(|line| self.tape.entry(line));
            let number = shown.filter(|entry| entry.execution.as_ref() == Some(&id)).map(|entry| entry.number);
            // If it explained a placeholder, that one's line shows it now.
            if let Some(number) = number.filter(|_| self.ledger.line_of(&id) != number) {
                self.vacate_line(number, &mut made);
            }
            changes.absorb(made);
        }
        self.adds_up(parent);
    }
}

/// Whether a row under a multi-leg order's id counts executed units rather than contracts, which is not stated; `None`
/// if its figures allow both. Contracts are at least the row's own and make up whole units, and there are no more
/// units than were ordered.
pub(super) fn counts_units(stated: Qty, qty: Qty, (contracts, units): (Qty, Qty)) -> Option<bool> {
    if contracts <= units {
        return None;
    }
    let whole = stated.scaled(units, contracts).map(|units| units.decimal().fract().is_zero())?;
    match (stated < qty || !whole, stated > units) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}
