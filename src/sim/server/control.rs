//! Control requests under `/_sim/`: make things happen, inject faults, read the books. For tests and demos; no
//! credential is needed, because only programs on this machine can connect.

mod body;
mod control_server;
mod perform;
mod truth;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::guard;
use super::lock::lock;
use super::query::{self, Params, param};
use super::reply::json as answer;
use super::request_filter::RequestFilter;
use crate::sim::faults::Fault;

pub use self::control_server::ControlServer;
pub(super) use self::perform::{ACTIONS, perform};

/// Longest body of a control request, in bytes.
const BODY_LIMIT: usize = 64 << 10;

/// The router of the control requests.
pub(super) fn router(request_filter: RequestFilter) -> Router {
    Router::new()
        .route("/_sim/truth", get(truth_of))
        .route("/_sim/log", get(log))
        .route("/_sim/faults", get(faults))
        .route("/_sim/accounts", get(accounts))
        .route("/_sim/actions", get(actions))
        .route("/_sim/{action}", post(act))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        // After the last route, so that it applies to all of them.
        .layer(middleware::from_fn(guard::programs))
        .with_state(request_filter)
}

async fn act(State(request_filter): State<RequestFilter>, Path(action): Path<String>, body: Bytes) -> Response {
    match query::object(&body).and_then(|body| perform(&request_filter.sim, &action, &body)) {
        Ok(result) => answer(200, &result),
        Err(error) => error.into_response(),
    }
}

async fn truth_of(State(request_filter): State<RequestFilter>, Query(params): Query<Params>) -> Response {
    match truth::truth(&request_filter.sim, param(&params, "account")) {
        Ok(truth) => answer(200, &truth),
        Err(error) => error.into_response(),
    }
}

async fn log(State(request_filter): State<RequestFilter>) -> Response {
    answer(200, &lock(&request_filter.sim.faults).log().cloned().collect::<Vec<_>>())
}

async fn faults(State(request_filter): State<RequestFilter>) -> Response {
    let now = request_filter.sim.clock.real();
    let rules: Vec<Value> = lock(&request_filter.sim.faults)
        .rules(now)
        .iter()
        .map(|rule| {
            json!({
                "fault": rule.name,
                "origin": rule.origin,
                "method": rule.method,
                "path": rule.path,
                "chance_ppm": rule.chance,
                "remaining": rule.remaining,
                "ends_after_ms": rule.until.map(|until| until.saturating_sub(now).as_millis().to_string()),
            })
        })
        .collect();
    let names: Vec<Value> = Fault::NAMES.iter().map(|(name, what)| json!({"name": name, "what": what})).collect();
    answer(200, &json!({"rules": rules, "known": names}))
}

async fn accounts(State(request_filter): State<RequestFilter>) -> Response {
    let rows: Vec<Value> = request_filter
        .sim
        .hub
        .accounts()
        .into_iter()
        .map(|account| {
            let environment = if account.live { "live" } else { "paper" };
            json!({"number": account.number, "environment": environment, "holds": account.detail})
        })
        .collect();
    answer(200, &rows)
}

async fn actions() -> Response {
    let rows: Vec<Value> = ACTIONS.iter().map(|(name, what)| json!({"name": name, "what": what})).collect();
    answer(200, &rows)
}
