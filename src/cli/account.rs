//! `brokerdeck account`: balances as the broker reports them.

use super::reader::Reader;
use super::select::AccountArgs;
use super::{Context, json, output};
use crate::domain::{Account, Money, Untrusted};
use crate::error::Error;
use crate::link::LinkRecord;
use crate::session::{Reply, Request};

/// Longest label, number or status in the table, in characters, as they are kept with a link.
const LONGEST: usize = 64;

/// Runs the command.
///
/// # Errors
/// Usage, linking and broker errors.
pub async fn run(context: &Context, args: &AccountArgs) -> Result<(), Error> {
    let reader = Reader::open(context, &args.accounts).await?;
    let mut documents = Vec::new();
    for (index, link) in reader.links().iter().enumerate() {
        let account = reader
            .read(link, async |asker| match asker.ask(&Request::Account).await? {
                Reply::Account(account) => Ok(account),
                _ => Err(Error::ours("unexpected answer to the account request")),
            })
            .await?;
        if args.json {
            documents.push(json::object(link, &account.raw)?);
            continue;
        }
        if index > 0 {
            output::line("")?;
        }
        for line in table(link, &account) {
            if !output::line(&line)? {
                return Ok(());
            }
        }
    }
    if args.json {
        output::json(&documents)?;
    }
    reader.whole()
}

fn table(link: &LinkRecord, account: &Account) -> Vec<String> {
    // To the cent, as on the screen. Fractional shares bring ten more digits, which --json has.
    let money = |value: Option<Money>| value.map_or_else(|| "--".to_owned(), |value| value.rounded(2));
    let number = output::said(account.number.as_ref().map_or(&link.account_number, Untrusted::raw), LONGEST);
    let (label, status) = (output::said(&link.label, LONGEST), output::said(account.status.raw(), LONGEST));
    let mut lines = vec![format!("{label}  {number}  {}  {status}", link.environment)];
    let day = match (account.day_pl(), account.day_pl_percent()) {
        (Some(pl), Some(percent)) => format!("{} ({} %)", pl.signed(2), Money::new(percent).signed(2)),
        (Some(pl), None) => pl.signed(2),
        (None, _) => "--".to_owned(),
    };
    let rows = [
        ("Equity", money(account.equity)),
        ("Day P&L", day),
        ("Cash", money(account.cash)),
        ("Buying power", money(account.buying_power)),
        ("Long", money(account.long_market_value)),
        ("Short", money(account.short_market_value)),
        ("Initial margin", money(account.initial_margin)),
        ("Maintenance margin", money(account.maintenance_margin)),
    ];
    lines.extend(rows.into_iter().map(|(name, value)| format!("  {name:<20}{value:>20}")));
    if let Some(block) = account.block() {
        lines.push(format!("  {block}"));
    }
    lines
}
