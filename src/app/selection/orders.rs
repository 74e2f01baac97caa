//! The Orders pane: the selected order, or the marked ones.

use super::{Selection, filled, nothing, require};
use crate::accounts::{AccountState, OrderKey, brief};
use crate::app::columns::{OrderColumn, placed_at, second_px, working_px};
use crate::app::keymap::Reason;
use crate::app::model::{Model, Pane};
use crate::app::overlays::{Next, OrderDetail};
use crate::app::refresh;

/// The selected or marked orders.
pub(super) struct Orders;

impl Selection for Orders {
    fn account<'a>(&self, model: &'a Model) -> Option<&'a AccountState> {
        let found = model.rows.orders.selected.and_then(|row| row.find(model.accounts.all()));
        found.map(|(account, _)| account).or_else(|| model.shown_account())
    }

    fn may_open(&self, model: &Model) -> Result<(), Reason> {
        chosen(model, "there is no order to open")
    }

    fn open(&self, model: &Model) -> Vec<Next> {
        model.selected_order().map(|key| Next::Open(OrderDetail::of(key).into())).into_iter().collect()
    }

    fn may_copy(&self, model: &Model) -> Result<(), Reason> {
        chosen(model, "there is no row to copy")
    }

    fn id(&self, model: &Model) -> Option<(String, &'static str)> {
        model.selected_order().map(|key| (key.order.to_string(), "order id"))
    }

    fn lines(&self, model: &Model) -> Vec<String> {
        let keys = marked(model);
        let keys = if keys.is_empty() { model.selected_order().into_iter().collect() } else { keys };
        keys.iter().filter_map(|key| line(model, key)).collect()
    }

    fn cells(&self, model: &Model) -> Vec<(&'static str, String)> {
        let Some(key) = &model.selected_order() else { return Vec::new() };
        let Some((account, order)) = model.accounts.get(&key.link).zip(model.accounts.order(key)) else {
            return Vec::new();
        };
        let mut cells = Vec::new();
        for column in OrderColumn::ALL {
            if column == OrderColumn::ClientOrderId {
                cells.push(("Order id", order.id.to_string()));
            }
            cells.extend(filled([(column.title(), column.copied(account, order))]));
        }
        cells
    }

    fn rebuild(&self, model: &mut Model) {
        refresh::refresh_orders_view(model);
    }
}

/// An order must be selected: the Orders pane has no cursor until the operator moves it there.
pub(in crate::app) fn chosen(model: &Model, none: &str) -> Result<(), Reason> {
    if model.rows.orders.rows.is_empty() {
        return nothing(model, Pane::Orders, none);
    }
    require(model.rows.orders.selected.is_some(), "no order is selected; {list.down} selects the first")
}

/// The marked orders that are shown, in list order.
fn marked(model: &Model) -> Vec<OrderKey> {
    if model.marks.is_empty() {
        return Vec::new();
    }
    let list = &model.rows.orders;
    let mut rows: Vec<_> = model.marks.iter().filter_map(|key| list.index_of(&model.order_row(key)?)).collect();
    rows.sort_unstable();
    rows.into_iter().filter_map(|row| model.order_key(*list.rows.get(row)?)).collect()
}

fn line(model: &Model, key: &OrderKey) -> Option<String> {
    let order = model.accounts.order(key)?;
    let at = placed_at(order).map_or_else(|| "--".to_owned(), |at| at.to_string());
    let px = match (working_px(order), second_px(order)) {
        (Some(stop), Some(limit)) => format!("{stop} limit {limit}"),
        (Some(px), None) => px.to_string(),
        (None, _) => "--".to_owned(),
    };
    Some(format!(
        "{at}\t{}\t{}\t{px}\t{}\t{}\t{}",
        brief(order),
        order.order_type,
        order.cum_qty,
        order.status,
        order.id
    ))
}
