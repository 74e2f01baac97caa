//! The program driven from outside: typed keys, a scripted broker behind the effects, virtual time.

mod activities;
mod confirm_guard;
mod connection;
mod familiar_keys;
mod keys;
mod linking;
mod lists;
mod orders;
mod slices;

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::accounts::tests::fixture::*;
use crate::accounts::{Effect as AccountEffect, Msg as AccountMsg, Saving};
use crate::app::brokers::BrokerSummary;
use crate::app::keymap::{Chord, KeyCode, Keymap};
use crate::app::model::{Pane, Program};
use crate::domain::{
    Activity, Environment, LinkId, Mono, Order, OrderStatus, Position, Price, Qty, Side, Source, TradeEvent,
};
use crate::link::LinkRecord;
use crate::session::request::OrderFilter;
use crate::session::{Closed, Epoch, Reply, Request, RequestError, RequestErrorKind, StreamEvent};

/// The program with a broker behind it that answers every question at once from what it holds.
pub(super) struct Fixture {
    pub(super) model: Model,
    pub(super) now: Now,
    /// What the broker's accounts hold, by link.
    orders: Vec<(LinkId, Order)>,
    positions: Vec<(LinkId, Position)>,
    /// The executions that a pass finds.
    pub(super) fills: Vec<Activity>,
    /// The activity list, newest first.
    pub(super) activities: Vec<Activity>,
    epochs: Vec<(LinkId, Epoch)>,
    /// The answer to the next cancel.
    cancel: Option<RequestError>,
    /// How every question is refused, if it is.
    pub(super) refuse: Option<RequestErrorKind>,
    /// What the next executions say is held after them.
    pub(super) leaves: Option<i64>,
    /// The account that answers behind every link, if it is not the one that was linked.
    pub(super) behind: Option<&'static str>,
    /// Whether streams listen as soon as they are opened.
    up: bool,
    /// Whether the terminal takes what is drawn at once.
    pub(super) reads: bool,
    /// Every effect so far, but the ones answered.
    pub(super) seen: Vec<Effect>,
}

impl Fixture {
    /// A program that knows two brokers and no account.
    pub(super) fn empty() -> Self {
        Self::with(Program::default())
    }

    pub(super) fn with(program: Program) -> Self {
        let now = Now { mono: Mono::ZERO, wall: start() };
        let broker = |id: &str, name: &str, environment| BrokerSummary {
            id: id.into(),
            name: Arc::from(name),
            environments: vec![environment],
            missing: None,
        };
        let brokers = vec![
            broker("alpaca-paper", "Alpaca Paper (OAuth)", Environment::Paper),
            broker("alpaca-live", "Alpaca Live (OAuth)", Environment::Live),
        ];
        Self {
            model: Model::new(program, Keymap::default(), brokers, now),
            now,
            orders: Vec::new(),
            positions: Vec::new(),
            fills: Vec::new(),
            activities: Vec::new(),
            epochs: Vec::new(),
            cancel: None,
            refuse: None,
            leaves: None,
            behind: None,
            up: true,
            reads: true,
            seen: Vec::new(),
        }
    }

    /// Paper and live linked and live, paper shown, the keys on Orders.
    pub(super) fn two() -> Self {
        let mut fixture = Self::empty();
        fixture.begin(&[link("paper", Environment::Paper), link("real", Environment::Live)]);
        fixture.keys("3");
        fixture
    }

    /// Paper with these orders.
    pub(super) fn holding(orders: &[Order]) -> Self {
        let mut fixture = Self::empty();
        let paper = link("paper", Environment::Paper);
        fixture.orders = orders.iter().map(|order| (paper.id.clone(), order.clone())).collect();
        fixture.begin(&[paper]);
        fixture.keys("3");
        fixture
    }

    pub(super) fn begin(&mut self, links: &[LinkRecord]) {
        self.msg(AccountMsg::Started { links: links.to_vec() });
        // The operator has gone to the first order.
        self.model.rows.orders.select_something();
    }

    pub(super) fn msg(&mut self, msg: impl Into<Msg>) {
        let effects = update(&mut self.model, msg.into(), self.now);
        for effect in effects {
            self.run(effect);
        }
        if self.reads
            && let Some(question) = self.model.unseen_question()
        {
            self.msg(Msg::Shown { question });
        }
    }

    fn run(&mut self, effect: Effect) {
        match &effect {
            Effect::Account(AccountEffect::OpenStream { link, epoch, form }) => {
                self.epochs.retain(|(other, _)| other != link);
                self.epochs.push((link.clone(), *epoch));
                if self.up {
                    let (link, form) = (link.clone(), *form);
                    self.stream(&link, StreamEvent::Opened);
                    self.stream(&link, StreamEvent::Authorized { form, message: None });
                    self.stream(&link, StreamEvent::Listening { trade_updates: true });
                }
            }
            // A clock that does not answer.
            Effect::Account(AccountEffect::Request { request: Request::Clock, .. }) => {}
            Effect::Account(AccountEffect::Request { link, id, request }) => {
                let result = self.reply(link, request);
                let (link, id) = (link.clone(), *id);
                self.seen.push(effect);
                return self.msg(AccountMsg::Replied { link, id, result });
            }
            _ => {}
        }
        self.seen.push(effect);
    }

    fn reply(&mut self, link: &LinkId, request: &Request) -> Result<Box<Reply>, RequestError> {
        if let Some(kind) = &self.refuse {
            return Err(failure(kind.clone(), "refused"));
        }
        let own = |owner: &LinkId| owner == link;
        Ok(Box::new(match request {
            Request::Account => {
                Reply::Account(Box::new(self.behind.map_or_else(|| account(&format!("id-{link}")), account)))
            }
            Request::Positions => Reply::Positions(
                self.positions.iter().filter(|(owner, _)| own(owner)).map(|(_, p)| p.clone()).collect(),
            ),
            Request::Orders(query) if query.before_order_id.is_some() => Reply::Orders(Vec::new()),
            Request::Orders(query) => {
                let fits = |order: &Order| query.filter == OrderFilter::All || order.status.is_working();
                let held = self.orders.iter().filter(|(owner, order)| own(owner) && fits(order));
                Reply::Orders(held.map(|(_, order)| order.clone()).collect())
            }
            Request::Order(id) => match self.orders.iter().find(|(owner, order)| own(owner) && order.id == *id) {
                Some((_, order)) => Reply::Order(vec![order.clone()]),
                None => return Err(failure(RequestErrorKind::NotFound, "order not found")),
            },
            Request::Activities(query) if query.fills_only => {
                let first = query.page_token.is_none() && query.order.is_none();
                Reply::Activities(if first { self.fills.clone() } else { Vec::new() })
            }
            Request::Activities(query) => {
                let from = query.page_token.as_ref().map_or(0, |token| {
                    1 + self
                        .activities
                        .iter()
                        .position(|row| row.id == *token)
                        .expect("a page begins after a known row")
                });
                let page = self.activities.iter().skip(from).take(usize::from(query.page_size));
                Reply::Activities(page.cloned().collect())
            }
            Request::Replay { .. } => return Err(failure(RequestErrorKind::NotFound, "Not Found")),
            Request::History { .. } => Reply::History(crate::domain::market::EquityHistory::default()),
            Request::CancelOrder(_) => match self.cancel.take() {
                Some(error) => return Err(error),
                None => Reply::Done,
            },
            other => panic!("{other:?} is not asked"),
        }))
    }

    pub(super) fn stream(&mut self, link: &LinkId, event: StreamEvent) {
        let epoch = self.epochs.iter().find(|(owner, _)| owner == link).unwrap().1;
        self.msg(AccountMsg::Stream { link: link.clone(), epoch, event });
    }

    /// The broker takes an order, or reports what became of it.
    pub(super) fn tell(&mut self, link: &LinkId, event: TradeEvent, order: Order, fill: Option<(i64, i64)>) {
        self.orders.retain(|(_, known)| known.id != order.id);
        self.orders.push((link.clone(), order.clone()));
        let update = report(event, order, fill, self.leaves.map(Qty::whole));
        self.stream(link, StreamEvent::Update(Box::new(update)));
    }

    /// Fills an order whole at a price.
    pub(super) fn fill(&mut self, link: &LinkId, mut order: Order, px: i64) {
        let qty = order.qty.unwrap();
        order.cum_qty = qty;
        order.status = OrderStatus::Filled;
        order.avg_px = Some(Price::whole(px));
        order.updated_at = order.updated_at.and_then(|at| at.checked_add(Duration::from_secs(1)).ok());
        let whole = qty.to_string().parse().unwrap();
        self.tell(link, TradeEvent::Fill, order, Some((whole, px)));
    }

    /// Presses a key as a hand does: not right after another, and a question is read first.
    pub(super) fn key(&mut self, chord: Chord) {
        let asked = self.model.asking.is_some();
        self.pass(Duration::from_millis(if asked { 300 } else { 30 }));
        self.msg(Msg::Key(chord));
        if self.model.confirming.is_some() {
            self.pass(Duration::from_millis(100));
        }
    }

    /// Types words of keys: `j`, `enter`, `ctrl-c`.
    pub(super) fn keys(&mut self, words: &str) {
        for word in words.split_whitespace() {
            self.key(word.parse().unwrap());
        }
    }

    /// Types text letter by letter.
    pub(super) fn text(&mut self, text: &str) {
        for ch in text.chars() {
            self.key(Chord::key(KeyCode::Char(ch)));
        }
    }

    /// Lets time pass from deadline to deadline.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now.plus(time);
        while let Some(at) = self.model.next_deadline(self.now).filter(|at| *at <= end.mono) {
            self.now = self.now.plus(at.since(self.now.mono));
            self.msg(Msg::Tick);
        }
        self.now = end;
    }

    pub(super) fn toast(&self) -> &str {
        self.model.toasts.back().map_or("", |toast| toast.text.as_str())
    }

    pub(super) fn state(&self, at: usize) -> &'static str {
        self.model.accounts.all()[at].state().word()
    }

    pub(super) fn shown(&self) -> Vec<&str> {
        let find =
            |row: &crate::app::rows::OrderRow| row.find(self.model.accounts.all()).map(|(_, order)| order.id.as_str());
        self.model.rows.orders.rows.iter().filter_map(find).collect()
    }

    pub(super) fn selected(&self) -> &str {
        let selected = self.model.rows.orders.selected.and_then(|row| row.find(self.model.accounts.all()));
        selected.map_or("", |(_, order)| order.id.as_str())
    }

    pub(super) fn saw(&self, wanted: &Effect) -> bool {
        self.seen.contains(wanted)
    }
}

#[test]
fn the_same_messages_give_the_same_model() {
    let run = || {
        let mut fixture = Fixture::two();
        fixture.tell(&paper(), TradeEvent::New, order("a", "AAPL", Side::Buy, 10, 1), None);
        fixture.keys("j / a p enter s S z");
        fixture.pass(Duration::from_secs(70));
        (format!("{:?}", fixture.model), fixture.seen)
    };
    let (first, second) = (run(), run());
    assert_eq!(first.1, second.1);
    // Hash maps print in any order, so the pictures are compared by what is shown.
    assert_eq!(first.0.len(), second.0.len());
}
