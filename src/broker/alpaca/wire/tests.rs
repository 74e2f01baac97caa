use super::*;
use crate::domain::execution::ExecutionKind;
use crate::domain::{ActivityKind, OrderStatus, OrderType, Side, TradeEvent, Untrusted};

const FILL: &str = include_str!("../../../../tests/fixtures/fill.json");
const MLEG: &str = include_str!("../../../../tests/fixtures/mleg_fill.json");

fn updated(frame_text: &str) -> crate::domain::TradeUpdate {
    match frame(frame_text.as_bytes()) {
        Frame::Update(update) => *update,
        other => panic!("not an update: {other:?}"),
    }
}

#[test]
fn a_fill_becomes_one_execution_with_exact_figures() {
    let update = updated(FILL);
    assert_eq!(update.event, TradeEvent::PartialFill);
    assert_eq!(update.order.status, OrderStatus::PartiallyFilled);
    assert_eq!(update.order.cum_qty.to_string(), "40.000000001");
    assert_eq!(update.order.expires_at, None);
    let [execution] = &update.executions[..] else { panic!("one execution: {:?}", update.executions) };
    assert_eq!(execution.id.as_str(), "5f0e7f2c-6f0e-4a53-9d3e-000000000002");
    assert_eq!(
        (execution.qty.to_string().as_str(), execution.px.unwrap().to_string().as_str()),
        ("15.000000001", "186.1900")
    );
    assert_eq!(execution.cum_qty, Some(update.order.cum_qty));
    assert_eq!(execution.position_qty.unwrap().to_string(), "140.000000001");
    assert_eq!(execution.at.unwrap().to_string(), "2026-03-02T18:46:12.481000123Z");
}

#[test]
fn the_year_one_means_no_time() {
    let text = r#"{"id":"o","filled_at":"0001-01-01T00:00:00Z","canceled_at":"0001-01-01T00:00:00-05:00",
        "updated_at":"2026-03-02T18:46:12Z"}"#;
    let order = order(text).unwrap();
    assert_eq!((order.filled_at, order.canceled_at), (None, None));
    assert!(order.updated_at.is_some());
    let row = activity(r#"{"id":"a","activity_type":"DIV","date":"0001-01-01"}"#).unwrap();
    assert!(matches!(row.kind, ActivityKind::Other { date: None, .. }));
}

#[test]
fn unknown_members_and_words_are_kept() {
    let update = updated(FILL);
    assert!(update.order.raw.0.unwrap().contains("\"house_flag\""), "an unknown member of the order");
    let odd = FILL
        .replace("partial_fill", "half_eaten")
        .replace("partially_filled", "half_full")
        .replace("\"limit\"", "\"whim\"");
    let update = updated(&odd);
    assert_eq!(update.event.as_str(), "half_eaten");
    assert_eq!(update.order.status, OrderStatus::Other("half_full".into()));
    assert_eq!(update.order.order_type, OrderType::Other("whim".into()));
    assert!(update.executions.is_empty(), "an unknown event reports no execution");
}

#[test]
fn an_acceptance_with_an_execution_id_is_no_execution() {
    let update = updated(&FILL.replace("\"partial_fill\"", "\"new\""));
    assert_eq!(update.event, TradeEvent::New);
    assert!(update.executions.is_empty());
}

#[test]
fn a_multi_leg_fill_becomes_one_execution_per_leg() {
    let update = updated(MLEG);
    assert_eq!((update.order.symbol.as_str(), &update.order.side), ("", &Side::None));
    assert_eq!((update.order.legs.len(), update.legs.len()), (2, 2));
    let found: Vec<_> = update
        .executions
        .iter()
        .map(|e| (e.order_id.as_str(), e.symbol.as_str(), e.side.as_str(), e.position_qty.map(|qty| qty.to_string())))
        .collect();
    assert_eq!(
        found,
        [
            ("leg-1", "XYZ260618P00100000", "buy", Some("2".to_owned())),
            ("leg-2", "XYZ260618C00150000", "sell", Some("-2".to_owned())),
        ]
    );
}

#[test]
fn busts_and_corrections_name_what_they_undo() {
    let bust = FILL
        .replace("\"partial_fill\"", "\"trade_bust\"")
        .replace("\"house\"", "\"house\", \"previous_execution_id\": \"earlier\"");
    let update = updated(&bust);
    assert_eq!(update.executions[0].kind, ExecutionKind::Bust { of: Some("earlier".into()) });
    assert_eq!(update.executions[0].cum_qty, None, "a bust carries no executed quantity of the order");
}

#[test]
fn an_old_frame_without_an_execution_id_always_gets_the_same_one() {
    let old = FILL.replace("\"execution_id\"", "\"former_id\"");
    let (first, second) = (updated(&old), updated(&old));
    assert_eq!(first.executions[0].id, second.executions[0].id);
    let later = updated(&old.replace("\"40.000000001\"", "\"41\""));
    assert_ne!(first.executions[0].id, later.executions[0].id);
}

#[test]
fn numbers_are_read_from_strings_or_bare_and_never_through_a_float() {
    let text = r#"{"id":"a","status":"ACTIVE","equity":123456789.123456789123,"cash":"0.10","multiplier":4,
        "last_equity":"122011.09751111286868","trading_blocked":"true"}"#;
    let (account, unread) = account(text).unwrap();
    assert_eq!(account.equity.unwrap().to_string(), "123456789.123456789123");
    assert_eq!(account.last_equity.unwrap().to_string(), "122011.09751111286868");
    assert_eq!(account.cash.unwrap().to_string(), "0.10");
    assert_eq!(account.multiplier.unwrap().to_string(), "4");
    assert!(account.trading_blocked);
    assert!(unread.is_empty(), "{unread:?}");
}

#[test]
fn unreadable_balances_and_flags_are_named() {
    let names = |text: &str| -> Vec<String> {
        account(text).unwrap().1.iter().map(|bad| bad.row.clean().into_owned()).collect()
    };
    let text = r#"{"id":"a","status":"ACTIVE","equity":"x","portfolio_value":[1],"cash":true,"buying_power":{},
        "last_equity":"","long_market_value":null,"trading_blocked":"perhaps","account_blocked":1,"transfers_blocked":null}"#;
    assert_eq!(names(text), ["equity", "last_equity", "cash", "buying_power", "trading_blocked", "account_blocked"]);
    let older = r#"{"id":"a","status":"ACTIVE","portfolio_value":"7","account_blocked":"FALSE"}"#;
    assert!(names(older).is_empty(), "the older name of a figure is accepted");
    assert_eq!(account(older).unwrap().0.equity.unwrap().to_string(), "7");
    for equity in [r#""1e400""#, r#""NaN""#, r#""123456789012345678901234567890.123456789""#, "1e400", r#""""#] {
        let text = format!(r#"{{"id":"a","status":"ACTIVE","equity":{equity},"portfolio_value":"7"}}"#);
        assert_eq!((names(&text), account(&text).unwrap().0.equity), (vec!["equity".to_owned()], None), "{equity}");
    }
    assert!(names(r#"{"id":"a","status":"ACTIVE","equity":null}"#).is_empty(), "null is missing, not unreadable");
}

#[test]
fn too_many_digits_cost_a_field_and_not_the_object() {
    let long = "1.00000000000000000000000000000000001";
    let text = format!(r#"{{"id":"a","status":"ACTIVE","equity":"{long}","cash":{long}}}"#);
    let (account, unread) = account(&text).unwrap();
    assert_eq!((account.equity, account.cash, unread.len()), (None, None, 2));
    assert!(account.raw.0.unwrap().contains(long));
    let order = order(&format!(r#"{{"id":"o","filled_qty":"{long}"}}"#)).unwrap();
    assert_eq!(order.cum_qty.decimal(), rust_decimal::Decimal::ONE, "a required number is rounded, not dropped");
}

#[test]
fn a_member_of_another_type_costs_only_itself() {
    let order =
        order(r#"{"id":"o","qty":{"a":[1]},"limit_price":[2],"legs":"none","status":7,"created_at":{},"hwm":true}"#)
            .unwrap();
    assert_eq!((order.qty, order.limit_px, order.hwm, order.created_at), (None, None, None, None));
    assert_eq!(order.status.as_str(), "7");
    assert!(order.legs.is_empty());
}

#[test]
fn an_object_without_a_required_member_is_refused_and_the_member_named() {
    let member = |result: WireError| match result {
        WireError::Member { member, .. } => member,
        WireError::Json { why, .. } => panic!("{why}"),
        WireError::Twice { what } => panic!("{what}"),
    };
    assert_eq!(member(order(r#"{"status":"new"}"#).unwrap_err()), "id");
    assert_eq!(member(order(r#"{"id":"o","filled_qty":"many"}"#).unwrap_err()), "filled_qty");
    assert_eq!(member(order(r#"{"id":"o","filled_qty":"-3"}"#).unwrap_err()), "filled_qty");
    assert_eq!(member(account(r#"{"id":"a"}"#).unwrap_err()), "status");
    assert_eq!(member(position(r#"{"qty":"1"}"#, &mut Lacks::new()).unwrap_err()), "symbol");
    assert_eq!(member(clock(r#"{"timestamp":"2026-01-01T00:00:00Z","is_open":true}"#).unwrap_err()), "next_open");
}

#[test]
fn an_unreadable_row_is_named_and_hides_no_other() {
    let text = r#"[{"id":"o","status":"new"},{"id":"bad-1","symbol":"AAPL","filled_qty":""},7]"#;
    let (read, unread) = rows(text, "the orders", orders).unwrap();
    assert_eq!(read.len(), 1);
    assert_eq!(unread[0].row, "AAPL bad-1".into());
    assert_eq!(unread[0].why, "an order without a usable filled_qty");
    assert_eq!(unread[1].row, "row 3".into());
    let (read, unread) = rows(r#"[{"id":null}]"#, "the orders", orders).unwrap();
    assert_eq!((read.len(), unread.len()), (0, 1), "a page of unreadable rows is still a page");
    for nothing in ["null", "{}", "", "<html>"] {
        assert!(rows(nothing, "the orders", orders).is_err(), "{nothing} is not an empty list");
    }
    assert!(rows("[]", "the orders", orders).unwrap().0.is_empty());
}

#[test]
fn only_the_api_itself_says_that_a_token_is_refused() {
    for body in [r#"{"message":"unauthorized."}"#, r#"{"code":40110000}"#, r#"{"error":"invalid_token"}"#] {
        assert!(super::refusal(401, body.as_bytes()).spoken, "{body}");
    }
    for body in [
        "<html><title>Sign in</title></html>",
        "",
        "Forbidden",
        "[]",
        "{}",
        r#"{"ok":false}"#,
        r#"{"error":"blocked"}"#,
    ] {
        assert!(!super::refusal(403, body.as_bytes()).spoken, "{body}");
    }
}

#[test]
fn decoding_errors_never_quote_the_text() {
    let error = order(r#"{"id":"secret-part"#).unwrap_err().to_string();
    assert!(!error.contains("secret") && error.contains("cut short"), "{error}");
}

#[test]
fn a_short_position_is_negative_however_it_is_written() {
    for qty in ["-5", "5"] {
        let text = format!(r#"{{"symbol":"A","qty":"{qty}","side":"short","current_price":null}}"#);
        let mut lacks = Lacks::new();
        let position = position(&text, &mut lacks).unwrap();
        assert_eq!(lacks, [], "null is missing, not unreadable");
        assert_eq!(position.qty.unwrap().to_string(), "-5");
        assert_eq!(position.last_px, None);
    }
}

#[test]
fn a_position_with_an_unreadable_quantity_is_kept() {
    let text = r#"[{"symbol":"A","qty":"","current_price":"3"},{"symbol":"B","qty":"2"},{"qty":"1"},7]"#;
    let (read, unread) = positions(text).unwrap();
    let read: Vec<_> = read.iter().map(|held| (held.symbol.as_str(), held.qty.map(|qty| qty.to_string()))).collect();
    assert_eq!(read, [("A", None), ("B", Some("2".to_owned()))]);
    let named: Vec<_> = unread.iter().map(|bad| format!("{}: {}", bad.row.raw(), bad.why)).collect();
    assert!(named.iter().any(|words| words == "A: a position without a usable qty"), "{named:?}");
    assert_eq!(unread.len(), 3);
}

#[test]
fn a_position_listed_twice_counts_once_and_is_named() {
    let text = r#"[{"symbol":"MSFT","qty":"5"},{"symbol":"TSLA","qty":"7"},{"symbol":"MSFT","qty":"6"}]"#;
    let (read, unread) = positions(text).unwrap();
    let read: Vec<_> = read.iter().map(|held| (held.symbol.as_str(), held.qty.map(|qty| qty.to_string()))).collect();
    assert_eq!(read, [("MSFT", Some("5".to_owned())), ("TSLA", Some("7".to_owned()))]);
    let named: Vec<_> = unread.iter().map(|bad| format!("{}: {}", bad.row.raw(), bad.why)).collect();
    assert_eq!(named, ["MSFT: a position is listed twice"]);
}

#[test]
fn activities_are_fills_or_other_rows() {
    let fill = activity(
        r#"{"id":"20260302::x","activity_type":"FILL","price":"2","qty":"1.5","cum_qty":"3","side":"sell_short",
            "symbol":"A","order_id":"o","transaction_time":"2026-03-02T18:46:12.481-05:00","ref_id":"e-1"}"#,
    )
    .unwrap();
    let ActivityKind::Fill { execution_id, side, at, partial: false, .. } = fill.kind else { panic!("a fill") };
    assert_eq!(execution_id.unwrap().as_str(), "e-1");
    assert_eq!(side, Side::SellShort);
    assert_eq!(at.unwrap().to_string(), "2026-03-02T23:46:12.481Z");
    let other =
        activity(r#"{"id":"2","activity_type":"DIV","net_amount":"1.02","date":"2026-03-02","qty":"4"}"#).unwrap();
    let ActivityKind::Other { net_amount, date, .. } = other.kind else { panic!("not a fill") };
    assert_eq!((net_amount.unwrap().to_string().as_str(), date.unwrap().to_string().as_str()), ("1.02", "2026-03-02"));
    let part = r#"{"id":"3","activity_type":"FILL","type":"partial_fill","price":"2","qty":"1","side":"buy","symbol":"A","order_id":"o"}"#;
    assert!(matches!(activity(part).unwrap().kind, ActivityKind::Fill { partial: true, .. }), "not the whole order");
    for half in [r#""qty":"1""#, r#""qty":"","price":"2","order_id":"o""#, r#""qty":"1","price":"NaN","order_id":"o""#]
    {
        let row = format!(r#"{{"id":"3","activity_type":"FILL","symbol":"A",{half}}}"#);
        assert!(activity(&row).is_err(), "a fill without a required member is refused: {half}");
    }
}

#[test]
fn a_history_with_missing_values_keeps_its_times() {
    let history = history(r#"{"timestamp":[1,2,3],"equity":[10.5,null],"base_value":null}"#).unwrap();
    let equity: Vec<_> = history.points.iter().map(|point| point.equity.map(|money| money.to_string())).collect();
    assert_eq!(equity, [Some("10.5".to_owned()), None, None]);
    let at = |text: &str| super::history(text).unwrap().points[0].at.to_string();
    assert_eq!(at(r#"{"timestamp":[1580826600],"equity":[1]}"#), "2020-02-04T14:30:00Z");
    assert_eq!(at(r#"{"timestamp":[1580826600000],"equity":[1]}"#), "2020-02-04T14:30:00Z");
    let empty = super::history(r#"{"timestamp":null,"equity":null,"timeframe":"1D"}"#).unwrap();
    assert!(empty.points.is_empty());
}

#[test]
fn control_frames_are_matched_exactly() {
    let authorization = |status: &str| {
        let text = format!(r#"{{"stream":"authorization","data":{{"status":"{status}","message":"old\u001b[2J"}}}}"#);
        frame(text.as_bytes())
    };
    let message = Some(Untrusted::from("old\u{1b}[2J"));
    assert_eq!(authorization("authorized"), Frame::Authorization { authorized: true, message: message.clone() });
    for other in ["unauthorized", "authorized ", "Authorized", "not authorized", ""] {
        assert_eq!(authorization(other), Frame::Authorization { authorized: false, message: message.clone() });
    }
    let listening = |list: &str| frame(format!(r#"{{"stream":"listening","data":{{"streams":{list}}}}}"#).as_bytes());
    assert_eq!(listening(r#"["other","trade_updates"]"#), Frame::Listening { trade_updates: true });
    for list in ["[]", r#"["trade_updates_v2"]"#, "null", "7"] {
        assert_eq!(listening(list), Frame::Listening { trade_updates: false });
    }
}

#[test]
fn both_formats_of_error_are_errors() {
    let want = Frame::Error { message: "internal server error".into() };
    assert_eq!(frame(br#"{"action":"error","data":{"error_message":"internal server error"}}"#), want);
    assert_eq!(frame(br#"{"stream":"error","data":{"error_message":"internal server error","code":500}}"#), want);
    assert!(matches!(frame(br#"{"action":"error","data":null}"#), Frame::Error { .. }));
}

#[test]
fn a_frame_without_data_is_empty_and_an_unreadable_one_is_reported() {
    assert_eq!(frame(br#"{"stream":"trade_updates","data":null}"#), Frame::Empty);
    let broken = [
        &FILL.as_bytes()[..FILL.len() / 2],
        br#"{"stream":"trade_updates","data":{"event":"fill"}}"#,
        br#"{"stream":"trade_updates","data":{"event":"fill","order":{"id":""}}}"#,
        br#"{"stream":"trade_updates","data":{"event":"fill","order":{"id":"o"},"price":"1"}}"#,
        br#"{"stream":"weather","data":{}}"#,
        b"",
        b"\xff\xfe",
        b"[]",
    ];
    for bytes in broken {
        assert!(matches!(frame(bytes), Frame::Unknown { .. }), "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn messagepack_decodes_to_the_same_frames_as_json() {
    for text in [FILL, MLEG] {
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        let packed = rmp_serde::to_vec_named(&Plain(&value)).unwrap();
        let (mut from_packed, mut from_text) = (frame(&packed), frame(text.as_bytes()));
        for update in [&mut from_packed, &mut from_text] {
            let Frame::Update(update) = update else { panic!("an update: {update:?}") };
            forget_raw(update);
        }
        assert_eq!(from_packed, from_text);
    }
}

/// Drops the raw texts, which differ in white space.
fn forget_raw(update: &mut crate::domain::TradeUpdate) {
    let forget = |raw: &mut Raw| assert!(raw.0.take().is_some_and(|text| text.starts_with('{')));
    forget(&mut update.order.raw);
    update.legs.iter_mut().for_each(|leg| forget(&mut leg.raw));
}

/// A JSON value that other formats can write too: `serde_json`'s own keeps numbers as a private map.
struct Plain<'a>(&'a serde_json::Value);

impl serde::Serialize for Plain<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            serde_json::Value::Array(list) => serializer.collect_seq(list.iter().map(Plain)),
            serde_json::Value::Object(map) => {
                serializer.collect_map(map.iter().map(|(key, value)| (key, Plain(value))))
            }
            serde_json::Value::Number(number) => match number.as_i64() {
                Some(whole) => serializer.serialize_i64(whole),
                None => serializer.serialize_str(&number.to_string()),
            },
            other => other.serialize(serializer),
        }
    }
}

#[test]
fn messagepack_of_every_type_becomes_json() {
    let cases: &[(&[u8], &str)] = &[
        (b"\x81\xa1a\x07", r#"{"a":7}"#),
        (b"\x92\xff\xd0\x80", "[-1,-128]"),
        (b"\x93\xc0\xc2\xc3", "[null,false,true]"),
        (b"\x91\xca\x3f\x9d\xf3\xb6", "[1.234]"),
        (b"\x91\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a", "[0.1]"),
        (b"\x91\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "[18446744073709551615]"),
        (b"\x91\xc4\x02hi", r#"["hi"]"#),
        (b"\x91\xd6\xff\x00\x00\x00\x01", r#"["1970-01-01T00:00:01Z"]"#),
        (b"\x91\xd4\x05\x00", "[null]"),
        (b"\x81\x05\xa0", r#"{"5":""}"#),
    ];
    for (bytes, want) in cases {
        assert_eq!(msgpack::to_json(bytes).as_deref(), Some(*want));
    }
    for bad in [&b"\x81\xa1a"[..], b"\x91\xc1", b"\xdf\xff\xff\xff\xff", b"\x91\x01\x01", &[0x91; 200], b"\x81\x90\x01"]
    {
        assert_eq!(msgpack::to_json(bad), None, "{bad:x?}");
    }
}

#[test]
fn error_bodies_of_every_format_become_one_sentence() {
    let said = |status, body: &str| refusal(status, body.as_bytes());
    let full = said(403, r#"{"code":40310000,"message":"no\u0007pe","available":"0","symbol":"A"}"#);
    assert_eq!((full.code, full.message.to_string()), (Some(40_310_000), "no␇pe".to_owned()));
    assert_eq!(full.extra.as_ref().map(Untrusted::raw), Some(r#"{"available":"0","symbol":"A"}"#));
    let word = said(403, r#"{"code":"insufficient_buying_power","message":"no"}"#);
    assert_eq!(
        (word.code, word.extra.as_ref().map(Untrusted::raw)),
        (None, Some(r#"{"code":"insufficient_buying_power"}"#))
    );
    assert_eq!(said(401, r#"{"code":"40110000","message":"x"}"#).code, Some(40_110_000));
    assert_eq!(said(401, r#"{"message":"unauthorized."}"#).message.raw(), "unauthorized.");
    let page = "<!DOCTYPE html><html><head><title>502 Bad\n Gateway</title></head><body>…</body></html>";
    assert_eq!(said(502, page).message.raw(), "a web page instead of an answer: 502 Bad Gateway");
    assert_eq!(said(503, "upstream  connect\nerror").message.raw(), "upstream connect error");
    assert_eq!(said(504, "").message.raw(), "no answer in time");
    assert_eq!(said(500, "[1]").message.raw(), "[1]");
    // Not truncated: secrets are removed first.
    assert_eq!(said(500, &"x".repeat(10_000)).message.raw().len(), 10_000);
}

#[test]
fn an_unreadable_figure_is_named_and_its_row_kept() {
    let named = |unread: &[BadRow]| -> Vec<String> {
        unread.iter().map(|bad| format!("{}: {}", bad.row.raw(), bad.why)).collect()
    };
    let rows_of_orders = r#"[{"id":"o","status":"new","symbol":"F","qty":"5","limit_price":"ten","hwm":{},"stop_price":"","trail_price":null},
        {"id":"p","status":"new","qty":"2"},
        {"id":"q","status":"new","filled_qty":"0","legs":[{"id":"l","status":"held","qty":true}]}]"#;
    let (read, unread) = rows(rows_of_orders, "the orders", orders).unwrap();
    assert_eq!(read.concat().len(), 4);
    assert_eq!(named(&unread), ["F o: an order without a usable limit_price", "q: an order without a usable qty"]);
    let rows_of_positions = r#"[{"symbol":"A","qty":"1","market_value":"1e99","unrealized_pl":[]},{"symbol":"B","qty":"2",
        "current_price":null,"cost_basis":""}]"#;
    let (read, unread) = positions(rows_of_positions).unwrap();
    assert_eq!(read.len(), 2);
    assert_eq!(named(&unread), ["A: a position without a usable market_value"]);
}

#[test]
fn an_update_with_an_unreadable_figure_is_kept_and_the_figure_named() {
    let odd = FILL.replace("\"limit_price\": \"", "\"limit_price\": \"x");
    assert_ne!(odd, FILL);
    let Frame::Partial { update, text } = frame(odd.as_bytes()) else { panic!("in part: {:?}", frame(odd.as_bytes())) };
    assert_eq!((update.executions.len(), update.order.limit_px), (1, None));
    assert!(text.raw().starts_with("an order without a usable limit_price: {"), "{text}");
    for price in ["\"ten\"", "{}", "\"\"", "null"] {
        let priceless = FILL.replace("\"price\": \"186.1900\"", &format!("\"price\": {price}"));
        assert_ne!(priceless, FILL);
        let Frame::Partial { update, text } = frame(priceless.as_bytes()) else { panic!("in part: {priceless}") };
        assert_eq!((update.executions[0].px, text.raw().contains("without a usable price")), (None, true), "{price}");
    }
    let data = serde_json::from_str::<serde_json::Value>(&odd).unwrap()["data"].to_string();
    assert!(matches!(message(data.as_bytes()), Frame::Partial { .. }), "on the event stream too");
    assert!(matches!(message(odd.as_bytes()), Frame::Partial { .. }), "and where a server adds the envelope");
    assert!(matches!(message(FILL.as_bytes()), Frame::Update(_)));
}

#[test]
fn unreadable_words_and_times_are_named() {
    for (member, value) in [("status", "{}"), ("status", "null"), ("side", "[]"), ("type", "true"), ("symbol", "{}")] {
        let text = r#"{"id":"o","symbol":"F","side":"buy","type":"limit","time_in_force":"day","status":"new"}"#;
        let known = text.split(&format!("\"{member}\":")).nth(1).unwrap().split([',', '}']).next().unwrap();
        let text = text.replace(&format!("\"{member}\":{known}"), &format!("\"{member}\":{value}"));
        let mut lacks = Lacks::new();
        assert!(orders(&text, &mut lacks).is_ok());
        assert_eq!(lacks, [WireError::Member { what: "an order", member }], "{text}");
    }
    for (value, named) in [("\"soon\"", true), ("7", true), ("{}", true), ("\"\"", false), ("null", false)] {
        for member in ["created_at", "submitted_at", "updated_at", "filled_at", "canceled_at", "expires_at"] {
            let text = format!(
                r#"{{"id":"o","symbol":"F","side":"buy","type":"limit","time_in_force":"day","status":"new","{member}":{value}}}"#
            );
            let mut lacks = Lacks::new();
            assert!(orders(&text, &mut lacks).is_ok());
            let wanted: &[WireError] = &[WireError::Member { what: "an order", member }];
            assert_eq!(lacks, if named { wanted } else { &[] }, "{text}");
        }
    }
    let row = |side: &str, at: &str| {
        activity(&format!(
            r#"{{"id":"1","activity_type":"FILL","order_id":"o","symbol":"F","side":{side},"qty":"1","price":"2",
            "transaction_time":{at}}}"#
        ))
    };
    assert!(row("\"buy\"", "null").is_ok() && row("\"buy\"", "\"0001-01-01T00:00:00Z\"").is_ok());
    for (side, at) in [("{}", "null"), ("\"buy\"", "{}"), ("\"buy\"", "\"soon\"")] {
        assert!(row(side, at).is_err(), "{side} {at}");
    }
}
