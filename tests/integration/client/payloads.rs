//! Real payloads, if there is a collection beside the project, and the project's own fixtures.

use std::path::{Path, PathBuf};

use brokerdeck::broker::alpaca::wire::{self, WireError};
use brokerdeck::session::Request;
use serde_json::Value;

use super::rest::client;
use super::{Peer, answer, in_time};

/// The collection beside this checkout, if any; `BROKERDECK_PAYLOADS` names another place.
fn collection() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/alpaca/data/payloads");
    std::env::var_os("BROKERDECK_PAYLOADS").map(PathBuf::from).into_iter().chain([beside]).find(|path| path.is_dir())
}

/// Every JSON file of one kind; arrays are returned element by element.
fn each(root: &Path, kind: &str, mut check: impl FnMut(&str, &Value)) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(root.join(kind)).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let rows = if let Value::Array(rows) = value { rows } else { vec![value] };
        for row in rows {
            check(&row.to_string(), &row);
            count += 1;
        }
    }
    count
}

/// Checks that the members named are decoded to the same number, time or word as in the payload.
fn same(payload: &Value, decoded: &Value, members: &[(&str, &str)]) {
    for (wire, ours) in members {
        let (stated, read) = (&payload[*wire], &decoded[*ours]);
        // Generated samples have a type name in place of a figure.
        let Some(stated) = word(stated).filter(|stated| stated != "string") else { continue };
        let read = word(read).unwrap_or_else(|| panic!("{wire} was not read from {payload}"));
        let as_time = |text: &str| text.parse::<jiff::Timestamp>().ok();
        let as_number = |text: &str| text.parse::<rust_decimal::Decimal>().ok();
        let day = stated.split('T').next().filter(|_| read.len() == 10);
        let equal = stated == read
            || day == Some(&read)
            || as_time(&stated).is_some_and(|time| as_time(&read) == Some(time))
            || as_number(&stated).is_some_and(|number| as_number(&read) == Some(number));
        assert!(equal, "{wire}: {stated} became {read}");
    }
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

const ORDER: &[(&str, &str)] = &[
    ("id", "id"),
    ("client_order_id", "client_order_id"),
    ("symbol", "symbol"),
    ("asset_class", "asset_class"),
    ("side", "side"),
    ("type", "order_type"),
    ("time_in_force", "tif"),
    ("order_class", "class"),
    ("qty", "qty"),
    ("notional", "notional"),
    ("filled_qty", "cum_qty"),
    ("filled_avg_price", "avg_px"),
    ("limit_price", "limit_px"),
    ("stop_price", "stop_px"),
    ("trail_price", "trail_px"),
    ("trail_percent", "trail_percent"),
    ("hwm", "hwm"),
    ("status", "status"),
    ("extended_hours", "extended_hours"),
    ("created_at", "created_at"),
    ("updated_at", "updated_at"),
    ("submitted_at", "submitted_at"),
    ("filled_at", "filled_at"),
    ("expired_at", "expired_at"),
    ("expires_at", "expires_at"),
    ("canceled_at", "canceled_at"),
    ("failed_at", "failed_at"),
    ("replaced_at", "replaced_at"),
    ("replaced_by", "replaced_by"),
    ("replaces", "replaces"),
];

/// An order and its legs.
fn check_order(payload: &Value, decoded: &Value, beside: &[Value]) {
    same(payload, decoded, ORDER);
    let legs = payload["legs"].as_array().cloned().unwrap_or_default();
    let named: Vec<&Value> = legs.iter().map(|leg| &leg["id"]).collect();
    assert_eq!(decoded["legs"].as_array().unwrap().iter().collect::<Vec<_>>(), named);
    assert_eq!(beside.len(), legs.len());
    for (leg, decoded) in legs.iter().zip(beside) {
        check_order(leg, decoded, &[]);
    }
    assert_eq!(
        serde_json::from_str::<Value>(decoded["raw"].as_str().unwrap()).unwrap(),
        *payload,
        "the full text is kept"
    );
}

fn check_update(payload: &Value, decoded: &Value) {
    same(payload, decoded, &[("event", "event"), ("event_id", "event_id"), ("at", "at"), ("timestamp", "happened_at")]);
    check_order(&payload["order"], &decoded["order"], decoded["legs"].as_array().unwrap());
    let executions = decoded["executions"].as_array().unwrap();
    let traded = ["fill", "partial_fill"].contains(&payload["event"].as_str().unwrap());
    let legs = payload["legs"].as_array().map_or(0, Vec::len);
    assert_eq!(executions.len(), if traded { legs.max(1) } else { 0 }, "{payload}");
    let sources = payload["legs"].as_array().cloned().unwrap_or_else(|| vec![payload.clone()]);
    for (execution, source) in executions.iter().zip(&sources) {
        same(source, execution, &[("execution_id", "id"), ("price", "px"), ("qty", "qty"), ("timestamp", "at")]);
    }
}

fn json<T: serde::Serialize>(value: T) -> Value {
    serde_json::to_value(value).unwrap()
}

/// Unreadable on purpose: examples in the documentation have the word `string` in place of a figure.
fn unreadable<'a>(lacks: &'a [WireError], payload: &Value) -> Vec<&'a WireError> {
    let is_placeholder =
        |lack: &&WireError| matches!(lack, WireError::Member { member, .. } if payload[*member] == "string");
    lacks.iter().filter(|lack| !is_placeholder(lack)).collect()
}

#[test]
fn every_collected_payload_is_decoded_fully() {
    let Some(root) = collection() else {
        eprintln!("no collection of payloads beside this checkout: only our own fixtures were read");
        return;
    };
    let mut count = 0;
    count += each(&root, "order", |text, payload| {
        let mut lacks = Vec::new();
        let read = wire::orders(text, &mut lacks).unwrap_or_else(|error| panic!("{error}: {text}"));
        let read: Vec<Value> = read.into_iter().map(json).collect();
        assert!(unreadable(&lacks, payload).is_empty(), "{lacks:?}: {text}");
        check_order(payload, &read[0], &read[1..]);
    });
    count += each(&root, "trade_update", |text, payload| {
        let wire::Frame::Update(update) = wire::frame(text.as_bytes()) else { panic!("{text}") };
        check_update(&payload["data"], &json(update));
    });
    count += each(&root, "sse_trade_event", |text, payload| {
        check_update(payload, &json(wire::update(text).unwrap_or_else(|error| panic!("{error}: {text}"))));
    });
    count += each(&root, "account", |text, payload| {
        let names = ["id", "status", "currency", "equity", "last_equity", "cash", "buying_power", "multiplier"];
        let more = ["initial_margin", "maintenance_margin", "long_market_value", "created_at", "trading_blocked"];
        let members: Vec<(&str, &str)> = names.into_iter().chain(more).map(|name| (name, name)).collect();
        let (account, unread) = wire::account(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(unread.is_empty(), "{unread:?}: {text}");
        let decoded = json(account);
        same(payload, &decoded, &members);
        same(payload, &decoded, &[("account_number", "number")]);
    });
    count += each(&root, "position", |text, payload| {
        if payload["symbol"].is_null() {
            // The nested part of a position in an account with another currency.
            return;
        }
        let members = [
            ("symbol", "symbol"),
            ("qty", "qty"),
            ("avg_entry_price", "avg_px"),
            ("current_price", "last_px"),
            ("market_value", "market_value"),
            ("unrealized_pl", "unrealized_pl"),
            ("unrealized_plpc", "unrealized_plpc"),
            ("change_today", "change_today"),
        ];
        let mut lacks = Vec::new();
        let read = wire::position(text, &mut lacks).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(unreadable(&lacks, payload).is_empty(), "{lacks:?}: {text}");
        same(payload, &json(read), &members);
    });
    count += each(&root, "activity", |text, payload| {
        let decoded = json(wire::activity(text).unwrap_or_else(|error| panic!("{error}: {text}")));
        same(payload, &decoded, &[("id", "id"), ("activity_type", "activity_type")]);
        let fill = payload["activity_type"] == "FILL";
        let kind = &decoded["kind"][if fill { "Fill" } else { "Other" }];
        assert!(kind.is_object(), "{payload}");
        if fill {
            let members =
                [("order_id", "order_id"), ("price", "px"), ("qty", "qty"), ("cum_qty", "cum_qty"), ("side", "side")];
            same(payload, kind, &members);
        } else {
            same(payload, kind, &[("net_amount", "net_amount"), ("date", "date"), ("qty", "qty")]);
        }
    });
    count += each(&root, "clock", |text, payload| {
        let members =
            [("timestamp", "at"), ("is_open", "is_open"), ("next_open", "next_open"), ("next_close", "next_close")];
        same(payload, &json(wire::clock(text).unwrap_or_else(|error| panic!("{error}: {text}"))), &members);
    });
    count += each(&root, "portfolio_history", |text, payload| {
        let history = wire::history(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let times = payload["timestamp"].as_array().unwrap();
        assert_eq!(history.points.len(), times.len());
        let stated = payload["equity"].as_array().unwrap().iter().filter(|equity| !equity.is_null()).count();
        assert_eq!(history.points.iter().filter(|point| point.equity.is_some()).count(), stated);
    });
    assert!(count > 60, "payloads found: {count}");
}

#[tokio::test]
async fn every_collected_error_keeps_its_code_and_message() {
    let Some(root) = collection() else {
        eprintln!("no collection of payloads beside this checkout: refusals were tested with our own only");
        return;
    };
    let mut count = 0;
    for entry in std::fs::read_dir(root.join("error")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let status = name.get(..3).and_then(|digits| digits.parse::<u16>().ok()).unwrap_or(401);
        let status = if status == 400 { 422 } else { status };
        let body = std::fs::read_to_string(&path).unwrap();
        let payload: Value = serde_json::from_str(&body).unwrap();
        let peer = Peer::start(move |_| answer(&format!("{status} No"), "", &body)).await;
        let error = in_time(client(&peer.url).request(&Request::Positions)).await.unwrap_err();
        assert_eq!(error.status, Some(status));
        assert_eq!(error.code, payload["code"].as_i64(), "{name}");
        assert_eq!(Some(error.message.as_str()), payload["message"].as_str(), "{name}");
        let others = payload.as_object().unwrap().keys().filter(|key| !["code", "message"].contains(&key.as_str()));
        for member in others {
            assert!(error.extra.as_ref().is_some_and(|extra| extra.contains(member.as_str())), "{name}: {member}");
        }
        count += 1;
    }
    assert!(count > 10, "payloads found: {count}");
}

#[test]
fn our_own_fixtures_are_decoded_fully() {
    for text in [include_str!("../../fixtures/fill.json"), include_str!("../../fixtures/mleg_fill.json")] {
        let payload: Value = serde_json::from_str(text).unwrap();
        let wire::Frame::Update(update) = wire::frame(text.as_bytes()) else { panic!("{text}") };
        check_update(&payload["data"], &json(update));
    }
}
