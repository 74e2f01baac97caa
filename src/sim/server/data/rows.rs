//! Rows of market data: quotes, trades, bars, snapshots, order books. Numbers are JSON numbers here, with their exact
//! digits.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::sim::calendar;
use crate::sim::market::{Bar, Instrument, Quote, Trade};
use crate::sim::wire::number;
use crate::sim::words::{AssetClass, Side};

/// Levels on each side of an order book.
const DEPTH: i64 = 10;

/// A kind of row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Best bid and offer.
    Quotes,
    /// Prints.
    Trades,
    /// Open, high, low, close, volume.
    Bars,
}

impl Kind {
    /// The kind given in a path segment.
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word {
            "quotes" => Some(Self::Quotes),
            "trades" => Some(Self::Trades),
            "bars" => Some(Self::Bars),
            _ => None,
        }
    }

    /// The member names for many rows and for one.
    pub(super) const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Quotes => ("quotes", "quote"),
            Self::Trades => ("trades", "trade"),
            Self::Bars => ("bars", "bar"),
        }
    }
}

fn is_crypto(instrument: &Instrument) -> bool {
    instrument.asset.class == AssetClass::Crypto
}

/// The tape that an exchange reports to.
pub(super) fn tape(instrument: &Instrument) -> &'static str {
    match instrument.asset.exchange {
        "NASDAQ" => "C",
        "NYSE" => "A",
        _ => "B",
    }
}

/// A quote.
pub(super) fn quote(instrument: &Instrument, quote: &Quote) -> Value {
    if is_crypto(instrument) {
        return json!({
            "t": quote.at.to_string(), "bp": number(quote.bid), "bs": number(quote.bid_size),
            "ap": number(quote.ask), "as": number(quote.ask_size),
        });
    }
    if instrument.asset.class == AssetClass::UsOption {
        return json!({
            "t": quote.at.to_string(), "ax": "C", "ap": number(quote.ask), "as": number(quote.ask_size),
            "bx": "C", "bp": number(quote.bid), "bs": number(quote.bid_size), "c": "A",
        });
    }
    json!({
        "t": quote.at.to_string(), "ax": "V", "ap": number(quote.ask), "as": number(quote.ask_size),
        "bx": "V", "bp": number(quote.bid), "bs": number(quote.bid_size), "c": ["R"], "z": tape(instrument),
    })
}

/// A print.
pub(super) fn trade(instrument: &Instrument, trade: &Trade) -> Value {
    if is_crypto(instrument) {
        let taker = if trade.taker == Side::Buy { "B" } else { "S" };
        return json!({
            "t": trade.at.to_string(), "p": number(trade.price), "s": number(trade.size), "tks": taker, "i": trade.id,
        });
    }
    if instrument.asset.class == AssetClass::UsOption {
        return json!({
            "t": trade.at.to_string(), "x": "C", "p": number(trade.price), "s": number(trade.size), "c": "I",
        });
    }
    json!({
        "t": trade.at.to_string(), "x": "V", "p": number(trade.price), "s": number(trade.size), "c": ["@"],
        "i": trade.id, "z": tape(instrument),
    })
}

/// A bar.
pub(super) fn bar(bar: &Bar) -> Value {
    json!({
        "t": bar.at.to_string(), "o": number(bar.open), "h": number(bar.high), "l": number(bar.low),
        "c": number(bar.close), "v": number(bar.volume), "n": bar.trades, "vw": number(bar.vwap()),
    })
}

/// A daily bar, which starts at midnight in New York regardless of its first print.
pub(super) fn day(whole: &Bar) -> Value {
    let date = calendar::in_new_york(whole.at).date();
    bar(&Bar { at: calendar::instant(date, jiff::civil::Time::midnight()), ..*whole })
}

/// The newest row of a kind.
pub(super) fn latest(instrument: &Instrument, kind: Kind) -> Option<Value> {
    match kind {
        Kind::Quotes => Some(quote(instrument, &instrument.quote)),
        Kind::Trades => Some(trade(instrument, &instrument.last)),
        // The last complete minute; early in the day only the current one.
        Kind::Bars => instrument.minutes.back().or(instrument.minute.as_ref()).map(bar),
    }
}

/// A snapshot: everything about a symbol at once.
pub(super) fn snapshot(instrument: &Instrument) -> Value {
    let bar_or_null = |value: Option<&Bar>| value.map_or(Value::Null, bar);
    json!({
        "latestTrade": trade(instrument, &instrument.last),
        "latestQuote": quote(instrument, &instrument.quote),
        "minuteBar": bar_or_null(instrument.minute.as_ref().or(instrument.minutes.back())),
        "dailyBar": instrument.day.as_ref().map_or(Value::Null, day),
        "prevDailyBar": bar_or_null(instrument.days.last()),
    })
}

/// Ten levels on each side of the quote.
pub(super) fn book(instrument: &Instrument) -> Value {
    let quote = instrument.quote;
    let step = (quote.ask - quote.bid).max(instrument.asset.price_step);
    let level = |price: Decimal, size: Decimal, behind: i64| json!({"p": number(price.normalize()), "s": number((size * Decimal::new(10 + 3 * behind, 1)).normalize())});
    let side = |price: Decimal, size: Decimal, away: Decimal| -> Vec<Value> {
        (0..DEPTH).map(|behind| level(price + away * Decimal::from(behind), size, behind)).collect()
    };
    json!({
        "t": quote.at.to_string(),
        "b": side(quote.bid, quote.bid_size, -step),
        "a": side(quote.ask, quote.ask_size, step),
    })
}

/// A row as a socket message: with type and symbol.
pub(super) fn message(letter: &str, symbol: &str, row: Value) -> Value {
    let mut message = Map::new();
    message.insert("T".to_owned(), Value::from(letter));
    message.insert("S".to_owned(), Value::from(symbol));
    if let Value::Object(members) = row {
        message.extend(members);
    }
    Value::Object(message)
}
