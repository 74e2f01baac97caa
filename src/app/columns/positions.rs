//! The columns of the Positions pane.

use rust_decimal::Decimal;

use super::SortValue;
use crate::accounts::AccountState;
use crate::domain::text::clean;
use crate::domain::{Money, Position, Price, Qty};

#[rustfmt::skip]
super::columns!(
    /// A column of the Positions pane.
    PositionColumn [9] {
        Account   "Account" Name  10 18 0 Up   Hides "The account; only shown with all accounts.";
        Symbol    "Symbol"  Left   4 21 0 Up   Stays "The symbol.";
        Qty       "Qty"     Point  3 14 0 Down Hides "The quantity, signed.";
        Avg       "Avg"     Point  6 14 4 Down Hides "Average entry price.";
        Last      "Last"    Point  6 14 2 Down Hides "The last price.";
        Value     "Value"   Point  6 16 3 Down Hides "The market value, signed.";
        Pl        "P&L"     Point  9 16 0 Down Hides "Unrealized profit or loss.";
        PlPercent "P&L %"   Point  6 10 1 Down Hides "The same in percent.";
        Today     "Today"   Point  6 10 5 Down Hides "The change of the price today.";
    }
);

impl PositionColumn {
    /// The sort value of a position in this column.
    pub fn value(self, account: &AccountState, position: &Position) -> Option<SortValue> {
        let number = |value: Option<Decimal>| value.map(SortValue::Number);
        match self {
            Self::Account => Some(SortValue::word(&account.link.label)),
            Self::Symbol => Some(SortValue::word(position.symbol.as_str())),
            Self::Qty => number(position.qty.map(Qty::decimal)),
            Self::Avg => number(position.avg_px.map(Price::decimal)),
            Self::Last => number(position.last_px.map(Price::decimal)),
            Self::Value => number(position.market_value.map(Money::decimal)),
            Self::Pl => number(position.unrealized_pl.map(Money::decimal)),
            Self::PlPercent => number(position.unrealized_plpc),
            Self::Today => number(position.change_today),
        }
    }

    /// The whole text of a position's cell, for copying.
    pub fn copied(self, account: &AccountState, position: &Position) -> Option<String> {
        match self {
            // Sort values hold only the start of a text.
            Self::Account => Some(clean(&account.link.label).into_owned()),
            Self::Symbol => Some(position.symbol.to_string()),
            Self::Qty | Self::Avg | Self::Last | Self::Value | Self::Pl | Self::PlPercent | Self::Today => {
                self.value(account, position).map(SortValue::text)
            }
        }
    }
}
