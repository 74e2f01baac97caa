//! Scenarios: a TOML file of control requests, each at its time after the start.
//!
//! ```toml
//! [[step]]
//! after = "5s"
//! do = "fault"              # the name of a control request, /_sim/fault
//! rule = "duplicate@20%~30s"
//! ```

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::control;
use super::state::Sim;
use crate::sim::faults::{Origin, parse_duration};

/// One control request and its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    after: Duration,
    action: String,
    body: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    step: Vec<Map<String, Value>>,
}

/// Takes a text out of a step; what is left is the body of its request.
fn text_of(step: &mut Map<String, Value>, name: &str) -> Result<String, String> {
    match step.shift_remove(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("{name:?} of a step is not a text")),
        None => Err(format!("a step without {name:?}")),
    }
}

/// Reads a scenario file.
///
/// # Errors
/// In words, with the line where the file tells it.
pub fn read(path: &Path) -> Result<Vec<Step>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    parse(&text)
}

fn parse(text: &str) -> Result<Vec<Step>, String> {
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    let mut steps = Vec::new();
    for mut body in file.step {
        let (after, action) = (text_of(&mut body, "after")?, text_of(&mut body, "do")?);
        let wait = parse_duration(&after).ok_or_else(|| format!("not a length of time: {after:?}"))?;
        if !control::ACTIONS.iter().any(|(name, _)| *name == action) {
            return Err(format!("unknown step {action:?}"));
        }
        steps.push(Step { after: wait, action, body });
    }
    steps.sort_by_key(|step| step.after);
    Ok(steps)
}

/// Carries the steps out in their time.
pub async fn play(sim: &Arc<Sim>, steps: Vec<Step>) {
    for step in steps {
        let wait = step.after.saturating_sub(sim.clock.real());
        tokio::time::sleep(wait).await;
        if let Err(error) = control::perform(sim, &step.action, &Value::Object(step.body)) {
            sim.note(Origin::Paper, &step.action, &format!("failed: {}", error.message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_in_the_order_of_their_times() {
        let text =
            "[[step]]\nafter = \"2s\"\ndo = \"drop\"\n[[step]]\nafter = \"500ms\"\ndo = \"fault\"\nrule = \"lose\"\n";
        let steps = parse(text).unwrap();
        assert_eq!(steps[0].action, "fault");
        assert_eq!(steps[0].body.get("rule"), Some(&Value::from("lose")));
        assert_eq!(steps[1].after, Duration::from_secs(2));
    }

    #[test]
    fn a_step_that_does_not_exist_is_refused() {
        assert!(parse("[[step]]\nafter = \"2s\"\ndo = \"explode\"\n").unwrap_err().contains("explode"));
        assert!(parse("[[step]]\nafter = \"later\"\ndo = \"drop\"\n").unwrap_err().contains("later"));
        assert!(parse("[stop]\n").is_err());
    }
}
