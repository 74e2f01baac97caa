//! One pass over REST: what to request, page by page, until the snapshot is complete (docs/DESIGN.md 9.1, step 3).
//!
//! Only collects; the session merges. Pages are walked back by `before_order_id`, because `after` and `until` are
//! exclusive and lose ties at a page's edge (docs/ALPACA.md 5.5).

mod failures;
mod legs;
mod proven;
mod question;
mod since;
mod unlisted;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub(in crate::session) use self::proven::UNCONFIRMED;
pub(in crate::session) use self::question::Endpoint;
use self::question::{List, Question};
pub(in crate::session) use self::since::Since;
use super::backfill::Backfill;
use super::half_read::{HalfRead, HalfReadNow};
use super::parts::Part;
use super::request::{
    ActivitiesQuery, OrderFilter, OrdersQuery, Reply, Request, RequestError, RequestId, unread_words,
};
use super::state::Pages;
use crate::domain::activity::ActivityKind;
use crate::domain::blotter::Blotter;
use crate::domain::disabled_rule::{DisabledRule, left_out};
use crate::domain::{Account, Activity, Mono, Order, OrderId, Position};

/// Requests in flight at once.
const IN_FLIGHT: usize = 4;
/// The wait after a 429 that states none.
pub(super) const RATE_LIMIT_WAIT: Duration = Duration::from_secs(10);
/// Pages of executions that the very first pass walks back.
const FIRST_PAGES: u32 = 3;
/// How many orders of low priority are fetched one by one, such as those that only executions name on
/// the very first pass.
const FIRST_BY_ID: usize = 10;

/// Size limits; the laboratory uses smaller ones, so that short runs reach every edge.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// The broker's largest pages (docs/ALPACA.md 5.4, 5.5).
    pub(super) orders_page: u16,
    pub(super) fills_page: u8,
    /// A pass starts this long before the watermark: REST may lag, and rows may become visible out of order.
    pub(super) overlap: Duration,
    /// Updates held while syncing; one more restarts the epoch.
    pub(super) held: usize,
    /// Pages of one list in one pass; an endless list must not fill the memory.
    pub(super) pages: u32,
    /// Orders fetched by id in one pass.
    pub(super) by_id: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            orders_page: 500,
            fills_page: 100,
            overlap: Duration::from_mins(15),
            held: 10_000,
            pages: 100,
            by_id: 500,
        }
    }
}

/// What a pass fetched.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    pub(super) account: Option<Box<Account>>,
    pub(super) positions: Option<Vec<Position>>,
    /// What each part lacks: a request given up, unreadable rows, an endless list.
    pub(super) faults: BTreeMap<Part, String>,
    /// Parts with a request that was given up, whose answer is missing entirely.
    pub(super) given_up: BTreeSet<Part>,
    pub(super) orders: Vec<Order>,
    pub(super) activities: Vec<Activity>,
    /// Orders requested by id that the broker does not have.
    pub(super) denied: Vec<OrderId>,
    pub(super) half_read: HalfReadNow,
    /// A request beyond the lists that failed, and why.
    pub(super) beyond: Option<String>,
    /// On the very first pass: executions before this were not requested.
    pub(super) history_before: Option<Timestamp>,
    /// Where the next pass continues beyond the lists.
    pub(super) backfill: Backfill,
    /// The orders that each answer names.
    named: Vec<(Part, Vec<OrderId>)>,
    /// Another account answered during the pass.
    pub(super) doubted: bool,
    /// The account did not confirm the answers: only those that prove themselves are left.
    pub(super) unproven: bool,
}

/// What follows from an answer.
#[derive(Debug)]
pub(super) enum Step {
    /// More answers are to come.
    More,
    /// The broker asked to wait: no requests until this has passed.
    Wait(Duration),
    /// One request failed and is retried after this ([`Resync::unpark`]); others go on.
    Park(Duration),
    /// This request was refused; the pass goes on without it ([`Resync::proceed`]).
    Refused(RequestError),
    /// Everything available was fetched.
    Done,
    /// Not an answer to a request of this pass.
    Foreign,
}

/// One round of requests that fetches every part of a snapshot.
#[derive(Debug)]
pub(super) struct Resync {
    since: Since,
    first_pages: u32,
    queue: VecDeque<Question>,
    pending: HashMap<RequestId, Question>,
    snapshot: Snapshot,
    /// Pages requested, by list.
    pages: HashMap<List, u32>,
    /// Failed requests that are retried after a wait.
    parked: Vec<Question>,
    /// Requests answered or given up.
    done: u32,
    /// Unreadable rows of the current answer: a page of nothing else is not empty.
    unread: usize,
    seen: HashSet<OrderId>,
    mark: Since,
    /// The newest times in the lists of this pass. Orders requested one by one come later and may be newer than
    /// something that no list has shown, so they do not count.
    listed: Since,
    /// The account behind the link is not known yet: it is requested first, or a reset in progress would go unnoticed.
    /// If it does not answer, other answers may identify it.
    account_first: bool,
    /// Balances or positions that are fetched outside the pass.
    left: BTreeSet<Part>,
    by_id_asked: bool,
    /// The last order of the recent list; older orders start there.
    recent_end: Option<OrderId>,
    /// Cursors already used: a broker that ignores the cursor would send the same page forever.
    cursors: HashSet<(List, Arc<str>)>,
    /// Why this pass sends no more requests.
    cut: Option<String>,
    /// Endpoints that answered 429 when last requested; they come last, because their wait delays everything else.
    last: BTreeSet<Endpoint>,
    /// Endpoints that answered 429 in this pass, with the message, and endpoints that gave a good answer.
    limited: BTreeMap<Endpoint, String>,
    answered: BTreeSet<Endpoint>,
    /// An endpoint that came last for its limit was refused again.
    limited_again: bool,
    half_read: HalfRead,
    limits: Limits,
}

impl Resync {
    /// `mark` is the newest that is known when the pass begins: if this pass is complete, the next one starts there.
    pub(super) fn new(since: Since, mark: Since, account_first: bool, limits: Limits, backfill: Backfill) -> Self {
        let orders =
            |filter, nested| Request::Orders(OrdersQuery { nested, ..OrdersQuery::newest(filter, limits.orders_page) });
        let overlap = if left_out(DisabledRule::Overlap) { Duration::ZERO } else { limits.overlap };
        let earlier = |at: Timestamp| at.checked_sub(overlap).unwrap_or(at);
        let fills = Request::Activities(ActivitiesQuery {
            fills_only: true,
            order: None,
            after: since.fills.or(since.orders).map(earlier),
            until: None,
            page_token: None,
            // Without a watermark the newest are wanted first, with one everything since then in order.
            ascending: since.fills.or(since.orders).is_some(),
            page_size: limits.fills_page,
        });
        let first = [
            (Request::Account, List::Other),
            (orders(OrderFilter::Open, false), List::Open),
            (fills, List::Fills),
            (orders(OrderFilter::All, false), List::Recent),
            (Request::Positions, List::Other),
            (orders(OrderFilter::Open, true), List::Nested),
        ];
        Self {
            first_pages: 0,
            since: Since { orders: since.orders.map(earlier), ..since },
            queue: first.into_iter().map(|(request, list)| Question::new(request, list)).collect(),
            pending: HashMap::new(),
            snapshot: Snapshot { backfill, ..Snapshot::default() },
            pages: HashMap::new(),
            parked: Vec::new(),
            done: 0,
            unread: 0,
            seen: HashSet::new(),
            mark,
            listed: Since::default(),
            account_first,
            left: BTreeSet::new(),
            by_id_asked: false,
            recent_end: None,
            cursors: HashSet::new(),
            cut: None,
            last: BTreeSet::new(),
            limited: BTreeMap::new(),
            answered: BTreeSet::new(),
            limited_again: false,
            half_read: HalfRead::default(),
            limits,
        }
    }

    /// Leaves out balances or positions that are already requested elsewhere, or that wait by themselves.
    pub(super) fn leave(&mut self, parts: impl Iterator<Item = Part>) {
        self.left.extend(parts);
        self.queue.retain(|question| !self.left.contains(&question.part()));
        self.parked.retain(|question| !self.left.contains(&question.part()));
    }

    /// True when nothing is queued, in flight or parked.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.pending.is_empty() && self.parked.is_empty()
    }

    /// Requests the endpoints that answered 429 after everything else.
    pub(super) fn with_last(mut self, last: &BTreeSet<Endpoint>) -> Self {
        self.last.clone_from(last);
        if self.account_first {
            self.last.remove(&Endpoint::Account);
        }
        self
    }

    /// Orders that earlier passes read only in part, for this one to request by id.
    pub(super) fn with_half_read(mut self, orders: &HalfRead) -> Self {
        self.half_read.clone_from(orders);
        self
    }

    /// Updates the set of endpoints that answer 429.
    pub(super) fn note_limits(&self, known: &mut BTreeSet<Endpoint>) {
        known.retain(|endpoint| !self.answered.contains(endpoint));
        known.extend(self.limited.keys());
    }

    /// True when an endpoint known to be limited was refused again: another try in this pass gains nothing.
    pub(super) const fn is_limited_again(&self) -> bool {
        self.limited_again
    }

    /// Stops waiting for balances or positions requested at least `longest` ago: the pass goes on without these
    /// requests, and the caller takes them over.
    pub(super) fn leave_figures(&mut self, now: Mono, longest: Duration) -> Vec<(RequestId, Part)> {
        let late = |_: &RequestId, question: &mut Question| question.is_of_figures() && question.asked + longest <= now;
        let late = self.pending.extract_if(late).map(|(id, question)| (id, question.part()));
        let late: BTreeMap<RequestId, Part> = late.collect();
        self.left.extend(late.values());
        late.into_iter().collect()
    }

    /// When the oldest request for balances or positions in flight was sent.
    pub(super) fn oldest_figure(&self) -> Option<Mono> {
        self.pending.values().filter(|question| question.is_of_figures()).map(|question| question.asked).min()
    }

    /// Another account answers: any answer may be from it.
    pub(super) fn doubt(&mut self) {
        self.snapshot.doubted |= self.snapshot.has_answers();
    }

    /// The next request to send, unless enough are in flight.
    pub(super) fn ask(&mut self, now: Mono, id: impl FnOnce() -> RequestId) -> Option<(RequestId, Request)> {
        let asking = !self.pending.is_empty() || !self.parked.is_empty();
        let alone = self.account_first && !self.account_is_settled() && asking;
        if alone || self.pending.len() >= IN_FLIGHT {
            return None;
        }
        let mut question = self.next()?;
        question.asked = now;
        let (id, request) = (id(), question.request.clone());
        self.pending.insert(id, question);
        Some((id, request))
    }

    /// The next request in the queue; one of a limited endpoint only when nothing else is queued or in flight.
    fn next(&mut self) -> Option<Question> {
        let comes_last = |question: &Question| self.last.contains(&question.endpoint());
        match self.queue.iter().position(|question| !comes_last(question)) {
            Some(place) => self.queue.remove(place),
            None if self.pending.values().all(comes_last) => self.queue.pop_front(),
            None => None,
        }
    }

    /// Takes an answer; `blotter` decides which orders must be fetched by id.
    pub(super) fn answer(
        &mut self,
        id: RequestId,
        result: Result<Box<Reply>, RequestError>,
        blotter: &Blotter,
    ) -> Step {
        let Some(question) = self.pending.remove(&id) else { return Step::Foreign };
        self.done += 1;
        match result {
            Ok(reply) => {
                self.answered.insert(question.endpoint());
                let (reply, unread) = reply.split();
                self.unread = unread.len();
                if let Some(words) = unread_words(&unread) {
                    self.lack(&question, words);
                }
                self.snapshot.half_read.note(&question.request, &reply, &unread);
                self.snapshot.note_answer(question.part(), &reply);
                self.take(&question, reply, blotter);
            }
            Err(error) => match self.failed(question, error) {
                Step::More => {}
                other => return other,
            },
        }
        self.proceed(blotter)
    }

    /// What comes next after an answer or a refusal.
    pub(super) fn proceed(&mut self, blotter: &Blotter) -> Step {
        if !self.is_idle() {
            return Step::More;
        }
        if !self.by_id_asked {
            self.by_id_asked = true;
            self.ask_by_id(blotter);
            // While nothing answers, one order is enough to learn whether that is still so.
            self.queue.truncate(if self.answered.is_empty() { 1 } else { usize::MAX });
            if let Some(why) = self.cut.clone() {
                // The pass was cut short, so orders that need a request each are missing.
                for question in std::mem::take(&mut self.queue).iter().filter(|question| !question.is_beyond()) {
                    self.leave_out(question, &why);
                }
            }
            if !self.queue.is_empty() {
                return Step::More;
            }
        }
        Step::Done
    }

    /// Returns the snapshot and the watermark for the next pass.
    ///
    /// The watermark excludes what arrived while this pass was running, because the requests were sent earlier.
    pub(super) fn finish(mut self) -> (Snapshot, Since) {
        // The very first pass fetches newest first, and rows of one millisecond come in any order (docs/ALPACA.md 5.4).
        self.snapshot.activities.sort_by_key(|row| match &row.kind {
            ActivityKind::Fill { at, cum_qty, .. } => (*at, *cum_qty),
            ActivityKind::Other { .. } => (None, None),
        });
        let next = Since {
            fills: self.mark.fills.or(self.listed.fills),
            orders: self.mark.orders.or(self.listed.orders).or(Some(Timestamp::UNIX_EPOCH)),
        };
        (self.snapshot, next)
    }

    /// The part that a request in flight belongs to.
    pub(super) fn part_of(&self, id: RequestId) -> Option<Part> {
        self.pending.get(&id).map(Question::part)
    }

    /// True for a request in flight that no part depends on.
    pub(super) fn is_beyond(&self, id: RequestId) -> bool {
        self.pending.get(&id).is_some_and(Question::is_beyond)
    }

    /// The account answered, or is no longer awaited.
    fn account_is_settled(&self) -> bool {
        self.snapshot.account.is_some()
            || self.snapshot.given_up.contains(&Part::Account)
            || self.left.contains(&Part::Account)
    }

    /// Progress of the pass.
    pub(super) fn progress(&self) -> Pages {
        let left = u32::try_from(self.queue.len() + self.parked.len() + self.pending.len()).unwrap_or(u32::MAX);
        Pages { done: self.done, of: self.done.saturating_add(left) }
    }

    /// Requests the next page of a list, up to the limit of pages.
    fn follow(&mut self, request: Request, list: List) {
        let question = Question::new(request, list);
        let pages = self.pages.entry(list).or_insert(1);
        if *pages >= self.limits.pages {
            let words = format!("the list is longer than {pages} pages; the rest is not shown");
            self.lack(&question, words);
            return;
        }
        *pages += 1;
        match self.cut.clone() {
            Some(why) => self.leave_out(&question, &why),
            None => self.queue.push_back(question),
        }
    }

    fn take(&mut self, question: &Question, reply: Reply, blotter: &Blotter) {
        match (&question.request, reply) {
            (Request::Account, Reply::Account(account)) => self.snapshot.account = Some(account),
            (Request::Positions, Reply::Positions(positions)) => self.snapshot.positions = Some(positions),
            (Request::Order(_), Reply::Order(orders)) => orders.into_iter().for_each(|order| self.keep(order)),
            (Request::Orders(query), Reply::Orders(orders)) => self.page_of_orders(question, query, orders, blotter),
            (Request::Activities(query), Reply::Activities(rows)) => self.page_of_fills(question, query, rows),
            _ => self.give_up(question, RequestError::mismatch().message),
        }
    }

    fn keep(&mut self, order: Order) {
        self.seen.insert(order.id.clone());
        self.snapshot.orders.push(order);
    }

    fn page_of_orders(&mut self, question: &Question, query: &OrdersQuery, orders: Vec<Order>, blotter: &Blotter) {
        if question.list == List::Legs {
            return self.page_of_legs(orders);
        }
        self.ask_for_legs(query, &orders, blotter);
        let legs: HashSet<OrderId> = orders.iter().flat_map(|order| &order.legs).cloned().collect();
        let last = orders.iter().rev().find(|order| !legs.contains(&order.id));
        let last = last.map(|order| (order.id.clone(), order.submitted_at));
        let older = question.list == List::Older;
        if question.list == List::Recent {
            self.listed.orders = self.listed.orders.max(orders.iter().filter_map(|order| order.submitted_at).max());
        }
        for order in orders {
            // Older orders are only checked again; unknown ones are history.
            if !older || blotter.order(&order.id).is_some() {
                self.keep(order);
            }
        }
        if older {
            self.snapshot.backfill.went_back_to(last, blotter);
            return;
        }
        // Pages may be smaller than requested, so only an empty one is the last.
        let Some((id, submitted_at)) = last else { return };
        if question.list == List::Recent {
            self.recent_end = Some(id.clone());
        }
        // The recent list goes back to the last complete pass; the very first pass takes one page of it.
        let in_gap = self.since.orders.is_some_and(|since| submitted_at.is_none_or(|at| at >= since));
        let wanted =
            matches!(question.list, List::Open | List::Nested) || (in_gap && !left_out(DisabledRule::WholeGap));
        if wanted && self.cursors.insert((question.list, Arc::from(id.as_str()))) {
            self.follow(Request::Orders(OrdersQuery { before_order_id: Some(id), ..query.clone() }), question.list);
        }
    }

    fn page_of_fills(&mut self, question: &Question, query: &ActivitiesQuery, mut rows: Vec<Activity>) {
        let token: Option<Arc<str>> = rows.last().map(|row| row.id.clone());
        if let Some(order) = &query.order {
            // A broker that does not support the filter returns the rows of every order.
            rows.retain(|row| matches!(&row.kind, ActivityKind::Fill { order_id, .. } if order_id == order));
        }
        let Some(token) = token.filter(|_| !rows.is_empty()) else {
            // A page of unreadable rows is not the start of history.
            if !query.ascending && self.unread == 0 {
                self.snapshot.history_before = None;
            }
            return;
        };
        let oldest = rows.last().and_then(fill_time);
        if question.list == List::Fills {
            self.listed.fills = self.listed.fills.max(rows.iter().filter_map(fill_time).max());
        }
        self.snapshot.activities.extend(rows);
        let advanced = self.cursors.insert((question.list, Arc::clone(&token)));
        let mut on = true;
        if !query.ascending {
            // The very first pass walks back a few pages, or to the start of history.
            self.first_pages += 1;
            self.snapshot.history_before = oldest.filter(|_| advanced);
            on = self.first_pages < FIRST_PAGES;
        }
        if on && advanced {
            let request = Request::Activities(ActivitiesQuery { page_token: Some(token), ..query.clone() });
            self.follow(request, question.list);
        }
    }
}

fn fill_time(row: &Activity) -> Option<Timestamp> {
    match &row.kind {
        ActivityKind::Fill { at, .. } => *at,
        ActivityKind::Other { .. } => None,
    }
}

#[cfg(test)]
mod tests;
