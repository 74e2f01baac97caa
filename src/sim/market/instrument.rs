//! The price process of one asset: fair value, quote, last trade, the day's figures, bars. Integer arithmetic only.

use std::collections::VecDeque;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::catalogue::Asset;
use crate::sim::dice::Dice;
use crate::sim::words::{AssetClass, Side};

/// Minute bars kept per asset: ten sessions with extended hours.
const BARS_KEPT: usize = 9_600;
/// How fast a price returns to the day's anchor, in milliseconds; keeps a day's move within a few percent.
const PULL_MS: i64 = 9_000_000;

/// Best bid and offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    pub bid: Decimal,
    /// The bid size.
    pub bid_size: Decimal,
    pub ask: Decimal,
    /// The ask size.
    pub ask_size: Decimal,
    pub at: Timestamp,
}

/// One print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// The number; increases by one with each print of the asset.
    pub id: u64,
    pub price: Decimal,
    pub size: Decimal,
    /// The side of the aggressor.
    pub taker: Side,
    pub at: Timestamp,
}

/// A bar: open, high, low, close and volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// Its left edge.
    pub at: Timestamp,
    /// First price.
    pub open: Decimal,
    pub high: Decimal,
    pub low: Decimal,
    /// Last price.
    pub close: Decimal,
    pub volume: Decimal,
    /// The number of prints.
    pub trades: u64,
    /// The sum of price times size; divided by the volume, the weighted average price.
    pub turnover: Decimal,
}

impl Bar {
    fn of(at: Timestamp, trade: &Trade) -> Self {
        let (price, size) = (trade.price, trade.size);
        Self { at, open: price, high: price, low: price, close: price, volume: size, trades: 1, turnover: price * size }
    }

    fn add(&mut self, trade: &Trade) {
        self.high = self.high.max(trade.price);
        self.low = self.low.min(trade.price);
        self.close = trade.price;
        self.volume += trade.size;
        self.trades += 1;
        self.turnover += trade.price * trade.size;
    }

    /// Merges a later bar into this one.
    pub fn join(&mut self, later: &Self) {
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.volume += later.volume;
        self.trades += later.trades;
        self.turnover += later.turnover;
    }

    /// Volume-weighted average price, to six decimals.
    pub fn vwap(&self) -> Decimal {
        self.turnover.checked_div(self.volume).unwrap_or(self.close).round_dp(6).normalize()
    }
}

/// An asset with its prices.
#[derive(Debug, Clone)]
pub struct Instrument {
    pub asset: Asset,
    /// Whether trading is halted by hand.
    pub halted: bool,
    /// Whether its last trading day is over.
    pub expired: bool,
    /// Best bid and offer.
    pub quote: Quote,
    /// The last print.
    pub last: Trade,
    /// Yesterday's close.
    pub previous_close: Decimal,
    /// Today's bar, once something has traded.
    pub day: Option<Bar>,
    /// Complete minutes, oldest first.
    pub minutes: VecDeque<Bar>,
    /// Complete days, oldest first.
    pub days: Vec<Bar>,
    /// The current minute's bar.
    pub minute: Option<Bar>,
    /// The fair value, in millionths of a dollar.
    fair: i64,
    /// The price it returns to; for an option, its distance from the value.
    anchor: i64,
}

impl Instrument {
    pub(super) fn new(asset: Asset, at: Timestamp) -> Self {
        let price = Decimal::new(asset.price, 4).normalize();
        let quote = Quote { bid: price, bid_size: Decimal::ONE, ask: price, ask_size: Decimal::ONE, at };
        let last = Trade { id: 1, price, size: Decimal::ONE, taker: Side::Buy, at };
        let fair = asset.price.saturating_mul(100);
        let anchor = if asset.contract.is_some() { 0 } else { fair };
        let (minutes, days) = (VecDeque::new(), Vec::new());
        let mut new = Self {
            asset,
            halted: false,
            expired: false,
            quote,
            last,
            previous_close: price,
            day: None,
            minutes,
            days,
            minute: None,
            fair,
            anchor,
        };
        new.requote(&mut Dice::new(0, 0), at);
        new
    }

    /// Moves the price over `millis` of trading, quotes, and may print; true when it printed.
    pub(super) fn step(&mut self, dice: &mut Dice, at: Timestamp, millis: i64) -> bool {
        let root = i128::from(millis.saturating_mul(1_000).max(0).isqrt());
        let shock = i128::from(self.fair) * i128::from(self.asset.volatility) * i128::from(dice.normal()) * root
            / 1_000_000_000_000_000;
        let pull = i128::from(self.anchor - self.fair) * i128::from(millis.min(PULL_MS)) / i128::from(PULL_MS);
        let moved = i128::from(self.fair) + shock + pull;
        // No price below twenty ticks: a falling share must not reach zero.
        let floor = self.asset.tick.saturating_mul(100 * 20);
        self.fair = i64::try_from(moved).unwrap_or(self.fair).max(floor);
        self.requote(dice, at);
        self.perhaps_print(dice, at, 620)
    }

    /// Moves an option with its underlying, quotes, and rarely prints; true when it printed.
    pub(super) fn follow(&mut self, value: i64, dice: &mut Dice, at: Timestamp) -> bool {
        self.fair = value.saturating_add(self.anchor).max(self.asset.tick * 100);
        self.requote(dice, at);
        self.perhaps_print(dice, at, 60)
    }

    /// The value in millionths of a dollar.
    pub(super) fn fair(&self) -> i64 {
        self.fair
    }

    fn perhaps_print(&mut self, dice: &mut Dice, at: Timestamp, per_mille: u64) -> bool {
        let prints = dice.chance(per_mille);
        if prints {
            let taker = if dice.chance(500) { Side::Buy } else { Side::Sell };
            let price = if taker == Side::Buy { self.quote.ask } else { self.quote.bid };
            let size = self.size(dice, 60);
            self.print(price, size, taker, at);
        }
        prints
    }

    /// Records a print.
    pub(super) fn print(&mut self, price: Decimal, size: Decimal, taker: Side, at: Timestamp) {
        self.last = Trade { id: self.last.id + 1, price, size, taker, at };
        let edge = minute_of(at);
        match &mut self.minute {
            Some(minute) if minute.at == edge => minute.add(&self.last),
            _ => {
                self.end_minute();
                self.minute = Some(Bar::of(edge, &self.last));
            }
        }
        match &mut self.day {
            Some(day) => day.add(&self.last),
            None => self.day = Some(Bar::of(at, &self.last)),
        }
    }

    /// Closes the current minute; returns its bar, if anything traded.
    pub(super) fn end_minute(&mut self) -> Option<Bar> {
        let done = self.minute.take()?;
        if self.minutes.len() == BARS_KEPT {
            self.minutes.pop_front();
        }
        self.minutes.push_back(done);
        Some(done)
    }

    /// Starts a trading day: stores yesterday's figures, and opens with a small gap.
    pub(super) fn begin_day(&mut self, dice: &mut Dice, midnight: Timestamp) {
        if let Some(mut day) = self.day.take() {
            self.previous_close = day.close;
            day.at = midnight;
            self.days.push(day);
        }
        if self.asset.contract.is_some() {
            return;
        }
        let gap = if self.asset.class == AssetClass::Crypto { 0 } else { dice.normal() * 4_000 };
        let drift = dice.normal() * 7_000;
        let shift = |value: i64, millionths: i64| {
            let moved = i128::from(value) * i128::from(1_000_000_000 + millionths) / 1_000_000_000;
            i64::try_from(moved).unwrap_or(value)
        };
        self.fair = shift(self.fair, gap);
        self.anchor = shift(self.fair, drift);
    }

    /// Deducts a dividend on its ex-date.
    pub(in crate::sim) fn go_ex(&mut self, per_share: Decimal) {
        let micros = (per_share * Decimal::from(1_000_000)).round();
        let fall = i64::try_from(micros.mantissa()).unwrap_or(0);
        let floor = self.asset.tick.saturating_mul(100 * 20);
        self.fair = self.fair.saturating_sub(fall).max(floor);
        self.anchor = self.anchor.saturating_sub(fall).max(floor);
    }

    /// Sets the price by hand. An option, whose underlying gives it `value`, keeps its distance from that.
    pub(super) fn set_price(&mut self, price: Decimal, value: Option<i64>, dice: &mut Dice, at: Timestamp) {
        let micros = (price * Decimal::from(1_000_000)).round();
        self.fair = i64::try_from(micros.mantissa()).unwrap_or(self.fair).max(self.asset.tick * 100);
        self.anchor = self.fair - value.unwrap_or(0);
        self.requote(dice, at);
        self.print(price, Decimal::ONE_HUNDRED, Side::Buy, at);
    }

    /// Reduces the displayed size after an execution against it.
    pub(in crate::sim) fn take(&mut self, side: Side, qty: Decimal) {
        match side {
            Side::Buy => self.quote.ask_size = (self.quote.ask_size - qty).max(Decimal::ZERO),
            Side::Sell => self.quote.bid_size = (self.quote.bid_size - qty).max(Decimal::ZERO),
        }
    }

    fn requote(&mut self, dice: &mut Dice, at: Timestamp) {
        let tick = self.asset.tick;
        let spread = dice.between(1, self.asset.spread.max(1));
        let below = (self.fair / 100 - spread * tick / 2).div_euclid(tick).max(1) * tick;
        self.quote = Quote {
            bid: Decimal::new(below, 4).normalize(),
            bid_size: self.size(dice, 100),
            ask: Decimal::new(below + spread * tick, 4).normalize(),
            ask_size: self.size(dice, 100),
            at,
        };
    }

    /// A size around `percent` of the normal one: whole units, or hundredths for crypto.
    fn size(&self, dice: &mut Dice, percent: i64) -> Decimal {
        let usual = self.asset.size * percent / 100;
        let drawn = dice.between(usual / 12 + 1, usual * 2);
        let hundredths = if self.asset.class == AssetClass::Crypto { drawn } else { (drawn / 100).max(1) * 100 };
        Decimal::new(hundredths, 2).normalize()
    }
}

/// The minute of `at`.
pub fn minute_of(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(60) * 60).unwrap_or(at)
}
