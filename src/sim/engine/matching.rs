//! Matching by price and time: the accounts' orders against the market's quote and last print.

use std::cmp::Reverse;
use std::ops::Bound::{Excluded, Unbounded};

use jiff::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};
use uuid::Uuid;

use super::account::Row;
use super::event::{Execution, Report};
use super::lifecycle::limit_allows;
use super::order::Order;
use super::slot::{Booked, Ix, key};
use super::{ActivityOf, Engine};
use crate::sim::market::Sym;
use crate::sim::words::{AssetClass, EventKind, OrderType, Side, Status, TimeInForce};

/// The crypto fee: a quarter of a percent.
const CRYPTO_FEE: Decimal = Decimal::from_parts(25, 0, 0, false, 4);

impl Engine {
    /// Handles a quote or print: moves trailing stops, triggers stops, matches resting orders.
    pub(super) fn match_asset(&mut self, sym: Sym) {
        self.trail(sym);
        self.trigger(sym);
        self.match_side(sym, Side::Buy);
        self.match_side(sym, Side::Sell);
    }

    /// Handles an order that has just become working: watches, matches or books it.
    pub(super) fn enter(&mut self, ix: Ix) {
        if self.is_multileg(ix) {
            self.enter_multileg(ix);
            return;
        }
        if self.slot(ix).waits_for_stop() {
            self.watch(ix);
            self.trigger(self.slot(ix).sym);
            return;
        }
        let slot = self.slot(ix);
        let (sym, side, tif) = (slot.sym, slot.order.side, slot.order.time_in_force);
        let (_, available) = self.touch(sym, side);
        let whole = slot.order.qty.is_none_or(|_| slot.order.leaves_qty() <= available);
        if tif != TimeInForce::Fok || whole {
            self.try_fill(ix);
        }
        if !self.slot(ix).is_open() {
            return;
        }
        if matches!(tif, TimeInForce::Ioc | TimeInForce::Fok) {
            self.end(ix, Status::Canceled, None);
            return;
        }
        let slot = self.slot(ix);
        let place = match (side, slot.binding_limit()) {
            (Side::Buy, Some(limit)) => Booked::Bid(key(limit)),
            (Side::Buy, None) => Booked::Bid(i64::MAX),
            (Side::Sell, Some(limit)) => Booked::Ask(key(limit)),
            (Side::Sell, None) => Booked::Ask(0),
        };
        self.book_at(ix, place);
    }

    /// Adds an order to those that wait for a stop price.
    pub(super) fn watch(&mut self, ix: Ix) {
        let slot = self.slot(ix);
        let Some(stop) = slot.order.stop_price.map(key) else { return };
        let place = match slot.order.side {
            Side::Buy => Booked::BuyStop(stop),
            Side::Sell => Booked::SellStop(stop),
        };
        self.book_at(ix, place);
        self.follow(ix, true);
    }

    fn book_at(&mut self, ix: Ix, place: Booked) {
        self.unbook(ix);
        let sym = self.slot(ix).sym;
        self.slot_mut(ix).booked = Some(place);
        self.book_mut(sym).insert(place, ix);
    }

    /// Removes an order from the books.
    pub(super) fn unbook(&mut self, ix: Ix) {
        let sym = self.slot(ix).sym;
        if let Some(place) = self.slot_mut(ix).booked.take() {
            self.book_mut(sym).remove(place, ix);
        }
        self.follow(ix, false);
    }

    /// Adds a trailing stop to those that follow the price, or removes it.
    fn follow(&mut self, ix: Ix, on: bool) {
        let slot = self.slot(ix);
        if slot.order.order_type != OrderType::TrailingStop {
            return;
        }
        let (sym, side) = (slot.sym, slot.order.side);
        let Some(mark) = slot.order.hwm.map(key) else { return };
        let book = self.book_mut(sym);
        match (side, on) {
            (Side::Sell, true) => book.trailing_sells.insert((mark, ix)),
            (Side::Sell, false) => book.trailing_sells.remove(&(mark, ix)),
            (Side::Buy, true) => book.trailing_buys.insert((Reverse(mark), ix)),
            (Side::Buy, false) => book.trailing_buys.remove(&(Reverse(mark), ix)),
        };
    }

    /// Moves the trailing stops that the last print has left behind.
    fn trail(&mut self, sym: Sym) {
        let (last, step) = (self.market.get(sym).last.price, self.market.asset(sym).price_step);
        let mark = key(last);
        loop {
            let book = self.book(sym);
            let sell = book.trailing_sells.first().filter(|(high, _)| *high < mark).map(|(_, ix)| *ix);
            let buy = book.trailing_buys.first().filter(|(low, _)| low.0 > mark).map(|(_, ix)| *ix);
            let Some(ix) = sell.or(buy) else { return };
            if !self.can_trade(sym, false) {
                return;
            }
            self.unbook(ix);
            let slot = self.slot_mut(ix);
            slot.order.hwm = Some(last);
            slot.order.stop_price = Some(trailing_stop(&slot.order, last, step));
            self.watch(ix);
        }
    }

    /// Triggers the stops that the last print has reached.
    fn trigger(&mut self, sym: Sym) {
        if !self.can_trade(sym, false) {
            return;
        }
        let last = key(self.market.get(sym).last.price);
        loop {
            let book = self.book(sym);
            let buy = book.buy_stops.first().filter(|(stop, _)| *stop <= last).map(|(_, ix)| *ix);
            let sell = book.sell_stops.first().filter(|(stop, _)| stop.0 >= last).map(|(_, ix)| *ix);
            let Some(ix) = buy.or(sell) else { return };
            self.unbook(ix);
            self.slot_mut(ix).triggered = true;
            if self.is_quiet(ix) {
                // Cancel the pair's other leg before this one may trade, so that never both do.
                if let Some(sibling) = self.slot_mut(ix).sibling.take() {
                    self.slot_mut(sibling).sibling = None;
                    if self.slot(sibling).is_open() {
                        self.end(sibling, Status::Canceled, None);
                    }
                }
                self.release(ix);
            } else {
                self.enter(ix);
            }
        }
    }

    /// Matches resting orders of one side, best price first, then oldest, until the displayed size is used up.
    fn match_side(&mut self, sym: Sym, side: Side) {
        let mut bid = None;
        let mut ask = None;
        loop {
            let (price, available) = self.touch(sym, side);
            if available.is_zero() {
                return;
            }
            let touch = key(price);
            let book = self.book(sym);
            let next = match side {
                Side::Buy => {
                    let from = bid.map_or(Unbounded, Excluded);
                    bid = book.bids.range((from, Unbounded)).next().copied().filter(|(limit, _)| limit.0 >= touch);
                    bid.map(|(_, ix)| ix)
                }
                Side::Sell => {
                    let from = ask.map_or(Unbounded, Excluded);
                    ask = book.asks.range((from, Unbounded)).next().copied().filter(|(limit, _)| *limit <= touch);
                    ask.map(|(_, ix)| ix)
                }
            };
            let Some(ix) = next else { return };
            self.try_fill(ix);
        }
    }

    /// The price and size displayed to an order of this side.
    fn touch(&self, sym: Sym, side: Side) -> (Decimal, Decimal) {
        let quote = self.market.get(sym).quote;
        match side {
            Side::Buy => (quote.ask, quote.ask_size),
            Side::Sell => (quote.bid, quote.bid_size),
        }
    }

    /// Executes an order as far as the quote allows.
    fn try_fill(&mut self, ix: Ix) {
        let slot = self.slot(ix);
        let (sym, side) = (slot.sym, slot.order.side);
        let (price, available) = self.touch(sym, side);
        if !self.can_trade(sym, slot.order.extended_hours)
            || available.is_zero()
            || !limit_allows(side, slot.binding_limit(), price)
        {
            return;
        }
        let Some(ordered) = slot.order.qty else {
            let notional = slot.order.notional.unwrap_or_default();
            let exact = notional.checked_div(price).unwrap_or_default();
            let qty = exact.round_dp_with_strategy(9, RoundingStrategy::ToZero).normalize();
            let most = self.account_of(ix).position_qty(sym).abs();
            // A notional sale cannot sell more than there is, however far the price fell.
            let qty = if slot.order.position_intent.opens() { qty } else { qty.min(most) };
            self.execute(ix, qty, price);
            return;
        };
        let left = ordered - slot.order.filled_qty;
        let mut qty = left.min(available);
        let paper = self.account_of(ix).kind == super::Kind::Paper;
        let chance = self.options.partial_per_mille;
        let eligible = paper
            && !self.slot(ix).drawn
            && left >= Decimal::TWO
            && self.slot(ix).order.time_in_force != TimeInForce::Fok;
        self.slot_mut(ix).drawn = true;
        if eligible && self.luck.chance(chance) {
            let part = left * Decimal::new(self.luck.between(10, 90), 2);
            qty = qty.min(part.trunc().max(Decimal::ONE));
        }
        if qty > Decimal::ZERO {
            self.execute(ix, qty, price);
        }
    }

    /// Books an execution of `qty` at `price`, reports it, and updates the order's group.
    pub(super) fn execute(&mut self, ix: Ix, qty: Decimal, price: Decimal) {
        let Traded { report, at, filled, fee } = self.trade(ix, qty, price);
        let (no, id) = (self.slot(ix).account, report.execution_id);
        let event = if filled { EventKind::Fill } else { EventKind::PartialFill };
        self.emit(ix, event, at, Some(report), None);
        if let Some(execution) = fee {
            self.tell(no, coin_fee_id(id), None, at, ActivityOf::CoinFee(execution));
        }
        self.fill_group(ix, filled);
    }

    /// Books an execution of `qty` at `price` without reporting it.
    pub(super) fn trade(&mut self, ix: Ix, qty: Decimal, price: Decimal) -> Traded {
        let at = self.stamp();
        let (id, activity) = (self.ids.uuid(), self.ids.uuid());
        let names_parent = self.readings.rows_name_parent();
        let slot = self.slot_mut(ix);
        let (sym, no) = (slot.sym, slot.account);
        slot.value += qty * price;
        let (value, order) = (slot.value, &mut slot.order);
        order.filled_qty = (order.filled_qty + qty).normalize();
        order.filled_avg_price = value.checked_div(order.filled_qty).map(|avg| avg.round_dp(9).normalize());
        order.filled_at = Some(at);
        let leaves_qty = order.qty.map_or(Decimal::ZERO, |ordered| (ordered - order.filled_qty).max(Decimal::ZERO));
        let filled = leaves_qty.is_zero();
        if filled {
            order.status = Status::Filled;
        } else if !matches!(order.status, Status::PendingCancel | Status::PendingReplace) {
            order.status = Status::PartiallyFilled;
        }
        let (order_id, symbol, side, cum_qty) = (order.id, order.symbol, order.side, order.filled_qty);
        let whole = order.ratio_qty.and(order.parent).filter(|_| names_parent);
        let listed_as = whole.unwrap_or(order_id);
        let today = self.today_at(at);
        let asset = self.market.asset(sym);
        let (crypto, multiplier) = (asset.class == AssetClass::Crypto, asset.multiplier);
        let settle_date = if crypto { today.date } else { today.settles };
        let (fee_qty, fee) = fees(asset.class, side, qty, price);
        let execution = Execution {
            id,
            activity,
            order_id,
            listed_as,
            symbol,
            side,
            qty: qty.normalize(),
            price,
            cum_qty,
            leaves_qty: leaves_qty.normalize(),
            fee_qty,
            fee,
            at,
            settle_date,
            restated: None,
        };
        self.market.get_mut(sym).take(side, qty);
        let account = self.account_of_mut(ix);
        account.book(sym, &execution, multiplier);
        let position_qty = account.position_qty(sym).normalize();
        let row = u32::try_from(account.executions.len()).unwrap_or(u32::MAX);
        account.list(at, activity, Row::Fill(row));
        if crypto {
            account.list(at, coin_fee_id(activity), Row::CoinFee(row));
        }
        let report = Report {
            execution_id: id,
            previous_execution_id: None,
            price,
            qty: execution.qty,
            net_amount: execution.net_amount(multiplier),
            position_qty,
            settle_date,
            cum_qty,
            leaves_qty: execution.leaves_qty,
            activity,
        };
        let fee = crypto.then(|| execution.clone());
        account.executions.push(execution);
        self.by_execution.insert(id, (no, row));
        if filled {
            self.finish(ix);
        } else {
            self.rehold(ix);
        }
        Traded { report, at, filled, fee }
    }
}

/// An execution that is booked but not reported yet.
pub(super) struct Traded {
    pub report: Report,
    pub at: Timestamp,
    /// Whether the order is completely filled.
    pub filled: bool,
    /// The execution whose crypto fee is an activity of its own.
    pub fee: Option<Execution>,
}

/// The uuid part of a fee's activity id: one bit different from the execution's.
pub(super) fn coin_fee_id(activity: Uuid) -> Uuid {
    Uuid::from_u128(activity.as_u128() ^ 1)
}

/// The fee of an execution: in the coin for a crypto buy, in dollars for a sale, else none.
pub(super) fn fees(class: AssetClass, side: Side, qty: Decimal, price: Decimal) -> (Decimal, Decimal) {
    match side {
        _ if class != AssetClass::Crypto => (Decimal::ZERO, Decimal::ZERO),
        Side::Buy => ((qty * CRYPTO_FEE).round_dp_with_strategy(9, RoundingStrategy::AwayFromZero), Decimal::ZERO),
        Side::Sell => (Decimal::ZERO, (qty * price * CRYPTO_FEE).round_dp(9)),
    }
}

/// The stop of a trailing order for the best price `mark`, on the price grid.
pub(super) fn trailing_stop(order: &Order, mark: Decimal, step: Decimal) -> Decimal {
    let distance = match (order.trail_price, order.trail_percent) {
        (Some(trail), _) => trail,
        (None, Some(percent)) => mark * percent / Decimal::ONE_HUNDRED,
        (None, None) => Decimal::ZERO,
    };
    let (exact, rounding) = match order.side {
        Side::Sell => (mark - distance, RoundingStrategy::ToZero),
        Side::Buy => (mark + distance, RoundingStrategy::AwayFromZero),
    };
    exact.max(step).round_dp_with_strategy(step.scale(), rounding).normalize()
}
