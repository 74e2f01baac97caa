//! Decides which lines of a tape to print: each once over any number of runs, an unexplained quantity only when its
//! execution is known, and nothing for an unknown order. A line that turns out to be wrong is followed by a void line.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::blotter::{Blotter, TapeEntry};
use crate::domain::execution::ExecutionKind;
use crate::domain::{Mono, OrderId, Source, TradeEvent};
use crate::io::told::{Line, Told};

/// Lines that turn up later and are this much older than the beginning are history; lists lag by less.
const OVERLAP: Duration = Duration::from_mins(15);
/// How often to check whether reported lines still hold.
const LOOK: Duration = Duration::from_secs(1);

/// How far an account's tape has been printed.
#[derive(Debug, Default)]
pub(super) struct Follow {
    /// What was printed in this run and earlier ones.
    pub(super) told: Told,
    /// The blotter that was read ([`crate::accounts::AccountState::book`]), and how often it was reset.
    book: Option<(u32, u32)>,
    /// The number of the first unread line.
    next: u64,
    /// Lines that cannot be printed yet, and whether each has an execution.
    waiting: BTreeMap<u64, bool>,
    /// When reported lines were last checked.
    looked: Mono,
}

impl Follow {
    /// Continues from what an earlier run reported.
    pub(super) fn resuming(told: Told) -> Self {
        Self { told, ..Self::default() }
    }

    /// The lines to print now. `live` means that the account's data is complete: what is known then is history, except
    /// what happened after the watch `began`, by the broker's clock.
    pub(super) fn due(&mut self, book: u32, blotter: &Blotter, live: bool, began: Timestamp) -> Vec<(u64, Line)> {
        self.turn_to(book, blotter);
        let mut due = Vec::new();
        let waiting = std::mem::take(&mut self.waiting);
        for (number, shows) in waiting {
            match blotter.tape_entry(number) {
                Some(entry) if shows == entry.execution.is_some() => self.consider(blotter, entry, &mut due),
                // It turned out to be void.
                _ => {}
            }
        }
        let fresh = blotter.tape().partition_point(|entry| entry.number < self.next);
        for entry in blotter.tape().iter().skip(fresh) {
            self.next = entry.number + 1;
            // What the lists bring before the first data is complete is checked with it.
            if self.told.has_begun() || entry.source == Source::Stream {
                self.consider(blotter, entry, &mut due);
            }
        }
        if live && !self.told.has_begun() {
            let missed = |entry: &&TapeEntry| entry.source != Source::Stream && entry.at.is_some_and(|at| at >= began);
            for entry in blotter.tape().iter().filter(missed) {
                self.consider(blotter, entry, &mut due);
            }
            self.begin(blotter, &due);
        }
        due
    }

    fn turn_to(&mut self, book: u32, blotter: &Blotter) {
        let turned = (book, blotter.generation());
        let before = self.book.replace(turned).unwrap_or(turned);
        if before == turned {
            return;
        }
        self.waiting.clear();
        if before.0 == book {
            // Reset: what the new account did before is history.
            self.told.forget();
        } else {
            // Loaded from the journal, with other numbers.
            self.next = 0;
        }
    }

    /// Sorts a line: print it now, keep it until more is known, or drop it.
    fn consider(&mut self, blotter: &Blotter, entry: &TapeEntry, due: &mut Vec<(u64, Line)>) {
        let executes = matches!(
            entry.event,
            TradeEvent::PartialFill | TradeEvent::Fill | TradeEvent::TradeBust | TradeEvent::TradeCorrect
        );
        let late = entry.source != Source::Stream;
        let line = Line::of(entry, blotter);
        if (late && executes && entry.execution.is_none()) || self.told.is_told(&line, blotter) {
            return;
        }
        if late && self.is_history(entry, blotter) {
            return;
        }
        let row = entry.execution.as_ref().and_then(|id| blotter.execution(id));
        let unexplained = row.is_some_and(|row| row.kind == ExecutionKind::Unexplained);
        if unexplained || blotter.order(&entry.order_id).is_none() {
            self.waiting.insert(entry.number, entry.execution.is_some());
            return;
        }
        let line = Line::telling(entry, blotter);
        self.told.remember(line.clone());
        due.push((entry.number, line));
    }

    /// Reported lines that no longer hold, and the lines that replace them.
    pub(super) fn overtaken(&mut self, blotter: &Blotter, now: Mono) -> (Vec<Line>, Vec<(u64, Line)>) {
        let mut due = Vec::new();
        if now.since(self.looked) < LOOK {
            return (Vec::new(), due);
        }
        self.looked = now;
        let void = self.told.overtaken(blotter);
        let orders: HashSet<&OrderId> = void.iter().filter_map(|line| Some(&line.said()?.order)).collect();
        let next = self.next;
        let shows = |entry: &&TapeEntry| entry.number < next && entry.execution.is_some();
        for entry in blotter.tape().iter().filter(shows).filter(|entry| orders.contains(&entry.order_id)) {
            self.consider(blotter, entry, &mut due);
        }
        (void, due)
    }

    fn is_history(&self, entry: &TapeEntry, blotter: &Blotter) -> bool {
        let Some((since, at)) = self.told.since().zip(entry.at) else { return false };
        // The first data included later lines; another instance's journal may still have them.
        let passed = || blotter.order(&entry.order_id).is_some_and(|order| order.updated_at > Some(at));
        let event = entry.execution.is_none();
        since.checked_sub(OVERLAP).is_ok_and(|begun| at < begun) || (event && at < since && passed())
    }

    /// The first data is complete: all of it is history, except lines printed now or later.
    fn begin(&mut self, blotter: &Blotter, due: &[(u64, Line)]) {
        let shown = blotter.tape().iter().filter(|entry| {
            !self.waiting.contains_key(&entry.number) && !due.iter().any(|(number, _)| *number == entry.number)
        });
        let history: Vec<Line> = shown.map(|entry| Line::of(entry, blotter)).collect();
        if let Err(error) = self.told.begin(blotter.last_change_at(), history.into_iter()) {
            tracing::warn!("the next run will not know what this one reported: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::alpaca::wire;
    use crate::domain::TradeUpdate;

    /// An update with this executed quantity, from a report of this size; no execution if the size is zero.
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
        let due = follow.due(1, blotter, true, Timestamp::MAX);
        let entries = due.iter().map(|(number, _)| blotter.tape_entry(*number).unwrap());
        entries.filter_map(|entry| entry.execution.as_ref().map(ToString::to_string)).collect()
    }

    #[test]
    fn a_quantity_nobody_explained_is_printed_when_its_execution_is_known_and_once() {
        let (mut blotter, mut follow) = (Blotter::default(), Follow::default());
        drop(follow.due(1, &blotter, true, Timestamp::MAX));
        // A REST state with ten more executed than was reported.
        let order = update("o", 10, 0, "").order;
        blotter.apply_snapshot(&[order], &[]);
        assert_eq!(blotter.tape().len(), 1, "the screen shows it");
        assert!(printed(&mut follow, &blotter).is_empty(), "a script is not told a guess");
        blotter.apply_update(&update("o", 10, 10, "e1"));
        assert_eq!(printed(&mut follow, &blotter), ["e1"]);
        blotter.apply_update(&update("o", 10, 10, "e1"));
        assert!(printed(&mut follow, &blotter).is_empty());
        blotter.apply_update(&update("o", 15, 5, "e2"));
        assert_eq!(printed(&mut follow, &blotter), ["e2"]);
    }

    #[test]
    fn what_happened_since_the_watch_began_is_told_though_a_list_brings_it_with_the_first_picture() {
        let (mut blotter, mut follow) = (Blotter::default(), Follow::default());
        let mut late = |order: &str, cum: u32, id: &str| {
            let mut update = update(order, cum, cum, id);
            update.executions[0].source = Source::Reconcile;
            blotter.apply_update(&update);
        };
        late("before", 5, "e1");
        late("since", 20, "e2");
        let began: Timestamp = "2026-01-02T15:00:10Z".parse().unwrap();
        assert!(follow.due(1, &blotter, false, began).is_empty(), "what the lists bring waits for the whole picture");
        let due = follow.due(1, &blotter, true, began);
        let told: Vec<_> =
            due.iter().filter_map(|(number, _)| blotter.tape_entry(*number)?.execution.clone()).collect();
        assert_eq!(told, ["e2".into()]);
        assert!(follow.due(1, &blotter, true, began).is_empty());
    }

    #[test]
    fn what_an_order_went_through_before_the_beginning_is_no_news_when_a_journal_tells_of_it() {
        let (mut blotter, mut follow) = (Blotter::default(), Follow::default());
        blotter.apply_snapshot(&[update("done", 40, 0, "").order, update("open", 20, 0, "").order], &[]);
        drop(follow.due(1, &blotter, true, Timestamp::MAX));
        let mut told = |order: &str, second: u32, event: TradeEvent| {
            let mut late = update(order, second, 0, "");
            late.event = event;
            blotter.apply_replayed(&late);
            follow.due(1, &blotter, true, Timestamp::MAX).len()
        };
        assert_eq!(told("done", 30, TradeEvent::New), 0, "it went on since");
        assert_eq!(told("open", 35, TradeEvent::Canceled), 1, "the first picture did not know");
        assert_eq!(told("done", 50, TradeEvent::Canceled), 1);
    }

    /// What a reader of the lines adds up: fills and corrections less busts, without void lines.
    #[derive(Default)]
    struct Sum(std::collections::BTreeMap<String, (TradeEvent, Option<String>, crate::domain::Qty)>);

    impl Sum {
        fn read(&mut self, follow: &mut Follow, blotter: &Blotter, second: u64) -> crate::domain::Qty {
            let mut due = follow.due(1, blotter, true, Timestamp::MAX);
            let (void, instead) = follow.overtaken(blotter, Mono::from_millis(second * 1_000));
            for line in &void {
                assert!(self.0.remove(line.said().unwrap().id.as_str()).is_some(), "it was told");
            }
            due.extend(instead);
            for (number, _) in due {
                let entry = blotter.tape_entry(number).unwrap();
                let Some(row) = entry.execution.as_ref().and_then(|id| blotter.execution(id)) else { continue };
                let of = match &row.kind {
                    ExecutionKind::Correction { of } => of.as_ref(),
                    _ => None,
                };
                let of = of.map(|of| follow.told.name_of(of, blotter).to_string());
                let told = self.0.insert(row.id.to_string(), (entry.event.clone(), of, row.qty));
                assert!(told.is_none(), "{} is told again", row.id);
            }
            let corrected: Vec<_> = self.0.values().filter_map(|(_, of, _)| of.clone()).collect();
            let counts = self.0.iter().filter(|(id, _)| !corrected.contains(id)).map(|(_, line)| line);
            counts.fold(crate::domain::Qty::ZERO, |sum, (event, _, qty)| {
                let taken = *event == TradeEvent::TradeBust;
                if taken { sum.checked_sub(qty.abs()) } else { sum.checked_add(*qty) }.unwrap()
            })
        }
    }

    #[test]
    fn an_undoing_that_was_none_is_told_as_void_so_that_the_lines_add_up() {
        let (mut blotter, mut follow, mut sum) = (Blotter::default(), Follow::default(), Sum::default());
        drop(follow.due(1, &blotter, true, Timestamp::MAX));
        blotter.apply_update(&update("o", 35, 35, "e1"));
        assert_eq!(sum.read(&mut follow, &blotter, 2), crate::domain::Qty::whole(35));
        // The lists state two less; only later a correction is reported.
        let mut less = update("o", 33, 0, "").order;
        less.updated_at = "2026-01-02T15:00:50Z".parse().ok();
        blotter.apply_snapshot(std::slice::from_ref(&less), &[]);
        blotter.apply_snapshot(std::slice::from_ref(&less), &[]);
        assert_eq!(sum.read(&mut follow, &blotter, 4), crate::domain::Qty::whole(33));
        assert!(sum.0.values().any(|(event, ..)| *event == TradeEvent::TradeBust), "{:?}", sum.0);
        let mut correction = update("o", 33, 33, "c1");
        correction.event = TradeEvent::TradeCorrect;
        correction.executions[0].kind = ExecutionKind::Correction { of: Some("e1".into()) };
        correction.order = less.clone();
        blotter.apply_update(&correction);
        // The lists state the same as before: nothing was busted besides the correction.
        blotter.apply_snapshot(&[less], &[]);
        assert_eq!(sum.read(&mut follow, &blotter, 6), crate::domain::Qty::whole(33));
        assert!(sum.0.values().all(|(event, ..)| *event != TradeEvent::TradeBust), "{:?}", sum.0);
        assert_eq!(sum.read(&mut follow, &blotter, 8), crate::domain::Qty::whole(33), "said once");
    }

    #[test]
    fn what_does_not_hold_any_more_is_void_in_the_next_run_too_and_what_is_forgotten_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let link = crate::domain::LinkId::from("paper/one");
        let mut blotter = Blotter::default();
        let mut follow = Follow::resuming(Told::open(dir.path(), &link).0);
        drop(follow.due(1, &blotter, true, Timestamp::MAX));
        let mut row = update("o", 20, 20, "row/1");
        row.executions[0].source = Source::Reconcile;
        blotter.apply_update(&row);
        for (_, line) in follow.due(1, &blotter, true, Timestamp::MAX) {
            follow.told.going_out(&line).unwrap();
            follow.told.went_out().unwrap();
        }
        drop(follow);
        let again = || Follow::resuming(Told::open(dir.path(), &link).0);
        let second = Mono::from_millis(2_000);
        assert!(again().overtaken(&Blotter::default(), second).0.is_empty(), "nothing is known yet");
        let mut other = Blotter::default();
        other.apply_update(&update("o", 20, 20, "e1"));
        assert!(again().overtaken(&other, second).0.is_empty(), "the same under the broker's id");
        assert_eq!(again().told.name_of(&"e1".into(), &other).as_str(), "row/1");
        let mut parted = Blotter::default();
        parted.apply_update(&update("o", 10, 10, "e1"));
        parted.apply_update(&update("o", 20, 10, "e2"));
        let mut follow = again();
        let due = follow.due(1, &parted, true, Timestamp::MAX);
        let (void, _) = follow.overtaken(&parted, second);
        assert_eq!(due.len(), 2);
        assert_eq!(void.iter().map(|line| line.said().unwrap().id.as_str()).collect::<Vec<_>>(), ["row/1"]);
        for line in &void {
            follow.told.going_out(line).unwrap();
            follow.told.went_out().unwrap();
        }
        drop(follow);
        let mut follow = again();
        assert!(follow.overtaken(&parted, second).0.is_empty(), "told as void once");
    }

    #[test]
    fn after_a_reset_the_first_picture_is_history_again() {
        let (mut blotter, mut follow) = (Blotter::default(), Follow::default());
        drop(follow.due(1, &blotter, true, Timestamp::MAX));
        blotter.apply_update(&update("o", 10, 10, "e1"));
        assert_eq!(printed(&mut follow, &blotter), ["e1"]);
        blotter.reset();
        assert!(follow.due(1, &blotter, false, Timestamp::MAX).is_empty());
        blotter.apply_snapshot(&[update("p", 5, 0, "").order], &[]);
        assert!(follow.due(1, &blotter, true, Timestamp::MAX).is_empty(), "what the new account did before is no news");
        blotter.apply_update(&update("q", 5, 5, "e3"));
        assert_eq!(printed(&mut follow, &blotter), ["e3"]);
        // The stream told of the new account before it was known to be one.
        blotter.reset();
        let named = update("q", 5, 5, "").order;
        blotter.apply_snapshot(std::slice::from_ref(&named), &[]);
        assert!(blotter.execution(&"e3".into()).is_some());
        let began = "1970-01-01T00:00:00Z".parse().unwrap();
        assert!(follow.due(1, &blotter, true, began).is_empty(), "told once");
    }

    #[test]
    fn an_execution_waits_for_its_order_and_a_blotter_read_back_tells_nothing_twice() {
        let (mut blotter, mut follow) = (Blotter::default(), Follow::default());
        drop(follow.due(1, &blotter, true, Timestamp::MAX));
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
        assert!(printed(&mut follow, &blotter).is_empty(), "nobody knows the order");
        assert_eq!(blotter.unsettled().collect::<Vec<_>>(), [&early.order_id], "it is asked for");
        blotter.apply_snapshot(std::slice::from_ref(&known.order), &[]);
        assert_eq!(printed(&mut follow, &blotter), ["e1"]);
        assert_eq!(blotter.unsettled().count(), 0);
        // Taken over from another instance: the same tape, loaded as a new blotter.
        let mut again = Blotter::default();
        again.restore(vec![known.order], vec![early], vec![line], None);
        assert!(follow.due(2, &again, true, Timestamp::MAX).is_empty());
        again.apply_update(&update("o", 15, 5, "e2"));
        let due = follow.due(2, &again, true, Timestamp::MAX);
        assert_eq!(due.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn what_an_earlier_run_told_is_not_told_again_and_what_it_missed_is() {
        let dir = tempfile::tempdir().unwrap();
        let link = crate::domain::LinkId::from("paper/one");
        let mut blotter = Blotter::default();
        let mut follow = Follow::resuming(Told::open(dir.path(), &link).0);
        blotter.apply_update(&update("old", 5, 5, "e0"));
        let due = follow.due(1, &blotter, true, Timestamp::MAX);
        for (_, line) in &due {
            follow.told.going_out(line).unwrap();
            follow.told.went_out().unwrap();
        }
        // Noted in memory, then the run is killed before it is printed.
        blotter.apply_update(&update("o", 10, 10, "e1"));
        assert_eq!(printed(&mut follow, &blotter), ["e1"]);
        drop(follow);
        let mut follow = Follow::resuming(Told::open(dir.path(), &link).0);
        assert!(printed(&mut follow, &Blotter::default()).is_empty());
        assert_eq!(printed(&mut follow, &blotter), ["e1"], "once more, for it was not noted as told");
    }
}
