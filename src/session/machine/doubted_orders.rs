//! Orders known only from the stream since the account last answered. A frame does not name its account, so they prove
//! nothing about answers that name them until the linked account answers a request sent after the frame.

use std::collections::HashMap;

use crate::domain::OrderId;
use crate::session::request::RequestId;

/// The orders, and which account request confirms each: this one or a later one.
#[derive(Debug, Default)]
pub(super) struct DoubtedOrders(HashMap<OrderId, RequestId>);

impl DoubtedOrders {
    /// The stream made an order known.
    pub(super) fn reported(&mut self, order: &OrderId, from: RequestId) {
        self.0.insert(order.clone(), from);
    }

    /// The linked account answered this request.
    pub(super) fn account_confirmed(&mut self, request: RequestId) {
        self.0.retain(|_, from| *from > request);
    }

    /// An answer that is proven names these orders.
    pub(super) fn proven<'a>(&mut self, orders: impl Iterator<Item = &'a OrderId>) {
        for order in orders {
            self.0.remove(order);
        }
    }

    pub(super) fn contains(&self, order: &OrderId) -> bool {
        self.0.contains_key(order)
    }
}
