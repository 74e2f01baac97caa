//! Parses what clients send: query strings, bodies, times, ids. Every failure is an error in the service's form.

use std::collections::{HashMap, HashSet};

use axum::body::Bytes;
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::sim::calendar;
use crate::sim::server::reply::ApiError;
use crate::sim::wire;

/// The parameters of a query string; of repeated ones the last counts.
pub(super) type Params = HashMap<String, String>;

/// A parameter that is present and not empty.
pub(super) fn param<'a>(params: &'a Params, name: &str) -> Option<&'a str> {
    params.get(name).map(String::as_str).filter(|text| !text.is_empty())
}

/// A comma-separated parameter, each word once: an answer must not be made as often as it is asked for.
pub(super) fn list(params: &Params, name: &str) -> Vec<String> {
    let text = param(params, name).unwrap_or_default();
    let mut seen = HashSet::new();
    let words = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    words.filter(|part| seen.insert(*part)).map(str::to_owned).collect()
}

/// A number with a default and bounds.
pub(super) fn number(params: &Params, name: &str, default: usize, max: usize) -> Result<usize, ApiError> {
    let Some(text) = param(params, name) else { return Ok(default) };
    let number: usize = text.parse().map_err(|_| ApiError::parameter(format!("invalid {name}")))?;
    if number > max {
        return Err(ApiError::parameter(format!("{name} must be at most {max}")));
    }
    Ok(number)
}

/// A boolean with a default.
pub(super) fn flag(params: &Params, name: &str) -> Result<bool, ApiError> {
    match param(params, name) {
        Some("true" | "True" | "1") => Ok(true),
        None | Some("false" | "False" | "0") => Ok(false),
        Some(_) => Err(ApiError::parameter(format!("invalid {name}"))),
    }
}

/// True for `asc`, false for `desc`, which is the default.
pub(super) fn ascending(params: &Params) -> Result<bool, ApiError> {
    match param(params, "direction") {
        None | Some("desc") => Ok(false),
        Some("asc") => Ok(true),
        Some(_) => Err(ApiError::parameter("invalid direction")),
    }
}

/// A time, or the midnight of a date in New York.
pub(super) fn moment(params: &Params, name: &str) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = param(params, name) else { return Ok(None) };
    parse_moment(text).map(Some).ok_or_else(|| ApiError::parameter(format!("invalid {name}")))
}

/// RFC 3339, a date, or Unix seconds.
pub(super) fn parse_moment(text: &str) -> Option<Timestamp> {
    // A plus sign that was not percent-encoded arrives as a space.
    let text = text.replace(' ', "+");
    if let Ok(moment) = text.parse() {
        return Some(moment);
    }
    if let Ok(seconds) = text.parse::<i64>() {
        return Timestamp::from_second(seconds).ok();
    }
    let midnight = jiff::civil::time(0, 0, 0, 0);
    text.parse::<Date>().ok().map(|date| calendar::instant(date, midnight))
}

/// A date.
pub(super) fn date(params: &Params, name: &str) -> Result<Option<Date>, ApiError> {
    let Some(text) = param(params, name) else { return Ok(None) };
    let day = text.get(..10).unwrap_or(text);
    day.parse().map(Some).map_err(|_| ApiError::parameter(format!("invalid {name}")))
}

/// An exact decimal.
pub(super) fn decimal(params: &Params, name: &str) -> Result<Option<Decimal>, ApiError> {
    let Some(text) = param(params, name) else { return Ok(None) };
    wire::amount(&Value::from(text)).map_err(|_| ApiError::parameter(format!("invalid {name}")))
}

/// An id, with or without dashes.
pub(super) fn id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok()
}

/// A body that is a JSON object; an empty body counts as `{}`.
pub(super) fn object(body: &Bytes) -> Result<Map<String, Value>, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    serde_json::from_slice(body).map_err(|_| ApiError::undecodable())
}

/// An amount in a body, as a string or a number.
pub(super) fn amount(body: &Map<String, Value>, name: &str) -> Result<Option<Decimal>, ApiError> {
    let Some(value) = body.get(name) else { return Ok(None) };
    wire::amount(value).map_err(|_| ApiError::parameter(format!("invalid {name}")))
}

/// A string in a body.
pub(super) fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, ApiError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ApiError::undecodable()),
    }
}

/// A word of an enumeration in a body.
pub(super) fn word<T>(
    body: &Map<String, Value>,
    name: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ApiError> {
    let Some(text) = text(body, name)? else { return Ok(None) };
    read(text).map(Some).ok_or_else(|| ApiError::parameter(format!("invalid {name}")))
}

/// A boolean in a body.
pub(super) fn truth(body: &Map<String, Value>, name: &str) -> Result<Option<bool>, ApiError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(value)) => Ok(Some(*value)),
        Some(Value::String(text)) if text == "true" => Ok(Some(true)),
        Some(Value::String(text)) if text == "false" => Ok(Some(false)),
        Some(_) => Err(ApiError::undecodable()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_come_in_several_forms() {
        let zulu = parse_moment("2026-03-02T17:00:00Z").unwrap();
        assert_eq!(parse_moment("2026-03-02T12:00:00-05:00"), Some(zulu));
        assert_eq!(parse_moment("2026-03-02T17:00:00 00:00"), Some(zulu), "a plus sign that became a space");
        assert_eq!(parse_moment("1772470800"), Some(zulu));
        assert_eq!(parse_moment("2026-03-02").unwrap().to_string(), "2026-03-02T05:00:00Z");
        assert_eq!(parse_moment("yesterday"), None);
    }

    #[test]
    fn a_word_that_is_repeated_counts_once() {
        let params = Params::from([("symbols".to_owned(), "AAPL, F,,AAPL,F ,aapl".to_owned())]);
        assert_eq!(list(&params, "symbols"), ["AAPL", "F", "aapl"]);
    }

    #[test]
    fn ids_are_read_with_and_without_dashes() {
        let dashed = id("b28e2b24-b1b2-40cc-8979-63f45e8edc02");
        assert!(dashed.is_some());
        assert_eq!(id("b28e2b24b1b240cc897963f45e8edc02"), dashed);
        assert_eq!(id("b28e"), None);
    }
}
