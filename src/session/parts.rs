//! How fresh each part of the snapshot is: when it last got a good answer, and why there is no newer one.
//!
//! The connection state is not the age of a figure. Only an answer to a part's own request refreshes the part: not a
//! pong, not an attempt, not a failure, not an answer to another request.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::request::RequestError;
use crate::domain::listed::listed;
use crate::domain::{Mono, Now};

/// A shorter failure is not reported.
pub const LASTING: Duration = Duration::from_secs(5);
/// How soon another reason is reported.
const REPORTED_AGAIN: Duration = Duration::from_secs(30);
/// How late an answer may be: the time of one request and one retry.
const SLACK: Duration = Duration::from_secs(30);
/// How long a list of many pages may take from its first page on. A slower one no longer describes the present.
const LONGEST: Duration = Duration::from_mins(1);

listed! {
    /// A part of the snapshot, fetched by requests of its own; in the order in which screens list them.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Part {
        /// `/v2/account`.
        Account,
        /// `/v2/positions`.
        Positions,
        /// Working orders, and orders fetched by id.
        Working,
        /// Orders since the last complete snapshot.
        Recent,
        /// The activity list.
        Executions,
    }
}

impl Part {
    /// The parts behind the orders on screen.
    pub const ORDERS: [Self; 2] = [Self::Working, Self::Recent];
    /// The parts behind the executions on screen.
    pub const TRADES: [Self; 2] = [Self::Recent, Self::Executions];

    /// True for parts that the journal keeps from run to run.
    pub const fn is_journaled(self) -> bool {
        matches!(self, Self::Working | Self::Recent | Self::Executions)
    }

    /// The text shown for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Account => "balances",
            Self::Positions => "positions",
            Self::Working => "working orders",
            Self::Recent => "recent orders",
            Self::Executions => "executions",
        }
    }

    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Positions => "positions",
            Self::Working => "working",
            Self::Recent => "recent",
            Self::Executions => "executions",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// How fresh a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness<'a> {
    /// When its last good answer arrived; `None` if there was none in this run.
    pub good: Option<Now>,
    /// True while it is no older than its request interval allows.
    pub current: bool,
    /// False when the last answer left something out: counts are lower bounds.
    pub whole: bool,
    /// Why it is not current or not whole; a sentence without a final stop.
    pub reason: Option<&'a str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct FetchProblem {
    since: Mono,
    reason: String,
    /// Failures of one kind keep the text of the first: text that changes each time would count as news each time.
    kind: Option<(std::mem::Discriminant<super::request::RequestErrorKind>, Option<u16>)>,
}

/// What was reported last.
#[derive(Debug)]
struct Reported {
    reason: String,
    /// A reason that changes all the time is reported less and less often.
    next_at: Mono,
    again_after: Duration,
}

#[derive(Debug, Default)]
struct Known {
    good: Option<Now>,
    /// Answered on this connection.
    fresh: bool,
    /// The request in flight keeps failing and is retried.
    trouble: Option<FetchProblem>,
    /// The last answer was incomplete, or the request was given up.
    fault: Option<String>,
    /// The last answer left something out.
    partial: bool,
    /// Since when an answer is awaited, or when the next request is planned.
    due: Option<Mono>,
    /// When the next request is planned if the current one is answered.
    next: Option<Mono>,
    /// Answered since the next request was planned.
    answered: bool,
    /// When the first page arrived in the pass in progress.
    first: Option<Now>,
    /// It failed for long, and the answer that ends the failure is not complete yet.
    awaited: bool,
    /// The last answer was already old when it was complete.
    late: bool,
    reported: Option<Reported>,
}

/// Whether a part is available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State<'a> {
    There,
    /// It failed, for this reason.
    Missing(&'a str),
    /// Nothing failed, but no answer arrived yet, or none in time.
    Unanswered,
    /// The same, with part of the answer received.
    Unfinished,
    /// It was answered, but too slowly.
    Late,
}

/// A part whose absence keeps the state from being `live`, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MissingPart {
    pub(super) part: Part,
    pub(super) reason: String,
}

impl Known {
    /// When the part counts as missing unless it is complete by then. A first page that arrives in time extends the
    /// deadline; a later one does not.
    fn overdue(&self) -> Option<Mono> {
        let due = self.due?;
        let answers = self.first.is_some_and(|first| first.mono < due + SLACK);
        Some(due + if answers { LONGEST } else { SLACK })
    }

    fn is_missing(&self, now: Mono) -> bool {
        !self.fresh || self.awaited || self.overdue().is_some_and(|at| now >= at)
    }

    /// Completes the answer; its age is that of its first page.
    fn complete(&mut self, now: Now) {
        let first = self.first.take().unwrap_or(now);
        self.late = now.mono.since(first.mono) >= LONGEST;
        (self.good, self.fresh, self.trouble, self.awaited) = (Some(first), true, None, false);
        self.due = self.next.take().or(self.due).map(|due| due.max(now.mono));
        self.answered = true;
    }
}

/// Every part's freshness.
#[derive(Debug, Default)]
pub(super) struct Parts([Known; 5]);

impl Parts {
    fn known(&self, part: Part) -> Option<&Known> {
        self.0.get(part as usize)
    }

    fn change(&mut self, part: Part, change: impl FnOnce(&mut Known)) {
        if let Some(known) = self.0.get_mut(part as usize) {
            change(known);
        }
    }

    /// A new connection begins: earlier answers are not fresh.
    pub(super) fn begin(&mut self) {
        for known in &mut self.0 {
            let Known { good, fault, partial, reported, late, .. } = std::mem::take(known);
            *known = Known { good, fault, partial, late, reported, ..Known::default() };
        }
    }

    /// Forgets everything, because the link reaches another account.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// A pass begins: earlier pages are no part of its answers.
    pub(super) fn pass_began(&mut self) {
        for known in &mut self.0 {
            known.first = None;
        }
    }

    /// A complete answer arrived; true when this ends a fault that was reported.
    pub(super) fn good(&mut self, part: Part, now: Now) -> bool {
        let mut reported = false;
        self.change(part, |known| {
            known.complete(now);
            (known.fault, known.partial) = (None, false);
            reported = !known.late && known.reported.take().is_some();
        });
        reported
    }

    /// An incomplete answer arrived; what could be read is shown.
    pub(super) fn partial(&mut self, part: Part, reason: String, now: Now) {
        self.change(part, |known| {
            known.complete(now);
            (known.fault, known.partial) = (Some(reason), true);
        });
    }

    /// A request failed and will be retried.
    pub(super) fn failed(&mut self, part: Part, error: &RequestError, now: Now) {
        let kind = Some((std::mem::discriminant(&error.kind), error.status));
        self.change(part, |known| match &mut known.trouble {
            Some(trouble) if trouble.kind == kind => {}
            Some(trouble) => (trouble.reason, trouble.kind) = (error.brief(), kind),
            None => known.trouble = Some(FetchProblem { since: now.mono, reason: error.brief(), kind }),
        });
    }

    /// One page arrived; whether the part is complete is not known yet.
    pub(super) fn answered(&mut self, part: Part, now: Now) {
        self.change(part, |known| {
            known.first.get_or_insert(now);
            let lasted = known.trouble.take().is_some_and(|trouble| now.mono.since(trouble.since) >= LASTING);
            known.awaited |= lasted && known.fresh;
        });
    }

    /// A request was given up.
    pub(super) fn lost(&mut self, part: Part, reason: String) {
        self.change(part, |known| known.fault = Some(reason));
    }

    /// An answer arrived and is not used.
    pub(super) fn dropped(&mut self, part: Part, reason: String) {
        self.change(part, |known| (known.first, known.fault) = (None, Some(reason)));
    }

    /// Plans the next request. A part that has not been answered keeps its earlier due time.
    pub(super) fn due(&mut self, part: Part, at: Mono) {
        self.change(part, |known| {
            let waited = known.due.filter(|_| !known.answered);
            (known.due, known.answered) = (waited.or(Some(at)), false);
        });
    }

    /// The part is requested now, and again at `next` if it is answered.
    pub(super) fn asked(&mut self, part: Part, next: Mono, now: Mono) {
        self.change(part, |known| {
            known.due.get_or_insert(now);
            (known.next, known.answered) = (Some(next), false);
        });
    }

    /// True if any part was answered in full at or after this time.
    pub(super) fn any_since(&self, since: Mono) -> bool {
        self.0.iter().any(|known| known.good.is_some_and(|good| good.mono >= since))
    }

    /// True if the part was answered on this connection.
    pub(super) fn is_fresh(&self, part: Part) -> bool {
        self.known(part).is_some_and(|known| known.fresh)
    }

    /// True if a request of the part failed or was answered in part, as opposed to not answered yet.
    pub(super) fn has_failed(&self, part: Part) -> bool {
        self.known(part).is_some_and(|known| known.fault.is_some() || known.trouble.is_some())
    }

    /// The missing parts; `waiting` is why no requests are sent.
    pub(super) fn lacks(&self, waiting: Option<&str>, now: Mono) -> Vec<MissingPart> {
        let said = |part| {
            let reason = match self.state(part, now) {
                State::There => return None,
                State::Missing(reason) => reason,
                State::Unanswered => waiting.unwrap_or("no answer"),
                State::Unfinished => waiting.unwrap_or("the answer is not complete yet"),
                State::Late => "the answer took more than a minute",
            };
            Some(MissingPart { part, reason: reason.to_owned() })
        };
        Part::ALL.into_iter().filter_map(said).collect()
    }

    fn state(&self, part: Part, now: Mono) -> State<'_> {
        let Some(known) = self.known(part) else { return State::Unanswered };
        let missing = known.is_missing(now);
        match (&known.fault, &known.trouble) {
            // Requests have failed since the last one was given up; the reason may be another.
            (_, Some(trouble)) if now.since(trouble.since) >= LASTING => State::Missing(&trouble.reason),
            (Some(fault), _) => State::Missing(fault),
            (None, Some(trouble)) if missing => State::Missing(&trouble.reason),
            (None, None) if missing && known.first.is_some() => State::Unfinished,
            (None, None) if missing => State::Unanswered,
            (None, _) if known.late => State::Late,
            (None, _) => State::There,
        }
    }

    /// When something becomes missing without further input.
    pub(super) fn deadline(&self, now: Mono) -> Option<Mono> {
        let lasting = self.0.iter().filter_map(|known| Some(known.trouble.as_ref()?.since + LASTING));
        let overdue = self.0.iter().filter_map(Known::overdue);
        lasting.chain(overdue).filter(|at| *at > now).min()
    }

    /// True if a missing part was not reported yet, or was with another reason; the caller reports all of them.
    pub(super) fn has_news(&mut self, lacks: &[MissingPart], now: Mono) -> bool {
        let news = lacks.iter().any(|lack| {
            let reported = self.known(lack.part).and_then(|known| known.reported.as_ref());
            reported.is_none_or(|reported| reported.reason != lack.reason && reported.next_at <= now)
        });
        for lack in lacks.iter().filter(|_| news) {
            self.change(lack.part, |known| {
                let before = known.reported.as_ref();
                if before.is_none_or(|reported| reported.reason != lack.reason) {
                    let again_after = before.map_or(REPORTED_AGAIN, |reported| reported.again_after.saturating_mul(2));
                    let next_at = now + again_after;
                    known.reported = Some(Reported { reason: lack.reason.clone(), next_at, again_after });
                }
            });
        }
        news
    }

    /// How fresh a part is; `follows` says whether the connection follows the account.
    pub(super) fn freshness(&self, part: Part, follows: bool, now: Mono) -> Freshness<'_> {
        let state = self.state(part, now);
        let known = self.known(part);
        let trouble = known.and_then(|known| known.trouble.as_ref()).map(|trouble| trouble.reason.as_str());
        Freshness {
            good: known.and_then(|known| known.good),
            current: follows && state == State::There,
            whole: known.is_some_and(|known| known.good.is_some() && !known.partial),
            reason: match state {
                State::Missing(reason) => Some(reason),
                State::There | State::Unanswered | State::Unfinished | State::Late => trouble.filter(|_| !follows),
            },
        }
    }
}

/// The missing parts in one sentence without a final stop.
pub(super) fn sentence(lacks: &[MissingPart]) -> String {
    let mut text = String::new();
    let mut rest = lacks;
    // Parts that fail for the same reason are named together.
    while let Some(first) = rest.first() {
        let same = rest.iter().take_while(|lack| lack.reason == first.reason).count();
        if !text.is_empty() {
            text.push_str("; ");
        }
        let (named, left) = rest.split_at(same);
        let words: Vec<&str> = named.iter().map(|lack| lack.part.word()).collect();
        text.push_str(&format!("{}: {}", words.join(", "), first.reason));
        rest = left;
    }
    text
}

#[cfg(test)]
mod tests;
