//! The market data origin: quotes, trades, bars and snapshots over REST and over its own websocket (API.md 8).

mod overview;
mod rest;
mod rows;
mod socket;

use axum::Router;
use axum::routing::{any, get};

pub use self::socket::Feed;
use super::gate::Gate;

/// Everything on the data origin.
pub fn router(gate: Gate) -> Router {
    Router::new()
        .route("/v2/{feed}", any(socket::stocks))
        .route("/v1beta3/crypto/{loc}", any(socket::crypto))
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
        .route("/v1beta1/screener/{kind}/movers", get(overview::movers))
        .route("/v1beta1/screener/stocks/most-actives", get(overview::most_actives))
        .route("/v1beta3/crypto/{loc}/latest/orderbooks", get(overview::order_books))
        .route("/v2/stocks/meta/exchanges", get(overview::exchanges))
        .route("/v2/stocks/meta/conditions/{kind}", get(overview::conditions))
        .fallback(rest::nothing_here)
        .with_state(gate)
}
