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
use crate::domain::ablation::{Ablation, left_out};
use crate::domain::activity::ActivityKind;
use crate::domain::blotter::Blotter;
use crate::domain::{Account, Activity, Order, OrderId, Position};

/// Requests under way at once.
const IN_FLIGHT: usize = 4;
/// How often one request is asked again before the pass goes on without it.
const TRIES: u32 = 6;
/// The wait after a 429 that names none.
pub(super) const RATE_LIMIT_WAIT: Duration = Duration::from_secs(10);
/// Pages of executions that the first pass ever goes back.
const FIRST_PAGES: u32 = 3;
/// How many orders that only executions name are fetched by id on the first pass.
const FIRST_BY_ID: usize = 10;

/// The sizes of things; the laboratory has smaller ones, so that short runs reach every edge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The broker's largest pages (API.md 5.4, 5.5).
    pub(super) orders_page: u16,
    pub(super) fills_page: u8,
    /// A pass starts this much before what is known: REST may lag, and rows may become visible out of order.
    pub(super) overlap: Duration,
    /// Updates held while syncing; one more restarts the epoch.
    pub(super) held: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { orders_page: 500, fills_page: 100, overlap: Duration::from_mins(15), held: 10_000 }
    }
}

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
    /// Broker's time of the last execution known at the end of a complete pass.
    pub(super) fills: Option<Timestamp>,
    /// Broker's time of the last submission known then; the beginning of time when there was none. Our own clock may be
    /// wrong by any amount.
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
    /// A page is missing that may well come when it is asked for again.
    pub(super) again: bool,
    /// On the first pass ever: executions from before this were not asked for.
    pub(super) history_before: Option<Timestamp>,
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
    since: Since,
    first_pages: u32,
    queue: VecDeque<Question>,
    pending: HashMap<RequestId, Question>,
    picture: Picture,
    seen: HashSet<OrderId>,
    mark: Since,
    /// The account behind the link is not known yet: it is asked first, or a reset under way would go unnoticed.
    account_first: bool,
    by_id_asked: bool,
}

impl Resync {
    /// `mark` is what is known when the pass begins: the next one starts from there if this one is complete.
    pub(super) fn new(since: Since, mark: Since, account_first: bool, limits: Limits) -> Self {
        let orders = |filter, nested| {
            Request::Orders(OrdersQuery {
                filter,
                after: None,
                until: None,
                before_order_id: None,
                symbol: None,
                ascending: false,
                nested,
                limit: limits.orders_page,
            })
        };
        let overlap = if left_out(Ablation::Overlap) { Duration::ZERO } else { limits.overlap };
        let earlier = |at: Timestamp| at.checked_sub(overlap).unwrap_or(at);
        let fills = Request::Activities(ActivitiesQuery {
            fills_only: true,
            after: since.fills.or(since.orders).map(earlier),
            until: None,
            page_token: None,
            // Without a starting point the newest are wanted, with one all since then in order.
            ascending: since.fills.or(since.orders).is_some(),
            page_size: limits.fills_page,
        });
        let first = [
            (Request::Account, List::Other),
            (orders(OrderFilter::Open, true), List::Open),
            (fills, List::Fills),
            (orders(OrderFilter::All, false), List::Recent),
            (Request::Positions, List::Other),
        ];
        Self {
            first_pages: 0,
            since: Since { orders: since.orders.map(earlier), ..since },
            queue: first.into_iter().map(|(request, list)| Question { request, list, tries: 0 }).collect(),
            pending: HashMap::new(),
            picture: Picture { complete: true, ..Picture::default() },
            seen: HashSet::new(),
            mark,
            account_first,
            by_id_asked: false,
        }
    }

    /// The next question to send, while few are under way.
    pub(super) fn ask(&mut self, id: impl FnOnce() -> RequestId) -> Option<(RequestId, Request)> {
        let alone = self.account_first && self.picture.account.is_none() && !self.pending.is_empty();
        if alone || self.pending.len() >= IN_FLIGHT {
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
    ///
    /// The next pass must not start from what was told while this one was under way, for it asked earlier.
    pub(super) fn finish(mut self) -> (Picture, Since) {
        // The first pass asks newest first, and rows of one millisecond come in any order (API.md 5.4).
        self.picture.activities.sort_by_key(|row| match &row.kind {
            ActivityKind::Fill { at, cum_qty, .. } => (*at, *cum_qty),
            ActivityKind::Other { .. } => (None, None),
        });
        let newest_fill = self.picture.activities.iter().filter_map(fill_time).max();
        let newest_order = self.picture.orders.iter().filter_map(|order| order.submitted_at).max();
        let next = Since {
            fills: self.mark.fills.or(newest_fill),
            orders: self.mark.orders.or(newest_order).or(Some(Timestamp::UNIX_EPOCH)),
        };
        (self.picture, next)
    }

    fn failed(&mut self, mut question: Question, error: RequestError) -> Step {
        match error.kind {
            RequestErrorKind::Unauthorized => Step::Refused(error),
            RequestErrorKind::Forbidden if question.request == Request::Account => Step::Refused(error),
            // An order fetched by id that is not there has been wiped with its account; the account id tells.
            RequestErrorKind::NotFound if matches!(question.request, Request::Order(_)) => Step::More,
            RequestErrorKind::RateLimited { retry_after } => {
                self.queue.push_front(question);
                Step::Wait(retry_after.unwrap_or(RATE_LIMIT_WAIT))
            }
            RequestErrorKind::Server
            | RequestErrorKind::Network
            | RequestErrorKind::Timeout
            // A body cut short on the way; what can never be read is given up after as many tries.
            | RequestErrorKind::Decode
                if question.tries < TRIES =>
            {
                question.tries += 1;
                let wait = Duration::from_millis(250 << question.tries.min(5));
                self.queue.push_front(question);
                Step::Wait(wait)
            }
            RequestErrorKind::Server | RequestErrorKind::Network | RequestErrorKind::Timeout => {
                (self.picture.complete, self.picture.again) = (false, true);
                Step::More
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
            Reply::Order(orders) => orders.into_iter().for_each(|order| self.keep(order)),
            Reply::Orders(orders) => self.page_of_orders(question, orders),
            Reply::Activities(rows) => self.page_of_fills(question, rows),
            Reply::Replay(_) | Reply::Clock(_) | Reply::History(_) | Reply::Done => {}
        }
    }

    fn keep(&mut self, order: Order) {
        self.seen.insert(order.id.clone());
        self.picture.orders.push(order);
    }

    fn page_of_orders(&mut self, question: &Question, orders: Vec<Order>) {
        let Request::Orders(query) = &question.request else { return };
        let legs: HashSet<OrderId> = orders.iter().flat_map(|order| &order.legs).cloned().collect();
        let full = orders.len().saturating_sub(legs.len()) >= usize::from(query.limit);
        let last = orders.iter().rev().find(|order| !legs.contains(&order.id));
        let last = last.map(|order| (order.id.clone(), order.submitted_at));
        let advanced = last.as_ref().is_some_and(|(id, _)| query.before_order_id.as_ref() != Some(id));
        for order in orders {
            self.keep(order);
        }
        let Some((id, submitted_at)) = last.filter(|_| full && advanced) else { return };
        // The recent list goes back to the last complete pass; the first pass ever takes one page of it.
        let in_gap = self.since.orders.is_some_and(|since| submitted_at.is_none_or(|at| at >= since));
        let wanted = question.list == List::Open || (in_gap && !left_out(Ablation::WholeGap));
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
        let oldest = rows.last().and_then(fill_time);
        self.picture.activities.extend(rows);
        if !query.ascending {
            // The first pass ever: back some pages, or to the beginning.
            self.first_pages += 1;
            self.picture.history_before = oldest.filter(|_| full && advanced);
        }
        if full && advanced && (query.ascending || self.first_pages < FIRST_PAGES) {
            let request = Request::Activities(ActivitiesQuery { page_token: token, ..query.clone() });
            self.queue.push_back(Question { request, list: List::Fills, tries: 0 });
        }
    }

    /// On the first pass ever, executions of orders that no list shows are history; each order would cost a request.
    ///
    /// The newest few are kept, for an old order may have traded just now.
    fn shorten_history(&mut self, blotter: &Blotter) {
        if self.since.fills.or(self.since.orders).is_some() {
            return;
        }
        let mut kept = HashSet::new();
        // Newest first, as this pass asked for them.
        self.picture.activities.retain(|row| {
            let ActivityKind::Fill { order_id, .. } = &row.kind else { return true };
            let shown = self.seen.contains(order_id) || blotter.order(order_id).is_some() || kept.contains(order_id);
            shown || (kept.len() < FIRST_BY_ID && kept.insert(order_id.clone()))
        });
    }

    /// Every working order of ours that no list shows, and every order that a fill knows more of than we do.
    fn ask_by_id(&mut self, blotter: &Blotter) {
        if left_out(Ablation::ById) {
            return;
        }
        self.shorten_history(blotter);
        let mut wanted: Vec<OrderId> = blotter.unsettled().filter(|id| !self.seen.contains(*id)).cloned().collect();
        // The set has no order of its own, and a run must repeat exactly.
        wanted.sort_unstable();
        wanted.extend(blotter.working().filter(|order| !self.seen.contains(&order.id)).map(|order| order.id.clone()));
        for row in &self.picture.activities {
            let ActivityKind::Fill { order_id, cum_qty, .. } = &row.kind else { continue };
            let known = blotter.order(order_id);
            let behind = known.is_none_or(|order| cum_qty.is_some_and(|cum| cum > order.cum_qty));
            // The row carries the id of a multi-leg parent, and which leg executed is not known yet.
            let legless = known.is_some_and(|order| order.is_multileg_parent() && order.legs.is_empty());
            if (behind && !self.seen.contains(order_id)) || legless {
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

fn fill_time(row: &Activity) -> Option<Timestamp> {
    match &row.kind {
        ActivityKind::Fill { at, .. } => *at,
        ActivityKind::Other { .. } => None,
    }
}
