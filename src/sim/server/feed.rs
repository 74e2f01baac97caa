//! The feeds of data sockets: their channels, their symbols, and who may use them.

use crate::sim::words::AssetClass;

/// The symbol of the test feed.
pub(super) const FAKE: &str = "FAKEPACA";

/// A feed of a data socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Feed {
    Stocks(&'static str),
    /// The test symbol.
    Test,
    Crypto,
    Options(&'static str),
    News,
}

impl Feed {
    /// The channels, in the order of the answer.
    pub(super) const fn channels(self) -> &'static [&'static str] {
        match self {
            Self::Stocks(_) | Self::Test => {
                &["trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds"]
            }
            Self::Crypto => &["trades", "quotes", "orderbooks", "bars", "updatedBars", "dailyBars"],
            Self::Options(_) => &["trades", "quotes"],
            Self::News => &["news"],
        }
    }

    /// Whether an account without a subscription plan may use it.
    pub(super) const fn is_free(self) -> bool {
        match self {
            Self::Stocks(feed) => matches!(feed.as_bytes(), b"iex" | b"delayed_sip"),
            Self::Options(feed) => matches!(feed.as_bytes(), b"indicative"),
            Self::Test | Self::Crypto | Self::News => true,
        }
    }

    /// Whether a client may ask for a symbol on it.
    pub(super) fn has(self, symbol: &str) -> bool {
        let plain = |ch: char| ch.is_ascii_uppercase() || ch.is_ascii_digit() || ch == '.';
        symbol == "*"
            || match self {
                Self::Test => symbol == FAKE,
                Self::Stocks(_) => symbol.chars().all(plain),
                Self::Crypto => symbol.contains('/'),
                Self::Options(_) => symbol.len() > 15 && symbol.chars().all(plain),
                Self::News => symbol.chars().all(|ch| plain(ch) || ch == '/'),
            }
    }

    /// What its symbols name; `None` where market events play no part.
    pub(super) const fn class(self) -> Option<AssetClass> {
        match self {
            Self::Stocks(_) => Some(AssetClass::UsEquity),
            Self::Crypto => Some(AssetClass::Crypto),
            Self::Options(_) => Some(AssetClass::UsOption),
            Self::Test | Self::News => None,
        }
    }
}
