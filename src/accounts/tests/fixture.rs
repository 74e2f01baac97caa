//! Links, orders and replies for the tests of the accounts and of the screen.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::order::Raw;
use crate::domain::{
    Account, Environment, LinkId, Money, Order, OrderClass, OrderStatus, OrderType, Position, Price, Qty, Side, Source,
    TimeInForce, TradeEvent, TradeUpdate,
};
use crate::link::LinkRecord;
use crate::session::{RequestError, RequestErrorKind};

pub(crate) fn start() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

pub(crate) fn link(label: &str, environment: Environment) -> LinkRecord {
    let broker = format!("alpaca-{}", environment.as_str());
    let id = format!("{broker}/{}/{label}", environment.as_str());
    LinkRecord {
        account_id: format!("id-{id}").into(),
        id: LinkId::from(id),
        broker: broker.as_str().into(),
        environment,
        account_number: Arc::from("PA1"),
        label: Arc::from(label),
        scopes: vec![Arc::from("trading")],
        linked_at: start(),
        grantor: None,
    }
}

pub(crate) fn order(id: &str, symbol: &str, side: Side, qty: i64, minute: i64) -> Order {
    let at = Timestamp::from_second(1_789_990_000 + minute * 60).ok();
    Order {
        id: id.into(),
        client_order_id: None,
        symbol: symbol.into(),
        asset_class: None,
        side,
        order_type: OrderType::Limit,
        tif: TimeInForce::Day,
        class: OrderClass::Simple,
        qty: Some(Qty::whole(qty)),
        notional: None,
        cum_qty: Qty::ZERO,
        avg_px: None,
        limit_px: Some(Price::whole(10)),
        stop_px: None,
        trail_px: None,
        trail_percent: None,
        hwm: None,
        status: OrderStatus::New,
        extended_hours: false,
        created_at: at,
        updated_at: at,
        submitted_at: at,
        filled_at: None,
        expired_at: None,
        expires_at: None,
        canceled_at: None,
        failed_at: None,
        replaced_at: None,
        replaced_by: None,
        replaces: None,
        group_id: None,
        group_role: None,
        legs: Vec::new(),
        raw: Raw::default(),
    }
}

pub(crate) fn position(symbol: &str, qty: i64) -> Position {
    Position {
        qty: Some(Qty::whole(qty)),
        avg_px: Some(Price::whole(10)),
        last_px: Some(Price::whole(11)),
        market_value: Some(Money::whole(qty * 11)),
        unrealized_pl: Some(Money::whole(qty)),
        ..Position::unread(symbol.into())
    }
}

pub(crate) fn account(id: &str) -> Account {
    Account {
        id: id.into(),
        number: Some("PA1".into()),
        status: "ACTIVE".into(),
        currency: None,
        equity: Some(Money::whole(100_000)),
        last_equity: None,
        cash: None,
        buying_power: None,
        non_marginable_buying_power: None,
        long_market_value: None,
        short_market_value: None,
        initial_margin: None,
        maintenance_margin: None,
        multiplier: None,
        trading_blocked: false,
        account_blocked: false,
        transfers_blocked: false,
        trade_suspended_by_user: false,
        shorting_enabled: true,
        created_at: None,
        raw: Raw::default(),
    }
}

pub(crate) fn failure(kind: RequestErrorKind, message: &str) -> RequestError {
    RequestError::local(kind, message)
}

/// A stream update of an order, with an execution of `fill` (quantity, price) that leaves a position of `position_qty`.
pub(crate) fn report(
    event: TradeEvent,
    order: Order,
    fill: Option<(i64, i64)>,
    position_qty: Option<Qty>,
) -> TradeUpdate {
    let at = order.updated_at;
    let execution = fill.map(|(qty, px)| Execution {
        id: format!("{}-{}", order.id, order.cum_qty).into(),
        order_id: order.id.clone(),
        symbol: order.symbol.clone(),
        side: order.side.clone(),
        qty: Qty::whole(qty),
        px: Some(Price::whole(px)),
        cum_qty: Some(order.cum_qty),
        position_qty,
        at,
        kind: ExecutionKind::Trade,
        source: Source::Stream,
    });
    TradeUpdate {
        event,
        event_id: None,
        at,
        happened_at: at,
        order,
        legs: Vec::new(),
        executions: execution.into_iter().collect(),
        reason: None,
    }
}

pub(crate) fn paper() -> LinkId {
    link("paper", Environment::Paper).id
}

pub(crate) fn real() -> LinkId {
    link("real", Environment::Live).id
}
