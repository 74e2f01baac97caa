//! How each request is sent, and what it does at the broker: the one table that the client, the queue and the log read.

use super::Request;
use crate::domain::OrderId;

/// How a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Asks.
    Get,
    /// Takes away.
    Delete,
}

/// What a request does at the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Changes nothing. Lost, it is asked again by whoever wants to know.
    Reads,
    /// Takes risk off, and does no harm when it is sent twice.
    TakesRiskOff,
    /// Adds risk.
    AddsRisk,
}

impl Class {
    /// True for what changes something: never sent read-only, and kept when the requests beside it are dropped, for somebody
    /// confirmed it and waits for what becomes of it.
    pub const fn changes(self) -> bool {
        match self {
            Self::Reads => false,
            Self::TakesRiskOff | Self::AddsRisk => true,
        }
    }

    /// True for what goes before everything else and needs no budget. What adds risk waits for its turn.
    pub const fn overtakes(self) -> bool {
        match self {
            Self::TakesRiskOff => true,
            Self::Reads | Self::AddsRisk => false,
        }
    }
}

/// What a good answer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// JSON.
    Json,
    /// Events, one after the other, until a pause.
    Events,
    /// Nothing: that it was taken is the answer.
    Empty,
}

/// Whose limit it is that a refusal for too many requests (429) tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitScope {
    /// The account's: everything waits.
    Account,
    /// Its own, as far as nothing else is refused at the same time: orders and executions are told without it. By this name it
    /// is told to a person.
    Own(&'static str),
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The request's name in the log: no ids, no query.
    pub name: &'static str,
    /// How it is sent.
    pub method: Method,
    /// Where it goes, a segment each; [`Route::ID`] stands for the order it names.
    pub path: &'static [&'static str],
    /// What it does there.
    pub class: Class,
    /// What comes back.
    pub body: Body,
    /// What waits when it is refused for too many requests.
    pub limit: LimitScope,
}

impl Route {
    /// The place of an order's id in [`Self::path`].
    pub const ID: &'static str = "{id}";

    const fn get(name: &'static str, path: &'static [&'static str], limit: LimitScope) -> Self {
        Self { name, method: Method::Get, path, class: Class::Reads, body: Body::Json, limit }
    }
}

impl Request {
    /// The order that it names by the broker's id.
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

    /// Its row.
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
    fn only_what_takes_risk_off_overtakes_and_only_what_reads_may_be_forgotten() {
        let rules = |class: Class| (class.changes(), class.overtakes());
        assert_eq!(rules(Class::Reads), (false, false));
        assert_eq!(rules(Class::TakesRiskOff), (true, true));
        assert_eq!(rules(Class::AddsRisk), (true, false));
    }

    #[test]
    fn what_reads_is_got_and_what_is_got_reads() {
        let query = super::super::OrdersQuery::newest(super::super::OrderFilter::Open, 1);
        for request in
            [Request::Account, Request::Positions, Request::Orders(query), Request::Order("a".into()), Request::Clock]
        {
            let route = request.route();
            assert_eq!((route.method, route.class, route.body), (Method::Get, Class::Reads, Body::Json), "{route:?}");
        }
    }
}
