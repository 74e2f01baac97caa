//! Multi-leg orders: the parent counts units, its legs execute. A report may carry the id of either (API.md 6.5, 6.7).

use super::{Blotter, Changes};
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::ids::OrderId;
use crate::domain::order::{OrderClass, Side};
use crate::domain::update::TradeEvent;

impl Blotter {
    /// The execution as one of the order that executed: of a multi-leg order that is the leg in its symbol.
    pub(super) fn at_home(&mut self, execution: Execution) -> Execution {
        let Some(parent) = self.order(&execution.order_id).filter(|order| order.is_multileg_parent()) else {
            return execution;
        };
        let mut legs = parent.legs.iter().filter_map(|id| self.order(id));
        let Some(leg) = legs.find(|leg| leg.symbol == execution.symbol) else { return execution };
        let side = if leg.side == Side::None { execution.side.clone() } else { leg.side.clone() };
        let own = Execution { order_id: leg.id.clone(), side, ..execution };
        // Whether a row under the parent's id counts units or contracts as executed so far is not stated. Less than the
        // row's own contracts cannot be contracts.
        let Some((stated, (contracts, units))) = own.cum_qty.zip(leg.qty.zip(parent.qty)) else { return own };
        let parent = parent.id.clone();
        if stated >= own.qty && !self.in_units.contains(&parent) {
            return own;
        }
        self.in_units.insert(parent);
        Execution { cum_qty: stated.scaled(contracts, units), ..own }
    }

    /// The multi-leg orders that some of these are legs of.
    pub fn parents_of(&self, ids: &[OrderId]) -> Vec<&OrderId> {
        let is_leg = |id: &OrderId| self.order(id).is_some_and(|order| order.class == OrderClass::Mleg);
        if !ids.iter().any(is_leg) {
            return Vec::new();
        }
        let parents = self.orders().filter(|order| order.is_multileg_parent());
        parents.filter(|parent| parent.legs.iter().any(|leg| ids.contains(leg))).map(|parent| &parent.id).collect()
    }

    /// Moves what was entered under a multi-leg parent before its legs were known to the legs.
    pub(super) fn bring_home(&mut self, parent: &OrderId, changes: &mut Changes) {
        let legs = self.order(parent).filter(|order| order.is_multileg_parent()).map(|order| &order.legs);
        // Anything else counts for nothing where it is, and may stay.
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
                let own = self.at_home(stray);
                self.enter_at(line, own, &event, &mut made);
            }
            // It was shown before and is no news.
            let kept = made.executions.contains(&id);
            made.executions.retain(|new| *new != id);
            let news = if kept { &mut made.revised } else { &mut made.removed };
            news.push(id.clone());
            let shown = line.and_then(|line| self.tape.entry(line));
            if let Some(line) = shown.filter(|entry| entry.execution.as_ref() == Some(&id) && !kept) {
                let number = line.number;
                self.vacate_line(number, &mut made);
            }
            changes.absorb(made);
        }
    }
}
