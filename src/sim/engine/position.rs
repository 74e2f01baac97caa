//! A position and its arithmetic. Knows only the prices it is given.

use rust_decimal::Decimal;

/// Decimals kept of a cost that had to be divided.
const COST_PLACES: u32 = 12;

/// The quantity and cost of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The quantity; negative for a short position.
    pub qty: Decimal,
    /// The cost; negative for a short position.
    pub cost: Decimal,
    /// The cost, as if what was held overnight had been bought at yesterday's close.
    pub cost_today: Decimal,
    /// Realized profit since the account was opened.
    pub realized: Decimal,
}

impl Position {
    /// Applies a trade of signed `qty` at `price` per unit, contract multiplier included.
    pub fn trade(&mut self, qty: Decimal, price: Decimal) {
        let same_way = self.qty.is_zero() || self.qty.is_sign_negative() == qty.is_sign_negative();
        if same_way {
            self.qty += qty;
            self.cost += qty * price;
            self.cost_today += qty * price;
            return;
        }
        let closing = if qty.abs() > self.qty.abs() { -self.qty } else { qty };
        let left = self.qty + closing;
        let (cost, cost_today) = (share(self.cost, left, self.qty), share(self.cost_today, left, self.qty));
        self.realized += (cost - self.cost) - closing * price;
        (self.qty, self.cost, self.cost_today) = (left, cost, cost_today);
        let beyond = qty - closing;
        if !beyond.is_zero() {
            self.trade(beyond, price);
        }
    }

    /// Deducts a crypto fee, without a price.
    pub fn deduct(&mut self, qty: Decimal) {
        self.qty -= qty;
    }

    /// Average cost per unit, without the contract multiplier.
    pub fn avg_entry_price(&self, multiplier: Decimal) -> Decimal {
        self.cost.checked_div(self.qty * multiplier).unwrap_or_default().round_dp(9).normalize()
    }

    /// Starts a day at yesterday's close.
    pub fn begin_day(&mut self, close: Decimal, multiplier: Decimal) {
        self.cost_today = self.qty * close * multiplier;
    }
}

/// `cost * part / whole`; exact when nothing or everything is left.
fn share(cost: Decimal, part: Decimal, whole: Decimal) -> Decimal {
    if part.is_zero() {
        return Decimal::ZERO;
    }
    (cost * part).checked_div(whole).unwrap_or_default().round_dp(COST_PLACES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn trading_through_zero_starts_a_new_position_on_the_other_side() {
        let mut position = Position::default();
        position.trade(dec("10"), dec("100"));
        position.trade(dec("-15"), dec("110"));
        assert_eq!((position.qty, position.cost, position.realized), (dec("-5"), dec("-550"), dec("100")));
        position.trade(dec("5"), dec("100"));
        assert_eq!((position.qty, position.cost, position.realized), (dec("0"), dec("0"), dec("150")));
    }

    #[test]
    fn selling_a_part_keeps_the_average() {
        let mut position = Position::default();
        position.trade(dec("3"), dec("10"));
        position.trade(dec("4"), dec("11"));
        let before = position.avg_entry_price(Decimal::ONE);
        position.trade(dec("-2"), dec("12"));
        assert_eq!(position.avg_entry_price(Decimal::ONE), before);
        assert_eq!(before, dec("10.571428571"));
    }
}
