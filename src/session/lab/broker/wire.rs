//! The truth as JSON, read back by the decoder of the real service.

use std::fmt::{Display, Write};

use jiff::Timestamp;

use crate::broker::alpaca::wire::{self, Frame, WireError};
use crate::domain::activity::ActivityKind;
use crate::domain::execution::{Execution, ExecutionKind};
use crate::domain::money::{Money, Price, Qty};
use crate::domain::order::Order;
use crate::domain::{Account, Activity, Position, TradeUpdate};
use crate::session::lab::plan::Body;

/// Writes the members of an object one after another.
struct Members<'a> {
    out: &'a mut String,
    /// Unknown members are left out instead of written as `null`.
    sparse: bool,
}

impl<'a> Members<'a> {
    fn open(out: &'a mut String, sparse: bool) -> Self {
        out.push('{');
        Self { out, sparse }
    }

    fn name(&mut self, name: &str) {
        if !self.out.ends_with('{') {
            self.out.push(',');
        }
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\":");
    }

    fn word(&mut self, name: &str, value: impl Display) {
        self.name(name);
        write!(self.out, "\"{value}\"").unwrap();
    }

    fn maybe(&mut self, name: &str, value: Option<impl Display>) {
        match value {
            Some(value) => self.word(name, value),
            None if self.sparse => {}
            None => {
                self.name(name);
                self.out.push_str("null");
            }
        }
    }

    fn time(&mut self, name: &str, at: Option<Timestamp>) {
        self.maybe(name, at);
    }

    fn close(self) {
        self.out.push('}');
    }
}

fn write_order(out: &mut String, order: &Order, legs: &[Order], sparse: bool) {
    let mut object = Members::open(out, sparse);
    object.word("id", &order.id);
    object.time("created_at", order.created_at);
    object.time("updated_at", order.updated_at);
    object.time("submitted_at", order.submitted_at);
    object.time("filled_at", order.filled_at);
    object.time("expired_at", order.expired_at);
    object.time("canceled_at", order.canceled_at);
    object.time("failed_at", order.failed_at);
    object.time("replaced_at", order.replaced_at);
    object.maybe("replaced_by", order.replaced_by.as_ref());
    object.maybe("replaces", order.replaces.as_ref());
    object.word("symbol", &order.symbol);
    object.maybe("notional", order.notional.map(Money::decimal));
    object.maybe("qty", order.qty.map(Qty::decimal));
    object.word("filled_qty", order.cum_qty.decimal());
    object.maybe("filled_avg_price", order.avg_px.map(Price::decimal));
    object.word("order_class", &order.class);
    object.word("type", &order.order_type);
    object.word("side", &order.side);
    object.word("time_in_force", &order.tif);
    object.maybe("limit_price", order.limit_px.map(Price::decimal));
    object.word("status", &order.status);
    if !legs.is_empty() {
        object.name("legs");
        object.out.push('[');
        for (number, leg) in legs.iter().enumerate() {
            if number > 0 {
                object.out.push(',');
            }
            write_order(object.out, leg, &[], sparse);
        }
        object.out.push(']');
    }
    object.close();
}

/// An order, written and read.
pub(super) fn order(order: &Order, sparse: bool) -> Order {
    let mut text = String::new();
    write_order(&mut text, order, &[], sparse);
    wire::order(&text).expect("the laboratory writes readable orders")
}

/// A frame of the stream, written and read.
pub(super) fn frame(update: &TradeUpdate, sparse: bool) -> TradeUpdate {
    let mut text = String::from("{\"stream\":\"trade_updates\",\"data\":");
    let mut data = Members::open(&mut text, sparse);
    data.word("event", &update.event);
    data.time("at", update.at);
    data.time("timestamp", update.happened_at);
    match update.executions.as_slice() {
        [] => {}
        [one] if update.legs.is_empty() => {
            write_execution(&mut data, one);
            data.maybe("position_qty", one.position_qty.map(Qty::decimal));
            match &one.kind {
                ExecutionKind::Bust { of } | ExecutionKind::Correction { of } => {
                    data.maybe("previous_execution_id", of.as_ref());
                }
                ExecutionKind::Trade | ExecutionKind::Unexplained => {}
            }
        }
        legs => {
            data.name("legs");
            data.out.push('[');
            for (number, leg) in legs.iter().enumerate() {
                if number > 0 {
                    data.out.push(',');
                }
                let mut object = Members::open(data.out, sparse);
                object.word("order_id", &leg.order_id);
                object.word("symbol", &leg.symbol);
                object.time("timestamp", leg.at);
                write_execution(&mut object, leg);
                object.close();
            }
            data.out.push(']');
            data.name("position_qtys");
            let mut object = Members::open(data.out, sparse);
            for leg in legs {
                object.maybe(leg.symbol.as_str(), leg.position_qty.map(Qty::decimal));
            }
            object.close();
        }
    }
    data.name("order");
    write_order(data.out, &update.order, &update.legs, sparse);
    data.close();
    text.push('}');
    match wire::frame(text.as_bytes()) {
        Frame::Update(update) => *update,
        other => panic!("the laboratory writes readable frames, but this is {other:?}: {text}"),
    }
}

fn write_execution(object: &mut Members<'_>, execution: &Execution) {
    object.word("execution_id", &execution.id);
    object.maybe("price", execution.px.map(Price::decimal));
    object.word("qty", execution.qty.decimal());
}

/// A row of the activity list, written and read.
pub(super) fn activity(row: &Activity) -> Activity {
    let ActivityKind::Fill { execution_id, order_id, symbol, side, qty, px, cum_qty, partial, at } = &row.kind else {
        return row.clone();
    };
    let mut text = String::new();
    let mut object = Members::open(&mut text, true);
    object.word("id", &row.id);
    object.word("activity_type", "FILL");
    object.word("type", if *partial { "partial_fill" } else { "fill" });
    object.maybe("ref_id", execution_id.as_ref());
    object.word("order_id", order_id);
    object.word("symbol", symbol);
    object.word("side", side);
    object.word("qty", qty.decimal());
    object.word("price", px.decimal());
    object.maybe("cum_qty", cum_qty.map(Qty::decimal));
    object.time("transaction_time", *at);
    object.close();
    wire::activity(&text).expect("the laboratory writes readable rows")
}

/// A position, written and read. Short positions are written without a sign, as some services do.
pub(super) fn position(position: &Position) -> Position {
    let mut text = String::new();
    let mut object = Members::open(&mut text, false);
    object.word("symbol", &position.symbol);
    let qty = position.qty.expect("the laboratory knows the quantity");
    object.word("qty", qty.abs().decimal());
    object.word("side", if qty.is_negative() { "short" } else { "long" });
    object.maybe("current_price", position.last_px.map(Price::decimal));
    object.maybe("market_value", None::<&str>);
    object.close();
    wire::position(&text, &mut Vec::new()).expect("the laboratory writes readable positions")
}

/// The account, written and read.
pub(super) fn account(account: &Account) -> Account {
    let mut text = String::new();
    let mut object = Members::open(&mut text, true);
    object.word("id", &account.id);
    object.word("status", &account.status);
    object.maybe("equity", account.equity.map(Money::decimal));
    object.maybe("cash", account.cash.map(Money::decimal));
    object.close();
    wire::account(&text).expect("the laboratory writes readable accounts").0
}

/// Decodes a body that is not an answer as a list.
pub(in crate::session::lab) fn body(body: Body) -> Result<Vec<Order>, WireError> {
    let text = match body {
        Body::Null => "null",
        Body::Html => "<html><body>502 Bad Gateway</body></html>",
        Body::Cut => "[{\"id\":\"o1\",\"filled_qty\":\"0\"},{\"id\":",
    };
    wire::rows(text, "the orders", |row, _| wire::order(row)).map(|(read, _)| read)
}
