//! The open question, since when it is readable, and a yes that is being held for a moment.

use super::{AttemptPhase, Model, Overlay, Question};
use crate::app::keymap::Action;
use crate::domain::Mono;
use crate::link::AttemptId;

/// What a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A question in an overlay.
    Question(Question),
    /// Whether to save the links of this attempt, with these labels.
    Save(AttemptId, Vec<String>),
}

impl Asked {
    /// What a yes answers now. While a label is typed a key is a letter.
    #[expect(clippy::wildcard_enum_match_arm, reason = "nothing else asks for a yes")]
    pub fn of(model: &Model) -> Option<Self> {
        match model.top()? {
            Overlay::Question(question) => Some(Self::Question(question.clone())),
            Overlay::Linking => {
                let attempt = model.attempt.as_ref()?;
                let AttemptPhase::Confirm { labels, editing: None, .. } = &attempt.phase else { return None };
                Some(Self::Save(attempt.id, labels.iter().map(|label| label.value().to_owned()).collect()))
            }
            _ => None,
        }
    }

    /// Whether this is still the open question.
    pub fn stands(&self, model: &Model) -> bool {
        match (self, model.top()) {
            (Self::Question(asked), Some(Overlay::Question(top))) => asked == top,
            (Self::Save(id, names), Some(Overlay::Linking)) => model.attempt.as_ref().is_some_and(|attempt| {
                let AttemptPhase::Confirm { labels, editing: None, .. } = &attempt.phase else { return false };
                attempt.id == *id && labels.iter().map(tui_input::Input::value).eq(names.iter().map(String::as_str))
            }),
            _ => false,
        }
    }
}

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
    /// The action.
    pub action: Action,
    /// The number of the question.
    pub question: u64,
    /// When it takes effect.
    pub due: Mono,
}
