//! An order (docs/ALPACA.md 5.6), from REST, from a stream event, or as a leg of another order.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::loose::Loose;
use super::{Lacks, WireError, raw};
use crate::domain::{
    ClientOrderId, Order, OrderClass, OrderId, OrderStatus, OrderType, Qty, Side, Symbol, TimeInForce,
};

const WHAT: &str = "an order";
/// Legs of legs are always null (docs/ALPACA.md 9.1); nesting beyond this depth is ignored.
const DEEPEST: u8 = 2;

#[derive(Deserialize)]
struct OrderWire<'a> {
    #[serde(borrow, default)]
    id: Loose<'a>,
    #[serde(borrow, default)]
    client_order_id: Loose<'a>,
    #[serde(borrow, default)]
    created_at: Loose<'a>,
    #[serde(borrow, default)]
    updated_at: Loose<'a>,
    #[serde(borrow, default)]
    submitted_at: Loose<'a>,
    #[serde(borrow, default)]
    filled_at: Loose<'a>,
    #[serde(borrow, default)]
    expired_at: Loose<'a>,
    #[serde(borrow, default)]
    expires_at: Loose<'a>,
    #[serde(borrow, default)]
    canceled_at: Loose<'a>,
    #[serde(borrow, default)]
    failed_at: Loose<'a>,
    #[serde(borrow, default)]
    replaced_at: Loose<'a>,
    #[serde(borrow, default)]
    replaced_by: Loose<'a>,
    #[serde(borrow, default)]
    replaces: Loose<'a>,
    #[serde(borrow, default)]
    symbol: Loose<'a>,
    #[serde(borrow, default)]
    asset_class: Loose<'a>,
    #[serde(borrow, default)]
    notional: Loose<'a>,
    #[serde(borrow, default)]
    qty: Loose<'a>,
    #[serde(borrow, default)]
    filled_qty: Loose<'a>,
    #[serde(borrow, default)]
    filled_avg_price: Loose<'a>,
    #[serde(borrow, default)]
    order_class: Loose<'a>,
    #[serde(borrow, default)]
    order_type: Loose<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: Loose<'a>,
    #[serde(borrow, default)]
    side: Loose<'a>,
    #[serde(borrow, default)]
    time_in_force: Loose<'a>,
    #[serde(borrow, default)]
    limit_price: Loose<'a>,
    #[serde(borrow, default)]
    stop_price: Loose<'a>,
    #[serde(borrow, default)]
    trail_percent: Loose<'a>,
    #[serde(borrow, default)]
    trail_price: Loose<'a>,
    #[serde(borrow, default)]
    hwm: Loose<'a>,
    #[serde(borrow, default)]
    status: Loose<'a>,
    #[serde(borrow, default)]
    extended_hours: Loose<'a>,
    #[serde(borrow, default)]
    group_id: Loose<'a>,
    #[serde(borrow, default)]
    group_role: Loose<'a>,
    #[serde(borrow, default)]
    legs: Rows<'a>,
}

/// Decodes one order. `id` is required, and the executed quantity must be readable when stated.
pub fn order(text: &str) -> Result<Order, WireError> {
    read(text, DEEPEST, &mut Vec::new(), &mut Lacks::new())
}

/// Decodes an order, followed by its legs; adds unreadable figures of either to `lacks`.
pub fn orders(text: &str, lacks: &mut Lacks) -> Result<Vec<Order>, WireError> {
    let mut legs = Vec::new();
    let order = read(text, DEEPEST, &mut legs, lacks)?;
    legs.insert(0, order);
    Ok(legs)
}

/// Decodes an order and adds its legs to `beside`.
fn read(text: &str, depth: u8, beside: &mut Vec<Order>, lacks: &mut Lacks) -> Result<Order, WireError> {
    let wire: OrderWire<'_> = serde_json::from_str(text).map_err(|error| WireError::json(WHAT, &error))?;
    let missing = |member| WireError::Member { what: WHAT, member };
    let id = wire.id.some_word().ok_or_else(|| missing("id"))?;
    let cum_qty = if let Loose::Nothing = wire.filled_qty {
        Qty::ZERO
    } else {
        // A negative executed quantity is invalid.
        let qty = wire.filled_qty.needed().filter(|qty| qty.is_zero() || qty.is_sign_positive());
        Qty::new(qty.ok_or_else(|| missing("filled_qty"))?)
    };
    let older = wire.kind.some_word().is_none() && wire.order_type.is_there();
    let kind = if older { &wire.order_type } else { &wire.kind };
    if wire.status == Loose::Nothing {
        lacks.push(missing("status"));
    }
    let mut legs = Vec::new();
    if let Some(depth) = depth.checked_sub(1) {
        for leg in &wire.legs.0 {
            let leg = read(leg.get(), depth, beside, lacks)?;
            legs.push(leg.id.clone());
            beside.push(leg);
        }
    }
    Ok(Order {
        id: OrderId::from(id),
        client_order_id: wire.client_order_id.some_word().map(ClientOrderId::from),
        symbol: Symbol::from(wire.symbol.word_or(WHAT, "symbol", lacks)),
        asset_class: wire.asset_class.kept(),
        side: Side::from_word(wire.side.word_or(WHAT, "side", lacks)),
        order_type: OrderType::from_word(kind.word_or(WHAT, "type", lacks)),
        tif: TimeInForce::from_word(wire.time_in_force.word_or(WHAT, "time_in_force", lacks)),
        class: OrderClass::from_word(wire.order_class.word().unwrap_or_default()),
        qty: wire.qty.figure(WHAT, "qty", lacks),
        notional: wire.notional.figure(WHAT, "notional", lacks),
        cum_qty,
        avg_px: wire.filled_avg_price.figure(WHAT, "filled_avg_price", lacks),
        limit_px: wire.limit_price.figure(WHAT, "limit_price", lacks),
        stop_px: wire.stop_price.figure(WHAT, "stop_price", lacks),
        trail_px: wire.trail_price.figure(WHAT, "trail_price", lacks),
        trail_percent: wire.trail_percent.figure(WHAT, "trail_percent", lacks),
        hwm: wire.hwm.figure(WHAT, "hwm", lacks),
        status: OrderStatus::from_word(wire.status.word_or(WHAT, "status", lacks)),
        extended_hours: wire.extended_hours.flag(),
        created_at: wire.created_at.time_or(WHAT, "created_at", lacks),
        updated_at: wire.updated_at.time_or(WHAT, "updated_at", lacks),
        submitted_at: wire.submitted_at.time_or(WHAT, "submitted_at", lacks),
        filled_at: wire.filled_at.time_or(WHAT, "filled_at", lacks),
        expired_at: wire.expired_at.time_or(WHAT, "expired_at", lacks),
        expires_at: wire.expires_at.time_or(WHAT, "expires_at", lacks),
        canceled_at: wire.canceled_at.time_or(WHAT, "canceled_at", lacks),
        failed_at: wire.failed_at.time_or(WHAT, "failed_at", lacks),
        replaced_at: wire.replaced_at.time_or(WHAT, "replaced_at", lacks),
        replaced_by: wire.replaced_by.some_word().map(OrderId::from),
        replaces: wire.replaces.some_word().map(OrderId::from),
        group_id: wire.group_id.kept(),
        group_role: wire.group_role.kept(),
        legs,
        raw: raw(text),
    })
}

/// The elements of an array as text; empty for any other value.
#[derive(Default)]
pub(super) struct Rows<'a>(pub(super) Vec<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Rows<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RowsVisitor)
    }
}

struct RowsVisitor;

impl<'de> Visitor<'de> for RowsVisitor {
    type Value = Rows<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        while let Some(row) = seq.next_element()? {
            rows.push(row);
        }
        Ok(Rows(rows))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Rows::default())
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Rows::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Rows::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Rows::default())
    }
}
