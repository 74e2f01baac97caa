//! A row of the activity list (docs/ALPACA.md 5.4).

use jiff::civil::Date;
use serde::Deserialize;

use super::loose::Loose;
use super::{WireError, raw};
use crate::domain::{Activity, ActivityKind, ExecutionId, OrderId, Side, Symbol};

const WHAT: &str = "an activity";

#[derive(Deserialize)]
struct ActivityWire<'a> {
    #[serde(borrow, default)]
    id: Loose<'a>,
    #[serde(borrow, default)]
    activity_type: Loose<'a>,
    #[serde(borrow, default)]
    ref_id: Loose<'a>,
    #[serde(borrow, default)]
    execution_id: Loose<'a>,
    #[serde(borrow, default)]
    order_id: Loose<'a>,
    #[serde(borrow, default)]
    symbol: Loose<'a>,
    #[serde(borrow, default)]
    side: Loose<'a>,
    #[serde(borrow, default)]
    qty: Loose<'a>,
    #[serde(borrow, default)]
    price: Loose<'a>,
    #[serde(borrow, default)]
    cum_qty: Loose<'a>,
    #[serde(rename = "type", borrow, default)]
    fill_type: Loose<'a>,
    #[serde(borrow, default)]
    transaction_time: Loose<'a>,
    #[serde(borrow, default)]
    net_amount: Loose<'a>,
    #[serde(borrow, default)]
    date: Loose<'a>,
    #[serde(borrow, default)]
    description: Loose<'a>,
}

/// Decodes one row. `id` is required, because it is the page token; a `FILL` also needs order, symbol, quantity and
/// price, without which the execution is unknown.
pub fn activity(text: &str) -> Result<Activity, WireError> {
    let wire: ActivityWire<'_> = serde_json::from_str(text).map_err(|error| WireError::json(WHAT, &error))?;
    let missing = |member| WireError::Member { what: WHAT, member };
    let id = wire.id.some_word().ok_or_else(|| missing("id"))?;
    let activity_type = wire.activity_type.word().unwrap_or_default();
    let fill = if activity_type == "FILL" {
        Some(fill(&wire).ok_or_else(|| missing("order, symbol, side, quantity, price or time"))?)
    } else {
        None
    };
    Ok(Activity {
        id: id.into(),
        activity_type: activity_type.into(),
        kind: fill.unwrap_or_else(|| ActivityKind::Other {
            net_amount: wire.net_amount.amount(),
            symbol: wire.symbol.some_word().map(Symbol::from),
            qty: wire.qty.amount(),
            date: wire.date.word().and_then(day),
            description: wire.description.kept(),
        }),
        raw: raw(text),
    })
}

/// A date; some rows write it as a time at midnight.
fn day(word: &str) -> Option<Date> {
    word.get(..10)?.parse().ok().filter(|day: &Date| day.year() >= 1900)
}

fn fill(wire: &ActivityWire<'_>) -> Option<ActivityKind> {
    // An unreadable time or side makes the row unreadable as a whole, so that it is fetched again later.
    if wire.transaction_time.is_no_time() || (wire.side.is_there() && wire.side.word().is_none()) {
        return None;
    }
    Some(ActivityKind::Fill {
        execution_id: wire.ref_id.some_word().or_else(|| wire.execution_id.some_word()).map(ExecutionId::from),
        order_id: OrderId::from(wire.order_id.some_word()?),
        symbol: Symbol::from(wire.symbol.some_word()?),
        side: Side::from_word(wire.side.word().unwrap_or_default()),
        qty: wire.qty.amount()?,
        px: wire.price.amount()?,
        cum_qty: wire.cum_qty.amount(),
        partial: wire.fill_type.word() == Some("partial_fill"),
        at: wire.transaction_time.time(),
    })
}
