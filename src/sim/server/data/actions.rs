//! Corporate actions and auctions on the data origin. The only actions are the dividends that shares pay by rule; the
//! auctions are the first and the last price of each day.

use axum::extract::{Path, Query, State};
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::rest::{cut_page, message_only, permitted, wanted};
use crate::sim::calendar;
use crate::sim::market::dividends::{self, Dividend};
use crate::sim::market::{Bar, Instrument};
use crate::sim::server::query::{self, Params};
use crate::sim::server::reply::{Answer, ApiError, ok};
use crate::sim::server::request_filter::RequestFilter;
use crate::sim::wire::number;
use crate::sim::words::AssetClass;

/// Types of actions; all but the first never occur here.
const TYPES: [&str; 16] = [
    "cash_dividend",
    "capital_gains_distribution",
    "reverse_split",
    "forward_split",
    "unit_split",
    "stock_dividend",
    "spin_off",
    "cash_merger",
    "stock_merger",
    "stock_and_cash_merger",
    "redemption",
    "name_change",
    "worthless_removal",
    "rights_distribution",
    "reorganization",
    "partial_call",
];

fn row(dividend: &Dividend) -> Value {
    json!({
        "id": dividend.id(),
        "symbol": dividend.symbol,
        "cusip": dividend.cusip(),
        "rate": number(dividend.per_share),
        "special": false,
        "foreign": false,
        "ex_date": dividend.ex.to_string(),
        "record_date": dividend.record.to_string(),
        "payable_date": dividend.payable.to_string(),
        "process_date": dividend.payable.to_string(),
        "currency": "USD",
    })
}

/// `GET /v1/corporate-actions`.
pub(super) async fn corporate(State(request_filter): State<RequestFilter>, Query(params): Query<Params>) -> Answer {
    let plain = |error: ApiError| message_only(400, error.message);
    let types = query::list(&params, "types");
    if let Some(unknown) = types.iter().find(|asked| !TYPES.contains(&asked.as_str())) {
        return Err(message_only(400, format!("invalid type: {unknown}")));
    }
    let today = calendar::in_new_york(request_filter.sim.clock.now()).date();
    let day = |name: &str| query::date(&params, name).map_err(plain);
    let (ids, symbols, cusips) =
        (query::list(&params, "ids"), query::list(&params, "symbols"), query::list(&params, "cusips"));
    let end = day("end")?.unwrap_or(today);
    let start = day("start")?.unwrap_or(if ids.is_empty() { today } else { Date::MIN });
    let limit = query::number(&params, "limit", 100, 1_000).map_err(plain)?.max(1);
    let descending = query::param(&params, "sort") == Some("desc");
    let after = query::param(&params, "page_token").and_then(query::id);
    let named = |list: &[String], name: &str| list.is_empty() || list.iter().any(|one| one == name);
    // Limited to a few years around simulated time, because the rule has no end.
    let (first, last) = (start.year().max(today.year() - 5), end.year().min(today.year() + 1));
    let mut found = dividends::of_years(first - 1, last + 1);
    found.retain(|dividend| {
        dividend.declared <= today
            && (types.is_empty() || types.iter().any(|kind| kind == "cash_dividend"))
            && (start..=end).contains(&dividend.payable)
            && named(&symbols, dividend.symbol)
            && named(&cusips, &dividend.cusip())
            && named(&ids, &dividend.id().to_string())
    });
    found.sort_by_key(|dividend| (dividend.payable, dividend.symbol));
    if descending {
        found.reverse();
    }
    let from = after.and_then(|id| found.iter().position(|dividend| dividend.id() == id)).map_or(0, |at| at + 1);
    let page: Vec<&Dividend> = found.iter().skip(from).take(limit).collect();
    let token = page.last().filter(|_| found.len() > from + page.len()).map(|dividend| dividend.id());
    let mut actions = Map::new();
    if !page.is_empty() {
        actions.insert("cash_dividends".to_owned(), page.into_iter().map(row).collect());
    }
    ok(&json!({"corporate_actions": actions, "next_page_token": token}))
}

/// The auctions of a day whose session has started.
fn auctions(instrument: &Instrument, day: &Bar, over: bool) -> Option<Value> {
    let session = calendar::session(calendar::in_new_york(day.at).date())?;
    let venue = if instrument.asset.exchange == "NASDAQ" { "Q" } else { "P" };
    let print = |code: &str, price, at: jiff::Timestamp| json!({"c": code, "p": number(price), "t": at.to_string(), "x": venue});
    let closing = over.then(|| print("M", day.close, session.close_at));
    let closing: Vec<Value> = closing.into_iter().collect();
    Some(json!({"d": session.date.to_string(), "o": [print("Q", day.open, session.open_at)], "c": closing}))
}

fn all_of(instrument: &Instrument, now: jiff::Timestamp) -> Vec<(jiff::Timestamp, Value)> {
    let days = instrument.days.iter().chain(instrument.day.as_ref());
    days.filter_map(|day| {
        let session = calendar::session(calendar::in_new_york(day.at).date())?;
        let begun = session.open_at <= now;
        Some((session.open_at, auctions(instrument, day, session.close_at <= now).filter(|_| begun)?))
    })
    .collect()
}

/// The auctions of these symbols, and the token of the next page.
fn asked(
    request_filter: &RequestFilter,
    symbols: &[String],
    params: &Params,
) -> Result<(Vec<(String, Value)>, Value), ApiError> {
    if query::param(params, "feed").is_some_and(|feed| feed != "sip") {
        permitted(params)?;
        return Err(message_only(400, "invalid feed for auctions"));
    }
    let now = request_filter.sim.clock.now();
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let market = engine.market();
        let of_shares = |symbol: &String| {
            let sym = market.find(symbol).filter(|sym| market.asset(*sym).class == AssetClass::UsEquity)?;
            Some((symbol.clone(), all_of(market.get(sym), now)))
        };
        let rows = symbols.iter().filter_map(of_shares);
        let rows = rows.flat_map(|(symbol, rows)| rows.into_iter().map(move |(at, row)| (symbol.clone(), at, row)));
        cut_page(params, now, rows.collect())
    })
}

/// `GET /v2/stocks/auctions`.
pub(super) async fn stocks_auctions(
    State(request_filter): State<RequestFilter>,
    Query(params): Query<Params>,
) -> Answer {
    let (rows, token) = asked(&request_filter, &wanted(&params)?, &params)?;
    ok(&json!({"auctions": super::rest::by_symbol(rows), "next_page_token": token}))
}

/// `GET /v2/stocks/{symbol}/auctions`.
pub(super) async fn stock_auctions(
    State(request_filter): State<RequestFilter>,
    Path(symbol): Path<String>,
    Query(params): Query<Params>,
) -> Answer {
    let (rows, token) = asked(&request_filter, std::slice::from_ref(&symbol), &params)?;
    let rows: Vec<Value> = rows.into_iter().map(|(_, row)| row).collect();
    ok(&json!({"auctions": rows, "symbol": symbol, "next_page_token": token}))
}
