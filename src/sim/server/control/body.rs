//! The members of a control request: each is present, absent, or invalid with a reason.

use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::sim::engine::order::AccountNo;
use crate::sim::faults::parse_duration;
use crate::sim::server::query;
use crate::sim::server::reply::ApiError;
use crate::sim::server::state::Sim;

/// The members of a control request.
pub(super) struct Body<'a>(pub(super) &'a Map<String, Value>);

/// A request that cannot be carried out as it is written.
pub(super) fn wrong(message: impl Into<String>) -> ApiError {
    ApiError { code: None, ..ApiError::new(400, 0, message) }
}

impl Body<'_> {
    /// A member that is there; `null` is as good as none.
    pub(super) fn member(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text, if it is there; another value in its place would otherwise be passed over.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let text = |value| Value::as_str(value).ok_or_else(|| wrong(format!("{name} must be a text")));
        self.member(name).map(text).transpose()
    }

    pub(super) fn need(&self, name: &str) -> Result<&str, ApiError> {
        self.text(name)?.ok_or_else(|| wrong(format!("{name} is required")))
    }

    pub(super) fn id(&self, name: &str) -> Result<Uuid, ApiError> {
        query::id(self.need(name)?).ok_or_else(|| wrong(format!("{name} is not an id")))
    }

    pub(super) fn amount(&self, name: &str) -> Result<Option<Decimal>, ApiError> {
        query::amount(self.0, name)
    }

    pub(super) fn time(&self, name: &str) -> Result<Duration, ApiError> {
        self.time_up_to(name, "744h")
    }

    /// A length of time, at most `most` by the caller's own check or the parser's.
    pub(super) fn time_up_to(&self, name: &str, most: &str) -> Result<Duration, ApiError> {
        let text = self.need(name)?;
        let words =
            || wrong(format!("{name} must be a length of time such as 200ms, 5s, 2m or 1h, and {most} at most"));
        parse_duration(text).ok_or_else(words)
    }

    /// A whole number up to `most`, if present.
    pub(super) fn count(&self, name: &str, most: u32) -> Result<Option<u32>, ApiError> {
        let Some(value) = self.member(name) else { return Ok(None) };
        let count = value.as_u64().and_then(|count| u32::try_from(count).ok()).filter(|count| *count <= most);
        count.map(Some).ok_or_else(|| wrong(format!("{name} must be a whole number from 0 to {most}")))
    }

    /// True or false, if it is there.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        let flag = |value| Value::as_bool(value).ok_or_else(|| wrong(format!("{name} must be true or false")));
        self.member(name).map(flag).transpose()
    }

    pub(super) fn need_flag(&self, name: &str) -> Result<bool, ApiError> {
        self.flag(name)?.ok_or_else(|| wrong(format!("{name} is required")))
    }

    /// The account with this number or id; by default the first paper account.
    pub(super) fn account(&self, sim: &Sim, name: &str) -> Result<AccountNo, ApiError> {
        let named = self.text(name)?;
        sim.hub
            .find_account(named)
            .ok_or_else(|| ApiError::not_found(format!("no account {}", named.unwrap_or_default())))
    }

    pub(super) fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Result<T, ApiError> {
        let word = self.need(name)?;
        let found = choices.iter().find(|(choice, _)| *choice == word).map(|(_, value)| *value);
        found.ok_or_else(|| {
            let known: Vec<&str> = choices.iter().map(|(choice, _)| *choice).collect();
            wrong(format!("{name} must be one of {}", known.join(", ")))
        })
    }
}
