//! `brokerdeck orders`: lists orders, over all pages.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::output::Align::{Left, Right};
use super::reader::{Asker, Reader};
use super::select::AccountArgs;
use super::when::when;
use super::{Context, json, output};
use crate::domain::text::sanitize_to;
use crate::domain::{Order, Price};
use crate::error::Error;
use crate::link::LinkRecord;
use crate::session::request::{OrderFilter, OrdersQuery};
use crate::session::{Reply, Request};

/// The broker's largest page (docs/ALPACA.md 5.5).
const PAGE: usize = 500;

/// Options of the command.
#[derive(Debug, Clone, clap::Args)]
pub struct OrdersArgs {
    /// Account and output options.
    #[command(flatten)]
    pub select: AccountArgs,
    /// Which orders to list.
    #[arg(long, value_name = "WHICH", default_value = "open")]
    pub status: Status,
    /// Only this symbol.
    #[arg(long, value_name = "SYMBOL", value_parser = upper)]
    pub symbol: Option<String>,
    /// At most this many per account, newest first.
    #[arg(long, value_name = "N", default_value = "500", value_parser = at_least_one)]
    pub limit: usize,
    /// Submitted after this time: 2026-01-31T09:30:00-05:00, 2026-01-31 (UTC), or how long ago, like 90m, 36h, 7d.
    #[arg(long, value_name = "TIME", value_parser = when)]
    pub since: Option<Timestamp>,
}

/// Parses a symbol, case-insensitively.
#[expect(clippy::unnecessary_wraps, reason = "the signature that clap requires")]
fn upper(text: &str) -> Result<String, String> {
    Ok(text.to_uppercase())
}

/// Parses the limit. Zero is refused: the result would look like an account without orders.
pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "write a number of at least 1".to_owned())
}

/// Which orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Status {
    /// Orders that can still trade.
    Open,
    /// Orders that cannot.
    Closed,
    /// All orders.
    All,
}

/// Runs the command.
///
/// # Errors
/// Usage, linking and broker errors.
pub async fn run(context: &Context, args: &OrdersArgs) -> Result<(), Error> {
    let reader = Reader::open(context, &args.select.accounts).await?;
    let (mut documents, mut rows) = (Vec::new(), Vec::new());
    for link in reader.links() {
        for order in reader.read(link, async |asker| fetch(asker, args).await).await? {
            if args.select.json {
                documents.push(json::object(link, &order.raw)?);
            } else {
                rows.push(row(link, &order));
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
        ("Submitted (UTC)", Left),
        ("Side", Left),
        ("Symbol", Left),
        ("Qty", Right),
        ("Filled", Right),
        ("Type", Left),
        ("Limit", Right),
        ("Stop", Right),
        ("Avg", Right),
        ("Status", Left),
        ("Id", Left),
    ];
    output::lines(&output::table(&headers, &rows))?;
    reader.whole()
}

/// Pages back by `before_order_id`. `since` is applied here, because it cannot be combined with the cursor
/// (docs/ALPACA.md 5.5).
async fn fetch(asker: &mut Asker<'_>, args: &OrdersArgs) -> Result<Vec<Order>, Error> {
    let filter = match args.status {
        Status::Open => OrderFilter::Open,
        Status::Closed => OrderFilter::Closed,
        Status::All => OrderFilter::All,
    };
    let limit = u16::try_from(args.limit.clamp(1, PAGE)).unwrap_or(u16::MAX);
    let mut query = OrdersQuery { symbol: args.symbol.as_deref().map(Arc::from), ..OrdersQuery::newest(filter, limit) };
    let (mut orders, mut seen) = (Vec::new(), HashSet::new());
    loop {
        let Reply::Orders(page) = asker.ask(&Request::Orders(query.clone())).await? else {
            return Err(Error::ours("unexpected answer to the orders request"));
        };
        let last = page.last().map(|order| order.id.clone());
        let mut fresh = false;
        for order in page {
            let too_old = args.since.is_some_and(|since| order.submitted_at.is_some_and(|at| at <= since));
            if too_old || orders.len() >= args.limit {
                return Ok(orders);
            }
            if seen.insert(order.id.clone()) {
                fresh = true;
                orders.push(order);
            }
        }
        // Pages may be smaller than requested; one without new orders is the last.
        if !fresh || orders.len() >= args.limit {
            return Ok(orders);
        }
        query.before_order_id = last;
    }
}

fn row(link: &LinkRecord, order: &Order) -> Vec<String> {
    let price = |value: Option<Price>| value.map_or_else(|| "--".to_owned(), |value| value.grouped(2));
    let qty = match (order.qty, order.notional) {
        (Some(qty), _) => qty.grouped(0),
        (None, Some(notional)) => format!("${}", notional.grouped(2)),
        (None, None) => "--".to_owned(),
    };
    vec![
        link.label.to_string(),
        link.environment.to_string(),
        order.submitted_at.map_or_else(|| "--".to_owned(), |at| format!("{at:.3}")),
        sanitize_to(&order.side.label(), 8),
        sanitize_to(order.symbol.as_str(), 32),
        qty,
        order.cum_qty.grouped(0),
        sanitize_to(order.order_type.as_str(), 16),
        price(order.limit_px),
        price(order.stop_px),
        price(order.avg_px),
        sanitize_to(order.status.as_str(), 24),
        sanitize_to(order.id.as_str(), 40),
    ]
}
