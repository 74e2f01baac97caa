//! Scenarios: a TOML file of control requests, each at its time.
//!
//! ```toml
//! [[step]]
//! after = "5s"              # real time since the start, or
//! at = "15:30"              # New York's simulated time: today, else on the next trading day, after the step before
//! do = "fault"              # the name of a control request, /_sim/fault
//! rule = "duplicate@20%~30s"
//! ```

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Time;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::control;
use super::state::Sim;
use crate::sim::calendar;
use crate::sim::faults::{Origin, parse_duration};

/// One control request.
#[derive(Debug, Clone, PartialEq)]
struct Request {
    action: String,
    body: Map<String, Value>,
}

/// The steps of a file; the two lists run in parallel.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Scenario {
    /// By real time since the start, earliest first.
    after: Vec<(Duration, Request)>,
    /// By simulated time, in the order of the file.
    at: Vec<(Time, Request)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    step: Vec<Map<String, Value>>,
}

/// Removes a text from a step; what remains is the body of its request.
fn take(step: &mut Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match step.shift_remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("{name:?} of a step is not text")),
    }
}

/// Reads and parses a scenario file.
///
/// # Errors
/// A message, with the line if known.
pub(super) fn read(path: &Path) -> Result<Scenario, String> {
    let unread = |error: std::io::Error| format!("{}: {error}", path.display());
    // A pipe could block the server's signal handling, and a device has no end.
    if !std::fs::metadata(path).map_err(unread)?.is_file() {
        return Err(format!("{}: it is not a regular file", path.display()));
    }
    parse(&std::fs::read_to_string(path).map_err(unread)?)
}

fn parse(text: &str) -> Result<Scenario, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    let mut scenario = Scenario::default();
    for mut body in file.step {
        let action = take(&mut body, "do")?.ok_or("a step without \"do\"")?;
        if !control::ACTIONS.iter().any(|(name, _)| *name == action) {
            return Err(format!("unknown step {action:?}"));
        }
        match (take(&mut body, "after")?, take(&mut body, "at")?) {
            (Some(after), None) => {
                let wait = parse_duration(&after).ok_or_else(|| format!("not a length of time: {after:?}"))?;
                scenario.after.push((wait, Request { action, body }));
            }
            (None, Some(at)) => {
                let time = at.parse().map_err(|_| format!("not a time of day: {at:?}"))?;
                scenario.at.push((time, Request { action, body }));
            }
            _ => return Err(format!("the step {action:?} needs either \"after\" or \"at\"")),
        }
    }
    scenario.after.sort_by_key(|(after, _)| *after);
    Ok(scenario)
}

/// Runs the steps at their times.
pub(super) async fn play(sim: &Arc<Sim>, scenario: Scenario) {
    let Scenario { after, at } = scenario;
    let by_real_time = async {
        for (after, request) in after {
            tokio::time::sleep(after.saturating_sub(sim.clock.real())).await;
            carry_out(sim, &request);
        }
    };
    let by_simulated_time = async {
        let mut from = sim.clock.now();
        for (time, request) in at {
            let moment = next(from, time);
            sim.clock.reach(moment).await;
            from = moment;
            carry_out(sim, &request);
        }
    };
    tokio::join!(by_real_time, by_simulated_time);
}

/// The first time, not before `from`, at which it is `time` in New York: today, or else on the next trading day, so
/// that an overnight scenario runs the same on a Friday and before a holiday.
fn next(from: Timestamp, time: Time) -> Timestamp {
    let today = calendar::in_new_york(from).date();
    let moment = calendar::instant(today, time);
    if moment >= from { moment } else { calendar::instant(calendar::next_trading_day(today), time) }
}

fn carry_out(sim: &Arc<Sim>, request: &Request) {
    if let Err(error) = control::perform(sim, &request.action, &request.body) {
        sim.note(Origin::Paper, &request.action, &format!("failed: {}", error.message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_in_the_order_of_their_times() {
        let text =
            "[[step]]\nafter = \"2s\"\ndo = \"drop\"\n[[step]]\nafter = \"500ms\"\ndo = \"fault\"\nrule = \"lose\"\n";
        let steps = parse(text).unwrap().after;
        assert_eq!(steps[0].1.action, "fault");
        assert_eq!(steps[0].1.body.get("rule"), Some(&Value::from("lose")));
        assert_eq!(steps[1].0, Duration::from_secs(2));
    }

    #[test]
    fn a_time_of_day_is_the_next_one_and_after_a_later_one_the_next_trading_day_s() {
        let steps =
            parse("[[step]]\nat = \"15:30\"\ndo = \"drop\"\n[[step]]\nat = \"09:31:30\"\ndo = \"drop\"\n").unwrap().at;
        let afternoon: Timestamp = "2026-10-20T17:30:00Z".parse().unwrap();
        let first = next(afternoon, steps[0].0);
        let second = next(first, steps[1].0);
        assert_eq!([first, second].map(|at| at.to_string()), ["2026-10-20T19:30:00Z", "2026-10-21T13:31:30Z"]);
        assert_eq!(next(first, steps[0].0), first, "two steps may share a time");
        let over_night = |from: &str| next(from.parse().unwrap(), steps[1].0).to_string();
        assert_eq!(over_night("2026-10-23T20:30:00Z"), "2026-10-26T13:31:30Z", "from Friday to Monday");
        assert_eq!(over_night("2026-11-25T21:30:00Z"), "2026-11-27T14:31:30Z", "over Thanksgiving");
    }

    #[test]
    fn a_step_that_does_not_exist_is_refused() {
        assert!(parse("[[step]]\nafter = \"2s\"\ndo = \"explode\"\n").unwrap_err().contains("explode"));
        assert!(parse("[[step]]\nafter = \"later\"\ndo = \"drop\"\n").unwrap_err().contains("later"));
        assert!(parse("[[step]]\nat = \"noon\"\ndo = \"drop\"\n").unwrap_err().contains("noon"));
        assert!(parse("[[step]]\ndo = \"drop\"\n").unwrap_err().contains("either"));
        assert!(parse("[[step]]\nafter = \"2s\"\nat = \"10:00\"\ndo = \"drop\"\n").unwrap_err().contains("either"));
        assert!(parse("[stop]\n").is_err());
    }
}
