//! The broker of the tests: what it answers, and what it executes.

use super::*;

impl Fixture {
    pub(super) fn reply(&self, request: &Request) -> Result<Box<Reply>, RequestError> {
        if let Some(kind) = &self.failure {
            return Err(failed(kind));
        }
        if let Some((_, kind)) = self.fails.as_ref().filter(|(fails, _)| fails(request)) {
            return Err(failed(kind));
        }
        Ok(Box::new(match request {
            Request::Account => {
                let number = self.number.map(Into::into);
                Reply::Account(Box::new(Account { status: self.status.into(), number, ..account(self.account) }))
            }
            Request::Positions if !self.unread_positions.is_empty() => {
                Reply::Partial(Box::new(Reply::Positions(self.positions.clone())), self.unread_positions.clone())
            }
            Request::Positions => Reply::Positions(self.positions.clone()),
            Request::Orders(query) if self.pages_without_end => {
                let from = self.asked.len() * usize::from(query.limit);
                Reply::Orders((from..from + usize::from(query.limit)).map(|n| order(&format!("n{n}"))).collect())
            }
            Request::Orders(query) if self.is_unread(query.filter) => {
                let orders = self.orders.iter().filter(|order| order.status.is_working()).cloned().collect();
                Reply::Partial(Box::new(Reply::Orders(orders)), self.unread.clone())
            }
            Request::Orders(query) => {
                let fits = |order: &&Order| query.filter == OrderFilter::All || order.status.is_working();
                let from = query.before_order_id.as_ref().map_or(0, |id| {
                    self.orders.iter().rev().filter(fits).position(|order| order.id == *id).map_or(0, |place| place + 1)
                });
                let listed = self.orders.iter().rev().filter(fits).skip(from).take(self.page.min(query.limit.into()));
                let mut orders: Vec<Order> = listed.cloned().collect();
                if !query.nested || self.hides_legs {
                    for order in &mut orders {
                        order.legs.clear();
                    }
                }
                Reply::Orders(orders)
            }
            Request::Order(id) => match self.orders.iter().find(|order| order.id == *id) {
                Some(order) if self.unread_by_id => {
                    let why = "a price that is none".to_owned();
                    let unread = Unread { row: format!("F {id}"), id: Some(id.as_str().into()), why };
                    Reply::Partial(Box::new(Reply::Order(vec![order.clone()])), vec![unread])
                }
                Some(order) => Reply::Order(vec![order.clone()]),
                None => return Err(self.not_found()),
            },
            Request::Activities(query) if self.unread_history && query.page_token.is_some() => {
                let unread = Unread { row: "activity a".to_owned(), id: None, why: "no price".to_owned() };
                Reply::Partial(Box::new(Reply::Activities(Vec::new())), vec![unread])
            }
            Request::Activities(query) => Reply::Activities(self.page_of_rows(query)),
            Request::Replay { .. } => Reply::Replay(self.replay.clone().map_err(|kind| failed(&kind))?),
            other => panic!("{other:?} is not a request of a session"),
        }))
    }

    /// Whether a list has unreadable rows: the open one, and the other if it shows the order.
    fn is_unread(&self, filter: OrderFilter) -> bool {
        let shown = |row: &Unread| self.orders.iter().any(|order| row.id.as_deref() == Some(order.id.as_str()));
        !self.unread.is_empty() && (filter == OrderFilter::Open || self.unread.iter().any(shown))
    }

    fn page_of_rows(&self, query: &ActivitiesQuery) -> Vec<Activity> {
        let wanted = |row: &&Activity| match &row.kind {
            ActivityKind::Fill { order_id, at, .. } => {
                query.order.as_ref().is_none_or(|order| order == order_id)
                    && query.after.is_none_or(|after| *at > Some(after))
            }
            ActivityKind::Other { .. } => false,
        };
        let mut rows: Vec<Activity> = self.rows.iter().filter(wanted).cloned().collect();
        if !query.ascending {
            rows.reverse();
        }
        let from = query
            .page_token
            .as_ref()
            .map_or(0, |token| rows.iter().position(|row| row.id == *token).map_or(0, |place| place + 1));
        rows.into_iter().skip(from).take(self.page.min(query.page_size.into())).collect()
    }

    fn not_found(&self) -> RequestError {
        let kind = RequestErrorKind::NotFound;
        RequestError {
            kind,
            status: Some(404),
            code: None,
            message: self.account.to_owned(),
            extra: None,
            request_id: None,
        }
    }

    /// The owner resets the account: a new one, without history.
    pub(super) fn reset(&mut self, account: &'static str) {
        self.account = account;
        self.before += self.rows.len();
        self.orders.clear();
        self.rows.clear();
    }

    /// The broker executes; `reported` says whether the stream reports it.
    pub(super) fn execute(&mut self, id: &str, qty: i64, reported: bool) {
        let second = i64::try_from(self.before + self.rows.len()).unwrap() + 1;
        let at = Timestamp::from_second(1_760_000_000 + second).unwrap();
        let order = self.orders.iter_mut().find(|order| order.id.as_str() == id).unwrap();
        order.cum_qty = order.cum_qty.checked_add(Qty::whole(qty)).unwrap();
        order.updated_at = Some(at);
        order.status =
            if Some(order.cum_qty) == order.qty { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
        let order = order.clone();
        let kind = ActivityKind::Fill {
            execution_id: None,
            order_id: order.id.clone(),
            symbol: order.symbol.clone(),
            side: Side::Buy,
            qty: Qty::whole(qty),
            px: Price::whole(10),
            cum_qty: Some(order.cum_qty),
            partial: Some(order.cum_qty) != order.qty,
            at: Some(at),
        };
        let row =
            Activity { id: Arc::from(format!("row{second}")), activity_type: "FILL".into(), kind, raw: Raw::default() };
        self.rows.push(row);
        if reported {
            let report = Execution {
                id: format!("exec{second}").into(),
                order_id: order.id.clone(),
                symbol: order.symbol.clone(),
                side: Side::Buy,
                qty: Qty::whole(qty),
                px: Some(Price::whole(10)),
                cum_qty: Some(order.cum_qty),
                position_qty: None,
                at: Some(at),
                kind: ExecutionKind::Trade,
                source: Source::Stream,
            };
            self.stream(StreamEvent::Update(Box::new(update(TradeEvent::PartialFill, order, vec![report]))));
        }
    }
}

pub(super) fn failed(kind: &RequestErrorKind) -> RequestError {
    let message = "no".to_owned();
    let status = match kind {
        RequestErrorKind::Unauthorized => Some(401),
        RequestErrorKind::Forbidden => Some(403),
        RequestErrorKind::Server => Some(500),
        _ => None,
    };
    RequestError { kind: kind.clone(), status, code: None, message, extra: None, request_id: None }
}
