//! The columns of the Positions pane.

use super::{Content, SortValue};
use crate::accounts::AccountState;
use crate::domain::{Money, Position, Price, Qty};

#[rustfmt::skip]
super::columns!(
    /// A column of the Positions pane.
    PositionColumn {
        Account   "Account" Name  10 18 0 Up   Hides "The account; only shown with all accounts.";
        Symbol    "Symbol"  Left   4 21 0 Up   Stays "The symbol of the instrument.";
        Qty       "Qty"     Point  3 14 0 Down Hides "The quantity; negative when short.";
        Avg       "Avg"     Point  6 14 4 Down Hides "The average entry price.";
        Last      "Last"    Point  6 14 4 Down Hides "The last price.";
        Value     "Value"   Point  6 16 3 Down Hides "The market value; negative when short.";
        DayPl     "Day P&L" Point  9 16 1 Down Hides "Unrealized profit or loss since the last close; sorted by size, gain or loss.";
        Pl        "P&L"     Point  9 16 0 Down Hides "Unrealized profit or loss.";
        PlPercent "P&L %"   Point  6 10 2 Down Hides "Unrealized profit or loss in percent of the cost.";
        Day       "Day %"   Point  6 10 6 Down Hides "The price's change since the last close in percent.";
        Weight    "Wt %"    Point  4  8 5 Down Hides "The market value in percent of the account's equity, short or long.";
    }
);

impl PositionColumn {
    fn content<'a>(self, account: &'a AccountState, position: &'a Position) -> Content<'a> {
        Content::number(match self {
            Self::Account => return Content::Word(&account.link.label),
            Self::Symbol => return Content::Word(position.symbol.as_str()),
            Self::Qty => position.qty.map(Qty::decimal),
            Self::Avg => position.avg_px.map(Price::decimal),
            Self::Last => position.last_px.map(Price::decimal),
            Self::Value => position.market_value.map(Money::decimal),
            Self::Pl => position.unrealized_pl.map(Money::decimal),
            Self::PlPercent => position.unrealized_plpc,
            Self::DayPl => return Content::magnitude(position.unrealized_intraday_pl.map(Money::decimal)),
            Self::Day => position.change_today,
            Self::Weight => account.weight(position),
        })
    }

    /// The sort value of a position in this column; `None` where the broker states none.
    pub fn value(self, account: &AccountState, position: &Position) -> Option<SortValue> {
        self.sorted(self.content(account, position))
    }

    /// The whole text of a position's cell, for copying; `None` where there is none.
    pub fn copied(self, account: &AccountState, position: &Position) -> Option<String> {
        self.content(account, position).text()
    }
}
