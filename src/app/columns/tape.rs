//! The columns of the Tape pane.

use super::{Content, SortValue};
use crate::accounts::AccountState;
use crate::domain::Price;
use crate::domain::blotter::TapeEntry;

#[rustfmt::skip]
super::columns!(
    /// A column of the Tape pane.
    TapeColumn {
        Account "Account" Name  10 18 0 Up    Hides "The account; only shown with all accounts.";
        Time    "Time"    Left  12 12 0 Down  Hides "When it happened.";
        Event   "Event"   Left   8 16 0 Up    Stays "What happened: an execution, or a change of the order.";
        Side    "Side"    Left   4  4 0 Up    Stays "Buy or sell.";
        Symbol  "Symbol"  Left   6 21 0 Up    Stays "The symbol of the instrument.";
        Qty     "Qty"     Point  4 14 0 Down  Hides "The quantity of the execution.";
        Price   "Price"   Point  7 14 0 Down  Hides "The price of the execution.";
        Note    "Note"    Left   8 44 1 Never Stays "Late, undone or restated executions, and the position after them.";
    }
);

impl TapeColumn {
    fn content<'a>(self, account: &'a AccountState, entry: &'a TapeEntry) -> Content<'a> {
        let order = account.blotter.order(&entry.order_id);
        let execution = entry.execution.as_ref().and_then(|id| account.blotter.execution(id));
        match self {
            Self::Account => Content::Word(&account.link.label),
            Self::Time => Content::time(entry.at),
            Self::Event => Content::Word(entry.event.as_str()),
            Self::Side => Content::word(order.map(|order| order.side.as_str())),
            Self::Symbol => Content::word(order.map(|order| order.symbol.as_str())),
            Self::Qty => Content::number(execution.map(|execution| execution.qty.decimal())),
            Self::Price => Content::number(execution.and_then(|execution| execution.px).map(Price::decimal)),
            Self::Note => Content::Empty,
        }
    }

    /// The sort value of a tape line in this column; `None` where it is not sorted by.
    pub fn value(self, account: &AccountState, entry: &TapeEntry) -> Option<SortValue> {
        self.sorted(self.content(account, entry))
    }

    /// The whole text of a line's cell, for copying; `None` where there is none.
    pub fn copied(self, account: &AccountState, entry: &TapeEntry) -> Option<String> {
        self.content(account, entry).text()
    }
}
