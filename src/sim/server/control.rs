//! Control requests under `/_sim/`: make things happen, inject faults, read the books. For tests and demos; no
//! credential is needed, because only programs on this machine can connect.

mod body;
mod desk;
mod perform;
mod truth;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::gate::Gate;
use super::guard;
use super::reply::json as answer;
use super::rest::query::{self, Params, param};
use super::state::lock;
use crate::sim::faults::Fault;

pub use self::desk::Desk;
pub use self::perform::{ACTIONS, perform};

/// Longest body of a control request, in bytes.
const BODY_LIMIT: usize = 64 << 10;

/// The router of the control requests.
pub fn router(gate: Gate) -> Router {
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
        .with_state(gate)
}

async fn act(State(gate): State<Gate>, Path(action): Path<String>, body: Bytes) -> Response {
    match query::object(&body).and_then(|body| perform(&gate.sim, &action, &body)) {
        Ok(result) => answer(200, &result),
        Err(error) => error.into_response(),
    }
}

async fn truth_of(State(gate): State<Gate>, Query(params): Query<Params>) -> Response {
    match truth::truth(&gate.sim, param(&params, "account")) {
        Ok(truth) => answer(200, &truth),
        Err(error) => error.into_response(),
    }
}

async fn log(State(gate): State<Gate>) -> Response {
    answer(200, &lock(&gate.sim.faults).log().cloned().collect::<Vec<_>>())
}

async fn faults(State(gate): State<Gate>) -> Response {
    let now = gate.sim.clock.real();
    let rules: Vec<Value> = lock(&gate.sim.faults)
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

async fn accounts(State(gate): State<Gate>) -> Response {
    let rows: Vec<Value> = gate
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
