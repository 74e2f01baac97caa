//! What a list of orders shows, and by what it is sorted.

use super::{ListState, OrderRow, column};
use crate::accounts::AccountState;
use crate::app::columns::{OrderColumn, SortKey, SortValue, placed_at};
use crate::app::filter::Filter;
use crate::domain::Order;

/// What a list of orders shows: a filter, and an order of the rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderView {
    pub filter: Filter,
    column: Option<OrderColumn>,
    reversed: bool,
}

impl OrderView {
    /// What the list asks for.
    pub fn of(list: &ListState<OrderRow>) -> Self {
        let mut filter = Filter::parse(&list.filter);
        filter.problem = None;
        Self { filter, column: column(list.sort, &OrderColumn::ALL), reversed: list.reversed }
    }

    /// Whether working orders stand before done ones.
    pub const fn has_working_first(&self) -> bool {
        self.column.is_none() && !self.reversed
    }

    /// Whether its rows are some of the other's, in the same order.
    pub fn narrows(&self, wider: &Self) -> bool {
        self.column == wider.column && self.reversed == wider.reversed && self.filter.narrows(&wider.filter)
    }

    /// Whether the filter lets an order through.
    pub fn passes(&self, account: &AccountState, order: &Order) -> bool {
        self.filter.is_empty() || self.filter.order(account, order)
    }

    /// What an order is sorted by; `None` when the filter keeps it out.
    pub fn key(&self, account: &AccountState, order: &Order) -> Option<SortKey> {
        if !self.passes(account, order) {
            return None;
        }
        let at = placed_at(order);
        let Some(column) = self.column else {
            // The pane's own order: what can still trade first, then the newest.
            let group = u8::from(order.status.is_terminal() != self.reversed);
            return Some(SortKey::new(group, at.map(SortValue::Time), !self.reversed, at));
        };
        let descending = column.descending() != self.reversed;
        Some(SortKey::new(0, column.value(account, order), descending, at))
    }
}
