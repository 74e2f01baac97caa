//! The market data origin: quotes, trades, bars and snapshots over REST and over its own websocket (docs/ALPACA.md 8).

mod actions;
mod article;
mod channels;
mod news;
mod overview;
mod rest;
mod rows;
mod socket;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};

use self::rest::message_only;
use super::reply::ApiError;
use super::request_filter::RequestFilter;

/// Documented endpoints that are answered with 501, and their names.
pub(super) const NOT_SIMULATED: &[(&str, &str)] = &[
    ("/v1beta1/events/corporate-actions", "the event stream of corporate actions"),
    ("/v1beta1/fixed_income/latest/prices", "fixed income"),
    ("/v1beta1/fixed_income/latest/quotes", "fixed income"),
    ("/v1beta1/forex/latest/rates", "foreign exchange"),
    ("/v1beta1/forex/rates", "foreign exchange"),
    ("/v1beta1/logos/{symbol}", "company logos"),
];

/// The router of the data origin.
pub(super) fn router(request_filter: RequestFilter) -> Router {
    let mut router = Router::new()
        .route("/v2/{feed}", any(socket::stocks))
        .route("/v1beta3/crypto/{loc}", any(socket::crypto))
        // The path of older clients.
        .route("/v1beta2/crypto", any(socket::crypto))
        .route("/v1beta1/crypto", any(socket::crypto))
        .route("/v1beta1/news", get(news::news))
        .route("/v1/corporate-actions", get(actions::corporate))
        .route("/v1beta1/corporate-actions", get(actions::corporate))
        .route("/v2/stocks/auctions", get(actions::stocks_auctions))
        .route("/v2/stocks/{symbol}/auctions", get(actions::stock_auctions))
        .route("/v2/stocks/{kind}/latest", get(rest::stocks_latest))
        .route("/v2/stocks/{symbol}/{kind}/latest", get(rest::stock_latest))
        .route("/v2/stocks/snapshots", get(rest::stocks_snapshots))
        .route("/v2/stocks/{symbol}/snapshot", get(rest::stock_snapshot))
        .route("/v2/stocks/{kind}", get(rest::stocks_history))
        .route("/v2/stocks/{symbol}/{kind}", get(rest::stock_history))
        .route("/v1beta3/crypto/{loc}/latest/{kind}", get(rest::crypto_latest))
        .route("/v1beta3/crypto/{loc}/snapshots", get(rest::crypto_snapshots))
        .route("/v1beta3/crypto/{loc}/{kind}", get(rest::crypto_history))
        .route("/v1beta1/options/{kind}/latest", get(rest::options_latest))
        .route("/v1beta1/options/snapshots", get(rest::options_snapshots))
        .route("/v1beta1/options/snapshots/{underlying}", get(overview::chain))
        .route("/v1beta1/options/{kind}", get(overview::options_history))
        .route("/v1beta1/options/meta/exchanges", get(overview::option_exchanges))
        .route("/v1beta1/options/meta/conditions/{kind}", get(overview::option_conditions))
        .route("/v1beta1/screener/{kind}/movers", get(overview::movers))
        .route("/v1beta1/screener/stocks/most-actives", get(overview::most_actives))
        .route("/v1beta3/crypto/{loc}/latest/orderbooks", get(overview::order_books))
        .route("/v2/stocks/meta/exchanges", get(overview::exchanges))
        .route("/v2/stocks/meta/conditions/{kind}", get(overview::conditions))
        .fallback(nothing_here);
    for (path, _) in NOT_SIMULATED {
        router = router.route(path, any(not_simulated));
    }
    router.with_state(request_filter)
}

async fn not_simulated(request: Request) -> Response {
    let path = request.uri().path();
    let fixed = |pattern: &str| path.starts_with(pattern.split('{').next().unwrap_or(pattern));
    let found = NOT_SIMULATED.iter().find(|(pattern, _)| fixed(pattern));
    ApiError::missing(found.map_or("this part of market data", |(_, what)| *what)).into_response()
}

async fn nothing_here() -> Response {
    message_only(404, "endpoint not found").into_response()
}
