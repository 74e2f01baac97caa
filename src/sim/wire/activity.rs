//! Account activities of the event stream over HTTP (docs/ALPACA.md 7.2): common members, and `details` by type.

use serde_json::{Map, Value, json};

use super::micros;
use crate::sim::calendar;
use crate::sim::engine::event::{Booking, BookingStatus, EngineEvent, Execution};
use crate::sim::engine::{ActivityOf, CashKind, CashRow, coin_fee};
use crate::sim::words::EventKind;

/// A trade, a bust or a correction; `None` for events without an execution.
pub fn trade(event: &EngineEvent) -> Option<Value> {
    let report = event.report.as_ref()?;
    let order = &event.order;
    let (execution_type, status) = match event.event {
        EventKind::TradeBust => ("trade_bust", BookingStatus::Canceled),
        EventKind::TradeCorrect => ("trade_correct", BookingStatus::Correct),
        EventKind::PartialFill => ("partial_fill", BookingStatus::Executed),
        _ => ("fill", BookingStatus::Executed),
    };
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
    set("event_id", event.event_id.to_string().into());
    set("at", micros(event.at).into());
    set("executed_at", event.timestamp.to_string().into());
    set("activity_type", "FILL".into());
    set("status", word(status).into());
    set("settle_date", report.settle_date.to_string().into());
    set("currency", "USD".into());
    set("ref_id", report.execution_id.to_string().into());
    if let Some(previous) = report.previous_execution_id {
        set("previous_id", previous.to_string().into());
    }
    set("qty", report.qty.to_string().into());
    set("price", report.price.to_string().into());
    set("net_amount", report.net_amount.to_string().into());
    set(
        "details",
        json!({
            "order_id": order.id,
            "client_order_id": &*order.client_order_id,
            "side": order.side.as_str(),
            "symbol": order.symbol,
            "asset_id": order.asset_id,
            "cum_qty": report.cum_qty.to_string(),
            "leaves_qty": report.leaves_qty.to_string(),
            "order_status": order.status.as_str(),
            "execution_type": execution_type,
        }),
    );
    Some(Value::Object(body))
}

/// Cash that moved without a trade, or the fee of a crypto trade.
pub fn booking(booking: &Booking) -> Value {
    let date = calendar::in_new_york(booking.executed_at).date();
    let (kind, sub_kind, day) = match &booking.what {
        ActivityOf::Cash(row) => (row.kind.as_str(), row.sub_kind, row.date),
        ActivityOf::CoinFee(_) | ActivityOf::Fill(_) => ("CFEE", "", date),
    };
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
    set("event_id", booking.event_id.to_string().into());
    set("at", micros(booking.at).into());
    set("executed_at", booking.executed_at.to_string().into());
    set("activity_type", kind.into());
    if !sub_kind.is_empty() {
        set("activity_subtype", sub_kind.into());
    }
    set("status", word(booking.standing).into());
    set("settle_date", day.to_string().into());
    set("currency", "USD".into());
    set("ref_id", booking.ref_id.to_string().into());
    if let Some(previous) = booking.previous_id {
        set("previous_id", previous.to_string().into());
    }
    match &booking.what {
        ActivityOf::Cash(row) => {
            if let Some(qty) = row.qty {
                set("qty", qty.to_string().into());
            }
            set("net_amount", row.net_amount.to_string().into());
        }
        ActivityOf::CoinFee(execution) | ActivityOf::Fill(execution) => {
            let (coins, dollars) = match (coin_fee(execution), booking.standing) {
                ((coins, dollars), BookingStatus::Canceled) => (-coins, -dollars),
                (standing, _) => standing,
            };
            set("qty", coins.normalize().to_string().into());
            set("price", execution.price.to_string().into());
            set("net_amount", dollars.normalize().to_string().into());
        }
    }
    let system_date = date.to_string();
    set(
        "details",
        match &booking.what {
            ActivityOf::Cash(row) => cash_details(row, &system_date),
            ActivityOf::CoinFee(execution) | ActivityOf::Fill(execution) => coin_fee_details(execution, &system_date),
        },
    );
    Value::Object(body)
}

fn cash_details(row: &CashRow, system_date: &str) -> Value {
    let mut details = Map::new();
    let mut set = |name: &str, value: String| details.insert(name.to_owned(), Value::from(value));
    set("system_date", system_date.to_owned());
    if let (CashKind::Dividend, Some(dividend)) = (row.kind, row.dividend) {
        set("position_date", dividend.record.to_string());
        set("symbol", dividend.symbol.to_owned());
        set("cusip", dividend.cusip());
        set("entitled_qty", row.qty.unwrap_or_default().to_string());
        set("cash_payout", row.net_amount.to_string());
        set("rate", dividend.per_share.to_string());
        set("foreign", "false".to_owned());
        set("special", "false".to_owned());
        set("ex_date", dividend.ex.to_string());
        set("record_date", dividend.record.to_string());
        set("payable_date", dividend.payable.to_string());
    }
    if let Some(parent) = row.parent {
        set("parent_id", parent.to_string());
    }
    Value::Object(details)
}

fn coin_fee_details(execution: &Execution, system_date: &str) -> Value {
    json!({
        "system_date": system_date,
        "symbol": execution.symbol.replace('/', ""),
        "parent_id": execution.id,
    })
}

fn word(standing: BookingStatus) -> &'static str {
    match standing {
        BookingStatus::Executed => "executed",
        BookingStatus::Correct => "correct",
        BookingStatus::Canceled => "canceled",
    }
}
