//! The engine's orders, requests, changes and filters, as plain data.

use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::sim::words::{AssetClass, GroupRole, OrderClass, OrderType, PositionIntent, Side, Status, TimeInForce};

/// An account's number in the engine; unlike its id and account number, it survives a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountNo(pub u16);

/// An order's id.
pub type OrderId = Uuid;

/// An order; a snapshot when returned.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Order {
    /// The broker's id.
    pub id: OrderId,
    /// The client's id, or a generated one.
    pub client_order_id: Arc<str>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Submitted to the venue.
    pub submitted_at: Timestamp,
    /// When it last executed; also set on a partly filled order.
    pub filled_at: Option<Timestamp>,
    pub expired_at: Option<Timestamp>,
    /// When it will expire.
    pub expires_at: Option<Timestamp>,
    /// When a cancel was requested.
    pub cancel_requested_at: Option<Timestamp>,
    pub canceled_at: Option<Timestamp>,
    pub failed_at: Option<Timestamp>,
    pub replaced_at: Option<Timestamp>,
    /// The order that replaced it.
    pub replaced_by: Option<OrderId>,
    /// The order it replaced.
    pub replaces: Option<OrderId>,
    pub asset_id: Uuid,
    /// The symbol; crypto with a slash.
    pub symbol: &'static str,
    /// The asset class; `None` on a multi-leg parent.
    pub asset_class: Option<AssetClass>,
    /// The notional, instead of a quantity.
    pub notional: Option<Decimal>,
    /// The quantity; `None` with `notional`.
    pub qty: Option<Decimal>,
    /// The executed quantity.
    pub filled_qty: Decimal,
    /// The average price of the executions.
    pub filled_avg_price: Option<Decimal>,
    /// The order class; `simple` without a group.
    pub order_class: OrderClass,
    /// The order type.
    pub order_type: OrderType,
    pub side: Side,
    /// The position intent.
    pub position_intent: PositionIntent,
    /// The time in force.
    pub time_in_force: TimeInForce,
    /// The limit price.
    pub limit_price: Option<Decimal>,
    /// The stop price; of a trailing stop, the current one.
    pub stop_price: Option<Decimal>,
    /// The trail in percent.
    pub trail_percent: Option<Decimal>,
    /// The trail as an amount.
    pub trail_price: Option<Decimal>,
    /// The best price that a trailing stop has seen (the high-water mark).
    pub hwm: Option<Decimal>,
    pub status: Status,
    /// Whether it works in extended hours.
    pub extended_hours: bool,
    /// The group id shared by the orders of a bracket, OCO or OTO.
    pub group_id: Option<Uuid>,
    /// Its role in the group.
    pub group_role: Option<GroupRole>,
    /// The parent, on a leg.
    pub parent: Option<OrderId>,
    /// Ids of the legs, on a parent.
    pub legs: Vec<OrderId>,
    /// A leg's ratio in its multi-leg parent.
    pub ratio_qty: Option<Decimal>,
    /// Who placed it, such as `access_key`; free text from the caller.
    pub source: &'static str,
}

impl Order {
    /// The quantity that can still execute; zero once the order is done.
    pub fn leaves_qty(&self) -> Decimal {
        if self.status.is_terminal() {
            Decimal::ZERO
        } else {
            self.qty.map_or(Decimal::ZERO, |qty| qty - self.filled_qty)
        }
    }
}

/// The prices of a stop-loss leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StopLoss {
    /// The stop price.
    pub stop_price: Option<Decimal>,
    /// The limit price, for a stop-limit leg.
    pub limit_price: Option<Decimal>,
}

/// One leg of a multi-leg request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLeg {
    /// An option contract.
    pub symbol: String,
    /// Contracts per unit of the parent.
    pub ratio_qty: Decimal,
    pub side: Side,
    /// The position intent.
    pub position_intent: Option<PositionIntent>,
}

/// An order request as sent by a client, unchecked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// The symbol; empty for multi-leg.
    pub symbol: String,
    pub qty: Option<Decimal>,
    /// The notional, instead of a quantity.
    pub notional: Option<Decimal>,
    /// The side; `None` for multi-leg.
    pub side: Option<Side>,
    /// The order type.
    pub order_type: OrderType,
    /// The time in force.
    pub time_in_force: TimeInForce,
    /// The limit price.
    pub limit_price: Option<Decimal>,
    /// The stop price.
    pub stop_price: Option<Decimal>,
    /// The trail as an amount.
    pub trail_price: Option<Decimal>,
    /// The trail in percent.
    pub trail_percent: Option<Decimal>,
    /// Whether it works in extended hours.
    pub extended_hours: bool,
    /// The client's id.
    pub client_order_id: Option<String>,
    /// The order class.
    pub order_class: OrderClass,
    /// The limit of the take-profit leg.
    pub take_profit: Option<Decimal>,
    /// The stop-loss leg.
    pub stop_loss: Option<StopLoss>,
    /// The legs of a multi-leg order.
    pub legs: Vec<NewLeg>,
    /// The position intent, if stated.
    pub position_intent: Option<PositionIntent>,
    /// Who placed it.
    pub source: &'static str,
}

impl NewOrder {
    /// A plain market order for the day.
    pub fn market(symbol: &str, side: Side, qty: Decimal) -> Self {
        Self {
            symbol: symbol.to_owned(),
            qty: Some(qty),
            notional: None,
            side: Some(side),
            order_type: OrderType::Market,
            time_in_force: TimeInForce::Day,
            limit_price: None,
            stop_price: None,
            trail_price: None,
            trail_percent: None,
            extended_hours: false,
            client_order_id: None,
            order_class: OrderClass::Simple,
            take_profit: None,
            stop_loss: None,
            legs: Vec::new(),
            position_intent: None,
            source: "access_key",
        }
    }

    /// A plain limit order for the day.
    pub fn limit(symbol: &str, side: Side, qty: Decimal, limit: Decimal) -> Self {
        Self { order_type: OrderType::Limit, limit_price: Some(limit), ..Self::market(symbol, side, qty) }
    }
}

/// The changes of a replace request; what is missing stays the same.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// The new order's quantity; by default the old one's remaining quantity.
    pub qty: Option<Decimal>,
    /// The limit price.
    pub limit_price: Option<Decimal>,
    /// The stop price.
    pub stop_price: Option<Decimal>,
    /// The trail, an amount or a percentage as in the old order.
    pub trail: Option<Decimal>,
    /// The time in force.
    pub time_in_force: Option<TimeInForce>,
    /// The client's id of the new order.
    pub client_order_id: Option<String>,
}

/// Which orders to list by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StatusFilter {
    /// Orders that are not done.
    #[default]
    Open,
    /// Orders that are done.
    Closed,
    /// All.
    All,
}

/// The query of an order list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderFilter {
    /// Which states are wanted.
    pub status: StatusFilter,
    /// At most this many.
    pub limit: usize,
    /// Submitted strictly after.
    pub after: Option<Timestamp>,
    /// Submitted strictly before.
    pub until: Option<Timestamp>,
    /// Whether the oldest come first.
    pub ascending: bool,
    /// Whether legs are nested under their parents instead of listed separately.
    pub nested: bool,
    /// Only these symbols; empty for all.
    pub symbols: Vec<String>,
    /// Only this side.
    pub side: Option<Side>,
    /// Only these asset classes; `None` for all.
    pub asset_classes: Option<Vec<AssetClass>>,
    /// Submitted before this order.
    pub before_order_id: Option<OrderId>,
    /// Submitted after this order.
    pub after_order_id: Option<OrderId>,
}

impl Default for OrderFilter {
    fn default() -> Self {
        Self {
            status: StatusFilter::Open,
            limit: 50,
            after: None,
            until: None,
            ascending: false,
            nested: false,
            symbols: Vec::new(),
            side: None,
            asset_classes: None,
            before_order_id: None,
            after_order_id: None,
        }
    }
}
