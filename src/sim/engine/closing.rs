//! Closing positions: one, part of one, or all. It places normal orders.

use rust_decimal::Decimal;

use super::lifecycle::Answers;
use super::order::{AccountNo, NewOrder, Order};
use super::slot::Ix;
use super::{Engine, Refusal};
use crate::sim::market::Sym;
use crate::sim::words::{AssetClass, Side, Status, TimeInForce};

/// How much of a position to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    All,
    /// This many units.
    Qty(Decimal),
    /// This many percent.
    Percent(Decimal),
}

impl Engine {
    /// Closes a position or part of it with a market order.
    pub fn close_position(&mut self, account: AccountNo, symbol: &str, part: Part) -> Result<Order, Refusal> {
        let sym = self.market.find(symbol).ok_or_else(Refusal::no_position)?;
        let held = self.need_account(account)?.position_qty(sym);
        if held.is_zero() {
            return Err(Refusal::no_position());
        }
        let asset = self.market.asset(sym);
        let qty = match part {
            Part::All => held.abs(),
            Part::Qty(qty) => qty,
            Part::Percent(percent) if percent <= Decimal::ZERO || percent > Decimal::ONE_HUNDRED => {
                return Err(Refusal::parameter("percentage must be > 0 and <= 100"));
            }
            Part::Percent(percent) => {
                let places = if asset.fractionable { 9 } else { 0 };
                let exact = held.abs() * percent / Decimal::ONE_HUNDRED;
                exact.round_dp_with_strategy(places, rust_decimal::RoundingStrategy::ToZero).normalize()
            }
        };
        let side = if held.is_sign_negative() { Side::Buy } else { Side::Sell };
        let mut order = NewOrder::market(asset.symbol, side, qty);
        if asset.class == AssetClass::Crypto {
            order.time_in_force = TimeInForce::Gtc;
        }
        self.place(account, &order)
    }

    /// Closes every position, on request after canceling the orders that hold it; returns each one's result.
    pub fn close_all(&mut self, account: AccountNo, cancel_orders: bool) -> Result<Answers<Sym, Order>, Refusal> {
        self.need_account(account)?;
        if cancel_orders {
            let open: Vec<Ix> = self.need_account(account)?.open.iter().copied().collect();
            for ix in open {
                if self.slot(ix).is_open() {
                    self.end(ix, Status::Canceled, None);
                }
            }
        }
        let syms: Vec<Sym> = self.need_account(account)?.positions(&self.market).iter().map(|view| view.sym).collect();
        let mut answers = Vec::with_capacity(syms.len());
        for sym in syms {
            let symbol = self.market.asset(sym).symbol;
            answers.push((sym, self.close_position(account, symbol, Part::All)));
        }
        Ok(answers)
    }
}
