//! Sums over positions.

use super::money::{Money, Qty};
use super::position::Position;

/// Sums over positions, each missing if a part of it is: a total includes every position or is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositionTotals {
    /// Market value of long positions.
    pub long: Option<Money>,
    /// Market value of short positions; not positive.
    pub short: Option<Money>,
    /// Market value, short positions negative.
    pub value: Option<Money>,
    /// Unrealized profit or loss since the last close.
    pub day_pl: Option<Money>,
    /// Unrealized profit or loss.
    pub pl: Option<Money>,
    /// What was paid or received, as an amount.
    cost: Option<Money>,
}

impl Default for PositionTotals {
    fn default() -> Self {
        let zero = Some(Money::ZERO);
        Self { long: zero, short: zero, value: zero, day_pl: zero, pl: zero, cost: zero }
    }
}

impl PositionTotals {
    /// Adds a position.
    pub fn add(&mut self, position: &Position) {
        let plus = |sum: &mut Option<Money>, part: Option<Money>| {
            *sum = sum.zip(part).and_then(|(sum, part)| sum.checked_add(part));
        };
        let value = position.market_value;
        match position.qty.map(Qty::is_negative) {
            Some(true) => plus(&mut self.short, value),
            Some(false) => plus(&mut self.long, value),
            None => (self.long, self.short) = (None, None),
        }
        plus(&mut self.value, value);
        plus(&mut self.day_pl, position.unrealized_intraday_pl);
        plus(&mut self.pl, position.unrealized_pl);
        plus(&mut self.cost, position.cost_basis.map(Money::abs));
    }

    /// Market value of long and short positions, both as amounts.
    pub fn gross(&self) -> Option<Money> {
        self.long?.checked_sub(self.short?)
    }

    /// The unrealized profit or loss in percent of the cost.
    pub fn pl_percent(&self) -> Option<rust_decimal::Decimal> {
        self.pl.zip(self.cost).and_then(|(pl, cost)| pl.percent_of(cost))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(qty: &str, value: &str, pl: &str, cost: &str) -> Position {
        Position {
            qty: qty.parse().ok(),
            market_value: value.parse().ok(),
            unrealized_intraday_pl: pl.parse().ok(),
            unrealized_pl: pl.parse().ok(),
            cost_basis: cost.parse().ok(),
            ..Position::unread("A".into())
        }
    }

    fn totals(positions: &[Position]) -> PositionTotals {
        let mut totals = PositionTotals::default();
        for position in positions {
            totals.add(position);
        }
        totals
    }

    #[test]
    fn long_and_short_are_summed_apart() {
        let sum = totals(&[position("2", "210", "10", "200"), position("-1", "-95", "5", "-100")]);
        let money = |text: &str| text.parse::<Money>().ok();
        assert_eq!((sum.long, sum.short, sum.value), (money("210"), money("-95"), money("115")));
        assert_eq!(sum.gross(), money("305"));
        assert_eq!((sum.pl, sum.day_pl), (money("15"), money("15")));
        assert_eq!(sum.pl_percent(), "5".parse().ok(), "15 of 300");
        assert_eq!(totals(&[]).pl_percent(), None, "nothing was paid");
    }

    #[test]
    fn a_missing_part_leaves_no_total_of_it_and_keeps_the_others() {
        let sum = totals(&[position("2", "210", "10", "200"), position("", "50", "1", "")]);
        assert_eq!((sum.long, sum.short, sum.pl_percent()), (None, None, None), "neither long nor short is known");
        assert_eq!((sum.value, sum.pl), ("260".parse().ok(), "11".parse().ok()));
    }
}
