//! Limits of amounts: far above anything real, and low enough that products and sums stay exact. A request beyond them
//! is refused with a message.

use rust_decimal::Decimal;

use super::Refusal;
use super::order::{Changes, NewLeg, NewOrder, StopLoss};

/// Largest quantity: a billion.
const MOST_QTY: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);
/// Highest price: ten million dollars.
const HIGHEST_PRICE: Decimal = Decimal::from_parts(10_000_000, 0, 0, false, 0);
/// Largest amount of money: a hundred billion dollars.
const MOST_MONEY: Decimal = Decimal::from_parts(1_215_752_192, 23, 0, false, 0);
/// Largest ratio of a leg.
const LARGEST_RATIO: Decimal = Decimal::from_parts(1_000, 0, 0, false, 0);

fn within(name: &str, amount: Option<Decimal>, most: Decimal) -> Result<(), Refusal> {
    match amount {
        Some(amount) if amount.abs() > most => Err(Refusal::parameter(format!("{name} must be at most {most}"))),
        _ => Ok(()),
    }
}

/// Checks a quantity; must be positive.
pub(super) fn quantity(name: &str, qty: Decimal) -> Result<(), Refusal> {
    positive(name, qty)?;
    within(name, Some(qty), MOST_QTY)
}

/// Checks a price; must be positive.
pub(super) fn price(name: &str, price: Decimal) -> Result<(), Refusal> {
    positive(name, price)?;
    within(name, Some(price), HIGHEST_PRICE)
}

/// Checks an amount of money, of either sign.
pub(super) fn money(name: &str, amount: Decimal) -> Result<(), Refusal> {
    within(name, Some(amount), MOST_MONEY)
}

fn positive(name: &str, amount: Decimal) -> Result<(), Refusal> {
    if amount > Decimal::ZERO { Ok(()) } else { Err(Refusal::parameter(format!("{name} must be > 0"))) }
}

/// Checks every amount of an order request.
pub(super) fn order(new: &NewOrder) -> Result<(), Refusal> {
    // Destructured, so that a new amount cannot be forgotten here.
    let NewOrder {
        symbol: _,
        qty,
        notional,
        side: _,
        order_type: _,
        time_in_force: _,
        limit_price,
        stop_price,
        trail_price,
        trail_percent,
        extended_hours: _,
        client_order_id: _,
        order_class: _,
        take_profit,
        stop_loss,
        legs,
        position_intent: _,
        source: _,
    } = new;
    within("qty", *qty, MOST_QTY)?;
    within("notional", *notional, MOST_MONEY)?;
    let StopLoss { stop_price: protective_stop, limit_price: protective_limit } = stop_loss.unwrap_or_default();
    for (name, price) in [
        ("limit_price", *limit_price),
        ("stop_price", *stop_price),
        ("trail_price", *trail_price),
        ("trail_percent", *trail_percent),
        ("take_profit.limit_price", *take_profit),
        ("stop_loss.stop_price", protective_stop),
        ("stop_loss.limit_price", protective_limit),
    ] {
        within(name, price, HIGHEST_PRICE)?;
    }
    legs.iter().try_for_each(|NewLeg { symbol: _, ratio_qty, side: _, position_intent: _ }| {
        within("legs.ratio_qty", Some(*ratio_qty), LARGEST_RATIO)
    })
}

/// Checks every amount of a replace request.
pub(super) fn changes(changes: &Changes) -> Result<(), Refusal> {
    let Changes { qty, limit_price, stop_price, trail, time_in_force: _, client_order_id: _ } = changes;
    within("qty", *qty, MOST_QTY)?;
    within("limit_price", *limit_price, HIGHEST_PRICE)?;
    within("stop_price", *stop_price, HIGHEST_PRICE)?;
    within("trail", *trail, HIGHEST_PRICE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_billion_is_what_it_says() {
        assert_eq!(MOST_MONEY.to_string(), "100000000000");
        assert!(money("amount", -MOST_MONEY).is_ok());
        assert_eq!(money("amount", Decimal::MIN).unwrap_err().message, "amount must be at most 100000000000");
        assert!(price("price", Decimal::ZERO).is_err());
        assert!(quantity("qty", Decimal::MAX).is_err());
    }
}
