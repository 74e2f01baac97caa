//! What waits after a refusal for too many requests (429): what was refused alone, or everything (docs/ALPACA.md 4.2).
//!
//! The limit is the account's, and a server may yet limit one endpoint by itself. What orders and executions are told by is
//! refused for everything. What is asked beside them is refused for itself, unless something else is refused within the same few
//! seconds. The queue and the session decide by this one rule.

use std::collections::BTreeMap;
use std::time::Duration;

use super::route::LimitScope;
use crate::domain::Mono;

/// What begins to be refused within this time of each other is refused for one limit.
const TOGETHER: Duration = Duration::from_secs(5);

/// A refusal of one endpoint, and those after it.
#[derive(Debug, Clone, Copy)]
struct Refused {
    first: Mono,
    until: Mono,
    /// How long a wait the last refusal asked for.
    wait: Duration,
}

/// What waits.
#[derive(Debug, Clone, Default)]
pub struct LimitWaits(BTreeMap<&'static str, Refused>);

impl LimitWaits {
    /// Notes a refusal, with the wait that follows it; true when everything waits for so long, and not what was refused alone.
    ///
    /// What goes on being refused while the rest is answered tells nothing of the rest: only its first refusal does.
    pub fn refused(&mut self, scope: LimitScope, until: Mono, now: Mono) -> bool {
        let LimitScope::Own(name) = scope else { return true };
        let known = self.0.get(name).copied();
        let first = known.map_or(now, |known| known.first);
        let until = known.map_or(until, |known| known.until.max(until));
        self.0.insert(name, Refused { first, until, wait: until.since(now) });
        let beside = self.0.iter().any(|(other, it)| *other != name && now.since(it.first) <= TOGETHER);
        known.is_none() && beside
    }

    /// Notes a good answer: what it is of is refused no more. A wait that is not over is kept, for what it answers was asked
    /// before.
    pub fn answered(&mut self, scope: LimitScope, now: Mono) {
        if self.until(scope, now).is_none()
            && let LimitScope::Own(name) = scope
        {
            self.0.remove(name);
        }
    }

    /// Until when this waits by itself.
    pub fn until(&self, scope: LimitScope, now: Mono) -> Option<Mono> {
        let LimitScope::Own(name) = scope else { return None };
        self.0.get(name).map(|it| it.until).filter(|until| *until > now)
    }

    /// The wait that is not over yet, from its beginning to its end: words that hold for all of it.
    pub fn length(&self, scope: LimitScope, now: Mono) -> Option<Duration> {
        let LimitScope::Own(name) = scope else { return None };
        self.0.get(name).filter(|it| it.until > now).map(|it| it.wait)
    }

    /// A person will not wait. What is refused once more then is still refused by itself.
    pub fn forgive(&mut self) {
        for it in self.0.values_mut() {
            it.until = Mono::ZERO;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: LimitScope = LimitScope::Own("the clock");
    const CURVE: LimitScope = LimitScope::Own("the equity curve");

    fn at(seconds: u64) -> Mono {
        Mono::from_millis(seconds * 1000)
    }

    #[test]
    fn what_is_refused_alone_waits_alone_and_what_orders_are_told_by_stops_everything() {
        let mut waits = LimitWaits::default();
        assert!(!waits.refused(CLOCK, at(60), at(1)));
        assert_eq!((waits.until(CLOCK, at(2)), waits.until(CURVE, at(2))), (Some(at(60)), None));
        assert_eq!(waits.until(LimitScope::Account, at(2)), None);
        assert_eq!(waits.until(CLOCK, at(60)), None, "over");
        assert!(waits.refused(LimitScope::Account, at(60), at(1)));
    }

    #[test]
    fn two_that_begin_to_be_refused_together_are_refused_for_one_limit_and_only_then() {
        let mut waits = LimitWaits::default();
        assert!(!waits.refused(CLOCK, at(60), at(1)));
        assert!(waits.refused(CURVE, at(60), at(3)));
        // The rest was answered after that wait, for it would have been refused for everything.
        assert!(!waits.refused(CLOCK, at(120), at(60)) && !waits.refused(CURVE, at(120), at(60)));
        waits.answered(CURVE, at(120));
        assert!(!waits.refused(CURVE, at(300), at(180)), "long after the other began");
        waits.answered(CLOCK, at(182));
        assert!(waits.refused(CLOCK, at(300), at(184)), "and again together");
    }

    #[test]
    fn an_answer_that_was_asked_for_before_ends_no_wait() {
        let mut waits = LimitWaits::default();
        waits.refused(CLOCK, at(60), at(1));
        waits.answered(CLOCK, at(2));
        assert_eq!(waits.until(CLOCK, at(3)), Some(at(60)));
    }

    #[test]
    fn a_later_shorter_wait_shortens_none_and_a_person_ends_them() {
        let mut waits = LimitWaits::default();
        waits.refused(CLOCK, at(60), at(1));
        waits.refused(CLOCK, at(10), at(2));
        assert_eq!(waits.until(CLOCK, at(30)), Some(at(60)));
        assert_eq!(waits.length(CLOCK, at(30)), Some(Duration::from_secs(58)));
        waits.forgive();
        assert_eq!((waits.until(CLOCK, at(30)), waits.length(CLOCK, at(30))), (None, None));
        assert!(!waits.refused(CLOCK, at(90), at(30)) && waits.until(CLOCK, at(31)) == Some(at(90)));
    }
}
