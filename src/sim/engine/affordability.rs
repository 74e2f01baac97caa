//! Checks whether an account can afford a valid order, given its position, other orders and buying power. Changes
//! nothing.

use rust_decimal::Decimal;

use super::admit::Admitted;
use super::order::NewOrder;
use super::{Account, Engine, Refusal};
use crate::sim::words::{AssetClass, OrderClass, Side};

impl Engine {
    /// Whether position, other orders and buying power allow it; `freed` is the margin that a replaced order releases.
    pub(super) fn check_affordability(
        &self,
        account: &Account,
        new: &NewOrder,
        admitted: &Admitted,
        freed: Decimal,
    ) -> Result<(), Refusal> {
        let Admitted { sym, side, intent, hold_price, hold_qty } = *admitted;
        let asset = self.market.asset(sym);
        if intent.opens() {
            self.check_opening(account, new, admitted)?;
        } else {
            let existing = account.position_qty(sym).abs();
            let held = account.held_qty(sym);
            if hold_qty > existing - held {
                if asset.class == AssetClass::Crypto {
                    return Err(Refusal::balance(asset.coin(), hold_qty, existing - held));
                }
                let related: Vec<_> = account
                    .interest
                    .get(&(sym, side))
                    .into_iter()
                    .flat_map(|interest| interest.closing.iter().take(10))
                    .map(|ix| self.slot(*ix).order.id)
                    .collect();
                return Err(Refusal::quantity(asset.symbol, hold_qty, existing, held, &related));
            }
        }
        self.check_wash(account, new, admitted)?;
        if intent.opens() {
            let cost_basis = new.notional.unwrap_or(hold_qty * hold_price * asset.multiplier).normalize();
            let balances = account.balances(&self.market);
            let rate = account.margin_rate(&self.market, sym);
            let free = freed.checked_div(rate).unwrap_or_default();
            let available =
                free + if asset.marginable { balances.buying_power } else { balances.non_marginable_buying_power };
            if cost_basis > available {
                return Err(Refusal::buying_power(available.normalize(), cost_basis));
            }
        }
        Ok(())
    }

    fn check_opening(&self, account: &Account, new: &NewOrder, admitted: &Admitted) -> Result<(), Refusal> {
        let Admitted { sym, side, hold_price, hold_qty, .. } = *admitted;
        let asset = self.market.asset(sym);
        let opposite_opens =
            account.interest.get(&(sym, side.opposite())).is_some_and(|interest| !interest.opening.is_empty());
        // Level 1 covers covered writing, level 2 buying (docs/ALPACA.md 5.2).
        let level = account.configurations.max_options_trading_level;
        match side {
            _ if asset.class == AssetClass::UsOption && level == 0 => {
                return Err(Refusal::forbidden("account not eligible to trade options"));
            }
            Side::Buy if asset.class == AssetClass::UsOption && level < 2 => {
                return Err(Refusal::forbidden("account not eligible to buy option contracts"));
            }
            Side::Buy if opposite_opens => {
                return Err(Refusal::forbidden("cannot open a long buy while a short sell order is open"));
            }
            Side::Sell if opposite_opens => {
                return Err(Refusal::forbidden("cannot open a short sell while a long buy order is open"));
            }
            Side::Sell if asset.class == AssetClass::Crypto => {
                return Err(Refusal::balance(asset.coin(), hold_qty, Decimal::ZERO));
            }
            Side::Sell if asset.class == AssetClass::UsOption => {
                return Err(Refusal::forbidden("account not eligible to trade uncovered option contracts"));
            }
            Side::Sell if !asset.shortable => {
                return Err(Refusal::unprocessable(format!("asset \"{}\" cannot be sold short", asset.symbol)));
            }
            Side::Sell if account.configurations.no_shorting || account.configurations.max_margin_multiplier < 2 => {
                return Err(Refusal::forbidden("account is not allowed to short"));
            }
            Side::Buy | Side::Sell => {}
        }
        let cost_basis = new.notional.unwrap_or(hold_qty * hold_price);
        if asset.class == AssetClass::Crypto && cost_basis < Decimal::TEN {
            return Err(Refusal::forbidden("cost basis must be >= minimal amount of order 10"));
        }
        Ok(())
    }

    /// Refuses a plain order that could trade with another plain order of the account (a wash trade).
    fn check_wash(&self, account: &Account, new: &NewOrder, admitted: &Admitted) -> Result<(), Refusal> {
        if new.order_class != OrderClass::Simple {
            return Ok(());
        }
        let Some(interest) = account.interest.get(&(admitted.sym, admitted.side.opposite())) else { return Ok(()) };
        if let Some(other) = interest.others.first() {
            let reason = "opposite side market/stop order exists";
            return Err(Refusal::wash_trade(self.slot(*other).order.id, reason));
        }
        let best = match admitted.side {
            Side::Buy => interest.limits.first(),
            Side::Sell => interest.limits.last(),
        };
        let Some((_, other)) = best else { return Ok(()) };
        let theirs = &self.slot(*other).order;
        let (Some(mine), Some(their)) = (new.limit_price, theirs.limit_price) else {
            return Err(Refusal::wash_trade(theirs.id, "opposite side limit order exists"));
        };
        match admitted.side {
            Side::Buy if mine >= their => Err(Refusal::wash_trade_limits(
                theirs.id,
                "sell order exists, buy limit price should be less than existing sell limit price",
                mine,
                their,
            )),
            Side::Sell if mine <= their => Err(Refusal::wash_trade_limits(
                theirs.id,
                "buy order exists, sell limit price should be greater than existing buy limit price",
                their,
                mine,
            )),
            _ => Ok(()),
        }
    }
}
