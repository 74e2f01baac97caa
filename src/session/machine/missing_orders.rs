//! Orders shown as working although the broker answers that it has no such order.
//!
//! For a moment that is normal: REST may not know yet what the stream has reported. If it lasts, the list of working
//! orders is not the broker's, and the account is not live.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::blotter::Blotter;
use crate::domain::{Mono, OrderId};

/// REST knows after this long what the stream reported (docs/ALPACA.md 6.8).
const LASTING: Duration = Duration::from_secs(12);

/// When the broker first denied each order.
#[derive(Debug, Default)]
pub(super) struct MissingOrders {
    since: BTreeMap<OrderId, Mono>,
}

impl MissingOrders {
    /// Notes the result of a pass that `began` then: the orders that it requested by id and that were `denied`, and the
    /// orders `seen`. All others stay as they were.
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

    /// True while REST may merely lag for one of them.
    pub(super) fn is_open(&self, began: Mono) -> bool {
        self.since.values().any(|since| began.since(*since) < LASTING)
    }

    /// The orders denied for longer than REST lags, as a sentence without a final stop.
    pub(super) fn words(&self, began: Mono) -> Option<String> {
        let mut lasting = self.since.iter().filter(|(_, since)| began.since(**since) >= LASTING).map(|(id, _)| id);
        let first = lasting.next()?;
        let more = lasting.count();
        let others = if more == 0 { String::new() } else { format!(" and {more} more") };
        Some(format!("the broker does not have order {first}{others}, shown here as working"))
    }
}
