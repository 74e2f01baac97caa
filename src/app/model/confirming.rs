//! The open question, since when it is readable, and a yes that is being held for a moment.

use crate::app::keymap::Action;
use crate::app::overlays::Asked;
use crate::domain::Mono;

/// The open question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// Its number in this run; the same question asked again has another one.
    pub number: u64,
    /// What it is about.
    pub asked: Asked,
    /// Since when it is open.
    pub since: Mono,
    /// When the terminal confirmed showing it; `None` until then.
    pub shown_at: Option<Mono>,
}

/// A yes that takes effect when no other key follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirming {
    pub action: Action,
    /// The number of the question.
    pub question: u64,
    /// When it takes effect.
    pub due: Mono,
}
