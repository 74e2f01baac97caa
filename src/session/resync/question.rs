//! What a pass asks: the request, which list it belongs to, what lacks without it, and how often it is tried.

use crate::domain::Mono;
use crate::session::parts::Part;
use crate::session::request::route::LimitScope;
use crate::session::request::{Request, RequestErrorKind};

/// How often one request is asked again before the pass goes on without it.
const TRIES: u32 = 6;
const FEW_TRIES: u32 = 2;

/// Which list a question belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum List {
    Open,
    /// Open orders with their legs inside: only this list says whose legs they are, and it leaves out the working legs of a
    /// parent that is filled (docs/ALPACA.md 5.11 D).
    Nested,
    Recent,
    Fills,
    /// The executions of one order that awaits a report.
    Rows,
    /// Orders before the recent ones, a page a pass.
    Older,
    /// A page of these or of the recent ones once more, for their legs.
    Legs,
    Other,
}

/// What has a request limit of its own, where a server limits each by itself.
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
    /// How often it was asked again.
    pub(super) tries: u32,
    /// When it was asked last.
    pub(super) asked: Mono,
}

impl Question {
    /// One that was not asked yet.
    pub(super) const fn new(request: Request, list: List) -> Self {
        Self { request, list, tries: 0, asked: Mono::ZERO }
    }

    /// The part that lacks something without an answer.
    pub(super) const fn part(&self) -> Part {
        match (&self.request, self.list) {
            (Request::Account, _) => Part::Account,
            (Request::Positions, _) => Part::Positions,
            (_, List::Recent | List::Older | List::Legs) => Part::Recent,
            (_, List::Fills | List::Rows) => Part::Executions,
            (_, List::Open | List::Nested | List::Other) => Part::Working,
        }
    }

    /// Where it is asked: a request limit may be of one endpoint alone.
    pub(super) const fn endpoint(&self) -> Endpoint {
        match &self.request {
            Request::Account => Endpoint::Account,
            Request::Positions => Endpoint::Positions,
            Request::Activities(_) => Endpoint::Activities,
            _ => Endpoint::Orders,
        }
    }

    /// True when nothing of what it asks for was answered yet.
    pub(super) const fn is_first(&self) -> bool {
        match &self.request {
            Request::Orders(query) => query.before_order_id.is_none(),
            Request::Activities(query) => query.page_token.is_none(),
            _ => true,
        }
    }

    /// True for what explains nothing of orders and executions: balances and positions.
    pub(super) const fn is_of_figures(&self) -> bool {
        matches!(self.request, Request::Account | Request::Positions)
    }

    /// How often it is asked again. What else was answered waits no longer than seconds, for the next pass asks everything
    /// again.
    pub(super) const fn patience(&self, kind: &RequestErrorKind) -> u32 {
        match (&self.request, kind) {
            // It takes as long as a request may: what else was answered has waited for that long.
            (_, RequestErrorKind::Timeout) => 0,
            // What waits by itself is asked for beside the pass.
            (request, RequestErrorKind::RateLimited { .. }) if matches!(request.route().limit, LimitScope::Own(_)) => 0,
            (Request::Order(_), RequestErrorKind::Server | RequestErrorKind::Network) => TRIES,
            _ => FEW_TRIES,
        }
    }

    /// What is asked beyond the lists is asked again by a later pass: no part lacks anything without it.
    pub(super) const fn is_beyond(&self) -> bool {
        self.beyond().is_some()
    }

    /// What it is that is asked beyond the lists.
    pub(super) const fn beyond(&self) -> Option<&'static str> {
        match self.list {
            List::Rows => Some("the executions of an order that awaits a report"),
            List::Older => Some("older orders"),
            List::Legs => Some("the legs of multi-leg orders"),
            _ => None,
        }
    }
}
