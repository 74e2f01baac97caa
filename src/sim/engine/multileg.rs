//! Multi-leg option orders, whose legs trade together or not at all (docs/ALPACA.md 5.7). The parent has a net price,
//! positive for a debit and negative for a credit; the legs have the executions. Legs cannot be changed or canceled
//! alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use rust_decimal::Decimal;
use uuid::Uuid;

use super::admit::Admitted;
use super::event::LegReport;
use super::order::{AccountNo, NewLeg, NewOrder, Order, OrderId};
use super::schedule::Task;
use super::slot::{Ix, Slot};
use super::{Account, Engine, Refusal};
use crate::sim::market::Sym;
use crate::sim::words::{AssetClass, EventKind, OrderType, PositionIntent, Side, Status, TimeInForce};

/// A valid leg.
#[derive(Debug, Clone, Copy)]
struct Leg {
    sym: Sym,
    side: Side,
    ratio: Decimal,
    intent: PositionIntent,
}

impl Leg {
    /// Contracts per unit: positive for a buy.
    fn signed(&self) -> Decimal {
        if self.side == Side::Buy { self.ratio } else { -self.ratio }
    }
}

impl Engine {
    /// Accepts a multi-leg order, or refuses it and changes nothing.
    pub(super) fn place_multileg(&mut self, no: AccountNo, new: &NewOrder) -> Result<Order, Refusal> {
        let (legs, qty) = self.admit_multileg(no, new)?;
        let at_most = self.most_to_lose(&legs, new.limit_price)?;
        let balances = self.need_account(no)?.balances(&self.market);
        let (needed, available) = (at_most * qty * Decimal::ONE_HUNDRED, balances.non_marginable_buying_power);
        if needed > available {
            return Err(Refusal::buying_power(available, needed.normalize()));
        }
        let at = self.stamp();
        let Some(first) = legs.first().copied() else { return Err(wrong_number()) };
        let (sym, side) =
            (first.sym, if new.limit_price.is_some_and(|px| px < Decimal::ZERO) { Side::Sell } else { Side::Buy });
        let admitted = Admitted { sym, side, intent: PositionIntent::BuyToOpen, hold_price: at_most, hold_qty: qty };
        let mut parent = self.plain(no, new, &admitted, at);
        (parent.order.symbol, parent.order.asset_id, parent.order.asset_class) = ("", Uuid::nil(), None);
        let parent_id = parent.order.id;
        let parent = self.push(parent);
        let children: Vec<Ix> = legs.iter().map(|leg| self.push_leg(parent, parent_id, leg, qty)).collect();
        self.slot_mut(parent).order.legs =
            children.iter().map(|leg| self.slot(*leg).order.id).collect::<Vec<OrderId>>();
        self.slot_mut(parent).legs.clone_from(&children);
        for ix in children {
            self.rehold(ix);
        }
        self.rehold(parent);
        if let Some(expires_at) = self.slot(parent).order.expires_at {
            self.expiries.insert((expires_at, parent));
        }
        if self.can_trade(sym, false) {
            self.emit(parent, EventKind::PendingNew, at, None, None);
            self.soon(Task::Activate(parent), 2_500, 14_000);
        } else {
            self.waiting.insert(parent);
            self.slot_mut(parent).order.status = Status::Accepted;
            self.emit(parent, EventKind::Accepted, at, None, None);
        }
        Ok(self.slot(parent).order.clone())
    }

    fn admit_multileg(&self, no: AccountNo, new: &NewOrder) -> Result<(Vec<Leg>, Decimal), Refusal> {
        let account = self.need_account(no)?;
        if !(2..=4).contains(&new.legs.len()) {
            return Err(wrong_number());
        }
        let qty = new.qty.ok_or_else(|| Refusal::parameter("qty is required"))?;
        if new.notional.is_some() {
            return Err(Refusal::parameter("only one of qty or notional is accepted"));
        }
        if qty <= Decimal::ZERO || !qty.fract().is_zero() {
            return Err(Refusal::parameter("qty must be integer"));
        }
        match (new.order_type, new.limit_price) {
            (OrderType::Market, Some(_)) => return Err(Refusal::parameter("market orders must not have limit price")),
            (OrderType::Limit, None) => return Err(Refusal::parameter("limit orders require a limit price")),
            (OrderType::Limit, Some(price)) if price.normalize().scale() > 2 => {
                return Err(Refusal::sub_penny("limit_price", price));
            }
            (OrderType::Market, None) | (OrderType::Limit, Some(_)) => {}
            _ => return Err(Refusal::unprocessable("mleg orders must be market or limit orders")),
        }
        let gtc = new.time_in_force == TimeInForce::Gtc && self.readings.mleg_gtc();
        if new.time_in_force != TimeInForce::Day && !gtc {
            return Err(Refusal::unprocessable("order_time_in_force not supported for options trading"));
        }
        if new.extended_hours {
            return Err(Refusal::unprocessable("extended hours order must be DAY or GTC limit orders"));
        }
        self.check_client_id(no, new.client_order_id.as_deref())?;
        if account.configurations.suspend_trade {
            return Err(Refusal::forbidden("new orders are rejected by user request"));
        }
        let legs =
            new.legs.iter().map(|leg| self.admit_leg(account, leg, qty)).collect::<Result<Vec<Leg>, Refusal>>()?;
        if account.configurations.max_options_trading_level < 3 {
            return Err(Refusal::forbidden("account not eligible to trade multi-leg option orders"));
        }
        let syms: BTreeSet<Sym> = legs.iter().map(|leg| leg.sym).collect();
        if syms.len() < legs.len() {
            return Err(Refusal::unprocessable("mleg orders must not have a contract in two legs"));
        }
        let underlyings: BTreeSet<_> = syms
            .iter()
            .filter_map(|sym| self.market.asset(*sym).contract.map(|contract| contract.underlying))
            .collect();
        if underlyings.len() > 1 {
            return Err(Refusal::unprocessable("mleg orders must have the same underlying in all legs"));
        }
        if legs.iter().fold(Decimal::ZERO, |divisor, leg| common_divisor(leg.ratio, divisor)) > Decimal::ONE {
            return Err(Refusal::unprocessable("mleg leg ratio quantities must be relatively prime"));
        }
        Ok((legs, qty))
    }

    fn admit_leg(&self, account: &Account, leg: &NewLeg, units: Decimal) -> Result<Leg, Refusal> {
        let sym = self.market.find(&leg.symbol).ok_or_else(|| Refusal::no_asset(&leg.symbol))?;
        let asset = self.market.asset(sym);
        if asset.class != AssetClass::UsOption {
            return Err(Refusal::unprocessable("mleg orders must have option contracts as legs"));
        }
        if self.market.get(sym).expired {
            return Err(Refusal::unprocessable(format!("asset \"{}\" is not active", asset.symbol)));
        }
        let (ratio, side) = (leg.ratio_qty, leg.side);
        if ratio <= Decimal::ZERO || !ratio.fract().is_zero() {
            return Err(Refusal::parameter("legs.ratio_qty must be integer"));
        }
        let position = account.position_qty(sym);
        let intent = match side {
            Side::Buy if position < Decimal::ZERO => PositionIntent::BuyToClose,
            Side::Buy => PositionIntent::BuyToOpen,
            Side::Sell if position > Decimal::ZERO => PositionIntent::SellToClose,
            Side::Sell => PositionIntent::SellToOpen,
        };
        if let Some(said) = leg.position_intent.filter(|said| *said != intent) {
            return Err(Refusal::unprocessable(format!(
                "position intent mismatch, inferred: {intent}, specified: {said}"
            )));
        }
        let (existing, held, qty) = (position.abs(), account.held_qty(sym), ratio * units);
        if !intent.opens() && qty > existing - held {
            return Err(Refusal::quantity(asset.symbol, qty, existing, held, &[]));
        }
        Ok(Leg { sym, side, ratio, intent })
    }

    /// The largest loss of one unit per share, price included: the value of the legs it opens at expiry, at each strike
    /// and below all of them. The loss must not grow above the highest strike.
    fn most_to_lose(&self, legs: &[Leg], limit: Option<Decimal>) -> Result<Decimal, Refusal> {
        let price = limit.unwrap_or_else(|| self.net(legs.iter().map(|leg| (leg.sym, leg.signed()))));
        let opened: Vec<_> = legs
            .iter()
            .filter(|leg| leg.intent.opens())
            .filter_map(|leg| self.market.asset(leg.sym).contract.map(|contract| (contract, leg.signed())))
            .collect();
        let above: Decimal = opened.iter().filter(|(contract, _)| contract.is_call).map(|(_, ratio)| *ratio).sum();
        if above < Decimal::ZERO {
            return Err(Refusal::forbidden("account not eligible to trade uncovered option contracts"));
        }
        let worth = |spot: Decimal| -> Decimal {
            let of = |(contract, ratio): &(crate::sim::market::option::Contract, Decimal)| {
                let beyond = if contract.is_call { spot - contract.strike } else { contract.strike - spot };
                beyond.max(Decimal::ZERO) * *ratio
            };
            opened.iter().map(of).sum()
        };
        let least = opened.iter().map(|(contract, _)| contract.strike).chain([Decimal::ZERO]).map(worth).min();
        Ok((price - least.unwrap_or_default()).max(Decimal::ZERO))
    }

    /// The price of a unit at the best quotes.
    fn net(&self, legs: impl Iterator<Item = (Sym, Decimal)>) -> Decimal {
        legs.map(|(sym, ratio)| {
            let quote = self.market.get(sym).quote;
            ratio * if ratio.is_sign_positive() { quote.ask } else { quote.bid }
        })
        .sum()
    }

    fn push_leg(&mut self, parent: Ix, parent_id: OrderId, leg: &Leg, units: Decimal) -> Ix {
        let (id, client) = (self.ids.uuid(), self.ids.uuid());
        let asset = self.market.asset(leg.sym);
        let (symbol, asset_id, class) = (asset.symbol, asset.id, asset.class);
        let mut slot: Slot = self.slot(parent).clone();
        // The parent holds the largest loss of the whole; a leg only holds the contracts that it closes.
        (slot.sym, slot.hold_price, slot.legs) = (leg.sym, Decimal::ZERO, Vec::new());
        let order = &mut slot.order;
        (order.id, order.client_order_id) = (id, Arc::from(client.to_string()));
        (order.symbol, order.asset_id, order.asset_class) = (symbol, asset_id, Some(class));
        (order.side, order.position_intent) = (leg.side, leg.intent);
        (order.qty, order.ratio_qty) = (Some((leg.ratio * units).normalize()), Some(leg.ratio.normalize()));
        (order.limit_price, order.parent) = (None, Some(parent_id));
        self.push(slot)
    }

    /// Whether it is the parent of a multi-leg order.
    pub(super) fn is_multileg(&self, ix: Ix) -> bool {
        self.slot(ix).order.asset_class.is_none()
    }

    /// Refuses a change of a single leg.
    pub(super) fn check_whole(&self, ix: Ix) -> Result<(), Refusal> {
        match self.slot(ix).order.ratio_qty {
            Some(_) => Err(Refusal::unprocessable("a leg of a multi-leg order cannot be changed on its own")),
            None => Ok(()),
        }
    }

    /// Fills every working multi-leg order whose legs can all trade at its price.
    pub(super) fn match_multilegs(&mut self) {
        for ix in self.multilegs.iter().copied().collect::<Vec<_>>() {
            self.try_multileg(ix);
        }
    }

    /// Handles a multi-leg order that has just become working.
    pub(super) fn enter_multileg(&mut self, ix: Ix) {
        self.multilegs.insert(ix);
        self.try_multileg(ix);
    }

    fn try_multileg(&mut self, ix: Ix) {
        let slot = self.slot(ix);
        let allowed = slot.order.limit_price.is_none_or(|limit| self.net_of(ix) <= limit);
        let displayed = slot.legs.iter().all(|leg| {
            let leg = self.slot(*leg);
            let quote = self.market.get(leg.sym).quote;
            let size = if leg.order.side == Side::Buy { quote.ask_size } else { quote.bid_size };
            self.can_trade(leg.sym, false) && size > Decimal::ZERO
        });
        if allowed && displayed {
            self.fill_multileg(ix);
        }
    }

    fn net_of(&self, ix: Ix) -> Decimal {
        self.net(self.slot(ix).legs.iter().map(|leg| {
            let leg = self.slot(*leg);
            let ratio = leg.order.ratio_qty.unwrap_or(Decimal::ONE);
            (leg.sym, if leg.order.side == Side::Buy { ratio } else { -ratio })
        }))
    }

    /// Executes every leg at the best quotes, reported as one event.
    pub(super) fn fill_multileg(&mut self, ix: Ix) {
        let net = self.net_of(ix).normalize();
        let mut reports = Vec::new();
        for leg in self.slot(ix).legs.clone() {
            let slot = self.slot(leg);
            let quote = self.market.get(slot.sym).quote;
            let (qty, price) =
                (slot.order.leaves_qty(), if slot.order.side == Side::Buy { quote.ask } else { quote.bid });
            let done = self.trade(leg, qty, price);
            let order = &self.slot(leg).order;
            reports.push(LegReport {
                execution_id: done.report.execution_id,
                order_id: order.id,
                symbol: order.symbol,
                qty: done.report.qty,
                price,
                position_qty: done.report.position_qty,
                at: done.at,
                settle_date: done.report.settle_date,
            });
            self.emit_leg(leg, done.at, done.report);
        }
        let at = self.stamp();
        let order = &mut self.slot_mut(ix).order;
        order.filled_qty = order.qty.unwrap_or_default();
        (order.filled_avg_price, order.filled_at, order.status) = (Some(net), Some(at), Status::Filled);
        self.finish(ix);
        self.emit_multileg(ix, at, reports);
    }

    /// Gives the legs their parent's status.
    pub(super) fn mirror(&mut self, ix: Ix) {
        let whole = self.slot(ix).order.clone();
        for leg in self.slot(ix).legs.clone() {
            let was_open = self.slot(leg).is_open();
            let order = &mut self.slot_mut(leg).order;
            if !was_open {
                continue;
            }
            (order.status, order.updated_at) = (whole.status, whole.updated_at);
            (order.canceled_at, order.expired_at) = (whole.canceled_at, whole.expired_at);
            (order.failed_at, order.cancel_requested_at) = (whole.failed_at, whole.cancel_requested_at);
            if whole.status.is_terminal() {
                self.finish(leg);
            }
        }
    }
}

fn wrong_number() -> Refusal {
    Refusal::unprocessable("mleg orders must have between 2 and 4 legs")
}

fn common_divisor(mut a: Decimal, mut b: Decimal) -> Decimal {
    while !b.is_zero() {
        (a, b) = (b, a % b);
    }
    a
}
