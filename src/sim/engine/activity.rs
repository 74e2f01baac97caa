//! The list of an account's activities: fills, crypto fees, and cash that moved without a trade, with all filters and
//! paging (docs/ALPACA.md 5.4). Changes nothing.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::account::{Place, Row};
use super::event::{ActivityOf, Execution, Restated};
use super::order::{AccountNo, OrderId};
use super::{Account, Engine, Refusal};
use crate::sim::calendar;

/// The query of an activity list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ActivityFilter {
    /// Only these types, of which `TRANS` and `MISC` are groups; empty for all.
    pub kinds: Vec<String>,
    /// Only trades, or only the others.
    pub trades: Option<bool>,
    /// Only activities after this instant.
    pub after: Option<Timestamp>,
    /// Only activities before this instant.
    pub until: Option<Timestamp>,
    /// Only this day, New York time.
    pub date: Option<Date>,
    /// Only fills of this order.
    pub order_id: Option<OrderId>,
    /// Oldest first, instead of newest first.
    pub ascending: bool,
    /// At most this many.
    pub page_size: usize,
    /// The id of the last row of the previous page.
    pub page_token: Option<String>,
}

impl ActivityFilter {
    fn wants(&self, kind: &str) -> bool {
        let transfer = matches!(kind, "CSD" | "CSW");
        let named = |wanted: &String| match wanted.as_str() {
            "TRANS" => transfer,
            "MISC" => !transfer && !matches!(kind, "FILL" | "DIV"),
            wanted => wanted == kind,
        };
        (self.kinds.is_empty() || self.kinds.iter().any(named))
            && self.trades.is_none_or(|trades| trades == (kind == "FILL"))
            && (self.order_id.is_none() || kind == "FILL")
    }
}

/// One activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// `YYYYMMDDHHMMSSmmm::uuid`, in New York time.
    pub id: String,
    /// Its content.
    pub what: ActivityOf,
}

impl Account {
    /// The activity of an index entry, if it matches the filter; a fill after `shown` has no row yet.
    fn activity(&self, (millis, id, row): &Place, filter: &ActivityFilter, shown: Timestamp) -> Option<Activity> {
        let what = match row {
            Row::Fill(row) => ActivityOf::Fill(standing(self.executions.get(*row as usize)?)?.clone()),
            Row::CoinFee(row) => ActivityOf::CoinFee(standing(self.executions.get(*row as usize)?)?.clone()),
            Row::Cash(row) => ActivityOf::Cash(self.cash_rows.get(*row as usize)?.clone()),
        };
        let (kind, at, order) = match &what {
            ActivityOf::Fill(execution) => ("FILL", execution.at, Some(execution.listed_as)),
            ActivityOf::CoinFee(execution) => ("CFEE", execution.at, None),
            ActivityOf::Cash(row) => (row.kind.as_str(), row.at, None),
        };
        let fits = filter.wants(kind)
            && (kind != "FILL" || at <= shown)
            && filter.after.is_none_or(|after| at > after)
            && filter.until.is_none_or(|until| at < until)
            && filter.date.is_none_or(|date| calendar::in_new_york(at).date() == date)
            && filter.order_id.is_none_or(|id| order == Some(id));
        fits.then(|| Activity { id: activity_id(*millis, *id), what })
    }
}

impl Engine {
    /// The activities of an account, sorted by time; in no particular order within a millisecond, like the service's.
    pub fn activities(&self, no: AccountNo, filter: &ActivityFilter) -> Result<Vec<Activity>, Refusal> {
        let account = self.need_account(no)?;
        let millis = |at: Timestamp| (at.as_millisecond(), Uuid::nil(), Row::Fill(0));
        let (first, last) = ((i64::MIN, Uuid::nil(), Row::Fill(0)), (i64::MAX, Uuid::max(), Row::Cash(u32::MAX)));
        let low = filter.after.map_or(first, millis);
        let high = filter.until.map_or(last, |until| (until.as_millisecond(), Uuid::max(), Row::Cash(u32::MAX)));
        let token = filter.page_token.as_deref().and_then(|token| place_of(account, token));
        let (low, high) = match token {
            Some(at) if filter.ascending => (low.max(at), high),
            Some(at) => (low, high.min(at)),
            None => (low, high),
        };
        if low > high {
            return Ok(Vec::new());
        }
        let beyond = |place: &&Place| token.is_none_or(|token| **place != token);
        let rows = account.activities.range(low..=high).filter(beyond);
        let shown = match self.readings.row_delay() {
            delay if delay.is_zero() => Timestamp::MAX,
            delay => self.now.saturating_sub(delay).unwrap_or(Timestamp::MIN),
        };
        let found = |place: &Place| account.activity(place, filter, shown);
        let size = filter.page_size.min(self.readings.page());
        Ok(if filter.ascending {
            rows.filter_map(found).take(size).collect()
        } else {
            rows.rev().filter_map(found).take(size).collect()
        })
    }
}

/// `YYYYMMDDHHMMSSmmm::uuid`: the service uses New York time there, and UTC in the row itself.
pub fn activity_id(millis: i64, activity: Uuid) -> String {
    let at = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{}::{activity}", calendar::in_new_york(at).strftime("%Y%m%d%H%M%S%3f"))
}

fn standing(execution: &Execution) -> Option<&Execution> {
    (execution.restated != Some(Restated::Busted)).then_some(execution)
}

/// The sort key of a row's id. In the hour that occurs twice in autumn an id is ambiguous; the row decides.
fn place_of(account: &Account, id: &str) -> Option<Place> {
    let (digits, uuid) = id.split_once("::")?;
    let (seconds, millis) = digits.split_at_checked(14)?;
    let local = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", seconds).ok()?;
    let at = local.to_zoned(calendar::new_york()).ok()?.timestamp().as_millisecond() + millis.parse::<i64>().ok()?;
    let uuid = Uuid::try_parse(uuid).ok()?;
    let hour = i64::try_from(SignedDuration::from_hours(1).as_millis()).unwrap_or(0);
    let find =
        |at: i64| account.activities.range((at, uuid, Row::Fill(0))..=(at, uuid, Row::Cash(u32::MAX))).next().copied();
    find(at).or_else(|| find(at + hour)).or(Some((at, uuid, Row::Fill(0))))
}

/// The cost of an execution beyond its price, as its own row shows it.
pub fn coin_fee(execution: &Execution) -> (Decimal, Decimal) {
    (-execution.fee_qty, -execution.fee)
}
