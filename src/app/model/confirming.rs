//! The question that stands open, since when it can be read, and a yes that waits a moment.

use super::{AttemptPhase, Model, Overlay, Question};
use crate::app::keymap::Action;
use crate::domain::Mono;
use crate::link::AttemptId;

/// What a question asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// One of those that lie over the panes.
    Question(Question),
    /// Whether this attempt's links are saved, under these labels.
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

    /// Whether a yes still answers this.
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

/// The question that stands open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// Its number in this run: the same words asked again are another question.
    pub number: u64,
    /// What it asks.
    pub asked: Asked,
    /// Since when it stands.
    pub since: Mono,
    /// When the terminal had shown it; `None` before that.
    pub shown_at: Option<Mono>,
}

/// A yes that was given and is carried out when nothing follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirming {
    /// Which yes.
    pub action: Action,
    /// To which question, by its number.
    pub question: u64,
    /// When it counts.
    pub due: Mono,
}
