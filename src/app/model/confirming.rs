//! A yes that waits a moment, and the question it answered.

use super::{AttemptPhase, Model, Overlay, Question};
use crate::app::keymap::Action;
use crate::domain::Mono;
use crate::link::AttemptId;

/// A question on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// One of those that lie over the panes.
    Question(Question),
    /// Whether this attempt's link is saved.
    Save(AttemptId),
}

impl Asked {
    /// The question that a yes answers now.
    pub fn of(model: &Model) -> Option<Self> {
        match model.top()? {
            Overlay::Question(question) => Some(Self::Question(question.clone())),
            Overlay::Linking => {
                let attempt = model.attempt.as_ref()?;
                matches!(attempt.phase, AttemptPhase::Confirm { .. }).then_some(Self::Save(attempt.id))
            }
            _ => None,
        }
    }
}

/// A yes that was given and is carried out when nothing follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirming {
    /// Which yes.
    pub action: Action,
    /// To what.
    pub asked: Asked,
    /// When it counts.
    pub due: Mono,
}
