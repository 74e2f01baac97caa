//! REST on its bad days: what becomes of a question.

use std::time::Duration;

use super::{Event, World, broker_time};
use crate::session::lab::broker::body;
use crate::session::lab::plan::{Ailment, Endpoint};
use crate::session::request::{OrderFilter, Reply, Request, RequestError, RequestErrorKind, RequestId};

/// No wait that a server asks for is believed beyond this.
pub(super) const LONGEST_WAIT: Duration = Duration::from_mins(2);

fn error(kind: RequestErrorKind, message: &str) -> RequestError {
    let status = match &kind {
        RequestErrorKind::Unauthorized => Some(401),
        RequestErrorKind::Forbidden => Some(403),
        RequestErrorKind::NotFound => Some(404),
        RequestErrorKind::RateLimited { .. } => Some(429),
        RequestErrorKind::Server => Some(500),
        RequestErrorKind::Decode => Some(200),
        _ => None,
    };
    RequestError { kind, status, code: None, message: message.to_owned(), extra: None, request_id: None }
}

const fn endpoint(request: &Request) -> Option<Endpoint> {
    match request {
        Request::Account => Some(Endpoint::Account),
        Request::Positions => Some(Endpoint::Positions),
        Request::Orders(query) => match query.filter {
            OrderFilter::Open => Some(Endpoint::Open),
            OrderFilter::Closed | OrderFilter::All => Some(Endpoint::Recent),
        },
        Request::Activities(_) => Some(Endpoint::Fills),
        Request::Order(_) => Some(Endpoint::ById),
        _ => None,
    }
}

impl World {
    pub(super) fn ask(&mut self, program: usize, id: RequestId, request: &Request) {
        if self.now < self.programs[program].limited_until {
            self.fail(|| format!("{request:?} was asked before the wait after a 429 had ended"));
        }
        let answered = self.now + self.chance.millis(10, if self.calm() { 200 } else { 1_500 });
        let result = self.result(program, request, answered);
        self.programs[program].under_way.insert(id);
        self.at(answered, Event::Reply(program, id, Box::new(result)));
    }

    fn result(&mut self, program: usize, request: &Request, answered: Duration) -> Result<Box<Reply>, RequestError> {
        if self.now < self.down_until {
            return Err(error(RequestErrorKind::Network, "no network"));
        }
        if self.now < self.refuse_until {
            return Err(error(RequestErrorKind::Unauthorized, "unauthorized"));
        }
        if let Some(ailment) = endpoint(request).and_then(|endpoint| self.plan.ailment(endpoint, self.now)) {
            return Err(ails(ailment));
        }
        if !self.calm() {
            self.stumble()?;
        }
        if matches!(request, Request::Replay { .. }) && !self.plan.replay {
            return Err(error(RequestErrorKind::NotFound, "Not Found"));
        }
        let stale = if self.plan.stale > 0 && !self.calm() { self.chance.below(self.plan.stale) } else { 0 };
        // The answer is made somewhere on the way.
        let on_the_way = self.now + answered.checked_sub(self.now).unwrap() / 2;
        let moment = broker_time(on_the_way) - Duration::from_millis(stale);
        let broker = &self.brokers[self.programs[program].broker];
        let mut reply =
            broker.answer(request, moment).ok_or_else(|| error(RequestErrorKind::NotFound, "order not found"))?;
        if let Reply::Replay(updates) = &mut reply
            && self.chance.percent(self.plan.cut_replay)
        {
            let most = u64::try_from(updates.len()).unwrap_or(0) + 1;
            updates.truncate(usize::try_from(self.chance.below(most)).unwrap_or(0));
        }
        Ok(Box::new(reply))
    }

    /// Now and then a question fails.
    fn stumble(&mut self) -> Result<(), RequestError> {
        if self.chance.percent(self.plan.limit) {
            let retry_after = Some(self.chance.millis(500, 15_000));
            return Err(error(RequestErrorKind::RateLimited { retry_after }, "too many requests"));
        }
        if self.chance.percent(self.plan.fail) {
            let kinds = [
                RequestErrorKind::Server,
                RequestErrorKind::Timeout,
                RequestErrorKind::Network,
                RequestErrorKind::Decode,
            ];
            return Err(error(self.chance.pick(&kinds).clone(), "failed"));
        }
        Ok(())
    }
}

/// What a client makes of it.
fn ails(ailment: Ailment) -> RequestError {
    match ailment {
        Ailment::Forbidden => error(RequestErrorKind::Forbidden, "forbidden"),
        Ailment::Server => error(RequestErrorKind::Server, "internal server error"),
        Ailment::Limited(after) => {
            error(RequestErrorKind::RateLimited { retry_after: Some(after) }, "too many requests")
        }
        Ailment::Body(what) => match body(what) {
            Err(failure) => error(RequestErrorKind::Decode, &failure.to_string()),
            Ok(rows) => panic!("{what:?} was read as a list of {} rows", rows.len()),
        },
    }
}
