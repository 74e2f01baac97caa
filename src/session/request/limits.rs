//! What waits after a refusal for too many requests (429): one endpoint, or everything (docs/ALPACA.md 4.2).
//!
//! The limit is the account's, but a server may also limit one endpoint by itself. A refusal of orders or executions
//! makes everything wait. A refusal of any other endpoint makes only that endpoint wait, unless another one is refused
//! within the same few seconds. The queue and the session share this rule.

use std::collections::BTreeMap;
use std::time::Duration;

use super::route::LimitScope;
use crate::domain::Mono;

/// Endpoints whose refusals begin within this time of each other share one limit.
const TOGETHER: Duration = Duration::from_secs(5);

/// The first refusal of an endpoint, and the end of its wait.
#[derive(Debug, Clone, Copy)]
struct Refused {
    first: Mono,
    until: Mono,
    /// How long a wait the last refusal asked for.
    wait: Duration,
}

/// Endpoints that wait by themselves.
#[derive(Debug, Clone, Default)]
pub struct LimitWaits(BTreeMap<&'static str, Refused>);

impl LimitWaits {
    /// Notes a refusal and the wait that follows it; true when everything must wait, not only this endpoint.
    ///
    /// Only the first refusal of an endpoint counts for that: while it keeps being refused and the rest is answered, it
    /// says nothing about the rest.
    pub fn refused(&mut self, scope: LimitScope, until: Mono, now: Mono) -> bool {
        let LimitScope::Own(name) = scope else { return true };
        let known = self.0.get(name).copied();
        let first = known.map_or(now, |known| known.first);
        let until = known.map_or(until, |known| known.until.max(until));
        self.0.insert(name, Refused { first, until, wait: until.since(now) });
        let beside = self.0.iter().any(|(other, it)| *other != name && now.since(it.first) <= TOGETHER);
        known.is_none() && beside
    }

    /// Notes a good answer: the endpoint is no longer refused. A wait in effect is kept, because the answer belongs to
    /// a request sent before it.
    pub fn answered(&mut self, scope: LimitScope, now: Mono) {
        if self.until(scope, now).is_none()
            && let LimitScope::Own(name) = scope
        {
            self.0.remove(name);
        }
    }

    /// When the endpoint's own wait ends.
    pub fn until(&self, scope: LimitScope, now: Mono) -> Option<Mono> {
        let LimitScope::Own(name) = scope else { return None };
        self.0.get(name).map(|it| it.until).filter(|until| *until > now)
    }

    /// The whole length of the wait that is not over yet.
    pub fn length(&self, scope: LimitScope, now: Mono) -> Option<Duration> {
        let LimitScope::Own(name) = scope else { return None };
        self.0.get(name).filter(|it| it.until > now).map(|it| it.wait)
    }

    /// Ends all waits, because a person asked to. An endpoint that is refused again still waits by itself.
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
    fn an_endpoint_refused_alone_waits_alone_and_a_refusal_of_orders_stops_everything() {
        let mut waits = LimitWaits::default();
        assert!(!waits.refused(CLOCK, at(60), at(1)));
        assert_eq!((waits.until(CLOCK, at(2)), waits.until(CURVE, at(2))), (Some(at(60)), None));
        assert_eq!(waits.until(LimitScope::Account, at(2)), None);
        assert_eq!(waits.until(CLOCK, at(60)), None, "over");
        assert!(waits.refused(LimitScope::Account, at(60), at(1)));
    }

    #[test]
    fn endpoints_whose_refusals_begin_together_share_one_limit() {
        let mut waits = LimitWaits::default();
        assert!(!waits.refused(CLOCK, at(60), at(1)));
        assert!(waits.refused(CURVE, at(60), at(3)));
        // Refusals that continue say nothing about the rest.
        assert!(!waits.refused(CLOCK, at(120), at(60)) && !waits.refused(CURVE, at(120), at(60)));
        waits.answered(CURVE, at(120));
        assert!(!waits.refused(CURVE, at(300), at(180)), "long after the other began");
        waits.answered(CLOCK, at(182));
        assert!(waits.refused(CLOCK, at(300), at(184)), "and again together");
    }

    #[test]
    fn an_answer_to_an_earlier_request_ends_no_wait() {
        let mut waits = LimitWaits::default();
        waits.refused(CLOCK, at(60), at(1));
        waits.answered(CLOCK, at(2));
        assert_eq!(waits.until(CLOCK, at(3)), Some(at(60)));
    }

    #[test]
    fn a_shorter_wait_never_shortens_a_longer_one_and_a_person_ends_both() {
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
