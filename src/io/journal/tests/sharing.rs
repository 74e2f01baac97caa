//! Two instances on one journal: one streams, the other polls.

use std::collections::BTreeSet;

use super::*;
use crate::domain::activity::{Activity, ActivityKind};

/// An instance: its blotter and its journal.
struct Instance {
    journal: Journal,
    blotter: Blotter,
}

impl Instance {
    fn start(path: &Path) -> Self {
        let journal = open(path);
        let blotter = restored(run(journal.load(&link())).unwrap());
        Self { journal, blotter }
    }

    fn write(&self, changes: &crate::domain::blotter::Changes, second: i64) {
        let mut batch = Batch::new(link(), at(second));
        batch.records.push(Record::Account("a".into()));
        batch.add_changes(&self.blotter, changes);
        run(async {
            self.journal.append(batch).unwrap();
            self.journal.barrier().await.unwrap();
        });
    }

    fn apply(&mut self, update: &TradeUpdate, second: i64) {
        let changes = self.blotter.apply_update(update);
        self.write(&changes, second);
    }

    fn ask(&mut self, orders: &[Order], rows: &[Activity], second: i64) {
        let changes = self.blotter.apply_snapshot(orders, rows);
        self.write(&changes, second);
    }
}

/// The activity row of an execution, which does not contain the execution's id.
fn row(update: &TradeUpdate) -> Activity {
    let execution = &update.executions[0];
    Activity {
        id: format!("row-of-{}", execution.id).into(),
        activity_type: "FILL".into(),
        kind: ActivityKind::Fill {
            execution_id: None,
            order_id: execution.order_id.clone(),
            symbol: execution.symbol.clone(),
            side: execution.side.clone(),
            qty: execution.qty,
            px: execution.px.unwrap(),
            cum_qty: execution.cum_qty,
            partial: execution.cum_qty != Some(Qty::whole(100)),
            at: execution.at,
        },
        raw: Raw::default(),
    }
}

/// A deterministic pseudo-random generator.
fn chance(state: &mut u64, of: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % of
}

#[test]
fn in_any_order_of_learning_each_execution_is_stored_once_and_orders_only_advance() {
    for seed in 0..40 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.sqlite");
        let mut random = seed;
        let mut first = Instance::start(&path);
        let mut second = Instance::start(&path);
        let mut updates = Vec::new();
        for order in 0..3 {
            for part in 1..=4 {
                updates.push(fill(&format!("e{order}-{part}"), &format!("o{order}"), 25, part * 25));
            }
        }
        let (mut heard, mut asked, mut time) = (0, 0, 200);
        while heard < updates.len() || asked < updates.len() {
            time += 1;
            match chance(&mut random, 4) {
                0 | 1 if heard < updates.len() => {
                    first.apply(&updates[heard], time);
                    heard += 1;
                }
                2 if asked < updates.len() => {
                    // The order's state before the row that explains it, because lists lag behind each other.
                    second.ask(std::slice::from_ref(&updates[asked].order), &[], time);
                    second.ask(&[], &[row(&updates[asked])], time);
                    asked += 1;
                }
                // Either may crash and restart.
                3 if chance(&mut random, 5) == 0 => {
                    if chance(&mut random, 2) == 0 {
                        drop(first);
                        first = Instance::start(&path);
                    } else {
                        drop(second);
                        second = Instance::start(&path);
                    }
                }
                _ => {}
            }
        }
        let mut ids = Vec::new();
        let reader = Reader::open(&path).unwrap();
        reader.executions(&Range::default(), |_, row| ids.push(row.id.to_string())).unwrap();
        ids.sort();
        let truth: Vec<String> = updates.iter().map(|update| update.executions[0].id.to_string()).collect();
        assert_eq!(ids, truth, "seed {seed}");
        let remembered = run(first.journal.load(&link())).unwrap();
        assert!(remembered.orders.iter().all(|order| order.status == OrderStatus::Filled), "seed {seed}");
        let keys: Vec<String> = remembered.tape.iter().map(TapeEntry::key).collect();
        let once: BTreeSet<&String> = keys.iter().collect();
        assert_eq!((keys.len(), once.len()), (12, 12), "seed {seed}: {keys:?}");
        assert!(remembered.tape.iter().zip(remembered.tape.iter().skip(1)).all(|(a, b)| a.number + 1 == b.number));
        let again = restored(remembered);
        assert_eq!(again.executions().count(), 12, "seed {seed}");
        assert_eq!(again.unsettled().count(), 0, "seed {seed}");
    }
}

#[test]
fn a_lagging_instance_reverts_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let (mut first, mut second) = (Instance::start(&path), Instance::start(&path));
    let done = fill("e1", "o", 100, 100);
    let mut early = fill("e0", "o", 40, 40);
    early.executions.clear();
    first.apply(&done, 300);
    second.ask(std::slice::from_ref(&early.order), &[], 301);
    let orders = run(first.journal.load(&link())).unwrap().orders;
    assert_eq!(orders.iter().map(|order| order.cum_qty).collect::<Vec<_>>(), [Qty::whole(100)]);
    let mut states = Vec::new();
    Reader::open(&path).unwrap().orders(&Range::default(), |_, order| states.push(order.status)).unwrap();
    assert_eq!(states, [OrderStatus::Filled]);
}

#[test]
fn an_end_dated_in_whole_seconds_wins_over_an_update_within_that_second() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let (mut first, mut second) = (Instance::start(&path), Instance::start(&path));
    let mut heard = fill("e1", "o", 40, 40);
    heard.order.updated_at = Some(at(40) + Duration::from_millis(300));
    let canceled = Order { status: OrderStatus::Canceled, updated_at: Some(at(40)), ..heard.order.clone() };
    first.apply(&heard, 300);
    second.ask(&[canceled], &[], 301);
    let orders = run(first.journal.load(&link())).unwrap().orders;
    assert_eq!(orders.iter().map(|order| &order.status).collect::<Vec<_>>(), [&OrderStatus::Canceled]);
}

/// An order from a service whose lists never update `updated_at`.
fn still(order: &Order) -> Order {
    Order { updated_at: Some(at(0)), ..order.clone() }
}

fn states(instance: &Instance) -> Vec<(OrderStatus, Qty)> {
    let orders = run(instance.journal.load(&link())).unwrap().orders;
    orders.into_iter().map(|order| (order.status, order.cum_qty)).collect()
}

#[test]
fn a_conflict_decided_for_rest_is_written_without_a_newer_time() {
    let ends = [(OrderStatus::Canceled, 40), (OrderStatus::Replaced, 40), (OrderStatus::Filled, 100)];
    // Busted, executed less, and reopened.
    let takes = [(OrderStatus::New, 0), (OrderStatus::PartiallyFilled, 30)];
    for (heard_second, (status, cum)) in
        [true, false].into_iter().flat_map(|late| ends.iter().chain(&takes).map(move |to| (late, to.clone())))
    {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.sqlite");
        let (mut first, mut second) = (Instance::start(&path), Instance::start(&path));
        let heard = fill("e1", "o", 40, 40);
        if !heard_second {
            first.apply(&heard, 300);
        }
        second.ask(&[still(&heard.order)], &[row(&heard)], 301);
        if heard_second {
            first.apply(&heard, 302);
        }
        let now = still(&order("o", status.clone(), cum));
        for _ in 0..2 {
            first.ask(std::slice::from_ref(&now), &[], 303);
        }
        let changes = first.blotter.concede(&"o".into());
        first.write(&changes, 363);
        assert_eq!(states(&second), [(status.clone(), Qty::whole(cum))], "heard second: {heard_second}");
        // The other instance crashes before its next fetch, and reverts nothing when it restarts from the file.
        drop(second);
        let again = Instance::start(&path);
        assert_eq!(again.blotter.order(&"o".into()).map(|order| &order.status), Some(&status));
    }
}

#[test]
fn a_reverted_state_wins_over_earlier_writes_of_another_instance_and_not_over_later_ones() {
    for (later, stays) in [(362, 30), (364, 50)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.sqlite");
        let (mut first, mut second) = (Instance::start(&path), Instance::start(&path));
        let (heard, more) = (fill("e1", "o", 40, 40), fill("e2", "o", 10, 50));
        first.apply(&heard, 300);
        let now = still(&order("o", OrderStatus::PartiallyFilled, 30));
        for _ in 0..2 {
            first.ask(std::slice::from_ref(&now), &[], 303);
        }
        second.apply(&more, later);
        let changes = first.blotter.concede(&"o".into());
        first.write(&changes, 363);
        assert_eq!(states(&second), [(OrderStatus::PartiallyFilled, Qty::whole(stays))]);
    }
}

#[test]
fn a_lagging_list_neither_reopens_an_order_nor_overrides_the_stream() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let (mut first, mut second) = (Instance::start(&path), Instance::start(&path));
    let heard = fill("e1", "o", 40, 40);
    second.ask(&[still(&order("o", OrderStatus::Canceled, 40))], &[], 300);
    // A frame from before the end arrives after it, with a later time than the lists state.
    first.apply(&heard, 301);
    assert_eq!(states(&second), [(OrderStatus::Canceled, Qty::whole(40))]);
    second.ask(&[still(&order("p", OrderStatus::New, 0))], &[], 302);
    first.apply(&fill("e2", "p", 100, 100), 303);
    second.ask(&[still(&order("p", OrderStatus::PartiallyFilled, 60))], &[], 304);
    assert_eq!(states(&first)[1], (OrderStatus::Filled, Qty::whole(100)));
}

#[test]
fn a_reset_account_starts_one_generation_for_both_instances() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let (first, second) = (open(&path), open(&path));
    let placed = |id: &str| Record::Order(Box::new(order(id, OrderStatus::New, 0)), Source::Stream);
    save(&first, vec![Record::Account("old".into()), placed("o1")]);
    save(&second, vec![Record::Account("old".into()), placed("o2")]);
    save(&first, vec![Record::Account("new".into()), placed("n1")]);
    // The second instance learns of the reset later.
    save(&second, vec![placed("o3")]);
    save(&second, vec![Record::Account("new".into()), placed("n2")]);
    save(&first, vec![placed("n3")]);
    let remembered = run(first.load(&link())).unwrap();
    assert_eq!(remembered.account, Some("new".into()));
    let ids: Vec<_> = remembered.orders.iter().map(|order| order.id.to_string()).collect();
    assert_eq!(ids, ["n1", "n2", "n3"]);
    assert_eq!(count(&path, "orders"), 6);
}

#[test]
fn a_line_stays_when_its_writer_learns_the_executions_own_id() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let (mut first, mut second) = (Instance::start(&path), Instance::start(&path));
    let (update, other) = (fill("e1", "o", 40, 40), fill("e2", "p", 40, 40));
    first.ask(std::slice::from_ref(&update.order), &[row(&update)], 300);
    // The second instance sees the line under the row's id; then the first learns the execution's own id.
    second.apply(&other, 301);
    first.apply(&update, 302);
    second.ask(std::slice::from_ref(&update.order), &[row(&update)], 303);
    let remembered = run(first.journal.load(&link())).unwrap();
    let shown = remembered.tape.iter().filter_map(|line| line.execution.as_ref());
    let mut shown: Vec<&str> = shown.map(crate::domain::ExecutionId::as_str).collect();
    shown.sort_unstable();
    assert_eq!(shown, ["e1", "e2"]);
}

#[test]
fn an_instance_with_other_accounts_does_not_affect_this_ones() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let (first, second) = (open(&path), open(&path));
    save(&first, vec![Record::Account("a".into())]);
    let records = vec![Record::Account("b".into())];
    run(async {
        second.append(Batch { link: "alpaca-live/live/1".into(), learned_at: at(100), records }).unwrap();
        second.barrier().await.unwrap();
    });
    // Two busts of the same quantity, one reported and one inferred, which the blotter has distinguished.
    let undoing = |id: &str| {
        let execution = fill(id, "o", 10, 10).executions.remove(0);
        Record::Execution(Box::new(Execution { kind: ExecutionKind::Bust { of: None }, cum_qty: None, ..execution }))
    };
    save(&first, vec![undoing("u1")]);
    save(&first, vec![undoing("inferred-bust/o/20-10@1")]);
    let kept = run(first.load(&link())).unwrap().executions;
    assert_eq!(kept.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["u1", "inferred-bust/o/20-10@1"]);
}

#[test]
fn duplicates_of_two_instances_are_read_back_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let journal = open(&path);
    let report = fill("e1", "o", 40, 40).executions.remove(0);
    let row = Execution { id: "row/1".into(), ..report.clone() };
    let line = |number, event, execution: Option<&str>| {
        Record::Line(TapeEntry {
            number,
            at: Some(at(40)),
            event,
            order_id: "o".into(),
            execution: execution.map(Into::into),
            source: Source::Stream,
            withdrawn: false,
        })
    };
    save(
        &journal,
        vec![
            Record::Order(Box::new(order("o", OrderStatus::Canceled, 40)), Source::Stream),
            Record::Execution(Box::new(report)),
            Record::Execution(Box::new(row)),
            line(0, TradeEvent::PartialFill, Some("row/1")),
            line(1, TradeEvent::PartialFill, Some("e1")),
            line(2, TradeEvent::Canceled, None),
            line(3, TradeEvent::Canceled, None),
            line(4, TradeEvent::PartialFill, Some("gone")),
            line(5, TradeEvent::PartialFill, Some("e1")),
        ],
    );
    drop(journal);
    let journal = open(&path);
    let blotter = restored(run(journal.load(&link())).unwrap());
    let shown: Vec<_> = blotter.tape().iter().map(|line| (line.number, line.execution.clone())).collect();
    assert_eq!(shown, [(1, Some("e1".into())), (2, None)]);
    assert_eq!(blotter.executions().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["e1"]);
    // New lines are appended.
    save(&journal, vec![line(3, TradeEvent::Replaced, None)]);
    drop(journal);
    let tape = run(open(&path).load(&link())).unwrap().tape;
    assert_eq!(tape.iter().map(|line| line.event.clone()).collect::<Vec<_>>().last(), Some(&TradeEvent::Replaced));
}

/// The rows of one order in the file after this instance writes `own` beside the `other` instance's rows.
fn beside(other: Vec<Execution>, own: Vec<Execution>) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let (first, second) = (open(&path), open(&path));
    let order = || Record::Order(Box::new(order("o", OrderStatus::PartiallyFilled, 40)), Source::Stream);
    let records = |rows: Vec<Execution>| rows.into_iter().map(|row| Record::Execution(Box::new(row)));
    save(&second, vec![Record::Account("a".into())]);
    save(&first, std::iter::once(order()).chain(records(other)).collect());
    save(&second, std::iter::once(order()).chain(records(own)).collect());
    let mut ids = Vec::new();
    Reader::open(&path).unwrap().executions(&Range::default(), |_, row| ids.push(row.id.to_string())).unwrap();
    ids.sort();
    ids
}

fn reported(id: &str, kind: ExecutionKind, qty: i64, cum: Option<i64>, second: i64) -> Execution {
    let told = fill(id, "o", qty, cum.unwrap_or(qty)).executions.remove(0);
    Execution { kind, cum_qty: cum.map(Qty::whole), at: Some(at(second)), ..told }
}

#[test]
fn a_bust_separates_only_executions_on_either_side_of_it() {
    let trade = |id: &str, second| reported(id, ExecutionKind::Trade, 40, Some(40), second);
    let bust = |id: &str, second| reported(id, ExecutionKind::Bust { of: Some("e1".into()) }, 40, None, second);
    assert_eq!(beside(vec![trade("e1", 10), bust("u1", 20)], vec![trade("row/1", 10)]), ["e1", "u1"]);
    // The same quantity executed again after the bust is another execution.
    assert_eq!(beside(vec![trade("e1", 10), bust("u1", 20)], vec![trade("row/2", 30)]), ["e1", "row/2", "u1"]);
    // So is the same range at another price, unless at the same time: a row shows its execution as corrected.
    let dearer = |second| Execution { px: Some(crate::domain::Price::whole(11)), ..trade("row/3", second) };
    assert_eq!(beside(vec![trade("e1", 10)], vec![dearer(12)]), ["e1", "row/3"]);
    assert_eq!(beside(vec![trade("e1", 10)], vec![dearer(10)]), ["e1"]);
}

#[test]
fn a_bust_inferred_twice_or_reported_as_a_correction_is_stored_once() {
    let inferred = |second: i64| {
        let id = format!("inferred-bust/o/40-39@{second}");
        reported(&id, ExecutionKind::Bust { of: None }, 1, None, second)
    };
    let trade = || reported("e1", ExecutionKind::Trade, 40, Some(40), 10);
    let corrected = reported("u1", ExecutionKind::Correction { of: Some("e1".into()) }, 39, None, 20);
    assert_eq!(beside(vec![trade(), inferred(30)], vec![inferred(50)]), ["e1", "inferred-bust/o/40-39@30"]);
    assert_eq!(beside(vec![trade(), corrected.clone()], vec![inferred(50)]), ["e1", "u1"]);
    assert_eq!(beside(vec![trade(), inferred(30)], vec![corrected]), ["e1", "u1"]);
    // An execution between two of them was busted again.
    let again = reported("e2", ExecutionKind::Trade, 1, Some(40), 40);
    assert_eq!(beside(vec![trade(), inferred(30), again], vec![inferred(50)]).len(), 4);
}

#[test]
fn an_inferred_bust_is_replaced_by_several_reports_that_add_up_to_it() {
    let trades = || vec![reported("e1", trade(), 100, Some(100), 5), reported("e2", trade(), 50, Some(150), 6)];
    let bust = |id: &str, of: &str, qty: i64, second| {
        reported(id, ExecutionKind::Bust { of: Some(of.into()) }, -qty, None, second)
    };
    let reports = || vec![bust("u1", "e2", 50, 20), bust("u2", "e1", 100, 21)];
    let inferred = |span: &str, qty| {
        let id = format!("inferred-bust/o/{span}@30");
        vec![reported(&id, ExecutionKind::Bust { of: None }, qty, None, 30)]
    };
    let there = ["e1", "e2", "u1", "u2"];
    assert_eq!(beside([trades(), reports()].concat(), inferred("150-0", 150)), there);
    assert_eq!(beside([trades(), inferred("150-0", 150)].concat(), reports()), there);
    // One of them is a correction.
    let corrected = reported("u1", ExecutionKind::Correction { of: Some("e2".into()) }, 30, None, 20);
    let mixed = || vec![corrected.clone(), bust("u2", "e1", 100, 21)];
    assert_eq!(beside([trades(), mixed()].concat(), inferred("150-30", 120)), there);
    assert_eq!(beside([trades(), inferred("150-30", 120)].concat(), mixed()), there);
    // The rest was busted too.
    assert_eq!(beside([trades(), reports()].concat(), inferred("180-60", 120)).len(), 5);
    assert_eq!(beside([trades(), inferred("180-60", 120)].concat(), reports()).len(), 5);
}

#[test]
fn an_inferred_bust_beside_one_reported_before_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let (streams, polls) = (open(&path), open(&path));
    let bust = |id: &str, qty, second| {
        Record::Execution(Box::new(reported(id, ExecutionKind::Bust { of: None }, qty, None, second)))
    };
    let fill = |id: &str, cum| Record::Execution(Box::new(reported(id, trade(), 50, Some(cum), 5)));
    save(&polls, vec![Record::Account("a".into())]);
    save(&streams, vec![Record::Account("a".into()), fill("e1", 50), fill("e2", 100), fill("e3", 150)]);
    save(&streams, vec![bust("u1", 50, 20)]);
    drop(polls);
    // It has read the reported one, and infers another of the same quantity that the stream never reported.
    let polls = Instance::start(&path);
    save(&polls.journal, vec![bust("inferred-bust/o/100-50@30", 50, 30)]);
    save(&streams, vec![bust("u2", 20, 40)]);
    let mut ids = Vec::new();
    Reader::open(&path).unwrap().executions(&Range::default(), |_, row| ids.push(row.id.to_string())).unwrap();
    assert!(ids.iter().any(|id| id == "inferred-bust/o/100-50@30"), "{ids:?}");
}

#[test]
fn an_exported_bust_names_an_existing_row_or_none() {
    let of_lost = || Some("lost".into());
    let correction = |qty| reported("c1", ExecutionKind::Correction { of: of_lost() }, qty, None, 20);
    let bust = || reported("u1", ExecutionKind::Bust { of: of_lost() }, -40, None, 20);
    let row = || reported("row/1", trade(), 40, Some(50), 6);
    for (cum, rows, of) in [
        (50, vec![row(), correction(40)], Some("row/1")),
        (40, vec![row(), correction(30)], Some("row/1")),
        (50, vec![correction(40)], None),
        (10, vec![row(), bust()], Some("row/1")),
        (10, vec![bust()], None),
        // A leg's row is stored under its parent's id.
        (10, vec![Execution { id: "lost".into(), order_id: "parent".into(), ..row() }, bust()], Some("lost")),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.sqlite");
        let journal = open(&path);
        let state = Record::Order(Box::new(order("o", OrderStatus::PartiallyFilled, cum)), Source::Stream);
        let trades = std::iter::once(reported("e1", trade(), 10, Some(10), 5));
        let rows = trades.chain(rows).map(|row| Record::Execution(Box::new(row)));
        save(&journal, std::iter::once(state).chain(rows).collect());
        let mut found = Vec::new();
        let reader = Reader::open(&path).unwrap();
        let read = reader.executions(&Range::default(), |_, row| match row.kind {
            ExecutionKind::Bust { of } | ExecutionKind::Correction { of } => found.push(of.map(|of| of.to_string())),
            ExecutionKind::Trade | ExecutionKind::Unexplained => {}
        });
        assert_eq!(read, Ok(0));
        assert_eq!(found, [of.map(str::to_owned)]);
    }
}

const fn trade() -> ExecutionKind {
    ExecutionKind::Trade
}

#[test]
fn an_instance_that_could_not_read_the_file_does_not_move_the_watermark() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.sqlite");
    let complete = |second| Record::Complete { watermark: Some(at(second)), asked_at: at(second) };
    let first = Instance::start(&path);
    save(&first.journal, vec![Record::Account("a".into()), complete(10)]);
    let mark = |instance: &Instance| run(instance.journal.load(&link())).unwrap().complete_at;
    // It started while the file could not be read, so something may be missing between the watermark and its first
    // snapshot.
    let blind = open(&path);
    save(&blind, vec![Record::Account("a".into()), complete(20)]);
    assert_eq!(mark(&first), Some(at(10)));
    let second = Instance::start(&path);
    save(&second.journal, vec![complete(30)]);
    assert_eq!(mark(&second), Some(at(30)));
}

#[test]
fn a_correction_names_its_target_by_the_id_that_this_has_in_the_file() {
    let row = || reported("row/1", trade(), 10, Some(10), 5);
    let report = || reported("e1", trade(), 10, Some(10), 5);
    let correction = |of: &str| {
        let kind = ExecutionKind::Correction { of: Some(of.into()) };
        let told = reported("restated/row/1/10@9", kind, 10, None, 20);
        Execution { px: Some(crate::domain::Price::whole(9)), ..told }
    };
    // Who streams, who polls, and which writes what first; `true` for the one that streams.
    for order in [
        vec![(true, report()), (false, row()), (false, correction("row/1"))],
        vec![(true, report()), (false, row()), (true, correction("e1")), (false, correction("row/1"))],
        vec![(true, report()), (false, row()), (false, correction("row/1")), (true, correction("e1"))],
        vec![(false, row()), (true, report()), (true, correction("e1")), (false, correction("row/1"))],
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.sqlite");
        let (streams, polls) = (open(&path), open(&path));
        for journal in [&streams, &polls] {
            save(journal, vec![Record::Account("a".into())]);
        }
        let words: Vec<String> = order.iter().map(|(streams, row)| format!("{streams} {}", row.id)).collect();
        for (is_stream, row) in order {
            save(if is_stream { &streams } else { &polls }, vec![Record::Execution(Box::new(row))]);
        }
        let remembered = run(open(&path).load(&link())).unwrap();
        let kinds: Vec<_> = remembered.executions.iter().map(|row| (row.id.to_string(), row.kind.clone())).collect();
        let of = ExecutionKind::Correction { of: Some("e1".into()) };
        assert_eq!(kinds, [("e1".into(), ExecutionKind::Trade), ("restated/row/1/10@9".into(), of)], "{words:?}");
    }
}
