//! Faulty REST: what becomes of a request.

use std::collections::HashSet;
use std::time::Duration;

use super::{Event, Simulation, broker_time};
use crate::domain::{Order, OrderId};
use crate::session::lab::broker::body;
use crate::session::lab::plan::{Endpoint, EndpointFault};
use crate::session::request::{OrderFilter, Reply, Request, RequestError, RequestErrorKind, RequestId, Unread};

/// The client's timeout.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Upper bound on any wait that a server asks for.
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

/// Endpoints that orders and executions do not depend on, and that may be limited by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Beside {
    Account,
    Positions,
    Replay,
}

/// Endpoints whose refusals begin within this time of each other share one limit.
const TOGETHER: Duration = Duration::from_secs(5);

const fn beside(request: &Request) -> Option<Beside> {
    match request {
        Request::Account => Some(Beside::Account),
        Request::Positions => Some(Beside::Positions),
        Request::Replay { .. } => Some(Beside::Replay),
        _ => None,
    }
}

/// A request in transit.
#[derive(Debug)]
pub(super) struct Asked {
    id: RequestId,
    request: Request,
    /// How far the answering replica lags.
    stale: Duration,
    answered: Duration,
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

impl Simulation {
    pub(super) fn ask(&mut self, program: usize, id: RequestId, request: &Request) {
        if self.now < self.programs[program].limited_until {
            self.fail(|| format!("{request:?} was asked before the wait after a 429 had ended"));
        }
        let own = beside(request);
        let waits = own.and_then(|own| self.programs[program].limited.get(&own));
        if waits.is_some_and(|(_, until)| self.now < *until) {
            self.fail(|| format!("{request:?} was asked before its own wait after a 429 had ended"));
        }
        let fault = endpoint(request).and_then(|endpoint| self.plan.fault(endpoint, self.now));
        let takes = self.chance.millis(10, if self.calm() { 200 } else { 1_500 });
        let answered = match fault {
            _ if self.hangs() => self.now + TIMEOUT,
            Some(EndpointFault::Hang) => self.now + TIMEOUT,
            Some(EndpointFault::Slow(late)) => self.now + late,
            _ => self.now + takes,
        };
        self.programs[program].under_way.insert(id, own);
        if let Err(error) = self.arrives(request, fault) {
            self.at(answered, Event::Reply(program, id, Box::new(Err(error))));
            return;
        }
        let stale = if self.plan.stale > 0 && !self.calm() { self.chance.below(self.plan.stale) } else { 0 };
        let asked = Asked { id, request: request.clone(), stale: Duration::from_millis(stale), answered };
        // The answer is computed halfway, from what has happened by then.
        let on_the_way = self.now + answered.checked_sub(self.now).unwrap() / 2;
        self.at(on_the_way, Event::Asked(program, Box::new(asked)));
    }

    /// Whether a request reaches a server that can answer it.
    fn arrives(&mut self, request: &Request, fault: Option<EndpointFault>) -> Result<(), RequestError> {
        if self.now < self.down_until {
            return Err(error(RequestErrorKind::Network, "no network"));
        }
        if self.now < self.refuse_until {
            return Err(error(RequestErrorKind::Unauthorized, "unauthorized"));
        }
        if let Some((kind, message)) = self.blackout().map(super::outages::failure) {
            return Err(error(kind, message));
        }
        if let Some(fault) = fault {
            fault_error(fault)?;
        }
        if !self.calm() {
            self.random_failure()?;
        }
        if matches!(request, Request::Replay { .. }) && !self.plan.replay {
            return Err(error(RequestErrorKind::NotFound, "Not Found"));
        }
        Ok(())
    }

    /// A replica answers with what it knew a while ago.
    pub(super) fn answer(&mut self, program: usize, asked: &Asked) {
        let moment = broker_time(self.now) - asked.stale;
        let mut reply = if self.is_turned() {
            self.other_answers(&asked.request)
        } else {
            self.brokers[self.programs[program].broker].answer(&asked.request, moment)
        };
        if let Some(Reply::Replay(updates)) = &mut reply
            && self.chance.percent(self.plan.cut_replay)
        {
            let most = u64::try_from(updates.len()).unwrap_or(0) + 1;
            updates.truncate(usize::try_from(self.chance.below(most)).unwrap_or(0));
        }
        let fault = endpoint(&asked.request).and_then(|endpoint| self.plan.fault(endpoint, self.now));
        let result = match reply {
            None => Err(error(RequestErrorKind::NotFound, "order not found")),
            Some(reply) if fault == Some(EndpointFault::Rows) => spoil(reply).map(Box::new),
            Some(reply) => Ok(Box::new(reply)),
        };
        let at = asked.answered.max(self.programs[program].asleep_until);
        self.at(at, Event::Reply(program, asked.id, Box::new(result)));
    }

    /// Notes what an answer says about limits: what must wait, and for how long.
    pub(super) fn note_limit(&mut self, program: usize, id: RequestId, result: &Result<Box<Reply>, RequestError>) {
        let now = self.now;
        let program = &mut self.programs[program];
        let Some(own) = program.under_way.remove(&id) else { return };
        let after = match result {
            Err(RequestError { kind: RequestErrorKind::RateLimited { retry_after: Some(after) }, .. }) => *after,
            Err(_) => return,
            Ok(_) => {
                program.limited.retain(|it, (_, until)| Some(*it) != own || now < *until);
                return;
            }
        };
        // A longer wait is not kept.
        let until = now + after.min(LONGEST_WAIT);
        let Some(own) = own else {
            program.limited_until = program.limited_until.max(until);
            return;
        };
        let others =
            program.limited.iter().any(|(other, (first, _))| *other != own && now.saturating_sub(*first) <= TOGETHER);
        if let Some((_, known)) = program.limited.get_mut(&own) {
            *known = until.max(*known);
            return;
        }
        program.limited.insert(own, (now, until));
        if others {
            program.limited_until = program.limited_until.max(until);
        }
    }

    /// Some requests fail.
    fn random_failure(&mut self) -> Result<(), RequestError> {
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

/// How the client sees a fault.
fn fault_error(fault: EndpointFault) -> Result<(), RequestError> {
    Err(match fault {
        EndpointFault::Rows | EndpointFault::Slow(_) => return Ok(()),
        EndpointFault::Hang => error(RequestErrorKind::Timeout, "no answer"),
        EndpointFault::Forbidden => error(RequestErrorKind::Forbidden, "forbidden"),
        EndpointFault::Server => error(RequestErrorKind::Server, "internal server error"),
        EndpointFault::Limited(after) => {
            error(RequestErrorKind::RateLimited { retry_after: Some(after) }, "too many requests")
        }
        EndpointFault::Body(what) => match body(what) {
            Err(failure) => error(RequestErrorKind::Decode, &failure.to_string()),
            Ok(rows) => panic!("{what:?} was read as a list of {} rows", rows.len()),
        },
    })
}

/// Makes some rows of a list unreadable, and figures of others, chosen by name. A row may contain legs.
fn spoil(reply: Reply) -> Result<Reply, RequestError> {
    let mut unread = Vec::new();
    let mut draw = |name: &str, row: bool| {
        let sum = name.bytes().map(u32::from).sum::<u32>() % 7;
        let good = if row { sum != 0 } else { sum != 1 };
        if !good {
            unread.push(Unread {
                row: name.to_owned(),
                id: Some(name.into()),
                why: "a number that is none".to_owned(),
            });
        }
        good
    };
    let (rows, figures) = (true, false);
    let (read, left) = match reply {
        Reply::Orders(mut orders) => {
            let legs: HashSet<OrderId> = orders.iter().flat_map(|order| &order.legs).cloned().collect();
            let bad: Vec<Order> = orders.iter().filter(|order| !legs.contains(&order.id)).cloned().collect();
            let bad: Vec<Order> = bad.into_iter().filter(|order| !draw(order.id.as_str(), rows)).collect();
            orders.retain(|order| !bad.iter().any(|bad| bad.id == order.id || bad.legs.contains(&order.id)));
            for order in orders.iter_mut().filter(|order| !draw(order.id.as_str(), figures)) {
                (order.qty, order.limit_px, order.avg_px) = (None, None, None);
            }
            (orders.len(), Reply::Orders(orders))
        }
        Reply::Activities(mut rows) => {
            rows.retain(|row| draw(&row.id, true));
            (rows.len(), Reply::Activities(rows))
        }
        Reply::Positions(mut positions) => {
            positions.retain(|position| draw(position.symbol.as_str(), rows));
            for position in positions.iter_mut().filter(|position| !draw(position.symbol.as_str(), figures)) {
                (position.qty, position.last_px) = (None, None);
            }
            (positions.len(), Reply::Positions(positions))
        }
        other => return Ok(other),
    };
    match unread.is_empty() {
        true => Ok(left),
        false if read == 0 => Err(error(RequestErrorKind::Decode, "no row can be read")),
        false => Ok(Reply::Partial(Box::new(left), unread)),
    }
}
