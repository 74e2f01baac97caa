//! `brokerdeck positions`: positions as the broker reports them.

use super::output::Align::{Left, Right};
use super::reader::Reader;
use super::select::AccountArgs;
use super::{Context, json, output};
use crate::domain::text::sanitize_to;
use crate::domain::{Money, Position, Price};
use crate::error::Error;
use crate::link::LinkRecord;
use crate::session::{Reply, Request};

/// Runs the command.
///
/// # Errors
/// Usage, linking and broker errors.
pub async fn run(context: &Context, args: &AccountArgs) -> Result<(), Error> {
    let reader = Reader::open(context, &args.accounts).await?;
    let (mut documents, mut rows) = (Vec::new(), Vec::new());
    for link in reader.links() {
        let positions = reader
            .read(link, async |asker| match asker.ask(&Request::Positions).await? {
                Reply::Positions(positions) => Ok(positions),
                _ => Err(Error::ours("unexpected answer to the positions request")),
            })
            .await?;
        for position in positions {
            if args.json {
                documents.push(json::object(link, &position.raw)?);
            } else {
                rows.push(row(link, &position));
            }
        }
    }
    if args.json {
        output::json(&documents)?;
        return reader.whole();
    }
    let headers = [
        ("Account", Left),
        ("Env", Left),
        ("Symbol", Left),
        ("Qty", Right),
        ("Avg", Right),
        ("Last", Right),
        ("Value", Right),
        ("P&L", Right),
    ];
    output::lines(&output::table(&headers, &rows))?;
    reader.whole()
}

fn row(link: &LinkRecord, position: &Position) -> Vec<String> {
    let price = |value: Option<Price>| value.map_or_else(|| "--".to_owned(), |value| value.grouped(2));
    let money = |value: Option<Money>| value.map_or_else(|| "--".to_owned(), |value| value.rounded(2));
    vec![
        link.label.to_string(),
        link.environment.to_string(),
        sanitize_to(position.symbol.as_str(), 32),
        position.qty.map_or_else(|| "--".to_owned(), |qty| qty.grouped(0)),
        price(position.avg_px),
        price(position.last_px),
        money(position.market_value),
        position.unrealized_pl.map_or_else(|| "--".to_owned(), |value| value.signed(2)),
    ]
}
