//! What is asked of the engine and what it holds: orders, requests, changes, filters. Plain data.

use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::words::{AssetClass, GroupRole, OrderClass, OrderType, PositionIntent, Side, Status, TimeInForce};

/// An account's place in the engine; it survives a reset, the account's id and number do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountNo(pub u16);

/// An order's id.
pub type OrderId = Uuid;

/// An order as it stands; a snapshot when handed out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Order {
    /// The broker's id.
    pub id: OrderId,
    /// The client's id, or one made up for it.
    pub client_order_id: Arc<str>,
    /// Made.
    pub created_at: Timestamp,
    /// Changed.
    pub updated_at: Timestamp,
    /// Sent to the venue.
    pub submitted_at: Timestamp,
    /// Last executed; kept by a partly executed order too.
    pub filled_at: Option<Timestamp>,
    /// Expired.
    pub expired_at: Option<Timestamp>,
    /// Will expire.
    pub expires_at: Option<Timestamp>,
    /// Cancel asked for.
    pub cancel_requested_at: Option<Timestamp>,
    /// Canceled.
    pub canceled_at: Option<Timestamp>,
    /// Rejected.
    pub failed_at: Option<Timestamp>,
    /// Replaced.
    pub replaced_at: Option<Timestamp>,
    /// The order in its place.
    pub replaced_by: Option<OrderId>,
    /// The order it took the place of.
    pub replaces: Option<OrderId>,
    /// The asset.
    pub asset_id: Uuid,
    /// Its symbol, crypto with a slash.
    pub symbol: &'static str,
    /// Its class; `None` on a multi-leg parent.
    pub asset_class: Option<AssetClass>,
    /// Money ordered instead of a quantity.
    pub notional: Option<Decimal>,
    /// Ordered; absent with `notional`.
    pub qty: Option<Decimal>,
    /// Executed.
    pub filled_qty: Decimal,
    /// Average price of the executions.
    pub filled_avg_price: Option<Decimal>,
    /// How it belongs with others; plain orders say `simple`.
    pub order_class: OrderClass,
    /// How its price is set.
    pub order_type: OrderType,
    /// Direction.
    pub side: Side,
    /// What it does to the position.
    pub position_intent: PositionIntent,
    /// How long it works.
    pub time_in_force: TimeInForce,
    /// The limit.
    pub limit_price: Option<Decimal>,
    /// The stop; a trailing stop's current one.
    pub stop_price: Option<Decimal>,
    /// Trails by this percentage.
    pub trail_percent: Option<Decimal>,
    /// Trails by this amount.
    pub trail_price: Option<Decimal>,
    /// The best price a trailing stop has seen.
    pub hwm: Option<Decimal>,
    /// Where it stands.
    pub status: Status,
    /// Works outside regular hours.
    pub extended_hours: bool,
    /// Shared by the orders of a bracket, OCO or OTO.
    pub group_id: Option<Uuid>,
    /// Its part in the group.
    pub group_role: Option<GroupRole>,
    /// The parent, on a leg.
    pub parent: Option<OrderId>,
    /// Ids of the legs, on a parent.
    pub legs: Vec<OrderId>,
    /// A multi-leg leg's share of the parent.
    pub ratio_qty: Option<Decimal>,
    /// Who placed it: `access_key` and the like; free text of the caller.
    pub source: &'static str,
}

impl Order {
    /// What can still execute: nothing once the order is done.
    pub fn leaves_qty(&self) -> Decimal {
        if self.status.is_terminal() {
            Decimal::ZERO
        } else {
            self.qty.map_or(Decimal::ZERO, |qty| qty - self.filled_qty)
        }
    }
}

/// The price of a protective or profit-taking leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StopLoss {
    /// The stop.
    pub stop_price: Option<Decimal>,
    /// The limit, for a stop-limit leg.
    pub limit_price: Option<Decimal>,
}

/// One leg of a multi-leg request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLeg {
    /// An option contract.
    pub symbol: String,
    /// Contracts for each unit of the parent.
    pub ratio_qty: Decimal,
    /// Direction.
    pub side: Side,
    /// What it does to the position.
    pub position_intent: Option<PositionIntent>,
}

/// A request for an order, as a client sends it; nothing in it is checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    /// The symbol; empty for multi-leg.
    pub symbol: String,
    /// How much.
    pub qty: Option<Decimal>,
    /// Or for how much money.
    pub notional: Option<Decimal>,
    /// Direction; absent for multi-leg.
    pub side: Option<Side>,
    /// How its price is set.
    pub order_type: OrderType,
    /// How long it works.
    pub time_in_force: TimeInForce,
    /// The limit.
    pub limit_price: Option<Decimal>,
    /// The stop.
    pub stop_price: Option<Decimal>,
    /// Trails by this amount.
    pub trail_price: Option<Decimal>,
    /// Trails by this percentage.
    pub trail_percent: Option<Decimal>,
    /// Works outside regular hours.
    pub extended_hours: bool,
    /// The client's id for it.
    pub client_order_id: Option<String>,
    /// How it belongs with others.
    pub order_class: OrderClass,
    /// The profit-taking leg's limit.
    pub take_profit: Option<Decimal>,
    /// The protective leg.
    pub stop_loss: Option<StopLoss>,
    /// Legs of a multi-leg order.
    pub legs: Vec<NewLeg>,
    /// What the client says it does to the position.
    pub position_intent: Option<PositionIntent>,
    /// Who placed it.
    pub source: &'static str,
}

impl NewOrder {
    /// A plain day order at the market.
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

    /// A plain day order with a limit.
    pub fn limit(symbol: &str, side: Side, qty: Decimal, limit: Decimal) -> Self {
        Self { order_type: OrderType::Limit, limit_price: Some(limit), ..Self::market(symbol, side, qty) }
    }
}

/// What a replacement changes; absent members stay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// The new order's quantity; without it, what was left of the old one.
    pub qty: Option<Decimal>,
    /// The limit.
    pub limit_price: Option<Decimal>,
    /// The stop.
    pub stop_price: Option<Decimal>,
    /// The trail, amount or percentage as the order has it.
    pub trail: Option<Decimal>,
    /// How long it works.
    pub time_in_force: Option<TimeInForce>,
    /// The client's id for the new order.
    pub client_order_id: Option<String>,
}

/// Which orders to list by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StatusFilter {
    /// Not done.
    #[default]
    Open,
    /// Done.
    Closed,
    /// Every one.
    All,
}

/// The query of an order list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderFilter {
    /// By state.
    pub status: StatusFilter,
    /// At most this many.
    pub limit: usize,
    /// Submitted strictly after.
    pub after: Option<Timestamp>,
    /// Submitted strictly before.
    pub until: Option<Timestamp>,
    /// Oldest first.
    pub ascending: bool,
    /// Legs under their parents, and not on their own.
    pub nested: bool,
    /// Only these symbols; empty for every one.
    pub symbols: Vec<String>,
    /// Only this side.
    pub side: Option<Side>,
    /// Only these classes; `None` for every one.
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
