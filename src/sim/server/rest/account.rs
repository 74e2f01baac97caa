//! The account: figures, configurations, equity history, activities (API.md 5.1 to 5.4).

use axum::Extension;
use axum::extract::{Path, Query, State};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::query::{self, Params};
use crate::sim::engine::account::{Account, Balances, Configurations};
use crate::sim::engine::words::Status;
use crate::sim::engine::{ActivityFilter, FillActivity};
use crate::sim::server::gate::{Caller, Gate};
use crate::sim::server::reply::{Answer, ApiError, ok};

/// `GET /v2/account`.
pub async fn account(State(gate): State<Gate>, Extension(caller): Extension<Caller>) -> Answer {
    gate.sim.hub.read(&gate.sim.clock, |engine| {
        let balances = engine.balances(caller.account)?;
        ok(&figures(engine.account(caller.account)?, &balances))
    })
}

fn figures(account: &Account, balances: &Balances) -> Value {
    let text = |value: Decimal| value.normalize().to_string();
    let set = &account.configurations;
    json!({
        "id": account.id,
        "admin_configurations": {},
        "user_configurations": null,
        "account_number": account.number,
        "status": "ACTIVE",
        "crypto_status": "ACTIVE",
        "options_approved_level": 3,
        "options_trading_level": set.max_options_trading_level,
        "currency": "USD",
        "buying_power": text(balances.buying_power),
        "regt_buying_power": text(balances.buying_power),
        "effective_buying_power": text(balances.buying_power),
        "non_marginable_buying_power": text(balances.non_marginable_buying_power),
        "options_buying_power": text(balances.non_marginable_buying_power),
        "cash": text(balances.cash),
        "accrued_fees": "0",
        "portfolio_value": text(balances.equity),
        "trading_blocked": false,
        "transfers_blocked": false,
        "account_blocked": false,
        "created_at": account.created_at.to_string(),
        "trade_suspended_by_user": set.suspend_trade,
        "multiplier": balances.multiplier.to_string(),
        "shorting_enabled": !set.no_shorting && balances.multiplier > 1,
        "equity": text(balances.equity),
        "last_equity": text(account.last_equity),
        "long_market_value": text(balances.long_market_value),
        "short_market_value": text(balances.short_market_value),
        "position_market_value": text(balances.long_market_value - balances.short_market_value),
        "initial_margin": text(balances.initial_margin),
        "maintenance_margin": text(balances.maintenance_margin),
        "last_maintenance_margin": text(account.last_maintenance_margin),
        "sma": text(balances.equity),
        "balance_asof": account.balance_asof.to_string(),
        "crypto_tier": 1,
        "intraday_adjustments": "0",
        "pending_reg_taf_fees": "0",
        "pending_transfer_in": "0",
        "pending_transfer_out": "0",
    })
}

fn configurations_row(set: &Configurations) -> Value {
    json!({
        "suspend_trade": set.suspend_trade,
        "no_shorting": set.no_shorting,
        "fractional_trading": set.fractional_trading,
        "max_margin_multiplier": set.max_margin_multiplier.to_string(),
        "max_options_trading_level": set.max_options_trading_level,
        "trade_confirm_email": set.trade_confirm_email,
        "ptp_no_exception_entry": set.ptp_no_exception_entry,
        "disable_overnight_trading": set.disable_overnight_trading,
    })
}

/// `GET /v2/account/configurations`.
pub async fn configurations(State(gate): State<Gate>, Extension(caller): Extension<Caller>) -> Answer {
    gate.sim
        .hub
        .read(&gate.sim.clock, |engine| ok(&configurations_row(&engine.account(caller.account)?.configurations)))
}

/// `GET /v2/account/activities`.
pub async fn activities(
    State(gate): State<Gate>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<Params>,
) -> Answer {
    let mut kinds = query::list(&params, "activity_types");
    match query::param(&params, "category") {
        None => {}
        Some(_) if !kinds.is_empty() => {
            return Err(ApiError::parameter("only one of activity_types or category is accepted"));
        }
        Some("trade_activity") => kinds.push("FILL".to_owned()),
        Some("non_trade_activity") => kinds.push("CSD".to_owned()),
        Some(_) => return Err(ApiError::parameter("invalid category")),
    }
    rows(&gate, caller, &params, &kinds)
}

/// `GET /v2/account/activities/{activity_type}`.
pub async fn activities_of_kind(
    State(gate): State<Gate>,
    Extension(caller): Extension<Caller>,
    Path(kind): Path<String>,
    Query(params): Query<Params>,
) -> Answer {
    rows(&gate, caller, &params, &[kind])
}

/// The kinds that are fills; every other kind has no rows here.
fn rows(gate: &Gate, caller: Caller, params: &Params, kinds: &[String]) -> Answer {
    let order_id = match query::param(params, "order_id") {
        None => None,
        Some(text) => Some(query::id(text).ok_or_else(|| ApiError::parameter("invalid order_id"))?),
    };
    let filter = ActivityFilter {
        after: query::moment(params, "after")?,
        until: query::moment(params, "until")?,
        date: query::date(params, "date")?,
        order_id,
        ascending: query::ascending(params)?,
        page_size: query::number(params, "page_size", 100, 100)?,
        page_token: query::param(params, "page_token").map(str::to_owned),
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| kind == "FILL") {
        return ok(&Value::Array(Vec::new()));
    }
    gate.sim.hub.read(&gate.sim.clock, |engine| {
        let found = engine.activities(caller.account, &filter)?;
        ok(&found.iter().map(fill_row).collect::<Vec<_>>())
    })
}

fn fill_row(fill: &FillActivity) -> Value {
    let execution = &fill.execution;
    // What the order was by this execution, not what has become of it since.
    let whole = execution.leaves_qty.is_zero();
    json!({
        "id": fill.id,
        "activity_type": "FILL",
        "transaction_time": execution.at.to_string(),
        "type": if whole { "fill" } else { "partial_fill" },
        "price": execution.price.to_string(),
        "qty": execution.qty.to_string(),
        "side": execution.side.as_str(),
        "symbol": execution.symbol,
        "leaves_qty": execution.leaves_qty.to_string(),
        "order_id": execution.order_id,
        "cum_qty": execution.cum_qty.to_string(),
        "order_status": if whole { Status::Filled.as_str() } else { Status::PartiallyFilled.as_str() },
        "swap_rate": "1",
    })
}
