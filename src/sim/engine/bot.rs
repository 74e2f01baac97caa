//! A seeded trading bot: plausible orders at a human pace, or many for load. It uses the engine as any client does, and
//! limits positions and working orders, so that a demo stays plausible when left running for a day.

mod load;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::{
    AccountNo, AssetClass, Changes, Engine, NewOrder, Order, OrderClass, OrderFilter, OrderId, OrderType, Side, Status,
    StopLoss, TimeInForce,
};
use crate::sim::calendar::Phase;
use crate::sim::dice::Dice;
use crate::sim::market::Sym;

/// Most order events per second that a bot aims for.
pub const HIGHEST_RATE: u32 = 10_000;

/// How often the bot acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tempo {
    /// Every few minutes, while history is generated.
    Leisure,
    /// Every few seconds.
    Human,
    /// This many order events per second.
    Rate(u32),
}

/// Number of plain orders at which the bot starts canceling, and of all orders at which it also cancels protective
/// ones.
const TOO_MANY: usize = 12;
const FAR_TOO_MANY: usize = 26;

/// Reasons for rejections by the venue.
const REASONS: &[&str] = &[
    "order price is too far from the market",
    "the venue is not accepting orders in this symbol",
    "order would exceed the venue's size limit",
    "routing to the venue timed out",
];

/// What the bot needs to know of an order.
#[derive(Debug, Clone, Copy)]
struct Working {
    id: OrderId,
    symbol: &'static str,
    side: Side,
    status: Status,
    limit_price: Option<Decimal>,
    /// A limit order without a group.
    is_plain_limit: bool,
}

impl Working {
    fn of(order: &Order) -> Self {
        Self {
            id: order.id,
            symbol: order.symbol,
            side: order.side,
            status: order.status,
            limit_price: order.limit_price,
            is_plain_limit: order.order_type == OrderType::Limit && order.order_class == OrderClass::Simple,
        }
    }
}

/// A seeded trading bot.
#[derive(Debug, Clone)]
pub struct Bot {
    account: AccountNo,
    dice: Dice,
    tempo: Tempo,
    usual: Tempo,
    next_at: Timestamp,
    acts: u64,
    /// When the load started, and the number of events then.
    load_from: Option<(Timestamp, u64)>,
}

impl Bot {
    /// A bot for `account`; `rate` is in order events per second, `None` for a human pace.
    pub fn new(seed: u64, account: AccountNo, rate: Option<u32>) -> Self {
        let usual = rate.filter(|rate| *rate > 0).map_or(Tempo::Human, Tempo::Rate);
        let dice = Dice::new(seed, 40 + u64::from(account.0));
        Self { account, dice, tempo: usual, usual, next_at: Timestamp::UNIX_EPOCH, acts: 0, load_from: None }
    }

    /// The account it trades for.
    pub fn account(&self) -> AccountNo {
        self.account
    }

    /// When it acts next.
    pub fn next_at(&self) -> Timestamp {
        self.next_at
    }

    /// Starts at its normal pace.
    pub fn begin(&mut self, now: Timestamp) {
        self.tempo = self.usual;
        self.next_at = now;
        self.load_from = None;
    }

    /// Starts at a slow pace, to generate history.
    pub(super) fn begin_leisurely(&mut self, now: Timestamp) {
        self.tempo = Tempo::Leisure;
        self.next_at = now;
    }

    /// Acts once and schedules the next act.
    pub(super) fn act(&mut self, engine: &mut Engine) {
        let now = engine.now();
        self.acts += 1;
        let open = engine.phase() == Phase::Regular;
        if let Tempo::Rate(_) = self.tempo {
            self.act_for_load(engine, open);
        } else {
            self.act_like_a_person(engine, open);
        }
        let micros = match self.tempo {
            Tempo::Leisure => self.dice.between(120_000_000, 600_000_000),
            Tempo::Human if open => self.dice.between(1_200_000, 6_500_000),
            Tempo::Human if engine.phase().is_extended() => self.dice.between(9_000_000, 40_000_000),
            // Only crypto trades at night, at a fee of a quarter of a percent: trading all night would lose too much.
            Tempo::Human => self.dice.between(120_000_000, 700_000_000),
            Tempo::Rate(rate) => self.pause_for_load(engine, rate),
        };
        let from = if self.next_at > Timestamp::UNIX_EPOCH { self.next_at } else { now };
        self.next_at = from.checked_add(SignedDuration::from_micros(micros)).unwrap_or(Timestamp::MAX).max(now);
    }

    fn act_like_a_person(&mut self, engine: &mut Engine, open: bool) {
        let working = self.working(engine, 60);
        let exposed = self.exposure_percent(engine);
        let plain = working.iter().filter(|order| order.is_plain_limit).count();
        if plain > TOO_MANY || working.len() > FAR_TOO_MANY {
            self.cancel_one(engine, &working);
            return;
        }
        if engine.phase().is_extended() && self.dice.chance(850) {
            self.outside_hours(engine, exposed);
            return;
        }
        let Some(sym) = self.choose(engine, open) else { return };
        let draw = self.dice.below(100);
        match draw {
            0..22 if exposed < 130 => self.rest(engine, sym, Side::Buy),
            0..46 if exposed >= 130 => self.reduce(engine, open),
            36..46 if exposed > 60 => self.reduce(engine, open),
            22..46 => self.take(engine, sym, Side::Buy),
            46..58 => self.reduce(engine, open),
            58..70 => self.move_one(engine, &working),
            70..78 if plain > 5 => self.cancel_one(engine, &working),
            78..83 => self.bracket(engine, sym),
            83..87 if open => self.protect(engine),
            87..90 => self.rest(engine, sym, Side::Sell),
            90..93 => self.spend(engine, sym),
            93..96 => self.blunder(engine, sym),
            96 => self.venue_refuses(engine, sym),
            _ => self.rest(engine, sym, Side::Buy),
        }
    }

    /// An asset that trades now: mostly shares, sometimes crypto; only crypto when the exchange is closed.
    fn choose(&mut self, engine: &Engine, open: bool) -> Option<Sym> {
        let coins = !open || self.dice.chance(40);
        let market = engine.market();
        let class = if coins { AssetClass::Crypto } else { AssetClass::UsEquity };
        let syms: Vec<Sym> = market.syms().filter(|sym| market.asset(*sym).class == class).collect();
        self.dice.pick(&syms).copied()
    }

    /// The newest orders that work or soon will, including exits of brackets, but not those held for another order.
    fn working(&self, engine: &Engine, limit: usize) -> Vec<Working> {
        let filter = OrderFilter { limit, ..OrderFilter::default() };
        let orders = engine.orders(self.account, &filter).unwrap_or_default();
        orders.into_iter().filter(|order| order.status != Status::Held).map(Working::of).collect()
    }

    /// Value of all positions in percent of equity.
    fn exposure_percent(&self, engine: &Engine) -> i64 {
        let Ok(balances) = engine.balances(self.account) else { return 0 };
        let gross = balances.long_market_value - balances.short_market_value;
        let percent = (gross * Decimal::ONE_HUNDRED).checked_div(balances.equity).unwrap_or_default();
        percent.to_i64().unwrap_or(i64::MAX)
    }

    /// A round quantity worth between a third of a percent and three percent of the account.
    fn some(&mut self, engine: &Engine, sym: Sym) -> Decimal {
        let equity = engine.balances(self.account).map_or(Decimal::ZERO, |balances| balances.equity);
        let price = engine.market().get(sym).last.price;
        let money = equity * Decimal::new(self.dice.between(3, 30), 3);
        let exact = money.checked_div(price).unwrap_or_default();
        if engine.market().asset(sym).class == AssetClass::Crypto {
            return (exact / Decimal::from(3)).round_dp(4).max(Decimal::new(1, 3));
        }
        let step = match exact {
            exact if exact > Decimal::from(400) => 100,
            exact if exact > Decimal::from(40) => 10,
            exact if exact > Decimal::from(12) => 5,
            _ => 1,
        };
        let step = Decimal::from(step);
        ((exact / step).trunc() * step).max(Decimal::ONE)
    }

    /// A price at the best quote of `side`, or some ticks behind it.
    fn beside(&mut self, engine: &Engine, sym: Sym, side: Side, ticks: i64) -> Decimal {
        let instrument = engine.market().get(sym);
        let step = instrument.asset.price_step;
        // A tick is too small for an expensive share: step by hundredths of a percent.
        let unit = (instrument.last.price * Decimal::new(1, 4) / step).trunc().max(Decimal::ONE) * step;
        let back = unit * Decimal::from(self.dice.between(0, ticks));
        match side {
            Side::Buy => (instrument.quote.bid - back).max(step),
            Side::Sell => instrument.quote.ask + back,
        }
        .normalize()
    }

    fn rest(&mut self, engine: &mut Engine, sym: Sym, side: Side) {
        let qty = self.some(engine, sym);
        let price = self.beside(engine, sym, side, 9);
        let crypto = engine.market().asset(sym).class == AssetClass::Crypto;
        let mut order = NewOrder::limit(name(engine, sym), side, qty, price);
        order.time_in_force = if crypto || self.dice.chance(180) { TimeInForce::Gtc } else { TimeInForce::Day };
        let order = self.named(order);
        self.send(engine, &order);
    }

    /// Shares outside regular hours: a few limit orders for extended hours, and orders for the next open.
    fn outside_hours(&mut self, engine: &mut Engine, exposed: i64) {
        let market = engine.market();
        let shares: Vec<Sym> = market.syms().filter(|sym| market.asset(*sym).class == AssetClass::UsEquity).collect();
        let Some(sym) = self.dice.pick(&shares).copied() else { return };
        let free = engine.position(self.account, name(engine, sym)).map_or(Decimal::ZERO, |view| view.qty_available);
        let side = if free >= Decimal::ONE && (exposed > 80 || self.dice.chance(500)) { Side::Sell } else { Side::Buy };
        let qty = self.some(engine, sym);
        let qty = if side == Side::Sell { qty.min(free.trunc()) } else { qty };
        let quote = engine.market().get(sym).quote;
        let price = match (side, self.dice.chance(350)) {
            (Side::Buy, true) => quote.ask,
            (Side::Sell, true) => quote.bid,
            (side, false) => self.beside(engine, sym, side, 12),
        };
        let order = self.named(NewOrder::limit(name(engine, sym), side, qty, price));
        let extended_hours = self.dice.chance(850);
        self.send(engine, &NewOrder { extended_hours, ..order });
    }

    fn take(&mut self, engine: &mut Engine, sym: Sym, side: Side) {
        let qty = self.some(engine, sym);
        if self.dice.chance(450) {
            self.market(engine, sym, side, qty);
            return;
        }
        let instrument = engine.market().get(sym);
        let price = if side == Side::Buy { instrument.quote.ask } else { instrument.quote.bid };
        let crypto = instrument.asset.class == AssetClass::Crypto;
        let order = self.named(NewOrder::limit(name(engine, sym), side, qty, price));
        self.send(engine, &NewOrder { time_in_force: gtc_for(crypto), ..order });
    }

    fn market(&mut self, engine: &mut Engine, sym: Sym, side: Side, qty: Decimal) {
        let crypto = engine.market().asset(sym).class == AssetClass::Crypto;
        let order = self.named(NewOrder::market(name(engine, sym), side, qty));
        self.send(engine, &NewOrder { time_in_force: gtc_for(crypto), ..order });
    }

    /// Closes a position or part of it, as far as no other order holds it.
    fn reduce(&mut self, engine: &mut Engine, open: bool) {
        let Ok(positions) = engine.positions(self.account) else { return };
        let free: Vec<_> = positions
            .into_iter()
            .filter(|view| !view.qty_available.is_zero())
            .filter(|view| open || engine.market().asset(view.sym).class == AssetClass::Crypto)
            .collect();
        let Some(view) = self.dice.pick(&free) else { return };
        let (sym, available) = (view.sym, view.qty_available);
        let crypto = engine.market().asset(sym).class == AssetClass::Crypto;
        let part = available.abs() * Decimal::new(*self.dice.pick(&[25, 50, 50, 100, 100]).unwrap_or(&100), 2);
        let qty = if available.fract().is_zero() {
            part.trunc().max(Decimal::ONE)
        } else {
            part.round_dp(9).min(available.abs())
        };
        let side = if available.is_sign_negative() { Side::Buy } else { Side::Sell };
        if self.dice.chance(400) {
            let price = self.beside(engine, sym, side, 6);
            let order = self.named(NewOrder::limit(name(engine, sym), side, qty, price));
            self.send(engine, &NewOrder { time_in_force: gtc_for(crypto), ..order });
        } else {
            self.market(engine, sym, side, qty);
        }
    }

    fn move_one(&mut self, engine: &mut Engine, working: &[Working]) {
        let movable: Vec<&Working> = working
            .iter()
            .filter(|order| order.is_plain_limit)
            .filter(|order| matches!(order.status, Status::New | Status::PartiallyFilled))
            .collect();
        let Some(order) = self.dice.pick(&movable).copied() else { return };
        let Some(sym) = engine.find_asset(order.symbol) else { return };
        let limit_price = Some(self.beside(engine, sym, order.side, 3));
        if limit_price != order.limit_price {
            let client_order_id = Some(self.fresh_name());
            // A refusal is a normal result; the next act looks at the books again.
            drop(engine.replace(
                self.account,
                order.id,
                &Changes { limit_price, client_order_id, ..Changes::default() },
            ));
        }
    }

    /// Cancels one of the older half of the orders. Protective orders stay while there is a plain order to cancel,
    /// unless there are far too many of all kinds.
    fn cancel_one(&mut self, engine: &mut Engine, working: &[Working]) {
        let old = working.get(working.len() / 2..).unwrap_or_default();
        let plain: Vec<&Working> = old.iter().filter(|order| order.is_plain_limit).collect();
        let choice = if working.len() > FAR_TOO_MANY || plain.is_empty() { old.iter().collect() } else { plain };
        if let Some(order) = self.dice.pick(&choice) {
            drop(engine.cancel(self.account, order.id));
        }
    }

    fn bracket(&mut self, engine: &mut Engine, sym: Sym) {
        if engine.market().asset(sym).class != AssetClass::UsEquity {
            return;
        }
        let instrument = engine.market().get(sym);
        let (price, step) = (instrument.quote.ask, instrument.asset.price_step);
        let at = |part: i64| ((price * Decimal::new(part, 4) / step).trunc() * step).normalize();
        let (profit, stop) = (at(10_000 + self.dice.between(30, 120)), at(10_000 - self.dice.between(25, 90)));
        let qty = self.some(engine, sym);
        let order = self.named(NewOrder::limit(name(engine, sym), Side::Buy, qty, price));
        let stop_loss = Some(StopLoss { stop_price: Some(stop), limit_price: None });
        self.send(
            engine,
            &NewOrder { order_class: OrderClass::Bracket, take_profit: Some(profit), stop_loss, ..order },
        );
    }

    /// Protects a free long position with a trailing or plain stop.
    fn protect(&mut self, engine: &mut Engine) {
        let Ok(positions) = engine.positions(self.account) else { return };
        let free: Vec<_> = positions
            .into_iter()
            .filter(|view| {
                view.qty_available >= Decimal::ONE && engine.market().asset(view.sym).class == AssetClass::UsEquity
            })
            .collect();
        let Some(view) = self.dice.pick(&free) else { return };
        let (sym, qty) = (view.sym, view.qty_available.trunc());
        let instrument = engine.market().get(sym);
        let (last, step) = (instrument.last.price, instrument.asset.price_step);
        let mut order = self.named(NewOrder::market(name(engine, sym), Side::Sell, qty));
        if self.dice.chance(650) {
            order.order_type = OrderType::TrailingStop;
            order.trail_percent = Some(Decimal::new(self.dice.between(20, 90), 2).normalize());
        } else {
            order.order_type = OrderType::Stop;
            let stop = last * Decimal::new(10_000 - self.dice.between(30, 120), 4);
            order.stop_price = Some(((stop / step).trunc() * step).normalize());
        }
        self.send(engine, &order);
    }

    /// Buys for a round notional.
    fn spend(&mut self, engine: &mut Engine, sym: Sym) {
        if !engine.market().asset(sym).fractionable {
            return;
        }
        let crypto = engine.market().asset(sym).class == AssetClass::Crypto;
        let money = Decimal::from(self.dice.between(2, 30) * 50);
        let order = self.named(NewOrder::market(name(engine, sym), Side::Buy, Decimal::ONE));
        self.send(engine, &NewOrder { qty: None, notional: Some(money), time_in_force: gtc_for(crypto), ..order });
    }

    /// An order that must be refused: too expensive, or with a sub-penny price.
    fn blunder(&mut self, engine: &mut Engine, sym: Sym) {
        let symbol = name(engine, sym);
        let price = engine.market().get(sym).quote.bid;
        let order = if self.dice.chance(600) {
            NewOrder::limit(symbol, Side::Buy, Decimal::from(1_000_000_000), price)
        } else {
            NewOrder::limit(symbol, Side::Buy, Decimal::ONE, price + Decimal::new(1, 10))
        };
        self.send(engine, &order);
    }

    /// An order that the venue rejects after receiving it.
    fn venue_refuses(&mut self, engine: &mut Engine, sym: Sym) {
        let (qty, price) = (self.some(engine, sym), self.beside(engine, sym, Side::Buy, 2));
        let crypto = engine.market().asset(sym).class == AssetClass::Crypto;
        let order = self.named(NewOrder::limit(name(engine, sym), Side::Buy, qty, price));
        if let Ok(order) = engine.place(self.account, &NewOrder { time_in_force: gtc_for(crypto), ..order }) {
            let reason = self.dice.pick(REASONS).copied().unwrap_or_default();
            drop(engine.force_reject(self.account, order.id, reason));
        }
    }

    fn send(&mut self, engine: &mut Engine, order: &NewOrder) {
        drop(engine.place(self.account, order));
    }

    fn named(&mut self, order: NewOrder) -> NewOrder {
        NewOrder { client_order_id: Some(self.fresh_name()), ..order }
    }

    fn fresh_name(&mut self) -> String {
        format!("bot-{}", self.dice.uuid().simple())
    }
}

fn gtc_for(crypto: bool) -> TimeInForce {
    if crypto { TimeInForce::Gtc } else { TimeInForce::Day }
}

fn name(engine: &Engine, sym: Sym) -> &'static str {
    engine.market().asset(sym).symbol
}
