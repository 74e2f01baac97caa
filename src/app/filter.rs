//! Filters: words and fields (`aapl side:sell status:working qty>100 -type:limit -2h`), all of which must match.
//!
//! Parsing never fails: a term that cannot be parsed is ignored and described in [`Filter::problem`].

mod time;

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

pub use self::time::FilterClock;
use self::time::When;
use super::columns::placed_at;
use crate::accounts::AccountState;
use crate::domain::blotter::TapeEntry;
use crate::domain::{Activity, ActivityKind, Money, Order, Position, Price, Qty};

/// A parsed filter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    terms: Vec<Term>,
    /// Whether the filter has words that mean something else as time passes.
    pub is_relative: bool,
    /// The first term that could not be parsed, as a sentence without a full stop.
    pub problem: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    negated: bool,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    /// A word that occurs in any text of the row.
    Word(String),
    /// A field that starts with a word.
    Field(&'static str, String),
    /// A comparison with a field's number.
    Figure(&'static str, &'static [Ordering], Decimal),
    /// A time or date.
    Time(When),
}

/// The value of a field in one row.
pub enum Value<'a> {
    /// A word, compared case-insensitively.
    Word(Cow<'a, str>),
    /// A number, or a missing one.
    Figure(Option<Decimal>),
    /// A time, or a missing one.
    Time(Option<Timestamp>),
    /// A day without a time of day.
    Day(Date),
    /// Rows of this kind do not have the field.
    Absent,
}

const TIME: &str = "time";

/// The fields, with their aliases.
const FIELDS: &[(&str, &[&str])] = &[
    ("symbol", &["symbol", "sym"]),
    ("side", &["side"]),
    ("status", &["status", "st"]),
    ("type", &["type"]),
    ("tif", &["tif"]),
    ("event", &["event"]),
    ("kind", &["kind"]),
    ("account", &["account", "acct"]),
    ("id", &["id"]),
    ("class", &["class"]),
    ("qty", &["qty"]),
    ("filled", &["filled"]),
    ("limit", &["limit"]),
    ("stop", &["stop"]),
    ("avg", &["avg"]),
    ("last", &["last"]),
    ("value", &["value", "notional"]),
    ("pl", &["pl", "p&l", "pnl"]),
    ("price", &["price", "px"]),
    (TIME, &["time", "date"]),
];

const OPERATORS: &[(&str, &[Ordering])] = &[
    (">=", &[Ordering::Greater, Ordering::Equal]),
    ("<=", &[Ordering::Less, Ordering::Equal]),
    (">", &[Ordering::Greater]),
    ("<", &[Ordering::Less]),
    ("=", &[Ordering::Equal]),
];

impl Filter {
    /// Parses a filter.
    pub fn parse(text: &str, clock: &FilterClock) -> Self {
        let mut filter = Self::default();
        for token in text.split_whitespace() {
            let is_time = |token: &str| When::word(&token.to_lowercase(), clock).is_some();
            let (negated, token) = match token.strip_prefix(['-', '!']) {
                // The minus of `-2h` negates nothing.
                Some(rest) if !rest.is_empty() && !is_time(token) => (true, rest),
                _ => (false, token),
            };
            filter.is_relative |= is_time(token);
            match term(token, clock) {
                Ok(Some(test)) => filter.terms.push(Term { negated, test }),
                Ok(None) => {}
                Err(problem) => filter.problem = Some(problem),
            }
        }
        filter
    }

    /// Whether the filter matches everything.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether this filter matches a subset of what `wider` matches, as far as the terms alone show: terms were added,
    /// or words grew.
    pub fn narrows(&self, wider: &Self) -> bool {
        let grown = |(term, before): (&Term, &Term)| match (&term.test, &before.test) {
            _ if term == before => true,
            (Test::Word(now), Test::Word(was)) => !term.negated && !before.negated && now.contains(was.as_str()),
            _ => false,
        };
        self.terms.len() >= wider.terms.len() && self.terms.iter().zip(&wider.terms).all(grown)
    }

    /// Whether a row matches; `field` returns a field's value, `any` whether a bare word occurs in the row.
    ///
    /// Runs for every row at every letter typed, and therefore must not allocate.
    pub fn passes<'a>(&self, field: impl Fn(&str) -> Value<'a>, any: impl Fn(&str) -> bool) -> bool {
        self.terms.iter().all(|term| {
            let holds = match &term.test {
                Test::Word(wanted) => any(wanted),
                Test::Field(name, wanted) => match field(name) {
                    Value::Word(word) => begins(&word, wanted),
                    Value::Figure(Some(figure)) => wanted.parse::<Decimal>().is_ok_and(|wanted| figure == wanted),
                    Value::Figure(None) | Value::Time(_) | Value::Day(_) | Value::Absent => false,
                },
                Test::Figure(name, orders, wanted) => match field(name) {
                    Value::Figure(Some(figure)) => orders.contains(&figure.cmp(wanted)),
                    Value::Figure(None) | Value::Time(_) | Value::Day(_) | Value::Word(_) | Value::Absent => false,
                },
                Test::Time(when) => match field(TIME) {
                    Value::Time(Some(at)) => when.holds(at),
                    Value::Day(day) => when.holds_on(day),
                    Value::Time(None) | Value::Figure(_) | Value::Word(_) | Value::Absent => false,
                },
            };
            holds != term.negated
        })
    }

    /// Whether an order matches.
    pub fn order(&self, account: &AccountState, order: &Order) -> bool {
        // `status:working` and `status:done` match groups; any other word is the broker's status.
        let halves = |status: &str| {
            self.terms.iter().find_map(|term| match &term.test {
                Test::Field("status", wanted) if !wanted.is_empty() && status.starts_with(wanted.as_str()) => Some(()),
                Test::Field(..) | Test::Word(_) | Test::Figure(..) | Test::Time(_) => None,
            })
        };
        let half = if order.status.is_working() { "working" } else { "done" };
        let field = |name: &str| match name {
            "symbol" => word(order.symbol.as_str()),
            "side" => word(order.side.as_str()),
            "status" if halves(half).is_some() => word(half),
            "status" => word(order.status.as_str()),
            "type" => word(order.order_type.as_str()),
            "tif" => word(order.tif.as_str()),
            "class" => word(order.class.as_str()),
            "account" => word(&account.link.label),
            "id" => word(order.id.as_str()),
            "qty" => Value::Figure(order.qty.map(Qty::decimal)),
            "filled" => Value::Figure(Some(order.cum_qty.decimal())),
            "limit" => Value::Figure(order.limit_px.map(Price::decimal)),
            "stop" => Value::Figure(order.stop_px.map(Price::decimal)),
            "avg" => Value::Figure(order.avg_px.map(Price::decimal)),
            "value" => Value::Figure(order.notional.map(Money::decimal)),
            TIME => Value::Time(placed_at(order)),
            _ => Value::Absent,
        };
        let any = |wanted: &str| {
            let words = [
                order.symbol.as_str(),
                order.side.as_str(),
                order.status.as_str(),
                half,
                order.order_type.as_str(),
                order.id.as_str(),
                &*account.link.label,
                order.client_order_id.as_ref().map_or("", |id| id.as_str()),
            ];
            // Formatting a time is expensive; skip it for terms without a digit.
            let time = || placed_at(order).is_some_and(|at| holds(&at.to_string(), wanted));
            words.iter().any(|word| holds(word, wanted)) || (wanted.bytes().any(|byte| byte.is_ascii_digit()) && time())
        };
        self.passes(field, any)
    }

    /// Whether a position matches.
    pub fn position(&self, account: &AccountState, position: &Position) -> bool {
        let side = match position.qty {
            Some(qty) if qty.is_negative() => "short",
            Some(_) => "long",
            None => "",
        };
        let field = |name: &str| match name {
            "symbol" => word(position.symbol.as_str()),
            "side" => word(side),
            "account" => word(&account.link.label),
            "qty" => Value::Figure(position.qty.map(Qty::decimal)),
            "avg" => Value::Figure(position.avg_px.map(Price::decimal)),
            "last" | "price" => Value::Figure(position.last_px.map(Price::decimal)),
            "value" => Value::Figure(position.market_value.map(Money::decimal)),
            "pl" => Value::Figure(position.unrealized_pl.map(Money::decimal)),
            _ => Value::Absent,
        };
        let any =
            |wanted: &str| [position.symbol.as_str(), side, &account.link.label].iter().any(|word| holds(word, wanted));
        self.passes(field, any)
    }

    /// Whether a line of the tape matches.
    pub fn tape(&self, account: &AccountState, entry: &TapeEntry) -> bool {
        let order = account.blotter.order(&entry.order_id);
        let execution = entry.execution.as_ref().and_then(|id| account.blotter.execution(id));
        let symbol = order.map_or("", |order| order.symbol.as_str());
        let side = order.map_or("", |order| order.side.as_str());
        let field = |name: &str| match name {
            "symbol" => word(symbol),
            "side" => word(side),
            "event" | "status" => word(entry.event.as_str()),
            "kind" => word(if entry.execution.is_some() { "execution" } else { "event" }),
            "account" => word(&account.link.label),
            "id" => word(entry.order_id.as_str()),
            "type" => order.map_or(Value::Absent, |order| word(order.order_type.as_str())),
            "qty" => Value::Figure(execution.map(|execution| execution.qty.decimal())),
            "price" => Value::Figure(execution.and_then(|execution| execution.px).map(Price::decimal)),
            TIME => Value::Time(entry.at),
            _ => Value::Absent,
        };
        let any = |wanted: &str| {
            let words = [symbol, side, entry.event.as_str(), entry.order_id.as_str(), &account.link.label];
            words.iter().any(|word| holds(word, wanted))
        };
        self.passes(field, any)
    }

    /// Whether a row of the activity list matches.
    pub fn activity(&self, row: &Activity) -> bool {
        let kind = row.activity_type.raw();
        match &row.kind {
            ActivityKind::Fill { symbol, side, qty, px, at, order_id, .. } => {
                let field = |name: &str| match name {
                    "symbol" => word(symbol.as_str()),
                    "side" => word(side.as_str()),
                    "type" | "event" => word(kind),
                    "kind" => word("execution"),
                    "id" => word(order_id.as_str()),
                    "qty" => Value::Figure(Some(qty.decimal())),
                    "price" => Value::Figure(Some(px.decimal())),
                    TIME => Value::Time(*at),
                    _ => Value::Absent,
                };
                let words = [symbol.as_str(), side.as_str(), kind, "execution", order_id.as_str()];
                self.passes(field, |wanted| words.iter().any(|word| holds(word, wanted)))
            }
            ActivityKind::Other { net_amount, symbol, qty, date, description } => {
                let symbol = symbol.as_ref().map_or("", |symbol| symbol.as_str());
                let field = |name: &str| match name {
                    "symbol" => word(symbol),
                    "type" | "event" => word(kind),
                    "kind" => word("event"),
                    "qty" => Value::Figure(qty.map(Qty::decimal)),
                    "value" => Value::Figure(net_amount.map(Money::decimal)),
                    TIME => date.map_or(Value::Time(None), Value::Day),
                    _ => Value::Absent,
                };
                let about = description.as_ref().map_or("", |text| text.raw());
                let words = [symbol, kind, about];
                self.passes(field, |wanted| words.iter().any(|word| holds(word, wanted)))
            }
        }
    }

    /// Whether a plain line of text matches; only bare words count.
    pub fn line(&self, text: &str) -> bool {
        self.passes(|_| Value::Absent, |wanted| holds(text, wanted))
    }
}

/// Whether a text contains a lower-case word, case-insensitively.
fn holds(text: &str, wanted: &str) -> bool {
    if !text.is_ascii() || !wanted.is_ascii() {
        return text.to_lowercase().contains(wanted);
    }
    wanted.is_empty() || text.as_bytes().windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// Whether a text starts with a lower-case word, case-insensitively.
fn begins(text: &str, wanted: &str) -> bool {
    if !text.is_ascii() || !wanted.is_ascii() {
        return text.to_lowercase().starts_with(wanted);
    }
    text.as_bytes().get(..wanted.len()).is_some_and(|part| part.eq_ignore_ascii_case(wanted.as_bytes()))
}

fn word(text: &str) -> Value<'_> {
    Value::Word(Cow::Borrowed(text))
}

/// Parses one term; `None` while it is incomplete (`side:`).
fn term(token: &str, clock: &FilterClock) -> Result<Option<Test>, String> {
    let lower = token.to_lowercase();
    if let Some(when) = When::word(&lower, clock) {
        return Ok(Some(Test::Time(when)));
    }
    let figure = OPERATORS.iter().find_map(|(sign, orders)| Some((lower.split_once(sign)?, *orders)));
    if let Some(((name, figure), orders)) = figure {
        let field = field_name(name)?;
        if figure.is_empty() {
            return Ok(None);
        }
        if field == TIME {
            return When::compared(orders, figure, &clock.zone).map(|when| Some(Test::Time(when)));
        }
        let wanted = figure.replace(',', "").parse().map_err(|_| format!("{figure:?} is not a number"))?;
        return Ok(Some(Test::Figure(field, orders, wanted)));
    }
    if let Some((name, wanted)) = lower.split_once(':') {
        let field = field_name(name)?;
        if field == TIME {
            return Err(format!("{name} is compared: {name}>09:30, {name}<2026-11-24"));
        }
        return Ok((!wanted.is_empty()).then(|| Test::Field(field, wanted.to_owned())));
    }
    Ok(Some(Test::Word(lower)))
}

fn field_name(name: &str) -> Result<&'static str, String> {
    let found = FIELDS.iter().find(|(_, spellings)| spellings.contains(&name));
    found.map(|(field, _)| *field).ok_or_else(|| {
        let names: Vec<&str> = FIELDS.iter().map(|(field, _)| *field).collect();
        format!("unknown field {name:?}; the fields are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Filter {
        let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
        Filter::parse(text, &FilterClock { now: "2026-11-24T18:46:16Z".parse().unwrap(), zone })
    }

    fn passes(filter: &str) -> bool {
        let field = |name: &str| match name {
            "symbol" => word("AAPL"),
            "side" => word("sell"),
            "qty" => Value::Figure(Some(Decimal::from(100))),
            "limit" => Value::Figure(None),
            _ => Value::Absent,
        };
        parsed(filter).passes(field, |wanted| ["AAPL", "sell"].iter().any(|word| holds(word, wanted)))
    }

    #[test]
    fn words_and_fields_must_all_hold() {
        for filter in [
            "",
            "aap",
            "side:sell",
            "side:s aapl",
            "qty>99",
            "qty>=100",
            "qty=100",
            "qty:100",
            "-side:buy",
            "!msft",
            "side:",
        ] {
            assert!(passes(filter), "{filter:?} lets it through");
        }
        for filter in ["msft", "side:buy", "qty>100", "qty<100", "-aapl", "aapl side:buy", "limit>0", "event:fill"] {
            assert!(!passes(filter), "{filter:?} keeps it out");
        }
    }

    #[test]
    fn a_filter_that_only_grew_lets_through_less() {
        let narrows = |now: &str, was: &str| parsed(now).narrows(&parsed(was));
        assert!(
            narrows("a", "") && narrows("aap", "aa") && narrows("aa side:buy", "a") && narrows("side:b x", "side:b")
        );
        assert!(!narrows("", "a") && !narrows("-aap", "-aa") && !narrows("qty:10", "qty:1") && !narrows("b", "a"));
        assert!(!narrows("symbol:a", "symbol"), "a word that became a field is another test");
    }

    #[test]
    fn case_does_not_matter_in_any_script() {
        assert!(holds("Größe", "größe") && holds("GRÖSSE 日本", "日本") && holds("BTC/USD", "c/u") && holds("x", ""));
        assert!(begins("ÄRGER", "är") && begins("NVDA", "nv") && !begins("NV", "nvda") && !holds("NV", "nvda"));
    }

    #[test]
    fn unknown_terms_are_reported_and_ignored() {
        assert_eq!(parsed("qty>many").problem.as_deref(), Some("\"many\" is not a number"));
        let filter = parsed("colour:red aapl");
        assert!(filter.problem.as_deref().is_some_and(|problem| problem.starts_with("unknown field \"colour\"")));
        assert!(passes("colour:red aapl"));
        assert!(parsed("qty>1,000").problem.is_none());
    }

    #[test]
    fn times_and_dates_are_those_of_the_screen() {
        let passes = |filter: &str, at: &str| {
            let at: Timestamp = at.parse().unwrap();
            let field = |name: &str| if name == TIME { Value::Time(Some(at)) } else { Value::Absent };
            parsed(filter).passes(field, |_| false)
        };
        // 13:46:16 in New York.
        for (filter, yes, no) in [
            ("today", "2026-11-24T05:00:00Z", "2026-11-24T04:59:59Z"),
            ("yesterday", "2026-11-24T04:59:59Z", "2026-11-24T05:00:00Z"),
            ("!today", "2026-11-24T04:59:59Z", "2026-11-24T05:00:00Z"),
            ("-2h", "2026-11-24T16:46:16Z", "2026-11-24T16:46:15Z"),
            ("-90s", "2026-11-24T18:44:46Z", "2026-11-24T18:44:45Z"),
            ("-1D", "2026-11-23T18:46:16Z", "2026-11-23T18:46:15Z"),
            ("!-2h", "2026-11-24T16:46:15Z", "2026-11-24T16:46:16Z"),
            ("time>09:30", "2026-11-24T14:31:00Z", "2026-11-24T14:30:59Z"),
            ("time>=9:30", "2026-11-24T14:30:00Z", "2026-11-24T14:29:59Z"),
            ("time=13", "2026-11-20T18:59:59Z", "2026-11-24T19:00:00Z"),
            ("time<09:30:15 today", "2026-11-24T14:30:14Z", "2026-11-24T14:30:15Z"),
            ("date>2026-11-20", "2026-11-21T05:00:00Z", "2026-11-21T04:59:59Z"),
            ("-date=2026-11-20", "2026-11-21T05:00:00Z", "2026-11-20T05:00:00Z"),
        ] {
            assert!(passes(filter, yes), "{filter} lets {yes} through");
            assert!(!passes(filter, no), "{filter} keeps {no} out");
        }
        for wrong in ["time>25:00", "time>noon", "time>9:30:00:00", "time:9", "date>2026-13-01", "time>-3"] {
            assert!(parsed(wrong).problem.is_some(), "{wrong}");
        }
        for unfinished in ["time>", "time>0", "time>09:", "-2", "tod"] {
            assert!(parsed(unfinished).problem.is_none(), "{unfinished}");
        }
        for huge in ["-99999999999999999999h", "-9223372036854775807d", "-9223372036854775807s"] {
            assert!(parsed(huge).problem.is_none() && !parsed(huge).is_relative, "{huge} is a word like any other");
        }
        for relative in ["aapl -2h", "TODAY", "!-5m", "-today"] {
            assert!(parsed(relative).is_relative, "{relative}");
        }
        assert!(!parsed("time>09:30").is_relative);
        let without = |filter: &str| parsed(filter).passes(|_| Value::Time(None), |_| true);
        assert!(!without("today") && !without("time>09:30") && without("!today"), "an unknown time matches nothing");
    }
}
