//! Periods of an equity chart.

use serde::{Deserialize, Serialize};

use crate::domain::listed::listed;

listed! {
    /// The period of an equity chart; shortest first.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    pub enum Period {
        /// Today.
        Day,
        Week,
        Month,
        Quarter,
        Year,
    }
}

impl Period {
    /// The period as shown and as sent to the broker (docs/ALPACA.md 5.3).
    pub const fn word(self) -> &'static str {
        match self {
            Self::Day => "1D",
            Self::Week => "1W",
            Self::Month => "1M",
            Self::Quarter => "3M",
            Self::Year => "1A",
        }
    }

    /// The curve's resolution, as the broker writes it.
    pub const fn timeframe(self) -> &'static str {
        match self {
            Self::Day => "5Min",
            Self::Week => "1H",
            Self::Month | Self::Quarter | Self::Year => "1D",
        }
    }
}
