//! Storage of orders: the arena, and per asset the books that find orders to match without a scan.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use rust_decimal::Decimal;
use uuid::Uuid;

use super::order::{AccountNo, Order};
use crate::sim::market::Sym;
use crate::sim::words::{OrderType, Side};

/// An order's index in the arena; increases with time, and so also orders by arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ix(pub u32);

/// A map by random ids: the last eight bytes of an id serve as its hash.
pub(super) type IdMap<T> = HashMap<Uuid, T, BuildHasherDefault<IdHasher>>;

/// See [`IdMap`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // The sixteen bytes arrive in one call; their length, if hashed, arrives through another method.
        if let Some(last) = bytes.last_chunk::<8>() {
            self.0 = u64::from_be_bytes(*last);
        }
    }
}

/// An order with the engine's internal state.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub order: Order,
    pub account: AccountNo,
    pub sym: Sym,
    /// The sum of price times quantity over its executions, exact.
    pub value: Decimal,
    /// The price for computing its hold on buying power.
    pub hold_price: Decimal,
    /// Its hold on buying power, as margin.
    pub held_margin: Decimal,
    /// Its hold on the position.
    pub held_qty: Decimal,
    /// Its place in the books.
    pub booked: Option<Booked>,
    /// Whether the venue has accepted it.
    pub live: bool,
    /// Whether its stop has triggered.
    pub triggered: bool,
    /// The order it is about to replace.
    pub shadows: Option<Ix>,
    /// That order's executed quantity when the replacement was requested.
    pub filled_before: Decimal,
    /// Whether its `filled_qty` starts with that order's and counts the whole chain.
    pub carries: bool,
    /// The order about to replace it.
    pub successor: Option<Ix>,
    /// The other leg of its pair.
    pub sibling: Option<Ix>,
    /// Orders of its group that its end affects: the legs of an entry.
    pub legs: Vec<Ix>,
    /// Whether it has been considered for a random first partial fill.
    pub drawn: bool,
}

impl Slot {
    pub(super) fn is_open(&self) -> bool {
        !self.order.status.is_terminal()
    }

    /// The current limit; none for market orders and triggered stops.
    pub(super) fn binding_limit(&self) -> Option<Decimal> {
        match self.order.order_type {
            OrderType::Limit | OrderType::StopLimit => self.order.limit_price,
            // Stop buys of shares become stop-limits some way above; the cap was set in `hold_price` on arrival.
            OrderType::Stop if self.order.side == Side::Buy => Some(self.hold_price),
            OrderType::Market | OrderType::Stop | OrderType::TrailingStop => None,
        }
    }

    /// Starts with the executed quantity of another order of its chain.
    pub(super) fn carry(&mut self, before: &Self) {
        self.value = before.value;
        (self.order.filled_qty, self.order.filled_avg_price) = (before.order.filled_qty, before.order.filled_avg_price);
        self.order.filled_at = before.order.filled_at;
    }

    /// Whether it waits for a stop price.
    pub(super) fn waits_for_stop(&self) -> bool {
        !self.triggered
            && matches!(self.order.order_type, OrderType::Stop | OrderType::StopLimit | OrderType::TrailingStop)
    }
}

/// The map of a book that an order is in, and its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Booked {
    Bid(i64),
    Ask(i64),
    BuyStop(i64),
    SellStop(i64),
}

/// A price as an integer key, in billionths of a dollar.
pub(super) fn key(price: Decimal) -> i64 {
    let mut scaled = price;
    scaled.rescale(9);
    i64::try_from(scaled.mantissa()).unwrap_or(i64::MAX)
}

/// The working orders of one asset.
#[derive(Debug, Clone, Default)]
pub(super) struct Book {
    /// Highest price first, then oldest.
    pub bids: BTreeSet<(Reverse<i64>, Ix)>,
    /// Lowest price first, then oldest.
    pub asks: BTreeSet<(i64, Ix)>,
    /// Lowest stop first.
    pub buy_stops: BTreeSet<(i64, Ix)>,
    /// Highest stop first.
    pub sell_stops: BTreeSet<(Reverse<i64>, Ix)>,
    /// Trailing sells by the high they follow, lowest first.
    pub trailing_sells: BTreeSet<(i64, Ix)>,
    /// Trailing buys by the low they follow, highest first.
    pub trailing_buys: BTreeSet<(Reverse<i64>, Ix)>,
}

impl Book {
    pub(super) fn insert(&mut self, place: Booked, ix: Ix) {
        match place {
            Booked::Bid(key) => self.bids.insert((Reverse(key), ix)),
            Booked::Ask(key) => self.asks.insert((key, ix)),
            Booked::BuyStop(key) => self.buy_stops.insert((key, ix)),
            Booked::SellStop(key) => self.sell_stops.insert((Reverse(key), ix)),
        };
    }

    pub(super) fn remove(&mut self, place: Booked, ix: Ix) {
        match place {
            Booked::Bid(key) => self.bids.remove(&(Reverse(key), ix)),
            Booked::Ask(key) => self.asks.remove(&(key, ix)),
            Booked::BuyStop(key) => self.buy_stops.remove(&(key, ix)),
            Booked::SellStop(key) => self.sell_stops.remove(&(Reverse(key), ix)),
        };
    }
}
