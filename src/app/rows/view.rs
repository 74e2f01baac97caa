//! The filter and sort of a list of orders.

use super::{ListState, OrderRow, column};
use crate::accounts::AccountState;
use crate::app::columns::{OrderColumn, SortKey, SortValue, placed_at};
use crate::app::filter::{Filter, FilterClock};
use crate::domain::Order;

/// The filter and sort of a list of orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderView {
    pub filter: Filter,
    column: Option<OrderColumn>,
    reversed: bool,
}

impl OrderView {
    /// The filter and sort that the list asks for.
    pub fn of(list: &ListState<OrderRow>, clock: &FilterClock) -> Self {
        let mut filter = Filter::parse(&list.filter, clock);
        filter.problem = None;
        Self { filter, column: column(list.sort, &OrderColumn::ALL), reversed: list.reversed }
    }

    /// Whether working orders come before done ones.
    pub const fn has_working_first(&self) -> bool {
        self.column.is_none() && !self.reversed
    }

    /// Whether its rows are a subset of the other's, in the same order.
    pub fn narrows(&self, wider: &Self) -> bool {
        self.column == wider.column && self.reversed == wider.reversed && self.filter.narrows(&wider.filter)
    }

    /// Whether an order matches the filter.
    pub fn passes(&self, account: &AccountState, order: &Order) -> bool {
        self.filter.is_empty() || self.filter.order(account, order)
    }

    /// The sort key of an order; `None` when the filter excludes it.
    pub fn key(&self, account: &AccountState, order: &Order) -> Option<SortKey> {
        if !self.passes(account, order) {
            return None;
        }
        let at = placed_at(order);
        let Some(column) = self.column else {
            // The default order: working orders first, then the newest.
            let group = u8::from(order.status.is_terminal() != self.reversed);
            return Some(SortKey::new(group, at.map(SortValue::Time), !self.reversed, at));
        };
        let descending = column.descending() != self.reversed;
        Some(SortKey::new(0, column.value(account, order), descending, at))
    }
}
