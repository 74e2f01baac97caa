//! Orders in memory: the arena they live in, and the books that find the ones to match without looking at the rest.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

use rust_decimal::Decimal;
use uuid::Uuid;

use super::order::{AccountNo, Order};
use super::words::{OrderType, Side};
use crate::sim::market::Sym;

/// An order's place in the arena; grows with time, so it also orders by arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Ix(pub u32);

/// A map by ids that are random already: the last eight bytes of one are as good as any hash of it.
pub(super) type IdMap<T> = HashMap<Uuid, T, BuildHasherDefault<IdHasher>>;

/// See [`IdMap`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Sixteen bytes in one piece; their length, where it is written too, comes by another door.
        if let Some(last) = bytes.last_chunk::<8>() {
            self.0 = u64::from_be_bytes(*last);
        }
    }
}

/// An order with what the engine knows beside it.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub order: Order,
    pub account: AccountNo,
    pub sym: Sym,
    /// Price times quantity over its executions, exactly.
    pub value: Decimal,
    /// Price that its hold on buying power is reckoned with.
    pub hold_price: Decimal,
    /// Held of the buying power, as margin.
    pub held_margin: Decimal,
    /// Held of the position.
    pub held_qty: Decimal,
    /// Where it stands in the books.
    pub booked: Option<Booked>,
    /// Accepted by the venue.
    pub live: bool,
    /// Its stop has traded.
    pub triggered: bool,
    /// The order it is about to take the place of.
    pub shadows: Option<Ix>,
    /// What that order had executed when the replacement was asked for.
    pub filled_before: Decimal,
    /// Begins with what that order had executed: its own `filled_qty` counts the whole chain.
    pub carries: bool,
    /// The order about to take its place.
    pub successor: Option<Ix>,
    /// The other leg of its pair.
    pub sibling: Option<Ix>,
    /// Orders of its group that its end concerns: legs of an entry.
    pub legs: Vec<Ix>,
    /// Has been considered for a random first partial fill.
    pub drawn: bool,
}

impl Slot {
    pub fn is_open(&self) -> bool {
        !self.order.status.is_terminal()
    }

    /// The limit that binds it now: none for market orders and triggered stops.
    pub fn binding_limit(&self) -> Option<Decimal> {
        match self.order.order_type {
            OrderType::Limit | OrderType::StopLimit => self.order.limit_price,
            // Buy stops of shares become stop-limits some way above; the cap was put into `hold_price` on arrival.
            OrderType::Stop if self.order.side == Side::Buy => Some(self.hold_price),
            OrderType::Market | OrderType::Stop | OrderType::TrailingStop => None,
        }
    }

    /// Begins where another order of its chain stands.
    pub fn carry(&mut self, before: &Self) {
        self.value = before.value;
        (self.order.filled_qty, self.order.filled_avg_price) = (before.order.filled_qty, before.order.filled_avg_price);
        self.order.filled_at = before.order.filled_at;
    }

    /// True while it waits for a stop price.
    pub fn waits_for_stop(&self) -> bool {
        !self.triggered
            && matches!(self.order.order_type, OrderType::Stop | OrderType::StopLimit | OrderType::TrailingStop)
    }
}

/// Which map of a book an order is in, and under which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Booked {
    Bid(i64),
    Ask(i64),
    BuyStop(i64),
    SellStop(i64),
}

/// A price as an integer key: billionths of a dollar.
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
    pub fn insert(&mut self, place: Booked, ix: Ix) {
        match place {
            Booked::Bid(key) => self.bids.insert((Reverse(key), ix)),
            Booked::Ask(key) => self.asks.insert((key, ix)),
            Booked::BuyStop(key) => self.buy_stops.insert((key, ix)),
            Booked::SellStop(key) => self.sell_stops.insert((Reverse(key), ix)),
        };
    }

    pub fn remove(&mut self, place: Booked, ix: Ix) {
        match place {
            Booked::Bid(key) => self.bids.remove(&(Reverse(key), ix)),
            Booked::Ask(key) => self.asks.remove(&(key, ix)),
            Booked::BuyStop(key) => self.buy_stops.remove(&(key, ix)),
            Booked::SellStop(key) => self.sell_stops.remove(&(Reverse(key), ix)),
        };
    }
}
