//! The account: figures, configurations, equity history, activities (docs/ALPACA.md 5.1 to 5.4).

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use jiff::SignedDuration;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::sim::calendar;
use crate::sim::engine::account::{Account, Balances, Configurations};
use crate::sim::engine::{
    Activity, ActivityFilter, ActivityOf, CashKind, CashRow, Execution, History, HistoryQuery, Hours, Timeframe,
    coin_fee,
};
use crate::sim::server::lock::lock;
use crate::sim::server::query::{self, Params};
use crate::sim::server::reply::{Answer, ApiError, ok};
use crate::sim::server::request_filter::{Caller, RequestFilter};
use crate::sim::wire;
use crate::sim::words::Status;

/// `GET /v2/account`.
pub(super) async fn account(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
) -> Answer {
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let balances = engine.balances(caller.account)?;
        let account = engine.account(caller.account)?;
        ok(&figures(account, &balances, account.pending_fees(engine.market(), engine.now())))
    })
}

fn figures(account: &Account, balances: &Balances, pending_fees: Decimal) -> Value {
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
        "pending_reg_taf_fees": text(pending_fees),
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
pub(super) async fn configurations(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
) -> Answer {
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        ok(&configurations_row(&engine.account(caller.account)?.configurations))
    })
}

/// `PATCH /v2/account/configurations`.
pub(super) async fn configure(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Answer {
    let body = query::object(&body)?;
    request_filter.sim.hub.act(&request_filter.sim.clock, |engine| {
        let mut set = engine.account(caller.account)?.configurations.clone();
        change(&mut set, &body)?;
        ok(&configurations_row(engine.set_configurations(caller.account, set)?))
    })
}

fn change(set: &mut Configurations, body: &Map<String, Value>) -> Result<(), ApiError> {
    let flags = [
        ("suspend_trade", &mut set.suspend_trade),
        ("no_shorting", &mut set.no_shorting),
        ("fractional_trading", &mut set.fractional_trading),
        ("ptp_no_exception_entry", &mut set.ptp_no_exception_entry),
        ("disable_overnight_trading", &mut set.disable_overnight_trading),
    ];
    for (name, place) in flags {
        if let Some(value) = query::truth(body, name)? {
            *place = value;
        }
    }
    if let Some(value) = query::amount(body, "max_margin_multiplier")? {
        set.max_margin_multiplier = [1_u8, 2, 4]
            .into_iter()
            .find(|choice| Decimal::from(*choice) == value)
            .ok_or_else(|| ApiError::parameter("invalid max_margin_multiplier"))?;
    }
    if let Some(value) = query::amount(body, "max_options_trading_level")? {
        set.max_options_trading_level = (0..=3_u8)
            .find(|choice| Decimal::from(*choice) == value)
            .ok_or_else(|| ApiError::parameter("invalid max_options_trading_level"))?;
    }
    match query::text(body, "trade_confirm_email")? {
        None => {}
        Some("all") => set.trade_confirm_email = "all",
        Some("none") => set.trade_confirm_email = "none",
        Some(_) => return Err(ApiError::parameter("invalid trade_confirm_email")),
    }
    Ok(())
}

/// `GET /v2/account/activities`.
pub(super) async fn activities(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<Params>,
) -> Answer {
    let kinds = query::list(&params, "activity_types");
    let trades = match query::param(&params, "category") {
        None => None,
        Some(_) if !kinds.is_empty() => {
            return Err(ApiError::parameter("only one of activity_types or category is accepted"));
        }
        Some("trade_activity") => Some(true),
        Some("non_trade_activity") => Some(false),
        Some(_) => return Err(ApiError::parameter("invalid category")),
    };
    rows(&request_filter, caller, &params, kinds, trades)
}

/// `GET /v2/account/activities/{activity_type}`.
pub(super) async fn activities_of_kind(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Path(kind): Path<String>,
    Query(params): Query<Params>,
) -> Answer {
    rows(&request_filter, caller, &params, vec![kind], None)
}

fn rows(
    request_filter: &RequestFilter,
    caller: Caller,
    params: &Params,
    kinds: Vec<String>,
    trades: Option<bool>,
) -> Answer {
    let order_id = match query::param(params, "order_id") {
        None => None,
        Some(text) => Some(query::id(text).ok_or_else(|| ApiError::parameter("invalid order_id"))?),
    };
    let filter = ActivityFilter {
        kinds,
        trades,
        after: query::moment(params, "after")?,
        until: query::moment(params, "until")?,
        date: query::date(params, "date")?,
        order_id,
        ascending: query::ascending(params)?,
        page_size: query::number(params, "page_size", 100, 100)?,
        page_token: query::param(params, "page_token").map(str::to_owned),
    };
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let found = engine.activities(caller.account, &filter)?;
        let apart = engine.readings().row_time();
        ok(&found.iter().map(|activity| activity_row(activity, apart)).collect::<Vec<_>>())
    })
}

fn activity_row(activity: &Activity, apart: SignedDuration) -> Value {
    match &activity.what {
        ActivityOf::Fill(execution) => fill_row(&activity.id, execution, apart),
        ActivityOf::CoinFee(execution) => coin_fee_row(&activity.id, execution),
        ActivityOf::Cash(row) => cash_row(&activity.id, row),
    }
}

fn fill_row(id: &str, execution: &Execution, apart: SignedDuration) -> Value {
    // The order's status as of this execution, not its present one.
    let whole = execution.leaves_qty.is_zero();
    json!({
        "id": id,
        "activity_type": "FILL",
        "transaction_time": execution.at.saturating_add(apart).unwrap_or(execution.at).to_string(),
        "type": if whole { "fill" } else { "partial_fill" },
        "price": execution.price.to_string(),
        "qty": execution.qty.to_string(),
        "side": execution.side.as_str(),
        "symbol": execution.symbol,
        "leaves_qty": execution.leaves_qty.to_string(),
        "order_id": execution.listed_as,
        "cum_qty": execution.cum_qty.to_string(),
        "order_status": if whole { Status::Filled.as_str() } else { Status::PartiallyFilled.as_str() },
        "swap_rate": "1",
    })
}

fn coin_fee_row(id: &str, execution: &Execution) -> Value {
    let (coins, dollars) = coin_fee(execution);
    let words = if coins.is_zero() { "Coin Pair Transaction Fee (USD)" } else { "Coin Pair Transaction Fee (Non USD)" };
    json!({
        "id": id,
        "activity_type": "CFEE",
        "date": calendar::in_new_york(execution.at).date().to_string(),
        "created_at": execution.at.to_string(),
        "net_amount": dollars.normalize().to_string(),
        "description": words,
        "symbol": execution.symbol.replace('/', ""),
        "qty": coins.normalize().to_string(),
        "price": execution.price.to_string(),
        "status": "executed",
        "currency": "USD",
    })
}

fn cash_row(id: &str, row: &CashRow) -> Value {
    let mut body = json!({
        "id": id,
        "activity_type": row.kind.as_str(),
        "date": row.date.to_string(),
        "created_at": row.at.to_string(),
        "net_amount": row.net_amount.to_string(),
        "description": row.description,
        "status": "executed",
        "currency": "USD",
    });
    if let Some(body) = body.as_object_mut() {
        let mut set = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                body.insert(name.to_owned(), Value::from(value));
            }
        };
        set("activity_sub_type", (!row.sub_kind.is_empty()).then(|| row.sub_kind.to_owned()));
        set("symbol", row.symbol.map(str::to_owned));
        set("qty", row.qty.map(|qty| qty.to_string()));
        set("per_share_amount", row.per_share.map(|amount| amount.to_string()));
    }
    body
}

/// `GET /v2/account/portfolio/history`.
pub(super) async fn history(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<Params>,
) -> Answer {
    let invalid = |name: &str| ApiError::parameter(format!("invalid {name}"));
    let timeframe = query::param(&params, "timeframe")
        .map(|word| Timeframe::from_word(word).ok_or_else(|| invalid("timeframe")))
        .transpose()?;
    let hours = match query::param(&params, "intraday_reporting") {
        None if query::flag(&params, "extended_hours")? => Hours::Extended,
        None | Some("market_hours") => Hours::Market,
        Some("extended_hours") => Hours::Extended,
        Some("continuous") => Hours::Continuous,
        Some(_) => return Err(invalid("intraday_reporting")),
    };
    let no_reset = match query::param(&params, "pnl_reset") {
        None | Some("per_day") => false,
        Some("no_reset") => true,
        Some(_) => return Err(invalid("pnl_reset")),
    };
    let query = HistoryQuery {
        period: query::param(&params, "period").map(str::to_owned),
        timeframe,
        start: query::moment(&params, "start")?,
        end: query::moment(&params, "end")?.or(query::moment(&params, "date_end")?),
        hours,
        no_reset,
        cashflow: cashflow_kinds(&query::list(&params, "cashflow_types")),
    };
    let nulls = lock(&request_filter.sim.policy).history_nulls;
    request_filter
        .sim
        .hub
        .read(&request_filter.sim.clock, |engine| ok(&curve(&engine.history(caller.account, &query)?, nulls)))
}

/// Parses `ALL`, `NONE`, or types; types that no cash row here has are left out.
fn cashflow_kinds(words: &[String]) -> Vec<CashKind> {
    if words.iter().any(|word| word == "ALL") {
        return CashKind::ALL.to_vec();
    }
    words.iter().filter_map(|word| CashKind::from_word(word)).collect()
}

/// The value before the account existed: mostly zero, but the service may answer null at any time.
fn curve(history: &History, nulls: bool) -> Value {
    let missing = if nulls { Value::Null } else { Value::from(0) };
    let money = |value: Option<Decimal>| {
        value.map_or_else(|| missing.clone(), |value| wire::number(value.round_dp(6).normalize()))
    };
    let number =
        |value: Option<Decimal>| value.map_or(Value::Null, |value| wire::number(value.round_dp(6).normalize()));
    let points = || history.points.iter();
    let cashflow: Map<String, Value> = history
        .cashflow
        .iter()
        .map(|(kind, sums)| (kind.as_str().to_owned(), sums.iter().map(|sum| number(Some(*sum))).collect()))
        .collect();
    let mut body = json!({
        "timestamp": points().map(|point| point.at.as_second()).collect::<Vec<_>>(),
        "equity": points().map(|point| money(point.equity)).collect::<Vec<_>>(),
        "profit_loss": points().map(|point| money(point.profit_loss)).collect::<Vec<_>>(),
        "profit_loss_pct": points().map(|point| number(point.profit_loss_pct)).collect::<Vec<_>>(),
        "base_value": money(Some(history.base_value)),
        "timeframe": history.timeframe.as_str(),
        "cashflow": cashflow,
    });
    if let (Some(day), Some(body)) = (history.base_value_asof, body.as_object_mut()) {
        body.insert("base_value_asof".to_owned(), Value::from(day.to_string()));
    }
    body
}
