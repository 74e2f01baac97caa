//! The key table, with a search.

use tui_input::Input as Field;

use super::{Data, Handler, Next, Place};
use crate::app::keymap::{Action, Scope};

/// The key table, filtered by `query`.
#[derive(Debug, Clone, Default)]
pub struct Help {
    /// The search text.
    pub query: Field,
    /// Whether keys go into `query`.
    pub typing: bool,
    /// First visible line.
    pub scroll: usize,
}

impl Handler for Help {
    fn scopes(&self) -> &'static [Scope] {
        if self.typing { &[Scope::Text] } else { &[Scope::Help, Scope::Overlay] }
    }

    fn place(&mut self, _: &Data<'_>) -> Place<'_> {
        Place::Scroll(&mut self.scroll)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other actions are handled elsewhere")]
    fn act(&mut self, action: Action, _: isize, _: &Data<'_>) -> Option<Vec<Next>> {
        match action {
            Action::Help => return Some(vec![Next::Close]),
            Action::SearchHelp => self.typing = true,
            Action::Accept => self.typing = false,
            Action::Back if self.typing || !self.query.value().is_empty() => {
                self.query.reset();
                self.typing = false;
            }
            _ => return None,
        }
        Some(Vec::new())
    }

    fn field(&mut self) -> Option<&mut Field> {
        self.typing.then_some(&mut self.query)
    }

    fn typed(&mut self, _: &Data<'_>) {
        self.scroll = 0;
    }
}
