//! Drives the accounts in virtual time without a screen; a scripted broker answers the effects.

mod cancels;
mod events;
pub(crate) mod fixture;
mod pending_requests;

use std::time::Duration;

use self::fixture::{account, failure, link, paper, report, start};
use super::*;
use crate::domain::{Activity, Environment, Mono, Now, OrderStatus, Price, Qty, Side, Source, TradeEvent};
use crate::link::LinkRecord;
use crate::session::{Epoch, Reply, Request, RequestError, RequestErrorKind, StreamEvent};

/// The accounts, with a broker that answers every request at once from the fields below.
struct Fixture {
    accounts: Accounts,
    troubles: Troubles,
    now: Now,
    epoch: Epoch,
    orders: Vec<Order>,
    /// The activity list, newest first.
    activities: Vec<Activity>,
    /// The id of the account that answers.
    behind: &'static str,
    /// The number that it states.
    number: Option<&'static str>,
    /// The error of every request, if any.
    refuse: Option<RequestErrorKind>,
    /// The error of every cancel, if any.
    cancel: Option<RequestErrorKind>,
    /// Requests that are answered as another kind of request would be.
    mismatched: fn(&Request) -> bool,
    /// Requests that get no reply.
    silent: fn(&Request) -> bool,
    /// The number of clock requests so far, and the last of them; tests answer them.
    clocks: usize,
    clock: Option<(LinkId, RequestOwner)>,
    /// All outputs so far, in order.
    out: Vec<Output>,
}

impl Fixture {
    /// Without a link.
    fn empty() -> Self {
        Self {
            accounts: Accounts::default(),
            troubles: Troubles::default(),
            now: Now { mono: Mono::ZERO, wall: start() },
            epoch: Epoch::default(),
            orders: Vec::new(),
            activities: Vec::new(),
            behind: "id-alpaca-paper/paper/paper",
            number: Some("PA1"),
            refuse: None,
            cancel: None,
            mismatched: |_| false,
            silent: |_| false,
            clocks: 0,
            clock: None,
            out: Vec::new(),
        }
    }

    /// A linked, live paper account with these orders; outputs until then are dropped.
    fn holding(orders: &[Order]) -> Self {
        let mut fixture = Self { orders: orders.to_vec(), ..Self::empty() };
        fixture.send(Msg::Started { links: vec![link("paper", Environment::Paper)] });
        assert_eq!(fixture.word(), "live");
        fixture.out.clear();
        fixture
    }

    fn send(&mut self, msg: Msg) {
        self.accounts.handle(msg, self.now);
        self.follow();
    }

    /// Answers the accounts' requests until there are none.
    fn follow(&mut self) {
        while let Some(output) = self.accounts.poll() {
            match &output {
                Output::Event(event) => {
                    let relink = |link: &LinkRecord| format!("link {}", link.broker);
                    self.troubles.follow(event, &self.accounts, relink, self.now);
                }
                Output::Do(Effect::OpenStream { link, epoch, form }) => {
                    self.epoch = *epoch;
                    let authorized = StreamEvent::Authorized { form: *form, message: None };
                    let listening = StreamEvent::Listening { trade_updates: true };
                    for event in [StreamEvent::Opened, authorized, listening] {
                        self.accounts.handle(Msg::Stream { link: link.clone(), epoch: *epoch, event }, self.now);
                    }
                }
                Output::Do(Effect::Request { link, id, request: Request::Clock }) => {
                    self.clocks += 1;
                    self.clock = Some((link.clone(), *id));
                }
                Output::Do(Effect::Request { link, id, request }) if !(self.silent)(request) => {
                    let (link, id, result) = (link.clone(), *id, self.answer(request));
                    self.accounts.handle(Msg::Replied { link, id, result }, self.now);
                }
                Output::Do(_) => {}
            }
            self.out.push(output);
        }
    }

    fn answer_clock(&mut self, result: Result<MarketClock, RequestError>) {
        let (link, id) = self.clock.clone().unwrap();
        self.send(Msg::Replied { link, id, result: result.map(|clock| Box::new(Reply::Clock(clock))) });
    }

    fn answer(&mut self, request: &Request) -> Result<Box<Reply>, RequestError> {
        let refused = match request {
            Request::CancelOrder(_) => self.cancel.as_ref().or(self.refuse.as_ref()),
            _ => self.refuse.as_ref(),
        };
        if let Some(kind) = refused {
            return Err(failure(kind.clone(), "no"));
        }
        if (self.mismatched)(request) {
            return Ok(Box::new(Reply::Replay(Vec::new())));
        }
        Ok(Box::new(match request {
            Request::Account => {
                let number = self.number.map(Into::into);
                Reply::Account(Box::new(crate::domain::Account { number, ..account(self.behind) }))
            }
            Request::Positions => Reply::Positions(Vec::new()),
            Request::Orders(query) if query.before_order_id.is_some() => Reply::Orders(Vec::new()),
            Request::Orders(_) => Reply::Orders(self.orders.clone()),
            Request::Order(id) => {
                let found = self.orders.iter().find(|order| order.id == *id).cloned();
                Reply::Order(vec![found.ok_or_else(|| failure(RequestErrorKind::NotFound, "order not found"))?])
            }
            Request::Activities(query) if query.fills_only => Reply::Activities(Vec::new()),
            Request::Activities(query) => {
                let known = |token: &Arc<str>| self.activities.iter().position(|row| row.id == *token);
                let from = query.page_token.as_ref().and_then(known).map_or(0, |place| place + 1);
                let page = self.activities.iter().skip(from).take(usize::from(query.page_size));
                Reply::Activities(page.cloned().collect())
            }
            Request::History { .. } => Reply::History(crate::domain::market::EquityHistory::default()),
            Request::CancelOrder(_) => Reply::Done,
            other => return Err(failure(RequestErrorKind::NotFound, &format!("{other:?}"))),
        }))
    }

    /// Advances time from deadline to deadline.
    fn pass(&mut self, time: Duration) {
        let end = self.now.plus(time);
        while let Some(at) = self.accounts.deadline().filter(|at| *at <= end.mono) {
            self.now = self.now.plus(at.since(self.now.mono));
            self.accounts.tick(self.now);
            self.follow();
        }
        self.now = end;
    }

    /// The stream reports an update of an order, with an execution of `fill` (quantity, price).
    fn report(&mut self, event: TradeEvent, order: Order, fill: Option<(i64, i64)>) {
        self.orders.retain(|known| known.id != order.id);
        self.orders.push(order.clone());
        let event = StreamEvent::Update(Box::new(report(event, order, fill, None)));
        self.send(Msg::Stream { link: paper(), epoch: self.epoch, event });
    }

    fn word(&self) -> &'static str {
        self.accounts.all()[0].state().word()
    }

    fn events(&self) -> impl Iterator<Item = &Event> {
        self.out.iter().filter_map(|output| match output {
            Output::Event(event) => Some(event),
            Output::Do(_) => None,
        })
    }

    fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.out.iter().filter_map(|output| match output {
            Output::Do(effect) => Some(effect),
            Output::Event(_) => None,
        })
    }

    fn requests(&self) -> impl Iterator<Item = &Request> {
        self.effects().filter_map(|effect| match effect {
            Effect::Request { request, .. } => Some(request),
            _ => None,
        })
    }
}

/// A working order to buy 10 AAPL.
fn working(id: &str) -> Order {
    fixture::order(id, "AAPL", Side::Buy, 10, 1)
}

/// The same order a second later, with `cum` shares executed.
fn filled(id: &str, cum: i64) -> Order {
    let order = working(id);
    let status = if cum == 10 { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
    let updated_at = order.updated_at.map(|at| at + Duration::from_secs(1));
    Order { cum_qty: Qty::whole(cum), avg_px: Some(Price::whole(10)), status, updated_at, ..order }
}
