//! The format of rows: files of every earlier version can be read, and unreadable rows are fetched from the broker
//! again.

use super::*;
use crate::io::journal::rows::Row;

/// Written by version 0.1.0, dumped with `sqlite3 journal.sqlite .dump`. It is frozen: later versions get files of
/// their own.
const V0_1_0: &str = include_str!("../../../../tests/fixtures/journal-0.1.0.sql");

fn full_order() -> Order {
    let px = |text: &str| text.parse::<Price>().ok();
    Order {
        id: "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415".into(),
        client_order_id: Some("mine \"1\"".into()),
        symbol: "BRK.B".into(),
        asset_class: Some("us_equity".into()),
        side: Side::Sell,
        order_type: OrderType::TrailingStop,
        tif: TimeInForce::Gtc,
        class: OrderClass::Bracket,
        qty: "0.123456789".parse().ok(),
        notional: "1234567.89".parse().ok(),
        cum_qty: "0.000000001".parse().unwrap(),
        avg_px: px("0.0001"),
        limit_px: px("10.10"),
        stop_px: px("9"),
        trail_px: px("0.5"),
        trail_percent: "2.50".parse().ok(),
        hwm: px("12.000"),
        status: OrderStatus::PartiallyFilled,
        extended_hours: true,
        created_at: Some(at(1)),
        updated_at: Timestamp::new(1_760_000_002, 123_456_789).ok(),
        submitted_at: Some(at(3)),
        filled_at: Some(at(4)),
        expired_at: Some(at(5)),
        expires_at: Some(at(6)),
        canceled_at: Some(at(7)),
        failed_at: Some(at(8)),
        replaced_at: Some(at(9)),
        replaced_by: Some("next".into()),
        replaces: Some("before".into()),
        group_id: Some("group".into()),
        group_role: Some("take_profit".into()),
        legs: vec!["leg1".into(), "leg2".into()],
        raw: Raw(Some("{\"id\":\"b0b6dd9d\",\"note\":\"\u{1b}[31m \u{202e}\"}".into())),
    }
}

fn bare_order() -> Order {
    Order {
        client_order_id: None,
        asset_class: None,
        side: Side::from_word("exchange"),
        order_type: OrderType::from_word("pegged"),
        tif: TimeInForce::from_word("gtd"),
        class: OrderClass::Unstated,
        status: OrderStatus::from_word("on_the_moon"),
        qty: None,
        notional: None,
        limit_px: None,
        trail_percent: None,
        updated_at: None,
        raw: Raw(None),
        ..order("bare", OrderStatus::New, 0)
    }
}

fn executions() -> Vec<Execution> {
    let trade = fill("e1", "bare", 40, 40).executions.remove(0);
    let of = |id: &str, kind: ExecutionKind| Execution { id: id.into(), kind, ..trade.clone() };
    vec![
        Execution { position_qty: "-3.5".parse().ok(), ..trade.clone() },
        of("e2", ExecutionKind::Bust { of: Some("e1".into()) }),
        of("e3", ExecutionKind::Bust { of: None }),
        of("e4", ExecutionKind::Correction { of: Some("e1".into()) }),
        Execution {
            px: None,
            cum_qty: None,
            at: None,
            side: Side::SellShort,
            source: Source::Reconcile,
            ..of("e5", ExecutionKind::Unexplained)
        },
    ]
}

fn lines() -> Vec<TapeEntry> {
    let line = |number, event: TradeEvent, execution: Option<&str>| TapeEntry {
        number,
        at: Some(at(40)),
        event,
        order_id: "bare".into(),
        execution: execution.map(Into::into),
        source: Source::Reconcile,
        withdrawn: false,
    };
    vec![
        line(0, TradeEvent::PartialFill, Some("e1")),
        TapeEntry { withdrawn: true, ..line(1, TradeEvent::TradeBust, Some("e2")) },
        TapeEntry { at: None, ..line(2, TradeEvent::from_word("something new"), None) },
    ]
}

fn everything() -> Vec<Record> {
    let mut records = vec![Record::Account("account".into())];
    records.extend([full_order(), bare_order()].map(|order| Record::Order(Box::new(order), Source::Stream)));
    records.extend(executions().into_iter().map(|execution| Record::Execution(Box::new(execution))));
    records.extend(lines().into_iter().map(Record::Line));
    records.push(Record::Complete { watermark: Some(at(70)), asked_at: at(90) });
    records
}

/// Checks that a start reads all of [`everything`].
fn assert_is_everything(found: &LoadedState) {
    assert_eq!(found.orders, [full_order(), bare_order()]);
    let from_journal = |execution: Execution| Execution { source: Source::Journal, ..execution };
    assert_eq!(found.executions, executions().into_iter().map(from_journal).collect::<Vec<_>>());
    let from_journal = |line: TapeEntry| TapeEntry { source: Source::Journal, ..line };
    assert_eq!(found.tape, lines().into_iter().map(from_journal).collect::<Vec<_>>());
    assert_eq!((found.watermark, found.complete_at, found.unreadable), (Some(at(70)), Some(at(90)), 0));
    assert_eq!(found.account, Some("account".into()));
}

#[test]
fn the_journal_of_version_0_1_0_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    rusqlite::Connection::open(&path).unwrap().execute_batch(V0_1_0).unwrap();
    assert_is_everything(&run(open(&path).load(&link())).unwrap());
}

/// A version that writes other rows must use another format version.
#[test]
fn rows_are_written_as_version_0_1_0_wrote_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    save(&open(&path), everything());
    assert_is_everything(&run(open(&path).load(&link())).unwrap());
    let bodies = |connection: rusqlite::Connection| -> Vec<String> {
        let query = "SELECT body FROM orders UNION ALL SELECT body FROM executions UNION ALL SELECT body FROM lines";
        let mut statement = connection.prepare(query).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let frozen = rusqlite::Connection::open_in_memory().unwrap();
    frozen.execute_batch(V0_1_0).unwrap();
    assert_eq!(bodies(rusqlite::Connection::open(&path).unwrap()), bodies(frozen));
}

#[test]
fn a_leg_may_be_a_full_order_and_unknown_members_are_ignored() {
    let body = full_order().to_body().unwrap();
    let whole = body.replace("\"leg1\"", "{\"id\":\"leg1\",\"symbol\":\"F\"}").replacen('{', "{\"later\":[1],", 1);
    assert_ne!(whole, body);
    assert_eq!(Order::from_body(&whole), Some(full_order()));
    for broken in
        ["", "{}", "null", "[]", body.trim_end_matches('}'), &body.replace("\"cum_qty\":\"", "\"cum_qty\":\"x")]
    {
        assert_eq!(Order::from_body(broken), None, "{broken}");
    }
}

#[test]
fn unreadable_rows_are_reported_and_fetched_from_the_broker_again() {
    let cases: [(&str, usize, Option<i64>); 6] = [
        // Each row has its time in a column beside the body.
        ("UPDATE orders SET body = '{}' WHERE id = 'bare'", 1, Some(0)),
        ("UPDATE executions SET body = 'x' WHERE id = 'e1'", 1, Some(40)),
        ("UPDATE executions SET body = 'x' WHERE id IN ('e1', 'e2')", 2, Some(40)),
        // Without a time, everything of the account is fetched again.
        ("UPDATE executions SET body = '' WHERE id = 'e5'", 1, Some(0)),
        ("UPDATE executions SET body = 'x', at = NULL; UPDATE orders SET submitted_at = NULL", 5, None),
        // The tape exists only here, so it cannot be fetched.
        ("UPDATE lines SET body = '[]' WHERE number = 1", 1, Some(70)),
    ];
    for (damage, rows, back) in cases {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.sqlite");
        save(&open(&path), everything());
        rusqlite::Connection::open(&path).unwrap().execute_batch(damage).unwrap();
        let found = run(open(&path).load(&link())).unwrap();
        assert_eq!((found.unreadable, found.watermark), (rows, back.map(at)), "{damage}");
        let complete = if back == Some(70) { Some(at(90)) } else { back.map(at) };
        assert_eq!(found.complete_at, complete, "{damage}");
        let words = found.unreadable_words(&link()).unwrap();
        let (some, since) = (if rows == 1 { "1 journal row " } else { " journal rows " }, "asking the broker again");
        assert!(words.contains(some) && words.contains(since), "{words}");
        assert_eq!(
            count(&path, "executions") + count(&path, "orders") + count(&path, "lines"),
            10,
            "nothing is removed"
        );
    }
    assert_eq!(LoadedState::default().unreadable_words(&link()), None);
}
