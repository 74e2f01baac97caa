//! The control interface without sockets: performs requests and checks that the books stay consistent.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;

use super::perform;
use super::truth::truth;
use crate::sim::engine::order::AccountNo;
use crate::sim::engine::{Engine, EngineOptions, HistoryQuery, Restated};
use crate::sim::server::clock::SimClock;
use crate::sim::server::hub::Hub;
use crate::sim::server::query;
use crate::sim::server::state::Sim;

/// The seed, always the same.
const SEED: u64 = 11;
/// The start of simulated time: an afternoon of trading.
const START: Timestamp = Timestamp::constant(1_772_476_200, 0);

/// A brokerage that only control requests reach; its clock only moves on request.
pub struct ControlServer(Arc<Sim>);

impl Default for ControlServer {
    fn default() -> Self {
        Self::new()
    }
}

impl ControlServer {
    /// A new brokerage, always the same.
    pub fn new() -> Self {
        static FRESH: OnceLock<Engine> = OnceLock::new();
        let engine = FRESH.get_or_init(|| Engine::new(EngineOptions::new(SEED, START))).clone();
        let clock = SimClock::new(START, Decimal::new(1, 3));
        Self(Arc::new(Sim::new(clock, Hub::new(engine), SEED)))
    }

    /// The answer of `POST /_sim/ACTION`: status and body.
    pub fn request(&self, action: &str, body: &[u8]) -> (u16, Value) {
        let body = Bytes::copy_from_slice(body);
        match query::object(&body).and_then(|body| perform(&self.0, action, &body)) {
            Ok(answer) => (200, answer),
            Err(error) => (error.status, error.body()),
        }
    }

    /// Whether every account can be read, and its cash equals its bookings exactly.
    pub fn books_are_whole(&self) -> bool {
        let whole = self.0.hub.act(&self.0.clock, |engine| {
            let numbers: Vec<AccountNo> = engine.accounts().iter().map(|account| account.no).collect();
            numbers.into_iter().all(|no| is_exact(engine, no) && engine.history(no, &HistoryQuery::default()).is_ok())
        });
        whole && truth(&self.0, None).is_ok()
    }
}

fn is_exact(engine: &Engine, no: AccountNo) -> bool {
    let Ok(truth) = engine.truth(no) else { return false };
    let moved: Decimal = truth.cash_rows.iter().map(|row| row.net_amount).sum();
    let standing = truth.executions.iter().filter(|execution| execution.restated != Some(Restated::Busted));
    let traded: Decimal = standing
        .map(|execution| {
            let sym = engine.market().find(execution.symbol);
            let multiplier = sym.map_or(Decimal::ONE, |sym| engine.market().asset(sym).multiplier);
            execution.net_amount(multiplier) - execution.fee
        })
        .sum();
    truth.cash == moved + traded
}
