//! A frame of the `trade_updates` stream (docs/ALPACA.md 6), in text, binary or MessagePack.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::loose::Loose;
use super::order::{Rows, orders};
use super::{Lacks, WireError, msgpack};
use crate::domain::execution::{ExecutionKind, Source};
use crate::domain::{EventId, Execution, ExecutionId, Order, OrderId, Qty, Symbol, TradeEvent, TradeUpdate, Untrusted};

const WHAT: &str = "a trade update";

/// A decoded frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The answer to authentication, or to `listen` without it.
    Authorization {
        /// True when `status` is exactly `authorized`.
        authorized: bool,
        /// The broker's message.
        message: Option<Untrusted>,
    },
    /// The streams subscribed.
    Listening {
        /// True when `trade_updates` is in the list.
        trade_updates: bool,
    },
    /// A trade update.
    Update(Box<TradeUpdate>),
    /// A trade update with an unreadable figure.
    Partial {
        /// The readable rest.
        update: Box<TradeUpdate>,
        /// What is unreadable, and the full text.
        text: Untrusted,
    },
    /// An error message, after which the broker closes the connection.
    Error {
        /// The broker's text, in full.
        message: Untrusted,
    },
    /// A frame of a known stream without content (`data` is null).
    Empty,
    /// Anything else. Invariant: an unreadable trade update is reported as this, never dropped silently.
    Unknown {
        /// The reason, and the full text.
        text: Untrusted,
    },
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    stream: Loose<'a>,
    #[serde(borrow, default)]
    action: Loose<'a>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct UpdateWire<'a> {
    #[serde(borrow, default)]
    event: Loose<'a>,
    #[serde(borrow, default)]
    event_id: Loose<'a>,
    #[serde(borrow, default)]
    at: Loose<'a>,
    #[serde(borrow, default)]
    timestamp: Loose<'a>,
    #[serde(borrow, default)]
    execution_id: Loose<'a>,
    #[serde(borrow, default)]
    previous_execution_id: Loose<'a>,
    #[serde(borrow, default)]
    price: Loose<'a>,
    #[serde(borrow, default)]
    qty: Loose<'a>,
    #[serde(borrow, default)]
    position_qty: Loose<'a>,
    #[serde(borrow, default)]
    position_qtys: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reason: Loose<'a>,
    #[serde(borrow, default)]
    legs: Rows<'a>,
    #[serde(borrow, default)]
    order: Option<&'a RawValue>,
}

/// Decodes one frame of any encoding. It never fails, because unreadable frames must be reported too.
pub fn frame(bytes: &[u8]) -> Frame {
    if msgpack::looks_like(bytes) {
        return match msgpack::to_json(bytes) {
            Some(text) => frame_text(&text),
            None => Frame::Unknown { text: format!("unreadable MessagePack of {} bytes", bytes.len()).into() },
        };
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => frame_text(text),
        Err(_) => unknown("not UTF-8", &String::from_utf8_lossy(bytes)),
    }
}

fn frame_text(text: &str) -> Frame {
    let envelope: Envelope<'_> = match serde_json::from_str(text) {
        Ok(envelope) => envelope,
        Err(error) => return unknown(&WireError::json("a frame", &error).to_string(), text),
    };
    let data = envelope.data.map_or("null", RawValue::get);
    match envelope.stream.word() {
        Some("trade_updates") if data == "null" => Frame::Empty,
        Some("trade_updates") => event(data, text),
        Some("authorization") => authorization(data),
        Some("listening") => listening(data),
        Some("error") => Frame::Error { message: error_message(data) },
        _ if envelope.action.word() == Some("error") => Frame::Error { message: error_message(data) },
        _ => unknown("an unknown frame", text),
    }
}

/// Decodes one message of the event stream: an event, with or without the websocket's envelope.
pub fn message(bytes: &[u8]) -> Frame {
    match std::str::from_utf8(bytes).map(|text| event(text, text)) {
        Ok(Frame::Unknown { .. }) | Err(_) => frame(bytes),
        Ok(update) => update,
    }
}

/// Decodes one event; `whole` is the full text received.
fn event(data: &str, whole: &str) -> Frame {
    let mut lacks = Lacks::new();
    match read(data, &mut lacks).map(Box::new) {
        Ok(update) => match lacks.first() {
            None => Frame::Update(update),
            Some(lack) => Frame::Partial { update, text: named(&lack.to_string(), whole) },
        },
        Err(error) => unknown(&error.to_string(), whole),
    }
}

fn unknown(why: &str, text: &str) -> Frame {
    Frame::Unknown { text: named(why, text) }
}

fn named(why: &str, text: &str) -> Untrusted {
    format!("{why}: {text}").into()
}

#[derive(Default, Deserialize)]
struct ControlWire<'a> {
    #[serde(borrow, default)]
    status: Loose<'a>,
    #[serde(borrow, default)]
    message: Loose<'a>,
    #[serde(borrow, default)]
    error_message: Loose<'a>,
    #[serde(borrow, default)]
    streams: Rows<'a>,
}

fn authorization(data: &str) -> Frame {
    let wire: ControlWire<'_> = serde_json::from_str(data).unwrap_or_default();
    Frame::Authorization {
        authorized: wire.status.word() == Some("authorized"),
        message: wire.message.some_word().map(Untrusted::from),
    }
}

fn listening(data: &str) -> Frame {
    let wire: ControlWire<'_> = serde_json::from_str(data).unwrap_or_default();
    let name = |row: &&RawValue| serde_json::from_str::<String>(row.get()).is_ok_and(|name| name == "trade_updates");
    Frame::Listening { trade_updates: wire.streams.0.iter().any(name) }
}

fn error_message(data: &str) -> Untrusted {
    let wire: ControlWire<'_> = serde_json::from_str(data).unwrap_or_default();
    let words = wire.error_message.some_word().or_else(|| wire.message.some_word());
    words.unwrap_or("an error without a message").into()
}

/// Decodes one event: the `data` of a websocket frame, or a message of the event stream (docs/ALPACA.md 6.5, 7.1).
pub fn update(text: &str) -> Result<TradeUpdate, WireError> {
    read(text, &mut Lacks::new())
}

/// Decodes one event and adds unreadable figures to `lacks`.
fn read(text: &str, lacks: &mut Lacks) -> Result<TradeUpdate, WireError> {
    let wire: UpdateWire<'_> = serde_json::from_str(text).map_err(|error| WireError::json(WHAT, &error))?;
    let missing = |member| WireError::Member { what: WHAT, member };
    let event = TradeEvent::from_word(wire.event.some_word().ok_or_else(|| missing("event"))?);
    let mut legs = orders(wire.order.ok_or_else(|| missing("order"))?.get(), lacks)?;
    let order = legs.remove(0);
    let executions = executions(&wire, &event, &order, &legs, lacks)?;
    Ok(TradeUpdate {
        event,
        event_id: wire.event_id.some_word().map(EventId::from),
        at: wire.at.time(),
        happened_at: wire.timestamp.time(),
        order,
        legs,
        executions,
        reason: wire.reason.some_word().map(Into::into),
    })
}

/// The executions, busts and corrections that the event reports.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other event executes")]
fn executions(
    wire: &UpdateWire<'_>,
    event: &TradeEvent,
    order: &Order,
    legs: &[Order],
    lacks: &mut Lacks,
) -> Result<Vec<Execution>, WireError> {
    let of = || wire.previous_execution_id.some_word().map(ExecutionId::from);
    let kind = match event {
        TradeEvent::Fill | TradeEvent::PartialFill => ExecutionKind::Trade,
        TradeEvent::TradeBust => ExecutionKind::Bust { of: of() },
        TradeEvent::TradeCorrect => ExecutionKind::Correction { of: of() },
        _ => return Ok(Vec::new()),
    };
    if !wire.legs.0.is_empty() {
        return leg_executions(wire, &kind, order, legs, lacks);
    }
    if order.is_multileg_parent() {
        // The parent counts units and only its legs execute; when the event does not name them, they are fetched.
        return Ok(Vec::new());
    }
    let missing = |member| WireError::Member { what: WHAT, member };
    let qty = wire.qty.amount().ok_or_else(|| missing("qty"))?;
    let px = wire.price.amount();
    if px.is_none() && !matches!(kind, ExecutionKind::Bust { .. }) {
        lacks.push(missing("price"));
    }
    // Old frames had no id; one derived from the event still identifies duplicates (docs/ALPACA.md 6.8).
    let id = wire
        .execution_id
        .some_word()
        .map_or_else(|| made_up_id(&order.id, order.cum_qty, &wire.timestamp), ExecutionId::from);
    Ok(vec![Execution {
        id,
        order_id: order.id.clone(),
        symbol: order.symbol.clone(),
        side: order.side.clone(),
        qty,
        px,
        cum_qty: (kind == ExecutionKind::Trade).then_some(order.cum_qty),
        position_qty: wire.position_qty.figure(WHAT, "position_qty", lacks),
        at: wire.timestamp.time().or_else(|| wire.at.time()),
        kind,
        source: Source::Stream,
    }])
}

fn made_up_id(order: &OrderId, cum_qty: Qty, stamp: &Loose<'_>) -> ExecutionId {
    ExecutionId::from(format!(
        "{}/{}/{}",
        order.as_str(),
        cum_qty.decimal().normalize(),
        stamp.word().unwrap_or_default()
    ))
}

#[derive(Deserialize)]
struct LegWire<'a> {
    #[serde(borrow, default)]
    execution_id: Loose<'a>,
    #[serde(borrow, default)]
    order_id: Loose<'a>,
    #[serde(borrow, default)]
    symbol: Loose<'a>,
    #[serde(borrow, default)]
    qty: Loose<'a>,
    #[serde(borrow, default)]
    price: Loose<'a>,
    #[serde(borrow, default)]
    timestamp: Loose<'a>,
}

/// The executions of the legs, in the order of the event.
fn leg_executions(
    update: &UpdateWire<'_>,
    kind: &ExecutionKind,
    parent: &Order,
    legs: &[Order],
    lacks: &mut Lacks,
) -> Result<Vec<Execution>, WireError> {
    let one = |leg: &&RawValue| leg_execution(leg.get(), update, kind, parent, legs, lacks);
    let mut executions: Vec<Execution> = update.legs.0.iter().map(one).collect::<Result<_, _>>()?;
    // A leg states its executed quantity after the last of its executions in this event.
    for at in (1..executions.len()).rev() {
        let (before, from) = executions.split_at_mut(at);
        let Some(later) = from.first() else { continue };
        if let Some(earlier) = before.iter_mut().rev().find(|earlier| earlier.order_id == later.order_id) {
            earlier.cum_qty = later.cum_qty.and_then(|cum| cum.checked_sub(later.qty));
        }
    }
    Ok(executions)
}

/// The execution of one leg; side and executed quantity come from the leg's order.
fn leg_execution(
    text: &str,
    update: &UpdateWire<'_>,
    kind: &ExecutionKind,
    parent: &Order,
    legs: &[Order],
    lacks: &mut Lacks,
) -> Result<Execution, WireError> {
    let wire: LegWire<'_> = serde_json::from_str(text).map_err(|error| WireError::json(WHAT, &error))?;
    let missing = |member| WireError::Member { what: WHAT, member };
    let order_id = OrderId::from(wire.order_id.some_word().ok_or_else(|| missing("legs[].order_id"))?);
    let leg = legs.iter().find(|leg| leg.id == order_id);
    let symbol = match (wire.symbol.some_word(), leg) {
        (Some(symbol), _) => Symbol::from(symbol),
        (None, Some(leg)) => leg.symbol.clone(),
        (None, None) => return Err(missing("legs[].symbol")),
    };
    let stamp = if wire.timestamp == Loose::Nothing { &update.timestamp } else { &wire.timestamp };
    let id = wire
        .execution_id
        .some_word()
        .map_or_else(|| made_up_id(&order_id, leg.map_or(parent.cum_qty, |leg| leg.cum_qty), stamp), ExecutionId::from);
    Ok(Execution {
        id,
        side: leg.map_or_else(|| parent.side.clone(), |leg| leg.side.clone()),
        qty: wire.qty.amount().ok_or_else(|| missing("legs[].qty"))?,
        px: wire.price.figure(WHAT, "legs[].price", lacks),
        cum_qty: leg.filter(|_| *kind == ExecutionKind::Trade).map(|leg| leg.cum_qty),
        position_qty: position_of(update, &symbol),
        at: stamp.time(),
        kind: kind.clone(),
        source: Source::Stream,
        order_id,
        symbol,
    })
}

/// The position in a symbol after a multi-leg fill, from the object `position_qtys` (docs/ALPACA.md 6.5).
fn position_of(update: &UpdateWire<'_>, symbol: &Symbol) -> Option<Qty> {
    let text = update.position_qtys?.get();
    let mut by_symbol: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    serde_json::from_value(by_symbol.remove(symbol.as_str())?).ok()
}
