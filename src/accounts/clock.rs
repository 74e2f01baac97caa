//! The exchange's clock: when it is fetched, and how long an answer is relied on.

use std::time::Duration;

use super::on_demand::retry_after_error;
use super::pending_requests::{self, PendingRequest};
use super::{Accounts, Dated, Event};
use crate::domain::market::MarketClock;
use crate::domain::{LinkId, Mono, Now};
use crate::session::{Reply, Request, RequestError};

/// The longest interval between requests.
const CLOCK_EVERY: Duration = Duration::from_mins(30);
/// The interval after the first answer, and after one that shows drift; it doubles while the clocks agree.
const CLOCK_AGAIN: Duration = Duration::from_secs(5);
/// The exchange's clock drifts when two answers differ from the time between them by this much.
const CLOCK_DRIFT: jiff::SignedDuration = jiff::SignedDuration::from_secs(2);
/// The interval after a failed request.
const CLOCK_RETRY: Duration = Duration::from_mins(1);
/// How long after the open or close the exchange's clock is fetched.
const CLOCK_TURNED: Duration = Duration::from_secs(2);

/// The last answer, and when the clock is fetched next.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// The last answer and when it was received.
    pub(super) known: Option<Dated<MarketClock>>,
    /// Why the last request failed.
    pub(super) fault: Option<String>,
    /// When it is fetched next; `None` until an account can answer.
    pub(super) due: Option<Mono>,
    /// How long the last answer is relied on.
    every: Duration,
}

/// Fetches the clock when due, through any account that can answer.
pub(super) fn tick(accounts: &mut Accounts, now: Now) {
    if accounts.clock.due.is_some_and(|due| due <= now.mono) {
        let asked = accounts.iter().find(|account| account.session.answers()).map(|account| account.link.id.clone());
        match asked {
            Some(link) => ask(accounts, &link, now),
            None => accounts.clock.due = Some(now.mono + CLOCK_RETRY),
        }
    }
}

/// Fetches the clock through this account.
pub(super) fn ask(accounts: &mut Accounts, link: &LinkId, now: Now) {
    accounts.clock.due = Some(now.mono + CLOCK_RETRY);
    // A request that was never answered must not block this one.
    accounts.pending.retain(|_, pending| !matches!(pending, PendingRequest::Clock(_)));
    pending_requests::send(accounts, link, PendingRequest::Clock(link.clone()), Request::Clock);
}

/// Whether the exchange's clock advanced as this machine's did; a simulated one may run faster or jump.
fn keeps_pace(known: &Dated<MarketClock>, clock: &MarketClock, now: Mono) -> bool {
    let advanced = clock.at.duration_since(known.value.at);
    let passed = jiff::SignedDuration::try_from(now.since(known.at)).unwrap_or(jiff::SignedDuration::MAX);
    (advanced - passed).abs() < CLOCK_DRIFT
}

/// Takes the reply to a clock request.
pub(super) fn answered(accounts: &mut Accounts, result: Result<Box<Reply>, RequestError>, now: Now) {
    let result = result.and_then(|reply| {
        let Reply::Clock(clock) = *reply else { return Err(RequestError::mismatch()) };
        Ok(clock)
    });
    accounts.clock.take(result, now);
    accounts.tell(Event::Clock);
}

impl Clock {
    fn take(&mut self, result: Result<MarketClock, RequestError>, now: Now) {
        let clock = match result {
            Ok(clock) => clock,
            Err(error) => {
                // The last answer stays, with its age.
                self.due = Some(now.mono + retry_after_error(&error, CLOCK_RETRY));
                self.fault = Some(error.brief());
                return;
            }
        };
        self.fault = None;
        let turn = clock.next_open.min(clock.next_close);
        // Measured by the exchange's own time: this machine's may be wrong, and a simulated exchange has its own date.
        let left = Duration::try_from(turn.duration_since(clock.at)).unwrap_or(CLOCK_TURNED);
        self.every = match &self.known {
            Some(known) if keeps_pace(known, &clock, now.mono) => (self.every * 2).min(CLOCK_EVERY),
            _ => CLOCK_AGAIN,
        };
        self.due = Some(now.mono + (left + CLOCK_TURNED).min(self.every));
        self.known = Some(Dated { value: clock, at: now.mono });
    }
}
