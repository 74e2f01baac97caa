//! The list of errors; opening it marks them as read.

use super::{Data, Handler, Next, Place};
use crate::app::keymap::{Action, Reason, Scope};
use crate::domain::text::clean;

/// The list of errors.
#[derive(Debug, Clone, Default)]
pub struct ErrorList {
    /// First visible line.
    pub scroll: usize,
}

impl Handler for ErrorList {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Overlay]
    }

    fn place(&mut self, _: &Data<'_>) -> Place<'_> {
        Place::Scroll(&mut self.scroll)
    }

    fn available(&self, action: Action, _: &Data<'_>) -> Option<Result<(), Reason>> {
        (action == Action::Copy).then_some(Ok(()))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other actions are handled elsewhere")]
    fn act(&mut self, action: Action, _: isize, data: &Data<'_>) -> Option<Vec<Next>> {
        match action {
            Action::Copy => {
                let line = |error: &crate::accounts::Trouble| format!("{} {}", error.at.wall, clean(&error.text));
                let lines: Vec<String> = data.errors.iter().map(line).collect();
                Some(Next::copy(&lines.join("\n"), "errors"))
            }
            // The list is open already, and what is in it is read.
            Action::Errors => Some(Vec::new()),
            _ => None,
        }
    }

    fn shows_errors(&self) -> bool {
        true
    }
}
