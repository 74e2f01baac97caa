//! Seeded prices: a random walk with spread and size for each asset, in integers. Does not know orders.

pub mod catalogue;
pub mod dividends;
pub mod instrument;
pub mod option;

use std::collections::{HashMap, VecDeque};

use jiff::civil::{Date, time};
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use uuid::Uuid;

pub use catalogue::Asset;
pub use instrument::{Bar, Instrument, Quote, Trade};

use super::calendar::{self, Phase};
use super::dice::Dice;
use super::words::AssetClass;

/// Shortest time between two quotes of an option.
const OPTION_PAUSE: SignedDuration = SignedDuration::from_secs(2);
/// Days of bars before the first simulated day.
const DAYS_BEFORE: usize = 400;

/// An asset's index in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sym(u16);

impl Sym {
    /// Its number, from 0.
    pub fn index(self) -> u16 {
        self.0
    }
}

/// A market event, kept after [`Market::listen`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tick {
    /// A new best bid and offer.
    Quote(Sym, Quote),
    /// A print.
    Trade(Sym, Trade),
    /// A complete minute bar.
    Minute(Sym, Bar),
    /// A halt, or its end, and when.
    Status(Sym, bool, Timestamp),
}

/// All assets with their prices.
#[derive(Debug, Clone)]
pub struct Market {
    instruments: Vec<Instrument>,
    by_name: HashMap<String, Sym>,
    dice: Dice,
    /// Randomness for options, separate so that share prices do not depend on the number of options.
    option_dice: Dice,
    ticks: VecDeque<Tick>,
    listening: bool,
}

impl Market {
    /// The market at `start`, with months of daily bars.
    pub fn new(seed: u64, start: Timestamp) -> Self {
        let instruments: Vec<Instrument> =
            catalogue::assets(start).into_iter().map(|asset| Instrument::new(asset, start)).collect();
        let mut by_name = HashMap::new();
        for (index, instrument) in instruments.iter().enumerate() {
            let sym = Sym(u16::try_from(index).unwrap_or(u16::MAX));
            by_name.insert(instrument.asset.symbol.to_owned(), sym);
            by_name.insert(instrument.asset.position_symbol(), sym);
            by_name.insert(instrument.asset.id.to_string(), sym);
            by_name.insert(instrument.asset.id.simple().to_string(), sym);
        }
        let mut market = Self {
            instruments,
            by_name,
            dice: Dice::new(seed, 1),
            option_dice: Dice::new(seed, 7),
            ticks: VecDeque::new(),
            listening: false,
        };
        market.invent_past(seed, calendar::in_new_york(start).date());
        market
    }

    /// Finds an asset by symbol (crypto with or without its slash) or id.
    pub fn find(&self, name: &str) -> Option<Sym> {
        self.by_name.get(name).copied()
    }

    /// All assets, in the order of the catalogue.
    pub fn syms(&self) -> impl Iterator<Item = Sym> + use<> {
        (0..u16::try_from(self.instruments.len()).unwrap_or(u16::MAX)).map(Sym)
    }

    /// The instrument of an asset.
    #[expect(
        clippy::indexing_slicing,
        reason = "a Sym is only made from a place in the catalogue, which never changes"
    )]
    pub fn get(&self, sym: Sym) -> &Instrument {
        &self.instruments[usize::from(sym.0)]
    }

    #[expect(clippy::indexing_slicing, reason = "see `get`")]
    pub(super) fn get_mut(&mut self, sym: Sym) -> &mut Instrument {
        &mut self.instruments[usize::from(sym.0)]
    }

    /// Halts an asset, or ends its halt.
    pub(super) fn halt(&mut self, sym: Sym, halted: bool, at: Timestamp) {
        self.get_mut(sym).halted = halted;
        if self.listening {
            self.ticks.push_back(Tick::Status(sym, halted, at));
        }
    }

    /// The asset's description.
    pub fn asset(&self, sym: Sym) -> &Asset {
        &self.get(sym).asset
    }

    /// The asset with this id.
    pub fn asset_by_id(&self, id: Uuid) -> Option<&Asset> {
        self.instruments.iter().map(|instrument| &instrument.asset).find(|asset| asset.id == id)
    }

    /// Starts or stops keeping events for [`Self::poll_tick`].
    pub fn listen(&mut self, on: bool) {
        self.listening = on;
        self.ticks.clear();
    }

    /// The next market event.
    pub fn poll_tick(&mut self) -> Option<Tick> {
        self.ticks.pop_front()
    }

    /// True when the asset trades in this phase.
    pub fn trades_in(&self, sym: Sym, phase: Phase) -> bool {
        let instrument = self.get(sym);
        !instrument.halted
            && !instrument.expired
            && match instrument.asset.class {
                AssetClass::Crypto => true,
                AssetClass::UsEquity => phase != Phase::Closed,
                AssetClass::UsOption => phase == Phase::Regular,
            }
    }

    /// Advances one asset by `millis`.
    pub(super) fn step(&mut self, sym: Sym, at: Timestamp, phase: Phase, millis: i64) {
        if !self.trades_in(sym, phase) {
            return;
        }
        let listening = self.listening;
        let value = self.value_of(sym, at);
        let Self { instruments, dice, option_dice, ticks, .. } = self;
        let Some(instrument) = instruments.get_mut(usize::from(sym.0)) else { return };
        if value.is_some() && at.duration_since(instrument.quote.at) < OPTION_PAUSE {
            return;
        }
        let minute = instrument.minute.map(|minute| minute.at);
        if minute.is_some_and(|minute| minute != instrument::minute_of(at))
            && let Some(bar) = instrument.end_minute()
            && listening
        {
            ticks.push_back(Tick::Minute(sym, bar));
        }
        // Prices move less outside regular hours: a quarter of the time counts.
        let millis =
            if phase.is_extended() && instrument.asset.class == AssetClass::UsEquity { millis / 4 } else { millis };
        let printed = match value {
            Some(value) => instrument.follow(value, option_dice, at),
            None => instrument.step(dice, at, millis),
        };
        if listening {
            ticks.push_back(Tick::Quote(sym, instrument.quote));
            if printed {
                ticks.push_back(Tick::Trade(sym, instrument.last));
            }
        }
    }

    /// An option's value, derived from its underlying; `None` for other assets.
    fn value_of(&self, sym: Sym, at: Timestamp) -> Option<i64> {
        let contract = self.asset(sym).contract?;
        let underlying = self.get(self.find(contract.underlying)?);
        Some(contract.value(underlying.fair(), underlying.asset.volatility, at))
    }

    /// Begins a trading day.
    pub(super) fn begin_day(&mut self, day: Date) {
        let midnight = calendar::instant(day, time(0, 0, 0, 0));
        let yesterday = calendar::instant(calendar::previous_trading_day(day), time(0, 0, 0, 0));
        let Self { instruments, dice, .. } = self;
        for instrument in instruments {
            instrument.end_minute();
            instrument.begin_day(dice, yesterday.min(midnight));
            instrument.expired = instrument.asset.contract.is_some_and(|contract| contract.expires < day);
        }
    }

    /// Sets a price by hand; the quote follows.
    pub(super) fn set_price(&mut self, sym: Sym, price: Decimal, at: Timestamp) {
        let listening = self.listening;
        let value = self.value_of(sym, at);
        let Self { instruments, dice, ticks, .. } = self;
        let Some(instrument) = instruments.get_mut(usize::from(sym.0)) else { return };
        instrument.set_price(price, value, dice, at);
        if listening {
            ticks.push_back(Tick::Quote(sym, instrument.quote));
            ticks.push_back(Tick::Trade(sym, instrument.last));
        }
    }

    /// Daily bars before the first day, computed backwards from the opening price.
    fn invent_past(&mut self, seed: u64, first: Date) {
        for (stream, instrument) in (1_000_u64..).zip(&mut self.instruments) {
            let mut dice = Dice::new(seed, stream);
            let (mut close, mut day) = (instrument.asset.price, first);
            for _ in 0..DAYS_BEFORE {
                day = calendar::previous_trading_day(day);
                let bar = past_day(&mut dice, &instrument.asset, close, day);
                close = dice_back(&mut dice, close, instrument.asset.volatility);
                instrument.days.push(bar);
            }
            instrument.days.reverse();
        }
    }
}

/// The previous day's close: a daily move is about a hundred and twenty times the move of a second.
fn dice_back(dice: &mut Dice, close: i64, volatility: i64) -> i64 {
    let move_ppb = dice.normal() * volatility * 120 / 1_000;
    let before = i128::from(close) * i128::from(1_000_000_000 - move_ppb) / 1_000_000_000;
    i64::try_from(before).unwrap_or(close).max(400)
}

fn past_day(dice: &mut Dice, asset: &Asset, close: i64, day: Date) -> Bar {
    let swing = |dice: &mut Dice| {
        let ppb = dice.normal().abs() * asset.volatility * 60 / 1_000;
        i64::try_from(i128::from(close) * i128::from(ppb) / 1_000_000_000).unwrap_or(0)
    };
    let open = if dice.chance(500) { close + swing(dice) } else { (close - swing(dice)).max(asset.tick) };
    let high = open.max(close) + swing(dice) / 2;
    let low = (open.min(close) - swing(dice) / 2).max(asset.tick);
    let volume = Decimal::new(asset.size * dice.between(12_000, 30_000), 2).normalize();
    let at = calendar::instant(day, time(0, 0, 0, 0));
    let price = |pips: i64| Decimal::new(pips / asset.tick * asset.tick, 4).normalize();
    let close = price(close);
    Bar {
        at,
        open: price(open),
        high: price(high),
        low: price(low),
        close,
        volume,
        trades: dice.below(40_000) + 20_000,
        turnover: close * volume,
    }
}
