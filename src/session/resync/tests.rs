//! One pass, request by request.

use super::*;
use crate::domain::execution::{Execution, ExecutionKind, Source};
use crate::domain::money::{Price, Qty};
use crate::domain::order::{OrderClass, OrderStatus, Raw, Side};
use crate::session::machine::tests::fixture::{account, order};
use crate::session::request::RequestErrorKind;

/// Selects requests.
type Wanted = fn(&Request) -> bool;

fn at(second: i64) -> Option<Timestamp> {
    Timestamp::from_second(1_760_000_000 + second).ok()
}

fn row(id: &str, order: &str, qty: i64, cum: i64, second: i64) -> Activity {
    let kind = ActivityKind::Fill {
        execution_id: None,
        order_id: order.into(),
        symbol: "AAPL".into(),
        side: Side::Buy,
        qty: Qty::whole(qty),
        px: Price::whole(10),
        cum_qty: Some(Qty::whole(cum)),
        partial: false,
        at: at(second),
    };
    Activity { id: Arc::from(id), activity_type: "FILL".into(), kind, raw: Raw::default() }
}

fn done(id: &str, second: i64) -> Order {
    Order { status: OrderStatus::Canceled, submitted_at: at(second), updated_at: at(second), ..order(id) }
}

/// A broker that answers from lists, newest first, two to a page.
#[derive(Default)]
struct Broker {
    orders: Vec<Order>,
    rows: Vec<Activity>,
    /// Rows that only a request for one order shows.
    hidden: Vec<Activity>,
    /// Orders with their legs, as nested lists show them.
    nested: Vec<Order>,
}

fn page<T: Clone>(all: &[T], after: Option<usize>) -> Vec<T> {
    all.iter().skip(after.map_or(0, |place| place + 1)).take(2).cloned().collect()
}

impl Broker {
    fn answer(&self, request: &Request) -> Result<Reply, RequestErrorKind> {
        Ok(match request {
            Request::Account => Reply::Account(Box::new(account("acct-1"))),
            Request::Positions => Reply::Positions(Vec::new()),
            Request::Orders(query) if query.nested && query.filter == OrderFilter::All => {
                Reply::Orders(self.nested.clone())
            }
            Request::Orders(query) => {
                let fits = |order: &&Order| query.filter == OrderFilter::All || order.status.is_working();
                let orders: Vec<Order> = self.orders.iter().filter(fits).cloned().collect();
                let place = |id: &OrderId| orders.iter().position(|order| order.id == *id);
                Reply::Orders(page(&orders, query.before_order_id.as_ref().and_then(place)))
            }
            Request::Activities(query) => {
                let of = |row: &&Activity| matches!(&row.kind, ActivityKind::Fill { order_id, .. } if Some(order_id) == query.order.as_ref());
                let rows: Vec<Activity> = match query.order {
                    Some(_) => self.rows.iter().chain(&self.hidden).filter(of).cloned().collect(),
                    None => self.rows.clone(),
                };
                let place = |token: &Arc<str>| rows.iter().position(|row| row.id == *token);
                Reply::Activities(page(&rows, query.page_token.as_ref().and_then(place)))
            }
            _ => return Err(RequestErrorKind::NotFound),
        })
    }
}

/// All requests of a pass until it is done, its snapshot, and where the next one starts.
fn run(
    mut resync: Resync,
    blotter: &Blotter,
    answer: impl Fn(&Request) -> Result<Reply, RequestErrorKind>,
) -> (Vec<Request>, Snapshot, Since) {
    let (mut asked, mut under_way, mut next) = (Vec::new(), VecDeque::new(), 1);
    for _ in 0..1_000 {
        while let Some(question) = resync.ask(Mono::ZERO, || RequestId(next)) {
            next += 1;
            asked.push(question.1.clone());
            under_way.push_back(question);
        }
        let Some((id, request)) = under_way.pop_front() else {
            resync.unpark();
            continue;
        };
        let result = answer(&request).map(Box::new).map_err(|kind| RequestError::local(kind, "no"));
        if matches!(resync.answer(id, result, blotter), Step::Done) {
            let (snapshot, next) = resync.finish();
            return (asked, snapshot, next);
        }
    }
    panic!("a pass without end: {asked:?}");
}

fn since(fills: Option<Timestamp>, orders: Option<Timestamp>) -> Resync {
    let limits = Limits { overlap: Duration::ZERO, ..Limits::default() };
    Resync::new(Since { fills, orders }, Since::default(), false, limits, Backfill::default())
}

/// The very first pass.
fn first() -> Resync {
    since(None, None)
}

/// A later pass.
fn later() -> Resync {
    since(at(0), at(0))
}

fn ids(orders: &[Order]) -> Vec<&str> {
    orders.iter().map(|order| order.id.as_str()).collect()
}

fn by_id(asked: &[Request]) -> Vec<&str> {
    asked.iter().filter_map(|request| if let Request::Order(id) = request { Some(id.as_str()) } else { None }).collect()
}

fn none() -> Blotter {
    Blotter::default()
}

/// A multi-leg order as shown by lists that do not name legs.
fn flat(id: &str) -> Order {
    Order { class: OrderClass::Mleg, symbol: "".into(), ..done(id, 1) }
}

fn with_legs(id: &str) -> [Order; 2] {
    let leg = Order { class: OrderClass::Mleg, ..done(&format!("{id}-leg"), 1) };
    [Order { legs: vec![leg.id.clone()], ..flat(id) }, leg]
}

#[test]
fn a_pass_that_is_cut_lacks_what_it_did_not_request_and_gives_up_only_parts_without_any_answer() {
    let broker = Broker {
        orders: (0..6).map(|number| done(&number.to_string(), 10)).collect(),
        rows: (0..6).map(|number| row(&number.to_string(), "0", 1, number, 10)).collect(),
        ..Broker::default()
    };
    let mut resync = later();
    resync.cut("a wait");
    assert!(resync.ask(Mono::ZERO, || RequestId(1)).is_none(), "no more requests");
    let (snapshot, _) = resync.finish();
    assert_eq!(snapshot.given_up.into_iter().collect::<Vec<_>>(), Part::ALL);
    assert_eq!(snapshot.faults.into_keys().collect::<Vec<_>>(), Part::ALL);
    // After answers to everything but later pages and one order that no list shows.
    let mut unlisted = none();
    unlisted.apply_snapshot(&[order("unlisted")], &[]);
    let later_pages = vec![Part::Recent, Part::Executions];
    for (blotter, missing) in [(none(), later_pages.clone()), (unlisted, [vec![Part::Working], later_pages].concat())] {
        let mut resync = later();
        let (mut under_way, mut next) = (VecDeque::new(), 1);
        for count in 0..20 {
            if count == 6 {
                resync.cut("a wait");
            }
            while let Some(question) = resync.ask(Mono::ZERO, || RequestId(next)) {
                next += 1;
                under_way.push_back(question);
            }
            let Some((id, request)) = under_way.pop_front() else { break };
            resync.answer(id, Ok(Box::new(broker.answer(&request).unwrap())), &blotter);
        }
        let (snapshot, _) = resync.finish();
        assert!(snapshot.given_up.is_empty(), "{:?}", snapshot.given_up);
        assert_eq!(snapshot.faults.into_keys().collect::<Vec<_>>(), missing);
    }
}

#[test]
fn a_request_for_one_order_is_retried_more_often_than_a_list() {
    for (which, times) in [(true, 7), (false, 3)] {
        let mut blotter = none();
        blotter.apply_snapshot(&[order("o")], &[]);
        let fails = |request: &Request| {
            if which { matches!(request, Request::Order(_)) } else { matches!(request, Request::Activities(_)) }
        };
        let answer = |request: &Request| {
            if fails(request) { Err(RequestErrorKind::Server) } else { Broker::default().answer(request) }
        };
        let (asked, snapshot, _) = run(later(), &blotter, answer);
        assert_eq!(asked.iter().filter(|request| fails(request)).count(), times);
        assert_eq!(snapshot.given_up.len(), usize::from(!which), "the list that named the order was answered");
    }
}

#[test]
fn a_page_is_requested_for_its_legs_only_if_a_done_order_lacks_them() {
    let nested = |asked: &[Request]| {
        let legs = |request: &&Request| matches!(request, Request::Orders(query) if query.nested && query.filter == OrderFilter::All);
        asked.iter().filter(legs).count()
    };
    let open = Order { status: OrderStatus::New, ..flat("open") };
    let broker = Broker { orders: vec![open, done("simple", 1)], ..Broker::default() };
    assert_eq!(nested(&run(first(), &none(), |request| broker.answer(request)).0), 0);
    let families = [with_legs("p"), with_legs("older")].concat();
    let broker = Broker { orders: vec![flat("p"), done("simple", 1)], nested: families, ..Broker::default() };
    let (asked, snapshot, _) = run(first(), &none(), |request| broker.answer(request));
    assert_eq!((nested(&asked), ids(&snapshot.orders)), (1, vec!["p", "simple", "p", "p-leg"]));
}

#[test]
fn orders_without_legs_are_requested_one_by_one_those_named_by_rows_first() {
    let blotter = {
        let mut blotter = none();
        blotter.apply_snapshot(&(0..14).map(|number| flat(&format!("p{number:02}"))).collect::<Vec<_>>(), &[]);
        blotter
    };
    let broker = Broker { rows: vec![row("r", "p13", 1, 0, 5)], ..Broker::default() };
    let (asked, ..) = run(later(), &blotter, |request| broker.answer(request));
    let wanted = by_id(&asked);
    assert_eq!((wanted.len(), wanted.contains(&"p13")), (11, true), "{wanted:?}");
}

#[test]
fn a_failed_request_beyond_the_lists_leaves_every_part_complete() {
    let mut awaiting = none();
    awaiting.apply_snapshot(&[Order { cum_qty: Qty::whole(5), ..done("o", 1) }, done("p", 1)], &[]);
    let rows = |request: &Request| matches!(request, Request::Activities(query) if query.order.is_some());
    let older =
        |request: &Request| matches!(request, Request::Orders(query) if query.before_order_id == Some("newest".into()));
    let legs = |request: &Request| matches!(request, Request::Orders(query) if query.nested && query.filter == OrderFilter::All);
    let cases: [(&str, Wanted, Order); 3] = [
        ("the executions of an order that awaits a report: no", rows, done("newest", -9)),
        ("older orders: no", older, done("newest", -9)),
        ("the legs of multi-leg orders: no", legs, flat("newest")),
    ];
    for (words, fails, newest) in cases {
        let broker = Broker { orders: vec![newest], ..Broker::default() };
        let answer =
            |request: &Request| if fails(request) { Err(RequestErrorKind::Refused) } else { broker.answer(request) };
        let (asked, snapshot, _) = run(since(at(0), at(0)), &awaiting, answer);
        assert!(asked.iter().any(fails), "{words}: {asked:?}");
        assert_eq!(snapshot.beyond.as_deref(), Some(words));
        assert!(snapshot.faults.is_empty() && snapshot.given_up.is_empty(), "{words}: {:?}", snapshot.faults);
    }
    let mut resync = later();
    resync.queue = VecDeque::from([List::Rows, List::Fills].map(|list| Question::new(Request::Positions, list)));
    let mut next = 0;
    while resync.ask(Mono::ZERO, || RequestId(next)).is_some() {
        next += 1;
    }
    assert!(resync.is_beyond(RequestId(0)) && !resync.is_beyond(RequestId(1)));
}

#[test]
fn the_first_pass_keeps_executions_of_listed_orders_and_of_the_ten_newest_others() {
    let mut rows: Vec<Activity> =
        (0..12).map(|number| row(&format!("r{number}"), &format!("o{number}"), 1, 1, 9)).collect();
    rows.push(row("again", "o3", 1, 2, 8));
    rows.push(row("seen", "seen", 1, 1, 7));
    rows.push(row("known", "known", 1, 1, 6));
    let mut blotter = none();
    blotter.apply_snapshot(&[Order { cum_qty: Qty::whole(1), ..done("known", 1) }], &[]);
    let kept = |mut resync: Resync| {
        resync.seen.insert("seen".into());
        resync.snapshot.activities.clone_from(&rows);
        resync.ask_by_id(&blotter);
        resync.snapshot.activities.iter().map(|row| row.id.to_string()).collect::<Vec<_>>()
    };
    let wanted = ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "again", "seen", "known"];
    assert_eq!(kept(first()), wanted);
    assert_eq!(kept(later()).len(), rows.len(), "every later pass keeps all");
}

#[test]
fn an_order_is_fetched_by_id_if_something_known_of_it_is_in_no_list() {
    let lost = Execution {
        id: "e1".into(),
        order_id: "lost".into(),
        symbol: "AAPL".into(),
        side: Side::Buy,
        qty: Qty::whole(1),
        px: None,
        cum_qty: None,
        position_qty: None,
        at: at(1),
        kind: ExecutionKind::Trade,
        source: Source::Journal,
    };
    let also = Execution { id: "e2".into(), order_id: "listed".into(), ..lost.clone() };
    let known = |id: &str| Order { cum_qty: Qty::whole(40), ..done(id, 1) };
    let mut blotter = none();
    blotter.restore(vec![], vec![lost, also], vec![], None);
    blotter.set_history_before(at(9));
    blotter.apply_snapshot(&[known("even"), known("behind")], &[]);
    let replaces = |id: &str, before: &str, cum: i64| {
        let cum_qty = Qty::whole(cum);
        Order { replaces: Some(before.into()), cum_qty, status: OrderStatus::New, submitted_at: at(9), ..done(id, 9) }
    };
    let listed = Order { cum_qty: Qty::whole(1), ..done("listed", 9) };
    let orders = vec![listed, replaces("a", "unknown", 3), replaces("b", "even", 3), replaces("c", "idle", 0)];
    let rows = vec![row("r1", "even", 1, 40, 8), row("r2", "behind", 1, 60, 8)];
    let broker = Broker { orders, rows, ..Broker::default() };
    let (asked, ..) = run(later(), &blotter, |request| broker.answer(request));
    assert_eq!(by_id(&asked), ["lost", "unknown", "behind"]);
    // No more than the limit, and the rest is reported.
    let mut few = later();
    few.limits.by_id = 2;
    let (asked, snapshot, _) = run(few, &blotter, |request| broker.answer(request));
    assert_eq!(by_id(&asked), ["lost", "unknown"]);
    assert_eq!(
        snapshot.faults.get(&Part::Working).map(String::as_str),
        Some("more than 2 orders are missing from every list")
    );
}

#[test]
fn limited_endpoints_come_last_and_the_account_first_if_it_is_not_identified() {
    let limited = BTreeSet::from([Endpoint::Account, Endpoint::Positions]);
    let figures = |request: &Request| matches!(request, Request::Account | Request::Positions);
    let order_of = |last: bool, account_first: bool| {
        let resync =
            Resync::new(Since::default(), Since::default(), account_first, Limits::default(), Backfill::default());
        run(if last { resync.with_last(&limited) } else { resync }, &none(), |request| {
            Broker::default().answer(request)
        })
        .0
    };
    assert_eq!(order_of(false, false)[0], Request::Account);
    assert_eq!(order_of(true, true)[0], Request::Account);
    let asked = order_of(true, false);
    assert!(asked[..4].iter().all(|request| !figures(request)) && asked[4..].iter().all(figures), "{asked:?}");
    // One list is left: neither is requested before its answer.
    let broker = Broker { orders: (0..3).map(|number| done(&number.to_string(), 1)).collect(), ..Broker::default() };
    let mut resync = later().with_last(&limited);
    let mut under_way = VecDeque::new();
    for next in 0..9 {
        under_way.extend(resync.ask(Mono::ZERO, || RequestId(next)));
    }
    while let Some((id, request)) = under_way.pop_front() {
        resync.answer(id, Ok(Box::new(broker.answer(&request).unwrap())), &none());
        let asked = resync.ask(Mono::ZERO, || RequestId(id.0 + 100));
        let early = asked.as_ref().is_some_and(|(_, asked)| figures(asked));
        assert!(!early || under_way.iter().all(|(_, request)| figures(request)), "{asked:?} beside {under_way:?}");
        under_way.extend(asked);
    }
}

#[test]
fn the_next_pass_begins_at_the_newest_time_in_the_lists() {
    let open = Order { submitted_at: at(5), cum_qty: Qty::whole(7), ..order("open") };
    let broker = Broker {
        orders: vec![done("newest", 50), open],
        rows: vec![row("r1", "open", 2, 2, 6)],
        hidden: vec![row("r2", "open", 5, 7, 40)],
        ..Broker::default()
    };
    let mut awaiting = none();
    awaiting.apply_snapshot(&broker.orders, &[]);
    let (asked, snapshot, next) = run(first(), &awaiting, |request| broker.answer(request));
    assert!(asked.iter().any(|request| matches!(request, Request::Activities(query) if query.order.is_some())));
    assert_eq!(snapshot.activities.iter().filter(|row| &*row.id == "r2").count(), 1);
    assert_eq!(
        (next.fills, next.orders),
        (at(6), at(50)),
        "an order fetched alone may be newer than a row that no list has shown"
    );
}

#[test]
fn the_recent_list_continues_past_an_order_of_the_exact_time_the_pass_begins_at() {
    let orders: Vec<Order> =
        [20, 10, 10, 0].iter().enumerate().map(|(place, second)| done(&place.to_string(), *second)).collect();
    let broker = Broker { orders, ..Broker::default() };
    let (_, snapshot, _) = run(since(at(10), at(10)), &none(), |request| broker.answer(request));
    assert_eq!(ids(&snapshot.orders), ["0", "1", "2", "3"]);
}

#[test]
fn the_first_pass_goes_back_three_pages_of_executions_or_to_the_beginning() {
    let with = |count: i64| {
        let rows = (0..count).map(|number| row(&format!("r{number}"), "o", 1, 1, 100 - number)).collect();
        let broker = Broker { rows, ..Broker::default() };
        let (asked, snapshot, _) = run(first(), &none(), |request| broker.answer(request));
        let pages =
            asked.iter().filter(|request| matches!(request, Request::Activities(query) if query.order.is_none()));
        (pages.count(), snapshot.history_before)
    };
    assert_eq!(with(20), (3, at(95)));
    assert_eq!(with(3), (3, None), "an empty page is the end");
    assert_eq!(with(0), (1, None));
}

#[test]
fn an_account_reply_is_recognised_even_with_unreadable_figures() {
    let whole = Reply::Account(Box::new(account("acct-1")));
    let partial = Reply::Partial(Box::new(whole.clone()), Vec::new());
    for reply in [whole, partial] {
        assert_eq!(reply.account().map(|account| account.id.as_str()), Some("acct-1"));
    }
    assert!(Reply::Positions(Vec::new()).account().is_none());
}

/// The state of an order fetched by id may be newer than something that no list has shown yet.
#[test]
fn an_order_fetched_by_id_moves_no_watermark() {
    let broker =
        Broker { orders: vec![done("listed", 10)], rows: vec![row("r", "other", 1, 1, 5)], ..Broker::default() };
    let answer = |request: &Request| match request {
        Request::Order(id) if id.as_str() == "other" => Ok(Reply::Order(vec![done("other", 900)])),
        request => broker.answer(request),
    };
    let (asked, snapshot, next) = run(first(), &none(), answer);
    assert_eq!((by_id(&asked), ids(&snapshot.orders)), (vec!["other"], vec!["listed", "other"]));
    assert_eq!((next.orders, next.fills), (at(10), at(5)));
}

/// An order in the answer to the list of positions would be kept as if it had been listed.
#[test]
fn an_answer_of_another_kind_than_the_request_is_a_fault_of_its_part() {
    let broker = Broker { orders: vec![done("a", 10)], ..Broker::default() };
    let answer = |request: &Request| match request {
        Request::Positions => Ok(Reply::Orders(vec![order("b")])),
        Request::Account => Ok(Reply::Order(vec![order("c")])),
        _ => broker.answer(request),
    };
    let (_, snapshot, _) = run(first(), &none(), answer);
    assert_eq!(snapshot.given_up.iter().copied().collect::<Vec<_>>(), [Part::Account, Part::Positions]);
    assert_eq!(snapshot.faults.get(&Part::Positions), Some(&RequestError::mismatch().message));
    assert_eq!(ids(&snapshot.orders), ["a"]);
}
