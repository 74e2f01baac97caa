//! Checks whether an order request is accepted: the rules of docs/ALPACA.md 4.4 and 5.7. Changes nothing.

use rust_decimal::Decimal;

use super::order::{AccountNo, NewOrder};
use super::{Account, Engine, Refusal};
use crate::sim::calendar;
use crate::sim::market::Sym;
use crate::sim::words::{AssetClass, OrderClass, OrderType, PositionIntent, Side, TimeInForce};

/// A valid request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Admitted {
    pub sym: Sym,
    pub side: Side,
    pub intent: PositionIntent,
    /// The price for computing its hold on buying power.
    pub hold_price: Decimal,
    /// The quantity for computing its hold.
    pub hold_qty: Decimal,
}

impl Engine {
    /// Checks everything about a request except the multi-leg rules.
    pub(super) fn admit(&self, no: AccountNo, new: &NewOrder) -> Result<Admitted, Refusal> {
        let account = self.need_account(no)?;
        let sym = self.market.find(&new.symbol).ok_or_else(|| Refusal::no_asset(&new.symbol))?;
        let side = new.side.ok_or_else(|| Refusal::parameter("side is required"))?;
        if self.market.get(sym).expired {
            return Err(Refusal::unprocessable(format!("asset \"{}\" is not active", new.symbol)));
        }
        self.check_quantity(account, sym, side, new)?;
        check_prices(new)?;
        self.check_increments(sym, new)?;
        self.check_time_in_force(sym, new)?;
        check_class(new, side)?;
        self.check_client_id(no, new.client_order_id.as_deref())?;
        if account.configurations.suspend_trade {
            return Err(Refusal::forbidden("new orders are rejected by user request"));
        }
        let admitted = self.reckon(account, sym, side, new)?;
        check_group(new, &admitted, self.market.get(sym).last.price)?;
        self.check_affordability(account, new, &admitted, Decimal::ZERO)?;
        Ok(admitted)
    }

    /// A client order id can be used only once.
    pub(super) fn check_client_id(&self, no: AccountNo, id: Option<&str>) -> Result<(), Refusal> {
        let Some(id) = id else { return Ok(()) };
        if id.chars().count() > 128 {
            return Err(Refusal::parameter("client_order_id must be no more than 128 characters"));
        }
        match self.by_client.get(usize::from(no.0)).and_then(|known| known.get(id)) {
            Some(earlier) => Err(Refusal::duplicate_id(self.slot(*earlier).order.status.is_terminal())),
            None => Ok(()),
        }
    }

    fn check_quantity(&self, account: &Account, sym: Sym, side: Side, new: &NewOrder) -> Result<(), Refusal> {
        let asset = self.market.asset(sym);
        let amount = match (new.qty, new.notional) {
            (Some(_), Some(_)) => return Err(Refusal::parameter("only one of qty or notional is accepted")),
            (None, None) if new.order_class == OrderClass::Simple => {
                return Err(Refusal::parameter("qty or notional is required"));
            }
            (None, None) => return Err(Refusal::parameter("qty is required")),
            (Some(qty), None) if qty <= Decimal::ZERO => return Err(Refusal::parameter("qty must be > 0")),
            (None, Some(notional)) if notional <= Decimal::ZERO => {
                return Err(Refusal::parameter("notional must be > 0"));
            }
            (Some(amount), None) | (None, Some(amount)) => amount,
        };
        if amount.normalize().scale() > 9 {
            return Err(Refusal::parameter("qty or notional can have at most 9 decimal places"));
        }
        let in_parts = new.notional.is_some() || !amount.fract().is_zero();
        if !in_parts || asset.class == AssetClass::Crypto {
            return Ok(());
        }
        if asset.class == AssetClass::UsOption || new.order_class != OrderClass::Simple {
            return Err(Refusal::parameter("qty must be integer"));
        }
        if !asset.fractionable {
            return Err(Refusal::forbidden(format!("asset \"{}\" is not fractionable", asset.symbol)));
        }
        if !account.configurations.fractional_trading {
            return Err(Refusal::forbidden("fractional trading is disabled for this account"));
        }
        if new.time_in_force != TimeInForce::Day {
            return Err(Refusal::unprocessable("fractional orders must be DAY orders"));
        }
        if new.order_type != OrderType::Market && !self.readings.fraction_types() {
            return Err(Refusal::unprocessable("fractional orders must be market orders"));
        }
        if new.order_type == OrderType::TrailingStop {
            return Err(Refusal::unprocessable("fractional orders must be market, limit, stop or stop_limit orders"));
        }
        if side == Side::Sell && account.position_qty(sym) <= Decimal::ZERO {
            return Err(Refusal::unprocessable("fractional orders cannot be sold short"));
        }
        if new.notional.is_some_and(|notional| notional < Decimal::ONE) {
            return Err(Refusal::forbidden("cost basis must be >= minimal amount of order 1"));
        }
        Ok(())
    }

    fn check_increments(&self, sym: Sym, new: &NewOrder) -> Result<(), Refusal> {
        let asset = self.market.asset(sym);
        let protective = new.stop_loss.unwrap_or_default();
        let prices = [
            ("limit_price", new.limit_price),
            ("stop_price", new.stop_price),
            ("take_profit.limit_price", new.take_profit),
            ("stop_loss.stop_price", protective.stop_price),
            ("stop_loss.limit_price", protective.limit_price),
        ];
        for (name, price) in prices {
            let Some(price) = price else { continue };
            if price <= Decimal::ZERO {
                return Err(Refusal::parameter(format!("{name} must be > 0")));
            }
            if !asset.takes_price(price) {
                return Err(Refusal::sub_penny(name, price));
            }
        }
        Ok(())
    }

    fn check_time_in_force(&self, sym: Sym, new: &NewOrder) -> Result<(), Refusal> {
        let class = self.market.asset(sym).class;
        let tif = new.time_in_force;
        match class {
            AssetClass::Crypto
                if tif == TimeInForce::Day
                    && new.order_type == OrderType::Limit
                    && new.order_class == OrderClass::Simple
                    && self.readings.crypto_day_limit() => {}
            AssetClass::Crypto if !matches!(tif, TimeInForce::Gtc | TimeInForce::Ioc) => {
                return Err(Refusal::unprocessable("invalid crypto time_in_force"));
            }
            AssetClass::Crypto
                if !matches!(new.order_type, OrderType::Market | OrderType::Limit | OrderType::StopLimit) =>
            {
                return Err(Refusal::unprocessable("invalid order type for crypto order"));
            }
            AssetClass::Crypto if new.order_class != OrderClass::Simple => {
                return Err(Refusal::unprocessable("crypto orders not allowed for advanced order_class: otoco"));
            }
            AssetClass::UsOption
                if tif != TimeInForce::Day && (tif != TimeInForce::Gtc || !self.readings.option_gtc()) =>
            {
                return Err(Refusal::unprocessable("order_time_in_force not supported for options trading"));
            }
            AssetClass::UsOption
                if !matches!(new.order_type, OrderType::Market | OrderType::Limit) && !self.readings.option_stops() =>
            {
                return Err(Refusal::unprocessable("invalid order type for options trading"));
            }
            AssetClass::UsOption if new.order_class != OrderClass::Simple => {
                return Err(Refusal::unprocessable("complex orders not supported for options trading"));
            }
            _ => {}
        }
        if new.extended_hours {
            if new.order_type != OrderType::Limit {
                return Err(Refusal::parameter("only type=\"limit\" is allowed for extended hours orders"));
            }
            if !matches!(tif, TimeInForce::Day | TimeInForce::Gtc) || new.order_class != OrderClass::Simple {
                return Err(Refusal::unprocessable("extended hours order must be DAY or GTC limit orders"));
            }
            if tif == TimeInForce::Gtc && !self.readings.extended_gtc() {
                return Err(Refusal::unprocessable("extended hours order must be DAY limit orders"));
            }
        }
        if new.order_type == OrderType::TrailingStop && !matches!(tif, TimeInForce::Day | TimeInForce::Gtc) {
            return Err(Refusal::unprocessable("trailing stop orders must be DAY or GTC orders"));
        }
        if matches!(tif, TimeInForce::Opg | TimeInForce::Cls) {
            if !matches!(new.order_type, OrderType::Market | OrderType::Limit) {
                return Err(Refusal::unprocessable(format!("{tif} orders must be market or limit orders")));
            }
            self.check_auction_hours(tif)?;
        }
        Ok(())
    }

    /// Auctions take no orders from shortly before them until 19:00.
    fn check_auction_hours(&self, tif: TimeInForce) -> Result<(), Refusal> {
        let local = calendar::in_new_york(self.now);
        let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
        let (from, words) = match tif {
            TimeInForce::Opg => (9 * 60 + 28, "opg orders are only accepted before 9:28am and after 7:00pm ET"),
            _ => (15 * 60 + 50, "cls orders are only accepted before 3:50pm and after 7:00pm ET"),
        };
        if calendar::is_trading_day(local.date()) && (from..19 * 60).contains(&minute) {
            return Err(Refusal::unprocessable(words));
        }
        Ok(())
    }

    /// The order's effect on the position, and its hold.
    fn reckon(&self, account: &Account, sym: Sym, side: Side, new: &NewOrder) -> Result<Admitted, Refusal> {
        let asset = self.market.asset(sym);
        let position = account.position_qty(sym);
        let intent = match side {
            Side::Buy if position < Decimal::ZERO => PositionIntent::BuyToClose,
            Side::Buy => PositionIntent::BuyToOpen,
            Side::Sell if position > Decimal::ZERO => PositionIntent::SellToClose,
            Side::Sell => PositionIntent::SellToOpen,
        };
        if let Some(said) = new.position_intent
            && asset.class == AssetClass::UsOption
            && said != intent
        {
            return Err(Refusal::unprocessable(format!(
                "position intent mismatch, inferred: {intent}, specified: {said}"
            )));
        }
        let hold_price = self.hold_price(sym, side, intent, new);
        let hold_qty = match (new.qty, new.notional) {
            (Some(qty), _) => qty,
            (None, Some(notional)) => notional.checked_div(hold_price).unwrap_or_default().round_dp(9),
            (None, None) => Decimal::ZERO,
        };
        Ok(Admitted { sym, side, intent, hold_price, hold_qty })
    }

    /// The highest price that the order could reasonably get.
    pub(super) fn hold_price(&self, sym: Sym, side: Side, intent: PositionIntent, new: &NewOrder) -> Decimal {
        let quote = self.market.get(sym).quote;
        let stop = new.stop_price;
        match (side, new.order_type) {
            (Side::Buy, OrderType::Limit | OrderType::StopLimit) => new.limit_price.unwrap_or(quote.ask),
            (Side::Buy, OrderType::Stop) => {
                let stop = stop.unwrap_or(quote.ask);
                // Four percent above cheap stops, two and a half above others (docs/ALPACA.md 5.7).
                let above = if stop < Decimal::from(50) { Decimal::new(104, 2) } else { Decimal::new(1025, 3) };
                (stop * above).round_dp(if stop < Decimal::ONE { 4 } else { 2 })
            }
            (Side::Buy, _) => quote.ask,
            // A short sale is valued at its limit or three percent above the ask, whichever is more.
            (Side::Sell, _) if intent.opens() => {
                let above = (quote.ask * Decimal::new(103, 2)).round_dp(4);
                new.limit_price.map_or(above, |limit| limit.max(above))
            }
            (Side::Sell, _) => new.limit_price.or(stop).unwrap_or(quote.bid),
        }
    }
}

fn check_prices(new: &NewOrder) -> Result<(), Refusal> {
    let trails = usize::from(new.trail_price.is_some()) + usize::from(new.trail_percent.is_some());
    if new.order_type != OrderType::TrailingStop && trails > 0 {
        return Err(Refusal::parameter("trail_price and trail_percent are only accepted for trailing stop orders"));
    }
    let oco = new.order_class == OrderClass::Oco;
    match new.order_type {
        OrderType::Market if new.limit_price.is_some() => {
            Err(Refusal::parameter("market orders must not have limit price"))
        }
        OrderType::Market | OrderType::Limit if new.stop_price.is_some() => {
            Err(Refusal::parameter(format!("{} orders must not have stop price", new.order_type)))
        }
        OrderType::Limit if new.limit_price.is_none() && !oco => {
            Err(Refusal::parameter("limit orders require limit price"))
        }
        OrderType::Stop if new.stop_price.is_none() => Err(Refusal::parameter("stop orders require stop price")),
        OrderType::Stop if new.limit_price.is_some() => {
            Err(Refusal::parameter("stop orders must not have limit price"))
        }
        OrderType::StopLimit if new.stop_price.is_none() || new.limit_price.is_none() => {
            Err(Refusal::parameter("stop limit orders require both stop and limit price"))
        }
        OrderType::TrailingStop if trails != 1 => {
            Err(Refusal::parameter("trailing stop orders must specify one of trail_price or trail_percent"))
        }
        OrderType::TrailingStop if new.stop_price.is_some() || new.limit_price.is_some() => {
            Err(Refusal::parameter("trailing stop orders must not have limit or stop price"))
        }
        OrderType::TrailingStop => match (new.trail_price, new.trail_percent) {
            (Some(trail), _) if trail <= Decimal::ZERO => Err(Refusal::parameter("trail_price must be > 0")),
            (_, Some(trail)) if trail <= Decimal::ZERO || trail >= Decimal::ONE_HUNDRED => {
                Err(Refusal::parameter("trail_percent must be > 0 and < 100"))
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// The requirements of an order class, independent of the account.
fn check_class(new: &NewOrder, side: Side) -> Result<(), Refusal> {
    let stop = new.stop_loss.and_then(|leg| leg.stop_price);
    if new.stop_loss.is_some() && stop.is_none() {
        return Err(Refusal::parameter("stop_loss.stop_price is required"));
    }
    let class = new.order_class;
    if class == OrderClass::Simple {
        let legs = new.take_profit.is_some() || new.stop_loss.is_some();
        return if legs {
            Err(Refusal::parameter("take_profit and stop_loss require a complex order_class"))
        } else {
            Ok(())
        };
    }
    if !matches!(new.time_in_force, TimeInForce::Day | TimeInForce::Gtc) {
        return Err(Refusal::unprocessable("complex orders must be DAY or GTC orders"));
    }
    match class {
        OrderClass::Bracket if !matches!(new.order_type, OrderType::Market | OrderType::Limit) => {
            return Err(Refusal::parameter("bracket orders must be market or limit orders"));
        }
        OrderClass::Bracket if new.take_profit.is_none() => {
            return Err(Refusal::parameter("bracket orders require take_profit.limit_price"));
        }
        OrderClass::Bracket if stop.is_none() => {
            return Err(Refusal::parameter("bracket orders require stop_loss.stop_price"));
        }
        OrderClass::Oto if new.take_profit.is_some() == stop.is_some() => {
            return Err(Refusal::parameter(
                "oto orders require either take_profit.limit_price or stop_loss.stop_price",
            ));
        }
        OrderClass::Oco if new.order_type != OrderType::Limit => {
            return Err(Refusal::parameter("oco orders must be limit orders"));
        }
        OrderClass::Oco if new.take_profit.or(new.limit_price).is_none() => {
            return Err(Refusal::parameter("oco orders require take_profit.limit_price"));
        }
        OrderClass::Oco if stop.is_none() => return Err(Refusal::parameter("oco orders require stop_loss.stop_price")),
        _ => {}
    }
    let profit = if class == OrderClass::Oco { new.take_profit.or(new.limit_price) } else { new.take_profit };
    let exit_sells = if class == OrderClass::Oco { side == Side::Sell } else { side == Side::Buy };
    match (profit, stop) {
        (Some(profit), Some(stop)) if exit_sells && profit <= stop => {
            Err(Refusal::unprocessable("take_profit.limit_price must be > stop_loss.stop_price"))
        }
        (Some(profit), Some(stop)) if !exit_sells && profit >= stop => {
            Err(Refusal::unprocessable("take_profit.limit_price must be < stop_loss.stop_price"))
        }
        _ => Ok(()),
    }
}

/// The requirements of an order class on the position and on current prices.
fn check_group(new: &NewOrder, admitted: &Admitted, last: Decimal) -> Result<(), Refusal> {
    match (new.order_class, admitted.intent.opens()) {
        (OrderClass::Bracket, false) => return Err(Refusal::unprocessable("bracket orders must be entry orders")),
        (OrderClass::Oto, false) => return Err(Refusal::unprocessable("oto orders must be entry orders")),
        (OrderClass::Oco, true) => return Err(Refusal::unprocessable("oco orders must be exit orders")),
        (OrderClass::Bracket | OrderClass::Oto, true) => {}
        _ => return Ok(()),
    }
    let base = new.limit_price.unwrap_or(last);
    let cent = Decimal::new(1, 2);
    let stop = new.stop_loss.and_then(|leg| leg.stop_price);
    match admitted.side {
        Side::Buy if stop.is_some_and(|stop| stop > base - cent) => {
            Err(Refusal::unprocessable("stop_loss.stop_price must be <= base_price - 0.01"))
        }
        Side::Buy if new.take_profit.is_some_and(|profit| profit < base + cent) => {
            Err(Refusal::unprocessable("take_profit.limit_price must be >= base_price + 0.01"))
        }
        Side::Sell if stop.is_some_and(|stop| stop < base + cent) => {
            Err(Refusal::unprocessable("stop_loss.stop_price must be >= base_price + 0.01"))
        }
        Side::Sell if new.take_profit.is_some_and(|profit| profit > base - cent) => {
            Err(Refusal::unprocessable("take_profit.limit_price must be <= base_price - 0.01"))
        }
        _ => Ok(()),
    }
}
