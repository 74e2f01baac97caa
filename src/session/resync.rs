//! One pass over REST: what to ask, page by page, until the picture is complete (RELIABILITY 3, step 3).
//!
//! Collects only; merging is the session's. Pages go back by `before_order_id`, because `after` and `until` are
//! exclusive and lose ties at a page's edge (API.md 5.5).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::request::{
    ActivitiesQuery, OrderFilter, OrdersQuery, Reply, Request, RequestError, RequestErrorKind, RequestId,
};
use crate::domain::activity::ActivityKind;
use crate::domain::blotter::Blotter;
use crate::domain::{Account, Activity, Order, OrderId, Position};

/// Requests under way at once.
const IN_FLIGHT: usize = 4;
/// How often one request is asked again before the pass goes on without it.
const TRIES: u32 = 6;
/// The broker's largest pages (API.md 5.4, 5.5).
const ORDERS_PAGE: u16 = 500;
const ACTIVITIES_PAGE: u8 = 100;
/// A pass starts this much before what is known: REST may lag, and clocks differ.
const OVERLAP: Duration = Duration::from_secs(15 * 60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    Open,
    Recent,
    Fills,
    Other,
}

#[derive(Debug, Clone)]
struct Question {
    request: Request,
    list: List,
    tries: u32,
}

/// Where a pass starts from.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Since {
    /// Broker's time of the last execution merged by a complete pass.
    pub(super) fills: Option<Timestamp>,
    /// When the last complete pass began, by the wall clock.
    pub(super) orders: Option<Timestamp>,
}

/// What a pass brought.
#[derive(Debug, Default)]
pub(super) struct Picture {
    pub(super) account: Option<Box<Account>>,
    pub(super) positions: Option<Vec<Position>>,
    pub(super) orders: Vec<Order>,
    pub(super) activities: Vec<Activity>,
    /// False when a page is missing; nothing may be concluded from absence then.
    pub(super) complete: bool,
}

/// What became of an answer.
#[derive(Debug)]
pub(super) enum Step {
    /// More is to come.
    More,
    /// Ask again no sooner than after this.
    Wait(Duration),
    /// The token was refused.
    Refused(RequestError),
    /// Everything that can be had is there.
    Done,
    /// Not an answer to one of ours.
    Foreign,
}

/// One pass.
#[derive(Debug)]
pub(super) struct Resync {
    /// When it began; the next pass starts from here.
    pub(super) began: Timestamp,
    since: Since,
    queue: VecDeque<Question>,
    pending: HashMap<RequestId, Question>,
    picture: Picture,
    seen: HashSet<OrderId>,
    by_id_asked: bool,
}

impl Resync {
    pub(super) fn new(began: Timestamp, since: Since) -> Self {
        let orders = |filter, nested| {
            Request::Orders(OrdersQuery {
                filter,
                after: None,
                until: None,
                before_order_id: None,
                symbol: None,
                ascending: false,
                nested,
                limit: ORDERS_PAGE,
            })
        };
        let earlier = |at: Timestamp| at.checked_sub(OVERLAP).unwrap_or(at);
        let fills = Request::Activities(ActivitiesQuery {
            fills_only: true,
            after: since.fills.or(since.orders).map(earlier),
            until: None,
            page_token: None,
            // Without a starting point the newest are wanted, with one all since then in order.
            ascending: since.fills.or(since.orders).is_some(),
            page_size: ACTIVITIES_PAGE,
        });
        let first = [
            (Request::Account, List::Other),
            (orders(OrderFilter::Open, true), List::Open),
            (fills, List::Fills),
            (orders(OrderFilter::All, false), List::Recent),
            (Request::Positions, List::Other),
        ];
        Self {
            began,
            since: Since { orders: since.orders.map(earlier), ..since },
            queue: first.into_iter().map(|(request, list)| Question { request, list, tries: 0 }).collect(),
            pending: HashMap::new(),
            picture: Picture { complete: true, ..Picture::default() },
            seen: HashSet::new(),
            by_id_asked: false,
        }
    }

    /// The next question to send, while few are under way.
    pub(super) fn ask(&mut self, id: impl FnOnce() -> RequestId) -> Option<(RequestId, Request)> {
        if self.pending.len() >= IN_FLIGHT {
            return None;
        }
        let question = self.queue.pop_front()?;
        let (id, request) = (id(), question.request.clone());
        self.pending.insert(id, question);
        Some((id, request))
    }

    /// Takes an answer; `blotter` tells which orders must be fetched by id.
    pub(super) fn answer(
        &mut self,
        id: RequestId,
        result: Result<Box<Reply>, RequestError>,
        blotter: &Blotter,
    ) -> Step {
        let Some(question) = self.pending.remove(&id) else { return Step::Foreign };
        match result {
            Ok(reply) => self.take(&question, *reply),
            Err(error) => match self.failed(question, error) {
                Step::More => {}
                other => return other,
            },
        }
        if !self.queue.is_empty() || !self.pending.is_empty() {
            return Step::More;
        }
        if !self.by_id_asked {
            self.by_id_asked = true;
            self.ask_by_id(blotter);
            if !self.queue.is_empty() {
                return Step::More;
            }
        }
        Step::Done
    }

    /// What was brought.
    pub(super) fn finish(self) -> Picture {
        self.picture
    }

    fn failed(&mut self, mut question: Question, error: RequestError) -> Step {
        match error.kind {
            RequestErrorKind::Unauthorized => Step::Refused(error),
            RequestErrorKind::Forbidden if question.request == Request::Account => Step::Refused(error),
            // An order fetched by id that is not there has been wiped with its account; the account id tells.
            RequestErrorKind::NotFound => Step::More,
            RequestErrorKind::RateLimited { retry_after } => {
                self.queue.push_front(question);
                Step::Wait(retry_after.unwrap_or(Duration::from_secs(10)))
            }
            RequestErrorKind::Server | RequestErrorKind::Network | RequestErrorKind::Timeout
                if question.tries < TRIES =>
            {
                question.tries += 1;
                let wait = Duration::from_millis(250 << question.tries.min(5));
                self.queue.push_front(question);
                Step::Wait(wait)
            }
            _ => {
                self.picture.complete = false;
                Step::More
            }
        }
    }

    fn take(&mut self, question: &Question, reply: Reply) {
        match reply {
            Reply::Account(account) => self.picture.account = Some(account),
            Reply::Positions(positions) => self.picture.positions = Some(positions),
            Reply::Order(order) => self.keep(*order),
            Reply::Orders(orders) => self.page_of_orders(question, orders),
            Reply::Activities(rows) => self.page_of_fills(question, rows),
            Reply::Clock(_) | Reply::History(_) | Reply::Done => {}
        }
    }

    fn keep(&mut self, order: Order) {
        self.seen.insert(order.id.clone());
        for leg in &order.legs {
            self.seen.insert(leg.id.clone());
        }
        self.picture.orders.push(order);
    }

    fn page_of_orders(&mut self, question: &Question, orders: Vec<Order>) {
        let Request::Orders(query) = &question.request else { return };
        let full = orders.len() >= usize::from(query.limit);
        let last = orders.last().map(|order| (order.id.clone(), order.submitted_at));
        let advanced = last.as_ref().is_some_and(|(id, _)| query.before_order_id.as_ref() != Some(id));
        for order in orders {
            self.keep(order);
        }
        let Some((id, submitted_at)) = last.filter(|_| full && advanced) else { return };
        // The recent list goes back to the last complete pass; the first pass ever takes one page of it.
        let wanted = question.list == List::Open
            || self.since.orders.is_some_and(|since| submitted_at.is_none_or(|at| at >= since));
        if wanted {
            let request = Request::Orders(OrdersQuery { before_order_id: Some(id), ..query.clone() });
            self.queue.push_back(Question { request, list: question.list, tries: 0 });
        }
    }

    fn page_of_fills(&mut self, question: &Question, rows: Vec<Activity>) {
        let Request::Activities(query) = &question.request else { return };
        let full = rows.len() >= usize::from(query.page_size);
        let token: Option<Arc<str>> = rows.last().map(|row| row.id.clone());
        let advanced = token.is_some() && token != query.page_token;
        self.picture.activities.extend(rows);
        if full && advanced && query.ascending {
            let request = Request::Activities(ActivitiesQuery { page_token: token, ..query.clone() });
            self.queue.push_back(Question { request, list: List::Fills, tries: 0 });
        }
    }

    /// Every working order of ours that the open list lacks, and every order a fill names and nobody has shown.
    fn ask_by_id(&mut self, blotter: &Blotter) {
        let mut wanted: Vec<OrderId> =
            blotter.working().filter(|order| !self.seen.contains(&order.id)).map(|order| order.id.clone()).collect();
        for row in &self.picture.activities {
            if let ActivityKind::Fill { order_id, .. } = &row.kind
                && !self.seen.contains(order_id)
                && blotter.order(order_id).is_none()
            {
                wanted.push(order_id.clone());
            }
        }
        let mut asked = HashSet::new();
        for id in wanted {
            if asked.insert(id.clone()) {
                self.queue.push_back(Question { request: Request::Order(id), list: List::Other, tries: 0 });
            }
        }
    }
}
