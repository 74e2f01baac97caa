//! The terms of an order as they are compared, by the merge and by the search for conflicts.

use rust_decimal::Decimal;

use crate::domain::money::{Price, Qty, is_rounding};
use crate::domain::order::Order;

/// The terms of an order and its average price, by name.
pub(super) type Terms = [(&'static str, Option<Decimal>); 7];

pub(super) fn terms(order: &Order) -> Terms {
    let price = |price: Option<Price>| price.map(Price::decimal);
    [
        ("quantity", order.qty.map(Qty::decimal)),
        ("limit", price(order.limit_px)),
        ("stop", price(order.stop_px)),
        ("high-water mark", price(order.hwm)),
        ("trail", price(order.trail_px)),
        ("trail percent", order.trail_percent),
        ("average price", price(order.avg_px)),
    ]
}

/// True for one value, apart from the rounding of a price.
pub(super) fn same_term(one: Option<Decimal>, another: Option<Decimal>) -> bool {
    one == another || one.zip(another).is_some_and(|(one, another)| is_rounding(one, another))
}
