//! A position (API.md 5.9).

use serde::Deserialize;

use super::loose::Loose;
use super::{WireError, raw};
use crate::domain::{Position, Qty, Symbol};

const WHAT: &str = "a position";

#[derive(Deserialize)]
struct PositionWire<'a> {
    #[serde(borrow, default)]
    symbol: Loose<'a>,
    #[serde(borrow, default)]
    asset_id: Loose<'a>,
    #[serde(borrow, default)]
    asset_class: Loose<'a>,
    #[serde(borrow, default)]
    side: Loose<'a>,
    #[serde(borrow, default)]
    qty: Loose<'a>,
    #[serde(borrow, default)]
    qty_available: Loose<'a>,
    #[serde(borrow, default)]
    avg_entry_price: Loose<'a>,
    #[serde(borrow, default)]
    current_price: Loose<'a>,
    #[serde(borrow, default)]
    lastday_price: Loose<'a>,
    #[serde(borrow, default)]
    market_value: Loose<'a>,
    #[serde(borrow, default)]
    cost_basis: Loose<'a>,
    #[serde(borrow, default)]
    unrealized_pl: Loose<'a>,
    #[serde(borrow, default)]
    unrealized_plpc: Loose<'a>,
    #[serde(borrow, default)]
    unrealized_intraday_pl: Loose<'a>,
    #[serde(borrow, default)]
    change_today: Loose<'a>,
}

/// One position. It needs a `symbol` and a readable `qty`; a short one is negative even where only `side` says so.
pub fn position(text: &str) -> Result<Position, WireError> {
    let wire: PositionWire<'_> = serde_json::from_str(text).map_err(|error| WireError::json(WHAT, &error))?;
    let missing = |member| WireError::Member { what: WHAT, member };
    let qty = Qty::new(wire.qty.needed().ok_or_else(|| missing("qty"))?);
    let short = wire.side.word() == Some("short");
    Ok(Position {
        symbol: Symbol::from(wire.symbol.some_word().ok_or_else(|| missing("symbol"))?),
        asset_id: wire.asset_id.kept(),
        asset_class: wire.asset_class.kept(),
        qty: if short && qty.is_positive() { qty.negated() } else { qty },
        qty_available: wire.qty_available.amount(),
        avg_px: wire.avg_entry_price.amount(),
        last_px: wire.current_price.amount(),
        lastday_px: wire.lastday_price.amount(),
        market_value: wire.market_value.amount(),
        cost_basis: wire.cost_basis.amount(),
        unrealized_pl: wire.unrealized_pl.amount(),
        unrealized_plpc: wire.unrealized_plpc.decimal(),
        unrealized_intraday_pl: wire.unrealized_intraday_pl.amount(),
        change_today: wire.change_today.decimal(),
        raw: raw(text),
    })
}
