//! One pass over REST: what to ask, page by page, until the picture is complete (RELIABILITY 3, step 3).
//!
//! Collects only; merging is the session's. Pages go back by `before_order_id`, because `after` and `until` are
//! exclusive and lose ties at a page's edge (API.md 5.5).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::pursuit::Pursuit;
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum List {
    Open,
    Recent,
    Fills,
    /// The executions of one order that awaits a report.
    Rows,
    /// Orders before the recent ones, a page a pass.
    Older,
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
    /// Where the next pass goes on beyond the lists.
    pub(super) pursuit: Pursuit,
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
    /// The last order of the recent list; older ones begin there.
    recent_end: Option<OrderId>,
    /// Where a page was asked from: a broker that does not know the cursor would send the same one for ever.
    cursors: HashSet<(List, Arc<str>)>,
    limits: Limits,
}

impl Resync {
    /// `mark` is what is known when the pass begins: the next one starts from there if this one is complete.
    pub(super) fn new(since: Since, mark: Since, account_first: bool, limits: Limits, pursuit: Pursuit) -> Self {
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
            order: None,
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
            picture: Picture { complete: true, pursuit, ..Picture::default() },
            seen: HashSet::new(),
            mark,
            account_first,
            by_id_asked: false,
            recent_end: None,
            cursors: HashSet::new(),
            limits,
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
            Ok(reply) => self.take(&question, *reply, blotter),
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
                self.missing(&question, true);
                Step::More
            }
            _ => {
                self.missing(&question, false);
                Step::More
            }
        }
    }

    /// A page is missing, for this pass. What is asked beyond the lists is asked again by the next one.
    fn missing(&mut self, question: &Question, again: bool) {
        if !matches!(question.list, List::Rows | List::Older) {
            self.picture.complete = false;
            self.picture.again |= again;
        }
    }

    fn take(&mut self, question: &Question, reply: Reply, blotter: &Blotter) {
        match reply {
            Reply::Account(account) => self.picture.account = Some(account),
            Reply::Positions(positions) => self.picture.positions = Some(positions),
            Reply::Order(orders) => orders.into_iter().for_each(|order| self.keep(order)),
            Reply::Orders(orders) => self.page_of_orders(question, orders, blotter),
            Reply::Activities(rows) => self.page_of_fills(question, rows),
            Reply::Replay(_) | Reply::Clock(_) | Reply::History(_) | Reply::Done => {}
        }
    }

    fn keep(&mut self, order: Order) {
        self.seen.insert(order.id.clone());
        self.picture.orders.push(order);
    }

    fn page_of_orders(&mut self, question: &Question, orders: Vec<Order>, blotter: &Blotter) {
        let Request::Orders(query) = &question.request else { return };
        let legs: HashSet<OrderId> = orders.iter().flat_map(|order| &order.legs).cloned().collect();
        let last = orders.iter().rev().find(|order| !legs.contains(&order.id));
        let last = last.map(|order| (order.id.clone(), order.submitted_at));
        let older = question.list == List::Older;
        for order in orders {
            // Older orders are looked at again; those never heard of are history.
            if !older || blotter.order(&order.id).is_some() {
                self.keep(order);
            }
        }
        if older {
            self.picture.pursuit.went_back_to(last, blotter);
            return;
        }
        // Pages may be smaller than asked, so that only an empty one is the last.
        let Some((id, submitted_at)) = last else { return };
        if question.list == List::Recent {
            self.recent_end = Some(id.clone());
        }
        // The recent list goes back to the last complete pass; the first pass ever takes one page of it.
        let in_gap = self.since.orders.is_some_and(|since| submitted_at.is_none_or(|at| at >= since));
        let wanted = question.list == List::Open || (in_gap && !left_out(Ablation::WholeGap));
        if wanted && self.cursors.insert((question.list, Arc::from(id.as_str()))) {
            let request = Request::Orders(OrdersQuery { before_order_id: Some(id), ..query.clone() });
            self.queue.push_back(Question { request, list: question.list, tries: 0 });
        }
    }

    fn page_of_fills(&mut self, question: &Question, mut rows: Vec<Activity>) {
        let Request::Activities(query) = &question.request else { return };
        let token: Option<Arc<str>> = rows.last().map(|row| row.id.clone());
        if let Some(order) = &query.order {
            // A broker that does not know the filter answers with the rows of every order; those are not wanted here.
            rows.retain(|row| matches!(&row.kind, ActivityKind::Fill { order_id, .. } if order_id == order));
        }
        let Some(token) = token.filter(|_| !rows.is_empty()) else {
            if question.list == List::Fills && !query.ascending {
                self.picture.history_before = None;
            }
            return;
        };
        let oldest = rows.last().and_then(fill_time);
        self.picture.activities.extend(rows);
        let advanced = self.cursors.insert((question.list, Arc::clone(&token)));
        let mut on = true;
        if question.list == List::Fills && !query.ascending {
            // The first pass ever: back some pages, or to the beginning.
            self.first_pages += 1;
            self.picture.history_before = oldest.filter(|_| advanced);
            on = self.first_pages < FIRST_PAGES;
        }
        if on && advanced {
            let request = Request::Activities(ActivitiesQuery { page_token: Some(token), ..query.clone() });
            self.queue.push_back(Question { request, list: question.list, tries: 0 });
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
        let mut before: Vec<OrderId> = blotter
            .disputes()
            .map(|(id, ..)| id)
            .chain(blotter.unknown_before())
            .chain(self.picture.orders.iter().filter_map(|order| before(order, blotter)))
            .filter(|id| !self.seen.contains(*id))
            .cloned()
            .collect();
        before.sort_unstable();
        wanted.append(&mut before);
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
        self.ask_beyond(blotter);
    }

    /// What no list of this pass shows: the rows of orders that await a report, however old, and a page of older orders,
    /// for nothing but their state tells that something was undone.
    fn ask_beyond(&mut self, blotter: &Blotter) {
        for id in self.picture.pursuit.orders(blotter) {
            let request = Request::Activities(ActivitiesQuery {
                fills_only: true,
                order: Some(id),
                after: None,
                until: None,
                page_token: None,
                ascending: true,
                page_size: self.limits.fills_page,
            });
            self.queue.push_back(Question { request, list: List::Rows, tries: 0 });
        }
        let unseen = blotter.orders().any(|order| !self.seen.contains(&order.id));
        let from = self.picture.pursuit.older_than().or(self.recent_end.clone());
        if let Some(from) = from.filter(|_| unseen && self.since.orders.is_some()) {
            let request = Request::Orders(OrdersQuery {
                filter: OrderFilter::All,
                after: None,
                until: None,
                before_order_id: Some(from),
                symbol: None,
                ascending: false,
                nested: false,
                limit: self.limits.orders_page,
            });
            self.queue.push_back(Question { request, list: List::Older, tries: 0 });
        }
    }
}

/// The order whose place this one took, where nobody knows it: what it executed decides what is this one's own.
fn before<'a>(order: &'a Order, blotter: &Blotter) -> Option<&'a OrderId> {
    order.replaces.as_ref().filter(|before| order.cum_qty.is_positive() && blotter.order(before).is_none())
}

fn fill_time(row: &Activity) -> Option<Timestamp> {
    match &row.kind {
        ActivityKind::Fill { at, .. } => *at,
        ActivityKind::Other { .. } => None,
    }
}
