//! The welcome screen of the first run.

use super::{Data, Handler, Next};
use crate::app::keymap::{Action, Scope};

/// The welcome screen of the first run.
#[derive(Debug, Clone)]
pub struct Welcome;

impl Handler for Welcome {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Welcome]
    }

    fn act(&mut self, action: Action, _: isize, _: &Data<'_>) -> Option<Vec<Next>> {
        (action == Action::AddBroker).then(|| vec![Next::Close, Next::Act(action)])
    }
}
