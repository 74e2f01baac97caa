//! Paper or live: two environments that must never be confused.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whether an account trades simulated or real money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Simulated money.
    Paper,
    /// Real money.
    Live,
}

impl Environment {
    /// `PAPER` or `LIVE`, shown wherever an account is named.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Paper => "PAPER",
            Self::Live => "LIVE",
        }
    }

    /// `paper` or `live`, as written in configuration, JSON and the authorize request's `env` (docs/ALPACA.md 2.2).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Live => "live",
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
