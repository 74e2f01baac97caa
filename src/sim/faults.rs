//! Fault injection: rules with seeded randomness, and a log of what they did.
//!
//! Pure: time is an argument. It decides; the servers carry out. The engine is not affected, so its books stay exact.

mod rule;

use std::collections::VecDeque;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use self::rule::{ALWAYS, Site};
pub use self::rule::{Fault, FaultError, Rule, parse_chance, parse_duration};
use super::words::words;

/// Most rules in force: each is evaluated for each frame and request.
const MOST_RULES: usize = 200;
/// Longest description of a log line's target, in characters.
const LOG_WIDTH: usize = 500;
/// Most log lines kept.
const LOG_LINES: usize = 10_000;

words!(
    /// The origin that something happens on, by its name in a fault specification; in the order of their ports.
    #[derive(Serialize)]
    #[serde(rename_all = "lowercase")]
    Origin {
        /// Consent page and token endpoint.
        Auth = "auth",
        Paper = "paper",
        Live = "live",
        Data = "data",
    }
);

/// A log line: something that a rule did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogLine {
    /// The number, from 1.
    pub number: u64,
    /// Milliseconds of real time since the start.
    pub after_ms: u64,
    pub fault: String,
    pub origin: Origin,
    pub what: String,
}

/// The rules in force, their random numbers, and the log.
#[derive(Debug)]
pub struct Faults {
    rules: Vec<Rule>,
    dice: ChaCha8Rng,
    log: VecDeque<LogLine>,
    logged: u64,
}

impl Faults {
    /// A set without rules; `seed` decides which requests a rule hits.
    pub fn new(seed: u64) -> Self {
        let dice = ChaCha8Rng::seed_from_u64(seed ^ 0x6661_756c_7473);
        Self { rules: Vec::new(), dice, log: VecDeque::new(), logged: 0 }
    }

    /// Adds a rule.
    ///
    /// # Errors
    /// When the maximum number of rules is in force.
    pub fn add(&mut self, rule: Rule, now: Duration) -> Result<(), FaultError> {
        if self.rules(now).len() >= MOST_RULES {
            return Err(FaultError::TooMany);
        }
        self.rules.push(rule);
        Ok(())
    }

    /// Adds the rules of a comma-separated specification.
    ///
    /// # Errors
    /// As [`Rule::parse`]; then none of them is added.
    pub fn add_spec(&mut self, spec: &str, now: Duration) -> Result<(), FaultError> {
        let parts = spec.split(',').map(str::trim).filter(|part| !part.is_empty());
        let rules = parts.map(|part| Rule::parse(part, now)).collect::<Result<Vec<_>, _>>()?;
        if self.rules(now).len() + rules.len() > MOST_RULES {
            return Err(FaultError::TooMany);
        }
        self.rules.extend(rules);
        Ok(())
    }

    /// Removes all rules.
    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// The rules still in force.
    pub fn rules(&mut self, now: Duration) -> &[Rule] {
        self.rules.retain(|rule| !rule.over(now));
        &self.rules
    }

    /// The log so far.
    pub fn log(&self) -> impl Iterator<Item = &LogLine> {
        self.log.iter()
    }

    /// Logs something that was done by hand.
    pub fn note(&mut self, now: Duration, origin: Origin, fault: &str, what: &str) {
        self.logged += 1;
        if self.log.len() == LOG_LINES {
            self.log.pop_front();
        }
        let after_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let line = LogLine {
            number: self.logged,
            after_ms,
            fault: fault.to_owned(),
            origin,
            what: what.chars().take(LOG_WIDTH).collect(),
        };
        self.log.push_back(line);
    }

    /// The faults of one frame, in the order of the rules.
    pub fn on_frame(&mut self, origin: Origin, what: &str, now: Duration) -> Vec<Fault> {
        self.strike(Site::Frame, origin, "", "", what, now)
    }

    /// The faults of one request.
    pub fn on_request(&mut self, origin: Origin, method: &str, path: &str, now: Duration) -> Vec<Fault> {
        self.strike(Site::Request, origin, method, path, &format!("{method} {path}"), now)
    }

    /// The status that answers an upgrade, if it is refused.
    pub fn on_upgrade(&mut self, origin: Origin, path: &str, now: Duration) -> Option<u16> {
        self.strike(Site::Upgrade, origin, "GET", path, path, now).into_iter().find_map(|fault| match fault {
            Fault::RefuseUpgrade(status) => Some(status),
            _ => None,
        })
    }

    /// A random number below `bound`, for the position of a damage.
    pub fn pick(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(1);
        usize::try_from(self.dice.next_u64() % bound).unwrap_or(0)
    }

    fn strike(
        &mut self,
        site: Site,
        origin: Origin,
        method: &str,
        path: &str,
        what: &str,
        now: Duration,
    ) -> Vec<Fault> {
        if self.rules.is_empty() {
            return Vec::new();
        }
        self.rules.retain(|rule| !rule.over(now));
        let mut struck = Vec::new();
        for rule in &mut self.rules {
            let applies = rule.fault.site() == site
                && rule.origin.is_none_or(|wanted| wanted == origin)
                && rule.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
                && rule.path.as_deref().is_none_or(|wanted| path.starts_with(wanted));
            if applies && self.dice.next_u32() % ALWAYS < rule.chance {
                rule.remaining = rule.remaining.map(|count| count.saturating_sub(1));
                struck.push((rule.fault, rule.name.clone()));
            }
        }
        for (_, name) in &struck {
            self.note(now, origin, name, what);
        }
        struck.into_iter().map(|(fault, _)| fault).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::ZERO;

    #[test]
    fn a_bad_specification_adds_nothing() {
        let mut faults = Faults::new(1);
        assert!(faults.add_spec("drop, melt", START).is_err());
        assert!(faults.rules(START).is_empty());
    }

    #[test]
    fn a_counted_rule_ends_and_is_logged() {
        let mut faults = Faults::new(7);
        faults.add_spec("429*2/paper", START).unwrap();
        let ask = |faults: &mut Faults, origin| faults.on_request(origin, "GET", "/v2/orders", START);
        assert!(ask(&mut faults, Origin::Live).is_empty());
        assert_eq!(ask(&mut faults, Origin::Paper), [Fault::Status(429)]);
        assert_eq!(ask(&mut faults, Origin::Paper), [Fault::Status(429)]);
        assert!(ask(&mut faults, Origin::Paper).is_empty());
        assert_eq!(faults.log().count(), 2);
    }

    #[test]
    fn a_timed_rule_ends_with_its_time() {
        let mut faults = Faults::new(7);
        faults.add_spec("starve~5s", Duration::from_secs(10)).unwrap();
        assert_eq!(faults.on_frame(Origin::Paper, "fill", Duration::from_secs(14)), [Fault::Starve]);
        assert!(faults.on_frame(Origin::Paper, "fill", Duration::from_secs(15)).is_empty());
    }

    #[test]
    fn the_same_seed_throws_the_same_dice() {
        let run = |seed| {
            let mut faults = Faults::new(seed);
            faults.add_spec("duplicate@30%,lose@10%", START).unwrap();
            (0..500).map(|_| faults.on_frame(Origin::Paper, "fill", START)).collect::<Vec<_>>()
        };
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
        let struck = run(3).iter().filter(|faults| faults.contains(&Fault::Duplicate)).count();
        assert!((100..200).contains(&struck), "about 150 of 500, not {struck}");
    }
}
