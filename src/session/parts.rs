//! How fresh each part of the snapshot is: the time of its own last good answer, and why there is no newer one.
//!
//! The state of a connection is not the age of a figure. Nothing but an answer to a part's own question makes the part
//! younger: no pong, no attempt, no failure, no answer to another question.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::request::RequestError;
use crate::domain::{Mono, Now};

/// A failure shorter than this is not worth a word.
pub const LASTING: Duration = Duration::from_secs(5);
/// An answer may be this late: the time of one request, and of one more try.
const SLACK: Duration = Duration::from_secs(30);
/// A list of many pages may take this long from its first page on. What took longer is of no moment that is now.
const LONGEST: Duration = Duration::from_mins(1);

/// What is asked for by questions of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// `/v2/account`.
    Account,
    /// `/v2/positions`.
    Positions,
    /// The orders that can still trade, and orders fetched by id.
    Working,
    /// The orders since the last complete snapshot.
    Recent,
    /// The activity list.
    Executions,
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 5] = [Self::Account, Self::Positions, Self::Working, Self::Recent, Self::Executions];
    /// Those that the orders of a screen are made of.
    pub const ORDERS: [Self; 2] = [Self::Working, Self::Recent];
    /// Those that the executions of a screen are made of.
    pub const TRADES: [Self; 2] = [Self::Recent, Self::Executions];

    /// True for what the journal keeps from run to run.
    pub const fn is_journaled(self) -> bool {
        matches!(self, Self::Working | Self::Recent | Self::Executions)
    }

    /// The words shown for it.
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
    /// When its last good answer came; `None` when there was none in this run.
    pub good: Option<Now>,
    /// True while it is as fresh as its rhythm makes it.
    pub current: bool,
    /// False when the last answer left something out: what is counted is the least that there is.
    pub whole: bool,
    /// Why it is not current, or not whole; a sentence without a stop.
    pub reason: Option<&'a str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct FetchProblem {
    since: Mono,
    reason: String,
    /// Failures of one kind are told in the words of the first: words that change each time would be news each time.
    kind: Option<(std::mem::Discriminant<super::request::RequestErrorKind>, Option<u16>)>,
}

#[derive(Debug, Default)]
struct Known {
    good: Option<Now>,
    /// Answered since the connection was made.
    fresh: bool,
    /// The question under way fails; it is asked again.
    trouble: Option<FetchProblem>,
    /// The last answer is not whole, or was given up.
    fault: Option<String>,
    /// The last answer left something out.
    partial: bool,
    /// Since when an answer is waited for, or when it is asked for next.
    due: Option<Mono>,
    /// When it is asked for again if that comes.
    next: Option<Mono>,
    /// It was answered since it was planned when to ask for it.
    answered: bool,
    /// When the first of its answers came in the pass under way.
    first: Option<Now>,
    /// It failed for long, and the rest of the answer that ends this is not there yet.
    awaited: bool,
    /// Its last answer was old when it was complete.
    late: bool,
    /// The fault was told.
    told: bool,
}

/// Whether a part is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State<'a> {
    There,
    /// It failed, for this reason.
    Missing(&'a str),
    /// Nothing failed; it was not answered yet, or not in time.
    Unanswered,
    /// The same, and a part of the answer is there.
    Unfinished,
    /// It was answered, and that took too long.
    Late,
}

/// A part that takes the word `live` away, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MissingPart {
    pub(super) part: Part,
    pub(super) reason: String,
}

impl Known {
    /// From when on it is missing if nothing more comes. An answer that comes after that begins nothing anew: only one that is
    /// complete does.
    fn overdue(&self) -> Option<Mono> {
        let due = self.due?;
        let answers = self.first.is_some_and(|first| first.mono < due + SLACK);
        Some(due + if answers { LONGEST } else { SLACK })
    }

    fn is_missing(&self, now: Mono) -> bool {
        !self.fresh || self.awaited || self.overdue().is_some_and(|at| now >= at)
    }

    /// It was answered to the end; its age is that of the first answer.
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

    /// The connection is a new one: what was answered before says nothing of now.
    pub(super) fn begin(&mut self) {
        for known in &mut self.0 {
            let Known { good, fault, partial, told, late, .. } = std::mem::take(known);
            *known = Known { good, fault, partial, late, told, ..Known::default() };
        }
    }

    /// The account behind the link is another one: nothing is known of it.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// A pass begins: what was answered before is no part of its answers.
    pub(super) fn pass_began(&mut self) {
        for known in &mut self.0 {
            known.first = None;
        }
    }

    /// A whole answer is there; true when its absence was told before and is over.
    pub(super) fn good(&mut self, part: Part, now: Now) -> bool {
        let mut told = false;
        self.change(part, |known| {
            known.complete(now);
            (known.fault, known.partial) = (None, false);
            told = !known.late && std::mem::take(&mut known.told);
        });
        told
    }

    /// An answer came that is not whole: what could be read of it is shown.
    pub(super) fn partial(&mut self, part: Part, reason: String, now: Now) {
        self.change(part, |known| {
            known.complete(now);
            (known.fault, known.partial) = (Some(reason), true);
        });
    }

    /// A question failed, and is asked again.
    pub(super) fn failed(&mut self, part: Part, error: &RequestError, now: Now) {
        let kind = Some((std::mem::discriminant(&error.kind), error.status));
        self.change(part, |known| match &mut known.trouble {
            Some(trouble) if trouble.kind == kind => {}
            Some(trouble) => (trouble.reason, trouble.kind) = (error.brief(), kind),
            None => known.trouble = Some(FetchProblem { since: now.mono, reason: error.brief(), kind }),
        });
    }

    /// One of its questions was answered; whether the whole part was is not known yet.
    pub(super) fn answered(&mut self, part: Part, now: Now) {
        self.change(part, |known| {
            known.first.get_or_insert(now);
            let lasted = known.trouble.take().is_some_and(|trouble| now.mono.since(trouble.since) >= LASTING);
            known.awaited |= lasted && known.fresh;
        });
    }

    /// A question was given up.
    pub(super) fn lost(&mut self, part: Part, reason: String) {
        self.change(part, |known| known.fault = Some(reason));
    }

    /// The part is asked for again then. What has not been answered stays due since it was.
    pub(super) fn due(&mut self, part: Part, at: Mono) {
        self.change(part, |known| {
            let waited = known.due.filter(|_| !known.answered);
            (known.due, known.answered) = (waited.or(Some(at)), false);
        });
    }

    /// The part is asked for now, and again at this time if it is answered.
    pub(super) fn asked(&mut self, part: Part, next: Mono, now: Mono) {
        self.change(part, |known| {
            known.due.get_or_insert(now);
            (known.next, known.answered) = (Some(next), false);
        });
    }

    /// True when a whole answer to any part came after this.
    pub(super) fn any_since(&self, since: Mono) -> bool {
        self.0.iter().any(|known| known.good.is_some_and(|good| good.mono >= since))
    }

    /// True when the part was answered since the connection was made.
    pub(super) fn is_fresh(&self, part: Part) -> bool {
        self.known(part).is_some_and(|known| known.fresh)
    }

    /// True when a question of the part failed or was answered in part, rather than not answered yet.
    pub(super) fn has_failed(&self, part: Part) -> bool {
        self.known(part).is_some_and(|known| known.fault.is_some() || known.trouble.is_some())
    }

    /// What is missing now; `waiting` is why nothing is asked.
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
            (Some(fault), _) => State::Missing(fault),
            (None, Some(trouble)) if missing || now.since(trouble.since) >= LASTING => State::Missing(&trouble.reason),
            (None, None) if missing && known.first.is_some() => State::Unfinished,
            (None, None) if missing => State::Unanswered,
            (None, _) if known.late => State::Late,
            (None, _) => State::There,
        }
    }

    /// When something becomes missing though nothing happens.
    pub(super) fn deadline(&self, now: Mono) -> Option<Mono> {
        let lasting = self.0.iter().filter_map(|known| Some(known.trouble.as_ref()?.since + LASTING));
        let overdue = self.0.iter().filter_map(Known::overdue);
        lasting.chain(overdue).filter(|at| *at > now).min()
    }

    /// The faults that were not told yet; they count as told from now on.
    pub(super) fn untold(&mut self, lacks: &[MissingPart]) -> Vec<MissingPart> {
        let mut untold = Vec::new();
        for lack in lacks {
            self.change(lack.part, |known| {
                if !std::mem::replace(&mut known.told, true) {
                    untold.push(lack.clone());
                }
            });
        }
        untold
    }

    /// How fresh a part is on a connection that `follows` the account.
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

/// What is missing, in one sentence without a stop.
pub(super) fn sentence(lacks: &[MissingPart]) -> String {
    let mut text = String::new();
    let mut rest = lacks;
    // Parts that fail for one reason are named together.
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
mod tests {
    use super::*;
    use crate::session::request::RequestErrorKind;

    const PART: Part = Part::Positions;

    fn at(millis: u64) -> Now {
        Now { mono: Mono::from_millis(millis), wall: jiff::Timestamp::UNIX_EPOCH }
    }

    /// Why the part is missing then, if it is.
    fn lack(parts: &Parts, millis: u64) -> Option<String> {
        let lacks = parts.lacks(None, Mono::from_millis(millis));
        lacks.into_iter().find(|lack| lack.part == PART).map(|lack| lack.reason)
    }

    #[test]
    fn a_failure_is_worth_a_word_when_it_lasts_and_is_over_with_an_answer() {
        let mut parts = Parts::default();
        parts.good(PART, at(0));
        parts.failed(PART, &RequestError::of_ours(RequestErrorKind::Server, "first"), at(1_000));
        assert!(parts.has_failed(PART));
        // The same kind of failure in other words is no news; another kind is, and its beginning stays.
        parts.failed(PART, &RequestError::of_ours(RequestErrorKind::Server, "second"), at(2_000));
        assert_eq!(
            (lack(&parts, 5_999), parts.deadline(Mono::from_millis(5_999))),
            (None, Some(Mono::from_millis(6_000)))
        );
        let said = lack(&parts, 6_000).unwrap();
        assert!(said.contains("first"), "{said}");
        parts.failed(PART, &RequestError::of_ours(RequestErrorKind::Network, "third"), at(6_000));
        let said = lack(&parts, 6_000).unwrap();
        assert!(said.contains("third"), "{said}");
        // An answer of several pages ends that with the last of them.
        parts.answered(PART, at(7_000));
        assert_eq!(
            (lack(&parts, 7_000).as_deref(), parts.has_failed(PART)),
            (Some("the answer is not complete yet"), false)
        );
        parts.good(PART, at(8_000));
        assert_eq!((lack(&parts, 60_000), parts.has_failed(PART)), (None, false));
        assert_eq!(parts.deadline(Mono::from_millis(6_000)), None);
    }

    #[test]
    fn a_question_that_was_given_up_is_a_failure_until_there_is_a_whole_answer() {
        let mut parts = Parts::default();
        parts.good(PART, at(0));
        parts.lost(PART, "no".to_owned());
        assert!(parts.has_failed(PART));
        assert_eq!(lack(&parts, 0).as_deref(), Some("no"));
        assert!(!parts.good(PART, at(1)), "its absence was not told");
        assert!(!parts.has_failed(PART) && lack(&parts, 1).is_none());
    }

    #[test]
    fn a_part_is_overdue_when_its_answer_is_later_than_a_request_and_one_more_try_take() {
        let mut parts = Parts::default();
        parts.good(Part::Recent, at(0));
        parts.due(Part::Recent, Mono::from_millis(10_000));
        let missing = |parts: &Parts, millis| {
            parts.lacks(None, Mono::from_millis(millis)).iter().any(|lack| lack.part == Part::Recent)
        };
        assert_eq!((missing(&parts, 39_999), missing(&parts, 40_000)), (false, true));
        assert_eq!(parts.deadline(Mono::ZERO), Some(Mono::from_millis(40_000)));
        // The pass is busy with something else.
        parts.answered(Part::Working, at(20_000));
        assert!(missing(&parts, 40_000));
        // Its own pages come, and not for ever.
        parts.answered(Part::Recent, at(39_999));
        assert_eq!((missing(&parts, 69_999), missing(&parts, 70_000)), (false, true));
        assert_eq!(parts.deadline(Mono::from_millis(40_000)), Some(Mono::from_millis(70_000)));
        // Before the last of them comes, none makes it current again.
        parts.pass_began();
        parts.answered(Part::Recent, at(40_001));
        assert!(missing(&parts, 40_001));
        parts.good(Part::Recent, at(50_000));
        parts.due(Part::Recent, Mono::from_millis(60_000));
        assert!(!missing(&parts, 50_000));
    }

    #[test]
    fn a_part_is_as_old_as_the_first_page_of_its_last_answer() {
        let mut parts = Parts::default();
        parts.answered(PART, at(1_000));
        parts.answered(PART, at(50_000));
        parts.good(PART, at(60_999));
        let fresh = |parts: &Parts, millis| {
            let fresh = parts.freshness(PART, true, Mono::from_millis(millis));
            (fresh.good.map(|good| good.mono), fresh.current)
        };
        assert_eq!(fresh(&parts, 60_999), (Some(Mono::from_millis(1_000)), true));
        // One of several answers counts for its own pass alone.
        parts.answered(PART, at(70_000));
        parts.pass_began();
        parts.good(PART, at(80_000));
        assert_eq!(fresh(&parts, 80_000), (Some(Mono::from_millis(80_000)), true));
        // What took a minute is not of now, and said once however often it is so.
        let mut told = 0;
        for minute in [2, 4, 6] {
            parts.answered(PART, at(minute * 60_000));
            assert!(!parts.good(PART, at((minute + 1) * 60_000)));
            assert_eq!(fresh(&parts, (minute + 1) * 60_000), (Some(Mono::from_millis(minute * 60_000)), false));
            let lacks = parts.lacks(None, Mono::from_millis((minute + 1) * 60_000));
            told += parts.untold(&lacks).iter().filter(|lack| lack.part == PART).count();
        }
        assert_eq!(told, 1);
        assert!(parts.good(PART, at(500_000)), "it is over");
    }

    #[test]
    fn nothing_is_current_without_a_connection_that_follows_and_nothing_is_known_of_another_account() {
        let mut parts = Parts::default();
        parts.good(PART, at(0));
        parts.failed(PART, &RequestError::of_ours(RequestErrorKind::Server, "no"), at(1_000));
        let now = Mono::from_millis(2_000);
        assert_eq!((parts.freshness(PART, true, now).current, parts.freshness(PART, true, now).reason), (true, None));
        let alone = parts.freshness(PART, false, now);
        assert!(!alone.current && alone.reason.is_some_and(|reason| reason.contains("no")), "{alone:?}");
        assert!(parts.any_since(Mono::ZERO) && !parts.any_since(Mono::from_millis(1)));
        parts.forget();
        assert_eq!(parts.freshness(PART, true, now).good, None);
    }
}
