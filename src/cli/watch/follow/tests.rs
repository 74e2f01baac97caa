mod legs;
mod named;

use super::*;
use crate::broker::alpaca::wire;
use crate::domain::order::Raw;
use crate::domain::{Activity, ActivityKind, Qty, TradeUpdate};

impl Began {
    /// The end of time: nothing has happened since.
    const NOW: Self = Self { at: Timestamp::MAX, by_broker: true };
}

/// An update of an order with `cum` executed, and an execution of `qty`; without an execution when `qty` is zero.
fn update(order: &str, cum: u32, qty: u32, id: &str) -> TradeUpdate {
    let execution = if qty == 0 {
        String::new()
    } else {
        format!(r#""execution_id":"{id}","price":"10","qty":"{qty}","position_qty":"{cum}","#)
    };
    let event = if qty == 0 { "new" } else { "partial_fill" };
    let text = format!(
        r#"{{"event":"{event}",{execution}"timestamp":"2026-01-02T15:00:{cum:02}Z","order":{{"id":"{order}",
        "symbol":"F","side":"buy","type":"limit","qty":"50","filled_qty":"{cum}","filled_avg_price":"10",
        "status":"partially_filled","updated_at":"2026-01-02T15:00:{cum:02}Z"}}}}"#
    );
    wire::update(&text).unwrap()
}

fn printed(follow: &mut Follow, blotter: &Blotter) -> Vec<String> {
    let due = follow.due(1, blotter, true, Began::NOW);
    let entries = due.iter().map(|(number, _)| blotter.tape_entry(*number).unwrap());
    entries.filter_map(|entry| entry.execution.as_ref().map(ToString::to_string)).collect()
}

#[test]
fn an_unexplained_quantity_is_printed_once_when_its_execution_is_known() {
    let (mut blotter, mut follow) = (Blotter::default(), Follow::default());
    drop(follow.due(1, &blotter, true, Began::NOW));
    // REST states an executed quantity of ten that no execution explains.
    let order = update("o", 10, 0, "").order;
    blotter.apply_snapshot(&[order], &[]);
    assert_eq!(blotter.tape().len(), 1, "the screen shows it");
    assert!(printed(&mut follow, &blotter).is_empty(), "a script gets no guesses");
    blotter.apply_update(&update("o", 10, 10, "e1"));
    assert_eq!(printed(&mut follow, &blotter), ["e1"]);
    blotter.apply_update(&update("o", 10, 10, "e1"));
    assert!(printed(&mut follow, &blotter).is_empty());
    blotter.apply_update(&update("o", 15, 5, "e2"));
    assert_eq!(printed(&mut follow, &blotter), ["e2"]);
}

#[test]
fn executions_since_the_start_are_reported_even_from_the_first_snapshot() {
    let (mut blotter, mut follow) = (Blotter::default(), Follow::default());
    let mut late = |order: &str, cum: u32, id: &str| {
        let mut update = update(order, cum, cum, id);
        update.executions[0].source = Source::Reconcile;
        blotter.apply_update(&update);
    };
    late("before", 5, "e1");
    late("since", 20, "e2");
    let began = Began { at: "2026-01-02T15:00:10Z".parse().unwrap(), by_broker: true };
    assert!(follow.due(1, &blotter, false, began).is_empty(), "entries from REST wait for the complete snapshot");
    let due = follow.due(1, &blotter, true, began);
    let log: Vec<_> = due.iter().filter_map(|(number, _)| blotter.tape_entry(*number)?.execution.clone()).collect();
    assert_eq!(log, ["e2".into()]);
    assert!(follow.due(1, &blotter, true, began).is_empty());
}

#[test]
fn earlier_state_changes_learned_from_a_journal_are_not_news() {
    let (mut blotter, mut follow) = (Blotter::default(), Follow::default());
    blotter.apply_snapshot(&[update("done", 40, 0, "").order, update("open", 20, 0, "").order], &[]);
    drop(follow.due(1, &blotter, true, Began::NOW));
    let mut log = |order: &str, second: u32, event: TradeEvent| {
        let mut late = update(order, second, 0, "");
        late.event = event;
        blotter.apply_replayed(&[late]);
        follow.due(1, &blotter, true, Began::NOW).len()
    };
    assert_eq!(log("done", 30, TradeEvent::New), 0, "the order has changed since");
    assert_eq!(log("open", 35, TradeEvent::Canceled), 1, "the first snapshot did not have it");
    assert_eq!(log("done", 50, TradeEvent::Canceled), 1);
}

/// A line: its event, its target, and a quantity.
type Spoken = (TradeEvent, Option<String>, Qty);

/// What a reader adds up from the lines: fills and corrections minus busts, without void lines.
#[derive(Default)]
struct Sum(std::collections::BTreeMap<String, Spoken>);

impl Sum {
    /// Prints what is due at this second; returns the quantity a reader adds up from all lines.
    fn read(&mut self, follow: &mut Follow, blotter: &Blotter, second: u64) -> Qty {
        let mut due = follow.due(1, blotter, true, Began::NOW);
        let (void, instead) = follow.overtaken(blotter, true, &due, Mono::from_millis(second * 1_000));
        for line in &void {
            assert!(self.0.remove(line.said().unwrap().id.as_str()).is_some(), "it was reported");
            note(follow, line);
        }
        due.extend(instead);
        for (number, line) in due {
            note(follow, &line);
            let entry = blotter.tape_entry(number).unwrap();
            let unreported = line.unreported(entry, blotter);
            let (entry, row) = match &unreported {
                Some((entry, row)) => (entry, Some(row)),
                None => (entry, entry.execution.as_ref().and_then(|id| blotter.execution(id))),
            };
            let Some(row) = row else { continue };
            let of = line.said().unwrap().of.as_ref().map(ToString::to_string);
            let log = self.0.insert(row.id.to_string(), (entry.event.clone(), of, row.qty));
            assert!(log.is_none(), "{} is reported twice", row.id);
        }
        for (event, of, _) in self.0.values() {
            assert!(of.as_ref().is_none_or(|of| self.0.contains_key(of)), "{event} names {of:?}: {:?}", self.0);
        }
        let is_correction = |line: &&Spoken| line.0 == TradeEvent::TradeCorrect;
        let corrected: Vec<_> = self.0.values().filter(is_correction).filter_map(|(_, of, _)| of.clone()).collect();
        let counts = self.0.iter().filter(|(id, _)| !corrected.contains(id)).map(|(_, line)| line);
        counts.fold(Qty::ZERO, |sum, (event, _, qty)| {
            let taken = *event == TradeEvent::TradeBust;
            if taken { sum.checked_sub(qty.abs()) } else { sum.checked_add(*qty) }.unwrap()
        })
    }
}

/// Prints a line.
fn note(follow: &mut Follow, line: &ReportedLine) {
    follow.log.going_out(line);
    follow.log.went_out();
}

/// A bust of `of`, or a correction of it to `to` (quantity, price), after which the order has executed `cum`.
fn undoing(of: &str, to: Option<(u32, &str)>, qty: u32, cum: u32) -> TradeUpdate {
    let mut update = update("o", cum, qty.max(1), if to.is_some() { "c1" } else { "b1" });
    let row = &mut update.executions[0];
    let of = Some(of.into());
    row.cum_qty = None;
    row.at = "2026-01-02T15:01:00Z".parse().ok();
    (update.event, row.kind) = if let Some((qty, px)) = to {
        (row.qty, row.px) = (Qty::whole(qty.into()), px.parse().ok());
        (TradeEvent::TradeCorrect, ExecutionKind::Correction { of })
    } else {
        row.qty = Qty::ZERO.checked_sub(Qty::whole(qty.into())).unwrap();
        (TradeEvent::TradeBust, ExecutionKind::Bust { of })
    };
    update.order.updated_at = row.at;
    update
}

/// The activity row of an execution whose report was lost.
fn listed(cum: u32, qty: u32, px: &str) -> Activity {
    listed_as("1", cum, qty, px)
}

/// The same, in a row with this id.
fn listed_as(id: &str, cum: u32, qty: u32, px: &str) -> Activity {
    let lost = update("o", cum, qty, "lost").executions.remove(0);
    Activity {
        id: id.into(),
        activity_type: "FILL".into(),
        kind: ActivityKind::Fill {
            execution_id: None,
            order_id: lost.order_id,
            symbol: lost.symbol,
            side: lost.side,
            qty: lost.qty,
            px: px.parse().unwrap(),
            cum_qty: lost.cum_qty,
            partial: true,
            at: lost.at,
        },
        raw: Raw::default(),
    }
}

#[test]
fn the_lines_add_up_when_a_bust_or_correction_names_an_id_never_reported() {
    // A correction to a quantity and price, or a bust; the executed quantity then; the row listed afterwards, if any.
    let cases = [
        (Some((40, "9")), 50, Some((40, "9"))),
        (Some((30, "10")), 40, Some((30, "10"))),
        (Some((30, "9")), 40, Some((30, "9"))),
        (Some((40, "9")), 50, Some((40, "10"))),
        (None, 10, None),
        (None, 10, Some((40, "10"))),
    ];
    for (case, row_first, restarts) in cases
        .iter()
        .flat_map(|case| [(true, false), (true, true), (false, false), (false, true)].map(|how| (case, how.0, how.1)))
    {
        let (to, cum, after) = *case;
        let what = format!("{case:?}, row first: {row_first}, restarted: {restarts}");
        let dir = tempfile::tempdir().unwrap();
        let link = crate::domain::LinkId::from("paper/one");
        let again = || Follow::resuming(WatchLog::open(dir.path(), &link).0);
        let (mut blotter, mut sum) = (Blotter::default(), Sum::default());
        let mut follow = again();
        drop(follow.due(1, &blotter, true, Began::NOW));
        blotter.apply_update(&update("o", 10, 10, "e1"));
        assert_eq!(sum.read(&mut follow, &blotter, 2), Qty::whole(10));
        if row_first {
            blotter.apply_snapshot(&[update("o", 50, 0, "").order], &[listed(50, 40, "10")]);
            assert_eq!(sum.read(&mut follow, &blotter, 4), Qty::whole(50), "{what}");
        }
        let log = undoing("lost", to, 40, cum);
        blotter.apply_update(&log);
        let truth = Qty::whole(cum.into());
        assert_eq!(sum.read(&mut follow, &blotter, 6), truth, "{what}");
        if restarts {
            drop(follow);
            follow = again();
        }
        blotter.apply_snapshot(std::slice::from_ref(&log.order), &[]);
        assert_eq!(sum.read(&mut follow, &blotter, 8), truth, "{what}");
        let rows: Vec<Activity> = after.map(|(qty, px)| listed(50, qty, px)).into_iter().collect();
        for second in [10, 12] {
            blotter.apply_snapshot(std::slice::from_ref(&log.order), &rows);
            assert_eq!(sum.read(&mut follow, &blotter, second), truth, "{what}");
        }
    }
}

#[test]
fn a_correction_names_the_line_of_a_row_whose_report_came_later() {
    let (mut blotter, mut follow, mut sum) = (Blotter::default(), Follow::default(), Sum::default());
    drop(follow.due(1, &blotter, true, Began::NOW));
    blotter.apply_snapshot(&[update("o", 40, 0, "").order], &[listed(40, 40, "10")]);
    assert_eq!(sum.read(&mut follow, &blotter, 2), Qty::whole(40));
    // The late report replaces the row's id, under which it was reported.
    blotter.apply_update(&update("o", 40, 40, "lost"));
    blotter.apply_update(&undoing("lost", Some((30, "10")), 40, 30));
    assert_eq!(sum.read(&mut follow, &blotter, 4), Qty::whole(30));
    assert_eq!(sum.0["c1"].1.as_deref(), Some("row/1"));
    assert!(!sum.0.contains_key("lost"), "{:?}", sum.0);
}

#[test]
fn a_wrongly_inferred_bust_is_voided_so_that_the_lines_add_up() {
    let (mut blotter, mut follow, mut sum) = (Blotter::default(), Follow::default(), Sum::default());
    drop(follow.due(1, &blotter, true, Began::NOW));
    blotter.apply_update(&update("o", 35, 35, "e1"));
    assert_eq!(sum.read(&mut follow, &blotter, 2), Qty::whole(35));
    // REST states two less; only later the stream reports that it was a correction.
    let mut less = update("o", 33, 0, "").order;
    less.updated_at = "2026-01-02T15:00:50Z".parse().ok();
    blotter.apply_snapshot(std::slice::from_ref(&less), &[]);
    blotter.apply_snapshot(std::slice::from_ref(&less), &[]);
    assert_eq!(sum.read(&mut follow, &blotter, 4), Qty::whole(33));
    assert!(sum.0.values().any(|(event, ..)| *event == TradeEvent::TradeBust), "{:?}", sum.0);
    let mut correction = update("o", 33, 33, "c1");
    correction.event = TradeEvent::TradeCorrect;
    correction.executions[0].kind = ExecutionKind::Correction { of: Some("e1".into()) };
    correction.order = less.clone();
    blotter.apply_update(&correction);
    // REST states the same as before: nothing but the correction happened.
    blotter.apply_snapshot(&[less], &[]);
    assert_eq!(sum.read(&mut follow, &blotter, 6), Qty::whole(33));
    assert!(sum.0.values().all(|(event, ..)| *event != TradeEvent::TradeBust), "{:?}", sum.0);
    assert_eq!(sum.read(&mut follow, &blotter, 8), Qty::whole(33), "reported once");
}

/// The program was stopped before the journal had the fill and its correction; rows state the corrected price.
#[test]
fn a_reported_correction_counts_while_its_target_states_the_corrected_amounts() {
    let dir = tempfile::tempdir().unwrap();
    let link = crate::domain::LinkId::from("paper/one");
    let (mut blotter, mut sum) = (Blotter::default(), Sum::default());
    let mut follow = Follow::resuming(WatchLog::open(dir.path(), &link).0);
    drop(follow.due(1, &blotter, true, Began::NOW));
    let fill = update("o", 19, 19, "e1");
    let mut correction = update("o", 19, 19, "c1");
    correction.event = TradeEvent::TradeCorrect;
    correction.executions[0].kind = ExecutionKind::Correction { of: Some("e1".into()) };
    correction.executions[0].px = "0.5".parse().ok();
    for update in [&fill, &correction] {
        blotter.apply_update(update);
    }
    sum.read(&mut follow, &blotter, 2);
    assert_eq!(sum.0.len(), 2, "{:?}", sum.0);
    drop(follow);
    for (px, stays) in [("0.5", true), ("0.7", false)] {
        let mut again = Blotter::default();
        let mut row = update("o", 19, 19, "row/1");
        row.executions[0].px = px.parse().ok();
        row.executions[0].source = Source::Reconcile;
        again.apply_update(&row);
        let mut follow = Follow::resuming(WatchLog::open(dir.path(), &link).0);
        assert!(follow.due(2, &again, true, Began::NOW).is_empty(), "the fill was reported");
        let (void, _) = follow.overtaken(&again, true, &[], Mono::from_millis(2_000));
        assert_eq!(void.is_empty(), stays, "{px}: {void:?}");
    }
}

#[test]
fn an_untrue_line_is_voided_by_the_next_run_and_a_forgotten_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let link = crate::domain::LinkId::from("paper/one");
    let mut blotter = Blotter::default();
    let mut follow = Follow::resuming(WatchLog::open(dir.path(), &link).0);
    drop(follow.due(1, &blotter, true, Began::NOW));
    let mut row = update("o", 20, 20, "row/1");
    row.executions[0].source = Source::Reconcile;
    blotter.apply_update(&row);
    for (_, line) in follow.due(1, &blotter, true, Began::NOW) {
        follow.log.going_out(&line);
        follow.log.went_out();
    }
    drop(follow);
    let again = || Follow::resuming(WatchLog::open(dir.path(), &link).0);
    let second = Mono::from_millis(2_000);
    assert!(again().overtaken(&Blotter::default(), true, &[], second).0.is_empty(), "nothing is known yet");
    let mut other = Blotter::default();
    other.apply_update(&update("o", 20, 20, "e1"));
    assert!(again().overtaken(&other, true, &[], second).0.is_empty(), "the same execution under the broker's id");
    assert_eq!(again().log.name_of(&"e1".into(), &other).as_str(), "row/1");
    let mut parted = Blotter::default();
    parted.apply_update(&update("o", 10, 10, "e1"));
    parted.apply_update(&update("o", 20, 10, "e2"));
    let mut follow = again();
    let due = follow.due(1, &parted, true, Began::NOW);
    let (void, _) = follow.overtaken(&parted, true, &[], second);
    assert_eq!(due.len(), 2);
    assert_eq!(void.iter().map(|line| line.said().unwrap().id.as_str()).collect::<Vec<_>>(), ["row/1"]);
    for line in &void {
        follow.log.going_out(line);
        follow.log.went_out();
    }
    drop(follow);
    let mut follow = again();
    assert!(follow.overtaken(&parted, true, &[], second).0.is_empty(), "voided once");
}

#[test]
fn news_voids_lines_of_its_own_order_at_once_and_of_others_within_a_second() {
    let (mut shown, mut follow) = (Blotter::default(), Follow::default());
    drop(follow.due(1, &shown, true, Began::NOW));
    for order in ["a", "b"] {
        shown.apply_update(&update(order, 20, 20, order));
    }
    for (_, line) in follow.due(1, &shown, true, Began::NOW) {
        note(&mut follow, &line);
    }
    let mut parted = Blotter::default();
    for order in ["a", "b"] {
        parted.apply_update(&update(order, 10, 10, &format!("{order}1")));
        parted.apply_update(&update(order, 20, 10, &format!("{order}2")));
    }
    let due = follow.due(2, &parted, true, Began::NOW);
    let (news, _): (Vec<_>, Vec<_>) = due.into_iter().partition(|(_, line)| line.said().unwrap().order == "a".into());
    assert_eq!(news.len(), 2);
    let mut void = |news: &[(u64, ReportedLine)], millis: u64| -> Vec<String> {
        let (void, _) = follow.overtaken(&parted, true, news, Mono::from_millis(millis));
        void.iter().map(|line| line.said().unwrap().id.to_string()).collect()
    };
    assert_eq!((void(&[], 400), void(&news, 500), void(&news, 600)), (vec![], vec!["a".to_owned()], vec![]));
    assert_eq!((void(&[], 1_000), void(&[], 2_000)), (vec!["b".to_owned()], vec![]));
}

#[test]
fn entries_before_the_first_run_are_history_however_late_they_are_learned() {
    let dir = tempfile::tempdir().unwrap();
    let link = crate::domain::LinkId::from("paper/one");
    let again = || Follow::resuming(WatchLog::open(dir.path(), &link).0);
    let (mut blotter, mut follow) = (Blotter::default(), again());
    let done = |order: &str, cum: u32| {
        let mut done = update(order, cum, 0, "").order;
        (done.status, done.submitted_at) = (crate::domain::OrderStatus::Filled, "2026-01-02T14:59:00Z".parse().ok());
        done
    };
    blotter.apply_snapshot(&[done("old", 30), update("open", 20, 0, "").order, done("newest", 50)], &[]);
    drop(follow.due(1, &blotter, true, Began::NOW));
    let mut late = |order: &str, cum: u32, qty: u32, id: &str| {
        let mut update = update(order, cum, qty, id);
        update.executions[0].source = Source::Reconcile;
        if order != "open" {
            update.order.status = crate::domain::OrderStatus::Filled;
        }
        blotter.apply_replayed(&[update]);
        // The next run agrees.
        follow = Follow::default();
        follow = again();
        let due = follow.due(1, &blotter, true, Began::NOW);
        for (_, line) in &due {
            note(&mut follow, line);
        }
        due.len()
    };
    // Rows of another page, of done and working orders.
    assert_eq!(late("old", 30, 30, "e1"), 0);
    assert_eq!(late("open", 20, 20, "e2"), 0);
    // An execution that the snapshot lacked, of an order then working, dated before the newest.
    assert_eq!(late("open", 35, 15, "e3"), 1);
    assert_eq!(late("other", 55, 55, "e4"), 1, "later than everything known");
    // Entries from the stream are never too old.
    let mut log = update("early", 5, 5, "e5");
    log.order.status = crate::domain::OrderStatus::Filled;
    blotter.apply_update(&log);
    assert_eq!(follow.due(1, &blotter, true, Began::NOW).len(), 1);
}

#[test]
fn after_a_reset_the_first_snapshot_is_history_again() {
    let (mut blotter, mut follow) = (Blotter::default(), Follow::default());
    drop(follow.due(1, &blotter, true, Began::NOW));
    blotter.apply_update(&update("o", 10, 10, "e1"));
    assert_eq!(printed(&mut follow, &blotter), ["e1"]);
    blotter.reset();
    assert!(follow.due(1, &blotter, false, Began::NOW).is_empty());
    blotter.apply_snapshot(&[update("p", 5, 0, "").order], &[]);
    assert!(follow.due(1, &blotter, true, Began::NOW).is_empty(), "the new account's earlier orders are not news");
    blotter.apply_update(&update("q", 5, 5, "e3"));
    assert_eq!(printed(&mut follow, &blotter), ["e3"]);
}

#[test]
fn an_execution_waits_for_its_order_and_a_restored_blotter_repeats_nothing() {
    let (mut blotter, mut follow) = (Blotter::default(), Follow::default());
    drop(follow.due(1, &blotter, true, Began::NOW));
    let known = update("o", 10, 10, "e1");
    let mut early = known.executions[0].clone();
    early.source = crate::domain::Source::Journal;
    let line = TapeEntry {
        number: 0,
        at: early.at,
        event: known.event.clone(),
        order_id: early.order_id.clone(),
        execution: Some(early.id.clone()),
        source: crate::domain::Source::Journal,
        withdrawn: false,
    };
    blotter.restore(Vec::new(), vec![early.clone()], vec![line.clone()], None);
    assert!(printed(&mut follow, &blotter).is_empty(), "the order is unknown");
    assert_eq!(blotter.unsettled().collect::<Vec<_>>(), [&early.order_id], "it will be fetched");
    blotter.apply_snapshot(std::slice::from_ref(&known.order), &[]);
    assert_eq!(printed(&mut follow, &blotter), ["e1"]);
    assert_eq!(blotter.unsettled().count(), 0);
    // Taken over from another instance: the same tape, restored into another blotter.
    let mut again = Blotter::default();
    again.restore(vec![known.order], vec![early], vec![line], None);
    assert!(follow.due(2, &again, true, Began::NOW).is_empty());
    again.apply_update(&update("o", 15, 5, "e2"));
    let due = follow.due(2, &again, true, Began::NOW);
    assert_eq!(due.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1]);
}

#[test]
fn lines_of_an_earlier_run_are_not_repeated_and_missed_ones_are_printed() {
    let dir = tempfile::tempdir().unwrap();
    let link = crate::domain::LinkId::from("paper/one");
    let mut blotter = Blotter::default();
    let mut follow = Follow::resuming(WatchLog::open(dir.path(), &link).0);
    blotter.apply_update(&update("old", 5, 5, "e0"));
    let due = follow.due(1, &blotter, true, Began::NOW);
    for (_, line) in &due {
        follow.log.going_out(line);
        follow.log.went_out();
    }
    // Kept in memory only: the run is killed before the line is noted.
    blotter.apply_update(&update("o", 10, 10, "e1"));
    assert_eq!(printed(&mut follow, &blotter), ["e1"]);
    drop(follow);
    let mut follow = Follow::resuming(WatchLog::open(dir.path(), &link).0);
    assert!(printed(&mut follow, &Blotter::default()).is_empty());
    assert_eq!(printed(&mut follow, &blotter), ["e1"], "again, because it was not noted as reported");
}
