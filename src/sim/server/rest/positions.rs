//! Positions: list, look up, close one, part of one, or all (docs/ALPACA.md 5.9).

use axum::Extension;
use axum::extract::{Path, Query, State};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::sim::engine::Part;
use crate::sim::engine::account::PositionView;
use crate::sim::market::Market;
use crate::sim::server::query::{self, Params};
use crate::sim::server::reply::{Answer, ApiError, json as answer, ok};
use crate::sim::server::request_filter::{Caller, RequestFilter};
use crate::sim::wire::order::WireOrder;

fn row(market: &Market, view: &PositionView) -> Value {
    let asset = market.asset(view.sym);
    let text = |value: Decimal| Value::from(value.normalize().to_string());
    let share = |part: Decimal, whole: Decimal| {
        let ratio = part.checked_div(whole.abs()).unwrap_or_default();
        Value::from(ratio.round_dp(16).normalize().to_string())
    };
    let change = view.current_price - view.lastday_price;
    json!({
        "asset_id": asset.id,
        "symbol": asset.position_symbol(),
        "exchange": if asset.symbol.contains('/') { "CRYPTO" } else { asset.exchange },
        "asset_class": asset.class.as_str(),
        "asset_marginable": asset.marginable,
        "qty": text(view.position.qty),
        "avg_entry_price": text(view.avg_entry_price),
        "side": if view.position.qty.is_sign_negative() { "short" } else { "long" },
        "market_value": text(view.market_value),
        "cost_basis": text(view.cost_basis),
        "unrealized_pl": text(view.unrealized_pl),
        "unrealized_plpc": share(view.unrealized_pl, view.cost_basis),
        "unrealized_intraday_pl": text(view.unrealized_intraday_pl),
        "unrealized_intraday_plpc": share(view.unrealized_intraday_pl, view.position.cost_today),
        "current_price": text(view.current_price),
        "lastday_price": text(view.lastday_price),
        "change_today": share(change, view.lastday_price),
        "qty_available": text(view.qty_available),
    })
}

/// `GET /v2/positions`.
pub(super) async fn list(State(request_filter): State<RequestFilter>, Extension(caller): Extension<Caller>) -> Answer {
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let rows: Vec<Value> =
            engine.positions(caller.account)?.iter().map(|view| row(engine.market(), view)).collect();
        ok(&rows)
    })
}

/// `GET /v2/positions/{symbol_or_asset_id}`.
pub(super) async fn one(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer {
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let view = engine.position(caller.account, &name)?;
        ok(&row(engine.market(), &view))
    })
}

/// `DELETE /v2/positions/{symbol_or_asset_id}`.
pub(super) async fn close(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Query(params): Query<Params>,
) -> Answer {
    let size = match (query::decimal(&params, "qty")?, query::decimal(&params, "percentage")?) {
        (None, None) => Part::All,
        (Some(qty), None) => Part::Qty(qty),
        (None, Some(percentage)) => Part::Percent(percentage),
        (Some(_), Some(_)) => return Err(ApiError::parameter("only one of qty or percentage is accepted")),
    };
    request_filter.sim.hub.act(&request_filter.sim.clock, |engine| {
        let order = engine.close_position(caller.account, &name, size)?;
        ok(&WireOrder::alone(&order))
    })
}

/// `DELETE /v2/positions`.
pub(super) async fn close_all(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<Params>,
) -> Answer {
    let cancel_orders = query::flag(&params, "cancel_orders")?;
    request_filter.sim.hub.act(&request_filter.sim.clock, |engine| {
        let rows: Vec<Value> = engine
            .close_all(caller.account, cancel_orders)?
            .into_iter()
            .map(|(sym, result)| (engine.market().asset(sym).position_symbol(), result))
            .map(|(symbol, result)| match result {
                Ok(order) => json!({"symbol": symbol, "status": 200, "body": WireOrder::alone(&order)}),
                Err(refusal) => {
                    let error = ApiError::from(refusal);
                    json!({"symbol": symbol, "status": error.status, "body": error.body()})
                }
            })
            .collect();
        Ok(answer(207, &rows))
    })
}
