//! Control by tests: fills, rejections, busts, halts and prices on demand. All of it is booked normally, so the books
//! stay exact.

use rust_decimal::Decimal;
use uuid::Uuid;

use super::account::{Account, Configurations};
use super::event::{BookingStatus, Report, Restated};
use super::order::{AccountNo, OrderId};
use super::slot::Ix;
use super::{ActivityOf, Engine, Refusal, bounds};
use crate::sim::calendar;
use crate::sim::words::{AssetClass, EventKind, Side, Status};

impl Engine {
    /// Fills an open order by hand: all that is left unless `qty` is given, at the last price unless `price` is given.
    /// Without a price it never trades beyond the order's limit. Filling a replacement makes the venue accept it first.
    pub fn force_fill(
        &mut self,
        no: AccountNo,
        id: OrderId,
        qty: Option<Decimal>,
        price: Option<Decimal>,
    ) -> Result<(), Refusal> {
        let ix = self.need_open(no, id)?;
        if self.is_multileg(ix) {
            if !self.slot(ix).live {
                self.accept_by_hand(ix);
            }
            self.fill_multileg(ix);
            return Ok(());
        }
        if self.slot(ix).shadows.is_some() {
            self.answer_replace(ix);
            let status = self.slot(ix).order.status;
            if status.is_terminal() {
                return Err(Refusal::already(status));
            }
        }
        let slot = self.slot(ix);
        let last = self.market.get(slot.sym).last.price;
        let allowed = match (slot.order.side, slot.binding_limit()) {
            (_, None) => last,
            (Side::Buy, Some(limit)) => last.min(limit),
            (Side::Sell, Some(limit)) => last.max(limit),
        };
        let price = price.unwrap_or(allowed);
        bounds::price("price", price)?;
        if !self.slot(ix).live {
            self.accept_by_hand(ix);
        }
        let order = &self.slot(ix).order;
        let left = match (order.qty, order.notional) {
            (Some(ordered), _) => ordered - order.filled_qty,
            (None, notional) => notional.unwrap_or_default().checked_div(price).unwrap_or_default().round_dp(9),
        };
        let qty = qty.unwrap_or(left).min(left);
        bounds::quantity("qty", qty)?;
        self.execute(ix, qty, price);
        if self.slot(ix).is_open() && self.slot(ix).booked.is_none() {
            self.enter(ix);
        }
        Ok(())
    }

    /// The venue rejects an order after receiving it.
    pub fn force_reject(&mut self, no: AccountNo, id: OrderId, reason: &str) -> Result<(), Refusal> {
        let ix = self.need_open(no, id)?;
        self.end(ix, Status::Rejected, Some(reason));
        Ok(())
    }

    /// Expires an order.
    pub fn force_expire(&mut self, no: AccountNo, id: OrderId) -> Result<(), Refusal> {
        let ix = self.need_open(no, id)?;
        self.end(ix, Status::Expired, None);
        Ok(())
    }

    /// Cancels an order at once, as if its owner had.
    pub fn force_cancel(&mut self, no: AccountNo, id: OrderId) -> Result<(), Refusal> {
        let ix = self.need_open(no, id)?;
        self.end(ix, Status::Canceled, None);
        Ok(())
    }

    /// Reports one of the rare events that only change an open order's status.
    pub fn force_event(&mut self, no: AccountNo, id: OrderId, event: EventKind) -> Result<(), Refusal> {
        let ix = self.need_open(no, id)?;
        let status = match event {
            EventKind::DoneForDay => Some(Status::DoneForDay),
            EventKind::Stopped => Some(Status::Stopped),
            EventKind::Suspended => Some(Status::Suspended),
            EventKind::Calculated => Some(Status::Calculated),
            EventKind::New => Some(Status::New),
            EventKind::Restated | EventKind::OrderCancelRejected | EventKind::OrderReplaceRejected => None,
            other => return Err(Refusal::parameter(format!("{other} needs more than a change of status"))),
        };
        let at = self.stamp();
        if let Some(status) = status {
            self.slot_mut(ix).order.status = status;
        }
        self.emit(ix, event, at, None, None);
        Ok(())
    }

    /// Busts an execution: executed quantity, cash and position are as if it had not happened.
    pub fn bust(&mut self, execution: Uuid) -> Result<(), Refusal> {
        self.restate(execution, None, None, EventKind::TradeBust)
    }

    /// Corrects an execution's price, quantity or both.
    pub fn correct(&mut self, execution: Uuid, price: Option<Decimal>, qty: Option<Decimal>) -> Result<(), Refusal> {
        price.map_or(Ok(()), |price| bounds::price("price", price))?;
        qty.map_or(Ok(()), |qty| bounds::quantity("qty", qty))?;
        self.restate(execution, price, qty, EventKind::TradeCorrect)
    }

    /// Halts or resumes trading in an asset.
    pub fn halt(&mut self, symbol: &str, halted: bool) -> Result<(), Refusal> {
        let sym = self.market.find(symbol).ok_or_else(|| Refusal::no_asset(symbol))?;
        self.market.halt(sym, halted, self.now);
        if !halted {
            self.wake_waiting();
        }
        Ok(())
    }

    /// Sets an asset's price; quote, print, stops and resting orders follow.
    pub fn set_price(&mut self, symbol: &str, price: Decimal) -> Result<(), Refusal> {
        let sym = self.market.find(symbol).ok_or_else(|| Refusal::no_asset(symbol))?;
        bounds::price("price", price)?;
        self.market.set_price(sym, price, self.now);
        self.match_asset(sym);
        Ok(())
    }

    /// Replaces an account by a new one with another id and number, without history or orders.
    pub fn reset_account(&mut self, no: AccountNo, cash: Option<Decimal>) -> Result<&Account, Refusal> {
        let old = self.need_account(no)?;
        let (kind, orders) = (old.kind, old.orders.clone());
        let cash = cash.unwrap_or(old.opening_cash);
        bounds::money("cash", cash)?;
        if cash.is_sign_negative() && !cash.is_zero() {
            return Err(Refusal::parameter("cash must not be below zero: a new account owes nothing"));
        }
        for ix in orders {
            if self.slot(ix).is_open() {
                self.slot_mut(ix).order.status = Status::Canceled;
                self.finish(ix);
            }
            let id = self.slot(ix).order.id;
            self.by_id.remove(&id);
        }
        if let Some(known) = self.by_client.get_mut(usize::from(no.0)) {
            known.clear();
        }
        self.by_execution.retain(|_, (owner, _)| *owner != no);
        self.resets += 1;
        let number = match kind {
            super::Kind::Paper => format!("PA3SIM{:04}", 1000 + self.resets),
            super::Kind::Live => format!("84027{:04}", 1000 + self.resets),
        };
        let day = calendar::previous_trading_day(calendar::in_new_york(self.now).date());
        let account = Account::new(no, self.ids.uuid(), number, kind, cash, self.now, day);
        if let Some(place) = self.accounts.get_mut(usize::from(no.0)) {
            *place = account;
        }
        self.tell_opening(usize::from(no.0));
        self.need_account(no)
    }

    /// Changes the owner's settings.
    pub fn set_configurations(
        &mut self,
        no: AccountNo,
        configurations: Configurations,
    ) -> Result<&Configurations, Refusal> {
        if !matches!(configurations.max_margin_multiplier, 1 | 2 | 4) {
            return Err(Refusal::parameter("max_margin_multiplier must be one of 1, 2, 4"));
        }
        if configurations.max_options_trading_level > 3 {
            return Err(Refusal::parameter("max_options_trading_level must be between 0 and 3"));
        }
        let open: Vec<Ix> = self.need_account(no)?.open.iter().copied().collect();
        if let Some(account) = self.accounts.get_mut(usize::from(no.0)) {
            account.configurations = configurations;
        }
        // Holds depend on the multiplier.
        for ix in open {
            self.rehold(ix);
        }
        Ok(&self.need_account(no)?.configurations)
    }

    fn need_open(&self, no: AccountNo, id: OrderId) -> Result<Ix, Refusal> {
        let ix = self.find_order(no, id)?;
        self.check_whole(ix)?;
        let status = self.slot(ix).order.status;
        if status.is_terminal() { Err(Refusal::already(status)) } else { Ok(ix) }
    }

    fn accept_by_hand(&mut self, ix: Ix) {
        self.waiting.remove(&ix);
        self.at_close.remove(&ix);
        if self.slot(ix).order.status == Status::Held {
            self.slot_mut(ix).order.status = Status::PendingNew;
            self.enlist(ix);
        }
        let at = self.stamp();
        let slot = self.slot_mut(ix);
        (slot.live, slot.order.status) = (true, Status::New);
        self.emit(ix, EventKind::New, at, None, None);
    }

    /// The order and its later replacements that carry its executed quantity.
    fn counting(&self, first: Ix) -> Vec<Ix> {
        let next = |ix: &Ix| {
            let slot = self.slot(*ix);
            let by_id = slot.order.replaced_by.and_then(|id| self.by_id.get(&id).copied());
            by_id.or(slot.successor).filter(|next| self.slot(*next).carries)
        };
        std::iter::successors(Some(first), next).collect()
    }

    fn restate(
        &mut self,
        id: Uuid,
        price: Option<Decimal>,
        qty: Option<Decimal>,
        event: EventKind,
    ) -> Result<(), Refusal> {
        let unknown = || Refusal::not_found(format!("execution not found for {id}"));
        let (no, row) = self.by_execution.get(&id).copied().ok_or_else(unknown)?;
        let new_id = self.ids.uuid();
        let account = self.accounts.get_mut(usize::from(no.0)).ok_or_else(unknown)?;
        let execution = account.executions.get_mut(row as usize).ok_or_else(unknown)?;
        if execution.restated == Some(Restated::Busted) {
            return Err(Refusal::unprocessable("execution is already busted"));
        }
        let bust = event == EventKind::TradeBust;
        let multiplier =
            self.market.find(execution.symbol).map_or(Decimal::ONE, |sym| self.market.asset(sym).multiplier);
        let before = execution.clone();
        let (old_qty, old_price) = (execution.qty, execution.price);
        let (order_id, activity, settle_date) = (execution.order_id, execution.activity, execution.settle_date);
        if bust {
            execution.restated = Some(Restated::Busted);
        } else {
            execution.restated = Some(Restated::Corrected);
            execution.qty = qty.unwrap_or(old_qty);
            execution.price = price.unwrap_or(old_price);
            let crypto = execution.symbol.contains('/');
            let class = if crypto { AssetClass::Crypto } else { AssetClass::UsEquity };
            (execution.fee_qty, execution.fee) =
                super::matching::fees(class, execution.side, execution.qty, execution.price);
        }
        let after = execution.clone();
        let net_amount = if bust { -before.net_amount(multiplier) } else { after.net_amount(multiplier) };
        let (new_qty, new_price) = if bust { (Decimal::ZERO, old_price) } else { (execution.qty, execution.price) };
        account.rebook(&self.market);
        let ix = self.by_id.get(&order_id).copied().ok_or_else(|| Refusal::no_order(order_id))?;
        for ix in self.counting(ix) {
            let slot = self.slot_mut(ix);
            slot.value += new_qty * new_price - old_qty * old_price;
            let (value, order) = (slot.value, &mut slot.order);
            order.filled_qty = (order.filled_qty + new_qty - old_qty).normalize();
            order.filled_avg_price = value.checked_div(order.filled_qty).map(|avg| avg.round_dp(9).normalize());
            if order.status == Status::PartiallyFilled && order.filled_qty.is_zero() {
                order.status = Status::New;
            }
            self.rehold(ix);
        }
        let slot = self.slot(ix);
        let (cum_qty, leaves_qty) = (slot.order.filled_qty, slot.order.leaves_qty());
        let sym = slot.sym;
        let at = self.stamp();
        let position_qty = self.account_of(ix).position_qty(sym).normalize();
        let report = Report {
            execution_id: new_id,
            previous_execution_id: Some(id),
            price: new_price,
            qty: if bust { -old_qty } else { new_qty },
            net_amount,
            position_qty,
            settle_date,
            cum_qty,
            leaves_qty,
            activity,
        };
        // A correction can be corrected again, under its new id as well.
        self.by_execution.insert(new_id, (no, row));
        self.emit(ix, event, at, Some(report), None);
        if after.symbol.contains('/') {
            let fee_id = super::matching::coin_fee_id;
            let standing = if bust { BookingStatus::Canceled } else { BookingStatus::Correct };
            let fee = if bust { before } else { after };
            self.tell(no, fee_id(new_id), Some((fee_id(id), standing)), at, ActivityOf::CoinFee(fee));
        }
        Ok(())
    }
}
