//! Assets, option contracts, clock and calendar (docs/ALPACA.md 5.10).

use axum::extract::{Path, Query, State};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use crate::sim::calendar::{self, Phase, Session};
use crate::sim::market::Asset;
use crate::sim::server::query::{self, Params};
use crate::sim::server::reply::{Answer, ApiError, ok};
use crate::sim::server::request_filter::RequestFilter;
use crate::sim::wire;
use crate::sim::words::AssetClass;

/// An asset in the form of the interfaces.
pub(super) fn asset_row(asset: &Asset) -> Value {
    let equity = asset.class == AssetClass::UsEquity;
    let crypto = asset.class == AssetClass::Crypto;
    let mut row = json!({
        "id": asset.id,
        "class": asset.class.as_str(),
        "exchange": if crypto { "CRYPTO" } else { asset.exchange },
        "symbol": asset.symbol,
        "name": asset.name,
        "status": "active",
        "tradable": true,
        "marginable": asset.marginable,
        "maintenance_margin_requirement": if asset.marginable { 30 } else { 100 },
        "margin_requirement_long": if asset.marginable { "30" } else { "100" },
        "margin_requirement_short": if asset.shortable { "30" } else { "100" },
        "shortable": asset.shortable,
        "easy_to_borrow": asset.shortable,
        "fractionable": asset.fractionable,
        "attributes": [],
    });
    if let Some(row) = row.as_object_mut() {
        if equity {
            let borrow = if asset.shortable { "easy_to_borrow" } else { "hard_to_borrow" };
            row.insert("borrow_status".to_owned(), Value::from(borrow));
            if asset.fractionable {
                row.insert("attributes".to_owned(), json!(["fractional_eh_enabled"]));
            }
        }
        if crypto {
            row.insert("min_order_size".to_owned(), wire::text(asset.qty_step));
            row.insert("min_trade_increment".to_owned(), wire::text(asset.qty_step));
            row.insert("price_increment".to_owned(), wire::text(asset.price_step));
        }
    }
    row
}

/// `GET /v2/assets`.
pub(super) async fn list(State(request_filter): State<RequestFilter>, Query(params): Query<Params>) -> Answer {
    if query::param(&params, "status") == Some("inactive") {
        return ok(&json!([]));
    }
    let class = query::param(&params, "asset_class");
    let exchange = query::param(&params, "exchange");
    let attributes = query::list(&params, "attributes");
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let market = engine.market();
        let rows: Vec<Value> = market
            .syms()
            .map(|sym| market.asset(sym))
            .filter(|asset| asset.class != AssetClass::UsOption || class == Some("us_option"))
            .filter(|asset| class.is_none_or(|class| asset.class.as_str() == class))
            .map(asset_row)
            .filter(|row| exchange.is_none_or(|exchange| row.get("exchange") == Some(&Value::from(exchange))))
            .filter(|row| {
                let has = row.get("attributes").and_then(Value::as_array);
                attributes.iter().all(|wanted| has.is_some_and(|has| has.iter().any(|one| one == wanted)))
            })
            .collect();
        ok(&rows)
    })
}

/// `GET /v2/assets/{symbol_or_asset_id}`.
pub(super) async fn one(State(request_filter): State<RequestFilter>, Path(name): Path<String>) -> Answer {
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let market = engine.market();
        let sym = market.find(&name).ok_or_else(|| ApiError::not_found(format!("asset not found for {name}")))?;
        ok(&asset_row(market.asset(sym)))
    })
}

fn local(moment: Timestamp) -> String {
    calendar::in_new_york(moment).strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string()
}

/// `GET /v2/clock`.
pub(super) async fn clock(State(request_filter): State<RequestFilter>) -> Answer {
    let (now, phase) = request_filter.sim.hub.read(&request_filter.sim.clock, |engine| (engine.now(), engine.phase()));
    ok(&json!({
        "timestamp": local(now),
        "is_open": phase == Phase::Regular,
        "next_open": local(calendar::next_open(now).open_at),
        "next_close": local(calendar::next_close(now).close_at),
    }))
}

/// `GET /v3/clock`.
pub(super) async fn clocks(State(request_filter): State<RequestFilter>, Query(params): Query<Params>) -> Answer {
    let (now, phase) = request_filter.sim.hub.read(&request_filter.sim.clock, |engine| (engine.now(), engine.phase()));
    let mut wanted = query::list(&params, "markets");
    if wanted.is_empty() {
        wanted.push("NYSE".to_owned());
    }
    let session = calendar::session_at(now);
    let until = session.next_change(now).unwrap_or(session.pre_at);
    let mut clocks = Vec::new();
    for name in wanted {
        let market = market_of(&name)?;
        clocks.push(json!({
            "market": market,
            "timestamp": local(now),
            "is_market_day": calendar::is_trading_day(calendar::in_new_york(now).date()),
            "next_market_open": local(calendar::next_open(now).open_at),
            "next_market_close": local(calendar::next_close(now).close_at),
            "phase": phase.as_str(),
            "phase_until": local(until),
        }));
    }
    ok(&json!({"clocks": clocks}))
}

/// Markets that the service knows, with other trading hours.
const ELSEWHERE: [&str; 27] = [
    "BMO", "BNYM", "BOATS", "OCEA", "SIFMA", "CEUX", "CHIX", "ISE", "LSE", "MTA", "MTAA", "XAMS", "XBRU", "XDUB",
    "XETR", "XETRA", "XLIS", "XLON", "XPAR", "HKEX", "JPX", "TADAWUL", "XHKG", "XSAU", "XTKS", "OTC", "OTCM",
];

fn market_of(name: &str) -> Result<Value, ApiError> {
    let upper = name.to_ascii_uppercase();
    let (acronym, full, mic) = match upper.as_str() {
        "NYSE" | "XNYS" => ("NYSE", "New York Stock Exchange", "XNYS"),
        "NASDAQ" | "XNAS" => ("NASDAQ", "National Association of Securities Dealers Automated Quotations", "XNAS"),
        "IEX" | "IEXG" => ("IEX", "Investors Exchange", "IEXG"),
        "OPRA" => ("OPRA", "Options Price Reporting Authority", "OPRA"),
        other if ELSEWHERE.contains(&other) => return Err(ApiError::missing(&format!("the market {other}"))),
        _ => return Err(ApiError::new(400, 40_010_000, format!("unknown market {name}"))),
    };
    Ok(json!({"acronym": acronym, "name": full, "timezone": "America/New_York", "mic": mic}))
}

fn span(request_filter: &RequestFilter, params: &Params) -> Result<Vec<Session>, ApiError> {
    let today = calendar::in_new_york(request_filter.sim.clock.now()).date();
    let first = Date::new(2016, 1, 4).unwrap_or(today);
    let last = Date::new(2029, 12, 31).unwrap_or(today);
    let start = query::date(params, "start")?.unwrap_or(first).max(first);
    let end = query::date(params, "end")?.unwrap_or(last).min(last);
    Ok(calendar::sessions_from(start).take_while(|session| session.date <= end).collect())
}

/// `GET /v2/calendar`.
pub(super) async fn calendar(State(request_filter): State<RequestFilter>, Query(params): Query<Params>) -> Answer {
    let clock = |moment: Timestamp, pattern: &str| calendar::in_new_york(moment).strftime(pattern).to_string();
    let row = |session: &Session| {
        json!({
            "date": session.date.to_string(),
            "open": clock(session.open_at, "%H:%M"),
            "close": clock(session.close_at, "%H:%M"),
            "session_open": clock(session.pre_at, "%H%M"),
            "session_close": clock(session.post_at, "%H%M"),
            "settlement_date": calendar::next_trading_day(session.date).to_string(),
        })
    };
    ok(&span(&request_filter, &params)?.iter().map(row).collect::<Vec<_>>())
}

/// `GET /v3/calendar/{market}`.
pub(super) async fn market_calendar(
    State(request_filter): State<RequestFilter>,
    Path(name): Path<String>,
    Query(mut params): Query<Params>,
) -> Answer {
    let market = market_of(&name)?;
    let today = calendar::in_new_york(request_filter.sim.clock.now()).date();
    let text = |date: Date| date.to_string();
    params.entry("start".to_owned()).or_insert_with(|| text(today));
    params.entry("end".to_owned()).or_insert_with(|| text(today.saturating_add(7.days())));
    let row = |session: &Session| {
        json!({
            "date": session.date.to_string(),
            "pre_start": local(session.pre_at),
            "pre_end": local(session.open_at),
            "core_start": local(session.open_at),
            "core_end": local(session.close_at),
            "post_start": local(session.close_at),
            "post_end": local(session.post_at),
            "settlement_date": calendar::next_trading_day(session.date).to_string(),
        })
    };
    let days: Vec<Value> = span(&request_filter, &params)?.iter().map(row).collect();
    ok(&json!({"market": market, "calendar": days}))
}
