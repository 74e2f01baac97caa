//! The columns of the Tape pane.

use super::SortValue;
use crate::accounts::AccountState;
use crate::domain::blotter::TapeEntry;
use crate::domain::text::clean;

#[rustfmt::skip]
super::columns!(
    /// A column of the Tape pane.
    TapeColumn [8] {
        Account "Account" Name  10 18 0 Up    Hides "The account; only shown with all accounts.";
        Time    "Time"    Left  12 12 0 Down  Hides "The time.";
        Event   "Event"   Left   8 15 0 Up    Stays "The event.";
        Side    "Side"    Left   4  4 0 Up    Stays "Buy or sell.";
        Symbol  "Symbol"  Left   6 21 0 Up    Stays "The symbol.";
        Qty     "Qty"     Point  4 14 0 Down  Hides "The quantity of the execution.";
        Price   "Price"   Point  7 14 0 Down  Hides "The price of the execution.";
        Note    "Note"    Left   8 44 1 Never Stays "What is odd about the execution, and the position after it.";
    }
);

impl TapeColumn {
    /// The sort value of a tape line in this column; none where it is not sorted by.
    pub fn value(self, account: &AccountState, entry: &TapeEntry) -> Option<SortValue> {
        let order = account.blotter.order(&entry.order_id);
        let execution = entry.execution.as_ref().and_then(|id| account.blotter.execution(id));
        match self {
            Self::Account => Some(SortValue::word(&account.link.label)),
            Self::Time => entry.at.map(SortValue::Time),
            Self::Event => Some(SortValue::word(entry.event.as_str())),
            Self::Side => order.map(|order| SortValue::word(order.side.as_str())),
            Self::Symbol => order.map(|order| SortValue::word(order.symbol.as_str())),
            Self::Qty => execution.map(|execution| SortValue::Number(execution.qty.decimal())),
            Self::Price => execution.and_then(|execution| execution.px).map(|px| SortValue::Number(px.decimal())),
            Self::Note => None,
        }
    }

    /// The whole text of a line's cell, for copying.
    pub fn copied(self, account: &AccountState, entry: &TapeEntry) -> Option<String> {
        match self {
            // Sort values hold only the start of a text.
            Self::Account => Some(clean(&account.link.label).into_owned()),
            Self::Event => Some(entry.event.to_string()),
            Self::Symbol => account.blotter.order(&entry.order_id).map(|order| order.symbol.to_string()),
            Self::Time | Self::Side | Self::Qty | Self::Price => self.value(account, entry).map(SortValue::text),
            Self::Note => None,
        }
    }
}
