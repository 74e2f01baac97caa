//! The trading interface over REST: the routes. Handlers translate; the engine decides.

mod account;
mod announcements;
mod assets;
mod options;
mod orders;
mod positions;
mod watchlists;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post};
use serde_json::Value;

pub(super) use self::orders::new_order;
use super::reply::ApiError;
use super::request_filter::RequestFilter;
use super::{sse, stream};
use crate::sim::engine::refusal::{Member, Refusal};

/// Documented endpoints that are answered with 501, and their names.
pub(super) const NOT_SIMULATED: &[(&str, &str)] = &[
    ("/v1/locates", "the locates interface"),
    ("/v1/locates/{*rest}", "the locates interface"),
    ("/v2/positions/{id}/exercise", "exercising options"),
    ("/v2/positions/{id}/do-not-exercise", "declining to exercise options"),
    ("/v2/tokenization/{*rest}", "tokenization"),
    ("/v2/wallets", "the crypto funding wallet interface"),
    ("/v2/wallets/{*rest}", "the crypto funding wallet interface"),
];

/// The router of a trading origin, without control requests.
pub(super) fn router(request_filter: RequestFilter) -> Router {
    let mut router = Router::new()
        .route("/stream", any(stream::upgrade))
        .route("/v2/events/trades", get(sse::trades))
        .route("/v2beta1/events/activities", get(sse::activities))
        .route("/v2/account", get(account::account))
        .route("/v2/account/configurations", get(account::configurations).patch(account::configure))
        .route("/v2/account/portfolio/history", get(account::history))
        .route("/v2/account/activities", get(account::activities))
        .route("/v2/account/activities/{kind}", get(account::activities_of_kind))
        .route("/v2/orders", get(orders::list).post(orders::place).delete(orders::cancel_all))
        .route("/v2/orders:by_client_order_id", get(orders::by_client_id))
        .route("/v2/orders/{id}", get(orders::one).patch(orders::replace).delete(orders::cancel))
        .route("/v2/positions", get(positions::list).delete(positions::close_all))
        .route("/v2/positions/{symbol}", get(positions::one).delete(positions::close))
        .route("/v2/assets", get(assets::list))
        .route("/v2/assets/{symbol}", get(assets::one))
        .route("/v2/options/contracts", get(options::contracts))
        .route("/v2/options/contracts/{symbol}", get(options::contract))
        .route("/v2/corporate_actions/announcements", get(announcements::list))
        .route("/v2/corporate_actions/announcements/{id}", get(announcements::one))
        .route("/v2/clock", get(assets::clock))
        .route("/v3/clock", get(assets::clocks))
        .route("/v2/calendar", get(assets::calendar))
        .route("/v3/calendar/{market}", get(assets::market_calendar))
        .route("/v2/watchlists", get(watchlists::list).post(watchlists::create))
        .route(
            "/v2/watchlists:by_name",
            get(watchlists::by_name)
                .put(watchlists::update_by_name)
                .post(watchlists::add_by_name)
                .delete(watchlists::delete_by_name),
        )
        .route(
            "/v2/watchlists/{id}",
            get(watchlists::one).put(watchlists::update).post(watchlists::add).delete(watchlists::delete),
        )
        .route("/v2/watchlists/{id}/{symbol}", delete(watchlists::remove))
        .route("/v2/positions/{id}/exercise", post(not_simulated))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method);
    for (path, _) in NOT_SIMULATED.iter().filter(|(path, _)| *path != "/v2/positions/{id}/exercise") {
        router = router.route(path, any(not_simulated));
    }
    router.with_state(request_filter)
}

async fn not_simulated(request: Request) -> Response {
    let path = request.uri().path();
    let starts = |pattern: &str| {
        let fixed = pattern.split('{').next().unwrap_or(pattern);
        let tail = pattern.rsplit('}').next().unwrap_or_default();
        path.starts_with(fixed) && (tail == pattern || path.ends_with(tail))
    };
    let what =
        NOT_SIMULATED.iter().rev().find(|(pattern, _)| starts(pattern)).map_or("this endpoint", |(_, what)| *what);
    ApiError::missing(what).into_response()
}

async fn nothing_here() -> Response {
    ApiError::not_found("endpoint not found.").into_response()
}

async fn wrong_method() -> Response {
    ApiError::new(405, 40_510_000, "method not allowed").into_response()
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let mut error = Self::new(refusal.status, u64::from(refusal.code), refusal.message);
        for (name, member) in refusal.extra {
            let value = match member {
                Member::Text(text) => Value::from(text),
                Member::List(rows) => Value::from(rows),
            };
            error.extra.insert(name.to_owned(), value);
        }
        error
    }
}
