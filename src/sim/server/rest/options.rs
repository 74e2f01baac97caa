//! Option contracts, with the filters and the paging of their list.

use axum::extract::{Path, Query, State};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sim::calendar;
use crate::sim::engine::Engine;
use crate::sim::market::catalogue::Asset;
use crate::sim::market::option::Contract;
use crate::sim::server::query::{self, Params};
use crate::sim::server::reply::{Answer, ApiError, ok};
use crate::sim::server::request_filter::RequestFilter;

/// The most rows of a page.
const LARGEST_PAGE: usize = 10_000;

fn row_of(engine: &Engine, asset: &Asset, contract: &Contract, now: Timestamp) -> Option<Value> {
    let market = engine.market();
    let instrument = market.get(market.find(asset.symbol)?);
    let underlying = market.find(contract.underlying).map(|sym| market.asset(sym).id)?;
    let on = calendar::previous_trading_day(calendar::in_new_york(now).date()).to_string();
    // A made-up figure that only has to be plausible and constant.
    let open_interest = asset.id.as_u128() % 4_000 + 40;
    Some(json!({
        "id": asset.id,
        "symbol": asset.symbol,
        "name": asset.name,
        "status": if instrument.expired { "inactive" } else { "active" },
        "tradable": !instrument.expired,
        "expiration_date": contract.expires.to_string(),
        "root_symbol": contract.underlying,
        "underlying_symbol": contract.underlying,
        "underlying_asset_id": underlying,
        "type": kind(contract),
        "style": "american",
        "strike_price": contract.strike.to_string(),
        "multiplier": "100",
        "size": "100",
        "open_interest": open_interest.to_string(),
        "open_interest_date": on,
        "close_price": instrument.previous_close.to_string(),
        "close_price_date": on,
        "ppind": true,
    }))
}

fn kind(contract: &Contract) -> &'static str {
    if contract.is_call { "call" } else { "put" }
}

/// `GET /v2/options/contracts`.
pub(super) async fn contracts(State(request_filter): State<RequestFilter>, Query(params): Query<Params>) -> Answer {
    let now = request_filter.sim.clock.now();
    let underlyings = query::list(&params, "underlying_symbols");
    let (on, from, to) = (
        query::date(&params, "expiration_date")?,
        query::date(&params, "expiration_date_gte")?,
        query::date(&params, "expiration_date_lte")?,
    );
    let (low, high) = (query::decimal(&params, "strike_price_gte")?, query::decimal(&params, "strike_price_lte")?);
    let limit = query::number(&params, "limit", 100, LARGEST_PAGE)?;
    let begin: usize = match query::param(&params, "page_token") {
        None => 0,
        Some(token) => token.parse().map_err(|_| ApiError::parameter("invalid page_token"))?,
    };
    let wants = |contract: &Contract, expired: bool| {
        let same = |name: &str, value: &str| query::param(&params, name).is_none_or(|wanted| wanted == value);
        (underlyings.is_empty() || underlyings.iter().any(|one| one == contract.underlying))
            && same("root_symbol", contract.underlying)
            && same("type", kind(contract))
            && same("style", "american")
            && query::param(&params, "status").unwrap_or("active") == if expired { "inactive" } else { "active" }
            && on.is_none_or(|day| contract.expires == day)
            && from.is_none_or(|day| contract.expires >= day)
            && to.is_none_or(|day| contract.expires <= day)
            && low.is_none_or(|price| contract.strike >= price)
            && high.is_none_or(|price| contract.strike <= price)
    };
    let rows: Vec<Value> = request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let market = engine.market();
        let found = market.syms().filter_map(|sym| {
            let instrument = market.get(sym);
            let contract = instrument.asset.contract.as_ref()?;
            let wanted = wants(contract, instrument.expired);
            wanted.then(|| row_of(engine, &instrument.asset, contract, now)).flatten()
        });
        found.skip(begin).take(limit + 1).collect()
    });
    let more = rows.len() > limit;
    let page: Vec<&Value> = rows.iter().take(limit).collect();
    ok(&json!({"option_contracts": page, "next_page_token": more.then(|| (begin + limit).to_string())}))
}

/// `GET /v2/options/contracts/{symbol_or_id}`.
pub(super) async fn contract(State(request_filter): State<RequestFilter>, Path(name): Path<String>) -> Answer {
    let now = request_filter.sim.clock.now();
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let asset = engine.find_asset(&name).map(|sym| engine.market().asset(sym));
        let found = asset.and_then(|asset| row_of(engine, asset, asset.contract.as_ref()?, now));
        ok(&found.ok_or_else(|| ApiError::not_found(format!("option contract {name} not found")))?)
    })
}
