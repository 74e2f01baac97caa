//! The market's clock (docs/ALPACA.md 5.10) and the equity curve (docs/ALPACA.md 5.3).

use jiff::Timestamp;
use serde::Deserialize;

use super::WireError;
use super::loose::Loose;
use crate::domain::market::{EquityHistory, EquityPoint, MarketClock};

#[derive(Deserialize)]
struct ClockWire<'a> {
    #[serde(borrow, default)]
    timestamp: Loose<'a>,
    #[serde(borrow, default)]
    is_open: Loose<'a>,
    #[serde(borrow, default)]
    next_open: Loose<'a>,
    #[serde(borrow, default)]
    next_close: Loose<'a>,
}

/// The clock; all four members are needed.
pub fn clock(text: &str) -> Result<MarketClock, WireError> {
    const WHAT: &str = "the clock";
    let wire: ClockWire<'_> = serde_json::from_str(text).map_err(|error| WireError::json(WHAT, &error))?;
    let missing = |member| WireError::Member { what: WHAT, member };
    if wire.is_open == Loose::Nothing {
        return Err(missing("is_open"));
    }
    Ok(MarketClock {
        at: wire.timestamp.time().ok_or_else(|| missing("timestamp"))?,
        is_open: wire.is_open.flag(),
        next_open: wire.next_open.time().ok_or_else(|| missing("next_open"))?,
        next_close: wire.next_close.time().ok_or_else(|| missing("next_close"))?,
    })
}

#[derive(Deserialize)]
struct HistoryWire<'a> {
    #[serde(borrow, default)]
    timestamp: Option<Vec<Loose<'a>>>,
    #[serde(borrow, default)]
    equity: Option<Vec<Loose<'a>>>,
    #[serde(borrow, default)]
    base_value: Loose<'a>,
}

/// The equity curve, with one point per timestamp; empty or all `None` for a new account.
pub fn history(text: &str) -> Result<EquityHistory, WireError> {
    const WHAT: &str = "the portfolio history";
    let wire: HistoryWire<'_> = serde_json::from_str(text).map_err(|error| WireError::json(WHAT, &error))?;
    let missing = |member| WireError::Member { what: WHAT, member };
    let times = wire.timestamp.unwrap_or_default();
    let mut equity = wire.equity.unwrap_or_default().into_iter();
    let mut points = Vec::with_capacity(times.len());
    for time in times {
        let at = time.word().and_then(|word| word.parse().ok()).and_then(left_edge);
        let equity = equity.next().unwrap_or_default().amount();
        points.push(EquityPoint { at: at.ok_or_else(|| missing("timestamp"))?, equity });
    }
    Ok(EquityHistory { points, base: wire.base_value.amount() })
}

/// A time in Unix seconds; older responses had milliseconds, which as seconds would be past the year 5000.
fn left_edge(count: i64) -> Option<Timestamp> {
    const YEAR_5138: i64 = 100_000_000_000;
    if count.abs() < YEAR_5138 { Timestamp::from_second(count) } else { Timestamp::from_millisecond(count) }.ok()
}
