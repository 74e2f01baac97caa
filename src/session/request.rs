//! Requests to a broker's REST API and their replies, in domain types only.

pub mod limits;
pub mod route;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::guard::CancelPermit;
use crate::domain::activity::ActivityKind;
use crate::domain::market::{EquityHistory, MarketClock};
use crate::domain::{Account, Activity, ClientOrderId, Order, OrderId, Position, TradeUpdate};

/// Matches a reply to its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// Which orders a list contains (docs/ALPACA.md 5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderFilter {
    /// Orders that are not done.
    Open,
    /// Orders that are done.
    Closed,
    /// Both.
    All,
}

impl OrderFilter {
    /// The query value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::All => "all",
        }
    }
}

/// One page of an order list. Both ends are exclusive (docs/ALPACA.md 5.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrdersQuery {
    /// Which orders.
    pub filter: OrderFilter,
    /// Submitted after this.
    pub after: Option<Timestamp>,
    /// Submitted before this.
    pub until: Option<Timestamp>,
    /// Older than this order; not combined with the two above.
    pub before_order_id: Option<OrderId>,
    /// Only this symbol.
    pub symbol: Option<Arc<str>>,
    /// Oldest first, instead of newest first.
    pub ascending: bool,
    /// Legs under their parents.
    pub nested: bool,
    /// At most 500.
    pub limit: u16,
}

impl OrdersQuery {
    /// The newest of these orders, without nesting legs.
    pub const fn newest(filter: OrderFilter, limit: u16) -> Self {
        Self {
            filter,
            after: None,
            until: None,
            before_order_id: None,
            symbol: None,
            ascending: false,
            nested: false,
            limit,
        }
    }
}

/// One page of the activity list (docs/ALPACA.md 5.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivitiesQuery {
    /// Only executions (`/FILL`).
    pub fills_only: bool,
    /// Only executions of this order; a broker that does not support the filter returns all.
    #[serde(default)]
    pub order: Option<OrderId>,
    /// Created after this.
    pub after: Option<Timestamp>,
    /// Created before this.
    pub until: Option<Timestamp>,
    /// The last row already received.
    pub page_token: Option<Arc<str>>,
    /// Oldest first, instead of newest first.
    pub ascending: bool,
    /// At most 100.
    pub page_size: u8,
}

/// A request to the broker. One that changes something carries the guard's permit; [`route`] says how each is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `GET /v2/account`.
    Account,
    /// `GET /v2/positions`.
    Positions,
    /// `GET /v2/orders`.
    Orders(OrdersQuery),
    /// `GET /v2/orders/{id}`.
    Order(OrderId),
    /// `GET /v2/orders:by_client_order_id`.
    OrderByClientId(ClientOrderId),
    /// `GET /v2/account/activities`.
    Activities(ActivitiesQuery),
    /// `GET /v2/events/trades` with a start time: the events since then (docs/ALPACA.md 7.1). It may not be offered,
    /// and the answer may be cut short at its newer end.
    Replay {
        /// Events at or after this, by the broker's clock.
        since: Timestamp,
        /// Where the broker may end the answer. If absent, the answer stays open and the reader ends it.
        until: Option<Timestamp>,
    },
    /// `GET /v2/clock`.
    Clock,
    /// `GET /v2/account/portfolio/history`; period and timeframe as docs/ALPACA.md 5.3 names them.
    History {
        /// `1D`, `1W`, `1M`, `3M`, `1A`.
        period: Arc<str>,
        /// `5Min`, `1D`, …
        timeframe: Arc<str>,
    },
    /// `DELETE /v2/orders/{id}`.
    CancelOrder(CancelPermit),
}

/// The answer to a [`Request`] of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    Account(Box<Account>),
    /// Every open position.
    Positions(Vec<Position>),
    /// One page of orders, each followed by its legs if nested. Only an empty page is certainly the last.
    Orders(Vec<Order>),
    /// One order, followed by its legs.
    Order(Vec<Order>),
    /// One page of activities. Only an empty page is certainly the last: pages may be smaller than requested.
    Activities(Vec<Activity>),
    /// Events, oldest first; their executions are marked as learned late.
    Replay(Vec<TradeUpdate>),
    Clock(MarketClock),
    /// An equity curve.
    History(EquityHistory),
    /// A list without its unreadable rows or an account without its unreadable figures, and what was unreadable.
    Partial(Box<Reply>, Vec<Unread>),
    /// The broker took the request (204).
    Done,
}

impl Reply {
    /// The account, if the reply is one, readable in full or in part.
    pub fn account(&self) -> Option<&Account> {
        match self {
            Self::Account(account) => Some(account),
            Self::Partial(reply, _) => reply.account(),
            _ => None,
        }
    }

    /// True if a row names an order that is `known`.
    pub fn names_order(&self, known: impl Fn(&OrderId) -> bool) -> bool {
        match self {
            Self::Partial(reply, _) => reply.names_order(known),
            Self::Order(orders) | Self::Orders(orders) => orders.iter().any(|order| known(&order.id)),
            Self::Activities(rows) => rows.iter().any(|row| match &row.kind {
                ActivityKind::Fill { order_id, .. } => known(order_id),
                ActivityKind::Other { .. } => false,
            }),
            Self::Account(_)
            | Self::Positions(_)
            | Self::Replay(_)
            | Self::Clock(_)
            | Self::History(_)
            | Self::Done => false,
        }
    }

    /// The readable part of the answer, and the rows that could not be read.
    pub fn split(self) -> (Self, Vec<Unread>) {
        match self {
            Self::Partial(reply, unread) => (*reply, unread),
            whole => (whole, Vec::new()),
        }
    }
}

/// A row of a list, or a figure, that could not be read; both texts are sanitised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// Its id or symbol, else its place in the list; for a figure, its name.
    pub row: String,
    /// The row's id as the broker wrote it, if it has one; compared, never shown.
    #[serde(default)]
    pub id: Option<Arc<str>>,
    /// Why, in words for the user.
    pub why: String,
}

/// The text shown for unreadable rows and figures; `None` if there are none.
pub fn unread_words(unread: &[Unread]) -> Option<String> {
    let first = unread.first()?;
    // The name comes first, because narrow columns cut off the rest.
    Some(match unread.len() {
        1 => format!("{} cannot be read: {}", first.row, first.why),
        many => format!("{} and {} more cannot be read: {}", first.row, many - 1, first.why),
    })
}

/// The kind of failure, which callers branch on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestErrorKind {
    /// 401 from the API itself: the token was refused.
    Unauthorized,
    /// 403 from the API itself: permission missing, or an order refused, e.g. for lack of
    /// buying power (docs/ALPACA.md 4.4).
    Forbidden,
    /// 404: the broker has no such resource.
    NotFound,
    /// 422: the request cannot be carried out.
    Unprocessable,
    /// 429: requests wait before more are sent.
    RateLimited {
        /// How long, from `X-RateLimit-Reset` relative to the server's `Date`, or from `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// Any other refusal with a 4xx status.
    Refused,
    /// 5xx, or a gateway's page with any status.
    Server,
    Network,
    /// No answer in time; whether the request was carried out is unknown.
    Timeout,
    /// An unreadable answer.
    Decode,
}

/// A failed request, with everything support asks for.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error("{}", self.sentence())]
pub struct RequestError {
    /// The kind of failure.
    pub kind: RequestErrorKind,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// The broker's eight-digit code (docs/ALPACA.md 4.3).
    pub code: Option<i64>,
    /// The broker's words, or what failed; sanitised.
    pub message: String,
    /// Members beyond code and message, as JSON text (docs/ALPACA.md 4.4).
    pub extra: Option<Arc<str>>,
    /// `X-Request-ID`.
    pub request_id: Option<Arc<str>>,
}

impl RequestError {
    /// A failure detected here rather than stated by the broker.
    pub fn local(kind: RequestErrorKind, message: impl Into<String>) -> Self {
        Self { kind, status: None, code: None, message: message.into(), extra: None, request_id: None }
    }

    /// The broker's answer is of another kind than the request.
    pub fn mismatch() -> Self {
        Self::local(RequestErrorKind::Decode, "the broker's answer does not match the request")
    }

    /// What happened, without details that differ from one request to the next.
    pub fn brief(&self) -> String {
        match self.status {
            Some(200..=299) | None => self.message.clone(),
            Some(status) => format!("the broker answered {status}: {}", self.message),
        }
    }

    fn sentence(&self) -> String {
        let mut text = self.brief();
        if let Some(id) = &self.request_id {
            text.push_str(&format!(" (request {id})"));
        }
        text
    }
}
