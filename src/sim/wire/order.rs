//! Orders and order events (docs/ALPACA.md 5.6 and 6.5).

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::micros;
use crate::sim::engine::event::{EngineEvent, LegReport};
use crate::sim::engine::order::Order;
use crate::sim::words::{AssetClass, GroupRole, OrderClass};

/// An order in the form of the interfaces.
#[derive(Debug, Serialize)]
pub struct WireOrder<'a> {
    id: Uuid,
    client_order_id: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
    submitted_at: Timestamp,
    filled_at: Option<Timestamp>,
    expired_at: Option<Timestamp>,
    cancel_requested_at: Option<Timestamp>,
    canceled_at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
    replaced_at: Option<Timestamp>,
    replaced_by: Option<Uuid>,
    replaces: Option<Uuid>,
    asset_id: Uuid,
    symbol: &'a str,
    asset_class: &'static str,
    #[serde(serialize_with = "amount")]
    notional: Option<Decimal>,
    #[serde(serialize_with = "amount")]
    qty: Option<Decimal>,
    #[serde(serialize_with = "amount")]
    filled_qty: Option<Decimal>,
    #[serde(serialize_with = "amount")]
    filled_avg_price: Option<Decimal>,
    order_class: &'static str,
    order_type: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    side: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    position_intent: Option<&'static str>,
    time_in_force: &'static str,
    #[serde(serialize_with = "amount")]
    limit_price: Option<Decimal>,
    #[serde(serialize_with = "amount")]
    stop_price: Option<Decimal>,
    status: &'static str,
    extended_hours: bool,
    legs: Option<Vec<WireOrder<'a>>>,
    #[serde(serialize_with = "amount")]
    trail_percent: Option<Decimal>,
    #[serde(serialize_with = "amount")]
    trail_price: Option<Decimal>,
    #[serde(serialize_with = "amount")]
    hwm: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "amount")]
    ratio_qty: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_role: Option<&'static str>,
    subtag: Option<&'static str>,
    source: Option<&'static str>,
    expires_at: Option<Timestamp>,
}

/// Serializes a decimal as a string, `None` as null.
#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
fn amount<S: Serializer>(value: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

impl<'a> WireOrder<'a> {
    /// An order without its legs.
    pub fn alone(order: &'a Order) -> Self {
        // A leg has no price of its own, so it has no type.
        let kind = if order.ratio_qty.is_some() { "" } else { order.order_type.as_str() };
        Self {
            id: order.id,
            client_order_id: &order.client_order_id,
            created_at: order.created_at,
            updated_at: order.updated_at,
            submitted_at: order.submitted_at,
            filled_at: order.filled_at,
            expired_at: order.expired_at,
            cancel_requested_at: order.cancel_requested_at,
            canceled_at: order.canceled_at,
            failed_at: order.failed_at,
            replaced_at: order.replaced_at,
            replaced_by: order.replaced_by,
            replaces: order.replaces,
            asset_id: order.asset_id,
            symbol: order.symbol,
            asset_class: order.asset_class.map_or("", AssetClass::as_str),
            notional: order.notional,
            qty: order.qty,
            filled_qty: Some(order.filled_qty),
            filled_avg_price: order.filled_avg_price,
            // The service uses an empty string for plain orders.
            order_class: if order.order_class == OrderClass::Simple { "" } else { order.order_class.as_str() },
            order_type: kind,
            kind,
            // The service's answers leave the side of the parent open; its frames do not.
            side: if order.asset_class.is_none() { "" } else { order.side.as_str() },
            position_intent: order.asset_class.map(|_| order.position_intent.as_str()),
            time_in_force: order.time_in_force.as_str(),
            limit_price: order.limit_price,
            stop_price: order.stop_price,
            status: order.status.as_str(),
            extended_hours: order.extended_hours,
            legs: None,
            trail_percent: order.trail_percent,
            trail_price: order.trail_price,
            hwm: order.hwm,
            ratio_qty: order.ratio_qty,
            group_id: order.group_id,
            group_role: order.group_role.map(GroupRole::as_str),
            subtag: None,
            source: Some(order.source),
            expires_at: order.expires_at,
        }
    }

    /// The same with another `updated_at`, computed from its creation and change times; also for its legs.
    #[must_use]
    pub fn changed_at(mut self, of: &dyn Fn(Timestamp, Timestamp) -> Timestamp) -> Self {
        self.updated_at = of(self.created_at, self.updated_at);
        self.legs = self.legs.map(|legs| legs.into_iter().map(|leg| leg.changed_at(of)).collect());
        self
    }

    /// An order with nested legs; without legs the same as [`Self::alone`].
    pub fn with_legs(order: &'a Order, legs: &[&'a Order]) -> Self {
        let legs = (!legs.is_empty()).then(|| legs.iter().map(|leg| Self::alone(leg)).collect());
        Self { legs, ..Self::alone(order) }
    }
}

/// The execution of one leg of a multi-leg order.
#[derive(Debug, Serialize)]
struct WireLeg<'a> {
    execution_id: Uuid,
    order_id: Uuid,
    symbol: &'a str,
    qty: String,
    price: String,
    timestamp: Timestamp,
}

impl<'a> WireLeg<'a> {
    fn new(leg: &'a LegReport) -> Self {
        Self {
            execution_id: leg.execution_id,
            order_id: leg.order_id,
            symbol: leg.symbol,
            qty: leg.qty.to_string(),
            price: leg.price.to_string(),
            timestamp: leg.at,
        }
    }
}

/// The `data` of an event.
#[derive(Debug, Serialize)]
pub struct WireEvent<'a> {
    at: String,
    event_id: String,
    event: &'static str,
    timestamp: Timestamp,
    order: WireOrder<'a>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "amount")]
    price: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "amount")]
    qty: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "amount")]
    position_qty: Option<Decimal>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    position_qtys: Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    legs: Vec<WireLeg<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    execution_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_execution_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    swap_rate: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settle_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

impl<'a> WireEvent<'a> {
    /// An event in the form of the stream.
    pub fn new(event: &'a EngineEvent) -> Self {
        let (report, reports) = (event.report.as_ref(), event.leg_reports.as_slice());
        let legs: Vec<&Order> = event.legs.iter().collect();
        let mut order = WireOrder::with_legs(&event.order, &legs);
        order.side = event.order.side.as_str();
        // The parent has a net price and no execution of its own.
        let net = event.order.filled_avg_price.zip(event.order.qty).filter(|_| !reports.is_empty());
        let settled = report.map(|report| report.settle_date).or(reports.first().map(|leg| leg.settle_date));
        Self {
            at: micros(event.at),
            event_id: event.event_id.to_string(),
            event: event.event.as_str(),
            timestamp: event.timestamp,
            order,
            price: report.map(|report| report.price).or(net.map(|(price, _)| price)),
            qty: report.map(|report| report.qty).or(net.map(|(_, qty)| qty)),
            position_qty: report.map(|report| report.position_qty),
            position_qtys: reports
                .iter()
                .map(|leg| (leg.symbol.to_owned(), leg.position_qty.to_string().into()))
                .collect(),
            legs: reports.iter().map(WireLeg::new).collect(),
            execution_id: report.map(|report| report.execution_id).or(event.execution_id),
            previous_execution_id: report.and_then(|report| report.previous_execution_id),
            swap_rate: settled.map(|_| "1"),
            settle_date: settled.map(|day| day.to_string()),
            reason: event.reason.as_deref(),
        }
    }
}
