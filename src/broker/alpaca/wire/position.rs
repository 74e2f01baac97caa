//! A position (docs/ALPACA.md 5.9).

use std::collections::HashSet;

use serde::Deserialize;

use super::loose::Loose;
use super::{BadRow, Lacks, WireError, raw, rows};
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

/// Decodes the positions, and names the rows that are unreadable or lack a figure. A row with a symbol is a position
/// even when its quantity is unreadable: it is held, and the user must see that. Of a position listed twice the first
/// row counts, and the others are named.
///
/// # Errors
/// When the text is not an array.
pub fn positions(text: &str) -> Result<(Vec<Position>, Vec<BadRow>), WireError> {
    let (mut read, mut unread) = rows(text, "the positions", position)?;
    let mut seen = HashSet::new();
    read.retain(|held: &Position| {
        let first = seen.insert(held.symbol.clone());
        if !first {
            let why = WireError::Twice { what: WHAT }.to_string();
            unread.push(BadRow { row: held.symbol.as_str().into(), id: None, why });
        }
        first
    });
    Ok((read, unread))
}

/// Decodes one position and adds unreadable figures to `lacks`, including a missing quantity. `symbol` is required; a
/// short position is negative even when only `side` says so.
pub fn position(text: &str, lacks: &mut Lacks) -> Result<Position, WireError> {
    let wire: PositionWire<'_> = serde_json::from_str(text).map_err(|error| WireError::json(WHAT, &error))?;
    let missing = |member| WireError::Member { what: WHAT, member };
    let symbol = Symbol::from(wire.symbol.some_word().ok_or_else(|| missing("symbol"))?);
    let qty = wire.qty.needed().map(Qty::new);
    if qty.is_none() {
        lacks.push(missing("qty"));
    }
    let short = wire.side.word() == Some("short");
    Ok(Position {
        symbol,
        asset_id: wire.asset_id.kept(),
        asset_class: wire.asset_class.kept(),
        qty: qty.map(|qty| if short && qty.is_positive() { qty.negated() } else { qty }),
        qty_available: wire.qty_available.figure(WHAT, "qty_available", lacks),
        avg_px: wire.avg_entry_price.figure(WHAT, "avg_entry_price", lacks),
        last_px: wire.current_price.figure(WHAT, "current_price", lacks),
        lastday_px: wire.lastday_price.figure(WHAT, "lastday_price", lacks),
        market_value: wire.market_value.figure(WHAT, "market_value", lacks),
        cost_basis: wire.cost_basis.figure(WHAT, "cost_basis", lacks),
        unrealized_pl: wire.unrealized_pl.figure(WHAT, "unrealized_pl", lacks),
        unrealized_plpc: wire.unrealized_plpc.figure(WHAT, "unrealized_plpc", lacks),
        unrealized_intraday_pl: wire.unrealized_intraday_pl.figure(WHAT, "unrealized_intraday_pl", lacks),
        change_today: wire.change_today.figure(WHAT, "change_today", lacks),
        raw: raw(text),
    })
}
