//! The assets that can be traded: a fixed list with plausible figures.

use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::option::{self, Contract, Named};
use crate::sim::calendar;
use crate::sim::dice::uuid_of;
use crate::sim::words::AssetClass;

/// One line of the list, in readable units.
struct Listing {
    symbol: &'static str,
    name: &'static str,
    exchange: &'static str,
    class: AssetClass,
    /// Opening price and tick, in ten-thousandths of a dollar.
    price: i64,
    tick: i64,
    /// Volatility: billionths of the price per square root of a second.
    volatility: i64,
    /// Widest normal spread, in ticks.
    spread: i64,
    /// Normal displayed size, in hundredths of a unit.
    size: i64,
}

const fn share(
    symbol: &'static str,
    name: &'static str,
    exchange: &'static str,
    cents: i64,
    volatility: i64,
    spread: i64,
    size: i64,
) -> Listing {
    Listing {
        symbol,
        name,
        exchange,
        class: AssetClass::UsEquity,
        price: cents * 100,
        tick: 100,
        volatility,
        spread,
        size: size * 100,
    }
}

const fn coin(
    symbol: &'static str,
    name: &'static str,
    cents: i64,
    volatility: i64,
    spread: i64,
    size: i64,
) -> Listing {
    Listing {
        symbol,
        name,
        exchange: "CRYPTO",
        class: AssetClass::Crypto,
        price: cents * 100,
        tick: 100,
        volatility,
        spread,
        size,
    }
}

/// The tick of options, in ten-thousandths of a dollar.
const OPTION_TICK: i64 = 100;

const LISTINGS: &[Listing] = &[
    share("AAPL", "Apple Inc. Common Stock", "NASDAQ", 27_140, 95_000, 2, 420),
    share("AMD", "Advanced Micro Devices, Inc. Common Stock", "NASDAQ", 21_475, 190_000, 3, 380),
    share("AMZN", "Amazon.com, Inc. Common Stock", "NASDAQ", 22_935, 120_000, 2, 360),
    share("F", "Ford Motor Company", "NYSE", 1_317, 110_000, 1, 3_400),
    share("GOOGL", "Alphabet Inc. Class A Common Stock", "NASDAQ", 29_960, 115_000, 3, 300),
    share("JPM", "JPMorgan Chase & Co.", "NYSE", 30_428, 85_000, 4, 180),
    share("KO", "The Coca-Cola Company", "NYSE", 7_182, 55_000, 1, 900),
    share("META", "Meta Platforms, Inc. Class A Common Stock", "NASDAQ", 59_425, 140_000, 9, 120),
    share("MSFT", "Microsoft Corporation Common Stock", "NASDAQ", 47_612, 85_000, 5, 210),
    share("NVDA", "NVIDIA Corporation Common Stock", "NASDAQ", 18_063, 170_000, 2, 800),
    share("QQQ", "Invesco QQQ Trust, Series 1", "NASDAQ", 60_540, 75_000, 3, 500),
    share("SPY", "SPDR S&P 500 ETF Trust", "ARCA", 66_871, 58_000, 2, 900),
    share("TSLA", "Tesla, Inc. Common Stock", "NASDAQ", 40_109, 220_000, 6, 260),
    Listing {
        symbol: "TNXP",
        name: "Tonix Pharmaceuticals Holding Corp. Common Stock",
        exchange: "NASDAQ",
        class: AssetClass::UsEquity,
        price: 4_127,
        tick: 1,
        volatility: 330_000,
        spread: 9,
        size: 260_000,
    },
    coin("BTC/USD", "Bitcoin / US Dollar", 8_764_310, 75_000, 900, 160),
    coin("ETH/USD", "Ethereum / US Dollar", 291_744, 95_000, 60, 2_400),
];

/// An asset, as the asset endpoints describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// The id; the same in every run.
    pub id: Uuid,
    /// The symbol; crypto with a slash.
    pub symbol: &'static str,
    pub name: &'static str,
    /// The exchange; empty for options.
    pub exchange: &'static str,
    /// The asset class.
    pub class: AssetClass,
    pub marginable: bool,
    pub shortable: bool,
    pub fractionable: bool,
    /// The contract multiplier: units of the underlying per unit.
    pub multiplier: Decimal,
    /// The smallest quantity step.
    pub qty_step: Decimal,
    /// The smallest price step.
    pub price_step: Decimal,
    /// The option contract, for options.
    pub contract: Option<Contract>,
    pub(super) price: i64,
    pub(super) tick: i64,
    pub(super) volatility: i64,
    pub(super) spread: i64,
    pub(super) size: i64,
}

impl Asset {
    /// The symbol as positions write it: crypto without the slash.
    pub fn position_symbol(&self) -> String {
        self.symbol.replace('/', "")
    }

    /// The coin of a crypto pair.
    pub fn coin(&self) -> &'static str {
        self.symbol.split('/').next().unwrap_or(self.symbol)
    }

    /// Whether the asset can be quoted and ordered at this price: at most two decimals from a dollar up, four below.
    pub fn takes_price(&self, price: Decimal) -> bool {
        let places = match self.class {
            AssetClass::Crypto => 9,
            AssetClass::UsOption => 2,
            AssetClass::UsEquity if price >= Decimal::ONE => 2,
            AssetClass::UsEquity => 4,
        };
        price.normalize().scale() <= places
    }
}

/// All assets of a market created at `start`, in the order of their [`super::Sym`]s.
pub fn assets(start: Timestamp) -> Vec<Asset> {
    let mut list: Vec<Asset> = LISTINGS.iter().map(listed).collect();
    let day = calendar::in_new_york(start).date();
    let options: Vec<Asset> = option::contracts(day).iter().filter_map(|named| written(&list, named, start)).collect();
    list.extend(options);
    list
}

fn listed(listing: &Listing) -> Asset {
    let equity = listing.class == AssetClass::UsEquity;
    let crypto = listing.class == AssetClass::Crypto;
    Asset {
        id: uuid_of(listing.symbol),
        symbol: listing.symbol,
        name: listing.name,
        exchange: listing.exchange,
        class: listing.class,
        // Shares under three dollars are not marginable.
        marginable: equity && listing.price >= 30_000,
        shortable: equity && listing.price >= 30_000,
        fractionable: crypto || (equity && listing.price >= 10_000),
        multiplier: Decimal::ONE,
        qty_step: Decimal::new(1, 9),
        price_step: Decimal::new(listing.tick, 4).normalize(),
        contract: None,
        price: listing.price,
        tick: listing.tick,
        volatility: listing.volatility,
        spread: listing.spread,
        size: listing.size,
    }
}

/// An option on one of the listed shares.
fn written(listed: &[Asset], named: &Named, start: Timestamp) -> Option<Asset> {
    let underlying = listed.iter().find(|asset| asset.symbol == named.contract.underlying)?;
    let (spot, volatility) = (underlying.price * 100, underlying.volatility);
    let price = (named.contract.value(spot, volatility, start) / 100).max(OPTION_TICK) / OPTION_TICK * OPTION_TICK;
    Some(Asset {
        id: uuid_of(named.symbol),
        symbol: named.symbol,
        name: named.name,
        exchange: "",
        class: AssetClass::UsOption,
        marginable: false,
        shortable: false,
        fractionable: false,
        multiplier: Decimal::ONE_HUNDRED,
        qty_step: Decimal::ONE,
        price_step: Decimal::new(OPTION_TICK, 4).normalize(),
        contract: Some(named.contract),
        price,
        tick: OPTION_TICK,
        // Its own path only for the past; from the start on it follows its underlying.
        volatility: 900_000,
        spread: (price / OPTION_TICK / 90).max(2),
        size: 4_000,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assets() -> Vec<Asset> {
        super::assets("2026-10-20T14:00:00Z".parse().unwrap())
    }

    #[test]
    fn symbols_and_ids_are_unique_and_ids_never_change() {
        let list = assets();
        let mut ids: Vec<Uuid> = list.iter().map(|asset| asset.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), list.len());
        assert_eq!(assets(), list);
    }

    #[test]
    fn prices_have_two_decimals_from_a_dollar_up_and_four_below() {
        let list = assets();
        let apple = list.iter().find(|asset| asset.symbol == "AAPL").unwrap();
        let takes = |text: &str| apple.takes_price(text.parse().unwrap());
        assert!(takes("290.12") && takes("290.1200") && takes("0.9999"));
        assert!(!takes("290.123") && !takes("0.99995"));
    }
}
