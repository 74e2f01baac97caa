mod faults;
mod laboratory;
mod rows;
mod sharing;

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use jiff::Timestamp;

use super::*;
use crate::domain::blotter::{Blotter, TapeEntry};
use crate::domain::execution::ExecutionKind;
use crate::domain::order::Raw;
use crate::domain::{
    Execution, Money, Order, OrderClass, OrderStatus, OrderType, Price, Qty, Side, Source, TimeInForce, TradeEvent,
    TradeUpdate,
};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_760_000_000 + second).unwrap()
}

fn link() -> LinkId {
    "alpaca-paper/paper/PA1".into()
}

fn order(id: &str, status: OrderStatus, cum: i64) -> Order {
    Order {
        id: id.into(),
        client_order_id: None,
        symbol: "AAPL".into(),
        asset_class: None,
        side: Side::Buy,
        order_type: OrderType::Limit,
        tif: TimeInForce::Day,
        class: OrderClass::Simple,
        qty: Some(Qty::whole(100)),
        notional: Some(Money::whole(5)),
        cum_qty: Qty::whole(cum),
        avg_px: None,
        limit_px: "10.123456789".parse::<Price>().ok(),
        stop_px: None,
        trail_px: None,
        trail_percent: "0.25".parse().ok(),
        hwm: None,
        status,
        extended_hours: false,
        created_at: None,
        updated_at: Some(at(cum)),
        submitted_at: Some(at(0)),
        filled_at: None,
        expired_at: None,
        expires_at: None,
        canceled_at: None,
        failed_at: None,
        replaced_at: None,
        replaced_by: None,
        replaces: None,
        group_id: None,
        group_role: None,
        legs: Vec::new(),
        raw: Raw(Some("{\"a\":1}".into())),
    }
}

fn fill(execution_id: &str, order_id: &str, qty: i64, cum: i64) -> TradeUpdate {
    let status = if cum == 100 { OrderStatus::Filled } else { OrderStatus::PartiallyFilled };
    let order = order(order_id, status, cum);
    let execution = Execution {
        id: execution_id.into(),
        order_id: order.id.clone(),
        symbol: order.symbol.clone(),
        side: Side::Buy,
        qty: Qty::whole(qty),
        px: Some(Price::whole(10)),
        cum_qty: Some(Qty::whole(cum)),
        position_qty: None,
        at: Some(at(cum)),
        kind: ExecutionKind::Trade,
        source: Source::Stream,
    };
    TradeUpdate {
        event: TradeEvent::PartialFill,
        event_id: None,
        at: None,
        happened_at: Some(at(cum)),
        order,
        legs: Vec::new(),
        executions: vec![execution],
        reason: None,
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(work)
}

fn open(path: &Path) -> Journal {
    let opened = Journal::open(path).unwrap();
    assert_eq!(opened.notice, None);
    opened.journal
}

fn save(journal: &Journal, records: Vec<Record>) {
    let batch = Batch { link: link(), learned_at: at(100), records };
    run(async {
        journal.append(batch).unwrap();
        assert_eq!(journal.barrier().await, Ok(Saved::default()));
    });
}

fn restored(remembered: LoadedState) -> Blotter {
    let mut blotter = Blotter::default();
    blotter.restore(remembered.orders, remembered.executions, remembered.tape, remembered.complete_at);
    blotter
}

fn count(path: &Path, table: &str) -> i64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn of_many_states_in_one_commit_the_last_is_kept_at_the_orders_first_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let journal = open(&path);
    let state = |id: &str, cum| Record::Order(Box::new(order(id, OrderStatus::PartiallyFilled, cum)), Source::Stream);
    save(&journal, vec![state("a", 10), state("b", 20), state("a", 30), state("b", 40), state("a", 50)]);
    // Another account is behind the link. Ids are unique, so the order was of that account, written before its id was
    // known.
    let records = vec![state("a", 60), Record::Account("second".into()), state("a", 70)];
    save(&journal, vec![Record::Account("first".into())]);
    save(&journal, records);
    assert_eq!((count(&path, "states"), count(&path, "orders")), (7, 2));
    let remembered = run(journal.load(&link())).unwrap();
    let held: Vec<_> = remembered.orders.iter().map(|order| (order.id.as_str(), order.cum_qty)).collect();
    assert_eq!(held, [("a", Qty::whole(70))]);
    drop(journal);
    let reader = Reader::open(&path).unwrap();
    let mut all = Vec::new();
    reader.orders(&Range::default(), |_, order| all.push((order.id.to_string(), order.cum_qty.to_string()))).unwrap();
    assert_eq!(all, [("b", "40"), ("a", "70")].map(|(id, cum)| (id.to_owned(), cum.to_owned())));
}

#[test]
fn old_states_and_lines_are_trimmed_and_orders_and_executions_never() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let journal = open(&path);
    let day = 24 * 3_600;
    let save_at = |second: i64, records: Vec<Record>| {
        let batch = Batch { link: link(), learned_at: at(second), records };
        run(async {
            journal.append(batch).unwrap();
            journal.barrier().await.unwrap();
        });
    };
    let line = |number: u64| {
        Record::Line(TapeEntry {
            number,
            at: None,
            event: TradeEvent::New,
            order_id: format!("o{number}").into(),
            execution: None,
            source: Source::Stream,
            withdrawn: false,
        })
    };
    let kept = u64::try_from(trim::LINES).unwrap();
    let mut old: Vec<Record> = (0..2_500)
        .map(|number| Record::Order(Box::new(order(&format!("o{number}"), OrderStatus::Filled, 100)), Source::Stream))
        .collect();
    old.push(Record::Execution(Box::new(fill("e", "o1", 100, 100).executions.remove(0))));
    old.extend((1..=kept + 1_500).map(line));
    save_at(0, old);
    let mut young = order("young", OrderStatus::New, 0);
    young.updated_at = Some(at(89 * day));
    save_at(89 * day, vec![Record::Order(Box::new(young), Source::Stream)]);
    let counts = || ["states", "lines", "orders", "executions"].map(|table| count(&path, table));
    assert_eq!(counts(), [2_501, trim::LINES + 1_500, 2_501, 1], "nothing is old yet");
    // Age is checked once a day; then slices are deleted whenever the writer is idle.
    let trimmed = [1, trim::LINES, 2_501, 1];
    let told_at = |second: i64| {
        let execution = fill("e", "o1", 100, 100).executions.remove(0);
        Record::Execution(Box::new(Execution { at: Some(at(second)), ..execution }))
    };
    // One clock alone does not prove that time has passed: this machine's may be wrong, and so may a broker's.
    for _ in 0..20 {
        save_at(9_000 * day, vec![told_at(89 * day)]);
        save_at(89 * day, vec![told_at(9_000 * day)]);
    }
    assert_eq!(counts(), [2_501, trim::LINES + 1_500, 2_501, 1], "a wrong clock removed something");
    for _ in 0..1_000 {
        save_at(91 * day, vec![told_at(91 * day)]);
        if counts() == trimmed {
            break;
        }
    }
    drop(journal);
    assert_eq!(counts(), trimmed);
    let again = restored(run(open(&path).load(&link())).unwrap());
    assert_eq!(again.tape().last().map(|line| line.number), Some(kept + 1_500), "the end of the tape stays");
}

#[test]
fn a_restart_restores_what_was_shown_and_reports_none_of_it_as_news() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let mut blotter = Blotter::default();
    let missed = order("late", OrderStatus::PartiallyFilled, 70);
    {
        let journal = open(&path);
        let mut batch = Batch::new(link(), at(100));
        for update in [fill("e1", "o", 40, 40), fill("e2", "o", 60, 100), fill("e3", "late", 30, 30)] {
            let changes = blotter.apply_update(&update);
            batch.add_changes(&blotter, &changes);
        }
        let changes = blotter.apply_snapshot(std::slice::from_ref(&missed), &[]);
        batch.add_changes(&blotter, &changes);
        let changes = blotter.apply_update(&fill("e4", "late", 40, 70));
        batch.add_changes(&blotter, &changes);
        batch.records.push(Record::Complete { watermark: Some(at(70)), asked_at: at(90) });
        save(&journal, batch.records);
    }
    let remembered = run(open(&path).load(&link())).unwrap();
    assert_eq!((remembered.watermark, remembered.complete_at), (Some(at(70)), Some(at(90))));
    assert_eq!((remembered.saved_at, remembered.unreadable), (Some(at(100)), 0));
    let mut again = restored(remembered);
    assert_eq!(again.orders().collect::<Vec<_>>(), blotter.orders().collect::<Vec<_>>());
    let ids = |blotter: &Blotter| blotter.executions().map(|row| (row.id.clone(), row.qty)).collect::<Vec<_>>();
    let (mut left, mut right) = (ids(&again), ids(&blotter));
    left.sort();
    right.sort();
    assert_eq!(left, right, "the explained placeholder did not come back");
    assert_eq!(again.tape().len(), blotter.tape().len());
    for update in [fill("e1", "o", 40, 40), fill("e2", "o", 60, 100), fill("e4", "late", 40, 70)] {
        assert!(again.apply_update(&update).is_empty());
    }
    let line = again.apply_update(&fill("e5", "late", 30, 100)).tape;
    assert_eq!(line, [blotter.tape().len() as u64], "the numbering continues");
}

#[test]
fn an_export_reads_neither_endless_rows_nor_views() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let journal = open(&path);
    let rows = [fill("e1", "o", 40, 40), fill(&"e".repeat(5_000), "o", 30, 70)];
    save(&journal, rows.iter().map(|row| Record::Execution(Box::new(row.executions[0].clone()))).collect());
    let mut seen = Vec::new();
    let reader = Reader::open(&path).unwrap().with_rows_up_to(4_000);
    let left_out = reader.executions(&Range::default(), |_, row| seen.push(row.id.to_string())).unwrap();
    assert_eq!((seen, left_out), (vec!["e1".to_owned()], 1));
    drop(journal);
    let connection = rusqlite::Connection::open(&path).unwrap();
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    connection.execute_batch(&format!("DROP TABLE executions; CREATE VIEW executions AS {endless}")).unwrap();
    assert!(Reader::open(&path).unwrap_err().to_string().contains("lacks a table"));
}

#[test]
fn a_reset_account_starts_afresh_and_its_old_rows_are_still_exported() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let journal = open(&path);
    let placed = |id: &str| Record::Order(Box::new(order(id, OrderStatus::New, 0)), Source::Stream);
    save(&journal, vec![Record::Account("a".into()), placed("old")]);
    save(&journal, vec![Record::Account("a".into()), placed("older")]);
    assert_eq!(run(journal.load(&link())).unwrap().orders.len(), 2);
    save(&journal, vec![Record::Account("b".into()), placed("new")]);
    let remembered = run(journal.load(&link())).unwrap();
    assert_eq!(remembered.account, Some("b".into()));
    assert_eq!(remembered.orders.iter().map(|order| order.id.as_str()).collect::<Vec<_>>(), ["new"]);
    let mut seen = Vec::new();
    Reader::open(&path).unwrap().orders(&Range::default(), |_, order| seen.push(order.id.to_string())).unwrap();
    seen.sort();
    assert_eq!(seen, ["new", "old", "older"]);
}

#[test]
fn rows_written_before_a_new_account_was_recognised_are_exported_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let journal = open(&path);
    let reported = || {
        let update = fill("e1", "o", 40, 40);
        let row = Record::Execution(Box::new(update.executions[0].clone()));
        vec![Record::Order(Box::new(update.order), Source::Stream), row]
    };
    save(&journal, vec![Record::Account("a".into())]);
    save(&journal, reported());
    save(&journal, vec![Record::Account("b".into())]);
    save(&journal, reported());
    let reader = Reader::open(&path).unwrap();
    let (mut rows, mut orders) = (0, 0);
    reader.executions(&Range::default(), |_, _| rows += 1).unwrap();
    reader.orders(&Range::default(), |_, _| orders += 1).unwrap();
    assert_eq!((orders, rows), (1, 1));
    let remembered = run(journal.load(&link())).unwrap();
    assert_eq!((remembered.orders.len(), remembered.executions.len()), (1, 1), "they are the new account's");
}

#[test]
fn exports_obey_link_and_dates() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let journal = open(&path);
    let rows = [fill("e1", "o", 40, 40), fill("e2", "o", 30, 70), fill("e3", "o", 30, 100)];
    save(&journal, rows.iter().map(|row| Record::Execution(Box::new(row.executions[0].clone()))).collect());
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.links().unwrap(), [link()]);
    let count = |range: Range| {
        let mut ids = Vec::new();
        assert_eq!(reader.executions(&range, |_, row| ids.push(row.id.to_string())).unwrap(), 0);
        ids
    };
    assert_eq!(count(Range { from: Some(at(40)), until: Some(at(70)), link: Some(link()) }), ["e1", "e2"]);
    assert_eq!(count(Range { from: Some(at(41)), ..Range::default() }), ["e2", "e3"]);
    assert!(count(Range { link: Some("other".into()), ..Range::default() }).is_empty());
}

#[test]
fn an_intent_without_an_outcome_is_returned() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(&dir.path().join("journal.sqlite"));
    let intent = |id: &str| Record::Intent { client_order_id: id.into(), body: "{}".into() };
    let outcome = IntentOutcome::Accepted("o".into());
    save(&journal, vec![intent("c1"), intent("c2"), Record::Outcome { client_order_id: "c1".into(), outcome }]);
    let intents = run(journal.load(&link())).unwrap().intents;
    assert_eq!(intents, [Intent { client_order_id: "c2".into(), body: "{}".to_owned() }]);
}

#[test]
fn a_file_that_is_not_a_journal_is_set_aside_with_a_notice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let foreign = dir.path().join("foreign.sqlite");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE cats (name TEXT)").unwrap();
    let contents = [
        (b"what is this\n".repeat(100), "damaged"),
        (std::fs::read(&foreign).unwrap(), "not a journal of this program"),
    ];
    for (number, (bytes, word)) in contents.into_iter().enumerate() {
        std::fs::write(&path, &bytes).unwrap();
        let opened = Journal::open(&path).unwrap();
        let notice = opened.notice.unwrap();
        assert!(notice.contains(word), "{notice}");
        let kept = dir.path().join(format!("journal.set-aside-{}.sqlite", number + 1));
        assert_eq!(std::fs::read(kept).unwrap(), bytes);
        save(&opened.journal, vec![Record::Account("a".into())]);
    }
}

#[test]
fn damage_found_while_running_sets_the_file_aside_and_writing_continues() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let many =
        || (0..2_000).map(|n| Record::Order(Box::new(order(&format!("o{n}"), OrderStatus::New, 0)), Source::Stream));
    save(&open(&path), many().collect());
    let mut bytes = std::fs::read(&path).unwrap();
    assert!(bytes.len() > 200_000);
    bytes[40_960..].fill(0x5a);
    std::fs::write(&path, &bytes).unwrap();
    let opened = Journal::open(&path).unwrap();
    let mut notices: Vec<String> = opened.notice.into_iter().collect();
    notices.extend(run(opened.journal.load(&link())).unwrap().notice);
    let batch = Batch { link: link(), learned_at: at(1), records: many().collect() };
    let saved = run(async {
        opened.journal.append(batch).unwrap();
        opened.journal.barrier().await.unwrap()
    });
    notices.extend(saved.notice);
    assert!(notices.iter().any(|notice| notice.contains("was set aside as")), "{notices:?}");
    assert_eq!(run(opened.journal.load(&link())).unwrap().orders.len(), 2_000);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_the_journal_and_its_log() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("data");
    let path = dir.join("journal.sqlite");
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(&path, b"").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let journal = open(&path);
    save(&journal, vec![Record::Account("a".into())]);
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let files: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 2, "the write-ahead log exists too: {files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    let elsewhere = root.path().join("link.sqlite");
    std::os::unix::fs::symlink(&path, &elsewhere).unwrap();
    let linked = open(&elsewhere);
    assert!(matches!(run(linked.load(&link())), Err(JournalError::Unusable { .. })));
    linked.append(Batch::new(link(), at(0))).unwrap();
    assert!(run(linked.barrier()).is_err());
}

/// The child of the next test: confirms each batch on stdout once the barrier has passed.
#[test]
#[ignore = "runs as the child of `a_kill_at_any_moment_loses_nothing_that_was_confirmed`"]
fn journal_child_that_is_killed() {
    let Some(path) = std::env::var_os("BROKERDECK_TEST_JOURNAL") else { return };
    let journal = open(Path::new(&path));
    let mut blotter = Blotter::default();
    for number in 1_i64.. {
        let changes = blotter.apply_update(&fill(&format!("e{number}"), &format!("o{number}"), 10, 10));
        save(&journal, Batch::of_changes(link(), &blotter, &changes, at(number)).records);
        writeln!(std::io::stdout(), "confirmed {number}").unwrap();
        std::io::stdout().flush().unwrap();
    }
}

/// `BROKERDECK_KILLS=10000 cargo test a_kill_at_any_moment` kills more often.
#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_confirmed() {
    let kills = std::env::var("BROKERDECK_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(6);
    let dir = tempfile::tempdir().unwrap();
    for round in 0..kills {
        let path = dir.path().join(format!("journal-{round}.sqlite"));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "io::journal::tests::journal_child_that_is_killed"])
            .env("BROKERDECK_TEST_JOURNAL", &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let number = |line: String| line.split("confirmed ").nth(1).and_then(|rest| rest.trim().parse::<usize>().ok());
        let wanted = 1 + round % 9 * 7;
        let mut confirmed = lines.by_ref().map_while(Result::ok).filter_map(number).find(|n| *n >= wanted).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        // Batches confirmed between the last read and the kill count too.
        confirmed = lines.map_while(Result::ok).filter_map(number).last().unwrap_or(confirmed);
        let remembered = run(open(&path).load(&link())).unwrap();
        assert!(remembered.orders.len() >= confirmed && remembered.executions.len() >= confirmed);
        let numbers: Vec<TapeEntry> = remembered.tape;
        assert!(numbers.len() >= confirmed && numbers.len() <= confirmed + 1, "{} of {confirmed}", numbers.len());
    }
}

#[test]
fn a_start_reads_no_more_when_the_journal_grows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.sqlite");
    drop(Journal::open(&path).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    for query in [read::shown_orders(), read::shown_executions()] {
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {query}")).unwrap();
        let steps = plan.query_map([1, 0, 0], |row| row.get::<_, String>(3)).unwrap();
        let steps: Vec<String> = steps.map(Result::unwrap).collect();
        // A search by account and generation alone would read every order or execution ever stored.
        let all = |step: &String| step.starts_with("SCAN") || step.ends_with("(account=? AND generation=?)");
        let working = |step: &String| step.contains("working_orders");
        assert!(!steps.iter().any(|step| all(step) && !working(step)), "{steps:#?}");
    }
}
