//! Orders that are shown as working while the broker answers that it has no such order.
//!
//! For a moment that is normal: REST may not know yet what the stream has told. When it lasts, the list of working orders is
//! not the broker's, and the account is not live.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::blotter::Blotter;
use crate::domain::{Mono, OrderId};

/// REST knows what the stream told after this long (docs/ALPACA.md 6.8).
const LASTING: Duration = Duration::from_secs(12);

/// Since when the broker has denied each of them.
#[derive(Debug, Default)]
pub(super) struct MissingOrders {
    since: BTreeMap<OrderId, Mono>,
}

impl MissingOrders {
    /// Takes what a pass that `began` then was told: the orders that it asked for by id and that are `denied`, and those
    /// that it has `seen`. What it did not ask for stays as it was.
    pub(super) fn note<'a>(
        &mut self,
        denied: &[OrderId],
        seen: impl Iterator<Item = &'a OrderId>,
        blotter: &Blotter,
        began: Mono,
    ) {
        for id in seen {
            self.since.remove(id);
        }
        for id in denied {
            self.since.entry(id.clone()).or_insert(began);
        }
        self.since.retain(|id, _| blotter.order(id).is_some_and(|order| order.status.is_working()));
    }

    /// True while REST may only be behind with one of them.
    pub(super) fn is_open(&self, began: Mono) -> bool {
        self.since.values().any(|since| began.since(*since) < LASTING)
    }

    /// What to say of those that are denied for longer than REST lags, as a sentence without a stop.
    pub(super) fn words(&self, began: Mono) -> Option<String> {
        let mut lasting = self.since.iter().filter(|(_, since)| began.since(**since) >= LASTING).map(|(id, _)| id);
        let first = lasting.next()?;
        let more = lasting.count();
        let others = if more == 0 { String::new() } else { format!(" and {more} more") };
        Some(format!("the broker does not have order {first}{others}, shown here as working"))
    }
}
