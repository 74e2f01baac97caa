//! A position in one symbol, as the broker reports it.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::ids::Symbol;
use super::money::{Money, Price, Qty};
use super::order::Raw;
use super::text::Untrusted;

/// One open position (docs/ALPACA.md 5.9). A price or value the broker left out is `None` and shows as `--`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The symbol; crypto positions are written without the slash (docs/ALPACA.md 5.9).
    pub symbol: Symbol,
    /// The broker's id of the asset.
    pub asset_id: Option<Untrusted>,
    /// `us_equity`, `crypto`, …
    pub asset_class: Option<Untrusted>,
    /// Signed quantity: negative when short; `None` when unreadable.
    pub qty: Option<Qty>,
    /// Quantity not reserved for orders.
    pub qty_available: Option<Qty>,
    /// Average entry price.
    pub avg_px: Option<Price>,
    /// Last price known to the broker.
    pub last_px: Option<Price>,
    /// Price at the previous close.
    pub lastday_px: Option<Price>,
    /// Value at the last price, signed.
    pub market_value: Option<Money>,
    /// The price paid for it, signed.
    pub cost_basis: Option<Money>,
    /// Unrealized profit or loss.
    pub unrealized_pl: Option<Money>,
    /// The same as a fraction, not percent.
    pub unrealized_plpc: Option<Decimal>,
    /// Unrealized profit or loss since the last close.
    pub unrealized_intraday_pl: Option<Money>,
    /// Price change today, as a fraction.
    pub change_today: Option<Decimal>,
    /// The broker's JSON of the position.
    pub raw: Raw,
}

impl Position {
    /// A position of which only the symbol is known.
    pub fn unread(symbol: Symbol) -> Self {
        Self {
            symbol,
            asset_id: None,
            asset_class: None,
            qty: None,
            qty_available: None,
            avg_px: None,
            last_px: None,
            lastday_px: None,
            market_value: None,
            cost_basis: None,
            unrealized_pl: None,
            unrealized_plpc: None,
            unrealized_intraday_pl: None,
            change_today: None,
            raw: Raw::default(),
        }
    }
}
