//! The range of an event stream: the four parameters, and their valid combinations.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::sim::engine::event::EventId;
use crate::sim::server::reply::ApiError;

/// The query of both streams.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Span {
    since: Option<String>,
    until: Option<String>,
    since_id: Option<String>,
    until_id: Option<String>,
}

/// The parsed query.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bounds {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    since_id: Option<EventId>,
    until_id: Option<EventId>,
}

impl Bounds {
    /// Parses the query; an empty parameter counts as missing.
    pub(super) fn read(span: &Span) -> Result<Self, ApiError> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let moment = |name: &str, text: &Option<String>| {
            let read = |text: String| parse_moment(&text).ok_or_else(|| invalid(name, "an RFC 3339 time or a date"));
            given(text).map(read).transpose()
        };
        let id = |name: &str, text: &Option<String>| {
            let read = |text: String| EventId::parse(&text).ok_or_else(|| invalid(name, "a ULID"));
            given(text).map(read).transpose()
        };
        let bounds = Self {
            since: moment("since", &span.since)?,
            until: moment("until", &span.until)?,
            since_id: id("since_id", &span.since_id)?,
            until_id: id("until_id", &span.until_id)?,
        };
        if bounds.since.is_some() && bounds.since_id.is_some() {
            return Err(refused("since and since_id cannot be used together"));
        }
        if bounds.until.is_some() && bounds.since.is_none() {
            return Err(refused("since is required if until is specified"));
        }
        if bounds.until_id.is_some() && bounds.since_id.is_none() {
            return Err(refused("since_id is required if until_id is specified"));
        }
        Ok(bounds)
    }

    /// Whether past events are requested.
    pub(super) fn replays(&self) -> bool {
        self.since.is_some() || self.since_id.is_some()
    }

    /// Whether an item is within the start: at or after the time, after the id.
    pub(super) fn begins_by(&self, id: EventId, at: Timestamp) -> bool {
        self.since.is_none_or(|since| at >= since) && self.since_id.is_none_or(|since| id > since)
    }

    /// Whether an item sent at this time may be within the range.
    pub(super) fn reaches_back_to(&self, id: EventId, at: Timestamp) -> bool {
        self.replays() && self.begins_by(id, at)
    }

    /// Whether an item is after the end.
    pub(super) fn is_past(&self, id: EventId, at: Timestamp) -> bool {
        self.until.is_some_and(|until| at > until) || self.until_id.is_some_and(|until| id > until)
    }

    /// Whether an item is the last possible one.
    pub(super) fn ends_with(&self, id: EventId) -> bool {
        self.until_id.is_some_and(|until| id >= until)
    }

    /// The first time at which nothing more can come; an id contains its millisecond.
    pub(super) fn ends_at(&self) -> Option<Timestamp> {
        // Events may be dated up to a millisecond ahead.
        let beyond =
            |moment: Timestamp| moment.saturating_add(SignedDuration::from_millis(2)).unwrap_or(Timestamp::MAX);
        let of_id = |id: EventId| {
            let millis = i64::try_from(id.0 >> 80).unwrap_or(i64::MAX);
            Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
        };
        self.until.or(self.until_id.map(of_id)).map(beyond)
    }
}

fn invalid(name: &str, wanted: &str) -> ApiError {
    refused(&format!("invalid {name}: must be {wanted}"))
}

fn refused(message: &str) -> ApiError {
    ApiError::new(400, 40_010_000, message)
}

fn parse_moment(text: &str) -> Option<Timestamp> {
    let date = || text.parse::<Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    text.parse().ok().or_else(|| date().map(|zoned| zoned.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &[(&str, &str)]) -> Result<Bounds, ApiError> {
        let get = |name: &str| query.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Bounds::read(&Span {
            since: get("since"),
            until: get("until"),
            since_id: get("since_id"),
            until_id: get("until_id"),
        })
    }

    const ID: &str = "01M2TB1W7J21FPR8S4CTGVBY7J";

    #[test]
    fn parameters_that_do_not_go_together_are_refused() {
        for (query, words) in [
            (&[("until", "2026-03-02")][..], "since is required"),
            (&[("until_id", ID)], "since_id is required"),
            (&[("since", "2026-03-02"), ("since_id", ID)], "together"),
            (&[("since", "2026-03-02"), ("until_id", ID)], "since_id is required"),
            (&[("since_id", ID), ("until", "2026-03-02")], "since is required"),
            (&[("since", "yesterday")], "invalid since: "),
            (&[("since_id", "12")], "invalid since_id: "),
        ] {
            let refusal = read(query).unwrap_err();
            assert_eq!(refusal.status, 400);
            assert!(refusal.message.contains(words), "{query:?}: {}", refusal.message);
        }
        assert!(!read(&[("since", "")]).unwrap().replays());
    }

    #[test]
    fn both_ends_are_as_described() {
        let moment = |text: &str| text.parse::<Timestamp>().unwrap();
        let (low, high) = (moment("2026-03-02T15:00:00Z"), moment("2026-03-02T16:00:00.000001Z"));
        let bounds = read(&[("since", "2026-03-02T15:00:00Z"), ("until", "2026-03-02T16:00:00.000001Z")]).unwrap();
        let nano = SignedDuration::from_nanos(1);
        assert!(bounds.begins_by(EventId(1), low) && !bounds.begins_by(EventId(1), low - nano));
        assert!(!bounds.is_past(EventId(1), high) && bounds.is_past(EventId(1), high + nano));
        let id = EventId::parse(ID).unwrap();
        let next = EventId(id.0 + 1);
        let bounds = read(&[("since_id", ID), ("until_id", &next.to_string())]).unwrap();
        assert!(!bounds.begins_by(id, low) && bounds.begins_by(next, low));
        assert!(!bounds.is_past(next, low) && bounds.ends_with(next) && !bounds.ends_with(id));
        assert_eq!(bounds.ends_at().unwrap().as_millisecond(), i64::try_from(id.0 >> 80).unwrap() + 2);
    }
}
