//! The stored form of the journal's rows, separate from the program's own types: every version writes and reads it.
//!
//! Amounts, times and ids are strings; enumerated values are the broker's words. A field may be added, with a default for
//! rows without it; none is ever renamed or given another meaning. A test reads `tests/fixtures/journal-0.1.0.sql`, and
//! must pass in every later version.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::blotter::TapeEntry;
use crate::domain::execution::ExecutionKind;
use crate::domain::money::{Money, Price, Qty};
use crate::domain::order::{OrderClass, OrderStatus, OrderType, Raw, Side, TimeInForce};
use crate::domain::update::TradeEvent;
use crate::domain::{Execution, Order, OrderId, Source};

/// Nanoseconds since 1970, as times are stored.
pub(super) fn nanos(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX)
}

/// The stored form of a source.
pub(super) const fn source_word(source: Source) -> &'static str {
    match source {
        Source::Stream => "stream",
        Source::Reconcile => "reconcile",
        Source::Journal => "journal",
    }
}

/// The content of a table's `body` column.
pub(super) trait Row: Sized {
    /// As it is written.
    fn to_body(&self) -> rusqlite::Result<String>;

    /// What the body of a row of this or an earlier version says; `None` for one that cannot be read.
    fn from_body(body: &str) -> Option<Self>;
}

impl Row for Order {
    fn to_body(&self) -> rusqlite::Result<String> {
        json(&OrderRow::of(self))
    }

    fn from_body(body: &str) -> Option<Self> {
        serde_json::from_str::<OrderRow<'_>>(body).ok().map(OrderRow::into_order)
    }
}

impl Row for Execution {
    fn to_body(&self) -> rusqlite::Result<String> {
        json(&ExecutionRow::of(self))
    }

    fn from_body(body: &str) -> Option<Self> {
        serde_json::from_str::<ExecutionRow<'_>>(body).ok().map(ExecutionRow::into_execution)
    }
}

impl Row for TapeEntry {
    fn to_body(&self) -> rusqlite::Result<String> {
        json(&LineRow::of(self))
    }

    fn from_body(body: &str) -> Option<Self> {
        serde_json::from_str::<LineRow<'_>>(body).ok().map(LineRow::into_entry)
    }
}

/// Any value as the JSON of a body.
pub(super) fn json<T: Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// A text of a row.
type Text<'a> = Cow<'a, str>;

#[derive(Serialize, Deserialize)]
struct OrderRow<'a> {
    id: Text<'a>,
    client_order_id: Option<Text<'a>>,
    symbol: Text<'a>,
    asset_class: Option<Text<'a>>,
    side: Text<'a>,
    order_type: Text<'a>,
    tif: Text<'a>,
    class: Text<'a>,
    qty: Option<Qty>,
    notional: Option<Money>,
    cum_qty: Qty,
    avg_px: Option<Price>,
    limit_px: Option<Price>,
    stop_px: Option<Price>,
    trail_px: Option<Price>,
    trail_percent: Option<Decimal>,
    hwm: Option<Price>,
    status: Text<'a>,
    extended_hours: bool,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    submitted_at: Option<Timestamp>,
    filled_at: Option<Timestamp>,
    expired_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    canceled_at: Option<Timestamp>,
    failed_at: Option<Timestamp>,
    replaced_at: Option<Timestamp>,
    replaced_by: Option<Text<'a>>,
    replaces: Option<Text<'a>>,
    group_id: Option<Text<'a>>,
    group_role: Option<Text<'a>>,
    #[serde(default)]
    legs: Vec<LegRow<'a>>,
    /// The broker's JSON.
    raw: Option<Text<'a>>,
}

/// A leg is its id. Earlier rows hold the whole order.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum LegRow<'a> {
    Id(Text<'a>),
    Whole { id: Text<'a> },
}

impl<'a> OrderRow<'a> {
    fn of(order: &'a Order) -> Self {
        // Named one by one: a new member of an order is either kept here or left out on purpose.
        let Order {
            id,
            client_order_id,
            symbol,
            asset_class,
            side,
            order_type,
            tif,
            class,
            qty,
            notional,
            cum_qty,
            avg_px,
            limit_px,
            stop_px,
            trail_px,
            trail_percent,
            hwm,
            status,
            extended_hours,
            created_at,
            updated_at,
            submitted_at,
            filled_at,
            expired_at,
            expires_at,
            canceled_at,
            failed_at,
            replaced_at,
            replaced_by,
            replaces,
            group_id,
            group_role,
            legs,
            raw,
        } = order;
        Self {
            id: id.as_str().into(),
            client_order_id: client_order_id.as_ref().map(|id| id.as_str().into()),
            symbol: symbol.as_str().into(),
            asset_class: asset_class.as_ref().map(|word| word.raw().into()),
            side: side.as_str().into(),
            order_type: order_type.as_str().into(),
            tif: tif.as_str().into(),
            class: class.as_str().into(),
            qty: *qty,
            notional: *notional,
            cum_qty: *cum_qty,
            avg_px: *avg_px,
            limit_px: *limit_px,
            stop_px: *stop_px,
            trail_px: *trail_px,
            trail_percent: *trail_percent,
            hwm: *hwm,
            status: status.as_str().into(),
            extended_hours: *extended_hours,
            created_at: *created_at,
            updated_at: *updated_at,
            submitted_at: *submitted_at,
            filled_at: *filled_at,
            expired_at: *expired_at,
            expires_at: *expires_at,
            canceled_at: *canceled_at,
            failed_at: *failed_at,
            replaced_at: *replaced_at,
            replaced_by: replaced_by.as_ref().map(|id| id.as_str().into()),
            replaces: replaces.as_ref().map(|id| id.as_str().into()),
            group_id: group_id.as_ref().map(|id| id.raw().into()),
            group_role: group_role.as_ref().map(|role| role.raw().into()),
            legs: legs.iter().map(|leg| LegRow::Id(leg.as_str().into())).collect(),
            raw: raw.0.as_deref().map(Cow::Borrowed),
        }
    }

    fn into_order(self) -> Order {
        Order {
            id: self.id.as_ref().into(),
            client_order_id: self.client_order_id.map(|id| id.as_ref().into()),
            symbol: self.symbol.as_ref().into(),
            asset_class: self.asset_class.map(|word| word.as_ref().into()),
            side: Side::from_word(&self.side),
            order_type: OrderType::from_word(&self.order_type),
            tif: TimeInForce::from_word(&self.tif),
            class: OrderClass::from_word(&self.class),
            qty: self.qty,
            notional: self.notional,
            cum_qty: self.cum_qty,
            avg_px: self.avg_px,
            limit_px: self.limit_px,
            stop_px: self.stop_px,
            trail_px: self.trail_px,
            trail_percent: self.trail_percent,
            hwm: self.hwm,
            status: OrderStatus::from_word(&self.status),
            extended_hours: self.extended_hours,
            created_at: self.created_at,
            updated_at: self.updated_at,
            submitted_at: self.submitted_at,
            filled_at: self.filled_at,
            expired_at: self.expired_at,
            expires_at: self.expires_at,
            canceled_at: self.canceled_at,
            failed_at: self.failed_at,
            replaced_at: self.replaced_at,
            replaced_by: self.replaced_by.map(|id| id.as_ref().into()),
            replaces: self.replaces.map(|id| id.as_ref().into()),
            group_id: self.group_id.map(|id| id.as_ref().into()),
            group_role: self.group_role.map(|role| role.as_ref().into()),
            legs: self.legs.into_iter().map(LegRow::into_id).collect(),
            raw: Raw(self.raw.map(|text| Arc::from(text.as_ref()))),
        }
    }
}

impl LegRow<'_> {
    fn into_id(self) -> OrderId {
        let (Self::Id(id) | Self::Whole { id }) = self;
        id.as_ref().into()
    }
}

#[derive(Serialize, Deserialize)]
struct ExecutionRow<'a> {
    id: Text<'a>,
    order_id: Text<'a>,
    symbol: Text<'a>,
    side: Text<'a>,
    qty: Qty,
    px: Option<Price>,
    cum_qty: Option<Qty>,
    position_qty: Option<Qty>,
    at: Option<Timestamp>,
    kind: KindRow<'a>,
    source: SourceRow,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindRow<'a> {
    Trade,
    Bust { of: Option<Text<'a>> },
    Correction { of: Option<Text<'a>> },
    Unexplained,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SourceRow {
    Stream,
    Reconcile,
    Journal,
}

impl<'a> ExecutionRow<'a> {
    fn of(execution: &'a Execution) -> Self {
        let Execution { id, order_id, symbol, side, qty, px, cum_qty, position_qty, at, kind, source } = execution;
        Self {
            id: id.as_str().into(),
            order_id: order_id.as_str().into(),
            symbol: symbol.as_str().into(),
            side: side.as_str().into(),
            qty: *qty,
            px: *px,
            cum_qty: *cum_qty,
            position_qty: *position_qty,
            at: *at,
            kind: match kind {
                ExecutionKind::Trade => KindRow::Trade,
                ExecutionKind::Bust { of } => KindRow::Bust { of: of.as_ref().map(|id| id.as_str().into()) },
                ExecutionKind::Correction { of } => {
                    KindRow::Correction { of: of.as_ref().map(|id| id.as_str().into()) }
                }
                ExecutionKind::Unexplained => KindRow::Unexplained,
            },
            source: SourceRow::of(*source),
        }
    }

    fn into_execution(self) -> Execution {
        Execution {
            id: self.id.as_ref().into(),
            order_id: self.order_id.as_ref().into(),
            symbol: self.symbol.as_ref().into(),
            side: Side::from_word(&self.side),
            qty: self.qty,
            px: self.px,
            cum_qty: self.cum_qty,
            position_qty: self.position_qty,
            at: self.at,
            kind: match self.kind {
                KindRow::Trade => ExecutionKind::Trade,
                KindRow::Bust { of } => ExecutionKind::Bust { of: of.map(|id| id.as_ref().into()) },
                KindRow::Correction { of } => ExecutionKind::Correction { of: of.map(|id| id.as_ref().into()) },
                KindRow::Unexplained => ExecutionKind::Unexplained,
            },
            source: self.source.into_source(),
        }
    }
}

impl SourceRow {
    const fn of(source: Source) -> Self {
        match source {
            Source::Stream => Self::Stream,
            Source::Reconcile => Self::Reconcile,
            Source::Journal => Self::Journal,
        }
    }

    const fn into_source(self) -> Source {
        match self {
            Self::Stream => Source::Stream,
            Self::Reconcile => Source::Reconcile,
            Self::Journal => Source::Journal,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct LineRow<'a> {
    number: u64,
    at: Option<Timestamp>,
    event: Text<'a>,
    order_id: Text<'a>,
    execution: Option<Text<'a>>,
    source: SourceRow,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    withdrawn: bool,
}

impl<'a> LineRow<'a> {
    fn of(entry: &'a TapeEntry) -> Self {
        let TapeEntry { number, at, event, order_id, execution, source, withdrawn } = entry;
        Self {
            number: *number,
            at: *at,
            event: event.as_str().into(),
            order_id: order_id.as_str().into(),
            execution: execution.as_ref().map(|id| id.as_str().into()),
            source: SourceRow::of(*source),
            withdrawn: *withdrawn,
        }
    }

    fn into_entry(self) -> TapeEntry {
        TapeEntry {
            number: self.number,
            at: self.at,
            event: TradeEvent::from_word(&self.event),
            order_id: self.order_id.as_ref().into(),
            execution: self.execution.map(|id| id.as_ref().into()),
            source: self.source.into_source(),
            withdrawn: self.withdrawn,
        }
    }
}
