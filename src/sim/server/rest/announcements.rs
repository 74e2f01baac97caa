//! Announcements of corporate actions: the dividends of the simulated shares. None is shown before it is declared.

use axum::extract::{Path, Query, State};
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::sim::market::dividends::{self, Dividend};
use crate::sim::server::query::{self, Params};
use crate::sim::server::reply::{Answer, ApiError, ok};
use crate::sim::server::request_filter::RequestFilter;

/// The service's types of corporate actions.
const TYPES: [&str; 5] = ["Dividend", "Merger", "Split", "Spinoff", "Reorg"];
/// Most days per request.
const MOST_DAYS: i32 = 90;

fn row(dividend: &Dividend, ca_type: &str) -> Value {
    let cusip = dividend.cusip();
    json!({
        "id": dividend.id(),
        "corporate_action_id": format!("{}_{}", dividend.symbol, dividend.ex.strftime("%Y%m%d")),
        "ca_type": ca_type,
        "ca_sub_type": "cash",
        "initiating_symbol": dividend.symbol,
        "initiating_original_cusip": cusip,
        "target_symbol": dividend.symbol,
        "target_original_cusip": cusip,
        "declaration_date": dividend.declared.to_string(),
        "ex_date": dividend.ex.to_string(),
        "record_date": dividend.record.to_string(),
        "payable_date": dividend.payable.to_string(),
        "cash": dividend.per_share.to_string(),
        "old_rate": "1",
        "new_rate": "1",
    })
}

/// `GET /v2/corporate_actions/announcements`.
pub(super) async fn list(State(request_filter): State<RequestFilter>, Query(params): Query<Params>) -> Answer {
    let need = |name: &str| ApiError::parameter(format!("{name} is required"));
    let types = query::list(&params, "ca_types");
    if types.is_empty() {
        return Err(need("ca_types"));
    }
    // The service's description capitalises the types, while its own Python client uses and reads lower case only: the
    // answer uses the request's case.
    let is = |known: &str, asked: &String| known.eq_ignore_ascii_case(asked);
    if !types.iter().all(|asked| TYPES.iter().any(|known| is(known, asked))) {
        return Err(ApiError::parameter("invalid ca_types"));
    }
    let since = query::date(&params, "since")?.ok_or_else(|| need("since"))?;
    let until = query::date(&params, "until")?.ok_or_else(|| need("until"))?;
    if since.until(until).map_or(true, |span| span.get_days() > MOST_DAYS || span.is_negative()) {
        return Err(ApiError::parameter(format!("the date range must be at most {MOST_DAYS} days")));
    }
    let day: fn(&Dividend) -> Date = match query::param(&params, "date_type") {
        None | Some("ex_date") => |dividend| dividend.ex,
        Some("declaration_date") => |dividend| dividend.declared,
        Some("record_date") => |dividend| dividend.record,
        Some("payable_date") => |dividend| dividend.payable,
        Some(_) => return Err(ApiError::parameter("invalid date_type")),
    };
    let symbol = query::param(&params, "symbol");
    let wanted_cusip = query::param(&params, "cusip");
    let today = crate::sim::calendar::in_new_york(request_filter.sim.clock.now()).date();
    let Some(ca_type) = types.iter().find(|asked| is("Dividend", asked)) else { return ok(&json!([])) };
    let rows: Vec<Value> = dividends::of_years(since.year() - 1, until.year() + 1)
        .iter()
        .filter(|dividend| dividend.declared <= today)
        .filter(|dividend| (since..=until).contains(&day(dividend)))
        .filter(|dividend| symbol.is_none_or(|symbol| dividend.symbol == symbol))
        .map(|dividend| row(dividend, ca_type))
        .filter(|row| wanted_cusip.is_none_or(|cusip| row.get("initiating_original_cusip") == Some(&cusip.into())))
        .collect();
    ok(&rows)
}

/// `GET /v2/corporate_actions/announcements/{id}`: within a few years of simulated time.
pub(super) async fn one(State(request_filter): State<RequestFilter>, Path(id): Path<String>) -> Answer {
    let unknown = || ApiError::not_found(format!("announcement not found for {id}"));
    let wanted = query::id(&id).ok_or_else(unknown)?;
    let year = crate::sim::calendar::in_new_york(request_filter.sim.clock.now()).year();
    let found = dividends::of_years(year - 2, year + 1).into_iter().find(|dividend| dividend.id() == wanted);
    ok(&row(&found.ok_or_else(unknown)?, "Dividend"))
}
