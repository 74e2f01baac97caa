//! One order in detail.

use super::{Data, Handler, Next, Place};
use crate::accounts::OrderKey;
use crate::app::effect::{Copied, Effect, TerminalEffect};
use crate::app::keymap::{Action, Reason, Scope};

/// One order in detail.
#[derive(Debug, Clone)]
pub struct OrderDetail {
    pub key: OrderKey,
    /// First visible line.
    pub scroll: usize,
    /// Whether to show the broker's JSON instead of the fields.
    pub raw: bool,
}

impl OrderDetail {
    /// The fields of an order.
    pub const fn of(key: OrderKey) -> Self {
        Self { key, scroll: 0, raw: false }
    }

    fn copy(&self, data: &Data<'_>) -> Vec<Next> {
        if !self.raw {
            return Next::copy(&self.key.order.to_string(), "order id");
        }
        let json = data.accounts.order(&self.key).and_then(|order| order.raw.0.as_deref());
        let json = json.map(|json| {
            Effect::Terminal(TerminalEffect::Copy { text: Copied::json(json), what: "order's JSON".to_owned() })
        });
        json.map(Next::Do).into_iter().collect()
    }
}

impl Handler for OrderDetail {
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::OrderDetail, Scope::Overlay]
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
            Action::Copy => Some(self.copy(data)),
            Action::RawJson => {
                (self.raw, self.scroll) = (!self.raw, 0);
                Some(Vec::new())
            }
            _ => None,
        }
    }

    fn order(&self) -> Option<&OrderKey> {
        Some(&self.key)
    }
}
