//! `brokerdeck activity`: executions and everything else that moved money, newest first.

use std::collections::HashSet;

use jiff::Timestamp;

use super::output::Align::{Left, Right};
use super::reader::{Asker, Reader};
use super::select::AccountArgs;
use super::{Context, json, output};
use crate::domain::text::sanitize_to;
use crate::domain::{Activity, ActivityKind};
use crate::error::Error;
use crate::link::LinkRecord;
use crate::session::request::ActivitiesQuery;
use crate::session::{Reply, Request};

/// The broker's largest page (docs/ALPACA.md 5.4).
const PAGE: usize = 100;

/// Options of the command.
#[derive(Debug, Clone, clap::Args)]
pub struct ActivityArgs {
    /// Account and output options.
    #[command(flatten)]
    pub select: AccountArgs,
    /// Only executions.
    #[arg(long)]
    pub fills: bool,
    /// At most this many per account.
    #[arg(long, value_name = "N", default_value = "100", value_parser = super::orders::at_least_one)]
    pub limit: usize,
    /// Created after this time: 2026-01-31T09:30:00-05:00, 2026-01-31 (UTC), or how long ago, like 90m, 36h, 7d.
    #[arg(long, value_name = "TIME", value_parser = super::when::when)]
    pub since: Option<Timestamp>,
}

/// Runs the command.
///
/// # Errors
/// Usage, linking and broker errors.
pub async fn run(context: &Context, args: &ActivityArgs) -> Result<(), Error> {
    let reader = Reader::open(context, &args.select.accounts).await?;
    let (mut documents, mut rows) = (Vec::new(), Vec::new());
    for link in reader.links() {
        for activity in reader.read(link, async |asker| fetch(asker, args).await).await? {
            if args.select.json {
                documents.push(json::object(link, &activity.raw)?);
            } else {
                rows.push(row(link, &activity));
            }
        }
    }
    if args.select.json {
        output::json(&documents)?;
        return reader.whole();
    }
    let headers = [
        ("Account", Left),
        ("Env", Left),
        ("When (UTC)", Left),
        ("Type", Left),
        ("Side", Left),
        ("Symbol", Left),
        ("Qty", Right),
        ("Price", Right),
        ("Amount", Right),
    ];
    output::lines(&output::table(&headers, &rows))?;
    reader.whole()
}

async fn fetch(asker: &mut Asker<'_>, args: &ActivityArgs) -> Result<Vec<Activity>, Error> {
    let mut query = ActivitiesQuery {
        fills_only: args.fills,
        order: None,
        after: args.since,
        until: None,
        page_token: None,
        ascending: false,
        page_size: u8::try_from(args.limit.clamp(1, PAGE)).unwrap_or(u8::MAX),
    };
    let (mut rows, mut seen) = (Vec::new(), HashSet::new());
    loop {
        let Reply::Activities(page) = asker.ask(&Request::Activities(query.clone())).await? else {
            return Err(Error::ours("unexpected answer to the activities request"));
        };
        query.page_token = page.last().map(|row| row.id.clone());
        let before = rows.len();
        rows.extend(page.into_iter().filter(|row| seen.insert(row.id.clone())));
        // Pages may be smaller than requested; an empty one is the last.
        if rows.len() == before || rows.len() >= args.limit {
            rows.truncate(args.limit);
            return Ok(rows);
        }
    }
}

fn row(link: &LinkRecord, activity: &Activity) -> Vec<String> {
    let blank = || "--".to_owned();
    let mut cells = vec![link.label.to_string(), link.environment.to_string()];
    let kind = sanitize_to(activity.activity_type.raw(), 12);
    match &activity.kind {
        ActivityKind::Fill { side, symbol, qty, px, at, .. } => cells.extend([
            at.map_or_else(blank, |at| format!("{at:.3}")),
            kind,
            sanitize_to(&side.label(), 8),
            sanitize_to(symbol.as_str(), 32),
            qty.grouped(0),
            px.grouped(2),
            // The row does not have the contract multiplier of an option.
            px.notional(*qty).filter(|_| !symbol.is_option()).map_or_else(blank, |amount| amount.rounded(2)),
        ]),
        ActivityKind::Other { net_amount, symbol, qty, date, .. } => cells.extend([
            date.map_or_else(blank, |date| date.to_string()),
            kind,
            blank(),
            symbol.as_ref().map_or_else(blank, |symbol| sanitize_to(symbol.as_str(), 32)),
            qty.map_or_else(blank, |qty| qty.grouped(0)),
            blank(),
            net_amount.map_or_else(blank, |amount| amount.signed(2)),
        ]),
    }
    cells
}
