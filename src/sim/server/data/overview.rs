//! Market data over many symbols: option chains, movers, most active shares, crypto order books, and the meaning of
//! codes.

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::rest::{message_only, past_options};
use super::{rows, socket};
use crate::sim::market::{Instrument, Market};
use crate::sim::server::query::{self, Params};
use crate::sim::server::reply::{Answer, ApiError, ok};
use crate::sim::server::request_filter::RequestFilter;
use crate::sim::wire::number;
use crate::sim::words::AssetClass;

/// Option exchanges by code; rows here have Cboe's.
const OPTION_EXCHANGES: &[(&str, &str)] = &[
    ("A", "AMEX - NYSE American"),
    ("B", "BOX - Boston Options Exchange"),
    ("C", "CBOE - Cboe Options Exchange"),
    ("N", "NYSE - NYSE Arca"),
    ("O", "OPRA"),
    ("X", "PHLX - Nasdaq PHLX"),
];
/// Stock exchanges by the codes that rows have here.
const EXCHANGES: &[(&str, &str)] = &[
    ("A", "NYSE American (AMEX)"),
    ("N", "New York Stock Exchange"),
    ("O", "OPRA"),
    ("P", "NYSE Arca"),
    ("Q", "NASDAQ"),
    ("R", "NASDAQ Capital Market"),
    ("V", "IEX"),
];

fn of_class(market: &Market, class: AssetClass) -> Vec<&Instrument> {
    market.syms().map(|sym| market.get(sym)).filter(|instrument| instrument.asset.class == class).collect()
}

/// The number of rows requested; ten by default.
fn top(params: &Params, most: usize) -> Result<usize, ApiError> {
    query::number(params, "top", 10, most).map_err(|error| message_only(400, error.message))
}

/// `GET /v1beta1/options/snapshots/{underlying_symbol}`.
pub(super) async fn chain(
    State(request_filter): State<RequestFilter>,
    Path(underlying): Path<String>,
    Query(params): Query<Params>,
) -> Answer {
    let plain = |error: ApiError| message_only(400, error.message);
    let strike = |name: &str| query::decimal(&params, name).map_err(plain);
    let (low, high) = (strike("strike_price_gte")?, strike("strike_price_lte")?);
    let day = |name: &str| query::date(&params, name).map_err(plain);
    let (on, from, to) = (day("expiration_date")?, day("expiration_date_gte")?, day("expiration_date_lte")?);
    let limit = query::number(&params, "limit", 100, 1_000).map_err(plain)?;
    let after = query::param(&params, "page_token").unwrap_or_default();
    let (kind, root) = (query::param(&params, "type"), query::param(&params, "root_symbol"));
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let mut found: Vec<&Instrument> = of_class(engine.market(), AssetClass::UsOption);
        found.retain(|instrument| {
            instrument.asset.contract.is_some_and(|contract| {
                contract.underlying == underlying
                    && !instrument.expired
                    && root.is_none_or(|root| root == contract.underlying)
                    && kind.is_none_or(|kind| (kind == "call") == contract.is_call)
                    && low.is_none_or(|price| contract.strike >= price)
                    && high.is_none_or(|price| contract.strike <= price)
                    && on.is_none_or(|day| contract.expires == day)
                    && from.is_none_or(|day| contract.expires >= day)
                    && to.is_none_or(|day| contract.expires <= day)
                    && instrument.asset.symbol > after
            })
        });
        found.sort_by_key(|instrument| instrument.asset.symbol);
        let last = found.get(limit.wrapping_sub(1)).filter(|_| found.len() > limit);
        let token = last.map(|instrument| instrument.asset.symbol);
        let rows: Map<String, Value> = found
            .iter()
            .take(limit)
            .map(|instrument| (instrument.asset.symbol.to_owned(), rows::snapshot(instrument)))
            .collect();
        ok(&json!({"snapshots": rows, "next_page_token": token}))
    })
}

/// `GET /v1beta1/options/{kind}`: past rows; the socket of a feed for an upgrade.
pub(super) async fn options_history(
    State(request_filter): State<RequestFilter>,
    Path(kind): Path<String>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    Query(params): Query<Params>,
) -> Answer {
    match upgrade {
        Ok(upgrade) => socket::options(request_filter, &kind, &headers, upgrade)
            .ok_or_else(|| message_only(404, "endpoint not found")),
        Err(_) => past_options(&request_filter, &kind, &params),
    }
}

/// `GET /v1beta1/options/meta/exchanges`.
pub(super) async fn option_exchanges() -> Answer {
    ok(&letters(OPTION_EXCHANGES))
}

/// `GET /v1beta1/options/meta/conditions/{ticktype}`.
pub(super) async fn option_conditions(Path(kind): Path<String>) -> Answer {
    match kind.as_str() {
        "trade" => ok(&json!({"I": "AUTO - Transaction was executed electronically"})),
        "quote" => ok(&json!({"A": "Eligible for automatic execution"})),
        _ => Err(message_only(400, format!("invalid tick type: {kind}"))),
    }
}

fn letters(table: &[(&str, &str)]) -> Map<String, Value> {
    table.iter().map(|(letter, name)| ((*letter).to_owned(), Value::from(*name))).collect()
}

/// `GET /v1beta1/screener/{market_type}/movers`.
pub(super) async fn movers(
    State(request_filter): State<RequestFilter>,
    Path(kind): Path<String>,
    Query(params): Query<Params>,
) -> Answer {
    let class = match kind.as_str() {
        "stocks" => AssetClass::UsEquity,
        "crypto" => AssetClass::Crypto,
        _ => return Err(message_only(400, format!("invalid market type: {kind}"))),
    };
    let top = top(&params, 50)?;
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let mut moved: Vec<(Decimal, &Instrument)> = of_class(engine.market(), class)
            .into_iter()
            .filter_map(|instrument| {
                let change = instrument.last.price - instrument.previous_close;
                let percent = (change * Decimal::ONE_HUNDRED).checked_div(instrument.previous_close)?;
                Some((percent.round_dp(2).normalize(), instrument))
            })
            .collect();
        moved.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.asset.symbol.cmp(other.1.asset.symbol)));
        let row = |(percent, instrument): &(Decimal, &Instrument)| {
            json!({
                "symbol": instrument.asset.symbol,
                "percent_change": number(*percent),
                "change": number((instrument.last.price - instrument.previous_close).normalize()),
                "price": number(instrument.last.price),
            })
        };
        let gainers: Vec<Value> = moved.iter().filter(|row| row.0 > Decimal::ZERO).take(top).map(row).collect();
        let losers: Vec<Value> = moved.iter().rev().filter(|row| row.0 < Decimal::ZERO).take(top).map(row).collect();
        ok(&json!({
            "gainers": gainers, "losers": losers, "market_type": kind, "last_updated": engine.now().to_string(),
        }))
    })
}

/// `GET /v1beta1/screener/stocks/most-actives`.
pub(super) async fn most_actives(State(request_filter): State<RequestFilter>, Query(params): Query<Params>) -> Answer {
    let by_trades = match query::param(&params, "by") {
        None | Some("volume") => false,
        Some("trades") => true,
        Some(_) => return Err(message_only(400, "invalid by")),
    };
    let top = top(&params, 100)?;
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let mut days: Vec<_> = of_class(engine.market(), AssetClass::UsEquity)
            .into_iter()
            .filter_map(|instrument| Some((instrument.asset.symbol, instrument.day.as_ref()?)))
            .collect();
        days.sort_by_key(|(_, day)| {
            std::cmp::Reverse(if by_trades { Decimal::from(day.trades) } else { day.volume })
        });
        let row = |(symbol, day): &(&str, &crate::sim::market::Bar)| {
            json!({"symbol": symbol, "volume": number(day.volume.trunc()), "trade_count": day.trades})
        };
        let rows: Vec<Value> = days.iter().take(top).map(row).collect();
        ok(&json!({"most_actives": rows, "last_updated": engine.now().to_string()}))
    })
}

/// `GET /v1beta3/crypto/{loc}/latest/orderbooks`. The best levels are the quote's; the others are derived from it,
/// because the market has no other participants.
pub(super) async fn order_books(
    State(request_filter): State<RequestFilter>,
    Path(_): Path<String>,
    Query(params): Query<Params>,
) -> Answer {
    let symbols = query::list(&params, "symbols");
    if symbols.is_empty() {
        return Err(message_only(400, "symbols is required"));
    }
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let found = of_class(engine.market(), AssetClass::Crypto);
        let wanted = found.into_iter().filter(|instrument| symbols.iter().any(|one| one == instrument.asset.symbol));
        let books: Map<String, Value> =
            wanted.map(|instrument| (instrument.asset.symbol.to_owned(), rows::book(instrument))).collect();
        ok(&json!({"orderbooks": books}))
    })
}

/// `GET /v2/stocks/meta/exchanges`.
pub(super) async fn exchanges() -> Answer {
    ok(&letters(EXCHANGES))
}

/// `GET /v2/stocks/meta/conditions/{ticktype}`.
pub(super) async fn conditions(Path(kind): Path<String>, Query(params): Query<Params>) -> Answer {
    if !matches!(query::param(&params, "tape"), Some("A" | "B" | "C")) {
        return Err(message_only(400, "tape must be one of A, B, C"));
    }
    match kind.as_str() {
        "trade" => ok(&json!({"@": "Regular Sale"})),
        "quote" => ok(&json!({"R": "Regular, two sided"})),
        _ => Err(message_only(400, format!("invalid tick type: {kind}"))),
    }
}
