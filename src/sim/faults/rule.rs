//! One rule: fault, place, probability, duration, and its notation. Draws no random numbers itself.

use std::time::Duration;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use thiserror::Error;

use super::Origin;

/// Probability one, in millionths.
pub(super) const ALWAYS: u32 = 1_000_000;

/// Where a fault applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Site {
    Frame,
    Request,
    Upgrade,
}

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The socket ends without a close frame, before the frame.
    Drop,
    /// The frame is never sent; the socket stays open and answers pings.
    Starve,
    /// One frame is lost.
    Lose,
    /// The frame is sent twice.
    Duplicate,
    /// The frame is sent after the next one.
    Reorder,
    /// The frame and those behind it are delayed.
    Delay(Duration),
    /// A byte of the frame is damaged.
    Corrupt,
    /// Half of the frame is missing.
    Truncate,
    /// A frame with `"data": null` is sent first.
    DataNull,
    /// A frame with an unknown event is sent first.
    UnknownEvent,
    /// The frame lacks its `event_id`, like older ones.
    NoEventId,
    /// The frame is dropped because the reader is too slow; event streams over HTTP report that.
    Dropped,
    /// The server reports a failure and ends the stream.
    ServerError,
    /// An answer with this status and Alpaca's error body.
    Status(u16),
    /// An answer with this status and a page of HTML.
    Html(u16),
    /// The answer comes late.
    Slow(Duration),
    /// The request is carried out, but the connection ends without an answer.
    LoseAnswer,
    /// The connection ends before the request is carried out.
    LoseRequest,
    /// 429 with a wait of this long.
    RetryAfter(Duration),
    /// The body is `null`.
    NullBody,
    /// The amounts in the body's first row are empty.
    BadRow,
    /// Half of the body is missing.
    CutBody,
    /// A byte of the body is damaged.
    CorruptBody,
    /// Objects in the answer have unknown members.
    ExtraMembers,
    /// The websocket upgrade is answered with this status instead.
    RefuseUpgrade(u16),
}

impl Fault {
    /// Every name for specifications, with its description.
    pub const NAMES: &[(&str, &str)] = &[
        ("drop", "end the socket without a close frame"),
        ("starve", "keep the socket open and answer pings, but send no frames"),
        ("lose", "drop one frame"),
        ("duplicate", "send a frame twice"),
        ("reorder", "swap a frame with the next one"),
        ("delay=TIME", "delay a frame and those behind it"),
        ("corrupt", "damage a byte of a frame"),
        ("truncate", "send half of a frame"),
        ("data_null", "send a frame whose data is null first"),
        ("unknown_event", "send a frame with an unknown event first"),
        ("no_event_id", "leave event_id out of a frame"),
        ("dropped", "drop a frame; an event stream over HTTP says in a comment that its reader is too slow"),
        ("server_error", "report a server error, and end the stream"),
        ("401 403 404 422 429 500 502 503 504", "answer a request with this status"),
        ("html200 html403 html404 html502 html503 html504", "answer a request with this status and HTML"),
        ("retry_after=TIME", "answer a request with 429 and a wait of this long"),
        ("null_body", "answer a request with null"),
        ("bad_row", "empty the amounts of an answer's first row"),
        ("slow=TIME", "answer a request late"),
        ("lose_answer", "carry a request out, then end the connection without an answer"),
        ("lose_request", "end the connection without carrying the request out"),
        ("cut_body", "send half of an answer's body"),
        ("corrupt_body", "damage a byte of an answer's body"),
        ("extra_members", "add unknown members to the objects of an answer"),
        ("upgrade429 upgrade502 upgrade503", "answer a websocket upgrade with this status"),
    ];

    /// Parses a name and, for those that need one, a time.
    ///
    /// # Errors
    /// When the fault is unknown, or its time is missing or not allowed.
    pub fn parse(name: &str, time: Option<&str>) -> Result<Self, FaultError> {
        let needed = || {
            let text = time.ok_or_else(|| FaultError::NeedsTime(name.to_owned()))?;
            parse_duration(text).ok_or_else(|| FaultError::Duration(text.to_owned()))
        };
        let fault = match name {
            "delay" => return needed().map(Self::Delay),
            "slow" => return needed().map(Self::Slow),
            "retry_after" => return needed().map(Self::RetryAfter),
            "drop" => Self::Drop,
            "starve" => Self::Starve,
            "lose" => Self::Lose,
            "duplicate" => Self::Duplicate,
            "reorder" => Self::Reorder,
            "corrupt" => Self::Corrupt,
            "truncate" => Self::Truncate,
            "data_null" => Self::DataNull,
            "unknown_event" => Self::UnknownEvent,
            "no_event_id" => Self::NoEventId,
            "dropped" => Self::Dropped,
            "server_error" => Self::ServerError,
            "lose_answer" => Self::LoseAnswer,
            "lose_request" => Self::LoseRequest,
            "null_body" => Self::NullBody,
            "bad_row" => Self::BadRow,
            "cut_body" => Self::CutBody,
            "corrupt_body" => Self::CorruptBody,
            "extra_members" => Self::ExtraMembers,
            _ => Self::with_status(name).ok_or_else(|| FaultError::Unknown(name.to_owned()))?,
        };
        if time.is_some() { Err(FaultError::NoTime(name.to_owned())) } else { Ok(fault) }
    }

    fn with_status(name: &str) -> Option<Self> {
        let status = |digits: &str| digits.parse().ok().filter(|status| (400..600).contains(status));
        if let Some(digits) = name.strip_prefix("html") {
            // A gateway's page can also have a success status.
            return status(digits).or((digits == "200").then_some(200)).map(Self::Html);
        }
        if let Some(digits) = name.strip_prefix("upgrade") {
            return status(digits).map(Self::RefuseUpgrade);
        }
        status(name).map(Self::Status)
    }

    pub(super) const fn site(self) -> Site {
        match self {
            Self::Drop
            | Self::Starve
            | Self::Lose
            | Self::Duplicate
            | Self::Reorder
            | Self::Delay(_)
            | Self::Corrupt
            | Self::Truncate
            | Self::DataNull
            | Self::UnknownEvent
            | Self::NoEventId
            | Self::Dropped
            | Self::ServerError => Site::Frame,
            Self::Status(_)
            | Self::Html(_)
            | Self::Slow(_)
            | Self::LoseAnswer
            | Self::LoseRequest
            | Self::RetryAfter(_)
            | Self::NullBody
            | Self::BadRow
            | Self::CutBody
            | Self::CorruptBody
            | Self::ExtraMembers => Site::Request,
            Self::RefuseUpgrade(_) => Site::Upgrade,
        }
    }
}

/// Why a fault specification is invalid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FaultError {
    /// Too many rules.
    #[error("too many faults are active; clear removes them")]
    TooMany,
    /// Unknown fault.
    #[error("unknown fault {0:?}")]
    Unknown(String),
    /// The fault needs a time.
    #[error("fault {0:?} needs a time, as in {0}=200ms")]
    NeedsTime(String),
    /// The fault takes no time.
    #[error("fault {0:?} takes no time")]
    NoTime(String),
    /// Not a length of time.
    #[error("not a length of time: {0:?} (200ms, 5s, 2m, 1h; 744h at most)")]
    Duration(String),
    /// Not a probability.
    #[error("not a probability: {0:?} (5% or 0.05)")]
    Chance(String),
    /// Not a whole number.
    #[error("not a count: {0:?}")]
    Count(String),
    /// Unknown origin.
    #[error("unknown origin {0:?} (auth, paper, live, data)")]
    Origin(String),
}

/// When and where a fault applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub fault: Fault,
    /// Its name as given, for the log.
    pub name: String,
    /// Only on this origin.
    pub origin: Option<Origin>,
    /// Only for this method.
    pub method: Option<String>,
    /// Only for paths with this prefix.
    pub path: Option<String>,
    /// The probability, in millionths.
    pub chance: u32,
    /// Most times it applies.
    pub remaining: Option<u32>,
    /// The end, in time since the start.
    pub until: Option<Duration>,
}

impl Rule {
    /// A rule that always applies.
    ///
    /// # Errors
    /// As [`Fault::parse`].
    pub fn new(name: &str, time: Option<&str>) -> Result<Self, FaultError> {
        let fault = Fault::parse(name, time)?;
        let name = time.map_or_else(|| name.to_owned(), |time| format!("{name}={time}"));
        Ok(Self { fault, name, origin: None, method: None, path: None, chance: ALWAYS, remaining: None, until: None })
    }

    /// Parses `NAME[=TIME][@CHANCE][*COUNT][~FOR][/ORIGIN]`; the duration counts from `now`.
    ///
    /// # Errors
    /// With the part that is wrong.
    pub fn parse(text: &str, now: Duration) -> Result<Self, FaultError> {
        let marks = ['=', '@', '*', '~', '/'];
        let text = text.trim();
        let (name, mut rest) = text.find(marks).map_or((text, ""), |at| text.split_at(at));
        let (mut time, mut parts) = (None, Vec::new());
        while let Some(mark) = rest.chars().next() {
            let body = rest.get(1..).unwrap_or_default();
            let (value, next) = body.find(marks).map_or((body, ""), |at| body.split_at(at));
            if mark == '=' {
                time = Some(value);
            } else {
                parts.push((mark, value));
            }
            rest = next;
        }
        let mut rule = Self::new(name, time)?;
        for (mark, value) in parts {
            match mark {
                '@' => rule.chance = parse_chance(value).ok_or_else(|| FaultError::Chance(value.to_owned()))?,
                '*' => rule.remaining = Some(value.parse().map_err(|_| FaultError::Count(value.to_owned()))?),
                '~' => {
                    let lasts = parse_duration(value).ok_or_else(|| FaultError::Duration(value.to_owned()))?;
                    rule.until = Some(now + lasts);
                }
                _ => rule.origin = Some(Origin::from_word(value).ok_or_else(|| FaultError::Origin(value.to_owned()))?),
            }
        }
        Ok(rule)
    }

    pub(super) fn over(&self, now: Duration) -> bool {
        self.remaining == Some(0) || self.until.is_some_and(|until| now >= until)
    }
}

/// Longest time that is accepted, in milliseconds: thirty-one days.
const LONGEST_MS: u64 = 31 * 24 * 3_600_000;

/// Parses `200ms`, `5s`, `2m`, `1h`, up to thirty-one days.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let split = text.find(|ch: char| !ch.is_ascii_digit() && ch != '.')?;
    let (number, unit) = text.split_at(split);
    let number: Decimal = number.parse().ok()?;
    let millis = match unit {
        "ms" => number,
        "s" => number.checked_mul(Decimal::from(1000))?,
        "m" => number.checked_mul(Decimal::from(60_000))?,
        "h" => number.checked_mul(Decimal::from(3_600_000))?,
        _ => return None,
    };
    millis.to_u64().filter(|millis| *millis <= LONGEST_MS).map(Duration::from_millis)
}

/// Parses `5%` or `0.05` as millionths.
pub fn parse_chance(text: &str) -> Option<u32> {
    let text = text.trim();
    let (number, scale) = text.strip_suffix('%').map_or((text, ALWAYS), |number| (number, ALWAYS / 100));
    let number: Decimal = number.trim().parse().ok()?;
    number.checked_mul(Decimal::from(scale))?.to_u32().filter(|chance| *chance <= ALWAYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::ZERO;

    #[test]
    fn a_specification_names_fault_time_chance_count_length_and_origin() {
        let rule = Rule::parse("delay=250ms@12.5%*3~2m/paper", Duration::from_secs(1)).unwrap();
        assert_eq!(rule.fault, Fault::Delay(Duration::from_millis(250)));
        assert_eq!((rule.chance, rule.remaining), (125_000, Some(3)));
        assert_eq!((rule.until, rule.origin), (Some(Duration::from_secs(121)), Some(Origin::Paper)));
    }

    #[test]
    fn unreadable_parts_are_named() {
        for (text, error) in [
            ("melt", FaultError::Unknown("melt".into())),
            ("delay", FaultError::NeedsTime("delay".into())),
            ("drop=5s", FaultError::NoTime("drop".into())),
            ("drop@lots", FaultError::Chance("lots".into())),
            ("drop*many", FaultError::Count("many".into())),
            ("drop/mars", FaultError::Origin("mars".into())),
            ("delay=soon", FaultError::Duration("soon".into())),
            ("delay=999999h", FaultError::Duration("999999h".into())),
        ] {
            assert_eq!(Rule::parse(text, START), Err(error), "{text}");
        }
    }

    #[test]
    fn every_documented_name_is_a_fault() {
        for (names, _) in Fault::NAMES {
            for name in names.split(' ') {
                let (name, time) = name.split_once('=').map_or((name, None), |(name, _)| (name, Some("1s")));
                assert!(Fault::parse(name, time).is_ok(), "{name}");
            }
        }
    }
}
