//! The state transitions of orders, and their effects on order groups.
//!
//! Invariant: a done order never becomes working again; only its executions may be busted or corrected by hand.

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::order::{AccountNo, OrderId};
use super::schedule::Task;
use super::slot::{Ix, key};
use super::{Engine, Refusal};
use crate::sim::words::{AssetClass, EventKind, GroupRole, OrderClass, OrderType, Side, Status, TimeInForce};

/// The results for several orders.
pub type Answers<Id, Done> = Vec<(Id, Result<Done, Refusal>)>;

impl Engine {
    /// Requests a cancel; the venue answers a moment later, and a fill may come first.
    pub fn cancel(&mut self, account: AccountNo, id: OrderId) -> Result<(), Refusal> {
        let ix = self.find_order(account, id)?;
        self.request_cancel(ix)
    }

    /// Requests a cancel of every open order that a client can cancel by itself; returns each one's result.
    pub fn cancel_all(&mut self, account: AccountNo) -> Result<Answers<OrderId, ()>, Refusal> {
        let open: Vec<Ix> = self.need_account(account)?.open.iter().copied().collect();
        let mut answers = Vec::with_capacity(open.len());
        for ix in open {
            // A waiting leg ends with its group. So does a leg of a multi-leg order.
            let leg = self.slot(ix).order.ratio_qty.is_some();
            if self.slot(ix).is_open() && self.slot(ix).order.status != Status::Held && !leg {
                answers.push((self.slot(ix).order.id, self.request_cancel(ix)));
            }
        }
        Ok(answers)
    }

    fn request_cancel(&mut self, ix: Ix) -> Result<(), Refusal> {
        self.check_whole(ix)?;
        let (at, again) = (self.stamp(), self.readings.cancels_again());
        let slot = self.slot_mut(ix);
        match slot.order.status {
            Status::PendingCancel => return Ok(()),
            Status::Canceled if again => return Ok(()),
            // Until the venue has answered, it is unclear which of the two orders a cancel would apply to.
            Status::PendingReplace => return Err(Refusal::already(Status::PendingReplace)),
            status if status.is_terminal() => return Err(Refusal::already(status)),
            _ => {}
        }
        slot.order.cancel_requested_at = Some(at);
        if !slot.live && matches!(slot.order.status, Status::Accepted | Status::Held) {
            // Nothing has reached a venue yet, so there is no answer to wait for.
            self.end(ix, Status::Canceled, None);
            return Ok(());
        }
        slot.order.status = Status::PendingCancel;
        self.emit(ix, EventKind::PendingCancel, at, None, None);
        self.soon(Task::Cancel(ix), 2_000, 12_000);
        Ok(())
    }

    /// The venue answers a cancel request.
    pub(super) fn answer_cancel(&mut self, ix: Ix) {
        if self.slot(ix).is_open() {
            self.end(ix, Status::Canceled, None);
        } else if self.slot(ix).order.status != Status::Canceled {
            let at = self.stamp();
            self.emit(ix, EventKind::OrderCancelRejected, at, None, Some("too late to cancel".to_owned()));
        }
    }

    /// The venue answers a replace request.
    pub(super) fn answer_replace(&mut self, new: Ix) {
        let Some(old) = self.slot_mut(new).shadows.take() else { return };
        self.slot_mut(old).successor = None;
        if !self.slot(new).is_open() {
            // The replacement was canceled meanwhile; the old order stays working.
            if self.slot(old).is_open() {
                self.refuse_replacement(old);
            }
            return;
        }
        // Subtract what the old order executed in between.
        let carries = self.slot(new).carries;
        let done = self.slot(old).order.filled_qty;
        let already = if carries { done } else { done - self.slot(new).filled_before };
        let left = self.slot(new).order.qty.unwrap_or_default() - already;
        if !self.slot(old).is_open() || left <= Decimal::ZERO {
            self.refuse_replacement(old);
            self.end(new, Status::Rejected, Some("the order to be replaced is done"));
            return;
        }
        if carries {
            let before = self.slot(old).clone();
            self.slot_mut(new).carry(&before);
        } else {
            self.slot_mut(new).order.qty = Some(left);
        }
        let was_held = self.slot(old).order.status == Status::Held || !self.slot(old).live;
        let triggered = self.slot(old).triggered;
        let at = self.stamp();
        let new_id = self.slot(new).order.id;
        let order = &mut self.slot_mut(old).order;
        order.status = Status::Replaced;
        (order.replaced_at, order.replaced_by) = (Some(at), Some(new_id));
        self.finish(old);
        self.inherit_group(old, new);
        self.emit(old, EventKind::Replaced, at, None, None);
        let slot = self.slot_mut(new);
        slot.triggered = triggered && slot.order.order_type != OrderType::TrailingStop;
        if was_held {
            slot.order.status = Status::Held;
            self.rehold(new);
            self.watch(new);
        } else {
            self.rehold(new);
            self.go_live(new);
        }
    }

    fn refuse_replacement(&mut self, old: Ix) {
        let at = self.stamp();
        let slot = self.slot_mut(old);
        if slot.order.status == Status::PendingReplace {
            slot.order.status = if slot.order.filled_qty.is_zero() { Status::New } else { Status::PartiallyFilled };
        }
        self.emit(old, EventKind::OrderReplaceRejected, at, None, Some("too late to replace".to_owned()));
    }

    /// The new order takes the old one's place in its group.
    fn inherit_group(&mut self, old: Ix, new: Ix) {
        let (sibling, legs) = (self.slot(old).sibling, self.slot(old).legs.clone());
        let (old_id, new_id) = (self.slot(old).order.id, self.slot(new).order.id);
        if let Some(sibling) = sibling {
            self.slot_mut(sibling).sibling = Some(new);
            if self.slot(sibling).order.parent == Some(old_id) {
                self.slot_mut(sibling).order.parent = Some(new_id);
            }
        }
        for leg in &legs {
            self.slot_mut(*leg).order.parent = Some(new_id);
        }
        if let Some(parent) = self.slot(old).order.parent.and_then(|id| self.by_id.get(&id).copied()) {
            let parent = self.slot_mut(parent);
            parent.legs.iter_mut().filter(|leg| **leg == old).for_each(|leg| *leg = new);
            parent.order.legs.iter_mut().filter(|id| **id == old_id).for_each(|id| *id = new_id);
        }
        let slot = self.slot_mut(new);
        (slot.sibling, slot.legs) = (sibling, legs);
    }

    /// The venue accepts an order, or it waits for its session.
    pub(super) fn activate(&mut self, ix: Ix) {
        let slot = self.slot(ix);
        if !matches!(slot.order.status, Status::PendingNew | Status::Accepted) || slot.live {
            return;
        }
        if self.can_trade(slot.sym, slot.order.extended_hours) {
            self.go_live(ix);
        } else {
            self.waiting.insert(ix);
        }
    }

    /// Activates every waiting order whose session has started.
    pub(super) fn wake_waiting(&mut self) {
        let ready: Vec<Ix> = self
            .waiting
            .iter()
            .copied()
            .filter(|ix| {
                let slot = self.slot(*ix);
                slot.order.time_in_force != TimeInForce::Opg && self.can_trade(slot.sym, slot.order.extended_hours)
            })
            .collect();
        for ix in ready {
            self.waiting.remove(&ix);
            self.activate(ix);
        }
    }

    /// The open: the opening auction first, then everything that waited for it.
    pub(super) fn open_session(&mut self) {
        let auction: Vec<Ix> =
            self.waiting.iter().copied().filter(|ix| self.slot(*ix).order.time_in_force == TimeInForce::Opg).collect();
        self.auction(&auction);
        self.wake_waiting();
    }

    pub(super) fn closing_auction(&mut self) {
        let auction: Vec<Ix> = std::mem::take(&mut self.at_close).into_iter().collect();
        self.auction(&auction);
    }

    /// Fills what can be filled at the last price, and cancels the rest.
    fn auction(&mut self, orders: &[Ix]) {
        for ix in orders {
            self.waiting.remove(ix);
            if !self.slot(*ix).is_open() {
                continue;
            }
            let at = self.stamp();
            let slot = self.slot_mut(*ix);
            (slot.live, slot.order.status) = (true, Status::New);
            self.emit(*ix, EventKind::New, at, None, None);
            let slot = self.slot(*ix);
            let price = self.market.get(slot.sym).last.price;
            let (qty, fits) = (slot.order.leaves_qty(), limit_allows(slot.order.side, slot.order.limit_price, price));
            if fits {
                self.execute(*ix, qty, price);
            } else {
                self.end(*ix, Status::Canceled, None);
            }
        }
    }

    /// Activates an order: reports it as new, then matches it or adds it to the books.
    pub(super) fn go_live(&mut self, ix: Ix) {
        let at = self.stamp();
        let slot = self.slot_mut(ix);
        (slot.live, slot.order.status) = (true, Status::New);
        self.emit(ix, EventKind::New, at, None, None);
        // The stop of a pair is watched as soon as the other leg works.
        if let Some(sibling) = self.slot(ix).sibling
            && self.slot(sibling).order.status == Status::Held
        {
            self.watch(sibling);
        }
        self.enter(ix);
    }

    /// Expires an order.
    pub(super) fn expire(&mut self, ix: Ix) {
        if self.slot(ix).is_open() {
            self.end(ix, Status::Expired, None);
        }
    }

    /// Expires day orders that would have ended with the regular session, when it is closed by hand.
    pub(super) fn expire_day_orders(&mut self, cut: Timestamp) {
        let due: Vec<Ix> = self
            .expiries
            .iter()
            .take_while(|(at, _)| *at <= cut)
            .map(|(_, ix)| *ix)
            .filter(|ix| self.market.asset(self.slot(*ix).sym).class != AssetClass::Crypto)
            .collect();
        for ix in due {
            self.expire(ix);
        }
    }

    /// Ends an open order without a fill, and updates its group.
    pub(super) fn end(&mut self, ix: Ix, status: Status, reason: Option<&str>) {
        let at = self.stamp();
        let order = &mut self.slot_mut(ix).order;
        order.status = status;
        let event = match status {
            Status::Expired => {
                order.expired_at = Some(at);
                EventKind::Expired
            }
            Status::Rejected => {
                order.failed_at = Some(at);
                EventKind::Rejected
            }
            _ => {
                order.canceled_at = Some(at);
                EventKind::Canceled
            }
        };
        self.finish(ix);
        self.emit(ix, event, at, None, reason.map(str::to_owned));
        self.end_group(ix, status);
    }

    /// Ends the legs and the pair of an order that ended without a fill in the same way.
    fn end_group(&mut self, ix: Ix, status: Status) {
        let mut others = self.slot(ix).legs.clone();
        others.extend(self.slot(ix).sibling);
        let status = if status == Status::Rejected { Status::Canceled } else { status };
        for other in others {
            if self.slot(other).is_open() {
                self.end(other, status, None);
            }
        }
    }

    /// Updates the rest of the group after a fill.
    pub(super) fn fill_group(&mut self, ix: Ix, filled: bool) {
        let slot = self.slot(ix);
        match slot.order.group_role {
            Some(GroupRole::Entry) if filled => {
                for leg in slot.legs.clone() {
                    // Only the first leg works; a stop next to it stays held until it triggers.
                    let protective = self.slot(leg).order.group_role == Some(GroupRole::StopLoss);
                    if self.slot(leg).order.status == Status::Held && !(protective && self.slot(leg).sibling.is_some())
                    {
                        self.release(leg);
                    }
                }
            }
            Some(GroupRole::Entry) => {
                for leg in slot.legs.clone() {
                    self.rehold(leg);
                }
            }
            Some(GroupRole::TakeProfit | GroupRole::StopLoss) => {
                let left = slot.order.leaves_qty();
                let Some(sibling) = slot.sibling.filter(|sibling| self.slot(*sibling).is_open()) else { return };
                if filled {
                    self.end(sibling, Status::Canceled, None);
                } else {
                    // The pair must not close more than the position it protects.
                    let order = &mut self.slot_mut(sibling).order;
                    order.qty = order.qty.map(|_| order.filled_qty + left);
                    self.rehold(sibling);
                }
            }
            _ => {}
        }
    }

    /// Activates a held leg.
    pub(super) fn release(&mut self, leg: Ix) {
        self.slot_mut(leg).order.status = Status::PendingNew;
        self.enlist(leg);
        let slot = self.slot(leg);
        if self.can_trade(slot.sym, slot.order.extended_hours) {
            self.go_live(leg);
        } else {
            self.slot_mut(leg).order.status = Status::Accepted;
            self.waiting.insert(leg);
        }
    }

    /// Removes a done order from every index, and releases what it held.
    pub(super) fn finish(&mut self, ix: Ix) {
        self.unbook(ix);
        self.waiting.remove(&ix);
        self.at_close.remove(&ix);
        self.multilegs.remove(&ix);
        let slot = self.slot(ix);
        if let Some(at) = slot.order.expires_at {
            self.expiries.remove(&(at, ix));
        }
        let slot = self.slot(ix);
        let (sym, side, price) = (slot.sym, slot.order.side, slot.order.limit_price.map(key));
        let account = self.account_of_mut(ix);
        account.open.remove(&ix);
        if let Some(interest) = account.interest.get_mut(&(sym, side)) {
            if let Some(price) = price {
                interest.limits.remove(&(price, ix));
            }
            interest.others.remove(&ix);
            interest.opening.remove(&ix);
            interest.closing.remove(&ix);
        }
        self.rehold(ix);
    }

    /// Recomputes an order's hold on buying power or position.
    pub(super) fn rehold(&mut self, ix: Ix) {
        let slot = self.slot(ix);
        let order = &slot.order;
        let left = match (order.status.is_terminal(), order.qty, order.notional) {
            (false, Some(qty), _) => qty - order.filled_qty,
            (false, None, Some(notional)) => notional.checked_div(slot.hold_price).unwrap_or_default().round_dp(9),
            (true, _, _) | (false, None, None) => Decimal::ZERO,
        };
        let asset = self.market.asset(slot.sym);
        let (mut margin, mut qty) = (Decimal::ZERO, Decimal::ZERO);
        if order.status == Status::Held {
            qty = self.promised(ix).min(left);
        } else if order.position_intent.opens() {
            let rate = self.account_of(ix).margin_rate(&self.market, slot.sym);
            margin = left * slot.hold_price * asset.multiplier * rate;
        } else {
            qty = left;
        }
        if let Some(old) = slot.shadows {
            // While both exist, the larger hold applies, not the sum.
            let old = self.slot(old);
            margin = (margin - old.held_margin).max(Decimal::ZERO);
            qty =
                if old.order.status == Status::Held { Decimal::ZERO } else { (qty - old.held_qty).max(Decimal::ZERO) };
        }
        let sym = slot.sym;
        let (margin_change, qty_change) = (margin - slot.held_margin, qty - slot.held_qty);
        let slot = self.slot_mut(ix);
        (slot.held_margin, slot.held_qty) = (margin, qty);
        let account = self.account_of_mut(ix);
        account.held_margin += margin_change;
        if !qty_change.is_zero() {
            *account.held_qty.entry(sym).or_default() += qty_change;
        }
    }

    /// The quantity that a partly filled entry has opened and only this waiting exit may close; of two exits the first
    /// holds it.
    fn promised(&self, leg: Ix) -> Decimal {
        let slot = self.slot(leg);
        let first = match slot.order.group_role {
            Some(GroupRole::TakeProfit) => true,
            Some(GroupRole::StopLoss) => slot.sibling.is_none(),
            Some(GroupRole::Entry) | None => false,
        };
        let entry = slot.order.parent.and_then(|id| self.by_id.get(&id)).map(|ix| self.slot(*ix));
        entry.filter(|entry| first && entry.is_open()).map_or(Decimal::ZERO, |entry| {
            // A carried quantity includes the chain already.
            let before = if entry.carries { Decimal::ZERO } else { entry.filled_before };
            before + entry.order.filled_qty
        })
    }

    /// Whether a protective leg must stay inactive while its pair works.
    pub(super) fn is_quiet(&self, ix: Ix) -> bool {
        self.slot(ix).order.status == Status::Held && self.slot(ix).order.order_class != OrderClass::Simple
    }
}

/// Whether a limit allows a price.
pub(super) fn limit_allows(side: Side, limit: Option<Decimal>, price: Decimal) -> bool {
    match (side, limit) {
        (_, None) => true,
        (Side::Buy, Some(limit)) => price <= limit,
        (Side::Sell, Some(limit)) => price >= limit,
    }
}
