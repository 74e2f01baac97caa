//! Watchlists, by id and by name (docs/ALPACA.md 5.10). They belong to an account and do not affect trading.

use std::collections::HashMap;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::assets::asset_row;
use super::query::{self, Params};
use crate::sim::engine::order::AccountNo;
use crate::sim::server::gate::{Caller, Gate};
use crate::sim::server::reply::{Answer, ApiError, empty, ok};
use crate::sim::server::state::lock;

/// One watchlist.
#[derive(Debug, Clone)]
pub struct Watchlist {
    id: Uuid,
    account: AccountNo,
    name: String,
    symbols: Vec<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// All watchlists, oldest first.
#[derive(Debug, Default)]
pub struct Watchlists(Vec<Watchlist>);

impl Watchlists {
    /// Deletes those of an account.
    pub fn forget(&mut self, account: AccountNo) {
        self.0.retain(|list| list.account != account);
    }
}

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

fn head(gate: &Gate, list: &Watchlist) -> Map<String, Value> {
    let account_id = gate.sim.hub.account_id(list.account);
    let members = [
        ("id", json!(list.id)),
        ("account_id", json!(account_id)),
        ("created_at", json!(list.created_at)),
        ("updated_at", json!(list.updated_at)),
        ("name", json!(list.name)),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn whole(gate: &Gate, list: &Watchlist) -> Answer {
    let mut row = head(gate, list);
    let assets: Vec<Value> = gate.sim.hub.read(&gate.sim.clock, |engine| {
        let market = engine.market();
        list.symbols.iter().filter_map(|symbol| market.find(symbol)).map(|sym| asset_row(market.asset(sym))).collect()
    });
    row.insert("assets".to_owned(), Value::from(assets));
    ok(&row)
}

/// The catalogue's spelling of a symbol.
fn spelled(gate: &Gate, symbol: &str) -> Result<String, ApiError> {
    let found = gate.sim.hub.read(&gate.sim.clock, |engine| {
        let market = engine.market();
        market.find(symbol).map(|sym| market.asset(sym).symbol.to_owned())
    });
    found.ok_or_else(|| ApiError::unprocessable(format!("asset \"{symbol}\" not found")))
}

fn symbols(gate: &Gate, body: &Map<String, Value>) -> Result<Option<Vec<String>>, ApiError> {
    let rows = match body.get("symbols") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(rows)) => rows,
        Some(_) => return Err(ApiError::undecodable()),
    };
    let mut symbols = Vec::new();
    for row in rows {
        let symbol = spelled(gate, row.as_str().ok_or_else(ApiError::undecodable)?)?;
        if !symbols.contains(&symbol) {
            symbols.push(symbol);
        }
    }
    Ok(Some(symbols))
}

/// Runs `change` on a watchlist.
fn changed(
    gate: &Gate,
    caller: Caller,
    key: &Key,
    change: impl FnOnce(&mut Watchlist) -> Result<(), ApiError>,
) -> Result<Watchlist, ApiError> {
    let now = gate.sim.clock.now();
    let mut lists = lock(&gate.sim.watchlists);
    let list = lists.0.iter_mut().find(|list| list.account == caller.account && key.fits(list)).ok_or_else(missing)?;
    change(list)?;
    list.updated_at = now;
    Ok(list.clone())
}

fn found(gate: &Gate, caller: Caller, key: &Key) -> Answer {
    let list = {
        let lists = lock(&gate.sim.watchlists);
        lists.0.iter().find(|list| list.account == caller.account && key.fits(list)).cloned().ok_or_else(missing)?
    };
    whole(gate, &list)
}

fn updated(gate: &Gate, caller: Caller, key: &Key, body: &Bytes) -> Answer {
    let body = query::object(body)?;
    let name = query::text(&body, "name")?.map(str::to_owned);
    let symbols = symbols(gate, &body)?;
    if let Some(name) = &name {
        let taken = lock(&gate.sim.watchlists)
            .0
            .iter()
            .any(|list| list.account == caller.account && list.name == *name && !key.fits(list));
        if taken {
            return Err(ApiError::unprocessable("watchlist name must be unique"));
        }
    }
    let list = changed(gate, caller, key, |list| {
        if let Some(name) = name {
            list.name = name;
        }
        if let Some(symbols) = symbols {
            list.symbols = symbols;
        }
        Ok(())
    })?;
    whole(gate, &list)
}

fn added(gate: &Gate, caller: Caller, key: &Key, body: &Bytes) -> Answer {
    let body = query::object(body)?;
    let symbol = query::text(&body, "symbol")?.ok_or_else(|| ApiError::parameter("symbol is required"))?;
    let symbol = spelled(gate, symbol)?;
    let list = changed(gate, caller, key, |list| {
        if list.symbols.contains(&symbol) {
            return Err(ApiError::unprocessable("duplicate symbol"));
        }
        list.symbols.push(symbol);
        Ok(())
    })?;
    whole(gate, &list)
}

fn deleted(gate: &Gate, caller: Caller, key: &Key) -> Answer {
    let mut lists = lock(&gate.sim.watchlists);
    let before = lists.0.len();
    lists.0.retain(|list| list.account != caller.account || !key.fits(list));
    if lists.0.len() == before { Err(missing()) } else { Ok(empty(204)) }
}

/// `GET /v2/watchlists`: without their assets.
pub async fn list(State(gate): State<Gate>, Extension(caller): Extension<Caller>) -> Answer {
    let lists: Vec<Watchlist> =
        lock(&gate.sim.watchlists).0.iter().filter(|list| list.account == caller.account).cloned().collect();
    ok(&lists.iter().map(|list| head(&gate, list)).collect::<Vec<_>>())
}

/// `POST /v2/watchlists`.
pub async fn create(State(gate): State<Gate>, Extension(caller): Extension<Caller>, body: Bytes) -> Answer {
    let body = query::object(&body)?;
    let name = query::text(&body, "name")?.ok_or_else(|| ApiError::parameter("name is required"))?;
    if name.chars().count() > 64 {
        return Err(ApiError::parameter("name must be at most 64 characters"));
    }
    let symbols = symbols(&gate, &body)?.unwrap_or_default();
    let now = gate.sim.clock.now();
    let id = lock(&gate.sim.grants).uuid();
    let list =
        Watchlist { id, account: caller.account, name: name.to_owned(), symbols, created_at: now, updated_at: now };
    {
        let mut lists = lock(&gate.sim.watchlists);
        if lists.0.iter().any(|other| other.account == caller.account && other.name == list.name) {
            return Err(ApiError::unprocessable("watchlist name must be unique"));
        }
        lists.0.push(list.clone());
    }
    whole(&gate, &list)
}

/// `GET /v2/watchlists/{id}`.
pub async fn one(State(gate): State<Gate>, Extension(caller): Extension<Caller>, Path(id): Path<String>) -> Answer {
    found(&gate, caller, &Key::Id(id))
}

/// `PUT /v2/watchlists/{id}`.
pub async fn update(
    State(gate): State<Gate>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    updated(&gate, caller, &Key::Id(id), &body)
}

/// `POST /v2/watchlists/{id}`.
pub async fn add(
    State(gate): State<Gate>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    added(&gate, caller, &Key::Id(id), &body)
}

/// `DELETE /v2/watchlists/{id}`.
pub async fn delete(State(gate): State<Gate>, Extension(caller): Extension<Caller>, Path(id): Path<String>) -> Answer {
    deleted(&gate, caller, &Key::Id(id))
}

/// `DELETE /v2/watchlists/{id}/{symbol}`.
pub async fn remove(
    State(gate): State<Gate>,
    Extension(caller): Extension<Caller>,
    Path((id, symbol)): Path<(String, String)>,
) -> Answer {
    let symbol = spelled(&gate, &symbol)?;
    let list = changed(&gate, caller, &Key::Id(id), |list| {
        let before = list.symbols.len();
        list.symbols.retain(|other| *other != symbol);
        if list.symbols.len() == before { Err(ApiError::not_found("symbol not in watchlist")) } else { Ok(()) }
    })?;
    whole(&gate, &list)
}

/// `GET /v2/watchlists:by_name`.
pub async fn by_name(
    State(gate): State<Gate>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<Params>,
) -> Answer {
    found(&gate, caller, &Key::from_query(&params))
}

/// `PUT /v2/watchlists:by_name`.
pub async fn update_by_name(
    State(gate): State<Gate>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<Params>,
    body: Bytes,
) -> Answer {
    updated(&gate, caller, &Key::from_query(&params), &body)
}

/// `POST /v2/watchlists:by_name`.
pub async fn add_by_name(
    State(gate): State<Gate>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<Params>,
    body: Bytes,
) -> Answer {
    added(&gate, caller, &Key::from_query(&params), &body)
}

/// `DELETE /v2/watchlists:by_name`.
pub async fn delete_by_name(
    State(gate): State<Gate>,
    Extension(caller): Extension<Caller>,
    Query(params): Query<Params>,
) -> Answer {
    deleted(&gate, caller, &Key::from_query(&params))
}
