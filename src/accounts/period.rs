//! Periods of an equity chart.

use serde::{Deserialize, Serialize};

macro_rules! periods {
    ($($(#[$doc:meta])* $period:ident $word:literal $timeframe:literal)+) => {
        /// The period of an equity chart.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Period {
            $($(#[$doc])* $period),+
        }

        impl Period {
            /// All periods, shortest first.
            pub const ALL: [Self; [$(Self::$period),+].len()] = [$(Self::$period),+];

            /// The period as shown and as sent to the broker (docs/ALPACA.md 5.3).
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$period => $word),+
                }
            }

            /// The curve's resolution, as the broker writes it.
            pub const fn timeframe(self) -> &'static str {
                match self {
                    $(Self::$period => $timeframe),+
                }
            }
        }
    };
}

periods! {
    /// Today.
    Day "1D" "5Min"
    Week "1W" "1H"
    Month "1M" "1D"
    Quarter "3M" "1D"
    Year "1A" "1D"
}
