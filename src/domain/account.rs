//! An account and its balances, as the broker reports them; never recomputed here.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::ids::AccountId;
use super::money::Money;
use super::order::Raw;
use super::text::Untrusted;

/// One account (docs/ALPACA.md 5.1). A figure the broker left out is `None` and shows as `--`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The broker's id; a change of it means a reset paper account (docs/ALPACA.md 9.2).
    pub id: AccountId,
    /// The account number that a person knows; `PA…` on paper.
    pub number: Option<Untrusted>,
    /// `ACTIVE` and others, as sent.
    pub status: Untrusted,
    pub currency: Option<Untrusted>,
    /// Cash and the market value of all positions.
    pub equity: Option<Money>,
    /// Equity at the previous close.
    pub last_equity: Option<Money>,
    pub cash: Option<Money>,
    pub buying_power: Option<Money>,
    /// Buying power without margin.
    pub non_marginable_buying_power: Option<Money>,
    /// Value of long positions.
    pub long_market_value: Option<Money>,
    /// Value of short positions; negative or zero.
    pub short_market_value: Option<Money>,
    /// Initial margin requirement.
    pub initial_margin: Option<Money>,
    /// Maintenance margin requirement.
    pub maintenance_margin: Option<Money>,
    /// `1`, `2` or `4`.
    pub multiplier: Option<Decimal>,
    /// The broker stopped trading.
    pub trading_blocked: bool,
    /// The broker stopped everything.
    pub account_blocked: bool,
    /// The broker stopped transfers.
    pub transfers_blocked: bool,
    /// The owner stopped trading.
    pub trade_suspended_by_user: bool,
    /// Whether short sales are allowed.
    pub shorting_enabled: bool,
    /// When the account was opened.
    pub created_at: Option<Timestamp>,
    /// The broker's JSON of the account.
    pub raw: Raw,
}

impl Account {
    /// The name a person knows it by: its number, or its id if there is none.
    pub fn known_as(&self) -> &str {
        self.number.as_ref().map(Untrusted::raw).filter(|number| !number.is_empty()).unwrap_or(self.id.as_str())
    }

    /// Whether this is the linked account, the one rule for every answer to a token. Only the id says so: a number may
    /// be missing, and the broker may write it in another way.
    pub fn is_linked(&self, linked: &AccountId) -> bool {
        self.id == *linked
    }

    /// Equity less the equity of the previous close.
    pub fn day_pl(&self) -> Option<Money> {
        self.equity?.checked_sub(self.last_equity?)
    }

    /// [`Self::day_pl`] in percent of the previous close.
    pub fn day_pl_percent(&self) -> Option<Decimal> {
        self.day_pl()?.percent_of(self.last_equity?)
    }

    /// Why the account cannot trade, in the broker's terms; `None` if it can.
    pub fn block(&self) -> Option<String> {
        if self.account_blocked {
            Some("account blocked by the broker".to_owned())
        } else if self.trading_blocked {
            Some("trading blocked by the broker".to_owned())
        } else if self.trade_suspended_by_user {
            Some("trading suspended by the owner".to_owned())
        } else {
            CLOSED.contains(&self.status.raw()).then(|| format!("the account is {}", self.status))
        }
    }
}

/// The statuses in which an account cannot trade: not open yet, refused, closed (docs/ALPACA.md 5.1). An unknown
/// status does not block.
const CLOSED: [&str; 12] = [
    "INACTIVE",
    "ONBOARDING",
    "SUBMITTED",
    "SUBMISSION_FAILED",
    "APPROVAL_PENDING",
    "APPROVED",
    "ACTION_REQUIRED",
    "REJECTED",
    "ACCOUNT_CLOSED",
    "ACCOUNT_CLOSED_PENDING",
    "DISABLED",
    "SUSPENDED",
];
