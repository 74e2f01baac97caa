//! Watchlists, by id and by name (docs/ALPACA.md 5.10). They belong to an account and do not affect trading.

use std::collections::HashMap;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use serde_json::{Map, Value, json};

use super::assets::asset_row;
use crate::sim::server::lock::lock;
use crate::sim::server::query::{self, Params};
use crate::sim::server::reply::{Answer, ApiError, empty, ok};
use crate::sim::server::request_filter::{Caller, RequestFilter};
use crate::sim::server::watchlist::Watchlist;

/// How a request identifies its watchlist.
enum Key {
    Id(String),
    Name(Option<String>),
}

impl Key {
    fn from_query(params: &HashMap<String, String>) -> Self {
        Self::Name(query::param(params, "name").map(str::to_owned))
    }

    fn fits(&self, list: &Watchlist) -> bool {
        match self {
            Self::Id(id) => query::id(id) == Some(list.id),
            Self::Name(name) => name.as_deref() == Some(list.name.as_str()),
        }
    }
}

fn missing() -> ApiError {
    ApiError::not_found("watchlist not found")
}

fn head(request_filter: &RequestFilter, list: &Watchlist) -> Map<String, Value> {
    let account_id = request_filter.sim.hub.account_id(list.account);
    let members = [
        ("id", json!(list.id)),
        ("account_id", json!(account_id)),
        ("created_at", json!(list.created_at)),
        ("updated_at", json!(list.updated_at)),
        ("name", json!(list.name)),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn whole(request_filter: &RequestFilter, list: &Watchlist) -> Answer {
    let mut row = head(request_filter, list);
    let assets: Vec<Value> = request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let market = engine.market();
        list.symbols.iter().filter_map(|symbol| market.find(symbol)).map(|sym| asset_row(market.asset(sym))).collect()
    });
    row.insert("assets".to_owned(), Value::from(assets));
    ok(&row)
}

/// The catalogue's spelling of a symbol.
fn spelled(request_filter: &RequestFilter, symbol: &str) -> Result<String, ApiError> {
    let found = request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let market = engine.market();
        market.find(symbol).map(|sym| market.asset(sym).symbol.to_owned())
    });
    found.ok_or_else(|| ApiError::unprocessable(format!("asset \"{symbol}\" not found")))
}

fn symbols(request_filter: &RequestFilter, body: &Map<String, Value>) -> Result<Option<Vec<String>>, ApiError> {
    let rows = match body.get("symbols") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(rows)) => rows,
        Some(_) => return Err(ApiError::undecodable()),
    };
    let mut symbols = Vec::new();
    for row in rows {
        let symbol = spelled(request_filter, row.as_str().ok_or_else(ApiError::undecodable)?)?;
        if !symbols.contains(&symbol) {
            symbols.push(symbol);
        }
    }
    Ok(Some(symbols))
}

/// Runs `change` on a watchlist.
fn changed(
    request_filter: &RequestFilter,
    caller: Caller,
    key: &Key,
    change: impl FnOnce(&mut Watchlist) -> Result<(), ApiError>,
) -> Result<Watchlist, ApiError> {
    let now = request_filter.sim.clock.now();
    let mut lists = lock(&request_filter.sim.watchlists);
    let list = lists.0.iter_mut().find(|list| list.account == caller.account && key.fits(list)).ok_or_else(missing)?;
    change(list)?;
    list.updated_at = now;
    Ok(list.clone())
}

fn found(request_filter: &RequestFilter, caller: Caller, key: &Key) -> Answer {
    let list = {
        let lists = lock(&request_filter.sim.watchlists);
        lists.0.iter().find(|list| list.account == caller.account && key.fits(list)).cloned().ok_or_else(missing)?
    };
    whole(request_filter, &list)
}

fn updated(request_filter: &RequestFilter, caller: Caller, key: &Key, body: &Bytes) -> Answer {
    let body = query::object(body)?;
    let name = query::text(&body, "name")?.map(str::to_owned);
    let symbols = symbols(request_filter, &body)?;
    if let Some(name) = &name {
        let taken = lock(&request_filter.sim.watchlists)
            .0
            .iter()
            .any(|list| list.account == caller.account && list.name == *name && !key.fits(list));
        if taken {
            return Err(ApiError::unprocessable("watchlist name must be unique"));
        }
    }
    let list = changed(request_filter, caller, key, |list| {
        if let Some(name) = name {
            list.name = name;
        }
        if let Some(symbols) = symbols {
            list.symbols = symbols;
        }
        Ok(())
    })?;
    whole(request_filter, &list)
}

fn added(request_filter: &RequestFilter, caller: Caller, key: &Key, body: &Bytes) -> Answer {
    let body = query::object(body)?;
    let symbol = query::text(&body, "symbol")?.ok_or_else(|| ApiError::parameter("symbol is required"))?;
    let symbol = spelled(request_filter, symbol)?;
    let list = changed(request_filter, caller, key, |list| {
        if list.symbols.contains(&symbol) {
            return Err(ApiError::unprocessable("duplicate symbol"));
        }
        list.symbols.push(symbol);
        Ok(())
    })?;
    whole(request_filter, &list)
}

fn deleted(request_filter: &RequestFilter, caller: Caller, key: &Key) -> Answer {
    let mut lists = lock(&request_filter.sim.watchlists);
    let before = lists.0.len();
    lists.0.retain(|list| list.account != caller.account || !key.fits(list));
    if lists.0.len() == before { Err(missing()) } else { Ok(empty(204)) }
}

/// `GET /v2/watchlists`: without their assets.
pub(super) async fn list(State(request_filter): State<RequestFilter>, Extension(caller): Extension<Caller>) -> Answer {
    let lists: Vec<Watchlist> =
        lock(&request_filter.sim.watchlists).0.iter().filter(|list| list.account == caller.account).cloned().collect();
    ok(&lists.iter().map(|list| head(&request_filter, list)).collect::<Vec<_>>())
}

/// `POST /v2/watchlists`.
pub(super) async fn create(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Answer {
    let body = query::object(&body)?;
    let name = query::text(&body, "name")?.ok_or_else(|| ApiError::parameter("name is required"))?;
    if name.chars().count() > 64 {
        return Err(ApiError::parameter("name must be at most 64 characters"));
    }
    let symbols = symbols(&request_filter, &body)?.unwrap_or_default();
    let now = request_filter.sim.clock.now();
    let id = lock(&request_filter.sim.grants).uuid();
    let list =
        Watchlist { id, account: caller.account, name: name.to_owned(), symbols, created_at: now, updated_at: now };
    {
        let mut lists = lock(&request_filter.sim.watchlists);
        if lists.0.iter().any(|other| other.account == caller.account && other.name == list.name) {
            return Err(ApiError::unprocessable("watchlist name must be unique"));
        }
        lists.0.push(list.clone());
    }
    whole(&request_filter, &list)
}

/// `GET /v2/watchlists/{id}`.
pub(super) async fn one(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer {
    found(&request_filter, caller, &Key::Id(id))
}

/// `PUT /v2/watchlists/{id}`.
pub(super) async fn update(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    updated(&request_filter, caller, &Key::Id(id), &body)
}

/// `POST /v2/watchlists/{id}`.
pub(super) async fn add(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    added(&request_filter, caller, &Key::Id(id), &body)
}

/// `DELETE /v2/watchlists/{id}`.
pub(super) async fn delete(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer {
    deleted(&request_filter, caller, &Key::Id(id))
}

/// `DELETE /v2/watchlists/{id}/{symbol}`.
pub(super) async fn remove(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Path((id, symbol)): Path<(String, String)>,
) -> Answer {
    let symbol = spelled(&request_filter, &symbol)?;
    let list = changed(&request_filter, caller, &Key::Id(id), |list| {
        let before = list.symbols.len();
        list.symbols.retain(|other| *other != symbol);
        if list.symbols.len() == before { Err(ApiError::not_found("symbol not in watchlist")) } else { Ok(()) }
    })?;
    whole(&request_filter, &list)
}

/// `GET /v2/watchlists:by_name`.
pub(super) async fn by_name(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<Params>,
) -> Answer {
    found(&request_filter, caller, &Key::from_query(&params))
}

/// `PUT /v2/watchlists:by_name`.
pub(super) async fn update_by_name(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<Params>,
    body: Bytes,
) -> Answer {
    updated(&request_filter, caller, &Key::from_query(&params), &body)
}

/// `POST /v2/watchlists:by_name`.
pub(super) async fn add_by_name(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<Params>,
    body: Bytes,
) -> Answer {
    added(&request_filter, caller, &Key::from_query(&params), &body)
}

/// `DELETE /v2/watchlists:by_name`.
pub(super) async fn delete_by_name(
    State(request_filter): State<RequestFilter>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<Params>,
) -> Answer {
    deleted(&request_filter, caller, &Key::from_query(&params))
}
