//! Accepting orders: creates an order with its legs, and routes them.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::admit::Admitted;
use super::order::{AccountNo, Changes, NewOrder, Order, OrderId};
use super::schedule::Task;
use super::slot::{Ix, Slot, key};
use super::{Engine, Refusal, bounds};
use crate::sim::market::Sym;
use crate::sim::words::{EventKind, GroupRole, OrderClass, OrderType, Side, Status, TimeInForce};

/// How long a good-till-canceled order lasts, in hours: ninety days.
const GTC_HOURS: i64 = 24 * 90;

impl Engine {
    /// Accepts an order, or refuses it and changes nothing. The order returned is accepted but not yet working.
    pub fn place(&mut self, account: AccountNo, new: &NewOrder) -> Result<Order, Refusal> {
        bounds::order(new)?;
        if new.order_class == OrderClass::Mleg {
            return self.place_multileg(account, new);
        }
        let admitted = self.admit(account, new)?;
        let at = self.stamp();
        let ix = match new.order_class {
            OrderClass::Oco => self.place_oco(account, new, &admitted, at),
            OrderClass::Bracket | OrderClass::Oto => self.place_entry(account, new, &admitted, at),
            OrderClass::Simple | OrderClass::Mleg => {
                let slot = self.plain(account, new, &admitted, at);
                self.push(slot)
            }
        };
        self.arrive(ix, at);
        Ok(self.slot(ix).order.clone())
    }

    /// Requests a replacement; returns the new order, which takes the old one's place a moment later, or is rejected if
    /// the old one ends first. Its executed quantity starts at zero, and its quantity is by default the old order's
    /// remaining one; or both are the whole chain's, according to [`carries`](super::readings::Readings::carries).
    pub fn replace(&mut self, account: AccountNo, id: OrderId, changes: &Changes) -> Result<Order, Refusal> {
        bounds::changes(changes)?;
        let old = self.find_order(account, id)?;
        self.check_whole(old)?;
        if self.is_multileg(old) {
            return Err(Refusal::unprocessable("multi-leg orders cannot be replaced by this simulated brokerage"));
        }
        let new = self.changed(old, changes)?;
        self.check_client_id(account, new.client_order_id.as_deref())?;
        let slot = self.slot(old);
        let (sym, side, intent) = (slot.sym, slot.order.side, slot.order.position_intent);
        let asset = self.market.asset(sym);
        for (name, price) in [("limit_price", new.limit_price), ("stop_price", new.stop_price)] {
            if let Some(price) = price.filter(|price| !asset.takes_price(*price)) {
                return Err(Refusal::sub_penny(name, price));
            }
        }
        let hold_price = self.hold_price(sym, side, intent, &new);
        // A chain's total includes what is already executed.
        let done = if self.readings.carries() { slot.order.filled_qty } else { Decimal::ZERO };
        let hold_qty = new.qty.unwrap_or_default() - done;
        let admitted = Admitted { sym, side, intent, hold_price, hold_qty };
        self.check_replacement(account, old, &admitted)?;
        let at = self.stamp();
        let mut slot = self.plain(account, &new, &admitted, at);
        let before = self.slot(old);
        slot.order.replaces = Some(before.order.id);
        (slot.order.group_id, slot.order.group_role) = (before.order.group_id, before.order.group_role);
        (slot.order.order_class, slot.order.parent) = (before.order.order_class, before.order.parent);
        slot.order.position_intent = intent;
        slot.order.hwm = before.order.hwm;
        if let Some(mark) = slot.order.hwm {
            let step = self.market.asset(sym).price_step;
            slot.order.stop_price = Some(super::matching::trailing_stop(&slot.order, mark, step));
        }
        slot.filled_before = before.order.filled_qty;
        slot.carries = self.readings.carries();
        if slot.carries {
            slot.carry(before);
        }
        slot.order.legs.clone_from(&before.order.legs);
        slot.shadows = Some(old);
        slot.drawn = before.drawn;
        let ix = self.push(slot);
        self.slot_mut(old).successor = Some(ix);
        self.slot_mut(old).order.status = Status::PendingReplace;
        self.enlist(ix);
        self.emit(old, EventKind::PendingReplace, at, None, None);
        self.soon(Task::Replace(ix), 2_000, 11_000);
        Ok(self.slot(ix).order.clone())
    }

    /// The request equivalent to the changed order.
    fn changed(&self, old: Ix, changes: &Changes) -> Result<NewOrder, Refusal> {
        let slot = self.slot(old);
        let order = &slot.order;
        match order.status {
            Status::New | Status::PartiallyFilled | Status::Held => {}
            status if status.is_terminal() => return Err(Refusal::already(status)),
            status => return Err(Refusal::unprocessable(format!("cannot replace order in {status} status"))),
        }
        let Some(qty) = order.qty else {
            return Err(Refusal::unprocessable("notional orders cannot be replaced"));
        };
        let left = qty - order.filled_qty;
        let qty = changes.qty.unwrap_or(if self.readings.carries() { qty } else { left });
        if qty <= Decimal::ZERO {
            return Err(Refusal::parameter("qty must be > 0"));
        }
        if self.readings.carries() && qty <= order.filled_qty {
            return Err(Refusal::unprocessable("qty must be > filled_qty"));
        }
        if changes.qty.is_some_and(|qty| !qty.fract().is_zero()) && left.fract().is_zero() {
            return Err(Refusal::parameter("qty must be integer"));
        }
        let (limit, stop) =
            (order.limit_price.is_some(), order.stop_price.is_some() && order.order_type != OrderType::TrailingStop);
        if changes.limit_price.is_some() && !limit {
            return Err(Refusal::parameter(format!("{} orders must not have limit price", order.order_type)));
        }
        if changes.stop_price.is_some() && !stop {
            return Err(Refusal::parameter(format!("{} orders must not have stop price", order.order_type)));
        }
        let stated = [changes.limit_price, changes.stop_price, changes.trail];
        if stated.into_iter().flatten().any(|price| price <= Decimal::ZERO) {
            return Err(Refusal::parameter("prices must be > 0"));
        }
        Ok(NewOrder {
            symbol: order.symbol.to_owned(),
            qty: Some(qty),
            notional: None,
            side: Some(order.side),
            order_type: order.order_type,
            time_in_force: changes.time_in_force.unwrap_or(order.time_in_force),
            limit_price: changes.limit_price.or(order.limit_price),
            stop_price: changes.stop_price.or(order.stop_price),
            trail_price: order.trail_price.map(|trail| changes.trail.unwrap_or(trail)),
            trail_percent: order.trail_percent.map(|trail| changes.trail.unwrap_or(trail)),
            extended_hours: order.extended_hours,
            client_order_id: changes.client_order_id.clone(),
            order_class: order.order_class,
            take_profit: None,
            stop_loss: None,
            legs: Vec::new(),
            position_intent: None,
            source: order.source,
        })
    }

    /// The replacement may use the old order's hold, and more if available.
    fn check_replacement(&self, no: AccountNo, old: Ix, admitted: &Admitted) -> Result<(), Refusal> {
        let account = self.need_account(no)?;
        let before = self.slot(old);
        let Admitted { sym, intent, hold_price, hold_qty, .. } = *admitted;
        let asset = self.market.asset(sym);
        if intent.opens() {
            let cost_basis = hold_price * hold_qty * asset.multiplier;
            let rate = account.margin_rate(&self.market, sym);
            let balances = account.balances(&self.market);
            let freed = before.held_margin.checked_div(rate).unwrap_or_default();
            let available =
                freed + if asset.marginable { balances.buying_power } else { balances.non_marginable_buying_power };
            if cost_basis > available {
                return Err(Refusal::buying_power(available.normalize(), cost_basis.normalize()));
            }
        } else if before.held_qty > Decimal::ZERO {
            let existing = account.position_qty(sym).abs();
            let held = account.held_qty(sym) - before.held_qty;
            if hold_qty > existing - held {
                return Err(Refusal::quantity(asset.symbol, hold_qty, existing, held, &[]));
            }
        }
        Ok(())
    }

    fn place_entry(&mut self, account: AccountNo, new: &NewOrder, admitted: &Admitted, at: Timestamp) -> Ix {
        let mut entry = self.plain(account, new, admitted, at);
        let group = self.ids.uuid();
        (entry.order.group_id, entry.order.group_role) = (Some(group), Some(GroupRole::Entry));
        let (parent, entry) = (entry.order.id, self.push(entry));
        let mut legs = Vec::new();
        if let Some(limit) = new.take_profit {
            legs.push(self.leg(entry, parent, GroupRole::TakeProfit, (Some(limit), None)));
        }
        if let Some(stop) = new.stop_loss {
            legs.push(self.leg(entry, parent, GroupRole::StopLoss, (stop.limit_price, stop.stop_price)));
        }
        if let [profit, protective] = legs.as_slice() {
            self.slot_mut(*profit).sibling = Some(*protective);
            self.slot_mut(*protective).sibling = Some(*profit);
        }
        let ids = legs.iter().map(|leg| self.slot(*leg).order.id).collect();
        self.slot_mut(entry).order.legs = ids;
        self.slot_mut(entry).legs = legs;
        entry
    }

    fn place_oco(&mut self, account: AccountNo, new: &NewOrder, admitted: &Admitted, at: Timestamp) -> Ix {
        let mut profit = self.plain(account, new, admitted, at);
        profit.order.limit_price = new.take_profit.or(new.limit_price);
        (profit.order.group_id, profit.order.group_role) = (Some(self.ids.uuid()), Some(GroupRole::TakeProfit));
        let (parent, profit) = (profit.order.id, self.push(profit));
        let stop = new.stop_loss.unwrap_or_default();
        let protective = self.leg(profit, parent, GroupRole::StopLoss, (stop.limit_price, stop.stop_price));
        let id = self.slot(protective).order.id;
        self.slot_mut(profit).order.legs = vec![id];
        self.slot_mut(profit).sibling = Some(protective);
        self.slot_mut(protective).sibling = Some(profit);
        profit
    }

    /// A held leg of `parent`: on the same side for an OCO's stop, on the other side for the exits of an entry.
    fn leg(
        &mut self,
        parent: Ix,
        parent_id: OrderId,
        role: GroupRole,
        (limit, stop): (Option<Decimal>, Option<Decimal>),
    ) -> Ix {
        let (id, client) = (self.ids.uuid(), self.ids.uuid());
        let before = self.slot(parent);
        let mut slot = before.clone();
        (slot.sibling, slot.legs, slot.held_margin, slot.held_qty) = (None, Vec::new(), Decimal::ZERO, Decimal::ZERO);
        let order = &mut slot.order;
        order.id = id;
        order.client_order_id = Arc::from(client.to_string());
        order.legs = Vec::new();
        order.parent = Some(parent_id);
        order.group_role = Some(role);
        if before.order.group_role == Some(GroupRole::Entry) {
            order.side = before.order.side.opposite();
            order.position_intent = match order.side {
                Side::Buy => super::PositionIntent::BuyToClose,
                Side::Sell => super::PositionIntent::SellToClose,
            };
        }
        order.order_type = match (limit, stop) {
            (Some(_), Some(_)) => OrderType::StopLimit,
            (None, Some(_)) => OrderType::Stop,
            _ => OrderType::Limit,
        };
        (order.limit_price, order.stop_price) = (limit, stop);
        order.status = Status::Held;
        let request = NewOrder {
            stop_price: stop,
            limit_price: limit,
            order_type: order.order_type,
            ..NewOrder::market("", order.side, Decimal::ONE)
        };
        let (sym, side, intent) = (slot.sym, order.side, order.position_intent);
        slot.hold_price = self.hold_price(sym, side, intent, &request);
        self.push(slot)
    }

    /// The order for a request, without its group.
    pub(super) fn plain(&mut self, account: AccountNo, new: &NewOrder, admitted: &Admitted, at: Timestamp) -> Slot {
        let id = self.ids.uuid();
        let client = match &new.client_order_id {
            Some(id) => Arc::from(id.as_str()),
            None => Arc::from(self.ids.uuid().to_string()),
        };
        let asset = self.market.asset(admitted.sym);
        let (sym, symbol, asset_id, class) = (admitted.sym, asset.symbol, asset.id, asset.class);
        let order = Order {
            id,
            client_order_id: client,
            created_at: at,
            updated_at: at,
            submitted_at: at,
            filled_at: None,
            expired_at: None,
            expires_at: None,
            cancel_requested_at: None,
            canceled_at: None,
            failed_at: None,
            replaced_at: None,
            replaced_by: None,
            replaces: None,
            asset_id,
            symbol,
            asset_class: Some(class),
            notional: new.notional,
            qty: new.qty,
            filled_qty: Decimal::ZERO,
            filled_avg_price: None,
            order_class: new.order_class,
            order_type: new.order_type,
            side: admitted.side,
            position_intent: admitted.intent,
            time_in_force: new.time_in_force,
            limit_price: new.limit_price,
            stop_price: new.stop_price,
            trail_percent: new.trail_percent,
            trail_price: new.trail_price,
            hwm: None,
            status: Status::PendingNew,
            extended_hours: new.extended_hours,
            group_id: None,
            group_role: None,
            parent: None,
            legs: Vec::new(),
            ratio_qty: None,
            source: new.source,
        };
        let mut slot = Slot {
            order,
            account,
            sym,
            value: Decimal::ZERO,
            hold_price: admitted.hold_price,
            held_margin: Decimal::ZERO,
            held_qty: Decimal::ZERO,
            booked: None,
            live: false,
            triggered: false,
            shadows: None,
            filled_before: Decimal::ZERO,
            carries: false,
            successor: None,
            sibling: None,
            legs: Vec::new(),
            drawn: false,
        };
        slot.order.expires_at = Some(self.expiry(sym, new.time_in_force, new.extended_hours));
        if new.order_type == OrderType::TrailingStop {
            let last = self.market.get(sym).last.price;
            slot.order.hwm = Some(last);
            slot.order.stop_price =
                Some(super::matching::trailing_stop(&slot.order, last, self.market.asset(sym).price_step));
        }
        slot
    }

    /// When an order placed now expires.
    fn expiry(&self, sym: Sym, tif: TimeInForce, extended_hours: bool) -> Timestamp {
        let day = match self.closing {
            today if extended_hours && self.session.post_at > self.now => {
                if self.session.date < today.date {
                    self.session
                } else {
                    today
                }
            }
            session => session,
        };
        match tif {
            TimeInForce::Gtc => self.now.checked_add(SignedDuration::from_hours(GTC_HOURS)).unwrap_or(day.close_at),
            TimeInForce::Ioc | TimeInForce::Fok if self.market.asset(sym).class == super::AssetClass::Crypto => {
                self.now.checked_add(SignedDuration::from_hours(24)).unwrap_or(day.close_at)
            }
            TimeInForce::Day if extended_hours => day.post_at,
            _ => day.close_at,
        }
    }

    pub(super) fn push(&mut self, slot: Slot) -> Ix {
        let ix = Ix(u32::try_from(self.slots.len()).unwrap_or(u32::MAX));
        self.by_id.insert(slot.order.id, ix);
        if let Some(known) = self.by_client.get_mut(usize::from(slot.account.0)) {
            known.insert(Arc::clone(&slot.order.client_order_id), ix);
        }
        self.slots.push(slot);
        self.account_of_mut(ix).orders.push(ix);
        self.account_of_mut(ix).open.insert(ix);
        ix
    }

    /// Registers an order's expiry, hold and interest.
    pub(super) fn enlist(&mut self, ix: Ix) {
        // The closing auction itself cancels the orders that it cannot fill.
        let order = &self.slot(ix).order;
        if let Some(at) = order.expires_at.filter(|_| order.time_in_force != TimeInForce::Cls) {
            self.expiries.insert((at, ix));
        }
        self.rehold(ix);
        let slot = self.slot(ix);
        // A waiting leg has no effect on other orders.
        if slot.order.status == Status::Held {
            return;
        }
        let (sym, side) = (slot.sym, slot.order.side);
        let simple = slot.order.order_class == OrderClass::Simple;
        let (opens, price) = (slot.order.position_intent.opens(), slot.order.limit_price.map(key));
        let is_limit = slot.order.order_type == OrderType::Limit;
        let interest = self.account_of_mut(ix).interest.entry((sym, side)).or_default();
        if opens {
            interest.opening.insert(ix);
        } else {
            interest.closing.insert(ix);
        }
        match price {
            Some(price) if simple && is_limit => {
                interest.limits.insert((price, ix));
            }
            _ if simple => {
                interest.others.insert(ix);
            }
            _ => {}
        }
    }

    /// Routes a new order: to the venue if it can work now, or else to wait.
    fn arrive(&mut self, ix: Ix, at: Timestamp) {
        self.enlist(ix);
        for leg in self.slot(ix).legs.clone() {
            self.enlist(leg);
        }
        if let Some(sibling) = self.slot(ix).sibling {
            self.enlist(sibling);
        }
        let slot = self.slot(ix);
        let (sym, extended) = (slot.sym, slot.order.extended_hours);
        match slot.order.time_in_force {
            TimeInForce::Cls => {
                self.at_close.insert(ix);
            }
            TimeInForce::Opg => {
                self.waiting.insert(ix);
            }
            _ if self.can_trade(sym, extended) => {
                self.emit(ix, EventKind::PendingNew, at, None, None);
                self.soon(Task::Activate(ix), 2_500, 14_000);
                return;
            }
            _ => {
                self.waiting.insert(ix);
            }
        }
        self.slot_mut(ix).order.status = Status::Accepted;
        self.emit(ix, EventKind::Accepted, at, None, None);
    }

    pub(super) fn find_order(&self, account: AccountNo, id: Uuid) -> Result<Ix, Refusal> {
        let ix = self.by_id.get(&id).copied().ok_or_else(|| Refusal::no_order(id))?;
        if self.slot(ix).account == account { Ok(ix) } else { Err(Refusal::no_order(id)) }
    }
}
