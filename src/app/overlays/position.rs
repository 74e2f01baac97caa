//! One position in detail.

use super::{Data, Handler, Next, Place};
use crate::accounts::PositionKey;
use crate::app::keymap::{Action, Reason, Scope};

/// One position in detail.
#[derive(Debug, Clone)]
pub struct PositionDetail {
    pub key: PositionKey,
    /// First visible line.
    pub scroll: usize,
}

impl Handler for PositionDetail {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Overlay]
    }

    fn place(&mut self, _: &Data<'_>) -> Place<'_> {
        Place::Scroll(&mut self.scroll)
    }

    fn available(&self, action: Action, _: &Data<'_>) -> Option<Result<(), Reason>> {
        (action == Action::Copy).then_some(Ok(()))
    }

    fn act(&mut self, action: Action, _: isize, _: &Data<'_>) -> Option<Vec<Next>> {
        (action == Action::Copy).then(|| Next::copy(&self.key.symbol.to_string(), "symbol"))
    }
}
