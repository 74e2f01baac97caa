//! How each request is sent and what it does at the broker: the one table that the client, the queue and the log read.

use super::Request;
use crate::domain::OrderId;

/// How a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    /// Deletes, as in canceling an order.
    Delete,
}

/// What a request does at the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Changes nothing. If it is lost, whoever needs the answer requests it again.
    Reads,
    /// Reduces risk; sending it twice does no harm.
    TakesRiskOff,
    AddsRisk,
}

impl Class {
    /// True for requests that change something: never sent in read-only mode, and kept when other requests are dropped,
    /// because a person confirmed them and awaits the outcome.
    pub const fn changes(self) -> bool {
        match self {
            Self::Reads => false,
            Self::TakesRiskOff | Self::AddsRisk => true,
        }
    }

    /// True for requests that skip the queue and its budget. A request that adds risk waits its turn.
    pub const fn overtakes(self) -> bool {
        match self {
            Self::TakesRiskOff => true,
            Self::Reads | Self::AddsRisk => false,
        }
    }
}

/// What a good answer contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    Json,
    /// Events, one after another, until a pause.
    Events,
    /// Nothing: acceptance is the answer.
    Empty,
}

/// Which limit a refusal for too many requests (429) refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitScope {
    /// The account's limit: everything waits.
    Account,
    /// The endpoint's own limit, unless others are refused at the same time: orders and executions do not depend on it.
    /// The name is shown to the user.
    Own(&'static str),
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The request's name in the log: no ids, no query.
    pub name: &'static str,
    /// How it is sent.
    pub method: Method,
    /// The path, one segment each; [`Route::ID`] stands for the order id.
    pub path: &'static [&'static str],
    /// What it does at the broker.
    pub class: Class,
    /// What a good answer contains.
    pub body: Body,
    /// Which limit a 429 refers to.
    pub limit: LimitScope,
}

impl Route {
    /// The placeholder for an order id in [`Self::path`].
    pub const ID: &'static str = "{id}";

    const fn get(name: &'static str, path: &'static [&'static str], limit: LimitScope) -> Self {
        Self { name, method: Method::Get, path, class: Class::Reads, body: Body::Json, limit }
    }
}

impl Request {
    /// The order that the request names by the broker's id.
    pub const fn order(&self) -> Option<&OrderId> {
        match self {
            Self::Order(id) => Some(id),
            Self::CancelOrder(permit) => Some(permit.order()),
            Self::Account
            | Self::Positions
            | Self::Orders(_)
            | Self::OrderByClientId(_)
            | Self::Activities(_)
            | Self::Replay { .. }
            | Self::Clock
            | Self::History { .. } => None,
        }
    }

    /// The row of the table for this request.
    pub const fn route(&self) -> Route {
        use LimitScope::{Account, Own};
        match self {
            Self::Account => Route::get("account", &["v2", "account"], Own("balances")),
            Self::Positions => Route::get("positions", &["v2", "positions"], Own("positions")),
            Self::Orders(_) => Route::get("orders", &["v2", "orders"], Account),
            Self::Order(_) => Route::get("order", &["v2", "orders", Route::ID], Account),
            Self::OrderByClientId(_) => Route::get("order by client id", &["v2", "orders:by_client_order_id"], Account),
            Self::Activities(query) if query.fills_only => {
                Route::get("activities", &["v2", "account", "activities", "FILL"], Account)
            }
            Self::Activities(_) => {
                Route::get("activities", &["v2", "account", "activities"], Own("the list of activities"))
            }
            Self::Replay { .. } => Route {
                body: Body::Events,
                ..Route::get("replay", &["v2", "events", "trades"], Own("the events of an outage"))
            },
            Self::Clock => Route::get("clock", &["v2", "clock"], Own("the clock")),
            Self::History { .. } => {
                Route::get("history", &["v2", "account", "portfolio", "history"], Own("the equity curve"))
            }
            Self::CancelOrder(_) => Route {
                name: "cancel order",
                method: Method::Delete,
                path: &["v2", "orders", Route::ID],
                class: Class::TakesRiskOff,
                body: Body::Empty,
                limit: Account,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_risk_reduction_overtakes_and_only_reads_may_be_dropped() {
        let rules = |class: Class| (class.changes(), class.overtakes());
        assert_eq!(rules(Class::Reads), (false, false));
        assert_eq!(rules(Class::TakesRiskOff), (true, true));
        assert_eq!(rules(Class::AddsRisk), (true, false));
    }

    #[test]
    fn reads_use_get_and_are_answered_in_json() {
        let query = super::super::OrdersQuery::newest(super::super::OrderFilter::Open, 1);
        for request in
            [Request::Account, Request::Positions, Request::Orders(query), Request::Order("a".into()), Request::Clock]
        {
            let route = request.route();
            assert_eq!((route.method, route.class, route.body), (Method::Get, Class::Reads, Body::Json), "{route:?}");
        }
    }
}
