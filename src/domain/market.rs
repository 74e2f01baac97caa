//! The market's clock and an account's equity over time.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::money::Money;

/// The exchange's clock (docs/ALPACA.md 5.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarketClock {
    /// The broker's time when it answered.
    pub at: Timestamp,
    /// Whether regular trading is open.
    pub is_open: bool,
    /// The next opening.
    pub next_open: Timestamp,
    /// The next close.
    pub next_close: Timestamp,
}

/// One point of an equity curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EquityPoint {
    /// Start of the interval.
    pub at: Timestamp,
    /// Equity; `None` where the broker had none (docs/ALPACA.md 5.3).
    pub equity: Option<Money>,
}

/// An equity curve (docs/ALPACA.md 5.3).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EquityHistory {
    /// The points in time order.
    pub points: Vec<EquityPoint>,
    /// The equity from which profit and loss are measured.
    pub base: Option<Money>,
}
