//! A position (docs/ALPACA.md 5.9).

use serde::Deserialize;

use super::loose::Loose;
use super::{BadRow, WireError, raw, rows};
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

/// The positions, and the rows without which the list is not whole. A row that names its symbol is a position, even where
/// its quantity cannot be read: it is held, and who follows it must see that.
///
/// # Errors
/// When it is no array.
pub fn positions(text: &str) -> Result<(Vec<Position>, Vec<BadRow>), WireError> {
    let (positions, mut unread) = rows(text, "the positions", position)?;
    let without = positions.iter().filter(|position| position.qty.is_none());
    unread.extend(without.map(|position| BadRow {
        row: position.symbol.as_str().into(),
        why: WireError::Member { what: WHAT, member: "qty" }.to_string(),
    }));
    Ok((positions, unread))
}

/// One position. It needs a `symbol`; a short one is negative even where only `side` says so.
pub fn position(text: &str) -> Result<Position, WireError> {
    let wire: PositionWire<'_> = serde_json::from_str(text).map_err(|error| WireError::json(WHAT, &error))?;
    let missing = |member| WireError::Member { what: WHAT, member };
    let qty = wire.qty.needed().map(Qty::new);
    let short = wire.side.word() == Some("short");
    Ok(Position {
        symbol: Symbol::from(wire.symbol.some_word().ok_or_else(|| missing("symbol"))?),
        asset_id: wire.asset_id.kept(),
        asset_class: wire.asset_class.kept(),
        qty: qty.map(|qty| if short && qty.is_positive() { qty.negated() } else { qty }),
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
