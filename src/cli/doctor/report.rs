//! The results of the checks: lines as they come, or one JSON document at the end.

use serde::Serialize;

use crate::cli::output;
use crate::domain::text::sanitize;
use crate::error::Error;

/// The results so far.
pub(super) struct Report {
    json: bool,
    checks: Vec<Check>,
}

#[derive(Serialize)]
struct Check {
    ok: bool,
    text: String,
    hint: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    ok: bool,
    checks: &'a [Check],
}

impl Report {
    pub(super) const fn new(json: bool) -> Self {
        Self { json, checks: Vec::new() }
    }

    /// A check passed.
    pub(super) fn good(&mut self, text: &str) -> Result<(), Error> {
        self.add(text, None)
    }

    /// A check failed, with how to fix it.
    pub(super) fn bad(&mut self, text: &str, hint: &str) -> Result<(), Error> {
        self.add(text, Some(hint))
    }

    fn add(&mut self, text: &str, hint: Option<&str>) -> Result<(), Error> {
        let (text, hint) = (sanitize(text), hint.map(sanitize));
        if !self.json {
            output::line(&format!("{}  {text}", if hint.is_none() { "ok  " } else { "FAIL" }))?;
            if let Some(hint) = &hint {
                output::line(&format!("      fix: {hint}"))?;
            }
        }
        self.checks.push(Check { ok: hint.is_none(), text, hint });
        Ok(())
    }

    /// Ends the report; returns the exit code.
    pub(super) fn end(&self) -> Result<u8, Error> {
        let ok = self.checks.iter().all(|check| check.ok);
        if self.json {
            output::json(&Document { ok, checks: &self.checks })?;
        }
        Ok(u8::from(!ok))
    }
}
