//! The exchange's clock: when it is asked for, and how far an answer is relied on.

use std::time::Duration;

use super::by_hand::again_after;
use super::questions::{self, Pending};
use super::{Accounts, Dated, Event};
use crate::domain::market::MarketClock;
use crate::domain::{LinkId, Mono, Now};
use crate::session::{Reply, Request, RequestError, RequestErrorKind};

/// The clock is asked for again after this at the latest.
const CLOCK_EVERY: Duration = Duration::from_mins(30);
/// After the first answer, and after one that shows that the exchange's clock is not ours; then ever more rarely.
const CLOCK_AGAIN: Duration = Duration::from_secs(5);
/// Two answers that are this far apart from what passed between them are not of a clock like ours.
const CLOCK_DRIFT: jiff::SignedDuration = jiff::SignedDuration::from_secs(2);
/// After an answer that failed to come.
const CLOCK_RETRY: Duration = Duration::from_mins(1);
/// So long after the bell the exchange's clock has certainly turned.
const CLOCK_TURNED: Duration = Duration::from_secs(2);

/// What is known of it, and when it is asked for again.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// The last answer and when it came.
    pub(super) known: Option<Dated<MarketClock>>,
    /// Why it did not come when it was last asked for.
    pub(super) fault: Option<String>,
    /// When it is asked for again; `None` until an account can answer.
    pub(super) due: Option<Mono>,
    /// How long the last answer is relied on.
    every: Duration,
}

/// Asks again when it is time, through any account that can answer.
pub(super) fn tick(accounts: &mut Accounts, now: Now) {
    if accounts.clock.due.is_some_and(|due| due <= now.mono) {
        let asked = accounts.iter().find(|account| account.session.answers()).map(|account| account.link.id.clone());
        match asked {
            Some(link) => ask(accounts, &link, now),
            None => accounts.clock.due = Some(now.mono + CLOCK_RETRY),
        }
    }
}

/// Asks for it through this account.
pub(super) fn ask(accounts: &mut Accounts, link: &LinkId, now: Now) {
    accounts.clock.due = Some(now.mono + CLOCK_RETRY);
    // A question that was never answered is not waited for any more.
    accounts.pending.retain(|_, pending| !matches!(pending, Pending::Clock(_)));
    questions::ask(accounts, link, Pending::Clock(link.clone()), Request::Clock);
}

/// True when the exchange's clock went on as ours did; a simulated one may be faster, or jump.
fn keeps_pace(known: &Dated<MarketClock>, clock: &MarketClock, now: Mono) -> bool {
    let told = clock.at.duration_since(known.value.at);
    let passed = jiff::SignedDuration::try_from(now.since(known.at)).unwrap_or(jiff::SignedDuration::MAX);
    (told - passed).abs() < CLOCK_DRIFT
}

/// The exchange's clock came, or did not.
pub(super) fn answered(accounts: &mut Accounts, result: Result<Box<Reply>, RequestError>, now: Now) {
    let result = result.and_then(|reply| match *reply {
        Reply::Clock(clock) => Ok(clock),
        Reply::Account(_)
        | Reply::Positions(_)
        | Reply::Orders(_)
        | Reply::Order(_)
        | Reply::Activities(_)
        | Reply::Replay(_)
        | Reply::History(_)
        | Reply::Partial(..)
        | Reply::Done => Err(RequestError::of_ours(RequestErrorKind::Decode, "the clock came back as something else")),
    });
    accounts.clock.take(result, now);
    accounts.tell(Event::Clock);
}

impl Clock {
    fn take(&mut self, result: Result<MarketClock, RequestError>, now: Now) {
        let clock = match result {
            Ok(clock) => clock,
            Err(error) => {
                // What is known stays, with its age.
                self.due = Some(now.mono + again_after(&error, CLOCK_RETRY));
                self.fault = Some(error.brief());
                return;
            }
        };
        self.fault = None;
        let turn = clock.next_open.min(clock.next_close);
        // By the exchange's own time: ours may be wrong, and a simulated exchange has another day.
        let left = Duration::try_from(turn.duration_since(clock.at)).unwrap_or(CLOCK_TURNED);
        self.every = match &self.known {
            Some(known) if keeps_pace(known, &clock, now.mono) => (self.every * 2).min(CLOCK_EVERY),
            _ => CLOCK_AGAIN,
        };
        self.due = Some(now.mono + (left + CLOCK_TURNED).min(self.every));
        self.known = Some(Dated { value: clock, at: now.mono });
    }
}
