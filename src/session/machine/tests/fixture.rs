//! An account and an order as the tests need them.

use jiff::Timestamp;

use crate::domain::money::{Money, Price, Qty};
use crate::domain::order::{OrderClass, OrderStatus, OrderType, Raw, Side, TimeInForce};
use crate::domain::{Account, Order, OrderId};

pub(in crate::session) fn account(id: &str) -> Account {
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

pub(in crate::session) fn order(id: &str) -> Order {
    let at = Timestamp::from_second(1_760_000_000).ok();
    Order {
        id: OrderId::from(id),
        client_order_id: None,
        symbol: "AAPL".into(),
        asset_class: None,
        side: Side::Buy,
        order_type: OrderType::Limit,
        tif: TimeInForce::Day,
        class: OrderClass::Simple,
        qty: Some(Qty::whole(100)),
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
