//! The account (docs/ALPACA.md 5.1).

use serde::Deserialize;

use super::loose::Loose;
use super::{BadRow, WireError, raw};
use crate::domain::{Account, AccountId, Money};

const WHAT: &str = "an account";

#[derive(Deserialize)]
struct AccountWire<'a> {
    #[serde(borrow, default)]
    id: Loose<'a>,
    #[serde(borrow, default)]
    account_number: Loose<'a>,
    #[serde(borrow, default)]
    status: Loose<'a>,
    #[serde(borrow, default)]
    currency: Loose<'a>,
    #[serde(borrow, default)]
    equity: Loose<'a>,
    #[serde(borrow, default)]
    portfolio_value: Loose<'a>,
    #[serde(borrow, default)]
    last_equity: Loose<'a>,
    #[serde(borrow, default)]
    cash: Loose<'a>,
    #[serde(borrow, default)]
    buying_power: Loose<'a>,
    #[serde(borrow, default)]
    non_marginable_buying_power: Loose<'a>,
    #[serde(borrow, default)]
    long_market_value: Loose<'a>,
    #[serde(borrow, default)]
    short_market_value: Loose<'a>,
    #[serde(borrow, default)]
    initial_margin: Loose<'a>,
    #[serde(borrow, default)]
    maintenance_margin: Loose<'a>,
    #[serde(borrow, default)]
    multiplier: Loose<'a>,
    #[serde(borrow, default)]
    trading_blocked: Loose<'a>,
    #[serde(borrow, default)]
    account_blocked: Loose<'a>,
    #[serde(borrow, default)]
    transfers_blocked: Loose<'a>,
    #[serde(borrow, default)]
    trade_suspended_by_user: Loose<'a>,
    #[serde(borrow, default)]
    shorting_enabled: Loose<'a>,
    #[serde(borrow, default)]
    created_at: Loose<'a>,
}

/// Decodes the account, and names its unreadable figures and flags. `id` and `status` are required, as in the
/// specification.
///
/// # Errors
/// When `id` or `status` is missing.
pub fn account(text: &str) -> Result<(Account, Vec<BadRow>), WireError> {
    let wire: AccountWire<'_> = serde_json::from_str(text).map_err(|error| WireError::json(WHAT, &error))?;
    let missing = |member| WireError::Member { what: WHAT, member };
    let mut unread = Vec::new();
    let mut lacks =
        |member: &'static str| unread.push(BadRow { row: member.into(), id: None, why: missing(member).to_string() });
    let mut amount = |member: &'static str, wires: &[&Loose<'_>]| {
        // The first name that is there decides: another figure in its place would be mistaken for it.
        let wire = wires.iter().find(|wire| wire.is_there())?;
        let read: Option<Money> = wire.amount();
        if read.is_none() {
            lacks(member);
        }
        read
    };
    let account = Account {
        id: AccountId::from(wire.id.some_word().ok_or_else(|| missing("id"))?),
        number: wire.account_number.some_word().map(Into::into),
        status: wire.status.kept().ok_or_else(|| missing("status"))?,
        currency: wire.currency.kept(),
        // `portfolio_value` is the older name of the same figure.
        equity: amount("equity", &[&wire.equity, &wire.portfolio_value]),
        last_equity: amount("last_equity", &[&wire.last_equity]),
        cash: amount("cash", &[&wire.cash]),
        buying_power: amount("buying_power", &[&wire.buying_power]),
        non_marginable_buying_power: amount("non_marginable_buying_power", &[&wire.non_marginable_buying_power]),
        long_market_value: amount("long_market_value", &[&wire.long_market_value]),
        short_market_value: amount("short_market_value", &[&wire.short_market_value]),
        initial_margin: amount("initial_margin", &[&wire.initial_margin]),
        maintenance_margin: amount("maintenance_margin", &[&wire.maintenance_margin]),
        multiplier: wire.multiplier.decimal(),
        trading_blocked: wire.trading_blocked.flag(),
        account_blocked: wire.account_blocked.flag(),
        transfers_blocked: wire.transfers_blocked.flag(),
        trade_suspended_by_user: wire.trade_suspended_by_user.flag(),
        shorting_enabled: wire.shorting_enabled.flag(),
        created_at: wire.created_at.time(),
        raw: raw(text),
    };
    // An unreadable flag may mean that the account is blocked.
    for (member, flag) in [
        ("trading_blocked", &wire.trading_blocked),
        ("account_blocked", &wire.account_blocked),
        ("transfers_blocked", &wire.transfers_blocked),
        ("trade_suspended_by_user", &wire.trade_suspended_by_user),
    ] {
        if flag.is_no_flag() {
            lacks(member);
        }
    }
    Ok((account, unread))
}
