//! A request of a pass: which list it belongs to, which part needs it, and how often it is retried.

use crate::domain::Mono;
use crate::session::parts::Part;
use crate::session::request::route::LimitScope;
use crate::session::request::{Request, RequestErrorKind};

/// How often a request is retried before the pass goes on without it.
const TRIES: u32 = 6;
const FEW_TRIES: u32 = 2;

/// Which list a question belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum List {
    Open,
    /// Open orders with their legs nested: only this list says which parent a leg belongs to, and it leaves out the
    /// working legs of a filled parent (docs/ALPACA.md 5.11 D).
    Nested,
    Recent,
    Fills,
    /// The executions of one order that awaits a report.
    Rows,
    /// Orders before the recent ones, one page per pass.
    Older,
    /// A page of orders requested again, nested, for their legs.
    Legs,
    Other,
}

/// An endpoint, which a server may limit by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::session) enum Endpoint {
    Account,
    Positions,
    Orders,
    Activities,
}

/// A request of a pass.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) request: Request,
    pub(super) list: List,
    /// Number of retries.
    pub(super) tries: u32,
    /// When it was last sent.
    pub(super) asked: Mono,
}

impl Question {
    /// A request that was not sent yet.
    pub(super) const fn new(request: Request, list: List) -> Self {
        Self { request, list, tries: 0, asked: Mono::ZERO }
    }

    /// The part that is incomplete without an answer.
    pub(super) const fn part(&self) -> Part {
        match (&self.request, self.list) {
            (Request::Account, _) => Part::Account,
            (Request::Positions, _) => Part::Positions,
            (_, List::Recent | List::Older | List::Legs) => Part::Recent,
            (_, List::Fills | List::Rows) => Part::Executions,
            (_, List::Open | List::Nested | List::Other) => Part::Working,
        }
    }

    /// The endpoint, which may have a limit of its own.
    pub(super) const fn endpoint(&self) -> Endpoint {
        match &self.request {
            Request::Account => Endpoint::Account,
            Request::Positions => Endpoint::Positions,
            Request::Activities(_) => Endpoint::Activities,
            _ => Endpoint::Orders,
        }
    }

    /// True for a first page, and for a request that has no pages.
    pub(super) const fn is_first(&self) -> bool {
        match &self.request {
            Request::Orders(query) => query.before_order_id.is_none(),
            Request::Activities(query) => query.page_token.is_none(),
            _ => true,
        }
    }

    /// True for balances and positions, which orders and executions do not depend on.
    pub(super) const fn is_of_figures(&self) -> bool {
        matches!(self.request, Request::Account | Request::Positions)
    }

    /// How often a failure of this kind is retried. Other answers must not wait longer than seconds, and the next
    /// pass requests everything again.
    pub(super) const fn most_tries(&self, kind: &RequestErrorKind) -> u32 {
        match (&self.request, kind) {
            // A timeout has already kept the other answers waiting for as long as a request may take.
            (_, RequestErrorKind::Timeout) => 0,
            // An endpoint that waits by itself is requested outside the pass.
            (request, RequestErrorKind::RateLimited { .. }) if matches!(request.route().limit, LimitScope::Own(_)) => 0,
            (Request::Order(_), RequestErrorKind::Server | RequestErrorKind::Network) => TRIES,
            _ => FEW_TRIES,
        }
    }

    /// True for requests beyond the lists: a later pass repeats them, and no part is incomplete without them.
    pub(super) const fn is_beyond(&self) -> bool {
        self.beyond().is_some()
    }

    /// What a request beyond the lists fetches.
    pub(super) const fn beyond(&self) -> Option<&'static str> {
        match self.list {
            List::Rows => Some("the executions of an order that awaits a report"),
            List::Older => Some("older orders"),
            List::Legs => Some("the legs of multi-leg orders"),
            _ => None,
        }
    }
}
