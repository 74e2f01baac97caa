//! Trading for load: a rate of order events, whatever the orders are.

use rust_decimal::Decimal;

use super::{Bot, Working, gtc_for, name};
use crate::sim::engine::{AssetClass, Changes, Engine, NewOrder, Side, Status};
use crate::sim::market::Sym;

/// Acts per hundred events wanted, when on target and when behind. Many acts are refused or find nothing to do, so the
/// bot acts more often while events are missing.
const ACTS_AT_EASE: u64 = 30;
const ACTS_IN_A_HURRY: u64 = 300;

impl Bot {
    /// Microseconds until the next act: few while events are missing, many when there were too many.
    pub(super) fn pause_for_load(&mut self, engine: &Engine, rate: u32) -> i64 {
        let (began, before) = *self.load_from.get_or_insert((engine.now(), engine.event_count()));
        let passed = u64::try_from(engine.now().duration_since(began).as_micros()).unwrap_or(0);
        // The first events of an order come some milliseconds later.
        let due = passed.saturating_sub(10_000) * u64::from(rate) / 1_000_000;
        let behind = engine.event_count() - before < due;
        let acts = u64::from(rate.max(1)) * if behind { ACTS_IN_A_HURRY } else { ACTS_AT_EASE };
        i64::try_from(100_000_000 / acts).unwrap_or(1).max(1)
    }

    /// Market orders in one half of the assets and resting ones in the other, so that they never count as wash trades.
    pub(super) fn act_for_load(&mut self, engine: &mut Engine, open: bool) {
        let Some(sym) = self.choose(engine, open) else { return };
        let crypto = engine.market().asset(sym).class == AssetClass::Crypto;
        let unit = if crypto { Decimal::new(1, 2) } else { Decimal::ONE };
        let qty = unit * Decimal::from(self.dice.between(1, 5));
        let rests = sym.index() % 2 == 1;
        match self.dice.below(10) {
            0..5 if rests => self.rest_far(engine, sym, qty),
            5 => {
                let working = self.working(engine, 30);
                let resting: Vec<&Working> = working.iter().filter(|order| order.status == Status::New).collect();
                if let Some(order) = self.dice.pick(&resting) {
                    // Change the quantity, not the price: the load must not move into the market.
                    drop(engine.replace(self.account, order.id, &Changes { qty: Some(qty), ..Changes::default() }));
                }
            }
            6..10 if rests => {
                let working = self.working(engine, 30);
                self.cancel_one(engine, &working);
            }
            _ => {
                let held = engine.account(self.account).map_or(Decimal::ZERO, |account| account.position_qty(sym));
                let full = held > unit * Decimal::from(40);
                let side = if full || (held > qty && self.dice.chance(500)) { Side::Sell } else { Side::Buy };
                self.market(engine, sym, side, qty);
            }
        }
    }

    /// Buys some percent below the market, where orders hardly ever fill.
    fn rest_far(&mut self, engine: &mut Engine, sym: Sym, qty: Decimal) {
        let instrument = engine.market().get(sym);
        let (last, step) = (instrument.last.price, instrument.asset.price_step);
        let crypto = instrument.asset.class == AssetClass::Crypto;
        let exact = last * Decimal::new(self.dice.between(920, 970), 3);
        let price = ((exact / step).trunc() * step).normalize();
        let order = self.named(NewOrder::limit(name(engine, sym), Side::Buy, qty, price));
        self.send(engine, &NewOrder { time_in_force: gtc_for(crypto), ..order });
    }
}
