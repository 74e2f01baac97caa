//! Decodes the wire's JSON into domain types (docs/ALPACA.md 4 to 6).
//!
//! Owns every assumption about how a member is written, so that no other layer has one. A member may be missing,
//! `null`, or of another type than documented, and affects only its own field; unknown words are kept; the full text of
//! each object is kept in its [`Raw`]. An amount of more than 28 digits does not fit the exact decimal: its field is
//! `None` and the digits are in `raw`.

mod account;
mod activity;
mod error;
mod loose;
mod market;
mod msgpack;
mod order;
mod position;
mod update;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

pub use account::account;
pub use activity::activity;
pub(super) use error::refusal;
pub use market::{clock, history};
pub use order::{order, orders};
pub use position::{position, positions};
pub use update::{Frame, frame, message, update};

use self::loose::Loose;
use crate::domain::Untrusted;
use crate::domain::order::Raw;

/// Why a body or frame cannot be decoded. The message contains no part of the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WireError {
    /// Not JSON, or truncated.
    #[error("{what} is not readable JSON: {why}")]
    Json {
        /// What was expected.
        what: &'static str,
        /// The kind of error and its position.
        why: String,
    },
    /// A required member is missing or unreadable.
    #[error("{what} without a usable {member}")]
    Member {
        /// What was expected.
        what: &'static str,
        /// The member's name.
        member: &'static str,
    },
    /// Another row of the list is of the same thing.
    #[error("{what} is listed twice")]
    Twice {
        /// What is listed.
        what: &'static str,
    },
}

impl WireError {
    fn json(what: &'static str, error: &serde_json::Error) -> Self {
        // Serde's own message may quote the text; position and category cannot.
        let category = match error.classify() {
            serde_json::error::Category::Eof => "cut short",
            serde_json::error::Category::Syntax => "bad syntax",
            serde_json::error::Category::Data | serde_json::error::Category::Io => "unexpected shape",
        };
        Self::Json { what, why: format!("{category} at line {} column {}", error.line(), error.column()) }
    }
}

/// A row that cannot be read, named by the broker's text, and why.
#[derive(Debug)]
pub struct BadRow {
    /// The row's symbol and id, or its number, by which the user can find it.
    pub row: Untrusted,
    /// The row's id, if it has one.
    pub id: Option<Arc<str>>,
    /// The reason, without any part of the row.
    pub why: String,
}

impl BadRow {
    /// The row with its first unreadable member; `None` when there is none.
    pub fn of(row: &str, place: usize, lacks: &[WireError]) -> Option<Self> {
        let first = lacks.first()?;
        let (row, id) = name(row, place);
        Some(Self { row, id, why: first.to_string() })
    }
}

/// Decodes every element of a JSON array with `one`, and names those that are unreadable or lack a member: one bad row
/// hides no good one, and the caller knows that the list is incomplete.
///
/// # Errors
/// When the text is not an array.
pub fn rows<T>(
    text: &str,
    what: &'static str,
    one: impl Fn(&str, &mut Lacks) -> Result<T, WireError>,
) -> Result<(Vec<T>, Vec<BadRow>), WireError> {
    let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| WireError::json(what, &error))?;
    let (mut read, mut unread) = (Vec::new(), Vec::new());
    for (place, element) in elements.into_iter().enumerate() {
        let mut lacks = Lacks::new();
        match one(element.get(), &mut lacks) {
            Ok(row) => read.push(row),
            Err(error) => lacks.insert(0, error),
        }
        unread.extend(BadRow::of(element.get(), place, &lacks));
    }
    Ok((read, unread))
}

/// The row's symbol and id, else its number; and its id.
fn name(row: &str, place: usize) -> (Untrusted, Option<Arc<str>>) {
    #[derive(Default, Deserialize)]
    struct Named<'a> {
        #[serde(borrow, default)]
        id: Loose<'a>,
        #[serde(borrow, default)]
        symbol: Loose<'a>,
    }
    let named: Named<'_> = serde_json::from_str(row).unwrap_or_default();
    let words: Vec<&str> = [&named.symbol, &named.id].into_iter().filter_map(|word| word.some_word()).collect();
    let name = if words.is_empty() { format!("row {}", place + 1) } else { words.join(" ") };
    (name.into(), named.id.some_word().map(Arc::from))
}

/// Members of a readable object that are present and unreadable.
pub type Lacks = Vec<WireError>;

fn raw(text: &str) -> Raw {
    Raw(Some(text.into()))
}

#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one variant")]
mod tests;
