//! The channels of data sockets: feeds, permissions, and the messages for each market event. Opens no socket.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::rows;
use crate::sim::market::{Instrument, Market, Tick};
use crate::sim::server::feed::{FAKE, Feed};
use crate::sim::wire::number;
use crate::sim::words::AssetClass;

/// The channels of all feeds, to tell a channel of another feed from an unknown name.
const EVERY: [&str; 9] =
    ["trades", "quotes", "orderbooks", "bars", "updatedBars", "dailyBars", "statuses", "lulds", "news"];

/// Why a subscription is refused: code and message.
pub(super) type Problem = (u16, &'static str);

/// The subscriptions of a socket.
#[derive(Debug, Clone)]
pub(super) struct Subscriptions {
    feed: Feed,
    wanted: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Subscriptions {
    /// No subscriptions.
    pub(super) fn new(feed: Feed) -> Self {
        let wanted = feed.channels().iter().map(|channel| (*channel, BTreeSet::new())).collect();
        Self { feed, wanted }
    }

    /// The subscriptions after a subscribe or unsubscribe, with at most `most` symbols over trades and quotes.
    pub(super) fn after(&self, message: &Value, add: bool, most: usize) -> Result<Self, Problem> {
        const SYNTAX: Problem = (400, "invalid syntax");
        let mut after = self.clone();
        for channel in EVERY {
            let Some(list) = message.get(channel).filter(|list| !list.is_null()) else { continue };
            let list = list.as_array().ok_or(SYNTAX)?;
            let Some(symbols) = after.wanted.get_mut(channel) else {
                // Clients send empty lists for unused channels.
                if list.is_empty() {
                    continue;
                }
                return Err((410, "invalid subscribe action for this feed"));
            };
            for symbol in list {
                let symbol = symbol.as_str().filter(|symbol| self.feed.has(symbol)).ok_or(SYNTAX)?;
                if add {
                    symbols.insert(symbol.to_owned())
                } else {
                    symbols.remove(symbol)
                };
            }
        }
        let count = |channel: &str| after.wanted.get(channel).map_or(0, BTreeSet::len);
        if count("trades") + count("quotes") > most {
            return Err((405, "symbol limit exceeded"));
        }
        Ok(after)
    }

    /// The answer to a subscription: the complete list.
    pub(super) fn shown(&self) -> Value {
        let mut shown = Map::new();
        shown.insert("T".to_owned(), Value::from("subscription"));
        for channel in self.feed.channels() {
            shown.insert((*channel).to_owned(), json!(self.wanted.get(channel)));
        }
        if matches!(self.feed, Feed::Stocks(_) | Feed::Test) {
            // Subscribing to trades includes corrections and cancels.
            shown.insert("corrections".to_owned(), json!(self.wanted.get("trades")));
            shown.insert("cancelErrors".to_owned(), json!(self.wanted.get("trades")));
        }
        Value::Object(shown)
    }

    /// Whether a symbol of a channel is subscribed to.
    pub(super) fn wants(&self, channel: &str, symbol: &str) -> bool {
        self.wanted.get(channel).is_some_and(|symbols| symbols.contains(symbol) || symbols.contains("*"))
    }

    /// Whether an article about these symbols is subscribed to.
    pub(super) fn wants_news(&self, symbols: &[&str]) -> bool {
        symbols.iter().any(|symbol| self.wants("news", symbol))
    }

    /// The full order books of new subscriptions.
    pub(super) fn new_books(&self, before: &Self, market: &Market) -> Vec<Value> {
        let coins = market.syms().map(|sym| market.get(sym)).filter(|one| one.asset.class == AssetClass::Crypto);
        let new = |symbol: &str| self.wants("orderbooks", symbol) && !before.wants("orderbooks", symbol);
        coins.filter(|one| new(one.asset.symbol)).map(whole_book).collect()
    }

    /// The messages for a market event.
    pub(super) fn messages(&self, market: &Market, tick: &Tick) -> Vec<Value> {
        let sym = match tick {
            Tick::Quote(sym, _) | Tick::Trade(sym, _) | Tick::Minute(sym, _) | Tick::Status(sym, ..) => *sym,
        };
        let instrument = market.get(sym);
        let symbol = instrument.asset.symbol;
        if self.feed.class() != Some(instrument.asset.class) {
            return Vec::new();
        }
        let wants = |channel: &str| self.wants(channel, symbol);
        let mut out = Vec::new();
        match tick {
            Tick::Trade(_, trade) if wants("trades") => {
                out.push(rows::message("t", symbol, rows::trade(instrument, trade)));
            }
            Tick::Quote(_, quote) => {
                out.extend(wants("quotes").then(|| rows::message("q", symbol, rows::quote(instrument, quote))));
                out.extend(wants("orderbooks").then(|| whole_book(instrument)));
            }
            Tick::Minute(_, bar) => {
                out.extend(wants("bars").then(|| rows::message("b", symbol, rows::bar(bar))));
                let today = instrument.day.as_ref().filter(|_| wants("dailyBars"));
                out.extend(today.map(|day| rows::message("d", symbol, rows::day(day))));
                let minute = SignedDuration::from_mins(1);
                let end = bar.at.saturating_add(minute).unwrap_or(bar.at);
                out.extend(wants("lulds").then(|| bands(instrument, bar.close, end)));
            }
            Tick::Status(_, halted, at) if wants("statuses") => out.push(status(instrument, *halted, *at)),
            Tick::Trade(..) | Tick::Status(..) => {}
        }
        out
    }
}

/// A full order book; books here are redrawn from each quote.
fn whole_book(instrument: &Instrument) -> Value {
    let mut message = rows::message("o", instrument.asset.symbol, rows::book(instrument));
    if let Some(members) = message.as_object_mut() {
        members.insert("r".to_owned(), Value::Bool(true));
    }
    message
}

/// A band of five percent around the last price, as for large shares in the regular session.
fn bands(instrument: &Instrument, price: Decimal, at: Timestamp) -> Value {
    let part = |hundredths: i64| number((price * Decimal::new(hundredths, 2)).round_dp(2).normalize());
    let row = json!({"u": part(105), "d": part(95), "i": "B", "t": at.to_string(), "z": rows::tape(instrument)});
    rows::message("l", instrument.asset.symbol, row)
}

fn status(instrument: &Instrument, halted: bool, at: Timestamp) -> Value {
    let (code, words) = if halted { ("H", "Trading Halt") } else { ("T", "Trading Resumption") };
    let (reason, why) = if halted { ("T1", "Halt - News Pending") } else { ("T3", "News and Resumption Times") };
    let row =
        json!({"sc": code, "sm": words, "rc": reason, "rm": why, "t": at.to_string(), "z": rows::tape(instrument)});
    rows::message("s", instrument.asset.symbol, row)
}

/// The test feed's messages: it moves every second, whatever the market does.
pub(super) fn fake(subscriptions: &Subscriptions, count: u32, now: Timestamp) -> Vec<Value> {
    let price = Decimal::new(13_300 + i64::from(count * 37 % 100), 2);
    let value = number(price);
    let mut messages = Vec::new();
    if subscriptions.wants("trades", FAKE) {
        let row =
            json!({"i": count, "x": "N", "p": value, "s": 1 + count % 9, "c": ["@"], "t": now.to_string(), "z": "A"});
        messages.push(rows::message("t", FAKE, row));
    }
    if subscriptions.wants("quotes", FAKE) {
        let tick = Decimal::new(1, 2);
        let row = json!({
            "bx": "O", "bp": number(price - tick), "bs": 100, "ax": "R", "ap": number(price + tick), "as": 400,
            "c": ["R"], "t": now.to_string(), "z": "A",
        });
        messages.push(rows::message("q", FAKE, row));
    }
    if subscriptions.wants("bars", FAKE) && count.is_multiple_of(60) {
        let minute: Timestamp = now.saturating_sub(SignedDuration::from_secs(60)).unwrap_or(now);
        let row = json!({"o": value, "h": value, "l": value, "c": value, "v": 500, "t": minute.to_string(), "n": 60, "vw": value});
        messages.push(rows::message("b", FAKE, row));
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_that_a_feed_lacks_are_refused_unless_empty() {
        let none = Subscriptions::new(Feed::Crypto);
        let after = none.after(&json!({"trades": ["BTC/USD"], "lulds": [], "statuses": null}), true, 30).unwrap();
        assert!(after.wants("trades", "BTC/USD") && !after.wants("orderbooks", "BTC/USD"));
        assert_eq!(none.after(&json!({"lulds": ["BTC/USD"]}), true, 30).unwrap_err().0, 410);
        assert_eq!(none.after(&json!({"trades": ["AAPL"]}), true, 30).unwrap_err().0, 400);
        assert_eq!(after.after(&json!({"quotes": ["BTC/USD"]}), true, 1).unwrap_err().0, 405);
        let gone = after.after(&json!({"trades": ["BTC/USD"]}), false, 30).unwrap();
        assert!(!gone.wants("trades", "BTC/USD"));
    }
}
