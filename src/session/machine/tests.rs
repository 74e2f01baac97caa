mod audits;
mod broker;
mod broker_time;
mod ends;
pub(in crate::session) mod fixture;
mod half_read;
mod hanging;
mod identity;
mod late;
mod legs;
mod limits;
mod missing_orders;
mod parts;
mod proof;
mod recovery;
mod refused;
mod replay;
mod short_streams;
mod slow;
mod token;
mod words;

use std::sync::Arc;

use self::broker::failed;
use self::fixture::{account, order};
use super::*;
use crate::domain::Activity;
use crate::domain::activity::ActivityKind;
use crate::domain::execution::{Execution, ExecutionKind, Source};
use crate::domain::money::{Price, Qty};
use crate::domain::order::{Order, OrderStatus, Raw, Side};
use crate::domain::update::TradeEvent;
use crate::session::event::Closed;
use crate::session::request::{ActivitiesQuery, OrderFilter, RequestErrorKind, Unread};

/// A request that is not answered by then has failed.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Selects requests.
type Wanted = fn(&Request) -> bool;

/// A session with a broker that answers every request from these lists.
struct Fixture {
    session: Session,
    blotter: Blotter,
    now: Now,
    orders: Vec<Order>,
    rows: Vec<Activity>,
    /// Number of executions on accounts before their resets.
    before: usize,
    account: &'static str,
    number: Option<&'static str>,
    failure: Option<RequestErrorKind>,
    /// Requests that fail, and how.
    fails: Option<(Wanted, RequestErrorKind)>,
    /// Requests that are never answered, and those in flight with the time when they count as failed.
    hangs: Option<Wanted>,
    hung: Vec<(Mono, RequestId, Request)>,
    /// The first of these requests and everything after it reaches another account.
    turns: Option<Wanted>,
    /// Unreadable rows of the open order list.
    unread: Vec<Unread>,
    /// An order requested by its id has an unreadable member.
    unread_by_id: bool,
    /// Every page of executions but the first is unreadable.
    unread_history: bool,
    positions: Vec<Position>,
    /// Unreadable rows of the position list.
    unread_positions: Vec<Unread>,
    status: &'static str,
    pages_without_end: bool,
    /// What the broker replays, or how it refuses to.
    replay: Result<Vec<TradeUpdate>, RequestErrorKind>,
    /// The broker's largest page, whatever is requested.
    page: usize,
    /// Lists do not name the legs of an order, even nested.
    hides_legs: bool,
    opened: Vec<(Epoch, AuthForm)>,
    asked: Vec<Request>,
    seen: Vec<Output>,
}

/// The reason for the current state.
fn reason(fixture: &Fixture) -> String {
    fixture.session.state().reason().unwrap_or_default().to_owned()
}

impl Fixture {
    fn new() -> Self {
        let wall = Timestamp::from_second(1_760_000_000).unwrap();
        let mut fixture = Self {
            session: Session::new(7),
            blotter: Blotter::default(),
            now: Now { mono: Mono::ZERO, wall },
            orders: Vec::new(),
            rows: Vec::new(),
            before: 0,
            account: "acct-1",
            number: Some("PA1"),
            failure: None,
            fails: None,
            hangs: None,
            hung: Vec::new(),
            turns: None,
            unread: Vec::new(),
            unread_by_id: false,
            unread_history: false,
            positions: Vec::new(),
            unread_positions: Vec::new(),
            status: "ACTIVE",
            pages_without_end: false,
            replay: Err(RequestErrorKind::NotFound),
            page: usize::MAX,
            hides_legs: false,
            opened: Vec::new(),
            asked: Vec::new(),
            seen: Vec::new(),
        };
        fixture.input(Input::Connect);
        fixture
    }

    fn live() -> Self {
        let mut fixture = Self::new();
        fixture.listen();
        assert!(fixture.session.state().is_live(), "{:?}", fixture.session.state());
        fixture
    }

    fn input(&mut self, input: Input) {
        self.session.handle(input, &mut self.blotter, self.now);
        while let Some(output) = self.session.poll() {
            self.seen.push(output.clone());
            match output {
                Output::OpenStream(epoch, form) => self.opened.push((epoch, form)),
                Output::Request(id, request) => {
                    self.asked.push(request.clone());
                    if self.turns.take_if(|turns| turns(&request)).is_some() {
                        self.turn();
                    }
                    if self.hangs.is_some_and(|hangs| hangs(&request)) {
                        self.hung.push((self.now.mono + TIMEOUT, id, request));
                        continue;
                    }
                    let result = self.reply(&request);
                    self.input(Input::Reply(id, result));
                }
                _ => {}
            }
        }
    }

    fn stream(&mut self, event: StreamEvent) {
        let epoch = self.opened.last().unwrap().0;
        self.input(Input::Stream(epoch, event));
    }

    fn listen(&mut self) {
        let form = self.opened.last().unwrap().1;
        self.stream(StreamEvent::Opened);
        self.stream(StreamEvent::Authorized { form, message: None });
        self.stream(StreamEvent::Listening { trade_updates: true });
    }

    /// Advances time from deadline to deadline.
    fn pass(&mut self, time: Duration) {
        let end = self.now.plus(time);
        let due = |fixture: &Self| {
            let failed = fixture.hung.iter().map(|(at, ..)| *at);
            failed.chain(fixture.session.deadline()).min().filter(|at| *at <= end.mono)
        };
        while let Some(at) = due(self) {
            self.now = self.now.plus(at.since(self.now.mono));
            let (over, hung) = std::mem::take(&mut self.hung).into_iter().partition(|(until, ..)| *until <= at);
            self.hung = hung;
            for (_, id, _) in over {
                self.input(Input::Reply(id, Err(failed(&RequestErrorKind::Timeout))));
            }
            self.input(Input::Timeout);
        }
        self.now = end;
    }

    /// Answers the requests that hung.
    fn thaw(&mut self) {
        self.hangs = None;
        for (_, id, request) in std::mem::take(&mut self.hung) {
            let result = self.reply(&request);
            self.input(Input::Reply(id, result));
        }
    }

    fn logs(&self) -> String {
        let text = |output: &Output| match output {
            Output::Log(text) | Output::Alarm(text) | Output::Fault(_, text) => Some(text.clone()),
            _ => None,
        };
        self.seen.iter().filter_map(text).collect::<Vec<_>>().join("\n")
    }

    fn held(&self) -> Qty {
        let sum: rust_decimal::Decimal = self.blotter.executions().map(|execution| execution.qty.decimal()).sum();
        Qty::new(sum)
    }
}

fn update(event: TradeEvent, order: Order, executions: Vec<Execution>) -> TradeUpdate {
    let happened_at = order.updated_at;
    TradeUpdate { event, event_id: None, at: None, happened_at, order, legs: Vec::new(), executions, reason: None }
}

#[test]
fn a_session_listens_before_it_sends_requests_and_is_live_when_the_snapshot_is_complete() {
    let mut fixture = Fixture::new();
    assert!(fixture.asked.is_empty(), "no requests before the stream listens");
    fixture.orders.push(order("o"));
    fixture.listen();
    assert!(fixture.session.state().is_live());
    assert_eq!(fixture.blotter.working_count(), 1);
}

#[test]
fn updates_held_while_syncing_are_merged_before_it_is_live() {
    let mut fixture = Fixture::new();
    fixture.orders.push(order("o"));
    fixture.failure = Some(RequestErrorKind::Network);
    fixture.listen();
    assert_eq!(fixture.session.state().word(), "syncing");
    fixture.failure = None;
    fixture.execute("o", 40, true);
    assert_eq!(fixture.held(), Qty::ZERO, "nothing is shown before the snapshot");
    fixture.pass(Duration::from_secs(3));
    assert!(fixture.session.state().is_live());
    assert_eq!(fixture.held(), Qty::whole(40), "once, although stream and REST both reported it");
}

#[test]
fn changes_during_an_outage_are_recovered_and_reported() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.stream(StreamEvent::Closed(Closed::Lost { message: "reset".to_owned() }));
    assert_eq!(fixture.session.state().word(), "reconnecting");
    fixture.execute("o", 40, false);
    fixture.execute("o", 60, false);
    fixture.pass(Duration::from_secs(2));
    fixture.listen();
    assert_eq!(fixture.held(), Qty::whole(100));
    assert!(fixture.logs().contains("recovered 2 executions"), "{}", fixture.logs());
}

#[test]
fn an_order_older_than_every_window_is_fetched_by_its_id() {
    let mut fixture = Fixture::live();
    let mut old = order("old");
    fixture.stream(StreamEvent::Update(Box::new(update(TradeEvent::New, old.clone(), vec![]))));
    old.status = OrderStatus::Canceled;
    old.updated_at = Timestamp::from_second(1_760_000_005).ok();
    for number in 0..600 {
        let mut newer = order(&format!("n{number}"));
        newer.status = OrderStatus::Canceled;
        fixture.orders.push(newer);
    }
    fixture.orders.insert(0, old);
    fixture.session.since = Since { fills: None, orders: Timestamp::from_second(1_760_009_000).ok() };
    fixture.input(Input::Connect);
    fixture.listen();
    assert!(fixture.asked.contains(&Request::Order("old".into())), "it is not in the lists");
    assert_eq!(fixture.blotter.order(&"old".into()).unwrap().status, OrderStatus::Canceled);
}

#[test]
fn a_single_lost_update_is_found_by_the_first_audit() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.execute("o", 40, false);
    fixture.pass(Duration::from_secs(6));
    assert_eq!(fixture.held(), Qty::whole(40));
}

#[test]
fn a_gap_inside_the_stream_is_closed_within_a_second() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.pass(Duration::from_secs(40));
    fixture.execute("o", 40, false);
    fixture.execute("o", 20, true);
    fixture.pass(Duration::from_secs(1));
    assert_eq!(fixture.held(), Qty::whole(60));
}

#[test]
fn a_starved_stream_is_replaced() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.pass(Duration::from_mins(1));
    let before = fixture.opened.len();
    fixture.execute("o", 40, false);
    fixture.pass(Duration::from_secs(330));
    assert!(fixture.opened.len() > before, "{}", fixture.logs());
    assert!(fixture.logs().contains("did not report"), "{}", fixture.logs());
}

#[test]
fn a_stream_that_is_merely_slow_is_not_replaced() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    let before = fixture.opened.len();
    fixture.execute("o", 40, false);
    fixture.pass(Duration::from_secs(5));
    let told = fixture.orders[0].clone();
    let report = Execution {
        id: "exec1".into(),
        order_id: told.id.clone(),
        symbol: told.symbol.clone(),
        side: Side::Buy,
        qty: Qty::whole(40),
        px: Some(Price::whole(10)),
        cum_qty: Some(Qty::whole(40)),
        position_qty: None,
        at: told.updated_at,
        kind: ExecutionKind::Trade,
        source: Source::Stream,
    };
    fixture.stream(StreamEvent::Update(Box::new(update(TradeEvent::PartialFill, told, vec![report]))));
    fixture.pass(Duration::from_secs(20));
    assert_eq!(fixture.opened.len(), before, "{}", fixture.logs());
}

#[test]
fn a_refused_form_goes_down_the_ladder_and_ends_in_polling() {
    let mut fixture = Fixture::new();
    for form in [AuthForm::Authenticate, AuthForm::AuthKey, AuthForm::Sse] {
        assert_eq!(fixture.opened.last().unwrap().1, form);
        fixture.stream(StreamEvent::Opened);
        fixture.stream(StreamEvent::Closed(Closed::AuthRefused { message: "unauthorized".to_owned() }));
    }
    assert_eq!(fixture.session.state().word(), "polling");
    fixture.orders.push(order("o"));
    fixture.execute("o", 40, false);
    fixture.pass(Duration::from_secs(10));
    assert_eq!(fixture.held(), Qty::whole(40));
}

#[test]
fn the_form_that_worked_is_remembered() {
    let mut fixture = Fixture::new();
    fixture.stream(StreamEvent::Closed(Closed::AuthSilent));
    assert_eq!(fixture.opened.last().unwrap().1, AuthForm::AuthKey);
    fixture.listen();
    fixture.stream(StreamEvent::Closed(Closed::Silent));
    fixture.pass(Duration::from_secs(2));
    assert_eq!(fixture.opened.last().unwrap().1, AuthForm::AuthKey);
}

#[test]
fn no_requests_are_sent_until_a_rate_limit_resets() {
    let mut fixture = Fixture::new();
    fixture.failure = Some(RequestErrorKind::RateLimited { retry_after: Some(Duration::from_secs(30)) });
    fixture.listen();
    let asked = fixture.asked.len();
    fixture.pass(Duration::from_secs(29));
    assert_eq!(fixture.asked.len(), asked, "no requests before the limit resets");
    fixture.failure = None;
    fixture.pass(Duration::from_secs(2));
    assert!(fixture.session.state().is_live());
}

#[test]
fn a_reset_account_is_noticed_by_its_id_and_starts_over() {
    let mut fixture = Fixture::live();
    fixture.orders.push(order("o"));
    fixture.pass(Duration::from_secs(6));
    fixture.account = "acct-2";
    fixture.orders.clear();
    fixture.pass(Duration::from_secs(70));
    assert!(fixture.logs().contains("reset at the broker"), "{}", fixture.logs());
    fixture.listen();
    assert_eq!(fixture.blotter.order_count(), 0);
    assert!(fixture.session.state().is_live());
}

#[test]
fn a_late_event_of_an_older_epoch_is_dropped() {
    let mut fixture = Fixture::live();
    let old = fixture.opened.last().unwrap().0;
    fixture.input(Input::Connect);
    fixture.input(Input::Stream(old, StreamEvent::Closed(Closed::Silent)));
    assert_eq!(fixture.session.state().word(), "connecting");
}

#[test]
fn a_quiet_account_gets_few_requests() {
    let mut fixture = Fixture::live();
    fixture.pass(Duration::from_mins(1));
    let before = fixture.asked.len();
    fixture.pass(Duration::from_mins(10));
    let a_minute = (fixture.asked.len() - before) / 10;
    assert!(a_minute <= 20, "{a_minute} requests a minute");
}

#[test]
fn an_overflow_of_held_updates_starts_a_new_epoch() {
    let mut fixture = Fixture::new();
    fixture.failure = Some(RequestErrorKind::Network);
    fixture.listen();
    let before = fixture.opened.len();
    let event = StreamEvent::Update(Box::new(update(TradeEvent::New, order("o"), vec![])));
    for _ in 0..=fixture.session.limits.held {
        fixture.stream(event.clone());
    }
    assert_eq!(fixture.opened.len(), before + 1);
}

#[test]
fn a_spurious_timeout_does_nothing() {
    let mut fixture = Fixture::live();
    fixture.seen.clear();
    fixture.input(Input::Timeout);
    assert!(fixture.seen.is_empty(), "{:?}", fixture.seen);
}
