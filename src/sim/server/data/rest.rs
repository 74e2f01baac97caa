//! Market data over REST. The newest rows are the market's own; past quotes and prints are derived from minute bars,
//! four per minute, because the market keeps no others.

use axum::extract::{Path, Query, State};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::rows::{self, Kind};
use crate::sim::calendar;
use crate::sim::market::{Bar, Instrument, Market, Quote, Trade};
use crate::sim::server::query::{self, Params};
use crate::sim::server::reply::{Answer, ApiError, ok};
use crate::sim::server::request_filter::RequestFilter;
use crate::sim::words::AssetClass;

/// An error of the data interface, which has no code.
pub(super) fn message_only(status: u16, message: impl Into<String>) -> ApiError {
    ApiError { code: None, ..ApiError::new(status, 0, message) }
}

fn kind_of(word: &str) -> Result<Kind, ApiError> {
    Kind::parse(word).ok_or_else(|| message_only(404, "endpoint not found"))
}

fn instruments<'a>(market: &'a Market, symbols: &[String], class: AssetClass) -> Vec<&'a Instrument> {
    let of_class = |sym: &crate::sim::market::Sym| market.asset(*sym).class == class;
    symbols.iter().filter_map(|symbol| market.find(symbol)).filter(of_class).map(|sym| market.get(sym)).collect()
}

pub(super) fn wanted(params: &Params) -> Result<Vec<String>, ApiError> {
    let symbols = query::list(params, "symbols");
    if symbols.is_empty() { Err(message_only(400, "symbols is required")) } else { Ok(symbols) }
}

/// Refuses the newest consolidated data, which needs a plan that this account does not have.
pub(super) fn permitted(params: &Params) -> Result<(), ApiError> {
    match query::param(params, "feed") {
        Some("sip") => Err(message_only(403, "subscription does not permit querying recent SIP data")),
        None | Some("iex" | "delayed_sip" | "otc" | "boats" | "overnight" | "indicative" | "opra") => Ok(()),
        Some(_) => Err(message_only(400, "invalid feed")),
    }
}

fn latest_of(request_filter: &RequestFilter, class: AssetClass, kind: Kind, params: &Params) -> Answer {
    permitted(params)?;
    let symbols = wanted(params)?;
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let found = instruments(engine.market(), &symbols, class);
        let rows: Map<String, Value> = found
            .into_iter()
            .filter_map(|instrument| Some((instrument.asset.symbol.to_owned(), rows::latest(instrument, kind)?)))
            .collect();
        ok(&json!({kind.names().0: rows}))
    })
}

fn snapshots_of(request_filter: &RequestFilter, class: AssetClass, symbols: &[String]) -> Map<String, Value> {
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let found = instruments(engine.market(), symbols, class);
        found.into_iter().map(|one| (one.asset.symbol.to_owned(), rows::snapshot(one))).collect()
    })
}

/// `GET /v2/stocks/{kind}/latest`.
pub(super) async fn stocks_latest(
    State(request_filter): State<RequestFilter>,
    Path(kind): Path<String>,
    Query(params): Query<Params>,
) -> Answer {
    latest_of(&request_filter, AssetClass::UsEquity, kind_of(&kind)?, &params)
}

/// `GET /v2/stocks/{symbol}/{kind}/latest`.
pub(super) async fn stock_latest(
    State(request_filter): State<RequestFilter>,
    Path((symbol, kind)): Path<(String, String)>,
    Query(params): Query<Params>,
) -> Answer {
    permitted(&params)?;
    let kind = kind_of(&kind)?;
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let found = instruments(engine.market(), std::slice::from_ref(&symbol), AssetClass::UsEquity);
        let instrument =
            found.first().ok_or_else(|| message_only(404, format!("no {} found for {symbol}", kind.names().1)))?;
        ok(&json!({"symbol": symbol, kind.names().1: rows::latest(instrument, kind)}))
    })
}

/// `GET /v2/stocks/snapshots`.
pub(super) async fn stocks_snapshots(
    State(request_filter): State<RequestFilter>,
    Query(params): Query<Params>,
) -> Answer {
    permitted(&params)?;
    ok(&snapshots_of(&request_filter, AssetClass::UsEquity, &wanted(&params)?))
}

/// `GET /v2/stocks/{symbol}/snapshot`.
pub(super) async fn stock_snapshot(
    State(request_filter): State<RequestFilter>,
    Path(symbol): Path<String>,
    Query(params): Query<Params>,
) -> Answer {
    permitted(&params)?;
    let mut found = snapshots_of(&request_filter, AssetClass::UsEquity, std::slice::from_ref(&symbol));
    let mut snapshot =
        found.shift_remove(&symbol).ok_or_else(|| message_only(404, format!("no snapshot found for {symbol}")))?;
    if let Some(members) = snapshot.as_object_mut() {
        members.insert("symbol".to_owned(), Value::from(symbol));
    }
    ok(&snapshot)
}

/// `GET /v1beta3/crypto/{loc}/latest/{kind}`.
pub(super) async fn crypto_latest(
    State(request_filter): State<RequestFilter>,
    Path((_, kind)): Path<(String, String)>,
    Query(params): Query<Params>,
) -> Answer {
    latest_of(&request_filter, AssetClass::Crypto, kind_of(&kind)?, &params)
}

/// `GET /v1beta3/crypto/{loc}/snapshots`.
pub(super) async fn crypto_snapshots(
    State(request_filter): State<RequestFilter>,
    Query(params): Query<Params>,
) -> Answer {
    ok(&json!({"snapshots": snapshots_of(&request_filter, AssetClass::Crypto, &wanted(&params)?)}))
}

/// `GET /v1beta1/options/{kind}/latest`.
pub(super) async fn options_latest(
    State(request_filter): State<RequestFilter>,
    Path(kind): Path<String>,
    Query(params): Query<Params>,
) -> Answer {
    latest_of(&request_filter, AssetClass::UsOption, kind_of(&kind)?, &params)
}

/// `GET /v1beta1/options/snapshots`.
pub(super) async fn options_snapshots(
    State(request_filter): State<RequestFilter>,
    Query(params): Query<Params>,
) -> Answer {
    let snapshots = snapshots_of(&request_filter, AssetClass::UsOption, &wanted(&params)?);
    ok(&json!({"snapshots": snapshots, "next_page_token": null}))
}

/// A bar timeframe, in minutes; a day is one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Timeframe {
    Minutes(i64),
    Days(i64),
    Months(i64),
}

fn timeframe(text: &str) -> Option<Timeframe> {
    let split = text.find(|ch: char| !ch.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let number: i64 = number.parse().ok().filter(|number| *number > 0)?;
    // Case-insensitive, except for the one-letter minute and month.
    let months = [1, 2, 3, 4, 6, 12].contains(&number);
    match (unit, unit.to_ascii_lowercase().as_str()) {
        ("M", _) | (_, "month") if months => Some(Timeframe::Months(number)),
        (_, "min" | "t") if number < 60 => Some(Timeframe::Minutes(number)),
        (_, "hour" | "h") if number < 24 => Some(Timeframe::Minutes(number * 60)),
        (_, "day" | "d") if number == 1 => Some(Timeframe::Days(1)),
        (_, "week" | "w") if number == 1 => Some(Timeframe::Days(7)),
        _ => None,
    }
}

impl Timeframe {
    /// The left edge of the bar that contains this time.
    fn edge(self, at: Timestamp) -> Timestamp {
        let day = calendar::in_new_york(at).date();
        let midnight = |day| calendar::instant(day, jiff::civil::time(0, 0, 0, 0));
        match self {
            Self::Minutes(minutes) => {
                let start = midnight(day);
                let passed = at.duration_since(start).as_mins() / minutes * minutes;
                start.saturating_add(SignedDuration::from_mins(passed)).unwrap_or(at)
            }
            Self::Days(1) => midnight(day),
            Self::Days(_) => {
                let back = i64::from(day.weekday().to_monday_zero_offset());
                midnight(day.saturating_sub(jiff::Span::new().days(back)))
            }
            Self::Months(months) => {
                let months = i8::try_from(months).unwrap_or(1);
                let first = (day.month() - 1) / months * months + 1;
                midnight(jiff::civil::Date::new(day.year(), first, 1).unwrap_or(day))
            }
        }
    }

    fn bars(self, instrument: &Instrument) -> Vec<Bar> {
        let daily = instrument.days.iter().chain(instrument.day.as_ref());
        let source: Vec<&Bar> = match self {
            Self::Minutes(_) => instrument.minutes.iter().chain(instrument.minute.as_ref()).collect(),
            Self::Days(_) | Self::Months(_) => daily.collect(),
        };
        let mut bars: Vec<Bar> = Vec::new();
        for bar in source {
            let edge = self.edge(bar.at);
            match bars.last_mut() {
                Some(last) if last.at == edge => last.join(bar),
                _ => bars.push(Bar { at: edge, ..*bar }),
            }
        }
        bars
    }
}

/// The span, order and page of a history request.
struct Page {
    start: Timestamp,
    end: Timestamp,
    descending: bool,
    limit: usize,
    after: Option<(String, Timestamp)>,
}

impl Page {
    fn read(params: &Params, now: Timestamp) -> Result<Self, ApiError> {
        let invalid = |name: &str| message_only(400, format!("invalid {name}"));
        let midnight = calendar::instant(calendar::in_new_york(now).date(), jiff::civil::time(0, 0, 0, 0));
        let moment = |name: &str| query::moment(params, name).map_err(|_| invalid(name));
        let after = match query::param(params, "page_token") {
            None => None,
            Some(token) => Some(Self::token(token).ok_or_else(|| invalid("page_token"))?),
        };
        Ok(Self {
            start: moment("start")?.unwrap_or(midnight),
            end: moment("end")?.unwrap_or(now),
            descending: query::param(params, "sort") == Some("desc"),
            limit: query::number(params, "limit", 1000, 10_000)
                .map_err(|error| message_only(400, error.message))?
                .max(1),
            after,
        })
    }

    fn token(token: &str) -> Option<(String, Timestamp)> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let (symbol, at) = text.split_once('|')?;
        Some((symbol.to_owned(), at.parse().ok()?))
    }

    /// One page of the rows, and the token of the next.
    fn cut(&self, mut rows: Vec<(String, Timestamp, Value)>) -> (Vec<(String, Value)>, Value) {
        rows.retain(|(_, at, _)| *at >= self.start && *at <= self.end);
        rows.sort_by(|one, other| {
            let times = if self.descending { other.1.cmp(&one.1) } else { one.1.cmp(&other.1) };
            one.0.cmp(&other.0).then(times)
        });
        if let Some((symbol, last)) = &self.after {
            let past = |at: &Timestamp| if self.descending { at < last } else { at > last };
            rows.retain(|(name, at, _)| name > symbol || (name == symbol && past(at)));
        }
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let token = rows
            .last()
            .filter(|_| more)
            .map_or(Value::Null, |(symbol, at, _)| Value::from(URL_SAFE_NO_PAD.encode(format!("{symbol}|{at}"))));
        (rows.into_iter().map(|(symbol, _, row)| (symbol, row)).collect(), token)
    }
}

/// The requested page of the rows, and the token of the next.
pub(super) fn cut_page(
    params: &Params,
    now: Timestamp,
    rows: Vec<(String, Timestamp, Value)>,
) -> Result<(Vec<(String, Value)>, Value), ApiError> {
    Ok(Page::read(params, now)?.cut(rows))
}

/// Four prints for a minute: open, high, low and close.
fn prints(instrument: &Instrument) -> Vec<Trade> {
    let mut id = 0;
    let mut prints = Vec::new();
    for bar in &instrument.minutes {
        for (second, price) in [(0, bar.open), (15, bar.high), (30, bar.low), (45, bar.close)] {
            id += 1;
            let at = bar.at.saturating_add(SignedDuration::from_secs(second)).unwrap_or(bar.at);
            let size = (bar.volume / rust_decimal::Decimal::from(4)).round_dp(if instrument.asset.fractionable {
                4
            } else {
                0
            });
            prints.push(Trade { id, price, size: size.normalize(), at, ..instrument.last });
        }
    }
    prints
}

fn past(instrument: &Instrument, kind: Kind, params: &Params) -> Result<Vec<(Timestamp, Value)>, ApiError> {
    Ok(match kind {
        Kind::Bars => {
            let text = query::param(params, "timeframe").ok_or_else(|| message_only(400, "timeframe is required"))?;
            let frame = timeframe(text).ok_or_else(|| message_only(400, format!("invalid timeframe: {text}")))?;
            frame.bars(instrument).iter().map(|bar| (bar.at, rows::bar(bar))).collect()
        }
        Kind::Trades => prints(instrument).iter().map(|print| (print.at, rows::trade(instrument, print))).collect(),
        Kind::Quotes => {
            let half = (instrument.quote.ask - instrument.quote.bid) / rust_decimal::Decimal::TWO;
            let quote = |print: Trade| {
                let quote =
                    Quote { bid: print.price - half, ask: print.price + half, at: print.at, ..instrument.quote };
                (print.at, rows::quote(instrument, &quote))
            };
            prints(instrument).into_iter().map(quote).collect()
        }
    })
}

fn history_of(
    request_filter: &RequestFilter,
    class: AssetClass,
    kind: Kind,
    symbols: &[String],
    params: &Params,
) -> Result<(Vec<(String, Value)>, Value), ApiError> {
    let page = Page::read(params, request_filter.sim.clock.now())?;
    request_filter.sim.hub.read(&request_filter.sim.clock, |engine| {
        let mut rows = Vec::new();
        for instrument in instruments(engine.market(), symbols, class) {
            let symbol = instrument.asset.symbol;
            rows.extend(past(instrument, kind, params)?.into_iter().map(|(at, row)| (symbol.to_owned(), at, row)));
        }
        Ok(page.cut(rows))
    })
}

pub(super) fn by_symbol(rows: Vec<(String, Value)>) -> Map<String, Value> {
    let mut grouped = Map::new();
    for (symbol, row) in rows {
        if let Value::Array(list) = grouped.entry(symbol).or_insert_with(|| json!([])) {
            list.push(row);
        }
    }
    grouped
}

/// `GET /v2/stocks/{kind}`.
pub(super) async fn stocks_history(
    State(request_filter): State<RequestFilter>,
    Path(kind): Path<String>,
    Query(params): Query<Params>,
) -> Answer {
    let kind = kind_of(&kind)?;
    let (rows, token) = history_of(&request_filter, AssetClass::UsEquity, kind, &wanted(&params)?, &params)?;
    ok(&json!({kind.names().0: by_symbol(rows), "next_page_token": token}))
}

/// `GET /v2/stocks/{symbol}/{kind}`.
pub(super) async fn stock_history(
    State(request_filter): State<RequestFilter>,
    Path((symbol, kind)): Path<(String, String)>,
    Query(params): Query<Params>,
) -> Answer {
    let kind = kind_of(&kind)?;
    let (rows, token) =
        history_of(&request_filter, AssetClass::UsEquity, kind, std::slice::from_ref(&symbol), &params)?;
    let rows: Vec<Value> = rows.into_iter().map(|(_, row)| row).collect();
    ok(&json!({kind.names().0: rows, "symbol": symbol, "next_page_token": token}))
}

/// `GET /v1beta3/crypto/{loc}/{kind}`.
pub(super) async fn crypto_history(
    State(request_filter): State<RequestFilter>,
    Path((_, kind)): Path<(String, String)>,
    Query(params): Query<Params>,
) -> Answer {
    let kind = kind_of(&kind)?;
    let (rows, token) = history_of(&request_filter, AssetClass::Crypto, kind, &wanted(&params)?, &params)?;
    ok(&json!({kind.names().0: by_symbol(rows), "next_page_token": token}))
}

/// Past bars and prints of options; the service has no past quotes of them.
pub(super) fn past_options(request_filter: &RequestFilter, kind: &str, params: &Params) -> Answer {
    let kind = match kind_of(kind)? {
        Kind::Quotes => return Err(message_only(404, "endpoint not found")),
        kind => kind,
    };
    let (rows, token) = history_of(request_filter, AssetClass::UsOption, kind, &wanted(params)?, params)?;
    ok(&json!({kind.names().0: by_symbol(rows), "next_page_token": token}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeframes_are_read_as_documented() {
        assert_eq!(timeframe("5Min"), Some(Timeframe::Minutes(5)));
        assert_eq!(timeframe("1Hour"), Some(Timeframe::Minutes(60)));
        assert_eq!(timeframe("1Day"), Some(Timeframe::Days(1)));
        assert_eq!(timeframe("1min"), Some(Timeframe::Minutes(1)), "as other people's clients write it");
        assert_eq!(timeframe("4h"), Some(Timeframe::Minutes(240)));
        assert_eq!((timeframe("1M"), timeframe("1m")), (Some(Timeframe::Months(1)), None));
        assert_eq!(timeframe("60Min"), None);
        assert_eq!(timeframe("Min"), None);
    }

    #[test]
    fn pages_join_without_gap_or_overlap() {
        let at = |minute: i64| Timestamp::from_second(minute * 60).unwrap();
        let rows: Vec<_> = ["A", "B"]
            .into_iter()
            .flat_map(|symbol| (0..5).map(move |minute| (symbol.to_owned(), at(minute), json!(minute))))
            .collect();
        let mut page = Page { start: at(0), end: at(10), descending: false, limit: 3, after: None };
        let mut seen = Vec::new();
        loop {
            let (part, token) = page.cut(rows.clone());
            seen.extend(part);
            let Some(token) = token.as_str() else { break };
            page.after = Page::token(token);
        }
        let all: Vec<_> = rows.into_iter().map(|(symbol, _, row)| (symbol, row)).collect();
        assert_eq!(seen, all);
    }
}
