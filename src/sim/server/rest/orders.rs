//! Orders over REST: place, list, look up, replace, cancel (docs/ALPACA.md 5.5 to 5.8).

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::sim::engine::order::{Changes, NewLeg, NewOrder, Order, OrderFilter, StatusFilter, StopLoss};
use crate::sim::engine::{Engine, UpdatedAt};
use crate::sim::server::query::{self, Params};
use crate::sim::server::reply::{Answer, ApiError, empty, json as answer, ok};
use crate::sim::server::request_filter::{Caller, RequestFilter};
use crate::sim::wire::order::WireOrder;
use crate::sim::words::{AssetClass, OrderClass, OrderType, PositionIntent, Side, TimeInForce};

/// Asset classes that the service knows besides those simulated.
const ELSEWHERE: [&str; 7] =
    ["crypto_perp", "treasury", "corporate", "global_equity", "us_index", "us_equity_chain", "ipo"];

/// `POST /v2/orders`.
pub(super) async fn place(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Answer {
    let request = new_order(&query::object(&body)?)?;
    let nested = request.order_class != OrderClass::Simple;
    request_filter.sim.hub.act(&request_filter.sim.clock, |engine| {
        let order = engine.place(caller.account, &request)?;
        show(engine, &order, nested)
    })
}

/// Parses an order from a body. Words are checked here, their combination by the engine.
pub(crate) fn new_order(body: &Map<String, Value>) -> Result<NewOrder, ApiError> {
    let order_class = match query::text(body, "order_class")? {
        None => OrderClass::Simple,
        Some(word) => OrderClass::from_word(word).ok_or_else(|| ApiError::parameter("invalid order_class"))?,
    };
    let multi_leg = order_class == OrderClass::Mleg;
    let symbol = query::text(body, "symbol")?;
    if symbol.is_none() && !multi_leg {
        return Err(ApiError::parameter("symbol is required"));
    }
    let side = query::word(body, "side", Side::from_word)?;
    if side.is_none() && !multi_leg {
        return Err(ApiError::parameter("side is required"));
    }
    let order_type = query::word(body, "type", OrderType::from_word)?
        .or(query::word(body, "order_type", OrderType::from_word)?)
        .ok_or_else(|| ApiError::parameter("type is required"))?;
    let time_in_force = query::word(body, "time_in_force", TimeInForce::from_word)?
        .ok_or_else(|| ApiError::parameter("time_in_force is required"))?;
    let member = |name: &str| match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(members)) => Ok(Some(members)),
        Some(_) => Err(ApiError::undecodable()),
    };
    let take_profit = match member("take_profit")? {
        Some(members) => Some(
            query::amount(members, "limit_price")?
                .ok_or_else(|| ApiError::parameter("take_profit.limit_price is required"))?,
        ),
        None => None,
    };
    let stop_loss = match member("stop_loss")? {
        Some(members) => Some(StopLoss {
            stop_price: query::amount(members, "stop_price")?,
            limit_price: query::amount(members, "limit_price")?,
        }),
        None => None,
    };
    Ok(NewOrder {
        symbol: symbol.unwrap_or_default().to_owned(),
        qty: query::amount(body, "qty")?,
        notional: query::amount(body, "notional")?,
        side,
        order_type,
        time_in_force,
        limit_price: query::amount(body, "limit_price")?,
        stop_price: query::amount(body, "stop_price")?,
        trail_price: query::amount(body, "trail_price")?,
        trail_percent: query::amount(body, "trail_percent")?,
        extended_hours: query::truth(body, "extended_hours")?.unwrap_or(false),
        client_order_id: query::text(body, "client_order_id")?.map(str::to_owned),
        order_class,
        take_profit,
        stop_loss,
        legs: legs(body)?,
        position_intent: query::word(body, "position_intent", PositionIntent::from_word)?,
        source: "access_key",
    })
}

fn legs(body: &Map<String, Value>) -> Result<Vec<NewLeg>, ApiError> {
    let rows = match body.get("legs") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(rows)) => rows,
        Some(_) => return Err(ApiError::undecodable()),
    };
    let leg = |row: &Value| {
        let row = row.as_object().ok_or_else(ApiError::undecodable)?;
        Ok(NewLeg {
            symbol: query::text(row, "symbol")?.unwrap_or_default().to_owned(),
            ratio_qty: query::amount(row, "ratio_qty")?.unwrap_or(Decimal::ONE),
            side: query::word(row, "side", Side::from_word)?
                .ok_or_else(|| ApiError::parameter("legs.side is required"))?,
            position_intent: query::word(row, "position_intent", PositionIntent::from_word)?,
        })
    };
    rows.iter().map(leg).collect()
}

fn show(engine: &Engine, order: &Order, nested: bool) -> Answer {
    ok(&answered(engine, order, nested))
}

/// An order in an answer; its `updated_at` may differ from that in frames.
fn answered<'a>(engine: &'a Engine, order: &'a Order, nested: bool) -> WireOrder<'a> {
    let now = engine.now();
    let reading = engine.readings().updated_at();
    let moment = |created: Timestamp, updated: Timestamp| match reading {
        UpdatedAt::Exact => updated,
        UpdatedAt::Coarse => Timestamp::from_millisecond(updated.as_millisecond()).unwrap_or(updated),
        UpdatedAt::Still => created,
        UpdatedAt::Moving => now,
    };
    WireOrder::with_legs(order, &legs_of(engine, order, nested)).changed_at(&moment)
}

/// The legs in an answer; always those of a multi-leg order.
fn legs_of<'a>(engine: &'a Engine, order: &Order, nested: bool) -> Vec<&'a Order> {
    if nested || order.order_class == OrderClass::Mleg { engine.legs(order) } else { Vec::new() }
}

/// `GET /v2/orders`.
pub(super) async fn list(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<Params>,
) -> Answer {
    let filter = filter(&params)?;
    let nested = filter.nested;
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let orders = engine.orders(caller.account, &filter)?;
        let row = |order: &&Order| serde_json::to_value(answered(engine, order, nested)).ok();
        let rows: Vec<Value> = orders.iter().filter_map(row).collect();
        ok(&rows)
    })
}

fn filter(params: &Params) -> Result<OrderFilter, ApiError> {
    let status = match query::param(params, "status") {
        None | Some("open") => StatusFilter::Open,
        Some("closed") => StatusFilter::Closed,
        Some("all") => StatusFilter::All,
        Some(_) => return Err(ApiError::parameter("invalid status")),
    };
    let side = query::param(params, "side")
        .map(|side| Side::from_word(side).ok_or_else(|| ApiError::parameter("invalid side")))
        .transpose()?;
    let cursor = |name: &str| match query::param(params, name) {
        None => Ok(None),
        Some(text) => query::id(text).map(Some).ok_or_else(|| ApiError::parameter(format!("invalid {name}"))),
    };
    let filter = OrderFilter {
        status,
        limit: query::number(params, "limit", 50, 500)?,
        after: query::moment(params, "after")?,
        until: query::moment(params, "until")?,
        ascending: query::ascending(params)?,
        nested: query::flag(params, "nested")?,
        symbols: query::list(params, "symbols"),
        side,
        asset_classes: classes(params)?,
        before_order_id: cursor("before_order_id")?,
        after_order_id: cursor("after_order_id")?,
    };
    let cursors = usize::from(filter.before_order_id.is_some()) + usize::from(filter.after_order_id.is_some());
    if cursors == 2 {
        return Err(ApiError::parameter("only one of before_order_id and after_order_id is accepted"));
    }
    if cursors == 1 && (filter.after.is_some() || filter.until.is_some()) {
        return Err(ApiError::parameter("order id cursors cannot be used together with after or until"));
    }
    Ok(filter)
}

/// The asset classes requested; `None` for all.
fn classes(params: &Params) -> Result<Option<Vec<AssetClass>>, ApiError> {
    let words = query::list(params, "asset_class");
    let mut every = words.is_empty();
    let mut found = Vec::new();
    for word in &words {
        match AssetClass::from_word(word) {
            Some(class) => found.push(class),
            None if word == "all" => every = true,
            // The service has orders of this class; this brokerage has none.
            None if ELSEWHERE.contains(&word.as_str()) => {}
            None => return Err(ApiError::parameter("invalid asset_class")),
        }
    }
    Ok((!every).then_some(found))
}

/// `GET /v2/orders/{id}`.
pub(super) async fn one(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(params): Query<Params>,
) -> Answer {
    let nested = query::flag(&params, "nested")?;
    let id = known(&id)?;
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let order = engine.order(caller.account, id)?;
        show(engine, order, nested)
    })
}

/// `GET /v2/orders:by_client_order_id`.
pub(super) async fn by_client_id(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<Params>,
) -> Answer {
    let client_id =
        query::param(&params, "client_order_id").ok_or_else(|| ApiError::parameter("client_order_id is required"))?;
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let order = engine.order_by_client_id(caller.account, client_id)?;
        show(engine, order, false)
    })
}

/// `PATCH /v2/orders/{id}`.
pub(super) async fn replace(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let id = known(&id)?;
    let body = query::object(&body)?;
    let changes = Changes {
        qty: query::amount(&body, "qty")?,
        limit_price: query::amount(&body, "limit_price")?,
        stop_price: query::amount(&body, "stop_price")?,
        trail: query::amount(&body, "trail")?,
        time_in_force: query::word(&body, "time_in_force", TimeInForce::from_word)?,
        client_order_id: query::text(&body, "client_order_id")?.map(str::to_owned),
    };
    if query::amount(&body, "notional")?.is_some() {
        return Err(ApiError::unprocessable("notional can only be replaced for ipo orders"));
    }
    request_filter.sim.hub.act(&request_filter.sim.clock, |engine| {
        let order = engine.replace(caller.account, id, &changes)?;
        show(engine, &order, false)
    })
}

/// `DELETE /v2/orders/{id}`.
pub(super) async fn cancel(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer {
    let id = known(&id)?;
    request_filter.sim.hub.act(&request_filter.sim.clock, |engine| engine.cancel(caller.account, id))?;
    Ok(empty(204))
}

/// `DELETE /v2/orders`.
pub(super) async fn cancel_all(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
) -> Answer {
    let results = request_filter.sim.hub.act(&request_filter.sim.clock, |engine| engine.cancel_all(caller.account))?;
    let row = |(id, result): &(_, Result<_, _>)| json!({"id": id, "status": if result.is_ok() { 200 } else { 500 }});
    Ok(answer(207, &results.iter().map(row).collect::<Vec<_>>()))
}

/// Parses an order id; an invalid one is not found, as at the service.
fn known(text: &str) -> Result<uuid::Uuid, ApiError> {
    query::id(text).ok_or_else(|| ApiError::not_found(format!("order not found for {text}")))
}
